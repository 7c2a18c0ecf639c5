//! Serving the connections of a listener: as many at once as are allowed, each by a coroutine,
//! until the server is told to end.
//!
//! * `limits`: how much is taken on, and for how long
//! * `count`: what has become of the connections
//!
//! # Protocol
//!
//! The caller accepts, in a scope whose children are the coroutines of the connections. Whatever it
//! waits for, it waits for the token, too: for an admission, for a connection, for descriptors.
//! That is done by selects, in which an arm that loses leaves no trace, so no connection is
//! accepted and lost when the token is cancelled.
//!
//! A connection has an *admission*, a permit of a semaphore, which is taken before it is accepted
//! and given back when its handler has ended. So "all have left" is "all permits are free", and
//! waiting for that until the end of the grace is one call. No further connection begins by then,
//! so all that are left can be cancelled at once.
//!
//! If the caller unwinds, it cancels its children, and the scope waits for them.

mod count;
mod limits;

use std::cell::Cell;
use std::collections::HashMap;
use std::io;
use std::mem;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

pub use count::{Counters, Report};
pub use limits::Limits;

use crate::coroutine::{Cancelled, unwinding};
use crate::io::AcceptFrom;
use crate::io::accept::PAUSES;
use crate::io::pause::Pause;
use crate::operation::{Arm, Finish};
use crate::select::{self, Mode};
use crate::spawn::{Scope, scope};
use crate::sync::{CancelToken, Semaphore, SemaphorePermit};
use crate::sys::socket;
use crate::time;
use count::ConnectionEnd;

/// Serves the connections that come to `listener`, each by a call of `handler` in a coroutine of
/// its own, until [the token of the limits](Limits::until) is cancelled or the listener fails.
///
/// The handler may borrow from the caller, which waits meanwhile. Works on a plain thread, too: the
/// coroutines run on the default runtime then.
///
/// * **At the limit** of connections none is accepted, so that they wait in the listener's backlog.
///   A lack of descriptors or memory is waited out, as
///   [`TcpListener::accept`](crate::net::TcpListener::accept) does; connections that are open go
///   on.
/// * **A panic** of the handler ends its connection and nothing else; it is reported like that of
///   any coroutine, and [counted](Report::panicked).
/// * **The end** is graceful. No further connection is accepted, and the listener is closed, unless
///   it is borrowed or there are clones. The handlers are told by [`Session::stopping`], and may go
///   on for as long as [the grace](Limits::grace) lasts. Those that are left then are cancelled.
///   `serve` returns when all have ended; it waits for a handler that computes, or blocks in a
///   destructor.
///
/// What a handler spawns beyond its own end, and sockets that it has given to others, are not
/// accounted for.
///
/// # Errors
///
/// What the listener says if no connection can ever come again, or that the runtime is being shut
/// down. The connections that were open had their grace then, too.
///
/// # Cancellation
///
/// A coroutine that is cancelled here cancels all handlers at once, without grace, and unwinds when
/// they have ended.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use may::net::{TcpListener, TcpStream};
/// use may::net::{Limits, serve};
/// use may::{coroutine, sync::CancelToken};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let address = listener.local_addr()?;
/// let shutdown = CancelToken::new();
///
/// let limits = Limits::new().connections(100).until(&shutdown);
/// let server = coroutine::spawn(move || {
///     serve(listener, limits, |(mut stream, peer), _session| {
///         let _ = write!(stream, "hello, {}", peer.ip());
///     })
/// });
///
/// let mut greeting = String::new();
/// TcpStream::connect(address)?.read_to_string(&mut greeting)?;
/// assert_eq!(greeting, "hello, 127.0.0.1");
///
/// shutdown.cancel();
/// let report = server.join().unwrap()?;
/// assert_eq!((report.accepted, report.completed), (1, 1));
/// # std::io::Result::Ok(())
/// ```
pub fn serve<L, H>(listener: L, limits: Limits, handler: H) -> io::Result<Report>
where
    L: AcceptFrom<Connection: Send>,
    H: Fn(L::Connection, &Session) + Sync,
{
    let server = Server {
        admissions: Semaphore::new(limits.connections),
        origins: Mutex::default(),
        limits,
        handler,
    };
    scope(|scope| {
        let cancel = CancelOnUnwind(scope);
        let accepted = server.accept(&listener, scope);
        drop(listener);
        let (all, grace) = (server.limits.connections, server.limits.grace);
        if server.admissions.acquire_timeout(all, grace).is_none() {
            scope.cancel();
        }
        mem::forget(cancel);
        accepted
    })?;
    Ok(server.limits.counters.report())
}

/// What a handler is told of the server.
#[derive(Debug)]
pub struct Session {
    /// The server's token.
    stop: CancelToken,
    /// A token of its own, if the handler has asked for one.
    stopping: OnceLock<CancelToken>,
}

impl Session {
    /// Whether the server is to end, so that the handler should come to an end, too.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// The token that is cancelled when the server is to end. A handler that waits for the next
    /// request of its peer waits for this, too, and leaves: nothing is lost then.
    ///
    /// ```text
    /// select! {
    ///     ready = readable(stream) => ready?,
    ///     wait(session.stopping()) => return Ok(()),
    /// }
    /// ```
    pub fn stopping(&self) -> &CancelToken {
        // One for each connection: ten thousand that wait for one token would all need its lock
        // each time.
        self.stopping.get_or_init(|| self.stop.child())
    }
}

