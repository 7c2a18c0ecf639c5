//! Calls of functions that are coroutines: what `#[may::coroutine]` makes of a call, before it
//! runs.
//!
//! The methods that take closures ask for `FnOnce`, as std's do, and a type of ours cannot
//! implement that. They could ask for [`CoroutineFn`] instead, which closures implement, too; but
//! then the compiler would no longer know what it knows of std's: that the closure is called once
//! (so it may return what it borrows from itself), and what its result is coerced to. So `spawn`
//! stays what it is, and a call goes to its place by [`Call::spawn_in`].

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::panic::Location;

use super::big_stack::with_stack;
use super::builder::{Builder, spawned};
use super::group::TaskGroup;
use super::handle::JoinHandle;
use super::identity::Coroutine;
use super::scope::{Scope, ScopedJoinHandle};
use crate::coroutine::frame;
use crate::stack::StackSize;
use crate::worker::Placement;

/// What can be the body of a coroutine: a closure without parameters, or a [`Call`].
///
/// The trait differs from `FnOnce() -> T` in that its result has a name, so that
/// `impl CoroutineFn<Output = impl Iterator>` can be written.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot run as a coroutine",
    label = "neither a closure without parameters nor a call of a coroutine",
    note = "a coroutine is a `FnOnce() -> T`, or what a function with `#[may::coroutine]` returns"
)]
pub trait CoroutineFn {
    /// What it returns.
    type Output;

    /// Runs it, here and now.
    fn run(self) -> Self::Output;

    /// Takes the settings out with which it wants to be spawned.
    #[doc(hidden)]
    fn builder(&mut self) -> Builder {
        Builder::new()
    }
}

impl<F: FnOnce() -> T, T> CoroutineFn for F {
    type Output = T;

    #[inline]
    fn run(self) -> T {
        self()
    }
}

/// A call of a function with `#[may::coroutine]`: its arguments, and how it wants to be run. It
/// does nothing by itself.
///
/// # Examples
///
/// ```
/// use may::coroutine::{Call, CoroutineFn, scope};
///
/// // What the attribute makes of `fn sum(numbers: &[i32]) -> i32`:
/// fn sum(numbers: &[i32]) -> Call<impl CoroutineFn<Output = i32> + Send> {
///     Call::new(CallOptions::new(), None, move || numbers.iter().sum())
/// }
///
/// # use may::__private::CallOptions;
/// let numbers = vec![1, 2, 3];
/// let total = scope(|s| sum(&numbers).spawn_in(s).join().unwrap());
/// assert_eq!((total, sum(&[4, 5]).call()), (6, 9));
/// ```
#[must_use = "a coroutine call does nothing until it is spawned"]
pub struct Call<F> {
    body: F,
    name: Option<Cow<'static, str>>,
    stack_size: Option<StackSize>,
    placement: Placement,
}

/// The options of the attribute that do not depend on the arguments.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default)]
pub struct CallOptions {
    name: Option<&'static str>,
    stack_size: Option<StackSize>,
}

impl CallOptions {
    /// Without an option.
    #[must_use]
    pub const fn new() -> CallOptions {
        CallOptions {
            name: None,
            stack_size: None,
        }
    }

    /// `name = ".."` without placeholders.
    #[must_use]
    pub const fn name(mut self, name: &'static str) -> CallOptions {
        self.name = Some(name);
        self
    }

    /// `stack = SIZE`.
    #[must_use]
    pub const fn stack_bytes(mut self, bytes: usize) -> CallOptions {
        self.stack_size = Some(StackSize::from_bytes(bytes));
        self
    }
}

impl<F: CoroutineFn> Call<F> {
    /// What the attribute expands to. `name` is one with the arguments in it.
    #[doc(hidden)]
    #[inline]
    pub fn new(options: CallOptions, name: Option<String>, body: F) -> Call<F> {
        let plain = options.name.map(Cow::Borrowed);
        Call {
            body,
            name: name.map(Cow::Owned).or(plain),
            stack_size: options.stack_size,
            placement: Placement::Auto,
        }
    }

