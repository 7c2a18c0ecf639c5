//! The channel without a buffer: a message passes when a sender and a receiver are there at the same time.
//!
//! Whoever comes first waits, with a *packet* in its frame: a sender's holds the message, a receiver's is empty. Whoever comes
//! second moves the message from one packet to the other and then ends the wait of the first. If it turns out that the wait had
//! ended by itself, by its deadline or a cancellation, the message is moved back and the next one is tried; the one that was
//! waiting cannot see that, because it takes its node out of the list first, which needs the lock. So a message changes hands if
//! and only if the compare-and-swap on the waiter's commit word succeeds: it is never lost with a receiver that is cancelled, and
//! a sender whose time has elapsed has its message or knows that it was taken. Nobody ever spins for the other side.
//!
//! # Arms of a `select!`
//!
//! A select that receives waits like any receiver. One that sends has no message yet: the value is made only when it has won. So it
//! waits with a *promise* in place of a packet, and what it wins is a *claim*: a receiver whose wait has been ended, but who has not
//! been woken. Whoever has a claim delivers a message, or gives it up; either wakes the receiver, who tries again if there is none.
//! If the receiver came second, it claims itself for the select that it found, and wakes that.
//!
//! A claimed receiver is at the mercy of the one who makes the value: its deadline and cancellation have to wait. A coroutine is
//! simply not resumed before it is woken; a thread, whose sleep may end by itself, looks at a flag in its packet.
//!
//! Fairness: first come, first served, except that a waiter whose worker is stuck in a computation is passed over. Nobody can
//! overtake: a sender that finds a receiver waiting has no sender waiting before it.

use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr::NonNull;

use super::buffered::leave_and_wake;
use super::error::{Recv, Refused};
use crate::park::{self, Waited};
use crate::prim::{AtomicU32, Ordering};
use crate::util::clock::Deadline;
use crate::util::spin::SpinLock;
use crate::wait::{Entry, Registration, Turn, WaitList, Wake};

/// What senders and receivers share.
pub(super) struct Rendezvous<T> {
    state: SpinLock<State<T>>,
}

/// What the lock guards.
struct State<T> {
    /// Senders with their messages, or the promise of one.
    senders: WaitList<Party<T>>,
    /// Receivers with room for one.
    receivers: WaitList<NonNull<Packet<T>>>,
    sender_count: usize,
    receiver_count: usize,
    /// Messages pass through here from thread to thread.
    _messages: PhantomData<T>,
}

/// The place of one message in the frame of a waiter; whoever has the lock may touch it while the waiter's node is in the list, and
/// whoever has the claim on the waiter until he gives it up.
pub(super) struct Packet<T> {
    message: Cell<Option<T>>,
    /// Somebody has a claim on the waiter.
    claimed: AtomicU32,
}

impl<T> Packet<T> {
    /// The packet of a receiver.
    pub(super) fn empty() -> Packet<T> {
        Packet::new(None)
    }

    /// A packet with a message or room for one.
    fn new(message: Option<T>) -> Packet<T> {
        Packet {
            message: Cell::new(message),
            claimed: AtomicU32::new(0),
        }
    }

    /// Whether somebody has a claim on the waiter.
    fn is_claimed(&self) -> bool {
        // Acquire: whoever had the claim has put his message in before he gave it up.
        self.claimed.load(Ordering::Acquire) != 0
    }

    /// Sets or clears the claim, under the lock.
    fn set_claimed(&self, claimed: bool) {
        self.claimed.store(u32::from(claimed), Ordering::Relaxed);
    }

    /// Takes what is in the packet after the wait was ended, as soon as there is no claim.
    pub(super) fn open(&self) -> Option<T> {
        if self.is_claimed() {
            // Only a thread gets here: it was not woken yet.
            park::wait_for_claimant(|| self.is_claimed());
        }
        self.message.take()
    }

