//! The servers and their clients.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpListener, UdpSocket},
    os::unix::net::UnixStream,
    thread,
    time::Duration,
};

use crate::support::{HANG_AFTER, Server, complaint, printed};

#[test]
fn echo_sends_back_what_it_gets_and_stops_with_clients_connected() {
    let server = Server::start(env!("CARGO_BIN_EXE_echo"), &["127.0.0.1:0"]);
    let mut stream = server.connect();
    let mut answer = [0; 5];
    for word in ["hello", "world"] {
        stream.write_all(word.as_bytes()).unwrap();
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, word.as_bytes());
    }
    assert_eq!(server.stop(), "stopping\n1 connections\n");
}

#[test]
fn echo_client_measures_echo() {
    let server = Server::start(env!("CARGO_BIN_EXE_echo"), &["127.0.0.1:0"]);
    let mut args = vec!["--addr", &server.addr, "--connections", "8", "--idle", "20"];
    args.extend(["--seconds", "1", "--size", "20000"]);
    let text = printed(env!("CARGO_BIN_EXE_echo_client"), &args);
    let first = "8 connections and 20 idle ones, messages of 20000 bytes, 1 s\n";
    assert!(text.starts_with(first), "{text}");
    assert!(text.contains("came back unchanged"), "{text}");
    assert!(text.contains("p99.9"), "{text}");
}

#[test]
fn echo_client_fails_if_other_bytes_come_back() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let liar = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut message = [0; 64];
        stream.read_exact(&mut message).unwrap();
        message[40] ^= 1;
        stream.write_all(&message).unwrap();
    });
    let args = ["--addr", &addr, "--connections", "1", "--seconds", "1"];
    let message = complaint(env!("CARGO_BIN_EXE_echo_client"), &args);
    assert!(message.contains("1 of 1 connections failed"), "{message}");
    assert!(message.contains("other bytes came back"), "{message}");
    liar.join().unwrap();
}

#[test]
fn echo_client_explains_itself_and_says_what_is_wrong() {
    let client = env!("CARGO_BIN_EXE_echo_client");
    assert!(printed(client, &["--help"]).contains("--connections N"));
    let message = complaint(client, &["--no-such-option"]);
    assert!(message.contains("--no-such-option"), "{message}");
    // The port was free a moment ago, and has no listener.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    drop(listener);
    let message = complaint(client, &["--addr", &addr]);
    assert!(message.contains(&addr), "{message}");
}

#[test]
fn servers_fail_if_the_port_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    for (path, args) in [
        (env!("CARGO_BIN_EXE_echo"), &[addr.as_str()][..]),
        (env!("CARGO_BIN_EXE_chat"), &[&addr]),
        (env!("CARGO_BIN_EXE_proxy"), &["127.0.0.1:1", &addr]),
    ] {
        assert!(complaint(path, args).contains("AddrInUse"), "{path}");
    }
}

#[test]
fn chat_takes_guests() {
    let server = Server::start(env!("CARGO_BIN_EXE_chat"), &["127.0.0.1:0"]);
    let mut line = String::new();
    let mut guest = BufReader::new(server.connect());
    guest.read_line(&mut line).unwrap();
    assert_eq!(line, "you are guest 0\n");
}

#[test]
fn udp_echo_sends_back_every_datagram() {
    let server = Server::start(env!("CARGO_BIN_EXE_udp_echo"), &["127.0.0.1:0"]);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(HANG_AFTER)).unwrap();
    socket.connect(&server.addr).unwrap();
    for length in [0, 1, 1500, 65_507] {
        let datagram = vec![7; length];
        socket.send(&datagram).unwrap();
        let mut answer = vec![0; 65_536];
        assert_eq!(socket.recv(&mut answer).unwrap(), length);
        assert_eq!(answer[..length], datagram);
    }
    // One that has gone does no harm.
    let gone = UdpSocket::bind("127.0.0.1:0").unwrap();
    gone.send_to(b"x", &server.addr).unwrap();
    drop(gone);
    let text = printed(env!("CARGO_BIN_EXE_udp_echo_client"), &[&server.addr]);
    assert!(text.starts_with("8000 datagrams came back in "), "{text}");
}

#[test]
fn udp_echo_client_sends_again_and_gives_up() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let addr = server.local_addr().unwrap().to_string();
    // Does not answer the first nine datagrams, and answers the tenth twice.
    let answering = server.try_clone().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 100];
        for number in 1.. {
            let (length, from) = answering.recv_from(&mut buffer).unwrap();
            if number >= 10 {
                answering.send_to(&buffer[..length], from).unwrap();
            }
            if number == 10 {
                answering.send_to(&buffer[..length], from).unwrap();
            }
        }
    });
    let client = env!("CARGO_BIN_EXE_udp_echo_client");
    let text = printed(client, &[&addr]);
    let (_, again) = text.split_once(" ms, ").unwrap();
    let again = again.split(' ').next().unwrap().parse::<usize>().unwrap();
    // More on a machine that is busy.
    assert!(again >= 9, "{text}");

    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let addr = silent.local_addr().unwrap().to_string();
    assert!(complaint(client, &[&addr]).contains("TimedOut"));
}

#[test]
fn unix_echo_keeps_its_name_while_it_runs() {
    let program = env!("CARGO_BIN_EXE_unix_echo");
    let path = std::env::temp_dir().join(format!("may-echo-{}", std::process::id()));
    let name = path.to_str().unwrap();
    let echoes = || {
        let mut stream = UnixStream::connect(&path).unwrap();
        stream.set_read_timeout(Some(HANG_AFTER)).unwrap();
        stream.write_all(b"hello").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "hello");
    };

    let server = Server::start(program, &[name]);
    assert_eq!(server.addr, name);
    echoes();
    // One name, one server.
    assert!(complaint(program, &[name]).contains("AddrInUse"));
    echoes();
    server.stop();
    assert!(!path.exists());

    // The name of one that was killed is taken over.
    drop(Server::start(program, &[name]));
    assert!(path.exists());
    let server = Server::start(program, &[name]);
    echoes();
    server.stop();
    assert!(!path.exists());
}

#[test]
fn proxy_passes_half_closing_on() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = listener.local_addr().unwrap().to_string();
    let proxy = Server::start(env!("CARGO_BIN_EXE_proxy"), &[&to, "127.0.0.1:0"]);
    // A server that reads to the end, and then answers with what it has read, backwards.
    let serving = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        bytes.reverse();
        stream.write_all(&bytes).unwrap();
    });
    let mut client = proxy.connect();
    let question: Vec<u8> = (0..1_000_000).map(|index| (index % 251) as u8).collect();
    client.write_all(&question).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    answer.reverse();
    assert!(answer == question);
    serving.join().unwrap();

    // The server has gone: the proxy hangs up, and goes on.
    for _ in 0..2 {
        assert_eq!(proxy.connect().read(&mut [0]).unwrap(), 0);
    }
}

#[test]
fn proxy_hangs_up_when_a_client_has_gone() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = listener.local_addr().unwrap().to_string();
    let proxy = Server::start(env!("CARGO_BIN_EXE_proxy"), &[&to, "127.0.0.1:0"]);
    drop(proxy.connect());
    let (mut stream, _) = listener.accept().unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
}
