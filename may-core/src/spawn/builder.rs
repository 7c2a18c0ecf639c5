//! [`Builder`], and the functions that spawn without one.

use std::io;
use std::panic::Location;

use super::handle::JoinHandle;
use super::scope::{Scope, ScopedJoinHandle};
use super::task::{self, AtEnd, Joiner, Member};
use crate::coroutine::header::Attributes;
use crate::stack::StackSize;
use crate::worker::queues::Unstarted;
use crate::worker::{Placement, Shared, SpawnError, default, with_local};

/// Spawns coroutines with a name, a stack size or a placement of their own; the counterpart of
/// `std::thread::Builder`.
///
/// # Examples
///
/// ```
/// use may::coroutine::Builder;
///
/// let handle = Builder::new()
///     .name("parser".into())
///     .stack_size(64 * 1024)
///     .spawn(|| "parsed")?;
/// assert_eq!(handle.join().unwrap(), "parsed");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until it spawns"]
pub struct Builder {
    name: Option<String>,
    stack_size: Option<StackSize>,
    placement: Placement,
}

impl Builder {
    /// A builder with the runtime's defaults.
    pub fn new() -> Builder {
        Builder::default()
    }

    /// Names the coroutine; panics and stack overflows are reported under this name. As with std's
    /// threads, spawning panics if the name contains a NUL byte.
    pub fn name(mut self, name: String) -> Builder {
        self.name = Some(name);
        self
    }

    /// Sets the size of the stack in bytes. It is rounded up: to whole pages, and to 32 KiB, since
    /// a panic that prints its backtrace takes 22 KiB. A size that the system cannot give makes the
    /// join return [`OutOfStacks`](super::OutOfStacks); so does one of which all stacks are in use
    /// if none comes back for a second.
    ///
    /// (The crate `may` 0.3 counted machine words.)
    pub fn stack_size(mut self, bytes: usize) -> Builder {
        self.stack_size = Some(StackSize::from_bytes(bytes));
        self
    }

    /// Chooses where the coroutine starts, and so stays.
    pub fn placement(mut self, placement: Placement) -> Builder {
        self.placement = placement;
        self
    }

    /// Spawns a coroutine.
    ///
    /// # Errors
    ///
    /// If the runtime was shut down, the placement names no worker, or the default runtime cannot
    /// be started. The stack is taken later, when the coroutine first runs.
    ///
    /// # Examples
    ///
    /// See [`Builder`].
    #[track_caller]
    pub fn spawn<F, T>(self, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let location = Location::caller();
        default::with_current(|shared| self.spawn_on(shared, location, f))?
    }

