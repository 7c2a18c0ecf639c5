//! The channel without a buffer: a message passes when a sender and a receiver are there at the same time.
//!
//! Whoever comes first waits, with a *packet* in its frame: a sender's holds the message, a receiver's is empty. Whoever comes
//! second moves the message from one packet to the other and then ends the wait of the first. If it turns out that the wait had
//! ended by itself, by its deadline or a cancellation, the message is moved back and the next one is tried; the one that was
//! waiting cannot see that, because it takes its node out of the list first, which needs the lock. So a message changes hands if
//! and only if the compare-and-swap on the waiter's commit word succeeds: it is never lost with a receiver that is cancelled, and
//! a sender whose time has elapsed has its message or knows that it was taken. Nobody ever spins for the other side.
//!
//! Fairness: first come, first served, except that a waiter whose worker is stuck in a computation is passed over. Nobody can
//! overtake: a sender that finds a receiver waiting has no sender waiting before it.

use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr::NonNull;

use super::buffered::leave_and_wake;
use super::error::{Recv, Refused};
use crate::park::{self, Waited};
use crate::util::clock::Deadline;
use crate::util::spin::SpinLock;
use crate::wait::{Turn, WaitList, Wake};

/// What senders and receivers share.
pub(super) struct Rendezvous<T> {
    state: SpinLock<State<T>>,
}

/// What the lock guards.
struct State<T> {
    /// Senders with their messages.
    senders: WaitList<NonNull<Packet<T>>>,
    /// Receivers with room for one.
    receivers: WaitList<NonNull<Packet<T>>>,
    sender_count: usize,
    receiver_count: usize,
    /// Messages pass through here from thread to thread.
    _messages: PhantomData<T>,
}

/// The place of one message in the frame of a waiter; whoever has the lock may touch it while the waiter's node is in the list.
struct Packet<T>(Cell<Option<T>>);

impl<T> Packet<T> {
    /// Moves what is in `from` to `to`.
    ///
    /// # Safety
    ///
    /// Both packets are alive, and nobody else touches them.
    unsafe fn pass(from: NonNull<Packet<T>>, to: NonNull<Packet<T>>) {
        // SAFETY: (docs/safety.md, I2) as promised by the caller.
        unsafe { to.as_ref().0.set(from.as_ref().0.take()) };
    }
}

impl<T> State<T> {
    /// Senders with their messages.
    fn senders(&mut self) -> &mut WaitList<NonNull<Packet<T>>> {
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

    /// Passes the message of a sender that waits to `packet`.
    fn take(&mut self, packet: &Packet<T>) -> Option<Wake> {
        let mine = NonNull::from(packet);
        loop {
            // SAFETY: (docs/safety.md, I2) the sender's packet is alive while its node is in the list, whose lock is held.
            let offered = self.senders.offer_first(
                |theirs| unsafe { Packet::pass(*theirs, mine) },
                |theirs| unsafe { Packet::pass(mine, *theirs) },
            )?;
            if offered.is_some() {
                return offered;
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
        let packet = Packet(Cell::new(Some(message)));
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
                    NonNull::from(&packet),
                    &turn,
                ),
                _ => {
                    drop(state);
                    Waited::TimedOut
                }
            };
            // A sender that was woken has sent its message, or the receivers have gone.
            let Some(message) = packet.0.take() else {
                return Ok(());
            };
            if waited == Waited::TimedOut {
                return Err(refused(message));
            }
            packet.0.set(Some(message));
        }
    }

    /// Receives a message, waiting for a sender until `deadline`; without a deadline, only from a sender that waits already.
    pub(super) fn recv(&self, deadline: Option<Deadline>) -> Result<T, Recv> {
        if deadline.is_some() {
            park::spend_budget();
        }
        let turn = Turn::until(deadline.unwrap_or(Deadline::NEVER));
        let packet = Packet(Cell::new(None));
        loop {
            let mut state = self.state.lock();
            let error = match state.sender_count {
                0 => Recv::Disconnected,
                _ => Recv::Empty,
            };
            let waited = match (state.take(&packet), deadline) {
                (wake @ Some(_), _) => {
                    leave_and_wake(state, wake);
                    Waited::Woken
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
            match packet.0.take() {
                Some(message) => return Ok(message),
                None if waited == Waited::TimedOut => return Err(error),
                None => {}
            }
        }
    }

    /// Wakes everybody in one of the lists, because there is nobody left on the other side.
    fn wake_all(&self, list: fn(&mut State<T>) -> &mut WaitList<NonNull<Packet<T>>>) {
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
