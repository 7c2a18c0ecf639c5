//! The attributes at work: what coroutines made of functions do, and what the options of entries
//! change.

use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use may::coroutine::{self, Builder, Call, CoroutineFn, TaskGroup};
use may::{Runtime, go};
use may_tests::{OnDrop, child, end, eventually, message, runtime, watchdog};

/// The name of the running coroutine.
fn own_name() -> Option<String> {
    coroutine::current().name().map(str::to_owned)
}

#[may::coroutine]
fn add(a: u32, b: u32) -> u32 {
    a + b
}

#[may::coroutine(name = "conn-{id:02}", stack = "64k")]
fn named(id: u8) -> (u8, Option<String>) {
    (id, own_name())
}

#[may::coroutine]
fn count(words: &[String]) -> usize {
    words.iter().map(String::len).sum()
}

#[may::coroutine]
fn longest<'a>(words: &'a [String], (least, _): (usize, u8)) -> Option<&'a str> {
    let longest = words.iter().max_by_key(|word| word.len())?;
    (longest.len() >= least).then_some(longest.as_str())
}

#[test]
fn a_call_does_nothing_until_it_is_spawned() {
    let _watchdog = watchdog();
    static RUNS: AtomicUsize = AtomicUsize::new(0);

    #[may::coroutine]
    fn run() {
        RUNS.fetch_add(1, SeqCst);
    }

    let (first, second) = (run(), run());
    thread::sleep(Duration::from_millis(5));
    assert_eq!(RUNS.load(SeqCst), 0);
    first.spawn().join().unwrap();
    assert_eq!(RUNS.load(SeqCst), 1);
    second.call();
    assert_eq!(RUNS.load(SeqCst), 2);
}

#[test]
fn a_call_is_spawned_in_every_place() {
    let _watchdog = watchdog();
    assert_eq!(add(1, 2).spawn().join().unwrap(), 3);
    assert_eq!(go!(add(1, 2)).join().unwrap(), 3);
    let words = ["a".to_owned(), "scope".to_owned()];
    let sums = coroutine::scope(|s| {
        let first = count(&words).spawn_in(s);
        let second = go!(s, count(&words[..1]));
        (first.join().unwrap(), second.join().unwrap())
    });
    assert_eq!(sums, (6, 1));
    let runtime = runtime(1);
    assert_eq!(add(2, 2).spawn_in(&runtime).join().unwrap(), 4);
    assert_eq!(go!(runtime, add(2, 3)).join().unwrap(), 5);
    let mut group = TaskGroup::new();
    add(3, 3).spawn_in(&mut group);
    go!(group, add(3, 4));
    let mut ends: Vec<_> = group.join_all().into_iter().map(Result::unwrap).collect();
    ends.sort_unstable();
    assert_eq!(ends, [6, 7]);
    let handle = add(4, 4).spawn_in(Builder::new()).unwrap();
    assert_eq!(handle.join().unwrap(), 8);
    assert_eq!(go!(Builder::new(), add(4, 5)).unwrap().join().unwrap(), 9);
    end(runtime);
}

#[test]
fn go_still_takes_every_form_of_closure() {
    let _watchdog = watchdog();
    fn seven() -> u8 {
        7
    }
    let eight = || 8_u8;
    assert_eq!(go!(seven).join().unwrap(), 7);
    assert_eq!(go!(eight).join().unwrap(), 8);
    assert_eq!(
        go!({
            let nine = Box::new(9);
            move || *nine
        })
        .join()
        .unwrap(),
        9
    );
    assert_eq!(go!(name = "x", seven).join().unwrap(), 7);
    assert_eq!(go!(Builder::new(), seven).unwrap().join().unwrap(), 7);
    // Known to be called once, as closures for `std::thread` are.
    let mut number = 1;
    coroutine::scope(|s| {
        let changed = go!(s, || {
            number += 1;
            &mut number
        });
        *changed.join().unwrap() += 1;
    });
    assert_eq!(number, 3);
}

#[test]
fn a_name_is_made_of_the_arguments_and_can_be_changed() {
    let _watchdog = watchdog();
    let name = |result: thread::Result<(u8, Option<String>)>| result.unwrap().1.unwrap();
    assert_eq!(name(named(7).spawn().join()), "conn-07");
    assert_eq!(name(named(7).name("other").spawn().join()), "other");
    let builder = Builder::new().name("builder".into());
    assert_eq!(name(named(7).spawn_in(builder).unwrap().join()), "builder");
    assert_eq!(name(go!(name = "go", named(7)).join()), "go");
    let builder = Builder::new();
    assert_eq!(name(named(7).spawn_in(builder).unwrap().join()), "conn-07");

    #[may::coroutine(name = "plain {{}}")]
    fn plain() -> Option<String> {
        own_name()
    }

    const NAME: &str = "constant";

    #[may::coroutine(name = NAME)]
    fn constant() -> Option<String> {
        own_name()
    }

    assert_eq!(plain().spawn().join().unwrap().as_deref(), Some("plain {}"));
    assert_eq!(
        constant().spawn().join().unwrap().as_deref(),
        Some("constant")
    );
}

