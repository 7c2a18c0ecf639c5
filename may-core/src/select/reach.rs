//! From what users name in an arm to what its operation is for: through references, boxes, counted
//! pointers and options.
//!
//! What an arm gets may borrow from there (a right to send, a permit, a guard) and outlives what
//! the arm's argument has created. So it borrows from as far inside as it can: from a reference to
//! a reference to a sender, the sender.

use std::rc::Rc;
use std::sync::Arc;

use crate::channel::{Receiver, Sender};
use crate::process::Child;
use crate::signal::Signals;
use crate::spawn::{JoinHandle, ScopedJoinHandle, TaskGroup};
use crate::sync::{
    CancelToken, LazyLock, Mutex, Notify, Once, OnceLock, RwLock, Semaphore, SyncFlag, broadcast,
    mpmc, mpsc, oneshot, spsc, watch,
};
use crate::time::Interval;

/// A reference to something that an operation is for, or to what leads there.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not what this operation is for",
    label = "no operation of `select!` is for this",
    note = "operations are for what is May's, such as `may::channel`, `may::sync` and `may::net`, not for std's or other crates' types",
    note = "what dereferences to something that it is for is written with an asterisk, as in `recv(*guard)`"
)]
pub trait Reach<'a> {
    /// What the operation is for.
    type Thing: ?Sized + 'a;

    /// That thing, if it is there.
    #[doc(hidden)]
    fn reach(self) -> Option<&'a Self::Thing>;
}

/// The same for what an operation borrows exclusively.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not what this operation is for",
    label = "neither the handle of a coroutine nor a group nor an interval",
    note = "what dereferences to one is written with an asterisk, as in `join(*handle)`"
)]
pub trait ReachMut<'a> {
    /// What the operation is for.
    type Thing: ?Sized + 'a;

    /// That thing, if it is there.
    #[doc(hidden)]
    fn reach_mut(self) -> Option<&'a mut Self::Thing>;
}

/// A reference, by a name that a macro can be given.
type Shared<'a, T> = &'a T;
/// The same, exclusive.
type Exclusive<'a, T> = &'a mut T;

/// Ends the way at the things themselves.
macro_rules! things {
    ($trait:ident, $reach:ident, $reference:ident; $([$($generics:tt)*] $thing:ty;)+) => {
        $(
            #[diagnostic::do_not_recommend]
            impl<'a, $($generics)*> $trait<'a> for $reference<'a, $thing> {
                type Thing = $thing;

                fn $reach(self) -> Option<$reference<'a, $thing>> {
                    Some(self)
                }
            }
        )+
    };
}

things! {
    Reach, reach, Shared;
    [T] Receiver<T>;
    [T] mpsc::Receiver<T>;
    [T] mpmc::Receiver<T>;
    [T] spsc::Receiver<T>;
    [T] oneshot::Receiver<T>;
    [T] broadcast::Receiver<T>;
    [T] watch::Receiver<T>;
    [] Signals;
    [T] Sender<T>;
    [T] mpsc::Sender<T>;
    [T] mpsc::SyncSender<T>;
    [T] mpmc::Sender<T>;
    [T] oneshot::Sender<T>;
    [T] watch::Sender<T>;
    [T: ?Sized] Mutex<T>;
    [T: ?Sized] RwLock<T>;
    [] Semaphore;
    [] SyncFlag;
    [] CancelToken;
    [] Notify;
    [] Once;
    [T] OnceLock<T>;
    [T, F] LazyLock<T, F>;
    [] Child;
}

things! {
    ReachMut, reach_mut, Exclusive;
    [T] JoinHandle<T>;
    ['scope, T] ScopedJoinHandle<'scope, T>;
    [T] TaskGroup<T>;
    [] Interval;
}

/// Goes through what leads to a thing. `$inner` is how long what is inside of the pointer can be
/// borrowed.
macro_rules! through {
    (
        $trait:ident, $reach:ident, $reference:ident;
        $([$($generics:tt)*] $outer:lifetime $pointer:ty, $inner:lifetime, $this:ident => $inside:expr;)+
    ) => {
        $(
            #[diagnostic::do_not_recommend]
            impl<'a, $($generics)*> $trait<'a> for $reference<$outer, $pointer>
            where
                $reference<$inner, R>: $trait<'a>,
            {
                type Thing = <$reference<$inner, R> as $trait<'a>>::Thing;

                fn $reach(self) -> Option<$reference<'a, Self::Thing>> {
                    let $this = self;
                    let inside: $reference<$inner, R> = $inside;
                    inside.$reach()
                }
            }
        )+
    };
}

through! {
    Reach, reach, Shared;
    ['inner, R: ?Sized] '_ &'inner R, 'inner, this => this;
    ['outer, R: ?Sized] 'outer &'_ mut R, 'outer, this => this;
    ['outer, R: ?Sized] 'outer Box<R>, 'outer, this => this;
    ['outer, R: ?Sized] 'outer Rc<R>, 'outer, this => this;
    ['outer, R: ?Sized] 'outer Arc<R>, 'outer, this => this;
    ['outer, R] 'outer Option<R>, 'outer, this => this.as_ref()?;
}

through! {
    ReachMut, reach_mut, Exclusive;
    ['outer, R: ?Sized] 'outer &'_ mut R, 'outer, this => this;
    ['outer, R: ?Sized] 'outer Box<R>, 'outer, this => this;
    ['outer, R] 'outer Option<R>, 'outer, this => this.as_mut()?;
}
