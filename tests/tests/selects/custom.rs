//! Operations that are written by users of May: those that are right, and what becomes of those
//! that are not.

use std::cell::RefCell;
use std::future::{Future, IntoFuture};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use may::channel::{Receiver, RecvError, bounded, unbounded};
use may::coroutine::{scope, spawn, yield_now};
use may::future::block_on;
use may::op::{self, Caller, OpFuture, Operation, Registration};
use may::select;
use may_tests::{child, eventually, everywhere, spawn_waiting};

type Recv<'a> = Pin<Box<op::Recv<'a, i32>>>;

/// The first message of two channels, with a step that can be replaced by one that is wrong.
struct Either<'a> {
    parts: Vec<Recv<'a>>,
    /// What comes before the steps of the parts.
    before: fn(&mut Either<'a>, Step),
    /// Whether it says that it was committed.
    tells: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Attempt,
    Register,
    Withdraw,
    Abandon,
}

impl<'a> Either<'a> {
    fn new(from: [&'a Receiver<i32>; 2]) -> Either<'a> {
        Either {
            parts: from.map(|from| Box::pin(op::recv(from))).into(),
            before: |_, _| {},
            tells: true,
        }
    }

    /// One with something wrong.
    fn with(self, before: fn(&mut Either<'a>, Step)) -> Either<'a> {
        Either { before, ..self }
    }
}

impl Operation for Either<'_> {
    fn attempt(mut self: Pin<&mut Self>, by: Caller) -> Option<Self::Output> {
        (self.before)(&mut self, Step::Attempt);
        let mut parts = self.parts.iter_mut();
        parts.find_map(|part| part.as_mut().attempt(by))
    }

    fn register(mut self: Pin<&mut Self>, by: &Registration) -> bool {
        (self.before)(&mut self, Step::Register);
        REGISTERED.store(true, SeqCst);
        let mut parts = self.parts.iter_mut();
        parts.any(|part| part.as_mut().register(by))
    }

    fn withdraw(mut self: Pin<&mut Self>, by: Caller) -> Option<Self::Output> {
        (self.before)(&mut self, Step::Withdraw);
        let parts = &mut self.parts;
        parts.sort_by_key(|part| part.is_committed());
        parts
            .iter_mut()
            .filter_map(|part| part.as_mut().withdraw(by))
            .last()
    }

    fn abandon(mut self: Pin<&mut Self>) {
        (self.before)(&mut self, Step::Abandon);
        let parts = &mut self.parts;
        parts.iter_mut().for_each(|part| part.as_mut().abandon());
    }

    fn is_committed(&self) -> bool {
        self.tells && self.parts.iter().any(|part| part.is_committed())
    }
}

impl IntoFuture for Either<'_> {
    type Output = Result<i32, RecvError>;
    type IntoFuture = OpFuture<Self>;

    fn into_future(self) -> OpFuture<Self> {
        OpFuture::new(self)
    }
}

#[test]
fn one_that_is_right_is_waited_for_in_every_way() {
    everywhere(|place| {
        let (ones, from_ones) = bounded(0);
        let (others, from_others) = unbounded();
        let sends = place.start(move || {
            (0..5).for_each(|number| ones.send(number).unwrap());
            others.send(5).unwrap();
            (ones, others)
        });
        let either = || Either::new([&from_ones, &from_others]);
        assert_eq!(either().wait(), Ok(0));
        let soon = either().wait_timeout(Duration::from_secs(60));
        assert_eq!(soon, Some(Ok(1)));
        assert_eq!(block_on(either().into_future()), Ok(2));
        select! {
            number = on(either()) => assert_eq!(number, Ok(3)),
        }
        let nothing = op::after(Duration::from_secs(60)).map(|()| Err(RecvError));
        assert_eq!(op::first((nothing, either())).wait(), Ok(4));
        let kept = sends.join();
        assert_eq!(either().try_now(), Some(Ok(5)));
        assert_eq!(either().try_now(), None);
        drop(kept);
        assert_eq!(either().wait(), Err(RecvError));
    });
}

/// One that does not say that it was committed gets its message all the same.
#[test]
fn one_that_does_not_tell_loses_nothing() {
    everywhere(|place| {
        let (ones, from_ones) = unbounded();
        let (others, from_others) = unbounded();
        for number in 0..200 {
            let sender = ones.clone();
            let sends = place.start(move || {
                yield_now();
                sender.send(number).unwrap();
            });
            let silent = Either {
                tells: false,
                ..Either::new([&from_ones, &from_others])
            };
            let first = op::first((op::recv(&from_others), silent));
            assert_eq!(first.wait(), Ok(number));
            sends.join();
        }
        drop(others);
    });
}

/// Runs something in a process of its own that is to end because of what an operation does, and
/// asserts that it says why.
fn ends_the_process(why: &str, body: impl FnOnce()) {
    let (text, succeeded) = child(&[], body);
    assert!(!succeeded, "{text}");
    assert!(text.contains(why), "{text}");
}

/// Whether an `Either` was registered in this process.
static REGISTERED: AtomicBool = AtomicBool::new(false);

/// Waits for an operation that a message ends, in a coroutine. The message comes when the operation
/// has been tried, so that there is something to withdraw. For a process of its own.
fn wait_for_message(before: fn(&mut Either<'_>, Step)) {
    let run = move || {
        let (sender, receiver) = unbounded();
        let (_other, nothing) = unbounded();
        scope(|s| {
            s.spawn(|| {
                while !REGISTERED.load(SeqCst) {
                    yield_now();
                }
                sender.send(1).unwrap();
            });
            let _ = catch_unwind(AssertUnwindSafe(|| {
                Either::new([&receiver, &nothing]).with(before).wait()
            }));
        });
    };
    spawn(run).join().unwrap();
}

#[test]
fn one_that_leaves_a_part_registered() {
    ends_the_process("has not withdrawn", || {
        wait_for_message(|either, step| {
            if step == Step::Withdraw {
                std::mem::forget(either.parts.pop());
            }
        });
    });
}

#[test]
fn one_that_panics_before_all_parts_are_withdrawn() {
    ends_the_process("has not withdrawn", || {
        wait_for_message(|_, step| assert!(step != Step::Withdraw));
    });
}

#[test]
fn a_future_that_panics_before_all_parts_are_withdrawn() {
    ends_the_process("has not withdrawn", || {
        let (_sender, receiver) = unbounded();
        let kept: Rc<RefCell<Option<Recv<'_>>>> = Rc::default();
        let keeps = Keeping {
            part: Some(Box::pin(op::recv(&receiver))),
            kept: kept.clone(),
        };
        let mut future = Box::pin(keeps.into_future());
        let mut context = Context::from_waker(Waker::noop());
        assert!(future.as_mut().poll(&mut context).is_pending());
        let _ = catch_unwind(AssertUnwindSafe(|| drop(future)));
    });
}

/// One that gives its part away instead of abandoning it.
struct Keeping<'a> {
    part: Option<Recv<'a>>,
    kept: Rc<RefCell<Option<Recv<'a>>>>,
}

impl Operation for Keeping<'_> {
    fn attempt(mut self: Pin<&mut Self>, by: Caller) -> Option<Self::Output> {
        self.part.as_mut()?.as_mut().attempt(by)
    }

    fn register(mut self: Pin<&mut Self>, by: &Registration) -> bool {
        let part = self.part.as_mut();
        part.is_some_and(|part| part.as_mut().register(by))
    }

    fn withdraw(mut self: Pin<&mut Self>, by: Caller) -> Option<Self::Output> {
        self.part.as_mut()?.as_mut().withdraw(by)
    }

    fn abandon(mut self: Pin<&mut Self>) {
        let part = self.part.take();
        *self.kept.borrow_mut() = part;
        panic!("it does not want to");
    }

    fn is_committed(&self) -> bool {
        self.part.as_ref().is_some_and(|part| part.is_committed())
    }
}

impl IntoFuture for Keeping<'_> {
    type Output = Result<i32, RecvError>;
    type IntoFuture = OpFuture<Self>;

