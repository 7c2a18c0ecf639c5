//! Every operation that can be an arm of `select!`, one after the other.
//!
//! ```text
//! $ cargo run --release -p may-examples --bin select_tour
//! recv       a message: 1
//! send       there was room, so 2 was made and sent
//! default    no message, and no waiting for one
//! if         the guard is false, so the arm takes no part
//! else       the channel is closed
//! after      50ms are over
//! at         the deadline has passed
//! tick       a regular time, the next one 10ms later
//! accept     somebody has connected
//! write      5 bytes written
//! readable   there is something to read
//! read       5 bytes read: hello
//! lock       the mutex is ours: 7
//! acquire    2 of 3 permits
//! wait       the flag was raised
//! cancelled  the token was cancelled
//! join       a coroutine has ended: 42
//! run        blocking code has run: 6 * 7 = 42
//! run        the coroutine "adder" has run: 42
//! on         an event of our own: a letter
//! match      arms that rustfmt formats: 3
//! ```

use std::{
    io,
    sync::{Arc, Mutex as StdMutex, PoisonError},
    time::{Duration, Instant},
};

use may::{
    channel, coroutine, go,
    net::{TcpListener, TcpStream},
    op::{self, Operation, Signal},
    select,
    sync::{CancelToken, Mutex, Semaphore, SyncFlag},
    time,
};
use may_examples::Arguments;

/// What `--help` prints.
const HELP: &str = "\
Shows what can be an arm of `select!`.

Usage: select_tour [options]

  --workers N  threads that run the coroutines (default: one for each CPU)
  --help       show this text";

/// The other arm of most selects here: it must not win.
const LONG: Duration = Duration::from_secs(60);

fn main() {
    Arguments::new(HELP).configure_runtime();
    let tour = go!(|| {
        channels();
        times();
        sockets()?;
        synchronization();
        coroutines();
        own_events();
        written_as_matches();
        io::Result::Ok(())
    });
    let result = tour.join().expect("it does not panic");
    result.expect("connections within this machine");
}

/// Prints a line.
fn show(operation: &str, what: impl std::fmt::Display) {
    println!("{operation:<10} {what}");
}

fn channels() {
    let (sender, receiver) = channel::bounded(1);
    sender.send(1).expect("there is a receiver");
    select! {
        message = recv(receiver) => show("recv", format_args!("a message: {}", message.unwrap_or(0))),
        after(LONG) => unreachable!(),
    }
    // The value is made when the arm has won: what loses makes nothing.
    let make = || 2;
    select! {
        Ok(()) = send(sender, make()) else { return } => show("send", "there was room, so 2 was made and sent"),
        after(LONG) => unreachable!(),
    }
    receiver.recv().expect("the message");
    select! {
        message = recv(receiver) => unreachable!("{message:?}"),
        default => show("default", "no message, and no waiting for one"),
    }
    let is_open = false;
    select! {
        _ = send(sender, 3) if is_open => unreachable!(),
        default => show("if", "the guard is false, so the arm takes no part"),
    }
    drop(sender);
    // As in `let .. else`, the block leaves.
    select! {
        Ok(message) = recv(receiver) else { return show("else", "the channel is closed") } => unreachable!("{message}"),
        after(LONG) => unreachable!(),
    }
}

fn times() {
    let (_sender, receiver) = channel::bounded::<()>(0);
    select! {
        _ = recv(receiver) => unreachable!(),
        after(Duration::from_millis(50)) => show("after", "50ms are over"),
    }
    // A deadline does not move, however often a loop comes round. It may be missing.
    let deadline = Some(Instant::now());
    select! {
        _ = recv(receiver) => unreachable!(),
        at(deadline) => show("at", "the deadline has passed"),
    }
    let mut heartbeat = time::interval(Duration::from_millis(10));
    let first = heartbeat.tick();
    select! {
        now = tick(heartbeat) => show("tick", format_args!("a regular time, the next one {:?} later", now - first)),
        after(LONG) => unreachable!(),
    }
}

