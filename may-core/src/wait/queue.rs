//! The queue of those that wait for one thing: a lock of a few instructions, a list of nodes, and a
//! count.
//!
//! Who may touch a node, and when:
//!
//! * A node is linked and unlinked under the queue's lock only. The waiter withdraws it under that
//!   lock before its frame goes. So a node that is found in the list under the lock is live.
//! * A committer takes the node out *before* its compare-and-swap, and does not touch it after one
//!   that succeeded: the waiter may be gone the next instant. If it fails, the wait had ended some
//!   other way, and the waiter finds its node unlinked when it comes to withdraw it.
//! * One queue lock is held at a time, and no user code runs under it; the wake-up is fired after
//!   the lock is left. (Under that of a condition variable the queue of its mutex is locked, and
//!   never the other way round.)
//! * First in, first out. A waiter that was woken in vain goes back to where it stood ([`Seat`]). A
//!   waiter whose worker is stuck in a computation is passed over for one that can use the wake-up
//!   now, if there is one near the front ([`WaitList::wake_first`]).
//!
//! *Grants.* Waiters of most primitives are woken and try again, because a caller that runs is
//! faster than one that has to be switched to. A caller that takes a thing, waits while it has it,
//! gives it back and takes it again would be faster each time. So now and then a waiter that has
//! come back to its seat is woken with a *grant* ([`WaitList::call_first`]): the primitive keeps
//! what the waiter waits for, and the waiter takes it when it runs, or gives it back if it no
//! longer wants it. There is one grant in half a millisecond at most in each list, so a grant costs
//! nothing where no holder keeps a thing for long. The waiter that has waited longest gets it, so
//! callers that compete for long have equal turns.
//!
//! `waiting` repeats the length of the list outside the lock, so that a side that has no waiter to
//! wake pays for a fence and a load only.

use std::fmt;
use std::pin::Pin;
use std::ptr::NonNull;

use super::node::{Node, Seat};
use super::waiter::{Waiter, Wake, Wakes};
use crate::prim::{AtomicUsize, Ordering, fence};
use crate::util::list::List;
use crate::util::spin::SpinLock;

/// The list of a queue, for the holder of the lock that guards it.
///
/// Primitives that have a lock of their own around their state put this inside it: looking at the
/// state and registering, or changing it and committing, are then one step.
///
/// `D` is what the nodes tell of their waits.
pub(crate) struct WaitList<D = ()> {
    nodes: List<Node<D>>,
    /// The seat of the waiter that came last.
    last_seat: u64,
    /// When the next waiter may be woken with a grant.
    next_grant: u64,
}

/// How many waiters are looked at for one whose worker is not stuck.
const LOOK_AT: usize = 8;
/// How many waiters from either end are looked at for the place of one that goes back to its seat.
const OVERTAKE: usize = 64;

impl<D> WaitList<D> {
    /// An empty list.
    pub(crate) const fn new() -> WaitList<D> {
        WaitList {
            nodes: List::new(),
            last_seat: Seat::AHEAD.0,
            next_grant: 0,
        }
    }

    /// Whether the list is empty.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// What the node at the front tells.
    #[inline]
    pub(crate) fn first(&self) -> Option<&D> {
        // SAFETY: (I2) the lock is held, so a node in the list is alive.
        self.nodes
            .front()
            .map(|node| unsafe { &node.as_ref().data })
    }

    /// Whether a waiter other than `waiter` is in the list.
    pub(crate) fn has_other_than(&self, waiter: Waiter) -> bool {
        let mut node = self.nodes.front();
        while let Some(other) = node {
            // SAFETY: (I2) the lock is held, so nodes in the list are alive.
            unsafe {
                if other.as_ref().waiter != waiter {
                    return true;
                }
                node = self.nodes.next(other);
            }
        }
        false
    }

    /// The seat of the node at the front.
    fn first_seat(&self) -> Option<u64> {
        // SAFETY: (I2) the lock is held, so a node in the list is alive.
        self.nodes
            .front()
            .map(|node| unsafe { node.as_ref() }.seat.get())
    }

    /// Whether an operation with this seat comes before all that wait.
    pub(crate) fn is_next(&self, seat: Seat) -> bool {
        let seat = match seat {
            Seat::NEW => u64::MAX,
            Seat(seat) => seat,
        };
        self.first_seat().is_none_or(|first| seat < first)
    }

