//! The right of the only holder that may use a value, narrowed to a part of it: what is below the
//! mapped guards of [`Mutex`](super::Mutex) and of a writer of [`RwLock`](super::RwLock).

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use super::poison::{Entered, Flag};

/// A lock without a value, as far as its only holder is concerned.
pub(super) trait Exclusive {
    /// Gives the lock up, which the caller holds.
    fn give_up(&self);
}

/// The right to use a value without the value, given back when dropped.
pub(super) struct Held<'a, R: Exclusive> {
    pub(super) raw: &'a R,
    pub(super) poison: &'a Flag,
    pub(super) entered: Entered,
}

impl<R: Exclusive> Drop for Held<'_, R> {
    fn drop(&mut self) {
        self.poison.leave(self.entered);
        self.raw.give_up();
    }
}

/// The right to use a part of a value.
pub(super) struct Part<'a, T: ?Sized, R: Exclusive> {
    /// The part. A pointer, so that guards are not `Send`, as std's.
    value: NonNull<T>,
    held: Held<'a, R>,
    /// As invariant as a mutable reference.
    invariant: PhantomData<&'a mut T>,
}

// SAFETY: (R5) a shared guard gives access to a shared value only.
unsafe impl<T: ?Sized + Sync, R: Exclusive + Sync> Sync for Part<'_, T, R> {}

impl<'a, T: ?Sized, R: Exclusive> Part<'a, T, R> {
    /// A part of a value, which `held` is the right to use.
    ///
    /// # Safety
    ///
    /// (R5) As long as `held` lives, the part is there and has no other user.
    pub(super) unsafe fn new(value: NonNull<T>, held: Held<'a, R>) -> Part<'a, T, R> {
        Part {
            value,
            held,
            invariant: PhantomData,
        }
    }

    /// A part of it.
    pub(super) fn map<U: ?Sized>(mut self, f: impl FnOnce(&mut T) -> &mut U) -> Part<'a, U, R> {
        let value = NonNull::from(f(&mut self));
        // SAFETY: (R5) what is borrowed from the part is a part of the same value; the right to it
        // goes over.
        unsafe { Part::new(value, self.held) }
    }

    /// A part of it, if there is one; else all of it comes back.
    pub(super) fn filter_map<U: ?Sized>(
        mut self,
        f: impl FnOnce(&mut T) -> Option<&mut U>,
    ) -> Result<Part<'a, U, R>, Part<'a, T, R>> {
        match f(&mut self).map(NonNull::from) {
            // SAFETY: (R5) as above.
            Some(value) => Ok(unsafe { Part::new(value, self.held) }),
            None => Err(self),
        }
    }
}

impl<T: ?Sized, R: Exclusive> Deref for Part<'_, T, R> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: (R5) the right to use the value is here and nowhere else, and the lock that it
        // borrows owns the value.
        unsafe { self.value.as_ref() }
    }
}

impl<T: ?Sized, R: Exclusive> DerefMut for Part<'_, T, R> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: (R5) as above, and it is borrowed mutably.
        unsafe { self.value.as_mut() }
    }
}
