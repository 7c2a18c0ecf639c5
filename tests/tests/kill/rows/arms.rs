//! Each arm of `select!`, beside one that never wins: exactly one arm happens, and one that has not
//! leaves no trace.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::process::Stdio;
use std::sync::{Arc, Mutex as StdMutex};
use std::time::{Duration, Instant};

use may::channel::{self, Receiver, Sender};
use may::net::TcpStream;
use may::op::Select;
use may::op::{self, Operation, Signal};
use may::os::unix::net::{UnixDatagram, UnixListener};
use may::sync::{
    CancelToken, Mutex, Notify, PoisonError, Semaphore, SyncFlag, mpsc, oneshot, watch,
};
use may::{coroutine, process, select, time};
use may_tests::net::{Temporary, fill, listener, pair};
use may_tests::{OnDrop, eventually};

use super::{Count, Pair, Program};
use crate::stage::{At, Play};

pub(crate) fn programs() -> Vec<Program> {
    vec![
        ("select! recv, of a buffer", || {
            receiving(channel::bounded(2))
        }),
        ("select! recv, of a rendezvous", || {
            receiving(channel::bounded(0))
        }),
        ("select! send, into a buffer", || {
            sending(channel::bounded(1), send_general)
        }),
        ("select! send, of a rendezvous", || {
            sending(channel::bounded(0), send_general)
        }),
        ("select! send, of mpsc", || {
            let (sender, receiver) = mpsc::sync_channel(1);
            sending((sender, receiver), |sender, message, at| {
                let never = never();
                select! {
                    sent = send(sender, { at.here(); message }) => sent.is_ok(),
                    _ = recv(never) => unreachable!(),
                }
            })
        }),
        ("select! reserve", || {
            sending(channel::bounded(1), |sender, message, at| {
                let never = never();
                let right = select! {
                    right = reserve(sender) => right,
                    _ = recv(never) => unreachable!(),
                };
                at.turn();
                right.send(message).is_ok()
            })
        }),
        ("select! closed", closed),
        ("select! recv and send", both_ways),
        ("Select::wait", dynamic),
        ("select! acquire", || {
            acquire(|semaphore, wanted, at| {
                let never = never();
                select! {
                    _permits = acquire(semaphore, wanted) => at.turn(),
                    _ = recv(never) => unreachable!(),
                }
            })
        }),
        ("select! acquire_owned", || {
            acquire(|semaphore, wanted, at| {
                let never = never();
                select! {
                    _permits = acquire_owned(semaphore, wanted) => at.turn(),
                    _ = recv(never) => unreachable!(),
                }
            })
        }),
        ("select! lock", lock),
        ("select! wait, of a notify", notify),
        ("select! wait, of a flag, and cancelled, of a token", flags),
        ("select! cancelled", own_cancellation),
        ("select! on", own_event),
        ("select! join", joins),
        ("select! run", runs),
        ("select! after, at and tick", times),
        ("select! default", defaults),
        ("select! read and readable", reads),
        ("select! write and writable", writes),
        ("select! read_vectored and peek", peeks),
        ("select! write_vectored", vectored_writes),
        ("select! accept", accepts),
        ("select! connect", connects),
        ("select! recv_from and send_to", datagrams_to_an_address),
        ("select! read and write, of datagrams", datagrams),
        ("select! wait, of a child", child),
    ]
}

/// What never comes.
fn never() -> Receiver<()> {
    channel::never()
}

const MESSAGES: usize = 4;

/// Two who receive by select; what is sent is received once.
fn receiving((sender, receiver): (Sender<usize>, Receiver<usize>)) -> Play {
    let mut play = Play::default();
    let received = Count::default();
    for _ in 0..2 {
        let (receiver, received) = (receiver.clone(), received.clone());
        play.victim(move |at| {
            let (never, done) = (never(), SyncFlag::new());
            while !done.is_fired() {
                at.here();
                select! {
                    Ok(_) = recv(receiver) else { break } => received.add(),
                    _ = recv(never) => unreachable!(),
                    wait(done) => unreachable!(),
                }
                at.here();
            }
        });
    }
    drop(receiver);
    play.helper(move |at| {
        for message in 0..MESSAGES {
            at.here();
            sender.send(message).expect("there is a receiver");
        }
    });
    play.check(move |_| assert_eq!(received.get(), MESSAGES));
    play
}