/// What all coroutines of a server share.
struct Server<H> {
    limits: Limits,
    handler: H,
    /// One permit for each connection that there may be.
    admissions: Semaphore,
    /// How many connections are open from where, if that is limited. std's lock: it is held for a
    /// moment.
    origins: Mutex<HashMap<IpAddr, usize>>,
}

/// Cancels the children of a scope when it is dropped: when their parent unwinds, for whatever
/// reason.
struct CancelOnUnwind<'scope, 'env>(&'scope Scope<'scope, 'env>);

impl Drop for CancelOnUnwind<'_, '_> {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl<H> Server<H> {
    /// Accepts connections and spawns their coroutines, until the token is cancelled or the
    /// listener fails.
    fn accept<'scope, L>(
        &'scope self,
        listener: &L,
        scope: &'scope Scope<'scope, '_>,
    ) -> io::Result<()>
    where
        L: AcceptFrom<Connection: Send + 'scope>,
        H: Fn(L::Connection, &Session) + Sync,
    {
        let mut pause = Pause::new(PAUSES);
        while let Some(permit) = self.unless_stopped(select::acquire(&self.admissions)) {
            let connection = match self.unless_stopped(select::accept(listener)) {
                None => return Ok(()),
                Some(Ok(connection)) => connection,
                Some(Err(error)) if socket::is_shortage(&error) => {
                    self.limits.counters.shortage();
                    self.limits.until.wait_timeout(pause.next());
                    continue;
                }
                Some(Err(error)) => return Err(error),
            };
            pause = Pause::new(PAUSES);
            let Some(admission) = self.admission(permit, L::origin(&connection)) else {
                continue;
            };
            let session = Session {
                stop: self.limits.until.clone(),
                stopping: OnceLock::new(),
            };
            let builder = self.limits.builder.clone();
            builder.spawn_scoped(scope, move || self.attend(&admission, connection, &session))?;
        }
        Ok(())
    }

    /// Waits for an arm; `None` if the server is to end, which comes first.
    fn unless_stopped<A: Arm<()> + Finish>(&self, arm: A) -> Option<A::Output> {
        let (stop, mut arm) = (pin!(select::wait(&self.limits.until)), pin!(arm));
        match select::select(&mut [stop, arm.as_mut()], Mode::Biased) {
            Some(1) => Some(arm.finish()),
            _ => None,
        }
    }

    /// Gives a connection from `origin` its admission, unless there are too many from there.
    fn admission<'a>(
        &'a self,
        permit: SemaphorePermit<'a>,
        origin: Option<IpAddr>,
    ) -> Option<Admission<'a, H>> {
        let origin = self.limits.per_origin.and(origin);
        if let (Some(limit), Some(origin)) = (self.limits.per_origin, origin) {
            let mut origins = self.origins();
            let open = origins.entry(origin).or_default();
            if *open >= limit {
                drop(origins);
                self.limits.counters.refused();
                return None;
            }
            *open += 1;
        }
        self.limits.counters.opened();
        Some(Admission {
            server: self,
            origin,
            ending: Cell::new(ConnectionEnd::NotBegun),
            _permit: permit,
        })
    }

    fn origins(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.origins.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls the handler, and notes how that ends. The payload of a panic goes where coroutines
    /// leave their results, which bears that its destructor panics.
    fn attend<C>(
        &self,
        admission: &Admission<'_, H>,
        connection: C,
        session: &Session,
    ) -> std::thread::Result<()>
    where
        H: Fn(C, &Session),
    {
        admission.ending.set(ConnectionEnd::Cancelled);
        let before = unwinding::mark_of_caller();
        let handle = || (self.handler)(connection, session);
        // What the handlers share is seen by the others after a panic of one, as between threads.
        let handled = catch_unwind(AssertUnwindSafe(|| match self.limits.lifetime {
            Some(lifetime) => time::timeout(lifetime, handle),
            None => {
                handle();
                Ok(())
            }
        }));
        let ending = match &handled {
            Ok(Ok(())) => ConnectionEnd::Completed,
            Ok(Err(time::Elapsed { .. })) => ConnectionEnd::Expired,
            Err(payload) if payload.is::<Cancelled>() => ConnectionEnd::Cancelled,
            Err(_) => ConnectionEnd::Panicked,
        };
        admission.ending.set(ending);
        unwinding::set_mark(before);
        handled.map(drop)
    }
}

/// The right of a connection to be there. What becomes of it is counted when the admission is left.
struct Admission<'a, H> {
    server: &'a Server<H>,
    /// Whom it counts for.
    origin: Option<IpAddr>,
    ending: Cell<ConnectionEnd>,
    /// Given back last.
    _permit: SemaphorePermit<'a>,
}

impl<H> Drop for Admission<'_, H> {
    fn drop(&mut self) {
        if let Some(origin) = self.origin {
            let mut origins = self.server.origins();
            if let Some(open) = origins.get_mut(&origin) {
                *open -= 1;
                if *open == 0 {
                    origins.remove(&origin);
                }
            }
        }
        self.server.limits.counters.ended(self.ending.get());
    }
}
