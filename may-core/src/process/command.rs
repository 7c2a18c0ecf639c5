//! How a child process is started.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{self, CommandArgs, CommandEnvs, ExitStatus, Output, Stdio};

use super::{Child, orphan};
use crate::blocking::unblock;

/// How a child process is started; the counterpart of [`std::process::Command`], which documents
/// each setting.
///
/// std's extensions for Unix, which are a trait there, are methods here.
///
/// # Examples
///
/// ```
/// use may::{coroutine::spawn, process::Command};
///
/// let handle = spawn(|| Command::new("echo").arg("hello").output());
/// let output = handle.join().unwrap()?;
/// assert!(output.status.success());
/// assert_eq!(output.stdout, b"hello\n");
/// # std::io::Result::Ok(())
/// ```
pub struct Command {
    inner: process::Command,
    /// Whether standard output and standard error were set, so that `output` leaves them.
    stdout_is_set: bool,
    stderr_is_set: bool,
    /// The same for standard input.
    stdin_is_set: bool,
}

impl Command {
    /// A child that runs `program`, which is looked for in `PATH` if it has no slash, without
    /// arguments, in this process's environment and directory, and with its standard streams.
    pub fn new<S: AsRef<OsStr>>(program: S) -> Command {
        process::Command::new(program).into()
    }

    /// Adds an argument.
    pub fn arg<S: AsRef<OsStr>>(&mut self, arg: S) -> &mut Command {
        self.inner.arg(arg);
        self
    }

