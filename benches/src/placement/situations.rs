//! The situations. Each is the same code for the runtime's own choice and for placement by hand;
//! `hand` is zero for the former.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use may::channel::bounded;
use may::coroutine::{Builder, JoinHandle, Placement, spawn};
use may::net::{TcpListener, TcpStream};
use may::sync::{Barrier, mpmc};

/// The workers of each process.
pub(crate) const WORKERS: usize = 2;

/// Something that programs do.
#[derive(Debug)]
pub(crate) struct Situation {
    pub(crate) name: &'static str,
    /// What is to come of it.
    pub(crate) wanted: &'static str,
    /// The unit of the figure, of which less is better.
    pub(crate) unit: &'static str,
    /// How many ways there are to place by hand.
    pub(crate) hands: usize,
    pub(crate) run: fn(usize) -> Outcome,
}

/// What came of it.
pub(crate) struct Outcome {
    pub(crate) figure: f64,
    pub(crate) wanted: bool,
}

impl Outcome {
    pub(crate) fn print(&self) {
        println!("{} {}", self.figure, self.wanted);
    }

    pub(crate) fn parse(text: &str) -> Outcome {
        let (figure, wanted) = text.trim().split_once(' ').expect("two words");
        Outcome {
            figure: figure.parse().expect("a number"),
            wanted: wanted.parse().expect("a truth value"),
        }
    }
}

macro_rules! situations {
    ($($name:literal, $wanted:literal, $unit:literal, $hands:literal, $run:expr;)*) => {
        /// All of them.
        pub(crate) const SITUATIONS: &[Situation] = &[$(Situation {
            name: $name,
            wanted: $wanted,
            unit: $unit,
            hands: $hands,
            run: $run,
        }),*];
    };
}

situations! {
    "pair, from a coroutine", "together", "ns", 1, |hand| inside(move || pair(hand));
    "pair, from main", "together", "ns", 1, pair;
    "pair, from a thread", "together", "ns", 1, |hand| thread::spawn(move || pair(hand)).join().unwrap();
    "pair, in a scope", "together", "ns", 1, |hand| inside(move || scoped_pair(hand));
    "pair, from a handler", "together", "ns", 1, |hand| inside(move || handlers_pair(hand));
    "pair, one waits first", "together", "ns", 1, |hand| inside(move || late_pair(hand));
    "pair, warm", "together", "ns", 1, |hand| inside(move || { warm_up(); pair(hand) });
    "helpers of 64 handlers", "each with its handler", "ns", 1, |hand| inside(move || helpers(hand));
    "pipeline of 2", "fast", "ns", 3, |hand| inside(move || pipeline(2, hand));
    "pipeline of 4", "fast", "ns", 3, |hand| inside(move || pipeline(4, hand));
    "pipeline of 16", "fast", "ns", 3, |hand| inside(move || pipeline(16, hand));
    "ring of 8", "fast", "ns", 1, |hand| inside(move || ring(8, hand));
    "pool of 4, jobs of 1 µs", "spread", "ms", 2, |hand| inside(move || pool(4, 20_000, 1, hand));
    "pool of 4, jobs of 100 µs", "spread", "ms", 2, |hand| inside(move || pool(4, 400, 100, hand));
    "pool of 4, jobs of 5 ms", "spread", "ms", 2, |hand| inside(move || pool(4, 20, 5_000, hand));
    "pool of 16, jobs of 100 µs", "spread", "ms", 2, |hand| inside(move || pool(16, 400, 100, hand));
    "pool from main, jobs of 1 ms", "spread", "ms", 2, |hand| pool(8, 50, 1_000, hand);
    "8 sleep, then compute", "spread", "ms", 2, |hand| inside(move || fan_out(Begin::Sleep, hand));
    "8 meet, then compute", "spread", "ms", 2, |hand| inside(move || fan_out(Begin::Barrier, hand));
    "8 yield, then compute", "spread", "ms", 2, |hand| inside(move || fan_out(Begin::Yield, hand));
    "8 of a dispatcher, then compute", "spread", "ms", 2, |hand| inside(move || dispatch(hand));
    "8 compute at once", "spread", "ms", 2, |hand| inside(move || fan_out(Begin::AtOnce, hand));
    "scopes of 8 short ones", "fast", "ns", 1, |hand| inside(move || short_scopes(hand));
    "timers beside a computation", "fast", "µs late", 1, |hand| inside(move || timers(hand));
}

