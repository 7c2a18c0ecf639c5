//! The macro `select!`: what its grammar means. (What the engine below it promises is tested in
//! `engine.rs`, what the compiler says in `ui-tests`.)

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use may::channel::{self, Receiver, RecvError, SendError, Sender};
use may::coroutine;
use may::select;
use may_tests::{everywhere, on_workers, spawn_waiting};

/// A time that does not come.
const LONG: Duration = Duration::from_secs(3_000);

/// A channel with these messages, and its other end.
fn holding<T>(messages: impl IntoIterator<Item = T>) -> (Sender<T>, Receiver<T>) {
    let (tx, rx) = channel::unbounded();
    for message in messages {
        assert!(tx.send(message).is_ok());
    }
    (tx, rx)
}

/// What a closure panicked with.
fn panic_of(f: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).expect_err("a panic");
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(other) => other.downcast_ref::<&str>().unwrap_or(&"").to_string(),
    }
}

#[test]
fn two_sources_and_an_idle_timer() {
    fn checked(job: u32) -> Result<u32, RecvError> {
        if job == 13 { Err(RecvError) } else { Ok(job) }
    }
    fn next(jobs: &Receiver<u32>) -> Result<u32, RecvError> {
        let n = select! {
            Ok(job) = recv(jobs) else { return Ok(0) } => checked(job)?,
            after(Duration::from_millis(1)) => 7,
        };
        Ok(n + 1)
    }
    everywhere(|_| {
        let (tx, rx) = holding([1, 13]);
        assert_eq!(next(&rx), Ok(2));
        assert_eq!(next(&rx), Err(RecvError));
        assert_eq!(next(&rx), Ok(8));
        drop(tx);
        assert_eq!(next(&rx), Ok(0));
    });
}

#[test]
fn a_bounded_relay() {
    const CAPACITY: usize = 4;
    fn relay(input: Receiver<u32>, output: Sender<u32>) {
        let mut queue = VecDeque::new();
        loop {
            select! {
                Ok(item) = recv(input) else { break } if queue.len() < CAPACITY => queue.push_back(item),
                Ok(()) = send(output, queue.pop_front().unwrap()) else { break } if !queue.is_empty() => {}
            }
        }
        queue
            .into_iter()
            .for_each(|item| output.send(item).unwrap());
    }
    everywhere(|place| {
        let ((to, input), (output, from)) = (channel::bounded(0), channel::bounded(0));
        let relay = place.start(move || relay(input, output));
        let source = place.start(move || (0..500).for_each(|i| to.send(i).unwrap()));
        assert!(from.iter().eq(0..500));
        source.join();
        relay.join();
    });
}

#[test]
fn a_probe_does_not_wait() {
    everywhere(|_| {
        let (_tx, rx) = holding([1]);
        let probe = || select! { msg = recv(rx) => msg.ok(), default => None };
        assert_eq!((probe(), probe()), (Some(1), None));
    });
}

#[test]
fn the_first_arm_wins_if_biased() {
    on_workers(1, || {
        let ((_a, a), (_b, b)) = (holding(0..100), holding(0..100));
        for i in 0..100 {
            let first = select! {
                biased;
                m = recv(a) => m,
                _ = recv(b) => unreachable!(),
            };
            assert_eq!(first, Ok(i));
        }
    });
}

#[test]
fn without_it_each_wins_now_and_then() {
    on_workers(1, || {
        let ((_a, a), (_b, b)) = (holding(0..1000), holding(0..1000));
        let wins = (0..1000)
            .filter(|_| select! { _ = recv(a) => true, _ = recv(b) => false })
            .count();
        assert!((300..700).contains(&wins), "{wins} of 1000");
    });
}

/// Also what rustfmt makes of it: this is not left alone.
#[test]
fn arms_may_be_written_as_matches() {
    #[derive(Debug)]
    enum Control {
        Reload,
        Stop,
    }
    fn next(control: &Receiver<Control>, data: &Receiver<Option<u32>>) -> Option<u32> {
        Some(select!(
            biased,
            match recv(control) {
                Ok(Control::Reload) => 100,
                Ok(Control::Stop) | Err(_) => return None,
            },
            match data.recv() {
                Ok(Some(n)) if n > 5 => n,
                Ok(_) => 0,
                Err(_) => return None,
            },
            match default {
                () => 200,
            },
        ))
    }
    everywhere(|_| {
        let (to_control, control) = holding([]);
        let (to_data, data) = holding([Some(6), Some(5), None]);
        let next = || next(&control, &data);
        assert_eq!(
            [next(), next(), next(), next()],
            [Some(6), Some(0), Some(0), Some(200)]
        );
        to_control.send(Control::Reload).unwrap();
        assert_eq!([next(), next()], [Some(100), Some(200)]);
        drop(to_data);
        assert_eq!(next(), None);
        to_control.send(Control::Stop).unwrap();
        assert_eq!(next(), None);
    });
}

