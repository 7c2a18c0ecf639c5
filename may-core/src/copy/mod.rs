//! From stream to stream, both ways at once.
//!
//! (One way is `std::io::copy`, which needs no more than a buffer of 8 KiB on the stack.)

use std::io;
use std::panic::resume_unwind;
use std::sync::OnceLock;

use crate::io::Duplex;
use crate::spawn::{Builder, Placement, scope};

/// The buffer of each direction.
const BUFFER_BYTES: usize = 16 * 1024;

/// Copies from `a` to `b` and from `b` to `a` at once, until both directions have ended; returns how many bytes went each way. This is
/// what a proxy does.
///
/// When one side has ended its direction, the other side is told so, and may go on in the other direction as long as it likes. Each
/// direction has a buffer of 16 KiB, and is copied by a coroutine of its own: this one and another, which ends with it.
///
/// The streams' own timeouts hold: a direction in which nothing comes for that long ends both, by an error.
///
/// # Errors
///
/// The first error in either direction. Both streams have been shut down then, which ends the other direction.
///
/// # Cancellation
///
/// A cancelled coroutine unwinds while it waits, and so does the other direction. What has been read and not yet written is lost.
///
/// # Examples
///
/// A proxy:
///
/// ```no_run
/// use may_core::copy::copy_bidirectional;
/// use may_core::net::{TcpListener, TcpStream};
/// use may_core::spawn;
///
/// let listener = TcpListener::bind("127.0.0.1:8080")?;
/// for client in listener.incoming() {
///     let client = client?;
///     spawn::spawn(move || {
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
    let failed = |error| {
        // The other direction fails because of this one: its error is of no interest.
        let _ = first_error.set(error);
        let _ = a.end();
        let _ = b.end();
        0
    };
    let bytes = scope(|scope| {
        let back = Builder::new()
            .placement(Placement::Here)
            .spawn_scoped(scope, || copy(b, a).unwrap_or_else(failed))?;
        let there = copy(a, b).unwrap_or_else(failed);
        let back = back.join().unwrap_or_else(|payload| resume_unwind(payload));
        io::Result::Ok((there, back))
    })?;
    match first_error.into_inner() {
        Some(error) => Err(error),
        None => Ok(bytes),
    }
}

/// Copies until the end of `from`, and tells `to` of it.
fn copy(from: &impl Duplex, to: &impl Duplex) -> io::Result<u64> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut bytes = 0;
    loop {
        let length = match from.read_bytes(&mut buffer)? {
            0 => break,
            length => length,
        };
        let mut rest = &buffer[..length];
        while !rest.is_empty() {
            match to.write_bytes(rest)? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                written => rest = &rest[written..],
            }
        }
        bytes += length as u64;
    }
    // An error means that there is nobody to be told.
    let _ = to.end_writing();
    Ok(bytes)
}
