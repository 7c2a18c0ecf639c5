//! The end of a coroutine as an arm of a `select!`, of one that runs anyway or of one that the arm starts, and as a future.

use std::any::Any;
use std::borrow::BorrowMut;
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::panic::Location;

use super::builder::spawn_failed;
use super::call::{Call, CoroutineFn, LocalCall};
use super::handle::{JoinHandle, wait_for_end};
use super::task::{Joiner, is_panic};
use crate::coroutine::header::Header;
use crate::coroutine::{cancel, unwinding};
use crate::event::{EventFuture, Finish, RawEvent, TaskEvent};
use crate::prim::{Ordering, fence};
use crate::wait::{Entry, Registration};

/// A coroutine's end, as an arm. The handle can be joined as long as the arm has not won.
pub type JoinEvent<'a, T> = EndEvent<T, &'a mut JoinHandle<T>>;
/// Ready with the result of a coroutine; made of its handle by `.await`.
pub type JoinFuture<T> = EventFuture<EndEvent<T, JoinHandle<T>>>;

/// A coroutine's end, for somebody who owns the handle or borrows it.
pub struct EndEvent<T, H: BorrowMut<JoinHandle<T>>> {
    handle: H,
    entry: Entry,
    _result: PhantomData<T>,
}

impl<T, H: BorrowMut<JoinHandle<T>>> EndEvent<T, H> {
    /// The event of one coroutine's end.
    pub(crate) fn new(handle: H) -> EndEvent<T, H> {
        EndEvent {
            handle,
            entry: Entry::new(),
            _result: PhantomData,
        }
    }

    /// What stands behind the handle.
    fn joiner(&self) -> &Joiner<T> {
        &self.handle.borrow().0
    }
}

impl<T, H: BorrowMut<JoinHandle<T>>> RawEvent for EndEvent<T, H> {
    fn offer(&mut self) -> bool {
        self.joiner().is_done()
    }

    fn register(&mut self, by: &Registration, arm: u16) -> bool {
        let joiner = &self.handle.borrow().0;
        // SAFETY: (docs/safety.md, I2) it is unlinked from this queue, which the joiner keeps, before the event goes.
        unsafe { self.entry.link_in(joiner.joiners(), by, arm) };
        // Pairs with the fence of the coroutine that ends.
        fence(Ordering::SeqCst);
        joiner.is_done()
    }

    fn withdraw(&mut self) {
        if self.entry.is_used() {
            // SAFETY: (docs/safety.md, I2) it was linked there.
            unsafe { self.entry.unlink_from(self.handle.borrow().0.joiners()) };
        }
    }
}

impl<T, H: BorrowMut<JoinHandle<T>>> TaskEvent for EndEvent<T, H> {
    // All are woken who wait for the end.
    fn relinquish(&mut self) {}
}

impl<T, H: BorrowMut<JoinHandle<T>>> Finish for EndEvent<T, H> {
    type Output = super::Result<T>;

    fn finish(mut self) -> super::Result<T> {
        self.handle.borrow_mut().0.take_once()
    }
}

impl<T, H: BorrowMut<JoinHandle<T>>> fmt::Debug for EndEvent<T, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("EndEvent { .. }")
    }
}

/// The result of the coroutine, when it has ended. Dropping the future detaches the coroutine, as dropping the handle does.
///
/// # Examples
///
/// ```
/// use may::{coroutine::spawn, future::block_on};
///
/// let handle = spawn(|| 6 * 7);
/// assert_eq!(block_on(async { handle.await.unwrap() }), 42);
/// ```
impl<T> IntoFuture for JoinHandle<T> {
    type Output = super::Result<T>;
    type IntoFuture = JoinFuture<T>;

    fn into_future(self) -> JoinFuture<T> {
        EventFuture::new(EndEvent::new(self))
    }
}

/// The result of the coroutine, when it has ended, which can be taken once. The handle can be joined as long as the future was not
/// ready.
///
/// # Panics
///
/// The future panics if the result was taken before, by another future or a `select!`.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use may::{coroutine::{self, spawn}, future::{block_on, timeout}};
///
/// let mut handle = spawn(|| coroutine::park());
/// let early = block_on(timeout(Duration::from_millis(1), &mut handle));
/// assert!(early.is_err());
/// handle.coroutine().unpark();
/// handle.join().unwrap();
/// ```
impl<'a, T> IntoFuture for &'a mut JoinHandle<T> {
    type Output = super::Result<T>;
    type IntoFuture = EventFuture<JoinEvent<'a, T>>;

    fn into_future(self) -> EventFuture<JoinEvent<'a, T>> {
        EventFuture::new(EndEvent::new(self))
    }
}

/// Blocking code as an arm: a coroutine of its own on the same worker, which lives no longer than the select.
///
/// `M` makes what the coroutine is to run, when it is started: a closure, or the call of a coroutine, which brings its own size of stack
/// and its name.
pub struct RunEvent<M, T> {
    state: Run<M, T>,
    entry: Entry,
    location: &'static Location<'static>,
}

/// How far the code of an arm is.
enum Run<M, T> {
    /// It will be started when no other arm is ready.
    Waiting(Option<M>),
    /// It runs, or has ended.
    Started(Joiner<T>),
    /// It was cancelled because another arm has won.
    Abandoned,
}

