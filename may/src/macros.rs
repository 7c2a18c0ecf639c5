//! The macros that are no more than a shorter way to write a call.

/// Spawns a coroutine.
///
/// | written | is |
/// |---|---|
/// | `go!(f)` | [`coroutine::spawn(f)`](crate::coroutine::spawn) |
/// | `go!(builder, f)` | `builder.spawn(f)`, an `io::Result` |
/// | `go!(scope, f)` | `scope.spawn(f)` |
/// | `go!(stack = "64k", name = "x", f)` | `spawn` with a stack size (a number of bytes, or a text) and a name, in any order |
///
/// # Panics
///
/// Where [`coroutine::spawn`](crate::coroutine::spawn) panics. A stack size that is none does not compile if it is a literal,
/// and panics otherwise.
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
    (@build [$($builder:tt)*] stack = $size:literal, $($rest:tt)+) => {
        $crate::go!(@build [$($builder)*
            .stack_size({
                const { $crate::__private::check_literal(stringify!($size)) };
                $crate::__private::ToStackSize::to_stack_size($size).bytes()
            })] $($rest)+)
    };
    (@build [$($builder:tt)*] stack = $size:expr, $($rest:tt)+) => {
        $crate::go!(@build [$($builder)*
            .stack_size($crate::__private::ToStackSize::to_stack_size($size).bytes())] $($rest)+)
    };
    (@build [$($builder:tt)*] name = $name:expr, $($rest:tt)+) => {
        $crate::go!(@build [$($builder)* .name(::std::string::String::from($name))] $($rest)+)
    };
    (@build [$($builder:tt)*] placement = $placement:expr, $($rest:tt)+) => {
        $crate::go!(@build [$($builder)* .placement($placement)] $($rest)+)
    };
    (@build [$($builder:tt)*] $body:expr $(,)?) => {
        $crate::__private::spawn_built($($builder)*, $body)
    };
    (stack = $($rest:tt)+) => {
        $crate::go!(@build [$crate::__private::Builder::new()] stack = $($rest)+)
    };
    (name = $($rest:tt)+) => {
        $crate::go!(@build [$crate::__private::Builder::new()] name = $($rest)+)
    };
    (placement = $($rest:tt)+) => {
        $crate::go!(@build [$crate::__private::Builder::new()] placement = $($rest)+)
    };
    ($body:expr $(,)?) => {
        $crate::coroutine::spawn($body)
    };
    ($spawner:expr, $body:expr $(,)?) => {
        $spawner.spawn($body)
    };
}

/// Runs several expressions at the same time and returns the tuple of their values.
///
/// Each but the first has a coroutine of its own, so that they may run on different workers; all of them may borrow from the
/// caller's frame, and what they share must be `Sync`. Up to twelve.
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

/// Waits for the first of several operations.
#[macro_export]
macro_rules! select {
    ($($arms:tt)*) => {
        $crate::__private::select!([$crate] $($arms)*)
    };
}
