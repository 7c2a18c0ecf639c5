//! The completion queues of May 0.3: each coroutine of a queue waits by itself, one at a time has
//! its turn, and nothing is lost at the end.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use may::cqueue::{self, EventSender, PollError};
use may::{channel, coroutine, cqueue_add, cqueue_add_oneshot, go};
use may_tests::{
    OnDrop, Place, assert_cancelled, eventually, everywhere, message, on_workers, spawn_waiting,
    with_seeds,
};

/// Tells whether two are in it at the same time.
#[derive(Default)]
struct Alone(AtomicBool);

impl Alone {
    fn enter(&self, f: impl FnOnce()) {
        assert!(!self.0.swap(true, SeqCst), "two have their turn at once");
        f();
        self.0.store(false, SeqCst);
    }
}

#[test]
fn each_has_its_turn_alone_and_has_had_it_when_poll_returns() {
    const SOURCES: usize = 10;
    const EACH: usize = 50;
    everywhere(|_| {
        let (alone, turns) = (Alone::default(), AtomicUsize::new(0));
        let last: Vec<AtomicUsize> = (0..SOURCES).map(|_| AtomicUsize::new(0)).collect();
        cqueue::scope(|queue| {
            for token in 0..SOURCES {
                let (alone, turns, last) = (&alone, &turns, &last);
                go!(queue, token, move |events: EventSender<'_>| {
                    assert_eq!(events.get_token(), token);
                    for round in 1..=EACH {
                        coroutine::sleep(Duration::from_micros(10 * token as u64));
                        events.send(round);
                        alone.enter(|| {
                            last[token].store(round, SeqCst);
                            turns.fetch_add(1, SeqCst);
                        });
                    }
                });
            }
            for polled in 1.. {
                match queue.poll(None) {
                    Ok(event) => {
                        assert_eq!(last[event.token].load(SeqCst), event.extra);
                        assert_eq!(turns.load(SeqCst), polled);
                    }
                    Err(error) => {
                        assert_eq!(error, PollError::Finished);
                        break;
                    }
                }
            }
        });
        assert_eq!(turns.into_inner(), SOURCES * EACH);
    });
}

#[test]
fn the_macros_write_the_two_halves() {
    everywhere(|_| {
        let ((to_jobs, jobs), (to_stop, stop)) = (channel::unbounded(), channel::bounded(1));
        (1..=100).for_each(|job| to_jobs.send(job).unwrap());
        let sum = AtomicUsize::new(0);
        let tokens = cqueue::scope(|queue| {
            cqueue_add!(queue, 7, job = jobs.recv().unwrap_or(0) => {
                if sum.fetch_add(job, SeqCst) + job == 5050 {
                    to_stop.send("all").unwrap();
                }
            });
            cqueue_add_oneshot!(queue, 8, what = stop.recv() => assert_eq!(what, Ok("all")));
            let mut tokens = Vec::new();
            while tokens.last() != Some(&8) {
                tokens.push(queue.poll(None).unwrap().token);
            }
            tokens.len()
        });
        assert_eq!((tokens, sum.into_inner()), (101, 5050));
        assert!(to_jobs.is_empty());
    });
}

#[test]
fn a_poll_waits_no_longer_than_it_is_told() {
    everywhere(|_| {
        let (to, from) = channel::bounded(1);
        cqueue::scope(|queue| {
            for timeout in [None, Some(Duration::ZERO), Some(Duration::MAX)] {
                assert_eq!(queue.poll(timeout), Err(PollError::Finished));
            }
            cqueue_add_oneshot!(queue, 0, number = from.recv() => assert_eq!(number, Ok(5)));
            assert_eq!(queue.poll(Some(Duration::ZERO)), Err(PollError::Timeout));
            let start = Instant::now();
            let timeout = Duration::from_millis(2);
            assert_eq!(queue.poll(Some(timeout)), Err(PollError::Timeout));
            assert!(start.elapsed() >= timeout);
            to.send(5).unwrap();
            let event = queue.poll(Some(Duration::MAX)).unwrap();
            assert_eq!((event.token, event.extra), (0, 0));
            assert_eq!(queue.poll(None), Err(PollError::Finished));
            // It can be filled again.
            queue.add(1, |events| events.send(11));
            assert_eq!(queue.poll(None).map(|event| event.extra), Ok(11));
            assert_eq!(queue.poll(None), Err(PollError::Finished));
        });
    });
}

