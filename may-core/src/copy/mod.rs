//! From stream to stream, both ways at once.
//!
//! (One way is `std::io::copy`, which needs no more than a buffer of 8 KiB on the stack.)

use std::io;
use std::panic::resume_unwind;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::io::Duplex;
use crate::spawn::{Builder, Placement, scope};

/// The buffer of each direction.
const BUFFER_BYTES: usize = 16 * 1024;

/// Copies from `a` to `b` and from `b` to `a` at once, until both directions have ended; returns
/// how many bytes went each way. This is what a proxy does.
///
/// When one side has ended its direction, the other side is told so, and may go on sending in the
/// other direction. Each direction has a buffer of 16 KiB, and is copied by a coroutine of its own:
/// this one and another, which ends with it.
///
/// A read timeout of the streams limits for how long a connection may be idle: it is an error if
/// nothing comes for that long, in either direction. While one direction is busy, the other may
/// rest. A write timeout limits for how long a side may take nothing that is there for it.
///
/// # Errors
///
/// The first error in either direction. Both streams have been shut down then, which ends the other
/// direction.
///
/// # Cancellation
///
/// A cancelled coroutine unwinds while it waits, and so does the other direction. What has been
/// read and not yet written is lost.
///
/// # Examples
///
/// A proxy:
///
/// ```no_run
/// use may::io::copy_bidirectional;
/// use may::net::{TcpListener, TcpStream};
/// use may::coroutine;
///
/// let listener = TcpListener::bind("127.0.0.1:8080")?;
/// for client in listener.incoming() {
///     let client = client?;
///     coroutine::spawn(move || {
///         let server = TcpStream::connect("server.example:80")?;
///         copy_bidirectional(&client, &server)
///     });
/// }
/// # std::io::Result::Ok(())
/// ```
pub fn copy_bidirectional<A, B>(a: &A, b: &B) -> io::Result<(u64, u64)>
where
    A: Duplex + Sync,
    B: Duplex + Sync,
{
    let first_error = OnceLock::new();
    let transfers = AtomicU64::new(0);
    let failed = |error| {
        // The other direction fails because of this one: its error is of no interest.
        let _ = first_error.set(error);
        let _ = a.descriptor().end();
        let _ = b.descriptor().end();
        0
    };
    let bytes = scope(|scope| {
        let back = Builder::new()
            .placement(Placement::Here)
            .spawn_scoped(scope, || copy(b, a, &transfers).unwrap_or_else(failed))?;
        let there = copy(a, b, &transfers).unwrap_or_else(failed);
        let back = back.join().unwrap_or_else(|payload| resume_unwind(payload));
        io::Result::Ok((there, back))
    })?;
    match first_error.into_inner() {
        Some(error) => Err(error),
        None => Ok(bytes),
    }
}

/// Copies until the end of `from`, and tells `to` of it. Counts what both directions have carried
/// in `transfers`.
fn copy(from: &impl Duplex, to: &impl Duplex, transfers: &AtomicU64) -> io::Result<u64> {
    let (from, to) = (from.descriptor(), to.descriptor());
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut bytes = 0;
    loop {
        let before = transfers.load(Ordering::Relaxed);
        let length = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if is_elapsed(&error) && transfers.load(Ordering::Relaxed) != before => {
                continue;
            }
            Err(error) => return Err(error),
        };
        let mut rest = &buffer[..length];
        while !rest.is_empty() {
            match to.write(rest)? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                written => rest = &rest[written..],
            }
        }
        bytes += length as u64;
        transfers.fetch_add(1, Ordering::Relaxed);
    }
    // An error means that the other side has gone.
    let _ = to.end_writing();
    Ok(bytes)
}

/// Whether an error is that of a timeout.
fn is_elapsed(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}
