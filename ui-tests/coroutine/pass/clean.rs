//! The expansion sets off no lint, and comes out of a macro as well.

#![forbid(unsafe_code)]
#![deny(
    clippy::all,
    clippy::pedantic,
    warnings,
    unused,
    missing_docs,
    missing_debug_implementations,
    unused_qualifications,
    unreachable_pub,
    elided_lifetimes_in_paths,
    single_use_lifetimes,
    trivial_casts,
    trivial_numeric_casts,
    unused_lifetimes,
    refining_impl_trait
)]

use std::fmt::Display;

use may::coroutine::{Call, CoroutineFn};

macro_rules! define {
    ($visibility:vis $name:ident($argument:ident: $type:ty, $pattern:pat) -> $output:ty, $body:block) => {
        /// Comes out of a macro.
        #[may::coroutine(stack = "64k")]
        $visibility fn $name($argument: $type, $pattern: $type) -> $output $body
    };
}

define!(pub from_macro(_first: u32, _) -> u32, { 4 });

/// Is documented.
#[may::coroutine(stack = 2 * 65536, name = "all-{value}")]
#[inline]
pub fn all<'a, T, const N: usize>(
    value: T,
    mut words: Vec<&'a str>,
    (first, _second): (u8, u8),
    sizes: [usize; N],
    _: u8,
    visit: impl FnOnce(&str) + Send,
) -> Result<Option<&'a str>, std::num::ParseIntError>
where
    T: Display + Send,
{
    words.sort_unstable();
    visit(&value.to_string());
    let number: usize = "3".parse()?;
    if number < sizes.len() {
        return Ok(None);
    }
    Ok(words.get(usize::from(first)).copied())
}

/// Uses an argument for its name only.
#[may::coroutine(name = "part {number}")]
pub fn only_named(number: u8) {}

/// Returns something without a name.
#[may::coroutine]
pub fn nameless(limit: u32) -> impl Iterator<Item = u32> {
    0..limit
}

/// Calls itself, here and elsewhere.
#[may::coroutine]
pub fn walk(depth: u32) -> u32 {
    match depth {
        0 => 0,
        _ => walk(depth - 1).call() + walk(depth - 1).spawn().join().unwrap_or(0),
    }
}

/// Does not end.
#[may::coroutine(local)]
pub fn never() -> ! {
    loop {
        may::coroutine::park();
    }
}

/// Has methods.
#[derive(Debug, Default)]
pub struct Structure(u32);

impl Structure {
    /// Borrows.
    #[may::coroutine]
    pub fn borrow(&self, more: &u32) -> u32 {
        self.0 + *more
    }

    /// Borrows more.
    #[may::coroutine]
    pub fn borrow_mutably(&mut self) {
        self.0 += 1;
    }

    /// Takes all.
    #[may::coroutine]
    pub fn take(mut self) -> Self {
        self.0 += 1;
        self
    }

    /// Takes all in vain.
    #[may::coroutine]
    pub fn drop(self) {}

    /// Has no receiver.
    #[may::coroutine(name = "new")]
    pub fn new() -> Self {
        Self(1)
    }
}

/// Has a method without a body, and one with.
pub trait Trait {
    /// Is written out.
    fn required(&self) -> Call<impl CoroutineFn<Output = u32> + Send>;

    /// Is not.
    #[may::coroutine]
    fn provided(&self, number: u32) -> u32
    where
        Self: Sync,
    {
        self.required().call() + number
    }
}

impl Trait for Structure {
    #[may::coroutine]
    fn required(&self) -> u32 {
        self.0
    }
}

fn main() {
    assert_eq!(from_macro(1, 2).call(), 4);
    let words = vec!["b", "a"];
    let found = all(1, words, (1, 0), [0], 0, |_| ()).call();
    assert_eq!(found, Ok(Some("b")));
    assert_eq!(nameless(3).call().count(), 3);
    assert_eq!(walk(3).call(), 0);
    only_named(1).call();
    drop(never());
    let mut structure = Structure::new().call();
    structure.borrow_mutably().call();
    assert_eq!(
        structure.borrow(&1).call() + structure.provided(1).call(),
        6
    );
    structure.take().call().drop().call();
}
