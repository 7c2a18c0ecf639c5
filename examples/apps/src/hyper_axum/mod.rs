//! hyper and axum without a runtime of tokio's.
//!
//! What hyper asks of a runtime is little: streams that can be polled, times, and somebody who
//! polls further futures, which only HTTP/2 needs. Each connection is a coroutine that polls
//! hyper's future by `block_on`; each stream of HTTP/2 is one more. Inside them a handler may
//! `await`, and may as well block: that blocks its own coroutine and nothing else.
//!
//! | module | what is there |
//! |---|---|
//! | `io` | streams, as hyper wants them |
//! | `runtime` | times, and coroutines for further futures |
//! | `connection` | which protocol a client speaks, and serving it |
//! | `upload` | what a client still sends of a request that has been answered |
//! | `app` | an axum router to serve |

mod app;
mod connection;
mod io;
mod runtime;
mod upload;

pub use app::app;
pub use connection::{Limits, serve, serve_tls};
