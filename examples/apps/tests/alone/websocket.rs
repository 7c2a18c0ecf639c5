//! `websocket`, driven by tungstenite's client over std's sockets.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use tungstenite::{
    Error, HandshakeError, Message, WebSocket,
    client::IntoClientRequest,
    http::{HeaderValue, header},
    protocol::frame::coding::CloseCode,
};

use crate::support::{PATIENCE, Running, eventually, read_all};

const PROGRAM: &str = env!("CARGO_BIN_EXE_websocket");

/// Somebody in a room.
struct Guest(WebSocket<TcpStream>);

impl Guest {
    /// Comes in and reads that it has.
    fn enter(addr: &str, room: &str, name: &str, others: usize) -> Guest {
        let mut guest = Guest::connect(addr, room);
        guest.say(name);
        assert_eq!(guest.hear(), format!("here\t{name}\t{}", others + 1));
        guest
    }

    /// Connects and says nothing yet.
    fn connect(addr: &str, room: &str) -> Guest {
        let stream = TcpStream::connect(addr).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        let (socket, _) = tungstenite::client(format!("ws://{addr}/room/{room}"), stream).unwrap();
        Guest(socket)
    }

    fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).unwrap();
    }

    /// Waits for what is said next.
    fn hear(&mut self) -> String {
        loop {
            match self.0.read().unwrap() {
                Message::Text(text) => return text.to_string(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Reads until the server ends it; returns the code and the reason, and how many messages there
    /// were before.
    fn dismissed(&mut self) -> (CloseCode, String, usize) {
        let mut heard = 0;
        loop {
            match self.0.read().unwrap() {
                Message::Close(Some(frame)) => {
                    let dismissal = (frame.code, frame.reason.to_string(), heard);
                    // The answer is sent by reading on.
                    assert!(matches!(self.0.read(), Err(Error::ConnectionClosed)));
                    return dismissal;
                }
                Message::Text(_) => heard += 1,
                _ => {}
            }
        }
    }
}

#[test]
fn what_one_says_all_in_the_room_hear_in_one_order() {
    let (server, addr) = Running::server(PROGRAM, &[]);
    let mut ada = Guest::enter(&addr, "lab", "Ada", 0);
    let mut grace = Guest::enter(&addr, "lab", "Grace", 1);
    let mut alan = Guest::enter(&addr, "hut", "Alan", 0);
    assert_eq!(ada.hear(), "came\tGrace\t2");
    for round in 0..20 {
        ada.say(&format!("a{round}"));
        grace.say(&format!("g{round}"));
    }
    let heard: Vec<String> = (0..40).map(|_| ada.hear()).collect();
    assert_eq!(heard, (0..40).map(|_| grace.hear()).collect::<Vec<_>>());
    for (name, first) in [("Ada", 'a'), ("Grace", 'g')] {
        let own: Vec<&String> = heard.iter().filter(|line| line.contains(name)).collect();
        let said: Vec<String> = (0..20)
            .map(|round| format!("said\t{name}\t{first}{round}"))
            .collect();
        assert_eq!(own, said.iter().collect::<Vec<_>>());
    }
    drop(grace);
    assert_eq!(ada.hear(), "left\tGrace\t1");
    alan.say("anybody?");
    assert_eq!(alan.hear(), "said\tAlan\tanybody?");
    server.stop();
}

#[test]
fn when_the_server_stops_guests_are_told() {
    let (server, addr) = Running::server(PROGRAM, &[]);
    let mut ada = Guest::enter(&addr, "lab", "Ada", 0);
    let unnamed = Guest::connect(&addr, "lab");
    let leaving = thread::spawn(move || ada.dismissed());
    server.stop();
    let told = leaving.join().unwrap();
    assert_eq!(told, (CloseCode::Away, "the server stops".to_owned(), 0));
    drop(unnamed);
}

#[test]
fn one_who_does_not_read_has_to_go_and_the_others_do_not_wait() {
    let (server, addr) = Running::server(PROGRAM, &["--backlog", "8", "--rate", "1000000"]);
    let mut ada = Guest::enter(&addr, "lab", "Ada", 0);
    let mut sleeper = Guest::enter(&addr, "lab", "Rip", 1);
    assert_eq!(ada.hear(), "came\tRip\t2");
    // What the system holds for the sleeper is full at some time, and the queue soon after. Then
    // the room has one guest less.
    let text = "x".repeat(4000);
    let begin = Instant::now();
    loop {
        ada.say(&text);
        match ada.hear() {
            line if line == "left\tRip\t1" => break,
            _ => assert!(begin.elapsed() < PATIENCE, "the sleeper stays"),
        }
    }
    // It may still find the reason for which it had to go, or a connection that was cut off.
    let end = loop {
        match sleeper.0.read() {
            Ok(Message::Close(frame)) => break frame.map(|frame| frame.code),
            Ok(_) => {}
            Err(_) => break None,
        }
    };
    assert!(matches!(end, None | Some(CloseCode::Policy)), "{end:?}");
    server.stop();
}

#[test]
fn limits_are_kept() {
    let (server, addr) = Running::server(PROGRAM, &["--rate", "20"]);
    let reasons = [
        ("x".repeat(5000), CloseCode::Size, "too long a message"),
        (" \u{7} ".to_owned(), CloseCode::Policy, "no name"),
    ];
    for (text, code, reason) in reasons {
        let mut guest = Guest::connect(&addr, "lab");
        guest.say(&text);
        assert_eq!(guest.dismissed(), (code, reason.to_owned(), 0));
    }

    let mut binary = Guest::enter(&addr, "lab", "Bit", 0);
    binary.0.send(Message::binary(vec![1, 2, 3])).unwrap();
    assert_eq!(binary.dismissed().0, CloseCode::Unsupported);

    let mut hasty = Guest::enter(&addr, "lab", "Speedy", 0);
    for number in 0..60 {
        // The server may have hung up by the last of them.
        let _ = hasty.0.send(Message::text(number.to_string()));
    }
    let (code, reason, heard) = hasty.dismissed();
    assert_eq!((code, &*reason), (CloseCode::Policy, "too many messages"));
    assert!(heard <= 40, "{heard}");
    server.stop();
}

#[test]
fn one_who_does_not_answer_has_to_go_and_one_who_only_answers_stays() {
    let (server, addr) = Running::server(PROGRAM, &["--ping-ms", "100"]);
    let mut dead = Guest::enter(&addr, "lab", "Ghost", 0);
    let mut quiet = Guest::enter(&addr, "lab", "Shy", 1);
    // Reading answers pings; the other does not read.
    assert_eq!(quiet.hear(), "left\tGhost\t1");
    let begin = Instant::now();
    quiet
        .0
        .get_ref()
        .set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    while begin.elapsed() < Duration::from_secs(1) {
        match quiet.0.read() {
            Ok(Message::Ping(_)) => {}
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {}
            other => panic!("{other:?}"),
        }
    }
    quiet.say("still here");
    quiet.0.get_ref().set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(quiet.hear(), "said\tShy\tstill here");
    // It was cut off without a word.
    eventually("the end", || dead.0.read().err());
    server.stop();
}

#[test]
fn frames_may_come_byte_by_byte_while_others_talk() {
    let (server, addr) = Running::server(PROGRAM, &["--rate", "1000"]);
    let mut ada = Guest::enter(&addr, "lab", "Ada", 0);
    let mut slow = Guest::enter(&addr, "lab", "Slow", 1);
    assert_eq!(ada.hear(), "came\tSlow\t2");
    // A masked text frame, "hi". (It goes past the client's library, which would send an answer to
    // a ping in the middle of it; the first ping is a long way off.)
    let frame = [0x81, 0x82, 0, 0, 0, 0, b'h', b'i'];
    let (last, most) = frame.split_last().unwrap();
    for (number, byte) in most.iter().copied().enumerate() {
        slow.0.get_mut().write_all(&[byte]).unwrap();
        ada.say(&number.to_string());
        assert_eq!(slow.hear(), format!("said\tAda\t{number}"));
        assert_eq!(ada.hear(), format!("said\tAda\t{number}"));
    }
    slow.0.get_mut().write_all(&[*last]).unwrap();
    assert_eq!(ada.hear(), "said\tSlow\thi");
    server.stop();
}

#[test]
fn a_message_without_an_end_is_not_read_for_ever() {
    let (server, addr) = Running::server(PROGRAM, &[]);
    let mut ada = Guest::enter(&addr, "lab", "Ada", 0);
    let mut endless = Guest::enter(&addr, "lab", "Endless", 1);
    assert_eq!(ada.hear(), "came\tEndless\t2");
    // Fragments without text, masked, which are within every limit of a message's length.
    let stream = endless.0.get_mut();
    stream.write_all(&[0x01, 0x80, 0, 0, 0, 0]).unwrap();
    let fragments = [0x00, 0x80, 0, 0, 0, 0].repeat(10_000);
    let begin = Instant::now();
    while stream.write_all(&fragments).is_ok() {
        assert!(begin.elapsed() < PATIENCE, "it is still read");
    }
    assert_eq!(ada.hear(), "left\tEndless\t1");
    server.stop();
}

/// Sends a request, and returns what comes.
fn ask(addr: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    String::from_utf8(read_all(&mut stream)).unwrap()
}

#[test]
fn the_page_is_served_and_other_requests_are_refused() {
    let (server, addr) = Running::server(PROGRAM, &[]);
    let page = ask(
        &addr,
        "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    );
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    assert!(
        page.contains("text/html") && page.ends_with("</html>\n"),
        "{page}"
    );
    let head = ask(
        &addr,
        "HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    );
    assert!(head.ends_with("\r\n\r\n"), "{head}");
    let length = |text: &str| {
        text.lines()
            .find(|line| line.starts_with("Content-Length: "))
            .map(str::to_owned)
    };
    assert_eq!(length(&head), length(&page));
    for (request, status) in [
        (
            "GET /chat.js HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            "200",
        ),
        (
            "GET /chat.css HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            "200",
        ),
        (
            "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            "405",
        ),
        (
            "GET /other HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            "404",
        ),
        (
            "GET /room/lab HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            "426",
        ),
        (
            "GET /room/../x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            "404",
        ),
        ("nonsense\r\n\r\n", "400"),
    ] {
        let answer = ask(&addr, request);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request}: {answer}"
        );
    }
    let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(10_000));
    assert!(ask(&addr, &long).starts_with("HTTP/1.1 431 "));
    server.stop();
}

#[test]
fn pages_of_others_cannot_come_in() {
    let (server, addr) = Running::server(PROGRAM, &[]);
    for (origin, allowed) in [
        (format!("http://{addr}"), true),
        ("http://elsewhere.example".to_owned(), false),
        ("null".to_owned(), false),
    ] {
        let mut request = format!("ws://{addr}/room/lab")
            .into_client_request()
            .unwrap();
        let value = HeaderValue::from_str(&origin).unwrap();
        request.headers_mut().insert(header::ORIGIN, value);
        let connected = tungstenite::client(request, TcpStream::connect(&addr).unwrap());
        match connected {
            Ok(_) => assert!(allowed, "{origin}"),
            Err(HandshakeError::Failure(Error::Http(response))) => {
                assert!(!allowed && response.status() == 403, "{origin}");
            }
            Err(error) => panic!("{origin}: {error}"),
        }
    }
    server.stop();
}

#[test]
fn one_who_does_not_say_what_it_wants_keeps_nobody_from_stopping() {
    let (server, addr) = Running::server(PROGRAM, &[]);
    let mut undecided = TcpStream::connect(&addr).unwrap();
    undecided.write_all(b"GET / HT").unwrap();
    // It has been accepted when a later one has been answered.
    ask(
        &addr,
        "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    );
    server.stop();
    let mut rest = Vec::new();
    let _ = undecided.read_to_end(&mut rest);
    assert_eq!(rest, b"");
}
