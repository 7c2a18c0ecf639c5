//! The channel that holds messages: up to its capacity, or as many as there is memory for.
//!
//! The whole state lies under one lock of a few instructions: the messages, those who wait for a message, those who wait for a
//! free slot. So looking and registering are one step, and so are changing and waking, which leaves two read-modify-writes to a
//! message that wakes somebody and one to a message that does not. (Go's channels are built the same way. A lock-free ring with
//! a wait queue at either end needs twice as many, because each side must fence before it looks for the other.) No user code runs
//! under the lock: messages are moved, never dropped or cloned.
//!
//! A message goes into the buffer and nowhere else: a receiver is woken to fetch it, and never handed one while it sleeps, so a
//! receiver that is cancelled or times out loses nothing. Whoever was woken tries before it waits again, so it either uses its
//! wake-up or finds that somebody faster did.
//!
//! A slot can be *reserved*: it counts as taken, though there is no message in it yet. Whoever reserved it fills it or gives it
//! back, and then wakes the next sender.
//!
//! Fairness: waiters are woken in the order in which they came, except that those whose worker is stuck in a computation are
//! passed over. A sender or receiver that arrives just then may be faster than one that was woken, which goes back to its place in
//! the queue then. Now and then one that was woken in vain is woken with a *grant* (`wait/queue.rs`): a slot is reserved for a sender,
//! and of the messages one is *set aside* for a receiver, which leaves it in the buffer and out of reach of those who have no grant.

use super::buffer::{Buffer, Room};
use super::error::{Recv, Refused};
use crate::park::{self, Waited};
use crate::util::clock::Deadline;
use crate::util::spin::{SpinGuard, SpinLock};
use crate::wait::{Entry, Registration, Turn, WaitList, Wake};

/// How many messages wait in a channel without a limit whose receivers need a turn.
const BACKLOG: usize = 128;

/// What senders and receivers share.
pub(super) struct Buffered<T> {
    state: SpinLock<State<T>>,
    /// The most messages, `usize::MAX` if there is no bound.
    capacity: usize,
}

/// What the lock guards.
struct State<T> {
    buffer: Buffer<T>,
    /// How many slots are reserved.
    reserved: usize,
    /// How many messages are set aside. Without senders that means nothing: any receiver takes what is left.
    set_aside: usize,
    /// Those who wait for a free slot.
    senders: WaitList,
    /// Those who wait for a message.
    receivers: WaitList,
    sender_count: usize,
    receiver_count: usize,
}

impl<T> State<T> {
    /// Those who wait for a free slot.
    fn senders(&mut self) -> &mut WaitList {
        &mut self.senders
    }

    /// Those who wait for a message.
    fn receivers(&mut self) -> &mut WaitList {
        &mut self.receivers
    }

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

/// Leaves the lock, then wakes whom the holder has committed.
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

    /// How many messages there are.
    pub(super) fn len(&self) -> usize {
        self.state.lock().buffer.len()
    }

    /// Whether there is no free slot.
    pub(super) fn is_full(&self) -> bool {
        self.has_no_slot(&self.state.lock())
    }

    /// Whether every slot holds a message or is reserved.
    #[inline]
    fn has_no_slot(&self, state: &State<T>) -> bool {
        state.buffer.len() + state.reserved >= self.capacity
    }