/// Two who send by select, and make the message only when they may; what was made and sent is
/// received.
fn sending<S, R>((sender, receiver): (S, R), send: fn(&S, usize, &At) -> bool) -> Play
where
    S: Clone + Send + 'static,
    R: IntoIterator<Item = usize> + Send + 'static,
{
    let mut play = Play::default();
    let (sent, received) = (Count::default(), Count::default());
    for _ in 0..2 {
        let (sender, sent) = (sender.clone(), sent.clone());
        play.victim(move |at| {
            for message in 0..MESSAGES {
                at.here();
                if !send(&sender, message, at) {
                    break;
                }
                sent.add();
                at.here();
            }
        });
    }
    drop(sender);
    let counted = received.clone();
    play.helper(move |at| {
        for _ in receiver {
            counted.add();
            at.here();
        }
    });
    play.check(move |_| assert_eq!(received.get(), sent.get()));
    play
}

fn send_general(sender: &Sender<usize>, message: usize, at: &At) -> bool {
    let never = never();
    select! {
        sent = send(sender, { at.here(); message }) => sent.is_ok(),
        _ = recv(never) => unreachable!(),
    }
}

/// A sender that waits for the end of a receiver is woken, however the receiver ends.
fn closed() -> Play {
    let mut play = Play::default();
    let (once, receiver) = oneshot::channel::<u8>();
    let (watched, watcher) = watch::channel(1);
    play.victim(move |at| {
        at.here();
        select! {
            closed(once) => {}
            closed(watched) => {}
        }
        closes(&once, &watched);
        at.here();
    });
    play.victim(move |at| {
        let _receiver = receiver;
        at.turn();
    });
    play.victim(move |at| {
        let _watcher = watcher;
        at.turn();
    });
    play
}

/// Waits until both have been closed.
fn closes(once: &oneshot::Sender<u8>, watched: &watch::Sender<u8>) {
    while !(once.is_closed() && watched.is_closed()) {
        select! {
            closed(once) if !once.is_closed() => {}
            closed(watched) if !watched.is_closed() => {}
        }
    }
}

/// Messages go round between two who both send and receive in one select.
fn both_ways() -> Play {
    let mut play = Play::default();
    let (to_b, from_a) = channel::bounded::<usize>(0);
    let (to_a, from_b) = channel::bounded::<usize>(1);
    let (sent, received) = (Count::default(), Count::default());
    for (sender, receiver) in [(to_b, from_b), (to_a, from_a)] {
        let (sent, received) = (sent.clone(), received.clone());
        play.victim(move |at| {
            let mut left = 3;
            let mut open = true;
            // The receivers go with the roles, so a message that is no longer taken is not sent.
            while left > 0 {
                at.here();
                select! {
                    result = send(sender, left) => match result {
                        Ok(()) => { sent.add(); left -= 1; }
                        Err(_) => left = 0,
                    },
                    result = recv(receiver) if open => match result {
                        Ok(_) => received.add(),
                        Err(_) => open = false,
                    },
                }
            }
        });
    }
    play.check(move |_| assert!(received.get() <= sent.get()));
    play
}

/// A set that is made at run time.
fn dynamic() -> Play {
    let mut play = Play::default();
    let (numbers, number) = channel::bounded::<usize>(0);
    let (answers, answer) = channel::bounded::<usize>(1);
    let (sent, received) = (Count::default(), Count::default());
    for _ in 0..2 {
        let (number, answers) = (number.clone(), answers.clone());
        let (sent, received) = (sent.clone(), received.clone());
        play.victim(move |at| {
            loop {
                at.here();
                let mut set = Select::new();
                let got = |result: Result<usize, _>| {
                    result.is_ok() && {
                        received.add();
                        true
                    }
                };
                set.recv(&number, got);
                set.send(
                    &answers,
                    || {
                        at.here();
                        1
                    },
                    |result| {
                        result.is_ok() && {
                            sent.add();
                            true
                        }
                    },
                );
                if !set.wait().value {
                    break;
                }
            }
        });
    }
    drop((number, answers));
    let given = Count::default();
    let gave = given.clone();
    let heard = Count::default();
    let hears = heard.clone();
    play.helper(move |at| {
        for message in 0..MESSAGES {
            at.here();
            select! {
                Ok(()) = send(numbers, message) else { break } => gave.add(),
                Ok(_) = recv(answer) else { break } => hears.add(),
            }
        }
        drop(numbers);
        while answer.recv().is_ok() {
            hears.add();
        }
    });
    play.check(move |_| {
        assert_eq!(given.get(), received.get());
        assert_eq!(heard.get(), sent.get());
    });
    play
}

