//! Coroutine-local values: the syntax, methods and destructors of `thread_local!`, for coroutines
//! and plain threads.

use std::cell::{Cell, RefCell};
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;

use may::coroutine::{self, AccessError, spawn};
use may::coroutine_local;
use may_tests::{everywhere, message, on_workers};

coroutine_local! {
    static NUMBER: Cell<u32> = const { Cell::new(7) };
    /// With documentation and a visibility.
    pub(crate) static WORDS: RefCell<Vec<&'static str>> = RefCell::new(vec!["first"])
}

#[test]
fn each_coroutine_and_each_thread_has_a_value_of_its_own() {
    everywhere(|place| {
        let before = NUMBER.get();
        let helpers: Vec<_> = (0..50)
            .map(|i| {
                place.start(move || {
                    assert_eq!(NUMBER.get(), 7);
                    NUMBER.set(i);
                    coroutine::yield_now();
                    assert_eq!(NUMBER.get(), i);
                    WORDS.with_borrow_mut(|words| words.push("second"));
                    coroutine::yield_now();
                    assert_eq!(WORDS.take(), ["first", "second"]);
                })
            })
            .collect();
        helpers.into_iter().for_each(|helper| helper.join());
        assert_eq!(NUMBER.get(), before);
    });
}

#[test]
fn the_methods_do_what_stds_do() {
    thread_local! {
        static STD_NUMBER: Cell<u32> = const { Cell::new(7) };
        static STD_WORDS: RefCell<Vec<&'static str>> = RefCell::new(vec!["first"]);
    }
    /// Uses every method of a pair of keys and says what came out.
    macro_rules! uses {
        ($number:ident, $words:ident) => {{
            let mut out = vec![format!("{}", $number.get())];
            $number.set(8);
            out.push(format!("{} {}", $number.replace(9), $number.take()));
            out.push(format!("{:?}", $words.with_borrow(|words| words.clone())));
            $words.with_borrow_mut(|words| words.push("second"));
            out.push(format!("{:?}", $words.replace(vec!["third"])));
            $words.set(vec!["fourth"]);
            out.push(format!(
                "{:?} {:?}",
                $words.take(),
                $words.with(|words| words.borrow().len())
            ));
            out.push(format!("{:?}", $number.try_with(Cell::get)));
            out.push(
                format!("{:?}", $number)
                    .split_whitespace()
                    .next()
                    .unwrap()
                    .to_owned(),
            );
            out
        }};
    }
    let stds = thread::spawn(|| uses!(STD_NUMBER, STD_WORDS))
        .join()
        .unwrap();
    assert_eq!(thread::spawn(|| uses!(NUMBER, WORDS)).join().unwrap(), stds);
    assert_eq!(spawn(|| uses!(NUMBER, WORDS)).join().unwrap(), stds);
}

#[test]
fn set_before_the_first_use_makes_no_initial_value() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    coroutine_local! {
        static VALUE: Cell<usize> = Cell::new(MADE.fetch_add(1, SeqCst));
    }
    everywhere(|place| {
        place
            .start(|| {
                VALUE.set(5);
                assert_eq!(VALUE.get(), 5);
            })
            .join();
    });
    assert_eq!(MADE.load(SeqCst), 0);
}

#[test]
fn the_initializer_may_block() {
    coroutine_local! {
        static SLOW: Cell<u32> = {
            coroutine::sleep(std::time::Duration::from_micros(200));
            Cell::new(3)
        };
    }
    everywhere(|place| {
        let helpers: Vec<_> = (0..10).map(|_| place.start(|| SLOW.get())).collect();
        assert!(helpers.into_iter().all(|helper| helper.join() == 3));
    });
}

