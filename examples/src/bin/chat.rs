//! A chat server, written for threads and run on coroutines.
//!
//! Only the imports tell: with `use std::{net::{Shutdown, TcpListener, TcpStream}, sync::Mutex,
//! thread};` and `use crossbeam_channel as channel;` in their place the same program runs on
//! threads, two for each guest, and a test keeps it so.
//!
//! ```text
//! $ cargo run --release -p may-examples --bin chat
//! listening on 127.0.0.1:8081
//! ```
//!
//! In other terminals, with `nc 127.0.0.1 8081` (what is typed is marked with `>`):
//!
//! ```text
//! your name?
//! > Ada
//! * you are in a room with 1 other
//! Grace: hello
//! > hello, Grace
//! * Grace has left
//! ```

use std::{
    collections::HashMap,
    io::{self, BufRead, BufReader, Read, Write},
    sync::Arc,
    time::Duration,
};

use may::{
    channel::{self, Receiver, Sender},
    coroutine as thread,
    net::{Shutdown, TcpListener, TcpStream},
    signal,
    sync::Mutex,
};
use may_examples::Arguments;

/// What `--help` prints.
const HELP: &str = "\
Chat server: what one guest writes, all others read.

Usage: chat [options]

  --addr HOST:PORT  where to listen (default 127.0.0.1:8081, port 0 takes any free one)
  --workers N       threads that run the coroutines (default: one for each CPU)
  --help            show this text";

/// How many lines may wait for a guest. One who does not read has to go: nobody waits for them.
const BACKLOG: usize = 100;

/// How long a line may be, in bytes; what is longer arrives as several.
const LINE_LIMIT: u64 = 1000;

/// How long guests may take to leave after ctrl-c.
const GRACE: Duration = Duration::from_secs(2);

fn main() -> io::Result<()> {
    let args = Arguments::new(HELP);
    args.configure_runtime();
    let addr = args.address("addr", "127.0.0.1:8081");

    let listener =
        TcpListener::bind(&addr).unwrap_or_else(|error| args.cannot_listen(&addr, &error));
    // Before anybody is told where: from now on ctrl-c ends this in good order.
    let interrupts = signal::Signals::new([signal::Signal::SIGINT])?;
    println!("listening on {}", listener.local_addr()?);

    let (room, gone) = Room::open();
    thread::spawn({
        let room = Arc::clone(&room);
        move || serve(&listener, &room)
    });

    interrupts.recv()?;
    println!("stopping");
    room.close();
    let _ = gone.recv_timeout(GRACE);
    Ok(())
}

/// Welcomes guests, each in a thread of its own.
pub fn serve(listener: &TcpListener, room: &Arc<Room>) {
    for stream in listener.incoming() {
        let room = Arc::clone(room);
        thread::spawn(move || {
            if let Err(error) = stream.and_then(|stream| welcome(&stream, &room)) {
                eprintln!("chat: {error}");
            }
        });
    }
}

/// Looks after one guest, from the question for a name until it leaves.
fn welcome(stream: &TcpStream, room: &Room) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    (&*stream).write_all(b"your name?\n")?;
    let Some(name) = read_line(&mut reader)? else {
        return Ok(());
    };

    // Lines for this guest go through a queue and a writer of its own, so that whoever speaks
    // never waits for those who listen.
    let (queue, lines) = channel::bounded(BACKLOG);
    let writing = stream.try_clone()?;
    let writer = thread::spawn(move || write_lines(&writing, &lines));

    let guest = Guest {
        queue,
        stream: stream.try_clone()?,
    };
    let Some((number, present)) = room.enter(&name, guest) else {
        return Ok(());
    };
    let result = listen(&mut reader, room, number, &name);
    room.leave(number, &name);
    // The queue went with the guest: the writer writes what is left and ends.
    let _ = writer.join();
    drop(present);
    result
}

