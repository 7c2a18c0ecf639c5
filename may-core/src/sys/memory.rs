//! Memory for stacks: mapping it, guarding it, giving it back, and asking what is resident.
//!
//! # Guards
//!
//! A guard is a range of addresses on which every access faults. There are two ways to make one:
//!
//! * `madvise(MADV_GUARD_INSTALL)`, in Linux 6.13 and later, marks the page table entries. The
//!   mapping stays whole, so a million guarded stacks are a few entries in the kernel's list of
//!   mappings, and giving back the pages of a range with `MADV_DONTNEED` leaves the guards in it.
//!   `process_madvise` takes many ranges in one call.
//! * `mprotect(PROT_NONE)`, everywhere, splits the mapping in two at each guard. Linux allows a
//!   process 65,530 mappings by default (`vm.max_map_count`), which is 32,000 stacks.
//!
//! Which of the two works is found out by trying on a page of its own, not by the version of the
//! kernel: there are emulators that accept the advice and ignore it, and filters that refuse it.
//! Where it works, a single mapping may still refuse it (memory that is locked does), so the choice
//! is made anew for each.
#![cfg(unix)]

use std::io;
use std::ops::Range;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The number of an error of the operating system.
pub(crate) type Errno = i32;

/// What the system says when no memory is as large as what was asked for.
pub(crate) const TOO_LARGE: Errno = libc::ENOMEM;

/// How the guards of a mapping were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guards {
    /// As marks in the page tables, at no cost in mappings.
    Marked,
    /// As protected pages, which split the mapping.
    Protected,
}

/// Ranges of the same length at equal distances.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ranges {
    /// The address of the first.
    pub(crate) start: usize,
    /// The length of each.
    pub(crate) length: usize,
    /// From the start of one to the start of the next.
    pub(crate) stride: usize,
    /// How many there are.
    pub(crate) count: usize,
}

impl Ranges {
    /// The address and the length of each.
    fn iter(self) -> impl Iterator<Item = (usize, usize)> {
        (0..self.count).map(move |index| (self.start + index * self.stride, self.length))
    }
}

/// The number of the error that the last call of this thread returned.
fn last_errno() -> Errno {
    io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

#[inline]
pub(crate) fn page_bytes() -> usize {
    static PAGE_BYTES: AtomicUsize = AtomicUsize::new(0);

    #[cold]
    fn ask() -> usize {
        // SAFETY: (system calls) the call takes a number and returns one.
        let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        let bytes = usize::try_from(bytes).expect("the system has a page size");
        assert!(bytes.is_power_of_two(), "the page size is a power of two");
        PAGE_BYTES.store(bytes, Ordering::Relaxed);
        bytes
    }

    match PAGE_BYTES.load(Ordering::Relaxed) {
        // These machines have no other size, and it is asked for whenever a stack is taken.
        _ if cfg!(any(target_arch = "x86_64", target_arch = "x86")) => 4096,
        0 => ask(),
        bytes => bytes,
    }
}

/// Asks for address space without a claim to memory.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
const NO_RESERVE: libc::c_int = libc::MAP_NORESERVE;

/// Others have no such flag, or ignore it.
#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
const NO_RESERVE: libc::c_int = 0;

/// Says what the memory is for. To newer Linux it means no huge pages, and being told so at once
/// lets a new mapping join its neighbour.
#[cfg(any(target_os = "linux", target_os = "android"))]
const STACK: libc::c_int = libc::MAP_STACK;

/// To FreeBSD the flag means a mapping that grows by itself, and others have none.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const STACK: libc::c_int = 0;

/// Maps `length` bytes of zeros that take no memory before they are touched, in pages of the
/// smallest size.
pub(crate) fn map(length: usize) -> Result<usize, Errno> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | NO_RESERVE | STACK;
    // SAFETY: (system calls) an anonymous mapping at an address that the system chooses is new
    // memory.
    let start = unsafe {
        libc::mmap(
            ptr::null_mut(),
            length,
            libc::PROT_READ | libc::PROT_WRITE,
            flags,
            -1,
            0,
        )
    };
    if start == libc::MAP_FAILED {
        return Err(last_errno());
    }
    // With huge pages, the first touch of a stack would take 2 MiB. A kernel that refuses the
    // advice has none.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    // SAFETY: (system calls) the range was mapped above, and the advice changes no contents.
    unsafe {
        libc::madvise(start, length, libc::MADV_NOHUGEPAGE);
    }
    Ok(start as usize)
}

