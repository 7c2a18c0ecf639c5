//! Stacks as their users see them: taken, run on, given back, overflowed.

use std::ops::Range;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};
use std::ptr::{self, NonNull};
use std::{env, hint};

use corosensei::{Coroutine, CoroutineResult};

use super::pool::{CACHE_STACKS, IDLE_STACKS, TOUCHED_STACKS, WHOLE_SLABS};
use super::watermark::high_water_mark;
use super::*;
use crate::sys::memory;
use crate::sys::memory::tests::{PROTECT_ONLY, is_mapped, limit_address_space, lock_memory};

/// The pool that runtimes have by default.
fn pool() -> StackPool {
    StackPool::new(PoolConfig::default())
}

/// Takes so many stacks of the default size.
fn take(pool: &StackPool, count: usize) -> Vec<Stack> {
    (0..count)
        .map(|_| pool.take(StackSize::DEFAULT).unwrap())
        .collect()
}

/// Touches a stack from its base down to `depth` bytes.
fn touch(stack: &Stack, depth: usize) {
    let highest = stack.base() - 8;
    for address in (highest + 8 - depth..=highest).rev().step_by(1024) {
        // SAFETY: (I3) the address lies on the stack, on which nothing runs.
        unsafe { ptr::write_volatile(address as *mut u8, 1) };
    }
}

/// How much of a stack is in memory; nothing if it is not mapped.
fn depth(stack: &Range<usize>) -> usize {
    high_water_mark(stack.clone()).unwrap_or(0)
}

/// Runs `body` on a stack and returns the stack.
fn run_on(stack: Stack, body: impl FnOnce() + 'static) -> Stack {
    let mut coroutine: Coroutine<(), (), (), Stack> = Coroutine::with_stack(stack, |_, ()| body());
    assert!(matches!(coroutine.resume(()), CoroutineResult::Return(())));
    coroutine.into_stack()
}

#[test]
fn coroutines_run_on_stacks() {
    let pool = pool();
    for size in ["32k", "64k", "100k", "256k", "1m", "8m"] {
        let size: StackSize = size.parse().unwrap();
        let stack = pool.take(size).unwrap();
        assert!(stack.size() >= size.bytes());
        let usable = stack.base() - stack.limit();
        assert!(usable <= stack.size() && usable >= stack.size() - 1024);
        assert_eq!(stack.base() % corosensei::stack::STACK_ALIGNMENT, 0);
        let range = stack.limit()..stack.base();
        let stack = run_on(stack, move || {
            let local = 1_u8;
            assert!(range.contains(&(hint::black_box(&raw const local) as usize)));
        });
        touch(&stack, usable - 8);
        pool.give_back(stack);
    }
}

#[test]
fn the_hottest_stack_comes_first() {
    let pool = pool();
    let mut stacks = take(&pool, 10);
    let bases: Vec<usize> = stacks.iter().map(Stack::base).collect();
    while let Some(stack) = stacks.pop() {
        pool.give_back(stack);
    }
    let again: Vec<usize> = take(&pool, 10).iter().map(Stack::base).collect();
    assert_eq!(again, bases);
}

#[test]
fn stacks_do_not_overlap_and_have_all_colours() {
    let pool = pool();
    let stacks = take(&pool, 200);
    let mut ranges: Vec<_> = stacks.iter().map(Stack::memory).collect();
    ranges.sort_by_key(|range| range.start);
    assert!(
        ranges
            .windows(2)
            .all(|pair| pair[0].end + (64 << 10) <= pair[1].start)
    );
    let mut colours: Vec<usize> = stacks
        .iter()
        .map(|stack| stack.memory().end - stack.base())
        .collect();
    colours.sort();
    colours.dedup();
    assert_eq!(colours.len(), 16);
    assert!(colours[15] < 1024);
}

#[test]
fn classes_do_not_mix() {
    let pool = pool();
    pool.give_back(pool.take(StackSize::MIN).unwrap());
    let large = pool.take("1m".parse().unwrap()).unwrap();
    assert!(large.size() >= 1 << 20);
    pool.give_back(large);
    assert_eq!(
        pool.take(StackSize::MIN).unwrap().size(),
        StackSize::MIN.bytes()
    );
}

