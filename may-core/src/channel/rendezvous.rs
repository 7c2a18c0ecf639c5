//! The channel without a buffer: a message passes when a sender and a receiver are there at the
//! same time.
//!
//! The first of the two waits, with a *packet* in its frame: a sender's holds the message, a
//! receiver's is empty. The second one moves the message from one packet to the other and then ends
//! the wait of the first. If it turns out that the wait had ended by itself, by its deadline or a
//! cancellation, the message is moved back and the next one is tried; the one that was waiting
//! cannot see that, because it takes its node out of the list first, which needs the lock. So a
//! message changes hands if and only if the compare-and-swap on the waiter's commit word succeeds:
//! it is never lost with a receiver that is cancelled, and a sender whose time has elapsed has its
//! message or knows that it was taken. Neither side ever spins for the other.
//!
//! # Arms of a `select!`
//!
//! A select that receives waits like any receiver. One that sends has no message yet: the value is
//! made only when it has won. So it waits with a *slot* in place of a packet, and what it wins is a
//! *claim*: a receiver whose wait has been ended, but which has not been woken. The claimant
//! delivers a message, or gives the claim up; either wakes the receiver, which tries again if there
//! is no message. If the receiver came second, it claims itself for the select that it found, and
//! wakes that.
//!
//! A claimed receiver depends on the claimant, which makes the value: its deadline and cancellation
//! have to wait. A coroutine is simply not resumed before it is woken; a thread, whose sleep may
//! end by itself, looks at a flag in its packet.
//!
//! # Futures
//!
//! A future that sends waits with its message in a packet, as a coroutine does. One that receives
//! may be dropped after it was given a message, or while it is claimed; so its packet is counted,
//! and dropping it leaves a mark there (R6). A message that was passed to a future which is dropped
//! goes to the next receiver; if none waits it is *returned*: it lies in the channel, in front of
//! those of all senders that wait, until a receiver comes. As long as a future has not looked at
//! what it was given, the channel has not ended, even if all senders have gone: other receivers
//! would leave, and the message might come back when there is none left. A future cannot wait for a
//! claimant in the middle of a poll either, so it does not claim itself for a select that sends. It
//! waits and makes the select try again, which then claims it.
//!
//! Fairness: first come, first served, except that a waiter whose worker is stuck in a computation
//! is passed over. No waiter can be overtaken: a sender that finds a receiver waiting has no sender
//! waiting before it.

use std::cell::{Cell, OnceCell};
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::Arc;

use crossbeam_channel::{RecvError, SendError};

use super::buffer::{Buffer, Room};
use super::buffered::leave_and_wake;
use super::error::Refused;
use super::packet::{
    Claim, ClaimSlot, ClaimedPacket, Leftover, Packet, WaitingReceiver, WaitingSender,
};
use crate::operation::{Caller, Listing};
use crate::park;
use crate::util::spin::{SpinGuard, SpinLock};
use crate::wait::{Committed, Registration, Seat, WaitList, Waiter, Wake};

/// What senders and receivers share.
pub(super) struct Rendezvous<T> {
    state: SpinLock<State<T>>,
}

/// What the lock guards.
pub(super) struct State<T> {
    /// Senders with their messages, or with slots for a claim.
    senders: WaitList<WaitingSender<T>>,
    /// Receivers, each with room for a message.
    receivers: WaitList<WaitingReceiver<T>>,
    /// Messages that were passed to futures which were dropped. While there are any, no receiver
    /// waits.
    returned: Buffer<T>,
    /// How many futures are in flight: they were given a message, or claimed for one, and have not
    /// looked yet.
    in_flight: usize,
    sender_count: usize,
    receiver_count: usize,
    /// Messages pass through here from thread to thread.
    _messages: PhantomData<T>,
}

/// A claim, with the channel that it belongs to.
pub(super) struct Claimed<T> {
    claim: Claim<T>,
    channel: Arc<Rendezvous<T>>,
}

