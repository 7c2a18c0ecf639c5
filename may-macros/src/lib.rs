//! The procedural macros of May.
//!
//! Use them through the crate `may`, which they expand to and where they are called `may::main` and
//! `may::test`. This crate is an implementation detail of that one, and its version is tied to it.

mod coroutine;
mod diag;
mod entry;
mod item;
mod krate;
mod options;
mod parameters;
mod select;
mod similar;
#[cfg(test)]
mod soup;
#[cfg(test)]
mod tables;
mod template;
mod values;

use proc_macro::TokenStream;

use crate::entry::Entry;

/// Runs the body of `main` as a coroutine.
///
/// The runtime starts before the body and ends with it: coroutines that are still running then end
/// with the process, as threads do. The result may be everything that a program can end with. The
/// body has a stack of 8 MiB, like the main function of a plain program.
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
/// | `blocking` | how many threads there may be for work that blocks its thread, such as looking up names: a number or constant expression | `512` |
/// | `name` | what the threads are called that run coroutines; a dash and a number follow | `"may-worker"` |
/// | `pin` | whether each of these threads is bound to a processor (on Linux; elsewhere the runtime does not start) | `false` |
/// | `on_exit` | what becomes of coroutines that are left: `"leave"` lets them end with the process, as threads do; `"cancel"` cancels them and waits while they unwind; `"join"` waits for them | `"leave"` |
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
/// Always write it with its path, `#[may::test]`: a bare `#[test]` is the standard library's, also
/// if this one is imported.
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
/// | `blocking` | how many threads there may be for work that blocks its thread, such as looking up names: a number or constant expression | `512` |
/// | `name` | what the threads are called that run coroutines; a dash and a number follow | the name of the test |
/// | `pin` | whether each of these threads is bound to a processor (on Linux; elsewhere the runtime does not start) | `false` |
/// | `on_exit` | what becomes of coroutines that are left: `"leave"` lets them end with the process, as threads do; `"cancel"` cancels them and waits while they unwind; `"join"` waits for them | `"cancel"` |
/// | `timeout` | after what time the test fails: a string such as `"5s"`, `"300ms"` or `"2m"`, or a constant `Duration` | `"60s"` |
/// | `leak` | whether the test may leave coroutines that have not ended a quarter of a second after it: `"deny"` makes it fail, `"allow"` lets it pass | `"deny"` |
/// | `crate` | where this crate is found, as a path or a string | `::may` |
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let written = proc_macro::Span::call_site().source_text();
    Entry::Test
        .expand_written(written, arguments.into(), item.into())
        .into()
}

/// Makes a function a coroutine: a call of it is a value that does nothing until it is spawned.
///
/// Always write it with its path, `#[may::coroutine]`: `#[coroutine]` alone is a name that the
/// compiler keeps for itself.
///
/// ```rust,ignore
/// use may::coroutine;
///
/// #[may::coroutine(stack = "64k", name = "conn-{id}")]
/// fn serve(id: u64, mut stream: TcpStream) -> io::Result<()> {
///     // ..
/// }
///
/// serve(1, stream).spawn();                       // a `JoinHandle<io::Result<()>>`
/// serve(2, stream).call()?;                       // here and now, as a part of the caller
///
/// #[may::coroutine]
/// fn count(words: &[String]) -> usize {
///     words.iter().map(String::len).sum()
/// }
///
/// coroutine::scope(|s| count(&words).spawn_in(s).join()); // borrowed arguments: only in a scope
/// ```
///
/// `fn serve(..) -> R` returns a `may::coroutine::Call<impl CoroutineFn<Output = R> + Send>`, and
/// everything else about it stays as it is: it may be a method or generic, borrow, take patterns,
/// call itself, and use `?`. What the arguments own is dropped when the coroutine ends, as it is
/// when a function ends.
///
/// # Options
///
/// | option | value | default |
/// |---|---|---|
/// | `stack` | the stack of the coroutine: bytes, or a string such as `"64k"` or `"1MiB"` | that of the runtime |
/// | `name` | the name of the coroutine; `{parameter}` stands for an argument, which is formatted at the call | no name |
/// | `local` | keeps the coroutine with the worker that spawns it, so that its arguments need not be `Send`; it takes no value | not set |
/// | `crate` | where this crate is found, as a path or a string | `::may` |
#[proc_macro_attribute]
pub fn coroutine(arguments: TokenStream, item: TokenStream) -> TokenStream {
    coroutine::expand(arguments.into(), item.into()).into()
}

/// What `may::select!` expands to, with the path of that crate in front: `select!([$crate] ..)`.
#[doc(hidden)]
#[proc_macro]
pub fn select(input: TokenStream) -> TokenStream {
    select::expand(input.into()).into()
}