/// Passes on what a guest says, until it leaves or is sent away.
fn listen(reader: &mut impl BufRead, room: &Room, number: u64, name: &str) -> io::Result<()> {
    while let Some(line) = read_line(reader)? {
        room.tell(&format!("{name}: {line}"), Some(number));
    }
    Ok(())
}

/// Reads a line, without its end and with what is not UTF-8 replaced; `None` at the end of input.
fn read_line(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    if reader.take(LINE_LIMIT).read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    Ok(Some(String::from_utf8_lossy(&bytes).trim_end().to_owned()))
}

/// Writes lines as they come, until nobody can send any more or the guest cannot be reached.
fn write_lines(mut stream: &TcpStream, lines: &Receiver<String>) {
    for line in lines {
        if stream.write_all(format!("{line}\n").as_bytes()).is_err() {
            return;
        }
    }
}

/// The room that all guests share.
#[derive(Debug)]
pub struct Room {
    /// Who is there. A short lock: nobody writes to a socket or waits while holding it.
    guests: Mutex<Guests>,
}

/// Who is in the room.
#[derive(Debug)]
struct Guests {
    /// The number of the next guest.
    next: u64,
    /// Every guest gets a clone, and nothing is ever sent: when the room has been closed and all
    /// guests have left, nobody holds one, and whoever receives is told. None if it is closed.
    door: Option<Sender<()>>,
    /// How to reach each guest.
    present: HashMap<u64, Guest>,
}

/// How to reach a guest.
#[derive(Debug)]
struct Guest {
    /// Lines that wait for the guest's writer.
    queue: Sender<String>,
    /// The connection, to end it from outside.
    stream: TcpStream,
}

impl Room {
    /// Opens a room; the receiver learns when it has been closed and the last guest has left.
    pub fn open() -> (Arc<Room>, Receiver<()>) {
        let (door, gone) = channel::bounded(1);
        let guests = Guests {
            next: 0,
            door: Some(door),
            present: HashMap::new(),
        };
        (
            Arc::new(Room {
                guests: Mutex::new(guests),
            }),
            gone,
        )
    }

    /// Lets a guest in; returns its number, and what it holds until it has left. `None` if the room
    /// is closed.
    fn enter(&self, name: &str, guest: Guest) -> Option<(u64, Sender<()>)> {
        let mut guests = self.guests.lock().unwrap();
        let present = guests.door.clone()?;
        let others = guests.present.len();
        let plural = if others == 1 { "" } else { "s" };
        let _ = guest
            .queue
            .try_send(format!("* you are in a room with {others} other{plural}"));
        guests.tell(&format!("* {name} is here"), None);

        let number = guests.next;
        guests.next += 1;
        guests.present.insert(number, guest);
        Some((number, present))
    }

    /// Takes a guest out, and tells the others.
    fn leave(&self, number: u64, name: &str) {
        let mut guests = self.guests.lock().unwrap();
        guests.present.remove(&number);
        guests.tell(&format!("* {name} has left"), None);
    }

    /// Sends a line to all guests but one.
    fn tell(&self, line: &str, but: Option<u64>) {
        self.guests.lock().unwrap().tell(line, but);
    }

    /// Shuts the door and sends everybody home.
    pub fn close(&self) {
        let mut guests = self.guests.lock().unwrap();
        guests.door = None;
        guests.tell("* the server stops", None);
        for guest in guests.present.values() {
            // Only its input ends, so that its writer can still say goodbye. It may have hung up
            // already, and then there is nothing to do.
            let _ = guest.stream.shutdown(Shutdown::Read);
        }
    }
}

impl Guests {
    /// Sends a line to all guests but one.
    fn tell(&self, line: &str, but: Option<u64>) {
        for (number, guest) in &self.present {
            let wanted = but != Some(*number);
            if wanted && guest.queue.try_send(line.to_owned()).is_err() {
                // It does not read, so its writer may be stuck: hang up on both of them.
                let _ = guest.stream.shutdown(Shutdown::Both);
            }
        }
    }
}
