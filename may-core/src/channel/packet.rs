//! What waiters have in their frames while a message passes from one to the other
//! (`rendezvous.rs`): a sender's *packet* with its message, a receiver's with room for one, a
//! select's *promise* of one; and the *claim* on a receiver.
//!
//! Who may touch a packet, and when:
//!
//! * whoever holds the channel's lock, while the waiter's node is in the list;
//! * whoever has the claim on the waiter, until he gives it up (R6);
//! * otherwise the waiter, whose it is.

use std::cell::Cell;
use std::marker::PhantomPinned;
use std::ptr::NonNull;
use std::sync::Arc;

use crate::park;
use crate::prim::{AtomicU32, Ordering};
use crate::wait::Wake;

/// The place of one message in the frame of a waiter; whoever has the lock may touch it while the
/// waiter's node is in the list, and whoever has the claim on the waiter until he gives it up.
pub(super) struct Packet<T> {
    message: Cell<Option<T>>,
    /// Whether somebody has a claim on the waiter.
    claim: AtomicU32,
    /// Whether the future that has the packet is counted as one that has to look.
    in_flight: Cell<bool>,
    /// While it lies in a future others have pointers to it.
    _pinned: PhantomPinned,
}

// SAFETY: (R6) only one at a time touches a packet: whoever has the lock, the claimant, or the
// waiter.
unsafe impl<T: Send> Sync for Packet<T> {}

