//! Who runs on a stack, in a form that a signal handler can read.

use std::fmt;
use std::ptr::NonNull;

/// The unit in which a label keeps the size of a stack.
const UNIT_BYTES: usize = 4096;

/// What the report of a stack overflow says of a coroutine. Lies in the coroutine's header, and
/// never changes.
///
/// 24 bytes, since a million of them may be alive: sizes from 16 TiB on, of which there are no
/// stacks, are kept as 16 TiB, and names have less than 4 GiB.
#[repr(C)]
pub(crate) struct Label {
    /// The number of the coroutine.
    id: u64,
    /// The first byte of the name, if there is one.
    name: Option<NonNull<u8>>,
    /// The bytes of the name.
    name_length: u32,
    /// The size of the stack that the coroutine was spawned with, in units.
    stack_units: u32,
}

impl Label {
    /// Describes a coroutine. The label does not own the name, but [`Label::name`] returns exactly
    /// the same.
    ///
    /// # Panics
    ///
    /// Panics if the name has 4 GiB or more.
    #[inline]
    pub(crate) const fn new(id: u64, name: Option<NonNull<str>>, stack_bytes: usize) -> Label {
        let (name, length) = match name {
            Some(name) => (
                Some(name.cast::<u8>()),
                (name.as_ptr() as *const [u8]).len(),
            ),
            None => (None, 0),
        };
        assert!(
            length as u64 <= u32::MAX as u64,
            "the name of a coroutine has 4 GiB or more"
        );
        let units = stack_bytes / UNIT_BYTES;
        Label {
            id,
            name,
            name_length: length as u32,
            stack_units: if units > u32::MAX as usize {
                u32::MAX
            } else {
                units as u32
            },
        }
    }

    #[inline]
    pub(crate) const fn id(&self) -> u64 {
        self.id
    }

    #[inline]
    pub(crate) fn name(&self) -> Option<NonNull<str>> {
        let bytes = NonNull::slice_from_raw_parts(self.name?, self.name_length as usize);
        NonNull::new(bytes.as_ptr() as *mut str)
    }

    /// The size of the stack that `new` was given.
    #[inline]
    pub(crate) const fn stack_bytes(&self) -> usize {
        (self.stack_units as usize).saturating_mul(UNIT_BYTES)
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Label")
            .field("id", &self.id)
            .field("stack_bytes", &self.stack_bytes())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::StackSize;

    #[test]
    fn a_label_gives_back_what_it_was_given() {
        let text = "listener ü";
        let label = Label::new(7, Some(NonNull::from(text)), StackSize::DEFAULT.bytes());
        assert_eq!((label.id(), label.stack_bytes()), (7, 262_144));
        // SAFETY: (R1) the text is a constant.
        assert_eq!(unsafe { label.name().unwrap().as_ref() }, text);
        assert!(Label::new(8, None, 32768).name().is_none());
        assert!(size_of::<Label>() <= 24);
    }

    #[test]
    fn absurd_sizes_stay_absurd() {
        let label = Label::new(1, None, StackSize::from_bytes(usize::MAX).bytes());
        assert!(label.stack_bytes() as u64 >= 1 << 31);
    }
}
