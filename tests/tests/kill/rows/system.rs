//! What waits for time, for sockets, for processes, and for other threads.

use std::io::{Read, Write};
use std::net::Ipv4Addr;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use may::io::copy_bidirectional;
use may::net::{Shutdown, TcpStream, UdpSocket};
use may::os::unix::net::{UnixListener, UnixStream};
use may::{coroutine, fs, future, process, time, unblock, unblock_detached};
use may_tests::OnDrop;
use may_tests::net::{Temporary, fill, listener, pair};

use super::{Count, Program};
use crate::stage::{At, Play};

pub(crate) fn programs() -> Vec<Program> {
    vec![
        ("sleep", sleeping),
        ("Interval::tick", ticking),
        ("timeout", limited),
        ("block_on", blocking_on),
        ("unblock", unblocking),
        ("fs", files),
        ("Child::wait", child),
        ("Command::output", output),
        ("Stdout::lock", standard_output),
        ("TcpStream::read", || reading(pair())),
        ("TcpStream::write", writing),
        ("TcpListener::accept, TcpStream::connect", connecting),
        ("UnixStream::read", || reading(UnixStream::pair().unwrap())),
        ("UnixListener::accept, UnixStream::connect", connecting_unix),
        ("UdpSocket::recv_from", udp),
        ("copy_bidirectional", copying),
    ]
}

const SOON: Duration = Duration::from_micros(50);

fn sleeping() -> Play {
    let mut play = Play::default();
    for _ in 0..2 {
        play.victim(|at| {
            for _ in 0..2 {
                at.here();
                let start = Instant::now();
                coroutine::sleep(SOON);
                assert!(start.elapsed() >= SOON);
            }
        });
    }
    play
}

fn ticking() -> Play {
    let mut play = Play::default();
    for _ in 0..2 {
        play.victim(|at| {
            let mut interval = time::interval(SOON);
            for _ in 0..3 {
                at.here();
                assert!(interval.tick() <= Instant::now());
            }
        });
    }
    play
}

/// Limits inside of each other; the inner one ends its own part only.
fn limited() -> Play {
    let mut play = Play::default();
    for _ in 0..2 {
        play.victim(|at| {
            let result = time::timeout(Duration::from_secs(86_400), || {
                at.here();
                let inner = time::timeout(SOON, coroutine::park);
                assert!(inner.is_err());
                at.turn();
                7
            });
            assert_eq!(result, Ok(7));
            at.here();
        });
    }
    play
}

fn blocking_on() -> Play {
    let mut play = Play::default();
    for _ in 0..2 {
        play.victim(|at| {
            at.here();
            let points = at.clone();
            let seven = future::block_on(async move {
                future::sleep(SOON).await;
                points.here();
                let day = Duration::from_secs(86_400);
                future::timeout(day, async { 7 }).await.unwrap()
            });
            assert_eq!(seven, 7);
            at.here();
        });
    }
    play
}

/// What runs elsewhere borrows from the caller, and has ended, or never began, when the caller goes
/// on.
fn unblocking() -> Play {
    let mut play = Play::default();
    let left = Count::default();
    for _ in 0..2 {
        let (running, left) = (Count::default(), left.clone());
        play.victim(move |at| {
            let _gone = OnDrop(|| (0..running.get()).for_each(|_| left.add()));
            for _ in 0..2 {
                at.here();
                let local = at.clone();
                let seven = unblock(|| {
                    running.add();
                    std::thread::sleep(SOON);
                    let _local = &local;
                    running.subtract();
                    7
                });
                assert_eq!(seven, 7);
            }
            at.here();
            assert_eq!(unblock_detached(|| 8), 8);
            at.here();
        });
    }
    play.check(move |_| assert_eq!(left.get(), 0, "what ran elsewhere is left"));
    play
}

fn files() -> Play {
    let mut play = Play::default();
    for _ in 0..2 {
        play.victim(|at| {
            let path = Temporary::new();
            at.here();
            fs::write(&path.0, "text").unwrap();
            at.here();
            let mut file = fs::File::open(&path.0).unwrap();
            at.here();
            let mut text = String::new();
            file.read_to_string(&mut text).unwrap();
            assert_eq!(text, "text");
            at.here();
        });
    }
    play
}

/// A child that waits until its input ends, which it does when the victim goes.
fn child() -> Play {
    let mut play = Play::default();
    play.victim(|at| {
        let mut command = process::Command::new("cat");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        at.here();
        let mut child = command.spawn().unwrap();
        at.here();
        child.stdin.take().unwrap().write_all(b"text").unwrap();
        let mut text = String::new();
        child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        at.here();
        assert!(child.wait().unwrap().success());
        assert_eq!(text, "text");
        at.here();
    });
    play
}

fn output() -> Play {
    let mut play = Play::default();
    play.victim(|at| {
        at.here();
        let output = process::Command::new("echo").arg("text").output().unwrap();
        assert_eq!(output.stdout, b"text\n");
        at.here();
    });
    play
}

