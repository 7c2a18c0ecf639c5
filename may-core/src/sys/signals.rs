//! Faults: signals for accesses to memory that may not be accessed, and the stack on which they are
//! handled.
//!
//! A thread that runs out of stack cannot run a signal handler on it, so each thread that runs
//! coroutines needs an *alternate stack*, and a handler that asks for it.
//!
//! A handler may interrupt anything, so nothing here that runs in one takes a lock, allocates, or
//! calls what is not async-signal-safe (R10). Faults that are not ours go to the handler that was
//! there before, which in a Rust program is std's.

use std::marker::PhantomData;
use std::sync::{Once, OnceLock};
use std::{mem, ptr};

use super::memory;

/// The signals by which systems report a fault; guards raise the first on Linux and the second on
/// macOS.
const FAULT_SIGNALS: [libc::c_int; 2] = [libc::SIGSEGV, libc::SIGBUS];

/// An access that faulted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    /// The address that was accessed.
    pub(crate) address: usize,
    /// The stack pointer of the code that accessed it.
    pub(crate) stack_pointer: usize,
}

/// What is called for a fault, in a signal handler. Returns if the fault is not its own.
pub(crate) type Examine = fn(Fault);

/// Who examines faults.
static EXAMINE: OnceLock<Examine> = OnceLock::new();

/// What was to be done about each of the signals before.
static PREVIOUS: [OnceLock<libc::sigaction>; 2] = [const { OnceLock::new() }; 2];

/// Calls `examine` for every fault in the process, from now on. Only the first call has an effect.
pub(crate) fn on_fault(examine: Examine) {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let _ = EXAMINE.set(examine);
        for (signal, previous) in FAULT_SIGNALS.into_iter().zip(&PREVIOUS) {
            // What was there before is known before anything can be forwarded to it.
            // SAFETY: (R10) the structures live across the calls; zeros are an empty mask and no
            // flags; and the handler does only what a handler may.
            unsafe {
                let mut action: libc::sigaction = mem::zeroed();
                libc::sigaction(signal, ptr::null(), &mut action);
                let _ = previous.set(action);
                let mut action: libc::sigaction = mem::zeroed();
                action.sa_sigaction = handle as *const () as usize;
                action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
                libc::sigemptyset(&mut action.sa_mask);
                libc::sigaction(signal, &action, ptr::null_mut());
            }
        }
    });
}

extern "C" fn handle(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: (R10) the kernel passes both structures to a handler with `SA_SIGINFO`. A code that
    // is not positive means that a process sent the signal, and there is no address.
    let fault = unsafe {
        if (*info).si_code > 0 {
            stack_pointer(context).map(|stack_pointer| Fault {
                address: (*info).si_addr() as usize,
                stack_pointer,
            })
        } else {
            None
        }
    };
    if let (Some(fault), Some(examine)) = (fault, EXAMINE.get()) {
        examine(fault);
    }
    // SAFETY: (R10) these are the arguments that this handler was called with.
    unsafe { forward(signal, info, context) }
}

/// Does what would have been done without our handler.
///
/// # Safety
///
/// The arguments are those of a handler of one of the fault signals.
unsafe fn forward(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let slot = FAULT_SIGNALS
        .iter()
        .position(|&candidate| candidate == signal);
    let Some(previous) = slot.and_then(|slot| PREVIOUS[slot].get()) else {
        return;
    };
    let address = previous.sa_sigaction;
    if address == libc::SIG_DFL || address == libc::SIG_IGN {
        // Returning repeats the access, and this time the process dies of it, as it would have. (A
        // fault cannot be ignored.) A signal that a process sent is lost if it was to be ignored,
        // as it should be.
        // SAFETY: (R10) `sigaction` may be called in a handler.
        unsafe {
            libc::sigaction(signal, previous, ptr::null_mut());
            if (*info).si_code <= 0 && address == libc::SIG_DFL {
                libc::raise(signal);
            }
        }
    } else if previous.sa_flags & libc::SA_SIGINFO != 0 {
        type WithInformation = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);
        // SAFETY: (R10) the flag says which kind of function was installed.
        let handler: WithInformation = unsafe { mem::transmute(address) };
        handler(signal, info, context);
    } else {
        // SAFETY: (R10) as above.
        let handler: extern "C" fn(libc::c_int) = unsafe { mem::transmute(address) };
        handler(signal);
    }
}

