//! What coroutines wait for, waited for by futures: each operation, and what becomes of one whose
//! future is dropped.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::time::Duration;

use may::channel::{self, RecvError, SendError, TryRecvError, TrySendError};
use may::coroutine::spawn;
use may::future::{block_on, timeout};
use may::sync::{Arc, Barrier, CancelToken, Mutex, Notify, RwLock, Semaphore, SyncFlag, WaitGroup};
use may::sync::{broadcast, mpsc, oneshot, spsc, watch};
use may::time::interval;
use may_core::select::{Finish, Mode, reserve, select, select_or_default};
use may_tests::executor::{ByHand, Executor};
use may_tests::{everywhere, on_workers, spawn_waiting, watchdog};

const SOON: Duration = Duration::from_millis(2);

/// The right to send, won by a select that need not wait.
fn right<T>(to: &channel::Sender<T>) -> channel::SendRight<T> {
    let mut sending = pin!(reserve(to));
    let won = select_or_default(&mut [sending.as_mut()], Mode::Fair);
    assert_eq!(won, Some(0), "there is a receiver");
    sending.finish()
}

#[test]
fn messages_go_between_futures_coroutines_and_threads() {
    for capacity in [0, 1, 3, 1000] {
        everywhere(|place| {
            let executor = Executor::new(2);
            let (to, from) = channel::bounded(capacity);
            let sent = executor.spawn({
                let to = to.clone();
                async move {
                    for number in 0..200 {
                        to.send_async(number).await.unwrap();
                    }
                }
            });
            let by_helper = place.start(move || {
                for number in 200..300 {
                    to.send(number).unwrap();
                    block_on(to.send_async(number + 100)).unwrap();
                }
            });
            let received = executor.spawn({
                let from = from.clone();
                async move {
                    let mut sum = 0;
                    while let Ok(number) = from.recv_async().await {
                        sum += number;
                    }
                    sum
                }
            });
            let for_helper = from.clone();
            let helper = place.start(move || {
                let mut sum = 0;
                while let Ok(number) = for_helper.recv() {
                    sum += number;
                }
                sum
            });
            let mut sum = 0;
            block_on(async {
                while let Ok(number) = from.recv_async().await {
                    sum += number;
                }
            });
            sum += helper.join() + received.join();
            sent.join();
            by_helper.join();
            assert_eq!(sum, 399 * 400 / 2);
        });
    }
}

#[test]
fn the_end_of_a_channel_is_told_to_futures() {
    for capacity in [0, 1] {
        everywhere(|_| {
            let (to, from) = channel::bounded::<u32>(capacity);
            let receiving = ByHand::waiting(from.recv_async());
            drop(to);
            assert_eq!(receiving.woken(), Err(RecvError));
            let (to, from) = channel::bounded(capacity);
            (0..capacity).for_each(|number| to.send(number).unwrap());
            let sending = ByHand::waiting(to.send_async(7));
            drop(from);
            assert_eq!(sending.woken(), Err(SendError(7)));
            assert_eq!(block_on(to.send_async(8)), Err(SendError(8)));
        });
    }
}

#[test]
fn a_message_for_a_receiver_that_is_dropped_goes_to_the_next() {
    everywhere(|_| {
        for capacity in [0, 1] {
            let (to, from) = channel::bounded(capacity);
            // The next one is a future, a call that comes later, a call that waits.
            let first = ByHand::waiting(from.recv_async());
            let second = ByHand::waiting(from.recv_async());
            to.try_send(1).unwrap();
            assert_eq!((first.wakes(), second.wakes()), (1, 0));
            drop(first);
            assert_eq!(second.woken(), Ok(1));

            let first = ByHand::waiting(from.recv_async());
            to.try_send(2).unwrap();
            drop(first);
            assert_eq!(from.try_recv(), Ok(2));
            assert_eq!(from.try_recv(), Err(TryRecvError::Empty));

            let first = ByHand::waiting(from.recv_async());
            let for_other = from.clone();
            let other = spawn_waiting(move || for_other.recv());
            to.send(3).unwrap();
            drop(first);
            assert_eq!(other.join().unwrap(), Ok(3));
            // One that was not committed leaves nothing.
            drop(ByHand::waiting(from.recv_async()));
            assert_eq!(to.try_send(4).is_ok(), capacity == 1);
        }
    });
}

