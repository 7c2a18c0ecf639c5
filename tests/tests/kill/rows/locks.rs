//! Locks, and what is set up once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use may::coroutine;
use may::op::{self, Operation};
use may::sync::{
    Condvar, LazyLock, LockResult, Mutex, MutexGuard, Once, OnceLock, PoisonError, RwLock,
    RwLockReadGuard, RwLockWriteGuard, Semaphore, TryLockError, TryLockResult,
};
use may_tests::message;

use super::{Count, DAY, Pair, Program};
use crate::stage::{At, Blow, End, Play};

pub(crate) fn programs() -> Vec<Program> {
    vec![
        ("Mutex::lock", || mutex(Mutex::lock)),
        ("Mutex::lock_timeout", || {
            mutex(|lock| in_time(lock.lock_timeout(DAY)))
        }),
        ("RwLock::read and write", || {
            rwlock(RwLock::read, RwLock::write)
        }),
        ("RwLock::read_timeout and write_timeout", || {
            rwlock(
                |lock| in_time(lock.read_timeout(DAY)),
                |lock| in_time(lock.write_timeout(DAY)),
            )
        }),
        ("Condvar::wait_while", condvar),
        ("Condvar::wait_timeout", condvar_with_timeout),
        ("Semaphore::acquire_many", semaphore),
        ("Semaphore::acquire_many_owned", semaphore_owned),
        ("Semaphore::acquire_owned_timeout", semaphore_owned_timeout),
        ("Once::call_once_force", once),
        ("Once::wait", || set_up(|once, _, _| once.wait())),
        ("Once::wait_timeout", || {
            set_up(|once, _, _| assert!(once.wait_timeout(DAY)))
        }),
        ("OnceLock::wait", || {
            set_up(|_, lock, _| assert_eq!(*lock.wait(), 1))
        }),
        ("OnceLock::wait_timeout", || {
            set_up(|_, lock, _| assert_eq!(lock.wait_timeout(DAY), Some(&1)))
        }),
        ("op::wait(&lazy_lock)", || {
            set_up(|_, _, lazy| assert_eq!(*op::wait(lazy).wait(), 1))
        }),
        ("OnceLock::get_or_init", once_lock),
        ("LazyLock::force", lazy_lock),
    ]
}

/// Whether one was ended by a panic.
fn panicked(ends: &[End]) -> bool {
    ends.contains(&End::Killed(Blow::Panic))
}

/// A guard, also of a poisoned lock.
fn entered<G>(access: LockResult<G>) -> G {
    access.unwrap_or_else(PoisonError::into_inner)
}

/// What has been waited for long enough.
fn in_time<G>(access: TryLockResult<G>) -> LockResult<G> {
    match access {
        Ok(guard) => Ok(guard),
        Err(TryLockError::Poisoned(poisoned)) => Err(poisoned),
        Err(TryLockError::WouldBlock) => unreachable!("a day has not passed"),
    }
}

/// A panic inside poisons, a cancellation and a limit do not; the lock is free either way.
fn mutex(take: fn(&Mutex<Pair>) -> LockResult<MutexGuard<'_, Pair>>) -> Play {
    let mut play = Play::default();
    let lock = Arc::new(Mutex::new(Pair::default()));
    for _ in 0..3 {
        let lock = lock.clone();
        play.victim(move |at| {
            for _ in 0..2 {
                at.here();
                let mut pair = entered(take(&lock));
                pair.begun += 1;
                at.turn();
                pair.done += 1;
            }
        });
    }
    play.check(move |ends| {
        let lock = Arc::into_inner(lock).expect("all have ended");
        let is_poisoned = lock.is_poisoned();
        lock.clear_poison();
        let pair = lock.try_lock().expect("it is free");
        assert_eq!(is_poisoned, panicked(ends) && pair.is_torn());
        assert!(pair.done >= 4 && pair.begun - pair.done <= 1, "{pair:?}");
    });
    play
}

