//! The loop of a worker, on one page.
//!
//! ```text
//!   round:        take the inbox · start up to 8 coroutines · resume up to 64
//!   maintenance:  every so many switches: timers, poll, stealing
//!   idle:         nothing to run: spin a little, search or sleep (idle.rs)
//! ```
//!
//! A worker counts the switches between two times of maintenance, and adapts their number so that
//! about [`MAINTENANCE_PERIOD`] passes: a clock read and a poll per switch would double the cost of
//! a yield, and coroutines that run long between switches must not keep timers and sockets waiting.
//! The number may be wrong for what runs now. So the worker also reads the clock after a full
//! round, and when a coroutine has spent its budget.

use std::cell::RefCell;
use std::ptr::NonNull;
use std::time::Duration;

use super::local::Local;
use super::queues::{StealResult, Unstarted};
use super::siblings::Siblings;
use crate::coroutine::header::{Header, flag};
use crate::coroutine::strand::Awaited;
use crate::coroutine::unwinding;
use crate::queue::Fifo;
use crate::stack::{OutOfStacks, Stack};
use crate::util::clock::{self, Deadline};
use crate::wait::Timeout;

use std::sync::atomic::Ordering;

/// Coroutines started in one round.
const STARTS_PER_ROUND: u32 = 8;
/// Coroutines resumed in one round.
const SWITCHES_PER_ROUND: u32 = 64;
/// As how many switches a start counts: it may have to touch a fresh stack.
const START_WEIGHT: u32 = 32;
/// Every how many starts the oldest coroutine of the deque has its turn.
const OLDEST_EVERY: u32 = 61;
/// The time between two times of maintenance, as long as there is something to run.
const MAINTENANCE_PERIOD: Duration = Duration::from_micros(100);
/// The most switches between two times of maintenance.
const MAX_INTERVAL: u32 = 1024;
/// How long a worker without anything to do looks for work before it sleeps.
const SPIN: Duration = Duration::from_micros(10);
/// How long a worker sleeps before it gives memory back.
const TRIM_AFTER: Duration = Duration::from_millis(100);
/// How long unstarted coroutines wait for a stack to come back, after the last one did.
const STACK_TIMEOUT: Duration = Duration::from_secs(1);
/// The first pause of the searcher, and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_micros(10), Duration::from_micros(500));

impl Local {
    /// Works until the runtime stops.
    pub(super) fn work(&self) {
        loop {
            let worked = self.round();
            if self.shared.is_stopping() && self.stop() {
                return;
            }
            if self.switches.get() >= self.interval.get() {
                self.maintain();
            } else if !worked {
                self.idle();
            }
        }
    }

    /// One round; false if there was nothing to do.
    #[inline]
    fn round(&self) -> bool {
        self.take_inbox();
        let mut starts = 0;
        while starts < STARTS_PER_ROUND
            && let Some(coroutine) = self.next_unstarted()
        {
            self.start(coroutine.0);
            starts += 1;
            if self.siblings.get().is_some_and(Siblings::are_a_group) {
                self.share();
            }
        }
        let mut switches = 0;
        while switches < self.interval.get().min(SWITCHES_PER_ROUND)
            && let Some(coroutine) = self.home.runnable().pop()
        {
            self.run_one(coroutine);
            switches += 1;
        }
        if switches == SWITCHES_PER_ROUND {
            self.check_maintenance();
        }
        self.switches
            .set(self.switches.get() + starts * START_WEIGHT + switches);
        starts + switches > 0
    }

    /// Queues the coroutines that other threads have woken.
    #[inline]
    fn take_inbox(&self) {
        if !self.home.inbox().is_empty() {
            self.home
                .inbox()
                .take_all(|coroutine| self.enqueue(coroutine));
        }
    }

    /// Tells the others how many coroutines live here.
    #[inline]
    fn publish_live(&self) {
        self.peer()
            .live
            .store(self.live_count.get(), Ordering::Relaxed);
    }

    /// Takes the unstarted coroutine to start next: mostly the newest of the own deque.
    #[inline]
    fn next_unstarted(&self) -> Option<Unstarted> {
        let starts = self.starts.get().wrapping_add(1);
        self.starts.set(starts);
        if starts.is_multiple_of(OLDEST_EVERY)
            && let Some(coroutine) = self.peer().queues.take_oldest()
        {
            return Some(coroutine);
        }
        if let newest @ Some(_) = self.deque.pop() {
            return newest;
        }
        self.siblings.set(None);
        let assigned = self.peer().queues.take_assigned();
        assigned.or_else(|| self.shared.take_global(self.index, &self.deque))
    }

