//! The procedural macros of May.
//!
//! Use them through the crate `may`, which they expand to and where they are called `may::main` and `may::test`. This
//! crate is an implementation detail of that one, and its version is tied to it.

mod diag;
mod entry;
mod item;
mod krate;
mod options;
mod select;
mod similar;
mod values;

use proc_macro::TokenStream;

use crate::entry::Entry;

/// Runs the body of `main` as a coroutine.
///
/// The runtime starts before the body and ends with it: coroutines that are still running then end with the process,
/// as threads do. The result may be everything that a program can end with. The body has a stack of 8 MiB, like the
/// main function of a plain program.
///
/// ```rust,ignore
/// use may::coroutine;
///
/// #[may::main]
/// fn main() {
///     let answer = coroutine::spawn(|| 6 * 7);
///     println!("{}", answer.join().unwrap());
/// }
/// ```
///
/// # Options
///
/// | option | value | default |
/// |---|---|---|
/// | `workers` | how many threads run coroutines: a number or constant expression, or `"cores"` | `"cores"` |
/// | `stack` | the stack of coroutines that ask for none: bytes, or a string such as `"64k"` or `"1MiB"` | `"256k"` |
/// | `crate` | where this crate is found, as a path or a string | `::may` |
///
/// ```rust,ignore
/// #[may::main(workers = 4, stack = "64k")]
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     // ..
/// #   Ok(())
/// }
/// ```
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    Entry::Main.expand(arguments.into(), item.into()).into()
}

/// Makes a test whose body runs as a coroutine, on a runtime of its own.
///
/// Takes the place of `#[test]`; `#[ignore]` and `#[should_panic]` work as they do there.
///
/// ```rust,ignore
/// #[may::test]
/// fn children_finish() {
///     assert_eq!(may::coroutine::spawn(|| 1).join().unwrap(), 1);
/// }
/// ```
///
/// # Options
///
/// | option | value | default |
/// |---|---|---|
/// | `workers` | how many threads run coroutines: a number or constant expression, or `"cores"` | `2` |
/// | `stack` | the stack of coroutines that ask for none: bytes, or a string such as `"64k"` or `"1MiB"` | `"256k"` |
/// | `crate` | where this crate is found, as a path or a string | `::may` |
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    Entry::Test.expand(arguments.into(), item.into()).into()
}

/// What `may::select!` expands to, with the path of that crate in front: `select!([$crate] ..)`.
#[doc(hidden)]
#[proc_macro]
pub fn select(input: TokenStream) -> TokenStream {
    select::expand(input.into()).into()
}
