//! The standard streams in the shape of `std::io`, which block only the coroutine; plain threads
//! may use them, too.
//!
//! They have locks and buffers of their own, apart from those of std's handles to the same streams:
//! what a program writes through both comes out line by line, but in no order between the two, and
//! what one has read ahead the other does not see. The locks belong to coroutines, while std's
//! belong to threads, so that two coroutines of one worker would not exclude each other.
//!
//! A terminal, a pipe and a socket are waited for as any descriptor is ([`CoIo`](crate::io::CoIo)),
//! files are read and written on the threads of [`blocking`](crate::blocking). What a stream leads
//! to is looked at when it is first used. Its mode is not changed, because other processes may
//! share it.
//!
//! * [`input`]: standard input
//! * [`output`]: standard output and standard error
//! * [`stream`]: one of the three descriptors

mod input;
mod output;
mod stream;

pub use input::{Stdin, StdinLock, stdin};
pub use output::{Stderr, StderrLock, Stdout, StdoutLock, stderr, stdout};