    /// Gives workers that have nothing to do their part of the unstarted coroutines, because those
    /// that were started just before are a group: what is like them would live here, too. The
    /// oldest go.
    #[cold]
    fn share(&self) {
        let left = self.deque.len();
        if left == 0 || self.shared.workers() == 1 || self.shared.is_stopping() {
            return;
        }
        let idle = self.shared.idle_peers(self.index).count();
        if idle == 0 {
            return;
        }
        let part = self.siblings.get().unwrap_or_default().part(left, idle);
        // Others may have become idle since; the parts are for those that were counted.
        for peer in self.shared.idle_peers(self.index).take(idle) {
            let queues = &self.peer().queues;
            let given = (0..part).map_while(|_| queues.take_oldest());
            if given.map(|oldest| peer.queues.assign(oldest)).count() == 0 {
                return;
            }
            if !peer.home.wake_if_asleep() {
                // It may have come to run something by now, which may keep it from looking.
                self.shared.wake_searcher();
            }
        }
    }

    /// Runs what was queued: a suspended coroutine, or an unstarted one that is bound to this
    /// worker.
    #[inline(always)]
    fn run_one(&self, coroutine: NonNull<Header>) {
        // SAFETY: (R1) what is queued has not ended, so the runtime's reference keeps it.
        if unsafe { coroutine.as_ref() }.has_started() {
            self.resume(coroutine);
        } else {
            self.start(coroutine);
        }
    }

    /// Starts a coroutine, as soon as there is a stack for it.
    fn start(&self, coroutine: NonNull<Header>) {
        // SAFETY: (R1) as above.
        let header = unsafe { coroutine.as_ref() };
        if self.shared.is_stopping() {
            header
                .strand
                .flags
                .fetch_or(flag::CANCELLED, Ordering::Relaxed);
        }
        match self.stacks.take(header.stack_size()) {
            Ok(stack) => self.start_on(coroutine, stack),
            Err(error) => self.start_without(coroutine, error),
        }
    }

    #[inline]
    fn start_on(&self, coroutine: NonNull<Header>, stack: Stack) {
        // SAFETY: (I1) the coroutine is in no queue, so it is this worker's from here on. A
        // reference to the list ends within the statement.
        unsafe {
            coroutine.as_ref().settle(&self.home);
            (*self.live.get()).push_back(coroutine);
            Header::prepare(coroutine, stack);
        }
        self.live_count.set(self.live_count.get() + 1);
        // At once, since it may compute for long.
        self.publish_live();
        let siblings = self.siblings.get().unwrap_or_default();
        self.siblings.set(Some(siblings));
        if self.resume(coroutine) && self.siblings.get().is_some() {
            // SAFETY: (R1) a coroutine that has suspended has not ended, so the runtime's reference
            // keeps it; and this is its worker.
            let awaited = unsafe { coroutine.as_ref().strand.waits_for() };
            self.siblings.set(Some(siblings.and(awaited)));
        }
    }

    /// Queues a coroutine for which there is no stack until one comes back, if any of its size is
    /// out; ends it otherwise (R3).
    #[cold]
    fn start_without(&self, coroutine: NonNull<Header>, error: OutOfStacks) {
        // SAFETY: (R1) the runtime's reference keeps the coroutine.
        let size = unsafe { coroutine.as_ref() }.stack_size();
        if self.shared.is_stopping() {
            self.end_unstarted(coroutine, None);
        } else if self.stacks.may_come_back(size) {
            if self.awaiting_stack.is_empty() {
                self.restart_stack_timeout();
            }
            // SAFETY: (I1) this is the owner's thread, and the coroutine is in no queue.
            unsafe { self.awaiting_stack.push(coroutine) };
        } else {
            self.end_unstarted(coroutine, Some(error));
        }
    }