#[test]
fn after_a_burst_little_stays_and_after_trimming_less() {
    let pool = pool();
    let stacks = take(&pool, 3000);
    let statistics = pool.statistics();
    assert_eq!(statistics.in_use, 3000);
    assert!(statistics.mapped_bytes >= 3000 * (320 << 10));
    stacks.into_iter().for_each(|stack| pool.give_back(stack));

    let statistics = pool.statistics();
    assert_eq!((statistics.in_use, statistics.cached), (0, CACHE_STACKS));
    assert!(statistics.spare <= 64 * (WHOLE_SLABS + 2), "{statistics:?}");
    assert!(pool.wants_trim());

    pool.trim();
    let statistics = pool.statistics();
    assert_eq!((statistics.in_use, statistics.cached), (0, IDLE_STACKS));
    assert!(statistics.spare <= 64 * 2, "{statistics:?}");
    assert!(!pool.wants_trim());
}

#[test]
fn free_stacks_among_used_ones_give_their_pages_back() {
    let output = in_child("free_stacks_among_used_ones_give_their_pages_back", || {
        let pool = pool();
        let stacks = take(&pool, 6400);
        let ranges: Vec<_> = stacks.iter().map(Stack::memory).collect();
        let (kept, given): (Vec<_>, Vec<_>) = stacks
            .into_iter()
            .enumerate()
            .partition(|(index, _)| index % 64 == 7);
        given
            .into_iter()
            .for_each(|(_, stack)| pool.give_back(stack));
        let resident = || ranges.iter().filter(|range| depth(range) > 0).count();
        // The used ones, the cache, what slabs may keep, and what is not worth a system call.
        let allowed = 100 + CACHE_STACKS + TOUCHED_STACKS + 9 * 100;
        assert!(resident() <= allowed, "{}", resident());
        pool.trim();
        assert!(resident() <= IDLE_STACKS + 100, "{}", resident());
        kept.into_iter()
            .for_each(|(_, stack)| pool.give_back(stack));
    });
    assert!(output.status.success());
}

#[test]
fn all_is_unmapped_with_the_pool() {
    let output = in_child("all_is_unmapped_with_the_pool", || {
        let pool = pool();
        let stacks = take(&pool, 130);
        let addresses: Vec<usize> = stacks.iter().map(|stack| stack.base() - 8).collect();
        stacks.into_iter().for_each(|stack| pool.give_back(stack));
        let mapped = |addresses: &[usize]| addresses.iter().filter(|&&at| is_mapped(at)).count();
        assert_eq!(mapped(&addresses), 130);
        drop(pool);
        assert_eq!(mapped(&addresses), 0);
    });
    assert!(output.status.success());
}

#[test]
fn a_stack_that_never_comes_home_stays_mapped() {
    let pool = pool();
    let mut stacks = take(&pool, 65);
    let lost = stacks.remove(3);
    stacks.into_iter().for_each(|stack| pool.give_back(stack));
    drop(pool);
    touch(&lost, 64 << 10);
    let range = lost.memory();
    drop(lost);
    assert!(is_mapped(range.start) && is_mapped(range.end - 1));
}

#[test]
fn a_stack_of_its_own_is_unmapped_when_dropped() {
    let output = in_child("a_stack_of_its_own_is_unmapped_when_dropped", || {
        let stack = Stack::standalone("1g".parse().unwrap()).unwrap();
        touch(&stack, 1 << 20);
        let stack = run_on(stack, || ());
        let middle = stack.base() - (512 << 20);
        assert!(is_mapped(middle));
        drop(stack);
        assert!(!is_mapped(middle));
        pool().give_back(Stack::standalone(StackSize::MIN).unwrap());
    });
    assert!(output.status.success());
}

#[test]
fn pages_of_deep_stacks_are_given_back() {
    let output = in_child("pages_of_deep_stacks_are_given_back", || {
        let pool = pool();
        let stacks = take(&pool, 200);
        for stack in &stacks {
            touch(stack, 200 << 10);
            assert!(depth(&stack.memory()) >= 200 << 10);
        }
        let ranges: Vec<_> = stacks.iter().map(Stack::memory).collect();
        stacks.into_iter().for_each(|stack| pool.give_back(stack));
        let deep = || {
            ranges
                .iter()
                .filter(|range| depth(range) > 32 << 10)
                .count()
        };
        assert_eq!(
            deep(),
            0,
            "the pool looked after 128 of them, and the others were taken in an earlier epoch"
        );

        // What is less than an epoch is left to a thread that has nothing to do.
        let stack = pool.take(StackSize::DEFAULT).unwrap();
        touch(&stack, 200 << 10);
        pool.give_back(stack);
        assert_eq!(deep(), 1);
        assert!(pool.wants_trim());
        pool.trim();
        assert_eq!(deep(), 0);
    });
    assert!(output.status.success());
}

