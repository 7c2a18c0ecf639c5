//! Every function that blocks, against everything that can happen to a wait.
//!
//! The functions are data ([`rows`]) and the happenings are tests, so a function that is missing is
//! missing in one place; and [`every_function_that_can_be_cancelled_has_a_row`] reads the sources
//! to see that none is.
//!
//! `MAY_ROUNDS` sets how often each race is run per row and kind of place.

mod documented;
mod row;
mod rows;
mod subject;
mod ways;

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex as StdMutex};
use std::time::{Duration, Instant};
use std::{panic, thread};

use may::coroutine::{self, Builder, Placement};
use may::time;
use may_tests::{KINDS, Kind, OnDrop, Place, Random};
use may_tests::{assert_cancelled, eventually, in_place, spawn_waiting, watchdog_of, with_seeds};

use documented::Documented;
use row::{Blocks, DAYS, Ends, Row};

/// The time after which a limit or a timeout ends a wait that nothing else ends.
const SHORT: Duration = Duration::from_micros(500);

/// The kinds of places in which everything is a coroutine, so that all can be cancelled.
const COROUTINES: [Kind; 2] = [Kind::Coroutines(1), Kind::Coroutines(3)];

/// After how long a row counts as hanging, and a wake-up as lost.
const HANG_AFTER: Duration = Duration::from_secs(60);
const LOST: Duration = Duration::from_secs(2);

/// How often each race is run, per row and kind of place.
fn rounds() -> u64 {
    std::env::var("MAY_ROUNDS").map_or(150, |rounds| rounds.parse().expect("a number"))
}

/// Runs `check` for each row that `applies`, in these kinds of places. A cell that fails is
/// printed, and the others are checked all the same.
fn for_rows(
    kinds: &[Kind],
    applies: impl Fn(&Row) -> bool,
    check: impl Fn(&Place, &Row) + Send + Sync,
) {
    let rows: Vec<Row> = rows::all().into_iter().filter(applies).collect();
    assert!(!rows.is_empty());
    let failed = StdMutex::new(Vec::new());
    for kind in kinds {
        in_place(*kind, |place| {
            for row in &rows {
                let name = format!("{} in {kind:?}", row.name());
                let limit = HANG_AFTER + Duration::from_millis(20 * rounds());
                let _watchdog = watchdog_of(name.clone(), limit);
                if panic::catch_unwind(AssertUnwindSafe(|| check(place, row))).is_err() {
                    eprintln!("this was {name}");
                    failed.lock().unwrap().push(name);
                }
            }
        });
    }
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "these fail: {failed:#?}");
}

/// A flag that is set right before a call: on one worker, when it is seen to be set the caller
/// waits.
fn started() -> (Arc<AtomicBool>, Arc<AtomicBool>) {
    let flag = Arc::new(AtomicBool::new(false));
    (flag.clone(), flag)
}

/// Does nothing for a short while.
fn spin(turns: u64) {
    (0..turns).for_each(|_| std::hint::spin_loop());
}

#[test]
fn what_is_ready_is_done_at_once() {
    for_rows(&KINDS, Row::is_wakeable, |_, row| {
        let blocks = row.make();
        blocks.wake();
        assert!(blocks.call(None));
    });
}

#[test]
fn what_is_ready_is_done_although_no_time_is_given() {
    for_rows(
        &KINDS,
        |row| row.ends == Ends::WokenOrTimeout,
        |_, row| {
            let blocks = row.make();
            blocks.wake();
            // A call that may give the others a turn does so before, and not inside the limit that
            // is one of the rows.
            coroutine::yield_now();
            let call = || blocks.call(Some(Duration::ZERO));
            match row.meets {
                true => eventually("the other one has come", call),
                false => assert!(call()),
            }
        },
    );
}

/// Lets a helper wait, and calls `wake` when it does.
fn woken_by(wake: fn(&Arc<dyn Blocks>)) {
    for_rows(&KINDS, Row::is_wakeable, |place, row| {
        for timeout in [None, Some(DAYS), Some(Duration::MAX)] {
            let blocks = row.make();
            let (waits, says) = started();
            let for_helper = blocks.clone();
            let helper = place.start(move || {
                says.store(true, SeqCst);
                for_helper.call(timeout)
            });
            eventually("the helper waits", || waits.load(SeqCst));
            wake(&blocks);
            assert!(helper.join(), "with timeout {timeout:?}");
        }
    });
}