#[test]
fn messages_that_come_back_are_received_first_and_all() {
    on_workers(2, || {
        let (to, from) = channel::bounded(0);
        let mut waiting: Vec<_> = (0..200)
            .map(|_| ByHand::waiting(from.recv_async()))
            .collect();
        (0..100).for_each(|number| to.try_send(number).unwrap());
        // The second half of them gets the messages of the first.
        let rest = waiting.split_off(100);
        waiting.into_iter().for_each(drop);
        let (mut got, kept) = (Vec::new(), rest.len());
        assert_eq!(kept, 100);
        for (at, receiving) in rest.into_iter().enumerate() {
            match at % 2 {
                0 => got.push(receiving.woken().unwrap()),
                _ => drop(receiving),
            }
        }
        let late = spawn_waiting({
            let to = to.clone();
            move || to.send(1_000)
        });
        for _ in 0..50 {
            got.push(from.recv().unwrap());
        }
        got.sort_unstable();
        assert!(got.iter().copied().eq(0..100), "{got:?}");
        assert_eq!(from.recv(), Ok(1_000));
        late.join().unwrap().unwrap();
        // What is not received goes with the channel.
        let unwanted = Arc::new(());
        let (to, from) = channel::bounded(0);
        let waiting = ByHand::waiting(from.recv_async());
        to.try_send(unwanted.clone()).unwrap();
        drop(waiting);
        drop(from);
        assert_eq!(Arc::strong_count(&unwanted), 1);
        assert!(to.try_send(unwanted).is_err());
    });
}

#[test]
fn a_sender_that_is_dropped_has_sent_or_has_not() {
    everywhere(|_| {
        // In a channel with a buffer it was only told of the room, which goes to the next one.
        let (to, from) = channel::bounded(1);
        to.send(1).unwrap();
        let first = ByHand::waiting(to.send_async(2));
        let second = ByHand::waiting(to.send_async(3));
        assert_eq!(from.recv(), Ok(1));
        assert_eq!((first.wakes(), second.wakes()), (1, 0));
        drop(first);
        assert_eq!(second.woken(), Ok(()));
        assert_eq!(from.recv(), Ok(3));
        // In one without, the receiver has it.
        let (to, from) = channel::bounded(0);
        let first = ByHand::waiting(to.send_async(1));
        let second = ByHand::waiting(to.send_async(2));
        assert_eq!(from.try_recv(), Ok(1));
        drop(first);
        drop(second);
        assert_eq!(from.try_recv(), Err(TryRecvError::Empty));
    });
}

#[test]
fn a_future_is_claimed_by_a_select() {
    everywhere(|_| {
        let (to, from) = channel::bounded(0);
        // It depends on the sender that makes the message, also if it is polled meanwhile.
        let mut receiving = ByHand::waiting(from.recv_async());
        let claim = right(&to);
        assert!(receiving.poll().is_pending());
        assert_eq!(to.try_send(9), Err(TrySendError::Full(9)));
        claim.send(1).unwrap();
        assert_eq!(receiving.woken(), Ok(1));

        // A claim that comes to nothing.
        let mut receiving = ByHand::waiting(from.recv_async());
        drop(right(&to));
        assert_eq!(receiving.wakes(), 1);
        assert!(receiving.poll().is_pending());
        to.try_send(2).unwrap();
        assert_eq!(receiving.woken(), Ok(2));

        // It is dropped while it is claimed: the message goes to the next.
        let (receiving, next) = (
            ByHand::waiting(from.recv_async()),
            ByHand::waiting(from.recv_async()),
        );
        let claim = right(&to);
        drop(receiving);
        claim.send(3).unwrap();
        assert_eq!(next.woken(), Ok(3));
        let receiving = ByHand::waiting(from.recv_async());
        let claim = right(&to);
        drop(receiving);
        claim.send(4).unwrap();
        assert_eq!(from.try_recv(), Ok(4));
        let receiving = ByHand::waiting(from.recv_async());
        let claim = right(&to);
        drop(receiving);
        drop(claim);
        assert_eq!(from.try_recv(), Err(TryRecvError::Empty));
        // Or after it has got it.
        let receiving = ByHand::waiting(from.recv_async());
        right(&to).send(5).unwrap();
        drop(receiving);
        assert_eq!(from.try_recv(), Ok(5));
        // Or the sender learns that no receiver is left.
        let receiving = ByHand::waiting(from.recv_async());
        let claim = right(&to);
        drop(receiving);
        drop(from);
        assert_eq!(claim.send(6), Err(SendError(6)));
    });
}

