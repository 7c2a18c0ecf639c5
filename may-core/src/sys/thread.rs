//! What a worker asks of the operating system for its own thread.

/// Asks for timers of this thread that are not delayed to save power (Linux delays them by 50 µs otherwise).
pub(crate) fn request_precise_timers() {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    // SAFETY: (docs/safety.md, system calls) the call takes a number; a failure leaves the default, which is no harm.
    unsafe {
        libc::prctl(libc::PR_SET_TIMERSLACK, 1000_u64);
    }
}

/// Whether threads can be bound to processors here. (Apple's systems take hints only; Windows is not done.)
pub(crate) const CAN_PIN: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// Binds this thread to one processor of those that the process may use. Does nothing where the platform cannot.
pub(crate) fn pin_to_processor(index: usize) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    // SAFETY: (docs/safety.md, system calls) the set is plain data and large enough for every processor number that
    // `sched_getaffinity` reports through it.
    unsafe {
        let mut allowed: libc::cpu_set_t = std::mem::zeroed();
        if libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut allowed) != 0 {
            return;
        }
        let processors: Vec<usize> = (0..libc::CPU_SETSIZE as usize)
            .filter(|&processor| libc::CPU_ISSET(processor, &allowed))
            .collect();
        let Some(&processor) = processors.get(index % processors.len().max(1)) else {
            return;
        };
        let mut chosen: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(processor, &mut chosen);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &chosen);
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = index;
}