impl<T> Claimed<T> {
    /// The claim on a receiver of `channel`.
    fn new(claim: Claim<T>, channel: &Arc<Rendezvous<T>>) -> Claimed<T> {
        Claimed {
            claim,
            channel: channel.clone(),
        }
    }

    /// Gives the receiver its message, or if it was a future, which has been dropped, the next one.
    ///
    /// # Errors
    ///
    /// The message comes back if there are no receivers left.
    pub(super) fn deliver(mut self, message: T) -> Result<(), T> {
        // SAFETY: (R6) the claim is given up below.
        unsafe { self.claim.packet() }.put(message);
        self.give_up()
    }

    /// Gives the claim up, and settles what is left.
    fn give_up(&mut self) -> Result<(), T> {
        match self.claim.give_up() {
            Ok(()) => Ok(()),
            Err(leftover) => self.channel.settle(leftover),
        }
    }
}

impl<T> Drop for Claimed<T> {
    fn drop(&mut self) {
        drop(self.give_up());
    }
}

/// The outcome for a receiver that has looked for a sender.
enum Met {
    /// It has the message of a sender, which is to be woken.
    Message(Wake),
    /// It has claimed itself for a select, which is to be woken, and then waits for its message.
    Claimed(Wake),
}

impl<T> State<T> {
    /// Whether no further message can come.
    fn has_ended(&self) -> bool {
        self.sender_count == 0 && self.in_flight == 0
    }

