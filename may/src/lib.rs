//! Stackful coroutines: write plain blocking code, spawn a million of them.
//!
//! A coroutine has a stack of its own, so any function can block at any depth: there is no `async`,
//! no `await`, and no second version of every library. The interface is std's:
//! [`coroutine`](mod@coroutine) is shaped like `std::thread`, [`net`] like `std::net`; what blocks
//! there blocks a coroutine here, and the thread below it runs others meanwhile. Everything works
//! from plain threads, too.
//!
//! ```
//! use may::{coroutine, channel};
//!
//! let (sender, receiver) = channel::bounded(16);
//! for i in 0..1000 {
//!     let sender = sender.clone();
//!     coroutine::spawn(move || sender.send(i).unwrap());
//! }
//! drop(sender);
//! assert_eq!(receiver.iter().sum::<i32>(), 499_500);
//! ```
//!
//! # Where to find what
//!
//! | module | for |
//! |---|---|
//! | [`coroutine`](mod@coroutine) | spawning, joining, scopes, cancellation, coroutine-local values |
//! | [`channel`] | messages between coroutines and threads |
//! | [`select!`] | waiting for the first of several operations |
//! | [`op`] | every call that blocks as a value: to select, to await, to combine |
//! | [`cqueue`] | what May 0.3 had for that |
//! | [`sync`] | what `std::sync` has, and more: `oneshot`, `watch`, `broadcast`, semaphores, cancel tokens |
//! | [`net`] | sockets, servers |
//! | [`os::unix::net`] | Unix sockets |
//! | [`io`] | any other descriptor; all of `std::io` |
//! | [`fs`] | files and directories |
//! | [`process`] | child processes |
//! | [`time`] | sleeping, limits around blocking code, regular times |
//! | [`unblock`], [`blocking`] | code that blocks its thread, on a pool of threads |
//! | [`future`] | waiting for futures, and by futures |
//! | [`signal`] | ctrl-c, and any other signal |
//! | [`runtime`] | runtimes as values, settings |
//!
//! # What to know before the first program
//!
//! * A coroutine that has started never leaves its thread. So [`coroutine::spawn`] is safe, and
//!   thread-locals, `Rc` and std's guards behave; the price is that a long computation holds up the
//!   other coroutines of its thread.
//! * Blocking calls of std, inside a coroutine, block its thread and so all coroutines on it. Use
//!   the ones here, or [`unblock`].
//! * A stack has 256 KiB, of which only what is used takes memory;
//!   [`coroutine::Builder::stack_size`] changes that.
//!
//! [`#[may::main]`](macro@main), [`#[may::test]`](macro@test) and
//! [`#[may::coroutine]`](macro@coroutine) make coroutines of functions.

mod macros;

pub use blocking::{unblock, unblock_detached};
pub use future::block_on;
#[cfg(feature = "tokio")]
pub use may_core::future::tokio;
pub use may_core::{
    blocking, channel, coroutine_local, fs, future, os, process, runtime, signal, sync, time,
};
pub use may_macros::{coroutine, main, test};
pub use runtime::{Runtime, config};

/// The examples of the users' guide, which are compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../docs/attributes.md")]
pub struct AttributesGuide;

/// The examples of the guide to futures, which are compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../docs/async.md")]
pub struct AsyncGuide;

/// The examples of the guide to operations, which are compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../docs/operations.md")]
pub struct OperationsGuide;

/// Coroutines, in the shape of `std::thread`: a program in which `std::thread` is replaced by
/// `may::coroutine` compiles and does the same.
pub mod coroutine {
    pub use may_core::coroutine::{
        AccessError, Cancelled, LocalKey, forbid_blocking, panicking, shield,
    };
    pub use may_core::park::{park, park_timeout, yield_now};
    pub use may_core::spawn::{
        Builder, Call, Coroutine, CoroutineFn, CoroutineId, JoinError, JoinHandle, LocalCall,
        OutOfStacks, Placement, Result, Scope, ScopedJoinHandle, SpawnIn, TaskGroup, ToStackSize,
        current, is_coroutine, scope, spawn, spawn_local, with_stack,
    };
    pub use may_core::time::{sleep, sleep_until};
    pub use may_core::{ParseStackSizeError, StackSize};
    pub use std::thread::available_parallelism;

