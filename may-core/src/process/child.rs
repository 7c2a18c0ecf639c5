//! A running child process.

use std::fmt;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::process::{self, ExitStatus, Output};
use std::sync::OnceLock;

use super::{ChildStderr, ChildStdin, ChildStdout, Exited, orphan};
use crate::io::Descriptor;
use crate::operation::wait;
use crate::signal::{Signal, Signals};
use crate::spawn::scope;
use crate::sys;

/// A child process, running or ended; the counterpart of [`std::process::Child`].
///
/// Dropping it does not end the child, and does not wait for it; see the [module's
/// documentation](super#cancellation).
///
/// Its end is an arm of `select!`: `wait(child) => child.wait()?`. (The arm leaves the status for
/// [`wait`](Child::wait), which returns at once then.)
///
/// # Examples
///
/// ```
/// use std::io::Write;
/// use may::process::{Command, Stdio};
///
/// let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
/// child.stdin.take().unwrap().write_all(b"through a child")?;
/// let output = child.wait_with_output()?;
/// assert_eq!(output.stdout, b"through a child");
/// # std::io::Result::Ok(())
/// ```
pub struct Child {
    /// The end of its standard input, if it has a pipe.
    pub stdin: Option<ChildStdin>,
    /// The end of its standard output, if it has a pipe.
    pub stdout: Option<ChildStdout>,
    /// The end of its standard error, if it has a pipe.
    pub stderr: Option<ChildStderr>,
    /// None only while it is handed on.
    inner: Option<process::Child>,
    /// What announces its end; chosen when it is first waited for.
    exit: OnceLock<Exit>,
}

/// What announces a child's end.
pub(super) enum Exit {
    /// A descriptor that becomes readable.
    Descriptor(Descriptor<OwnedFd>),
    /// SIGCHLD, which says that some child has ended.
    Signals(Signals),
    /// It has been waited for, and its number may be another process's by now.
    Known,
}

impl Exit {
    /// What there is for the child with this number.
    fn of(id: u32) -> io::Result<Exit> {
        match sys::process::end_descriptor(id) {
            Ok(descriptor) => Ok(Exit::Descriptor(Descriptor::new(descriptor))),
            // It has been waited for already, so no signal will come either.
            Err(error) if sys::process::is_no_child(&error) => Err(error),
            // There are no such descriptors on this system, or none left.
            Err(_) => Exit::by_signal(),
        }
    }

    /// What there is on every system.
    fn by_signal() -> io::Result<Exit> {
        Signals::new([Signal::SIGCHLD]).map(Exit::Signals)
    }
}

impl Child {
    /// Takes a child of std's over.
    pub(super) fn new(mut inner: process::Child) -> Child {
        Child {
            stdin: inner.stdin.take().map(ChildStdin::from),
            stdout: inner.stdout.take().map(ChildStdout::from),
            stderr: inner.stderr.take().map(ChildStderr::from),
            inner: Some(inner),
            exit: OnceLock::new(),
        }
    }

    /// What tells of the child's end.
    pub(super) fn exit(&self) -> io::Result<&Exit> {
        if let Some(exit) = self.exit.get() {
            return Ok(exit);
        }
        let exit = Exit::of(self.id())?;
        Ok(self.exit.get_or_init(|| exit))
    }

    fn inner(&mut self) -> &mut process::Child {
        self.inner.as_mut().expect("it has not been handed over")
    }