/// The lock of a standard stream is free again.
fn standard_output() -> Play {
    let mut play = Play::default();
    for _ in 0..2 {
        play.victim(|at| {
            at.here();
            let mut out = may::io::stdout().lock();
            at.turn();
            out.write_all(b"").unwrap();
            out.flush().unwrap();
            at.turn();
        });
    }
    play.check(|_| drop(may::io::stdout().lock()));
    play
}

/// Two who read; each byte is read once, by a reader that is left.
fn reading<S>((client, server): (S, S)) -> Play
where
    S: Send + Sync + 'static,
    for<'a> &'a S: Read + Write,
{
    let mut play = Play::default();
    let (server, taken) = (Arc::new(server), Count::default());
    for _ in 0..2 {
        let (server, taken) = (server.clone(), taken.clone());
        play.victim(move |at| {
            loop {
                at.here();
                match (&*server).read(&mut [0]).unwrap() {
                    0 => break,
                    _ => taken.add(),
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

/// Two who write where there is no room.
fn writing() -> Play {
    let mut play = Play::default();
    let (client, server) = pair();
    let filled = fill(&client).unwrap();
    let written = Count::default();
    for _ in 0..2 {
        let (client, written) = (client.clone(), written.clone());
        play.victim(move |at| {
            for _ in 0..2 {
                at.here();
                assert_eq!((&client).write(b"x").unwrap(), 1);
                written.add();
            }
        });
    }
    drop(client);
    play.helper(move |at| {
        let (mut read, mut buffer) = (0, vec![0; 1 << 16]);
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

/// Two who accept, and one who connects until they are gone.
fn connecting_by(
    accept: impl Fn() + Send + Sync + 'static,
    connect: impl Fn() + Send + Sync + 'static,
) -> Play {
    let mut play = Play::default();
    let (accept, connect) = (Arc::new(accept), Arc::new(connect));
    let accepted = Count::default();
    for _ in 0..2 {
        let (accept, accepted) = (accept.clone(), accepted.clone());
        play.victim(move |at| {
            at.here();
            accept();
            accepted.add();
            at.here();
        });
    }
    // It may have connected before it is killed: then there is one connection more.
    let for_victim = connect.clone();
    play.victim(move |at| {
        at.here();
        for_victim();
        at.here();
    });
    play.helper(move |at| {
        let mut connected = 0;
        while !(at.is_over(0) && at.is_over(1)) {
            at.turn();
            if accepted.get() >= connected {
                connect();
                connected += 1;
            }
        }
        // The listener is there until the last connection was made.
        while !at.is_over(2) {
            at.turn();
        }
        drop(accept);
    });
    play
}

fn connecting() -> Play {
    let listener = listener();
    let address = listener.local_addr().unwrap();
    connecting_by(
        move || drop(listener.accept().unwrap()),
        move || drop(TcpStream::connect(address).unwrap()),
    )
}

fn connecting_unix() -> Play {
    let path = Temporary::new();
    let listener = UnixListener::bind(&path.0).unwrap();
    connecting_by(
        move || drop(listener.accept().unwrap()),
        move || drop(UnixStream::connect(&path.0).unwrap()),
    )
}

fn udp() -> Play {
    let mut play = Play::default();
    let socket = || UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (a, b) = (socket(), Arc::new(socket()));
    let address = b.local_addr().unwrap();
    let taken = Count::default();
    for _ in 0..2 {
        let (b, taken) = (b.clone(), taken.clone());
        play.victim(move |at: &At| {
            at.here();
            assert_eq!(b.recv_from(&mut [0; 8]).unwrap().0, 3);
            taken.add();
            at.here();
        });
    }
    play.helper(move |at| {
        let mut sent = 0;
        while !(at.is_over(0) && at.is_over(1)) {
            at.turn();
            if taken.get() == sent {
                a.send_to(b"abc", address).unwrap();
                sent += 1;
            }
        }
        drop(b);
    });
    play
}

/// Both directions have ended when the copy has, whichever way it ends.
fn copying() -> Play {
    let mut play = Play::default();
    let (client, front) = UnixStream::pair().unwrap();
    let (back, server) = UnixStream::pair().unwrap();
    play.victim(move |at| {
        at.here();
        let (there, here) = copy_bidirectional(&front, &back).unwrap();
        assert_eq!((there, here), (1, 2));
        at.here();
    });
    play.helper(move |at| {
        at.turn();
        let _ = (&client).write_all(b"x");
        at.turn();
        let _ = client.shutdown(Shutdown::Write);
        at.turn();
        let _ = (&client).read(&mut [0; 8]);
    });
    play.helper(move |at| {
        let _ = (&server).read(&mut [0; 8]);
        at.turn();
        let _ = (&server).write_all(b"yz");
        let _ = server.shutdown(Shutdown::Write);
        at.here();
    });
    play
}