fn acquire(hold: fn(&Arc<Semaphore>, usize, &At)) -> Play {
    let mut play = Play::default();
    let semaphore = Arc::new(Semaphore::new(3));
    for wanted in [2, 3, 1] {
        let semaphore = semaphore.clone();
        play.victim(move |at| {
            for _ in 0..2 {
                at.here();
                hold(&semaphore, wanted, at);
            }
        });
    }
    play.check(move |_| assert_eq!(semaphore.available_permits(), 3));
    play
}

fn lock() -> Play {
    let mut play = Play::default();
    let mutex = Arc::new(Mutex::new(Pair::default()));
    for _ in 0..3 {
        let mutex = mutex.clone();
        play.victim(move |at| {
            let never = never();
            for _ in 0..2 {
                at.here();
                select! {
                    pair = lock(mutex) => {
                        let mut pair = pair.unwrap_or_else(PoisonError::into_inner);
                        pair.begun += 1;
                        at.turn();
                        pair.done += 1;
                    }
                    _ = recv(never) => unreachable!(),
                }
            }
        });
    }
    play.check(move |_| {
        mutex.clear_poison();
        let pair = mutex.try_lock().expect("it is free");
        assert!(pair.done >= 4 && pair.begun - pair.done <= 1, "{pair:?}");
    });
    play
}

/// As for the call: each notification is used, or still there.
fn notify() -> Play {
    let mut play = Play::default();
    let (notify, served) = (Arc::new(Notify::new()), Count::default());
    for _ in 0..2 {
        let (notify, served) = (notify.clone(), served.clone());
        play.victim(move |at| {
            let never = never();
            at.here();
            select! {
                wait(notify) => served.add(),
                _ = recv(never) => unreachable!(),
            }
            at.here();
        });
    }
    play.helper(move |at| {
        let mut notified = 0;
        while !(at.is_over(0) && at.is_over(1)) {
            at.turn();
            if served.get() == notified {
                notify.notify_one();
                notified += 1;
            }
        }
    });
    play
}

fn flags() -> Play {
    let mut play = Play::default();
    let (flag, token) = (Arc::new(SyncFlag::new()), CancelToken::new());
    for _ in 0..2 {
        let (flag, token) = (flag.clone(), token.child());
        play.victim(move |at| {
            for turn in 0..2 {
                at.here();
                select! {
                    wait(flag) if turn == 0 => assert!(flag.is_fired()),
                    cancelled(token) => assert!(token.is_cancelled()),
                }
            }
            at.here();
        });
    }
    play.helper(move |at| {
        at.turn();
        flag.fire();
        at.turn();
        token.cancel();
    });
    play
}

/// A cancellation that is an arm ends nothing by itself; the next wait does.
fn own_cancellation() -> Play {
    let mut play = Play::default();
    let (sender, receiver) = channel::bounded(1);
    for _ in 0..2 {
        let receiver = receiver.clone();
        play.victim(move |at| {
            at.here();
            let is_cancelled = select! {
                Ok(()) = recv(receiver) else { return } => false,
                cancelled() => true,
            };
            at.here();
            coroutine::yield_now();
            assert!(!is_cancelled, "a cancelled coroutine goes on");
        });
    }
    play.helper(move |at| {
        (0..2).for_each(|_| at.turn());
        let _ = sender.send(());
        at.here();
    });
    play
}

/// An operation of the program's own: a number that is filled in.
struct Numbers {
    there: StdMutex<Vec<usize>>,
    more: Arc<Signal>,
}

impl Numbers {
    fn take(&self) -> impl Operation<Output = usize> {
        op::when(&self.more, || self.there.lock().unwrap().pop())
    }
}

fn own_event() -> Play {
    let mut play = Play::default();
    let numbers = Arc::new(Numbers {
        there: StdMutex::default(),
        more: Signal::new(),
    });
    let taken = Count::default();
    for _ in 0..2 {
        let (numbers, taken) = (numbers.clone(), taken.clone());
        play.victim(move |at| {
            let never = never();
            for _ in 0..2 {
                at.here();
                select! {
                    _ = on(numbers.take()) => taken.add(),
                    _ = recv(never) => unreachable!(),
                }
                at.here();
            }
        });
    }
    let (for_check, counted) = (numbers.clone(), taken.clone());
    play.helper(move |at| {
        for number in 0..4 {
            at.turn();
            numbers.there.lock().unwrap().push(number);
            numbers.more.notify();
        }
    });
    play.check(move |_| {
        assert_eq!(counted.get() + for_check.there.lock().unwrap().len(), 4);
    });
    play
}

