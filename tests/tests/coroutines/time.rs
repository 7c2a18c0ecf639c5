//! Sleeping: never too short, in the right order, also beside coroutines that compute or yield all
//! the time.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use may::coroutine::{self, Builder, Placement, sleep, sleep_until, spawn};
use may_tests::{end, everywhere, on_workers, runtime, watchdog, with_seeds};

#[test]
fn a_sleep_is_never_too_short() {
    everywhere(|_| {
        for micros in [
            0, 1, 50, 99, 100, 101, 500, 999, 1_000, 1_001, 2_500, 10_000,
        ] {
            let duration = Duration::from_micros(micros);
            let start = Instant::now();
            sleep(duration);
            assert!(start.elapsed() >= duration, "{duration:?}");
        }
    });
}

#[test]
fn sleep_until_the_past_returns_at_once() {
    everywhere(|_| {
        let now = Instant::now();
        sleep_until(now);
        sleep_until(now.checked_sub(Duration::from_millis(1)).unwrap_or(now));
        let deadline = Instant::now() + Duration::from_micros(700);
        sleep_until(deadline);
        assert!(Instant::now() >= deadline);
    });
}

#[test]
fn sleepers_of_one_worker_wake_in_the_order_of_their_deadlines() {
    on_workers(1, || {
        with_seeds(10, |mut random| {
            // The order means something if all are asleep before the first is due.
            let mut margin = Duration::from_millis(20);
            let order = loop {
                let order = Arc::new(Mutex::new(Vec::new()));
                let start = Instant::now() + margin;
                let handles: Vec<_> = (0..200)
                    .map(|_| {
                        let micros = random.below(5_000);
                        let order = order.clone();
                        spawn(move || {
                            let in_time = Instant::now() < start;
                            sleep_until(start + Duration::from_micros(micros));
                            order.lock().unwrap().push(micros);
                            in_time
                        })
                    })
                    .collect();
                let in_time = handles.into_iter().map(|handle| handle.join().unwrap());
                // All are joined.
                if in_time.filter(|in_time| !in_time).count() == 0 {
                    break Arc::into_inner(order).unwrap().into_inner().unwrap();
                }
                margin *= 2;
            };
            // One that was held up between its look at the clock and its wait comes at any place.
            let turns = order.windows(2).filter(|pair| pair[0] > pair[1]).count();
            assert!(turns <= order.len() / 10, "{order:?}");
        });
    });
}

#[test]
fn ten_thousand_sleepers_all_wake() {
    on_workers(2, || {
        let handles: Vec<_> = (0..10_000_u64)
            .map(|i| {
                spawn(move || {
                    let duration = Duration::from_micros(i % 3_000);
                    let start = Instant::now();
                    sleep(duration);
                    assert!(start.elapsed() >= duration);
                })
            })
            .collect();
        handles
            .into_iter()
            .for_each(|handle| handle.join().unwrap());
    });
}

#[test]
fn a_sleeper_wakes_although_its_worker_never_runs_out_of_work() {
    on_workers(1, || {
        let sleeper = spawn(|| sleep(Duration::from_micros(300)));
        // Yields until the sleeper has ended: a busy queue must not keep the timers waiting.
        while !sleeper.is_finished() {
            coroutine::yield_now();
        }
        sleeper.join().unwrap();
    });
}

#[test]
fn a_sleeper_does_not_wait_for_what_another_one_computes_on_another_worker() {
    let _watchdog = watchdog();
    let runtime = runtime(2);
    let at = |worker| Builder::new().placement(Placement::Worker(worker));
    let done = Arc::new(AtomicBool::new(false));
    let stops = done.clone();
    let computes = runtime.spawn_with(at(1), move || {
        while !stops.load(SeqCst) {
            std::hint::spin_loop();
        }
    });
    // The other one ends only because the sleeper does, so this hangs if it has to wait.
    let sleeper = runtime.spawn_with(at(0), || sleep(Duration::from_micros(500)));
    sleeper.unwrap().join().unwrap();
    done.store(true, SeqCst);
    computes.unwrap().join().unwrap();
    end(runtime);
}

#[test]
fn a_long_sleep_before_a_short_one_does_not_hide_it() {
    everywhere(|place| {
        let long: Vec<_> = (0..3)
            .map(|i| spawn(move || sleep(Duration::from_secs(30 * 24 * 3_600 + i))))
            .collect();
        let short = place.start(|| sleep(Duration::from_millis(2)));
        short.join();
        for sleeper in long {
            assert!(!sleeper.is_finished());
            sleeper.cancel();
            assert!(sleeper.join().is_err());
        }
    });
}
