//! Scopes: coroutines that borrow from the frame of their parent.
//!
//! That is sound because the frame is alive whenever a child runs (I3): [`scope`] returns, or
//! unwinds, only when all children have ended and their results have been dropped or lie where they
//! are not touched again. There is no guard whose `Drop` could be skipped. The order at the end is:
//! body under `catch_unwind`; wait for the children; `resume_unwind`. Values and payloads of the
//! user's are dropped after the wait, since their destructors may wait, unwind and so leave the
//! frame.
//!
//! A scope that is left by a cancellation cancels its children before it waits for them, whether
//! the cancellation ended the body or the wait itself. One that is left by a panic waits, as std
//! does.
//!
//! # Protocol
//!
//! [`Data`] is counted, since a child still uses it after its parent may have gone on: the child
//! takes itself out of the list of children, then counts `running` down, then wakes the parent. The
//! parent waits by the ordinary protocol of a wait queue for `running == 0`.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::builder::{self, Builder};
use super::handle::{JoinHandle, wait_for_end};
use super::identity::Coroutine;
use super::task::{Joiner, Member};
use crate::coroutine::header::{Header, Reference};
use crate::coroutine::{cancel, unwinding};
use crate::operation::wait_until;
use crate::park;
use crate::util::clock::Deadline;
use crate::util::list::{Linked, Links, List};
use crate::util::spin::SpinLock;
use crate::wait::WaitQueue;
use crate::worker::{Shared, default};

/// What parent and children share.
struct ScopeState {
    /// Children that have not ended.
    running: AtomicUsize,
    /// Whether a child panicked and its result was not taken.
    child_panicked: AtomicBool,
    /// Where the parent waits.
    parent: WaitQueue,
    /// The children, so that they can be cancelled.
    children: SpinLock<List<ScopeMember>>,
}

/// A child's membership. Lies in its task.
struct ScopeMember {
    data: Arc<ScopeState>,
    /// Guarded by the lock of `children`.
    links: Links<ScopeMember>,
    header: Cell<Option<NonNull<Header>>>,
}

// SAFETY: (I3) each child has links of its own.
unsafe impl Linked for ScopeMember {
    fn links(&self) -> &Links<ScopeMember> {
        &self.links
    }
}

impl Member for ScopeMember {
    fn joined(&self, header: NonNull<Header>) {
        self.header.set(Some(header));
        self.data.running.fetch_add(1, Ordering::Relaxed);
        // SAFETY: (I3) the child lies in its task, and takes itself out before the task ends.
        unsafe { self.data.children.lock().push_back(NonNull::from(self)) };
    }

    unsafe fn ended(this: NonNull<ScopeMember>, unhandled_panic: bool) {
        // SAFETY: (I3) the task is still there. The data is moved out, so the task's block may be
        // freed without dropping it.
        let data = unsafe {
            this.as_ref().data.children.lock().remove(this);
            std::ptr::read(&this.as_ref().data)
        };
        data.child_ended(unhandled_panic);
    }
}

impl ScopeState {
    /// Notes the end of a child. Once `running` is counted down the parent may go on.
    fn child_ended(&self, unhandled_panic: bool) {
        if unhandled_panic {
            self.child_panicked.store(true, Ordering::Relaxed);
        }
        // Release: the parent sees what the child did.
        if self.running.fetch_sub(1, Ordering::Release) == 1 {
            self.parent.wake_all();
        }
    }

    fn wait(&self) {
        let all_ended = || self.running.load(Ordering::Acquire) == 0;
        wait_until("scope", &self.parent, Deadline::NEVER, all_ended);
    }

    fn cancel(&self) {
        let mut children = Vec::new();
        {
            let list = self.children.lock();
            let mut next = list.front();
            // SAFETY: (I3) the lock is held, so listed children are there, and with them their
            // tasks.
            unsafe {
                while let Some(child) = next {
                    children.extend(
                        child
                            .as_ref()
                            .header
                            .get()
                            .map(|header| Reference::new(header)),
                    );
                    next = list.next(child);
                }
            }
        }
        for child in children {
            Header::cancel(child.as_ptr());
        }
    }
}

/// A scope in which coroutines may borrow; the counterpart of `std::thread::Scope`. See [`scope`].
pub struct Scope<'scope, 'env: 'scope> {
    data: Arc<ScopeState>,
    /// Invariant, so that the scope's lifetime can be neither shortened nor lengthened.
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