    /// Moves what is in `from` to `to`.
    ///
    /// # Safety
    ///
    /// Both packets are alive, and nobody else touches them.
    unsafe fn pass(from: NonNull<Packet<T>>, to: NonNull<Packet<T>>) {
        // SAFETY: (docs/safety.md, I2) as promised by the caller.
        unsafe { to.as_ref().message.set(from.as_ref().message.take()) };
    }
}

/// A receiver who waits for the message of whoever has this, and for nothing else.
pub(super) struct Claim<T> {
    packet: NonNull<Packet<T>>,
    /// Gone when it has been fired.
    wake: Option<Wake>,
}

impl<T> Claim<T> {
    /// Gives the receiver its message.
    pub(super) fn deliver(self, message: T) {
        // SAFETY: (docs/safety.md, R6) the receiver and its packet stay where they are until the claim is given up, by the drop.
        unsafe { self.packet.as_ref().message.set(Some(message)) };
    }
}

impl<T> Drop for Claim<T> {
    fn drop(&mut self) {
        let Some(wake) = self.wake.take() else { return };
        // SAFETY: (docs/safety.md, R6) as above. After the store a thread may go on, and its packet may be gone.
        unsafe { self.packet.as_ref().claimed.store(0, Ordering::Release) };
        wake.fire();
    }
}

/// What a select that would send waits with: a place for the claim on the receiver that found it.
pub(super) struct Promise<T>(Cell<Option<Claim<T>>>);

impl<T> Promise<T> {
    /// A promise that nobody has found.
    pub(super) fn new() -> Promise<T> {
        Promise(Cell::new(None))
    }

    /// Takes the claim, if somebody has found the promise.
    pub(super) fn take(&self) -> Option<Claim<T>> {
        self.0.take()
    }
}

/// What a sender waits with.
pub(super) enum Party<T> {
    /// The message.
    Packet(NonNull<Packet<T>>),
    /// The promise of one.
    Promise(NonNull<Promise<T>>),
}

/// What became of a receiver who looked for a sender.
enum Met {
    /// It has the message of a sender, who is to be woken.
    Message(Wake),
    /// It has claimed itself for a sender, who is to be woken, and waits for that one's message then.
    Promise(Wake),
}

impl<T> State<T> {
    /// Senders with their messages.
    fn senders(&mut self) -> &mut WaitList<Party<T>> {
        &mut self.senders
    }

    /// Receivers with room for one.
    fn receivers(&mut self) -> &mut WaitList<NonNull<Packet<T>>> {
        &mut self.receivers
    }

    /// Passes the message in `packet` to a receiver that waits.
    fn give(&mut self, packet: &Packet<T>) -> Option<Wake> {
        let mine = NonNull::from(packet);
        loop {
            // SAFETY: (docs/safety.md, I2) the receiver's packet is alive while its node is in the list, whose lock is held.
            let offered = self.receivers.offer_first(
                |theirs| unsafe { Packet::pass(mine, *theirs) },
                |theirs| unsafe { Packet::pass(*theirs, mine) },
            )?;
            if offered.is_some() {
                return offered;
            }
        }
    }

    /// Claims a receiver that waits.
    fn claim(&mut self) -> Option<Claim<T>> {
        loop {
            let packet = Cell::new(None);
            // SAFETY: (docs/safety.md, I2) as above.
            let offered = self.receivers.offer_first(
                |theirs| unsafe {
                    theirs.as_ref().set_claimed(true);
                    packet.set(Some(*theirs));
                },
                |theirs| unsafe { theirs.as_ref().set_claimed(false) },
            )?;
            if let (Some(packet), wake @ Some(_)) = (packet.get(), offered) {
                return Some(Claim { packet, wake });
            }
        }
    }