#[test]
fn a_deadline_may_be_missing() {
    fn within(rx: &Receiver<u8>, deadline: Option<Instant>) -> Result<u8, &'static str> {
        Ok(select! {
            reply = recv(rx) => reply.map_err(|_| "closed")?,
            at(deadline) => return Err("too late"),
        })
    }
    everywhere(|place| {
        let (tx, rx) = channel::bounded(0);
        assert_eq!(within(&rx, Some(Instant::now())), Err("too late"));
        let sender = place.start(move || tx.send(1).unwrap());
        assert_eq!(within(&rx, None), Ok(1));
        sender.join();
        assert_eq!(within(&rx, None), Err("closed"));
    });
}

#[test]
fn own_cancellation_may_be_an_arm() {
    on_workers(1, || {
        let (_tx, rx) = channel::bounded::<()>(0);
        let waiting = spawn_waiting(move || select! { _ = recv(rx) => 1, cancelled() => 2 });
        waiting.cancel();
        assert_eq!(waiting.join().unwrap(), 2);
    });
}

/// Also where a select that need not wait gives the others a turn.
#[test]
fn own_cancellation_does_not_unwind_out_of_a_busy_select_over_it() {
    const MESSAGES: usize = 10_000;
    /// Runs `f` in a coroutine that is cancelled when it has begun.
    fn cancelled(f: impl FnOnce(Receiver<usize>) -> usize + Send + 'static) -> usize {
        let (go, gate) = channel::bounded(0);
        let (_tx, rx) = holding(0..MESSAGES);
        let running = coroutine::spawn(move || {
            coroutine::shield(|| {
                gate.recv().unwrap();
                gate.recv().unwrap();
            });
            f(rx)
        });
        go.send(()).unwrap();
        running.cancel();
        go.send(()).unwrap();
        running.join().unwrap()
    }
    on_workers(1, || {
        let received = cancelled(|rx| {
            let mut received = 0;
            loop {
                select! {
                    biased;
                    message = recv(rx) => received += message.map_or(0, |_| 1),
                    cancelled() => return received,
                }
            }
        });
        let tried = cancelled(|rx| {
            let receive = || {
                select! {
                    biased;
                    message = recv(rx) => message.is_ok(),
                    cancelled() => false,
                    default => false,
                }
            };
            (0..MESSAGES).filter(|_| receive()).count()
        });
        assert_eq!((received, tried), (MESSAGES, MESSAGES));
    });
}

#[test]
fn what_is_missing_or_disabled_never_happens() {
    everywhere(|_| {
        let (_tx, rx) = holding([1, 2, 3]);
        let (missing, present) = (None::<&Receiver<u8>>, Some(&rx));
        for open in [false, true] {
            let got = select! {
                _ = recv(missing) => 0,
                m = recv(rx) if open => m.unwrap(),
                m = recv(present) if !open => m.unwrap() + 100,
                after(None) => 0,
            };
            assert_eq!(got, if open { 2 } else { 101 });
        }
        assert_eq!(select! { _ = recv(rx) if false => 0, default => 1 }, 1);
    });
}

#[test]
fn if_all_are_disabled_the_arms_are_named_at_the_call() {
    everywhere(|_| {
        let (tx, rx) = holding([1]);
        let message = panic_of(|| {
            select! {
                _ = recv(&rx) if tx.is_empty() => {}
                _ = tx.send(1) if tx.is_empty() => {}
                after(None) => {}
            }
        });
        assert_eq!(
            message,
            "every arm of this `select!` is disabled, so it would wait forever: `recv(&rx)`, `tx.send(1)`, `after(None)`\n\
             help: add a `default` arm"
        );
        assert_eq!(rx.len(), 1);
    });
}