/// Says in a log when it is dropped.
struct Logged(&'static str, Arc<Mutex<Vec<String>>>);

impl Drop for Logged {
    fn drop(&mut self) {
        self.1.lock().unwrap().push(self.0.to_owned());
    }
}

/// Declares three keys with the macro `$local` and a function that uses them in the order b, a, c;
/// `c` is used by the destructor of `a` alone.
macro_rules! three {
    ($function:ident, $local:ident) => {
        fn $function(log: &Arc<Mutex<Vec<String>>>) {
            /// Uses another key when it is dropped.
            struct Uses(Logged);
            impl Drop for Uses {
                fn drop(&mut self) {
                    let made = C.try_with(|c| {
                        c.borrow_mut()
                            .get_or_insert_with(|| Logged("c", self.0.1.clone()));
                    });
                    self.0
                        .1
                        .lock()
                        .unwrap()
                        .push(format!("c from a: {}", made.is_ok()));
                    let dead = B.try_with(|_| ()).is_ok();
                    self.0.1.lock().unwrap().push(format!("b from a: {dead}"));
                }
            }
            $local! {
                static A: RefCell<Option<Uses>> = const { RefCell::new(None) };
                static B: RefCell<Option<Logged>> = const { RefCell::new(None) };
                static C: RefCell<Option<Logged>> = const { RefCell::new(None) };
            }
            B.set(Some(Logged("b", log.clone())));
            A.set(Some(Uses(Logged("a", log.clone()))));
        }
    };
}

three!(use_stds, thread_local);
three!(use_ours, coroutine_local);

/// The order in which the values that `uses` makes are dropped.
fn order(on_coroutine: bool, uses: fn(&Arc<Mutex<Vec<String>>>)) -> Vec<String> {
    let log = Arc::default();
    let inside = Arc::clone(&log);
    match on_coroutine {
        true => spawn(move || uses(&inside)).join().unwrap(),
        false => thread::spawn(move || uses(&inside)).join().unwrap(),
    }
    let log = log.lock().unwrap();
    log.clone()
}

#[cfg(target_os = "linux")]
#[test]
fn values_are_dropped_in_the_order_in_which_std_drops_those_of_a_thread() {
    let stds = order(false, use_stds);
    assert_eq!(stds.len(), 5, "{stds:?}");
    assert_eq!(order(true, use_ours), stds);
    assert_eq!(order(false, use_ours), stds);
}

#[test]
fn values_are_gone_when_join_returns_however_the_coroutine_ends() {
    everywhere(|_| {
        for way in 0..3 {
            let log: Arc<Mutex<Vec<String>>> = Arc::default();
            let inside = log.clone();
            let handle = spawn(move || {
                use_ours(&inside);
                match way {
                    0 => {}
                    1 => std::panic::resume_unwind(Box::new(())),
                    _ => {
                        coroutine::current().unpark();
                        coroutine::park();
                    }
                }
            });
            let _ = handle.join();
            assert_eq!(log.lock().unwrap().len(), 5);
        }
    });
}

#[test]
fn a_value_that_is_being_dropped_cannot_be_used() {
    struct UsesItself(&'static AtomicUsize);
    impl Drop for UsesItself {
        fn drop(&mut self) {
            assert_eq!(KEY.try_with(|_| ()), Err(AccessError_()));
            let payload = catch_unwind(|| KEY.with(|_| ())).unwrap_err();
            assert!(
                message(&*payload).contains("destructor"),
                "{}",
                message(&*payload)
            );
            self.0.fetch_add(1, SeqCst);
        }
    }
    /// The error, which has no public constructor.
    #[expect(non_snake_case, reason = "stands for the error's name")]
    fn AccessError_() -> AccessError {
        GONE.with(|error| error.get()).expect("made by the test")
    }
    coroutine_local! {
        static KEY: UsesItself = UsesItself(&DROPPED);
        static GONE: Cell<Option<AccessError>> = const { Cell::new(None) };
    }
    static DROPPED: AtomicUsize = AtomicUsize::new(0);
    /// Finds an error of that type: by a key that is dropped already.
    fn find_error() -> AccessError {
        struct Finds(Arc<Mutex<Option<AccessError>>>);
        impl Drop for Finds {
            fn drop(&mut self) {
                *self.0.lock().unwrap() = SELF.try_with(|_| ()).err();
            }
        }
        coroutine_local! {
            static SELF: RefCell<Option<Finds>> = const { RefCell::new(None) };
        }
        let found = Arc::new(Mutex::new(None));
        let inside = found.clone();
        spawn(move || SELF.set(Some(Finds(inside)))).join().unwrap();
        let error = found.lock().unwrap().take();
        error.expect("the key was being dropped")
    }
    on_workers(1, || {
        let error = find_error();
        spawn(move || {
            GONE.set(Some(error));
            KEY.with(|_| ());
        })
        .join()
        .unwrap();
    });
    assert_eq!(DROPPED.load(SeqCst), 1);
}

#[test]
fn a_panic_in_a_destructor_is_contained_and_the_other_values_are_dropped() {
    /// Panics with a payload that panics, too.
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            std::panic::resume_unwind(Box::new(PanicsToo));
        }
    }
    struct PanicsToo;
    impl Drop for PanicsToo {
        fn drop(&mut self) {
            std::panic::resume_unwind(Box::new("again"));
        }
    }
    coroutine_local! {
        static FIRST: RefCell<Option<Logged>> = const { RefCell::new(None) };
        static SECOND: Panics = Panics;
        static THIRD: RefCell<Option<Logged>> = const { RefCell::new(None) };
    }
    everywhere(|_| {
        let log: Arc<Mutex<Vec<String>>> = Arc::default();
        let inside = log.clone();
        let handle = spawn(move || {
            FIRST.set(Some(Logged("first", inside.clone())));
            SECOND.with(|_| ());
            THIRD.set(Some(Logged("third", inside)));
            5
        });
        assert_eq!(handle.join().unwrap(), 5, "the result is not harmed");
        assert_eq!(*log.lock().unwrap(), ["third", "first"]);
    });
}

