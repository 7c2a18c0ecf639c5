//! The deadline of a coroutine's wait: an entry in its worker's wheel that competes for the commit
//! word.

use std::marker::PhantomPinned;
use std::ptr::NonNull;

use crate::coroutine::commit_word::Ticket;
use crate::coroutine::header::Header;
use crate::timer::Entry;

/// One deadline of one wait. Lives on the waiting stack.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Timeout {
    /// First, so that its address is the timeout's.
    entry: Entry,
    coroutine: NonNull<Header>,
    ticket: Ticket,
    _pinned: PhantomPinned,
}

impl Timeout {
    /// A timeout that is in no wheel yet.
    pub(crate) fn new(deadline: u64, coroutine: NonNull<Header>, ticket: Ticket) -> Timeout {
        Timeout {
            entry: Entry::new(deadline),
            coroutine,
            ticket,
            _pinned: PhantomPinned,
        }
    }

    /// What the wheel links; made from a pointer to the whole, as the wheel asks.
    pub(crate) fn entry(this: NonNull<Timeout>) -> NonNull<Entry> {
        this.cast()
    }

    /// Ends the wait if nothing else has, and sends the coroutine home. For the worker, when the
    /// entry fires.
    ///
    /// # Safety
    ///
    /// The entry is that of a timeout.
    pub(crate) unsafe fn expire(entry: NonNull<Entry>) {
        // SAFETY: (I3) the entry is the first field of a timeout, which stays until its coroutine,
        // of this very thread, has run on.
        unsafe {
            let timeout = entry.cast::<Timeout>().as_ref();
            let coroutine = timeout.coroutine;
            if coroutine.as_ref().strand.word.time_out(timeout.ticket) {
                Header::send_home(coroutine);
            }
        }
    }
}