#[test]
fn a_waiter_is_woken_by_a_coroutine() {
    woken_by(|blocks| {
        let blocks = blocks.clone();
        coroutine::spawn(move || blocks.wake()).join().unwrap();
    });
}

#[test]
fn a_waiter_is_woken_by_a_thread() {
    woken_by(|blocks| {
        let blocks = blocks.clone();
        let thread = thread::spawn(move || blocks.wake());
        eventually("the thread has done it", || thread.is_finished());
    });
}

#[test]
fn the_wait_ends_when_the_other_side_goes() {
    for_rows(
        &KINDS,
        |row| row.closes,
        |place, row| {
            for timeout in [None, Some(DAYS)] {
                let blocks = row.make();
                let helpers: Vec<_> = (0..if row.shared { 3 } else { 1 })
                    .map(|_| {
                        let (waits, says) = started();
                        let for_helper = blocks.clone();
                        let helper = place.start(move || {
                            says.store(true, SeqCst);
                            for_helper.call(timeout)
                        });
                        eventually("the helper waits", || waits.load(SeqCst));
                        helper
                    })
                    .collect();
                blocks.close();
                for helper in helpers {
                    assert!(!helper.join(), "with timeout {timeout:?}");
                }
                assert!(!blocks.call(timeout), "one that comes later");
            }
        },
    );
}

/// Row 6 of the list of what must not go wrong.
#[test]
fn timeouts_of_zero_and_a_nanosecond_and_half_a_millisecond_elapse() {
    for_rows(&KINDS, Row::has_timeout, |_, row| {
        for timeout in [Duration::ZERO, Duration::from_nanos(1), SHORT] {
            let blocks = row.make();
            let start = Instant::now();
            assert!(!blocks.call(Some(timeout)), "{timeout:?}");
            let took = start.elapsed();
            assert!(took >= timeout, "{timeout:?} took {took:?}");
        }
    });
}

#[test]
fn timeouts_of_thirty_days_and_of_the_longest_duration_do_not_elapse() {
    let rows = rows::all();
    let timed = rows.iter().filter(|row| row.has_timeout());
    for kind in COROUTINES {
        in_place(kind, |_| {
            let helpers: Vec<_> = timed
                .clone()
                .flat_map(|row| [DAYS, Duration::MAX].map(|timeout| (row, timeout)))
                .map(|(row, timeout)| {
                    let blocks = row.make();
                    let helper = {
                        let blocks = blocks.clone();
                        coroutine::spawn(move || blocks.call(Some(timeout)))
                    };
                    (row, timeout, blocks, helper)
                })
                .collect();
            coroutine::sleep(Duration::from_millis(20));
            for (row, timeout, _blocks, helper) in helpers {
                let name = row.name();
                assert!(!helper.is_finished(), "{name} with {timeout:?}");
                helper.cancel();
                assert_cancelled(helper.join());
            }
        });
    }
}

#[test]
fn a_cancellation_ends_the_wait() {
    for_rows(
        &COROUTINES,
        |_| true,
        |_, row| {
            for timeout in [None, Some(DAYS)] {
                let blocks = row.make();
                let (waits, says) = started();
                let for_helper = blocks.clone();
                let helper = coroutine::spawn(move || {
                    says.store(true, SeqCst);
                    for_helper.call(timeout)
                });
                eventually("the helper waits", || waits.load(SeqCst));
                helper.cancel();
                assert_cancelled(helper.join());
                if row.keeps && row.is_wakeable() {
                    blocks.wake();
                    assert!(blocks.call(timeout), "another one can wait");
                }
            }
        },
    );
}

