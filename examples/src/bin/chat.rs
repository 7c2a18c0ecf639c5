//! A chat server, written for threads and run on coroutines.
//!
//! Only the imports tell. With `use std::{net, sync::Mutex, thread};` and
//! `use crossbeam_channel as channel;` in their place the same program runs on threads, two for
//! each guest. A test keeps it so.
//!
//! ```text
//! $ cargo run --release -p may-examples --bin chat
//! listening on 127.0.0.1:8081
//! ```
//!
//! In other terminals, `nc 127.0.0.1 8081` is a guest.

use std::{
    collections::HashMap,
    env,
    io::{self, BufRead, BufReader, Read, Write},
    sync::Arc,
    time::Duration,
};

use may::{channel, coroutine as thread, net, sync::Mutex};

/// How many lines may wait for a guest, how long a line may be, and how long writing one may take.
const BACKLOG: usize = 100;
const LENGTH: u64 = 1000;
const HANG_AFTER: Duration = Duration::from_secs(10);

/// The queues of the lines that each guest has still to get.
type Guests = Mutex<HashMap<u64, channel::Sender<String>>>;

fn main() -> io::Result<()> {
    let address = env::args().nth(1);
    let listener = net::TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:8081"))?;
    println!("listening on {}", listener.local_addr()?);
    serve(&listener)
}

/// Welcomes guests, each in a thread of its own.
pub fn serve(listener: &net::TcpListener) -> io::Result<()> {
    let guests = Arc::new(Guests::default());
    for (number, stream) in (0..).zip(listener.incoming()) {
        let (stream, guests) = (stream?, Arc::clone(&guests));
        thread::spawn(move || {
            let _ = welcome(number, &stream, &guests);
            guests.lock().unwrap().remove(&number);
        });
    }
    Ok(())
}

/// Tells all others what one guest writes, until it leaves.
fn welcome(number: u64, stream: &net::TcpStream, guests: &Guests) -> io::Result<()> {
    let (queue, lines) = channel::bounded(BACKLOG);
    let _ = queue.send(format!("you are guest {number}\n"));
    guests.lock().unwrap().insert(number, queue);
    let mut writer = stream.try_clone()?;
    writer.set_write_timeout(Some(HANG_AFTER))?;
    thread::spawn(move || {
        let _ = lines
            .iter()
            .try_for_each(|line| writer.write_all(line.as_bytes()));
        // The guest has left or does not read: this ends the wait for what it writes.
        let _ = writer.shutdown(net::Shutdown::Both);
    });

    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if reader.by_ref().take(LENGTH).read_line(&mut line)? == 0 {
            return Ok(());
        }
        // A guest with too many lines to read has to go.
        let line = format!("guest {number}: {}\n", line.trim_end());
        let told = |queue: &channel::Sender<_>| queue.try_send(line.clone()).is_ok();
        guests
            .lock()
            .unwrap()
            .retain(|other, queue| *other == number || told(queue));
    }
}
