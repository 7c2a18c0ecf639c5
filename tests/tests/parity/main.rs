//! Tables of what std and crossbeam-channel have: each row holds for the original and for May, or
//! this does not compile. `ci/parity.sh` holds the tables against the documentation of the
//! originals.

mod channel;
mod coroutine;
mod fs;
mod net;
mod net_unix;
mod process;
mod stdio;
mod sync;