#[test]
fn a_cancellation_before_the_call_ends_it_where_it_would_wait() {
    for_rows(
        &[Kind::Coroutines(1)],
        |_| true,
        |_, row| {
            let blocks = row.make();
            let (go, going) = started();
            let helper = spawn_waiting(move || {
                // A shield, so that this is not where it is delivered.
                coroutine::shield(|| eventually("it may go on", || going.load(SeqCst)));
                blocks.call(Some(DAYS))
            });
            helper.cancel();
            go.store(true, SeqCst);
            assert_cancelled(helper.join());
        },
    );
}

#[test]
fn a_shielded_wait_is_not_cancelled_and_the_next_one_is() {
    for_rows(&[Kind::Coroutines(1)], Row::is_wakeable, |_, row| {
        let blocks = row.make();
        let (waits, says) = started();
        let for_helper = blocks.clone();
        let (done, said) = started();
        let helper = coroutine::spawn(move || {
            coroutine::shield(|| {
                says.store(true, SeqCst);
                said.store(for_helper.call(None), SeqCst);
            });
            coroutine::park();
        });
        eventually("the helper waits", || waits.load(SeqCst));
        helper.cancel();
        coroutine::sleep(Duration::from_millis(1));
        assert!(!helper.is_finished());
        blocks.wake();
        assert_cancelled(helper.join());
        assert!(done.load(SeqCst));
    });
}

#[test]
fn a_limit_around_the_call_ends_the_wait() {
    for_rows(
        &KINDS,
        |_| true,
        |_, row| {
            let only_time = row.ends == Ends::Timeout;
            for timeout in [None, Some(DAYS)] {
                // So that the call that follows finds what the first one has left.
                let timeout = match only_time {
                    true => Some(40 * SHORT),
                    false => timeout,
                };
                let blocks = row.make();
                let start = Instant::now();
                let result = time::timeout(SHORT, || blocks.call(timeout));
                assert!(result.is_err(), "it was not ended: {result:?}");
                assert!(start.elapsed() >= SHORT);
                if row.keeps && row.is_wakeable() {
                    blocks.wake();
                    assert!(blocks.call(timeout), "another one can wait");
                }
                if row.keeps && only_time {
                    assert!(!blocks.call(timeout));
                    return assert!(start.elapsed() >= 40 * SHORT);
                }
            }
        },
    );
}

#[test]
fn a_limit_around_a_shield_does_not_end_the_wait() {
    for_rows(&KINDS, Row::is_wakeable, |place, row| {
        let blocks = row.make();
        let for_helper = blocks.clone();
        let helper = place
            .start(move || time::timeout(SHORT, || coroutine::shield(|| for_helper.call(None))));
        coroutine::sleep(2 * SHORT);
        blocks.wake();
        assert_eq!(helper.join(), Ok(true));
    });
}

/// What became of a wait that could end in two ways.
#[derive(Default)]
struct Outcomes {
    woken: AtomicUsize,
    ended: AtomicUsize,
}

impl Outcomes {
    /// Counts one, of which the row must have kept what it did not use.
    fn count(&self, row: &Row, blocks: &dyn Blocks, woken: bool, timeout: Option<Duration>) {
        if woken {
            self.woken.fetch_add(1, SeqCst);
        } else {
            self.ended.fetch_add(1, SeqCst);
            let another = || time::timeout(LOST, || blocks.call(timeout)) == Ok(true);
            assert!(!row.keeps || another(), "the wake-up is lost");
        }
    }

    fn print(&self, row: &Row, place: &Place) {
        let (woken, ended) = (self.woken.load(SeqCst), self.ended.load(SeqCst));
        let (name, kind) = (row.name(), place.kind());
        println!("{name} in {kind:?}: woken {woken} times, ended {ended} times");
    }
}

/// Any worker of a place in which everything is a coroutine.
fn somewhere(place: &Place, random: &mut Random) -> Placement {
    match place.kind() {
        Kind::Coroutines(workers) => Placement::Worker(random.below(workers as u64) as usize),
        Kind::Threads | Kind::Mixed => unreachable!("not all are coroutines"),
    }
}

