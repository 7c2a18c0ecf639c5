//! The behaviour of the wheel, by example and against a sorted map.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

use super::level::SLOT_BITS;
use super::{Entry, LEVELS, Wheel};

/// Timers with stable addresses, named by their index.
struct Timers {
    /// Never grows, so that the addresses hold.
    entries: Vec<Entry>,
}

impl Timers {
    /// Creates one timer for each deadline.
    fn new(deadlines: &[u64]) -> Self {
        Self {
            entries: deadlines.iter().map(|&at| Entry::new(at)).collect(),
        }
    }

    /// Returns what the wheel wants.
    fn pointer(&self, index: usize) -> NonNull<Entry> {
        NonNull::from(&self.entries[index])
    }

    /// Finds a timer by what the wheel hands back.
    fn index(&self, entry: NonNull<Entry>) -> usize {
        (0..self.entries.len())
            .find(|&index| self.pointer(index) == entry)
            .expect("the wheel handed out an entry that it was never given")
    }

    fn insert(&self, wheel: &Wheel, index: usize) {
        // SAFETY: (I3) the entries do not move, and no test uses its wheel after dropping its
        // timers.
        unsafe { wheel.insert(self.pointer(index)) }
    }

    /// Sets all timers in the order of their indices.
    fn insert_all(&self, wheel: &Wheel) {
        (0..self.entries.len()).for_each(|index| self.insert(wheel, index));
    }

    fn remove(&self, wheel: &Wheel, index: usize) -> bool {
        // SAFETY: (I3) the entry is alive, and each test has one wheel.
        unsafe { wheel.remove(self.pointer(index)) }
    }

    /// Returns the timers that fire, and checks that none does so early.
    fn advance(&self, wheel: &Wheel, now: u64) -> Vec<usize> {
        let mut fired = Vec::new();
        wheel.advance(now, |entry| {
            let index = self.index(entry);
            assert!(!self.entries[index].is_linked());
            assert!(
                self.entries[index].deadline() <= now,
                "fired before its time"
            );
            fired.push(index);
        });
        fired
    }
}

/// Returns times that are easy to get wrong: both ends, and the borders of slots on every level.
fn awkward_times() -> Vec<u64> {
    let mut times = vec![
        0,
        1,
        2,
        500_000,
        30 * 86_400_000_000_000,
        u64::MAX - 1,
        u64::MAX,
    ];
    for level in 0..LEVELS as u32 {
        let width = 1u64 << (SLOT_BITS * level);
        for digit in [1, 2, 31, 63] {
            let start = width.saturating_mul(digit);
            times.extend([start.saturating_sub(1), start, start.saturating_add(1)]);
        }
    }
    times.sort_unstable();
    times.dedup();
    times
}

#[test]
fn an_empty_wheel_has_nothing_to_do() {
    let wheel = Wheel::new(7);
    assert!(wheel.is_empty());
    assert_eq!(wheel.len(), 0);
    assert_eq!(wheel.next_deadline(), None);
    for now in [7, 8, u64::MAX, u64::MAX] {
        wheel.advance(now, |_| panic!("there is nothing to fire"));
    }
}

#[test]
fn one_timer_fires_on_the_nanosecond() {
    let times = awkward_times();
    for &start in &times {
        for &deadline in &times {
            let wheel = Wheel::new(start);
            let timers = Timers::new(&[deadline]);
            timers.insert_all(&wheel);
            assert_eq!(wheel.len(), 1);
            assert_eq!(
                wheel.next_deadline(),
                Some(deadline),
                "one timer is known exactly"
            );
            if deadline > start {
                for early in [start, start + (deadline - start) / 2, deadline - 1] {
                    if early < deadline {
                        assert_eq!(timers.advance(&wheel, early), []);
                        assert_eq!(wheel.next_deadline(), Some(deadline));
                    }
                }
            }
            assert_eq!(
                timers.advance(&wheel, deadline.max(start)),
                [0],
                "{start} {deadline}"
            );
            assert!(wheel.is_empty());
            assert!(
                !timers.remove(&wheel, 0),
                "removing after it fired does nothing"
            );
        }
    }
}

