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
//! # Futures
//!
//! A future that sends waits with its message in a packet, as a coroutine does. One that receives may be dropped after it was given a
//! message, or while it is claimed; so its packet is counted, and dropping it leaves a mark there (R6). A message that was passed to a
//! future which is dropped goes to the next receiver; if none waits it is *returned*: it lies in the channel, in front of those of all
//! senders that wait, until a receiver comes. As long as a future has not looked at what it was given, the channel has not ended, even
//! if all senders have gone: others would leave, and the message might come back to nobody. A future cannot wait for a claimant in the
//! middle of a poll either, so it does not claim itself for a select that has promised a message, but waits and has the select try again,
//! which then claims it.
//!
//! Fairness: first come, first served, except that a waiter whose worker is stuck in a computation is passed over. Nobody can
//! overtake: a sender that finds a receiver waiting has no sender waiting before it.

use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::Arc;

use super::buffer::{Buffer, Room};
use super::buffered::leave_and_wake;
use super::error::{Recv, Refused};
use super::packet::{Claim, Estate, Kept, Packet, Party, Place, Promise};
use crate::park::{self, Waited};
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
    receivers: WaitList<Place<T>>,
    /// Messages that were passed to futures which were dropped. While there are any, no receiver waits.
    returned: Buffer<T>,
    /// How many futures were given a message, or were claimed for one, and have not looked yet.
    in_flight: usize,
    sender_count: usize,
    receiver_count: usize,
    /// Messages pass through here from thread to thread.
    _messages: PhantomData<T>,
}

/// A claim, for whoever holds the channel.
pub(super) struct Claimed<'a, T> {
    claim: Claim<T>,
    channel: &'a Rendezvous<T>,
}

impl<'a, T> Claimed<'a, T> {
    /// The claim on a receiver of `channel`.
    pub(super) fn new(claim: Claim<T>, channel: &'a Rendezvous<T>) -> Claimed<'a, T> {
        Claimed { claim, channel }
    }

    /// Gives the receiver its message, or if it was a future, which has been dropped, the next one.
    ///
    /// # Errors
    ///
    /// The message comes back if there are no receivers any more.
    pub(super) fn deliver(mut self, message: T) -> Result<(), T> {
        // SAFETY: (docs/safety.md, R6) the claim is given up below.
        unsafe { self.claim.packet() }.put(message);
        self.give_up()
    }

    /// Gives the claim up, and settles what is left.
    fn give_up(&mut self) -> Result<(), T> {
        match self.claim.give_up() {
            Ok(()) => Ok(()),
            Err(estate) => self.channel.settle(estate),
        }
    }
}

impl<T> Drop for Claimed<'_, T> {
    fn drop(&mut self) {
        drop(self.give_up());
    }
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
    fn receivers(&mut self) -> &mut WaitList<Place<T>> {
        &mut self.receivers
    }

    /// Whether nothing will come any more.
    fn has_ended(&self) -> bool {
        self.sender_count == 0 && self.in_flight == 0
    }

    /// Passes the message in `packet` to a receiver that waits.
    fn give(&mut self, packet: &Packet<T>) -> Option<Wake> {
        let mine = NonNull::from(packet);
        let counted = Cell::new(false);
        loop {
            // SAFETY: (docs/safety.md, I2) the receiver's packet is alive while its node is in the list, whose lock is held.
            let offered = self.receivers.offer_first(
                |theirs| unsafe {
                    counted.set(theirs.count());
                    Packet::pass(mine, theirs.packet);
                },
                |theirs| unsafe {
                    theirs.discount();
                    Packet::pass(theirs.packet, mine);
                },
            )?;
            if offered.is_some() {
                self.in_flight += usize::from(counted.get());
                return offered;
            }
        }
    }

    /// Claims a receiver that waits.
    fn claim(&mut self) -> Option<Claim<T>> {
        let counted = Cell::new(false);
        loop {
            let packet = Cell::new(None);
            // SAFETY: (docs/safety.md, I2) as above.
            let offered = self.receivers.offer_first(
                |theirs| unsafe {
                    counted.set(theirs.count());
                    theirs.packet.as_ref().set_claimed(true);
                    packet.set(Some(theirs.keep()));
                },
                |theirs| unsafe {
                    theirs.discount();
                    theirs.packet.as_ref().set_claimed(false);
                },
            )?;
            if let (Some(packet), Some(wake)) = (packet.take(), offered) {
                self.in_flight += usize::from(counted.get());
                return Some(Claim::new(packet, wake));
            }
        }
    }

