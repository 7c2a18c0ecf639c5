//! A client for `udp_echo`: sends numbered datagrams and waits for each to come back.
//!
//! It shows what UDP asks of a program that wants an answer. A datagram may be lost, so waiting has
//! a limit and sending is tried again. It may come late or twice, so answers carry a number.
//!
//! ```text
//! $ cargo run --release -p may-examples --bin udp_echo_client
//! 8000 datagrams came back in 63 ms, 0 were sent again
//! ```

use std::{
    env, io,
    time::{Duration, Instant},
};

use may::{coroutine, net::UdpSocket};

/// How many clients send at the same time, and how many datagrams each of them.
const CLIENTS: usize = 8;
const COUNT: u64 = 1000;

/// How long to wait for an answer, and how often to send a datagram.
const TIMEOUT: Duration = Duration::from_millis(200);
const ATTEMPTS: usize = 5;

fn main() -> io::Result<()> {
    let address = env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:8080");
    let begin = Instant::now();
    let again: usize = coroutine::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| scope.spawn(|| send_all(address)))
            .collect();
        let results = clients
            .into_iter()
            .map(|client| client.join().expect("it does not panic"));
        results.sum::<io::Result<usize>>()
    })?;
    println!(
        "{} datagrams came back in {} ms, {again} were sent again",
        CLIENTS as u64 * COUNT,
        begin.elapsed().as_millis()
    );
    Ok(())
}

/// Sends all datagrams of one client; returns how many it sent again.
fn send_all(address: &str) -> io::Result<usize> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    // From now on only datagrams of the server are received.
    socket.connect(address)?;
    let mut again = 0;
    for number in 0..COUNT {
        let answered = (0..ATTEMPTS).find_map(|attempt| match exchange(&socket, number) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            result => Some(result.map(|()| attempt)),
        });
        again += answered.unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into()))?;
    }
    Ok(again)
}

/// Sends a number and waits for it to come back; fails with `WouldBlock` if that takes too long.
fn exchange(socket: &UdpSocket, number: u64) -> io::Result<()> {
    let (question, deadline) = (number.to_le_bytes(), Instant::now() + TIMEOUT);
    let mut answer = [0; 8];
    socket.send(&question)?;
    loop {
        // A limit of zero is an error.
        let rest = deadline.saturating_duration_since(Instant::now());
        socket.set_read_timeout(Some(rest.max(Duration::from_nanos(1))))?;
        socket.recv(&mut answer)?;
        // Another one answers an earlier attempt, and has come late.
        if answer == question {
            return Ok(());
        }
    }
}
