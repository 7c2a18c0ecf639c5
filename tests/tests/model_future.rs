//! Models of futures: the mark of `block_on` against its wakers, and the wait of a future against
//! commits, polls and its drop.
//!
//! See `model_wait.rs`.
#![cfg(may_loom)]

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use loom::sync::{Arc, Mutex};
use loom::thread;
use may_core::channel::{Receiver, Sender, bounded};
use may_core::future::block_on;
use may_core::models::Disturbance::Cancellation;
use may_core::models::{unless_cancelled, with_and_without_grants};
use may_core::select::{Finish, Mode, reserve, select};
use may_core::sync::{self, Barrier, Notify, RwLock, Semaphore, SyncFlag};

/// Something that others make ready, and that leaves its waker for that.
#[derive(Clone, Default)]
struct Switch(Arc<Mutex<(bool, Option<Waker>)>>);

impl Switch {
    fn turn_on(&self) {
        let waker = {
            let mut state = self.0.lock().unwrap();
            state.0 = true;
            state.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Future for Switch {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.lock().unwrap();
        if state.0 {
            return Poll::Ready(());
        }
        state.1 = Some(context.waker().clone());
        Poll::Pending
    }
}

#[test]
fn a_wake_up_against_the_poll() {
    loom::model(|| {
        let switch = Switch::default();
        let turns = switch.clone();
        let other = thread::spawn(move || turns.turn_on());
        block_on(switch);
        other.join().unwrap();
    });
}

#[test]
fn two_wake_ups_at_once() {
    loom::model(|| {
        let (first, second) = (Switch::default(), Switch::default());
        let others =
            [first.clone(), second.clone()].map(|switch| thread::spawn(move || switch.turn_on()));
        block_on(async {
            // Both leave their wakers in the first poll.
            let (mut first, mut second) = (pin!(first), pin!(second));
            std::future::poll_fn(|context| {
                let ready = first.as_mut().poll(context).is_ready();
                match second.as_mut().poll(context).is_ready() && ready {
                    true => Poll::Ready(()),
                    false => Poll::Pending,
                }
            })
            .await;
        });
        for other in others {
            other.join().unwrap();
        }
    });
}

#[test]
fn a_wake_up_against_a_cancellation() {
    loom::model(|| {
        let switch = Switch::default();
        let turns = switch.clone();
        let disturber = Cancellation.begin();
        let other = thread::spawn(move || turns.turn_on());
        unless_cancelled(|| block_on(switch));
        disturber.join().unwrap();
        other.join().unwrap();
    });
}

/// Polls a future once and drops it; what it was ready with.
fn once<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// A receiver that leaves against a sender that tries: what was sent can be received.
fn a_receiver_that_leaves(capacity: usize) {
    with_and_without_grants(move || {
        let (to, from) = bounded(capacity);
        let sender = thread::spawn(move || to.try_send(1).is_ok());
        let received = once(from.recv_async()).is_some_and(|received| received.is_ok());
        let sent = sender.join().unwrap();
        assert_eq!(sent, received || from.try_recv().is_ok());
    });
}

#[test]
fn a_receiver_that_leaves_a_rendezvous() {
    a_receiver_that_leaves(0);
}

#[test]
fn a_receiver_that_leaves_a_buffer() {
    a_receiver_that_leaves(1);
}

/// The same beside a receiver that stays.
fn a_receiver_that_leaves_beside_another(capacity: usize) {
    with_and_without_grants(move || {
        let (to, from) = bounded(capacity);
        let for_other = from.clone();
        let other = thread::spawn(move || for_other.recv().unwrap());
        let leaves = thread::spawn(move || once(from.recv_async()).is_some());
        to.send(1).unwrap();
        if leaves.join().unwrap() {
            to.send(2).unwrap();
        }
        other.join().unwrap();
    });
}

#[test]
fn a_receiver_that_leaves_another_in_a_rendezvous() {
    a_receiver_that_leaves_beside_another(0);
}

#[test]
fn a_receiver_that_leaves_another_at_a_buffer() {
    a_receiver_that_leaves_beside_another(1);
}

#[test]
fn a_sender_that_leaves_another_at_a_buffer() {
    with_and_without_grants(|| {
        let (to, from) = bounded(1);
        to.send(1).unwrap();
        let (for_other, for_leaver) = (to.clone(), to);
        let other = thread::spawn(move || for_other.send(2).unwrap());
        let leaves = thread::spawn(move || once(for_leaver.send_async(3)).is_some());
        assert_eq!(from.recv(), Ok(1));
        let sent = leaves.join().unwrap();
        let mut received: Vec<u32> = (0..1 + u32::from(sent))
            .map(|_| from.recv().unwrap())
            .collect();
        received.sort_unstable();
        assert_eq!(received, if sent { vec![2, 3] } else { vec![2] });
        other.join().unwrap();
        assert!(from.recv().is_err());
    });
}

/// A future receives what is sent, by whatever means.
fn receives(capacity: usize, sends: impl Fn(Sender<u32>) + Copy + Send + Sync + 'static) {
    with_and_without_grants(move || {
        let (to, from) = bounded(capacity);
        // The end of the channel would end the wait, too.
        let _open = to.clone();
        let sender = thread::spawn(move || sends(to));
        assert_eq!(block_on(from.recv_async()), Ok(1));
        sender.join().unwrap();
    });
}

/// Sends by a select.
fn by_select(to: Sender<u32>) {
    let mut sending = pin!(reserve(&to));
    select(&mut [sending.as_mut()], Mode::Biased).unwrap();
    let right = sending.finish();
    // The checker switches at steps that it knows: one while there is a claim and no message yet.
    drop(to.clone());
    right.send(1).unwrap();
}

#[test]
fn a_future_receives_from_a_thread() {
    receives(0, |to| to.send(1).unwrap());
    receives(1, |to| to.send(1).unwrap());
}

#[test]
fn a_future_receives_from_a_future() {
    receives(0, |to| block_on(to.send_async(1)).unwrap());
    receives(1, |to| block_on(to.send_async(1)).unwrap());
}

#[test]
fn a_future_receives_from_a_select() {
    receives(0, by_select);
    receives(1, by_select);
}

#[test]
fn a_future_that_is_claimed_leaves() {
    loom::model(|| {
        let (to, from) = bounded(0);
        let for_other: Receiver<u32> = from.clone();
        let sender = thread::spawn(move || by_select(to));
        let leaves = thread::spawn(move || matches!(once(from.recv_async()), Some(Ok(1))));
        let received = for_other.recv().is_ok();
        sender.join().unwrap();
        assert_ne!(leaves.join().unwrap(), received);
    });
}

/// What a future that leaves was given is there for the next receiver, although the sender has
/// gone; and then the channel has ended.
fn comes_back(sends: impl Fn(Sender<u32>) + Copy + Send + Sync + 'static) {
    loom::model(move || {
        let (to, from) = bounded(0);
        let for_leaver: Receiver<u32> = from.clone();
        let sender = thread::spawn(move || sends(to));
        let leaves = thread::spawn(move || matches!(once(for_leaver.recv_async()), Some(Ok(1))));
        if !leaves.join().unwrap() {
            assert_eq!(from.recv(), Ok(1));
        }
        sender.join().unwrap();
        assert!(from.recv().is_err());
    });
}

#[test]
fn a_message_comes_back_to_a_thread() {
    comes_back(|to| to.send(1).unwrap());
}

#[test]
fn a_message_comes_back_that_a_select_has_sent() {
    comes_back(by_select);
}

#[test]
fn a_sender_that_leaves_has_sent_or_has_not() {
    loom::model(|| {
        let (to, from) = bounded(0);
        let receiver = thread::spawn(move || from.try_recv().is_ok());
        let message = std::sync::Arc::new(());
        // It may have been received just before it left.
        let sent = matches!(once(to.send_async(message.clone())), Some(Ok(())));
        let received = receiver.join().unwrap();
        assert!(received || !sent);
        assert_eq!(std::sync::Arc::strong_count(&message), 1);
    });
}

#[test]
fn a_lock_against_a_future_that_leaves() {
    with_and_without_grants(|| {
        let lock = Arc::new(sync::Mutex::new(0));
        let held = lock.lock().unwrap();
        let (for_leaver, for_other) = (lock.clone(), lock.clone());
        let leaves = thread::spawn(move || drop(once(for_leaver.lock_async())));
        let other = thread::spawn(move || *for_other.lock().unwrap() += 1);
        drop(held);
        leaves.join().unwrap();
        other.join().unwrap();
        assert_eq!(*lock.lock().unwrap(), 1);
    });
}

/// Takes a right and gives it back.
type Takes = fn(&RwLock<()>);

const READS: Takes = |lock| drop(lock.read());
const WRITES: Takes = |lock| drop(lock.write());
const READS_OR_LEAVES: Takes = |lock| drop(once(lock.read_async()));
const WRITES_OR_LEAVES: Takes = |lock| drop(once(lock.write_async()));

/// A future wants a lock that is given up, and leaves; another one gets it.
fn a_right_against_a_future(leaves: Takes, takes: Takes, written: bool) {
    loom::model(move || {
        let lock = Arc::new(RwLock::new(()));
        let write = written.then(|| lock.write().unwrap());
        let read = (!written).then(|| lock.read().unwrap());
        let others = [leaves, takes].map(|act| {
            let lock = lock.clone();
            thread::spawn(move || act(&lock))
        });
        drop((write, read));
        for other in others {
            other.join().unwrap();
        }
        assert!(lock.try_write().is_ok());
    });
}

#[test]
fn a_right_to_read_against_a_future_that_leaves() {
    a_right_against_a_future(READS_OR_LEAVES, WRITES, true);
    a_right_against_a_future(READS_OR_LEAVES, READS, true);
}

#[test]
fn a_right_to_write_against_a_future_that_leaves() {
    for written in [true, false] {
        a_right_against_a_future(WRITES_OR_LEAVES, WRITES, written);
        a_right_against_a_future(WRITES_OR_LEAVES, READS, written);
    }
}

#[test]
fn a_writer_that_leaves_lets_readers_in() {
    loom::model(|| {
        let lock = Arc::new(RwLock::new(()));
        let held = lock.read().unwrap();
        let for_reader = lock.clone();
        let reader = thread::spawn(move || drop(for_reader.read().unwrap()));
        assert!(once(lock.write_async()).is_none());
        reader.join().unwrap();
        drop(held);
    });
}

#[test]
fn futures_meet_at_a_barrier() {
    loom::model(|| {
        let barrier = Arc::new(Barrier::new(2));
        let for_other = barrier.clone();
        let other = thread::spawn(move || for_other.wait().is_leader());
        let leads = block_on(barrier.wait_async()).is_leader();
        assert_ne!(leads, other.join().unwrap());
    });
}

#[test]
fn a_future_that_leaves_a_barrier_does_not_count() {
    loom::model(|| {
        let barrier = Arc::new(Barrier::new(2));
        for _ in 0..2 {
            assert!(once(barrier.wait_async()).is_none());
        }
        let for_other = barrier.clone();
        let other = thread::spawn(move || once(for_other.wait_async()));
        let one = once(barrier.wait_async());
        let passed = [one, other.join().unwrap()].map(|passed| passed.map(|one| one.is_leader()));
        // One passes beside one who leads, who may also have met one that has left since.
        let leaders = passed.iter().filter(|one| **one == Some(true)).count();
        let others = passed.contains(&Some(false));
        assert!(leaders == 1 || (leaders == 0 && !others), "{passed:?}");
        let waits = pin!(barrier.wait_async());
        let mut context = Context::from_waker(Waker::noop());
        assert!(waits.poll(&mut context).is_pending());
        assert!(once(barrier.wait_async()).is_some());
    });
}

#[test]
fn a_permit_against_a_future_that_leaves() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(1));
        let held = semaphore.acquire();
        let (for_leaver, for_other) = (semaphore.clone(), semaphore.clone());
        let leaves = thread::spawn(move || drop(once(for_leaver.acquire_async())));
        let other = thread::spawn(move || drop(for_other.acquire()));
        drop(held);
        leaves.join().unwrap();
        other.join().unwrap();
        assert_eq!(semaphore.available_permits(), 1);
    });
}

#[test]
fn a_notification_against_a_future_that_leaves() {
    loom::model(|| {
        let notify = Arc::new(Notify::new());
        let for_leaver = notify.clone();
        let leaves = thread::spawn(move || once(for_leaver.wait_async()).is_some());
        notify.notify_one();
        if !leaves.join().unwrap() {
            // It is still there.
            notify.wait();
        }
    });
}

#[test]
fn a_flag_is_seen_by_a_future() {
    loom::model(|| {
        let flag = Arc::new(SyncFlag::new());
        let raises = flag.clone();
        let raiser = thread::spawn(move || raises.fire());
        block_on(flag.wait_async());
        raiser.join().unwrap();
    });
}
