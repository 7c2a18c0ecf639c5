//! Runtimes as values, and the settings of the default one.
//!
//! * [`config`](mod@config): settings of the default runtime
//! * [`entry`]: what `#[may::main]` and `#[may::test]` expand to
//! * [`shutdown`]: waiting for a runtime's end
//! * [`value`]: [`Runtime`]; the settings of its builder are in `worker/settings.rs`

mod config;
mod entry;
mod shutdown;
mod value;

pub use config::{Config, config};
pub use entry::{EntryConfig, enter};
pub use shutdown::ShutdownError;
pub use value::Runtime;

pub use crate::worker::{ConfigError, RuntimeBuilder};