    /// Links `node` at the end, or where it stood before.
    ///
    /// # Safety
    ///
    /// The node's wait is open, the node is in no list, and the waiter withdraws it before it goes
    /// away.
    #[inline]
    pub(crate) unsafe fn register(&mut self, node: Pin<&Node<D>>) {
        node.queued.set(true);
        let place = match node.seat.get() {
            0 => {
                self.last_seat += 1;
                node.seat.set(self.last_seat);
                None
            }
            // SAFETY: (I2) the list's lock is held, as this is borrowed mutably.
            seat => unsafe { self.first_behind(seat) },
        };
        // SAFETY: (I2) the node is pinned, the caller withdraws it, and the list's lock is held.
        unsafe { self.nodes.insert_before(place, NonNull::from(&*node)) };
    }

    /// The node before which one with `seat` belongs; the end if there is none.
    ///
    /// # Safety
    ///
    /// The list's lock is held.
    #[cold]
    unsafe fn first_behind(&self, seat: u64) -> Option<NonNull<Node<D>>> {
        // One that was woken alone stood at the front, one of many that were woken together may be
        // anywhere: so from both ends.
        let mut front = self.nodes.front();
        let (mut behind, mut before) = (None, self.nodes.back());
        for _ in 0..OVERTAKE {
            // SAFETY: (I2) the lock is held, so nodes in the list are alive.
            unsafe {
                match front {
                    Some(node) if node.as_ref().seat.get() <= seat => front = self.nodes.next(node),
                    _ => return front,
                }
                match before {
                    Some(node) if node.as_ref().seat.get() > seat => {
                        behind = before;
                        before = self.nodes.previous(node);
                    }
                    _ => break,
                }
            }
        }
        behind
    }

    /// Takes `node` out if it is still there; true if it was. Waiter only; after this the node may
    /// go away.
    ///
    /// # Safety
    ///
    /// If the node was registered, then in this list.
    pub(crate) unsafe fn withdraw(&mut self, node: Pin<&Node<D>>) -> bool {
        let queued = node.queued.replace(false);
        if queued {
            // SAFETY: (I2) `queued` says that the node is in this list, and its lock is held.
            unsafe { self.nodes.remove(NonNull::from(&*node)) };
        }
        queued
    }

    /// Takes a node out and ends its wait, first of those whose workers can run them soon; `None`
    /// in place of the wake-up if that had ended in another way. The outer `None` says that the
    /// list is empty.
    ///
    /// `offer` is called before, so that the waiter finds what it does as soon as it goes on, and
    /// `retract` if the wait had ended: between the two the waiter cannot look, since it withdraws
    /// its node under the list's lock first.
    #[inline]
    pub(crate) fn offer_first(
        &mut self,
        offer: impl FnOnce(&D),
        retract: impl FnOnce(&D),
    ) -> Option<Option<Wake>> {
        let node = self.front_of_those_who_can_run()?;
        // SAFETY: (I2) the node is in the list, whose lock is held.
        Some(unsafe { self.commit(node, offer, retract, false) })
    }

    /// As [`offer_first`](WaitList::offer_first), for something that the caller has yet to make:
    /// the waiter is woken when that is done, and a future that is polled before finds itself held
    /// ([`Wake::release`]).
    pub(crate) fn claim_first(
        &mut self,
        offer: impl FnOnce(&D),
        retract: impl FnOnce(&D),
    ) -> Option<Option<Wake>> {
        let node = self.front_of_those_who_can_run()?;
        // SAFETY: (I2) the node is in the list, whose lock is held.
        Some(unsafe { self.commit(node, offer, retract, true) })
    }

    /// As [`offer_first`](WaitList::offer_first), strictly in the order in which the waiters came.
    pub(crate) fn offer_front(
        &mut self,
        offer: impl FnOnce(&D),
        retract: impl FnOnce(&D),
    ) -> Option<Option<Wake>> {
        let node = self.nodes.front()?;
        // SAFETY: (I2) the node is in the list, whose lock is held.
        Some(unsafe { self.commit(node, offer, retract, false) })
    }

    /// As [`offer_front`](WaitList::offer_front), with nothing to offer but the end of the wait.
    pub(crate) fn grant_first(&mut self) -> Option<Option<Wake>> {
        self.offer_front(|_| {}, |_| {})
    }

