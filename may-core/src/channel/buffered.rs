//! The channel that holds messages: up to its capacity, or as many as there is memory for.
//!
//! The whole state lies under one lock of a few instructions: the messages, those that wait for a
//! message, those that wait for a free slot. So looking and registering are one step, and so are
//! changing and waking. A message that wakes a waiter takes two read-modify-writes, and one that
//! does not takes one. (Go's channels are built the same way. A lock-free ring with a wait queue at
//! either end needs twice as many, because each side must fence before it looks for the other.) No
//! user code runs under the lock: messages are moved, never dropped or cloned.
//!
//! A message goes into the buffer and nowhere else: a receiver is woken to fetch it, and never
//! handed one while it sleeps, so a receiver that is cancelled or times out loses nothing. A waiter
//! that was woken tries before it waits again, so it either uses its wake-up or finds that a faster
//! caller did.
//!
//! A slot can be *reserved*: it counts as taken, though there is no message in it yet. Its owner
//! fills it or gives it back, and then wakes the next sender.
//!
//! Fairness: waiters are woken in the order in which they came, except that those whose worker is
//! stuck in a computation are passed over. A sender or receiver that arrives just then may be
//! faster than one that was woken, which goes back to its place in the queue then. Now and then one
//! that was woken in vain is woken with a *grant* (`wait/queue.rs`): a slot is reserved for a
//! sender, and of the messages one is *set aside* for a receiver, which leaves it in the buffer and
//! out of reach of those that have no grant.

use std::cell::Cell;
use std::sync::Arc;

use crossbeam_channel::{RecvError, SendError};

use super::buffer::{Buffer, Room};
use super::error::Refused;
use crate::operation::{Caller, Listing};
use crate::park;
use crate::util::spin::{SpinGuard, SpinLock};
use crate::wait::{Committed, Registration, Seat, WaitList, Wake};

/// How many messages wait in a channel without a limit whose receivers need a turn.
const BACKLOG: usize = 128;

/// What senders and receivers share.
pub(super) struct Buffered<T> {
    state: SpinLock<State<T>>,
    /// The most messages, `usize::MAX` if there is no bound.
    capacity: usize,
}

/// What the lock guards.
pub(super) struct State<T> {
    buffer: Buffer<T>,
    /// How many slots are reserved.
    reserved: usize,
    /// How many messages are set aside. Without senders that means nothing: any receiver takes what
    /// is left.
    set_aside: usize,
    /// Those that wait for a free slot.
    senders: WaitList,
    /// Those that wait for a message.
    receivers: WaitList,
    sender_count: usize,
    receiver_count: usize,
}

impl<T> State<T> {
    /// Whether there is a message for a receiver without a grant.
    #[inline]
    fn has_message(&self) -> bool {
        match self.set_aside {
            0 => self.buffer.len() > 0,
            _ => self.has_more_than_set_aside(),
        }
    }

    /// The half of [`State::has_message`] for a channel with messages that are set aside.
    #[cold]
    fn has_more_than_set_aside(&self) -> bool {
        let set_aside = if self.sender_count == 0 {
            0
        } else {
            self.set_aside
        };
        self.buffer.len() > set_aside
    }

    /// Takes a message as a receiver without a grant.
    #[inline]
    fn take(&mut self) -> Option<T> {
        match self.set_aside == 0 || self.has_more_than_set_aside() {
            true => self.buffer.pop(),
            false => None,
        }
    }

    /// Ends the wait of a receiver, for a message that has come.
    #[inline]
    fn call_receiver(&mut self) -> Option<Wake> {
        match self.receivers.is_empty() {
            true => None,
            false => self.receivers.call_first(|| self.set_aside += 1),
        }
    }

    /// Ends the wait of a sender, for a slot that has become free.
    #[inline]
    fn call_sender(&mut self) -> Option<Wake> {
        match self.senders.is_empty() {
            true => None,
            false => self.senders.call_first(|| self.reserved += 1),
        }
    }
}

