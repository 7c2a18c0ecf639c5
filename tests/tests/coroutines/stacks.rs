//! Stacks that cannot be had: the join returns an error.

use std::time::Duration;

use may::coroutine::{self, Builder, OutOfStacks, spawn};
use may_tests::{everywhere, on_workers, watchdog};

#[test]
fn a_stack_of_a_size_that_cannot_be_is_an_error_of_the_join() {
    let _watchdog = watchdog();
    everywhere(|_| {
        for size in [usize::MAX, usize::MAX / 2 + 1, 1 << 55, 1 << 46] {
            let child = Builder::new().stack_size(size).spawn(|| ()).unwrap();
            let error = child.join().unwrap_err();
            let error = error.downcast::<OutOfStacks>().unwrap();
            assert!(error.to_string().contains("help: "), "{error}");
        }
    });
    // A parent and its child on one worker.
    on_workers(1, || {
        let child = Builder::new().stack_size(usize::MAX);
        let child = child.spawn(|| ()).unwrap();
        assert!(child.join().unwrap_err().is::<OutOfStacks>());
    });
}

/// Allows the process so many bytes of address space more than it has.
#[cfg(target_os = "linux")]
fn limit_memory(more: u64) {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = pages.split(' ').next().unwrap().parse().unwrap();
    // SAFETY: the calls take numbers and limits that live across them.
    unsafe {
        let page = libc::sysconf(libc::_SC_PAGESIZE).cast_unsigned();
        let limit = libc::rlimit {
            rlim_cur: pages * page + more,
            rlim_max: libc::RLIM_INFINITY,
        };
        assert_eq!(libc::setrlimit(libc::RLIMIT_AS, &raw const limit), 0);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_seed_waits_for_a_stack_to_come_back_but_not_for_one_that_waits_for_it() {
    const LARGE: usize = 1 << 30;
    let _watchdog = watchdog();
    may_tests::alone(|| {
        on_workers(1, || {
            let large = || Builder::new().stack_size(LARGE);
            // One of them, so that there is no other when the limit is set.
            let (go, gate) = may::channel::bounded::<()>(1);
            let holder = large().spawn(move || gate.recv().unwrap()).unwrap();
            coroutine::yield_now();
            limit_memory(LARGE as u64 / 2);
            let waits = large().spawn(|| "it has one").unwrap();
            coroutine::yield_now();
            assert!(!waits.is_finished());
            go.send(()).unwrap();
            holder.join().unwrap();
            assert_eq!(waits.join().unwrap(), "it has one");
            // This one waits for its own parent's stack.
            let parent = large().spawn(move || {
                let children: Vec<_> = (0..3).map(|_| large().spawn(|| ()).unwrap()).collect();
                let fails = |child: coroutine::JoinHandle<()>| {
                    child.join().unwrap_err().is::<OutOfStacks>()
                };
                children.into_iter().all(fails)
            });
            assert!(parent.unwrap().join().unwrap());
            // There is room for others.
            assert_eq!(spawn(|| 1).join().unwrap(), 1);
            coroutine::sleep(Duration::from_millis(1));
        });
    });
}