/// The handle is still good when its arm has lost.
fn joins() -> Play {
    let mut play = Play::default();
    for _ in 0..2 {
        play.victim(move |at| {
            let points = at.clone();
            let mut child = coroutine::spawn(move || {
                (0..3).for_each(|_| coroutine::yield_now());
                drop(points);
                7
            });
            at.here();
            select! {
                result = join(child) => assert_eq!(result.unwrap(), 7),
                after(Duration::ZERO) => {
                    at.here();
                    assert_eq!(child.join().unwrap(), 7);
                }
            }
            at.here();
        });
    }
    play
}

/// What runs as an arm has ended when the select has, also if it loses.
fn runs() -> Play {
    let mut play = Play::default();
    let left = Count::default();
    for _ in 0..2 {
        let (alive, left) = (Count::default(), left.clone());
        play.victim(move |at| {
            let _gone = OnDrop(|| (0..alive.get()).for_each(|_| left.add()));
            let work = |turns: usize| {
                alive.add();
                let _gone = OnDrop(|| alive.subtract());
                let _lingers = OnDrop(coroutine::yield_now);
                (0..turns).for_each(|_| at.turn());
                turns
            };
            at.here();
            let turns = select! {
                turns = run(work(1)) => turns,
                turns = run(work(4)) => turns,
                after(Duration::from_secs(86_400)) => unreachable!(),
            };
            assert_eq!((turns, alive.get()), (1, 0));
            at.here();
        });
    }
    play.check(move |_| assert_eq!(left.get(), 0, "what ran is left"));
    play
}

fn times() -> Play {
    let mut play = Play::default();
    for _ in 0..2 {
        play.victim(move |at| {
            let soon = Duration::from_micros(30);
            let mut ticks = time::interval(soon);
            let day = Duration::from_secs(86_400);
            for _ in 0..2 {
                at.here();
                let start = Instant::now();
                select! {
                    after(soon) => assert!(start.elapsed() >= soon),
                    after(day) => unreachable!(),
                }
                at.here();
                let due = Instant::now() + soon;
                select! {
                    at(due) => assert!(Instant::now() >= due),
                    after(day) => unreachable!(),
                }
                at.here();
                select! {
                    planned = tick(ticks) => assert!(planned <= Instant::now()),
                    after(day) => unreachable!(),
                }
            }
        });
    }
    play
}

/// What does not wait has no point, but a kill beside it changes nothing.
fn defaults() -> Play {
    let mut play = Play::default();
    let (sender, receiver) = channel::bounded(1);
    play.victim(move |at| {
        for _ in 0..3 {
            at.here();
            select! {
                _ = recv(receiver) => {}
                default => at.turn(),
            }
        }
    });
    play.victim(move |at| {
        at.turn();
        let _ = sender.try_send(());
        at.here();
    });
    play
}

/// What a read that was ended had not taken is there for the next one.
fn reads() -> Play {
    let mut play = Play::default();
    let (client, server) = pair();
    let taken = Count::default();
    for number in 0..2 {
        let (server, taken) = (server.clone(), taken.clone());
        play.victim(move |at| {
            let never = never();
            let mut byte = [0];
            loop {
                at.here();
                let count = match number {
                    0 => select! {
                        count = read(server, &mut byte) => count.unwrap(),
                        _ = recv(never) => unreachable!(),
                    },
                    _ => {
                        select! {
                            result = readable(server) => result.unwrap(),
                            _ = recv(never) => unreachable!(),
                        }
                        select! {
                            count = read(server, &mut byte) => count.unwrap(),
                            _ = recv(never) => unreachable!(),
                        }
                    }
                };
                if count == 0 {
                    break;
                }
                taken.add();
            }
        });
    }
    play.helper(move |at| {
        for _ in 0..3 {
            at.turn();
            (&client).write_all(b"x").unwrap();
        }
    });
    play.check(move |_| assert_eq!(taken.get(), 3));
    play
}