    /// Puts a message into the buffer and wakes a receiver; gives the message and the lock back if there is no room.
    #[inline]
    fn put<'a>(
        &'a self,
        mut state: SpinGuard<'a, State<T>>,
        message: T,
    ) -> Result<(), (T, SpinGuard<'a, State<T>>)> {
        if let Err(message) = state.buffer.push(message) {
            return Err((message, state));
        }
        let wake = state.call_receiver();
        leave_and_wake(state, wake);
        Ok(())
    }

    /// Makes room; without the lock, since it allocates.
    #[cold]
    fn extend(&self) {
        let room = Room::new();
        self.state.lock().buffer.extend(room);
    }

    /// Sends a message if there is a slot; if not, the lock comes back, so that the caller may wait.
    #[inline]
    fn push(&self, mut message: T) -> Result<(), (Refused<T>, SpinGuard<'_, State<T>>)> {
        loop {
            let state = self.state.lock();
            if state.receiver_count == 0 {
                return Err((Refused::Disconnected(message), state));
            }
            if self.has_no_slot(&state) {
                return Err((Refused::NoRoom(message), state));
            }
            let (back, state) = match self.put(state, message) {
                Ok(()) => return Ok(()),
                Err(back) => back,
            };
            drop(state);
            message = back;
            self.extend();
        }
    }

    /// Takes a message out of the buffer; if there is none, the lock comes back, so that the caller may wait.
    #[inline]
    fn pop(&self) -> Result<T, (Recv, SpinGuard<'_, State<T>>)> {
        let mut state = self.state.lock();
        let Some(message) = state.take() else {
            let error = match state.sender_count {
                0 => Recv::Disconnected,
                _ => Recv::Empty,
            };
            return Err((error, state));
        };
        let wake = state.call_sender();
        leave_and_wake(state, wake);
        Ok(message)
    }

    /// Takes the message that was set aside for the caller. Without senders somebody else may have been faster.
    #[cold]
    fn pop_granted(&self) -> Result<T, Recv> {
        let mut state = self.state.lock();
        state.set_aside -= 1;
        let message = state.buffer.pop().ok_or(Recv::Disconnected)?;
        let wake = state.call_sender();
        leave_and_wake(state, wake);
        Ok(message)
    }

    /// Sends a message if there is a slot.
    #[inline]
    pub(super) fn try_send(&self, message: T) -> Result<(), Refused<T>> {
        self.push(message).map_err(|(refused, _)| refused)
    }

    /// Sends a message, waiting for a slot until `deadline`.
    #[inline]
    pub(super) fn send(&self, mut message: T, deadline: Deadline) -> Result<(), Refused<T>> {
        match self.capacity() {
            Some(_) => park::spend_budget(),
            None => park::spend_budget_if(|| self.len() >= BACKLOG),
        }
        let turn = Turn::until(deadline);
        loop {
            let (refused, state) = match self.push(message) {
                Ok(()) => return Ok(()),
                Err(refused) => refused,
            };
            message = match refused {
                Refused::NoRoom(message) => message,
                refused => return Err(refused),
            };
            if park::wait_in(&self.state, state, State::senders, (), &turn) == Waited::TimedOut {
                return Err(Refused::NoRoom(message));
            }
            if turn.take_granted() {
                return self.fill(message).map_err(Refused::Disconnected);
            }
        }
    }

    /// Receives a message if there is one.
    #[inline]
    pub(super) fn try_recv(&self) -> Result<T, Recv> {
        self.pop().map_err(|(error, _)| error)
    }

    /// Receives a message for a waiter that was woken.
    pub(super) fn recv_woken(&self, entry: &mut Entry) -> Result<T, Recv> {
        match entry.take_granted() {
            true => self.pop_granted(),
            false => self.try_recv(),
        }
    }

    /// Receives a message, waiting for one until `deadline`.
    #[inline]
    pub(super) fn recv(&self, deadline: Deadline) -> Result<T, Recv> {
        park::spend_budget();
        let turn = Turn::until(deadline);
        loop {
            let (error, state) = match self.pop() {
                Ok(message) => return Ok(message),
                Err(refused) => refused,
            };
            if error == Recv::Disconnected
                || park::wait_in(&self.state, state, State::receivers, (), &turn)
                    == Waited::TimedOut
            {
                return Err(error);
            }
            if turn.take_granted() {
                return self.pop_granted();
            }
        }
    }

    /// Reserves a slot, waiting for one until `deadline`.
    pub(super) fn reserve(&self, deadline: Deadline) -> Result<(), Refused<()>> {
        park::spend_budget();
        let turn = Turn::until(deadline);
        loop {
            let mut state = self.state.lock();
            if state.receiver_count == 0 {
                return Err(Refused::Disconnected(()));
            }
            if !self.has_no_slot(&state) {
                state.reserved += 1;
                return Ok(());
            }
            if park::wait_in(&self.state, state, State::senders, (), &turn) == Waited::TimedOut {
                return Err(Refused::NoRoom(()));
            }
            if turn.take_granted() {
                return Ok(());
            }
        }
    }

    /// Reserves a slot if there is one.
    pub(super) fn try_reserve(&self) -> Result<(), Refused<()>> {
        let mut state = self.state.lock();
        if state.receiver_count == 0 {
            return Err(Refused::Disconnected(()));
        }
        if self.has_no_slot(&state) {
            return Err(Refused::NoRoom(()));
        }
        state.reserved += 1;
        Ok(())
    }

    /// Reserves a slot for a waiter that was woken.
    pub(super) fn reserve_woken(&self, entry: &mut Entry) -> Result<(), Refused<()>> {
        match entry.take_granted() {
            true => Ok(()),
            false => self.try_reserve(),
        }
    }

    /// Registers a receiver that waits for other things, too; true if it need not wait.
    pub(super) fn register_receiver(&self, entry: &mut Entry, by: &Registration, arm: u16) -> bool {
        let mut state = self.state.lock();
        let ready = state.has_message() || state.sender_count == 0;
        if !ready {
            // SAFETY: (docs/safety.md, I2) the engine has it unlinked from this list before the entry goes.
            unsafe { entry.link(&mut state.receivers, by, arm, ()) };
        }
        ready
    }

    /// Takes a receiver out again.
    pub(super) fn withdraw_receiver(&self, entry: &mut Entry) {
        if entry.is_used() {
            // SAFETY: (docs/safety.md, I2) it was linked there.
            unsafe { entry.unlink(&mut self.state.lock().receivers) };
        }
    }

    /// Registers a sender that waits for other things, too; true if it need not wait.
    pub(super) fn register_sender(&self, entry: &mut Entry, by: &Registration, arm: u16) -> bool {
        let mut state = self.state.lock();
        let ready = state.receiver_count == 0 || !self.has_no_slot(&state);
        if !ready {
            // SAFETY: (docs/safety.md, I2) the engine has it unlinked from this list before the entry goes.
            unsafe { entry.link(&mut state.senders, by, arm, ()) };
        }
        ready
    }

    /// Takes a sender out again.
    pub(super) fn withdraw_sender(&self, entry: &mut Entry) {
        if entry.is_used() {
            // SAFETY: (docs/safety.md, I2) it was linked there.
            unsafe { entry.unlink(&mut self.state.lock().senders) };
        }
    }

    /// Has the next receiver fetch the message that a waiter was woken for and does not want.
    pub(super) fn pass_on_to_receiver(&self, entry: &mut Entry) {
        let mut state = self.state.lock();
        state.set_aside -= usize::from(entry.take_granted());
        if state.has_message() {
            let wake = state.call_receiver();
            leave_and_wake(state, wake);
        }
    }

    /// Has the next sender use the slot that a waiter was woken for and does not want.
    pub(super) fn pass_on_to_sender(&self, entry: &mut Entry) {
        let mut state = self.state.lock();
        state.reserved -= usize::from(entry.take_granted());
        if !self.has_no_slot(&state) {
            let wake = state.call_sender();
            leave_and_wake(state, wake);
        }
    }

    /// Fills a slot that the caller has reserved; the message comes back if there are no receivers any more.
    pub(super) fn fill(&self, mut message: T) -> Result<(), T> {
        loop {
            let mut state = self.state.lock();
            state.reserved -= 1;
            if state.receiver_count == 0 {
                return Err(message);
            }
            let (back, mut state) = match self.put(state, message) {
                Ok(()) => return Ok(()),
                Err(back) => back,
            };
            state.reserved += 1;
            drop(state);
            message = back;
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

    /// Wakes everybody in one of the lists, because there is nobody left on the other side.
    fn wake_all(&self, list: fn(&mut State<T>) -> &mut WaitList) {
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

    /// Counts one receiver less; the last one takes the messages with it.
    pub(super) fn remove_receiver(&self) {
        let mut state = self.state.lock();
        state.receiver_count -= 1;
        if state.receiver_count == 0 {
            let unreceived = std::mem::replace(&mut state.buffer, Buffer::new(0));
            drop(state);
            self.wake_all(State::senders);
            // The messages' destructors are the user's code, which runs outside the lock.
            drop(unreceived);
        }
    }
}