#[test]
fn a_turn_ends_where_it_waits() {
    everywhere(|_| {
        let (to, from) = channel::bounded(0);
        let done = AtomicBool::new(false);
        cqueue::scope(|queue| {
            queue.add(0, |events| {
                events.send(0);
                from.recv().unwrap();
                done.store(true, SeqCst);
            });
            assert_eq!(queue.poll(None).map(|event| event.token), Ok(0));
            assert!(!done.load(SeqCst));
            to.send(()).unwrap();
            assert_eq!(queue.poll(None), Err(PollError::Finished));
            assert!(done.load(SeqCst));
        });
    });
}

#[test]
fn panics_in_both_halves_go_on_in_the_poller_when_all_have_ended() {
    everywhere(|_| {
        for half in ["top", "bottom"] {
            let (begun, ended) = (AtomicBool::new(false), AtomicBool::new(false));
            let broken = catch_unwind(AssertUnwindSafe(|| {
                cqueue::scope(|queue| {
                    queue.add(0, |_| {
                        let _ended = OnDrop(|| ended.store(true, SeqCst));
                        begun.store(true, SeqCst);
                        coroutine::park();
                    });
                    queue.add(1, |events| {
                        if half == "bottom" {
                            eventually("the other has begun", || begun.load(SeqCst));
                            events.send(0);
                        }
                        resume_unwind(Box::new(half));
                    });
                    let events = (0..).take_while(|_| queue.poll(None).is_ok()).count();
                    unreachable!("the panic goes on, not {events} events");
                });
            }));
            assert_eq!(message(&*broken.unwrap_err()), half);
            // One that has never started has nothing to end.
            assert_eq!(ended.load(SeqCst), begun.load(SeqCst), "all have ended");
        }
    });
}

#[test]
fn a_panic_that_nobody_polls_is_raised_at_the_end() {
    everywhere(|_| {
        let (to, from) = channel::bounded::<()>(1);
        let broken = catch_unwind(AssertUnwindSafe(|| {
            cqueue::scope(|queue| {
                queue.add(0, |_| {
                    let _sends = OnDrop(|| to.send(()).unwrap());
                    resume_unwind(Box::new("unseen"));
                });
                from.recv().unwrap();
            });
        }));
        assert_eq!(message(&*broken.unwrap_err()), "unseen");
        // That of the body comes first.
        let broken = catch_unwind(AssertUnwindSafe(|| {
            cqueue::scope(|queue| {
                queue.add(0, |_| {
                    let _sends = OnDrop(|| to.send(()).unwrap());
                    resume_unwind(Box::new("unseen"));
                });
                from.recv().unwrap();
                resume_unwind(Box::new("body"));
            });
        }));
        assert_eq!(message(&*broken.unwrap_err()), "body");
    });
}

#[test]
fn one_that_is_removed_ends() {
    everywhere(|_| {
        let (_to, from) = channel::bounded::<()>(0);
        cqueue::scope(|queue| {
            let waiting = cqueue_add!(queue, 0, _ = from.recv() => unreachable!());
            let ready = cqueue_add!(queue, 1, _ = () => {});
            assert_eq!(queue.poll(None).map(|event| event.token), Ok(1));
            waiting.remove();
            ready.remove();
            // The one that is always ready may have sent an event by then, and one more without
            // knowing that it was removed.
            let rest = (0..).take_while(|_| queue.poll(None).is_ok()).count();
            assert!(rest <= 2, "{rest} more");
        });
    });
}

/// Also those that never wait and never look: one more turn, and the next `send` unwinds.
#[test]
fn the_end_of_a_queue_ends_those_that_are_always_ready() {
    everywhere(|_| {
        let (to, closed) = channel::bounded::<()>(1);
        drop(to);
        let turns = AtomicUsize::new(0);
        cqueue::scope(|queue| {
            cqueue_add!(queue, 0, _ = closed.recv() => { turns.fetch_add(1, SeqCst); });
            queue.add(1, |events| {
                loop {
                    events.send(0);
                    turns.fetch_add(1, SeqCst);
                }
            });
            for _ in 0..10 {
                queue.poll(None).unwrap();
            }
        });
        assert!((10..=14).contains(&turns.into_inner()));
    });
}