#[test]
fn all_pairs_of_awkward_times_fire_in_order() {
    let times = awkward_times();
    for &first in &times {
        for &second in &times {
            let wheel = Wheel::new(0);
            let timers = Timers::new(&[second.max(first), second.min(first)]);
            timers.insert_all(&wheel);
            if first.min(second) > 0 {
                assert_eq!(timers.advance(&wheel, first.min(second) - 1), []);
            }
            assert_eq!(wheel.next_deadline(), Some(first.min(second)));
            let fired = timers.advance(&wheel, u64::MAX);
            let expected = if first == second || first.max(second) == 0 {
                [0, 1]
            } else {
                [1, 0]
            };
            assert_eq!(fired, expected, "{first} {second}");
        }
    }
}

#[test]
fn equal_deadlines_fire_in_the_order_of_insertion() {
    for deadline in awkward_times() {
        let wheel = Wheel::new(0);
        let timers = Timers::new(&[deadline; 10]);
        timers.insert_all(&wheel);
        assert_eq!(
            timers.advance(&wheel, deadline),
            [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
        );
    }
}

#[test]
fn a_long_idle_time_fires_everything_in_order() {
    let wheel = Wheel::new(0);
    let mut times = awkward_times();
    times.remove(0);
    times.reverse();
    let timers = Timers::new(&times);
    timers.insert_all(&wheel);
    let fired = timers.advance(&wheel, u64::MAX);
    assert_eq!(fired, (0..times.len()).rev().collect::<Vec<_>>());
    assert_eq!(wheel.next_deadline(), None);
}

#[test]
fn the_first_slot_of_a_level_is_dealt_out_when_it_begins() {
    // Two timers share a slot on every level above the lowest, so each border is crossed with
    // company.
    for level in 1..LEVELS as u32 {
        let width = 1u64 << (SLOT_BITS * level);
        let start = width * 3;
        let wheel = Wheel::new(0);
        let timers = Timers::new(&[start + width - 1, start, start + 1]);
        timers.insert_all(&wheel);
        assert_eq!(timers.advance(&wheel, start - 1), []);
        assert_eq!(timers.advance(&wheel, start), [1]);
        assert_eq!(timers.advance(&wheel, start), []);
        assert_eq!(wheel.next_deadline(), Some(start + 1));
        assert_eq!(timers.advance(&wheel, start + width - 2), [2]);
        assert_eq!(timers.advance(&wheel, start + width - 1), [0]);
    }
}

#[test]
fn removing_any_of_a_slot_leaves_the_others() {
    for kept in 0..3 {
        let wheel = Wheel::new(0);
        let timers = Timers::new(&[1_000_000; 3]);
        timers.insert_all(&wheel);
        for removed in (0..3).filter(|&index| index != kept) {
            assert!(timers.remove(&wheel, removed));
            assert!(!timers.remove(&wheel, removed));
        }
        assert_eq!(wheel.len(), 1);
        assert_eq!(timers.advance(&wheel, 1_000_000), [kept]);
    }
}

#[test]
fn removing_the_last_of_a_slot_forgets_the_slot() {
    let wheel = Wheel::new(0);
    for deadline in awkward_times() {
        let timers = Timers::new(&[deadline]);
        timers.insert_all(&wheel);
        assert!(timers.remove(&wheel, 0));
        assert_eq!(wheel.next_deadline(), None);
    }
}

#[test]
fn an_overdue_timer_fires_at_once() {
    let wheel = Wheel::new(1_000);
    let timers = Timers::new(&[1_000, 0, 999]);
    timers.insert_all(&wheel);
    assert_eq!(wheel.next_deadline(), Some(0));
    assert!(timers.remove(&wheel, 1));
    assert_eq!(timers.advance(&wheel, 1_000), [0, 2]);
}

#[test]
fn a_clock_that_goes_backwards_fires_nothing() {
    let wheel = Wheel::new(1_000);
    let timers = Timers::new(&[900, 1_100]);
    timers.insert_all(&wheel);
    assert_eq!(timers.advance(&wheel, 800), []);
    assert_eq!(timers.advance(&wheel, 999), []);
    assert_eq!(timers.advance(&wheel, 1_000), [0]);
    assert_eq!(timers.advance(&wheel, 0), []);
    assert_eq!(timers.advance(&wheel, 1_100), [1]);
}

#[test]
fn removed_timers_wake_nobody_more_often_than_there_are_levels() {
    for level in 1..LEVELS as u32 {
        let width = 1u64 << (SLOT_BITS * level);
        let last = width + (width - 1);
        // The lower bounds of all levels are wrong: what they were taken from is gone.
        let mut deadlines = vec![last, last];
        deadlines.extend((0..level).map(|lower| last - ((1u64 << (SLOT_BITS * lower)) - 1)));
        let wheel = Wheel::new(0);
        let timers = Timers::new(&deadlines);
        timers.insert_all(&wheel);
        for index in 2..deadlines.len() {
            timers.remove(&wheel, index);
        }
        let mut early = 0;
        loop {
            let next = wheel.next_deadline().expect("two timers are left");
            assert!(next <= last);
            let fired = timers.advance(&wheel, next);
            if !fired.is_empty() {
                assert_eq!(fired, [0, 1]);
                break;
            }
            early += 1;
        }
        assert!(early <= LEVELS, "{early} early wake-ups on level {level}");
    }
}

#[test]
fn fire_may_remove_timers_that_are_due() {
    for deadline in awkward_times() {
        let wheel = Wheel::new(0);
        let timers = Timers::new(&[deadline; 4]);
        timers.insert_all(&wheel);
        let mut fired = Vec::new();
        wheel.advance(deadline, |entry| {
            let index = timers.index(entry);
            fired.push(index);
            assert!(!timers.remove(&wheel, index), "it is out before it fires");
            if index == 0 {
                assert!(timers.remove(&wheel, 1));
                assert!(timers.remove(&wheel, 3));
            }
        });
        assert_eq!(fired, [0, 2]);
        assert!(wheel.is_empty());
    }
}

#[test]
fn fire_may_set_a_timer_again_without_end() {
    for deadline in [0, 1, 1_000_000] {
        let wheel = Wheel::new(0);
        let timers = Timers::new(&[deadline]);
        timers.insert_all(&wheel);
        for _ in 0..3 {
            let mut fired = 0;
            wheel.advance(2_000_000, |_| {
                fired += 1;
                timers.insert(&wheel, 0);
            });
            assert_eq!(fired, 1, "what is set while firing waits for the next call");
            assert_eq!(wheel.next_deadline(), Some(deadline));
        }
    }
}

#[test]
fn fire_may_set_a_timer_for_later() {
    let wheel = Wheel::new(0);
    let timers = Timers::new(&[100, 200]);
    timers.insert(&wheel, 0);
    wheel.advance(100, |_| timers.insert(&wheel, 1));
    assert_eq!(timers.advance(&wheel, 199), []);
    assert_eq!(timers.advance(&wheel, 200), [1]);
}

#[test]
fn fire_may_advance_the_wheel() {
    let wheel = Wheel::new(0);
    let timers = Timers::new(&[100, 200, 300, 400]);
    timers.insert_all(&wheel);
    let fired = RefCell::new(Vec::new());
    wheel.advance(300, |entry| {
        fired.borrow_mut().push(timers.index(entry));
        wheel.advance(400, |entry| fired.borrow_mut().push(timers.index(entry)));
    });
    assert_eq!(*fired.borrow(), [0, 1, 2, 3]);
    assert!(wheel.is_empty());
}

#[test]
fn a_panic_in_fire_loses_nothing_but_its_own_timer() {
    for deadline in awkward_times() {
        let wheel = Wheel::new(0);
        let timers = Timers::new(&[deadline, deadline, deadline.saturating_add(1), 0]);
        timers.insert_all(&wheel);
        let end = deadline.saturating_add(1);
        let mut fired = Vec::new();
        while fired.len() < 4 {
            let panicked = catch_unwind(AssertUnwindSafe(|| {
                wheel.advance(end, |entry| {
                    fired.push(timers.index(entry));
                    std::panic::resume_unwind(Box::new("on purpose"));
                });
            }));
            assert!(panicked.is_err());
            assert_eq!(wheel.len(), 4 - fired.len());
        }
        fired.sort_unstable();
        assert_eq!(fired, [0, 1, 2, 3]);
        assert_eq!(timers.advance(&wheel, u64::MAX), []);
    }
}

#[test]
fn a_timer_can_be_used_again() {
    let wheel = Wheel::new(0);
    let timers = Timers::new(&[5]);
    for round in 1..100 {
        timers.entries[0].set_deadline(round * 1_000_003);
        timers.insert_all(&wheel);
        if round % 2 == 0 {
            assert!(timers.remove(&wheel, 0));
        } else {
            assert_eq!(timers.advance(&wheel, round * 1_000_003), [0]);
        }
    }
}

#[test]
#[should_panic(expected = "the deadline of a linked timer decides where it is linked")]
fn the_deadline_of_a_waiting_timer_is_fixed() {
    let wheel = Wheel::new(0);
    let timers = Timers::new(&[5]);
    timers.insert_all(&wheel);
    timers.entries[0].set_deadline(6);
}

/// A xorshift generator: the same seed gives the same test.
struct Random(u64);

impl Random {
    /// Returns 64 bits.
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// Returns a number of any magnitude, each as likely as the others.
    fn any_magnitude(&mut self, bits: u64) -> u64 {
        let shift = 64 - self.below(bits + 1);
        self.next().checked_shr(shift as u32).unwrap_or(0)
    }
}

/// Prints how to repeat a test that fails.
struct SeedOnFailure(u64);

impl Drop for SeedOnFailure {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the seed was {:#x}", self.0);
        }
    }
}