    fn into_future(self) -> OpFuture<Self> {
        OpFuture::new(self)
    }
}

#[test]
fn one_that_is_registered_twice() {
    ends_the_process("registered twice", || {
        let (_sender, receiver) = unbounded();
        let twice = Twice(Box::pin(op::recv(&receiver)));
        twice.wait_timeout(Duration::from_millis(1));
    });
}

struct Twice<'a>(Recv<'a>);

impl Operation for Twice<'_> {
    fn attempt(mut self: Pin<&mut Self>, by: Caller) -> Option<Self::Output> {
        self.0.as_mut().attempt(by)
    }

    fn register(mut self: Pin<&mut Self>, by: &Registration) -> bool {
        self.0.as_mut().register(by) || self.0.as_mut().register(by)
    }

    fn withdraw(mut self: Pin<&mut Self>, by: Caller) -> Option<Self::Output> {
        self.0.as_mut().withdraw(by)
    }

    fn abandon(mut self: Pin<&mut Self>) {
        self.0.as_mut().abandon();
    }

    fn is_committed(&self) -> bool {
        self.0.is_committed()
    }
}

impl IntoFuture for Twice<'_> {
    type Output = Result<i32, RecvError>;
    type IntoFuture = OpFuture<Self>;

    fn into_future(self) -> OpFuture<Self> {
        OpFuture::new(self)
    }
}

