//! A server that may have 256 descriptors, in a process of its own, and more clients than that:
//! those beyond are delayed and not refused, those open go on, and each that closes makes room.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Stdio};
use std::time::Duration;

use may::coroutine::spawn;
use may_tests::net::listener;
use may_tests::{is_rerun, rerun, runtime, watchdog};

/// What stands in front of the server's address.
const ADDRESS: &str = "listening on ";
/// How many descriptors the server may have.
const LIMIT: libc::rlim_t = 256;
/// How many clients there are.
const CLIENTS: usize = 400;

/// The server: echoes until its standard input ends, then leaves the process.
fn serve() -> ! {
    let limit = libc::rlimit {
        rlim_cur: LIMIT,
        rlim_max: LIMIT,
    };
    // SAFETY: (system calls) the structure lives across the call.
    let result = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
    assert_eq!(result, 0);
    let runtime = runtime(2);
    let listener = listener();
    println!("\n{ADDRESS}{}", listener.local_addr().unwrap());
    runtime.spawn(move || {
        for stream in listener.incoming() {
            // An error here would be the lack of descriptors, which `accept` waits out.
            let mut stream = stream.unwrap();
            spawn(move || {
                let mut byte = [0];
                while let Ok(1) = stream.read(&mut byte) {
                    stream.write_all(&byte).unwrap();
                }
            });
        }
    });
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    std::process::exit(0)
}

/// Starts this test once more as the server.
fn start_server() -> (Child, SocketAddr) {
    let mut server = rerun()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let address = lines
        .map(|line| line.unwrap())
        .find_map(|line| {
            line.strip_prefix(ADDRESS)
                .map(|address| address.parse().unwrap())
        })
        .expect("the server says where it listens");
    (server, address)
}

/// Sends a byte and reads it back.
fn round_trip(stream: &mut TcpStream) {
    stream.write_all(b"?").unwrap();
    stream.read_exact(&mut [0]).unwrap();
}

#[test]
fn connections_beyond_the_limit_are_delayed_and_those_open_go_on() {
    if is_rerun() {
        serve();
    }
    let _watchdog = watchdog();
    let (mut server, address) = start_server();
    let mut clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let mut stream = TcpStream::connect(address).expect("none is refused");
            stream.write_all(b"?").unwrap();
            stream
                .set_read_timeout(Some(Duration::from_secs(20)))
                .unwrap();
            stream
        })
        .collect();

    // The server takes them in order. It has some descriptors for itself, and not many.
    let sure = 200;
    for client in &mut clients[..sure] {
        client.read_exact(&mut [0]).unwrap();
    }
    let mut open = sure;
    for client in &mut clients[sure..] {
        client
            .set_read_timeout(Some(Duration::from_millis(200)))
            .unwrap();
        match client.read(&mut [0]) {
            Ok(count) => assert_eq!(count, 1),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                break;
            }
        }
        open += 1;
    }
    println!("{open} of {CLIENTS} connections with {LIMIT} descriptors");
    assert!(open < usize::try_from(LIMIT).unwrap());
    for client in &clients {
        client
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
    }

    // Those that are open do not notice.
    for _ in 0..20 {
        clients[..open].iter_mut().for_each(round_trip);
    }
    // Each that goes makes room for one that waits, in order and until all have been served.
    let mut waiting = clients.split_off(open);
    drop(clients.split_off(open / 4));
    for client in &mut waiting {
        client.read_exact(&mut [0]).unwrap();
    }
    waiting.iter_mut().for_each(round_trip);
    clients.iter_mut().for_each(round_trip);

    drop(server.stdin.take());
    assert!(server.wait().unwrap().success());
}