/// The last poll returns that it was the last.
#[test]
fn several_may_poll() {
    everywhere(|place: &Place| {
        let polled = AtomicUsize::new(0);
        cqueue::scope(|queue| {
            for token in 0..20 {
                queue.add(token, move |events| {
                    (0..10).for_each(|_| events.send(0));
                });
            }
            let poll = || {
                while queue.poll(None).is_ok() {
                    polled.fetch_add(1, SeqCst);
                }
            };
            coroutine::scope(|scope| {
                (0..3).for_each(|_| drop(scope.spawn(poll)));
                poll();
            });
        });
        assert_eq!(polled.into_inner(), 200, "{place:?}");
    });
}

/// Whatever a top half has taken its bottom half gets, whenever the queue ends, and however.
#[test]
fn nothing_is_lost_when_a_queue_ends() {
    everywhere(|_| {
        with_seeds(40, |mut random| {
            let (to, from) = channel::unbounded();
            (1..=100).for_each(|number| to.send(number).unwrap());
            let sum = AtomicUsize::new(0);
            let (polls, panics) = (random.below(60), random.below(2) == 0);
            let left = catch_unwind(AssertUnwindSafe(|| {
                cqueue::scope(|queue| {
                    for token in 0..4 {
                        cqueue_add!(queue, token, number = from.recv() => { sum.fetch_add(number.unwrap(), SeqCst); });
                    }
                    for _ in 0..polls {
                        queue.poll(None).unwrap();
                    }
                    if panics {
                        resume_unwind(Box::new("enough"));
                    }
                });
            }));
            assert_eq!(left.is_err(), panics);
            let rest: usize = from.try_iter().sum();
            assert_eq!(sum.into_inner() + rest, 5050);
        });
    });
}

#[test]
fn a_poller_that_is_cancelled_takes_all_with_it() {
    for workers in [1, 3] {
        on_workers(workers, || {
            with_seeds(100, |mut random| {
                let (to, from) = channel::unbounded::<usize>();
                let (sum, ended) = (
                    Arc::new(AtomicUsize::new(0)),
                    Arc::new(AtomicBool::new(true)),
                );
                let (adds, ends, rest) = (sum.clone(), ended.clone(), from.clone());
                let poller = spawn_waiting(move || {
                    cqueue::scope(|queue| {
                        for token in 0..3 {
                            cqueue_add!(queue, token, number = from.recv() => { adds.fetch_add(number.unwrap(), SeqCst); });
                        }
                        queue.add(3, |_| {
                            ends.store(false, SeqCst);
                            let _ended = OnDrop(|| ends.store(true, SeqCst));
                            coroutine::park();
                        });
                        loop {
                            queue.poll(None).unwrap();
                        }
                    })
                });
                for _ in 0..10 {
                    to.send(1).unwrap();
                    (0..random.below(3)).for_each(|_| coroutine::yield_now());
                }
                poller.cancel();
                assert_cancelled(poller.join());
                assert!(ended.load(SeqCst), "what has started has ended");
                assert_eq!(sum.load(SeqCst) + rest.try_iter().sum::<usize>(), 10);
            });
        });
    }
}

#[test]
fn coroutines_that_are_cancelled_while_they_are_busy_all_say_that_they_have_ended() {
    on_workers(1, || {
        let busy = AtomicUsize::new(0);
        cqueue::scope(|queue| {
            for token in 0..300 {
                let busy = &busy;
                queue.add(token, move |_| {
                    let (sender, receiver) = channel::bounded(1);
                    busy.fetch_add(1, SeqCst);
                    loop {
                        sender.send(()).unwrap();
                        receiver.recv().unwrap();
                    }
                });
            }
            eventually("all are busy", || busy.load(SeqCst) == 300);
        });
    });
}

#[test]
fn payloads_whose_destructors_panic_leave_a_queue_in_order() {
    /// Panics when it is dropped.
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("the destructor of a payload (expected)");
        }
    }
    everywhere(|_| {
        let begun = AtomicUsize::new(0);
        let raised = catch_unwind(AssertUnwindSafe(|| {
            cqueue::scope(|queue| {
                for token in 0..3 {
                    let begun = &begun;
                    queue.add(token, move |_| {
                        begun.fetch_add(1, SeqCst);
                        resume_unwind(Box::new(Bomb))
                    });
                }
                eventually("all have begun", || begun.load(SeqCst) == 3);
            });
        }));
        let payload = raised.unwrap_err();
        assert!(payload.is::<Bomb>());
        std::mem::forget(payload);
    });
}