/// The stack pointer of the code that was interrupted; none where we do not know where it is kept.
///
/// # Safety
///
/// The context is the third argument of a signal handler.
#[allow(
    unused_variables,
    unreachable_code,
    unused_unsafe,
    reason = "not known everywhere"
)]
#[allow(
    clippy::unnecessary_cast,
    reason = "the types differ between platforms"
)]
unsafe fn stack_pointer(context: *const libc::c_void) -> Option<usize> {
    let context = context.cast::<libc::ucontext_t>();
    // SAFETY: (R10) the kernel passes a `ucontext_t`, laid out for the platform.
    unsafe {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        {
            let machine = &(*context).uc_mcontext;
            #[cfg(target_arch = "x86_64")]
            return Some(machine.gregs[libc::REG_RSP as usize] as usize);
            #[cfg(target_arch = "x86")]
            return Some(machine.gregs[libc::REG_ESP as usize] as usize);
            #[cfg(target_arch = "aarch64")]
            return Some(machine.sp as usize);
            #[cfg(target_arch = "arm")]
            return Some(machine.arm_sp as usize);
            #[cfg(any(target_arch = "riscv64", target_arch = "riscv32"))]
            return Some(machine.__gregs[libc::REG_SP as usize] as usize);
            #[cfg(target_arch = "loongarch64")]
            return Some(machine.__gregs[3] as usize);
            #[cfg(target_arch = "powerpc64")]
            return Some(machine.gp_regs[1] as usize);
        }
        #[cfg(target_vendor = "apple")]
        {
            let machine = &*(*context).uc_mcontext;
            #[cfg(target_arch = "x86_64")]
            return Some(machine.__ss.__rsp as usize);
            #[cfg(target_arch = "aarch64")]
            return Some(machine.__ss.__sp as usize);
        }
        #[cfg(target_os = "freebsd")]
        {
            let machine = &(*context).uc_mcontext;
            #[cfg(target_arch = "x86_64")]
            return Some(machine.mc_rsp as usize);
            #[cfg(target_arch = "aarch64")]
            return Some(machine.mc_gpregs.gp_sp as usize);
        }
        None
    }
}

/// Writes `text` to standard error, as far as that takes it. May be called in a signal handler.
pub(crate) fn write_error(mut text: &[u8]) {
    while !text.is_empty() {
        // SAFETY: (R10) `write` may be called in a handler, and the bytes are readable.
        let written = unsafe { libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len()) };
        match usize::try_from(written) {
            Ok(written @ 1..) => text = &text[written.min(text.len())..],
            _ => return,
        }
    }
}

/// Ends the process with `SIGABRT`, as std does for a thread's overflow. May be called in a signal
/// handler.
pub(crate) fn abort() -> ! {
    // SAFETY: (R10) `abort` may be called in a handler.
    unsafe { libc::abort() }
}

/// What a handler needs beyond what the kernel stores for it.
const HANDLER_BYTES: usize = 16 << 10;

/// What is enough for our handler, in a stack that was made elsewhere. It and std's take some
/// hundred bytes; builds without optimisation take more.
const ENOUGH_BYTES: usize = 4 << 10;

/// The alternate stack of a thread, for as long as this lives.
#[derive(Debug)]
pub(crate) struct AlternateStack {
    /// The mapping, if the thread needed one: start and length, with a guard at the start.
    mapping: Option<(usize, usize)>,
    /// What the thread had before: address, flags and size.
    previous: (usize, libc::c_int, usize),
    /// It is the thread's own.
    not_send: PhantomData<*mut ()>,
}

impl AlternateStack {
    /// Gives this thread an alternate stack, unless it has one that is large enough. If there is no
    /// memory for one, an overflow of a coroutine ends the process without a report.
    pub(crate) fn provide() -> AlternateStack {
        // SAFETY: (R10) zeros are a valid structure, which the call fills.
        let current = unsafe {
            let mut current: libc::stack_t = mem::zeroed();
            libc::sigaltstack(ptr::null(), &mut current);
            current
        };
        let mut provided = AlternateStack {
            mapping: None,
            previous: (current.ss_sp as usize, current.ss_flags, current.ss_size),
            not_send: PhantomData,
        };
        let none = current.ss_flags & libc::SS_DISABLE != 0;
        if none || current.ss_size < smallest_bytes() + ENOUGH_BYTES {
            provided.mapping = install_alternate_stack();
        }
        provided
    }
}

