//! Operations that are made of one other: with another outcome, made late, or one of two.

use std::fmt;
use std::pin::Pin;

use super::{Arm, Attempted, Caller, Needs, OpFuture, Operation, Registration};

pin_project_lite::pin_project! {
    /// An operation with another outcome; from [`Operation::map`].
    #[must_use = "an operation does nothing until it is waited for"]
    pub struct Map<O, F> {
        #[pin]
        operation: O,
        // Gone when it was called.
        f: Option<F>,
    }
}

impl<O, F> Map<O, F> {
    /// The operation whose outcome is what `f` makes of the outcome of `operation`.
    #[inline]
    pub(super) fn new(operation: O, f: F) -> Map<O, F> {
        Map {
            operation,
            f: Some(f),
        }
    }
}

impl<O: Operation, R, F: FnOnce(O::Output) -> R> Map<O, F> {
    /// Calls `f`, which happens once.
    #[inline]
    fn finish(f: &mut Option<F>, output: O::Output) -> R {
        let f = f.take().expect("an operation happens once");
        f(output)
    }
}

impl<O: Operation, R, F: FnOnce(O::Output) -> R> Operation for Map<O, F> {
    #[inline]
    fn attempt(self: Pin<&mut Self>, by: Caller) -> Option<R> {
        let this = self.project();
        let output = this.operation.attempt(by)?;
        Some(Self::finish(this.f, output))
    }

    #[inline(always)]
    fn attempt_or_register<'r>(
        self: Pin<&mut Self>,
        open: impl FnOnce(Needs) -> &'r Registration,
    ) -> Attempted<R> {
        let this = self.project();
        match this.operation.attempt_or_register(open) {
            Attempted::Happened(output) => Attempted::Happened(Self::finish(this.f, output)),
            Attempted::Registered { ready } => Attempted::Registered { ready },
        }
    }

    fn register(self: Pin<&mut Self>, by: &Registration) -> bool {
        self.project().operation.register(by)
    }

    #[inline]
    fn withdraw(self: Pin<&mut Self>, by: Caller) -> Option<R> {
        let this = self.project();
        let output = this.operation.withdraw(by)?;
        Some(Self::finish(this.f, output))
    }

    #[inline]
    fn withdraw_alone(self: Pin<&mut Self>) -> Option<R> {
        let this = self.project();
        let output = this.operation.withdraw_alone()?;
        Some(Self::finish(this.f, output))
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

    fn cancelled(self: Pin<&mut Self>) -> Option<R> {
        let this = self.project();
        let output = this.operation.cancelled()?;
        Some(Self::finish(this.f, output))
    }

    fn spend_budget(&self) {
        self.operation.spend_budget();
    }

    fn at_deadline(self: Pin<&mut Self>) -> Option<R> {
        let this = self.project();
        let output = this.operation.at_deadline()?;
        Some(Self::finish(this.f, output))
    }
}

impl<O: Operation, R, F: FnOnce(O::Output) -> R> IntoFuture for Map<O, F> {
    type Output = R;
    type IntoFuture = OpFuture<Self>;

    fn into_future(self) -> OpFuture<Self> {
        OpFuture::new(self)
    }
}

impl<O: fmt::Debug, F> fmt::Debug for Map<O, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Map")
            .field("operation", &self.operation)
            .finish_non_exhaustive()
    }
}

pin_project_lite::pin_project! {
    /// An operation that is made when it is waited for; from [`guard`].
    #[must_use = "an operation does nothing until it is waited for"]
    pub struct Guard<F, O> {
        // Gone when it was called.
        make: Option<F>,
        #[pin]
        operation: Option<O>,
    }
}

/// The operation that `make` makes when it is waited for, tried, or polled first: for a time-out
/// that begins then, or a value that is expensive to make. (In Concurrent ML this is `guard`.)
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use may::op::{self, Operation};
///
/// fn soon() -> impl Operation<Output = ()> {
///     op::guard(|| op::after(Duration::from_millis(1)))
/// }
///
/// let soon = soon();
/// // The millisecond begins here.
/// soon.wait();
/// ```
pub fn guard<F, O>(make: F) -> Guard<F, O>
where
    F: FnOnce() -> O,
    O: Operation,
{
    Guard {
        make: Some(make),
        operation: None,
    }
}

