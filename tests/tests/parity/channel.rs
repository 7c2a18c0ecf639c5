//! A table of everything that is public in crossbeam-channel except for selecting, checked against
//! its types and against ours: whatever is a row here compiles for both. (`ci/parity.sh` says which
//! rows are missing.)

use std::cell::Cell;
use std::error::Error;
use std::fmt::{Debug, Display};
use std::iter::FusedIterator;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;
use std::time::{Duration, Instant};

use may_tests::parity::{AutoTraits, assert_same_auto_traits};
use may_tests::{auto_traits, constant, function, implements, lacks};

/// Can be shared and not be sent.
type NotSend = std::sync::MutexGuard<'static, i32>;
/// Cannot be looked at after a panic.
type NotUnwindSafe = &'static mut i32;
/// Only implements `Debug`, `Clone`, and the like if its parameter has to.
struct Nothing;

/// Checks the table for the module at a path.
macro_rules! surface {
    ($module:ident, $($channel:ident)::+) => {
        mod $module {
            use super::*;
            use $($channel)::+::{
                IntoIter, Iter, Receiver, RecvError, RecvTimeoutError, SendError, SendTimeoutError, Sender, TryIter,
                TryRecvError, TrySendError, after, at, bounded, never, tick, unbounded,
            };

            #[test]
            fn channels() {
                let _: fn(usize) -> (Sender<Nothing>, Receiver<Nothing>) = bounded;
                let _: fn() -> (Sender<Nothing>, Receiver<Nothing>) = unbounded;
                let _: fn(Duration) -> Receiver<Instant> = after;
                let _: fn(Instant) -> Receiver<Instant> = at;
                let _: fn(Duration) -> Receiver<Instant> = tick;
                let _: fn() -> Receiver<Nothing> = never;
            }

            #[test]
            fn ends() {
                function!(Sender::try_send []: fn(&Sender<Nothing>, Nothing) -> Result<(), TrySendError<Nothing>>);
                function!(Sender::send []: fn(&Sender<Nothing>, Nothing) -> Result<(), SendError<Nothing>>);
                function!(Sender::send_timeout []:
                    fn(&Sender<Nothing>, Nothing, Duration) -> Result<(), SendTimeoutError<Nothing>>);
                function!(Sender::send_deadline []:
                    fn(&Sender<Nothing>, Nothing, Instant) -> Result<(), SendTimeoutError<Nothing>>);
                function!(Sender::is_empty []: fn(&Sender<Nothing>) -> bool);
                function!(Sender::is_full []: fn(&Sender<Nothing>) -> bool);
                function!(Sender::len []: fn(&Sender<Nothing>) -> usize);
                function!(Sender::capacity []: fn(&Sender<Nothing>) -> Option<usize>);
                function!(Sender::same_channel []: fn(&Sender<Nothing>, &Sender<Nothing>) -> bool);
                implements!(Sender<Nothing>: Clone + Debug);
                implements!(Sender<Cell<i32>>: Send + Sync + Unpin);
                implements!(Sender<NotUnwindSafe>: UnwindSafe + RefUnwindSafe);
                lacks!(Sender<Rc<i32>>: Send);
                lacks!(Sender<NotSend>: Send);
                lacks!(Sender<NotSend>: Sync);

                function!(Receiver::try_recv []: fn(&Receiver<Nothing>) -> Result<Nothing, TryRecvError>);
                function!(Receiver::recv []: fn(&Receiver<Nothing>) -> Result<Nothing, RecvError>);
                function!(Receiver::recv_timeout []: fn(&Receiver<Nothing>, Duration) -> Result<Nothing, RecvTimeoutError>);
                function!(Receiver::recv_deadline []: fn(&Receiver<Nothing>, Instant) -> Result<Nothing, RecvTimeoutError>);
                function!(Receiver::is_empty []: fn(&Receiver<Nothing>) -> bool);
                function!(Receiver::is_full []: fn(&Receiver<Nothing>) -> bool);
                function!(Receiver::len []: fn(&Receiver<Nothing>) -> usize);
                function!(Receiver::capacity []: fn(&Receiver<Nothing>) -> Option<usize>);
                function!(Receiver::iter []: fn(&Receiver<Nothing>) -> Iter<'_, Nothing>);
                function!(Receiver::try_iter []: fn(&Receiver<Nothing>) -> TryIter<'_, Nothing>);
                function!(Receiver::same_channel []: fn(&Receiver<Nothing>, &Receiver<Nothing>) -> bool);
                implements!(Receiver<Nothing>: Clone + Debug);
                implements!(Receiver<Nothing>: IntoIterator<Item = Nothing, IntoIter = IntoIter<Nothing>>);
                implements!(&'static Receiver<Nothing>: IntoIterator<Item = Nothing, IntoIter = Iter<'static, Nothing>>);
                implements!(Receiver<Cell<i32>>: Send + Sync + Unpin);
                implements!(Receiver<NotUnwindSafe>: UnwindSafe + RefUnwindSafe);
                lacks!(Receiver<Rc<i32>>: Send);
                lacks!(Receiver<NotSend>: Send);
                lacks!(Receiver<NotSend>: Sync);
            }

            #[test]
            fn iterators() {
                implements!(Iter<'static, Nothing>: Iterator<Item = Nothing> + FusedIterator + Debug);
                implements!(Iter<'static, Cell<i32>>: Send + Sync + Unpin);
                implements!(Iter<'static, NotUnwindSafe>: UnwindSafe + RefUnwindSafe);
                lacks!(Iter<'static, NotSend>: Send);
                lacks!(Iter<'static, NotSend>: Sync);

                implements!(TryIter<'static, Nothing>: Iterator<Item = Nothing> + Debug);
                implements!(TryIter<'static, Cell<i32>>: Send + Sync + Unpin);
                implements!(TryIter<'static, NotUnwindSafe>: UnwindSafe + RefUnwindSafe);
                lacks!(TryIter<'static, NotSend>: Send);
                lacks!(TryIter<'static, NotSend>: Sync);
                // After its end a message may come.
                lacks!(TryIter<'static, i32>: FusedIterator);

                implements!(IntoIter<Nothing>: Iterator<Item = Nothing> + FusedIterator + Debug);
                implements!(IntoIter<Cell<i32>>: Send + Sync + Unpin);
                implements!(IntoIter<NotUnwindSafe>: UnwindSafe + RefUnwindSafe);
                lacks!(IntoIter<NotSend>: Send);
                lacks!(IntoIter<NotSend>: Sync);
            }

            #[test]
            fn errors() {
                constant!(SendError<i32> = SendError(1));
                function!(SendError::into_inner []: fn(SendError<Nothing>) -> Nothing);
                implements!(SendError<i32>: Clone + Copy + PartialEq + Eq);
                implements!(SendError<Nothing>: Debug + Display + Error);
                implements!(SendError<i32>: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe);
                lacks!(SendError<Nothing>: Clone);
                lacks!(SendError<NotSend>: Error);

                function!(TrySendError::Full []: fn(Nothing) -> TrySendError<Nothing>);
                function!(TrySendError::Disconnected []: fn(Nothing) -> TrySendError<Nothing>);
                function!(TrySendError::into_inner []: fn(TrySendError<Nothing>) -> Nothing);
                function!(TrySendError::is_full []: fn(&TrySendError<Nothing>) -> bool);
                function!(TrySendError::is_disconnected []: fn(&TrySendError<Nothing>) -> bool);
                implements!(TrySendError<i32>: Clone + Copy + PartialEq + Eq);
                implements!(TrySendError<Nothing>: Debug + Display + Error + From<SendError<Nothing>>);
                implements!(TrySendError<i32>: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe);
                lacks!(TrySendError<Nothing>: Clone);
                lacks!(TrySendError<NotSend>: Error);

                function!(SendTimeoutError::Timeout []: fn(Nothing) -> SendTimeoutError<Nothing>);
                function!(SendTimeoutError::Disconnected []: fn(Nothing) -> SendTimeoutError<Nothing>);
                function!(SendTimeoutError::into_inner []: fn(SendTimeoutError<Nothing>) -> Nothing);
                function!(SendTimeoutError::is_timeout []: fn(&SendTimeoutError<Nothing>) -> bool);
                function!(SendTimeoutError::is_disconnected []: fn(&SendTimeoutError<Nothing>) -> bool);
                implements!(SendTimeoutError<i32>: Clone + Copy + PartialEq + Eq);
                implements!(SendTimeoutError<Nothing>: Debug + Display + Error + From<SendError<Nothing>>);
                implements!(SendTimeoutError<i32>: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe);
                lacks!(SendTimeoutError<Nothing>: Clone);
                lacks!(SendTimeoutError<NotSend>: Error);

                constant!(RecvError = RecvError);
                implements!(RecvError: Debug + Display + Error + Clone + Copy + PartialEq + Eq);
                implements!(RecvError: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe);

                constant!(TryRecvError = TryRecvError::Empty);
                constant!(TryRecvError = TryRecvError::Disconnected);
                function!(TryRecvError::is_empty []: fn(&TryRecvError) -> bool);
                function!(TryRecvError::is_disconnected []: fn(&TryRecvError) -> bool);
                implements!(TryRecvError: Debug + Display + Error + Clone + Copy + PartialEq + Eq + From<RecvError>);
                implements!(TryRecvError: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe);

                constant!(RecvTimeoutError = RecvTimeoutError::Timeout);
                constant!(RecvTimeoutError = RecvTimeoutError::Disconnected);
                function!(RecvTimeoutError::is_timeout []: fn(&RecvTimeoutError) -> bool);
                function!(RecvTimeoutError::is_disconnected []: fn(&RecvTimeoutError) -> bool);
                implements!(RecvTimeoutError: Debug + Display + Error + Clone + Copy + PartialEq + Eq + From<RecvError>);
                implements!(RecvTimeoutError: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe);
            }

            pub(super) fn auto_traits() -> AutoTraits {
                let mut found = AutoTraits::new();
                auto_traits!(found: for T: Sender<T>, Receiver<T>, Iter<'static, T>, TryIter<'static, T>, IntoIter<T>);
                auto_traits!(found: for T: SendError<T>, TrySendError<T>, SendTimeoutError<T>);
                auto_traits!(found: RecvError, TryRecvError, RecvTimeoutError);
                found
            }
        }
    };
}

surface!(crossbeam_has_it, crossbeam_channel);
surface!(may_has_it, may::channel);

#[test]
fn ours_is_sent_and_shared_as_crossbeam_s_is() {
    assert_same_auto_traits(
        &crossbeam_has_it::auto_traits(),
        &may_has_it::auto_traits(),
        &[],
    );
}