/// The wheel as its documentation describes it.
struct Model {
    /// Holds deadline and index of each timer that waits.
    waiting: BTreeSet<(u64, usize)>,
    /// Holds the timers that `fire` has inserted although they were due.
    postponed: BTreeSet<usize>,
    /// Holds the timers that were late when they were inserted.
    late: BTreeSet<usize>,
    /// Holds the indices that are free.
    free: Vec<usize>,
    /// Is the last time given to the wheel.
    now: u64,
    /// Decides what happens.
    random: Random,
}

impl Model {
    /// Sets a free timer in both.
    fn insert(&mut self, wheel: &Wheel, timers: &Timers) -> Option<usize> {
        let index = self.free.pop()?;
        let distance = self.random.any_magnitude(64);
        let deadline = match self.random.below(8) {
            0 => self.now.saturating_sub(distance),
            1 => u64::MAX - self.random.below(3),
            // In company: the deadline of another, or close to it.
            2 => self
                .waiting
                .first()
                .map_or(self.now, |&(deadline, _)| deadline),
            3 => self
                .waiting
                .last()
                .map_or(self.now, |&(deadline, _)| deadline ^ 1),
            4 => self.now.saturating_add(distance) & !0xfff,
            _ => self.now.saturating_add(self.random.any_magnitude(40)),
        };
        timers.entries[index].set_deadline(deadline);
        timers.insert(wheel, index);
        self.waiting.insert((deadline, index));
        if deadline <= self.now {
            self.late.insert(index);
        }
        Some(index)
    }

