//! Malformed and hostile requests, and what each gets: a table that is run, and printed in
//! `README.md`, which must say the same. `MAY_UPDATE_DOCS=1` writes it there.

#[path = "../support/mod.rs"]
mod support;
mod table;

use std::{fmt::Write as _, fs, io::Read, path::Path, thread, time::Duration};

use support::{Client, Running};
use table::{Case, GET, Sends, Then, impatient, limits, table};

/// Runs a case: what the server says about it, in the last answer.
fn run(case: &Case, server: &Running, impatient: &Running) -> String {
    let server = match case.sends {
        Sends::Slowly(..) => impatient,
        _ => server,
    };
    let mut client = server.connect();
    let writer = client.stream().try_clone().unwrap();
    let mut said = String::new();
    thread::scope(|scope| {
        // Beside, because a client that sends very much has to read meanwhile.
        scope.spawn(|| send(&case.sends, &writer));
        let to_head = matches!(&case.sends, Sends::AtOnce(bytes) if bytes.starts_with(b"HEAD"));
        for (number, expected) in case.gets.iter().enumerate() {
            let response = loop {
                match client.response(to_head) {
                    Some(response) if response.status == 100 => {}
                    Some(response) => break response,
                    None => panic!("{}: closed in place of answer {number}", case.what),
                }
            };
            assert_eq!(response.status, *expected, "{}: {response:?}", case.what);
            if response.status >= 400 {
                let why = response.text().split_once(": ");
                said = why.map_or("", |(_, why)| why.trim_end()).to_owned();
            }
        }
        match case.then {
            Then::Open => {
                client.send(GET);
                let response = client.response(false);
                let status = response.as_ref().map(|response| response.status);
                assert_eq!(status, Some(200), "{}: {response:?}", case.what);
            }
            Then::Closed => assert!(client.is_closed(), "{}: there is more", case.what),
        }
        // A client that sends slowly finds that out.
        let _ = writer.shutdown(std::net::Shutdown::Both);
    });
    said
}

/// Sends what a case says.
fn send(sends: &Sends, mut stream: &std::net::TcpStream) {
    use std::io::Write;

    // The server does not read what it does not want.
    let _ = match sends {
        Sends::AtOnce(bytes) => stream.write_all(bytes),
        Sends::AndEnds(bytes) => stream
            .write_all(bytes)
            .and_then(|()| stream.shutdown(std::net::Shutdown::Write)),
        Sends::Slowly(first, others) => stream.write_all(first).and_then(|()| {
            others.chunks(1).try_for_each(|byte| {
                thread::sleep(Duration::from_millis(5));
                stream.write_all(byte)
            })
        }),
    };
}

/// A number with a comma between thousands.
fn thousands(number: usize) -> String {
    match number {
        0..1000 => number.to_string(),
        _ => format!("{},{:03}", number / 1000, number % 1000),
    }
}

/// The lines between which the table stands in the document.
const MARKS: (&str, &str) = (
    "<!-- The table is made by examples/http/tests/conformance. -->\n",
    "<!-- The end of the table. -->\n",
);

#[test]
fn every_row_of_the_table_gets_what_it_says() {
    let server = Running::start(limits());
    let impatient = Running::start(impatient());
    let mut text = String::new();
    let mut group = "";
    let cases = table();
    for case in &cases {
        if case.group != group {
            group = case.group;
            write!(
                text,
                "\n### {group}\n\n| sent | answered | because |\n|---|---|---|\n"
            )
            .unwrap();
        }
        let said = run(case, &server, &impatient);
        let gets = match case.gets.as_slice() {
            [] => "nothing".to_owned(),
            [one] => one.to_string(),
            [first, .., _] => format!("{} × {first}", thousands(case.gets.len())),
        };
        let then = match case.then {
            Then::Open => "",
            Then::Closed => ", closed",
        };
        writeln!(text, "| {} | {gets}{then} | {said} |", case.what).unwrap();
    }
    println!("{} rows", cases.len());
    for server in [server, impatient] {
        let report = server.stop();
        assert_eq!(report.completed, report.accepted, "{report:?}");
    }

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let document = fs::read_to_string(&path).unwrap();
    let (before, rest) = document.split_once(MARKS.0).unwrap();
    let (_, after) = rest.split_once(MARKS.1).unwrap();
    let updated = format!("{before}{}{text}\n{}{after}", MARKS.0, MARKS.1);
    if std::env::var_os("MAY_UPDATE_DOCS").is_some() {
        fs::write(&path, updated).unwrap();
    } else {
        assert!(
            document == updated,
            "README.md is not up to date: run this test with MAY_UPDATE_DOCS=1"
        );
    }
}