/// Runs `f`, which may spawn coroutines that borrow from the caller's frame, and waits until all of
/// them have ended.
///
/// Works on a plain thread, too: the coroutines run on the default runtime then, and the thread
/// waits.
///
/// # Panics
///
/// Goes on with the panic of `f`, after all children have ended. Panics if a child panicked whose
/// handle was not joined. Panics in a waker that a worker calls, where nothing may block, before
/// `f` is called.
///
/// # Cancellation
///
/// If the caller is cancelled, in `f` or while it waits for the children, the children are
/// cancelled too; the caller unwinds when all of them have ended.
///
/// # Examples
///
/// ```
/// let mut numbers = vec![1, 2, 3];
/// let mut sum = 0;
/// may::coroutine::scope(|s| {
///     s.spawn(|| sum = numbers.iter().sum::<i32>());
///     s.spawn(|| println!("there are {}", numbers.len()));
/// });
/// numbers.push(sum);
/// assert_eq!(numbers, [1, 2, 3, 6]);
/// ```
#[track_caller]
pub fn scope<'env, F, T>(f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    park::before_children();
    let scope = Scope {
        data: Arc::new(ScopeState {
            running: AtomicUsize::new(0),
            child_panicked: AtomicBool::new(false),
            parent: WaitQueue::new(),
            children: SpinLock::new(List::new()),
        }),
        scope: PhantomData,
        env: PhantomData,
    };
    // From here to the end of the wait that insists, nothing unwinds and no value of the user's is
    // dropped: a destructor may wait, and be cancelled there, or panic.
    let body = catch_unwind(AssertUnwindSafe(|| f(&scope)));
    let waited = match &body {
        Ok(_) => catch_unwind(AssertUnwindSafe(|| scope.data.wait())),
        Err(_) => Ok(()),
    };
    let raised = body.as_ref().err().or(waited.as_ref().err());
    if raised.is_some_and(|payload| cancel::is_request(&**payload)) {
        scope.data.cancel();
    }
    cancel::insist(|| scope.data.wait());
    match (body, waited) {
        // The value is dropped by the unwinding, as one in a frame would be.
        (Ok(_value), Err(payload)) => unwinding::resume(payload),
        (Err(payload), _) => unwinding::resume(payload),
        (Ok(_value), Ok(())) if scope.data.child_panicked.load(Ordering::Relaxed) => {
            panic!("a scoped coroutine panicked")
        }
        (Ok(value), Ok(())) => value,
    }
}

/// Runs `f`, which may borrow from the caller, as a coroutine of `shared`, and waits for its end.
///
/// # Errors
///
/// What `f` raised.
///
/// # Panics
///
/// Panics if the runtime is being shut down.
#[track_caller]
pub(crate) fn run_borrowing<F, T>(
    shared: &Shared,
    builder: Builder,
    location: &'static Location<'static>,
    f: F,
) -> super::Result<T>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    park::before_children();
    // SAFETY: (I3) the wait below ends only when the coroutine has, as it neither unwinds nor times
    // out; so what `f` borrows outlives it. It is `Send` (R2).
    let spawned = unsafe { builder.spawn_unchecked(shared, location, f, ()) };
    let joiner = builder::spawned(spawned);
    cancel::insist(|| wait_for_end(&joiner));
    joiner.take()
}

impl<'scope, 'env> Scope<'scope, 'env> {
    /// Spawns a coroutine that may borrow what outlives the scope.
    ///
    /// # Panics
    ///
    /// Panics where [`Builder::spawn_scoped`] returns an error.
    ///
    /// # Examples
    ///
    /// See [`scope`].
    #[track_caller]
    pub fn spawn<F, T>(&'scope self, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let spawned = self.spawn_with(Builder::new(), Location::caller(), f);
        builder::spawned(spawned)
    }

    /// Spawns a coroutine that stays with the caller's worker from the start, so that it need not
    /// be `Send`.
    ///
    /// # Panics
    ///
    /// Panics on a plain thread, which has no worker, and if the runtime was shut down.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::cell::Cell;
    /// use may::coroutine::{scope, spawn};
    ///
    /// spawn(|| {
    ///     let count = Cell::new(0);
    ///     scope(|s| {
    ///         for _ in 0..3 {
    ///             s.spawn_local(|| count.set(count.get() + 1));
    ///         }
    ///     });
    ///     assert_eq!(count.get(), 3);
    /// })
    /// .join()
    /// .unwrap();
    /// ```
    #[track_caller]
    pub fn spawn_local<F, T>(&'scope self, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + 'scope,
        T: 'scope,
    {
        self.spawn_local_with(Builder::new(), Location::caller(), f)
    }

    /// Cancels all children that there are now. The scope still waits for them.
    ///
    /// # Examples
    ///
    /// ```
    /// use may::coroutine::{park, scope};
    ///
    /// scope(|s| {
    ///     s.spawn(|| park());
    ///     s.cancel();
    /// });
    /// ```
    pub fn cancel(&self) {
        self.data.cancel();
    }

    /// Spawns a coroutine as a builder says, which stays with the caller's worker; panics like
    /// `spawn_local`.
    #[track_caller]
    pub(super) fn spawn_local_with<F, T>(
        &'scope self,
        builder: Builder,
        location: &'static Location<'static>,
        f: F,
    ) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + 'scope,
        T: 'scope,
    {
        // SAFETY: (I3) the scope waits for the child, so what it borrows outlives it.
        let spawned = unsafe { builder.spawn_local_unchecked(location, f, self.child()) };
        let joiner = builder::spawned(spawned);
        ScopedJoinHandle::new(joiner, self.data.clone())
    }

    /// Spawns a coroutine as a builder says.
    pub(super) fn spawn_with<F, T>(
        &'scope self,
        builder: Builder,
        location: &'static Location<'static>,
        f: F,
    ) -> io::Result<ScopedJoinHandle<'scope, T>>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        // SAFETY: (I3) the scope waits for the child, so what it borrows outlives it; and the
        // closure is `Send` (R2).
        let joiner = default::with_current(|shared| unsafe {
            builder.spawn_unchecked(shared, location, f, self.child())
        })??;
        Ok(ScopedJoinHandle::new(joiner, self.data.clone()))
    }