#[test]
fn deep_stacks_that_do_not_fit_into_the_cache_give_pages_back_too() {
    let output = in_child(
        "deep_stacks_that_do_not_fit_into_the_cache_give_pages_back_too",
        || {
            let pool = pool();
            let stacks = take(&pool, CACHE_STACKS + 640);
            stacks.iter().for_each(|stack| touch(stack, 40 << 10));
            let ranges: Vec<_> = stacks.iter().map(Stack::memory).collect();
            stacks.into_iter().for_each(|stack| pool.give_back(stack));
            let deep = ranges
                .iter()
                .filter(|range| depth(range) > 32 << 10)
                .count();
            assert!(deep <= TOUCHED_STACKS + 8 * 10, "{deep}");
        },
    );
    assert!(output.status.success());
}

#[test]
fn shallow_stacks_keep_their_pages() {
    let pool = pool();
    let stack = pool.take(StackSize::DEFAULT).unwrap();
    touch(&stack, 20 << 10);
    pool.give_back(stack);
    pool.trim();
    let stack = pool.take(StackSize::DEFAULT).unwrap();
    assert!((20 << 10..=32 << 10).contains(&depth(&stack.memory())));
    pool.give_back(stack);
}

#[test]
fn scrubbed_stacks_keep_nothing() {
    let pool = StackPool::new(PoolConfig { scrub: true });
    let stack = pool.take(StackSize::DEFAULT).unwrap();
    touch(&stack, 100 << 10);
    let base = stack.base();
    pool.give_back(stack);
    let stack = pool.take(StackSize::DEFAULT).unwrap();
    assert_eq!(stack.base(), base);
    assert!(depth(&stack.memory()) <= memory::page_bytes());
    for address in (stack.base() - (100 << 10)..stack.base()).step_by(8) {
        // SAFETY: (I3) the address lies on the stack, on which nothing runs.
        assert_eq!(unsafe { ptr::read_volatile(address as *const u64) }, 0);
    }
    pool.give_back(stack);
    pool.give_back(Stack::standalone(StackSize::DEFAULT).unwrap());
    assert_eq!(pool.statistics().cached, 1);
}

#[test]
fn one_stack_is_kept_back() {
    let pool = pool();
    let stack = pool.take_reserved().unwrap();
    assert!(pool.take_reserved().is_none());
    let base = stack.base();
    pool.give_back(run_on(stack, || ()));
    assert_ne!(pool.take(StackSize::DEFAULT).unwrap().base(), base);
    assert_eq!(pool.take_reserved().unwrap().base(), base);
}

#[test]
fn absurd_sizes_are_errors_that_say_what_to_do() {
    let pool = pool();
    for bytes in [usize::MAX, usize::MAX / 2, 1 << 47, (1 << 40) + 1] {
        let size = StackSize::from_bytes(bytes);
        let errors = [
            pool.take(size).unwrap_err(),
            Stack::standalone(size).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.stack_size(), size);
            assert!(
                error.to_string().contains("help: ask for a smaller stack"),
                "{error}"
            );
            assert_eq!(io::Error::from(error).kind(), io::ErrorKind::OutOfMemory);
        }
    }
}

#[test]
fn names_and_numbers_reach_the_report() {
    let mut text = overflow::Text::new();
    text.add_quoted("listener");
    text.add_quoted(&"x".repeat(1000));
    for number in [0, 7, 1234, u64::MAX] {
        text.add(" ");
        text.add_number(number);
    }
    let expected = format!(
        "'listener''{}...' 0 7 1234 18446744073709551615",
        "x".repeat(160)
    );
    assert_eq!(str::from_utf8(text.bytes()).unwrap(), expected);
    text.add(&"y".repeat(1000));
    assert_eq!(text.bytes().len(), 512);
}

/// What tests set for a process of their own, which some need because they end it, others because
/// what one test gives back another may get.
const CHILD: &str = "MAY_STACK_TEST_CHILD";

