//! A socket of another library: it reads and writes by itself and never waits, so May waits for it.
//!
//! A library for sockets, USB devices or databases often works in this way. It says that it would
//! block, and has a descriptor to wait for.
//!
//! ```text
//! $ cargo run --release -p may-examples --bin general_io
//! the library answered: it is noon
//! ```

use std::{
    io::{self, ErrorKind, Read, Write},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
    thread,
    time::{Duration, Instant},
};

use may::{go, io::wait_readable};

fn main() -> io::Result<()> {
    let (socket, mut service) = UnixStream::pair()?;
    socket.set_nonblocking(true)?;
    // The service, which is a plain thread here.
    thread::spawn(move || {
        service.read_exact(&mut [0])?;
        thread::sleep(Duration::from_millis(10));
        service.write_all(b"it is noon")
    });

    let answer = go!(move || ask(&Library { socket })).join();
    let answer = answer.expect("it does not panic")?;
    println!("the library answered: {answer}");
    Ok(())
}

/// Asks, and waits for the answer. Other coroutines run on this thread meanwhile.
fn ask(library: &Library) -> io::Result<String> {
    let deadline = Instant::now() + Duration::from_secs(10);
    (&library.socket).write_all(b"?")?;
    loop {
        match library.answer() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                wait_readable(library.descriptor(), Some(deadline))?;
            }
            answer => return answer,
        }
    }
}

/// A library that knows nothing of May.
struct Library {
    socket: UnixStream,
}

impl Library {
    /// The answer, or an error that says that it would block.
    fn answer(&self) -> io::Result<String> {
        let mut bytes = [0; 64];
        let length = (&self.socket).read(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes[..length]).into_owned())
    }

    /// The descriptor that becomes readable with the answer.
    fn descriptor(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