impl<M, T> RunEvent<M, T> {
    /// The event of what `make` makes having run.
    ///
    /// # Panics
    ///
    /// Panics on a plain thread, whether or not it would come to running anything.
    #[track_caller]
    fn new(make: M) -> RunEvent<M, T> {
        assert!(
            super::is_coroutine(),
            "`run` was used as an arm of a `select!` on a plain thread, which has no worker to run it\n\
             help: put the `select!` into a coroutine, as in `may::coroutine::spawn(..).join()`"
        );
        RunEvent {
            state: Run::Waiting(Some(make)),
            entry: Entry::new(),
            location: Location::caller(),
        }
    }
}

/// The event of some code's having run.
#[track_caller]
pub fn run<F: FnOnce() -> T, T>(f: F) -> RunEvent<impl FnOnce() -> F, T> {
    RunEvent::new(move || f)
}

/// The event of an expression's having been evaluated: of one that is a [`Call`] or a [`LocalCall`], of the called coroutine's having
/// run.
///
/// `select!` writes `run_expression(|| EXPRESSION).event()`, and rustc looks for the method in [`Expression`] first, where it is if the
/// expression is a call, then in [`LocalExpression`], and last in [`AnyExpression`], where it always is.
pub fn run_expression<F>(expression: F) -> Expression<F> {
    Expression(LocalExpression(AnyExpression(Cell::new(Some(expression)))))
}

/// An expression that may be a [`Call`].
#[derive(Debug)]
pub struct Expression<F>(LocalExpression<F>);

/// An expression that may be a [`LocalCall`].
#[derive(Debug)]
pub struct LocalExpression<F>(AnyExpression<F>);

/// An expression.
pub struct AnyExpression<F>(Cell<Option<F>>);

impl<F> fmt::Debug for AnyExpression<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("AnyExpression { .. }")
    }
}

impl<F, B> Expression<F>
where
    F: FnOnce() -> Call<B>,
    B: CoroutineFn,
{
    /// The event of a call.
    #[track_caller]
    pub fn event(&self) -> RunEvent<F, B::Output> {
        RunEvent::new(self.take())
    }
}

impl<F, B> LocalExpression<F>
where
    F: FnOnce() -> LocalCall<B>,
    B: CoroutineFn,
{
    /// The event of a call that stays with its worker, as every arm does.
    #[track_caller]
    pub fn event(&self) -> RunEvent<impl FnOnce() -> Call<B> + use<F, B>, B::Output> {
        let make = self.take();
        RunEvent::new(move || make().into_call())
    }
}

impl<F: FnOnce() -> T, T> AnyExpression<F> {
    /// The event of any code.
    #[track_caller]
    pub fn event(&self) -> RunEvent<impl FnOnce() -> F + use<F, T>, T> {
        let code = self.take();
        RunEvent::new(move || code)
    }
}

impl<F> AnyExpression<F> {
    fn take(&self) -> F {
        self.0.take().expect("`select!` makes one event of it")
    }
}

impl<F> Deref for Expression<F> {
    type Target = LocalExpression<F>;

    fn deref(&self) -> &LocalExpression<F> {
        &self.0
    }
}

impl<F> Deref for LocalExpression<F> {
    type Target = AnyExpression<F>;

    fn deref(&self) -> &AnyExpression<F> {
        &self.0
    }
}

impl<M, C> RawEvent for RunEvent<M, C::Output>
where
    M: FnOnce() -> C,
    C: CoroutineFn,
{
    fn offer(&mut self) -> bool {
        matches!(&self.state, Run::Started(joiner) if joiner.is_done())
    }

    unsafe fn start(&mut self) {
        if let Run::Waiting(make) = &mut self.state
            && let Some(make) = make.take()
        {
            let mut code = make();
            let builder = code.builder();
            // SAFETY: (docs/safety.md, I3) the caller has the coroutine joined before what the code borrows goes; and it stays with
            // this worker.
            match unsafe { builder.plant_local(self.location, || code.run(), ()) } {
                Ok(joiner) => self.state = Run::Started(joiner),
                Err(error) => spawn_failed(&error),
            }
        }
    }

    fn register(&mut self, by: &Registration, arm: u16) -> bool {
        let Run::Started(joiner) = &self.state else {
            return false;
        };
        // SAFETY: (docs/safety.md, I2) the engine has it unlinked from this queue, which the joiner keeps, before the event goes.
        unsafe { self.entry.link_in(joiner.joiners(), by, arm) };
        // Pairs with the fence of the coroutine that ends.
        fence(Ordering::SeqCst);
        self.offer()
    }

    fn withdraw(&mut self) {
        if let Run::Started(joiner) = &self.state
            && self.entry.is_used()
        {
            // SAFETY: (docs/safety.md, I2) it was linked there.
            unsafe { self.entry.unlink_from(joiner.joiners()) };
        }
    }

    fn has_child(&self) -> bool {
        true
    }

    fn cancel_child(&self) {
        if let Run::Started(joiner) = &self.state {
            Header::cancel(joiner.reference().as_ptr());
        }
    }

    fn wait_for_child(&self) {
        if let Run::Started(joiner) = &self.state {
            cancel::insist(|| wait_for_end(joiner));
        }
    }

    fn discard_child(&mut self) -> Option<Box<dyn Any + Send>> {
        match std::mem::replace(&mut self.state, Run::Abandoned) {
            Run::Started(joiner) => joiner.take().err().filter(|payload| is_panic(&**payload)),
            _ => None,
        }
    }
}

impl<M, T> Finish for RunEvent<M, T> {
    type Output = T;

    fn finish(self) -> T {
        let Run::Started(joiner) = self.state else {
            unreachable!("the operation has happened")
        };
        joiner
            .take()
            .unwrap_or_else(|payload| unwinding::resume(payload))
    }
}

impl<M, T> fmt::Debug for RunEvent<M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("RunEvent { .. }")
    }
}