fn sockets() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (server, _) = select! {
        connection = accept(listener) => connection?,
        after(LONG) => unreachable!(),
    };
    show("accept", "somebody has connected");
    select! {
        length = write(client, b"hello") => show("write", format_args!("{} bytes written", length?)),
        after(LONG) => unreachable!(),
    }
    select! {
        ready = readable(server) => ready?,
        after(LONG) => unreachable!(),
    }
    show("readable", "there is something to read");
    let mut buffer = [0; 5];
    let length = select! {
        length = server.read(&mut buffer) => length?,
        after(LONG) => unreachable!(),
    };
    let text = String::from_utf8_lossy(&buffer[..length]);
    show("read", format_args!("{length} bytes read: {text}"));
    Ok(())
}

fn synchronization() {
    let (mutex, slots) = (Mutex::new(7), Semaphore::new(3));
    select! {
        number = lock(mutex) => show("lock", format_args!("the mutex is ours: {}", *number.unwrap_or_else(PoisonError::into_inner))),
        after(LONG) => unreachable!(),
    }
    select! {
        permits = acquire(slots, 2) => show("acquire", format_args!("{} of 3 permits", permits.num_permits())),
        after(LONG) => unreachable!(),
    }
    let (flag, token) = (SyncFlag::new(), CancelToken::new());
    flag.fire();
    select! {
        wait(flag) => show("wait", "the flag was raised"),
        cancelled(token) => unreachable!(),
    }
    token.cancel();
    select! {
        cancelled(token) => show("cancelled", "the token was cancelled"),
        after(LONG) => unreachable!(),
    }
}

/// A function whose calls are coroutines.
#[may::coroutine(name = "adder")]
fn add(a: u32, b: u32) -> (u32, String) {
    let name = coroutine::current().name().unwrap_or("nobody").to_owned();
    (a + b, name)
}

fn coroutines() {
    let mut worker = go!(|| 40 + 2);
    select! {
        result = join(worker) => show("join", format_args!("a coroutine has ended: {}", result.expect("it does not panic"))),
        after(LONG) => unreachable!(),
    }
    // Blocking code of any kind, in a coroutine of its own, which may borrow. It is cancelled if another arm wins.
    let factors = [6, 7];
    select! {
        product = run { coroutine::yield_now(); factors.iter().product::<u32>() } => show("run", format_args!("blocking code has run: 6 * 7 = {product}")),
        after(LONG) => unreachable!(),
    }
    select! {
        (sum, name) = run(add(40, 2)) => show("run", format_args!("the coroutine {name:?} has run: {sum}")),
        after(LONG) => unreachable!(),
    }
}

/// Where somebody may put a letter.
struct Letterbox {
    letter: StdMutex<Option<&'static str>>,
    arrived: Arc<Signal>,
}

impl Letterbox {
    fn take(&self) -> impl Operation<Output = &'static str> {
        op::when(&self.arrived, || {
            let mut letter = self.letter.lock().unwrap_or_else(PoisonError::into_inner);
            letter.take()
        })
    }
}

fn own_events() {
    let letterbox = Letterbox {
        letter: StdMutex::default(),
        arrived: Signal::new(),
    };
    coroutine::scope(|scope| {
        scope.spawn(|| {
            *letterbox
                .letter
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = Some("a letter");
            letterbox.arrived.notify();
        });
        select! {
            what = on(letterbox.take()) => show("on", format_args!("an event of our own: {what}")),
            after(LONG) => unreachable!(),
        }
    });
}

/// In parentheses and with `match` arms it is plain Rust to rustfmt, and rustc checks that no result is forgotten.
fn written_as_matches() {
    let (sender, receiver) = channel::bounded(1);
    sender.send(3).expect("there is a receiver");
    select!(
        biased,
        match recv(receiver) {
            Ok(number) => show("match", format_args!("arms that rustfmt formats: {number}")),
            Err(_) => unreachable!(),
        },
        match default {
            () => unreachable!(),
        },
    );
}