    /// Ends the child by force (SIGKILL). It still has to be waited for. One that has been waited
    /// for is not touched.
    ///
    /// # Errors
    ///
    /// `PermissionDenied` if the child runs as another user.
    ///
    /// # Examples
    ///
    /// ```
    /// use may::process::Command;
    ///
    /// let mut child = Command::new("sleep").arg("1000").spawn()?;
    /// child.kill()?;
    /// assert_eq!(child.wait()?.code(), None);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn kill(&mut self) -> io::Result<()> {
        self.inner().kill()
    }

    /// The number of the process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.inner.as_ref().map_or(0, process::Child::id)
    }

    /// Waits for the child's end, and says how it ended. A further call says the same. Its standard
    /// input is closed first, so that it does not wait for more.
    ///
    /// # Errors
    ///
    /// An error with `ECHILD` if another part of the program has waited for the child. An error
    /// with `EMFILE` or `ENFILE` if there is no descriptor left by which its end is announced; it
    /// can be waited for again then.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here; the child runs on, and can be waited for.
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        drop(self.stdin.take());
        if let Some(status) = self.try_wait()? {
            return Ok(status);
        }
        loop {
            // Made before it is looked whether the child has ended: no signal is missed.
            if let Err(error) = self.exit() {
                // Without anything that tells of it, it may have ended by now all the same.
                return self.try_wait()?.ok_or(error);
            }
            if let Some(status) = self.try_wait()? {
                return Ok(status);
            }
            self.exit()?;
            // The next look says how it ended.
            wait(pin!(Exited::new(self)))?;
        }
    }

    /// How the child ended, if it has; without waiting.
    ///
    /// # Errors
    ///
    /// As for [`wait`](Child::wait).
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        let status = self.inner().try_wait()?;
        if status.is_some() {
            self.exit = Exit::Known.into();
        }
        Ok(status)
    }

    /// Waits for the child's end, and returns all that it has written into its pipes until then.
    /// Both are read at once, so it does not matter in which order and how much it writes. Its
    /// standard input is closed first.
    ///
    /// On a plain thread, if there are two pipes, this starts the default runtime if need be.
    ///
    /// # Errors
    ///
    /// As for [`wait`](Child::wait), and an error of the pipes.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here. The child runs on, and its pipes are closed; it is
    /// waited for when another one is started.
    ///
    /// # Examples
    ///
    /// See [`Child`].
    pub fn wait_with_output(mut self) -> io::Result<Output> {
        drop(self.stdin.take());
        let (stdout, stderr) = (self.stdout.take(), self.stderr.take());
        let mut lost_if_cancelled = Held(self);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        match (stdout, stderr) {
            (None, None) => {}
            (Some(mut stdout), None) => drop(stdout.read_to_end(&mut out)?),
            (None, Some(mut stderr)) => drop(stderr.read_to_end(&mut err)?),
            (Some(mut stdout), Some(mut stderr)) => {
                scope(|scope| {
                    let errors = scope.spawn(|| stderr.read_to_end(&mut err));
                    stdout.read_to_end(&mut out)?;
                    errors
                        .join()
                        .unwrap_or_else(|payload| std::panic::resume_unwind(payload))
                })?;
            }
        }
        let status = lost_if_cancelled.0.wait()?;
        Ok(Output {
            status,
            stdout: out,
            stderr: err,
        })
    }

    /// Waits for a child that has no other handle.
    pub(super) fn wait_for_end(self) -> io::Result<ExitStatus> {
        Held(self).0.wait()
    }
}

/// A child whose handle goes with the call that waits for it. If the call does not get to the
/// child's end, the child is waited for later.
struct Held(Child);

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(mut inner) = self.0.inner.take()
            && matches!(inner.try_wait(), Ok(None))
        {
            orphan::adopt(inner);
        }
    }
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child")
            .field("stdin", &self.stdin)
            .field("stdout", &self.stdout)
            .field("stderr", &self.stderr)
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}

/// A `cat` of whose end only SIGCHLD tells.
#[cfg(test)]
pub(crate) fn told_by_signal() -> Child {
    let mut command = super::Command::new("cat");
    let child = command.stdin(process::Stdio::piped()).spawn().unwrap();
    assert!(child.exit.set(Exit::by_signal().unwrap()).is_ok());
    child
}

#[cfg(test)]
mod tests {
    use super::told_by_signal;
    use crate::coroutine::Cancelled;
    use crate::spawn::spawn;

    #[test]
    fn without_a_descriptor_a_signal_tells_of_the_end() {
        for _ in 0..50 {
            let mut children = [told_by_signal(), told_by_signal()];
            // Two at once, of one signal perhaps.
            let stdin = children.each_mut().map(|child| child.stdin.take());
            let waiting = children.map(|mut child| spawn(move || child.wait().unwrap()));
            drop(stdin);
            for waiting in waiting {
                assert!(waiting.join().unwrap().success());
            }
        }
        let mut child = told_by_signal();
        let stdin = child.stdin.take();
        let waiting = spawn(move || (child.wait(), child));
        waiting.cancel();
        assert!(waiting.join().unwrap_err().is::<Cancelled>());
        drop(stdin);
    }
}
