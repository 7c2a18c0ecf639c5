//! Large pieces of memory that go back to the system when they are freed; the allocator would keep
//! them.

use std::ptr::NonNull;

/// Takes `length` bytes, a multiple of every page size, from the system.
#[cfg(all(unix, not(miri)))]
pub(crate) fn take(length: usize) -> Option<NonNull<u8>> {
    super::memory::map(length)
        .ok()
        .and_then(|start| NonNull::new(start as *mut u8))
}

/// Gives memory back that `take` returned.
///
/// # Safety
///
/// It is no longer in use.
#[cfg(all(unix, not(miri)))]
pub(crate) unsafe fn give_back(start: NonNull<u8>, length: usize) {
    // Where the system refuses, because it has no map entry left for the hole, the memory stays
    // mapped.
    // SAFETY: (R1) the caller vouches for the range.
    let _ = unsafe { super::memory::unmap(start.as_ptr() as usize, length) };
}

/// The layout in which the allocator is asked on other systems, and by Miri, which knows few system
/// calls.
#[cfg(any(not(unix), miri))]
fn layout(length: usize) -> std::alloc::Layout {
    std::alloc::Layout::from_size_align(length, 64).expect("a valid layout")
}

#[cfg(any(not(unix), miri))]
pub(crate) fn take(length: usize) -> Option<NonNull<u8>> {
    // SAFETY: (R1) the layout is not empty.
    NonNull::new(unsafe { std::alloc::alloc(layout(length)) })
}

/// See above.
///
/// # Safety
///
/// It is no longer in use.
#[cfg(any(not(unix), miri))]
pub(crate) unsafe fn give_back(start: NonNull<u8>, length: usize) {
    // SAFETY: (R1) `take` allocated it with this layout.
    unsafe { std::alloc::dealloc(start.as_ptr(), layout(length)) };
}
