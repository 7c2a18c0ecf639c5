//! Input and output that is no socket of May's: standard input, a pipe, and a socket of somebody
//! else's.
//!
//! It reads what standard input has, be it a terminal, a pipe or a file, and counts the lines. The
//! text goes through a pipe to a coroutine that counts words. Another library, played by a socket of
//! std's, is asked for the time of day meanwhile: it does its own reading and writing, and May only
//! waits for it. While it waits for all that, a clock goes on: nothing of this blocks its thread.
//!
//! ```text
//! $ printf 'one two\nthree\n' | cargo run --release -p may-examples --bin general_io
//! the library answered: it is noon
//! 2 lines, 3 words, 14 bytes
//! ```

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
    time::{Duration, Instant},
};

use may::{
    coroutine,
    io::{CoIo, wait_readable},
    select,
    time::interval,
};
use may_examples::Arguments;

/// What `--help` prints.
const HELP: &str = "\
Counts the lines, words and bytes of standard input, which may be a terminal, a pipe or a file.

Usage: general_io [options]

  --patience S  end if nothing comes for so many seconds (default: never)
  --workers N   threads that run the coroutines (default: one for each CPU)
  --help        show this text";

fn main() -> io::Result<()> {
    let args = Arguments::new(HELP);
    args.configure_runtime();
    let patience = args
        .optional::<u64>("patience")
        .map(|seconds| Duration::from_secs(seconds.max(1)));

    coroutine::spawn(move || run(patience))
        .join()
        .expect("nothing panics")
}

/// Counts, and asks the library meanwhile.
fn run(patience: Option<Duration>) -> io::Result<()> {
    let (reader, writer) = io::pipe()?;
    let (reader, writer) = (CoIo::new(reader)?, CoIo::new(writer)?);
    let library = Library::start()?;

    let ((lines, bytes), words) = coroutine::scope(|scope| {
        let asking = scope.spawn(|| library.ask());
        let words = scope.spawn(|| count_words(reader));
        let counted = count_lines(writer, patience);
        let answer = asking.join().expect("the library does not panic")?;
        println!("the library answered: {answer}");
        let words = words.join().expect("counting does not panic")?;
        io::Result::Ok((counted?, words))
    })?;
    println!("{lines} lines, {words} words, {bytes} bytes");
    Ok(())
}

/// Reads standard input to its end, or until nothing has come for `patience`, and passes it on.
fn count_lines(mut words: impl Write, patience: Option<Duration>) -> io::Result<(usize, usize)> {
    // Not buffered, and without the lock of std's handle. Its mode is left alone, since other
    // programs may share it.
    let stdin = io::stdin();
    let input = CoIo::new(stdin.as_fd())?;
    let (mut lines, mut bytes) = (0, 0);
    let mut buffer = [0; 4096];
    let mut seconds = interval(Duration::from_secs(1));
    let mut last = Instant::now();
    loop {
        let length = select! {
            length = read(input, &mut buffer) => length?,
            _ = tick(seconds) if patience.is_some() => {
                if patience.is_some_and(|patience| last.elapsed() > patience) {
                    println!("nothing has come for a while");
                    break;
                }
                continue;
            }
        };
        if length == 0 {
            break;
        }
        last = Instant::now();
        lines += buffer[..length]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count();
        bytes += length;
        words.write_all(&buffer[..length])?;
    }
    Ok((lines, bytes))
}

/// Counts the words of a text.
fn count_words(text: impl Read) -> io::Result<usize> {
    BufReader::new(text)
        .split(b'\n')
        .map(|line| {
            Ok(line?
                .split(u8::is_ascii_whitespace)
                .filter(|word| !word.is_empty())
                .count())
        })
        .sum()
}

/// Somebody else's library, with a socket that it reads and writes itself, and never waits for.
struct Library {
    socket: UnixStream,
}

impl Library {
    /// Connects with the service that the library is for, which is a thread here.
    fn start() -> io::Result<Library> {
        let (socket, mut service) = UnixStream::pair()?;
        socket.set_nonblocking(true)?;
        std::thread::spawn(move || {
            let mut question = [0; 1];
            service.read_exact(&mut question)?;
            service.write_all(b"it is noon")
        });
        Ok(Library { socket })
    }

    /// The descriptor to wait for when the library says that it would block.
    fn descriptor(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Goes on as far as it can without waiting.
    fn step(&self, answer: &mut Vec<u8>) -> io::Result<()> {
        let mut bytes = [0; 64];
        loop {
            match (&self.socket).read(&mut bytes)? {
                0 => return Ok(()),
                length => answer.extend_from_slice(&bytes[..length]),
            }
        }
    }

    /// Asks, and waits for the answer.
    fn ask(&self) -> io::Result<String> {
        (&self.socket).write_all(b"?")?;
        let mut answer = Vec::new();
        let deadline = Instant::now() + Duration::from_secs(10);
        while let Err(error) = self.step(&mut answer) {
            if error.kind() != io::ErrorKind::WouldBlock {
                return Err(error);
            }
            wait_readable(self.descriptor(), Some(deadline))?;
        }
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }
}
