//! Trees of scopes: who is cancelled, who panics, who joins whom, and how each has ended then.
//!
//! Each coroutine is in a scope of its own, and does what it is told: it spawns, joins and cancels
//! children, returns or panics. Some are shielded. A child borrows from the frame of its parent.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind, set_hook, take_hook};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex as StdMutex, Once};

use may::channel::{Receiver, Sender, bounded};
use may::coroutine::{Cancelled, Scope, ScopedJoinHandle, scope, shield, yield_now};
use may_tests::Random;

use super::{Waiters, one_of};

/// More coroutines than this are not started in one sequence.
const MOST: usize = 40;

/// How a coroutine has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Returned,
    Panicked,
    Cancelled,
}

use Outcome::{Cancelled as WasCancelled, Panicked, Returned};

impl<T> From<&Result<T, Box<dyn Any + Send>>> for Outcome {
    fn from(result: &Result<T, Box<dyn Any + Send>>) -> Outcome {
        match result {
            Ok(_) => Returned,
            Err(payload) if payload.is::<Cancelled>() => WasCancelled,
            Err(_) => Panicked,
        }
    }
}

/// How a child is spawned.
#[derive(Clone, Copy, Debug)]
struct Way {
    is_local: bool,
    /// The parent keeps its handle.
    is_kept: bool,
    /// It is cancelled before it has started.
    is_cancelled: bool,
}

/// What a coroutine is told.
enum Order {
    Spawn(Member, Way),
    Join(usize),
    Cancel(usize),
    CancelAll,
    DropHandle(usize),
    Panic,
    Return,
}

/// Notes how a coroutine has ended, also if it has never started.
struct Ending {
    number: usize,
    outcome: Option<Outcome>,
    begun: Arc<AtomicUsize>,
    ended: Arc<StdMutex<Vec<(usize, Outcome)>>>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        let outcome = self.outcome.unwrap_or_else(|| {
            self.begun.fetch_add(1, SeqCst);
            WasCancelled
        });
        let mut ended = self.ended.lock().expect("nothing panics here");
        ended.push((self.number, outcome));
    }
}

/// Counts in the frame of the parent.
struct Borrows<'a>(&'a AtomicUsize);

impl Drop for Borrows<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// A coroutine of the tree.
struct Member {
    told: Receiver<Order>,
    is_shielded: bool,
    ending: Ending,
}

impl Member {
    /// Does what it is told; unwinds as that does.
    fn run(mut self) {
        self.ending.begun.fetch_add(1, SeqCst);
        let body = AssertUnwindSafe(|| match self.is_shielded {
            true => shield(|| self.obey()),
            false => self.obey(),
        });
        let result = catch_unwind(body);
        self.ending.outcome = Some(Outcome::from(&result));
        // Noted while its parent still has to wait for it.
        drop(self);
        if let Err(payload) = result {
            resume_unwind(payload);
        }
    }

    fn obey(&self) {
        let ended = AtomicUsize::new(0);
        let spawned = scope(|s| {
            let (mut spawned, mut handles) = (0, BTreeMap::new());
            while let Some(is_new) = self.obey_one(s, &ended, &mut handles) {
                spawned += usize::from(is_new);
            }
            spawned
        });
        assert_eq!(ended.load(SeqCst), spawned);
    }