/// Uses about `kib` KiB of stack.
fn dig(kib: usize) -> usize {
    let room = std::hint::black_box([kib as u8; 1024]);
    if kib == 0 {
        return 0;
    }
    dig(kib - 1) + usize::from(room[0] != kib as u8) + 1
}

#[may::coroutine(stack = "8m")]
fn dig_deep(kib: usize) -> usize {
    dig(kib)
}

#[test]
fn a_stack_size_holds_for_spawns_and_for_calls() {
    let _watchdog = watchdog();
    assert_eq!(dig_deep(4_000).spawn().join().unwrap(), 4_000);
    let small = Builder::new().stack_size(64 << 10);
    let called = small.spawn(|| dig_deep(4_000).call()).unwrap();
    assert_eq!(called.join().unwrap(), 4_000);
    let thread = thread::Builder::new().stack_size(64 << 10);
    let called = thread.spawn(|| dig_deep(4_000).call()).unwrap();
    assert_eq!(called.join().unwrap(), 4_000);
    // Where there is enough, the call stays on the caller's stack.
    let address = || {
        let here = 0_u8;
        (&raw const here).addr()
    };

    #[may::coroutine(stack = "64k")]
    fn inline(address: impl Fn() -> usize + Send) -> usize {
        address()
    }

    let large = Builder::new().stack_size(1 << 20);
    let distance = large
        .spawn(move || inline(address).call().abs_diff(address()))
        .unwrap();
    assert!(distance.join().unwrap() < 64 << 10);
}

#[test]
fn arguments_live_until_the_coroutine_ends_whether_it_uses_them_or_not() {
    let _watchdog = watchdog();
    struct Pair(
        Arc<AtomicUsize>,
        #[allow(dead_code)] OnDrop<Box<dyn FnMut() + Send>>,
    );

    #[may::coroutine]
    fn unused(_unused: impl Send, _: impl Send, Pair(drops, _): Pair, ready: Arc<AtomicBool>) {
        assert_eq!(drops.load(SeqCst), 0);
        ready.store(true, SeqCst);
        coroutine::park();
        assert_eq!(drops.load(SeqCst), 0);
    }

    let drops = Arc::new(AtomicUsize::new(0));
    let on_drop = || {
        let drops = drops.clone();
        OnDrop(Box::new(move || {
            drops.fetch_add(1, SeqCst);
        }) as Box<dyn FnMut() + Send>)
    };
    let call = |ready: &Arc<AtomicBool>| {
        let pair = Pair(drops.clone(), on_drop());
        unused(on_drop(), on_drop(), pair, ready.clone())
    };
    let ready = Arc::new(AtomicBool::new(false));
    let handle = call(&ready).spawn();
    eventually("it has started", || ready.load(SeqCst));
    assert_eq!(drops.load(SeqCst), 0);
    handle.coroutine().unpark();
    handle.join().unwrap();
    assert_eq!(drops.load(SeqCst), 3);
    drop(call(&ready));
    assert_eq!(
        drops.load(SeqCst),
        6,
        "a call that is not spawned drops them"
    );
}

#[test]
fn borrowed_arguments_patterns_and_question_marks_work() {
    let _watchdog = watchdog();
    let words = ["two".to_owned(), "words".to_owned()];
    coroutine::scope(|s| {
        assert_eq!(
            longest(&words, (5, 0)).spawn_in(s).join().unwrap(),
            Some("words")
        );
        assert_eq!(longest(&words, (6, 0)).spawn_in(s).join().unwrap(), None);
    });
    assert_eq!(longest(&[], (0, 0)).call(), None);

    #[may::coroutine]
    fn parse(text: &'static str, mut sum: i32) -> Result<i32, std::num::ParseIntError> {
        for part in text.split(',') {
            sum += part.parse::<i32>()?;
        }
        if sum > 100 {
            return Ok(100);
        }
        Ok(sum)
    }

    assert_eq!(parse("1,2", 3).spawn().join().unwrap(), Ok(6));
    assert_eq!(parse("1,200", 3).call(), Ok(100));
    assert!(parse("1,x", 3).spawn().join().unwrap().is_err());
}

