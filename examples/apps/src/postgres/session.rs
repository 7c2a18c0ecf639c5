//! A connection to a server.

use std::{error::Error, fmt, future::poll_fn, io, time::Duration};

use may::{
    block_on,
    channel::{self, Receiver},
    future,
    net::{TcpStream, ToSocketAddrs},
    time,
};
use tokio_postgres::{
    AsyncMessage, Client, Config, Connection, NoTls, Notification, Row, ToStatement, config::Host,
    tls::NoTlsStream, types::ToSql,
};

/// How many notifications may wait for somebody to take them.
const NOTIFICATIONS: usize = 1024;

/// The port of servers that do not say another.
const PORT: u16 = 5432;

/// Where a database is, and how to introduce oneself.
#[derive(Clone, Debug)]
pub struct Database {
    config: Config,
    limit: Duration,
}

/// Why something was not done.
#[derive(Debug)]
pub enum Failure {
    /// There is no connection to the server.
    Unreachable(io::Error),
    /// The server says so, or what it says is not understood.
    Refused(tokio_postgres::Error),
    /// It took too long. The server has been asked to stop.
    TimedOut,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Unreachable(error) => write!(f, "the server cannot be reached: {error}"),
            Failure::Refused(error) => match error.as_db_error() {
                Some(said) => write!(f, "{}: {}", said.severity(), said.message()),
                None => write!(f, "{error}"),
            },
            Failure::TimedOut => f.write_str("it takes too long"),
        }
    }
}

impl Error for Failure {}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Unreachable(error)
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Failure {
        Failure::Refused(error)
    }
}

impl From<time::Elapsed> for Failure {
    fn from(_: time::Elapsed) -> Failure {
        Failure::TimedOut
    }
}

impl Database {
    /// Reads `config`, such as `postgresql://user:password@localhost:5432/name` or
    /// `host=localhost user=postgres`. No connection is made yet. Connecting may take `limit`, and
    /// so may each request after that.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub fn new(config: &str, limit: Duration) -> Result<Database, Failure> {
        let config = config.parse()?;
        Ok(Database { config, limit })
    }

    /// Opens a connection and introduces itself.
    ///
    /// # Errors
    ///
    /// If there is no server, or it refuses, or takes too long.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds while it waits; the connection is closed then.
    pub fn connect(&self) -> Result<Session, Failure> {
        let (client, connection) = time::timeout(self.limit, || {
            let stream = self.open()?;
            Ok::<_, Failure>(block_on(self.config.connect_raw(stream, NoTls))?)
        })??;
        let (sender, notifications) = channel::bounded(NOTIFICATIONS);
        // It ends when the client is dropped, or the connection is lost.
        future::spawn(drive(connection, Some(sender)));
        Ok(Session {
            client,
            notifications,
            database: self.clone(),
        })
    }

    /// Opens a socket to the first host that answers.
    fn open(&self) -> io::Result<TcpStream> {
        let what = "no host is named: write host=NAME, or a URL";
        let mut last = io::Error::new(io::ErrorKind::InvalidInput, what);
        let ports = self.config.get_ports();
        for (number, host) in self.config.get_hosts().iter().enumerate() {
            let port = ports.get(number).or(ports.first()).copied();
            let opened = match host {
                Host::Tcp(name) => connect(name, port.unwrap_or(PORT)),
                Host::Unix(path) => Err(io::Error::new(
                    io::ErrorKind::Unsupported,
                    format!("{}: only hosts are supported here", path.display()),
                )),
            };
            match opened {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

/// Opens a socket to a host.
fn connect(name: &str, port: u16) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in (name, port).to_socket_addrs()? {
        match TcpStream::connect(address) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = io::Error::new(error.kind(), format!("{address}: {error}")),
        }
    }
    Err(last)
}

/// Moves what is said over a connection, until there is nothing more to say.
async fn drive(
    mut connection: Connection<TcpStream, NoTlsStream>,
    mut notifications: Option<channel::Sender<Notification>>,
) {
    // Whoever waits for an answer is told of an error by the client.
    while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
        let AsyncMessage::Notification(notification) = message else {
            continue;
        };
        // Nobody waits here for those who do not take theirs. One who has missed some finds the end
        // of the queue, and knows.
        let queued = notifications
            .as_ref()
            .is_some_and(|queue| queue.try_send(notification).is_ok());
        if !queued {
            notifications = None;
        }
    }
}

