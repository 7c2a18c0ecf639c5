//! What must not compile, and the messages that say why: see `tests/ui.rs`.
//!
//! The expansion of `select!` does not depend on the edition of its user:
//!
//! ```edition2021
//! #![forbid(unsafe_code)]
//! #![deny(warnings)]
//!
//! use std::sync::Mutex;
//!
//! let (tx, rx) = may::channel::bounded(1);
//! let rx = Mutex::new(rx);
//! for _ in 0..2 {
//!     let len = may::select! {
//!         biased;
//!         Ok(1 | 2) = recv(*rx.lock().unwrap()) else { panic!() } if tx.is_full() => rx.lock().unwrap().len(),
//!         Ok(()) = send(tx, 1) else { panic!() } => 1,
//!     };
//!     assert_eq!(len, rx.lock().unwrap().len());
//! }
//! ```
//!
//! Nor do those of the attributes:
//!
//! ```edition2021
//! #![forbid(unsafe_code)]
//! #![deny(warnings)]
//!
//! #[may::coroutine(name = "part {part}")]
//! fn longest<'a>(part: u32, words: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
//!     words.iter().copied().filter(move |word| word.len() > part as usize)
//! }
//!
//! #[may::main(workers = 1)]
//! fn main() {
//!     let words = ["a", "word"];
//!     let longest = may::coroutine::scope(|scope| {
//!         let found = longest(1, &words).spawn_in(scope).join().unwrap();
//!         found.collect::<Vec<_>>()
//!     });
//!     assert_eq!(longest, ["word"]);
//! }
//! ```
//!
//! ```edition2018
//! let (tx, rx) = may::channel::bounded(1);
//! may::select! { Ok(()) = tx.send(1) else { panic!() } => {} }
//! may::select!(match recv(rx) { message => assert_eq!(message, Ok(1)) });
//! ```