#[may::coroutine]
fn evens(limit: u32) -> impl Iterator<Item = u32> + Send {
    (0..limit).filter(|number| number % 2 == 0)
}

#[may::coroutine]
fn shown<T, const N: usize>(values: [T; N], f: impl FnOnce(String) -> usize + Send) -> usize
where
    T: Display + Send,
{
    f(values.map(|value| value.to_string()).concat())
}

#[test]
fn generics_and_impl_trait_work() {
    let _watchdog = watchdog();
    assert_eq!(
        evens(5).spawn().join().unwrap().collect::<Vec<_>>(),
        [0, 2, 4]
    );
    assert_eq!(shown([1, 22], |text| text.len()).spawn().join().unwrap(), 3);
    assert_eq!(shown(["a"; 4], |text| text.len()).call(), 4);
}

#[may::coroutine]
fn fibonacci(n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    let first = fibonacci(n - 1).spawn();
    fibonacci(n - 2).call() + first.join().unwrap()
}

#[test]
fn a_coroutine_may_call_itself() {
    let _watchdog = watchdog();
    assert_eq!(fibonacci(12).spawn().join().unwrap(), 144);
}

struct Counter {
    value: u32,
}

impl Counter {
    #[may::coroutine(name = "value {self}")]
    fn plus(&self, more: u32) -> (u32, Option<String>) {
        (self.value + more, own_name())
    }

    #[may::coroutine]
    fn increase(&mut self) -> u32 {
        self.value += 1;
        self.value
    }

    #[may::coroutine]
    fn into_value(self) -> u32 {
        self.value
    }

    #[may::coroutine]
    fn from_shared(self: Arc<Self>) -> u32 {
        self.value
    }
}

impl Display for Counter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.value.fmt(f)
    }
}

trait Measure {
    fn measure(&self, unit: u32) -> Call<impl CoroutineFn<Output = u32> + Send>;

    #[may::coroutine]
    fn twice(&self) -> u32
    where
        Self: Sync,
    {
        self.measure(2).call()
    }
}

impl Measure for Counter {
    #[may::coroutine]
    fn measure(&self, unit: u32) -> u32 {
        self.value * unit
    }
}

#[test]
fn methods_and_trait_methods_work() {
    let _watchdog = watchdog();
    let mut counter = Counter { value: 1 };
    coroutine::scope(|s| {
        let (value, name) = counter.plus(1).spawn_in(s).join().unwrap();
        assert_eq!((value, name.as_deref()), (2, Some("value 1")));
        assert_eq!(counter.measure(5).spawn_in(s).join().unwrap(), 5);
        assert_eq!(counter.twice().spawn_in(s).join().unwrap(), 2);
    });
    coroutine::scope(|s| assert_eq!(counter.increase().spawn_in(s).join().unwrap(), 2));
    assert_eq!(
        Arc::new(Counter { value: 9 })
            .from_shared()
            .spawn()
            .join()
            .unwrap(),
        9
    );
    assert_eq!(counter.into_value().spawn().join().unwrap(), 2);
}

#[may::coroutine(local, name = "local")]
fn bump(shared: Rc<Cell<u32>>, log: Rc<RefCell<Vec<String>>>) -> Rc<Cell<u32>> {
    shared.set(shared.get() + 1);
    log.borrow_mut().extend(own_name());
    shared
}

#[may::coroutine(local)]
fn bump_borrowed(shared: &Cell<u32>) {
    shared.set(shared.get() + 1);
}

#[test]
fn a_local_coroutine_keeps_what_is_not_send() {
    let _watchdog = watchdog();
    let handle = coroutine::spawn(|| {
        let (shared, log) = (Rc::new(Cell::new(0)), Rc::new(RefCell::new(Vec::new())));
        bump(shared.clone(), log.clone())
            .spawn_local()
            .join()
            .unwrap();
        bump(shared.clone(), log.clone()).call();
        let local = Cell::new(0);
        coroutine::scope(|s| {
            for _ in 0..3 {
                bump_borrowed(&local).spawn_local_in(s);
            }
        });
        (shared.get(), log.borrow().len(), local.get())
    });
    assert_eq!(handle.join().unwrap(), (2, 1, 3));
    // What need not be local may be all the same.
    let handle = coroutine::spawn(|| add(1, 2).spawn_local().join().unwrap());
    assert_eq!(handle.join().unwrap(), 3);
}

