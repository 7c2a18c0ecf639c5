//! `websocket`, opened in a browser, and driven by a client in Python.

use std::{net::TcpStream, process::Command};

use tungstenite::{Message, WebSocket};

use crate::{
    browser::Browser,
    support::{PATIENCE, Running, printed},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_websocket");

/// Comes into a room.
fn enter(addr: &str, room: &str, name: &str) -> WebSocket<TcpStream> {
    let stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let (mut socket, _) = tungstenite::client(format!("ws://{addr}/room/{room}"), stream).unwrap();
    socket.send(Message::text(name)).unwrap();
    socket
}

/// Waits for a message.
fn hear(socket: &mut WebSocket<TcpStream>, wanted: &str) {
    loop {
        if let Message::Text(text) = socket.read().unwrap()
            && text.as_str() == wanted
        {
            return;
        }
    }
}

#[test]
fn a_browser_opens_the_page_and_talks_with_others() {
    let (server, addr) = Running::server(PROGRAM, &[]);
    let mut ada = enter(&addr, "lobby", "Ada");
    let browser = Browser::open(&format!("http://{addr}/"));
    browser.type_into("#name", "Grace");
    browser.click("#enter button");
    browser.wait_for("#state", |text| text == "2 people");
    hear(&mut ada, "came\tGrace\t2");

    // What is typed in the page reaches the other one, and is shown as the page's own.
    browser.type_into("#text", "hello from the page");
    browser.enter("#text");
    hear(&mut ada, "said\tGrace\thello from the page");
    browser.wait_for(".own", |text| text == "you\nhello from the page");
    // And the other way round; what looks like HTML is text.
    let text = "hello <b>Grace</b> & welcome 👋";
    ada.send(Message::text(text)).unwrap();
    browser.wait_for(".message:not(.own)", |shown| {
        shown == format!("Ada\n{text}")
    });

    // A second window of the browser, in another room first.
    let other = Browser::open(&format!("http://{addr}/#kitchen"));
    other.type_into("#name", "Alan");
    other.enter("#name");
    other.wait_for("#state", |text| text == "you are alone");
    assert_eq!(
        browser.run("return document.querySelector('#state').innerText"),
        "2 people"
    );
    other.run("location.hash = 'lobby'");
    other.wait_for("#room", |text| text == "lobby");
    other.type_into("#name", "Alan");
    other.enter("#name");
    browser.wait_for("#state", |text| text == "3 people");
    other.type_into("#text", "is there any tea?");
    other.click("#speak button");
    hear(&mut ada, "said\tAlan\tis there any tea?");
    browser.wait_for("#messages", |text| text.contains("Alan\nis there any tea?"));

    assert_eq!(browser.complaints(), serde_json::json!([]));
    if let Ok(path) = std::env::var("MAY_SCREENSHOT") {
        browser.screenshot(&path);
    }

    // The page says so when the server stops.
    drop(other);
    browser.wait_for("#state", |text| text == "2 people");
    drop(ada);
    server.stop();
    browser.wait_for("#messages", |text| text.ends_with("the server stops"));
    browser.wait_for("#state", |text| text == "not connected");
}

#[test]
fn a_client_in_python_understands_every_frame() {
    let (server, addr) = Running::server(PROGRAM, &["--rate", "100000"]);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/chat.py");
    let text = printed("/usr/bin/python3", &[script, &addr]);
    println!("{text}");
    assert!(text.contains("50 guests heard 50 times each"), "{text}");
    server.stop();
    let version = Command::new("/usr/bin/python3")
        .args(["-c", "import websockets; print(websockets.__version__)"])
        .output()
        .unwrap();
    println!("websockets {}", String::from_utf8_lossy(&version.stdout));
}
