//! The loop of a worker, on one page.
//!
//! ```text
//!   round:        take the inbox · start up to 8 seeds · resume up to 64 coroutines, or as many as there is patience for
//!   look around:  every so many switches, whatever is runnable: timers, poll, others' seeds
//!   idle:         nothing to run: spin a little, watch or sleep (idle.rs)
//! ```
//!
//! A worker looks around after a number of switches that it adapts so that about [`LOOK_AFTER`] passes in between: a clock
//! read and a poll per switch would double the cost of a yield, and coroutines that run long between switches must not
//! keep timers and sockets waiting. What it has learnt may be wrong by now, so a full round and a coroutine that has spent its
//! budget make it read the clock.

use std::ptr::NonNull;
use std::time::Duration;

use super::local::Local;
use super::seeds::{Robbed, Seed};
use crate::coroutine::header::{Header, flag};
use crate::coroutine::{current, unwinding};
use crate::queue::Fifo;
use crate::stack::{OutOfStacks, Stack};
use crate::util::clock::{self, Deadline};
use crate::wait::Timeout;

use std::sync::atomic::Ordering;

/// Seeds started in one round.
const SEEDS_PER_ROUND: u32 = 8;
/// Coroutines resumed in one round.
const SWITCHES_PER_ROUND: u32 = 64;
/// How many switches a start counts as when it comes to looking around: it may have to touch a fresh stack.
const START_WEIGHT: u32 = 32;
/// Every how many starts the oldest seed has its turn.
const OLDEST_EVERY: u32 = 61;
/// The time between two looks around, as long as there is something to run.
const LOOK_AFTER: Duration = Duration::from_micros(100);
/// The most switches between two looks around.
const MOST_PATIENCE: u32 = 1024;
/// How long a worker without anything to do looks for work before it sleeps.
const SPIN: Duration = Duration::from_micros(10);
/// How long a worker sleeps before it gives memory back.
const TRIM_AFTER: Duration = Duration::from_millis(100);
/// How long a seed without a stack waits for one to come back, from when the last one did.
const STACK_PATIENCE: Duration = Duration::from_secs(1);
/// The first pause of the watch, and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_micros(10), Duration::from_micros(500));

