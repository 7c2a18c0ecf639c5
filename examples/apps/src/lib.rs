//! Applications written with May and the libraries that people use, over May's sockets.
//!
//! Each program in `src/bin` reads its command line and leaves the work to a module here, so that
//! tests reach it, too. Run one with `cargo run --release --bin NAME`, and add `-- --help` for its
//! options.

pub mod chat;
pub mod http_client;
pub mod hyper_axum;
pub mod postgres;
pub mod queue;
pub mod redis;
pub mod server;
pub mod tls;
