//! Every call to the operating system that is not mio's, one file per subject, each with the same interface everywhere.
//!
//! `cfg(target_os)` stands in these files only.

pub(crate) mod chunk;
pub(crate) mod errno;
#[cfg(unix)]
pub(crate) mod interrupt;
pub(crate) mod memory;
pub(crate) mod poll;
#[cfg(unix)]
pub(crate) mod signals;
pub(crate) mod thread;