/// Unmaps what `map` returned; false if the system refused, and then nothing has changed.
///
/// # Safety
///
/// The range is no longer in use.
pub(crate) unsafe fn unmap(start: usize, length: usize) -> bool {
    // SAFETY: (I3) the caller vouches for the range.
    unsafe { libc::munmap(start as *mut _, length) == 0 }
}

/// Whether each guard splits its mapping, whatever the mapping.
pub(crate) fn guards_cost_mappings() -> bool {
    #[cfg(test)]
    if tests::PROTECT_ONLY.load(Ordering::Relaxed) {
        return true;
    }
    !marks::work()
}

/// Whether what is at `address` may be written to. Finds out without a fault of our own, because a
/// system call that is to write a structure there reports an error.
///
/// # Safety
///
/// The contents of the 4 KiB from `address` on are not needed.
#[cfg_attr(
    not(any(test, target_os = "linux")),
    expect(dead_code, reason = "for marks only")
)]
pub(crate) unsafe fn is_writable(address: usize) -> bool {
    // SAFETY: (system calls) the structure is smaller than 4 KiB.
    unsafe { libc::uname(address as *mut _) == 0 }
}

/// Makes every access to `ranges`, which lie in one mapping of `map`, fault.
///
/// If it fails, some of the guards may be there.
///
/// # Safety
///
/// The ranges are not in use.
pub(crate) unsafe fn guard(ranges: Ranges) -> Result<Guards, Errno> {
    // SAFETY: (I3) the caller vouches for the ranges.
    if !guards_cost_mappings() && unsafe { marks::install(ranges) } {
        return Ok(Guards::Marked);
    }
    // SAFETY: (I3) as above.
    unsafe { protect(ranges) }.map(|()| Guards::Protected)
}

/// Makes every access to `ranges` fault, in the way that works everywhere.
///
/// # Safety
///
/// The ranges are not in use.
unsafe fn protect(ranges: Ranges) -> Result<(), Errno> {
    ranges.iter().try_for_each(|(start, length)| {
        // SAFETY: (I3) the caller vouches for the ranges.
        match unsafe { libc::mprotect(start as *mut _, length, libc::PROT_NONE) } {
            0 => Ok(()),
            _ => Err(last_errno()),
        }
    })
}

/// Gives the pages of a range back. On Linux they read as zeros afterwards, elsewhere as zeros or
/// as before; false if the system refused, as it does for locked memory. Guards in the range stay.
///
/// # Safety
///
/// The range lies in a mapping of `map`, and its contents are not needed.
pub(crate) unsafe fn discard(start: usize, length: usize) -> bool {
    // SAFETY: (I3) the caller vouches for the range.
    unsafe { libc::madvise(start as *mut _, length, DISCARD) == 0 }
}

/// The advice by which pages are given back. Elsewhere `MADV_DONTNEED` is about speed only.
#[cfg(any(target_os = "linux", target_os = "android"))]
const DISCARD: libc::c_int = libc::MADV_DONTNEED;

/// See above.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const DISCARD: libc::c_int = libc::MADV_FREE;

/// Makes a range read as zeros, at once and if possible without making more of it resident.
///
/// # Safety
///
/// The range consists of whole pages of a mapping of `map` without guards, and its contents are not
/// needed.
pub(crate) unsafe fn wipe(range: Range<usize>) {
    let gone = cfg!(any(target_os = "linux", target_os = "android"))
        // SAFETY: (I3) the caller vouches for the range.
        && unsafe { discard(range.start, range.len()) };
    // SAFETY: (I3) as above.
    let wipe = |start, length| unsafe { ptr::write_bytes(start as *mut u8, 0, length) };
    if !gone && !for_each_resident(range.clone(), |page| wipe(page, page_bytes())) {
        wipe(range.start, range.len());
    }
}

/// Calls `visit` with the address of each page of the range that is in memory, lowest first; false
/// if the system does not tell, as for a range that is not mapped.
pub(crate) fn for_each_resident(range: Range<usize>, mut visit: impl FnMut(usize)) -> bool {
    /// How many pages are asked for at once.
    const PAGES: usize = 256;
    let page = page_bytes();
    for start in range.clone().step_by(PAGES * page) {
        let mut residence = [0_u8; PAGES];
        let length = (range.end - start).min(PAGES * page);
        // SAFETY: (system calls) the call writes one byte for each page of the range.
        let told = unsafe { libc::mincore(start as *mut _, length, residence.as_mut_ptr().cast()) };
        if told != 0 {
            return false;
        }
        for (index, state) in residence.iter().take(length.div_ceil(page)).enumerate() {
            if state & 1 != 0 {
                visit(start + index * page);
            }
        }
    }
    true
}