/// Runs `body` in a process of its own, which runs only the test with this name; returns how that
/// ended, or does not return if this is that process.
fn in_child(test: &str, body: impl FnOnce()) -> Output {
    if env::var_os(CHILD).is_some() {
        body();
        std::process::exit(0);
    }
    let (_, module) = module_path!().split_once("::").unwrap();
    let output = Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            &format!("{module}::{test}"),
            "--nocapture",
            "--test-threads=1",
        ])
        .env(CHILD, "1")
        .output()
        .unwrap();
    println!(
        "{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// Asserts that a process ended with `signal` after a report that contains `expected` and not
/// `unexpected`.
#[track_caller]
fn assert_ended(output: &Output, signal: i32, expected: &[&str], unexpected: &str) {
    let report = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.signal(), Some(signal), "{}", output.status);
    expected
        .iter()
        .for_each(|part| assert!(report.contains(part), "{part}"));
    assert!(!report.contains(unexpected), "{unexpected}");
}

/// `SIGABRT` and `SIGSEGV` have these numbers wherever there are signals.
const ABORTED: i32 = 6;

/// See above. An access to a page that is not there raises `SIGBUS` on macOS in some cases, which
/// the tests avoid.
const FAULTED: i32 = 11;

/// Calls itself until there is no stack left.
#[inline(never)]
fn recurse(depth: usize) -> usize {
    let frame = hint::black_box([depth; 64]);
    if depth == usize::MAX {
        0
    } else {
        recurse(depth + 1) + frame[depth % 64]
    }
}

/// Overflows a stack of the pool on a thread that is prepared for it.
fn overflow(size: &str, name: Option<&'static str>) {
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _alternate_stack = overflow::prepare_thread();
            let pool = pool();
            let _others = take(&pool, 70);
            let stack = pool.take(size.parse().unwrap()).unwrap();
            let label = Label::new(7, name.map(NonNull::from), stack.size());
            stack.occupy(&label);
            run_on(stack, || {
                hint::black_box(recurse(hint::black_box(0)));
            });
        });
    });
}

#[test]
fn an_overflow_is_reported() {
    let output = in_child("an_overflow_is_reported", || {
        overflow("256k", Some("listener"))
    });
    let line = "\ncoroutine 'listener' (id 7) has overflowed its stack of 262144 bytes\nhelp: ";
    assert_ended(&output, ABORTED, &[line, "`MAY_STACK=1m`\n"], "thread");
}

#[test]
fn an_overflow_of_a_small_stack_without_a_name_is_reported() {
    let test = "an_overflow_of_a_small_stack_without_a_name_is_reported";
    let output = in_child(test, || overflow("32k", None));
    let line = "\ncoroutine (id 7) has overflowed its stack of 32768 bytes\nhelp: ";
    assert_ended(&output, ABORTED, &[line, "`MAY_STACK=128k`\n"], "thread");
}

#[test]
fn an_overflow_of_a_large_stack_is_reported() {
    let output = in_child("an_overflow_of_a_large_stack_is_reported", || {
        overflow("8m", None)
    });
    assert_ended(
        &output,
        ABORTED,
        &["of 8388608 bytes", "`MAY_STACK=32m`\n"],
        "thread",
    );
}

#[test]
fn an_overflow_into_a_protected_guard_is_reported() {
    let output = in_child("an_overflow_into_a_protected_guard_is_reported", || {
        PROTECT_ONLY.store(true, std::sync::atomic::Ordering::Relaxed);
        overflow("256k", Some("listener"));
    });
    assert_ended(
        &output,
        ABORTED,
        &["coroutine 'listener' (id 7) has overflowed"],
        "thread",
    );
}

#[test]
fn an_overflow_of_a_stack_for_one_call_is_reported() {
    let test = "an_overflow_of_a_stack_for_one_call_is_reported";
    let output = in_child(test, || {
        run_on(Stack::standalone(StackSize::MIN).unwrap(), || {
            hint::black_box(recurse(hint::black_box(0)));
        });
    });
    let line = "\na thread has overflowed a stack of 32768 bytes that `with_stack` made\nhelp: ";
    assert_ended(
        &output,
        ABORTED,
        &[line, "`with_stack(\"128k\", ..)`\n"],
        "coroutine",
    );
}

#[test]
fn an_overflow_of_a_coroutine_in_one_call_is_reported() {
    let output = in_child("an_overflow_of_a_coroutine_in_one_call_is_reported", || {
        let stack = Stack::standalone(StackSize::MIN).unwrap();
        let label = Label::new(7, None, StackSize::DEFAULT.bytes());
        stack.occupy(&label);
        run_on(stack, || {
            hint::black_box(recurse(hint::black_box(0)));
        });
    });
    let line = "\ncoroutine (id 7) has overflowed a stack of 32768 bytes that `with_stack` made\n";
    assert_ended(&output, ABORTED, &[line], "thread");
}

