//! Where a channel keeps its messages: a ring as long as they fit, and a row of blocks behind it
//! when they do not.
//!
//! Nothing is ever moved to make room and the blocks are allocated by the caller that runs out of
//! room, before it takes the channel's lock again. So the lock is held for a few instructions also
//! in a channel that grows to millions of messages. A block that was emptied becomes the ring;
//! memory goes back as the messages go.

use std::cell::Cell;
use std::collections::VecDeque;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

/// How many messages fit into a block.
const BLOCK: usize = 64;
/// The longest ring that is allocated at once for a channel of fixed capacity.
const LONGEST_RING: usize = 1024;

/// Messages in the order in which they came.
#[derive(Debug)]
pub(super) struct Buffer<T> {
    /// The oldest messages: empty only if there are none. While there are no others this is a ring.
    ring: VecDeque<T>,
    /// The others. All blocks but the last are full, none is empty.
    blocks: VecDeque<VecDeque<T>>,
    /// An empty block.
    spare: Option<VecDeque<T>>,
}

/// Room for more messages.
#[derive(Debug)]
pub(super) struct Room<T>(VecDeque<T>);

#[inline]
fn taken<T>(message: &Cell<Option<T>>) -> T {
    message.take().expect("a message is sent once")
}

impl<T> Room<T> {
    pub(super) fn new() -> Room<T> {
        Room(VecDeque::with_capacity(BLOCK))
    }
}

impl<T> Buffer<T> {
    /// A buffer with room for so many messages, or for the first of them if there are many.
    pub(super) fn new(capacity: usize) -> Buffer<T> {
        Buffer {
            ring: VecDeque::with_capacity(capacity.min(LONGEST_RING)),
            blocks: VecDeque::new(),
            spare: None,
        }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.ring.len()
            + self
                .blocks
                .back()
                .map_or(0, |last| self.len_of_blocks(last))
    }

    /// How many messages there are in the blocks.
    #[cold]
    fn len_of_blocks(&self, last: &VecDeque<T>) -> usize {
        (self.blocks.len() - 1) * BLOCK + last.len()
    }

    /// Adds the message that is there; false if there is no room for it: [`Buffer::extend`] comes
    /// first then.
    #[inline]
    pub(super) fn push(&mut self, message: &Cell<Option<T>>) -> bool {
        if self.blocks.is_empty() && self.ring.len() < self.ring.capacity() {
            self.ring.push_back(taken(message));
            return true;
        }
        self.push_behind(message)
    }

    /// Adds a message that does not fit into the ring.
    #[cold]
    fn push_behind(&mut self, message: &Cell<Option<T>>) -> bool {
        if let Some(last) = self.blocks.back_mut()
            && last.len() < BLOCK
        {
            last.push_back(taken(message));
            return true;
        }
        let Some(mut block) = self.spare.take() else {
            return false;
        };
        block.push_back(taken(message));
        match self.ring.is_empty() {
            // It had no room at all.
            true => self.ring = block,
            false => self.blocks.push_back(block),
        }
        true
    }

    pub(super) fn extend(&mut self, room: Room<T>) {
        self.spare.get_or_insert(room.0);
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<T> {
        let message = self.ring.pop_front();
        if self.ring.is_empty() && !self.blocks.is_empty() {
            self.advance();
        }
        message
    }

    /// Makes the first block the ring.
    #[cold]
    fn advance(&mut self) {
        if let Some(block) = self.blocks.pop_front() {
            let emptied = std::mem::replace(&mut self.ring, block);
            if self.spare.is_none() && emptied.capacity() >= BLOCK {
                self.spare = Some(emptied);
            }
        }
        if self.blocks.is_empty() {
            self.blocks.shrink_to(BLOCK);
        }
    }
}

/// Drops each message, also if the destructors of others panic: two panics at once would end the
/// process. The first goes on.
impl<T> Drop for Buffer<T> {
    fn drop(&mut self) {
        if !mem::needs_drop::<T>() {
            return;
        }
        let mut first = None;
        while let Some(message) = self.pop() {
            let dropped = catch_unwind(AssertUnwindSafe(|| drop(message)));
            if let Err(payload) = dropped {
                match first {
                    None => first = Some(payload),
                    // Its destructor may panic as well.
                    Some(_) => mem::forget(payload),
                }
            }
        }
        match first {
            Some(payload) if thread::panicking() => mem::forget(payload),
            Some(payload) => resume_unwind(payload),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(buffer: &mut Buffer<usize>, message: usize) {
        let message = Cell::new(Some(message));
        if !buffer.push(&message) {
            buffer.extend(Room::new());
            assert!(buffer.push(&message));
        }
    }

    #[test]
    fn messages_come_out_as_they_went_in_however_many_there_are() {
        let capacities: &[_] = if cfg!(miri) {
            &[0, 3]
        } else {
            &[0, 1, 3, BLOCK, 5 * BLOCK]
        };
        for &capacity in capacities {
            let mut buffer = Buffer::new(capacity);
            let (mut sent, mut received) = (0, 0);
            for most in [1, 2, BLOCK - 1, BLOCK, BLOCK + 1, 10 * BLOCK, 3] {
                while buffer.len() < most {
                    push(&mut buffer, sent);
                    sent += 1;
                    assert_eq!(buffer.len(), sent - received);
                }
                while buffer.len() > most / 3 {
                    assert_eq!(buffer.pop(), Some(received));
                    received += 1;
                    assert_eq!(buffer.len(), sent - received);
                }
            }
            while let Some(message) = buffer.pop() {
                assert_eq!(message, received);
                received += 1;
            }
            assert_eq!(sent, received);
        }
    }

    #[test]
    fn nothing_is_allocated_where_it_is_not_needed() {
        let mut buffer = Buffer::new(0);
        assert_eq!(buffer.ring.capacity(), 0);
        for round in 0..1000 {
            push(&mut buffer, round);
            assert_eq!(buffer.pop(), Some(round));
        }
        assert!(buffer.blocks.capacity() <= 4, "one block does");
        (0..if cfg!(miri) { 1000 } else { 100_000 }).for_each(|i| push(&mut buffer, i));
        while buffer.pop().is_some() {}
        assert!(buffer.blocks.capacity() <= 2 * BLOCK, "memory goes back");
    }
}