    /// Changes the name of the coroutine, like [`Builder::name`].
    pub fn name(mut self, name: impl Into<String>) -> Call<F> {
        self.name = Some(Cow::Owned(name.into()));
        self
    }

    /// Changes the size of the stack, like [`Builder::stack_size`].
    pub fn stack_size(mut self, bytes: usize) -> Call<F> {
        self.stack_size = Some(StackSize::from_bytes(bytes));
        self
    }

    /// Chooses where the coroutine starts, like [`Builder::placement`].
    pub fn placement(mut self, placement: Placement) -> Call<F> {
        self.placement = placement;
        self
    }

    /// Spawns the coroutine, like [`spawn`](super::spawn).
    ///
    /// Its arguments must not borrow; those that do are for [`spawn_in`](Self::spawn_in) a scope.
    ///
    /// # Panics
    ///
    /// Where [`spawn`](super::spawn) panics.
    ///
    /// # Examples
    ///
    /// See [`Call`].
    #[track_caller]
    pub fn spawn(mut self) -> JoinHandle<F::Output>
    where
        F: Send + 'static,
        F::Output: Send + 'static,
    {
        super::spawn_built(self.builder(), || self.body.run())
    }

    /// Spawns the coroutine so that it stays with the caller's worker from the start, like
    /// [`spawn_local`](super::spawn_local).
    ///
    /// # Panics
    ///
    /// Where [`spawn_local`](super::spawn_local) panics.
    #[track_caller]
    pub fn spawn_local(mut self) -> JoinHandle<F::Output>
    where
        F: 'static,
        F::Output: 'static,
    {
        spawned(self.builder().spawn_local(|| self.body.run()))
    }

    /// Spawns the coroutine in a [`Scope`], a [`TaskGroup`], a
    /// [`Runtime`](crate::runtime::Runtime), or as a [`Builder`] says; what the builder says
    /// counts, what it leaves open is up to the call.
    ///
    /// # Panics
    ///
    /// Where the `spawn` of the place panics.
    ///
    /// # Examples
    ///
    /// See [`Call`].
    #[track_caller]
    pub fn spawn_in<P: SpawnIn<Call<F>>>(self, place: P) -> P::Spawned {
        place.spawn_body(self)
    }

    /// Runs the function as a part of the caller, and returns what it returns.
    ///
    /// If it was given a stack size and the caller's stack, as far as that is known, has less left,
    /// it runs on a stack of that size. (It is known inside coroutines, unless [`with_stack`] is in
    /// force.)
    ///
    /// # Panics
    ///
    /// Goes on with what the function raises, and panics if there is no memory for the stack.
    ///
    /// # Examples
    ///
    /// See [`Call`].
    #[track_caller]
    pub fn call(self) -> F::Output {
        let enough = |size: StackSize| frame::stack_left().is_some_and(|left| left >= size.bytes());
        match self.stack_size {
            Some(size) if !enough(size) => with_stack(size, || self.body.run()),
            _ => self.body.run(),
        }
    }
}

impl<F: CoroutineFn> CoroutineFn for Call<F> {
    type Output = F::Output;

    #[inline]
    fn run(self) -> F::Output {
        self.body.run()
    }

    fn builder(&mut self) -> Builder {
        let name = self.name.take().map(Cow::into_owned);
        Builder::of_call(name, self.stack_size, self.placement)
    }
}

impl<F> fmt::Debug for Call<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("name", &self.name)
            .field("stack_size", &self.stack_size)
            .finish_non_exhaustive()
    }
}

/// A [`Call`] of a function with `#[may::coroutine(local)]`: it stays with the caller's worker, so
/// its arguments need not be `Send`.
#[derive(Debug)]
#[must_use = "a coroutine call does nothing until it is spawned"]
pub struct LocalCall<F>(Call<F>);

impl<F: CoroutineFn> LocalCall<F> {
    /// What the attribute expands to.
    #[doc(hidden)]
    #[inline]
    pub fn new(options: CallOptions, name: Option<String>, body: F) -> LocalCall<F> {
        LocalCall(Call::new(options, name, body))
    }