#[test]
fn a_select_that_would_send_meets_futures() {
    everywhere(|place| {
        let (to, from) = channel::bounded(0);
        let helpers: Vec<_> = (0..3)
            .map(|_| {
                let (to, never) = (to.clone(), channel::never::<()>());
                place.start(move || {
                    for number in 0..100 {
                        let mut sending = pin!(reserve(&to));
                        let mut other = pin!(may_core::select::recv(&never));
                        let won = select(&mut [other.as_mut(), sending.as_mut()], Mode::Fair);
                        assert_eq!(won, Some(1));
                        sending.finish().send(number).unwrap();
                    }
                })
            })
            .collect();
        drop(to);
        let executor = Executor::new(2);
        let sums: Vec<_> = (0..2)
            .map(|_| {
                let from = from.clone();
                executor.spawn(async move {
                    let mut sum = 0;
                    while let Ok(number) = from.recv_async().await {
                        sum += number;
                    }
                    sum
                })
            })
            .collect();
        let mut sum = 0;
        block_on(async {
            while let Ok(number) = from.recv_async().await {
                sum += number;
            }
        });
        helpers.into_iter().for_each(|helper| helper.join());
        let others: u32 = sums.into_iter().map(|sum| sum.join()).sum();
        assert_eq!(sum + others, 3 * 99 * 100 / 2);
    });
}

#[test]
fn locks() {
    everywhere(|place| {
        let mutex = Arc::new(Mutex::new(0));
        *block_on(mutex.lock_async()).unwrap() += 1;
        let held = mutex.lock().unwrap();
        assert!(block_on(timeout(SOON, mutex.lock_async())).is_err());
        let (first, second) = (
            ByHand::waiting(mutex.lock_async()),
            ByHand::waiting(mutex.lock_async()),
        );
        drop(held);
        assert_eq!((first.wakes(), second.wakes()), (1, 0));
        drop(first);
        *second.woken().unwrap() += 1;
        // Another one was faster, and the one that was woken leaves: the next one is woken all the
        // same.
        let held = mutex.lock().unwrap();
        let (first, second) = (
            ByHand::waiting(mutex.lock_async()),
            ByHand::waiting(mutex.lock_async()),
        );
        drop(held);
        let faster = mutex.try_lock().unwrap();
        drop(first);
        drop(faster);
        *second.woken().unwrap() += 1;
        let helpers: Vec<_> = (0..6)
            .map(|number| {
                let mutex = mutex.clone();
                place.start(move || {
                    for _ in 0..200 {
                        match number % 2 {
                            0 => *mutex.lock().unwrap() += 1,
                            _ => *block_on(mutex.lock_async()).unwrap() += 1,
                        }
                    }
                })
            })
            .collect();
        helpers.into_iter().for_each(|helper| helper.join());
        assert_eq!(*mutex.lock().unwrap(), 1203);
    });
}

