//! Runs the commands that come on standard input, at the same time, each for two seconds at most.
//!
//! Standard input and child processes would each block a thread. Here every command has a coroutine
//! that just waits.
//!
//! ```text
//! $ printf 'echo one\nsleep 60\nfalse\n' | cargo run -p may-examples --bin run_commands
//! echo one: exit status: 0, "one\n"
//! false: exit status: 1, ""
//! sleep 60: ended after 2s
//! ```

use std::{
    io::{self, Read, Write},
    time::Duration,
};

use may::{
    coroutine,
    io::{stdin, stdout},
    process::{Child, Command, Stdio},
    time::timeout,
};

/// How long a command may run.
const LIMIT: Duration = Duration::from_secs(2);

fn main() -> io::Result<()> {
    coroutine::scope(|scope| {
        for command in stdin().lines() {
            let command = command?;
            scope.spawn(move || {
                let outcome = match timeout(LIMIT, || run(&command)) {
                    Ok(outcome) => outcome.unwrap_or_else(|error| format!("cannot run: {error}")),
                    Err(_) => format!("ended after {LIMIT:?}"),
                };
                writeln!(stdout(), "{command}: {outcome}")
            });
        }
        Ok(())
    })
}

/// Runs a command to its end, and returns how it ended and what it printed.
fn run(command: &str) -> io::Result<String> {
    let mut words = command.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or_default());
    command
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut program = Program(command.spawn()?);
    let mut text = String::new();
    let output = program.0.stdout.as_mut().expect("it is a pipe");
    output.read_to_string(&mut text)?;
    Ok(format!("{}, {text:?}", program.0.wait()?))
}

/// A program that ends with its coroutine, whose time may be up.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // One that has ended is not there to be killed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
