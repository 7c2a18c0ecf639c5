//! `may::coroutine` has the shape of `std::thread`: one table, expanded over both.
//!
//! What the table says holds for std's module or this file does not compile, so it cannot drift;
//! and then it holds for ours.

/// Notes for one type which of some traits it has.
macro_rules! rows {
    ($found:ident, $type:ty: $($bound:path),+) => {
        $($found.push((concat!(stringify!($type), ": ", stringify!($bound)), may_tests::has!($type: $bound)));)+
    };
}

/// Every stable function and type of `std::thread`, as `module`, with its bounds and what it
/// returns; and every trait of each type.
macro_rules! table {
    ($name:ident, $module:path, [$($local:tt)+]) => {
        mod $name {
            use std::any::Any;
            use std::fmt::{Debug, Display};
            use std::hash::Hash;
            use std::io;
            use std::num::NonZero;
            use std::panic::{RefUnwindSafe, UnwindSafe};
            use std::time::Duration;

            use $module as module;
            use module::{AccessError, Builder, JoinHandle, LocalKey, Scope, ScopedJoinHandle, Thread, ThreadId};

            pub(super) fn functions() {
                let _: fn() -> Thread = module::current;
                let _: fn() = module::park;
                let _: fn(Duration) = module::park_timeout;
                let _: fn() = module::yield_now;
                let _: fn(Duration) = module::sleep;
                let _: fn() -> bool = module::panicking;
                let _: fn() -> io::Result<NonZero<usize>> = module::available_parallelism;
                fn spawn<F, T>(f: F) -> JoinHandle<T>
                where
                    F: FnOnce() -> T + Send + 'static,
                    T: Send + 'static,
                {
                    module::spawn(f)
                }
                fn scope<'env, F, T>(f: F) -> T
                where
                    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
                {
                    module::scope(f)
                }
                assert_eq!(spawn(|| 1).join().unwrap(), 1);
                assert_eq!(scope(|_| 2), 2);
                let _: module::Result<u8> = Err(Box::new(1) as Box<dyn Any + Send + 'static>);
            }

            pub(super) fn methods() {
                let _: fn() -> Builder = Builder::new;
                let _: fn(Builder, String) -> Builder = Builder::name;
                let _: fn(Builder, usize) -> Builder = Builder::stack_size;
                fn spawn<F, T>(builder: Builder, f: F) -> io::Result<JoinHandle<T>>
                where
                    F: FnOnce() -> T + Send + 'static,
                    T: Send + 'static,
                {
                    builder.spawn(f)
                }
                fn spawn_scoped<'scope, 'env, F, T>(
                    builder: Builder,
                    scope: &'scope Scope<'scope, 'env>,
                    f: F,
                ) -> io::Result<ScopedJoinHandle<'scope, T>>
                where
                    F: FnOnce() -> T + Send + 'scope,
                    T: Send + 'scope,
                {
                    builder.spawn_scoped(scope, f)
                }
                fn spawn_in<'scope, F, T>(scope: &'scope Scope<'scope, '_>, f: F) -> ScopedJoinHandle<'scope, T>
                where
                    F: FnOnce() -> T + Send + 'scope,
                    T: Send + 'scope,
                {
                    scope.spawn(f)
                }
                let _: fn(JoinHandle<u8>) -> module::Result<u8> = JoinHandle::join;
                let _: fn(&JoinHandle<u8>) -> &Thread = JoinHandle::thread;
                let _: fn(&JoinHandle<u8>) -> bool = JoinHandle::is_finished;
                let _: fn(&Thread) -> ThreadId = Thread::id;
                let _: fn(&Thread) -> Option<&str> = Thread::name;
                let _: fn(&Thread) = Thread::unpark;
                let named = Builder::new().name("named".to_owned()).stack_size(256 << 10);
                let handle = spawn(named, || module::current().name().map(str::to_owned)).unwrap();
                assert_eq!(handle.thread().name(), Some("named"));
                let id: ThreadId = handle.thread().id();
                assert!(id == id.clone() && id != module::current().id());
                assert_eq!(handle.join().unwrap().as_deref(), Some("named"));
                let borrowed = String::from("borrowed");
                let lengths = module::scope(|s| {
                    let one: ScopedJoinHandle<'_, usize> = spawn_in(s, || borrowed.len());
                    let _: (&Thread, bool) = (one.thread(), one.is_finished());
                    let two = spawn_scoped(Builder::new(), s, || borrowed.len()).unwrap();
                    one.join().unwrap() + two.join().unwrap()
                });
                assert_eq!(lengths, 16);
            }

            pub(super) fn locals() {
                use std::cell::{Cell, RefCell};
                $($local)+! {
                    static CELL: Cell<u8> = const { Cell::new(1) };
                    /// Documented.
                    pub(super) static REF: RefCell<String> = RefCell::new(String::from("a"))
                }
                let key: &'static LocalKey<Cell<u8>> = &CELL;
                let _: u8 = key.get();
                key.set(2);
                assert_eq!((key.replace(3), key.take(), key.get()), (2, 3, 0));
                assert_eq!(REF.with_borrow(String::len), 1);
                REF.with_borrow_mut(|text| text.push('b'));
                assert_eq!(REF.replace("c".to_owned()), "ab");
                REF.set("d".to_owned());
                assert_eq!((REF.take(), REF.with(|text| text.borrow().len())), ("d".to_owned(), 0));
                let tried: Result<u8, AccessError> = key.try_with(Cell::get);
                assert_eq!(tried, Ok(0));
            }

            /// Which type has which trait.
            pub(super) fn traits() -> Vec<(&'static str, bool)> {
                let mut found = Vec::new();
                rows!(found, Thread: Send, Sync, Unpin, Clone, Debug, UnwindSafe, RefUnwindSafe);
                rows!(found, ThreadId: Send, Sync, Unpin, Clone, Copy, Debug, Eq, Hash, UnwindSafe, RefUnwindSafe);
                rows!(found, Builder: Send, Sync, Unpin, Debug, UnwindSafe, RefUnwindSafe);
                rows!(found, JoinHandle<u8>: Send, Sync, Unpin, Debug);
                rows!(found, ScopedJoinHandle<'static, u8>: Send, Sync, Unpin, Debug);
                rows!(found, Scope<'static, 'static>: Send, Sync, Unpin, Debug);
                rows!(found, AccessError: Send, Sync, Unpin, Clone, Copy, Debug, Display, Eq, std::error::Error, UnwindSafe, RefUnwindSafe);
                rows!(found, LocalKey<u8>: Send, Sync, Unpin, Debug, UnwindSafe, RefUnwindSafe);
                found
            }
        }
    };
}

table!(stds, std::thread, [thread_local]);
table!(ours, may::coroutine, [may::coroutine_local]);

#[test]
fn the_functions_are_stds() {
    stds::functions();
    ours::functions();
    may::coroutine::spawn(ours::functions).join().unwrap();
}

#[test]
fn the_methods_are_stds() {
    stds::methods();
    ours::methods();
    may::coroutine::spawn(ours::methods).join().unwrap();
}

#[test]
fn the_local_keys_are_stds() {
    stds::locals();
    ours::locals();
    may::coroutine::spawn(ours::locals).join().unwrap();
}

#[test]
fn each_type_has_the_traits_of_stds() {
    let missing: Vec<_> = stds::traits()
        .into_iter()
        .zip(ours::traits())
        .filter(|((_, stds), (_, ours))| *stds && !ours)
        .map(|((row, _), _)| row)
        .collect();
    assert!(
        missing.is_empty(),
        "std's have these and ours have not: {missing:?}"
    );
}

/// A program for threads, in which only the imports differ: a pipeline with shared state, a scope,
/// a local value and a panic.
macro_rules! program {
    ($name:ident, $thread:path, $sync:path, [$($local:tt)+]) => {
        mod $name {
            use std::cell::Cell;
            use std::time::Duration;
            use sync::atomic::{AtomicUsize, Ordering};
            use sync::{Arc, Mutex, Weak};
            use $sync as sync;
            use $thread as thread;

            $($local)+! {
                static STEPS: Cell<usize> = const { Cell::new(0) };
            }

            pub(super) fn main() -> Vec<String> {
                let log = Arc::new(Mutex::new(Vec::new()));
                let weak: Weak<Mutex<Vec<String>>> = Arc::downgrade(&log);
                let say = move |text: String| weak.upgrade().unwrap().lock().unwrap().push(text);
                let consumer = {
                    let say = say.clone();
                    thread::Builder::new()
                        .name("consumer".into())
                        .spawn(move || {
                            for _ in 0..3 {
                                thread::park_timeout(Duration::from_secs(600));
                                STEPS.set(STEPS.get() + 1);
                            }
                            let name = thread::current().name().unwrap_or("?").to_owned();
                            say(format!("{name} made {} steps", STEPS.get()));
                        })
                }
                .unwrap();
                while !consumer.is_finished() {
                    consumer.thread().unpark();
                    thread::yield_now();
                }
                consumer.join().unwrap();
                let total = AtomicUsize::new(0);
                thread::scope(|s| {
                    for i in 0..10 {
                        let total = &total;
                        s.spawn(move || {
                            thread::sleep(Duration::from_micros(100 * (i % 3)));
                            total.fetch_add(i as usize, Ordering::Relaxed);
                        });
                    }
                });
                say(format!("the sum is {}", total.load(Ordering::Relaxed)));
                let poisons = log.clone();
                let failed = thread::spawn(move || {
                    let _held = poisons.lock().unwrap();
                    panic!("a part fails (expected)");
                });
                assert!(failed.join().unwrap_err().is::<&str>());
                assert!(log.is_poisoned());
                let mut log = log.lock().unwrap_or_else(sync::PoisonError::into_inner);
                log.push(format!(
                    "panicking: {}, steps here: {}",
                    thread::panicking(),
                    STEPS.get()
                ));
                log.clone()
            }
        }
    };
}

program!(over_std, std::thread, std::sync, [thread_local]);
program!(over_may, may::coroutine, may::sync, [may::coroutine_local]);

#[test]
fn a_program_of_which_only_the_imports_were_changed_does_the_same() {
    let _watchdog = may_tests::watchdog();
    let expected = over_std::main();
    assert_eq!(expected.len(), 3);
    assert_eq!(over_may::main(), expected);
    assert_eq!(
        may::coroutine::spawn(over_may::main).join().unwrap(),
        expected
    );
}
