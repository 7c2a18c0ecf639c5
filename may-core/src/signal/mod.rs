//! Signals, received as messages: [`Signals`] for any of them, [`ctrl_c`] for the most common one.
//!
//! **From the first receiver on, a signal no longer has its default action**, which for most
//! signals is to end the process. That holds whether or not it is received, and after all its
//! receivers have been dropped. A handler that another library has installed before is called, too.
//! One that it installs later replaces this one, and nothing is received from then on. To end the
//! process as the signal would have, exit with 128 plus the number of the signal, as shells report
//! it. Programs that this process starts have the default again.
//!
//! # Protocol
//!
//! The handler counts signals and writes a byte to a socket pair (`sys/signal_counter.rs`); the
//! other end is a descriptor like any other, so its event wakes the first of those who wait. A
//! caller waits until the count of a signal differs from the one that it has seen. One event must
//! wake them all, also if a later caller has read the byte before the event was fetched. Therefore
//! every caller *relays*, when it calls and when it is woken: the first one to see a new total
//! empties the socket and wakes all others.
//!
//! No signal is missed. A caller looks at the count after it has registered, so it sees a signal
//! that arrived before. For one that arrives later there is an event, or another caller has taken
//! the byte, and relays.
//!
//! * [`number`]: the type [`Signal`]
//! * [`op`]: the next signal as an operation

mod number;
mod op;

use std::fmt;
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::io::Descriptor;
use crate::operation::wait;
use crate::prim::fence;
use crate::reactor::Direction;
use crate::sys::signal_counter::{self, Inlet};

pub use number::Signal;
pub use op::NextSignal;
pub(crate) use op::Receiving;

/// The total up to which all waiters have been woken.
static RELAYED: AtomicU64 = AtomicU64::new(0);

/// The end that the bytes come from; the first call opens it.
fn pipe() -> io::Result<&'static Descriptor<Inlet>> {
    static PIPE: OnceLock<Descriptor<Inlet>> = OnceLock::new();
    static OPENING: Mutex<()> = Mutex::new(());
    if let Some(pipe) = PIPE.get() {
        return Ok(pipe);
    }
    let _opening = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(pipe) = PIPE.get() {
        return Ok(pipe);
    }
    let pipe = Descriptor::new(Inlet::open()?);
    Ok(PIPE.get_or_init(|| pipe))
}

/// If there is a new signal, takes the bytes out and wakes all waiters; the first caller to see it
/// does.
fn relay(pipe: &Descriptor<Inlet>) {
    if signal_counter::total() == RELAYED.load(Ordering::SeqCst) {
        // The usual case, without a system call. A byte that comes after its signal was relayed
        // stays there. That does no harm: the next byte is an event, too, and both are taken out
        // then.
        return;
    }
    pipe.get().empty();
    // The caller that has emptied the socket sees the counts that came before the bytes.
    fence(Ordering::SeqCst);
    let total = signal_counter::total();
    if RELAYED.fetch_max(total, Ordering::SeqCst) < total {
        pipe.wake_all(Direction::Read);
    }
}

/// A receiver of signals. Each receiver gets every signal that it was made for and that arrives
/// after it was made.
///
/// Several signals of the same number that arrive before they are received count as one. Of several
/// numbers the one that was named first is received first. Coroutines and threads that share one
/// receiver share its signals: each goes to one of them.
///
/// See the [module's documentation](self) for what becomes of a signal's default action.
///
/// # Examples
///
/// A service that reads its configuration again when it is told to:
///
/// ```no_run
/// use may::signal::{Signal, Signals};
///
/// let signals = Signals::new([Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP])?;
/// loop {
///     match signals.recv()? {
///         Signal::SIGHUP => println!("reading the configuration again"),
///         signal => {
///             println!("{signal}: stopping");
///             break;
///         }
///     }
/// }
/// # std::io::Result::Ok(())
/// ```
///
/// It is an arm of `select!`, too: `Ok(signal) = recv(signals) else { .. } => ..`.
pub struct Signals {
    interests: Box<[Interest]>,
}

/// One signal of a receiver.
struct Interest {
    signal: Signal,
    /// The count up to which it was received.
    seen: AtomicU64,
}

impl Interest {
    /// Whether it has arrived and was not received; if so, up to which count.
    fn new_count(&self) -> Option<(u64, u64)> {
        let seen = self.seen.load(Ordering::SeqCst);
        let count = signal_counter::count(self.signal.as_raw());
        (count != seen).then_some((seen, count))
    }
}

