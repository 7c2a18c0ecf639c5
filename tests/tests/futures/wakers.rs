//! Wakers are user code that runs in the middle of another coroutine's operation: they may wait,
//! panic, and be destroyed at any moment.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Mutex as StdMutex, PoisonError};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use may::coroutine::{self, spawn};
use may::sync::{Arc, Condvar, Mutex, Notify, Semaphore};
use may_tests::{assert_cancelled, eventually, everywhere, on_workers, spawn_waiting};

/// A waker that does whatever it was given.
struct Does<F>(F);

impl<F: Fn() + Send + Sync + 'static> Wake for Does<F> {
    fn wake(self: Arc<Does<F>>) {
        (self.0)();
    }
}

/// A waker whose destructor panics.
struct DropPanics;

impl Wake for DropPanics {
    fn wake(self: Arc<DropPanics>) {}
}

impl Drop for DropPanics {
    fn drop(&mut self) {
        panic!("the destructor of a waker panics");
    }
}

/// A future that was polled with a waker and is not ready.
#[track_caller]
fn waiting<F: Future>(future: F, waker: &Waker) -> Pin<Box<F>> {
    let mut future = Box::pin(future);
    let polled = future.as_mut().poll(&mut Context::from_waker(waker));
    assert!(polled.is_pending(), "it has nothing to wait for");
    future
}

/// A waker that does this.
fn does(f: impl Fn() + Send + Sync + 'static) -> Waker {
    Waker::from(Arc::new(Does(f)))
}

/// A mutex with what it guards, and a way to tell that it has changed.
type Pair = Arc<(Mutex<()>, Condvar)>;

/// A coroutine that waits for a condition gives its mutex to a future, whose waker waits; the
/// notification comes in that moment.
#[test]
fn a_condition_that_is_notified_while_the_mutex_is_given_to_a_future() {
    everywhere(|place| {
        for by_waker in [true, false] {
            for _ in 0..20 {
                let pair = Pair::default();
                let happened = Arc::new(AtomicBool::new(false));
                let (waits, sees) = (pair.clone(), happened.clone());
                let (tells, says) = (pair.clone(), happened.clone());
                let (gate, opens) = may::channel::unbounded();
                let waiter = place.start(move || {
                    let (mutex, changed) = &*waits;
                    let guard = mutex.lock().unwrap();
                    let waker = does(move || {
                        coroutine::sleep(Duration::from_micros(10));
                        if by_waker {
                            says.store(true, SeqCst);
                            tells.1.notify_one();
                        } else {
                            gate.send(()).unwrap();
                        }
                        coroutine::yield_now();
                        coroutine::sleep(Duration::from_micros(10));
                    });
                    let future = waiting(mutex.lock_async(), &waker);
                    let guard = changed.wait_while(guard, |()| !sees.load(SeqCst));
                    drop(guard.unwrap());
                    drop(future);
                });
                if !by_waker {
                    opens.recv().unwrap();
                    happened.store(true, SeqCst);
                    pair.1.notify_one();
                }
                waiter.join();
            }
        }
    });
}

/// Several wait for one condition variable, each with a mutex of its own that it gives to a future.
#[test]
fn all_are_notified_also_those_who_wake_futures_meanwhile() {
    everywhere(|place| {
        for _ in 0..20 {
            let changed = Arc::new(Condvar::new());
            let mutexes: Vec<_> = (0..4).map(|_| Arc::new(Mutex::new(false))).collect();
            let waiters: Vec<_> = mutexes
                .iter()
                .map(|mutex| {
                    let (mutex, changed) = (mutex.clone(), changed.clone());
                    place.start(move || {
                        let guard = mutex.lock().unwrap();
                        let waker = does(|| coroutine::sleep(Duration::from_micros(20)));
                        let future = waiting(mutex.lock_async(), &waker);
                        drop(changed.wait_while(guard, |ready| !*ready).unwrap());
                        drop(future);
                    })
                })
                .collect();
            for mutex in &mutexes {
                // Not by waiting for it: the future does not take the lock when it is woken, and no
                // other would be.
                eventually("the mutex is free", || {
                    mutex.try_lock().map(|mut ready| *ready = true).is_ok()
                });
                changed.notify_all();
            }
            waiters.into_iter().for_each(|waiter| waiter.join());
        }
    });
}

#[test]
fn the_cancellation_of_whoever_runs_a_waker_does_not_cut_it_short() {
    on_workers(1, || {
        let pair = Pair::default();
        let ended = Arc::new(AtomicBool::new(false));
        let (waits, ends) = (pair.clone(), ended.clone());
        let waiter = spawn_waiting(move || {
            let (mutex, changed) = &*waits;
            let guard = mutex.lock().unwrap();
            let me = coroutine::current();
            let waker = does(move || {
                me.cancel();
                coroutine::sleep(Duration::from_micros(10));
                ends.store(true, SeqCst);
            });
            let _future = waiting(mutex.lock_async(), &waker);
            drop(changed.wait(guard));
        });
        assert_cancelled(waiter.join());
        assert!(ended.load(SeqCst), "the waker has run to its end");
        drop(pair.0.lock().unwrap());
        // No other one takes the place of the one that has left.
        let (waits, condition) = (pair.clone(), Arc::new(AtomicBool::new(false)));
        let sees = condition.clone();
        let next = spawn_waiting(move || {
            let guard = waits.0.lock().unwrap();
            drop(waits.1.wait_while(guard, |()| !sees.load(SeqCst)).unwrap());
        });
        condition.store(true, SeqCst);
        pair.1.notify_one();
        next.join().unwrap();
    });
}

/// A future that is polled where it is woken, by a waker whose destructor panics: the runtime
/// destroys the last one.
#[test]
fn a_worker_survives_the_destructor_of_a_waker() {
    type Job = Pin<Box<dyn Future<Output = ()> + Send>>;
    on_workers(1, || {
        for ready_in_waker in [true, false] {
            let job = Arc::new(StdMutex::new(None::<Job>));
            let polled = Arc::new(AtomicBool::new(false));
            let (takes, says) = (job.clone(), polled.clone());
            let waker = does(move || {
                let mut future = takes
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .take()
                    .unwrap();
                let second = Waker::from(Arc::new(DropPanics));
                if ready_in_waker {
                    let polled = future.as_mut().poll(&mut Context::from_waker(&second));
                    assert!(polled.is_ready());
                }
                says.store(true, SeqCst);
                drop(future);
                drop(second);
            });
            *job.lock().unwrap() = Some(waiting(
                may::future::sleep(Duration::from_millis(1)),
                &waker,
            ));
            eventually("the waker has run", || polled.load(SeqCst));
            assert_eq!(spawn(|| 42).join().unwrap(), 42);
        }
    });
}

#[test]
fn a_waker_that_panics_costs_nobody_a_wake_up() {
    everywhere(|place| {
        let (notify, permits) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
        let panics = does(|| panic!("a waker panics"));
        let futures: Vec<_> = (0..20)
            .map(|_| {
                (
                    waiting(notify.wait_async(), &panics),
                    waiting(permits.acquire_async(), &panics),
                )
            })
            .collect();
        let woken = Arc::new(AtomicUsize::new(0));
        let (waits, counts) = (notify.clone(), woken.clone());
        let behind = place.start(move || {
            waits.wait();
            counts.fetch_add(1, SeqCst);
        });
        eventually("all are told", || {
            notify.notify_all();
            woken.load(SeqCst) == 1
        });
        behind.join();
        let takes = permits.clone();
        let behind = place.start(move || drop(takes.acquire()));
        permits.add_permits(21);
        behind.join();
        drop(futures);
    });
}
