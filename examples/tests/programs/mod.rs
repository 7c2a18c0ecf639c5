//! The programs that differ from std only in their imports, and what they must do over either.
//!
//! `over_may.rs` and `over_std.rs` both include this file, and with it the programs as they stand.
//! What `may` means here and in them is up to the crate that includes it.

use std::{
    io::{BufRead, BufReader, Write},
    time::Duration,
};

use may::net::{Shutdown, SocketAddr, TcpListener, TcpStream};

#[allow(
    dead_code,
    unreachable_pub,
    reason = "a program, here without its `main`"
)]
#[path = "../../src/bin/chat.rs"]
mod chat;
#[allow(
    dead_code,
    unreachable_pub,
    reason = "a program, here without its `main`"
)]
#[path = "../../src/bin/producer_consumer.rs"]
mod producer_consumer;

#[test]
fn the_consumer_takes_what_the_producers_make() {
    let (made, (count, sum)) = producer_consumer::produce_and_consume(5);
    assert_eq!(made.len(), 5);
    assert_eq!(count, 5000);
    assert_eq!(sum, made.iter().sum::<u64>());
    assert_eq!(sum, (0..5000).sum::<u64>());
}

/// Starts the chat server.
fn chat() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    may::coroutine::spawn(move || chat::serve(&listener));
    addr
}

#[test]
fn guests_hear_each_other() {
    let addr = chat();
    let mut ada = Guest::enter(addr, 0);
    let mut grace = Guest::enter(addr, 1);
    let mut alan = Guest::enter(addr, 2);
    grace.say("hello");
    ada.say("hello, Grace");
    assert_eq!(ada.hear(), "guest 1: hello");
    assert_eq!(grace.hear(), "guest 0: hello, Grace");

    // The others go on when one has left.
    grace.stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(grace.hear(), "");
    ada.say("Grace has left");
    while alan.hear() != "guest 0: Grace has left" {}
}

#[test]
fn a_guest_who_does_not_read_has_to_go() {
    const LINES: usize = 30_000;
    let addr = chat();
    let mut silent = Guest::enter(addr, 0);
    let mut talker = Guest::enter(addr, 1);
    // More than all buffers on the way hold, and the others do not wait for the silent one.
    let line = "x".repeat(900);
    for _ in 0..LINES {
        talker.say(&line);
    }
    let mut heard = 0;
    while !silent.hear().is_empty() {
        heard += 1;
    }
    assert!(heard < LINES, "{heard}");
}

/// A client of the chat server.
struct Guest {
    /// The connection, to write to.
    stream: TcpStream,
    /// The connection, to read from.
    reader: BufReader<TcpStream>,
}

impl Guest {
    /// Connects, and waits for the number that the server gives.
    fn enter(addr: SocketAddr, number: usize) -> Guest {
        let stream = TcpStream::connect(addr).unwrap();
        let limit = Some(Duration::from_secs(10));
        stream.set_read_timeout(limit).unwrap();
        let reader = BufReader::new(stream.try_clone().unwrap());
        let mut guest = Guest { stream, reader };
        assert_eq!(guest.hear(), format!("you are guest {number}"));
        guest
    }

    /// Sends a line.
    fn say(&mut self, line: &str) {
        let line = format!("{line}\n");
        self.stream.write_all(line.as_bytes()).unwrap();
    }

    /// Waits for a line; an empty one means that the server has hung up.
    fn hear(&mut self) -> String {
        let mut line = String::new();
        self.reader.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}
