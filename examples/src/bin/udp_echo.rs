//! A UDP echo server: several coroutines receive from one socket.
//!
//! A socket needs no owner: any number of coroutines use it at once through a shared reference, and
//! each datagram goes to one of them.
//!
//! ```text
//! $ cargo run --release -p may-examples --bin udp_echo
//! listening on 127.0.0.1:8080
//! ```
//!
//! In another terminal, `cargo run --release -p may-examples --bin udp_echo_client` talks to it.

use std::{env, io};

use may::{coroutine, net::UdpSocket};

/// How many coroutines receive.
const RECEIVERS: usize = 8;

/// The longest datagram that UDP can carry.
const LONGEST: usize = 65_507;

fn main() -> io::Result<()> {
    let address = env::args().nth(1);
    let socket = UdpSocket::bind(address.as_deref().unwrap_or("127.0.0.1:8080"))?;
    println!("listening on {}", socket.local_addr()?);
    coroutine::scope(|scope| {
        for _ in 0..RECEIVERS {
            scope.spawn(|| echo(&socket));
        }
    });
    Ok(())
}

/// Sends back what comes.
fn echo(socket: &UdpSocket) {
    let mut buffer = vec![0; LONGEST];
    loop {
        let received = socket.recv_from(&mut buffer);
        let sent = received.and_then(|(length, from)| socket.send_to(&buffer[..length], from));
        // Errors concern one datagram, such as one to a client that has gone.
        if let Err(error) = sent {
            eprintln!("{error}");
        }
    }
}
