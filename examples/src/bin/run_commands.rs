//! Runs the commands that come on standard input: four at a time, each for two seconds at most.
//!
//! Standard input, child processes and signals would each block a thread. Here every command has a
//! coroutine that just waits.
//!
//! ```text
//! $ printf 'echo one\nsleep 60\nfalse\n' | cargo run -p may-examples --bin run_commands
//! echo one: exit status: 0, one
//! false: exit status: 1,
//! sleep 60: ended after 2s
//! ```

use std::{
    io::{self, Read, Write},
    sync::Arc,
    time::Duration,
};

use may::{
    coroutine::TaskGroup,
    io::{stdin, stdout},
    process::{Child, Command, Stdio},
    select,
    signal::{Signal, Signals},
    sync::Semaphore,
    time::timeout,
};

const AT_ONCE: usize = 4;
const LIMIT: Duration = Duration::from_secs(2);

#[may::main]
fn main() -> io::Result<()> {
    let interrupts = Signals::new([Signal::SIGINT])?;
    let mut running = TaskGroup::new();
    select! {
        result = run(start_all(&mut running)) => result?,
        _ = recv(interrupts) => running.cancel(),
    }
    // A panic has been reported, and ends only its own command.
    drop(running.join_all());
    Ok(())
}

/// Starts each command when there is room for it.
fn start_all(running: &mut TaskGroup<()>) -> io::Result<()> {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    for command in stdin().lines() {
        let (command, permit) = (command?, Arc::clone(&room).acquire_owned());
        running.spawn(move || {
            let outcome = match timeout(LIMIT, || run_one(&command)) {
                Ok(outcome) => outcome.unwrap_or_else(|error| format!("cannot be run: {error}")),
                Err(_) => format!("ended after {LIMIT:?}"),
            };
            let _ = writeln!(stdout(), "{command}: {outcome}");
            drop(permit);
        });
    }
    Ok(())
}

/// Runs a command to its end, and returns how it ended and what it printed.
fn run_one(command: &str) -> io::Result<String> {
    let mut words = command.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or_default());
    command
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut program = Program(command.spawn()?);
    let mut text = String::new();
    program
        .0
        .stdout
        .take()
        .expect("it is a pipe")
        .read_to_string(&mut text)?;
    Ok(format!("{}, {}", program.0.wait()?, text.trim_end()))
}

/// A program that does not outlive its coroutine, which may be cancelled.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // One that has ended is not there to be killed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
