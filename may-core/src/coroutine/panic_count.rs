//! The panics that std counts on a thread, moved away while a coroutine that unwinds is suspended.
//!
//! std counts panics by thread. A coroutine may suspend in a destructor that runs because of a
//! panic or a cancellation. Every coroutine that ran on its thread meanwhile would find
//! `std::thread::panicking()` true. std's locks would then be poisoned by neighbours, and no
//! cancellation or limit could be raised in them. So the worker takes the count off its thread when
//! such a coroutine has suspended ([`take`]), and puts it back before the coroutine goes on
//! ([`put_back`]). Between two coroutines the count of a worker is zero.
//!
//! std has no call that changes the count, but an unwinding moves it: it counts one up on the
//! thread where it begins and one down on the thread where it is caught. A [`Token`] is a small
//! coroutine that unwinds and is suspended in a destructor. One that has begun on one thread and
//! ends on another moves one count from the second to the first. A thread of the process, the bank,
//! begins tokens, and ends those that are left over; what the bank has on its own count has no
//! meaning.
//!
//! ```text
//!   bank       begin: +1 ---- token ---->                                     <---- token ---- end: -1
//!   worker                                take, end: -1    put_back, begin: +1
//! ```
//!
//! The sum over all threads never changes by this but for what real panics add. The bank has never
//! ended more tokens than it has begun: its count is that of the tokens that exist plus that of the
//! panics that were taken off and not put back.
//!
//! If no thread or no stack can be had for this, the count stays on the worker, and neighbours wait
//! until it has gone (`unwinding.rs`).

use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Sender, SyncSender, channel, sync_channel};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, Yielder};

/// Bytes of a token's stack. An unwinding takes about 8 KiB.
const STACK_BYTES: usize = 64 * 1024;
/// How many tokens the bank makes at once.
const BATCH: usize = 8;
/// How many tokens, and how many stacks without one, are kept at hand.
const SPARE: usize = 32;

/// An unwinding that has begun and not ended.
///
/// One that is dropped is leaked: corosensei would unwind it, in the middle of an unwinding.
struct Token(ManuallyDrop<Coroutine<(), (), (), DefaultStack>>);

// SAFETY: (R13) what lies on the stack of a token is this file's and std's, and refers to no
// thread.
unsafe impl Send for Token {}

/// Suspends an unwinding.
struct Suspends<'a>(&'a Yielder<(), ()>);

impl Drop for Suspends<'_> {
    fn drop(&mut self) {
        self.0.suspend(());
    }
}

impl Token {
    /// Counts one panic on this thread.
    fn begin(stack: DefaultStack) -> Token {
        let mut coroutine = Coroutine::with_stack(stack, |yielder: &Yielder<(), ()>, ()| {
            let unwinding = catch_unwind(AssertUnwindSafe(|| {
                let _suspends = Suspends(yielder);
                // This calls no hook.
                resume_unwind(Box::new(()));
            }));
            drop(unwinding);
        });
        let _ = coroutine.resume(());
        Token(ManuallyDrop::new(coroutine))
    }

    /// Counts one panic off this thread, which has one.
    fn end(mut self) -> DefaultStack {
        let _ = self.0.resume(());
        ManuallyDrop::into_inner(self.0).into_stack()
    }
}

/// What is at hand.
struct Spare {
    tokens: Vec<Token>,
    /// Stacks of tokens that have ended: at least as many as tokens have to be begun again, up to
    /// [`SPARE`].
    stacks: Vec<DefaultStack>,
}

/// What the bank is told.
enum Order {
    /// Begin some tokens.
    Begin(Sender<Vec<Token>>),
    /// End one.
    End(Token),
}

fn spare() -> MutexGuard<'static, Spare> {
    static AT_HAND: Mutex<Spare> = Mutex::new(Spare {
        tokens: Vec::new(),
        stacks: Vec::new(),
    });
    // It is locked on threads that panic, which poisons it; what it holds is in order at any time.
    AT_HAND.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The way to the bank, whose thread is started by the first call.
fn bank() -> Option<&'static SyncSender<Order>> {
    static BANK: OnceLock<SyncSender<Order>> = OnceLock::new();
    if let Some(bank) = BANK.get() {
        return Some(bank);
    }
    let (to_bank, orders) = sync_channel(BATCH);
    thread::Builder::new()
        .name("may-unwinding".to_owned())
        .spawn(move || {
            for order in orders {
                match order {
                    Order::Begin(to) => {
                        let stacks = (0..BATCH).map_while(|_| new_stack());
                        // The thread that asked waits for the answer.
                        let _ = to.send(stacks.map(Token::begin).collect());
                    }
                    Order::End(token) => keep(token.end()),
                }
            }
        })
        .ok()?;
    // If another thread was faster, the thread of this one ends as its orders do.
    Some(BANK.get_or_init(|| to_bank))
}

/// Keeps the stack of a token that has ended, if there are not enough of them.
fn keep(stack: DefaultStack) {
    let mut spare = spare();
    if spare.stacks.len() < SPARE {
        spare.stacks.push(stack);
    }
}

/// A stack for a token.
fn new_stack() -> Option<DefaultStack> {
    let stack = spare().stacks.pop();
    stack.or_else(|| DefaultStack::new(STACK_BYTES).ok())
}

/// A token that has begun elsewhere.
fn token() -> Option<Token> {
    let token = spare().tokens.pop();
    if token.is_some() {
        return token;
    }
    let (to, from) = channel();
    bank()?.send(Order::Begin(to)).ok()?;
    let mut tokens = from.recv().ok()?;
    let token = tokens.pop();
    spare().tokens.append(&mut tokens);
    token
}

/// Takes the panics that are counted on this thread off it; how many they were. For a worker, on
/// its own stack.
#[cold]
pub(crate) fn take() -> u16 {
    let mut count = 0;
    while thread::panicking() {
        let Some(token) = token() else { break };
        keep(token.end());
        count += 1;
    }
    count
}

/// Counts panics on this thread that were taken off it. For a worker, on its own stack.
#[cold]
pub(crate) fn put_back(count: u16) {
    for _ in 0..count {
        let stack = loop {
            match new_stack() {
                Some(stack) => break stack,
                // There is no memory, and the coroutine cannot go on without a stack: one token
                // less is kept at hand.
                None => {
                    let token = spare().tokens.pop();
                    token.into_iter().for_each(end_elsewhere);
                    thread::yield_now();
                }
            }
        };
        let token = Token::begin(stack);
        let mut at_hand = spare();
        if at_hand.tokens.len() < SPARE {
            at_hand.tokens.push(token);
        } else {
            drop(at_hand);
            end_elsewhere(token);
        }
    }
}

/// Gives a token to the bank, which ends it. The bank is there, since it has begun what was taken.
fn end_elsewhere(token: Token) {
    if let Some(bank) = bank() {
        let _ = bank.send(Order::End(token));
    }
}
