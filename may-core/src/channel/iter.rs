//! Receiving in a loop.

use std::fmt;
use std::iter::FusedIterator;

use super::receiver::Receiver;

/// Receives until the channel is closed; see [`Receiver::iter`].
pub struct Iter<'a, T> {
    pub(super) receiver: &'a Receiver<T>,
}

/// Receives what is there; see [`Receiver::try_iter`].
pub struct TryIter<'a, T> {
    pub(super) receiver: &'a Receiver<T>,
}

/// Receives until the channel is closed, and owns the receiver.
pub struct IntoIter<T> {
    receiver: Receiver<T>,
}

/// Implements what all three iterators have.
macro_rules! iterator {
    ($iterator:ty, $receive:ident, $name:literal, [$($generics:tt)*]) => {
        impl<$($generics)*> Iterator for $iterator {
            type Item = T;

            fn next(&mut self) -> Option<T> {
                self.receiver.$receive().ok()
            }
        }

        impl<$($generics)*> fmt::Debug for $iterator {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad($name)
            }
        }
    };
}

iterator!(Iter<'_, T>, recv, "Iter { .. }", [T]);
iterator!(TryIter<'_, T>, try_recv, "TryIter { .. }", [T]);
iterator!(IntoIter<T>, recv, "IntoIter { .. }", [T]);

impl<T> FusedIterator for Iter<'_, T> {}
impl<T> FusedIterator for IntoIter<T> {}

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T> IntoIterator for Receiver<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter { receiver: self }
    }
}