    /// Removes some timer from both, and one that does not wait from the wheel.
    fn remove(&mut self, wheel: &Wheel, timers: &Timers) {
        if let Some(&index) = self.free.first() {
            assert!(!timers.remove(wheel, index));
        }
        let Some(nth) = self.random.next().checked_rem(self.waiting.len() as u64) else {
            return;
        };
        let victim = *self
            .waiting
            .iter()
            .nth(nth as usize)
            .expect("the number is below the count");
        self.waiting.remove(&victim);
        self.postponed.remove(&victim.1);
        self.late.remove(&victim.1);
        assert!(timers.remove(wheel, victim.1));
        self.free.push(victim.1);
    }

    /// Chooses a time to go to: anything, or right at or before what is to come.
    fn some_time(&mut self, wheel: &Wheel) -> u64 {
        let any = self.now.saturating_add(self.random.any_magnitude(64));
        let near = self.now.saturating_add(self.random.any_magnitude(34));
        let first = self.waiting.first().map_or(near, |&(deadline, _)| deadline);
        let time = match self.random.below(16) {
            0 if self.random.below(8) == 0 => any,
            0..=3 => near,
            4..=6 => first,
            7..=9 => first.saturating_sub(1),
            10..=12 => first.saturating_add(self.random.any_magnitude(20)),
            _ => wheel.next_deadline().unwrap_or(near),
        };
        time.max(self.now)
    }
}