    /// Passes the message of a sender that waits to `packet`, or claims the caller for one that has promised a message.
    fn take(&mut self, packet: &Packet<T>) -> Option<Met> {
        let mine = NonNull::from(packet);
        loop {
            if let Some(Party::Promise(_)) = self.senders.first()
                && !park::may_block()
            {
                // Such a caller cannot wait until the message is made.
                return None;
            }
            let promised = Cell::new(false);
            // SAFETY: (docs/safety.md, I2) what the sender waits with is alive while its node is in the list, whose lock is held.
            let offered = self.senders.offer_first(
                |theirs| unsafe {
                    match theirs {
                        Party::Packet(theirs) => Packet::pass(*theirs, mine),
                        Party::Promise(promise) => {
                            promised.set(true);
                            packet.set_claimed(true);
                            promise.as_ref().0.set(Some(Claim {
                                packet: mine,
                                wake: Some(park::claim_caller()),
                            }));
                        }
                    }
                },
                // SAFETY: (docs/safety.md, I2) as above.
                |theirs| unsafe {
                    match theirs {
                        Party::Packet(theirs) => Packet::pass(mine, *theirs),
                        Party::Promise(promise) => {
                            // The caller goes on, so nobody is woken.
                            if let Some(mut claim) = promise.as_ref().take() {
                                claim.wake = None;
                            }
                            packet.set_claimed(false);
                        }
                    }
                },
            )?;
            if let Some(wake) = offered {
                return Some(match promised.get() {
                    true => Met::Promise(wake),
                    false => Met::Message(wake),
                });
            }
        }
    }
}

impl<T> Rendezvous<T> {
    /// A channel with one sender and one receiver.
    pub(super) fn new() -> Rendezvous<T> {
        Rendezvous {
            state: SpinLock::new(State {
                senders: WaitList::new(),
                receivers: WaitList::new(),
                sender_count: 1,
                receiver_count: 1,
                _messages: PhantomData,
            }),
        }
    }

    /// Sends a message, waiting for a receiver until `deadline`; without a deadline, only to a receiver that waits already.
    pub(super) fn send(&self, message: T, deadline: Option<Deadline>) -> Result<(), Refused<T>> {
        if deadline.is_some() {
            park::spend_budget();
        }
        let turn = Turn::until(deadline.unwrap_or(Deadline::NEVER));
        let packet = Packet::new(Some(message));
        loop {
            let mut state = self.state.lock();
            let refused = match state.receiver_count {
                0 => Refused::Disconnected,
                _ => Refused::NoRoom,
            };
            if let wake @ Some(_) = state.give(&packet) {
                leave_and_wake(state, wake);
                return Ok(());
            }
            let waited = match deadline {
                Some(_) if state.receiver_count > 0 => park::wait_in(
                    &self.state,
                    state,
                    State::senders,
                    Party::Packet(NonNull::from(&packet)),
                    &turn,
                ),
                _ => {
                    drop(state);
                    Waited::TimedOut
                }
            };
            // A sender that was woken has sent its message, or the receivers have gone.
            let Some(message) = packet.message.take() else {
                return Ok(());
            };
            if waited == Waited::TimedOut {
                return Err(refused(message));
            }
            packet.message.set(Some(message));
        }
    }

    /// Receives a message, waiting for a sender until `deadline`; without a deadline, only from a sender that waits already.
    pub(super) fn recv(&self, deadline: Option<Deadline>) -> Result<T, Recv> {
        if deadline.is_some() {
            park::spend_budget();
        }
        let turn = Turn::until(deadline.unwrap_or(Deadline::NEVER));
        let packet = Packet::empty();
        loop {
            let mut state = self.state.lock();
            let error = match state.sender_count {
                0 => Recv::Disconnected,
                _ => Recv::Empty,
            };
            let waited = match (state.take(&packet), deadline) {
                (Some(Met::Message(wake)), _) => {
                    leave_and_wake(state, Some(wake));
                    Waited::Woken
                }
                (Some(Met::Promise(wake)), _) => {
                    leave_and_wake(state, Some(wake));
                    park::wait_for_claimant(|| packet.is_claimed());
                    Waited::Again
                }
                (None, Some(_)) if error == Recv::Empty => park::wait_in(
                    &self.state,
                    state,
                    State::receivers,
                    NonNull::from(&packet),
                    &turn,
                ),
                _ => {
                    drop(state);
                    Waited::TimedOut
                }
            };
            // A receiver that was woken has its message, or the senders have gone.
            match packet.open() {
                Some(message) => return Ok(message),
                None if waited == Waited::TimedOut => return Err(error),
                None => {}
            }
        }
    }

