//! Child processes in the shape of `std::process`, which block only the coroutine; plain threads
//! may use them, too.
//!
//! A program in which `std::process` is replaced by `may::process` compiles and behaves. Starting a
//! process can take long, and is done on one of the threads of [`blocking`](crate::blocking). Its
//! end is told by a descriptor (Linux 5.3 and later) or by SIGCHLD, which is then received as by
//! [`Signals`](crate::signal::Signals); its pipes are read and written as sockets are.
//!
//! # Cancellation
//!
//! A coroutine that is cancelled, or whose time is up, while it waits for a child leaves the child
//! alone: it runs on, and can be waited for again. A [`Child`] that is dropped runs on, too, as
//! std's does, and stays as a *zombie* when it has ended, until this process ends. Those whose
//! handle went with the call that was cancelled ([`Command::status`], [`Command::output`],
//! [`Child::wait_with_output`]) are waited for when another one is started. To end a child with the
//! coroutine, see the example.
//!
//! # The thread
//!
//! The parent thread of a child is not that of the coroutine, and may end before the child does. So
//! what belongs to one thread does not reach it (a namespace, a scheduling class), and a signal for
//! the parent's death (`PR_SET_PDEATHSIG`) comes too early.
//!
//! # Examples
//!
//! A child that ends with whoever waits for it:
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
//! * [`orphan`]: children whose handles have gone

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
