//! The end of a coroutine as an operation.

use std::borrow::BorrowMut;
use std::marker::PhantomData;

use super::handle::JoinHandle;
use crate::operation::{OpFuture, Queued, Queueing, operation};
use crate::wait::WaitQueue;

/// Ready with the result of a coroutine; made of its handle by `.await`.
pub type JoinFuture<T> = OpFuture<Joined<T, JoinHandle<T>>>;

/// The end of a coroutine, for an owner of the handle or a borrower.
struct Joining<T, H> {
    handle: H,
    _result: PhantomData<T>,
}

impl<T, H: BorrowMut<JoinHandle<T>>> Queueing for Joining<T, H> {
    type Output = super::Result<T>;

    fn kind(&self) -> &'static str {
        "join"
    }

    fn queue(&self) -> &WaitQueue {
        self.handle.borrow().0.joiners()
    }

    fn attempt(&mut self) -> Option<super::Result<T>> {
        let joiner = &mut self.handle.borrow_mut().0;
        joiner.is_done().then(|| joiner.take_once())
    }

    fn is_ready(&self) -> bool {
        self.handle.borrow().0.is_done()
    }

    fn spend_budget(&self) {}
}

operation! {
    /// A coroutine's end; from [`op::join`](crate::op::join). The handle can be joined as long as
    /// it has not happened.
    pub struct Joined[T, H: BorrowMut<JoinHandle<T>>][T, H] => super::Result<T>
    as JoinKind JoinProjection {
        Join(Queued<Joining<T, H>>),
    }
}

impl<T, H: BorrowMut<JoinHandle<T>>> Joined<T, H> {
    pub(crate) fn new(handle: H) -> Joined<T, H> {
        let operation = Queued::new(Joining {
            handle,
            _result: PhantomData,
        });
        Joined {
            kind: JoinKind::Join { operation },
        }
    }
}

/// The result of the coroutine, when it has ended. Dropping the future detaches the coroutine, as
/// dropping the handle does.
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
        OpFuture::new(Joined::new(self))
    }
}

/// The result of the coroutine, when it has ended, which can be taken once. The handle can be
/// joined as long as the future was not ready.
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
    type IntoFuture = OpFuture<Joined<T, &'a mut JoinHandle<T>>>;

    fn into_future(self) -> OpFuture<Joined<T, &'a mut JoinHandle<T>>> {
        OpFuture::new(Joined::new(self))
    }
}
