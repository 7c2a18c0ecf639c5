//! Which protocol a client speaks, and serving it.

use std::{
    convert::Infallible,
    error::Error,
    future::poll_fn,
    io::{self, Read},
    pin::{Pin, pin},
    time::Duration,
};

use axum::{Router, body::Body, extract::Request, response::Response};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use may::{block_on, net::TcpStream, select, sync::CancelToken, time};
use tokio::io::{AsyncRead, AsyncWrite};
use tower_service::Service;

use super::{
    io::HyperIo,
    runtime::{Streams, Timer},
    upload::Upload,
};
use crate::tls::TlsStream;

/// What a client of HTTP/2 says first.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// For how long, and for how many bytes, what a client still sends is thrown away.
pub(super) const LINGER: (Duration, u64) = (Duration::from_secs(1), 64 << 20);

/// What a connection may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a client may take for a head, and how long it may have no request.
    pub head: Duration,
    /// How long it may take nothing of an answer, and in HTTP/2 leave a ping without one.
    pub patience: Duration,
    /// How many requests there may be at once in HTTP/2.
    pub streams: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            head: Duration::from_secs(10),
            patience: Duration::from_secs(30),
            streams: 100,
        }
    }
}

/// Serves a client that does not use TLS. If it begins with HTTP/2 that is what it gets; nobody
/// asks before.
///
/// # Errors
///
/// If the client does not keep to the protocol or the limits, or the connection breaks.
///
/// # Cancellation
///
/// A cancelled coroutine unwinds while it waits, and with it those of its streams.
pub fn serve(
    stream: TcpStream,
    app: &Router,
    limits: &Limits,
    stopping: &CancelToken,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    // Plain blocking code, before hyper's future begins.
    let Some(begun) = time::timeout(limits.head, || greeting(&stream, stopping))?? else {
        return Ok(());
    };
    let socket = stream.try_clone()?;
    let served = match begun == PREFACE {
        true => http_2(stream, begun, app, limits, stopping),
        false => http_1(stream, begun, app, limits, stopping),
    };
    linger(&socket);
    served
}

/// Serves a client that uses TLS, whose handshake has settled the protocol.
///
/// # Errors
///
/// As [`serve`].
///
/// # Cancellation
///
/// As [`serve`].
pub fn serve_tls(
    stream: TlsStream,
    app: &Router,
    limits: &Limits,
    stopping: &CancelToken,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let socket = stream.socket().try_clone()?;
    let served = match stream.protocol() == Some(b"h2") {
        true => http_2(stream, Vec::new(), app, limits, stopping),
        false => http_1(stream, Vec::new(), app, limits, stopping),
    };
    linger(&socket);
    served
}

/// Throws away for a while what a client still sends, after hyper has shut the socket down for
/// writing: if it were closed with unread bytes in it, the client would not get to read why its
/// request was refused.
fn linger(mut socket: &TcpStream) {
    let _ = time::timeout(LINGER.0, || {
        io::copy(&mut (&mut socket).take(LINGER.1), &mut io::sink())
    });
}

/// Reads until it is clear whether a client begins with HTTP/2; returns what has been read. None if
/// the server is to stop before the client has said anything that matters.
fn greeting(stream: &TcpStream, stopping: &CancelToken) -> io::Result<Option<Vec<u8>>> {
    let mut begun = Vec::new();
    while begun.len() < PREFACE.len() && PREFACE.starts_with(&begun) {
        let mut part = [0; PREFACE.len()];
        let room = PREFACE.len() - begun.len();
        let count = select! {
            count = read(stream, &mut part[..room]) => count?,
            wait(stopping) => return Ok(None),
        };
        if count == 0 {
            break;
        }
        begun.extend_from_slice(&part[..count]);
    }
    Ok(Some(begun))
}

/// Serves HTTP/1.1.
fn http_1(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    begun: Vec<u8>,
    app: &Router,
    limits: &Limits,
    stopping: &CancelToken,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let io = HyperIo::new(stream, begun, limits.patience);
    let service = service_fn(|request: Request<Incoming>| answer(app, request.map(Body::new)));
    let connection = http1::Builder::new()
        .timer(Timer)
        .header_read_timeout(limits.head)
        .max_headers(64)
        .max_buf_size(64 * 1024)
        .serve_connection(io, service);
    let shut_down = http1::Connection::graceful_shutdown;
    block_on(until_stopped(pin!(connection), stopping, shut_down))?;
    Ok(())
}

/// Serves HTTP/2.
fn http_2(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    begun: Vec<u8>,
    app: &Router,
    limits: &Limits,
    stopping: &CancelToken,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let io = HyperIo::new(stream, begun, limits.patience);
    let app = app.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let request = request.map(|body| Body::new(Upload::new(body)));
        answer(&app, request)
    });
    let streams = Streams::default();
    let _end = streams.end_with();
    let connection = http2::Builder::new(streams)
        .timer(Timer)
        .keep_alive_interval(limits.patience)
        .keep_alive_timeout(limits.patience)
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(16 * 1024)
        .serve_connection(io, service);
    let shut_down = http2::Connection::graceful_shutdown;
    block_on(until_stopped(pin!(connection), stopping, shut_down))?;
    Ok(())
}

/// Has axum answer a request.
fn answer(
    app: &Router,
    request: Request,
) -> impl Future<Output = Result<Response, Infallible>> + Send + use<> {
    // A router is always ready.
    app.clone().call(request)
}

/// Polls a connection to its end, and tells it when the server is to stop: then it ends what it has
/// begun, and no more.
async fn until_stopped<C: Future>(
    mut connection: Pin<&mut C>,
    stopping: &CancelToken,
    shut_down: impl Fn(Pin<&mut C>),
) -> C::Output {
    let mut stopped = pin!(stopping.wait_async());
    let mut told = false;
    poll_fn(|context| {
        if !told && stopped.as_mut().poll(context).is_ready() {
            told = true;
            shut_down(connection.as_mut());
        }
        connection.as_mut().poll(context)
    })
    .await
}
