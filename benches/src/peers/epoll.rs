//! A bare event loop over epoll, by way of mio: what an echo server costs without any coroutines.

use std::{
    collections::HashMap,
    io::{ErrorKind, Read, Write},
    net::SocketAddr,
    sync::{Arc, Mutex},
    thread,
};

use mio::{
    Events, Interest, Poll, Token, Waker,
    net::{TcpListener, TcpStream},
};

use super::ECHO_BUFFER;
use crate::peer::Peer;

/// As many loops as there would be workers.
struct Epoll(usize);

/// Says how many loops there will be.
pub(super) fn start(workers: usize) -> Box<dyn Peer> {
    Box::new(Epoll(workers))
}

/// The token of the listener.
const LISTENER: Token = Token(usize::MAX - 1);

/// The token of the waker that announces new connections.
const WAKER: Token = Token(usize::MAX - 2);

/// A loop, as seen by the one that accepts.
struct Member {
    /// Connections that it has not looked at yet.
    new: Mutex<Vec<TcpStream>>,
    /// Ends its sleep.
    waker: Waker,
}

impl Peer for Epoll {
    fn echo(&self) -> Option<SocketAddr> {
        let mut listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let addr = listener.local_addr().unwrap();
        let polls: Vec<Poll> = (0..self.0).map(|_| Poll::new().unwrap()).collect();
        let members: Arc<[Member]> = polls
            .iter()
            .map(|poll| Member {
                new: Mutex::new(Vec::new()),
                waker: Waker::new(poll.registry(), WAKER).unwrap(),
            })
            .collect();
        polls[0]
            .registry()
            .register(&mut listener, LISTENER, Interest::READABLE)
            .unwrap();
        let mut listener = Some(listener);
        for (index, poll) in polls.into_iter().enumerate() {
            let (listener, members) = (listener.take(), Arc::clone(&members));
            thread::spawn(move || serve(poll, index, listener.as_ref(), &members));
        }
        Some(addr)
    }
}

/// One loop. The one with the listener deals connections out in turns.
fn serve(mut poll: Poll, index: usize, listener: Option<&TcpListener>, members: &[Member]) {
    let mut events = Events::with_capacity(1024);
    let mut streams = HashMap::new();
    let mut next = 0;
    loop {
        poll.poll(&mut events, None).unwrap();
        for event in &events {
            match event.token() {
                LISTENER => {
                    while let Some((stream, _)) = listener.and_then(|from| from.accept().ok()) {
                        let member = &members[next % members.len()];
                        member.new.lock().unwrap().push(stream);
                        member.waker.wake().unwrap();
                        next += 1;
                    }
                }
                WAKER => {
                    for mut stream in members[index].new.lock().unwrap().drain(..) {
                        stream.set_nodelay(true).unwrap();
                        let token = Token(streams.len());
                        poll.registry()
                            .register(&mut stream, token, Interest::READABLE)
                            .unwrap();
                        streams.insert(token, stream);
                    }
                }
                token => {
                    let stream = streams.get_mut(&token).unwrap();
                    if !echo(stream) {
                        let _ = poll.registry().deregister(stream);
                        let _ = stream.shutdown(std::net::Shutdown::Both);
                    }
                }
            }
        }
    }
}

/// Sends back what is there; says whether there may be more. A read that does not fill the buffer
/// has emptied the socket, and a client that waits for its answer always has room for it.
fn echo(stream: &mut TcpStream) -> bool {
    let mut buffer = [0; ECHO_BUFFER];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return false,
            Ok(length) if stream.write_all(&buffer[..length]).is_err() => return false,
            Ok(length) if length < buffer.len() => return true,
            Ok(_) => {}
            Err(error) => return error.kind() == ErrorKind::WouldBlock,
        }
    }
}
