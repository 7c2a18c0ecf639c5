//! One guest, from coming in until leaving.

use std::{
    io::{self, Read},
    iter,
    net::Shutdown,
    time::{Duration, Instant},
};

use may::{net::TcpStream, select, sync::CancelToken, time};
use tungstenite::{
    Bytes, Error, Message, WebSocket,
    error::CapacityError,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use super::{
    Limits,
    ration::Ration,
    room::{Place, Rooms},
};

/// The longest name, in characters.
const NAME_LENGTH: usize = 24;

/// How many messages are written at once.
const BATCH: usize = 16;

/// How many bytes are read and thrown away from one who has to go.
const DRAIN_LENGTH: u64 = 1 << 20;

/// Why a guest has to go, and how it is told.
type Farewell = (CloseCode, &'static str);

/// Looks after a guest until it leaves or has to go. The socket is in non-blocking mode.
///
/// # Errors
///
/// If the connection breaks, or the guest does not keep to the protocol.
pub(super) fn attend(
    mut socket: WebSocket<Ration>,
    room: &str,
    rooms: &Rooms,
    limits: &Limits,
    stopping: &CancelToken,
) -> Result<(), Error> {
    let stream = socket.get_ref().stream().try_clone()?;
    let mut guest = Guest {
        rooms,
        room,
        limits,
        place: None,
        heard: Instant::now(),
        second: Instant::now(),
        sent: 0,
    };
    let mut pings = time::interval_at(Instant::now() + limits.ping, limits.ping);
    let farewell = loop {
        // Whatever is to be written goes as far as the socket has room for it.
        let pending = !flush(&mut socket)?;
        let place = guest.place.as_ref();
        let (messages, overrun) = place.map(|place| (&place.messages, &place.overrun)).unzip();
        select! {
            ready = readable(stream) => {
                ready?;
                if let Some(farewell) = guest.hear(&mut socket)? {
                    break farewell;
                }
            }
            // What is told next waits until the last is written, so that at most that is in memory
            // twice.
            Ok(text) = recv(messages) else { unreachable!("the place is in the room") } if !pending => {
                let more = messages.into_iter().flat_map(|messages| messages.try_iter());
                for text in iter::once(text).chain(more.take(BATCH - 1)) {
                    write(&mut socket, Message::Text(text))?;
                }
            }
            ready = writable(stream) if pending => ready?,
            wait(overrun) => break (CloseCode::Policy, "too slow"),
            _ = tick(pings) => {
                if guest.heard.elapsed() > limits.ping * 2 {
                    return Err(Error::Io(io::ErrorKind::TimedOut.into()));
                }
                write(&mut socket, Message::Ping(Bytes::new()))?;
            }
            wait(stopping) => break (CloseCode::Away, "the server stops"),
        }
    };
    // Others are told before the goodbyes are over.
    drop(guest);
    say_goodbye(&mut socket, &stream, farewell, limits.farewell)
}

/// What is known of a guest.
struct Guest<'a> {
    rooms: &'a Rooms,
    room: &'a str,
    limits: &'a Limits,
    /// Where it is; none until it has said its name.
    place: Option<Place>,
    /// When it was last heard of.
    heard: Instant,
    /// A second, and how many messages have come in it.
    second: Instant,
    sent: u32,
}

impl Guest<'_> {
    /// Takes all that the guest has sent; says why it has to go, if it has to.
    fn hear(&mut self, socket: &mut WebSocket<Ration>) -> Result<Option<Farewell>, Error> {
        loop {
            let message = match socket.read() {
                Ok(message) => message,
                Err(error) if would_block(&error) => {
                    let too_much = (CloseCode::Policy, "too much at once");
                    return Ok(socket.get_ref().is_used_up().then_some(too_much));
                }
                Err(Error::Capacity(CapacityError::MessageTooLong { .. })) => {
                    return Ok(Some((CloseCode::Size, "too long a message")));
                }
                Err(error) => return Err(error),
            };
            self.heard = Instant::now();
            if self.is_too_fast() {
                return Ok(Some((CloseCode::Policy, "too many messages")));
            }
            match message {
                Message::Text(text) => {
                    if let Some(farewell) = self.take(&text) {
                        return Ok(Some(farewell));
                    }
                }
                Message::Binary(_) => return Ok(Some((CloseCode::Unsupported, "text only"))),
                // tungstenite has answered them.
                Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => {}
            }
        }
    }

    /// Counts a message; says whether there were too many within a second.
    fn is_too_fast(&mut self) -> bool {
        if self.second.elapsed() >= Duration::from_secs(1) {
            self.second = Instant::now();
            self.sent = 0;
        }
        self.sent += 1;
        self.sent > self.limits.rate
    }

    /// Takes what the guest says: its name first, and then what goes to all.
    fn take(&mut self, text: &str) -> Option<Farewell> {
        let text = printable(text);
        match &self.place {
            Some(place) if !text.is_empty() => place.say(&text),
            Some(_) => {}
            None => {
                let name: String = text.chars().take(NAME_LENGTH).collect();
                if name.is_empty() {
                    return Some((CloseCode::Policy, "no name"));
                }
                self.place = Some(self.rooms.enter(self.room, &name, self.limits.backlog));
            }
        }
        None
    }
}

/// Replaces what cannot be printed, and takes spaces away at both ends.
fn printable(text: &str) -> String {
    let text = text.replace(char::is_control, " ");
    text.trim().to_owned()
}

/// Writes what is left to write; says whether that was all.
fn flush(socket: &mut WebSocket<Ration>) -> Result<bool, Error> {
    match socket.flush() {
        Ok(()) => Ok(true),
        Err(error) if would_block(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Gives a message to tungstenite, which keeps what the socket has no room for.
fn write(socket: &mut WebSocket<Ration>, message: Message) -> Result<(), Error> {
    match socket.write(message) {
        Err(error) if would_block(&error) => Ok(()),
        result => result,
    }
}

/// Whether an error only says that the socket is not ready.
fn would_block(error: &Error) -> bool {
    matches!(error, Error::Io(error) if error.kind() == io::ErrorKind::WouldBlock)
}

/// Tells a guest why it has to go, and waits until it has hung up, but not for long. The socket is
/// in blocking mode from here on.
fn say_goodbye(
    socket: &mut WebSocket<Ration>,
    mut stream: &TcpStream,
    (code, reason): Farewell,
    limit: Duration,
) -> Result<(), Error> {
    let frame = CloseFrame {
        code,
        reason: reason.into(),
    };
    stream.set_nonblocking(false)?;
    let said = time::timeout(limit, || {
        socket.close(Some(frame))?;
        socket.flush()?;
        // What the guest says now is not heard any more. But if it were left unread, closing the
        // socket would take our last words away from the guest.
        stream.shutdown(Shutdown::Write)?;
        io::copy(&mut (&mut stream).take(DRAIN_LENGTH), &mut io::sink())?;
        Ok(())
    });
    // One who takes that long is cut off.
    said.unwrap_or(Ok(()))
}
