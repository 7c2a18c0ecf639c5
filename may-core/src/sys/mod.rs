//! Every call to the operating system that is not mio's, one file per subject, each with the same
//! interface everywhere.
//!
//! What differs between operating systems stands in these files only: `tests/tests/architecture.rs`
//! finds a `cfg(target_os)` elsewhere. Files behind `cfg(unix)` have no counterpart for Windows
//! yet.

#[cfg(unix)]
pub(crate) mod buffer;
pub(crate) mod chunk;
#[cfg(unix)]
pub(crate) mod descriptor;
pub(crate) mod memory;
pub(crate) mod poll;
#[cfg(unix)]
pub(crate) mod process;
#[cfg(unix)]
pub(crate) mod signal_counter;
#[cfg(unix)]
pub(crate) mod signals;
#[cfg(unix)]
pub(crate) mod socket;
#[cfg(unix)]
pub(crate) mod standard;
pub(crate) mod thread;
#[cfg(unix)]
pub(crate) mod unix_address;
