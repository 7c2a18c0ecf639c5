//! A table of everything that is stable in `std::sync`, checked against std's types and against
//! ours: whatever is a row here compiles for both. (`ci/parity.sh` says which rows are missing.)
//!
//! What does not block is std's own, and its rows say only that.

use std::cell::Cell;
use std::error::Error;
use std::fmt::{Debug, Display};
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;
use std::time::Duration;

use may_tests::parity::{AutoTraits, assert_same_auto_traits};
use may_tests::{auto_traits, constant, function, implements, lacks, same};

/// Can be shared and not be sent.
type NotSend = std::sync::MutexGuard<'static, i32>;
/// Cannot be looked at after a panic.
type NotUnwindSafe = &'static mut i32;
/// Only implements `Debug`, `Default`, and the like if its parameter has to.
struct Nothing;

/// Checks the table for the module at a path.
macro_rules! surface {
    ($module:ident, $($sync:ident)::+) => {
        mod $module {
            use super::*;
            use $($sync)::+::*;

            #[test]
            fn locks() {
                function!(Mutex::new []: fn(Nothing) -> Mutex<Nothing>);
                constant!(Mutex<Nothing> = Mutex::new(Nothing));
                function!(Mutex::lock []: fn(&Mutex<[Nothing]>) -> LockResult<MutexGuard<'_, [Nothing]>>);
                function!(Mutex::try_lock []: fn(&Mutex<[Nothing]>) -> TryLockResult<MutexGuard<'_, [Nothing]>>);
                function!(Mutex::is_poisoned []: fn(&Mutex<[Nothing]>) -> bool);
                function!(Mutex::clear_poison []: fn(&Mutex<[Nothing]>));
                function!(Mutex::into_inner []: fn(Mutex<Nothing>) -> LockResult<Nothing>);
                function!(Mutex::get_mut []: fn(&mut Mutex<[Nothing]>) -> LockResult<&mut [Nothing]>);
                implements!(Mutex<[i32]>: Debug);
                lacks!(Mutex<Nothing>: Debug);
                implements!(Mutex<i32>: Default);
                lacks!(Mutex<Nothing>: Default);
                implements!(Mutex<Nothing>: From<Nothing>);
                lacks!(Mutex<i32>: Clone);
                implements!(Mutex<Cell<i32>>: Send + Sync + Unpin);
                implements!(Mutex<[Cell<i32>]>: Send + Sync + Unpin);
                implements!(Mutex<NotUnwindSafe>: UnwindSafe + RefUnwindSafe);
                lacks!(Mutex<NotSend>: Send);
                lacks!(Mutex<NotSend>: Sync);

                implements!(MutexGuard<'static, [Nothing]>: Deref<Target = [Nothing]> + DerefMut);
                implements!(MutexGuard<'static, [i32]>: Debug);
                lacks!(MutexGuard<'static, Nothing>: Debug);
                implements!(MutexGuard<'static, str>: Display);
                lacks!(MutexGuard<'static, Nothing>: Display);
                implements!(MutexGuard<'static, NotSend>: Sync + Unpin);
                implements!(MutexGuard<'static, NotUnwindSafe>: UnwindSafe + RefUnwindSafe);
                lacks!(MutexGuard<'static, i32>: Send);
                lacks!(MutexGuard<'static, Cell<i32>>: Sync);
                lacks!(MutexGuard<'static, i32>: Clone);

                function!(RwLock::new []: fn(Nothing) -> RwLock<Nothing>);
                constant!(RwLock<Nothing> = RwLock::new(Nothing));
                function!(RwLock::read []: fn(&RwLock<[Nothing]>) -> LockResult<RwLockReadGuard<'_, [Nothing]>>);
                function!(RwLock::try_read []: fn(&RwLock<[Nothing]>) -> TryLockResult<RwLockReadGuard<'_, [Nothing]>>);
                function!(RwLock::write []: fn(&RwLock<[Nothing]>) -> LockResult<RwLockWriteGuard<'_, [Nothing]>>);
                function!(RwLock::try_write []: fn(&RwLock<[Nothing]>) -> TryLockResult<RwLockWriteGuard<'_, [Nothing]>>);
                function!(RwLock::is_poisoned []: fn(&RwLock<[Nothing]>) -> bool);
                function!(RwLock::clear_poison []: fn(&RwLock<[Nothing]>));
                function!(RwLock::into_inner []: fn(RwLock<Nothing>) -> LockResult<Nothing>);
                function!(RwLock::get_mut []: fn(&mut RwLock<[Nothing]>) -> LockResult<&mut [Nothing]>);
                implements!(RwLock<[i32]>: Debug);
                lacks!(RwLock<Nothing>: Debug);
                implements!(RwLock<i32>: Default);
                lacks!(RwLock<Nothing>: Default);
                implements!(RwLock<Nothing>: From<Nothing>);
                lacks!(RwLock<i32>: Clone);
                implements!(RwLock<[i32]>: Send + Sync + Unpin);
                implements!(RwLock<Cell<i32>>: Send);
                implements!(RwLock<NotUnwindSafe>: UnwindSafe + RefUnwindSafe);
                lacks!(RwLock<NotSend>: Send);
                lacks!(RwLock<NotSend>: Sync);
                lacks!(RwLock<Cell<i32>>: Sync);

                implements!(RwLockReadGuard<'static, [Nothing]>: Deref<Target = [Nothing]>);
                lacks!(RwLockReadGuard<'static, i32>: DerefMut);
                implements!(RwLockReadGuard<'static, [i32]>: Debug);
                lacks!(RwLockReadGuard<'static, Nothing>: Debug);
                implements!(RwLockReadGuard<'static, str>: Display);
                lacks!(RwLockReadGuard<'static, Nothing>: Display);
                implements!(RwLockReadGuard<'static, NotSend>: Sync + Unpin);
                implements!(RwLockReadGuard<'static, i32>: UnwindSafe + RefUnwindSafe);
                lacks!(RwLockReadGuard<'static, i32>: Send);
                lacks!(RwLockReadGuard<'static, Cell<i32>>: Sync);
                lacks!(RwLockReadGuard<'static, i32>: Clone);

                function!(RwLockWriteGuard::downgrade []:
                    fn(RwLockWriteGuard<'static, [Nothing]>) -> RwLockReadGuard<'static, [Nothing]>);
                implements!(RwLockWriteGuard<'static, [Nothing]>: Deref<Target = [Nothing]> + DerefMut);
                implements!(RwLockWriteGuard<'static, [i32]>: Debug);
                lacks!(RwLockWriteGuard<'static, Nothing>: Debug);
                implements!(RwLockWriteGuard<'static, str>: Display);
                lacks!(RwLockWriteGuard<'static, Nothing>: Display);
                implements!(RwLockWriteGuard<'static, NotSend>: Sync + Unpin);
                implements!(RwLockWriteGuard<'static, NotUnwindSafe>: UnwindSafe + RefUnwindSafe);
                lacks!(RwLockWriteGuard<'static, i32>: Send);
                lacks!(RwLockWriteGuard<'static, Cell<i32>>: Sync);
                lacks!(RwLockWriteGuard<'static, i32>: Clone);
            }

            #[test]
            #[allow(deprecated)]
            fn conditions_and_barriers() {
                function!(Condvar::new []: fn() -> Condvar);
                constant!(Condvar = Condvar::new());
                function!(Condvar::wait []: for<'a> fn(&Condvar, MutexGuard<'a, Nothing>) -> LockResult<MutexGuard<'a, Nothing>>);
                function!(Condvar::wait_while []: for<'a> fn(&Condvar, MutexGuard<'a, Nothing>, fn(&mut Nothing) -> bool)
                    -> LockResult<MutexGuard<'a, Nothing>>);
                function!(Condvar::wait_timeout_ms []: for<'a> fn(&Condvar, MutexGuard<'a, Nothing>, u32)
                    -> LockResult<(MutexGuard<'a, Nothing>, bool)>);
                function!(Condvar::wait_timeout []: for<'a> fn(&Condvar, MutexGuard<'a, Nothing>, Duration)
                    -> LockResult<(MutexGuard<'a, Nothing>, WaitTimeoutResult)>);
                function!(Condvar::wait_timeout_while []:
                    for<'a> fn(&Condvar, MutexGuard<'a, Nothing>, Duration, fn(&mut Nothing) -> bool)
                    -> LockResult<(MutexGuard<'a, Nothing>, WaitTimeoutResult)>);
                function!(Condvar::notify_one []: fn(&Condvar));
                function!(Condvar::notify_all []: fn(&Condvar));
                implements!(Condvar: Debug + Default + Send + Sync + Unpin + UnwindSafe + RefUnwindSafe);
                lacks!(Condvar: Clone);

                function!(WaitTimeoutResult::timed_out []: fn(&WaitTimeoutResult) -> bool);
                implements!(WaitTimeoutResult: Debug + Clone + Copy + PartialEq + Eq);
                implements!(WaitTimeoutResult: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe);

                function!(Barrier::new []: fn(usize) -> Barrier);
                constant!(Barrier = Barrier::new(2));
                function!(Barrier::wait []: fn(&Barrier) -> BarrierWaitResult);
                implements!(Barrier: Debug + Send + Sync + Unpin + UnwindSafe + RefUnwindSafe);
                lacks!(Barrier: Clone);

                function!(BarrierWaitResult::is_leader []: fn(&BarrierWaitResult) -> bool);
                implements!(BarrierWaitResult: Debug + Send + Sync + Unpin + UnwindSafe + RefUnwindSafe);
                lacks!(BarrierWaitResult: Clone);
            }

            #[test]
            #[allow(deprecated)]
            #[allow(clippy::declare_interior_mutable_const)]
            fn what_happens_once() {
                function!(Once::new []: fn() -> Once);
                constant!(Once = Once::new());
                constant!(Once = ONCE_INIT);
                function!(Once::call_once [fn()]: fn(&Once, fn()));
                function!(Once::call_once_force [fn(&OnceState)]: fn(&Once, fn(&OnceState)));
                function!(Once::is_completed []: fn(&Once) -> bool);
                function!(Once::wait []: fn(&Once));
                function!(Once::wait_force []: fn(&Once));
                implements!(Once: Debug + Send + Sync + Unpin + UnwindSafe + RefUnwindSafe);
                lacks!(Once: Clone);

                function!(OnceState::is_poisoned []: fn(&OnceState) -> bool);
                implements!(OnceState: Debug + Send + Unpin + UnwindSafe);
                lacks!(OnceState: Sync);
                lacks!(OnceState: RefUnwindSafe);

                function!(OnceLock::new []: fn() -> OnceLock<Nothing>);
                constant!(OnceLock<Nothing> = OnceLock::new());
                function!(OnceLock::get []: fn(&OnceLock<Nothing>) -> Option<&Nothing>);
                function!(OnceLock::get_mut []: fn(&mut OnceLock<Nothing>) -> Option<&mut Nothing>);
                function!(OnceLock::wait []: fn(&OnceLock<Nothing>) -> &Nothing);
                function!(OnceLock::set []: fn(&OnceLock<Nothing>, Nothing) -> Result<(), Nothing>);
                function!(OnceLock::get_or_init [fn() -> Nothing]: fn(&OnceLock<Nothing>, fn() -> Nothing) -> &Nothing);
                function!(OnceLock::into_inner []: fn(OnceLock<Nothing>) -> Option<Nothing>);
                function!(OnceLock::take []: fn(&mut OnceLock<Nothing>) -> Option<Nothing>);
                implements!(OnceLock<i32>: Debug + Clone + PartialEq + Eq);
                lacks!(OnceLock<Nothing>: Debug);
                lacks!(OnceLock<Nothing>: Clone);
                lacks!(OnceLock<Nothing>: PartialEq);
                lacks!(OnceLock<f32>: Eq);
                implements!(OnceLock<Nothing>: Default + From<Nothing>);
                implements!(OnceLock<i32>: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe);
                implements!(OnceLock<Cell<i32>>: Send + UnwindSafe);
                lacks!(OnceLock<NotSend>: Send);
                lacks!(OnceLock<NotSend>: Sync);
                lacks!(OnceLock<Cell<i32>>: Sync);
                lacks!(OnceLock<Cell<i32>>: RefUnwindSafe);

                function!(LazyLock::new []: fn(fn() -> Nothing) -> LazyLock<Nothing>);
                constant!(LazyLock<Nothing> = LazyLock::new(|| Nothing));
                function!(LazyLock::force []: fn(&LazyLock<Nothing>) -> &Nothing);
                function!(LazyLock::force_mut []: fn(&mut LazyLock<Nothing>) -> &mut Nothing);
                function!(LazyLock::get []: fn(&LazyLock<Nothing>) -> Option<&Nothing>);
                function!(LazyLock::get_mut []: fn(&mut LazyLock<Nothing>) -> Option<&mut Nothing>);
                implements!(LazyLock<i32, Nothing>: Debug);
                lacks!(LazyLock<Nothing>: Debug);
                implements!(LazyLock<i32>: Default);
                lacks!(LazyLock<Nothing>: Default);
                implements!(LazyLock<Nothing>: Deref<Target = Nothing> + DerefMut);
                lacks!(LazyLock<Nothing, Nothing>: Deref);
                implements!(LazyLock<i32>: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe);
                implements!(LazyLock<i32, Cell<i32>>: Send + Sync);
                implements!(LazyLock<Cell<i32>>: Send + UnwindSafe);
                lacks!(LazyLock<NotSend>: Send);
                lacks!(LazyLock<NotSend>: Sync);
                lacks!(LazyLock<Cell<i32>>: Sync);
                lacks!(LazyLock<i32, NotSend>: Sync);
                lacks!(LazyLock<Cell<i32>>: RefUnwindSafe);
            }

            #[test]
            fn channels() {
                use mpsc::*;

                let _: fn() -> (Sender<Nothing>, Receiver<Nothing>) = channel;
                let _: fn(usize) -> (SyncSender<Nothing>, Receiver<Nothing>) = sync_channel;

                function!(Sender::send []: fn(&Sender<Nothing>, Nothing) -> Result<(), SendError<Nothing>>);
                implements!(Sender<Nothing>: Clone + Debug);
                implements!(Sender<Cell<i32>>: Send + Sync + Unpin);
                implements!(Sender<NotUnwindSafe>: UnwindSafe + RefUnwindSafe);
                lacks!(Sender<Rc<i32>>: Send);
                lacks!(Sender<NotSend>: Send);
                lacks!(Sender<NotSend>: Sync);

                function!(SyncSender::send []: fn(&SyncSender<Nothing>, Nothing) -> Result<(), SendError<Nothing>>);
                function!(SyncSender::try_send []: fn(&SyncSender<Nothing>, Nothing) -> Result<(), TrySendError<Nothing>>);
                implements!(SyncSender<Nothing>: Clone + Debug);
                implements!(SyncSender<Cell<i32>>: Send + Sync + Unpin);
                implements!(SyncSender<NotUnwindSafe>: UnwindSafe + RefUnwindSafe);
                lacks!(SyncSender<Rc<i32>>: Send);
                lacks!(SyncSender<NotSend>: Send);
                lacks!(SyncSender<NotSend>: Sync);

                function!(Receiver::try_recv []: fn(&Receiver<Nothing>) -> Result<Nothing, TryRecvError>);
                function!(Receiver::recv []: fn(&Receiver<Nothing>) -> Result<Nothing, RecvError>);
                function!(Receiver::recv_timeout []: fn(&Receiver<Nothing>, Duration) -> Result<Nothing, RecvTimeoutError>);
                function!(Receiver::iter []: fn(&Receiver<Nothing>) -> Iter<'_, Nothing>);
                function!(Receiver::try_iter []: fn(&Receiver<Nothing>) -> TryIter<'_, Nothing>);
                implements!(Receiver<Nothing>: Debug);
                implements!(Receiver<Nothing>: IntoIterator<Item = Nothing, IntoIter = IntoIter<Nothing>>);
                implements!(&'static Receiver<Nothing>: IntoIterator<Item = Nothing, IntoIter = Iter<'static, Nothing>>);
                implements!(Receiver<Cell<i32>>: Send + Unpin);
                implements!(Receiver<NotUnwindSafe>: UnwindSafe + RefUnwindSafe);
                // (std's is not `Sync`; ours may be shared, and what borrows it goes to other
                // threads.)
                lacks!(Receiver<NotSend>: Send);
                lacks!(Receiver<i32>: Clone);

                implements!(Iter<'static, Nothing>: Iterator<Item = Nothing>);
                implements!(Iter<'static, i32>: Debug);
                implements!(Iter<'static, NotUnwindSafe>: Unpin + UnwindSafe + RefUnwindSafe);
                implements!(TryIter<'static, Nothing>: Iterator<Item = Nothing>);
                implements!(TryIter<'static, i32>: Debug);
                implements!(TryIter<'static, NotUnwindSafe>: Unpin + UnwindSafe + RefUnwindSafe);
                implements!(IntoIter<Nothing>: Iterator<Item = Nothing>);
                implements!(IntoIter<i32>: Debug);
                implements!(IntoIter<Cell<i32>>: Send + Unpin);
                implements!(IntoIter<NotUnwindSafe>: UnwindSafe + RefUnwindSafe);
                lacks!(IntoIter<NotSend>: Send);

                constant!(SendError<i32> = SendError(1));
                implements!(SendError<i32>: Clone + Copy + PartialEq + Eq);
                implements!(SendError<Nothing>: Debug + Display + Error);
                implements!(SendError<i32>: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe);
                lacks!(SendError<Nothing>: Clone);

                function!(TrySendError::Full []: fn(Nothing) -> TrySendError<Nothing>);
                function!(TrySendError::Disconnected []: fn(Nothing) -> TrySendError<Nothing>);
                implements!(TrySendError<i32>: Clone + Copy + PartialEq + Eq);
                implements!(TrySendError<Nothing>: Debug + Display + Error + From<SendError<Nothing>>);
                implements!(TrySendError<i32>: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe);
                lacks!(TrySendError<Nothing>: Clone);

                constant!(RecvError = RecvError);
                implements!(RecvError: Debug + Display + Error + Clone + Copy + PartialEq + Eq);
                implements!(RecvError: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe);

                constant!(TryRecvError = TryRecvError::Empty);
                constant!(TryRecvError = TryRecvError::Disconnected);
                implements!(TryRecvError: Debug + Display + Error + Clone + Copy + PartialEq + Eq + From<RecvError>);
                implements!(TryRecvError: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe);

                constant!(RecvTimeoutError = RecvTimeoutError::Timeout);
                constant!(RecvTimeoutError = RecvTimeoutError::Disconnected);
                implements!(RecvTimeoutError: Debug + Display + Error + Clone + Copy + PartialEq + Eq + From<RecvError>);
                implements!(RecvTimeoutError: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe);
            }

            #[test]
            #[allow(deprecated)]
            #[allow(clippy::declare_interior_mutable_const)]
            fn std_s_own() {
                same!(Arc<str> = std::sync::Arc<str>);
                same!(Weak<str> = std::sync::Weak<str>);
                same!(PoisonError<i32> = std::sync::PoisonError<i32>);
                same!(TryLockError<i32> = std::sync::TryLockError<i32>);
                same!(LockResult<i32> = std::sync::LockResult<i32>);
                same!(TryLockResult<i32> = std::sync::TryLockResult<i32>);

                same!(atomic::AtomicBool = std::sync::atomic::AtomicBool);
                same!(atomic::AtomicI8 = std::sync::atomic::AtomicI8);
                same!(atomic::AtomicI16 = std::sync::atomic::AtomicI16);
                same!(atomic::AtomicI32 = std::sync::atomic::AtomicI32);
                same!(atomic::AtomicI64 = std::sync::atomic::AtomicI64);
                same!(atomic::AtomicIsize = std::sync::atomic::AtomicIsize);
                same!(atomic::AtomicU8 = std::sync::atomic::AtomicU8);
                same!(atomic::AtomicU16 = std::sync::atomic::AtomicU16);
                same!(atomic::AtomicU32 = std::sync::atomic::AtomicU32);
                same!(atomic::AtomicU64 = std::sync::atomic::AtomicU64);
                same!(atomic::AtomicUsize = std::sync::atomic::AtomicUsize);
                same!(atomic::AtomicPtr<i32> = std::sync::atomic::AtomicPtr<i32>);
                same!(atomic::Ordering = std::sync::atomic::Ordering);
                constant!(atomic::AtomicBool = atomic::ATOMIC_BOOL_INIT);
                constant!(atomic::AtomicIsize = atomic::ATOMIC_ISIZE_INIT);
                constant!(atomic::AtomicUsize = atomic::ATOMIC_USIZE_INIT);
                let _: fn(atomic::Ordering) = atomic::fence;
                let _: fn(atomic::Ordering) = atomic::compiler_fence;
                let _: fn() = atomic::spin_loop_hint;
            }

            #[test]
            fn what_is_in_a_lock_may_be_seen_as_something_unsized() {
                let mutex: &Mutex<[i32]> = &Mutex::new([1, 2, 3]);
                assert_eq!(mutex.lock().unwrap().len(), 3);
                let mutex: Box<Mutex<dyn Debug + Send>> = Box::new(Mutex::new(1));
                assert_eq!(format!("{:?}", &*mutex.lock().unwrap()), "1");
                let lock: &RwLock<[i32]> = &RwLock::new([1, 2, 3]);
                assert_eq!(lock.read().unwrap().len(), 3);
                let lock: Arc<RwLock<dyn Debug + Send + Sync>> = Arc::new(RwLock::new(1));
                assert_eq!(format!("{:?}", &*lock.write().unwrap()), "1");
            }

            #[test]
            fn closures_borrow_and_change_what_is_around_them() {
                let (mut calls, text) = (0, String::from("text"));
                Once::new().call_once(|| calls += 1);
                Once::new().call_once_force(|state| calls += i32::from(!state.is_poisoned()));
                assert_eq!(calls, 2);
                let moved = text.clone();
                assert_eq!(OnceLock::new().get_or_init(|| moved), &text);
                let moved = text.clone();
                assert_eq!(*LazyLock::new(|| moved), text);

                let (mutex, condition) = (Mutex::new(0), Condvar::new());
                let guard = condition.wait_while(mutex.lock().unwrap(), |value| {
                    calls += 1;
                    *value += 1;
                    *value < 0
                });
                let (guard, result) = condition
                    .wait_timeout_while(guard.unwrap(), Duration::ZERO, |_| {
                        calls += 1;
                        true
                    })
                    .unwrap();
                assert!(*guard == 1 && result.timed_out() && calls >= 4);
            }

            pub(super) fn auto_traits() -> AutoTraits {
                let mut found = AutoTraits::new();
                auto_traits!(found: for T: Mutex<T>, MutexGuard<'static, T>);
                auto_traits!(found: for T: RwLock<T>, RwLockReadGuard<'static, T>, RwLockWriteGuard<'static, T>);
                auto_traits!(found: for T: OnceLock<T>, LazyLock<T>, LazyLock<T, T>, LazyLock<i32, T>);
                auto_traits!(found: for T: mpsc::Sender<T>, mpsc::SyncSender<T>, mpsc::Receiver<T>);
                auto_traits!(found: for T: mpsc::Iter<'static, T>, mpsc::TryIter<'static, T>, mpsc::IntoIter<T>);
                auto_traits!(found: for T: mpsc::SendError<T>, mpsc::TrySendError<T>);
                auto_traits!(found: Condvar, WaitTimeoutResult, Barrier, BarrierWaitResult, Once, OnceState);
                auto_traits!(found: mpsc::RecvError, mpsc::TryRecvError, mpsc::RecvTimeoutError);
                found
            }
        }
    };
}

surface!(std_has_it, std::sync);
surface!(may_has_it, may::sync);

#[test]
fn ours_is_sent_and_shared_as_std_s_is() {
    // A receiver may be shared by reference, as in May 0.3, and so may what borrows or owns it.
    let freer = [
        "mpsc :: Receiver",
        "mpsc :: Iter",
        "mpsc :: TryIter",
        "mpsc :: IntoIter",
    ];
    assert_same_auto_traits(
        &std_has_it::auto_traits(),
        &may_has_it::auto_traits(),
        &freer,
    );
}

#[test]
#[should_panic(expected = "the original's is false: OnceState: Sync")]
fn what_is_shared_too_freely_is_noticed() {
    use std::sync::{Once, OnceState};

    let (mut original, mut ours) = (AutoTraits::new(), AutoTraits::new());
    auto_traits!(original: OnceState);
    auto_traits!(ours: Once);
    assert_same_auto_traits(&original, &ours, &[]);
}