    /// Carries one order out; says whether it has spawned, or nothing if it has to return.
    fn obey_one<'scope>(
        &self,
        s: &'scope Scope<'scope, '_>,
        ended: &'scope AtomicUsize,
        handles: &mut BTreeMap<usize, ScopedJoinHandle<'scope, ()>>,
    ) -> Option<bool> {
        let order = self.told.recv();
        match order.expect("the one that fuzzes has the sender") {
            Order::Spawn(member, way) => {
                let (number, borrows) = (member.ending.number, Borrows(ended));
                let child = move || {
                    let _borrows = borrows;
                    member.run();
                };
                let handle = match way.is_local {
                    true => s.spawn_local(child),
                    false => s.spawn(child),
                };
                if way.is_cancelled {
                    handle.cancel();
                }
                if way.is_kept {
                    handles.insert(number, handle);
                }
                return Some(true);
            }
            Order::Join(child) => {
                let result = handles.remove(&child).expect("it is kept").join();
                let ended = self.ending.ended.lock().expect("nothing panics here");
                let outcome = Outcome::from(&result);
                let is_noted = |noted: &(usize, Outcome)| *noted == (child, outcome);
                // What was noted in earlier steps has been taken away.
                let is_new = ended.iter().any(|(number, _)| *number == child);
                assert!(!is_new || ended.iter().any(is_noted));
            }
            Order::Cancel(child) => handles[&child].cancel(),
            Order::CancelAll => s.cancel(),
            Order::DropHandle(child) => drop(handles.remove(&child)),
            Order::Panic => resume_unwind(Box::new("a panic of the fuzzer's")),
            Order::Return => return None,
        }
        Some(false)
    }
}

/// What a coroutine does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It waits for an order.
    Waits,
    Joins(usize),
    /// It has left the body of its scope in this way, and waits for its children.
    Leaves(Outcome),
    Ended(Outcome),
}

use State::{Ended, Joins, Leaves, Waits};

#[derive(Debug)]
struct Node {
    parent: Option<usize>,
    children: Vec<usize>,
    state: State,
    is_shielded: bool,
    /// The parent has its handle.
    is_kept: bool,
    /// The parent has taken its result.
    is_joined: bool,
}

/// The trees as they should be.
#[derive(Debug, Default)]
struct Model(BTreeMap<usize, Node>);

impl Model {
    fn spawn(&mut self, number: usize, parent: Option<usize>, is_shielded: bool, is_kept: bool) {
        let node = Node {
            parent,
            children: Vec::new(),
            state: Waits,
            is_shielded,
            is_kept,
            is_joined: false,
        };
        self.0.insert(number, node);
        if let Some(parent) = parent {
            self.node(parent).children.push(number);
        }
    }

    fn node(&mut self, number: usize) -> &mut Node {
        self.0.get_mut(&number).expect("it was spawned")
    }

    fn has_ended(&self, number: usize) -> bool {
        matches!(self.0[&number].state, Ended(_))
    }

    fn cancel(&mut self, number: usize) {
        let node = self.node(number);
        // A panic goes on, and what is in a shield returns.
        if !node.is_shielded && matches!(node.state, Waits | Joins(_) | Leaves(Returned)) {
            node.state = Leaves(WasCancelled);
            self.cancel_children(number);
        }
    }

    fn cancel_children(&mut self, number: usize) {
        for child in self.0[&number].children.clone() {
            self.cancel(child);
        }
    }

    /// Whether a panic of a child was seen by nobody else than the scope.
    fn has_panicked(&self, child: usize) -> bool {
        let child = &self.0[&child];
        child.state == Ended(Panicked) && !child.is_joined
    }

    /// What a coroutine does next, if its children and the one that it joins let it go on.
    fn next(&self, node: &Node) -> Option<State> {
        match node.state {
            Joins(child) if self.has_ended(child) => Some(Waits),
            Leaves(by) if node.children.iter().all(|child| self.has_ended(*child)) => {
                let panics = node.children.iter().any(|child| self.has_panicked(*child));
                Some(Ended(if by == Returned && panics {
                    Panicked
                } else {
                    by
                }))
            }
            _ => None,
        }
    }

    fn settle(&mut self) {
        while let Some((number, next)) =
            (self.0.iter()).find_map(|(number, node)| Some((*number, self.next(node)?)))
        {
            let node = self.node(number);
            let before = std::mem::replace(&mut node.state, next);
            if let Joins(child) = before {
                self.node(child).is_joined = true;
            }
        }
    }

    fn all(&self, is_one: impl Fn(&Node) -> bool) -> BTreeSet<usize> {
        let ones = self.0.iter().filter(|(_, node)| is_one(node));
        ones.map(|(number, _)| *number).collect()
    }
}

