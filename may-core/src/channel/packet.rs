//! What waiters have in their frames while a message passes from one to the other
//! (`rendezvous.rs`): a sender has a *packet* with its message, a receiver one with room for a
//! message, and a select that sends has a slot for a *claim* on a receiver.
//!
//! Who may touch a packet, and when:
//!
//! * the holder of the channel's lock, while the waiter's node is in the list;
//! * the owner of the claim on the waiter, until it gives the claim up (R6);
//! * otherwise the waiter.

use std::cell::Cell;
use std::marker::PhantomPinned;
use std::ptr::NonNull;
use std::sync::Arc;

use crate::park;
use crate::prim::{AtomicU32, Ordering};
use crate::wait::Wake;

/// The place of one message in the frame of a waiter.
pub(super) struct Packet<T> {
    message: Cell<Option<T>>,
    /// Whether the waiter is claimed.
    claim: AtomicU32,
    /// Whether the future that has the packet counts as *in flight*: it was given a message, or
    /// claimed for one, and has not looked yet.
    in_flight: Cell<bool>,
    /// While it lies in a future others have pointers to it.
    _pinned: PhantomPinned,
}

// SAFETY: (R6) only one at a time touches a packet: the holder of the lock, the claimant, or the
// waiter.
unsafe impl<T: Send> Sync for Packet<T> {}

/// There is no claim on the waiter.
const FREE: u32 = 0;
/// There is one.
const CLAIMED: u32 = 1;
/// There is one, and the future that has the packet was dropped.
const LEFT: u32 = 2;

impl<T> Packet<T> {
    /// The packet of a receiver.
    pub(super) fn empty() -> Packet<T> {
        Packet::new(None)
    }

    /// A packet with a message or room for one.
    pub(super) fn new(message: Option<T>) -> Packet<T> {
        Packet {
            message: Cell::new(message),
            claim: AtomicU32::new(FREE),
            in_flight: Cell::new(false),
            _pinned: PhantomPinned,
        }
    }

    /// Whether the waiter is claimed.
    pub(super) fn is_claimed(&self) -> bool {
        // Acquire: the claimant has put its message in before it gave the claim up.
        self.claim.load(Ordering::Acquire) == CLAIMED
    }

    /// Sets or clears the claim, under the lock.
    pub(super) fn set_claimed(&self, claimed: bool) {
        let claim = if claimed { CLAIMED } else { FREE };
        self.claim.store(claim, Ordering::Relaxed);
    }

    /// The message. For the owner, while it is the only user.
    pub(super) fn message(&self) -> &Cell<Option<T>> {
        &self.message
    }

    /// Puts a message in. For the owner, while it is the only user.
    pub(super) fn put(&self, message: T) {
        self.message.set(Some(message));
    }

    /// Takes what is in the packet. For the owner, while it is the only user.
    pub(super) fn take(&self) -> Option<T> {
        self.message.take()
    }

    /// Takes what is in the packet after the wait was ended, as soon as there is no claim.
    #[inline]
    pub(super) fn open(&self) -> Option<T> {
        if self.is_claimed() {
            self.wait_for_claimant();
        }
        self.message.take()
    }

    /// Waits until the claim was given up. Only a thread gets here: it was not woken yet.
    #[cold]
    fn wait_for_claimant(&self) {
        park::wait_for_claimant(|| self.is_claimed());
    }