#[test]
fn a_client_that_leaves_at_any_byte_hurts_nobody() {
    let server = Running::start(limits());
    let requests = [
        b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nA: b\r\n\r\n".as_slice(),
        b"POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
        b"GET /json HTTP/1.1\r\nHost: x\r\n\r\nGET /plaintext HTTP/1.0\r\n\r\n",
    ];
    let mut steady = server.connect();
    for request in requests {
        for length in 0..=request.len() {
            for leaves in [Leaves::Closing, Leaves::Resetting] {
                let client = server.connect();
                client.send(&request[..length]);
                leave(client, leaves);
            }
            assert_eq!(steady.get("/plaintext", "").status, 200);
        }
    }
    drop(steady);
    support::eventually("all have gone", || server.counters.report().open == 0);
    let report = server.stop();
    assert_eq!(report.completed, report.accepted, "{report:?}");
}

#[test]
fn whatever_is_sent_is_answered_or_refused_and_nobody_panics() {
    let server = Running::start(limits());
    // A generator of numbers that is the same each time (Marsaglia's).
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % below
    };
    let alphabet = b"\r\n\r\n :;,0159aGHT/.\0\t\xff";
    let cases: Vec<Vec<u8>> = table()
        .into_iter()
        .filter_map(|case| match case.sends {
            Sends::AtOnce(bytes) if bytes.len() < 1000 => Some(bytes),
            _ => None,
        })
        .collect();
    let (mut answers, mut refusals) = (0, 0);
    for _ in 0..3000 {
        let mut bytes = cases[random(cases.len())].clone();
        for _ in 0..=random(3) {
            let at = random(bytes.len());
            let byte = alphabet[random(alphabet.len())];
            match random(3) {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ if bytes.len() > 1 => drop(bytes.remove(at)),
                _ => {}
            }
        }
        // Whatever it is, it ends.
        let mut client = server.connect();
        client.send(&bytes);
        client.end();
        let mut all = Vec::new();
        let read = client.reader.read_to_end(&mut all);
        assert!(read.is_ok(), "{read:?} after {}", bytes.escape_ascii());
        assert!(
            all.is_empty() || all.starts_with(b"HTTP/1.1 "),
            "{} after {}",
            all.escape_ascii(),
            bytes.escape_ascii()
        );
        answers += usize::from(all.starts_with(b"HTTP/1.1 2"));
        refusals += usize::from(all.starts_with(b"HTTP/1.1 4"));
    }
    println!("{answers} answers, {refusals} refusals");
    assert!(answers > 100 && refusals > 100);
    support::eventually("all have gone", || server.counters.report().open == 0);
    let report = server.stop();
    assert_eq!(
        (report.accepted, report.completed),
        (3000, 3000),
        "{report:?}"
    );
}

/// How a client leaves.
#[derive(Clone, Copy)]
enum Leaves {
    Closing,
    Resetting,
}

fn leave(client: Client, how: Leaves) {
    match how {
        Leaves::Closing => {}
        // What is not read when a socket is closed makes the operating system reset the connection;
        // here that is asked for.
        Leaves::Resetting => {
            let socket = socket2::SockRef::from(client.stream());
            socket.set_linger(Some(Duration::ZERO)).unwrap();
        }
    }
}
