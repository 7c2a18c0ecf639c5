//! Futures that are dropped at random moments beside others that wait for the same thing: nothing
//! is lost, nothing happens twice.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::task::Poll;
use std::time::Duration;

use may::channel;
use may::coroutine::{self, yield_now};
use may::future::{self, block_on};
use may::sync::{Barrier, Mutex, Notify, RwLock, Semaphore};
use may_core::select::{Finish, Mode, reserve, select};
use may_tests::executor::{ByHand, Executor};
use may_tests::{Place, Random, eventually, in_place, watchdog, with_seeds};

/// Polls a future so many times at most, and drops it then.
async fn for_a_while<F: Future>(polls: u64, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if left == 0 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            context.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await
}

/// Runs a storm in coroutines and on a foreign executor at the same time.
fn storms(rounds: u64, body: impl Fn(&Place, &Executor, Random) + Send + Sync) {
    let _watchdog = watchdog();
    with_seeds(rounds, |random| {
        for kind in may_tests::KINDS {
            in_place(kind, |place| {
                let executor = Executor::new(2);
                body(place, &executor, random.clone());
            });
        }
    });
}

#[test]
fn receivers_that_are_dropped_lose_no_message() {
    const MESSAGES: u64 = 2_000;
    for capacity in [0, 1, 8] {
        storms(2, |place, executor, mut random| {
            let (to, from) = channel::bounded(capacity);
            let received = Arc::new(AtomicU64::new(0));
            // One that drops its futures in a coroutine or on a thread, two in the executor, and
            // one that receives in the ordinary way.
            let mut tasks = Vec::new();
            for _ in 0..2 {
                let (from, received, mut random) = (from.clone(), received.clone(), random.fork());
                tasks.push(executor.spawn(async move {
                    loop {
                        match for_a_while(random.below(4), from.recv_async()).await {
                            Some(Ok(number)) => drop(received.fetch_add(number, SeqCst)),
                            Some(Err(_)) => return,
                            None => {}
                        }
                    }
                }));
            }
            let mut helpers = Vec::new();
            for blocks in [true, false] {
                let (from, received, mut random) = (from.clone(), received.clone(), random.fork());
                helpers.push(place.start(move || {
                    loop {
                        let result = match blocks {
                            true => Some(from.recv()),
                            false => block_on(for_a_while(random.below(3), from.recv_async())),
                        };
                        match result {
                            Some(Ok(number)) => drop(received.fetch_add(number, SeqCst)),
                            Some(Err(_)) => return,
                            None => yield_now(),
                        }
                    }
                }));
            }
            drop(from);
            // Three kinds of senders.
            let sum = Arc::new(AtomicU64::new(0));
            for kind in 0..3 {
                let (to, sum, mut random) = (to.clone(), sum.clone(), random.fork());
                helpers.push(place.start(move || {
                    for number in 1..=MESSAGES / 4 {
                        match kind {
                            0 => to.send(number).unwrap(),
                            1 => {
                                let mut sending = pin!(reserve(&to));
                                select(&mut [sending.as_mut()], Mode::Fair);
                                let right = sending.finish();
                                if random.below(4) == 0 {
                                    continue;
                                }
                                if random.below(8) == 0 {
                                    yield_now();
                                }
                                right.send(number).unwrap();
                            }
                            _ => {
                                let sent = to.send_async(number);
                                block_on(sent).unwrap();
                            }
                        }
                        sum.fetch_add(number, SeqCst);
                    }
                }));
            }
            drop(to);
            for helper in helpers {
                helper.join();
            }
            for task in tasks {
                task.join();
            }
            assert_eq!(received.load(SeqCst), sum.load(SeqCst));
        });
    }
}

#[test]
fn senders_that_are_dropped_have_sent_or_have_not() {
    for capacity in [0, 1, 8] {
        storms(2, |place, executor, mut random| {
            // Each message tells when it is dropped: received or not, that is once.
            struct Told(Arc<AtomicUsize>);
            impl Drop for Told {
                fn drop(&mut self) {
                    self.0.fetch_add(1, SeqCst);
                }
            }
            let dropped = Arc::new(AtomicUsize::new(0));
            let (to, from) = channel::bounded(capacity);
            let made = Arc::new(AtomicUsize::new(0));
            let mut tasks = Vec::new();
            for _ in 0..3 {
                let (to, dropped, made, mut random) =
                    (to.clone(), dropped.clone(), made.clone(), random.fork());
                tasks.push(executor.spawn(async move {
                    for _ in 0..500 {
                        made.fetch_add(1, SeqCst);
                        let message = Told(dropped.clone());
                        let _ = for_a_while(random.below(4), to.send_async(message)).await;
                    }
                }));
            }
            drop(to);
            let helpers: Vec<_> = (0..2)
                .map(|_| {
                    let from = from.clone();
                    place.start(move || from.iter().for_each(drop))
                })
                .collect();
            drop(from);
            for task in tasks {
                task.join();
            }
            for helper in helpers {
                helper.join();
            }
            assert_eq!(dropped.load(SeqCst), made.load(SeqCst));
        });
    }
}