/// One sequence of operations.
struct Round {
    model: Model,
    /// The roots of the trees, by the numbers of the waiters.
    roots: BTreeMap<usize, usize>,
    waiters: Waiters<Outcome>,
    tell: BTreeMap<usize, Sender<Order>>,
    /// How many have begun, or were cancelled before.
    begun: Arc<AtomicUsize>,
    ended: Arc<StdMutex<Vec<(usize, Outcome)>>>,
    log: Vec<String>,
}

impl Round {
    /// One more coroutine, with the next number.
    fn member(&mut self, is_shielded: bool) -> Member {
        let (tell, told) = bounded(1);
        let number = self.tell.len();
        self.tell.insert(number, tell);
        Member {
            told,
            is_shielded,
            ending: Ending {
                number,
                outcome: None,
                begun: self.begun.clone(),
                ended: self.ended.clone(),
            },
        }
    }

    fn start(&mut self, is_shielded: bool) {
        let member = self.member(is_shielded);
        let number = member.ending.number;
        self.log
            .push(format!("{number} starts, shielded: {is_shielded}"));
        let waiter = self.waiters.start(move || {
            let result = catch_unwind(AssertUnwindSafe(|| member.run()));
            match Outcome::from(&result) {
                WasCancelled => resume_unwind(result.expect_err("it was cancelled")),
                outcome => outcome,
            }
        });
        self.roots.insert(waiter, number);
        self.model.spawn(number, None, is_shielded, false);
    }

    fn tell(&mut self, number: usize, order: Order) {
        let told = self.tell[&number].try_send(order);
        assert!(told.is_ok(), "{number} waits for it: {:#?}", self.log);
    }

    fn spawn(&mut self, parent: usize, random: &mut Random, may_start: bool) {
        let way = Way {
            is_local: random.below(2) == 0,
            is_kept: random.below(3) > 0,
            is_cancelled: random.below(8) == 0,
        };
        // A shield is for what has started.
        let is_shielded = may_start && random.below(8) == 0 && !way.is_cancelled;
        let member = self.member(is_shielded);
        let number = member.ending.number;
        self.log.push(format!(
            "{parent} spawns {number}, shielded: {is_shielded}, {way:?}"
        ));
        self.tell(parent, Order::Spawn(member, way));
        self.model
            .spawn(number, Some(parent), is_shielded, way.is_kept);
        if way.is_cancelled {
            self.model.cancel(number);
        }
    }

    /// Lets a coroutine leave its scope.
    fn leave(&mut self, number: usize, by: Outcome) {
        self.log.push(format!("{number} leaves: {by:?}"));
        let order = if by == Panicked {
            Order::Panic
        } else {
            Order::Return
        };
        self.tell(number, order);
        self.model.node(number).state = Leaves(by);
    }

    /// Lets a coroutine do something with a child whose handle it has.
    fn use_handle(&mut self, parent: usize, random: &mut Random) {
        let kept = self
            .model
            .all(|child| child.parent == Some(parent) && child.is_kept);
        let Some(child) = one_of(random, &kept) else {
            return;
        };
        match random.below(4) {
            0 => {
                self.log
                    .push(format!("{parent} drops the handle of {child}"));
                self.tell(parent, Order::DropHandle(child));
                self.model.node(child).is_kept = false;
            }
            1 => {
                self.log.push(format!("{parent} cancels {child}"));
                self.tell(parent, Order::Cancel(child));
                self.model.cancel(child);
            }
            _ => {
                self.log.push(format!("{parent} joins {child}"));
                self.tell(parent, Order::Join(child));
                self.model.node(child).is_kept = false;
                self.model.node(parent).state = Joins(child);
            }
        }
    }

    fn cancel_root(&mut self, random: &mut Random) {
        let present = BTreeSet::from_iter(self.waiters.waiting());
        if let Some(waiter) = one_of(random, &present) {
            let root = self.roots[&waiter];
            self.log.push(format!("{root} is cancelled"));
            self.waiters.cancel(waiter);
            self.model.cancel(root);
        }
    }

    /// Whether the end of this coroutine ends no other one at once.
    fn ends_alone(&self, number: usize) -> bool {
        let parent = self.model.0[&number].parent;
        parent.is_none_or(|parent| !matches!(self.model.0[&parent].state, Leaves(_)))
    }