/// Unlocks, then wakes the waiter that was committed under the lock.
#[inline]
pub(super) fn leave_and_wake<S>(state: SpinGuard<'_, S>, wake: Option<Wake>) {
    drop(state);
    if let Some(wake) = wake {
        wake.fire();
    }
}

impl<T> Buffered<T> {
    /// A channel with one sender and one receiver.
    pub(super) fn new(capacity: Option<usize>) -> Buffered<T> {
        Buffered {
            state: SpinLock::new(State {
                buffer: Buffer::new(capacity.unwrap_or(0)),
                reserved: 0,
                set_aside: 0,
                senders: WaitList::new(),
                receivers: WaitList::new(),
                sender_count: 1,
                receiver_count: 1,
            }),
            capacity: capacity.unwrap_or(usize::MAX),
        }
    }

    /// The most messages, if there is a bound.
    pub(super) fn capacity(&self) -> Option<usize> {
        (self.capacity != usize::MAX).then_some(self.capacity)
    }

    pub(super) fn len(&self) -> usize {
        self.state.lock().buffer.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.has_no_slot(&self.state.lock())
    }

    /// Whether every slot holds a message or is reserved.
    #[inline]
    fn has_no_slot(&self, state: &State<T>) -> bool {
        state.buffer.len() + state.reserved >= self.capacity
    }

    /// Puts the message that is there into the buffer and wakes a receiver; gives the lock back if
    /// there is no room.
    #[inline]
    fn put<'a>(
        &'a self,
        mut state: SpinGuard<'a, State<T>>,
        message: &Cell<Option<T>>,
    ) -> Option<SpinGuard<'a, State<T>>> {
        if !state.buffer.push(message) {
            return Some(state);
        }
        let wake = state.call_receiver();
        leave_and_wake(state, wake);
        None
    }

    /// Makes room; without the lock, since it allocates.
    #[cold]
    fn extend(&self) {
        let room = Room::new();
        self.state.lock().buffer.extend(room);
    }

    /// Sends the message that is there, if there is a slot; if not the lock comes back, so that the
    /// caller may wait.
    #[inline]
    fn push(&self, message: &Cell<Option<T>>) -> Result<(), (Refused, SpinGuard<'_, State<T>>)> {
        loop {
            let state = self.state.lock();
            if state.receiver_count == 0 {
                return Err((Refused::Disconnected, state));
            }
            if self.has_no_slot(&state) {
                return Err((Refused::NotNow, state));
            }
            let Some(state) = self.put(state, message) else {
                return Ok(());
            };
            drop(state);
            self.extend();
        }
    }

    /// Takes a message out of the buffer; if there is none the lock comes back, so that the caller
    /// may wait.
    #[inline]
    fn pop(&self) -> Result<T, (Refused, SpinGuard<'_, State<T>>)> {
        let mut state = self.state.lock();
        let Some(message) = state.take() else {
            let refused = match state.sender_count {
                0 => Refused::Disconnected,
                _ => Refused::NotNow,
            };
            return Err((refused, state));
        };
        let wake = state.call_sender();
        leave_and_wake(state, wake);
        Ok(message)
    }

    /// Takes the message that was set aside for the caller. Without senders another receiver may
    /// have been faster.
    #[cold]
    fn pop_granted(&self) -> Option<T> {
        let mut state = self.state.lock();
        state.set_aside -= 1;
        let message = state.buffer.pop()?;
        let wake = state.call_sender();
        leave_and_wake(state, wake);
        Some(message)
    }

    /// Sends a message if there is a slot.
    #[inline]
    pub(super) fn try_send(&self, message: T) -> Result<(), (Refused, T)> {
        let message = Cell::new(Some(message));
        let sent = self.push(&message).map_err(|(refused, _)| refused);
        sent.map_err(|refused| (refused, message.take().expect("it was not sent")))
    }

    #[inline]
    pub(super) fn try_recv(&self) -> Result<T, Refused> {
        self.pop().map_err(|(refused, _)| refused)
    }

    /// Reserves a slot; if there is none the lock comes back, so that the caller may wait.
    fn reserve(&self) -> Result<(), (Refused, SpinGuard<'_, State<T>>)> {
        let mut state = self.state.lock();
        if state.receiver_count == 0 {
            return Err((Refused::Disconnected, state));
        }
        if self.has_no_slot(&state) {
            return Err((Refused::NotNow, state));
        }
        state.reserved += 1;
        Ok(())
    }

    /// Passes the slot that a waiter was woken for, and does not want, to the next sender.
    fn pass_on_to_sender(&self, granted: bool) {
        let mut state = self.state.lock();
        state.reserved -= usize::from(granted);
        if !self.has_no_slot(&state) {
            let wake = state.call_sender();
            leave_and_wake(state, wake);
        }
    }

    /// Fills a slot that the caller has reserved; the message comes back if all receivers have
    /// gone.
    pub(super) fn fill(&self, message: T) -> Result<(), SendError<T>> {
        let message = Cell::new(Some(message));
        match self.fill_from(&message) {
            true => Ok(()),
            false => Err(SendError(message.take().expect("it was not sent"))),
        }
    }

    /// As [`fill`](Buffered::fill), with the message that is there; false if all receivers have
    /// gone.
    fn fill_from(&self, message: &Cell<Option<T>>) -> bool {
        loop {
            let mut state = self.state.lock();
            state.reserved -= 1;
            if state.receiver_count == 0 {
                return false;
            }
            let Some(mut state) = self.put(state, message) else {
                return true;
            };
            state.reserved += 1;
            drop(state);
            self.extend();
        }
    }

    /// Gives back a slot that the caller has reserved.
    pub(super) fn give_back(&self) {
        let mut state = self.state.lock();
        state.reserved -= 1;
        let wake = state.call_sender();
        leave_and_wake(state, wake);
    }

    /// Wakes all waiters of one of the lists, because the other side has gone.
    fn wake_all(&self, list: fn(&mut State<T>) -> &mut WaitList) {
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
        if state.sender_count == 0 {
            drop(state);
            self.wake_all(|state| &mut state.receivers);
        }
    }

    /// Counts one receiver less; the last one takes the messages with it.
    pub(super) fn remove_receiver(&self) {
        let mut state = self.state.lock();
        state.receiver_count -= 1;
        if state.receiver_count == 0 {
            let unreceived = std::mem::replace(&mut state.buffer, Buffer::new(0));
            drop(state);
            self.wake_all(|state| &mut state.senders);
            // The messages' destructors are the user's code, which runs outside the lock.
            drop(unreceived);
        }
    }
}