#[test]
fn permits_and_locks_come_back() {
    storms(4, |place, executor, mut random| {
        let (semaphore, mutex) = (Arc::new(Semaphore::new(3)), Arc::new(Mutex::new(0u64)));
        let mut tasks = Vec::new();
        for _ in 0..3 {
            let (semaphore, mut random) = (semaphore.clone(), random.fork());
            tasks.push(executor.spawn(async move {
                for _ in 0..500 {
                    let many = 1 + random.below(3) as usize;
                    let permit = semaphore.acquire_many_async(many);
                    if let Some(permit) = for_a_while(random.below(4), permit).await {
                        assert_eq!(permit.num_permits(), many);
                    }
                }
            }));
        }
        let counted = Arc::new(AtomicU64::new(0));
        let helpers: Vec<_> = (0..4)
            .map(|number| {
                let (semaphore, mutex, counted, mut random) = (
                    semaphore.clone(),
                    mutex.clone(),
                    counted.clone(),
                    random.fork(),
                );
                place.start(move || {
                    for _ in 0..300 {
                        drop(semaphore.acquire_many(1 + number % 3));
                        if number % 2 == 0 {
                            *mutex.lock().unwrap() += 1;
                        } else {
                            let lock = for_a_while(random.below(3), mutex.lock_async());
                            match block_on(lock) {
                                Some(guard) => *guard.unwrap() += 1,
                                None => continue,
                            }
                        }
                        counted.fetch_add(1, SeqCst);
                    }
                })
            })
            .collect();
        for helper in helpers {
            helper.join();
        }
        for task in tasks {
            task.join();
        }
        assert_eq!(semaphore.available_permits(), 3);
        assert_eq!(*mutex.try_lock().unwrap(), counted.load(SeqCst));
    });
}

#[test]
fn rights_come_back() {
    storms(3, |place, executor, mut random| {
        let (lock, inside) = (Arc::new(RwLock::new(0u64)), Arc::new(AtomicU64::new(0)));
        let mut tasks = Vec::new();
        for _ in 0..3 {
            let (lock, inside, mut random) = (lock.clone(), inside.clone(), random.fork());
            tasks.push(executor.spawn(async move {
                for _ in 0..500 {
                    let polls = random.below(4);
                    if random.below(2) == 0 {
                        if let Some(read) = for_a_while(polls, lock.read_async()).await {
                            assert_eq!(*read.unwrap(), inside.load(SeqCst));
                        }
                    } else if let Some(written) = for_a_while(polls, lock.write_async()).await {
                        let mut written = written.unwrap();
                        *written += 1;
                        inside.fetch_add(1, SeqCst);
                    }
                }
            }));
        }
        let helpers: Vec<_> = (0..4)
            .map(|number| {
                let (lock, inside) = (lock.clone(), inside.clone());
                place.start(move || {
                    for _ in 0..300 {
                        match number % 2 {
                            0 => {
                                let mut written = lock.write().unwrap();
                                *written += 1;
                                inside.fetch_add(1, SeqCst);
                            }
                            _ => {
                                let read = lock.read().unwrap();
                                assert_eq!(*read, inside.load(SeqCst));
                            }
                        }
                    }
                })
            })
            .collect();
        helpers.into_iter().for_each(|helper| helper.join());
        tasks.into_iter().for_each(|task| task.join());
        assert_eq!(*lock.try_write().unwrap(), inside.load(SeqCst));
    });
}