    /// The membership of one more child.
    fn child(&self) -> ScopeMember {
        ScopeMember {
            data: self.data.clone(),
            links: Links::new(),
            header: Cell::new(None),
        }
    }
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("running", &self.data.running.load(Ordering::Relaxed))
            .field(
                "child_panicked",
                &self.data.child_panicked.load(Ordering::Relaxed),
            )
            .finish_non_exhaustive()
    }
}

/// The right to the result of a scope's coroutine; the counterpart of
/// `std::thread::ScopedJoinHandle`.
///
/// Dropping it leaves the coroutine to its scope, which waits for it.
pub struct ScopedJoinHandle<'scope, T> {
    /// There until `join` takes it.
    handle: Option<JoinHandle<T>>,
    data: Arc<ScopeState>,
    scope: PhantomData<&'scope ()>,
}

impl<T> ScopedJoinHandle<'_, T> {
    fn new(joiner: Joiner<T>, data: Arc<ScopeState>) -> Self {
        ScopedJoinHandle {
            handle: Some(JoinHandle(joiner)),
            data,
            scope: PhantomData,
        }
    }

    fn joiner(&self) -> &Joiner<T> {
        let handle = self.handle.as_ref();
        &handle.expect("it is there until it is joined").0
    }

    /// The handle as one that belongs to no scope, for an arm of a `select!`.
    pub(crate) fn handle(&mut self) -> &mut JoinHandle<T> {
        let handle = self.handle.as_mut();
        handle.expect("it is there until it is joined")
    }

    /// Waits until the coroutine has ended, and returns its result.
    ///
    /// # Errors
    ///
    /// As for [`JoinHandle::join`](super::JoinHandle::join).
    ///
    /// # Panics
    ///
    /// Panics if a coroutine joins itself.
    ///
    /// # Cancellation
    ///
    /// If the caller is cancelled it unwinds here.
    #[must_use = "a panic of the coroutine is in the result, and goes no further"]
    pub fn join(mut self) -> super::Result<T> {
        // It stays here while this waits, so that it is dropped as one of the scope if the wait
        // unwinds.
        wait_for_end(self.joiner());
        let handle = self.handle.take();
        handle.expect("it is there until it is joined").0.take()
    }

    /// Waits until the coroutine has ended, for at most `timeout`, and returns its result; `None`
    /// if it has not ended in time, and the handle can still be joined.
    ///
    /// # Errors
    ///
    /// As for [`JoinHandle::join`](super::JoinHandle::join).
    ///
    /// # Panics
    ///
    /// Panics if the result was taken before.
    ///
    /// # Cancellation
    ///
    /// If the caller is cancelled it unwinds here.
    pub fn join_timeout(&mut self, timeout: Duration) -> Option<super::Result<T>> {
        self.handle().join_timeout(timeout)
    }

    /// As [`join_timeout`](Self::join_timeout), until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// As for [`JoinHandle::join`](super::JoinHandle::join).
    ///
    /// # Panics
    ///
    /// As for [`join_timeout`](Self::join_timeout).
    ///
    /// # Cancellation
    ///
    /// If the caller is cancelled it unwinds here.
    pub fn join_deadline(&mut self, deadline: Instant) -> Option<super::Result<T>> {
        self.handle().join_deadline(deadline)
    }

    /// Whether the coroutine has ended, so that [`join`](Self::join) returns at once.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.joiner().is_done()
    }

    /// Asks the coroutine to end, like [`JoinHandle::cancel`](super::JoinHandle::cancel).
    pub fn cancel(&self) {
        Header::cancel(self.joiner().reference().as_ptr());
    }

    /// The coroutine's handle.
    #[must_use]
    pub fn coroutine(&self) -> &Coroutine {
        self.joiner().coroutine()
    }

    /// The coroutine's handle, under the name that `std::thread::ScopedJoinHandle` gives it.
    #[must_use]
    pub fn thread(&self) -> &Coroutine {
        self.coroutine()
    }
}

impl<T> Drop for ScopedJoinHandle<'_, T> {
    fn drop(&mut self) {
        if self.handle.take().is_some_and(|handle| handle.0.abandon()) {
            self.data.child_panicked.store(true, Ordering::Relaxed);
        }
    }
}

impl<T> fmt::Debug for ScopedJoinHandle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedJoinHandle")
            .field("coroutine", self.coroutine())
            .finish_non_exhaustive()
    }
}