impl<F: FnOnce() -> O, O: Operation> Guard<F, O> {
    /// The operation, which is made now if it was not before.
    #[inline]
    fn made(self: Pin<&mut Self>) -> Pin<&mut O> {
        let mut this = self.project();
        if let Some(make) = this.make.take() {
            this.operation.set(Some(make()));
        }
        this.operation.as_pin_mut().expect("it was made")
    }

    /// The operation, if it was made.
    #[inline]
    fn is_made_and(&self, holds: impl FnOnce(&O) -> bool) -> bool {
        self.operation.as_ref().is_some_and(holds)
    }
}

impl<F: FnOnce() -> O, O: Operation> Operation for Guard<F, O> {
    fn attempt(self: Pin<&mut Self>, by: Caller) -> Option<O::Output> {
        self.made().attempt(by)
    }

    fn register(self: Pin<&mut Self>, by: &Registration) -> bool {
        // User code must not run here. If it was not made yet it was not tried either, which comes
        // first.
        let operation = self.project().operation.as_pin_mut();
        operation.is_none_or(|operation| operation.register(by))
    }

    fn withdraw(self: Pin<&mut Self>, by: Caller) -> Option<O::Output> {
        self.project().operation.as_pin_mut()?.withdraw(by)
    }

    fn abandon(self: Pin<&mut Self>) {
        if let Some(operation) = self.project().operation.as_pin_mut() {
            operation.abandon();
        }
    }

    fn is_committed(&self) -> bool {
        self.is_made_and(O::is_committed)
    }

    fn needs(&self) -> Needs {
        self.operation.as_ref().map_or(Needs::NOTHING, O::needs)
    }

    fn is_enabled(&self) -> bool {
        self.make.is_some() || self.is_made_and(O::is_enabled)
    }

    fn cancelled(self: Pin<&mut Self>) -> Option<O::Output> {
        self.project().operation.as_pin_mut()?.cancelled()
    }

    fn at_deadline(self: Pin<&mut Self>) -> Option<O::Output> {
        self.project().operation.as_pin_mut()?.at_deadline()
    }
}

impl<F: FnOnce() -> O, O: Operation> IntoFuture for Guard<F, O> {
    type Output = O::Output;
    type IntoFuture = OpFuture<Self>;

    fn into_future(self) -> OpFuture<Self> {
        OpFuture::new(self)
    }
}

impl<F, O> fmt::Debug for Guard<F, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("is_made", &self.make.is_none())
            .finish_non_exhaustive()
    }
}

/// An operation of any type; from [`Operation::boxed`].
#[must_use = "an operation does nothing until it is waited for"]
pub struct Boxed<'a, T>(Pin<Box<dyn Arm<T> + 'a>>);

impl<'a, T> Boxed<'a, T> {
    /// The same operation behind a pointer.
    pub(super) fn new(operation: impl Operation<Output = T> + 'a) -> Boxed<'a, T> {
        Boxed(Box::pin(operation))
    }
}

impl<T> Operation for Boxed<'_, T> {
    fn attempt(mut self: Pin<&mut Self>, by: Caller) -> Option<T> {
        self.0.as_mut().attempt(by)
    }

    fn register(mut self: Pin<&mut Self>, by: &Registration) -> bool {
        self.0.as_mut().register(by)
    }

    fn withdraw(mut self: Pin<&mut Self>, by: Caller) -> Option<T> {
        self.0.as_mut().withdraw(by)
    }

    fn abandon(mut self: Pin<&mut Self>) {
        self.0.as_mut().abandon();
    }

    fn is_committed(&self) -> bool {
        self.0.is_committed()
    }

    fn needs(&self) -> Needs {
        self.0.needs()
    }

    fn is_enabled(&self) -> bool {
        self.0.is_enabled()
    }

    fn cancelled(mut self: Pin<&mut Self>) -> Option<T> {
        self.0.as_mut().cancelled()
    }

    fn at_deadline(mut self: Pin<&mut Self>) -> Option<T> {
        self.0.as_mut().at_deadline()
    }

    fn spend_budget(&self) {
        self.0.spend_budget();
    }
}

