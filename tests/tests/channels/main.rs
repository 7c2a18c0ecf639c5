//! `may::channel`, as far as it is not the shape of crossbeam-channel, which `channel_suites`
//! asserts.

mod bounded;
mod send_permit;
mod storm;
mod unbounded;
