//! A UDP echo server: several coroutines receive from one socket.
//!
//! It shows that a socket needs no owner: any number of coroutines use it at once through a shared
//! reference, and each datagram goes to one of them. There are no connections, so there is nothing
//! to accept and nothing to close.
//!
//! ```text
//! $ cargo run --release -p may-examples --bin udp_echo
//! listening on 127.0.0.1:8080
//! ^Cstopping
//! ```
//!
//! In another terminal, `cargo run --release -p may-examples --bin udp_echo_client` measures it.

use std::{io, num::NonZeroUsize};

use may::{coroutine, net::UdpSocket, signal};
use may_examples::Arguments;

/// What `--help` prints.
const HELP: &str = "\
UDP echo server: sends every datagram back to where it came from.

Usage: udp_echo [options]

  --addr HOST:PORT  where to receive (default 127.0.0.1:8080, port 0 takes any free one)
  --receivers N     coroutines that receive from the socket (default 8)
  --workers N       threads that run the coroutines (default: one for each CPU)
  --help            show this text";

/// The longest datagram that UDP can carry.
const LONGEST: usize = 65_507;

fn main() -> io::Result<()> {
    let args = Arguments::new(HELP);
    args.configure_runtime();
    let addr = args.address("addr", "127.0.0.1:8080");
    let receivers = args
        .value("receivers", NonZeroUsize::new(8).expect("not zero"))
        .get();

    let socket = UdpSocket::bind(&addr).unwrap_or_else(|error| args.cannot_listen(&addr, &error));
    // Before anybody is told where: from now on ctrl-c ends this in good order.
    let interrupts = signal::Signals::new([signal::Signal::SIGINT])?;
    println!("listening on {}", socket.local_addr()?);

    coroutine::scope(|scope| {
        let receivers: Vec<_> = (0..receivers)
            .map(|_| scope.spawn(|| echo(&socket)))
            .collect();
        interrupts.recv()?;
        println!("stopping");
        for receiver in &receivers {
            receiver.cancel();
        }
        for receiver in receivers {
            let _ = receiver.join();
        }
        Ok(())
    })
}

/// Sends back what comes, for ever.
fn echo(socket: &UdpSocket) {
    let mut buffer = vec![0; LONGEST];
    loop {
        // Errors concern one datagram, such as one that went to a client who has gone. The next
        // one may be all right.
        match socket.recv_from(&mut buffer) {
            Ok((length, from)) => {
                if let Err(error) = socket.send_to(&buffer[..length], from) {
                    eprintln!("udp_echo: to {from}: {error}");
                }
            }
            Err(error) => eprintln!("udp_echo: {error}"),
        }
    }
}
