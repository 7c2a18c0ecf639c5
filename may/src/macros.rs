//! The macros that are no more than a shorter way to write a call.

/// Spawns a coroutine.
///
/// | written | is |
/// |---|---|
/// | `go!(f)` | [`coroutine::spawn(f)`](crate::coroutine::spawn) |
/// | `go!(builder, f)` | `builder.spawn(f)`, an `io::Result` |
/// | `go!(scope, f)` | `scope.spawn(f)` |
/// | `go!(call)` | `call.spawn()`, for a call of a function with [`#[may::coroutine]`](macro@crate::coroutine) |
/// | `go!(place, call)` | `call.spawn_in(place)`: a scope, a builder, a group, a runtime |
/// | `go!(cqueue, token, \|events\| ..)` | [`cqueue.add(token, \|events\| ..)`](crate::cqueue::Cqueue::add), as in May 0.3 |
/// | `go!(stack = "64k", name = "x", f)` | `spawn` with a stack size (a number of bytes, or a text) and a name, in any order |
///
/// # Panics
///
/// Where [`coroutine::spawn`](crate::coroutine::spawn) panics. A stack size that is none does not
/// compile if it is a literal, and panics otherwise.
///
/// # Examples
///
/// ```
/// use may::{coroutine, go};
///
/// let sum = go!(|| 1 + 2).join().unwrap();
/// let name = go!(stack = "64k", name = "adder", || {
///     coroutine::current().name().map(str::to_owned)
/// });
/// assert_eq!((sum, name.join().unwrap().as_deref()), (3, Some("adder")));
///
/// let mut total = 0;
/// coroutine::scope(|scope| {
///     go!(scope, || total += sum);
/// });
/// assert_eq!(total, 3);
///
/// let named = go!(coroutine::Builder::new().name("other".into()), || ());
/// named.unwrap().join().unwrap();
/// ```
#[macro_export]
macro_rules! go {
    // In brackets stand the user's tokens, to be used as they are: those of a rule that match them
    // would be shown in an error.
    (@build [$($builder:tt)*] [$($all:tt)+] stack = $size:literal, $($rest:tt)+) => {
        $crate::go!(@build [$($builder)*
            .stack_size({
                const { $crate::__private::check_literal(stringify!($size)) };
                $crate::__private::ToStackSize::to_stack_size($size).bytes()
            })] [$($rest)+] $($rest)+)
    };
    (@build [$($builder:tt)*] [$($all:tt)+] stack = $size:expr, $($rest:tt)+) => {
        $crate::go!(@build [$($builder)*
            .stack_size($crate::__private::ToStackSize::to_stack_size($size).bytes())]
            [$($rest)+] $($rest)+)
    };
    (@build [$($builder:tt)*] [$($all:tt)+] name = $name:expr, $($rest:tt)+) => {
        $crate::go!(@build [$($builder)* .name(::std::string::String::from($name))]
            [$($rest)+] $($rest)+)
    };
    (@build [$($builder:tt)*] [$($all:tt)+] placement = $placement:expr, $($rest:tt)+) => {
        $crate::go!(@build [$($builder)* .placement($placement)] [$($rest)+] $($rest)+)
    };
    // What is seen to be a closure goes where the compiler knows that it is called once; so does a
    // block that ends in one. What else there is may be a call.
    (@build [$($builder:tt)*] [$($all:tt)+] move $($body:tt)+) => {
        $crate::__private::spawn_built($($builder)*, $($all)+)
    };
    (@build [$($builder:tt)*] [$($all:tt)+] || $($body:tt)+) => {
        $crate::__private::spawn_built($($builder)*, $($all)+)
    };
    (@build [$($builder:tt)*] [$($all:tt)+] { $($body:tt)* } $(,)?) => {
        $crate::__private::spawn_built($($builder)*, { $($body)* })
    };
    (@build [$($builder:tt)*] [$($all:tt)+] $body:expr $(,)?) => {
        $crate::__private::spawn_body($($builder)*, $body)
    };
    (@in $spawner:expr, [$($all:tt)+] move $($body:tt)+) => {
        $spawner.spawn($($all)+)
    };
    (@in $spawner:expr, [$($all:tt)+] || $($body:tt)+) => {
        $spawner.spawn($($all)+)
    };
    (@in $spawner:expr, [$($all:tt)+] { $($body:tt)* } $(,)?) => {
        $spawner.spawn({ $($body)* })
    };
    (@in $spawner:expr, [$($all:tt)+] $body:expr $(,)?) => {{
        use $crate::__private::SpawnIn as _;
        $spawner.spawn_body($body)
    }};
    (@in $cqueue:expr, [$($all:tt)+] $token:expr, $body:expr $(,)?) => {
        $cqueue.add($token, $body)
    };
    (@go [$($all:tt)+] stack = $($rest:tt)+) => {
        $crate::go!(@build [$crate::__private::Builder::new()] [$($all)+] $($all)+)
    };
    (@go [$($all:tt)+] name = $($rest:tt)+) => {
        $crate::go!(@build [$crate::__private::Builder::new()] [$($all)+] $($all)+)
    };
    (@go [$($all:tt)+] placement = $($rest:tt)+) => {
        $crate::go!(@build [$crate::__private::Builder::new()] [$($all)+] $($all)+)
    };
    (@go [$($all:tt)+] move $($body:tt)+) => {
        $crate::coroutine::spawn($($all)+)
    };
    (@go [$($all:tt)+] || $($body:tt)+) => {
        $crate::coroutine::spawn($($all)+)
    };
    (@go [$($all:tt)+] { $($body:tt)* } $(,)?) => {
        $crate::coroutine::spawn({ $($body)* })
    };
    (@go [$($all:tt)+] $body:expr $(,)?) => {
        $crate::__private::spawn_body($crate::__private::Builder::new(), $body)
    };
    (@go [$($all:tt)+] $spawner:expr, $($rest:tt)+) => {
        $crate::go!(@in $spawner, [$($rest)+] $($rest)+)
    };
    ($($all:tt)+) => {
        $crate::go!(@go [$($all)+] $($all)+)
    };
}