/// A connection to a server. It ends when this is dropped.
pub struct Session {
    client: Client,
    notifications: Receiver<Notification>,
    database: Database,
}

impl Session {
    /// Runs a query and returns its rows. The types of the parameters are those that the server
    /// deduces.
    ///
    /// # Errors
    ///
    /// What the server says. If it takes too long the server is asked to stop, and the session is
    /// as good as before. It stops whatever it does for the session just then: of several
    /// coroutines that share it another one's request may fail in place of this one, so give what
    /// may be slow a session of its own.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds while it waits. The server runs the query to its end, and
    /// nobody gets the answer; other users of the session do not notice.
    pub fn query<T>(
        &self,
        statement: &T,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Failure>
    where
        T: ?Sized + ToStatement,
    {
        self.wait(self.client.query(statement, params))
    }

    /// Runs a statement and returns how many rows it has changed.
    ///
    /// # Errors
    ///
    /// As [`query`](Session::query).
    ///
    /// # Cancellation
    ///
    /// As [`query`](Session::query).
    pub fn execute<T>(&self, statement: &T, params: &[&(dyn ToSql + Sync)]) -> Result<u64, Failure>
    where
        T: ?Sized + ToStatement,
    {
        self.wait(self.client.execute(statement, params))
    }

    /// Runs several statements, with semicolons between them.
    ///
    /// # Errors
    ///
    /// As [`query`](Session::query).
    ///
    /// # Cancellation
    ///
    /// As [`query`](Session::query).
    pub fn batch(&self, statements: &str) -> Result<(), Failure> {
        self.wait(self.client.batch_execute(statements))
    }

    /// Does `f` in a transaction, which is taken back if `f` fails or unwinds. Nobody else can use
    /// the session meanwhile.
    ///
    /// # Errors
    ///
    /// Those of `f`, and what the server says of the transaction.
    ///
    /// # Cancellation
    ///
    /// As `f`; the transaction is taken back.
    pub fn transaction<T>(
        &mut self,
        f: impl AsyncFnOnce(&tokio_postgres::Transaction<'_>) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, Failure> {
        let token = self.client.cancel_token();
        let client = &mut self.client;
        let done = time::timeout(self.database.limit, || {
            block_on(async {
                // Dropping it takes it back.
                let transaction = client.transaction().await?;
                let value = f(&transaction).await?;
                transaction.commit().await?;
                Ok(value)
            })
        });
        self.database.or_stop(done, &token)
    }

    /// What others have told those who `LISTEN`. It ends when the connection does, or when too many
    /// have not been taken.
    #[must_use]
    pub fn notifications(&self) -> &Receiver<Notification> {
        &self.notifications
    }

    /// Whether the connection is lost.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Waits for an answer.
    fn wait<T>(
        &self,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Failure> {
        let done = time::timeout(self.database.limit, || block_on(answer));
        self.database.or_stop(done, &self.client.cancel_token())
    }
}

impl Database {
    /// If the time was up, asks the server to stop what it does for a session.
    fn or_stop<T>(
        &self,
        done: Result<Result<T, tokio_postgres::Error>, time::Elapsed>,
        token: &tokio_postgres::CancelToken,
    ) -> Result<T, Failure> {
        if let Ok(result) = done {
            return Ok(result?);
        }
        // That takes a connection of its own. If there is none, the server is about to notice by
        // itself.
        let _ = time::timeout(self.limit, || {
            let stream = self.open()?;
            block_on(token.cancel_query_raw(stream, NoTls)).map_err(io::Error::other)
        });
        Err(Failure::TimedOut)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("database", &self.database)
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}