    /// The seat of the waiter that came last. One that comes, or comes back after
    /// [`wake_until`](WaitList::wake_until), has a later one.
    pub(crate) fn last_seat(&self) -> u64 {
        self.last_seat
    }

    /// Ends the waits of those with seats up to `last`, as far as there is room for the wake-ups;
    /// returns how many nodes were taken out.
    pub(crate) fn wake_until(&mut self, last: u64, wakes: &mut Wakes) -> usize {
        let mut taken = 0;
        while !wakes.is_full() && self.first_seat().is_some_and(|seat| seat <= last) {
            taken += 1;
            if let Some(wake) = self.dismiss_first().flatten() {
                wakes.push(wake);
            }
        }
        taken
    }

    /// As [`grant_first`](WaitList::grant_first), but if the waiter comes back it stands at the
    /// end.
    fn dismiss_first(&mut self) -> Option<Option<Wake>> {
        let node = self.nodes.front()?;
        // SAFETY: (I2) the lock is held, so a node in the list is alive.
        unsafe { node.as_ref() }.seat.set(0);
        self.grant_first()
    }

    /// Ends the wait of the first waiter, first of those whose workers can run them soon, and
    /// returns the wake-up, which is fired after the lock is left; and how many nodes were taken
    /// out on the way.
    ///
    /// For primitives whose waiters try again when they are woken, so that it does not matter who
    /// is.
    #[inline]
    pub(crate) fn wake_first(&mut self) -> (Option<Wake>, usize) {
        let mut taken = 0;
        while let Some(node) = self.front_of_those_who_can_run() {
            taken += 1;
            // SAFETY: (I2) the node is in the list, whose lock is held.
            if let Some(wake) = unsafe { self.commit(node, |_| {}, |_| {}, false) } {
                return (Some(wake), taken);
            }
        }
        (None, taken)
    }

    /// As [`wake_first`](WaitList::wake_first), but the waiter may get a grant, if it has waited in
    /// vain before. Then `grant` is called, after the wait has ended: it keeps what the waiter
    /// waits for, and the waiter learns of it by its entry.
    #[inline]
    pub(crate) fn call_first(&mut self, grant: impl FnOnce()) -> Option<Wake> {
        while let Some(node) = self.front_of_those_who_can_run() {
            // SAFETY: (I2) the lock is held, so a node in the list is alive.
            let again = cfg!(may_loom) || unsafe { node.as_ref() }.again;
            // SAFETY: (I2) the node is in the list, whose lock is held.
            let granted = again && unsafe { self.is_time_for(node) };
            // SAFETY: (I2) as above.
            let wake = unsafe { self.call(node, granted, |_| {}, |_| {}) };
            if wake.is_some() {
                if granted {
                    grant();
                }
                return wake;
            }
        }
        None
    }

    /// Ends the wait of the first waiter, if it has [`Seat::AHEAD`].
    pub(crate) fn wake_first_ahead(&mut self) -> Option<Wake> {
        while self.first_seat() == Some(Seat::AHEAD.0) {
            if let wake @ Some(_) = self.grant_first().flatten() {
                return wake;
            }
        }
        None
    }

    /// Whether it is time for a grant, and the waiter can run, so that what is kept for it is not
    /// kept for long.
    ///
    /// # Safety
    ///
    /// The node is in this list.
    #[inline]
    unsafe fn is_time_for(&mut self, node: NonNull<Node<D>>) -> bool {
        // SAFETY: (I2) the list's lock is held, so a node in the list is alive, and so is its
        // waiter.
        fairness::is_time(&mut self.next_grant) && !unsafe { node.as_ref().waiter.is_held_up() }
    }

    /// Takes `node` out and ends its wait, with a grant if `granted`: that is made by `offer`
    /// before and, if the wait had ended otherwise, taken back by `retract`.
    ///
    /// # Safety
    ///
    /// The node is in this list.
    #[inline]
    unsafe fn call(
        &mut self,
        node: NonNull<Node<D>>,
        granted: bool,
        offer: impl FnOnce(&D),
        retract: impl FnOnce(&D),
    ) -> Option<Wake> {
        // SAFETY: (I2) the node is in the list, whose lock is held, so it is alive until its wait
        // is ended; if that fails it had ended otherwise, and the waiter still has to withdraw it
        // under the lock.
        unsafe {
            let make = |data: &D| {
                if granted {
                    node.as_ref().granted.set(true);
                    offer(data);
                }
            };
            let take_back = |data: &D| {
                if granted {
                    node.as_ref().granted.set(false);
                    retract(data);
                }
            };
            self.commit(node, make, take_back, false)
        }
    }