/// How often an access of this thread, or of the process where threads are not told apart, brought
/// a page into memory.
pub(crate) fn thread_faults() -> usize {
    #[cfg(any(target_os = "linux", target_os = "freebsd"))]
    const WHOSE: libc::c_int = libc::RUSAGE_THREAD;
    #[cfg(not(any(target_os = "linux", target_os = "freebsd")))]
    const WHOSE: libc::c_int = libc::RUSAGE_SELF;
    // SAFETY: (system calls) zeros are a valid structure, which the call fills.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(WHOSE, &mut usage);
        usage
    };
    usage.ru_minflt as usize
}

/// Guards as marks in the page tables. (Not on Android, whose filters end a process that makes an
/// unknown system call.)
#[cfg(target_os = "linux")]
mod marks {
    use super::{Ranges, is_writable, map, page_bytes, unmap};
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// `MADV_GUARD_INSTALL`.
    const GUARD_INSTALL: libc::c_int = 102;

    /// `PIDFD_SELF`: stands for a descriptor of the calling process. A real descriptor would not
    /// do: after a `fork` it would stand for the parent.
    const THIS_PROCESS: libc::c_int = -10_000;

    /// How many ranges go into one call.
    const BATCH: usize = 64;

    /// Whether the kernel makes marks on which accesses fault. Found out by trying, once.
    pub(super) fn work() -> bool {
        static WORK: OnceLock<bool> = OnceLock::new();
        *WORK.get_or_init(|| {
            let length = page_bytes();
            let Ok(page) = map(length) else { return false };
            // SAFETY: (I3) the page was mapped for this, and is unmapped when it is not in use.
            unsafe {
                let before = is_writable(page);
                let marked = libc::madvise(page as *mut _, length, GUARD_INSTALL) == 0;
                let after = is_writable(page);
                unmap(page, length);
                before && marked && !after
            }
        })
    }

    /// Marks `ranges`; false if the kernel refused for one of them.
    ///
    /// # Safety
    ///
    /// The ranges are not in use.
    pub(super) unsafe fn install(ranges: Ranges) -> bool {
        // SAFETY: (I3) the caller vouches for the ranges.
        let batched = unsafe { install_batched(ranges) };
        ranges.iter().skip(batched).all(|(start, length)| {
            // SAFETY: (I3) as above.
            unsafe { libc::madvise(start as *mut _, length, GUARD_INSTALL) == 0 }
        })
    }

    /// Marks as many of `ranges` as the kernel does in calls for many at once, and returns how many
    /// those are.
    ///
    /// # Safety
    ///
    /// The ranges are not in use.
    unsafe fn install_batched(ranges: Ranges) -> usize {
        /// Set when the kernel turned out to have no such call.
        static MISSING: AtomicBool = AtomicBool::new(false);
        if ranges.count == 1 || MISSING.load(Ordering::Relaxed) {
            return 0;
        }
        let mut installed = 0;
        while installed < ranges.count {
            let mut vectors = [libc::iovec {
                iov_base: std::ptr::null_mut(),
                iov_len: 0,
            }; BATCH];
            let mut count = 0;
            for ((start, length), vector) in ranges.iter().skip(installed).zip(&mut vectors) {
                *vector = libc::iovec {
                    iov_base: start as *mut _,
                    iov_len: length,
                };
                count += 1;
            }
            // SAFETY: (I3) the caller vouches for the ranges; the vectors live across the call.
            let bytes = unsafe {
                libc::syscall(
                    libc::SYS_process_madvise,
                    THIS_PROCESS,
                    vectors.as_ptr(),
                    count,
                    GUARD_INSTALL,
                    0,
                )
            };
            let Ok(bytes) = usize::try_from(bytes) else {
                // Whatever the reason is, going on one by one finds the range that the kernel
                // refuses, if any.
                if installed == 0 {
                    MISSING.store(true, Ordering::Relaxed);
                }
                return installed;
            };
            installed += bytes / ranges.length;
            if bytes < count * ranges.length {
                return installed;
            }
        }
        installed
    }
}

/// Only Linux marks guards in the page tables.
#[cfg(not(target_os = "linux"))]
mod marks {
    use super::Ranges;

    pub(super) fn work() -> bool {
        false
    }