/// Runs a situation inside a coroutine.
fn inside(situation: impl FnOnce() -> Outcome + Send + 'static) -> Outcome {
    spawn(situation).join().unwrap()
}

/// Has a first pair, so that the code is warm.
fn warm_up() {
    for _ in 0..100 {
        let pair = [spawn(|| {}), spawn(|| {})];
        for one in pair {
            one.join().unwrap();
        }
    }
}

/// Spawns the coroutine number `index` of a situation: by the runtime's choice, or on the worker
/// that `hand` says. 1: all on one. 2: each on the next. 3: the first half on one, the second on
/// another, of `count`.
fn spawn_at<T: Send + 'static>(
    (index, count): (usize, usize),
    hand: usize,
    f: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    let worker = match hand {
        0 => return spawn(f),
        1 => 0,
        2 => index % WORKERS,
        _ => index * WORKERS / count,
    };
    let builder = Builder::new().placement(Placement::Worker(worker));
    builder.spawn(f).unwrap()
}

fn here() -> ThreadId {
    thread::current().id()
}

/// The two ends of two bounded channels that pass a number back and forth; how long a round trip
/// takes, and whether both were on one worker.
const ROUND_TRIPS: u32 = 20_000;

fn pair(hand: usize) -> Outcome {
    let (to, from) = bounded(1);
    let (back, returned) = bounded(1);
    let first = spawn_at((0, 2), hand, move || {
        let start = Instant::now();
        for number in 0..ROUND_TRIPS {
            to.send(number).unwrap();
            assert_eq!(returned.recv(), Ok(number));
        }
        (start.elapsed(), here())
    });
    let second = spawn_at((1, 2), hand, move || {
        for number in from {
            back.send(number).unwrap();
        }
        here()
    });
    let (time, place) = first.join().unwrap();
    trip(time, place == second.join().unwrap())
}

fn trip(time: Duration, wanted: bool) -> Outcome {
    Outcome {
        figure: time.as_nanos() as f64 / f64::from(ROUND_TRIPS),
        wanted,
    }
}

fn scoped_pair(hand: usize) -> Outcome {
    if hand > 0 {
        return pair(hand);
    }
    let (to, from) = bounded(1);
    let (back, returned) = bounded(1);
    may::coroutine::scope(|scope| {
        let first = scope.spawn(move || {
            let start = Instant::now();
            for number in 0..ROUND_TRIPS {
                to.send(number).unwrap();
                assert_eq!(returned.recv(), Ok(number));
            }
            (start.elapsed(), here())
        });
        let second = scope.spawn(move || {
            for number in from {
                back.send(number).unwrap();
            }
            here()
        });
        let (time, place) = first.join().unwrap();
        trip(time, place == second.join().unwrap())
    })
}

/// A handler in an accept loop spawns a pair.
fn handlers_pair(hand: usize) -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let handler = spawn(move || {
            let outcome = pair(hand);
            drop(stream);
            outcome
        });
        handler.join().unwrap()
    });
    let _client = TcpStream::connect(address).unwrap();
    server.join().unwrap()
}

/// The second of a pair is spawned when the first has waited for long.
fn late_pair(hand: usize) -> Outcome {
    let (to, from) = bounded(1);
    let (back, returned) = bounded(1);
    let second = spawn_at((0, 2), hand, move || {
        for number in from {
            back.send(number).unwrap();
        }
        here()
    });
    may::coroutine::sleep(Duration::from_millis(2));
    let first = spawn_at((1, 2), hand, move || {
        let start = Instant::now();
        for number in 0..ROUND_TRIPS {
            to.send(number).unwrap();
            assert_eq!(returned.recv(), Ok(number));
        }
        (start.elapsed(), here())
    });
    let (time, place) = first.join().unwrap();
    trip(time, place == second.join().unwrap())
}