/// Adds a coroutine to a [`Cqueue`](crate::cqueue::Cqueue) that does the same again and again until
/// it is cancelled: the top half, which may wait; an event with the token; the bottom half, when it
/// has its turn.
///
/// The coroutine borrows what it uses, so that must live outside the
/// [`scope`](crate::cqueue::scope) of the queue. For one that takes what it uses with it there is
/// `go!(cqueue, token, move |events| ..)`.
///
/// # Examples
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
/// use may::{channel, cqueue, cqueue_add, cqueue_add_oneshot};
///
/// let ((jobs, queue), (stop, stopped)) = (channel::unbounded(), channel::bounded(0));
/// (1..=10).for_each(|job| jobs.send(job).unwrap());
/// let sum = AtomicU32::new(0);
/// cqueue::scope(|cqueue| {
///     cqueue_add!(cqueue, 0, job = queue.recv() => {
///         if sum.fetch_add(job.unwrap(), Relaxed) == 45 {
///             stop.send(()).unwrap();
///         }
///     });
///     cqueue_add_oneshot!(cqueue, 1, _ = stopped.recv() => println!("that is all"));
///     while cqueue.poll(None).unwrap().token == 0 {}
/// });
/// assert_eq!(sum.into_inner(), 55);
/// ```
#[macro_export]
macro_rules! cqueue_add {
    ($cqueue:expr, $token:expr, $name:pat = $top:expr => $bottom:expr) => {
        $cqueue.add($token, |events| {
            while events.goes_on() {
                let $name = $top;
                events.send(events.get_token());
                $bottom
            }
        })
    };
}

/// Adds a coroutine to a [`Cqueue`](crate::cqueue::Cqueue) that does this once: the top half, which
/// may wait; an event with the token; the bottom half, when it has its turn.
///
/// # Examples
///
/// See [`cqueue_add!`].
#[macro_export]
macro_rules! cqueue_add_oneshot {
    ($cqueue:expr, $token:expr, $name:pat = $top:expr => $bottom:expr) => {
        $cqueue.add($token, |events| {
            let $name = $top;
            events.send(events.get_token());
            $bottom
        })
    };
}

/// Runs several expressions at the same time and returns the tuple of their values.
///
/// Each but the first has a coroutine of its own, so that they may run on different workers; all of
/// them may borrow from the caller's frame, and what they share must be `Sync`. Up to twelve.
///
/// # Panics
///
/// If a branch panics, the panic goes on in the caller when all branches have ended.
///
/// # Examples
///
/// ```
/// let words = ["two", "branches"];
/// let (first, second) = may::join!(words[0].len(), words[1].len());
/// assert_eq!((first, second), (3, 8));
/// ```
#[macro_export]
macro_rules! join {
    ($($branch:expr),+ $(,)?) => {
        $crate::__private::Join::join(($(|| $branch,)+))
    };
}