/// Only a writer that panics poisons.
fn rwlock(
    read: for<'a> fn(&'a RwLock<Pair>) -> LockResult<RwLockReadGuard<'a, Pair>>,
    write: for<'a> fn(&'a RwLock<Pair>) -> LockResult<RwLockWriteGuard<'a, Pair>>,
) -> Play {
    let mut play = Play::default();
    let lock = Arc::new(RwLock::new(Pair::default()));
    for _ in 0..2 {
        let for_writer = lock.clone();
        play.victim(move |at| {
            for _ in 0..2 {
                at.here();
                let mut pair = entered(write(&for_writer));
                pair.begun += 1;
                at.turn();
                pair.done += 1;
            }
        });
        let for_reader = lock.clone();
        play.victim(move |at| {
            for _ in 0..2 {
                at.here();
                let pair = entered(read(&for_reader));
                let before = (pair.begun, pair.done);
                at.turn();
                assert_eq!((pair.begun, pair.done), before);
            }
        });
    }
    play.check(move |ends| {
        let lock = Arc::into_inner(lock).expect("all have ended");
        let is_poisoned = lock.is_poisoned();
        lock.clear_poison();
        let pair = lock.try_write().expect("it is free");
        assert_eq!(is_poisoned, panicked(ends) && pair.is_torn());
        assert!(pair.done >= 2 && pair.begun - pair.done <= 1, "{pair:?}");
    });
    play
}

/// Things that are waited for by condition variable.
#[derive(Default)]
struct Things {
    there: usize,
    taken: usize,
    closed: bool,
}

/// Two who take, one who puts. Nothing is lost, and every wait ends.
fn condvar_with(wait: fn(&Mutex<Things>, &Condvar) -> bool) -> Play {
    const EACH: usize = 3;
    let mut play = Play::default();
    let shared = Arc::new((Mutex::new(Things::default()), Condvar::new()));
    for _ in 0..2 {
        let shared = shared.clone();
        play.victim(move |at| {
            loop {
                at.here();
                if !wait(&shared.0, &shared.1) {
                    break;
                }
                at.turn();
            }
        });
    }
    let for_maker = shared.clone();
    let put = Count::default();
    let counted = put.clone();
    let closes = Closes(shared.clone());
    play.victim(move |at| {
        // It goes with this role, also if that has never begun.
        let _closes = closes;
        for _ in 0..EACH {
            at.turn();
            let mut things = for_maker.0.lock().unwrap_or_else(PoisonError::into_inner);
            things.there += 1;
            counted.add();
            for_maker.1.notify_one();
            drop(things);
        }
    });
    play.check(move |_| {
        let things = shared.0.try_lock().map_err(drop);
        let things = things.expect("it is free, and no holder has panicked");
        assert_eq!((things.there, things.taken), (0, put.get()));
    });
    play
}

/// Says that there will be no more things.
struct Closes(Arc<(Mutex<Things>, Condvar)>);

impl Drop for Closes {
    fn drop(&mut self) {
        let (things, more) = &*self.0;
        // It may have to wait for the mutex, and must not be ended there.
        coroutine::shield(|| things.lock().unwrap_or_else(PoisonError::into_inner)).closed = true;
        more.notify_all();
    }
}

fn condvar() -> Play {
    condvar_with(|things, more| {
        let things = things.lock().unwrap();
        let mut things = more
            .wait_while(things, |things| things.there == 0 && !things.closed)
            .unwrap();
        take(&mut things)
    })
}

fn condvar_with_timeout() -> Play {
    condvar_with(|things, more| {
        let mut things = things.lock().unwrap();
        while things.there == 0 && !things.closed {
            things = more.wait_timeout(things, DAY).unwrap().0;
        }
        take(&mut things)
    })
}

fn take(things: &mut Things) -> bool {
    let is_there = things.there > 0;
    things.there -= usize::from(is_there);
    things.taken += usize::from(is_there);
    is_there
}