#[may::coroutine]
fn for_ever() -> ! {
    loop {
        coroutine::park();
    }
}

#[test]
fn a_coroutine_that_never_ends_can_be_cancelled() {
    let _watchdog = watchdog();
    let handle = for_ever().spawn();
    handle.cancel();
    may_tests::assert_cancelled(handle.join().map(|never| match never {}));
}

#[may::test]
fn a_test_runs_as_a_coroutine_on_two_workers() {
    assert!(coroutine::is_coroutine());
    assert_eq!(own_name().as_deref(), Some("main"));
    let name = thread::current().name().map(str::to_owned).unwrap();
    assert!(
        name.starts_with("attributes::a_test_runs_as_a_coroutine_on_two_workers-"),
        "{name}"
    );
}

#[may::test(
    name = "mine",
    workers = 1,
    stack = "128k",
    blocking = 2,
    timeout = "30s",
    leak = "deny",
    on_exit = "cancel"
)]
fn a_test_takes_all_options() -> io::Result<()> {
    let name = thread::current().name().map(str::to_owned).unwrap();
    assert_eq!(name, "mine-0");
    Ok(())
}

#[cfg(target_os = "linux")]
#[may::test(pin = true, workers = 1)]
fn a_pinned_worker_has_one_processor() {
    assert_eq!(thread::available_parallelism().unwrap().get(), 1);
}

#[may::test]
fn coroutines_that_end_soon_after_the_test_are_no_leak() {
    drop(coroutine::spawn(|| {
        coroutine::sleep(Duration::from_millis(20))
    }));
    coroutine::spawn(coroutine::park).cancel();
}

#[may::test(leak = "allow")]
fn leaks_can_be_allowed() {
    drop(coroutine::spawn(coroutine::park));
}

#[may::test(on_exit = "leave", leak = "allow")]
fn a_test_may_leave_its_coroutines() {
    drop(coroutine::spawn(|| {
        coroutine::sleep(Duration::from_secs(3600))
    }));
}

static JOINED: AtomicBool = AtomicBool::new(false);

#[test]
fn what_is_left_is_joined_if_so_desired() {
    #[may::main(on_exit = "join")]
    fn entry() {
        drop(coroutine::spawn(|| {
            coroutine::sleep(Duration::from_millis(30));
            drop(coroutine::spawn(|| {
                coroutine::sleep(Duration::from_millis(30));
                JOINED.store(true, SeqCst);
            }));
        }));
    }
    let _watchdog = watchdog();
    // In a process of its own, as the other tests have coroutines, too.
    let (text, succeeded) = child(&[], || {
        entry();
        assert!(JOINED.load(SeqCst));
        assert_eq!(
            coroutine::spawn(|| 1).join().unwrap(),
            1,
            "the runtime goes on"
        );
    });
    assert!(succeeded, "{text}");
}

#[test]
fn what_is_left_is_cancelled_if_so_desired() {
    static DROPPED: AtomicBool = AtomicBool::new(false);

    #[may::main(on_exit = "cancel", name = "entry", blocking = 2, workers = 2)]
    fn entry() {
        let started = Arc::new(AtomicBool::new(false));
        let says = started.clone();
        drop(coroutine::spawn(move || {
            let _dropped = OnDrop(|| DROPPED.store(true, SeqCst));
            says.store(true, SeqCst);
            coroutine::sleep(Duration::from_secs(3600));
        }));
        while !started.load(SeqCst) {
            coroutine::yield_now();
        }
        let name = thread::current().name().map(str::to_owned).unwrap();
        assert!(name.starts_with("entry-"), "{name}");
    }
    let _watchdog = watchdog();
    let (text, succeeded) = child(&[], || {
        entry();
        assert!(DROPPED.load(SeqCst));
    });
    assert!(succeeded, "{text}");
}

/// What a failing test says.
fn failure(test: fn()) -> String {
    let payload = std::panic::catch_unwind(test).unwrap_err();
    message(&*payload)
}

mod failing {
    //! Tests that fail, and are called by others.

    use super::*;

    #[may::test(timeout = "50ms")]
    #[ignore = "fails"]
    fn takes_too_long() {
        coroutine::spawn(coroutine::park).join().unwrap();
    }

    #[may::test(timeout = Duration::from_millis(50), on_exit = "join")]
    #[ignore = "fails"]
    fn leaves_something_for_long() {
        drop(coroutine::spawn(coroutine::park));
    }

    #[may::test]
    #[ignore = "fails"]
    fn leaks() {
        drop(coroutine::spawn(coroutine::park));
        coroutine::yield_now();
    }