    /// Passes the message in `packet` to a receiver that waits.
    #[inline(always)]
    fn give(&mut self, packet: &Packet<T>) -> Option<Wake> {
        let mine = NonNull::from(packet);
        let counted = Cell::new(false);
        loop {
            // SAFETY: (I2) the receiver's packet is alive while its node is in the list, whose lock
            // is held.
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
            // SAFETY: (I2) as above.
            let offered = self.receivers.claim_first(
                |theirs| unsafe {
                    counted.set(theirs.count());
                    theirs.packet.as_ref().set_claimed(true);
                    packet.set(Some(theirs.claimed_packet()));
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

    /// Passes the message of a sender that waits to `packet`, or claims the caller for a select
    /// that sends, if the caller can wait for its message.
    #[inline]
    fn take(&mut self, packet: &Packet<T>, can_wait: bool) -> Option<Met> {
        let mine = NonNull::from(packet);
        loop {
            let claimed = Cell::new(false);
            // SAFETY: (I2) what the sender waits with is alive while its node is in the list, whose
            // lock is held.
            let offer = |theirs: &WaitingSender<T>| unsafe {
                match theirs {
                    WaitingSender::Message(theirs) => Packet::pass(*theirs, mine),
                    WaitingSender::Claim(slot) => {
                        claimed.set(true);
                        packet.set_claimed(true);
                        let caller = park::claim_caller();
                        slot.as_ref()
                            .put(Claim::new(ClaimedPacket::InFrame(mine), caller));
                    }
                }
            };
            // SAFETY: (I2) as above.
            let retract = |theirs: &WaitingSender<T>| unsafe {
                match theirs {
                    WaitingSender::Message(theirs) => Packet::pass(mine, *theirs),
                    WaitingSender::Claim(slot) => {
                        // The caller goes on, so it is not woken.
                        if let Some(claim) = slot.as_ref().take() {
                            claim.retract();
                        }
                        packet.set_claimed(false);
                    }
                }
            };
            let offered = match self.senders.first()? {
                WaitingSender::Claim(_) if !can_wait => return None,
                _ if !can_wait => self.senders.offer_front(offer, retract)?,
                _ => self.senders.offer_first(offer, retract)?,
            };
            if let Some(wake) = offered {
                return Some(match claimed.get() {
                    true => Met::Claimed(wake),
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

    /// Passes the message in `packet` to a receiver that waits. If there is none, it returns the
    /// lock, so that the caller may wait.
    #[inline(always)]
    fn give(&self, packet: &Packet<T>) -> Result<(), (Refused, SpinGuard<'_, State<T>>)> {
        let mut state = self.state.lock();
        if state.receiver_count == 0 {
            return Err((Refused::Disconnected, state));
        }
        match state.give(packet) {
            None => Err((Refused::NotNow, state)),
            wake => {
                leave_and_wake(state, wake);
                Ok(())
            }
        }
    }

    /// Sends the message that is there, if a receiver waits.
    pub(super) fn try_send(&self, message: T) -> Result<(), (Refused, T)> {
        let packet = Packet::new(Some(message));
        let given = self.give(&packet).map_err(|(refused, _)| refused);
        given.map_err(|refused| (refused, packet.take().expect("it was not sent")))
    }

    /// Takes the message of a sender that waits, by way of `packet`; if there is none the lock
    /// comes back, so that the caller may wait.
    #[inline(always)]
    fn take(
        &self,
        packet: &Packet<T>,
        can_wait: bool,
    ) -> Result<T, (Refused, SpinGuard<'_, State<T>>)> {
        loop {
            let mut state = self.state.lock();
            if let Some(message) = state.returned.pop() {
                return Ok(message);
            }
            let refused = match state.has_ended() {
                true => Refused::Disconnected,
                false => Refused::NotNow,
            };
            let message = match state.take(packet, can_wait) {
                None => return Err((refused, state)),
                Some(Met::Message(wake)) => {
                    leave_and_wake(state, Some(wake));
                    packet.take()
                }
                Some(Met::Claimed(wake)) => {
                    leave_and_wake(state, Some(wake));
                    park::wait_for_claimant(|| packet.is_claimed());
                    packet.open()
                }
            };
            if let Some(message) = message {
                return Ok(message);
            }
        }
    }

    /// Receives a message, if a sender waits.
    pub(super) fn try_recv(&self) -> Result<T, Refused> {
        self.take(&Packet::empty(), park::may_block())
            .map_err(|(refused, _)| refused)
    }

    /// Claims a receiver that waits, for a message that has yet to be made; if there is none the
    /// lock comes back, so that the caller may wait.
    fn claim(self: &Arc<Self>) -> Result<Claimed<T>, (Refused, SpinGuard<'_, State<T>>)> {
        let mut state = self.state.lock();
        if state.receiver_count == 0 {
            return Err((Refused::Disconnected, state));
        }
        match state.claim() {
            Some(claim) => Ok(Claimed::new(claim, self)),
            None => Err((Refused::NotNow, state)),
        }
    }

    /// What a future that was committed finds in its packet, which it has to itself by now.
    pub(super) fn open(&self, packet: &Packet<T>) -> Option<T> {
        let message = packet.take();
        if packet.land() {
            self.has_landed();
        }
        message
    }

    /// Passes on the contents of a future's packet, which is dropped after it was committed.
    pub(super) fn leave(&self, packet: &Packet<T>) {
        if !packet.leave_to_claimant() && packet.land() {
            // (Without receivers the message is dropped.)
            drop(self.settle(Leftover(packet.take())));
        }
    }

    /// Passes on what a dropped future has left: to a receiver that waits, or to the next that
    /// comes.
    ///
    /// # Errors
    ///
    /// The message comes back if there are no receivers left.
    fn settle(&self, leftover: Leftover<T>) -> Result<(), T> {
        let result = leftover.0.map_or(Ok(()), |message| self.hand_on(message));
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
            if state.receiver_count == 0 {
                drop(state);
                return Err(packet.take().expect("it was not taken"));
            }
            if state.returned.push(packet.message()) {
                return Ok(());
            }
            drop(state);
            // It allocates, so without the lock.
            let room = Room::new();
            self.state.lock().returned.extend(room);
        }
    }

    /// Notes that a future is no longer in flight. If the channel has ended thereby, wakes the
    /// receivers.
    fn has_landed(&self) {
        let mut state = self.state.lock();
        state.in_flight -= 1;
        if state.has_ended() {
            drop(state);
            self.wake_all(|state| &mut state.receivers);
        }
    }

    /// Makes the next sender try again if a receiver waits beside it, as the sender that was to do
    /// so has gone.
    pub(super) fn pass_on_to_sender(&self) {
        let mut state = self.state.lock();
        if !state.receivers.is_empty() {
            let wake = state.senders.wake_first().0;
            leave_and_wake(state, wake);
        }
    }

    /// Wakes all waiters of one of the lists, because the other side has gone.
    fn wake_all<D>(&self, list: fn(&mut State<T>) -> &mut WaitList<D>) {
        loop {
            let mut state = self.state.lock();
            let Some(wake) = list(&mut state).wake_first().0 else {
                return;
            };
            leave_and_wake(state, Some(wake));
        }
    }

    pub(super) fn add_sender(&self) {
        self.state.lock().sender_count += 1;
    }

    pub(super) fn add_receiver(&self) {
        self.state.lock().receiver_count += 1;
    }

    pub(super) fn remove_sender(&self) {
        let mut state = self.state.lock();
        state.sender_count -= 1;
        if state.has_ended() {
            drop(state);
            self.wake_all(|state| &mut state.receivers);
        }
    }

    pub(super) fn remove_receiver(&self) {
        let mut state = self.state.lock();
        state.receiver_count -= 1;
        if state.receiver_count == 0 {
            let unreceived = std::mem::replace(&mut state.returned, Buffer::new(0));
            drop(state);
            self.wake_all(|state| &mut state.senders);
            // The messages' destructors are the user's code, which runs outside the lock.
            drop(unreceived);
        }
    }
}

/// Where a receiver has its packet.
pub(super) trait HasPacket<T> {
    fn new() -> Self;

    /// The packet of a caller that blocks, which stays until it was given a message.
    fn packet(&self) -> &Packet<T>;

    /// The packet of a future, once there was a wait.
    fn counted(&self) -> Option<&Arc<Packet<T>>>;

    /// The packet of a future that begins a wait.
    fn count(&self) -> &Arc<Packet<T>>;
}

/// In the frame of a caller that blocks.
impl<T> HasPacket<T> for Packet<T> {
    #[inline]
    fn new() -> Packet<T> {
        Packet::empty()
    }

    #[inline]
    fn packet(&self) -> &Packet<T> {
        self
    }

    #[inline]
    fn counted(&self) -> Option<&Arc<Packet<T>>> {
        None
    }

    fn count(&self) -> &Arc<Packet<T>> {
        unreachable!("the caller blocks")
    }
}

/// In an operation, which may be waited for by a blocking caller or a future.
pub(super) struct Either<T> {
    packet: Packet<T>,
    /// From the first wait of a future on.
    counted: OnceCell<Arc<Packet<T>>>,
}

impl<T> HasPacket<T> for Either<T> {
    fn new() -> Either<T> {
        Either {
            packet: Packet::empty(),
            counted: OnceCell::new(),
        }
    }

    fn packet(&self) -> &Packet<T> {
        &self.packet
    }

    fn counted(&self) -> Option<&Arc<Packet<T>>> {
        self.counted.get()
    }

    fn count(&self) -> &Arc<Packet<T>> {
        self.counted.get_or_init(|| Arc::new(Packet::empty()))
    }
}

/// Receiving a message.
pub(super) struct Receiving<'a, T, P = Packet<T>> {
    channel: &'a Rendezvous<T>,
    packet: P,
}

impl<'a, T, P: HasPacket<T>> Receiving<'a, T, P> {
    #[inline]
    pub(super) fn new(channel: &'a Rendezvous<T>) -> Receiving<'a, T, P> {
        let packet = P::new();
        Receiving { channel, packet }
    }
}

impl<T, P: HasPacket<T>> Listing for Receiving<'_, T, P> {
    type Output = Result<T, RecvError>;
    type State = State<T>;
    type Data = WaitingReceiver<T>;

    fn kind(&self) -> &'static str {
        "recv"
    }

    fn lock(&self) -> &SpinLock<State<T>> {
        &self.channel.state
    }

    fn list(state: &mut State<T>) -> &mut WaitList<WaitingReceiver<T>> {
        &mut state.receivers
    }

    fn data(&self, _state: &mut State<T>, by: &Registration) -> WaitingReceiver<T> {
        match by.waiter {
            Waiter::Task(_) => WaitingReceiver::of_future(self.packet.count()),
            _ => WaitingReceiver::in_frame(self.packet.packet()),
        }
    }

    fn linked(&self, state: &mut State<T>, by: &Registration) -> Option<Wake> {
        match by.waiter {
            // A select that sends tries again, and finds the future.
            Waiter::Task(_) => state.senders.wake_first().0,
            _ => None,
        }
    }

    #[inline(always)]
    fn attempt(&self, by: Caller, _seat: Seat) -> Result<Self::Output, SpinGuard<'_, State<T>>> {
        let can_wait = by == Caller::Blocks && park::may_block();
        match self.channel.take(self.packet.packet(), can_wait) {
            Ok(message) => Ok(Ok(message)),
            Err((Refused::Disconnected, _)) => Ok(Err(RecvError)),
            Err((Refused::NotNow, state)) => Err(state),
        }
    }

    fn is_ready(&self, state: &mut State<T>, _seat: Seat, by: &Registration) -> bool {
        state.has_ended()
            || state.returned.len() > 0
            || match by.waiter {
                Waiter::Task(_) => matches!(state.senders.first(), Some(WaitingSender::Message(_))),
                // Its own slots in other arms are no senders: a select never meets itself.
                waiter => state.senders.has_other_than(waiter),
            }
    }

    #[inline(always)]
    fn complete(
        &self,
        by: Caller,
        seat: Seat,
        committed: Committed<WaitingReceiver<T>>,
    ) -> Option<Self::Output> {
        // The message was passed on before the wait was ended, or the sender that has claimed this
        // receiver will pass it on.
        let message = match self.packet.counted() {
            Some(packet) if committed.data.is_counted() => self.channel.open(packet),
            _ => self.packet.packet().open(),
        };
        match message {
            Some(message) => Some(Ok(message)),
            None => self.try_now(by, seat),
        }
    }

    fn pass_on(&self, committed: Committed<WaitingReceiver<T>>) {
        match self.packet.counted() {
            Some(packet) if committed.data.is_counted() => self.channel.leave(packet),
            _ => {
                if let Some(message) = self.packet.packet().open() {
                    // (Without receivers the message is dropped.)
                    drop(self.channel.hand_on(message));
                }
            }
        }
    }
}

/// Sending a message.
pub(super) struct Sending<'a, T> {
    channel: &'a Rendezvous<T>,
    /// The message, until it is sent. A receiver takes it from here.
    packet: Packet<T>,
}

impl<'a, T> Sending<'a, T> {
    pub(super) fn new(channel: &'a Rendezvous<T>, message: T) -> Sending<'a, T> {
        Sending {
            channel,
            packet: Packet::new(Some(message)),
        }
    }

    /// Takes the message, which was not sent.
    pub(super) fn take_back(&self) -> Option<T> {
        self.packet.take()
    }
}

impl<T> Listing for Sending<'_, T> {
    type Output = Result<(), SendError<T>>;
    type State = State<T>;
    type Data = WaitingSender<T>;

    fn kind(&self) -> &'static str {
        "send"
    }

    fn lock(&self) -> &SpinLock<State<T>> {
        &self.channel.state
    }

    fn list(state: &mut State<T>) -> &mut WaitList<WaitingSender<T>> {
        &mut state.senders
    }

    fn data(&self, _state: &mut State<T>, _by: &Registration) -> WaitingSender<T> {
        WaitingSender::Message(NonNull::from(&self.packet))
    }

    #[inline(always)]
    fn attempt(&self, _by: Caller, _seat: Seat) -> Result<Self::Output, SpinGuard<'_, State<T>>> {
        match self.channel.give(&self.packet) {
            Ok(()) => Ok(Ok(())),
            Err((Refused::NotNow, state)) => Err(state),
            Err((Refused::Disconnected, state)) => {
                drop(state);
                let message = self.take_back();
                Ok(Err(SendError(message.expect("it was not sent"))))
            }
        }
    }

    fn is_ready(&self, state: &mut State<T>, _seat: Seat, by: &Registration) -> bool {
        state.receiver_count == 0 || state.receivers.has_other_than(by.waiter)
    }

    #[inline]
    fn complete(
        &self,
        by: Caller,
        seat: Seat,
        _committed: Committed<WaitingSender<T>>,
    ) -> Option<Self::Output> {
        match self.packet.take() {
            // A receiver has taken it.
            None => Some(Ok(())),
            // It was to try again, or the receivers have gone.
            Some(message) => {
                self.packet.put(message);
                self.try_now(by, seat)
            }
        }
    }

    fn pass_on(&self, _committed: Committed<WaitingSender<T>>) {
        // If a receiver has taken the message, it was sent. If not, this one was to try again.
        self.channel.pass_on_to_sender();
    }
}

/// Getting the right to send a message that is not there yet; an error if all receivers have gone.
pub(super) struct Claiming<'a, T> {
    channel: &'a Arc<Rendezvous<T>>,
    slot: ClaimSlot<T>,
}

impl<'a, T> Claiming<'a, T> {
    /// The operation on one channel.
    pub(super) fn new(channel: &'a Arc<Rendezvous<T>>) -> Claiming<'a, T> {
        Claiming {
            channel,
            slot: ClaimSlot::new(),
        }
    }
}

impl<T> Listing for Claiming<'_, T> {
    type Output = Result<Claimed<T>, SendError<()>>;
    type State = State<T>;
    type Data = WaitingSender<T>;

