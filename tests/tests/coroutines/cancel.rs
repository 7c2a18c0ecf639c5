//! Cancellation: where it is delivered, where not, and that it is never lost. (`matrix` has it for
//! every blocking call.)

use std::cell::RefCell;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use may::channel::{TrySendError, bounded};
use may::coroutine::{self, Cancelled, JoinError, spawn};
use may::{coroutine_local, time};
use may_tests::{
    OnDrop, assert_cancelled, eventually, everywhere, on_workers, spawn_waiting, with_seeds,
};

#[test]
fn join_tells_a_cancellation_from_a_panic() {
    everywhere(|_| {
        let cancelled = spawn(coroutine::park);
        cancelled.cancel();
        let panicked = spawn(|| panic!("with a text (expected)"));
        assert!(matches!(
            cancelled.join().map_err(JoinError::from),
            Err(JoinError::Cancelled)
        ));
        match panicked.join().map_err(JoinError::from) {
            Err(error @ JoinError::Panicked(_)) => {
                assert_eq!(error.panic_message(), Some("with a text (expected)"));
            }
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn one_that_has_not_started_never_does_and_its_closure_is_dropped() {
    on_workers(1, || {
        let (ran, dropped) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicBool::new(false)),
        );
        let (runs, drops) = (ran.clone(), dropped.clone());
        let on_drop = OnDrop(move || drops.store(true, SeqCst));
        let handle = spawn(move || {
            let _on_drop = on_drop;
            runs.store(true, SeqCst);
        });
        handle.cancel();
        assert_cancelled(handle.join());
        assert_eq!((ran.load(SeqCst), dropped.load(SeqCst)), (false, true));
    });
}

#[test]
fn what_can_finish_at_once_finishes() {
    on_workers(1, || {
        let (tx, rx) = bounded(8);
        let (go, gate) = bounded(1);
        let handle = spawn_waiting(move || {
            coroutine::shield(|| gate.recv().unwrap());
            for i in 0..8 {
                tx.send(i).unwrap();
            }
            tx.send(8).unwrap();
        });
        handle.cancel();
        go.send(()).unwrap();
        assert_cancelled(handle.join());
        assert_eq!(rx.try_iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6, 7]);
    });
}

#[test]
fn a_coroutine_that_ends_by_itself_returns_its_result() {
    on_workers(1, || {
        let (go, gate) = bounded(1);
        let handle = spawn_waiting(move || {
            coroutine::shield(|| gate.recv().unwrap());
            5
        });
        handle.cancel();
        go.send(()).unwrap();
        assert_eq!(handle.join().unwrap(), 5);
    });
}

#[test]
fn a_swallowed_cancellation_is_raised_again() {
    on_workers(2, || {
        let count = Arc::new(AtomicUsize::new(0));
        let counts = count.clone();
        let handle = spawn_waiting(move || {
            for _ in 0..10 {
                if catch_unwind(coroutine::park).is_err_and(|payload| payload.is::<Cancelled>()) {
                    counts.fetch_add(1, SeqCst);
                }
            }
        });
        handle.cancel();
        handle.join().unwrap();
        assert_eq!(count.load(SeqCst), 10, "each park was left by it");
    });
}

#[test]
fn destructors_run_from_the_inside_out() {
    on_workers(1, || {
        let (tx, rx) = bounded(8);
        let handle = spawn_waiting(move || {
            let _outer = OnDrop(|| tx.send("outer").unwrap());
            let _inner = OnDrop(|| tx.send("inner").unwrap());
            coroutine::park();
        });
        handle.cancel();
        assert_cancelled(handle.join());
        assert_eq!(rx.iter().collect::<Vec<_>>(), ["inner", "outer"]);
    });
}

#[test]
fn shields_nest_and_deliver_afterwards() {
    on_workers(1, || {
        let (waits, says) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (wait, say) = (waits.clone(), says.clone());
        let handle = spawn(move || {
            coroutine::shield(|| {
                coroutine::shield(|| {
                    wait.store(1, SeqCst);
                    coroutine::sleep(Duration::from_micros(200));
                });
                coroutine::sleep(Duration::from_micros(200));
                say.store(1, SeqCst);
            });
            say.store(2, SeqCst);
            coroutine::yield_now();
            say.store(3, SeqCst);
        });
        eventually("it is behind the shields", || waits.load(SeqCst) == 1);
        handle.cancel();
        assert_cancelled(handle.join());
        assert_eq!(says.load(SeqCst), 2);
    });
}

#[test]
fn cancelling_twice_or_too_late_does_nothing() {
    everywhere(|_| {
        let handle = spawn(|| 1);
        eventually("it has ended", || handle.is_finished());
        handle.cancel();
        handle.cancel();
        assert_eq!(handle.join().unwrap(), 1);
    });
}

#[test]
fn threads_cancel_coroutines() {
    on_workers(2, || {
        for _ in 0..200 {
            let handle = spawn(coroutine::park);
            let thread = std::thread::spawn(move || {
                handle.cancel();
                handle.join()
            });
            assert_cancelled(thread.join().unwrap());
        }
    });
}

#[test]
fn joining_a_coroutine_in_a_destructor_during_a_cancellation_waits_for_it() {
    on_workers(2, || {
        let (go, gate) = bounded::<()>(1);
        let child_ended = Arc::new(AtomicBool::new(false));
        let (waits, says) = (Arc::new(AtomicBool::new(false)), child_ended.clone());
        let waiting = waits.clone();
        let parent = spawn(move || {
            let mut child = Some(spawn(move || {
                gate.recv().unwrap();
                says.store(true, SeqCst);
            }));
            let _join = OnDrop(|| {
                waits.store(true, SeqCst);
                child.take().unwrap().join().unwrap();
            });
            coroutine::park();
        });
        coroutine::sleep(Duration::from_micros(100));
        parent.cancel();
        eventually("the destructor waits, or never will", || {
            waiting.load(SeqCst) || parent.is_finished()
        });
        let _ = go.try_send(());
        assert_cancelled(parent.join());
        assert_eq!(child_ended.load(SeqCst), waiting.load(SeqCst));
    });
}

/// std counts panics by thread, but the count of a coroutine that is suspended is not its
/// neighbours'.
#[test]
fn cancellations_limits_and_locks_of_neighbours_do_not_mind_who_unwinds() {
    on_workers(1, || {
        let (go, gate) = bounded::<()>(1);
        let unwinding = Arc::new(AtomicBool::new(false));
        let says = unwinding.clone();
        let neighbour = spawn(move || {
            let _waits = OnDrop(|| {
                says.store(true, SeqCst);
                gate.recv().unwrap();
            });
            std::panic::resume_unwind(Box::new(()));
        });
        eventually("the neighbour waits in its destructor", || {
            unwinding.load(SeqCst)
        });
        let (keep, receiver) = bounded::<()>(1);
        let asleep = spawn_waiting(|| coroutine::sleep(Duration::MAX));
        let parked = spawn_waiting(|| {
            loop {
                coroutine::park();
            }
        });
        let receiving = spawn_waiting(move || {
            let _ = receiver.recv();
        });
        let cancelled_first = spawn(|| coroutine::sleep(Duration::MAX));
        cancelled_first.cancel();
        asleep.cancel();
        parked.cancel();
        receiving.cancel();
        for handle in [asleep, parked, receiving, cancelled_first] {
            assert_cancelled(handle.join());
        }
        let limited = spawn(|| {
            assert!(!std::thread::panicking());
            time::timeout(Duration::from_millis(1), coroutine::park).is_err()
        });
        assert!(limited.join().unwrap());
        let lock = std::sync::Mutex::new(());
        drop(lock.lock());
        assert!(!lock.is_poisoned());
        assert!(!neighbour.is_finished());
        go.send(()).unwrap();
        assert!(neighbour.join().is_err());
        drop(keep);
    });
}

/// The neighbour was waiting before, so it is certain that it does not unwind, and it can be
/// cancelled in the middle of another one's unwinding.
#[test]
fn a_destructor_that_cancels_and_joins_a_neighbour_does_not_wait_for_ever() {
    for workers in [1, 3] {
        for by_panic in [true, false] {
            on_workers(workers, || {
                let outer = spawn_waiting(move || {
                    let mut children: Vec<_> = (0..3)
                        .map(|_| Some(spawn_waiting(coroutine::park)))
                        .collect();
                    let _end = OnDrop(|| {
                        for child in &mut children {
                            let child = child.take().unwrap();
                            child.cancel();
                            assert_cancelled(child.join());
                        }
                    });
                    if by_panic {
                        std::panic::resume_unwind(Box::new(()));
                    }
                    coroutine::park();
                });
                outer.cancel();
                assert!(outer.join().is_err());
            });
        }
    }
}

/// Each has a destructor that waits, so their unwindings overlap; none goes on as if it had not
/// been cancelled.
#[test]
fn many_that_are_cancelled_at_once_unwind_although_their_destructors_wait() {
    for workers in [1, 3] {
        on_workers(workers, || {
            let after = Arc::new(AtomicUsize::new(0));
            let handles: Vec<_> = (0..50)
                .map(|i| {
                    let after = after.clone();
                    spawn_waiting(move || {
                        let _waits = OnDrop(|| {
                            coroutine::sleep(Duration::from_micros(50));
                            coroutine::yield_now();
                        });
                        match i % 3 {
                            0 => coroutine::park(),
                            1 => coroutine::sleep(Duration::MAX),
                            _ => coroutine::park_timeout(Duration::MAX),
                        }
                        after.fetch_add(1, SeqCst);
                    })
                })
                .collect();
            handles.iter().for_each(coroutine::JoinHandle::cancel);
            handles
                .into_iter()
                .for_each(|handle| drop(handle.join().unwrap_err()));
            assert_eq!(after.load(SeqCst), 0);
        });
    }
}

/// The same when the runtime stops: what it cancels once must not be lost either.
#[test]
fn a_shutdown_while_a_neighbour_unwinds_ends_everything() {
    let _watchdog = may_tests::watchdog();
    for _ in 0..50 {
        let runtime = may_tests::runtime(1);
        let (go, gate) = bounded::<()>(1);
        let unwinding = Arc::new(AtomicBool::new(false));
        let says = unwinding.clone();
        runtime.spawn(move || {
            let _waits = OnDrop(|| {
                says.store(true, SeqCst);
                let _ = gate.recv_timeout(Duration::from_millis(2));
            });
            std::panic::resume_unwind(Box::new(()));
        });
        eventually("the neighbour waits in its destructor", || {
            unwinding.load(SeqCst)
        });
        let sleepers: Vec<_> = (0..10)
            .map(|_| runtime.spawn(|| coroutine::sleep(Duration::MAX)))
            .collect();
        runtime.spawn(|| ()).join().unwrap();
        may_tests::end(runtime);
        drop(go);
        for sleeper in sleepers {
            assert_cancelled(sleeper.join());
        }
    }
}

#[test]
fn messages_are_exact_when_senders_and_receivers_are_cancelled_at_random() {
    for workers in [1, 2, 4] {
        on_workers(workers, || {
            with_seeds(40, |mut random| {
                let (tx, rx) = bounded::<usize>(1 + random.below(3) as usize);
                let received = Arc::new(AtomicUsize::new(0));
                let sent = Arc::new(AtomicUsize::new(0));
                let senders: Vec<_> = (0..6)
                    .map(|_| {
                        let (tx, sent) = (tx.clone(), sent.clone());
                        spawn(move || {
                            for _ in 0..100 {
                                tx.send(1).unwrap();
                                sent.fetch_add(1, SeqCst);
                            }
                        })
                    })
                    .collect();
                let receivers: Vec<_> = (0..6)
                    .map(|_| {
                        let (rx, received) = (rx.clone(), received.clone());
                        spawn(move || {
                            while let Ok(message) = rx.recv() {
                                received.fetch_add(message, SeqCst);
                            }
                        })
                    })
                    .collect();
                for _ in 0..random.below(20) {
                    coroutine::yield_now();
                }
                for handle in senders.iter().chain(&receivers[1..]) {
                    if random.below(2) == 0 {
                        handle.cancel();
                    }
                    if random.below(3) == 0 {
                        coroutine::yield_now();
                    }
                }
                drop(tx);
                senders.into_iter().for_each(|sender| drop(sender.join()));
                receivers
                    .into_iter()
                    .for_each(|receiver| drop(receiver.join()));
                assert_eq!(received.load(SeqCst), sent.load(SeqCst));
                assert!(rx.is_empty());
            });
        });
    }
}

#[test]
fn a_full_channel_whose_receiver_was_cancelled_is_disconnected() {
    on_workers(1, || {
        let (tx, rx) = bounded(1);
        let receiver = spawn_waiting(move || {
            let _held = rx;
            coroutine::park();
        });
        receiver.cancel();
        assert_cancelled(receiver.join());
        assert!(matches!(tx.try_send(1), Err(TrySendError::Disconnected(1))));
    });
}

#[test]
fn a_handle_cancels_its_coroutine_a_peer_or_oneself() {
    everywhere(|_| {
        let waiting = spawn(coroutine::park);
        let peer = waiting.coroutine().clone();
        spawn(move || peer.cancel()).join().unwrap();
        assert_cancelled(waiting.join());

        let oneself = spawn(|| {
            coroutine::current().cancel();
            coroutine::park();
        });
        assert_cancelled(oneself.join());

        // What May 0.3 called `trigger_cancel_panic`.
        let at_once = spawn(|| {
            coroutine::current().cancel();
            coroutine::yield_now();
        });
        assert_cancelled(at_once.join());

        // One that has ended stays as it is.
        let ended = spawn(|| 7);
        ended.wait();
        ended.coroutine().cancel();
        assert_eq!(ended.join().unwrap(), 7);
    });
}

#[test]
fn a_plain_thread_cannot_be_cancelled() {
    let (sender, receiver) = bounded(1);
    coroutine::current().cancel();
    sender.send(1).unwrap();
    assert_eq!(receiver.recv(), Ok(1));
    spawn(|| ()).join().unwrap();
}

#[test]
fn waiting_leaves_the_result_for_the_join() {
    everywhere(|_| {
        let waited = spawn(|| {
            coroutine::yield_now();
            "done".to_owned()
        });
        waited.wait();
        waited.wait();
        assert!(waited.is_finished());
        assert_eq!(waited.join().unwrap(), "done");
    });
}

#[test]
fn a_cancellation_cuts_no_destructor_short() {
    coroutine_local! { static LOCAL: RefCell<Vec<Waits>> = const { RefCell::new(Vec::new()) }; }
    /// Counts when it has waited.
    struct Waits(Arc<AtomicUsize>);
    impl Drop for Waits {
        fn drop(&mut self) {
            coroutine::sleep(Duration::from_micros(1));
            coroutine::yield_now();
            self.0.fetch_add(1, SeqCst);
        }
    }
    on_workers(1, || {
        let done = Arc::new(AtomicUsize::new(0));
        let waits = || Waits(done.clone());
        let (local, frame, closure) = (waits(), waits(), waits());
        let cancelled = spawn_waiting(move || {
            LOCAL.with_borrow_mut(|values| values.push(local));
            let _frame = frame;
            coroutine::park();
        });
        cancelled.cancel();
        assert_cancelled(cancelled.join());
        assert_eq!(done.load(SeqCst), 2);
        let never = spawn(move || drop(closure));
        never.cancel();
        assert_cancelled(never.join());
        assert_eq!(done.load(SeqCst), 3);
        // A result that is not taken.
        let result = waits();
        let left = spawn(move || {
            let _ = catch_unwind(coroutine::park);
            result
        });
        coroutine::yield_now();
        left.cancel();
        drop(left);
        eventually("the result was dropped", || done.load(SeqCst) == 4);
    });
}
