//! The kill matrix: small programs, one for each primitive and each arm of a select, and every way
//! to end one of their coroutines, at every point where that can make a difference. After each kill
//! all others must come to their end, and what the program promises must hold.
//!
//! A program says where its points are ([`At::here`]); the driver adds one for each turn that it
//! gives. All run on one worker, so the points lie between all steps of all coroutines, and come in
//! the same order each time, as far as neither time nor a socket has a say.
//!
//! `MAY_KILL` runs only the programs whose name contains it. What fails says which kill that was.

mod rows;
mod stage;

use rows::Program;
use stage::{Blow, strike};

/// Kills each victim of each program in each way at each point. What fails is printed, and the
/// others are run all the same.
fn kill(programs: Vec<Program>) {
    stage::be_quiet_about_kills();
    let wanted = std::env::var("MAY_KILL").unwrap_or_default();
    let (mut kills, mut failed) = (0, Vec::new());
    for (name, make) in programs {
        if !name.contains(&wanted) {
            continue;
        }
        for blow in [Blow::Cancel, Blow::Panic, Blow::Limit] {
            match strike(name, make, blow) {
                Ok(count) => kills += count,
                Err(what) => failed.push(format!("{name}: {what}")),
            }
        }
    }
    println!("{kills} kills");
    assert!(failed.is_empty(), "these fail: {failed:#?}");
}

#[test]
fn locks() {
    kill(rows::locks::programs());
}

#[test]
fn signals() {
    kill(rows::signals::programs());
}

#[test]
fn channels() {
    kill(rows::channels::programs());
}

#[test]
fn families() {
    kill(rows::families::programs());
}

#[test]
fn arms() {
    kill(rows::arms::programs());
}

#[test]
fn waits_for_time_and_for_the_system() {
    kill(rows::system::programs());
}