#[test]
fn behaves_like_a_sorted_map() {
    const COUNT: usize = 120;
    for round in 1..=300u64 {
        let seed = round.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let _seed = SeedOnFailure(seed);
        let mut random = Random(seed);
        let start = random.any_magnitude(62);
        let wheel = Wheel::new(start);
        let timers = Timers::new(&[0; COUNT]);
        let model = RefCell::new(Model {
            waiting: BTreeSet::new(),
            postponed: BTreeSet::new(),
            late: BTreeSet::new(),
            free: (0..COUNT).collect(),
            now: start,
            random,
        });
        // Some rounds have few timers, so that lone ones and empty levels occur.
        let crowd = 1 + round % 4;

        for _ in 0..400 {
            let what = model.borrow_mut().random.below(4 + crowd);
            match what {
                0 | 1 => {
                    let now = model.borrow_mut().some_time(&wheel);
                    model.borrow_mut().now = now;
                    let (mut latest, mut ordinary_began) = (0, false);
                    wheel.advance(now, |entry| {
                        let index = timers.index(entry);
                        let deadline = timers.entries[index].deadline();
                        let mut model = model.borrow_mut();
                        assert!(deadline <= now, "fired {} ns early", deadline - now);
                        assert!(
                            model.waiting.remove(&(deadline, index)),
                            "fired without waiting"
                        );
                        assert!(!model.postponed.contains(&index), "fired in the same call");
                        if model.late.remove(&index) {
                            assert!(!ordinary_began, "an overdue timer fires first");
                        } else {
                            assert!(deadline >= latest, "fired out of order");
                            (latest, ordinary_began) = (deadline, true);
                        }
                        model.free.push(index);
                        if model.random.below(4) == 0 {
                            model.remove(&wheel, &timers);
                        }
                        if model.random.below(4) == 0
                            && let Some(index) = model.insert(&wheel, &timers)
                            && timers.entries[index].deadline() <= now
                        {
                            model.postponed.insert(index);
                        }
                    });
                    let mut model = model.borrow_mut();
                    for &(_, index) in model.waiting.range(..=(now, usize::MAX)) {
                        assert!(model.postponed.contains(&index), "a due timer did not fire");
                    }
                    model.postponed.clear();
                }
                2 => model.borrow_mut().remove(&wheel, &timers),
                3 => {
                    // Sleep until something fires, as an idle worker does.
                    for early in 0.. {
                        assert!(early <= LEVELS, "{early} early wake-ups for one timer");
                        let Some(next) = wheel.next_deadline() else {
                            break;
                        };
                        let mut model = model.borrow_mut();
                        model.now = model.now.max(next);
                        let fired = timers.advance(&wheel, model.now);
                        for &index in &fired {
                            let deadline = timers.entries[index].deadline();
                            assert!(model.waiting.remove(&(deadline, index)));
                            model.late.remove(&index);
                            model.free.push(index);
                        }
                        if !fired.is_empty() {
                            break;
                        }
                    }
                }
                _ => drop(model.borrow_mut().insert(&wheel, &timers)),
            }
            let model = model.borrow();
            assert_eq!(wheel.len(), model.waiting.len());
            assert_eq!(wheel.is_empty(), model.waiting.is_empty());
            let first = model.waiting.first().map(|&(deadline, _)| deadline);
            match (wheel.next_deadline(), first) {
                (Some(bound), Some(first)) => assert!(bound <= first, "would sleep too long"),
                (bound, first) => assert_eq!(bound, first),
            }
        }
        // What is left fires in the end.
        let left = model.borrow().waiting.len();
        assert_eq!(timers.advance(&wheel, u64::MAX).len(), left);
    }
}
