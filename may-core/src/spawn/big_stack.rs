//! A deep call on a larger stack.

use crate::coroutine::frame;
use crate::coroutine::header::Header;
use crate::stack::{Stack, StackSize};
use crate::worker::with_local;

/// Runs `f` on a stack of `size`, and returns what it returns: for one deep call (a recursive
/// parser, a debug build's regex) in a coroutine whose own stack is small.
///
/// `size` is a number of bytes or a text like `"64k"` and `"1m"`. `f` runs as part of the caller:
/// it may block, borrow, and be cancelled. Works on plain threads, too.
///
/// # Panics
///
/// Panics if `size` is no size, or there is no memory for the stack; and goes on with what `f`
/// raises.
///
/// # Examples
///
/// ```
/// fn depth(n: u32) -> u32 {
///     let room = std::hint::black_box([n; 64]);
///     if n == 0 { 0 } else { depth(room[0] - 1) + 1 }
/// }
///
/// let deep = may::coroutine::spawn(|| may::coroutine::with_stack("64m", || depth(50_000)));
/// assert_eq!(deep.join().unwrap(), 50_000);
/// ```
#[track_caller]
pub fn with_stack<R>(size: impl ToStackSize, f: impl FnOnce() -> R) -> R {
    let size = size.to_stack_size();
    let stack =
        Loan::take(size).unwrap_or_else(|| panic!("there is no memory for a stack of {size}"));
    if let Some(coroutine) = Header::current() {
        // SAFETY: (R1) the running coroutine's block lives while it runs.
        stack
            .0
            .as_ref()
            .inspect(|stack| stack.occupy(unsafe { &raw const (*coroutine.as_ptr()).label }));
    }
    // SAFETY: (I3) the loan is given back when `f` has ended, by returning or unwinding.
    unsafe { frame::on_stack(stack.0.as_ref().expect("a loan has its stack"), f) }
}

/// What may be written for the size of a stack: a number of bytes, a text like `"64k"`, or a
/// [`StackSize`].
pub trait ToStackSize {
    /// The size.
    ///
    /// # Panics
    ///
    /// Panics with what is wrong if it is a text that is no size.
    fn to_stack_size(self) -> StackSize;
}

impl ToStackSize for usize {
    fn to_stack_size(self) -> StackSize {
        StackSize::from_bytes(self)
    }
}

impl ToStackSize for StackSize {
    fn to_stack_size(self) -> StackSize {
        self
    }
}

impl ToStackSize for &str {
    #[track_caller]
    fn to_stack_size(self) -> StackSize {
        StackSize::parse(self).unwrap_or_else(|error| panic!("`{self}`: {error}"))
    }
}

/// Refuses, when it is evaluated in a constant, the source text of a literal that is a text and no
/// size.
#[doc(hidden)]
pub const fn check_literal(source: &str) {
    if let [b'"', .., b'"'] = source.as_bytes() {
        let (_, text) = source.split_at(1);
        let (text, _) = text.split_at(text.len() - 1);
        if let Err(error) = StackSize::parse(text) {
            panic!("{}", error.message());
        }
    }
}

/// A stack that goes back where it came from.
struct Loan(Option<Stack>);

impl Loan {
    /// Takes a stack from the worker's pool, or on a plain thread one from the system.
    fn take(size: StackSize) -> Option<Loan> {
        let stack = with_local(|local| match local {
            Some(local) => local.take_stack(size),
            None => Stack::standalone(size),
        });
        stack.ok().map(|stack| Loan(Some(stack)))
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        let mut stack = self.0.take();
        with_local(|local| {
            if let (Some(local), Some(stack)) = (local, stack.take()) {
                local.give_stack_back(stack);
            }
        });
    }
}