/// Handlers that one coroutine spawns, and that each spawn a helper and talk to it.
fn helpers(hand: usize) -> Outcome {
    const HANDLERS: usize = 64;
    const TALKS: u32 = 500;
    let start = Instant::now();
    let handlers: Vec<_> = (0..HANDLERS)
        .map(|index| {
            spawn_at((index, HANDLERS), if hand > 0 { 2 } else { 0 }, move || {
                let (to, from) = bounded(1);
                let (back, returned) = bounded(1);
                let serve = move || {
                    for number in from {
                        back.send(number).unwrap();
                    }
                    here()
                };
                let helper = spawn_at((index, HANDLERS), if hand > 0 { 2 } else { 0 }, serve);
                for number in 0..TALKS {
                    to.send(number).unwrap();
                    assert_eq!(returned.recv(), Ok(number));
                }
                drop(to);
                helper.join().unwrap() == here()
            })
        })
        .collect();
    let together = handlers.into_iter().map(|handler| handler.join().unwrap());
    let together = together.filter(|&together| together).count();
    Outcome {
        figure: start.elapsed().as_nanos() as f64 / f64::from(HANDLERS as u32 * TALKS),
        wanted: together * 20 >= HANDLERS * 19,
    }
}

/// Stages that pass messages on, each with a little work.
fn pipeline(stages: usize, hand: usize) -> Outcome {
    const MESSAGES: u32 = 20_000;
    let (first, mut input) = bounded(16);
    let mut handles = Vec::new();
    for stage in 0..stages {
        let (output, next) = bounded(16);
        handles.push(spawn_at((stage, stages), hand, move || {
            for message in input {
                compute(Duration::from_nanos(200));
                output.send(message).unwrap();
            }
        }));
        input = next;
    }
    let start = Instant::now();
    handles.push(spawn_at((0, stages), hand, move || {
        for message in 0..MESSAGES {
            first.send(message).unwrap();
        }
    }));
    let count = input.into_iter().count();
    let figure = start.elapsed().as_nanos() as f64 / count as f64;
    for handle in handles {
        handle.join().unwrap();
    }
    Outcome {
        figure,
        wanted: true,
    }
}

/// A token that goes around.
fn ring(size: usize, hand: usize) -> Outcome {
    const STEPS: u32 = 40_000;
    let (first, mut input) = bounded(1);
    let start = Instant::now();
    let mut handles = Vec::new();
    for index in 0..size {
        let (output, next) = match index + 1 == size {
            true => (first.clone(), None),
            false => {
                let (output, next) = bounded(1);
                (output, Some(next))
            }
        };
        let mine = std::mem::replace(&mut input, next.unwrap_or_else(|| bounded(1).1));
        handles.push(spawn_at((index, size), hand, move || {
            for token in mine {
                if token == 0 || output.send(token - 1).is_err() {
                    return;
                }
            }
        }));
    }
    first.send(STEPS).unwrap();
    drop(first);
    for handle in handles {
        handle.join().unwrap();
    }
    Outcome {
        figure: start.elapsed().as_nanos() as f64 / f64::from(STEPS),
        wanted: true,
    }
}

/// Consumers that wait before there are jobs.
fn pool(consumers: usize, jobs: usize, micros: u64, hand: usize) -> Outcome {
    let (give, take) = mpmc::channel::<u64>();
    let done = Arc::new(Mutex::new(HashMap::<ThreadId, usize>::new()));
    let handles: Vec<_> = (0..consumers)
        .map(|index| {
            let (take, done) = (take.clone(), done.clone());
            spawn_at((index, consumers), hand, move || {
                let mut count = 0;
                for micros in take {
                    compute(Duration::from_micros(micros));
                    count += 1;
                }
                *done.lock().unwrap().entry(here()).or_default() += count;
            })
        })
        .collect();
    pause(Duration::from_millis(5));
    let start = Instant::now();
    for _ in 0..jobs {
        give.send(micros).unwrap();
    }
    drop(give);
    for handle in handles {
        handle.join().unwrap();
    }
    let figure = start.elapsed().as_secs_f64() * 1e3;
    let done = done.lock().unwrap();
    let most = done.values().max().copied().unwrap_or(0);
    Outcome {
        figure,
        wanted: done.len() == WORKERS && most as f64 <= 1.3 * (jobs - most) as f64,
    }
}

