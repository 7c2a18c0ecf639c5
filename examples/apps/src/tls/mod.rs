//! TLS for servers: rustls over May's sockets.
//!
//! rustls moves no bytes itself: it takes what has been received and gives what is to be sent, and
//! so it does not matter to it that waiting for a socket blocks a coroutine. Its cryptography comes
//! from ring.
//!
//! * `identity`: keys and certificates, made at start
//! * `stream`: a connection, and how the HTTP server of the examples uses it
//! * `polled`: the same connection, as futures poll it

mod identity;
mod polled;
mod stream;

pub use identity::Identity;
pub use stream::TlsStream;