    /// The first node whose waiter is not held up by another coroutine of its worker, or the first
    /// of all.
    #[inline]
    fn front_of_those_who_can_run(&self) -> Option<NonNull<Node<D>>> {
        let front = self.nodes.front()?;
        // With one waiter, which is the usual case, there is nothing to choose.
        if self.nodes.back() == Some(front) {
            return Some(front);
        }
        // SAFETY: (I2) the lock is held, so nodes in the list are alive, and so are their waiters.
        unsafe {
            let mut node = front;
            for _ in 0..LOOK_AT {
                if !node.as_ref().waiter.is_held_up() {
                    return Some(node);
                }
                let Some(next) = self.nodes.next(node) else {
                    break;
                };
                node = next;
            }
        }
        Some(front)
    }

    /// Takes `node` out and ends its wait, between `offer` and, if that fails, `retract`. `claims`
    /// says that the caller is to make what the waiter is woken for.
    ///
    /// # Safety
    ///
    /// The node is in this list.
    #[inline]
    unsafe fn commit(
        &mut self,
        node: NonNull<Node<D>>,
        offer: impl FnOnce(&D),
        retract: impl FnOnce(&D),
        claims: bool,
    ) -> Option<Wake> {
        // SAFETY: (I2) the lock is held, so a node in the list is alive until it is unlinked here,
        // and until its wait is ended; nothing of it is used after that.
        unsafe {
            self.nodes.remove(node);
            let node = node.as_ref();
            node.queued.set(false);
            let wake = node.waiter.wake();
            offer(&node.data);
            let word = node.waiter.word();
            let held = claims && wake.runs_user_code();
            let committed = match held {
                false => word.commit(node.ticket, node.arm),
                true => word.commit_held(node.ticket, node.arm),
            };
            if committed {
                return Some(wake);
            }
            retract(&node.data);
        }
        None
    }
}

/// When there is a grant.
mod fairness {
    /// The time between two grants in nanoseconds, at least; at most it is twice as long.
    #[cfg(not(may_loom))]
    const AFTER: u64 = 1 << 18;

    #[cfg(not(may_loom))]
    pub(super) fn is_time(next_grant: &mut u64) -> bool {
        let now = crate::coroutine::home::recently();
        let is_time = *next_grant <= now;
        if is_time {
            // The low bits of the time are as good as random: a waiter with a rhythm of its own
            // gets its turn, too.
            *next_grant = now + AFTER + (now & (AFTER - 1));
        }
        is_time
    }

    /// The model checker has no time: the model says.
    #[cfg(may_loom)]
    pub(super) fn is_time(_: &mut u64) -> bool {
        crate::prim::GRANTS.get()
    }
}

impl<D> fmt::Debug for WaitList<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.nodes.fmt(f)
    }
}

/// A list with a lock of its own, for primitives whose state is atomics. See the module's
/// documentation.
///
/// `D` is what the nodes tell of their waits.
pub(crate) struct WaitQueue<D = ()> {
    nodes: SpinLock<WaitList<D>>,
    /// The number of nodes; written under the lock.
    waiting: AtomicUsize,
}

impl<D> WaitQueue<D> {
    /// A queue without waiters.
    #[cfg(not(may_loom))]
    pub(crate) const fn new() -> WaitQueue<D> {
        WaitQueue {
            nodes: SpinLock::new(WaitList::new()),
            waiting: AtomicUsize::new(0),
        }
    }