/// What children do before they compute.
#[derive(Clone, Copy)]
enum Begin {
    Sleep,
    Barrier,
    Yield,
    AtOnce,
}

/// Children that wait for something and compute then.
fn fan_out(begin: Begin, hand: usize) -> Outcome {
    const CHILDREN: usize = 8;
    let barrier = Arc::new(Barrier::new(CHILDREN));
    let start = Instant::now();
    let children: Vec<_> = (0..CHILDREN)
        .map(|index| {
            let barrier = barrier.clone();
            spawn_at((index, CHILDREN), hand, move || {
                match begin {
                    Begin::Sleep => may::coroutine::sleep(Duration::from_millis(2)),
                    Begin::Barrier => drop(barrier.wait()),
                    Begin::Yield => may::coroutine::yield_now(),
                    Begin::AtOnce => {}
                }
                compute(Duration::from_millis(3));
                here()
            })
        })
        .collect();
    let mut places = HashMap::<ThreadId, usize>::new();
    for child in children {
        *places.entry(child.join().unwrap()).or_default() += 1;
    }
    Outcome {
        figure: start.elapsed().as_secs_f64() * 1e3,
        wanted: places.len() == WORKERS && places.values().all(|&count| count < 6),
    }
}

/// Children that a coroutine spawns one by one as messages arrive, that wait first and compute
/// then.
fn dispatch(hand: usize) -> Outcome {
    const CHILDREN: usize = 8;
    let (give, take) = bounded(1);
    let (go, gone) = bounded::<()>(1);
    let dispatcher = spawn_at((0, 1), hand.min(1), move || {
        let spawned = take.into_iter().map(|index: usize| {
            let gone = gone.clone();
            spawn_at((index, CHILDREN), hand, move || {
                let _ = gone.recv();
                compute(Duration::from_millis(3));
                here()
            })
        });
        spawned.collect::<Vec<_>>()
    });
    for index in 0..CHILDREN {
        give.send(index).unwrap();
        pause(Duration::from_micros(200));
    }
    drop(give);
    let children = dispatcher.join().unwrap();
    let start = Instant::now();
    drop(go);
    let mut places = HashMap::<ThreadId, usize>::new();
    for child in children {
        *places.entry(child.join().unwrap()).or_default() += 1;
    }
    Outcome {
        figure: start.elapsed().as_secs_f64() * 1e3,
        wanted: places.len() == WORKERS && places.values().all(|&count| count < 6),
    }
}

/// Scopes of a few that end at once: where they start hardly pays.
fn short_scopes(hand: usize) -> Outcome {
    const SCOPES: u32 = 2_000;
    let start = Instant::now();
    for _ in 0..SCOPES {
        let children: Vec<_> = (0..8)
            .map(|index| spawn_at((index, 8), hand, || compute(Duration::from_nanos(300))))
            .collect();
        for child in children {
            child.join().unwrap();
        }
    }
    Outcome {
        figure: start.elapsed().as_nanos() as f64 / f64::from(SCOPES),
        wanted: true,
    }
}

/// Timers that begin beside what will compute for long: how late the latest fires.
fn timers(hand: usize) -> Outcome {
    let sleepers: Vec<_> = (0..8)
        .map(|_| {
            spawn_at((0, 8), hand, || {
                let start = Instant::now();
                may::coroutine::sleep(Duration::from_millis(5));
                start.elapsed().saturating_sub(Duration::from_millis(5))
            })
        })
        .collect();
    let computing = spawn_at((WORKERS - 1, WORKERS), 2 * hand, || {
        may::coroutine::sleep(Duration::from_millis(1));
        compute(Duration::from_millis(30));
    });
    let late = sleepers.into_iter().map(|sleeper| sleeper.join().unwrap());
    let late = late.max().unwrap();
    computing.join().unwrap();
    Outcome {
        figure: late.as_secs_f64() * 1e6,
        wanted: late < Duration::from_millis(2),
    }
}

/// Computes for a time that is measured by the processor, so that it can be shared fairly.
fn compute(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        black_box((0..20).fold(0u64, |sum, number| sum ^ black_box(number)));
    }
}

/// Sleeps, wherever the caller is.
fn pause(time: Duration) {
    may::coroutine::sleep(time);
}