    /// Ends an unstarted coroutine that has no stack or is cancelled, on the stack that is kept
    /// back for this. Its closure is dropped.
    #[cold]
    fn end_unstarted(&self, coroutine: NonNull<Header>, error: Option<OutOfStacks>) {
        self.stack_error.set(error);
        let reason = error.map_or(0, |_| flag::OUT_OF_STACKS);
        // SAFETY: (R1) the runtime's reference keeps the coroutine.
        unsafe { coroutine.as_ref() }
            .strand
            .flags
            .fetch_or(flag::CANCELLED | reason, Ordering::Relaxed);
        match self.stacks.take_reserved() {
            Some(stack) => self.start_on(coroutine, stack),
            // Only the closure's destructor runs; if there is no stack at all, the worker's must
            // do.
            // SAFETY: (R1) the coroutine is in no queue.
            None => unsafe { Header::run_unstarted(coroutine) },
        }
    }

    /// Lets the coroutines that wait for a stack wait for the whole time from now on.
    fn restart_stack_timeout(&self) {
        self.stack_deadline.set(Deadline::after(STACK_TIMEOUT));
    }

    /// Starts or ends the coroutines that wait for a stack, because none has come back for long.
    /// The coroutines that have the stacks may be waiting for these.
    #[cold]
    fn end_stack_waits(&self) {
        self.stack_deadline.set(Deadline::NEVER);
        while let Some(coroutine) = self.awaiting_stack.pop() {
            // SAFETY: (R1) the runtime's reference keeps the coroutine.
            match self.stacks.take(unsafe { coroutine.as_ref() }.stack_size()) {
                Ok(stack) => self.start_on(coroutine, stack),
                Err(error) => self.end_unstarted(coroutine, Some(error)),
            }
        }
    }

    /// Resumes a coroutine until it suspends or ends; whether it has suspended.
    ///
    /// Inlined into the loop, as what suspends is inlined into what blocks: the processor predicts
    /// a return by the last call it has seen, so each frame between a switch and the code around it
    /// costs a misprediction, and those cost more than the switch itself.
    #[inline(always)]
    fn resume(&self, coroutine: NonNull<Header>) -> bool {
        self.renew_budget();
        unwinding::note_resume();
        // SAFETY: (R1) the runtime's reference keeps the coroutine until `reclaim`.
        unsafe { coroutine.as_ref() }.put_panics_back();
        Header::set_current(Some(coroutine));
        // SAFETY: (I1) the coroutine is this worker's, in no queue, and has not ended.
        let ended = unsafe { Header::resume(coroutine) };
        Header::set_current(None);
        if ended {
            self.reclaim(coroutine);
        } else if std::thread::panicking() {
            // SAFETY: (R1) as above: a coroutine that has suspended has not ended.
            unsafe { coroutine.as_ref() }.take_panics();
        }
        !ended
    }

    /// Takes back what a coroutine had that has ended: its stack, and the runtime's reference.
    #[inline]
    fn reclaim(&self, coroutine: NonNull<Header>) {
        // SAFETY: (I3) the coroutine has returned from its first frame, so nothing of its stack is
        // in use; it was listed when it started; and the runtime's reference is given up here,
        // once.
        unsafe {
            (*self.live.get()).remove(coroutine);
            if let Some(stack) = Header::take_stack(coroutine) {
                self.stacks.give_back(stack);
            }
            Header::release_ended(coroutine);
        }
        self.live_count.set(self.live_count.get() - 1);
        self.publish_live();
        if let Some(coroutine) = self.awaiting_stack.pop() {
            self.restart_stack_timeout();
            // Not started from here, or a row of short ones would nest.
            self.enqueue(coroutine);
        }
    }

    /// Delivers the cancellations that had to wait because a coroutine was suspended while
    /// unwinding.
    #[inline]
    fn deliver_deferred(&self) {
        if unwinding::take_deferred() {
            self.for_each_live(|coroutine| {
                // SAFETY: (I1) listed coroutines have not ended.
                if unsafe { coroutine.as_ref() }.strand.has(flag::CANCELLED) {
                    Header::cancel(coroutine);
                }
            });
        }
    }

    /// Makes maintenance due if the last one was long ago. The number of switches in between was
    /// adapted to what ran before; what runs now may run longer. This reads the clock, so it is for
    /// after a full round, or a whole budget.
    #[cold]
    pub(crate) fn check_maintenance(&self) {
        if clock::now() - self.home.last_maintenance() > 2 * MAINTENANCE_PERIOD.as_nanos() as u64 {
            self.interval.set(1);
        }
    }

