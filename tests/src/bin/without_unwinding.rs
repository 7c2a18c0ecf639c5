//! What is left of cancellation in a program built with `panic = "abort"`: input and output return
//! an error, everything else goes on. Run by ci/abort.sh; with unwinding it does nothing.

use std::io::{self, Read};
use std::time::Duration;

use may::coroutine::{self, Cancelled};
use may::net::{Limits, TcpListener, TcpStream, serve};
use may::sync::CancelToken;

fn is_cancelled<T>(result: &io::Result<T>) -> bool {
    let error = result.as_ref().err().and_then(io::Error::get_ref);
    error.is_some_and(|error| error.is::<Cancelled>())
}

/// A server that waits for a seat ends, and its one handler is told by an error when the grace is
/// over.
fn server_ends() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let shutdown = CancelToken::new();
    let limits = Limits::new()
        .connections(1)
        .grace(Duration::from_millis(5))
        .until(&shutdown);
    let server = coroutine::spawn(move || {
        serve(listener, limits, |(mut stream, _), _| {
            assert!(is_cancelled(&stream.read(&mut [0])));
        })
    });
    let _clients = [TcpStream::connect(address)?, TcpStream::connect(address)?];
    coroutine::sleep(Duration::from_millis(10));
    shutdown.cancel();
    let report = server.join().expect("nothing unwinds")?;
    assert_eq!((report.accepted, report.completed), (1, 1));
    println!("the server has ended");
    Ok(())
}

fn main() -> io::Result<()> {
    if cfg!(panic = "unwind") {
        println!("this program unwinds");
        return Ok(());
    }
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (mut server, _) = listener.accept()?;

    let reader = coroutine::spawn(move || {
        let mut buffer = [0; 16];
        let waiting = server.read(&mut buffer);
        // It stays cancelled, and other waits go on.
        coroutine::sleep(Duration::from_millis(1));
        let again = server.read(&mut buffer);
        is_cancelled(&waiting) && is_cancelled(&again)
    });
    let acceptor = coroutine::spawn(move || is_cancelled(&listener.accept()));
    coroutine::sleep(Duration::from_millis(10));
    reader.cancel();
    acceptor.cancel();
    assert!(reader.join().is_ok_and(|cancelled| cancelled));
    assert!(acceptor.join().is_ok_and(|cancelled| cancelled));
    drop(client);
    println!("cancelled by errors");
    server_ends()
}
