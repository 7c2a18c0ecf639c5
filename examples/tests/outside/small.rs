//! The programs that print something and end.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
};

use crate::support::printed;

/// The part of a program's documentation that shows what it prints.
fn shown(source: &str) -> String {
    let lines = source.lines().skip_while(|line| !line.contains("$ cargo"));
    let lines = lines.skip(1).take_while(|line| !line.contains("```"));
    let text = lines.map(|line| line.trim_start_matches("//!").trim());
    text.map(|line| format!("{line}\n")).collect()
}

/// Checks that each program prints what its documentation shows.
macro_rules! print_what_they_show {
    ($($program:ident)*) => { $(
        #[test]
        fn $program() {
            let path = env!(concat!("CARGO_BIN_EXE_", stringify!($program)));
            let source = include_str!(concat!("../../src/bin/", stringify!($program), ".rs"));
            assert_eq!(printed(path, &[]), shown(source));
        }
    )* };
}

print_what_they_show! {
    attributes
    general_io
    generator
    pipeline
    producer_consumer
    scoped
    select
    single_thread
}

/// Leaves only the text around the times and rates, which are different in every run.
fn without_numbers(text: &str) -> String {
    let is_number = |word: &str| word.starts_with(|first: char| first.is_ascii_digit());
    let words = text.split_whitespace().filter(|word| !is_number(word));
    words.collect::<Vec<_>>().join(" ")
}

/// Checks that each program prints what its documentation shows, but for the numbers.
macro_rules! print_numbers {
    ($($program:ident: $expected:literal)*) => { $(
        #[test]
        fn $program() {
            let path = env!(concat!("CARGO_BIN_EXE_", stringify!($program)));
            let source = include_str!(concat!("../../src/bin/", stringify!($program), ".rs"));
            let text = printed(path, &[]);
            assert_eq!(without_numbers(&text), without_numbers(&shown(source)));
            assert!(text.contains($expected), "{text}");
        }
    )* };
}

print_numbers! {
    pool_blocking: "jobs on the pool:"
    quick_sort: "5000000 numbers were sorted"
    sleep: "sorted by sleeping: 1 2 3 5 8 13 21 34\n"
    spawn: "their results add up to 4999950000\n"
}

#[test]
fn run_commands_says_how_each_has_ended() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_run_commands"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut commands = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || lines.next().unwrap().unwrap();

    // Each is run when it comes, also while another one runs and the input is still open.
    commands.write_all(b"sleep 1000\necho one\n").unwrap();
    assert_eq!(next(), "echo one: exit status: 0, \"one\\n\"");
    commands.write_all(b"false\n").unwrap();
    assert_eq!(next(), "false: exit status: 1, \"\"");
    commands.write_all(b"/no/such/program\n").unwrap();
    assert!(next().starts_with("/no/such/program: cannot run: "));
    drop(commands);
    assert_eq!(next(), "sleep 1000: ended after 2s");
    assert!(lines.next().is_none());
    assert!(child.wait().unwrap().success());
}