#[test]
fn destructors_may_block() {
    struct Waits(Arc<AtomicUsize>);
    impl Drop for Waits {
        fn drop(&mut self) {
            coroutine::sleep(std::time::Duration::from_micros(200));
            coroutine::yield_now();
            self.0.fetch_add(1, SeqCst);
        }
    }
    coroutine_local! {
        static WAITS: RefCell<Option<Waits>> = const { RefCell::new(None) };
    }
    on_workers(2, || {
        let count = Arc::new(AtomicUsize::new(0));
        let handles: Vec<_> = (0..50)
            .map(|_| {
                let count = count.clone();
                spawn(move || WAITS.set(Some(Waits(count))))
            })
            .collect();
        handles
            .into_iter()
            .for_each(|handle| handle.join().unwrap());
        assert_eq!(count.load(SeqCst), 50);
    });
}

#[test]
fn a_key_has_no_value_when_the_coroutine_has_dropped_its_values() {
    struct Counted;
    impl Drop for Counted {
        fn drop(&mut self) {
            DROPPED.fetch_add(1, SeqCst);
        }
    }
    static MADE: AtomicUsize = AtomicUsize::new(0);
    static DROPPED: AtomicUsize = AtomicUsize::new(0);
    coroutine_local! {
        static COUNTED: Counted = {
            MADE.fetch_add(1, SeqCst);
            Counted
        };
    }
    for uses in [true, false] {
        let (says, said) = may::channel::bounded(1);
        drop(spawn(move || {
            if uses {
                COUNTED.with(|_| ());
            }
            may_tests::OnDrop(move || says.send(COUNTED.try_with(|_| ())).unwrap())
        }));
        // If the handle is dropped after the end, this thread drops the result, and has a value of
        // its own.
        let _ = said.recv().unwrap();
    }
    let on_this_thread = COUNTED.try_with(|_| ()).is_ok();
    assert!(on_this_thread);
    // The value of the coroutine, and that of this thread, which lives.
    assert_eq!(MADE.load(SeqCst) - DROPPED.load(SeqCst), 1);
}