#[test]
fn one_that_blocks_while_it_registers() {
    ends_the_process("`Operation::register` would have blocked", || {
        wait_for_message(|_, step| {
            if step == Step::Register {
                may::coroutine::sleep(Duration::from_millis(1));
            }
        });
    });
}

#[test]
fn one_that_yields_while_it_registers() {
    ends_the_process("`Operation::register` would have blocked", || {
        wait_for_message(|_, step| {
            if step == Step::Register {
                yield_now();
            }
        });
    });
}

#[test]
fn one_that_blocks_a_thread_while_it_registers() {
    ends_the_process("`Operation::register` would have blocked", || {
        let (_sender, receiver) = unbounded();
        let either = Either::new([&receiver, &receiver]).with(|_, step| {
            if step == Step::Register {
                may::coroutine::sleep(Duration::from_millis(1));
            }
        });
        either.wait_timeout(Duration::from_millis(1));
    });
}

#[test]
fn one_that_is_tried_while_it_is_registered() {
    ends_the_process("tried while it was waited for", || {
        wait_for_message(|either, step| {
            if step == Step::Withdraw {
                for part in &mut either.parts {
                    let _ = part.as_mut().attempt(Caller::Blocks);
                }
            }
        });
    });
}

/// One whose part another thread can get at.
struct Shared {
    part: Arc<Mutex<Option<Recv<'static>>>>,
    is_registered: Arc<AtomicBool>,
}

impl Operation for Shared {
    fn attempt(self: Pin<&mut Self>, by: Caller) -> Option<Self::Output> {
        self.part.lock().unwrap().as_mut()?.as_mut().attempt(by)
    }

    fn register(self: Pin<&mut Self>, by: &Registration) -> bool {
        let mut part = self.part.lock().unwrap();
        let ready = part.as_mut().is_some_and(|part| part.as_mut().register(by));
        self.is_registered.store(true, SeqCst);
        ready
    }

    fn withdraw(self: Pin<&mut Self>, by: Caller) -> Option<Self::Output> {
        self.part.lock().unwrap().as_mut()?.as_mut().withdraw(by)
    }

    fn abandon(self: Pin<&mut Self>) {
        if let Some(part) = self.part.lock().unwrap().as_mut() {
            part.as_mut().abandon();
        }
    }

    fn is_committed(&self) -> bool {
        let part = self.part.lock().unwrap();
        part.as_ref().is_some_and(|part| part.is_committed())
    }
}

impl IntoFuture for Shared {
    type Output = Result<i32, RecvError>;
    type IntoFuture = OpFuture<Self>;

