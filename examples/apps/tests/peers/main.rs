//! The applications, driven by programs that others wrote: `ci/apps.sh` installs them and runs
//! this.
//!
//! Every test starts what it needs itself, on ports that the system chooses, and ends it.

#[path = "../support/mod.rs"]
mod support;

mod browser;
mod redis_server;

mod https;
mod hyper_axum;
mod postgres;
mod redis;
mod websocket;
mod work_queue;
