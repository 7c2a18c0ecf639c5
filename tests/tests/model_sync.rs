//! Models of the locks, the semaphore, the condition variable and their like; with cancellations
//! and deadlines in play.
//!
//! See `model_wait.rs`. In each model the main thread is the one to which something happens while
//! it waits; the others wait without a limit. A right that is lost with it leaves one of them
//! asleep, which the model checker reports.
//!
//! A deadline of a call that has none stands for a limit around it that may not be raised just now:
//! the call goes on.
#![cfg(may_loom)]

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use loom::cell::UnsafeCell;
use loom::thread::{self, JoinHandle};
use may_core::coroutine::shield;
use may_core::models::Disturbance::{self, Cancellation, Deadline};
use may_core::models::{LONG, unless_cancelled, with_and_without_grants};
use may_core::sync::{Condvar, LockFuture, Mutex, Notify, Once, RwLock, Semaphore, oneshot};

/// What a lock guards. The model checker notices if two are inside who must not be, and if one does
/// not see what another did before.
struct Guarded(UnsafeCell<usize>);

impl Guarded {
    fn new() -> Guarded {
        Guarded(UnsafeCell::new(0))
    }

    fn add_one(&mut self) {
        // SAFETY: (models) it is what the model asks whether this is the only access.
        self.0.with_mut(|count| unsafe { *count += 1 });
    }

    fn count(&self) -> usize {
        // SAFETY: (models) the model checks that no other thread writes meanwhile.
        self.0.with(|count| unsafe { *count })
    }
}

/// Makes what threads share; never freed, so that a thread may give up what another has taken.
fn share<S>(shared: S) -> &'static S {
    Box::leak(Box::new(shared))
}

/// Starts a thread.
fn start<S>(shared: &'static S, f: fn(&S)) -> JoinHandle<()> {
    thread::spawn(move || f(shared))
}

/// Starts a thread that gives up what the caller has taken.
fn give_up(guard: impl Sized + 'static) -> JoinHandle<()> {
    thread::spawn(move || drop(guard))
}

/// Waits for the ends of threads.
fn join(threads: impl IntoIterator<Item = JoinHandle<()>>) {
    for thread in threads {
        thread.join().unwrap();
    }
}

/// Polls a future once; whether it is ready.
fn poll<F: Future>(future: &mut Pin<Box<F>>) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    future.as_mut().poll(&mut context).is_ready()
}

// Mutex

fn add_one(lock: &Mutex<Guarded>) {
    lock.lock().unwrap().add_one();
}

#[test]
fn a_mutex_lets_one_in_at_a_time() {
    with_and_without_grants(|| {
        let lock = share(Mutex::new(Guarded::new()));
        let inside = lock.lock().unwrap();
        let others = [start(lock, add_one), start(lock, add_one), give_up(inside)];
        add_one(lock);
        join(others);
        assert_eq!(lock.try_lock().unwrap().count(), 3);
    });
}

/// Two want a mutex that is given up; something happens to one of them.
fn a_mutex_is_not_lost_with_one_who_leaves(disturbance: Disturbance) {
    with_and_without_grants(move || {
        let lock = share(Mutex::new(Guarded::new()));
        let inside = lock.lock().unwrap();
        let others = [start(lock, add_one), give_up(inside)];
        let disturber = disturbance.begin();
        let got_it = unless_cancelled(|| add_one(lock)).is_some();
        join(others);
        join([disturber]);
        assert_eq!(lock.try_lock().unwrap().count(), 1 + usize::from(got_it));
    });
}

