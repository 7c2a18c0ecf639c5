//! The programs that differ from std only in their imports, and what they must do over either.
//!
//! `over_may.rs` and `over_std.rs` both include this file, and with it the programs as they stand.
//! What `may` means here and in them is up to the crate that includes it.

use std::{
    io::{BufRead, BufReader, Write},
    sync::Arc,
    time::Duration,
};

use may::{
    channel::RecvTimeoutError,
    net::{Shutdown, TcpListener, TcpStream},
};

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
#[path = "../../src/bin/parallel_sum.rs"]
mod parallel_sum;
#[allow(
    dead_code,
    unreachable_pub,
    reason = "a program, here without its `main`"
)]
#[path = "../../src/bin/producer_consumer.rs"]
mod producer_consumer;

#[test]
fn a_sum_in_parts_is_the_sum() {
    let numbers: Vec<u64> = (0..10_000).collect();
    for parts in [1, 2, 7, 100, 20_000] {
        assert_eq!(
            parallel_sum::parallel_sum(&numbers, parts),
            numbers.iter().sum::<u64>()
        );
    }
    assert_eq!(parallel_sum::parallel_sum(&[], 3), 0);
}

#[test]
fn the_consumer_takes_what_the_producers_make() {
    let (made, (count, sum)) = producer_consumer::produce_and_consume(5, 1000);
    assert_eq!(made.len(), 5);
    assert_eq!(count, 5000);
    assert_eq!(sum, made.iter().sum::<u64>());
    assert_eq!(sum, (0..5000).sum::<u64>());
}

#[test]
fn guests_hear_each_other_until_the_room_closes() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let (room, gone) = chat::Room::open();
    may::coroutine::spawn({
        let room = Arc::clone(&room);
        move || chat::serve(&listener, &room)
    });

    let mut ada = Guest::enter(addr, "Ada", 0);
    let mut grace = Guest::enter(addr, "Grace", 1);
    assert_eq!(ada.hear(), "* Grace is here");

    grace.say("hello");
    assert_eq!(ada.hear(), "Grace: hello");
    ada.say("hello, Grace");
    assert_eq!(grace.hear(), "Ada: hello, Grace");

    grace.stream.shutdown(Shutdown::Both).unwrap();
    assert_eq!(ada.hear(), "* Grace has left");

    room.close();
    assert_eq!(ada.hear(), "* the server stops");
    assert_eq!(ada.hear(), "");
    let everybody = gone.recv_timeout(Duration::from_secs(10));
    assert_eq!(everybody, Err(RecvTimeoutError::Disconnected));
}

/// A client of the chat server.
struct Guest {
    /// The connection, to write to.
    stream: TcpStream,
    /// The connection, to read from.
    reader: BufReader<TcpStream>,
}

impl Guest {
    /// Connects, gives a name, and checks how many others the server says there are.
    fn enter(addr: std::net::SocketAddr, name: &str, others: usize) -> Guest {
        let stream = TcpStream::connect(addr).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        let reader = BufReader::new(stream.try_clone().unwrap());
        let mut guest = Guest { stream, reader };
        assert_eq!(guest.hear(), "your name?");
        guest.say(name);
        assert!(
            guest
                .hear()
                .starts_with(&format!("* you are in a room with {others} other"))
        );
        guest
    }

    /// Sends a line.
    fn say(&mut self, line: &str) {
        self.stream
            .write_all(format!("{line}\n").as_bytes())
            .unwrap();
    }

    /// Waits for a line; an empty one means that the server has hung up.
    fn hear(&mut self) -> String {
        let mut line = String::new();
        self.reader.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}