impl<T> IntoFuture for Boxed<'_, T> {
    type Output = T;
    type IntoFuture = OpFuture<Self>;

    fn into_future(self) -> OpFuture<Self> {
        OpFuture::new(self)
    }
}

impl<T> fmt::Debug for Boxed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Boxed { .. }")
    }
}

/// Defines the operation of a primitive: a type that users can name, over the building blocks,
/// which they cannot; one for each kind of the primitive. `$kind` and `$projection` are names that
/// are not used otherwise.
macro_rules! operation {
    (
        $(#[$attribute:meta])*
        pub struct $name:ident[$($generics:tt)*][$($arguments:tt)*] => $output:ty
        as $kind:ident $projection:ident {
            $($variant:ident($operation:ty),)+
        }
    ) => {
        pin_project_lite::pin_project! {
            $(#[$attribute])*
            #[must_use = "an operation does nothing until it is waited for"]
            pub struct $name<$($generics)*> {
                #[pin]
                kind: $kind<$($arguments)*>,
            }
        }

        pin_project_lite::pin_project! {
            #[project = $projection]
            enum $kind<$($generics)*> {
                $($variant { #[pin] operation: $operation },)+
            }
        }

        impl<$($generics)*> $crate::operation::Operation for $name<$($arguments)*> {
            #[inline]
            fn attempt(self: std::pin::Pin<&mut Self>, by: $crate::operation::Caller) -> Option<$output> {
                match self.project().kind.project() {
                    $($projection::$variant { operation } => operation.attempt(by),)+
                }
            }

            #[inline(always)]
            fn attempt_or_register<'r>(
                self: std::pin::Pin<&mut Self>,
                open: impl FnOnce($crate::operation::Needs) -> &'r $crate::operation::Registration,
            ) -> $crate::operation::Attempted<$output> {
                match self.project().kind.project() {
                    $($projection::$variant { operation } => operation.attempt_or_register(open),)+
                }
            }

            #[inline]
            fn register(self: std::pin::Pin<&mut Self>, by: &$crate::operation::Registration) -> bool {
                match self.project().kind.project() {
                    $($projection::$variant { operation } => operation.register(by),)+
                }
            }

            #[inline]
            fn withdraw(self: std::pin::Pin<&mut Self>, by: $crate::operation::Caller) -> Option<$output> {
                match self.project().kind.project() {
                    $($projection::$variant { operation } => operation.withdraw(by),)+
                }
            }

            #[inline]
            fn withdraw_alone(self: std::pin::Pin<&mut Self>) -> Option<$output> {
                match self.project().kind.project() {
                    $($projection::$variant { operation } => operation.withdraw_alone(),)+
                }
            }

            fn abandon(self: std::pin::Pin<&mut Self>) {
                match self.project().kind.project() {
                    $($projection::$variant { operation } => operation.abandon(),)+
                }
            }

            #[inline]
            fn is_committed(&self) -> bool {
                match &self.kind {
                    $($kind::$variant { operation } => operation.is_committed(),)+
                }
            }

            #[inline]
            fn needs(&self) -> $crate::operation::Needs {
                match &self.kind {
                    $($kind::$variant { operation } => operation.needs(),)+
                }
            }

            fn cancelled(self: std::pin::Pin<&mut Self>) -> Option<$output> {
                match self.project().kind.project() {
                    $($projection::$variant { operation } => operation.cancelled(),)+
                }
            }

            fn at_deadline(self: std::pin::Pin<&mut Self>) -> Option<$output> {
                match self.project().kind.project() {
                    $($projection::$variant { operation } => operation.at_deadline(),)+
                }
            }

            #[inline]
            fn spend_budget(&self) {
                match &self.kind {
                    $($kind::$variant { operation } => operation.spend_budget(),)+
                }
            }
        }

        impl<$($generics)*> IntoFuture for $name<$($arguments)*> {
            type Output = $output;
            type IntoFuture = $crate::operation::OpFuture<Self>;

            fn into_future(self) -> $crate::operation::OpFuture<Self> {
                $crate::operation::OpFuture::new(self)
            }
        }

        impl<$($generics)*> std::fmt::Debug for $name<$($arguments)*> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(concat!(stringify!($name), " { .. }"))
            }
        }
    };
}
pub(crate) use operation;