/// Guards first; then arguments of enabled arms; a value only if it is sent.
#[test]
fn everything_is_evaluated_in_its_order() {
    everywhere(|_| {
        let order = RefCell::new(Vec::new());
        let note = |what| order.borrow_mut().push(what);
        let guard = |what, value: bool| {
            note(what);
            value
        };
        let (tx, rx) = holding([]);
        let end = |what| {
            note(what);
            &rx
        };
        let start = |what| {
            note(what);
            &tx
        };
        select! {
            biased;
            _ = recv(end("argument 0")) => note("body 0"),
            _ = recv(end("argument 1")) if guard("guard 1", false) => note("body 1"),
            _ = recv(end("argument 2")) if guard("guard 2", true) => note("body 2"),
            _ = recv(end("argument 3")) => note("body 3"),
            Ok(()) = send(start("argument 4"), { note("value 4"); 1 }) else { panic!() } => note("body 4"),
            Ok(()) = send(start("argument 5"), { note("value 5"); 1 }) else { panic!() } if guard("guard 5", true) => note("body 5"),
        }
        let expected = [
            "guard 1",
            "guard 2",
            "guard 5",
            "argument 0",
            "argument 2",
            "argument 3",
            "argument 4",
            "argument 5",
            "value 4",
            "body 4",
        ];
        assert_eq!(*order.borrow(), expected);
    });
}

#[test]
fn a_value_is_moved_only_by_the_arm_that_wins() {
    everywhere(|_| {
        let ((tx, rx), (full, _in_it)) = (holding([]), channel::bounded(0));
        let text = String::from("text");
        let left = select! {
            biased;
            _ = send(full, text) => None,
            after(Duration::ZERO) => Some(text),
        };
        let text = left.unwrap();
        let sent = select! { r = send(tx, text) => r, default => Err(SendError(text)) };
        assert_eq!(sent, Ok(()));
        assert_eq!(rx.recv().unwrap(), "text");
    });
}

#[test]
fn what_comes_of_a_closed_channel() {
    everywhere(|_| {
        let (tx, rx) = channel::bounded::<u8>(1);
        drop(rx);
        assert_eq!(select! { r = send(tx, 5) => r }, Err(SendError(5)));
        let (tx, rx) = holding([1]);
        drop(tx);
        let receive = || select! { m = recv(rx) => m };
        assert_eq!((receive(), receive()), (Ok(1), Err(RecvError)));
    });
}