    /// The name that std gives to [`Coroutine`].
    pub type Thread = Coroutine;
    /// The name that std gives to [`CoroutineId`].
    pub type ThreadId = CoroutineId;
}

/// Input and output, in the shape of `std::io`: all that std has there, and what blocks only the
/// coroutine instead of what would block its thread.
pub mod io {
    pub use may_core::copy::copy_bidirectional;
    pub use may_core::io::{
        AcceptFrom, CoIo, Duplex, OwnedReadHalf, OwnedWriteHalf, PipeReader, PipeWriter, ReadFrom,
        ReadHalf, ReuniteError, WriteHalf, WriteTo, pipe, wait_readable, wait_writable,
    };
    pub use may_core::stdio::{
        Stderr, StderrLock, Stdin, StdinLock, Stdout, StdoutLock, stderr, stdin, stdout,
    };
    // By name: what a new version of std adds may block its thread.
    pub use std::io::{
        BufRead, BufReader, BufWriter, Bytes, Chain, Cursor, Empty, Error, ErrorKind,
        IntoInnerError, IoSlice, IoSliceMut, IsTerminal, LineWriter, Lines, Read, Repeat, Result,
        Seek, SeekFrom, Sink, Split, Take, Write, WriterPanicked, copy, empty, prelude,
        read_to_string, repeat, sink,
    };
}

/// Sockets in the shape of `std::net`, which block only the coroutine, and [`serve`](net::serve),
/// which serves the connections of a listener.
///
/// A program in which `std::net` is replaced by `may::net` compiles and behaves. Any number of
/// coroutines and threads may use one socket at once, in both directions, through shared references
/// or [clones](net::TcpStream::try_clone).
///
/// Host names are looked up on a pool of threads, so that only the calling coroutine waits; literal
/// addresses need no look-up.
///
/// A read or write whose timeout has elapsed fails as it does in std: on Unix with
/// [`WouldBlock`](std::io::ErrorKind::WouldBlock). Portable programs check for that and for
/// [`TimedOut`](std::io::ErrorKind::TimedOut).
pub mod net {
    pub use may_core::net::*;
    pub use may_core::serve::{Counters, Limits, Report, Session, serve};
}

/// Operations: the calls that block, as values that have not happened yet.
///
/// See [`Operation`](op::Operation) for what one is, and for the ways in which it is waited for.
pub mod op {
    #[doc(inline)]
    pub use may_core::op::*;
    pub use may_core::select::{Select, SelectTimeoutError, Selected, TrySelectError};
}

/// The completion queues of May 0.3, with the same calls; safe, and nothing is lost at the end. New
/// programs write [`select!`].
pub mod cqueue {
    pub use may_core::select::cqueue::{Cqueue, Event, EventSender, PollError, Selector, scope};
}

/// What the macros expand to. Not for use by hand: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use may_core::runtime::{EntryConfig, enter};
    pub use may_core::spawn::{
        Builder, CallOptions, Join, SpawnIn, ToStackSize, check_literal, spawn_body, spawn_built,
    };

    /// What can go to another worker: `Send`, under a name that says what to do.
    #[diagnostic::on_unimplemented(
        message = "`{Self}` cannot be sent between threads, but a coroutine starts on any worker",
        label = "this argument cannot go there",
        note = "`#[may::coroutine(local)]` keeps the coroutine with the worker that spawns it"
    )]
    pub trait Carried {}

    #[diagnostic::do_not_recommend]
    impl<T: Send + ?Sized> Carried for T {}

    /// Takes a parameter that the body may not mention into the coroutine all the same.
    #[inline(always)]
    pub fn carry<T: Carried + ?Sized>(_: &T) {}

    /// The same for what stays with its worker.
    #[inline(always)]
    pub fn keep<T: ?Sized>(_: &T) {}

    pub use may_macros::select;

    /// What `select!` expands to.
    pub mod select {
        pub use may_core::select::expansion::*;
        pub use may_core::select::*;
    }
}