/// Row 11: May 0.3 loses cancellations. Here the wake-up or the cancellation wins, and what the
/// winner did not use is still there.
#[test]
fn a_cancellation_and_a_wake_up_race_and_exactly_one_wins() {
    let kinds = [1, 2, 4].map(Kind::Coroutines);
    for_rows(&kinds, Row::is_wakeable, |place, row| {
        let outcomes = Outcomes::default();
        with_seeds(rounds(), |mut random| {
            let blocks = row.make();
            let for_helper = blocks.clone();
            let timeout = [None, Some(DAYS)][random.below(2) as usize];
            let helper = Builder::new()
                .placement(somewhere(place, &mut random))
                .spawn(move || for_helper.call(timeout))
                .unwrap();
            for _ in 0..random.below(3) {
                coroutine::yield_now();
            }
            let for_waker = blocks.clone();
            let pause = random.below(200);
            let waker = coroutine::spawn(move || {
                spin(pause);
                for_waker.wake();
            });
            if random.below(2) == 0 {
                coroutine::yield_now();
            }
            spin(random.below(200));
            helper.cancel();
            waker.join().unwrap();
            let result = helper.join();
            let woken = match result {
                Ok(woken) => woken,
                result => {
                    assert_cancelled(result);
                    false
                }
            };
            outcomes.count(row, &*blocks, woken, timeout);
        });
        outcomes.print(row, place);
    });
}

#[test]
fn a_limit_and_a_wake_up_race_and_exactly_one_wins() {
    for_rows(&KINDS, Row::is_wakeable, |place, row| {
        let outcomes = Outcomes::default();
        with_seeds(rounds(), |mut random| {
            let blocks = row.make();
            let for_helper = blocks.clone();
            let timeout = [None, Some(DAYS)][random.below(2) as usize];
            let limit = Duration::from_micros(random.below(150));
            let helper =
                place.start(move || time::timeout(limit, || for_helper.call(timeout)).ok());
            if random.below(2) == 0 {
                coroutine::sleep(Duration::from_micros(random.below(100)));
            }
            spin(random.below(200));
            blocks.wake();
            let result = helper.join();
            assert_ne!(result, Some(false), "neither woken nor ended by the limit");
            outcomes.count(row, &*blocks, result.is_some(), timeout);
        });
        outcomes.print(row, place);
    });
}

/// Two wait, and the first is cancelled or reaches a limit just when one wake-up comes: whichever
/// of them is still there gets it.
#[test]
fn a_wake_up_that_a_leaving_waiter_did_not_use_goes_to_the_next() {
    let applies = |row: &Row| row.is_wakeable() && row.keeps && row.shared;
    let kinds = [1, 3].map(Kind::Coroutines);
    for_rows(&kinds, applies, |place, row| {
        with_seeds(rounds(), |mut random| {
            let blocks = row.make();
            let by_limit = random.below(2) == 0;
            let limit = match by_limit {
                true => Duration::from_micros(random.below(150)),
                false => DAYS,
            };
            let mut helpers = [limit, DAYS].map(|limit| {
                let for_helper = blocks.clone();
                let helper = Builder::new()
                    .placement(somewhere(place, &mut random))
                    .spawn(move || time::timeout(limit, || for_helper.call(None)).ok())
                    .unwrap();
                (0..random.below(4)).for_each(|_| coroutine::yield_now());
                Some(helper)
            });
            let first = helpers[0].take().unwrap();
            let for_waker = blocks.clone();
            let waker = coroutine::spawn(move || for_waker.wake());
            (0..random.below(2)).for_each(|_| coroutine::yield_now());
            spin(random.below(200));
            if !by_limit {
                first.cancel();
            }
            waker.join().unwrap();
            let used = match first.join() {
                Ok(result) => result == Some(true),
                result => {
                    assert_cancelled(result);
                    false
                }
            };
            if used {
                blocks.wake();
            }
            let second = helpers[1].take().unwrap();
            assert_eq!(second.join().unwrap(), Some(true));
        });
    });
}

/// How the helper leaves the frame whose destructor waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaves {
    Panicking,
    Cancelled,
    Limited,
}