#[test]
fn locks_for_reading_and_writing() {
    everywhere(|place| {
        let lock = Arc::new(RwLock::new(0));
        *block_on(lock.write_async()).unwrap() += 1;
        {
            let (one, two) = (block_on(lock.read_async()), block_on(lock.read_async()));
            assert_eq!(*one.unwrap() + *two.unwrap(), 2);
        }
        // A writer that leaves lets in the readers that it held up; so does one that the lock had
        // been given to.
        let read = lock.read().unwrap();
        let writer = ByHand::waiting(lock.write_async());
        let reader = ByHand::waiting(lock.read_async());
        drop(writer);
        drop((reader.woken().unwrap(), read));
        let read = lock.read().unwrap();
        let writer = ByHand::waiting(lock.write_async());
        let reader = ByHand::waiting(lock.read_async());
        drop(read);
        assert_eq!((writer.wakes(), reader.wakes()), (1, 0));
        assert!(lock.try_read().is_err());
        drop(writer);
        drop(reader.woken().unwrap());
        // One that leaves was no turn of a writer's: the next writer is next.
        let read = lock.read().unwrap();
        let leaves = ByHand::waiting(lock.write_async());
        let reader = ByHand::waiting(lock.read_async());
        let writer = ByHand::waiting(lock.write_async());
        drop(read);
        drop(leaves);
        assert_eq!(reader.wakes(), 0);
        drop(writer.woken().unwrap());
        drop(reader.woken().unwrap());
        // All readers are let in together, and the lock goes on when the last of them has gone,
        // whether it knew or not.
        let written = lock.write().unwrap();
        let readers = [(); 3].map(|()| ByHand::waiting(lock.read_async()));
        let writer = ByHand::waiting(lock.write_async());
        drop(written);
        let [first, second, third] = readers;
        let first = first.woken().unwrap();
        assert_eq!((second.wakes(), third.wakes(), writer.wakes()), (1, 1, 0));
        drop((second, third));
        assert_eq!(writer.wakes(), 0);
        drop(first);
        *writer.woken().unwrap() += 1;
        let limited = lock.read().unwrap();
        assert!(block_on(timeout(SOON, lock.write_async())).is_err());
        drop((lock.try_read().unwrap(), limited));
        let helpers: Vec<_> = (0..6)
            .map(|number| {
                let lock = lock.clone();
                place.start(move || {
                    for _ in 0..200 {
                        match number % 3 {
                            0 => *lock.write().unwrap() += 1,
                            1 => *block_on(lock.write_async()).unwrap() += 1,
                            _ => assert!(*block_on(lock.read_async()).unwrap() >= 2),
                        }
                    }
                })
            })
            .collect();
        helpers.into_iter().for_each(|helper| helper.join());
        assert_eq!(*lock.read().unwrap(), 2 + 4 * 200);
    });
}

#[test]
fn a_writer_in_a_future_poisons_the_lock() {
    on_workers(1, || {
        let lock = RwLock::new(());
        let panics = catch_unwind(AssertUnwindSafe(|| {
            block_on(async {
                let _guard = lock.write_async().await.unwrap();
                std::panic::resume_unwind(Box::new("broken"))
            })
        }));
        assert!(panics.is_err_and(|payload| payload.is::<&str>()));
        assert!(block_on(lock.read_async()).is_err());
        assert!(block_on(lock.write_async()).is_err());
    });
}

#[test]
fn barriers() {
    everywhere(|place| {
        assert!(block_on(Barrier::new(0).wait_async()).is_leader());
        assert!(block_on(Barrier::new(1).wait_async()).is_leader());
        let barrier = Arc::new(Barrier::new(3));
        // One that leaves does not count.
        drop(ByHand::waiting(barrier.wait_async()));
        let (first, second) = (
            ByHand::waiting(barrier.wait_async()),
            ByHand::waiting(barrier.wait_async()),
        );
        assert_eq!((first.wakes(), second.wakes()), (0, 0));
        drop(second);
        let second = ByHand::waiting(barrier.wait_async());
        assert!(block_on(barrier.wait_async()).is_leader());
        // One that leaves when all have come has come, too.
        drop(second);
        assert!(!first.woken().is_leader());
        let waits: Vec<_> = (0..3)
            .map(|number| {
                let barrier = barrier.clone();
                place.start(move || {
                    (0..200)
                        .filter(|_| match number {
                            0 => barrier.wait().is_leader(),
                            _ => block_on(barrier.wait_async()).is_leader(),
                        })
                        .count()
                })
            })
            .collect();
        let leaders: usize = waits.into_iter().map(|wait| wait.join()).sum();
        assert_eq!(leaders, 200);
    });
}

#[test]
fn groups() {
    everywhere(|place| {
        block_on(WaitGroup::new().wait_async());
        let group = WaitGroup::new();
        let member = group.clone();
        let waits = ByHand::waiting(group.wait_async());
        let helper = place.start(move || drop(member));
        helper.join();
        waits.woken();
        // It has left, whether it was polled or not.
        let group = WaitGroup::new();
        let future = group.clone().wait_async();
        group.wait();
        drop(future);
    });
}