#[test]
fn a_wild_pointer_into_a_guard_is_no_overflow() {
    let output = in_child("a_wild_pointer_into_a_guard_is_no_overflow", || {
        overflow::install();
        let stack = Stack::standalone(StackSize::DEFAULT).unwrap();
        let guard = stack.limit() - 8;
        // SAFETY: none, this is to fault.
        run_on(stack, move || unsafe {
            ptr::write_volatile(guard as *mut u8, 1)
        });
    });
    assert_ended(&output, FAULTED, &[], "overflow");
}

#[test]
fn another_fault_on_a_coroutine_is_not_ours() {
    let output = in_child("another_fault_on_a_coroutine_is_not_ours", || {
        overflow::install();
        run_on(Stack::standalone(StackSize::DEFAULT).unwrap(), || {
            // SAFETY: none, this is to fault.
            unsafe { ptr::write_volatile(hint::black_box(64) as *mut u8, 1) };
        });
    });
    assert_ended(&output, FAULTED, &[], "overflow");
}

#[test]
fn an_overflow_of_a_thread_is_reported_by_std() {
    let output = in_child("an_overflow_of_a_thread_is_reported_by_std", || {
        overflow::install();
        let thread = std::thread::Builder::new().name("deep".into()).spawn(|| {
            let _alternate_stack = overflow::prepare_thread();
            hint::black_box(recurse(hint::black_box(0)))
        });
        let _ = thread.unwrap().join();
    });
    assert_ended(
        &output,
        ABORTED,
        &["'deep'", "has overflowed its stack"],
        "coroutine",
    );
}

#[test]
fn locked_memory_has_guards_too() {
    let test = "locked_memory_has_guards_too";
    let output = in_child(test, || {
        if lock_memory() {
            overflow("32k", Some("locked"));
        } else {
            eprintln!("may not lock memory");
        }
    });
    if !String::from_utf8_lossy(&output.stderr).contains("may not lock memory") {
        assert_ended(
            &output,
            ABORTED,
            &["coroutine 'locked' (id 7) has overflowed"],
            "thread",
        );
    }
}

#[test]
#[cfg(target_os = "linux")]
fn without_address_space_slabs_shrink_and_then_there_is_an_error() {
    let test = "without_address_space_slabs_shrink_and_then_there_is_an_error";
    let output = in_child(test, || {
        let pool = pool();
        let reserve = pool.take_reserved().unwrap();
        limit_address_space(8 << 20);
        let mut stacks = Vec::new();
        let error = loop {
            match pool.take(StackSize::DEFAULT) {
                Ok(stack) => stacks.push(stack),
                Err(error) => break error,
            }
        };
        // Some of the 8 MiB may go to what else needs memory.
        assert!((20..=25).contains(&stacks.len()), "{}", stacks.len());
        assert!(
            error.to_string().contains("help: run fewer coroutines"),
            "{error}"
        );
        pool.give_back(run_on(reserve, || ()));
        assert!(pool.take_reserved().is_some());
        let base = stacks[0].base();
        stacks.into_iter().for_each(|stack| pool.give_back(stack));
        pool.trim();
        assert!(take(&pool, 20).iter().any(|stack| stack.base() == base));
    });
    assert!(output.status.success());
}

#[test]
#[cfg(target_os = "linux")]
fn without_map_entries_the_error_names_the_limit() {
    let limit = std::fs::read_to_string("/proc/sys/vm/max_map_count").unwrap();
    if limit.trim().parse::<usize>().unwrap() > 100_000 {
        return;
    }
    let output = in_child("without_map_entries_the_error_names_the_limit", || {
        PROTECT_ONLY.store(true, std::sync::atomic::Ordering::Relaxed);
        let pool = pool();
        let mut stacks = Vec::new();
        let error = loop {
            match pool.take(StackSize::MIN) {
                Ok(stack) => stacks.push(stack),
                Err(error) => break error,
            }
        };
        assert!(stacks.len() > 30_000, "{}", stacks.len());
        assert!(error.to_string().contains("`vm.max_map_count`"), "{error}");
        stacks.into_iter().for_each(|stack| pool.give_back(stack));
        pool.trim();
        assert!(pool.statistics().mapped_bytes < 100 << 20);
    });
    assert!(output.status.success());
}