    #[may::test(workers = 1, timeout = "20ms")]
    #[ignore = "fails"]
    fn computes_too_long() {
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(200) {
            std::hint::spin_loop();
        }
    }

    #[may::test]
    #[ignore = "fails"]
    fn panics() {
        drop(coroutine::spawn(coroutine::park));
        panic!("of its own (expected)");
    }

    #[may::test]
    #[ignore = "fails"]
    fn prints() {
        coroutine::spawn(|| println!("a line of a coroutine"))
            .join()
            .unwrap();
        may::unblock(|| println!("a line of the pool"));
        let _ = coroutine::spawn(|| panic!("a panic of a coroutine (expected)")).join();
        panic!("of its own (expected)");
    }

    /// What the harness shows of a test that fails, and nothing when it passes.
    #[test]
    fn what_coroutines_of_a_test_print_is_shown_with_it() {
        let _watchdog = watchdog();
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["attributes::failing::prints", "--exact", "--ignored"])
            .output()
            .unwrap();
        // Past the harness nothing is written.
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(text, "");
        let text = String::from_utf8_lossy(&output.stdout);
        let (_, shown) = text
            .split_once("---- attributes::failing::prints stdout ----")
            .expect("what it printed");
        for line in [
            "a line of a coroutine",
            "a line of the pool",
            "a panic of a coroutine",
            "thread 'attributes::failing::prints-",
        ] {
            assert!(shown.contains(line), "`{line}` is missing: {text}");
        }
    }

    #[test]
    fn failures_name_the_test_and_say_what_to_do() {
        let _watchdog = watchdog();
        assert_eq!(
            failure(takes_too_long),
            "the test `attributes::failing::takes_too_long` had not ended after 50ms: 2 coroutines are still alive\n\
             help: look for what it waits for, or give it more time: `#[may::test(timeout = \"5m\")]`"
        );
        assert_eq!(
            failure(leaves_something_for_long),
            "the test `attributes::failing::leaves_something_for_long` had ended, but not its coroutines, after 50ms: \
             1 coroutine is still alive\n\
             help: look for what it waits for, or give it more time: `#[may::test(timeout = \"5m\")]`"
        );
        assert_eq!(
            failure(leaks),
            "the test `attributes::failing::leaks` left coroutines behind: 1 coroutine is still alive\n\
             help: join or cancel them, spawn them in a scope, or allow it: `#[may::test(leak = \"allow\")]`"
        );
        let text = failure(computes_too_long);
        assert!(
            text.contains("computes_too_long` had not ended after 20ms"),
            "{text}"
        );
        assert_eq!(failure(panics), "of its own (expected)");
    }
}

#[test]
fn an_entry_inside_a_coroutine_says_that_there_is_one() {
    #[may::main]
    fn entry() {}

    let _watchdog = watchdog();
    let payload = coroutine::spawn(entry).join().unwrap_err();
    assert_eq!(
        message(&*payload),
        "a runtime is already running on this thread"
    );
}

/// The wait for the end of all coroutines, against those that come and go.
#[test]
fn nothing_is_left_when_all_are_joined() {
    let _watchdog = watchdog();
    let (text, succeeded) = child(&[], || {
        static ALIVE: AtomicUsize = AtomicUsize::new(0);

        #[may::coroutine]
        fn grow(depth: u32) {
            ALIVE.fetch_add(1, SeqCst);
            let _counted = OnDrop(|| {
                ALIVE.fetch_sub(1, SeqCst);
            });
            for _ in 0..if depth == 0 { 0 } else { 3 } {
                drop(grow(depth - 1).spawn());
            }
            match depth % 3 {
                0 => coroutine::yield_now(),
                1 => coroutine::sleep(Duration::from_micros(300)),
                _ => {}
            }
        }

        #[may::main(on_exit = "join", workers = 4)]
        fn entry() {
            drop(grow(5).spawn());
        }

        for _ in 0..200 {
            entry();
            assert_eq!(ALIVE.load(SeqCst), 0);
        }
    });
    assert!(succeeded, "{text}");
}

#[may::test(timeout = "10s")]
fn a_test_may_start_a_runtime() {
    let runtime = Runtime::builder().workers(1).build().unwrap();
    assert_eq!(add(20, 22).spawn_in(&runtime).join().unwrap(), 42);
    runtime.shutdown(Duration::from_secs(1)).unwrap();
}

#[test]
fn a_test_can_be_called_again() {
    let _watchdog = watchdog();
    for _ in 0..20 {
        a_test_may_start_a_runtime();
    }
}