/// A write that was ended has written nothing.
fn writes() -> Play {
    let mut play = Play::default();
    let (client, server) = pair();
    let filled = fill(&client).unwrap();
    let written = Count::default();
    for number in 0..2 {
        let (client, written) = (client.clone(), written.clone());
        play.victim(move |at| {
            let never = never();
            at.here();
            if number == 1 {
                select! {
                    result = writable(client) => result.unwrap(),
                    _ = recv(never) => unreachable!(),
                }
            }
            select! {
                count = write(client, b"x") => assert_eq!(count.unwrap(), 1),
                _ = recv(never) => unreachable!(),
            }
            written.add();
            at.here();
        });
    }
    drop(client);
    play.helper(move |at| {
        let mut read = 0;
        let mut buffer = vec![0; 1 << 16];
        at.turn();
        loop {
            match (&server).read(&mut buffer).unwrap() {
                0 => break,
                count => read += count,
            }
        }
        assert_eq!(read, filled + written.get());
    });
    play
}

/// What was looked at, or not read, is there for the next one.
fn peeks() -> Play {
    let mut play = Play::default();
    let (client, server) = pair();
    let taken = Count::default();
    for number in 0..2 {
        let (server, taken) = (server.clone(), taken.clone());
        play.victim(move |at| {
            let never = never();
            let (mut byte, mut other) = ([0], [0]);
            loop {
                at.here();
                if number == 0 {
                    select! {
                        count = peek(server, &mut byte) => assert!(count.unwrap() <= 1),
                        _ = recv(never) => unreachable!(),
                    }
                }
                let mut buffers = [IoSliceMut::new(&mut []), IoSliceMut::new(&mut other)];
                select! {
                    count = read_vectored(server, &mut buffers) => match count.unwrap() {
                        0 => break,
                        _ => taken.add(),
                    },
                    _ = recv(never) => unreachable!(),
                }
            }
        });
    }
    play.helper(move |at| {
        for _ in 0..3 {
            at.turn();
            (&client).write_all(b"x").unwrap();
        }
    });
    play.check(move |_| assert_eq!(taken.get(), 3));
    play
}

/// A write from several buffers that was ended has written nothing.
fn vectored_writes() -> Play {
    let mut play = Play::default();
    let (client, server) = pair();
    let filled = fill(&client).unwrap();
    let written = Count::default();
    for _ in 0..2 {
        let (client, written) = (client.clone(), written.clone());
        play.victim(move |at| {
            let never = never();
            let buffers = [IoSlice::new(b""), IoSlice::new(b"x")];
            at.here();
            select! {
                count = write_vectored(client, &buffers) => assert_eq!(count.unwrap(), 1),
                _ = recv(never) => unreachable!(),
            }
            written.add();
            at.here();
        });
    }
    drop(client);
    play.helper(move |at| {
        at.turn();
        let read = io::copy(&mut &server, &mut io::sink()).unwrap();
        assert_eq!(read, (filled + written.get()) as u64);
    });
    play
}

/// A connection that was not made is none of those that are accepted.
fn connects() -> Play {
    let mut play = Play::default();
    let path = Temporary::new();
    let listener = UnixListener::bind(&path.0).unwrap();
    // So many that there is no room for another one.
    let mut waiting = Vec::new();
    while let Some(stream) = op::connect(&*path.0).try_now() {
        waiting.push(stream.unwrap());
    }
    let connected = Count::default();
    for _ in 0..2 {
        let (path, connected) = (path.0.clone(), connected.clone());
        play.victim(move |at| {
            let never = never();
            at.here();
            select! {
                stream = connect(&*path) => (&stream.unwrap()).write_all(b"x").unwrap(),
                _ = recv(never) => unreachable!(),
            }
            connected.add();
            at.here();
        });
    }
    play.helper(move |at| {
        drop(waiting);
        let (mut buffer, mut used) = ([0; 8], 0);
        let mut accept = || {
            let accepted = op::accept(&listener).wait_timeout(Duration::from_micros(100));
            let stream = accepted.map(|accepted| accepted.unwrap().0);
            used += stream.map_or(0, |mut stream| stream.read(&mut buffer).unwrap());
            used
        };
        while !(at.is_over(0) && at.is_over(1)) {
            at.turn();
            accept();
        }
        eventually("each connection is accepted", || {
            accept() == connected.get()
        });
        drop(path);
    });
    play
}