/// Receiving a message.
pub(super) struct Receiving<'a, T>(pub(super) &'a Buffered<T>);

impl<T> Listing for Receiving<'_, T> {
    type Output = Result<T, RecvError>;
    type State = State<T>;
    type Data = ();

    fn kind(&self) -> &'static str {
        "recv"
    }

    #[inline]
    fn lock(&self) -> &SpinLock<State<T>> {
        &self.0.state
    }

    #[inline]
    fn list(state: &mut State<T>) -> &mut WaitList {
        &mut state.receivers
    }

    #[inline]
    fn data(&self, _state: &mut State<T>, _by: &Registration) {}

    #[inline]
    fn attempt(&self, _by: Caller, _seat: Seat) -> Result<Self::Output, SpinGuard<'_, State<T>>> {
        match self.0.pop() {
            Ok(message) => Ok(Ok(message)),
            Err((Refused::Disconnected, _)) => Ok(Err(RecvError)),
            Err((Refused::NotNow, state)) => Err(state),
        }
    }

    fn is_ready(&self, state: &mut State<T>, _seat: Seat, _by: &Registration) -> bool {
        state.has_message() || state.sender_count == 0
    }

    #[inline]
    fn complete(&self, by: Caller, seat: Seat, committed: Committed<()>) -> Option<Self::Output> {
        match committed.granted {
            true => Some(self.0.pop_granted().ok_or(RecvError)),
            false => self.try_now(by, seat),
        }
    }

    fn pass_on(&self, committed: Committed<()>) {
        let mut state = self.0.state.lock();
        state.set_aside -= usize::from(committed.granted);
        if state.has_message() {
            let wake = state.call_receiver();
            leave_and_wake(state, wake);
        }
    }
}

