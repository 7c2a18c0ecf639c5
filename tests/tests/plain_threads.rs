//! Channels, locks and selects among plain threads, without a coroutine: small enough for Miri,
//! which cannot switch stacks (`ci/miri.sh`). Their behaviour is tested elsewhere; here they only
//! have to be used in all the ways in which waits end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use may::sync::{Condvar, Mutex, RwLock, Semaphore, SyncFlag, mpsc};
use may::{channel, select};

#[test]
fn channels_of_all_kinds() {
    for capacity in [Some(0), Some(1), None] {
        let (send, receive) = match capacity {
            Some(capacity) => channel::bounded(capacity),
            None => channel::unbounded(),
        };
        let senders: Vec<_> = (0..2)
            .map(|sender| {
                let send = send.clone();
                thread::spawn(move || {
                    (0..3).for_each(|at| send.send(Box::new(sender * 3 + at)).unwrap())
                })
            })
            .collect();
        drop(send);
        let other = receive.clone();
        let other = thread::spawn(move || other.iter().map(|message| *message).sum::<usize>());
        let mine: usize = receive.iter().map(|message| *message).sum();
        assert_eq!(mine + other.join().unwrap(), 15);
        senders
            .into_iter()
            .for_each(|sender| sender.join().unwrap());
    }
}

#[test]
fn the_channels_of_std() {
    let (send, receive) = mpsc::channel();
    let sender = thread::spawn(move || (0..40).for_each(|message| send.send(message).unwrap()));
    assert!(receive.iter().eq(0..40));
    sender.join().unwrap();
    let (send, receive) = mpsc::sync_channel(1);
    let sender = thread::spawn(move || (0..5).for_each(|message| send.send(message).unwrap()));
    assert!(receive.iter().eq(0..5));
    sender.join().unwrap();
}

#[test]
fn locks() {
    let shared = Arc::new((
        Mutex::new(0),
        Condvar::new(),
        RwLock::new(0),
        Semaphore::new(1),
    ));
    let threads: Vec<_> = (0..2)
        .map(|_| {
            let shared = shared.clone();
            thread::spawn(move || {
                for _ in 0..3 {
                    *shared.0.lock().unwrap() += 1;
                    shared.1.notify_all();
                    *shared.2.write().unwrap() += 1;
                    assert!(*shared.2.read().unwrap() > 0);
                    drop(shared.3.acquire());
                }
            })
        })
        .collect();
    let mut count = shared.0.lock().unwrap();
    while *count < 6 {
        count = shared.1.wait(count).unwrap();
    }
    drop(count);
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    assert_eq!(*shared.2.read().unwrap(), 6);
}

#[test]
fn selects_whose_arms_are_met_by_two_threads_at_once() {
    let taken = Arc::new(AtomicUsize::new(0));
    for _ in 0..3 {
        let (send, receive) = channel::bounded(0);
        let flag = Arc::new(SyncFlag::new());
        let sender = thread::spawn(move || send.send(1).is_ok());
        let firer = {
            let flag = flag.clone();
            thread::spawn(move || flag.fire())
        };
        select! {
            message = recv(receive) => { taken.fetch_add(message.unwrap(), Ordering::Relaxed); },
            wait(flag) => {},
        }
        drop(receive);
        firer.join().unwrap();
        sender.join().unwrap();
    }
    assert!(taken.load(Ordering::Relaxed) <= 3);
}

#[test]
fn a_time_that_runs_out() {
    let (send, receive) = channel::bounded::<u8>(1);
    assert!(receive.recv_timeout(Duration::from_millis(1)).is_err());
    select! {
        _ = recv(receive) => unreachable!(),
        after(Duration::from_millis(1)) => {},
    }
    drop(send);
    assert!(receive.recv().is_err());
}