/// A datagram that was not sent does not come, and one that was not received is there.
fn datagrams_to_an_address() -> Play {
    let mut play = Play::default();
    let path = Temporary::new();
    let receiver = Arc::new(UnixDatagram::bind(&path.0).unwrap());
    let sender = Arc::new(UnixDatagram::unbound().unwrap());
    let address = receiver.local_addr().unwrap();
    let (sent, received) = (Count::default(), Count::default());
    while let Some(count) = op::send_to(&sender, b"abc", address.clone()).try_now() {
        assert_eq!(count.unwrap(), 3);
        sent.add();
    }
    for _ in 0..2 {
        let (sender, sent) = (sender.clone(), sent.clone());
        let address = address.clone();
        play.victim(move |at| {
            let never = never();
            at.here();
            select! {
                count = send_to(sender, b"abc", address.clone()) => assert_eq!(count.unwrap(), 3),
                _ = recv(never) => unreachable!(),
            }
            sent.add();
            at.here();
        });
    }
    let (its_receiver, its_received) = (receiver.clone(), received.clone());
    play.victim(move |at| {
        let mut buffer = [0; 8];
        for _ in 0..3 {
            at.here();
            select! {
                result = recv_from(its_receiver, &mut buffer) => assert_eq!(result.unwrap().0, 3),
                after(Duration::from_secs(86_400)) => unreachable!(),
            }
            its_received.add();
        }
    });
    play.helper(move |at| {
        let take = || {
            let taken = op::recv_from(&receiver, &mut [0; 8]).try_now();
            taken.map(|datagram| assert_eq!(datagram.unwrap().0, 3))
        };
        while !(at.is_over(0) && at.is_over(1) && at.is_over(2)) {
            at.turn();
            // One at most, so that the victim that receives has some, too.
            if take().is_some() {
                received.add();
            }
            if at.is_over(0) && at.is_over(1) && !at.is_over(2) {
                sender.send_to_addr(b"abc", &address).unwrap();
                sent.add();
            }
        }
        while take().is_some() {
            received.add();
        }
        assert_eq!(received.get(), sent.get());
        drop(path);
    });
    play
}

/// A connection that was not taken is there for another one.
fn accepts() -> Play {
    let mut play = Play::default();
    let listener = Arc::new(listener());
    let address = listener.local_addr().unwrap();
    let accepted = Count::default();
    for _ in 0..2 {
        let (listener, accepted) = (listener.clone(), accepted.clone());
        play.victim(move |at| {
            let never = never();
            at.here();
            select! {
                connection = accept(listener) => drop(connection.unwrap()),
                _ = recv(never) => unreachable!(),
            }
            accepted.add();
            at.here();
        });
    }
    play.helper(move |at| {
        let mut connected = 0;
        while !(at.is_over(0) && at.is_over(1)) {
            at.turn();
            if accepted.get() == connected {
                drop(TcpStream::connect(address).unwrap());
                connected += 1;
            }
        }
        drop(listener);
    });
    play
}

fn datagrams() -> Play {
    let mut play = Play::default();
    let (a, b) = UnixDatagram::pair().unwrap();
    let (a, b) = (Arc::new(a), Arc::new(b));
    let taken = Count::default();
    let echo = |socket: &UnixDatagram, at: &At, taken: &Count| {
        let mut buffer = [0; 8];
        at.here();
        select! {
            count = read(*socket, &mut buffer) => assert_eq!(count.unwrap(), 3),
            after(Duration::from_secs(86_400)) => unreachable!(),
        }
        taken.add();
        at.here();
    };
    for _ in 0..2 {
        let (b, taken) = (b.clone(), taken.clone());
        play.victim(move |at| echo(&b, at, &taken));
    }
    play.helper(move |at| {
        let mut sent = 0;
        while !(at.is_over(0) && at.is_over(1)) {
            at.turn();
            if taken.get() == sent {
                select! {
                    count = write(a, b"abc") => assert_eq!(count.unwrap(), 3),
                    after(Duration::from_secs(86_400)) => unreachable!(),
                }
                sent += 1;
            }
        }
        drop(b);
    });
    play
}

/// A child that is waited for in vain is waited for again.
fn child() -> Play {
    let mut play = Play::default();
    play.victim(move |at| {
        let never = never();
        let mut command = process::Command::new("cat");
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        at.here();
        let mut child = command.spawn().unwrap();
        at.here();
        drop(child.stdin.take());
        select! {
            wait(child) => assert!(child.wait().unwrap().success()),
            _ = recv(never) => unreachable!(),
        }
        at.here();
    });
    play
}