#[test]
fn permits() {
    everywhere(|_| {
        let semaphore = Arc::new(Semaphore::new(2));
        let two = block_on(semaphore.acquire_many_async(2));
        assert!(block_on(timeout(SOON, semaphore.acquire_async())).is_err());
        // Permits that were handed to one that is dropped go to the next; one that asks for much
        // holds up no other when it has gone.
        let (much, little) = (
            ByHand::waiting(semaphore.acquire_many_async(2)),
            ByHand::waiting(semaphore.acquire_async()),
        );
        drop(two);
        assert_eq!((much.wakes(), little.wakes()), (1, 0));
        drop(much);
        let one = little.woken();
        assert_eq!(semaphore.available_permits(), 1);
        let (much, little) = (
            ByHand::waiting(semaphore.acquire_many_async(2)),
            ByHand::waiting(semaphore.acquire_async()),
        );
        drop(much);
        drop((little.woken(), one));
        assert_eq!(semaphore.available_permits(), 2);
        let owned = block_on(semaphore.clone().acquire_owned_async());
        assert_eq!(semaphore.available_permits(), 1);
        drop(owned);
        assert_eq!(semaphore.available_permits(), 2);
    });
}

#[test]
fn notifications() {
    everywhere(|_| {
        let notify = Notify::new();
        notify.notify_one();
        block_on(notify.wait_async());
        assert!(block_on(timeout(SOON, notify.wait_async())).is_err());
        // One that was for one goes to the next, or stays.
        let (first, second) = (
            ByHand::waiting(notify.wait_async()),
            ByHand::waiting(notify.wait_async()),
        );
        notify.notify_one();
        drop(first);
        second.woken();
        let first = ByHand::waiting(notify.wait_async());
        notify.notify_one();
        drop(first);
        assert!(notify.wait_timeout(Duration::ZERO));
        // One that was for all does not.
        let (first, second) = (
            ByHand::waiting(notify.wait_async()),
            ByHand::waiting(notify.wait_async()),
        );
        notify.notify_all();
        drop(first);
        second.woken();
        assert!(!notify.wait_timeout(Duration::ZERO));
    });
}

#[test]
fn flags_and_tokens() {
    everywhere(|_| {
        let (flag, token) = (SyncFlag::new(), CancelToken::new());
        let child = token.child();
        let waiting = [
            ByHand::waiting(flag.wait_async()),
            ByHand::waiting(token.wait_async()),
            ByHand::waiting(child.wait_async()),
        ];
        drop(ByHand::waiting(flag.wait_async()));
        flag.fire();
        token.cancel();
        waiting.into_iter().for_each(ByHand::woken);
        block_on(flag.wait_async());
    });
}

#[test]
fn one_value() {
    everywhere(|place| {
        let (to, mut from) = oneshot::channel();
        let early = block_on(timeout(SOON, from.recv_async()));
        assert!(early.is_err());
        let sender = place.start(move || to.send(7));
        assert_eq!(block_on(from), Ok(7));
        sender.join().unwrap();
        let (to, from) = oneshot::channel::<u32>();
        let waiting = ByHand::waiting(from.into_future());
        drop(to);
        assert!(waiting.woken().is_err());
        // One that is dropped gives the value back.
        let (to, from) = oneshot::channel();
        let waiting = ByHand::waiting(from.into_future());
        drop(waiting);
        assert_eq!(to.send(8), Err(8));
    });
}

#[test]
fn values_for_all() {
    everywhere(|place| {
        let (settings, mut changes) = watch::channel(0);
        let waiting = ByHand::waiting(changes.changed_async());
        settings.send(1).unwrap();
        waiting.woken().unwrap();
        let helper = place.start(move || {
            (2..100).for_each(|value| settings.send(value).unwrap());
        });
        while block_on(changes.changed_async()).is_ok() {}
        helper.join();
        assert_eq!(*changes.borrow(), 99);

        let (news, mut reader) = broadcast::channel(16);
        let waiting = ByHand::waiting(reader.recv_async());
        news.send(1).unwrap();
        assert_eq!(waiting.woken(), Ok(1));
        (0..20).for_each(|number| assert!(news.send(number).is_ok()));
        assert_eq!(
            block_on(reader.recv_async()),
            Err(broadcast::RecvError::Lagged(4))
        );
        assert_eq!(block_on(reader.recv_async()), Ok(4));
        let mut late = news.subscribe();
        let waiting = ByHand::waiting(late.recv_async());
        drop(news);
        assert_eq!(waiting.woken(), Err(broadcast::RecvError::Closed));
    });
}

