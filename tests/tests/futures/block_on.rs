//! Futures on coroutines and threads: `block_on`, its waker, what ends it.

use std::cell::Cell;
use std::future::{Future, pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex as StdMutex};
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use may::coroutine::{self, spawn};
use may::future::{self, block_on};
use may::sync::Semaphore;
use may::{channel, time};
use may_tests::{
    OnDrop, assert_cancelled, eventually, everywhere, message, on_workers, spawn_waiting, watchdog,
};

/// Something that others make ready, and that leaves its waker for that.
#[derive(Clone, Default)]
struct Switch(Arc<StdMutex<(bool, Option<Waker>)>>);

impl Switch {
    fn turn_on(&self) {
        let waker = {
            let mut state = self.0.lock().unwrap();
            state.0 = true;
            state.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn has_waker(&self) -> bool {
        self.0.lock().unwrap().1.is_some()
    }
}

impl Future for Switch {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.lock().unwrap();
        if state.0 {
            return Poll::Ready(());
        }
        state.1 = Some(context.waker().clone());
        Poll::Pending
    }
}

/// Pending for so many polls, each of which wakes itself.
async fn yields(times: usize) {
    for _ in 0..times {
        let mut polled = false;
        poll_fn(|context| {
            context.waker().wake_by_ref();
            match std::mem::replace(&mut polled, true) {
                false => Poll::Pending,
                true => Poll::Ready(()),
            }
        })
        .await;
    }
}

#[test]
fn futures_in_futures() {
    everywhere(|place| {
        // The waker of the outer call comes while the inner one waits, and is not lost.
        let (outer, inner) = (Switch::default(), Switch::default());
        let (turns_outer, turns_inner) = (outer.clone(), inner.clone());
        let helper = place.start(move || {
            eventually("the inner one waits", || turns_inner.has_waker());
            turns_outer.turn_on();
            turns_inner.turn_on();
        });
        let mut outer = pin!(outer);
        let mut inner = Some(inner);
        block_on(poll_fn(|context| {
            let poll = outer.as_mut().poll(context);
            if let Some(inner) = inner.take() {
                assert!(poll.is_pending());
                block_on(inner);
            }
            poll
        }));
        helper.join();
    });
}

#[test]
fn to_poll_after_the_end_is_refused() {
    everywhere(|_| {
        let mut sleep = pin!(future::sleep(Duration::ZERO));
        block_on(sleep.as_mut());
        let again = catch_unwind(AssertUnwindSafe(|| block_on(sleep)));
        assert!(message(&*again.unwrap_err()).contains("polled after it was ready"));
    });
}

#[test]
fn a_future_that_is_ready_is_polled_once() {
    everywhere(|_| {
        assert_eq!(block_on(ready(7)), 7);
        assert_eq!(block_on(async { "text".len() }), 4);
        // It need not be `Send`, and may borrow.
        let (count, local) = (Cell::new(0), Rc::new(1));
        block_on(poll_fn(|_| {
            count.set(count.get() + *local);
            Poll::Ready(())
        }));
        assert_eq!(count.get(), 1);
    });
}

#[test]
fn a_future_is_woken_from_anywhere() {
    everywhere(|place| {
        for _ in 0..200 {
            let switch = Switch::default();
            let for_helper = switch.clone();
            let helper = place.start(move || for_helper.turn_on());
            block_on(switch);
            helper.join();
        }
    });
}

#[test]
fn a_wake_up_during_the_poll_is_not_lost() {
    everywhere(|_| {
        block_on(yields(1_000));
        // Many of them count once.
        let mut polls = 0;
        block_on(poll_fn(|context| {
            polls += 1;
            (0..10).for_each(|_| context.waker().wake_by_ref());
            match polls {
                3 => Poll::Ready(()),
                _ => Poll::Pending,
            }
        }));
        assert_eq!(polls, 3);
    });
}

#[test]
fn wakers_outlive_what_they_wake() {
    everywhere(|place| {
        let kept = Arc::new(StdMutex::new(None));
        let for_helper = kept.clone();
        place
            .start(move || {
                block_on(poll_fn(|context| {
                    *for_helper.lock().unwrap() = Some(context.waker().clone());
                    Poll::Ready(())
                }));
            })
            .join();
        let waker = kept.lock().unwrap().take().unwrap();
        waker.wake_by_ref();
        // It wakes no other call, so the next one is not disturbed by it.
        let mut polls = 0;
        let switch = Switch::default();
        let for_helper = switch.clone();
        let helper = place.start(move || {
            eventually("it waits", || for_helper.has_waker());
            waker.wake();
            for_helper.turn_on();
        });
        let mut future = switch;
        block_on(poll_fn(|context| {
            polls += 1;
            Pin::new(&mut future).poll(context)
        }));
        assert!(polls <= 2, "it was polled {polls} times");
        helper.join();
    });
}

#[test]
fn spurious_wake_ups_are_harmless() {
    everywhere(|place| {
        let switch = Switch::default();
        let for_helper = switch.clone();
        let helper = place.start(move || {
            for _ in 0..100 {
                eventually("it waits", || for_helper.has_waker());
                let waker = for_helper.0.lock().unwrap().1.take().unwrap();
                waker.wake();
            }
            for_helper.turn_on();
        });
        block_on(switch);
        helper.join();
    });
}

#[test]
fn a_future_on_a_coroutine_may_block() {
    for workers in [1, 2] {
        on_workers(workers, || {
            let (to, from) = channel::bounded(0);
            let other = spawn(move || {
                for number in 0..100 {
                    to.send(number).unwrap();
                }
            });
            let sum = block_on(async {
                let mut sum = 0;
                while let Ok(number) = from.recv() {
                    sum += number;
                    // Another call of it in the middle of a poll.
                    block_on(yields(1));
                    yields(1).await;
                }
                sum
            });
            assert_eq!(sum, 99 * 100 / 2);
            other.join().unwrap();
        });
    }
}

#[test]
fn a_future_that_wakes_itself_lets_others_run() {
    on_workers(1, || {
        let done = Arc::new(AtomicBool::new(false));
        let sets = done.clone();
        let other = spawn(move || sets.store(true, SeqCst));
        block_on(poll_fn(|context| {
            context.waker().wake_by_ref();
            match done.load(SeqCst) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        }));
        other.join().unwrap();
    });
}

#[test]
fn a_loop_over_futures_that_are_ready_lets_others_run() {
    on_workers(1, || {
        let done = Arc::new(AtomicBool::new(false));
        let sets = done.clone();
        let other = spawn(move || sets.store(true, SeqCst));
        let permits = Semaphore::new(1);
        block_on(async {
            while !done.load(SeqCst) {
                drop(permits.acquire_async().await);
            }
        });
        other.join().unwrap();
        // Where nothing may suspend it just goes on, and so it does with an executor that does not
        // know of coroutines.
        coroutine::forbid_blocking(|| {
            block_on(async {
                for _ in 0..1000 {
                    drop(permits.acquire_async().await);
                }
            });
        });
        for _ in 0..1000 {
            let mut future = pin!(permits.acquire_async());
            let mut poll = || {
                let mut context = Context::from_waker(Waker::noop());
                future.as_mut().poll(&mut context).is_ready()
            };
            assert!(poll() || poll());
        }
    });
}

/// As the halves of `tokio::io::split`, which poll with a lock of std's held that the other half
/// takes, too.
#[test]
fn a_poll_does_not_suspend() {
    on_workers(1, || {
        let (lock, done) = (
            Arc::new(StdMutex::new(())),
            Arc::new(AtomicBool::new(false)),
        );
        let (its_lock, its_done) = (lock.clone(), done.clone());
        let other = spawn_waiting(move || {
            while !its_done.load(SeqCst) {
                assert!(its_lock.try_lock().is_ok(), "suspended inside a poll");
                coroutine::yield_now();
            }
        });
        let (permits, mut polls) = (Semaphore::new(1), 0);
        block_on(poll_fn(|context| {
            let _held = lock.lock().unwrap();
            while polls < 2_000 {
                drop(ready!(pin!(permits.acquire_async()).poll(context)));
                polls += 1;
            }
            Poll::Ready(())
        }));
        done.store(true, SeqCst);
        other.join().unwrap();
    });
}

#[test]
fn what_is_ready_is_in_time() {
    everywhere(|_| {
        let permits = Semaphore::new(1);
        for _ in 0..1000 {
            let permit = block_on(future::timeout(Duration::ZERO, permits.acquire_async()));
            assert!(permit.is_ok());
        }
    });
}

#[test]
fn a_cancelled_coroutine_drops_the_future() {
    on_workers(2, || {
        let dropped = Arc::new(AtomicUsize::new(0));
        let counts = dropped.clone();
        let waits = spawn_waiting(move || {
            block_on(async move {
                let _counts = OnDrop(move || {
                    counts.fetch_add(1, SeqCst);
                });
                pending::<()>().await;
            });
        });
        waits.cancel();
        assert_cancelled(waits.join());
        assert_eq!(dropped.load(SeqCst), 1);
        // Also one that always wakes itself.
        let spins = spawn_waiting(|| block_on(yields(usize::MAX)));
        spins.cancel();
        assert_cancelled(spins.join());
    });
}

#[test]
fn a_limit_ends_it() {
    everywhere(|_| {
        let limit = Duration::from_millis(1);
        assert!(time::timeout(limit, || block_on(pending::<()>())).is_err());
        assert!(time::timeout(limit, || block_on(yields(usize::MAX))).is_err());
        // The next one is not disturbed.
        assert_eq!(
            time::timeout(Duration::from_secs(1000), || block_on(ready(1))),
            Ok(1)
        );
    });
}

#[test]
fn a_panic_goes_on_in_the_caller() {
    everywhere(|_| {
        let panics = catch_unwind(AssertUnwindSafe(|| {
            block_on(async {
                yields(1).await;
                std::panic::resume_unwind(Box::new("broken"))
            })
        }));
        let payload: Box<dyn std::any::Any + Send> = match panics {
            Ok(()) => panic!("it has not panicked"),
            Err(payload) => payload,
        };
        assert_eq!(message(&*payload), "broken");
        block_on(yields(3));
    });
}

#[test]
fn where_blocking_is_a_bug_it_is_one() {
    on_workers(1, || {
        coroutine::forbid_blocking(|| {
            assert_eq!(block_on(ready(1)), 1);
            let refused = catch_unwind(|| block_on(pending::<()>()));
            assert!(message(&*refused.unwrap_err()).contains("forbid_blocking"));
        });
    });
}

#[test]
fn a_future_has_a_coroutine_of_its_own() {
    let _watchdog = watchdog();
    let handles: Vec<_> = (0..100)
        .map(|number| {
            future::spawn(async move {
                yields(number).await;
                future::sleep(Duration::from_micros(10)).await;
                number
            })
        })
        .collect();
    let sum = block_on(async {
        let mut sum = 0;
        for handle in handles {
            sum += handle.await.unwrap();
        }
        sum
    });
    assert_eq!(sum, 99 * 100 / 2);
}

#[test]
fn handles_are_futures() {
    everywhere(|_| {
        let handle = spawn(|| 7);
        assert_eq!(block_on(handle).unwrap(), 7);
        let broken = spawn(|| std::panic::resume_unwind(Box::new("broken")));
        let result: coroutine::Result<()> = block_on(broken);
        assert_eq!(message(&*result.unwrap_err()), "broken");

        // By reference, and joined after one has timed out.
        let (gate, open) = channel::bounded::<()>(1);
        let mut slow = spawn(move || open.recv().is_ok());
        let early = block_on(future::timeout(Duration::from_millis(1), &mut slow));
        assert!(early.is_err());
        gate.send(()).unwrap();
        assert!(block_on(&mut slow).unwrap());
        assert!(slow.is_finished());
        // It can be had once.
        let again = catch_unwind(AssertUnwindSafe(|| block_on(&mut slow)));
        assert!(message(&*again.unwrap_err()).contains("taken before"));

        // A future that is dropped lets the coroutine run on.
        let (gate, open) = channel::bounded::<()>(1);
        let (to, from) = channel::bounded(1);
        let detached = spawn(move || {
            open.recv().unwrap();
            to.send(1).unwrap();
        });
        let early = block_on(future::timeout(Duration::from_millis(1), detached));
        assert!(early.is_err());
        gate.send(()).unwrap();
        assert_eq!(from.recv(), Ok(1));
    });
}

#[test]
fn times_are_kept() {
    everywhere(|place| {
        let start = Instant::now();
        block_on(future::sleep(Duration::ZERO));
        block_on(future::sleep(Duration::from_millis(2)));
        assert!(start.elapsed() >= Duration::from_millis(2));
        block_on(future::sleep_until(start));
        let at = Instant::now() + Duration::from_millis(1);
        block_on(future::sleep_until(at));
        assert!(Instant::now() >= at);
        for never in [Duration::MAX, Duration::from_secs(30 * 24 * 3600)] {
            let limit = Duration::from_micros(300);
            let late = future::timeout(limit, future::sleep(never));
            assert!(block_on(late).is_err());
            let in_time = future::timeout(never, future::sleep(limit));
            assert!(block_on(in_time).is_ok());
        }
        // Several at once, of which the first counts, begun in one place and ended in another.
        let sleep = future::sleep(Duration::from_millis(1));
        let mut sleep = Box::pin(sleep);
        let pending = block_on(poll_fn(|context| {
            Poll::Ready(sleep.as_mut().poll(context).is_pending())
        }));
        assert!(pending);
        place.start(move || block_on(sleep)).join();
        let mut set: Vec<_> = (0..50)
            .map(|i| Box::pin(future::sleep(Duration::from_micros(50 * i))))
            .collect();
        for sleep in &mut set {
            let late = future::timeout(Duration::from_secs(1000), sleep.as_mut());
            block_on(late).unwrap();
        }
    });
}

#[test]
fn a_sleep_outlives_the_runtime_on_which_it_began() {
    let _watchdog = watchdog();
    let mut sleep = Box::pin(future::sleep(Duration::from_millis(30)));
    let start = Instant::now();
    on_workers(2, || {
        let begun = block_on(poll_fn(|context| {
            Poll::Ready(sleep.as_mut().poll(context).is_pending())
        }));
        assert!(begun);
    });
    block_on(sleep);
    assert!(start.elapsed() >= Duration::from_millis(30));
}

#[test]
fn many_sleeps_end() {
    on_workers(2, || {
        let sleepers: Vec<_> = (0..2_000u64)
            .map(|i| {
                future::spawn(async move { future::sleep(Duration::from_micros(i % 997)).await })
            })
            .collect();
        for sleeper in sleepers {
            sleeper.join().unwrap();
        }
    });
}
