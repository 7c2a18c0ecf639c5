//! The placement laboratory: what comes of where coroutines start, one situation after the other.
//!
//! ```text
//! cargo run --release --bin placement                 # everything, twenty processes each
//! cargo run --release --bin placement -- 100 pair     # a hundred processes, names with "pair"
//! ```
//!
//! A coroutine stays with the worker on which it starts, so what counts is decided in the first
//! microseconds of a process, while the code is cold. So each situation runs many times, each time
//! in a process of its own: the same program, started with `one` and the situation's name. Each
//! prints its figure; the table shows the median, and for how many processes the outcome was the
//! wanted one. `by hand` is the same work with each coroutine assigned to a worker by its name, the
//! better of the ways to do that: what is possible on this machine.

mod situations;

use std::process::{Command, ExitCode};

use situations::{Outcome, SITUATIONS, Situation};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["one", name, hand] => {
            let situation = SITUATIONS.iter().find(|situation| situation.name == name);
            let hand = hand.parse().expect("the number of a way to place by hand");
            (situation.expect("a situation").run)(hand).print();
            ExitCode::SUCCESS
        }
        [] => table(20, ""),
        [processes] => table(processes.parse().expect("how many processes"), ""),
        [processes, name] => table(processes.parse().expect("how many processes"), name),
        _ => {
            eprintln!("usage: placement [processes [part of a name]]");
            ExitCode::from(2)
        }
    }
}

/// Runs all situations whose name has `part` in it.
fn table(processes: usize, part: &str) -> ExitCode {
    println!("| situation | wanted | as wanted | figure | by hand | of it |");
    println!("|---|---|---:|---:|---:|---:|");
    for situation in SITUATIONS.iter().filter(|s| s.name.contains(part)) {
        let outcomes = run(situation, 0, processes);
        let figure = median(&outcomes);
        let by_hand = (1..=situation.hands)
            .map(|hand| median(&run(situation, hand, processes.div_ceil(4))))
            .min_by(f64::total_cmp)
            .unwrap_or(f64::NAN);
        let wanted = outcomes.iter().filter(|outcome| outcome.wanted).count();
        println!(
            "| {} | {} | {wanted} of {processes} | {figure:.1} {} | {by_hand:.1} | {:.2} |",
            situation.name,
            situation.wanted,
            situation.unit,
            by_hand / figure,
        );
    }
    ExitCode::SUCCESS
}

fn run(situation: &Situation, hand: usize, processes: usize) -> Vec<Outcome> {
    let program = std::env::current_exe().expect("the path of this program");
    (0..processes)
        .map(|_| {
            let child = Command::new(&program)
                .args(["one", situation.name, &hand.to_string()])
                .env("MAY_WORKERS", situations::WORKERS.to_string())
                .output()
                .expect("this program starts");
            assert!(child.status.success(), "{situation:?}: {child:?}");
            Outcome::parse(&String::from_utf8_lossy(&child.stdout))
        })
        .collect()
}

fn median(outcomes: &[Outcome]) -> f64 {
    let mut figures: Vec<f64> = outcomes.iter().map(|outcome| outcome.figure).collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