    pub(crate) fn spawn_on<F, T>(
        self,
        shared: &Shared,
        location: &'static Location<'static>,
        f: F,
    ) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        // SAFETY: (R2) the closure is `Send` and borrows nothing.
        unsafe { self.spawn_unchecked(shared, location, f, ()) }.map(JoinHandle)
    }

    /// Spawns a coroutine with these settings, and has `at_end` called when it has ended and its
    /// result can be taken, also if it was cancelled before it started.
    #[track_caller]
    pub(super) fn spawn_with_end<F, T>(
        self,
        shared: &Shared,
        location: &'static Location<'static>,
        f: F,
        at_end: impl FnOnce() + Send + 'static,
    ) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        // SAFETY: (R2) both closures are `Send` and borrow nothing.
        unsafe { self.spawn_unchecked(shared, location, f, AtEnd::new(at_end)) }.map(JoinHandle)
    }

    /// Spawns a coroutine that stays with this worker from the start, so that it need not be
    /// `Send`.
    ///
    /// # Errors
    ///
    /// If the caller is not a coroutine, or the runtime was shut down.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::rc::Rc;
    /// use may::coroutine::{Builder, spawn};
    ///
    /// let count = spawn(|| {
    ///     let shared = Rc::new(1);
    ///     let other = shared.clone();
    ///     Builder::new().spawn_local(move || *other + 1).unwrap().join().unwrap() + *shared
    /// });
    /// assert_eq!(count.join().unwrap(), 3);
    /// assert!(Builder::new().spawn_local(|| ()).is_err()); // a plain thread has no worker
    /// ```
    #[track_caller]
    pub fn spawn_local<F, T>(self, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + 'static,
        T: 'static,
    {
        // SAFETY: (R2) the closure borrows nothing.
        unsafe { self.spawn_local_unchecked(Location::caller(), f, ()) }.map(JoinHandle)
    }

    /// Spawns a coroutine of a scope.
    ///
    /// # Errors
    ///
    /// As for [`spawn`](Self::spawn).
    ///
    /// # Examples
    ///
    /// ```
    /// use may::coroutine::{Builder, scope};
    ///
    /// let words = ["a", "scope"];
    /// let length = scope(|s| {
    ///     let counter = Builder::new().name("counter".into());
    ///     counter.spawn_scoped(s, || words.concat().len()).unwrap().join().unwrap()
    /// });
    /// assert_eq!(length, 6);
    /// ```
    #[track_caller]
    pub fn spawn_scoped<'scope, 'env, F, T>(
        self,
        scope: &'scope Scope<'scope, 'env>,
        f: F,
    ) -> io::Result<ScopedJoinHandle<'scope, T>>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        scope.spawn_with(self, Location::caller(), f)
    }

    /// A builder with the settings of a call.
    pub(super) fn of_call(
        name: Option<String>,
        stack_size: Option<StackSize>,
        placement: Placement,
    ) -> Builder {
        Builder {
            name,
            stack_size,
            placement,
        }
    }

    /// This builder, and where it says nothing the other.
    pub(crate) fn or(self, other: Builder) -> Builder {
        Builder {
            name: self.name.or(other.name),
            stack_size: self.stack_size.or(other.stack_size),
            placement: match self.placement {
                Placement::Auto => other.placement,
                placement => placement,
            },
        }
    }

    /// Makes a task and has it scheduled.
    ///
    /// # Safety
    ///
    /// The closure and its result are `Send`, and what they borrow outlives the coroutine, which
    /// `M` may see to.
    #[inline]
    pub(super) unsafe fn spawn_unchecked<F: FnOnce() -> T, T, M: Member>(
        self,
        shared: &Shared,
        location: &'static Location<'static>,
        f: F,
        member: M,
    ) -> io::Result<Joiner<T>> {
        shared.admit(self.placement)?;
        let placement = self.placement;
        let made = task::make(self.attributes(shared, location), f, member);
        shared.schedule(Unstarted(made.coroutine), placement);
        Ok(made.joiner)
    }

    /// Makes a task that starts on this worker.
    ///
    /// # Safety
    ///
    /// What the closure and its result borrow outlives the coroutine, which `M` may see to.
    pub(crate) unsafe fn spawn_local_unchecked<F: FnOnce() -> T, T, M: Member>(
        self,
        location: &'static Location<'static>,
        f: F,
        member: M,
    ) -> io::Result<Joiner<T>> {
        if !super::is_coroutine() {
            return Err(SpawnError::NoWorker.into());
        }
        default::with_current(|shared| {
            shared.admit(Placement::Here)?;
            let made = task::make(self.attributes(shared, location), f, member);
            with_local(|local| {
                local
                    .expect("coroutines run on workers")
                    .enqueue(made.coroutine)
            });
            Ok(made.joiner)
        })?
    }

    /// What is fixed at spawn.
    ///
    /// # Panics
    ///
    /// Panics if the name contains a NUL byte.
    #[inline]
    #[track_caller]
    fn attributes(self, shared: &Shared, location: &'static Location<'static>) -> Attributes {
        if let Some(name) = &self.name {
            assert!(
                !name.contains('\0'),
                "coroutine name may not contain interior null bytes"
            );
        }
        Attributes {
            name: self.name.map(String::into_boxed_str),
            stack_size: self.stack_size.unwrap_or(shared.settings.stack_size),
            location,
        }
    }
}

/// Spawns a coroutine; the counterpart of `std::thread::spawn`.
///
/// It runs on the runtime of the calling coroutine, or from a plain thread on the default runtime,
/// which starts with the first use.
///
/// # Panics
///
/// Panics where [`Builder::spawn`] returns an error: the runtime was shut down, or cannot be
/// started.
///
/// # Examples
///
/// ```
/// let handle = may::coroutine::spawn(|| 1 + 1);
/// assert_eq!(handle.join().unwrap(), 2);
/// ```
#[track_caller]
pub fn spawn<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    spawned(Builder::new().spawn(f))
}

/// Spawns a coroutine that stays with the caller's worker from the start, so that it need not be
/// `Send`.
///
/// # Panics
///
/// Panics where [`Builder::spawn_local`] returns an error: on a plain thread, or if the runtime was
/// shut down.
///
/// # Examples
///
/// ```
/// use std::{cell::Cell, rc::Rc};
/// use may::coroutine::{spawn, spawn_local};
///
/// spawn(|| {
///     let count = Rc::new(Cell::new(0));
///     let other = count.clone();
///     spawn_local(move || other.set(1)).join().unwrap();
///     assert_eq!(count.get(), 1);
/// })
/// .join()
/// .unwrap();
/// ```
#[track_caller]
pub fn spawn_local<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + 'static,
    T: 'static,
{
    spawned(Builder::new().spawn_local(f))
}

/// Spawns as a builder says and panics where it would return an error; what `go!` with options
/// expands to.
#[doc(hidden)]
#[track_caller]
pub fn spawn_built<F, T>(builder: Builder, f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    spawned(builder.spawn(f))
}

/// What was spawned; the functions that do not return an error panic at their caller's place.
#[inline]
#[track_caller]
pub(crate) fn spawned<T>(result: io::Result<T>) -> T {
    // (In a closure the caller's place would be lost.)
    match result {
        Ok(spawned) => spawned,
        Err(error) => spawn_failed(&error),
    }
}

/// The panic of [`spawned`].
#[cold]
#[track_caller]
pub(crate) fn spawn_failed(error: &io::Error) -> ! {
    panic!("cannot spawn a coroutine: {error}")
}