    /// A queue without waiters.
    #[cfg(may_loom)]
    pub(crate) fn new() -> WaitQueue<D> {
        WaitQueue {
            nodes: SpinLock::new(WaitList::new()),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Whether the queue has no waiters. Meaningful to a side that has made its change and issued a
    /// fence, or as a hint.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) == 0
    }

    /// Links `node` at the end.
    ///
    /// # Safety
    ///
    /// As for [`WaitList::register`].
    pub(crate) unsafe fn register(&self, node: Pin<&Node<D>>) {
        let mut nodes = self.nodes.lock();
        // SAFETY: (I2) as promised by the caller.
        unsafe { nodes.register(node) };
        self.waiting
            .store(self.waiting.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// Makes sure that `node` is in no list any more. Waiter only; after this the node may go away.
    ///
    /// # Safety
    ///
    /// As for [`WaitList::withdraw`].
    pub(crate) unsafe fn withdraw(&self, node: Pin<&Node<D>>) {
        let mut nodes = self.nodes.lock();
        // SAFETY: (I2) as promised by the caller.
        let withdrawn = unsafe { nodes.withdraw(node) };
        self.count_down(usize::from(withdrawn));
    }

    /// Puts `other` in the place of `node`, if that is in the queue; false if it is not. Waiter
    /// only; after this `node` may go away.
    ///
    /// # Safety
    ///
    /// As for [`WaitList::withdraw`] of `node`, and as for [`WaitList::register`] of `other`.
    pub(crate) unsafe fn exchange(&self, node: Pin<&Node<D>>, other: Pin<&Node<D>>) -> bool {
        let mut nodes = self.nodes.lock();
        // SAFETY: (I2) as promised by the caller.
        unsafe {
            let waits = nodes.withdraw(node);
            if waits {
                other.seat.set(node.seat.get());
                nodes.register(other);
            }
            waits
        }
    }

    /// Ends the wait of the waiter that has waited longest, and wakes it; false if there is none.
    ///
    /// The caller has made the change that the waiters wait for.
    #[inline]
    pub(crate) fn wake_one(&self) -> bool {
        // Pairs with the fence of a waiter between registering and looking once more.
        fence(Ordering::SeqCst);
        !self.is_empty() && self.wake_first()
    }

    /// As [`WaitQueue::wake_one`], for a caller that has issued a fence after its change.
    #[inline]
    pub(crate) fn wake_one_after_fence(&self) -> bool {
        !self.is_empty() && self.wake_first()
    }

    /// The half of [`WaitQueue::wake_one`] that runs if there are waiters.
    fn wake_first(&self) -> bool {
        let mut nodes = self.nodes.lock();
        let (wake, taken) = nodes.wake_first();
        self.count_down(taken);
        drop(nodes);
        wake.map(Wake::fire).is_some()
    }

    /// As [`WaitQueue::wake_one`], but the waiter may get a grant: `offer` makes it and `retract`
    /// takes it back, and returns a waiter to wake for that. Both run under the lock.
    ///
    /// This needs no fence, unlike [`WaitQueue::wake_one`]: the caller has made its change under a
    /// lock that the waiters hold when they register.
    pub(crate) fn call_one(
        &self,
        offer: impl Fn(&D),
        retract: impl Fn(&D) -> Option<Wake>,
    ) -> bool {
        while !self.is_empty() {
            let mut nodes = self.nodes.lock();
            let Some(node) = nodes.front_of_those_who_can_run() else {
                break;
            };
            let mut other = None;
            let retract = |data: &D| other = retract(data);
            // SAFETY: (I2) the node is in the list, whose lock is held.
            let wake = unsafe {
                let granted = nodes.is_time_for(node);
                nodes.call(node, granted, &offer, retract)
            };
            self.count_down(1);
            drop(nodes);
            if let Some(wake) = other {
                wake.fire();
            }
            if let Some(wake) = wake {
                wake.fire();
                return true;
            }
        }
        false
    }

    /// Ends the wait of all that wait now, and wakes them; returns how many.
    ///
    /// Their seats are theirs no longer: one that went back to its seat would be in front of those
    /// that wait now, and this would not end.
    ///
    /// The caller has made the change that the waiters wait for.
    pub(crate) fn wake_all(&self) -> usize {
        fence(Ordering::SeqCst);
        let mut woken = 0;
        if self.is_empty() {
            return woken;
        }
        let nodes = self.nodes.lock();
        let last = nodes.last_seat();
        Wakes::fire_all(&self.nodes, nodes, |nodes, wakes| {
            self.count_down(nodes.wake_until(last, wakes));
            woken += wakes.len();
        });
        woken
    }

    /// Counts nodes that were taken out. Under the lock.
    #[inline]
    fn count_down(&self, nodes: usize) {
        self.waiting.store(
            self.waiting.load(Ordering::Relaxed) - nodes,
            Ordering::Relaxed,
        );
    }
}

impl<D> fmt::Debug for WaitQueue<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitQueue")
            .field("waiting", &self.waiting.load(Ordering::Relaxed))
            .finish()
    }
}