/// Waits for the first of several operations, and runs the body of its arm.
///
/// An operation that lost has not happened: no message is taken, no byte moved, no permit lost. The
/// body runs in the caller's frame when all others are withdrawn, so `?`, `break`, `return` and
/// borrows work in it; its value is that of the `select!`.
///
/// ```
/// use std::time::Duration;
/// use may::{channel, select};
///
/// # fn next(jobs: channel::Receiver<u32>) -> Option<u32> {
/// let n = select! {
///     Ok(job) = recv(jobs) else { return None } => job * 2,
///     after(Duration::from_secs(1)) => 0,
/// };
/// # Some(n) }
/// # let (tx, rx) = channel::bounded(1);
/// # tx.send(4).unwrap();
/// # assert_eq!(next(rx), Some(8));
/// ```
///
/// # Arms
///
/// ```text
/// [pattern =] operation [else { .. }] [if guard] => body,
/// match operation { pattern => body, .. }
/// default => body
/// ```
///
/// * An *operation* is one of `recv(rx)`, `send(tx, value)`, `after(duration)`, `at(instant)`,
///   `tick(interval)`, `join(handle)`, `acquire(semaphore)`, `lock(mutex)`, `wait(flag)`,
///   `cancelled()`, `cancelled(token)`, `accept(listener)`, `read(io, &mut buffer)`, `write(io,
///   &buffer)`, `read_vectored(io, &mut buffers)`, `write_vectored(io, &buffers)`, `peek(io, &mut
///   buffer)`, `recv_from(socket, &mut buffer)`, `send_to(socket, &buffer, address)`,
///   `connect(address)`, `readable(io)`, `writable(io)` and `on(event)`. `rx.recv()` means the same
///   as `recv(rx)`. The names of places are borrowed, not moved, and pointers lead to what they
///   hold. An `Option` that is `None` never happens.
/// * A result must be named; `_ = recv(rx)` ignores it. A pattern that may not match needs an
///   `else` block that leaves, as in `let`.
/// * A *guard* that does not hold disables its arm, and nothing else of that arm is evaluated.
/// * `default` runs if no operation is possible now. It is the last arm.
/// * `#[cfg(..)]` and lint attributes may stand before an arm.
///
/// The arm is chosen at random among those that are ready. With `biased;` in front, it is the first
/// of them; then an arm that is always ready starves those behind it.
///
/// The list of operations with what each leaves, the order of evaluation, and what is different in
/// tokio and crossbeam are in `docs/select.md` of the repository.
///
/// # Panics
///
/// If all arms are disabled and there is no `default`: the call would wait forever.
///
/// # Cancellation
///
/// A cancelled coroutine unwinds here, and no operation has happened; unless there is an arm
/// `cancelled()`.
///
/// # Examples
///
/// A relay that receives when there is room, and sends when there is something. The value to be
/// sent is evaluated only when it can be sent:
///
/// ```
/// use std::collections::VecDeque;
/// use may::{channel::{Receiver, Sender}, select};
///
/// fn relay(input: Receiver<u32>, output: Sender<u32>) {
///     let mut queue = VecDeque::new();
///     loop {
///         select! {
///             Ok(item) = recv(input) else { break } if queue.len() < 16 => queue.push_back(item),
///             Ok(()) = send(output, queue.pop_front().unwrap()) else { break } if !queue.is_empty() => {}
///         }
///     }
/// }
/// # let ((to, input), (output, from)) = (may::channel::bounded(0), may::channel::bounded(0));
/// # may::coroutine::spawn(|| relay(input, output));
/// # to.send(5).unwrap();
/// # assert_eq!(from.recv(), Ok(5));
/// ```
///
/// The form with `match` is formatted by rustfmt:
///
/// ```
/// use may::{channel::Receiver, select};
///
/// fn latest(numbers: &Receiver<u32>) -> Option<u32> {
///     select!(
///         biased,
///         match recv(numbers) {
///             Ok(number) => Some(number),
///             Err(_) => None,
///         },
///         match default {
///             () => None,
///         },
///     )
/// }
/// # let (to, numbers) = may::channel::bounded(1);
/// # assert_eq!(latest(&numbers), None);
/// # to.send(5).unwrap();
/// # assert_eq!(latest(&numbers), Some(5));
/// ```
///
/// `run(expression)` and `run { .. }` run any blocking code as an arm, in a coroutine of its own,
/// which is cancelled if another arm wins and has ended when the select does; it is the one arm
/// that leaves traces when it loses.
///
/// What runs in an arm's argument is no part of the arm: blocking code by itself is not an
/// operation.
///
/// ```compile_fail
/// may::select! { line = read_line() => println!("{line}") }
/// ```
#[macro_export]
macro_rules! select {
    ($($arms:tt)*) => {
        $crate::__private::select!([$crate] $($arms)*)
    };
}