impl Local {
    /// Works until the runtime stops.
    pub(super) fn work(&self) {
        loop {
            let worked = self.round();
            if self.shared.is_stopping() && self.stop() {
                return;
            }
            if self.switches.get() >= self.patience.get() {
                self.look_around();
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
        while starts < SEEDS_PER_ROUND
            && let Some(seed) = self.next_seed()
        {
            self.start(seed.0);
            starts += 1;
        }
        let mut switches = 0;
        while switches < self.patience.get().min(SWITCHES_PER_ROUND)
            && let Some(coroutine) = self.home.runnable().pop()
        {
            self.run_one(coroutine);
            switches += 1;
        }
        if switches == SWITCHES_PER_ROUND {
            self.mind_the_time();
        }
        self.switches
            .set(self.switches.get() + starts * START_WEIGHT + switches);
        starts + switches > 0
    }

    /// Makes those runnable whom other threads have woken.
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

    /// The seed to start next: mostly the newest of our own.
    #[inline]
    fn next_seed(&self) -> Option<Seed> {
        let starts = self.starts.get().wrapping_add(1);
        self.starts.set(starts);
        if starts.is_multiple_of(OLDEST_EVERY)
            && let Some(seed) = self.peer().seeds.take_oldest()
        {
            return Some(seed);
        }
        self.deque
            .pop()
            .or_else(|| self.peer().seeds.take_placed())
            .or_else(|| self.shared.take_injected(self.index, &self.deque))
    }

    /// Runs what was queued: most are suspended, some are seeds that were bound to this worker.
    #[inline(always)]
    fn run_one(&self, coroutine: NonNull<Header>) {
        // SAFETY: (docs/safety.md, R1) what is queued has not ended, so the runtime's reference keeps it.
        if unsafe { coroutine.as_ref() }.has_started() {
            self.resume(coroutine);
        } else {
            self.start(coroutine);
        }
    }

    /// Starts a seed, as soon as there is a stack for it.
    fn start(&self, seed: NonNull<Header>) {
        // SAFETY: (docs/safety.md, R1) as above.
        let header = unsafe { seed.as_ref() };
        if self.shared.is_stopping() {
            header.flags.fetch_or(flag::CANCELLED, Ordering::Relaxed);
        }
        match self.stacks.take(header.stack_size()) {
            Ok(stack) => self.start_on(seed, stack),
            Err(error) => self.start_without(seed, error),
        }
    }

    /// Starts a seed on `stack`.
    #[inline]
    fn start_on(&self, seed: NonNull<Header>, stack: Stack) {
        // SAFETY: (docs/safety.md, I1) the seed is in no queue any more, so it is this worker's from here on. A reference
        // to the list ends within the statement.
        unsafe {
            seed.as_ref().settle(&self.home);
            (*self.live.get()).push_back(seed);
            Header::prepare(seed, stack);
        }
        self.live_count.set(self.live_count.get() + 1);
        // At once, since it may compute for long.
        self.publish_live();
        self.resume(seed);
    }

    /// What becomes of a seed for which there is no stack (R3): it waits for one to come back, if any of its size is out.
    #[cold]
    fn start_without(&self, seed: NonNull<Header>, error: OutOfStacks) {
        // SAFETY: (docs/safety.md, R1) the runtime's reference keeps the seed.
        let size = unsafe { seed.as_ref() }.stack_size();
        if self.shared.is_stopping() {
            self.end_unstarted(seed, None);
        } else if self.stacks.may_come_back(size) {
            if self.stackless.is_empty() {
                self.await_stack();
            }
            // SAFETY: (docs/safety.md, I1) this is the owner's thread, and the seed is in no queue.
            unsafe { self.stackless.push(seed) };
        } else {
            self.end_unstarted(seed, Some(error));
        }
    }

    /// Ends a seed without having run it, on the stack that is kept back for this: because there is none for it, or because it is
    /// cancelled.
    #[cold]
    fn end_unstarted(&self, seed: NonNull<Header>, error: Option<OutOfStacks>) {
        self.stack_error.set(error);
        let reason = error.map_or(0, |_| flag::OUT_OF_STACKS);
        // SAFETY: (docs/safety.md, R1) the runtime's reference keeps the seed.
        unsafe { seed.as_ref() }
            .flags
            .fetch_or(flag::CANCELLED | reason, Ordering::Relaxed);
        match self.stacks.take_reserved() {
            Some(stack) => self.start_on(seed, stack),
            // Only the closure's destructor runs; without any stack to be had, the worker's must do.
            // SAFETY: (docs/safety.md, R1) the seed is in no queue.
            None => unsafe { Header::run_unstarted(seed) },
        }
    }

    /// Begins to wait for a stack to come back.
    fn await_stack(&self) {
        self.stack_due.set(Deadline::after(STACK_PATIENCE));
    }

    /// No stack has come back for long: the seeds that wait for one try for the last time. Those who have the stacks may be waiting for
    /// these very seeds.
    #[cold]
    fn end_stackless(&self) {
        self.stack_due.set(Deadline::NEVER);
        while let Some(seed) = self.stackless.pop() {
            // SAFETY: (docs/safety.md, R1) the runtime's reference keeps the seed.
            match self.stacks.take(unsafe { seed.as_ref() }.stack_size()) {
                Ok(stack) => self.start_on(seed, stack),
                Err(error) => self.end_unstarted(seed, Some(error)),
            }
        }
    }

    /// Resumes a coroutine until it suspends or ends.
    ///
    /// Inlined into the loop, as what suspends is inlined into what blocks: the processor predicts a return by the last call it
    /// has seen, so each frame between a switch and the code around it costs a misprediction, and those cost more than the
    /// switch itself.
    #[inline(always)]
    fn resume(&self, coroutine: NonNull<Header>) {
        self.renew_budget();
        unwinding::before_resume();
        // SAFETY: (docs/safety.md, R1) the runtime's reference keeps the coroutine until it is buried.
        unsafe { coroutine.as_ref() }.put_panics_back();
        current::set_coroutine(coroutine.as_ptr());
        // SAFETY: (docs/safety.md, I1) the coroutine is this worker's, in no queue, and has not ended.
        let ended = unsafe { Header::resume(coroutine) };
        current::set_coroutine(std::ptr::null_mut());
        if ended {
            self.bury(coroutine);
        } else if std::thread::panicking() {
            // SAFETY: (docs/safety.md, R1) as above: a coroutine that has suspended has not ended.
            unsafe { coroutine.as_ref() }.take_panics();
        }
    }

    /// Takes back what a coroutine had that has ended.
    #[inline]
    fn bury(&self, coroutine: NonNull<Header>) {
        // SAFETY: (docs/safety.md, I3) the coroutine has returned from its first frame, so nothing of its stack is in use;
        // it was listed when it started; and the runtime's reference is given up here, once.
        unsafe {
            (*self.live.get()).remove(coroutine);
            if let Some(stack) = Header::take_stack(coroutine) {
                self.stacks.give_back(stack);
            }
            Header::release_ended(coroutine);
        }
        self.live_count.set(self.live_count.get() - 1);
        self.publish_live();
        if let Some(seed) = self.stackless.pop() {
            self.await_stack();
            // Not started from here, or a row of short ones would nest.
            self.enqueue(seed);
        }
    }

    /// Delivers the cancellations that had to wait because somebody was suspended while unwinding.
    #[inline]
    fn deliver_deferred(&self) {
        if unwinding::take_deferred() {
            self.for_each_live(|coroutine| {
                // SAFETY: (docs/safety.md, I1) listed coroutines have not ended.
                if unsafe { coroutine.as_ref() }.has(flag::CANCELLED) {
                    Header::cancel(coroutine);
                }
            });
        }
    }

    /// Loses patience if it is high time to look around. Patience counts switches, and was learnt from what ran before; what runs now may
    /// run long. This reads the clock, so it is for who has done much: a full round, or a whole budget.
    #[cold]
    pub(crate) fn mind_the_time(&self) {
        if clock::now() - self.home.looked() > 2 * LOOK_AFTER.as_nanos() as u64 {
            self.patience.set(1);
        }
    }

    /// Looks at what does not come by itself while there is something to run.
    #[cold]
    fn look_around(&self) {
        self.deliver_deferred();
        let now = clock::now();
        let passed = now - self.home.looked();
        let patience = self.patience.get();
        if passed > 2 * LOOK_AFTER.as_nanos() as u64 {
            self.patience.set((patience / 2).max(1));
        } else if passed < LOOK_AFTER.as_nanos() as u64 {
            self.patience.set((patience * 2).min(MOST_PATIENCE));
        }
        self.switches.set(0);
        self.home.set_looked(now);
        self.fire_timers(now);
        if self.driver.has_sources() {
            self.driver.poll_now();
        }
        if self.shared.workers() > 1 {
            if self.deque.is_empty()
                && let Robbed::Seed(seed) = self.steal(now)
            {
                self.start(seed.0);
            }
            if self.shared.idle.has_watch(self.index) {
                self.hand_on();
            }
        }
    }

    /// Ends the waits whose deadline has passed.
    #[inline]
    fn fire_timers(&self, now: u64) {
        if self.stack_due.get().nanoseconds() <= now {
            self.end_stackless();
        }
        self.fire_deadlines(now);
    }

    /// The part of [`fire_timers`](Self::fire_timers) that runs no coroutine.
    #[inline]
    fn fire_deadlines(&self, now: u64) {
        // SAFETY: (docs/safety.md, I3) only timeouts are put into the wheel.
        self.wheel
            .advance(now, |entry| unsafe { Timeout::expire(entry) });
        self.alarms().fire(now);
    }

    /// Takes seeds from another worker.
    fn steal(&self, now: u64) -> Robbed {
        let mine = self.live_count.get();
        let peers = &self.shared.peers;
        let first = self.random.below(peers.len());
        let mut unripe = false;
        for offset in 0..peers.len() {
            let victim = (first + offset) % peers.len();
            if victim == self.index {
                continue;
            }
            let victim = &peers[victim];
            let surplus = victim.load() as isize - mine as isize;
            match victim.seeds.rob(&self.deque, surplus, now) {
                Robbed::Nothing => {}
                Robbed::Unripe => unripe = true,
                found => return found,
            }
        }
        if unripe {
            Robbed::Unripe
        } else {
            Robbed::Nothing
        }
    }

    /// Gives up the watch because there is something to run; if there is more, a sleeper gets it.
    fn hand_on(&self) {
        if self.shared.idle.release(self.index) && self.shared.has_seeds() {
            self.shared.wake_searcher();
        }
    }

    /// Whether the runtime has asked for something that this worker has not done yet.
    fn has_orders(&self) -> bool {
        // With nothing left the worker is to end: as soon as the seeds from outside are gone, which nobody would tell it.
        let stops = self.shared.is_stopping();
        (stops && (!self.cancelled.get() || self.live_count.get() == 0))
            || self.shared.is_abandoned()
    }

    /// Whether something has come to this worker.
    #[inline]
    fn has_work(&self) -> bool {
        !self.home.runnable().is_empty()
            || !self.home.inbox().is_empty()
            || self.peer().seeds.placed() > 0
            || self.has_orders()
    }

    /// Nothing to run: looks for work, then sleeps until there is some.
    #[cold]
    fn idle(&self) {
        self.deliver_deferred();
        let now = clock::now();
        self.switches.set(0);
        self.home.set_looked(now);
        self.fire_timers(now);
        if self.has_work() {
            return;
        }
        let watching = self.shared.workers() > 1 && self.shared.idle.watch(self.index);
        // With sockets around, spinning would only take the processor from the peer that is to send something.
        if self.shared.workers() > 1 && !self.driver.has_sources() && self.spin(watching, now) {
            return;
        }
        if self.let_peers_run() {
            if watching {
                self.hand_on();
            }
            return;
        }
        if watching && self.watch() {
            return;
        }
        self.sleep();
    }

    /// Gives the processor to the peers of its sockets before it sleeps, if they are waiting for it; true if they have sent something.
    ///
    /// Where peers and workers share the processors, the next events come in one batch then, and not each with a sleep and a wake-up
    /// of its own: an echo server with two workers beside its client on two processors serves up to 1.7 times as many requests. Where
    /// nobody is waiting for the processor this costs two short system calls.
    fn let_peers_run(&self) -> bool {
        if !self.driver.has_sources() {
            return false;
        }
        std::thread::yield_now();
        self.driver.poll_now();
        self.has_work()
    }

    /// Looks for work without pause for a little while; true if there is some.
    fn spin(&self, watching: bool, start: u64) -> bool {
        let mut now = start;
        while now - start < SPIN.as_nanos() as u64 {
            for _ in 0..16 {
                if self.has_work() {
                    if watching {
                        self.hand_on();
                    }
                    return true;
                }
                std::hint::spin_loop();
            }
            now = clock::now();
            if watching && self.look_for_seeds(now).is_some() {
                return true;
            }
            if self.next_timer().nanoseconds() <= now {
                return false;
            }
        }
        false
    }

    /// Looks for seeds of others while this worker has the watch: `Some` if it found one, which it has started, and the watch
    /// is handed on.
    fn look_for_seeds(&self, now: u64) -> Option<()> {
        let seed = self
            .shared
            .take_injected(self.index, &self.deque)
            .or_else(|| match self.steal(now) {
                Robbed::Seed(seed) => Some(seed),
                Robbed::Unripe | Robbed::Nothing => None,
            })?;
        self.hand_on();
        self.start(seed.0);
        Some(())
    }

    /// Keeps the watch, with growing pauses; true if there is something to run, false if it is time to sleep.
    fn watch(&self) -> bool {
        let mut pause = PAUSE.0;
        loop {
            if !self.shared.idle.watch(self.index) {
                return false;
            }
            if self.look_for_seeds(clock::now()).is_some() {
                return true;
            }
            if self.shared.idle.all_others_sleep(self.shared.workers()) && !self.shared.has_seeds()
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
            self.home.set_looked(now);
            self.fire_timers(now);
            if self.has_work() {
                self.hand_on();
                return true;
            }
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    /// Sleeps until somebody sends something, a timer or a socket is due, or the watch is given to this worker.
    fn sleep(&self) {
        let idle = &self.shared.idle;
        idle.sleep(
            self.index,
            &self.home.sleep,
            || self.has_work(),
            || self.shared.has_seeds(),
            || self.shared.wake_searcher(),
            || {
                self.shared.fell_asleep();
                self.sleep_and_trim();
            },
        );
        let now = clock::now();
        self.home.set_looked(now);
        self.fire_timers(now);
        if idle.has_watch(self.index)
            && self.look_for_seeds(clock::now()).is_none()
            && self.has_work()
        {
            self.hand_on();
        }
    }

    /// Sleeps; if that lasts, gives memory back that is not needed soon, once, and sleeps on.
    fn sleep_and_trim(&self) {
        if !self.stacks.wants_trim() && !self.blocks.wants_trim() {
            return self.driver.sleep(self.next_timer());
        }
        let trim_at = Deadline::after(TRIM_AFTER);
        self.driver.sleep(self.next_timer().min(trim_at));
        // A sleep may end some milliseconds early, for the rest to be slept precisely; not worth it here, and waiting for the
        // rest would begin the whole time anew.
        if trim_at.remaining() <= Some(TRIM_AFTER / 10) {
            self.stacks.trim();
            self.blocks.trim();
        }
    }

    /// When the first timer is due.
    fn next_timer(&self) -> Deadline {
        self.next_deadline().min(self.stack_due.get())
    }

    /// When the first wait has a deadline.
    fn next_deadline(&self) -> Deadline {
        let of_coroutines = self.wheel.next_deadline();
        of_coroutines
            .map_or(Deadline::NEVER, Deadline::from_nanoseconds)
            .min(self.alarms().first())
    }

    /// Serves the running coroutine alone, until it is sent home or it is `until`: others may not run, as it is in a panic hook. True if
    /// it was sent home; then it is in no queue.
    ///
    /// This is the worker's own code, on the stack of the coroutine.
    #[cold]
    pub(crate) fn attend(&self, coroutine: NonNull<Header>, until: Deadline) -> bool {
        current::set_coroutine(std::ptr::null_mut());
        let sent_home = loop {
            if self.shared.idle.has_watch(self.index) {
                self.hand_on();
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
        current::set_coroutine(coroutine.as_ptr());
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
                // SAFETY: (docs/safety.md, I1) this is the owner's thread, and it is in no queue now.
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
            while let Some(seed) = self.stackless.pop() {
                self.end_unstarted(seed, None);
            }
        }
        if self.shared.is_abandoned() && self.live_count.get() > 0 {
            self.end_seeds();
            self.park_for_ever();
        }
        self.live_count.get() == 0
            && self.home.runnable().is_empty()
            && self.home.inbox().is_empty()
            && self.stackless.is_empty()
            && self.deque.is_empty()
            && self.peer().seeds.is_empty()
            && !self.shared.has_injected()
    }

    /// Ends the seeds that lie here, so that who joins them goes on: nothing runs here any longer. What has started is given up, also
    /// if it could run on.
    fn end_seeds(&self) {
        self.take_inbox();
        while let Some(coroutine) = self.home.runnable().pop() {
            // SAFETY: (docs/safety.md, R1) what is queued has not ended, so the runtime's reference keeps it.
            if !unsafe { coroutine.as_ref() }.has_started() {
                self.end_unstarted(coroutine, None);
            }
        }
        while let Some(Seed(seed)) = self.next_seed() {
            self.end_unstarted(seed, None);
        }
    }

    /// Calls `f` for every coroutine that has started here and not ended. `f` does not run any of them.
    fn for_each_live(&self, f: impl Fn(NonNull<Header>)) {
        // SAFETY: (docs/safety.md, I1) this is the owner's thread, listed coroutines have not ended, and `f` changes neither
        // the list nor what is in it.
        unsafe {
            let mut next = (*self.live.get()).front();
            while let Some(coroutine) = next {
                next = (*self.live.get()).next(coroutine);
                f(coroutine);
            }
        }
    }

    /// Keeps stacks, timers and thread-locals of coroutines that were given up where they are (R9).
    fn park_for_ever(&self) -> ! {
        self.alarms().close();
        self.for_each_live(|coroutine| {
            // SAFETY: (docs/safety.md, R9) listed coroutines have not ended.
            let _ = unsafe { coroutine.as_ref() }.word.abandon();
        });
        loop {
            std::thread::park();
        }
    }
}
