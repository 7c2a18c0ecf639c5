//! `RwLockWriteGuard::downgrade`: a writer becomes a reader without letting another one write in
//! between.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use may::coroutine::{sleep, yield_now};
use may_tests::OnDrop;

use super::everywhere;
use super::sync::{RwLock, RwLockWriteGuard};

#[test]
fn a_writer_that_became_a_reader_sees_what_it_wrote_and_shares_it() {
    everywhere(|place| {
        let lock = Arc::new(RwLock::new(0));
        let mut held = lock.write().unwrap();
        *held = 1;
        let held = RwLockWriteGuard::downgrade(held);
        assert_eq!(*held, 1);
        assert!(lock.try_write().is_err());
        let for_reader = lock.clone();
        let reader = place.start(move || *for_reader.read().unwrap());
        assert_eq!(reader.join(), 1);
        drop(held);
        assert_eq!(*lock.try_write().unwrap(), 1);
    });
}

#[test]
fn readers_that_wait_are_let_in_and_writers_are_not() {
    everywhere(|place| {
        let lock = Arc::new(RwLock::new(0));
        let mut held = lock.write().unwrap();
        let readers: Vec<_> = (0..3)
            .map(|_| {
                let lock = lock.clone();
                place.start(move || *lock.read().unwrap())
            })
            .collect();
        sleep(Duration::from_millis(1));
        *held = 1;
        let held = RwLockWriteGuard::downgrade(held);
        for reader in readers {
            assert_eq!(reader.join(), 1);
        }
        let written = Arc::new(AtomicBool::new(false));
        let (for_writer, says) = (lock.clone(), written.clone());
        let writer = place.start(move || {
            *for_writer.write().unwrap() = 2;
            says.store(true, SeqCst);
        });
        sleep(Duration::from_millis(2));
        assert!(!written.load(SeqCst));
        assert_eq!(*held, 1);
        drop(held);
        writer.join();
        assert_eq!(*lock.read().unwrap(), 2);
    });
}

#[test]
fn nobody_writes_between_the_writing_and_the_reading() {
    everywhere(|place| {
        let lock = Arc::new(RwLock::new(0_usize));
        let sum = Arc::new(AtomicUsize::new(0));
        let helpers: Vec<_> = (0..6)
            .map(|who| {
                let (lock, sum) = (lock.clone(), sum.clone());
                place.start(move || {
                    for i in 0..150 {
                        let mut held = lock.write().unwrap();
                        *held += 1;
                        let wrote = *held;
                        if (i + who) % 2 == 0 {
                            continue;
                        }
                        let held = RwLockWriteGuard::downgrade(held);
                        yield_now();
                        assert_eq!(*held, wrote);
                        sum.fetch_add(1, SeqCst);
                    }
                })
            })
            .collect();
        helpers.into_iter().for_each(|helper| helper.join());
        assert_eq!(*lock.read().unwrap(), 6 * 150);
        assert_eq!(sum.load(SeqCst), 6 * 75);
    });
}

#[test]
fn a_panic_after_it_does_not_poison() {
    everywhere(|place| {
        let lock = Arc::new(RwLock::new(0));
        let for_helper = lock.clone();
        let helper = place.start(move || {
            std::panic::catch_unwind(|| {
                let _held = RwLockWriteGuard::downgrade(for_helper.write().unwrap());
                panic!("while reading (expected)");
            })
            .is_err()
        });
        assert!(helper.join());
        assert!(!lock.is_poisoned());
        assert_eq!(*lock.try_write().unwrap(), 0);
    });
}

#[test]
fn it_drops_nothing() {
    let dropped = AtomicUsize::new(0);
    let lock = RwLock::new(OnDrop(|| {
        dropped.fetch_add(1, SeqCst);
    }));
    drop(RwLockWriteGuard::downgrade(lock.write().unwrap()));
    assert_eq!(dropped.load(SeqCst), 0);
    drop(lock);
    assert_eq!(dropped.load(SeqCst), 1);
}

#[test]
fn it_works_for_unsized_values() {
    let lock: &RwLock<[u8]> = &RwLock::new([1, 2]);
    let mut held = lock.write().unwrap();
    held[0] = 3;
    assert_eq!(&*RwLockWriteGuard::downgrade(held), [3, 2]);
}