impl Signals {
    /// Makes a receiver of these signals. From now on they no longer have their default actions.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for signals that cannot be received: those that no process may handle
    /// (SIGKILL, SIGSTOP), those that report a fault of the process itself (SIGSEGV and its like,
    /// SIGABRT), and numbers that are no signals. An error with `EMFILE` or `ENFILE` if there is no
    /// descriptor left for the socket pair.
    ///
    /// # Examples
    ///
    /// ```
    /// use may::signal::{Signal, Signals};
    ///
    /// let signals = Signals::new([Signal::SIGUSR1])?;
    /// assert_eq!(signals.try_recv(), None);
    ///
    /// let error = Signals::new([Signal::from_raw(9)]).unwrap_err();
    /// assert!(error.to_string().starts_with("SIGKILL cannot be received"));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn new(signals: impl IntoIterator<Item = Signal>) -> io::Result<Signals> {
        let mut named = Vec::new();
        for signal in signals {
            // One that is named twice is received once.
            if !named.contains(&signal) {
                named.push(signal);
            }
        }
        let refused = |signal: Signal, why: &str| {
            let text = format!("{signal} cannot be received: {why}");
            io::Error::new(io::ErrorKind::InvalidInput, text)
        };
        // All of them are looked at before anything is changed.
        for &signal in &named {
            if let Some(why) = number::refusal(signal) {
                return Err(refused(signal, why));
            }
        }
        pipe()?;
        let interest = |signal: Signal| {
            signal_counter::count_from_now_on(signal.as_raw()).map_err(|error| {
                match error.kind() {
                    io::ErrorKind::InvalidInput => refused(signal, "there is none on this system"),
                    _ => error,
                }
            })?;
            Ok(Interest {
                signal,
                seen: AtomicU64::new(signal_counter::count(signal.as_raw())),
            })
        };
        let interests = named.into_iter().map(interest);
        Ok(Signals {
            interests: interests.collect::<io::Result<_>>()?,
        })
    }

    /// Blocks the caller until one of the signals arrives, or takes one that has.
    ///
    /// A plain thread that calls this starts the default runtime if need be, whose workers watch
    /// for the signals.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`, or an error with `ENOSPC`, if the operating system cannot watch the socket
    /// pair.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds here, and takes no signal with it.
    pub fn recv(&self) -> io::Result<Signal> {
        wait(pin!(NextSignal::new(self)))
    }

    /// Takes a signal that has arrived, without waiting.
    #[must_use = "a signal that is taken is not received again"]
    pub fn try_recv(&self) -> Option<Signal> {
        self.interests.iter().find_map(|interest| {
            while let Some((seen, count)) = interest.new_count() {
                // Another user of the receiver may be faster.
                if interest
                    .seen
                    .compare_exchange(seen, count, Ordering::SeqCst, Ordering::SeqCst)
                    .is_ok()
                {
                    return Some(interest.signal);
                }
            }
            None
        })
    }

    fn has_some(&self) -> bool {
        let mut interests = self.interests.iter();
        interests.any(|interest| interest.new_count().is_some())
    }
}

impl fmt::Debug for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signals = self.interests.iter().map(|interest| interest.signal);
        f.debug_set().entries(signals).finish()
    }
}

/// Blocks the caller until ctrl-c is pressed (on Unix: until the process gets SIGINT) after the
/// call.
///
/// Any number of coroutines and threads may wait at once; one interrupt ends the waits of all of
/// them. **From the first call on the signal no longer ends the process**, whether or not a caller
/// waits. System calls that it interrupts are restarted. It is [`Signals`] with one signal, from
/// the call on; a service that must not miss one between two calls keeps a receiver.
///
/// # Errors
///
/// If the handler cannot be installed, usually because the process has no descriptors left.
///
/// # Cancellation
///
/// A cancelled coroutine unwinds here; the handler stays.
///
/// # Examples
///
/// A server that ends when it is told to:
///
/// ```no_run
/// use may::{coroutine, signal};
///
/// let server = coroutine::spawn(|| loop {
///     // accept and serve
/// #   may::coroutine::park();
/// });
/// signal::ctrl_c()?;
/// println!("stopping");
/// server.cancel();
/// # std::io::Result::Ok(())
/// ```
pub fn ctrl_c() -> io::Result<()> {
    Signals::new([Signal::SIGINT])?.recv().map(drop)
}