/// Sending a message.
pub(super) struct Sending<'a, T> {
    pub(super) channel: &'a Buffered<T>,
    /// Until it is sent.
    pub(super) message: Cell<Option<T>>,
}

impl<T> Sending<'_, T> {
    /// The outcome if all receivers have gone.
    fn disconnected(&self) -> Result<(), SendError<T>> {
        let message = self.message.take();
        Err(SendError(message.expect("it was not sent")))
    }
}

impl<T> Listing for Sending<'_, T> {
    type Output = Result<(), SendError<T>>;
    type State = State<T>;
    type Data = ();

    fn kind(&self) -> &'static str {
        "send"
    }

    #[inline]
    fn lock(&self) -> &SpinLock<State<T>> {
        &self.channel.state
    }

    #[inline]
    fn list(state: &mut State<T>) -> &mut WaitList {
        &mut state.senders
    }

    #[inline]
    fn data(&self, _state: &mut State<T>, _by: &Registration) {}

    #[inline]
    fn attempt(&self, _by: Caller, _seat: Seat) -> Result<Self::Output, SpinGuard<'_, State<T>>> {
        match self.channel.push(&self.message) {
            Ok(()) => Ok(Ok(())),
            Err((Refused::Disconnected, state)) => {
                drop(state);
                Ok(self.disconnected())
            }
            Err((Refused::NotNow, state)) => Err(state),
        }
    }

    fn is_ready(&self, state: &mut State<T>, _seat: Seat, _by: &Registration) -> bool {
        state.receiver_count == 0 || !self.channel.has_no_slot(state)
    }

    fn complete(&self, by: Caller, seat: Seat, committed: Committed<()>) -> Option<Self::Output> {
        match committed.granted {
            true if self.channel.fill_from(&self.message) => Some(Ok(())),
            true => Some(self.disconnected()),
            false => self.try_now(by, seat),
        }
    }

    fn pass_on(&self, committed: Committed<()>) {
        self.channel.pass_on_to_sender(committed.granted);
    }

    #[inline]
    fn spend_budget(&self) {
        match self.channel.capacity() {
            Some(_) => park::spend_budget(),
            None => park::spend_budget_if(|| self.channel.len() >= BACKLOG),
        }
    }
}

/// Reserving a slot; an error if all receivers have gone. With the outcome comes the duty to fill
/// the slot, or to give it back.
pub(super) struct Reserving<'a, T>(pub(super) &'a Arc<Buffered<T>>);

impl<'a, T> Listing for Reserving<'a, T> {
    type Output = Result<&'a Arc<Buffered<T>>, SendError<()>>;
    type State = State<T>;
    type Data = ();

    fn kind(&self) -> &'static str {
        "send"
    }

    fn lock(&self) -> &SpinLock<State<T>> {
        &self.0.state
    }

    fn list(state: &mut State<T>) -> &mut WaitList {
        &mut state.senders
    }

    fn data(&self, _state: &mut State<T>, _by: &Registration) {}

    fn attempt(&self, _by: Caller, _seat: Seat) -> Result<Self::Output, SpinGuard<'_, State<T>>> {
        match self.0.reserve() {
            Ok(()) => Ok(Ok(self.0)),
            Err((Refused::Disconnected, _)) => Ok(Err(SendError(()))),
            Err((Refused::NotNow, state)) => Err(state),
        }
    }

    fn is_ready(&self, state: &mut State<T>, _seat: Seat, _by: &Registration) -> bool {
        state.receiver_count == 0 || !self.0.has_no_slot(state)
    }

    fn complete(&self, by: Caller, seat: Seat, committed: Committed<()>) -> Option<Self::Output> {
        match committed.granted {
            true => Some(Ok(self.0)),
            false => self.try_now(by, seat),
        }
    }

    fn pass_on(&self, committed: Committed<()>) {
        self.0.pass_on_to_sender(committed.granted);
    }
}
