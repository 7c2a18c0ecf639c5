//! A chat over WebSockets: tungstenite over May's sockets, and a page for browsers that the same
//! port serves.
//!
//! # What goes over a WebSocket
//!
//! Whoever connects to `/room/NAME` is in the room of that name. The first message is the guest's
//! name, all others are what the guest says. Messages from the room are a kind, a name and a text
//! with tabs between: `here` when one has come in (the text is how many are there), `came` and
//! `left` when others do, `said` when somebody says something, oneself included.
//!
//! # Who waits for whom
//!
//! Nobody waits for a guest. What a guest is told goes into a queue of its own; when that is full,
//! because the guest does not read, the guest has to go. Each guest has one coroutine, which waits
//! in one `select!` for whatever comes first: bytes from the socket, something to tell, room in the
//! socket for what is left to write, the next ping, the end of the server. For that the socket is
//! in non-blocking mode, so that half a frame from the guest does not keep the coroutine from
//! telling it something: tungstenite keeps the half, and goes on with it when the rest is there.
//!
//! * `door`: the page, and who may come in
//! * `guest`: one guest, from coming in until leaving
//! * `ration`: how much of a guest's socket is read within a second
//! * `room`: who is where, and who is told what

mod door;
mod guest;
mod ration;
mod room;

pub use door::welcome;
pub use room::Rooms;

use std::time::Duration;

/// What a chat takes on.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a client may take to say what it wants.
    pub greeting: Duration,
    /// How often a guest is asked whether it is there. One who has not been heard of for twice as
    /// long has to go.
    pub ping: Duration,
    /// How many messages may wait for a guest.
    pub backlog: usize,
    /// How many bytes a message may have.
    pub message: usize,
    /// How many messages a guest may send within a second, and with that, how many bytes: those of
    /// so many messages that are as long as they may be.
    pub rate: u32,
    /// How long saying goodbye may take.
    pub farewell: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            greeting: Duration::from_secs(10),
            ping: Duration::from_secs(20),
            backlog: 256,
            message: 4096,
            rate: 50,
            farewell: Duration::from_secs(2),
        }
    }
}
