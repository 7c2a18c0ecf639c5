//! Which signals there are.

use std::fmt;

use crate::sys::signal_counter::number;

/// A signal of the operating system.
///
/// The constants have the names of POSIX. Others are made of their [numbers](Signal::from_raw).
///
/// # Examples
///
/// ```
/// use may::signal::Signal;
///
/// assert_eq!(Signal::SIGTERM.to_string(), "SIGTERM");
/// assert_eq!(Signal::from_raw(Signal::SIGHUP.as_raw()), Signal::SIGHUP);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Signal(i32);

impl Signal {
    /// The signal with a number. A number without a signal is an error where it is
    /// [used](super::Signals::new).
    #[must_use]
    pub const fn from_raw(number: i32) -> Signal {
        Signal(number)
    }

    /// Its number.
    #[must_use]
    pub const fn as_raw(self) -> i32 {
        self.0
    }
}

/// Makes the constants, and the names by their numbers.
macro_rules! signals {
    ($($(#[$documentation:meta])* $name:ident;)+ [$($other:ident)+]) => {
        impl Signal {
            $(
                $(#[$documentation])*
                pub const $name: Signal = Signal(number::$name);
            )+
        }

        /// The name of a signal, if it is one of those above or of those that cannot be received.
        fn name(signal: Signal) -> Option<&'static str> {
            match signal.0 {
                $(number::$name => Some(stringify!($name)),)+
                $(number::$other => Some(stringify!($other)),)+
                _ => None,
            }
        }
    };
}

signals! {
    /// A timer of `alarm` has gone off.
    SIGALRM;
    /// A child process has ended, or was stopped.
    SIGCHLD;
    /// The process goes on after it was stopped.
    SIGCONT;
    /// The terminal has gone; for services usually: read the configuration again.
    SIGHUP;
    /// What ctrl-c sends.
    SIGINT;
    /// A descriptor is ready for which that was asked.
    SIGIO;
    /// A write to a pipe without a reader. (Rust programs ignore it, and get an error from the
    /// write.)
    SIGPIPE;
    /// A timer of a profiler.
    SIGPROF;
    /// What ctrl-\ sends.
    SIGQUIT;
    /// What `kill` sends, and service managers that ask a process to end.
    SIGTERM;
    /// What ctrl-z sends.
    SIGTSTP;
    /// A background process reads from its terminal.
    SIGTTIN;
    /// A background process writes to its terminal.
    SIGTTOU;
    /// Urgent data have arrived at a socket.
    SIGURG;
    /// For programs' own use.
    SIGUSR1;
    /// For programs' own use.
    SIGUSR2;
    /// A timer of the time that the process has computed.
    SIGVTALRM;
    /// The terminal has another size.
    SIGWINCH;
    /// The limit of processor time is reached.
    SIGXCPU;
    /// The limit of a file's size is reached.
    SIGXFSZ;
    [SIGABRT SIGBUS SIGFPE SIGILL SIGKILL SIGSEGV SIGSTOP SIGSYS SIGTRAP]
}

/// Why a signal cannot be received, if it is one of those.
pub(super) fn refusal(signal: Signal) -> Option<&'static str> {
    match signal.0 {
        number::SIGKILL | number::SIGSTOP => Some(
            "the operating system lets no process handle it\n\
             help: SIGTERM asks a process to end, SIGTSTP to stop",
        ),
        number::SIGSEGV
        | number::SIGBUS
        | number::SIGFPE
        | number::SIGILL
        | number::SIGTRAP
        | number::SIGSYS
        | number::SIGABRT => Some(
            "it says that the process itself has gone wrong: when it is handled the code that raised it goes on, or ends the process\n\
             help: a crash reporter installs a handler of its own",
        ),
        _ => None,
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match name(*self) {
            Some(name) => f.pad(name),
            None => write!(f, "signal {}", self.0),
        }
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