    fn kind(&self) -> &'static str {
        "send"
    }

    fn lock(&self) -> &SpinLock<State<T>> {
        &self.channel.state
    }

    fn list(state: &mut State<T>) -> &mut WaitList<WaitingSender<T>> {
        &mut state.senders
    }

    fn data(&self, _state: &mut State<T>, _by: &Registration) -> WaitingSender<T> {
        WaitingSender::Claim(NonNull::from(&self.slot))
    }

    fn attempt(&self, _by: Caller, _seat: Seat) -> Result<Self::Output, SpinGuard<'_, State<T>>> {
        match self.channel.claim() {
            Ok(claimed) => Ok(Ok(claimed)),
            Err((Refused::Disconnected, _)) => Ok(Err(SendError(()))),
            Err((Refused::NotNow, state)) => Err(state),
        }
    }

    fn is_ready(&self, state: &mut State<T>, _seat: Seat, by: &Registration) -> bool {
        state.receiver_count == 0 || state.receivers.has_other_than(by.waiter)
    }

    #[inline]
    fn complete(
        &self,
        by: Caller,
        seat: Seat,
        _committed: Committed<WaitingSender<T>>,
    ) -> Option<Self::Output> {
        match self.slot.take() {
            Some(claim) => Some(Ok(Claimed::new(claim, self.channel))),
            // There is a future that waits to be claimed, or the receivers have gone.
            None => self.try_now(by, seat),
        }
    }

    fn pass_on(&self, _committed: Committed<WaitingSender<T>>) {
        match self.slot.take() {
            // The receiver tries again.
            Some(claim) => drop(Claimed::new(claim, self.channel)),
            None => self.channel.pass_on_to_sender(),
        }
    }
}
