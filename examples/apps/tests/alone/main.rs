//! The applications, driven by clients that need nothing installed.

#[path = "../support/mod.rs"]
mod support;

mod command_line;
mod http_client;
mod https;
mod hyper_axum;
mod websocket;