    /// Not to be called.
    ///
    /// # Safety
    ///
    /// None is needed.
    pub(super) unsafe fn install(_ranges: Ranges) -> bool {
        false
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    /// Makes guards cost mappings, as they do on most systems. For tests that have a process to
    /// themselves.
    pub(crate) static PROTECT_ONLY: AtomicBool = AtomicBool::new(false);

    /// Allows this process `bytes` of address space beyond what it has.
    pub(crate) fn limit_address_space(bytes: usize) {
        let statistics = std::fs::read_to_string("/proc/self/statm").unwrap();
        let pages: usize = statistics.split(' ').next().unwrap().parse().unwrap();
        let most = (pages * page_bytes() + bytes) as libc::rlim_t;
        let limit = libc::rlimit {
            rlim_cur: most,
            rlim_max: most,
        };
        // SAFETY: (system calls) the structure lives across the call.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) }, 0);
    }

    /// Locks all memory of this process, now and later; false if that is not allowed.
    pub(crate) fn lock_memory() -> bool {
        // SAFETY: (system calls) the call takes a number.
        unsafe { libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE) == 0 }
    }

    /// Whether something is mapped at the page `address`.
    pub(crate) fn is_mapped(address: usize) -> bool {
        let mut residence = 0_u8;
        let page = address / page_bytes() * page_bytes();
        // SAFETY: (system calls) the call writes one byte.
        unsafe { libc::mincore(page as *mut _, 1, (&raw mut residence).cast()) == 0 }
    }

    /// Counts the pages of a range that are in memory.
    fn resident(range: Range<usize>) -> usize {
        let mut count = 0;
        assert!(for_each_resident(range, |_| count += 1));
        count
    }

    /// Maps a range of pages with guards in the first and the third, made by `guard`.
    fn with_guards(guard: impl FnOnce(Ranges)) {
        let page = page_bytes();
        let start = map(4 * page).unwrap();
        guard(Ranges {
            start,
            length: page,
            stride: 2 * page,
            count: 2,
        });
        // SAFETY: (I3) the contents of the mapping are not needed, and it is unmapped when it is
        // not used.
        unsafe {
            let writable: Vec<bool> = (0..4)
                .map(|index| is_writable(start + index * page))
                .collect();
            assert_eq!(writable, [false, true, false, true]);
            for index in [1, 3] {
                let range = start + index * page..start + (index + 1) * page;
                assert_eq!(resident(range.clone()), 1);
                assert!(discard(range.start, page));
            }
            assert!(!is_writable(start), "the guard is gone");
            assert!(unmap(start, 4 * page));
        }
    }

    #[test]
    fn guards_fault_and_stay_when_pages_are_given_back() {
        with_guards(|ranges| {
            // SAFETY: (I3) the mapping is new.
            unsafe { super::guard(ranges) }.unwrap();
        });
    }

    #[test]
    fn protected_guards_do_the_same() {
        with_guards(|ranges| {
            // SAFETY: (I3) the mapping is new.
            unsafe { protect(ranges) }.unwrap();
        });
    }

    #[test]
    fn residence_is_told_page_by_page() {
        let page = page_bytes();
        let start = map(600 * page).unwrap();
        let touched = [0, 1, 255, 256, 599];
        for index in touched {
            // SAFETY: (system calls) the page lies in the mapping.
            unsafe { ptr::write_volatile((start + index * page) as *mut u8, 1) };
        }
        let mut seen = Vec::new();
        for_each_resident(start..start + 600 * page, |address| {
            seen.push((address - start) / page)
        });
        assert_eq!(seen, touched);
        // SAFETY: (I3) the mapping is no longer in use.
        unsafe {
            wipe(start..start + 600 * page);
            assert_eq!(ptr::read_volatile((start + page) as *const u8), 0);
            assert!(unmap(start, 600 * page));
        }
        assert!(
            !for_each_resident(start..start + page, |_| ()),
            "nothing is mapped there"
        );
    }

    #[test]
    fn faults_are_counted() {
        let page = page_bytes();
        let start = map(64 * page).unwrap();
        let before = thread_faults();
        for index in 0..64 {
            // SAFETY: (system calls) the page lies in the mapping.
            unsafe { ptr::write_volatile((start + index * page) as *mut u8, 1) };
        }
        assert!(thread_faults() - before >= 64);
        // SAFETY: (I3) the mapping is no longer in use.
        assert!(unsafe { unmap(start, 64 * page) });
    }
}