/// A future waits for a mutex, and so does a thread; while the mutex is given up, something else is
/// done with the future.
fn a_mutex_is_not_lost_with_a_future(then: fn(Pin<Box<LockFuture<'static, Guarded>>>)) {
    with_and_without_grants(move || {
        let lock = share(Mutex::new(Guarded::new()));
        let inside = lock.lock().unwrap();
        let mut future = Box::pin(lock.lock_async());
        assert!(!poll(&mut future));
        let others = [start(lock, add_one), give_up(inside)];
        then(future);
        join(others);
        assert_eq!(lock.try_lock().unwrap().count(), 1);
    });
}

#[test]
fn a_mutex_is_not_lost_with_a_future_that_is_dropped() {
    a_mutex_is_not_lost_with_a_future(drop);
}

#[test]
fn a_mutex_is_not_lost_with_a_future_that_is_polled_again() {
    a_mutex_is_not_lost_with_a_future(|mut future| _ = poll(&mut future));
}

#[test]
fn a_mutex_is_not_lost_with_one_who_is_cancelled() {
    a_mutex_is_not_lost_with_one_who_leaves(Cancellation);
}

#[test]
fn a_mutex_is_not_lost_with_one_whose_wait_was_in_vain() {
    a_mutex_is_not_lost_with_one_who_leaves(Deadline);
}

// RwLock

type Lock = RwLock<Guarded>;

fn write(lock: &Lock) {
    lock.write().unwrap().add_one();
}

fn read(lock: &Lock) {
    lock.read().unwrap().count();
}

/// Takes the right to write, and starts a thread that gives it up.
fn be_written(lock: &'static Lock) -> JoinHandle<()> {
    give_up(lock.write().unwrap())
}

/// Takes a right to read, and starts a thread that gives it up.
fn be_read(lock: &'static Lock) -> JoinHandle<()> {
    give_up(lock.read().unwrap())
}

#[test]
fn a_lock_lets_writers_in_alone_and_readers_together() {
    for held in [be_written, be_read] {
        loom::model(move || {
            let lock = share(RwLock::new(Guarded::new()));
            let holder = held(lock);
            let others = [start(lock, write), start(lock, read)];
            write(lock);
            join(others);
            join([holder]);
            assert_eq!(lock.try_read().unwrap().count(), 2);
        });
    }
}

/// Two want a lock that is given up, each as told; something happens to one of them.
fn a_lock_is_not_lost(
    held: fn(&'static Lock) -> JoinHandle<()>,
    mine: fn(&Lock),
    other: fn(&Lock),
    disturbance: Disturbance,
) {
    loom::model(move || {
        let lock = share(RwLock::new(Guarded::new()));
        let others = [held(lock), start(lock, other)];
        let disturber = disturbance.begin();
        let _ = unless_cancelled(|| mine(lock));
        join(others);
        join([disturber]);
        assert!(lock.try_write().is_ok());
    });
}

#[test]
fn a_lock_is_not_lost_with_a_writer_who_is_cancelled() {
    a_lock_is_not_lost(be_written, write, read, Cancellation);
    a_lock_is_not_lost(be_read, write, read, Cancellation);
    a_lock_is_not_lost(be_read, write, write, Cancellation);
}

#[test]
fn a_lock_is_not_lost_with_a_writer_whose_wait_was_in_vain() {
    a_lock_is_not_lost(be_written, write, read, Deadline);
    a_lock_is_not_lost(be_read, write, read, Deadline);
}

#[test]
fn a_lock_is_not_lost_with_a_reader_who_is_cancelled() {
    a_lock_is_not_lost(be_written, read, write, Cancellation);
    a_lock_is_not_lost(be_written, read, read, Cancellation);
}

#[test]
fn a_lock_is_not_lost_with_a_reader_whose_wait_was_in_vain() {
    a_lock_is_not_lost(be_written, read, write, Deadline);
}

#[test]
fn readers_behind_a_writer_who_is_cancelled_get_in() {
    loom::model(|| {
        let lock = share(RwLock::new(Guarded::new()));
        // Keeps the writer out until the reader has been in, so it is the cancellation that lets
        // the reader in.
        let inside = lock.read().unwrap();
        let reader = start(lock, read);
        let disturber = Cancellation.begin();
        assert!(unless_cancelled(|| write(lock)).is_none());
        join([reader, disturber]);
        drop(inside);
        assert!(lock.try_write().is_ok());
    });
}

// Semaphore

/// Takes permits, or leaves.
fn acquire(semaphore: &Semaphore, n: usize) -> bool {
    // The time is up when the model says so.
    unless_cancelled(|| semaphore.acquire_timeout(n, LONG).is_some()).unwrap_or(false)
}

/// One permit goes round among two who want it; something happens to one of them.
fn a_permit_is_not_lost_with_one_who_leaves(disturbance: Disturbance) {
    loom::model(move || {
        let semaphore = share(Semaphore::new(0));
        let others = [
            start(semaphore, |semaphore| drop(semaphore.acquire())),
            start(semaphore, |semaphore| semaphore.add_permits(1)),
        ];
        let disturber = disturbance.begin();
        acquire(semaphore, 1);
        join(others);
        join([disturber]);
        assert_eq!(semaphore.available_permits(), 1);
    });
}

#[test]
fn a_permit_is_not_lost_with_one_who_is_cancelled() {
    a_permit_is_not_lost_with_one_who_leaves(Cancellation);
}

#[test]
fn a_permit_is_not_lost_with_one_whose_time_is_up() {
    a_permit_is_not_lost_with_one_who_leaves(Deadline);
}

/// A request asks for more than there is, and leaves; those behind get what they asked for.
fn those_behind_a_big_request_get_in(disturbance: Disturbance) {
    loom::model(move || {
        let semaphore = share(Semaphore::new(1));
        let other = start(semaphore, |semaphore| drop(semaphore.acquire()));
        let disturber = disturbance.begin();
        assert!(!acquire(semaphore, 2));
        join([other, disturber]);
        assert_eq!(semaphore.available_permits(), 1);
    });
}

#[test]
fn those_behind_a_big_request_that_is_cancelled_get_in() {
    those_behind_a_big_request_get_in(Cancellation);
}

#[test]
fn those_behind_a_big_request_whose_time_is_up_get_in() {
    those_behind_a_big_request_get_in(Deadline);
}

// Condvar

/// A number of things, and a way to wait for one.
struct Things {
    count: Mutex<usize>,
    changed: Condvar,
}

impl Things {
    fn new() -> &'static Things {
        share(Things {
            count: Mutex::new(0),
            changed: Condvar::new(),
        })
    }

    /// Waits for a thing and takes it; false if the time is up.
    fn take(&self) -> bool {
        let mut count = self.count.lock().unwrap();
        while *count == 0 {
            // The time is up when the model says so.
            let (guard, result) = self.changed.wait_timeout(count, LONG).unwrap();
            count = guard;
            if result.timed_out() && *count == 0 {
                return false;
            }
        }
        *count -= 1;
        true
    }

    /// Notifies while it holds the mutex, so that the one who is notified has to wait for that as
    /// well.
    fn put(&self) {
        let mut count = self.count.lock().unwrap();
        *count += 1;
        self.changed.notify_one();
    }
}

/// As [`Things::put`], but notifies when it has given the mutex up, so that it may be free by then,
/// or another one's.
fn put_and_notify(things: &Things) {
    *things.count.lock().unwrap() += 1;
    things.changed.notify_one();
}

/// A notification comes with the mutex, which the notifier and another one want as well.
#[test]
fn a_mutex_that_is_promised_is_lost_to_nobody() {
    with_and_without_grants(|| {
        let things = Things::new();
        let putter = start(things, |things| {
            put_and_notify(things);
            *things.count.lock().unwrap() += 10;
        });
        assert!(things.take());
        join([putter]);
        assert_eq!(*things.count.try_lock().unwrap(), 10);
    });
}

/// The waiter that a mutex would be promised to leaves.
#[test]
fn a_promise_to_one_who_leaves_harms_nobody() {
    for disturbance in [Cancellation, Deadline] {
        with_and_without_grants(move || {
            let things = Things::new();
            let putter = start(things, put_and_notify);
            let disturber = disturbance.begin();
            let taken = unless_cancelled(|| things.take()).unwrap_or(false);
            join([disturber, putter]);
            assert_eq!(*things.count.try_lock().unwrap(), usize::from(!taken));
        });
    }
}

#[test]
fn a_notification_is_not_lost() {
    with_and_without_grants(|| {
        let things = Things::new();
        let putter = start(things, Things::put);
        assert!(things.take());
        join([putter]);
    });
}

/// Two wait for a thing; something happens to one of them.
fn a_notification_is_not_lost_with_one_who_leaves(disturbance: Disturbance) {
    with_and_without_grants(move || {
        let things = Things::new();
        let other = start(things, |things| assert!(things.take()));
        let putter = start(things, Things::put);
        let disturber = disturbance.begin();
        let taken = unless_cancelled(|| things.take()).unwrap_or(false);
        join([disturber]);
        if taken {
            join([start(things, Things::put)]);
        }
        join([other, putter]);
        assert_eq!(*things.count.try_lock().unwrap(), 0);
    });
}

#[test]
fn a_notification_is_not_lost_with_one_who_is_cancelled() {
    a_notification_is_not_lost_with_one_who_leaves(Cancellation);
}

#[test]
fn a_notification_is_not_lost_with_one_whose_time_is_up() {
    a_notification_is_not_lost_with_one_who_leaves(Deadline);
}

#[test]
fn everybody_is_notified() {
    loom::model(|| {
        let things = Things::new();
        let other = start(things, |things| assert!(things.take()));
        let putter = start(things, |things| {
            *things.count.lock().unwrap() += 2;
            things.changed.notify_all();
        });
        assert!(things.take());
        join([other, putter]);
    });
}

// Notify

/// Two wait for a notification; something happens to one of them.
fn a_notification_ends_one_wait_or_stays(disturbance: Disturbance) {
    loom::model(move || {
        let notify = share(Notify::new());
        let others = [
            start(notify, Notify::wait),
            start(notify, Notify::notify_one),
        ];
        let disturber = disturbance.begin();
        // The time is up when the model says so.
        let notified = unless_cancelled(|| notify.wait_timeout(LONG)).unwrap_or(false);
        if notified {
            notify.notify_one();
        }
        join(others);
        join([disturber]);
        assert!(!shield(|| notify.wait_timeout(Duration::ZERO)));
    });
}

#[test]
fn a_notification_ends_one_wait_also_if_another_is_cancelled() {
    a_notification_ends_one_wait_or_stays(Cancellation);
}

#[test]
fn a_notification_ends_one_wait_also_if_the_time_of_another_is_up() {
    a_notification_ends_one_wait_or_stays(Deadline);
}

// Once

#[test]
fn what_runs_once_has_run_for_all_who_come() {
    loom::model(|| {
        let once = share((Once::new(), UnsafeCell::new(0)));
        // SAFETY: (models) it is what the model asks whether these are the only accesses.
        let run = |once: &(Once, UnsafeCell<usize>)| unsafe {
            once.0.call_once(|| once.1.with_mut(|count| *count += 1));
            assert_eq!(once.1.with(|count| *count), 1);
        };
        let others = [start(once, run), start(once, run)];
        run(once);
        join(others);
    });
}

// Oneshot

/// The receiver gets the value, or learns that there will be none; or something happens to it.
fn a_value_is_received_or_not(value: Option<usize>, disturbance: Option<Disturbance>) {
    loom::model(move || {
        let (sender, receiver) = oneshot::channel();
        let sender = thread::spawn(move || match value {
            Some(value) => drop(sender.send(UnsafeCell::new(value))),
            None => drop(sender),
        });
        let disturber = disturbance.map(Disturbance::begin);
        let received = unless_cancelled(|| receiver.recv_timeout(LONG));
        assert!(received.is_some() || disturbance.is_some());
        join([sender]);
        join(disturber);
        // What it did not receive is still there.
        let received = received.and_then(Result::ok);
        let received = received.or_else(|| receiver.try_recv().ok());
        // SAFETY: (models) it is what the model asks whether this is the only access.
        let received = received.map(|got| got.with(|got| unsafe { *got }));
        assert_eq!(received, value);
    });
}

#[test]
fn a_value_is_received_and_its_absence_noticed() {
    a_value_is_received_or_not(Some(1), None);
    a_value_is_received_or_not(None, None);
}

#[test]
fn a_value_is_not_lost_with_a_receiver_who_is_cancelled() {
    a_value_is_received_or_not(Some(1), Some(Cancellation));
}

#[test]
fn a_value_is_not_lost_with_a_receiver_whose_time_is_up() {
    a_value_is_received_or_not(Some(1), Some(Deadline));
}

#[test]
fn a_sender_learns_that_the_receiver_has_gone() {
    loom::model(|| {
        let (sender, receiver) = oneshot::channel::<usize>();
        let receiver = give_up(receiver);
        sender.wait_closed();
        join([receiver]);
    });
}