    /// Passes the message of a sender that waits to `packet`, or claims the caller for one that has promised a message, if the caller
    /// can wait for that.
    fn take(&mut self, packet: &Packet<T>, can_wait: bool) -> Option<Met> {
        let mine = NonNull::from(packet);
        loop {
            let promised = Cell::new(false);
            // SAFETY: (docs/safety.md, I2) what the sender waits with is alive while its node is in the list, whose lock is held.
            let offer = |theirs: &Party<T>| unsafe {
                match theirs {
                    Party::Packet(theirs) => Packet::pass(*theirs, mine),
                    Party::Promise(promise) => {
                        promised.set(true);
                        packet.set_claimed(true);
                        let caller = park::claim_caller();
                        promise
                            .as_ref()
                            .keep(Claim::new(Kept::InFrame(mine), caller));
                    }
                }
            };
            // SAFETY: (docs/safety.md, I2) as above.
            let retract = |theirs: &Party<T>| unsafe {
                match theirs {
                    Party::Packet(theirs) => Packet::pass(mine, *theirs),
                    Party::Promise(promise) => {
                        // The caller goes on, so nobody is woken.
                        if let Some(claim) = promise.as_ref().take() {
                            claim.retract();
                        }
                        packet.set_claimed(false);
                    }
                }
            };
            let offered = match self.senders.first()? {
                Party::Promise(_) if !can_wait => return None,
                _ if !can_wait => self.senders.offer_front(offer, retract)?,
                _ => self.senders.offer_first(offer, retract)?,
            };
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
                returned: Buffer::new(0),
                in_flight: 0,
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
            let Some(message) = packet.take() else {
                return Ok(());
            };
            if waited == Waited::TimedOut {
                return Err(refused(message));
            }
            packet.put(message);
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
            if let Some(message) = state.returned.pop() {
                return Ok(message);
            }
            let error = match state.has_ended() {
                true => Recv::Disconnected,
                false => Recv::Empty,
            };
            let waited = match (state.take(&packet, park::may_block()), deadline) {
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
                    Place::in_frame(&packet),
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
    pub(super) fn claim(&self) -> Result<Claimed<'_, T>, Refused<()>> {
        let mut state = self.state.lock();
        match state.receiver_count {
            0 => Err(Refused::Disconnected(())),
            _ => match state.claim() {
                Some(claim) => Ok(Claimed::new(claim, self)),
                None => Err(Refused::NoRoom(())),
            },
        }
    }

    /// Registers a receiver that waits for other things, too; true if it need not wait.
    pub(super) fn register_receiver(
        &self,
        entry: &mut Entry<Place<T>>,
        packet: &Packet<T>,
        by: &Registration,
        arm: u16,
    ) -> bool {
        let mut state = self.state.lock();
        // Its own promises in other arms are no senders: a select never meets itself.
        let ready = state.has_ended()
            || state.senders.has_other_than(by.waiter)
            || state.returned.len() > 0;
        if !ready {
            // SAFETY: (docs/safety.md, I2) the engine has it unlinked from this list before entry and packet go.
            unsafe { entry.link(&mut state.receivers, by, arm, Place::in_frame(packet)) };
        }
        ready
    }

    /// Receives a message for a future, which cannot wait for one that was promised.
    pub(super) fn try_recv_for_future(&self) -> Result<T, Recv> {
        let packet = Packet::empty();
        let mut state = self.state.lock();
        if let Some(message) = state.returned.pop() {
            return Ok(message);
        }
        let error = match state.has_ended() {
            true => Recv::Disconnected,
            false => Recv::Empty,
        };
        if let Some(Met::Message(wake) | Met::Promise(wake)) = state.take(&packet, false) {
            leave_and_wake(state, Some(wake));
        }
        packet.take().ok_or(error)
    }

    /// Registers a future that receives; true if it need not wait. A sender that has only promised a message tries again, and finds it.
    pub(super) fn register_future_receiver(
        &self,
        entry: &mut Entry<Place<T>>,
        packet: &Arc<Packet<T>>,
        by: &Registration,
        arm: u16,
    ) -> bool {
        let mut state = self.state.lock();
        if state.has_ended()
            || state.returned.len() > 0
            || matches!(state.senders.first(), Some(Party::Packet(_)))
        {
            return true;
        }
        // SAFETY: (docs/safety.md, R6) the future has it unlinked from this list before the entry goes, and keeps the packet.
        unsafe { entry.link(&mut state.receivers, by, arm, Place::of_future(packet)) };
        let wake = state.senders.wake_first().0;
        leave_and_wake(state, wake);
        false
    }

    /// Registers a future that sends the message in `packet`; true if it need not wait.
    pub(super) fn register_future_sender(
        &self,
        entry: &mut Entry<Party<T>>,
        packet: &Packet<T>,
        by: &Registration,
        arm: u16,
    ) -> bool {
        let mut state = self.state.lock();
        let ready = state.receiver_count == 0 || !state.receivers.is_empty();
        if !ready {
            let party = Party::Packet(NonNull::from(packet));
            // SAFETY: (docs/safety.md, R6) the future has it unlinked from this list before entry and packet go.
            unsafe { entry.link(&mut state.senders, by, arm, party) };
        }
        ready
    }

    /// What a future that was committed finds in its packet, which it has to itself by now.
    pub(super) fn open(&self, packet: &Packet<T>) -> Option<T> {
        let message = packet.take();
        if packet.land() {
            self.has_landed();
        }
        message
    }

    /// Sees to what a future leaves behind that is dropped after it was committed.
    pub(super) fn leave(&self, packet: &Packet<T>) {
        if !packet.leave_to_claimant() && packet.land() {
            // (If there are no receivers any more, there is nobody to whom the message could go.)
            drop(self.settle(Estate(packet.take())));
        }
    }

    /// Passes on what a future has left behind: to the next receiver, or to whoever comes.
    ///
    /// # Errors
    ///
    /// The message comes back if there are no receivers any more.
    fn settle(&self, estate: Estate<T>) -> Result<(), T> {
        let result = estate.0.map_or(Ok(()), |message| self.hand_on(message));
        self.has_landed();
        result
    }

    /// Passes a message to a receiver that waits, or returns it.
    fn hand_on(&self, message: T) -> Result<(), T> {
        let packet = Packet::new(Some(message));
        loop {
            let mut state = self.state.lock();
            if state.receiver_count > 0
                && let wake @ Some(_) = state.give(&packet)
            {
                leave_and_wake(state, wake);
                return Ok(());
            }
            let message = packet.take().expect("nobody has taken it");
            if state.receiver_count == 0 {
                return Err(message);
            }
            let Err(message) = state.returned.push(message) else {
                return Ok(());
            };
            drop(state);
            packet.put(message);
            // It allocates, so without the lock.
            let room = Room::new();
            self.state.lock().returned.extend(room);
        }
    }

    /// Notes that a future has looked at what it was given, or has been settled. Others may have waited for that to know the end.
    fn has_landed(&self) {
        let mut state = self.state.lock();
        state.in_flight -= 1;
        if state.has_ended() {
            drop(state);
            self.wake_all(State::receivers);
        }
    }

    /// Has the next sender try again that waits beside a receiver, as one that was to do so has gone.
    pub(super) fn pass_on_to_sender(&self) {
        let mut state = self.state.lock();
        if !state.receivers.is_empty() {
            let wake = state.senders.wake_first().0;
            leave_and_wake(state, wake);
        }
    }

    /// Takes a receiver out again.
    pub(super) fn withdraw_receiver(&self, entry: &mut Entry<Place<T>>) {
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
        if state.has_ended() {
            drop(state);
            self.wake_all(State::receivers);
        }
    }

    /// Counts one receiver less.
    pub(super) fn remove_receiver(&self) {
        let mut state = self.state.lock();
        state.receiver_count -= 1;
        if state.receiver_count == 0 {
            let unreceived = std::mem::replace(&mut state.returned, Buffer::new(0));
            drop(state);
            self.wake_all(State::senders);
            // The messages' destructors are the user's code, which runs outside the lock.
            drop(unreceived);
        }
    }
}
