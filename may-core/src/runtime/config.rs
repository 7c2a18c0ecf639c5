//! Settings of the default runtime, the one that the free functions use.

use crate::worker::{ConfigError, RuntimeBuilder, default};

/// What [`config`] returns: each method changes one setting, at once.
#[derive(Clone, Copy, Debug)]
pub struct Config(());

/// Changes the settings with which the default runtime will start.
///
/// It starts when it is first needed. If it cannot start then, the settings stay for the next
/// attempt. See [`RuntimeBuilder`] for what counts without this function.
///
/// # Examples
///
/// ```
/// may::runtime::config().workers(2)?.stack_size(128 * 1024)?;
/// # Ok::<(), may::runtime::ConfigError>(())
/// ```
#[must_use]
pub fn config() -> Config {
    Config(())
}

/// Gives [`Config`] the setters of [`RuntimeBuilder`].
macro_rules! setters {
    ($($name:ident($value:ty),)*) => {
        impl Config {
            $(
                #[doc = concat!(
                    "Does for the default runtime what [`RuntimeBuilder::", stringify!($name), "`] does for one of your own."
                )]
                ///
                /// # Errors
                ///
                /// If the runtime has started, or the setting cannot be made.
                pub fn $name(self, value: $value) -> Result<Config, ConfigError> {
                    self.change(|settings| settings.$name(value))
                }
            )*
        }
    };
}

setters! {
    workers(usize),
    stack_size(usize),
    thread_name(impl Into<String>),
    pin_workers(bool),
    blocking_threads(usize),
    scrub_stacks(bool),
}

impl Config {
    fn change(
        self,
        change: impl FnOnce(RuntimeBuilder) -> RuntimeBuilder,
    ) -> Result<Config, ConfigError> {
        default::configure(change).map(|()| self)
    }
}
