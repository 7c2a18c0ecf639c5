//! An axum router to serve: what people do in handlers, and what only coroutines can do there.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    fmt::Write,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Path, Request, State},
    http::{StatusCode, Version},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use hyper::body::Frame;
use may::{
    coroutine,
    future::{self, Sleep},
    sync::Mutex,
};
use serde_json::{Value, json};

/// How long an answer may take to begin.
const ANSWER: Duration = Duration::from_secs(30);

/// How long a note may be, in bytes, and how many there may be.
const NOTES: (usize, usize) = (64 * 1024, 1000);

/// The pause between two ticks.
const TICK: Duration = Duration::from_millis(10);

/// What people have written down.
#[derive(Clone, Debug, Default)]
struct Notes(Arc<Mutex<BTreeMap<String, String>>>);

/// Makes the router.
pub fn app() -> Router {
    Router::new()
        .route("/", get(index))
        .route("/plaintext", get(async || "Hello, World!"))
        .route(
            "/json",
            get(async || Json(json!({"message": "Hello, World!"}))),
        )
        .route("/version", get(version))
        .route("/echo", post(echo))
        .route("/notes", get(list))
        .route("/notes/{name}", get(read).put(write).delete(remove))
        .route("/sleep/{millis}", get(sleep))
        .route("/block/{millis}", get(block))
        .route("/ticks/{count}", get(ticks))
        .with_state(Notes::default())
        .layer(DefaultBodyLimit::max(NOTES.0))
        .layer(middleware::from_fn(in_time))
}

/// Says what there is.
async fn index() -> &'static str {
    "GET /plaintext, /json, /version, /notes, /notes/NAME, /sleep/MILLIS, /block/MILLIS, /ticks/COUNT; \
     PUT and DELETE /notes/NAME; POST /echo\n"
}

/// Answers for handlers that take too long.
async fn in_time(request: Request, next: Next) -> Response {
    match future::timeout(ANSWER, next.run(request)).await {
        Ok(response) => response,
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "it takes too long\n").into_response(),
    }
}

/// Says what the client speaks.
async fn version(request: Request) -> &'static str {
    match request.version() {
        Version::HTTP_2 => "HTTP/2\n",
        _ => "HTTP/1\n",
    }
}

/// Sends the body back while it comes.
async fn echo(request: Request) -> Body {
    request.into_body()
}

/// Lists the notes.
async fn list(State(notes): State<Notes>) -> Json<Value> {
    let notes = notes.0.lock().unwrap();
    Json(json!(notes.keys().collect::<Vec<_>>()))
}

/// Reads a note.
async fn read(State(notes): State<Notes>, Path(name): Path<String>) -> Result<String, StatusCode> {
    // May's lock, which blocks the coroutine that polls this.
    let notes = notes.0.lock().unwrap();
    notes.get(&name).cloned().ok_or(StatusCode::NOT_FOUND)
}

/// Writes a note.
async fn write(
    State(notes): State<Notes>,
    Path(name): Path<String>,
    text: String,
) -> Result<StatusCode, StatusCode> {
    let mut notes = notes.0.lock().unwrap();
    if notes.len() >= NOTES.1 && !notes.contains_key(&name) {
        return Err(StatusCode::INSUFFICIENT_STORAGE);
    }
    Ok(match notes.insert(name, text) {
        None => StatusCode::CREATED,
        Some(_) => StatusCode::NO_CONTENT,
    })
}

/// Throws a note away.
async fn remove(State(notes): State<Notes>, Path(name): Path<String>) -> StatusCode {
    match notes.0.lock().unwrap().remove(&name) {
        Some(_) => StatusCode::NO_CONTENT,
        None => StatusCode::NOT_FOUND,
    }
}

/// Waits as futures do.
async fn sleep(Path(millis): Path<u64>) -> &'static str {
    future::sleep(Duration::from_millis(millis)).await;
    "awake\n"
}

/// Waits as threads do, which holds up nobody but this coroutine.
async fn block(Path(millis): Path<u64>) -> &'static str {
    coroutine::sleep(Duration::from_millis(millis));
    "awake\n"
}

/// Sends lines, one after the other.
async fn ticks(Path(count): Path<u64>) -> Body {
    Body::new(Ticks {
        sent: 0,
        count,
        next: Box::pin(future::sleep(Duration::ZERO)),
    })
}

/// A body that comes by and by.
struct Ticks {
    sent: u64,
    count: u64,
    next: Pin<Box<Sleep>>,
}

impl hyper::body::Body for Ticks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.sent == self.count {
            return Poll::Ready(None);
        }
        ready!(self.next.as_mut().poll(context));
        self.next.set(future::sleep(TICK));
        self.sent += 1;
        let mut line = String::new();
        let _ = writeln!(line, "tick {}", self.sent);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(line)))))
    }
}