    fn step(&mut self, random: &mut Random) {
        let waiting = self.model.all(|node| node.state == Waits);
        let (Some(number), true) = (one_of(random, &waiting), self.tell.len() < MOST) else {
            return self.start(false);
        };
        match random.below(20) {
            0 | 1 => self.start(random.below(8) == 0),
            2..9 => self.spawn(number, random, true),
            9..12 => self.leave(number, Returned),
            12 => self.leave(number, Panicked),
            13..16 => self.use_handle(number, random),
            16 => {
                self.log.push(format!("{number} cancels all"));
                self.tell(number, Order::CancelAll);
                self.model.cancel_children(number);
            }
            17 => self.cancel_root(random),
            _ => {
                // The cancellation comes when the order is on its way.
                if self.ends_alone(number) {
                    match random.below(4) {
                        0 => self.spawn(number, random, false),
                        1 => self.leave(number, Panicked),
                        2 => self.use_handle(number, random),
                        _ => self.leave(number, Returned),
                    }
                    self.model.settle();
                }
                self.cancel_root(random);
            }
        }
    }

    /// Gives all turns until nothing changes, down the trees and up again.
    fn give_turns(&self) {
        self.waiters.give_turns();
        while self.begun.load(SeqCst) < self.tell.len() {
            yield_now();
        }
        (0..2 * self.tell.len()).for_each(|_| yield_now());
    }

    /// Compares the trees with the model.
    fn compare(&mut self) {
        let before = self.model.all(|node| matches!(node.state, Ended(_)));
        self.model.settle();
        self.give_turns();
        let roots = self.waiters.settle();
        let (model, log) = (&self.model, &self.log);
        let ended = std::mem::take(&mut *self.ended.lock().expect("nothing panics here"));
        let mut gone = BTreeSet::new();
        for (number, outcome) in &ended {
            let node = &model.0[number];
            assert_eq!(
                node.state,
                Ended(*outcome),
                "{number}: {log:#?}\n{model:#?}"
            );
            gone.insert(*number);
            let first = |child: &usize| before.contains(child) || gone.contains(child);
            assert!(
                node.children.iter().all(first),
                "{number}: {log:#?}\n{model:#?}"
            );
        }
        assert_eq!(ended.len(), gone.len(), "each ends once: {log:#?}");
        gone.extend(before);
        let expected = model.all(|node| matches!(node.state, Ended(_)));
        assert_eq!(gone, expected, "{log:#?}\n{model:#?}");
        for (waiter, outcome) in roots {
            let state = Ended(outcome.unwrap_or(WasCancelled));
            assert_eq!(model.0[&self.roots[&waiter]].state, state, "{log:#?}");
        }
        let waiting = self.waiters.waiting();
        let waiting: BTreeSet<usize> = waiting.iter().map(|waiter| self.roots[waiter]).collect();
        let is_present = |node: &Node| node.parent.is_none() && !matches!(node.state, Ended(_));
        assert_eq!(waiting, model.all(is_present), "{log:#?}\n{model:#?}");
    }
}

/// Leaves out the messages of scopes whose children panic, which are many and wanted.
fn silence_scopes() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = take_hook();
        set_hook(Box::new(move |info| {
            let text = info.payload().downcast_ref::<&str>();
            if text != Some(&"a scoped coroutine panicked") {
                report(info);
            }
        }));
    });
}

pub(crate) fn round(mut random: Random) {
    silence_scopes();
    let mut round = Round {
        model: Model::default(),
        roots: BTreeMap::new(),
        waiters: Waiters::new(),
        tell: BTreeMap::new(),
        begun: Arc::default(),
        ended: Arc::default(),
        log: Vec::new(),
    };
    for _ in 0..random.below(40) {
        round.step(&mut random);
        round.compare();
    }
    while let Some(number) = one_of(&mut random, &round.model.all(|node| node.state == Waits)) {
        round.leave(number, Returned);
        round.compare();
    }
    assert!(round.waiters.waiting().is_empty());
}