/// Nobody has a claim.
const FREE: u32 = 0;
/// Somebody has.
const CLAIMED: u32 = 1;
/// Somebody has, and the future whose packet it is was dropped.
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

    /// Whether somebody has a claim on the waiter.
    pub(super) fn is_claimed(&self) -> bool {
        // Acquire: whoever had the claim has put his message in before he gave it up.
        self.claim.load(Ordering::Acquire) == CLAIMED
    }

    /// Sets or clears the claim, under the lock.
    pub(super) fn set_claimed(&self, claimed: bool) {
        let claim = if claimed { CLAIMED } else { FREE };
        self.claim.store(claim, Ordering::Relaxed);
    }

    /// The message. The owner, while nobody else is at it.
    pub(super) fn message(&self) -> &Cell<Option<T>> {
        &self.message
    }

    /// Puts a message in. The owner, while nobody else is at it.
    pub(super) fn put(&self, message: T) {
        self.message.set(Some(message));
    }

    /// Takes what is in the packet. The owner, while nobody else is at it.
    pub(super) fn take(&self) -> Option<T> {
        self.message.take()
    }

    /// Takes what is in the packet after the wait was ended, as soon as there is no claim.
    pub(super) fn open(&self) -> Option<T> {
        if self.is_claimed() {
            // Only a thread gets here: it was not woken yet.
            park::wait_for_claimant(|| self.is_claimed());
        }
        self.message.take()
    }

    /// Has whoever has a claim on the future see to what it leaves, as it is dropped; false if
    /// nobody has.
    pub(super) fn leave_to_claimant(&self) -> bool {
        self.claim
            .compare_exchange(CLAIMED, LEFT, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// Counts the future no longer as one that has to look; whether it was counted. Its owner, when
    /// nobody has a claim.
    pub(super) fn land(&self) -> bool {
        self.in_flight.take()
    }

    /// Moves what is in `from` to `to`.
    ///
    /// # Safety
    ///
    /// Both packets are alive, and nobody else touches them.
    pub(super) unsafe fn pass(from: NonNull<Packet<T>>, to: NonNull<Packet<T>>) {
        // SAFETY: (I2) as promised by the caller.
        unsafe { to.as_ref().message.set(from.as_ref().message.take()) };
    }
}

/// Where a receiver that waits has its packet.
pub(super) struct Place<T> {
    pub(super) packet: NonNull<Packet<T>>,
    /// It is a future's, in an `Arc`, and not in a frame.
    counted: bool,
}

impl<T> Place<T> {
    /// The place in the frame of a receiver.
    pub(super) fn in_frame(packet: &Packet<T>) -> Place<T> {
        Place {
            packet: NonNull::from(packet),
            counted: false,
        }
    }

    pub(super) fn of_future(packet: &Arc<Packet<T>>) -> Place<T> {
        let packet = NonNull::new(Arc::as_ptr(packet).cast_mut());
        Place {
            packet: packet.expect("an `Arc` is not null"),
            counted: true,
        }
    }

    /// Whether it is that of a future.
    pub(super) fn is_counted(&self) -> bool {
        self.counted
    }

    /// Marks the receiver as one that has to look at what it is given, if it is a future; whether
    /// it is.
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
    /// As for [`count`](Place::count).
    pub(super) unsafe fn discount(&self) {
        // SAFETY: (R6) as promised by the caller.
        unsafe { self.packet.as_ref() }.in_flight.set(false);
    }

    /// What a claimant needs to get at the packet.
    ///
    /// # Safety
    ///
    /// The receiver's node is in the list, whose lock is held; and if the packet is in a frame, the
    /// receiver is claimed.
    pub(super) unsafe fn keep(&self) -> Kept<T> {
        match self.counted {
            false => Kept::InFrame(self.packet),
            // SAFETY: (R6) the future holds its packet while its node is in the list.
            true => unsafe {
                Arc::increment_strong_count(self.packet.as_ptr());
                Kept::OfFuture(Arc::from_raw(self.packet.as_ptr()))
            },
        }
    }
}

/// The packet of a receiver that is claimed.
pub(super) enum Kept<T> {
    /// It stays until the claim is given up.
    InFrame(NonNull<Packet<T>>),
    /// It is counted.
    OfFuture(Arc<Packet<T>>),
}

/// A receiver who waits for the message of whoever has this, and for nothing else.
pub(super) struct Claim<T> {
    packet: Kept<T>,
    /// Gone when it has been fired.
    wake: Option<Wake>,
}

// SAFETY: (R6) a claim may be used on any thread; what it gives to the receiver is a message.
unsafe impl<T: Send> Send for Claim<T> {}

impl<T> Claim<T> {
    /// The claim on whoever has this packet and is woken by this.
    pub(super) fn new(packet: Kept<T>, wake: Wake) -> Claim<T> {
        Claim {
            packet,
            wake: Some(wake),
        }
    }

    /// Has nobody woken when the claim goes, because whoever was claimed goes on.
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
            Kept::InFrame(packet) => unsafe { packet.as_ref() },
            Kept::OfFuture(packet) => packet,
        }
    }

    /// Gives the claim up.
    ///
    /// # Errors
    ///
    /// If the receiver was a future, which has been dropped: what it leaves.
    pub(super) fn give_up(&mut self) -> Result<(), Estate<T>> {
        let Some(wake) = self.wake.take() else {
            return Ok(());
        };
        // SAFETY: (R6) it is given up by this swap, after which a thread may go on, and its packet
        // may be gone.
        let before = unsafe { self.packet() }.claim.swap(FREE, Ordering::AcqRel);
        wake.release();
        wake.fire();
        match &self.packet {
            Kept::OfFuture(packet) if before == LEFT => Err(Estate(packet.take())),
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

/// What a future leaves behind that was dropped when it had been given a message, or was claimed
/// for one.
#[must_use = "others wait until it is settled"]
pub(super) struct Estate<T>(pub(super) Option<T>);

/// What a select that would send waits with: a place for the claim on the receiver that found it.
pub(super) struct Promise<T>(Cell<Option<Claim<T>>>);

impl<T> Promise<T> {
    /// A promise that nobody has found.
    pub(super) fn new() -> Promise<T> {
        Promise(Cell::new(None))
    }

    /// Leaves a claim there. Under the lock.
    pub(super) fn keep(&self, claim: Claim<T>) {
        self.0.set(Some(claim));
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
