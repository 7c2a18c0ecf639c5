//! Child processes in the shape of `std::process`, which block only the coroutine; plain threads
//! may use them, too.
//!
//! A program in which `std::process` is replaced by `may::process` compiles and does the same.
//! Starting a process can take long, and is done on one of the threads of
//! [`blocking`](crate::blocking). A descriptor announces its end (Linux 5.3 and later), or SIGCHLD,
//! which is then received as by [`Signals`](crate::signal::Signals). Its pipes are read and written
//! as sockets are.
//!
//! # Cancellation
//!
//! If a coroutine is cancelled while it waits for a child, or its time is up, the child runs on,
//! and can be waited for again. A [`Child`] that is dropped runs on, too, as std's does, and stays
//! as a *zombie* when it has ended, until this process ends. A call that owns the handle
//! ([`Command::status`], [`Command::output`], [`Child::wait_with_output`]) drops it when it is
//! cancelled; such children are waited for when the next one is started. To end a child with the
//! coroutine, see the example.
//!
//! # The thread
//!
//! The parent thread of a child is not that of the coroutine, and may end before the child does. So
//! a child does not inherit what belongs to the coroutine's thread (a namespace, a scheduling
//! class), and a signal for the parent's death (`PR_SET_PDEATHSIG`) comes too early.
//!
//! # Examples
//!
//! A child that ends when its owner does:
//!
//! ```
//! use std::time::Duration;
//! use may::{process::{Child, Command}, time::timeout};
//!
//! struct EndsWith(Child);
//!
//! impl Drop for EndsWith {
//!     fn drop(&mut self) {
//!         let _ = self.0.kill();
//!         let _ = self.0.wait();
//!     }
//! }
//!
//! let mut child = EndsWith(Command::new("sleep").arg("1000").spawn()?);
//! assert!(timeout(Duration::from_millis(5), || child.0.wait()).is_err());
//! # std::io::Result::Ok(())
//! ```
//!
//! * [`command`]: the type [`Command`]
//! * [`child`]: the type [`Child`]
//! * [`pipe`]: the ends of a child's standard streams
//! * [`op`]: a child's end as an operation
//! * [`orphan`]: children whose handles were dropped by a cancelled call

mod child;
mod command;
mod op;
mod orphan;
mod pipe;

pub use child::Child;
#[cfg(test)]
pub(crate) use child::told_by_signal;
pub use command::Command;
pub use op::Exited;
pub use pipe::{ChildStderr, ChildStdin, ChildStdout};
pub use std::process::{
    CommandArgs, CommandEnvs, ExitCode, ExitStatus, Output, Stdio, Termination, abort, exit, id,
};