    /// Adds arguments.
    pub fn args<I, S>(&mut self, args: I) -> &mut Command
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        self.inner.args(args);
        self
    }

    /// Sets a variable of the environment.
    pub fn env<K, V>(&mut self, key: K, val: V) -> &mut Command
    where
        K: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        self.inner.env(key, val);
        self
    }

    /// Sets variables of the environment.
    pub fn envs<I, K, V>(&mut self, vars: I) -> &mut Command
    where
        I: IntoIterator<Item = (K, V)>,
        K: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        self.inner.envs(vars);
        self
    }

    /// Leaves a variable of the environment out.
    pub fn env_remove<K: AsRef<OsStr>>(&mut self, key: K) -> &mut Command {
        self.inner.env_remove(key);
        self
    }

    /// Leaves the whole environment out, and what was set so far.
    pub fn env_clear(&mut self) -> &mut Command {
        self.inner.env_clear();
        self
    }

    /// Sets the directory in which it runs.
    pub fn current_dir<P: AsRef<Path>>(&mut self, dir: P) -> &mut Command {
        self.inner.current_dir(dir);
        self
    }

    /// Sets where standard input comes from; unless it is set, from where this process has its own,
    /// and for [`output`](Command::output) from nowhere.
    pub fn stdin<T: Into<Stdio>>(&mut self, cfg: T) -> &mut Command {
        self.inner.stdin(cfg);
        self.stdin_is_set = true;
        self
    }

    /// Sets where standard output goes; unless it is set, to where this process has its own, and
    /// for [`output`](Command::output) into a pipe.
    pub fn stdout<T: Into<Stdio>>(&mut self, cfg: T) -> &mut Command {
        self.inner.stdout(cfg);
        self.stdout_is_set = true;
        self
    }

    /// Sets where standard error goes; as for [`stdout`](Command::stdout).
    pub fn stderr<T: Into<Stdio>>(&mut self, cfg: T) -> &mut Command {
        self.inner.stderr(cfg);
        self.stderr_is_set = true;
        self
    }

    /// Starts a child.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such program or directory, `PermissionDenied` if the program may
    /// not be run, `InvalidInput` if an argument, a variable or a path has a zero byte in it,
    /// `WouldBlock` if there may be no further process, an error with `EMFILE` or `ENFILE` if there
    /// is no descriptor left for a pipe.
    ///
    /// # Cancellation
    ///
    /// As for [`unblock`](crate::blocking::unblock): a cancelled coroutine unwinds here if no
    /// thread has begun to start it, and then there is no child.
    pub fn spawn(&mut self) -> io::Result<Child> {
        unblock(|| {
            orphan::reap();
            self.inner.spawn().map(Child::new)
        })
    }

    /// Runs a child to its end, and returns what it has written to its standard output and error.
    ///
    /// # Errors
    ///
    /// As for [`spawn`](Command::spawn) and [`Child::wait_with_output`].
    ///
    /// # Cancellation
    ///
    /// As for [`spawn`](Command::spawn) and [`Child::wait_with_output`].
    pub fn output(&mut self) -> io::Result<Output> {
        // Set for this one child only, like the defaults of std.
        if !self.stdin_is_set {
            self.inner.stdin(Stdio::null());
        }
        if !self.stdout_is_set {
            self.inner.stdout(Stdio::piped());
        }
        if !self.stderr_is_set {
            self.inner.stderr(Stdio::piped());
        }
        /// Puts the defaults back, also if starting the child is cancelled.
        struct Restore<'a>(&'a mut Command);
        impl Drop for Restore<'_> {
            fn drop(&mut self) {
                let Command {
                    inner,
                    stdin_is_set,
                    stdout_is_set,
                    stderr_is_set,
                } = self.0;
                if !*stdin_is_set {
                    inner.stdin(Stdio::inherit());
                }
                if !*stdout_is_set {
                    inner.stdout(Stdio::inherit());
                }
                if !*stderr_is_set {
                    inner.stderr(Stdio::inherit());
                }
            }
        }
        let child = Restore(self).0.spawn()?;
        child.wait_with_output()
    }

    /// Runs a child to its end, and says how it ended.
    ///
    /// # Errors
    ///
    /// As for [`spawn`](Command::spawn).
    ///
    /// # Cancellation
    ///
    /// As for [`spawn`](Command::spawn). If it has been started it runs on, and is waited for when
    /// another one is started.
    pub fn status(&mut self) -> io::Result<ExitStatus> {
        self.spawn()?.wait_for_end()
    }

    /// The program.
    #[must_use]
    pub fn get_program(&self) -> &OsStr {
        self.inner.get_program()
    }

    /// The arguments, without the program.
    pub fn get_args(&self) -> CommandArgs<'_> {
        self.inner.get_args()
    }

    /// The variables that were set, or with `None` left out.
    pub fn get_envs(&self) -> CommandEnvs<'_> {
        self.inner.get_envs()
    }

    /// The directory, if one was set.
    #[must_use]
    pub fn get_current_dir(&self) -> Option<&Path> {
        self.inner.get_current_dir()
    }

    /// Sets the user that it runs as.
    pub fn uid(&mut self, id: u32) -> &mut Command {
        self.inner.uid(id);
        self
    }

    /// Sets the group that it runs as.
    pub fn gid(&mut self, id: u32) -> &mut Command {
        self.inner.gid(id);
        self
    }

    /// Sets its argument 0, the name by which it is called.
    pub fn arg0<S: AsRef<OsStr>>(&mut self, arg: S) -> &mut Command {
        self.inner.arg0(arg);
        self
    }

    /// Sets its process group; 0 makes a new one for it.
    pub fn process_group(&mut self, pgroup: i32) -> &mut Command {
        self.inner.process_group(pgroup);
        self
    }

    /// Replaces this process by the program. The destructors of coroutines do not run.
    ///
    /// # Errors
    ///
    /// It returns only if it fails: with the errors of [`spawn`](Command::spawn).
    pub fn exec(&mut self) -> io::Error {
        self.inner.exec()
    }

    /// The underlying command of std, for what this type does not have (`pre_exec`). Set the
    /// standard streams through this type.
    pub fn as_std_mut(&mut self) -> &mut process::Command {
        &mut self.inner
    }
}

/// The standard streams count as not set.
impl From<process::Command> for Command {
    fn from(inner: process::Command) -> Command {
        Command {
            inner,
            stdin_is_set: false,
            stdout_is_set: false,
            stderr_is_set: false,
        }
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