    /// Fires timers, polls and steals, while there is something to run.
    #[cold]
    fn maintain(&self) {
        self.deliver_deferred();
        let now = clock::now();
        let passed = now - self.home.last_maintenance();
        let interval = self.interval.get();
        if passed > 2 * MAINTENANCE_PERIOD.as_nanos() as u64 {
            self.interval.set((interval / 2).max(1));
        } else if passed < MAINTENANCE_PERIOD.as_nanos() as u64 {
            self.interval.set((interval * 2).min(MAX_INTERVAL));
        }
        self.switches.set(0);
        self.home.set_last_maintenance(now);
        self.fire_timers(now);
        if self.driver.has_sources() {
            self.driver.poll_now();
        }
        if self.shared.workers() > 1 {
            if self.deque.is_empty()
                && let StealResult::Success(coroutine) = self.steal(now)
            {
                self.start(coroutine.0);
            }
            if self.shared.idle.is_searcher(self.index) {
                self.stop_search();
            }
        }
    }

    /// Ends the waits whose deadline has passed.
    #[inline]
    fn fire_timers(&self, now: u64) {
        if self.stack_deadline.get().nanoseconds() <= now {
            self.end_stack_waits();
        }
        self.fire_deadlines(now);
    }

    /// The part of [`fire_timers`](Self::fire_timers) that runs no coroutine.
    #[inline]
    fn fire_deadlines(&self, now: u64) {
        // SAFETY: (I3) only timeouts are put into the wheel.
        self.wheel
            .advance(now, |entry| unsafe { Timeout::expire(entry) });
        self.alarms().fire(now);
    }

    /// Takes unstarted coroutines from another worker.
    fn steal(&self, now: u64) -> StealResult {
        let mine = self.live_count.get();
        let peers = &self.shared.peers;
        let first = self.random.below(peers.len());
        let mut too_young = false;
        for offset in 0..peers.len() {
            let victim = (first + offset) % peers.len();
            if victim == self.index {
                continue;
            }
            let victim = &peers[victim];
            let surplus = victim.load() as isize - mine as isize;
            match victim.queues.steal(&self.deque, surplus, now) {
                StealResult::Empty => {}
                StealResult::TooYoung => too_young = true,
                found => return found,
            }
        }
        if too_young {
            StealResult::TooYoung
        } else {
            StealResult::Empty
        }
    }

    /// Stops to be the searcher, if it is that, because there is something to run. If there is
    /// more, a sleeper searches on.
    fn stop_search(&self) {
        if self.shared.idle.stop_search(self.index) && self.shared.has_unstarted() {
            self.shared.wake_searcher();
        }
    }

    /// Whether the runtime has asked for something that this worker has not done yet.
    fn has_orders(&self) -> bool {
        // With nothing left the worker is to end, as soon as the global queue is empty. It is not
        // told of that.
        let stops = self.shared.is_stopping();
        (stops && (!self.cancelled.get() || self.live_count.get() == 0))
            || self.shared.is_abandoned()
    }

    /// Whether something has come to this worker.
    #[inline]
    fn has_work(&self) -> bool {
        !self.home.runnable().is_empty()
            || !self.home.inbox().is_empty()
            || self.peer().queues.assigned() > 0
            || self.has_orders()
    }

    /// Nothing to run: looks for work, then sleeps until there is some.
    #[cold]
    fn idle(&self) {
        self.deliver_deferred();
        let now = clock::now();
        self.switches.set(0);
        self.home.set_last_maintenance(now);
        self.fire_timers(now);
        if self.has_work() {
            return;
        }
        let searching = self.shared.workers() > 1 && self.shared.idle.start_search(self.index);
        // With sockets around, spinning would only take the processor from the peer that is to send
        // something.
        if self.shared.workers() > 1 && !self.driver.has_sources() && self.spin(searching, now) {
            return;
        }
        if self.let_peers_run() {
            if searching {
                self.stop_search();
            }
            return;
        }
        if searching && self.search() {
            return;
        }
        self.sleep();
    }

