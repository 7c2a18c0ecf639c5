//! Where reads put their bytes.

use std::io;
use std::mem::MaybeUninit;

use super::descriptor::{MOST_BYTES, moved_bytes};

/// A buffer to be read into, whose bytes need not be initialised before, and how many of them have
/// been read.
///
/// Only the calls of `sys` write here, and only what has been read; so bytes that were initialised
/// stay so, and those that the last call has read are.
#[derive(Debug)]
pub struct ReadBuffer<'a> {
    bytes: &'a mut [MaybeUninit<u8>],
    filled: usize,
}

impl<'a> From<&'a mut [MaybeUninit<u8>]> for ReadBuffer<'a> {
    fn from(bytes: &'a mut [MaybeUninit<u8>]) -> ReadBuffer<'a> {
        ReadBuffer { bytes, filled: 0 }
    }
}

impl<'a> From<&'a mut [u8]> for ReadBuffer<'a> {
    #[inline]
    fn from(bytes: &'a mut [u8]) -> ReadBuffer<'a> {
        let bytes = std::ptr::from_mut(bytes) as *mut [MaybeUninit<u8>];
        // SAFETY: (system calls) bytes are laid out alike with and without a value, and none loses
        // its value here.
        ReadBuffer::from(unsafe { &mut *bytes })
    }
}

impl ReadBuffer<'_> {
    /// How many bytes there is room for.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// How many bytes the last call that succeeded has read.
    #[cfg(feature = "tokio-io")]
    pub(crate) fn filled(&self) -> usize {
        self.filled
    }

    /// Reads by a system call, which is given the place and its length and says how many bytes it
    /// has read, or that there is an error.
    ///
    /// # Safety
    ///
    /// The call writes only what it has read, to the beginning of the place.
    #[inline]
    pub(super) unsafe fn fill_by(
        &mut self,
        call: impl FnOnce(*mut libc::c_void, usize) -> libc::ssize_t,
    ) -> io::Result<usize> {
        let length = self.bytes.len().min(MOST_BYTES);
        self.filled = moved_bytes(call(self.bytes.as_mut_ptr().cast(), length))?;
        debug_assert!(self.filled <= length, "no more than there is room for");
        Ok(self.filled)
    }
}
