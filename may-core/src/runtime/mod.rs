//! Runtimes as values, and the settings of the default one.
//!
//! * [`config`](mod@config): settings of the default runtime
//! * [`entry`]: what `#[may::main]` and `#[may::test]` expand to
//! * [`value`]: [`Runtime`] and its builder

mod config;
mod entry;
mod value;

pub use config::{AlreadyStarted, Config, config};
pub use entry::{EntryConfig, enter};
pub use value::{Runtime, RuntimeBuilder, ShutdownError};
