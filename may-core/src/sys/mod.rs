//! Every call to the operating system that is not mio's, one file per subject, each with the same interface everywhere.
//!
//! `cfg(target_os)` stands in these files only.

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