#[test]
fn a_destructor_that_runs_while_unwinding_waits_as_usual() {
    let applies = |row: &Row| row.ends != Ends::Never;
    for_rows(&COROUTINES, applies, |_, row| {
        for leaves in [Leaves::Panicking, Leaves::Cancelled, Leaves::Limited] {
            let blocks = row.make();
            let (waits, says) = started();
            let (ended, said) = started();
            let for_helper = blocks.clone();
            let timeout = (!row.is_wakeable()).then_some(SHORT);
            let limit = match leaves {
                Leaves::Limited => SHORT,
                Leaves::Panicking | Leaves::Cancelled => DAYS,
            };
            let helper = spawn_waiting(move || {
                time::timeout(limit, || {
                    let _waits = OnDrop(|| {
                        says.store(true, SeqCst);
                        let woken = for_helper.call(timeout);
                        said.store(woken == timeout.is_none(), SeqCst);
                    });
                    if leaves == Leaves::Panicking {
                        panic::resume_unwind(Box::new("a payload"));
                    }
                    loop {
                        coroutine::park();
                    }
                })
            });
            if leaves != Leaves::Limited {
                helper.cancel();
            }
            eventually("the destructor runs", || waits.load(SeqCst));
            blocks.wake();
            let result = helper.join();
            assert!(ended.load(SeqCst), "{leaves:?}");
            match (leaves, result) {
                (Leaves::Limited, result) => assert!(result.unwrap().is_err()),
                (Leaves::Cancelled, result) => assert_cancelled(result),
                (Leaves::Panicking, result) => {
                    let payload = result.unwrap_err();
                    assert_eq!(may_tests::message(&*payload), "a payload");
                }
            }
        }
    });
}

#[test]
fn a_destructor_on_a_plain_thread_waits_as_usual() {
    for_rows(&[Kind::Threads], Row::is_wakeable, |_, row| {
        for leaves in [Leaves::Panicking, Leaves::Limited] {
            let blocks = row.make();
            let (waits, says) = started();
            let (ended, said) = started();
            let for_thread = blocks.clone();
            let thread = thread::spawn(move || {
                time::timeout(SHORT, || {
                    let _waits = OnDrop(|| {
                        says.store(true, SeqCst);
                        said.store(for_thread.call(None), SeqCst);
                    });
                    if leaves == Leaves::Panicking {
                        panic::resume_unwind(Box::new("a payload"));
                    }
                    loop {
                        coroutine::park();
                    }
                })
            });
            eventually("the destructor runs", || waits.load(SeqCst));
            blocks.wake();
            let result = thread.join();
            assert!(ended.load(SeqCst), "{leaves:?}");
            assert_eq!(result.is_err(), leaves == Leaves::Panicking);
        }
    });
}

#[test]
fn inside_forbid_blocking_what_would_wait_panics() {
    for_rows(
        &[Kind::Coroutines(1)],
        |_| true,
        |_, row| {
            let blocks = row.make();
            let for_helper = blocks.clone();
            let helper = spawn_waiting(move || {
                coroutine::forbid_blocking(|| for_helper.call(Some(DAYS)));
            });
            // What is inside a scope is waited for all the same.
            blocks.wake();
            let payload = helper.join().unwrap_err();
            let text = may_tests::message(&*payload);
            assert!(text.contains("forbid_blocking"), "{text}");
        },
    );
}

#[test]
fn every_function_that_can_be_cancelled_has_a_row() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../may-core/src");
    let mut found = Documented::below(&root).functions;
    for name in [
        "channel/sender.rs Sender::send",
        "park/mod.rs park",
        "sync/spsc.rs Receiver::recv",
    ] {
        assert!(
            found.contains(name),
            "the search finds too little: {found:#?}"
        );
    }
    let is_elsewhere = |name: &str| {
        rows::ELSEWHERE
            .iter()
            .any(|prefix| name.starts_with(prefix))
    };
    found.retain(|name| !is_elsewhere(name));
    let rows = rows::all();
    let covered: BTreeSet<String> = rows.iter().map(|row| row.covers.to_owned()).collect();
    println!("{} rows of {} functions", rows.len(), covered.len());
    let difference: Vec<_> = found.symmetric_difference(&covered).collect();
    assert!(
        difference.is_empty(),
        "without a row, or without a function: {difference:#?}"
    );
}
