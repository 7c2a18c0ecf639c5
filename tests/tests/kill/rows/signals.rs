//! What tells others that something has happened, and parking.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use may::coroutine::{self, Coroutine};
use may::future::block_on;
use may::sync::{Barrier, BarrierWaitResult, CancelToken, Mutex, Notify, SyncFlag, WaitGroup};

use super::{Count, DAY, Program};
use crate::stage::{End, Play};

pub(crate) fn programs() -> Vec<Program> {
    vec![
        ("Notify::wait, one by one", || {
            notify_one(|notify| notify.wait())
        }),
        ("Notify::wait_async, one by one", || {
            notify_one(|notify| block_on(notify.wait_async()))
        }),
        ("Notify::notify_all", notify_all),
        ("Barrier::wait", || barrier(Barrier::wait)),
        ("Barrier::wait_timeout", || {
            barrier(|barrier| barrier.wait_timeout(DAY).expect("a day has not passed"))
        }),
        ("WaitGroup::wait", wait_group),
        ("SyncFlag::wait", flag),
        ("CancelToken::wait", token),
        ("park and unpark", parking),
        ("yield_now", yielding),
    ]
}

/// Each notification is used, or is still there.
fn notify_one(wait: fn(&Notify)) -> Play {
    const WAITERS: usize = 2;
    let mut play = Play::default();
    let (notify, served) = (Arc::new(Notify::new()), Count::default());
    for _ in 0..WAITERS {
        let (notify, served) = (notify.clone(), served.clone());
        play.victim(move |at| {
            at.here();
            wait(&notify);
            served.add();
            at.here();
        });
    }
    // Gives another one only when those before have been used. So one that is lost leaves a waiter
    // waiting.
    play.helper(move |at| {
        let mut notified = 0;
        while !(0..WAITERS).all(|victim| at.is_over(victim)) {
            at.turn();
            if served.get() == notified {
                notify.notify_one();
                notified += 1;
            }
        }
    });
    play
}

/// All who have begun to wait are woken, whatever becomes of one of them.
fn notify_all() -> Play {
    let mut play = Play::default();
    let notify = Arc::new(Notify::new());
    let begun: [Count; 3] = Default::default();
    for begun in begun.clone() {
        let notify = notify.clone();
        play.victim(move |at| {
            at.here();
            begun.add();
            notify.wait();
            at.here();
        });
    }
    play.helper(move |at| {
        let waits = |victim: usize| begun[victim].get() == 1 || at.is_over(victim);
        while !(0..3).all(waits) {
            at.turn();
        }
        notify.notify_all();
    });
    play
}

/// One that is ended while it waits is not counted: another one has to come for it.
fn barrier(wait: fn(&Barrier) -> BarrierWaitResult) -> Play {
    const PARTIES: usize = 3;
    let mut play = Play::default();
    let (barrier, through) = (Arc::new(Barrier::new(PARTIES)), Count::default());
    let leaders = Count::default();
    for _ in 0..PARTIES {
        let (barrier, through, leaders) = (barrier.clone(), through.clone(), leaders.clone());
        play.victim(move |at| {
            at.here();
            if wait(&barrier).is_leader() {
                leaders.add();
            }
            through.add();
            at.here();
        });
    }
    let for_helper = leaders.clone();
    play.helper(move |at| {
        let over = || (0..PARTIES).filter(|victim| at.is_over(*victim)).count();
        while over() == 0 {
            at.turn();
        }
        // If it was the last to come, the others go on by themselves.
        (0..5).for_each(|_| at.turn());
        if over() < PARTIES && barrier.wait().is_leader() {
            for_helper.add();
        }
    });
    play.check(move |ends| {
        let killed = ends.iter().filter(|end| **end != End::Done);
        assert!(leaders.get() <= 1 && through.get() + killed.count() >= PARTIES);
    });
    play
}

fn wait_group() -> Play {
    let mut play = Play::default();
    let group = WaitGroup::new();
    let done = Count::default();
    for _ in 0..2 {
        let (group, done) = (group.clone(), done.clone());
        play.victim(move |at| {
            // The member goes with this role, after it has been counted.
            let _group = group;
            at.turn();
            done.add();
        });
    }
    play.victim(move |at| {
        at.here();
        group.wait();
        assert!(at.is_over(0) || done.get() >= 1);
        at.here();
    });
    play
}

fn flag() -> Play {
    let mut play = Play::default();
    let flag = Arc::new(SyncFlag::new());
    for _ in 0..3 {
        let flag = flag.clone();
        play.victim(move |at| {
            at.here();
            flag.wait();
            assert!(flag.is_fired());
            at.here();
        });
    }
    play.helper(move |at| {
        at.turn();
        flag.fire();
        at.here();
    });
    play
}

/// A token that ends with a role ends those who wait for its children.
fn token() -> Play {
    let mut play = Play::default();
    let token = CancelToken::new();
    for _ in 0..2 {
        let token = token.child();
        play.victim(move |at| {
            let grandchild = token.child();
            at.here();
            grandchild.wait();
            assert!(token.is_cancelled());
            at.here();
        });
    }
    let guard = token.clone().drop_guard();
    play.victim(move |at| {
        let _guard = guard;
        at.turn();
    });
    play.check(move |_| assert!(token.is_cancelled()));
    play
}

/// One that is unparked in vain has a partner that has ended.
fn parking() -> Play {
    let mut play = Play::default();
    let (ready, parked) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(Mutex::new(None::<Coroutine>)),
    );
    let (says, told) = (ready.clone(), parked.clone());
    play.victim(move |at| {
        *parked.lock().unwrap() = Some(coroutine::current());
        while !ready.load(SeqCst) {
            at.here();
            coroutine::park();
        }
        at.here();
    });
    play.helper(move |at| {
        at.turn();
        says.store(true, SeqCst);
        if let Some(parked) = &*told.lock().unwrap() {
            parked.unpark();
        }
        at.here();
    });
    play
}

fn yielding() -> Play {
    let mut play = Play::default();
    for _ in 0..2 {
        play.victim(|at| (0..3).for_each(|_| at.turn()));
    }
    play
}