    /// Gives the processor to the peers of its sockets before it sleeps, if they are waiting for
    /// it; true if they have sent something.
    ///
    /// Where peers and workers share the processors, the next events come in one batch then, and
    /// not each with a sleep and a wake-up of its own: an echo server with two workers beside its
    /// client on two processors serves up to 1.7 times as many requests. Where no other thread
    /// waits for the processor this costs two short system calls.
    fn let_peers_run(&self) -> bool {
        if !self.driver.has_sources() {
            return false;
        }
        std::thread::yield_now();
        self.driver.poll_now();
        self.has_work()
    }

    /// Looks for work without pause for a little while; true if there is some.
    fn spin(&self, searching: bool, start: u64) -> bool {
        let mut now = start;
        while now - start < SPIN.as_nanos() as u64 {
            for _ in 0..16 {
                if self.has_work() {
                    if searching {
                        self.stop_search();
                    }
                    return true;
                }
                std::hint::spin_loop();
            }
            now = clock::now();
            if searching && self.find_unstarted(now).is_some() {
                return true;
            }
            if self.next_timer().nanoseconds() <= now {
                return false;
            }
        }
        false
    }

    /// Looks for an unstarted coroutine as the searcher. `Some` if it has found one: it has stopped
    /// to search then, and started the coroutine.
    fn find_unstarted(&self, now: u64) -> Option<()> {
        let coroutine = self
            .shared
            .take_global(self.index, &self.deque)
            .or_else(|| match self.steal(now) {
                StealResult::Success(coroutine) => Some(coroutine),
                StealResult::TooYoung | StealResult::Empty => None,
            })?;
        self.stop_search();
        self.start(coroutine.0);
        Some(())
    }