    /// The call, for an arm that keeps it with the caller's worker.
    pub(crate) fn into_call(self) -> Call<F> {
        self.0
    }

    /// Changes the name of the coroutine, like [`Builder::name`].
    pub fn name(self, name: impl Into<String>) -> LocalCall<F> {
        LocalCall(self.0.name(name))
    }

    /// Changes the size of the stack, like [`Builder::stack_size`].
    pub fn stack_size(self, bytes: usize) -> LocalCall<F> {
        LocalCall(self.0.stack_size(bytes))
    }

    /// Spawns the coroutine with the caller's worker, like [`spawn_local`](super::spawn_local).
    ///
    /// # Panics
    ///
    /// Where [`spawn_local`](super::spawn_local) panics: on a plain thread, or if the runtime was
    /// shut down.
    #[track_caller]
    pub fn spawn_local(self) -> JoinHandle<F::Output>
    where
        F: 'static,
        F::Output: 'static,
    {
        self.0.spawn_local()
    }

    /// Spawns the coroutine in a scope and with the caller's worker, like [`Scope::spawn_local`].
    ///
    /// # Panics
    ///
    /// Where [`Scope::spawn_local`] panics.
    #[track_caller]
    pub fn spawn_local_in<'scope>(
        mut self,
        scope: &'scope Scope<'scope, '_>,
    ) -> ScopedJoinHandle<'scope, F::Output>
    where
        F: 'scope,
        F::Output: 'scope,
    {
        let builder = self.0.builder();
        scope.spawn_local_with(builder, Location::caller(), || self.0.body.run())
    }

    /// Runs the function as a part of the caller, like [`Call::call`].
    ///
    /// # Panics
    ///
    /// Where [`Call::call`] panics.
    #[track_caller]
    pub fn call(self) -> F::Output {
        self.0.call()
    }
}

/// Where a coroutine can be spawned; see [`Call::spawn_in`].
#[diagnostic::on_unimplemented(
    message = "a coroutine call cannot be spawned in `{Self}`",
    note = "a call goes into a `&Scope`, a `&mut TaskGroup`, a `&Runtime` or a `Builder`, \
            and what it borrows must live as long as the place"
)]
pub trait SpawnIn<C> {
    /// What comes back: mostly a handle.
    type Spawned;

    #[doc(hidden)]
    #[track_caller]
    fn spawn_body(self, body: C) -> Self::Spawned;
}

impl<'scope, C> SpawnIn<C> for &'scope Scope<'scope, '_>
where
    C: CoroutineFn + Send + 'scope,
    C::Output: Send + 'scope,
{
    type Spawned = ScopedJoinHandle<'scope, C::Output>;

    #[track_caller]
    fn spawn_body(self, mut body: C) -> Self::Spawned {
        let builder = body.builder();
        spawned(self.spawn_with(builder, Location::caller(), || body.run()))
    }
}

impl<'group, C> SpawnIn<C> for &'group mut TaskGroup<C::Output>
where
    C: CoroutineFn + Send + 'static,
    C::Output: Send + 'static,
{
    type Spawned = &'group Coroutine;

    #[track_caller]
    fn spawn_body(self, mut body: C) -> Self::Spawned {
        let builder = body.builder();
        spawned(self.spawn_with(builder, || body.run()))
    }
}

impl<C> SpawnIn<C> for Builder
where
    C: CoroutineFn + Send + 'static,
    C::Output: Send + 'static,
{
    type Spawned = io::Result<JoinHandle<C::Output>>;

    #[track_caller]
    fn spawn_body(self, mut body: C) -> Self::Spawned {
        self.or(body.builder()).spawn(|| body.run())
    }
}

/// Spawns a closure or a call and panics where a builder would return an error; what `go!` expands
/// to.
#[doc(hidden)]
#[track_caller]
pub fn spawn_body<C>(builder: Builder, body: C) -> JoinHandle<C::Output>
where
    C: CoroutineFn + Send + 'static,
    C::Output: Send + 'static,
{
    spawned(builder.spawn_body(body))
}