/// `?`, `break`, `continue` and `return` leave from where they stand, and a right to send that is
/// not used goes back.
#[test]
fn control_flow_leaves_a_select() {
    fn value(tx: &Sender<u8>, value: Result<u8, &'static str>) -> Result<(), &'static str> {
        select! {
            Ok(()) = send(tx, value?) else { return Err("closed") } => Ok(()),
        }
    }
    fn argument(rx: Option<&Receiver<u8>>) -> Option<u8> {
        select! { m = recv(rx?) => Some(m.ok()? * 2) }
    }
    everywhere(|_| {
        let (tx, rx) = channel::bounded(1);
        assert_eq!(value(&tx, Err("no value")), Err("no value"));
        assert_eq!(value(&tx, Ok(4)), Ok(()));
        assert_eq!(argument(Some(&rx)), Some(8));
        assert_eq!(argument(None), None);
        for turn in 0..9 {
            select! {
                Ok(()) = send(tx, if turn < 3 { turn } else { break }) else { return } => assert_eq!(rx.recv(), Ok(turn)),
            }
            assert!(turn < 3);
        }
        assert!(rx.is_empty());

        let (mut turns, mut odd) = (0, 0);
        (0..10u8).for_each(|i| tx_all(&tx, &rx, i, &mut turns, &mut odd));
        assert_eq!((turns, odd), (10, 5));

        let (tx, rx) = holding([1, 2, 3]);
        drop(tx);
        let mut sum = 0;
        let last = 'outer: loop {
            for _ in 0..2 {
                select! {
                    Ok(n) = recv(rx) else { break 'outer sum } => sum += n,
                }
            }
        };
        assert_eq!(last, 6);
    });
    fn tx_all(tx: &Sender<u8>, rx: &Receiver<u8>, i: u8, turns: &mut u32, odd: &mut u32) {
        loop {
            select! {
                biased;
                Ok(n) = rx.recv() else { return } => {
                    *turns += 1;
                    if n % 2 == 0 {
                        return;
                    }
                    *odd += 1;
                    break;
                }
                Ok(()) = tx.send(i) else { return } => continue,
            }
        }
    }
}

#[test]
fn a_panic_in_a_value_leaves_the_channel_as_it_was() {
    fn no_value() -> u8 {
        panic!("no value")
    }
    everywhere(|_| {
        let (tx, rx) = channel::bounded::<u8>(1);
        let sends = || {
            select! { _ = send(tx, no_value()) => {} }
        };
        assert_eq!(panic_of(sends), "no value");
        assert_eq!(tx.try_send(1), Ok(()));
        assert_eq!(rx.recv(), Ok(1));
    });
}

/// How an end of a channel is held makes no difference.
#[test]
fn ends_may_be_behind_pointers() {
    everywhere(|_| {
        let (tx, rx) = channel::bounded(1);
        let (tx, mut rx) = (Arc::new(tx), rx);
        let holder = (Some(&tx), Some(&mut rx));
        let by_call = || &tx;
        for turn in 0..5 {
            let sent = select! {
                Ok(()) = send(tx, 0) else { panic!() } if turn == 0 => 0,
                Ok(()) = send(&tx, 1) else { panic!() } if turn == 1 => 1,
                Ok(()) = send(&*tx, 2) else { panic!() } if turn == 2 => 2,
                Ok(()) = send((turn == 3).then(by_call), 3) else { panic!() } => 3,
                Ok(()) = holder.0.send(4) else { panic!() } if turn == 4 => 4,
            };
            let received = select! {
                m = recv(holder.1) if turn % 2 == 0 => m,
                m = recv(&holder.1) if turn % 2 == 1 => m,
            };
            assert_eq!((sent, received), (turn, Ok(turn)));
        }
        let sent = select! { r = send(by_call(), 5) => r };
        assert_eq!((sent, rx.recv()), (Ok(()), Ok(5)));
    });
}

/// A queue between two channels, all in one value.
struct Relay {
    input: Receiver<u32>,
    output: Sender<u32>,
    queue: VecDeque<u32>,
    taken: usize,
}

impl Relay {
    fn take(&mut self, number: u32) {
        self.taken += 1;
        self.queue.push_back(number);
    }

    /// The bodies borrow exclusively from where other arms would have got a right to send, or a
    /// guard.
    fn run(mut self) -> usize {
        let lock = Mutex::new(());
        loop {
            select! {
                Ok(number) = recv(self.input) else { return self.taken } if self.queue.len() < 4 => {
                    self.take(number);
                }
                Ok(()) = send(self.output, self.queue.pop_front().unwrap()) else { break } if !self.queue.is_empty() => {
                    self.queue.shrink_to_fit();
                }
                _ = recv(self.input) if lock.is_poisoned() => self.queue.clear(),
            }
        }
        self.taken
    }
}

#[test]
fn a_body_may_change_what_other_arms_borrow_from() {
    everywhere(|place| {
        let ((to, input), (output, from)) = (channel::bounded(0), channel::bounded(0));
        let relay = Relay {
            input,
            output,
            queue: VecDeque::new(),
            taken: 0,
        };
        let running = place.start(move || assert_eq!(relay.run(), 20));
        for number in 0..20 {
            to.send(number).unwrap();
            if number >= 3 {
                assert_eq!(from.recv(), Ok(number - 3));
            }
        }
        for number in 17..20 {
            assert_eq!(from.recv(), Ok(number));
        }
        drop(to);
        running.join();
    });
}

/// Temporaries live as long as the wait: the body may lock what an argument had locked.
#[test]
fn temporaries_are_gone_when_a_body_starts() {
    everywhere(|_| {
        let (_tx, rx) = holding([1, 2]);
        let shared = Mutex::new(rx);
        let lock = || shared.lock().unwrap_or_else(PoisonError::into_inner);
        for open in [true, false] {
            let left = select! {
                _ = recv(&*lock()) if open => lock().len(),
                _ = recv(*lock()) if !open => lock().len(),
                after(LONG) => unreachable!(),
            };
            assert_eq!(left, usize::from(open));
        }
        let sent = select! {
            m = recv(*lock()) => m.is_ok(),
            default => lock().is_empty(),
        };
        assert!(sent);
    });
}

#[test]
fn arms_may_be_compiled_away() {
    everywhere(|_| {
        let (_tx, rx) = holding([1]);
        let got = select! {
            #[cfg(any())]
            m = recv(nowhere) => m.no_such_method(),
            #[cfg(all())]
            m = recv(rx) => m.unwrap(),
            #[cfg(any())]
            #[cfg(all())]
            _ = recv(nowhere) if nothing => 5,
            #[cfg(any())]
            default => nothing,
        };
        assert_eq!(got, 1);
        let got = select! {
            #[cfg(any())]
            match recv(nowhere) { _ => nothing }
            m = recv(rx) => m.unwrap(),
            #[cfg(all())]
            default => 6,
        };
        assert_eq!(got, 6);
    });
}

/// The expansion's names are not seen by the user's code, nor the other way round.
#[test]
fn names_do_not_meet() {
    #[derive(Debug)]
    struct This(u8);
    #[derive(Debug)]
    struct Other;
    enum Option {
        Some,
    }
    everywhere(|_| {
        let (tx, rx) = holding([1]);
        let (event0, value, won, guard0, given0, argument0) = (1, 2, 3, true, 5, 6);
        let This(got) = select! {
            m = recv(rx) if guard0 => This(m.unwrap() + event0 + value + won + given0 + argument0),
            Ok(()) = send(tx, value) else { unreachable!("{Other:?}") } if !guard0 => match Option::Some {
                Option::Some => This(value),
            },
        };
        assert_eq!(got, 18);
    });
}

#[test]
fn a_select_may_be_in_another_one() {
    everywhere(|_| {
        let ((_a, a), (_b, b)) = (holding([1, 2]), holding([10]));
        let sum = select! {
            x = recv(a) => select! {
                y = recv(b) => x.unwrap() + y.unwrap(),
                after(LONG) => 0,
            },
            x = recv(select! { after(LONG) => &a, default => &b }) if false => x.unwrap(),
        };
        assert_eq!(sum, 11);
    });
}

#[test]
fn a_macro_may_write_a_select() {
    macro_rules! first {
        ($pattern:pat, $operation:expr, $body:expr, $block:block, $guard:expr) => {
            select! {
                $pattern = $operation if $guard => $body,
                after(LONG) => $block
            }
        };
        ($($name:ident),*) => {
            select! { $(m = recv($name) => (stringify!($name), m.unwrap()),)* }
        };
    }
    everywhere(|_| {
        let (_tx, rx) = holding([1, 2]);
        let (_none, none) = holding::<i32>([]);
        assert_eq!(first!(Ok(1) | _, rx.recv(), 5 + 1, { 0 }, true), 6);
        assert_eq!(first!(rx, none), ("rx", 2));
    });
}

/// Generics in bodies, patterns and arguments have commas that separate no arms.
#[test]
fn commas_in_generics_separate_no_arms() {
    everywhere(|_| {
        let (_tx, rx) = holding([(1, 2)]);
        let got = select! {
            m = recv(rx) => m.into_iter().collect::<std::collections::BTreeMap<u8, u8>>(),
            after(<Duration as Into<Duration>>::into(LONG)) => Default::default(),
        };
        assert_eq!(got.into_iter().collect::<Vec<_>>(), [(1, 2)]);
    });
}

#[test]
fn results_of_all_kinds_leave_a_select() {
    everywhere(|_| {
        let calls = Cell::new(0);
        let borrowed = String::from("borrowed");
        let (_tx, rx) = holding([borrowed.as_str()]);
        let text: &str = select! {
            Ok(text) = recv(rx) else { unreachable!() } => { calls.set(calls.get() + 1); text }
        };
        let never = select! { after(Duration::ZERO) => 1, after(LONG) => panic!() };
        select! { after(Duration::ZERO) => calls.set(calls.get() + 1) }
        assert_eq!((text, never, calls.get()), ("borrowed", 1, 2));
    });
}

#[test]
fn there_may_be_64_arms() {
    macro_rules! of_64 {
        ($last:ident $($rx:ident)*) => { select! { $(m = recv($rx[0]) => m,)* m = recv($last) => m } };
    }
    everywhere(|place| {
        let (_txs, rxs): (Vec<_>, Vec<_>) = (0..64).map(|_| holding::<u8>([])).unzip();
        let (tx, last) = channel::bounded(0);
        let sender = place.start(move || tx.send(64).unwrap());
        let rx = &rxs;
        let received = {
            of_64!(last rx rx rx rx rx rx rx rx rx rx rx rx rx rx rx rx rx rx rx rx rx rx rx rx rx rx rx rx rx rx rx rx
                rx rx rx rx rx rx rx rx rx rx rx rx rx rx rx rx rx rx rx rx rx rx rx rx rx rx rx rx rx rx rx)
        };
        assert_eq!(received, Ok(64));
        sender.join();
    });
}

#[test]
fn a_cancelled_coroutine_unwinds_out_of_a_select() {
    on_workers(1, || {
        let (_tx, rx) = channel::bounded::<()>(0);
        let waiting = spawn_waiting(move || select! { _ = recv(rx) => {}, after(LONG) => {} });
        waiting.cancel();
        may_tests::assert_cancelled(waiting.join());
        coroutine::yield_now();
    });
}
