//! `may::sync`, as far as it is not the shape of std, which `sync_suites` asserts.

mod broadcast;
mod cancel_token;
mod fairness;
mod mpsc;
mod mutex;
mod notify;
mod oneshot;
mod semaphore;
mod watch;
