//! An HTTP/1.1 server in plain blocking code.
//!
//! It is written to be read. Where a request comes from the network to its answer:
//!
//! | module | what happens there |
//! |---|---|
//! | [`server`] | the loop of a connection: wait, read a head, answer, and again |
//! | [`wire`] | bytes in and out of the connection, each with a deadline |
//! | [`transport`] | what they go over: a socket, or TLS |
//! | [`head`] | where a head ends, and what is wrong with its lines |
//! | [`request`] | what a head asks for, and how long its body is |
//! | [`chunked`] | bodies in chunks |
//! | [`exchange`] | one request with its answer: reading the body, writing the response |
//! | [`date`] | the `Date` header |
//! | [`routes`] | what there is at which path |
//! | [`files`] | files from a directory |
//! | [`limits`] | how much of everything, and for how long |
//! | [`refusal`] | status codes, and requests that are turned down |
//! | [`interrupt`] | the end at ctrl-c |
//!
//! Two ideas are worth looking for. *Pipelining is free*: responses gather in a buffer, and are
//! written when there is nothing more to read, so a batch of requests costs one read and one write.
//! *Doubt is refused*: where two readers of the same bytes could disagree about where a request
//! ends, such as with two lengths, a request is answered with an error and the connection closed.
//! Otherwise bytes of a body could be read as the next request (request smuggling).

pub mod chunked;
pub mod date;
pub mod exchange;
pub mod files;
pub mod head;
pub mod interrupt;
pub mod limits;
pub mod refusal;
pub mod request;
pub mod routes;
pub mod server;
pub mod transport;
pub mod wire;

pub use exchange::Exchange;
pub use interrupt::stop_at_interrupt;
pub use limits::Limits;
pub use routes::{Service, Site};
pub use server::Server;
pub use transport::Transport;