#[test]
fn the_channels_of_std() {
    everywhere(|place| {
        let (to, from) = mpsc::sync_channel(1);
        let sender = place.start(move || {
            for number in 0..100 {
                block_on(to.send_async(number)).unwrap();
            }
        });
        for number in 0..100 {
            assert_eq!(block_on(from.recv_async()), Ok(number));
        }
        assert!(block_on(from.recv_async()).is_err());
        sender.join();
        let (to, mut from) = spsc::channel();
        drop(ByHand::waiting(from.recv_async()));
        let waiting = ByHand::waiting(from.recv_async());
        to.send(1).unwrap();
        assert_eq!(waiting.woken(), Ok(1));
        let sender = place.start(move || (0..100).for_each(|number| to.send(number).unwrap()));
        for number in 0..100 {
            assert_eq!(block_on(from.recv_async()), Ok(number));
        }
        sender.join();
        assert!(block_on(from.recv_async()).is_err());
    });
}

#[test]
fn the_channels_of_the_clock() {
    everywhere(|_| {
        let after = channel::after(SOON);
        let due = block_on(after.recv_async()).unwrap();
        assert!(block_on(timeout(SOON, after.recv_async())).is_err());
        let ticks = channel::tick(SOON);
        assert!(block_on(ticks.recv_async()).unwrap() > due);
        let never = channel::never::<u32>();
        assert!(block_on(timeout(SOON, never.recv_async())).is_err());
        let mut heartbeat = interval(SOON);
        let first = block_on(heartbeat.tick_async());
        assert_eq!(block_on(heartbeat.tick_async()) - first, SOON);
    });
}

#[test]
fn a_foreign_waker_that_panics_harms_nobody() {
    struct Panics;
    impl std::task::Wake for Panics {
        fn wake(self: Arc<Panics>) {
            std::panic::resume_unwind(Box::new("the waker's"));
        }
    }
    everywhere(|place| {
        let waker = std::task::Waker::from(Arc::new(Panics));
        let mut context = std::task::Context::from_waker(&waker);
        let (to, from) = channel::bounded(1);
        let mut waiting = Box::pin(from.recv_async());
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        to.send(1).unwrap();
        assert_eq!(block_on(waiting), Ok(1));
        // By the worker itself, which is no coroutine: by a timer.
        let mut sleep = Box::pin(may::future::sleep(SOON));
        let _ = sleep.as_mut().poll(&mut context);
        let helper = place.start(|| block_on(may::future::sleep(2 * SOON)));
        helper.join();
        block_on(sleep);
    });
}

#[test]
fn futures_can_go_to_other_threads() {
    fn is_send<T: Send>(_: &T) {}
    let _watchdog = watchdog();
    let (to, from) = channel::bounded::<u32>(0);
    is_send(&from.recv_async());
    is_send(&to.send_async(1));
    let (semaphore, notify, flag, mutex) = (
        Semaphore::new(1),
        Notify::new(),
        SyncFlag::new(),
        Mutex::new(()),
    );
    is_send(&semaphore.acquire_async());
    is_send(&notify.wait_async());
    is_send(&flag.wait_async());
    is_send(&mutex.lock_async());
    let (lock, barrier) = (RwLock::new(()), Barrier::new(1));
    is_send(&lock.read_async());
    is_send(&lock.write_async());
    is_send(&barrier.wait_async());
    is_send(&WaitGroup::new().wait_async());
    is_send(&may::future::sleep(SOON));
    is_send(&timeout(SOON, from.recv_async()));
    is_send(&spawn(|| 1).into_future());
    let (_to, from) = mpsc::channel::<u32>();
    is_send(&from.recv_async());
    let (_to, from) = oneshot::channel::<u32>();
    is_send(&from.into_future());
}