    fn into_future(self) -> OpFuture<Self> {
        OpFuture::new(self)
    }
}

/// What others do with a part of an operation that is waited for.
fn meddle(with: fn(&mut Option<Recv<'static>>)) {
    ends_the_process("used or dropped by others while it was waited for", || {
        let (sender, receiver) = bounded(0);
        let receiver: &'static Receiver<i32> = Box::leak(Box::new(receiver));
        let part: Recv<'static> = Box::pin(op::recv(receiver));
        let operation = Shared {
            part: Arc::new(Mutex::new(Some(part))),
            is_registered: Arc::default(),
        };
        let (part, is_registered) = (operation.part.clone(), operation.is_registered.clone());
        let waits = std::thread::spawn(move || operation.wait());
        eventually("the operation is registered", || is_registered.load(SeqCst));
        with(&mut part.lock().unwrap());
        let _ = waits.join();
        drop(sender);
    });
}

#[test]
fn one_that_another_thread_drops() {
    meddle(|part| *part = None);
}

#[test]
fn one_that_another_thread_withdraws() {
    meddle(|part| {
        if let Some(part) = part {
            let _ = part.as_mut().withdraw(Caller::Blocks);
        }
    });
}

#[test]
fn one_that_another_thread_abandons() {
    meddle(|part| {
        if let Some(part) = part {
            part.as_mut().abandon();
        }
    });
}

#[test]
fn a_deadline_at_the_time_itself() {
    everywhere(|_| {
        let soon = Instant::now() + Duration::from_millis(2);
        assert_eq!(op::at(soon).wait_until(soon), Some(()));
        let soon = Instant::now() + Duration::from_millis(2);
        let first = op::first((op::at(soon), op::at(soon)));
        assert_eq!(first.wait_until(soon), Some(()));
    });
}

/// What is due again and again does not keep a wait from its own end.
#[test]
fn a_deadline_behind_a_time_that_has_come() {
    /// Something whose time has come, and which is not possible.
    struct Due;

    impl Operation for Due {
        fn attempt(self: Pin<&mut Self>, _by: Caller) -> Option<()> {
            None
        }

        fn register(self: Pin<&mut Self>, _by: &Registration) -> bool {
            false
        }

        fn withdraw(self: Pin<&mut Self>, _by: Caller) -> Option<()> {
            None
        }

        fn abandon(self: Pin<&mut Self>) {}

        fn is_committed(&self) -> bool {
            false
        }

        fn needs(&self) -> op::Needs {
            op::after(Duration::ZERO).needs()
        }
    }

    impl IntoFuture for Due {
        type Output = ();
        type IntoFuture = OpFuture<Self>;

        fn into_future(self) -> OpFuture<Self> {
            OpFuture::new(self)
        }
    }

    everywhere(|_| assert_eq!(Due.wait_timeout(Duration::from_millis(3)), None));
}

/// A cancellation that is an arm is not an error of the arms that read.
#[test]
fn the_arm_of_the_cancellation_beside_others() {
    let waits = spawn_waiting(|| {
        let (reader, _writer) = may::io::pipe().unwrap();
        let mut buffer = [0];
        select! {
            _ = read(reader, &mut buffer) => "read",
            cancelled() => "cancelled",
        }
    });
    waits.cancel();
    assert_eq!(waits.join().unwrap(), "cancelled");
}

/// What is there is read, however short the time is, also through a pointer.
#[test]
fn a_last_look_at_the_deadline() {
    everywhere(|_| {
        let (reader, mut writer) = may::io::pipe().unwrap();
        for _ in 0..20 {
            let mut nothing = [0];
            let soon = Duration::from_nanos(1);
            // It is registered, and knows that there is nothing.
            assert!(op::read(&reader, &mut nothing).wait_timeout(soon).is_none());
            std::io::Write::write_all(&mut writer, &[7]).unwrap();
            let mut buffer = [0];
            let read = op::read(&reader, &mut buffer).boxed().wait_timeout(soon);
            assert_eq!((read.unwrap().unwrap(), buffer), (1, [7]));
        }
    });
}