/// Maps a stack with a guard and makes it the alternate stack of this thread.
fn install_alternate_stack() -> Option<(usize, usize)> {
    let page = memory::page_bytes();
    let usable = (smallest_bytes() + HANDLER_BYTES).next_multiple_of(page);
    let length = usable + page;
    let start = memory::map(length).ok()?;
    let guard = memory::Ranges {
        start,
        length: page,
        stride: page,
        count: 1,
    };
    // SAFETY: (R10) the mapping is new; as long as it is this thread's alternate stack it stays
    // mapped.
    unsafe {
        let mut stack: libc::stack_t = mem::zeroed();
        stack.ss_sp = (start + page) as *mut _;
        stack.ss_size = usable;
        if memory::guard(guard).is_ok() && libc::sigaltstack(&stack, ptr::null_mut()) == 0 {
            return Some((start, length));
        }
        memory::unmap(start, length);
    }
    None
}

impl Drop for AlternateStack {
    fn drop(&mut self) {
        let Some((start, length)) = self.mapping else {
            return;
        };
        let (address, flags, size) = self.previous;
        // SAFETY: (R10) this is the thread that the stack was made for, and after the call it no
        // longer uses it. A call that fails leaves the stack in use, so it stays mapped.
        unsafe {
            let mut previous: libc::stack_t = mem::zeroed();
            previous.ss_sp = address as *mut _;
            previous.ss_flags = flags;
            previous.ss_size = size.max(libc::MINSIGSTKSZ);
            if libc::sigaltstack(&previous, ptr::null_mut()) == 0 {
                memory::unmap(start, length);
            }
        }
    }
}

/// What the kernel stores when it calls a handler, with all the registers that this machine has.
fn smallest_bytes() -> usize {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    // SAFETY: (system calls) the call takes a number and returns one, 0 if there is no such entry.
    let told = unsafe { libc::getauxval(libc::AT_MINSIGSTKSZ) } as usize;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let told = 0;
    told.max(libc::MINSIGSTKSZ)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The alternate stack of this thread: address and size, or none.
    fn current() -> Option<(usize, usize)> {
        // SAFETY: (R10) zeros are a valid structure, which the call fills.
        unsafe {
            let mut stack: libc::stack_t = mem::zeroed();
            assert_eq!(libc::sigaltstack(ptr::null(), &mut stack), 0);
            (stack.ss_flags & libc::SS_DISABLE == 0)
                .then_some((stack.ss_sp as usize, stack.ss_size))
        }
    }

    /// Replaces the alternate stack of this thread.
    fn set(address: usize, size: usize, flags: libc::c_int) {
        // SAFETY: (R10) the tests that call this keep the memory, or pass `SS_DISABLE`.
        unsafe {
            let mut stack: libc::stack_t = mem::zeroed();
            stack.ss_sp = address as *mut _;
            stack.ss_size = size;
            stack.ss_flags = flags;
            assert_eq!(libc::sigaltstack(&stack, ptr::null_mut()), 0);
        }
    }

    #[test]
    fn a_thread_without_an_alternate_stack_gets_one_and_loses_it() {
        std::thread::spawn(|| {
            let of_std = current();
            set(0, libc::MINSIGSTKSZ, libc::SS_DISABLE);
            let provided = AlternateStack::provide();
            let (_, size) = current().expect("a stack was provided");
            assert!(size >= libc::MINSIGSTKSZ + HANDLER_BYTES);
            drop(provided);
            assert_eq!(current(), None);
            if let Some((address, size)) = of_std {
                set(address, size, 0);
            }
        })
        .join()
        .unwrap();
    }

    #[test]
    fn a_large_enough_alternate_stack_stays() {
        std::thread::spawn(|| {
            let of_std = current();
            let mut own = vec![0_u8; 64 << 10];
            set(own.as_mut_ptr() as usize, own.len(), 0);
            let before = current();
            let provided = AlternateStack::provide();
            assert_eq!(current(), before);
            drop(provided);
            assert_eq!(current(), before);
            match of_std {
                Some((address, size)) => set(address, size, 0),
                None => set(0, libc::MINSIGSTKSZ, libc::SS_DISABLE),
            }
        })
        .join()
        .unwrap();
    }

    #[test]
    fn a_small_alternate_stack_is_replaced_and_restored() {
        std::thread::spawn(|| {
            let of_std = current();
            let mut own = vec![0_u8; smallest_bytes()];
            set(own.as_mut_ptr() as usize, own.len(), 0);
            let before = current();
            let provided = AlternateStack::provide();
            assert_ne!(current(), before);
            drop(provided);
            assert_eq!(current(), before);
            match of_std {
                Some((address, size)) => set(address, size, 0),
                None => set(0, libc::MINSIGSTKSZ, libc::SS_DISABLE),
            }
        })
        .join()
        .unwrap();
    }
}