#[test]
fn a_barrier_counts_those_who_stay() {
    storms(3, |place, executor, mut random| {
        let (barrier, done) = (Arc::new(Barrier::new(3)), Arc::new(AtomicBool::new(false)));
        // Some who come and go. A group may be complete with them.
        let tasks: Vec<_> = (0..2)
            .map(|_| {
                let (barrier, done, mut random) = (barrier.clone(), done.clone(), random.fork());
                executor.spawn(async move {
                    while !done.load(SeqCst) {
                        for_a_while(random.below(3), barrier.wait_async()).await;
                    }
                })
            })
            .collect();
        let (passed, ended) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicUsize::new(0)));
        let helpers: Vec<_> = (0..3)
            .map(|number| {
                let (barrier, passed, ended) = (barrier.clone(), passed.clone(), ended.clone());
                place.start(move || {
                    while passed.fetch_add(1, SeqCst) < 600 {
                        match number {
                            0 => barrier.wait(),
                            _ => block_on(barrier.wait_async()),
                        };
                    }
                    ended.fetch_add(1, SeqCst);
                })
            })
            .collect();
        // Those that still wait are let out.
        eventually("all have passed", || {
            let (mut one, mut two) = (
                ByHand::new(barrier.wait_async()),
                ByHand::new(barrier.wait_async()),
            );
            let _ = (one.poll(), two.poll());
            ended.load(SeqCst) == 3
        });
        done.store(true, SeqCst);
        helpers.into_iter().for_each(|helper| helper.join());
        tasks.into_iter().for_each(|task| task.join());
        // None is counted any longer.
        let [one, two] = [(); 2].map(|()| ByHand::waiting(barrier.wait_async()));
        assert!(block_on(barrier.wait_async()).is_leader());
        assert!(!one.woken().is_leader() && !two.woken().is_leader());
    });
}

#[test]
fn each_notification_is_taken_once() {
    storms(4, |place, executor, mut random| {
        let (notify, taken, done) = (
            Arc::new(Notify::new()),
            Arc::new(AtomicUsize::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let mut tasks = Vec::new();
        for _ in 0..3 {
            let (notify, taken, done, mut random) =
                (notify.clone(), taken.clone(), done.clone(), random.fork());
            tasks.push(executor.spawn(async move {
                while !done.load(SeqCst) {
                    if for_a_while(random.below(4), notify.wait_async())
                        .await
                        .is_some()
                    {
                        taken.fetch_add(1, SeqCst);
                    }
                }
            }));
        }
        let waits = place.start({
            let (notify, taken, done) = (notify.clone(), taken.clone(), done.clone());
            move || {
                while !done.load(SeqCst) {
                    if notify.wait_timeout(Duration::from_micros(50)) {
                        taken.fetch_add(1, SeqCst);
                    }
                }
            }
        });
        for given in 1..=500 {
            notify.notify_one();
            eventually("it is taken", || taken.load(SeqCst) == given);
        }
        done.store(true, SeqCst);
        waits.join();
        for task in tasks {
            task.join();
        }
    });
}

#[test]
fn coroutines_that_wait_for_futures_are_cancelled_at_any_moment() {
    storms(2, |_, executor, mut random| {
        let (to, from) = channel::bounded(0);
        let received = Arc::new(AtomicU64::new(0));
        let victims: Vec<_> = (0..8)
            .map(|_| {
                let (from, received) = (from.clone(), received.clone());
                coroutine::spawn(move || {
                    block_on(async {
                        while let Ok(number) = from.recv_async().await {
                            received.fetch_add(number, SeqCst);
                        }
                    });
                })
            })
            .collect();
        let sent = executor.spawn({
            let to = to.clone();
            async move {
                for number in 1..=1_000 {
                    to.send_async(number).await.unwrap();
                }
            }
        });
        for (at, victim) in victims.iter().enumerate() {
            (0..random.below(2_000)).for_each(|_| std::hint::spin_loop());
            if at % 2 == 0 {
                victim.cancel();
            }
        }
        sent.join();
        drop(to);
        for victim in victims {
            let _ = victim.join();
        }
        // What was passed to one that was cancelled then has come back.
        let rest: u64 = from.iter().sum();
        assert_eq!(received.load(SeqCst) + rest, 1_000 * 1_001 / 2);
    });
}

#[test]
fn sleeps_that_are_dropped_leave_nothing() {
    storms(2, |place, executor, mut random| {
        let mut tasks = Vec::new();
        for _ in 0..4 {
            let mut random = random.fork();
            tasks.push(executor.spawn(async move {
                for _ in 0..200 {
                    let sleep = future::sleep(Duration::from_micros(random.below(200)));
                    for_a_while(random.below(6), sleep).await;
                }
            }));
        }
        let helpers: Vec<_> = (0..4)
            .map(|_| {
                let mut random = random.fork();
                place.start(move || {
                    for _ in 0..100 {
                        let long = Duration::from_micros(random.below(300));
                        let short = Duration::from_micros(random.below(100));
                        let _ = block_on(future::timeout(short, future::sleep(long)));
                    }
                })
            })
            .collect();
        for helper in helpers {
            helper.join();
        }
        for task in tasks {
            task.join();
        }
    });
}
