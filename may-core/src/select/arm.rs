//! An operation as an arm: when it has happened its outcome stays there, since the engine knows no
//! types.

use std::fmt;
use std::pin::Pin;

use crate::operation::{Arm, Caller, Finish, Needs, Operation, Registration};

pin_project_lite::pin_project! {
    /// See the module's documentation.
    pub struct OpArm<O: Operation> {
        #[pin]
        operation: O,
        output: Option<O::Output>,
    }
}

impl<O: Operation> OpArm<O> {
    /// The arm of an operation.
    #[inline]
    pub fn new(operation: O) -> OpArm<O> {
        OpArm {
            operation,
            output: None,
        }
    }

    /// Keeps the outcome, if there is one.
    #[inline]
    fn keep(
        self: Pin<&mut Self>,
        step: impl FnOnce(Pin<&mut O>) -> Option<O::Output>,
    ) -> Option<()> {
        let this = self.project();
        *this.output = step(this.operation);
        this.output.is_some().then_some(())
    }
}

impl<O: Operation> Arm<()> for OpArm<O> {
    #[inline]
    fn attempt(self: Pin<&mut Self>, by: Caller) -> Option<()> {
        self.keep(|operation| operation.attempt(by))
    }

    fn register(self: Pin<&mut Self>, by: &Registration) -> bool {
        self.project().operation.register(by)
    }

    fn withdraw(self: Pin<&mut Self>, by: Caller) -> Option<()> {
        self.keep(|operation| operation.withdraw(by))
    }

    fn abandon(self: Pin<&mut Self>) {
        self.project().operation.abandon();
    }

    fn is_committed(&self) -> bool {
        self.operation.is_committed()
    }

    fn needs(&self) -> Needs {
        self.operation.needs()
    }

    fn is_enabled(&self) -> bool {
        self.operation.is_enabled()
    }

    fn cancelled(self: Pin<&mut Self>) -> Option<()> {
        self.keep(|operation| operation.cancelled())
    }
}

impl<O: Operation> Finish for OpArm<O> {
    type Output = O::Output;

    #[inline]
    fn finish(self: Pin<&mut Self>) -> O::Output {
        let output = self.project().output.take();
        output.expect("the operation has happened")
    }
}

impl<O: Operation> fmt::Debug for OpArm<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("OpArm { .. }")
    }
}

/// An arm that may be missing, which never happens.
impl<A: Arm<()>> Arm<()> for Option<A> {
    #[inline]
    fn attempt(self: Pin<&mut Self>, by: Caller) -> Option<()> {
        self.as_pin_mut()?.attempt(by)
    }

    fn register(self: Pin<&mut Self>, by: &Registration) -> bool {
        self.as_pin_mut().is_some_and(|arm| arm.register(by))
    }

    fn withdraw(self: Pin<&mut Self>, by: Caller) -> Option<()> {
        self.as_pin_mut()?.withdraw(by)
    }

    fn abandon(self: Pin<&mut Self>) {
        if let Some(arm) = self.as_pin_mut() {
            arm.abandon();
        }
    }

    fn is_committed(&self) -> bool {
        self.as_ref().is_some_and(A::is_committed)
    }

    fn needs(&self) -> Needs {
        self.as_ref().map_or(Needs::NOTHING, A::needs)
    }

    fn is_enabled(&self) -> bool {
        self.as_ref().is_some_and(A::is_enabled)
    }

    fn cancelled(self: Pin<&mut Self>) -> Option<()> {
        self.as_pin_mut()?.cancelled()
    }

    unsafe fn start(self: Pin<&mut Self>) {
        if let Some(arm) = self.as_pin_mut() {
            // SAFETY: (I3) as promised by the caller.
            unsafe { arm.start() };
        }
    }

    fn has_child(&self) -> bool {
        self.as_ref().is_some_and(A::has_child)
    }

    fn cancel_child(&self) {
        if let Some(arm) = self {
            arm.cancel_child();
        }
    }

    fn wait_for_child(&self) {
        if let Some(arm) = self {
            arm.wait_for_child();
        }
    }

    fn discard_child(self: Pin<&mut Self>) -> Option<Box<dyn std::any::Any + Send>> {
        self.as_pin_mut()?.discard_child()
    }
}

impl<A: Finish> Finish for Option<A> {
    type Output = A::Output;

    fn finish(self: Pin<&mut Self>) -> A::Output {
        let arm = self.as_pin_mut();
        arm.expect("an arm that is missing does not happen")
            .finish()
    }
}
