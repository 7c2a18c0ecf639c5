//! Identity: handles and numbers of coroutines and plain threads.

use std::fmt;
use std::num::NonZeroU64;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use crate::coroutine::current as current_context;
use crate::coroutine::header::{Header, Reference};
use crate::coroutine::thread::ThreadBlock;

/// The number of a coroutine or plain thread, unique in the process and never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CoroutineId(NonZeroU64);

impl CoroutineId {
    fn new(id: u64) -> CoroutineId {
        CoroutineId(NonZeroU64::new(id).expect("numbers start at one"))
    }
}

impl fmt::Display for CoroutineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A handle to a coroutine, or to a plain thread; the counterpart of `std::thread::Thread`.
///
/// # Examples
///
/// ```
/// let me = may::coroutine::current();
/// me.unpark();
/// may::coroutine::park(); // returns at once
/// ```
#[derive(Clone)]
pub struct Coroutine(Kind);

/// Whom a handle stands for.
#[derive(Clone)]
enum Kind {
    Coroutine(Reference),
    Thread(Arc<ThreadBlock>),
}

// As std's: a handle gives access to nothing that a panic could leave half done.
impl UnwindSafe for Coroutine {}
impl RefUnwindSafe for Coroutine {}

impl Coroutine {
    #[inline]
    pub(super) fn new(reference: Reference) -> Coroutine {
        Coroutine(Kind::Coroutine(reference))
    }

    /// The header, of a handle that was made by `new`.
    #[inline]
    pub(super) fn reference(&self) -> &Reference {
        match &self.0 {
            Kind::Coroutine(coroutine) => coroutine,
            Kind::Thread(_) => unreachable!("the handle of a thread is never asked for a header"),
        }
    }

    /// The number that no other coroutine or thread has.
    #[must_use]
    pub fn id(&self) -> CoroutineId {
        CoroutineId::new(match &self.0 {
            Kind::Coroutine(coroutine) => coroutine.id(),
            Kind::Thread(thread) => thread.id(),
        })
    }

    /// The name, if one was given.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match &self.0 {
            Kind::Coroutine(coroutine) => coroutine.name(),
            Kind::Thread(thread) => thread.name(),
        }
    }

    /// The size of the stack in bytes, as it was asked for or set; `None` for a plain thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use may::{coroutine, go};
    ///
    /// let handle = go!(stack = "64k", || coroutine::current().stack_size());
    /// assert_eq!(handle.join().unwrap(), Some(64 * 1024));
    /// assert_eq!(coroutine::current().stack_size(), None);
    /// ```
    #[must_use]
    pub fn stack_size(&self) -> Option<usize> {
        match &self.0 {
            Kind::Coroutine(coroutine) => Some(coroutine.stack_size().bytes()),
            Kind::Thread(_) => None,
        }
    }

    /// Asks the coroutine to end, as [`JoinHandle::cancel`](super::JoinHandle::cancel) does. A
    /// plain thread cannot be cancelled, and goes on. One that has ended stays as it is.
    ///
    /// A coroutine that cancels itself unwinds in its next blocking call.
    ///
    /// # Examples
    ///
    /// ```
    /// use may::coroutine::{self, Cancelled, spawn};
    ///
    /// let handle = spawn(|| {
    ///     coroutine::current().cancel();
    ///     coroutine::park();
    /// });
    /// assert!(handle.join().unwrap_err().is::<Cancelled>());
    /// ```
    pub fn cancel(&self) {
        if let Kind::Coroutine(coroutine) = &self.0 {
            Header::cancel(coroutine.as_ptr());
        }
    }

    /// Leaves the token that ends the current [`park`](crate::park::park) of the coroutine or
    /// thread, or its next one.
    ///
    /// What the caller did before is visible after the `park` that returns because of it. A token
    /// is not counted: several end one `park`.
    pub fn unpark(&self) {
        match &self.0 {
            Kind::Coroutine(coroutine) => Header::unpark(coroutine.as_ptr()),
            Kind::Thread(thread) => thread.unpark(),
        }
    }
}

impl fmt::Debug for Coroutine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coroutine")
            .field("id", &self.id())
            .field("name", &self.name())
            .finish()
    }
}

/// The coroutine that calls this, or the plain thread.
///
/// # Examples
///
/// ```
/// use may::coroutine::{Builder, current};
///
/// let handle = Builder::new().name("worker bee".into()).spawn(|| {
///     current().name().map(str::to_owned)
/// }).unwrap();
/// assert_eq!(handle.join().unwrap().as_deref(), Some("worker bee"));
/// ```
#[must_use]
pub fn current() -> Coroutine {
    Coroutine(match Header::current() {
        // SAFETY: (R1) the running coroutine's block lives while it runs.
        Some(coroutine) => Kind::Coroutine(unsafe { Reference::new(coroutine) }),
        None => Kind::Thread(ThreadBlock::current()),
    })
}

/// Whether the caller is a coroutine, rather than a plain thread.
///
/// # Examples
///
/// ```
/// use may::coroutine::{is_coroutine, spawn};
///
/// assert!(!is_coroutine());
/// assert!(spawn(is_coroutine).join().unwrap());
/// ```
#[must_use]
pub fn is_coroutine() -> bool {
    current_context::is_coroutine()
}
