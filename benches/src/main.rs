//! Measures May against its peers: the published `may` 0.3, tokio, smol, rayon and plain threads.
//!
//! ```text
//! cargo run --release -- --help
//! ```
//!
//! Every measurement runs in a process of its own, so that none inherits a heap, a thread or a warm
//! stack from another; the peers take turns within each round, so that what else the machine does
//! meets all of them; and what counts is the median of the rounds. The same program is all of these
//! processes: the schedule starts itself again with the arguments of one measurement.
//!
//! * `case` says what is measured, `peers` how each peer does it, `peer` what that takes.
//! * `schedule` runs a comparison, `report` prints and stores what came out.
//! * `child` is one measurement, `echo` the two processes of the network cases, `system` what the
//!   kernel tells about them.

mod case;
mod child;
mod echo;
mod options;
mod peer;
mod peers;
mod report;
mod schedule;
mod system;

use std::process::ExitCode;

use options::Command;

fn main() -> ExitCode {
    let command = match options::read(std::env::args_os().skip(1)) {
        Ok(command) => command,
        Err(message) => {
            eprintln!("compare: {message}\nhelp: see compare --help");
            return ExitCode::from(2);
        }
    };
    let result = match command {
        Command::Help => {
            print!("{}", options::help());
            Ok(())
        }
        Command::Compare(options) => schedule::compare(&options),
        Command::Measure(task) => child::measure(&task),
        Command::Serve(task) => echo::serve(&task),
        Command::Load(load) => echo::load(&load),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("compare: {message}");
            ExitCode::FAILURE
        }
    }
}