/// All permits are back.
fn permits(hold: fn(&Arc<Semaphore>, usize, &At)) -> Play {
    const PERMITS: usize = 3;
    let mut play = Play::default();
    let semaphore = Arc::new(Semaphore::new(PERMITS));
    for wanted in [2, 1, 3, 2] {
        let semaphore = semaphore.clone();
        play.victim(move |at| {
            for _ in 0..2 {
                at.here();
                hold(&semaphore, wanted, at);
            }
        });
    }
    play.check(move |_| assert_eq!(semaphore.available_permits(), PERMITS));
    play
}

fn semaphore() -> Play {
    permits(|semaphore, wanted, at| {
        let _permit = semaphore.acquire_many(wanted);
        at.turn();
    })
}

fn semaphore_owned() -> Play {
    permits(|semaphore, wanted, at| {
        let _permit = semaphore.clone().acquire_many_owned(wanted);
        at.turn();
    })
}

fn semaphore_owned_timeout() -> Play {
    permits(|semaphore, wanted, at| {
        let permit = semaphore.clone().acquire_owned_timeout(wanted, DAY);
        assert!(permit.is_some());
        at.turn();
    })
}

/// All who wait are woken when another has set it up, whatever becomes of one of them.
fn set_up(wait: fn(&Once, &OnceLock<u32>, &LazyLock<u32>)) -> Play {
    let mut play = Play::default();
    let shared = Arc::new((Once::new(), OnceLock::new(), <LazyLock<u32>>::new(|| 1)));
    for _ in 0..2 {
        let shared = shared.clone();
        play.victim(move |at| {
            at.here();
            wait(&shared.0, &shared.1, &shared.2);
            at.here();
        });
    }
    play.helper(move |at| {
        let (once, lock, lazy) = &*shared;
        at.turn();
        once.call_once(|| at.turn());
        lock.get_or_init(|| {
            at.turn();
            1
        });
        LazyLock::force(lazy);
        at.here();
    });
    play
}

/// An initializer that is ended before its end lets another one run.
fn once() -> Play {
    let mut play = Play::default();
    let (once, runs) = (Arc::new(Once::new()), Count::default());
    for _ in 0..3 {
        let (once, runs) = (once.clone(), runs.clone());
        play.victim(move |at| {
            at.here();
            once.call_once_force(|_| {
                at.turn();
                runs.add();
            });
            assert_eq!(runs.get(), 1);
            at.here();
        });
    }
    play.check(move |_| {
        assert!(once.is_completed());
        assert_eq!(runs.get(), 1);
    });
    play
}

fn once_lock() -> Play {
    let mut play = Play::default();
    let lock = Arc::new(OnceLock::new());
    for number in 0..3 {
        let lock = lock.clone();
        play.victim(move |at| {
            at.here();
            let value = *lock.get_or_init(|| {
                at.turn();
                number
            });
            at.turn();
            assert_eq!(lock.get(), Some(&value));
        });
    }
    play.check(move |_| assert!(lock.get().is_some()));
    play
}

/// The initializer runs once. A cancellation lets it come to its end; a panic is raised again for
/// all who come later.
fn lazy_lock() -> Play {
    type Lazy = LazyLock<usize, Box<dyn FnOnce() -> usize + Send>>;
    let mut play = Play::default();
    let first = Arc::new(OnceLock::<At>::new());
    let lazy: Arc<Lazy> = Arc::new(LazyLock::new({
        let first = first.clone();
        Box::new(move || {
            first.get().expect("one has come").turn();
            7
        })
    }));
    let panicked = Count::default();
    for _ in 0..3 {
        let (lazy, first, panicked) = (lazy.clone(), first.clone(), panicked.clone());
        play.victim(move |at| {
            at.here();
            let _ = first.set(at.clone());
            match catch_unwind(AssertUnwindSafe(|| **lazy)) {
                Ok(value) => assert_eq!(value, 7),
                // One that asks again, after a panic, is not a victim, but panics, too.
                Err(payload) if message(&*payload).contains("poisoned") => panicked.add(),
                Err(payload) => std::panic::resume_unwind(payload),
            }
            at.here();
        });
    }
    play.check(move |ends| {
        if panicked.get() > 0 {
            assert!(ends.contains(&End::Killed(Blow::Panic)));
        }
    });
    play
}
