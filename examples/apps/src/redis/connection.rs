//! One connection to a Redis server.

use std::{
    io::{self, Write},
    time::Duration,
};

use may::{
    net::{TcpStream, ToSocketAddrs},
    time,
};
use redis::{
    Cmd, ConnectionAddr, ConnectionInfo, ConnectionLike, ErrorKind, IntoConnectionInfo, Parser,
    ProtocolVersion, RedisError, RedisResult, Value, cmd,
};

/// Where a server is, and how to introduce oneself.
#[derive(Clone, Debug)]
pub struct Client {
    /// What the URL says.
    info: ConnectionInfo,
    /// Host and port.
    address: (String, u16),
    /// For how long a connection may take to open, and after that each reply.
    limit: Duration,
}

impl Client {
    /// Reads `url`, such as `redis://:password@localhost:6379/0`. No connection is made yet.
    ///
    /// Opening a connection may take `limit`, and so may each exchange with the server; for a
    /// pipeline it holds for all replies together.
    ///
    /// # Errors
    ///
    /// If the URL cannot be read, or asks for something other than RESP2 over TCP.
    pub fn new(url: &str, limit: Duration) -> RedisResult<Client> {
        let info = url.into_connection_info()?;
        let ConnectionAddr::Tcp(host, port) = info.addr() else {
            return Err(unsupported("only redis://HOST:PORT is supported here"));
        };
        if info.redis_settings().protocol() != ProtocolVersion::RESP2 {
            return Err(unsupported("only the protocol RESP2 is supported here"));
        }
        Ok(Client {
            address: (host.clone(), *port),
            info,
            limit,
        })
    }

    /// Opens a connection and introduces itself.
    ///
    /// # Errors
    ///
    /// If there is no server, or it refuses the password or the database, or takes too long.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds while it waits; the connection is closed then.
    pub fn connect(&self) -> RedisResult<Connection> {
        let mut connection = Connection {
            stream: self.open()?,
            parser: Parser::new(),
            database: self.info.redis_settings().db(),
            limit: self.limit,
            in_step: true,
        };
        self.introduce(&mut connection)?;
        Ok(connection)
    }

    /// Opens a socket: the first address that answers, all of them within the limit.
    fn open(&self) -> RedisResult<TcpStream> {
        let opened = time::timeout(self.limit, || {
            let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
            for address in self.address.to_socket_addrs()? {
                match TcpStream::connect(address) {
                    Ok(stream) => return Ok(stream),
                    Err(error) => last = error,
                }
            }
            Err(last)
        });
        let stream = opened
            .unwrap_or_else(|elapsed| Err(elapsed.into()))
            .map_err(|error| {
                let (host, port) = &self.address;
                io::Error::new(error.kind(), format!("{host}:{port}: {error}"))
            })?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// Says who asks, and for which database.
    fn introduce(&self, connection: &mut Connection) -> RedisResult<()> {
        let settings = self.info.redis_settings();
        if let Some(password) = settings.password() {
            let mut auth = cmd("AUTH");
            if let Some(username) = settings.username() {
                auth.arg(username);
            }
            auth.arg(password).exec(connection)?;
        }
        if settings.db() != 0 {
            cmd("SELECT").arg(settings.db()).exec(connection)?;
        }
        Ok(())
    }
}

/// The error of a URL that asks for something that is not here.
fn unsupported(what: &'static str) -> RedisError {
    RedisError::from((ErrorKind::InvalidClientConfig, what))
}

/// A connection to a Redis server, on which every command of the `redis` crate works.
///
/// It is in step as long as every request that was sent has got its reply. A request that fails on
/// the way, runs out of time or is unwound by a cancellation leaves a reply behind that nobody
/// waits for, so after that the connection refuses to be used; [`is_open`](ConnectionLike::is_open)
/// tells. An error that the *server* reports is an ordinary reply.
pub struct Connection {
    stream: TcpStream,
    /// Holds what has been received and not been asked for yet.
    parser: Parser,
    database: i64,
    limit: Duration,
    in_step: bool,
}

impl Connection {
    /// Sends `commands` and reads `count` replies.
    fn exchange(&mut self, commands: &[u8], count: usize) -> RedisResult<Vec<Value>> {
        if !self.in_step {
            let broken = "an earlier request on this connection has not been completed";
            return Err(io::Error::new(io::ErrorKind::NotConnected, broken).into());
        }
        // Only if nothing unwinds or fails in between is it set again.
        self.in_step = false;
        let replies = time::timeout(self.limit, || {
            self.stream.write_all(commands)?;
            (0..count)
                .map(|_| self.parser.parse_value(&mut self.stream))
                .collect::<RedisResult<Vec<Value>>>()
        });
        let replies = replies.unwrap_or_else(|elapsed| Err(io::Error::from(elapsed).into()))?;
        self.in_step = true;
        Ok(replies)
    }

    /// Says whether the server has neither closed the connection nor sent anything while nobody was
    /// waiting.
    pub(super) fn is_quiet(&self) -> bool {
        let peek = || {
            self.stream.set_nonblocking(true)?;
            let seen = self.stream.peek(&mut [0]);
            self.stream.set_nonblocking(false)?;
            seen
        };
        self.in_step && peek().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Gives the parts away, to be read in a different way: the socket, what has been read of it,
    /// and how long an exchange may take.
    pub(super) fn into_parts(self) -> (TcpStream, Parser, Duration) {
        (self.stream, self.parser, self.limit)
    }
}

impl ConnectionLike for Connection {
    fn req_packed_command(&mut self, command: &[u8]) -> RedisResult<Value> {
        let mut replies = self.exchange(command, 1)?;
        Ok(replies.pop().expect("as many replies as were asked for"))
    }

    fn req_packed_commands(
        &mut self,
        commands: &[u8],
        offset: usize,
        count: usize,
    ) -> RedisResult<Vec<Value>> {
        let mut replies = self.exchange(commands, offset + count)?;
        let wanted = replies.split_off(offset);
        // In front of what is wanted stand the acknowledgements of a transaction's parts. If one
        // was refused, that is why the server has refused the whole.
        for acknowledgement in replies {
            acknowledgement.extract_error()?;
        }
        Ok(wanted)
    }

    fn req_command(&mut self, command: &Cmd) -> RedisResult<Value> {
        let packed = command.get_packed_command();
        if command.is_no_response() {
            self.exchange(&packed, 0)?;
            return Ok(Value::Nil);
        }
        self.req_packed_command(&packed)
    }

    fn get_db(&self) -> i64 {
        self.database
    }

    fn check_connection(&mut self) -> bool {
        cmd("PING").exec(self).is_ok()
    }

    fn is_open(&self) -> bool {
        self.in_step
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("stream", &self.stream)
            .field("in_step", &self.in_step)
            .finish_non_exhaustive()
    }
}
