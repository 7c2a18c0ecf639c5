//! What a runtime is started with.

use crate::stack::StackSize;

/// The settings of one runtime.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// How many workers there are.
    pub(crate) workers: usize,
    /// Stack of coroutines whose builder names none.
    pub(crate) stack_size: StackSize,
    /// What the workers' threads are called; a dash and a number follow.
    pub(crate) thread_name: String,
    /// Whether worker n is bound to the nth processor.
    pub(crate) pin_workers: bool,
    /// Whether a stack's memory is given back each time a coroutine ends, so that no secret stays in it.
    pub(crate) scrub_stacks: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            stack_size: StackSize::DEFAULT,
            thread_name: "may-worker".to_owned(),
            pin_workers: false,
            scrub_stacks: false,
        }
    }
}
