//! Locks, and what is set up once.

use std::time::{Duration, Instant};

use may::channel::{self, Receiver, Sender};
use may::sync::{Condvar, LazyLock, Mutex, MutexGuard, Once, OnceLock, PoisonError, RwLock};

use crate::row::{Row, Subject, deadline, or_max, waits, waits_in_time};
use crate::subject::Held;

pub(crate) fn rows() -> Vec<Row> {
    [
        mutexes(),
        rwlocks(),
        condvars(),
        onces(),
        once_locks(),
        lazy_locks(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A holder that panics leaves a poisoned lock.
fn mutexes() -> Vec<Row> {
    let make = || {
        Held::new(Mutex::new(()), |mutex, stay| {
            let _held = mutex.lock();
            stay.stay();
        })
    };
    Subject::new("a mutex that is held", make, |m| m.holder.leave())
        .closed_by(|m| m.holder.panic())
        .met()
        .rows([
            waits("sync/mutex.rs Mutex::lock", |m, _| m.lock.lock().is_ok()),
            waits_in_time("sync/mutex.rs Mutex::lock_timeout", |m, timeout| {
                m.lock.lock_timeout(or_max(timeout)).is_ok()
            }),
            waits_in_time("sync/mutex.rs Mutex::lock_deadline", |m, timeout| {
                m.lock.lock_deadline(deadline(timeout)).is_ok()
            }),
        ])
}

fn rwlocks() -> Vec<Row> {
    let written = || {
        Held::new(RwLock::new(()), |lock, stay| {
            let _held = lock.write();
            stay.stay();
        })
    };
    let read = || {
        Held::new(RwLock::new(()), |lock, stay| {
            let _held = lock.read();
            stay.stay();
        })
    };
    let mut rows = Subject::new("a lock that is written", written, |l| l.holder.leave())
        .closed_by(|l| l.holder.panic())
        .met()
        .rows([
            waits("sync/rwlock/mod.rs RwLock::read", |l, _| {
                l.lock.read().is_ok()
            }),
            waits_in_time("sync/rwlock/mod.rs RwLock::read_timeout", |l, timeout| {
                l.lock.read_timeout(or_max(timeout)).is_ok()
            }),
            waits_in_time("sync/rwlock/mod.rs RwLock::read_deadline", |l, timeout| {
                l.lock.read_deadline(deadline(timeout)).is_ok()
            }),
            waits("sync/rwlock/mod.rs RwLock::write", |l, _| {
                l.lock.write().is_ok()
            }),
            waits_in_time("sync/rwlock/mod.rs RwLock::write_timeout", |l, timeout| {
                l.lock.write_timeout(or_max(timeout)).is_ok()
            }),
            waits_in_time("sync/rwlock/mod.rs RwLock::write_deadline", |l, timeout| {
                l.lock.write_deadline(deadline(timeout)).is_ok()
            }),
        ]);
    // A reader that panics leaves the lock in order.
    rows.extend(
        Subject::new("a lock that is read", read, |l| l.holder.leave())
            .met()
            .rows([
                waits("sync/rwlock/mod.rs RwLock::write", |l, _| {
                    l.lock.write().is_ok()
                }),
                waits_in_time("sync/rwlock/mod.rs RwLock::write_timeout", |l, timeout| {
                    l.lock.write_timeout(or_max(timeout)).is_ok()
                }),
            ]),
    );
    rows
}

/// A number of things, and what tells that there is one more.
#[derive(Default)]
struct Things {
    count: Mutex<u32>,
    more: Condvar,
}

impl Things {
    /// The lock, which a cancellation has not poisoned.
    fn lock(&self) -> MutexGuard<'_, u32> {
        self.count.lock().unwrap()
    }
}

/// Takes a thing if there is one.
fn take(mut count: MutexGuard<'_, u32>) -> bool {
    let is_there = *count > 0;
    *count -= u32::from(is_there);
    is_there
}

fn condvars() -> Vec<Row> {
    /// As `Condvar::wait_timeout_while`, for a condition variable that has no such thing.
    fn wait_for_one<'a>(
        mut count: MutexGuard<'a, u32>,
        timeout: Option<Duration>,
        wait: impl Fn(MutexGuard<'a, u32>, Duration) -> MutexGuard<'a, u32>,
    ) -> bool {
        let (start, timeout) = (Instant::now(), or_max(timeout));
        while *count == 0 && start.elapsed() < timeout {
            count = wait(count, timeout.saturating_sub(start.elapsed()));
        }
        take(count)
    }
    Subject::new("a number of things", Things::default, |t| {
        // The holder that panicked has left the value in order.
        *t.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        t.more.notify_one();
    })
    .rows([
        waits("sync/condvar.rs Condvar::wait", |t, _| {
            let mut count = t.lock();
            while *count == 0 {
                count = t.more.wait(count).unwrap();
            }
            take(count)
        }),
        waits("sync/condvar.rs Condvar::wait_while", |t, _| {
            take(t.more.wait_while(t.lock(), |count| *count == 0).unwrap())
        }),
        waits_in_time("sync/condvar.rs Condvar::wait_timeout", |t, timeout| {
            wait_for_one(t.lock(), timeout, |count, timeout| {
                t.more.wait_timeout(count, timeout).unwrap().0
            })
        }),
        waits_in_time(
            "sync/condvar.rs Condvar::wait_timeout_while",
            |t, timeout| {
                let (count, result) = t
                    .more
                    .wait_timeout_while(t.lock(), or_max(timeout), |count| *count == 0)
                    .unwrap();
                assert_eq!(result.timed_out(), *count == 0);
                take(count)
            },
        ),
        #[allow(deprecated)]
        waits_in_time("sync/condvar.rs Condvar::wait_timeout_ms", |t, timeout| {
            wait_for_one(t.lock(), timeout, |count, timeout| {
                let milliseconds = timeout.as_nanos().div_ceil(1_000_000);
                let milliseconds = u32::try_from(milliseconds).unwrap_or(u32::MAX);
                t.more.wait_timeout_ms(count, milliseconds).unwrap().0
            })
        }),
    ])
}

fn onces() -> Vec<Row> {
    let running = || Held::new(Once::new(), |once, stay| once.call_once(|| stay.stay()));
    /// What the initializer of the caller waits for.
    struct Own {
        once: Once,
        gate: (Sender<()>, Receiver<()>),
    }
    impl Own {
        fn new() -> Own {
            Own {
                once: Once::new(),
                gate: channel::bounded(1),
            }
        }
        fn init(&self) {
            self.gate.1.recv().unwrap();
        }
    }
    [
        Subject::new("another caller's initializer", running, |o| {
            o.holder.leave()
        })
        .met()
        .rows([
            waits("sync/once.rs Once::call_once", |o, _| {
                o.lock.call_once(|| unreachable!("it has run"));
                true
            }),
            waits("sync/once.rs Once::call_once_force", |o, _| {
                o.lock.call_once_force(|_| unreachable!("it has run"));
                true
            }),
            waits("sync/once.rs Once::wait", |o, _| {
                o.lock.wait();
                true
            }),
            waits_in_time("sync/once.rs Once::wait_timeout", |o, timeout| {
                o.lock.wait_timeout(or_max(timeout))
            }),
            waits_in_time("sync/once.rs Once::wait_deadline", |o, timeout| {
                o.lock.wait_deadline(deadline(timeout))
            }),
            waits("sync/once.rs Once::wait_force", |o, _| {
                o.lock.wait_force();
                true
            }),
        ]),
        Subject::new("an initializer that panics", running, |o| o.holder.panic()).rows([waits(
            "sync/once.rs Once::call_once_force",
            |o, _| {
                o.lock.call_once_force(|_| {});
                true
            },
        )]),
        Subject::new("a caller's own initializer", Own::new, |o| {
            let _ = o.gate.0.try_send(());
        })
        .rows([
            waits("sync/once.rs Once::call_once", |o, _| {
                o.once.call_once(|| o.init());
                true
            }),
            waits("sync/once.rs Once::call_once_force", |o, _| {
                o.once.call_once_force(|state| {
                    assert!(!state.is_poisoned());
                    o.init();
                });
                true
            }),
        ]),
        Subject::new("nothing that runs yet", Once::new, |o| o.call_once(|| {})).rows([
            waits("sync/once.rs Once::wait", |o, _| {
                o.wait();
                true
            }),
            waits_in_time("sync/once.rs Once::wait_timeout", |o, timeout| {
                o.wait_timeout(or_max(timeout))
            }),
            waits("sync/once.rs Once::wait_force", |o, _| {
                o.wait_force();
                true
            }),
        ]),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn once_locks() -> Vec<Row> {
    let running = || {
        Held::new(OnceLock::new(), |lock: &OnceLock<i32>, stay| {
            lock.get_or_init(|| {
                stay.stay();
                1
            });
        })
    };
    type Own = (OnceLock<()>, (Sender<()>, Receiver<()>));
    [
        Subject::new("another caller's initializer", running, |o| {
            o.holder.leave()
        })
        .met()
        .rows([
            waits("sync/once_lock.rs OnceLock::get_or_init", |o, _| {
                *o.lock.get_or_init(|| 2) == 1
            }),
            waits("sync/once_lock.rs OnceLock::set", |o, _| {
                o.lock.set(2) == Err(2)
            }),
            waits("sync/once_lock.rs OnceLock::wait", |o, _| {
                *o.lock.wait() == 1
            }),
            waits_in_time("sync/once_lock.rs OnceLock::wait_timeout", |o, timeout| {
                o.lock.wait_timeout(or_max(timeout)) == Some(&1)
            }),
            waits_in_time("sync/once_lock.rs OnceLock::wait_deadline", |o, timeout| {
                o.lock.wait_deadline(deadline(timeout)) == Some(&1)
            }),
        ]),
        Subject::new("an initializer that panics", running, |o| o.holder.panic())
            .rows([waits("sync/once_lock.rs OnceLock::get_or_init", |o, _| {
                *o.lock.get_or_init(|| 2) == 2
            })]),
        Subject::new(
            "a caller's own initializer",
            || (OnceLock::new(), channel::bounded(1)),
            |(_, gate): &Own| {
                let _ = gate.0.try_send(());
            },
        )
        .rows([waits("sync/once_lock.rs OnceLock::get_or_init", |o, _| {
            o.0.get_or_init(|| o.1.1.recv().unwrap());
            true
        })]),
        Subject::new("an empty place", OnceLock::new, |o| {
            let _ = o.set(1);
        })
        .rows([
            waits("sync/once_lock.rs OnceLock::wait", |o, _| *o.wait() == 1),
            waits_in_time("sync/once_lock.rs OnceLock::wait_timeout", |o, timeout| {
                o.wait_timeout(or_max(timeout)) == Some(&1)
            }),
        ]),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// An initializer of the caller's own runs behind a shield, so there is nothing in it that could be
/// cancelled.
fn lazy_locks() -> Vec<Row> {
    type Lazy = LazyLock<i32, Box<dyn FnOnce() -> i32 + Send>>;
    let running = || {
        Held::staying(
            |stay| -> Lazy {
                LazyLock::new(Box::new(move || {
                    stay.stay();
                    1
                }))
            },
            |lock, _| assert_eq!(*LazyLock::force(lock), 1),
        )
    };
    Subject::new("another caller's initializer", running, |l| {
        l.holder.leave()
    })
    .rows([waits("sync/lazy_lock.rs LazyLock::force", |l, _| {
        *LazyLock::force(&l.lock) == 1
    })])
}
