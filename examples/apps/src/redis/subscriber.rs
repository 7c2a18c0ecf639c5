//! Messages that others publish.

use std::{
    collections::VecDeque,
    fmt,
    io::{self, Write},
};

use may::{net::TcpStream, time};
use redis::{Msg, Parser, RedisResult, Value, cmd};

use super::Connection;

/// A connection that listens to channels of a server.
pub struct Subscriber {
    stream: TcpStream,
    parser: Parser,
    /// Messages that came between the confirmations.
    early: VecDeque<Msg>,
}

impl Subscriber {
    /// Subscribes to `channels`, which takes the connection for good. When this returns, the server
    /// has confirmed all of them.
    ///
    /// # Errors
    ///
    /// If the connection fails, the server refuses or takes too long.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds while it waits for the server.
    pub fn new(connection: Connection, channels: &[&str]) -> RedisResult<Subscriber> {
        let (stream, parser, limit) = connection.into_parts();
        let mut subscriber = Subscriber {
            stream,
            parser,
            early: VecDeque::new(),
        };
        time::timeout(limit, || subscriber.subscribe(channels))
            .unwrap_or_else(|elapsed| Err(io::Error::from(elapsed).into()))?;
        Ok(subscriber)
    }

    /// Sends the subscription, and waits until each channel is confirmed.
    fn subscribe(&mut self, channels: &[&str]) -> RedisResult<()> {
        let command = cmd("SUBSCRIBE").arg(channels).get_packed_command();
        self.stream.write_all(&command)?;
        let mut confirmed = 0;
        while confirmed < channels.len() {
            match self.read()? {
                Some(message) => self.early.push_back(message),
                None => confirmed += 1,
            }
        }
        Ok(())
    }

    /// Waits for the next message.
    ///
    /// # Errors
    ///
    /// If the connection ends.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds while it waits. Part of a message may have been read then, so
    /// this is not to be used again.
    pub fn recv(&mut self) -> RedisResult<Msg> {
        loop {
            if let Some(message) = self.early.pop_front() {
                return Ok(message);
            }
            if let Some(message) = self.read()? {
                return Ok(message);
            }
        }
    }

    /// Reads what the server says next: a message, or a confirmation, which is none.
    fn read(&mut self) -> RedisResult<Option<Msg>> {
        match self.parser.parse_value(&mut self.stream)?.extract_error()? {
            value @ Value::Array(_) => Ok(Msg::from_owned_value(value)),
            other => {
                let what = format!("{other:?} is neither a message nor a confirmation");
                Err(io::Error::new(io::ErrorKind::InvalidData, what).into())
            }
        }
    }
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber")
            .field("stream", &self.stream)
            .finish_non_exhaustive()
    }
}