    /// Searches, with growing pauses; true if there is something to run, false if it is time to
    /// sleep.
    fn search(&self) -> bool {
        let mut pause = PAUSE.0;
        loop {
            if !self.shared.idle.start_search(self.index) {
                return false;
            }
            if self.find_unstarted(clock::now()).is_some() {
                return true;
            }
            if self.shared.idle.all_others_sleep(self.shared.workers())
                && !self.shared.has_unstarted()
            {
                return false;
            }
            self.home.sleep.announce();
            if !self.has_work() {
                let pause_ends = Deadline::after(pause);
                self.driver.sleep(self.next_timer().min(pause_ends));
            }
            self.home.sleep.end();
            let now = clock::now();
            self.home.set_last_maintenance(now);
            self.fire_timers(now);
            if self.has_work() {
                self.stop_search();
                return true;
            }
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    /// Sleeps until a coroutine is sent here, a timer or a socket is due, or this worker becomes
    /// the searcher.
    fn sleep(&self) {
        let idle = &self.shared.idle;
        idle.sleep(
            self.index,
            &self.home.sleep,
            || self.has_work(),
            || self.shared.has_unstarted(),
            || self.shared.wake_searcher(),
            || {
                // It is counted as sleeping.
                self.shared.waiters.wake_all();
                self.sleep_and_trim();
            },
        );
        let now = clock::now();
        self.home.set_last_maintenance(now);
        self.fire_timers(now);
        if idle.is_searcher(self.index)
            && self.find_unstarted(clock::now()).is_none()
            && self.has_work()
        {
            self.stop_search();
        }
    }

    /// Sleeps; if that lasts, gives memory back that is not needed soon, once, and sleeps on.
    fn sleep_and_trim(&self) {
        if !self.stacks.wants_trim() && !self.blocks.wants_trim() {
            return self.driver.sleep(self.next_timer());
        }
        let trim_at = Deadline::after(TRIM_AFTER);
        self.driver.sleep(self.next_timer().min(trim_at));
        // A sleep may end some milliseconds early, for the rest to be slept precisely; not worth it
        // here, and waiting for the rest would begin the whole time anew.
        if trim_at.remaining() <= Some(TRIM_AFTER / 10) {
            self.stacks.trim();
            self.blocks.trim();
        }
    }

    fn next_timer(&self) -> Deadline {
        self.next_deadline().min(self.stack_deadline.get())
    }

    fn next_deadline(&self) -> Deadline {
        let of_coroutines = self.wheel.next_deadline();
        of_coroutines
            .map_or(Deadline::NEVER, Deadline::from_nanoseconds)
            .min(self.alarms().first())
    }

    /// Serves the running coroutine alone, until it is sent home or it is `until`: others may not
    /// run, as it is in a panic hook. True if it was sent home; then it is in no queue.
    ///
    /// This is the worker's own code, on the stack of the coroutine.
    #[cold]
    pub(crate) fn attend(&self, coroutine: NonNull<Header>, until: Deadline) -> bool {
        Header::set_current(None);
        let sent_home = loop {
            if self.shared.idle.is_searcher(self.index) {
                self.stop_search();
            }
            self.take_inbox();
            if self.take_runnable(coroutine) {
                break true;
            }
            if until.has_elapsed() {
                break false;
            }
            self.home.sleep.announce();
            if self.home.inbox().is_empty() {
                self.driver.sleep(self.next_deadline().min(until));
            }
            self.home.sleep.end();
            self.fire_deadlines(clock::now());
        };
        Header::set_current(Some(coroutine));
        sent_home
    }

    /// Takes a coroutine out of the run queue, wherever it stands; false if it is not there.
    fn take_runnable(&self, coroutine: NonNull<Header>) -> bool {
        let mut found = false;
        let others = Fifo::new();
        while let Some(first) = self.home.runnable().pop() {
            if first == coroutine {
                found = true;
            } else {
                // SAFETY: (I1) this is the owner's thread, and it is in no queue now.
                unsafe { others.push(first) };
            }
        }
        while let Some(first) = others.pop() {
            self.enqueue(first);
        }
        found
    }

    /// The runtime stops: cancels what lives, once; true if nothing is left and the worker may end.
    #[cold]
    fn stop(&self) -> bool {
        if !self.cancelled.replace(true) {
            self.for_each_live(Header::cancel);
            while let Some(coroutine) = self.awaiting_stack.pop() {
                self.end_unstarted(coroutine, None);
            }
        }
        if self.shared.is_abandoned() && self.live_count.get() > 0 {
            self.end_all_unstarted();
            self.park_forever();
        }
        self.live_count.get() == 0
            && self.home.runnable().is_empty()
            && self.home.inbox().is_empty()
            && self.awaiting_stack.is_empty()
            && self.deque.is_empty()
            && self.peer().queues.is_empty()
            && !self.shared.has_global()
    }

    /// Ends the unstarted coroutines that lie here, so that their joins return: nothing will run
    /// here. What has started is given up, even if it could run on.
    fn end_all_unstarted(&self) {
        self.take_inbox();
        while let Some(coroutine) = self.home.runnable().pop() {
            // SAFETY: (R1) what is queued has not ended, so the runtime's reference keeps it.
            if !unsafe { coroutine.as_ref() }.has_started() {
                self.end_unstarted(coroutine, None);
            }
        }
        while let Some(Unstarted(coroutine)) = self.next_unstarted() {
            self.end_unstarted(coroutine, None);
        }
    }

    /// What the coroutines wait for that have started here and not ended, each with its number.
    pub(crate) fn waits(&self) -> Vec<(u64, Awaited)> {
        let waits = RefCell::new(Vec::new());
        self.for_each_live(|coroutine| {
            if Header::current() == Some(coroutine) {
                return;
            }
            // SAFETY: (I1) listed coroutines have not ended; this is the worker's thread, so all
            // but the caller are suspended.
            let (id, awaited) = unsafe {
                let header = coroutine.as_ref();
                (header.id(), header.strand.waits_for())
            };
            waits
                .borrow_mut()
                .extend(awaited.map(|awaited| (id, awaited)));
        });
        waits.into_inner()
    }

    /// Calls `f` for each coroutine that has started here and not ended. `f` does not run any of
    /// them.
    fn for_each_live(&self, f: impl Fn(NonNull<Header>)) {
        // SAFETY: (I1) this is the owner's thread, listed coroutines have not ended, and `f`
        // changes neither the list nor what is in it.
        unsafe {
            let mut next = (*self.live.get()).front();
            while let Some(coroutine) = next {
                next = (*self.live.get()).next(coroutine);
                f(coroutine);
            }
        }
    }

    /// Keeps stacks, timers and thread-locals of coroutines that were given up where they are (R9).
    fn park_forever(&self) -> ! {
        self.alarms().close();
        self.for_each_live(|coroutine| {
            // SAFETY: (R9) listed coroutines have not ended.
            let _ = unsafe { coroutine.as_ref() }.strand.word.abandon();
        });
        loop {
            std::thread::park();
        }
    }
}