    /// Claims a receiver that waits, for a message that has yet to be made.
    pub(super) fn claim(&self) -> Result<Claim<T>, Refused<()>> {
        let mut state = self.state.lock();
        match state.receiver_count {
            0 => Err(Refused::Disconnected(())),
            _ => state.claim().ok_or(Refused::NoRoom(())),
        }
    }

    /// Registers a receiver that waits for other things, too; true if it need not wait.
    pub(super) fn register_receiver(
        &self,
        entry: &mut Entry<NonNull<Packet<T>>>,
        packet: &Packet<T>,
        by: &Registration,
        arm: u16,
    ) -> bool {
        let mut state = self.state.lock();
        // Its own promises in other arms are no senders: a select never meets itself.
        let ready = state.sender_count == 0 || state.senders.has_other_than(by.waiter);
        if !ready {
            // SAFETY: (docs/safety.md, I2) the engine has it unlinked from this list before entry and packet go.
            unsafe { entry.link(&mut state.receivers, by, arm, NonNull::from(packet)) };
        }
        ready
    }

    /// Takes a receiver out again.
    pub(super) fn withdraw_receiver(&self, entry: &mut Entry<NonNull<Packet<T>>>) {
        if entry.is_used() {
            // SAFETY: (docs/safety.md, I2) it was linked there.
            unsafe { entry.unlink(&mut self.state.lock().receivers) };
        }
    }

    /// Registers a sender that waits for other things, too, and has no message yet; true if it need not wait.
    pub(super) fn register_sender(
        &self,
        entry: &mut Entry<Party<T>>,
        promise: &Promise<T>,
        by: &Registration,
        arm: u16,
    ) -> bool {
        let mut state = self.state.lock();
        let ready = state.receiver_count == 0 || state.receivers.has_other_than(by.waiter);
        if !ready {
            let party = Party::Promise(NonNull::from(promise));
            // SAFETY: (docs/safety.md, I2) the engine has it unlinked from this list before entry and promise go.
            unsafe { entry.link(&mut state.senders, by, arm, party) };
        }
        ready
    }

    /// Takes a sender out again.
    pub(super) fn withdraw_sender(&self, entry: &mut Entry<Party<T>>) {
        if entry.is_used() {
            // SAFETY: (docs/safety.md, I2) it was linked there.
            unsafe { entry.unlink(&mut self.state.lock().senders) };
        }
    }

    /// Wakes everybody in one of the lists, because there is nobody left on the other side.
    fn wake_all<D>(&self, list: fn(&mut State<T>) -> &mut WaitList<D>) {
        loop {
            let mut state = self.state.lock();
            let Some(wake) = list(&mut state).wake_first().0 else {
                return;
            };
            leave_and_wake(state, Some(wake));
        }
    }

    /// Counts one more sender.
    pub(super) fn add_sender(&self) {
        self.state.lock().sender_count += 1;
    }

    /// Counts one more receiver.
    pub(super) fn add_receiver(&self) {
        self.state.lock().receiver_count += 1;
    }

    /// Counts one sender less.
    pub(super) fn remove_sender(&self) {
        let mut state = self.state.lock();
        state.sender_count -= 1;
        if state.sender_count == 0 {
            drop(state);
            self.wake_all(State::receivers);
        }
    }

    /// Counts one receiver less.
    pub(super) fn remove_receiver(&self) {
        let mut state = self.state.lock();
        state.receiver_count -= 1;
        if state.receiver_count == 0 {
            drop(state);
            self.wake_all(State::senders);
        }
    }
}
