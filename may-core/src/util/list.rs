//! An intrusive doubly linked list of pinned nodes.
//!
//! A node lives where its owner put it, usually on the stack of a blocked coroutine; the list only
//! threads a pair of pointers through it. So linking and unlinking allocate nothing and take
//! constant time, and the price is a contract: a node stays where it is while it is linked, and the
//! caller has the only access to the links of the list's nodes (the wait queue has its lock for
//! that, a worker its thread).

use std::cell::Cell;
use std::fmt;
use std::ptr::{self, NonNull};

/// The pair of pointers that a node carries for its list.
pub(crate) struct Links<T> {
    previous: Cell<*mut T>,
    next: Cell<*mut T>,
}

impl<T> Links<T> {
    /// The links of a node that is in no list.
    pub(crate) const fn new() -> Links<T> {
        Links {
            previous: Cell::new(ptr::null_mut()),
            next: Cell::new(ptr::null_mut()),
        }
    }
}

impl<T> fmt::Debug for Links<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Links")
    }
}

/// A type that carries links for a list of its own kind.
///
/// # Safety
///
/// `links` returns the same links for the same node every time, and no two nodes share them.
pub(crate) unsafe trait Linked: Sized {
    fn links(&self) -> &Links<Self>;
}

/// The two ends of a list.
pub(crate) struct List<T: Linked> {
    head: *mut T,
    tail: *mut T,
}

// SAFETY: (R5) a list is two addresses; its methods' contracts say who may follow them.
unsafe impl<T: Linked> Send for List<T> {}

impl<T: Linked> List<T> {
    pub(crate) const fn new() -> List<T> {
        List {
            head: ptr::null_mut(),
            tail: ptr::null_mut(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.head.is_null()
    }

    pub(crate) fn front(&self) -> Option<NonNull<T>> {
        NonNull::new(self.head)
    }

    /// The node behind `node`.
    ///
    /// # Safety
    ///
    /// `node` is linked in this list, and its links are the caller's alone for the moment.
    pub(crate) unsafe fn next(&self, node: NonNull<T>) -> Option<NonNull<T>> {
        // SAFETY: (I3) a linked node is alive.
        NonNull::new(unsafe { node.as_ref() }.links().next.get())
    }

    pub(crate) fn back(&self) -> Option<NonNull<T>> {
        NonNull::new(self.tail)
    }

    /// The node in front of `node`.
    ///
    /// # Safety
    ///
    /// As for [`List::next`].
    pub(crate) unsafe fn previous(&self, node: NonNull<T>) -> Option<NonNull<T>> {
        // SAFETY: (I3) a linked node is alive.
        NonNull::new(unsafe { node.as_ref() }.links().previous.get())
    }

    /// Appends `node`.
    ///
    /// # Safety
    ///
    /// `node` is in no list, stays where it is until it is unlinked, and all links are the caller's
    /// alone for the moment.
    #[inline]
    pub(crate) unsafe fn push_back(&mut self, node: NonNull<T>) {
        // SAFETY: (I3) as promised by the caller.
        unsafe { self.insert_before(None, node) }
    }

    /// Puts `node` in front of `next`, or at the end.
    ///
    /// # Safety
    ///
    /// As for [`List::push_back`], and `next` is linked in this list.
    #[inline]
    pub(crate) unsafe fn insert_before(&mut self, next: Option<NonNull<T>>, node: NonNull<T>) {
        // SAFETY: (I3) the caller vouches for `node` and `next`, and linked neighbours are alive.
        unsafe {
            let previous = match next {
                Some(next) => next.as_ref().links().previous.replace(node.as_ptr()),
                None => std::mem::replace(&mut self.tail, node.as_ptr()),
            };
            let links = node.as_ref().links();
            links.previous.set(previous);
            links
                .next
                .set(next.map_or(ptr::null_mut(), NonNull::as_ptr));
            match previous.as_ref() {
                Some(previous) => previous.links().next.set(node.as_ptr()),
                None => self.head = node.as_ptr(),
            }
        }
    }

    /// Takes the first node out.
    ///
    /// # Safety
    ///
    /// All links are the caller's alone for the moment.
    pub(crate) unsafe fn pop_front(&mut self) -> Option<NonNull<T>> {
        let node = self.front()?;
        // SAFETY: (I3) the first node is linked in this list.
        unsafe { self.remove(node) };
        Some(node)
    }

    /// Takes `node` out.
    ///
    /// # Safety
    ///
    /// `node` is linked in this list, and all links are the caller's alone for the moment.
    pub(crate) unsafe fn remove(&mut self, node: NonNull<T>) {
        // SAFETY: (I3) `node` and its neighbours are linked, so they are alive.
        unsafe {
            let links = node.as_ref().links();
            let (previous, next) = (links.previous.get(), links.next.get());
            match previous.as_ref() {
                Some(previous) => previous.links().next.set(next),
                None => self.head = next,
            }
            match next.as_ref() {
                Some(next) => next.links().previous.set(previous),
                None => self.tail = previous,
            }
        }
    }
}

impl<T: Linked> fmt::Debug for List<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("List")
            .field("is_empty", &self.is_empty())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Number(u32, Links<Number>);

    // SAFETY: (I3) each number has links of its own.
    unsafe impl Linked for Number {
        fn links(&self) -> &Links<Number> {
            &self.1
        }
    }

    #[test]
    fn nodes_leave_from_both_ends_and_from_the_middle() {
        let numbers: Vec<Number> = (0..5).map(|i| Number(i, Links::new())).collect();
        let mut list = List::new();
        // SAFETY: (I3) the numbers outlive the list and are touched by this thread only.
        unsafe {
            for number in &numbers {
                list.push_back(NonNull::from(number));
            }
            list.remove(NonNull::from(&numbers[2]));
            list.remove(NonNull::from(&numbers[4]));
            list.remove(NonNull::from(&numbers[0]));
            assert_eq!(list.pop_front().unwrap().as_ref().0, 1);
            list.push_back(NonNull::from(&numbers[0]));
            assert_eq!(list.next(list.front().unwrap()).unwrap().as_ref().0, 0);
            assert_eq!(list.pop_front().unwrap().as_ref().0, 3);
            assert_eq!(list.pop_front().unwrap().as_ref().0, 0);
            assert!(list.pop_front().is_none());
            for (next, number) in [(None, 1), (Some(1), 0), (None, 3), (Some(3), 2)] {
                let next = next.map(|next: usize| NonNull::from(&numbers[next]));
                list.insert_before(next, NonNull::from(&numbers[number]));
            }
            assert_eq!(list.previous(list.back().unwrap()).unwrap().as_ref().0, 2);
            for number in 0..4 {
                assert_eq!(list.pop_front().unwrap().as_ref().0, number);
            }
        }
        assert!(list.is_empty());
    }
}
