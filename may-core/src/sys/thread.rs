//! What a worker asks of the operating system for its own thread, and how other threads get rid of
//! it: a thread begins with the processors and the timers of the one that starts it, and so does a
//! process.

/// Asks for timers of this thread that are not delayed to save power (Linux delays them by 50 µs
/// otherwise).
pub(crate) fn request_precise_timers() {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    // SAFETY: (system calls) the call takes a number; a failure leaves the default, which is no
    // harm.
    unsafe {
        libc::prctl(libc::PR_SET_TIMERSLACK, 1000_u64);
    }
}

/// Whether threads can be bound to processors here. (Apple's systems take hints only; Windows is
/// not done.)
pub(crate) const CAN_PIN: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// Binds this thread to one processor of those that the process may use. Does nothing where the
/// platform cannot.
pub(crate) fn pin_to_processor(index: usize) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    // SAFETY: (system calls) the set is plain data and large enough for every processor number that
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

/// How a thread runs, as far as workers run differently.
#[derive(Clone, Copy)]
pub(crate) struct Conduct {
    /// The processors that it may use, if they matter and could be found out.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    processors: Option<libc::cpu_set_t>,
    /// By how many nanoseconds its timers may be late.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    timer_slack: libc::c_int,
}

impl Conduct {
    /// How the calling thread runs; on which processors only if `are_pinned` says that workers are
    /// bound to theirs. (Otherwise a tool that moves the process to others while it runs has moved
    /// the workers, too.)
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(crate) fn current(are_pinned: bool) -> Conduct {
        // SAFETY: (system calls) the set is plain data, lives across the call and is as long as is
        // said; zeros are an empty one. The other call takes a number.
        unsafe {
            let mut processors: libc::cpu_set_t = std::mem::zeroed();
            let result = libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut processors);
            Conduct {
                processors: (are_pinned && result == 0).then_some(processors),
                timer_slack: libc::prctl(libc::PR_GET_TIMERSLACK),
            }
        }
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(crate) fn current(_are_pinned: bool) -> Conduct {
        Conduct {}
    }

    /// Gives these settings to the calling thread. What the system refuses stays as it is.
    pub(crate) fn adopt(&self) {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        // SAFETY: (system calls) the set lives across the call and is as long as is said; the other
        // call takes a number.
        unsafe {
            if let Some(processors) = &self.processors {
                libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), processors);
            }
            if let Ok(slack) = libc::c_ulong::try_from(self.timer_slack) {
                libc::prctl(libc::PR_SET_TIMERSLACK, slack);
            }
        }
    }
}
