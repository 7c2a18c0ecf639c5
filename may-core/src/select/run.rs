//! Blocking code as an arm: `run(..)`.

use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::ops::Deref;
use std::panic::Location;
use std::pin::Pin;

use crate::coroutine::header::Header;
use crate::coroutine::{cancel, unwinding};
use crate::operation::{Arm, Caller, Finish, Needs, Operation, Queued, Queueing, Registration};
use crate::spawn::builder::spawn_failed;
use crate::spawn::handle::wait_for_end;
use crate::spawn::task::{Joiner, is_panic};
use crate::spawn::{self, Call, CoroutineFn, LocalCall, is_coroutine};
use crate::wait::WaitQueue;

/// The end of a coroutine that an arm has started. Its result is taken when the arm has won.
struct ChildEnd<T>(Joiner<T>);

impl<T> Queueing for ChildEnd<T> {
    type Output = ();

    fn kind(&self) -> &'static str {
        "join"
    }

    fn queue(&self) -> &WaitQueue {
        self.0.joiners()
    }

    fn attempt(&mut self) -> Option<()> {
        self.0.is_done().then_some(())
    }

    fn is_ready(&self) -> bool {
        self.0.is_done()
    }
}

pin_project_lite::pin_project! {
    /// Blocking code as an arm: a coroutine of its own on the same worker, which lives no longer
    /// than the select.
    ///
    /// `M` makes what the coroutine is to run, when it is started: a closure, or the call of a
    /// coroutine, which brings its own size of stack and its name. It is no operation: it has to
    /// end before the caller's frame goes, and only a select sees to that.
    pub struct RunArm<M, T> {
        // Until it is started, when no other arm is ready.
        make: Option<M>,
        #[pin]
        end: Option<Queued<ChildEnd<T>>>,
        location: &'static Location<'static>,
    }
}

impl<M, T> RunArm<M, T> {
    /// The arm of what `make` makes.
    ///
    /// # Panics
    ///
    /// Panics on a plain thread, whether or not it would come to running anything.
    #[track_caller]
    fn new(make: M) -> RunArm<M, T> {
        assert!(
            is_coroutine(),
            "`run` was used as an arm of a `select!` on a plain thread, which has no worker to run it\n\
             help: put the `select!` into a coroutine, as in `may::coroutine::spawn(..).join()`"
        );
        RunArm {
            make: Some(make),
            end: None,
            location: Location::caller(),
        }
    }

    /// What stands behind the coroutine, if it was started.
    fn joiner(&self) -> Option<&Joiner<T>> {
        self.end.as_ref().map(|end| &end.queueing().0)
    }

    /// Takes the result of the coroutine, if it was started. It has ended.
    fn take(self: Pin<&mut Self>) -> Option<spawn::Result<T>> {
        let end = self.project().end.as_pin_mut()?;
        Some(end.queueing_mut().0.take_once())
    }
}

/// The event of some code's having run.
#[track_caller]
pub fn run<F: FnOnce() -> T, T>(f: F) -> RunArm<impl FnOnce() -> F, T> {
    RunArm::new(move || f)
}

/// The event of an expression's having been evaluated: of one that is a [`Call`] or a
/// [`LocalCall`], of the called coroutine's having run.
///
/// `select!` writes `run_expression(|| EXPRESSION).event()`, and rustc looks for the method in
/// [`Expression`] first, where it is if the expression is a call, then in [`LocalExpression`], and
/// last in [`AnyExpression`], where it always is.
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
    pub fn event(&self) -> RunArm<F, B::Output> {
        RunArm::new(self.take())
    }
}

impl<F, B> LocalExpression<F>
where
    F: FnOnce() -> LocalCall<B>,
    B: CoroutineFn,
{
    /// The event of a call that stays with its worker, as every arm does.
    #[track_caller]
    pub fn event(&self) -> RunArm<impl FnOnce() -> Call<B> + use<F, B>, B::Output> {
        let make = self.take();
        RunArm::new(move || make().into_call())
    }
}

impl<F: FnOnce() -> T, T> AnyExpression<F> {
    /// The event of any code.
    #[track_caller]
    pub fn event(&self) -> RunArm<impl FnOnce() -> F + use<F, T>, T> {
        let code = self.take();
        RunArm::new(move || code)
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

impl<M, C> Arm<()> for RunArm<M, C::Output>
where
    M: FnOnce() -> C,
    C: CoroutineFn,
{
    fn attempt(self: Pin<&mut Self>, by: Caller) -> Option<()> {
        self.project()
            .end
            .as_pin_mut()
            .and_then(|end| Operation::attempt(end, by))
    }

    fn register(self: Pin<&mut Self>, by: &Registration) -> bool {
        let end = self.project().end.as_pin_mut();
        end.is_some_and(|end| Operation::register(end, by))
    }

    fn withdraw(self: Pin<&mut Self>, by: Caller) -> Option<()> {
        self.project()
            .end
            .as_pin_mut()
            .and_then(|end| Operation::withdraw(end, by))
    }

    fn abandon(self: Pin<&mut Self>) {
        if let Some(end) = self.project().end.as_pin_mut() {
            Operation::abandon(end);
        }
    }

    fn is_committed(&self) -> bool {
        self.end.as_ref().is_some_and(Operation::is_committed)
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn is_enabled(&self) -> bool {
        true
    }

    fn cancelled(self: Pin<&mut Self>) -> Option<()> {
        None
    }

    unsafe fn start(self: Pin<&mut Self>) {
        let mut this = self.project();
        let Some(make) = this.make.take() else {
            return;
        };
        let mut code = make();
        let builder = code.builder();
        // SAFETY: (I3) the caller joins the coroutine before what the code borrows goes; and it
        // stays with this worker.
        match unsafe { builder.spawn_local_unchecked(this.location, || code.run(), ()) } {
            Ok(joiner) => this.end.set(Some(Queued::new(ChildEnd(joiner)))),
            Err(error) => spawn_failed(&error),
        }
    }

    fn has_child(&self) -> bool {
        true
    }

    fn cancel_child(&self) {
        if let Some(joiner) = self.joiner() {
            Header::cancel(joiner.reference().as_ptr());
        }
    }

    fn wait_for_child(&self) {
        if let Some(joiner) = self.joiner() {
            cancel::insist(|| wait_for_end(joiner));
        }
    }

    fn discard_child(self: Pin<&mut Self>) -> Option<Box<dyn Any + Send>> {
        let payload = self.take()?.err()?;
        is_panic(&*payload).then_some(payload)
    }
}

impl<M, T> Finish for RunArm<M, T> {
    type Output = T;

    fn finish(self: Pin<&mut Self>) -> T {
        let result = self.take().expect("the coroutine has ended");
        result.unwrap_or_else(|payload| unwinding::resume(payload))
    }
}

impl<M, T> fmt::Debug for RunArm<M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("RunArm { .. }")
    }
}