    /// Leaves the contents to the claimant, as the future is dropped; false if there is no claim.
    pub(super) fn leave_to_claimant(&self) -> bool {
        self.claim
            .compare_exchange(CLAIMED, LEFT, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// Notes that the future is no longer in flight; whether it was. For the owner of the future,
    /// when there is no claim.
    pub(super) fn land(&self) -> bool {
        self.in_flight.take()
    }

    /// Moves what is in `from` to `to`.
    ///
    /// # Safety
    ///
    /// Both packets are alive, and the caller alone touches them.
    pub(super) unsafe fn pass(from: NonNull<Packet<T>>, to: NonNull<Packet<T>>) {
        // SAFETY: (I2) as promised by the caller.
        unsafe { to.as_ref().message.set(from.as_ref().message.take()) };
    }
}

/// What a receiver waits with: a packet with room for the message.
pub(super) struct WaitingReceiver<T> {
    pub(super) packet: NonNull<Packet<T>>,
    /// It is a future's, in an `Arc`, and not in a frame.
    counted: bool,
}

// Not derived, as that would ask it of the messages.
impl<T> Clone for WaitingReceiver<T> {
    fn clone(&self) -> WaitingReceiver<T> {
        *self
    }
}

impl<T> Copy for WaitingReceiver<T> {}

impl<T> WaitingReceiver<T> {
    /// That of a caller that blocks.
    pub(super) fn in_frame(packet: &Packet<T>) -> WaitingReceiver<T> {
        WaitingReceiver {
            packet: NonNull::from(packet),
            counted: false,
        }
    }

    pub(super) fn of_future(packet: &Arc<Packet<T>>) -> WaitingReceiver<T> {
        let packet = NonNull::new(Arc::as_ptr(packet).cast_mut());
        WaitingReceiver {
            packet: packet.expect("an `Arc` is not null"),
            counted: true,
        }
    }

    /// Whether it is a future's.
    pub(super) fn is_counted(&self) -> bool {
        self.counted
    }

    /// Marks the receiver as in flight if it is a future; whether it is.
    ///
    /// # Safety
    ///
    /// The receiver's node is in the list, whose lock is held.
    pub(super) unsafe fn count(&self) -> bool {
        // SAFETY: (R6) as promised by the caller.
        unsafe { self.packet.as_ref() }.in_flight.set(self.counted);
        self.counted
    }

    /// Takes that back.
    ///
    /// # Safety
    ///
    /// As for [`count`](WaitingReceiver::count).
    pub(super) unsafe fn discount(&self) {
        // SAFETY: (R6) as promised by the caller.
        unsafe { self.packet.as_ref() }.in_flight.set(false);
    }

    /// The packet, for a claim on the receiver.
    ///
    /// # Safety
    ///
    /// The receiver's node is in the list, whose lock is held; and if the packet is in a frame, the
    /// receiver is claimed.
    pub(super) unsafe fn claimed_packet(&self) -> ClaimedPacket<T> {
        match self.counted {
            false => ClaimedPacket::InFrame(self.packet),
            // SAFETY: (R6) the future holds its packet while its node is in the list.
            true => unsafe {
                Arc::increment_strong_count(self.packet.as_ptr());
                ClaimedPacket::OfFuture(Arc::from_raw(self.packet.as_ptr()))
            },
        }
    }
}

/// The packet of a receiver that is claimed.
pub(super) enum ClaimedPacket<T> {
    /// It stays until the claim is given up.
    InFrame(NonNull<Packet<T>>),
    /// It is counted.
    OfFuture(Arc<Packet<T>>),
}

/// The right to pass a message to one receiver, which waits for nothing else.
pub(super) struct Claim<T> {
    packet: ClaimedPacket<T>,
    /// Gone when it has been fired.
    wake: Option<Wake>,
}

// SAFETY: (R6) a claim may be used on any thread; what it gives to the receiver is a message.
unsafe impl<T: Send> Send for Claim<T> {}

impl<T> Claim<T> {
    /// The claim on the receiver that has this packet and is woken by `wake`.
    pub(super) fn new(packet: ClaimedPacket<T>, wake: Wake) -> Claim<T> {
        Claim {
            packet,
            wake: Some(wake),
        }
    }

    /// Drops the claim without waking the receiver, which goes on by itself.
    pub(super) fn retract(mut self) {
        self.wake = None;
    }

    /// The packet.
    ///
    /// # Safety
    ///
    /// The claim has not been given up.
    pub(super) unsafe fn packet(&self) -> &Packet<T> {
        match &self.packet {
            // SAFETY: (R6) the receiver and its packet stay where they are until the claim is given
            // up.
            ClaimedPacket::InFrame(packet) => unsafe { packet.as_ref() },
            ClaimedPacket::OfFuture(packet) => packet,
        }
    }

    /// Gives the claim up.
    ///
    /// # Errors
    ///
    /// If the receiver was a future, which has been dropped: what it leaves.
    pub(super) fn give_up(&mut self) -> Result<(), Leftover<T>> {
        let Some(wake) = self.wake.take() else {
            return Ok(());
        };
        // SAFETY: (R6) it is given up by this swap, after which a thread may go on, and its packet
        // may be gone.
        let before = unsafe { self.packet() }.claim.swap(FREE, Ordering::AcqRel);
        wake.release();
        wake.fire();
        match &self.packet {
            ClaimedPacket::OfFuture(packet) if before == LEFT => Err(Leftover(packet.take())),
            _ => Ok(()),
        }
    }
}

impl<T> Drop for Claim<T> {
    fn drop(&mut self) {
        // Claims on futures are in a `Claimed`, which has given them up.
        drop(self.give_up());
    }
}

/// The contents of the packet of a future that was dropped after it was given a message, or claimed
/// for one.
#[must_use = "others wait until it is settled"]
pub(super) struct Leftover<T>(pub(super) Option<T>);

/// What a select that sends waits with: a slot for the claim on the receiver that finds it.
pub(super) struct ClaimSlot<T>(Cell<Option<Claim<T>>>);

impl<T> ClaimSlot<T> {
    /// An empty slot.
    pub(super) fn new() -> ClaimSlot<T> {
        ClaimSlot(Cell::new(None))
    }

    /// Puts a claim in. Under the lock.
    pub(super) fn put(&self, claim: Claim<T>) {
        self.0.set(Some(claim));
    }

    /// Takes the claim, if there is one.
    pub(super) fn take(&self) -> Option<Claim<T>> {
        self.0.take()
    }
}

/// What a sender waits with.
pub(super) enum WaitingSender<T> {
    /// The message.
    Message(NonNull<Packet<T>>),
    /// A select's slot for a claim; its message is made afterwards.
    Claim(NonNull<ClaimSlot<T>>),
}

// As above.
impl<T> Clone for WaitingSender<T> {
    fn clone(&self) -> WaitingSender<T> {
        *self
    }
}

impl<T> Copy for WaitingSender<T> {}
