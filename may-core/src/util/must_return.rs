//! The end of the process in place of an unwinding.

/// Runs `f`, which does not unwind: others hold pointers into the caller's frame meanwhile (I2,
/// I3). If it does, the process ends.
#[inline]
pub(crate) fn must_return<R>(f: impl FnOnce() -> R) -> R {
    /// Ends the process if it is dropped.
    struct Abort;
    impl Drop for Abort {
        fn drop(&mut self) {
            std::process::abort();
        }
    }
    let abort = Abort;
    let result = f();
    std::mem::forget(abort);
    result
}
