//! The end of a coroutine as an arm of a `select!`: of one that runs anyway, or of one that the arm starts.

use std::any::Any;
use std::fmt;
use std::panic::Location;

use super::builder::{Builder, spawn_failed};
use super::handle::{JoinHandle, wait_for_end};
use super::task::{Joiner, is_panic};
use crate::coroutine::header::Header;
use crate::coroutine::{cancel, unwinding};
use crate::event::{Finish, RawEvent};
use crate::prim::{Ordering, fence};
use crate::wait::{Entry, Registration};

/// A coroutine's end, as an arm. The handle can be joined as long as the arm has not won.
pub struct JoinEvent<'a, T> {
    joiner: &'a mut Joiner<T>,
    entry: Entry,
}

impl<'a, T> JoinEvent<'a, T> {
    /// The event of one coroutine's end.
    pub(crate) fn new(handle: &'a mut JoinHandle<T>) -> JoinEvent<'a, T> {
        JoinEvent {
            joiner: &mut handle.0,
            entry: Entry::new(),
        }
    }
}

impl<T> RawEvent for JoinEvent<'_, T> {
    fn offer(&mut self) -> bool {
        self.joiner.is_done()
    }

    fn register(&mut self, by: &Registration, arm: u16) -> bool {
        // SAFETY: (docs/safety.md, I2) the engine has it unlinked from this queue, which the joiner keeps, before the event goes.
        unsafe { self.entry.link_in(self.joiner.joiners(), by, arm) };
        // Pairs with the fence of the coroutine that ends.
        fence(Ordering::SeqCst);
        self.joiner.is_done()
    }

    fn withdraw(&mut self) {
        if self.entry.is_used() {
            // SAFETY: (docs/safety.md, I2) it was linked there.
            unsafe { self.entry.unlink_from(self.joiner.joiners()) };
        }
    }
}

impl<T> Finish for JoinEvent<'_, T> {
    type Output = super::Result<T>;

    fn finish(self) -> super::Result<T> {
        self.joiner.take_once()
    }
}

impl<T> fmt::Debug for JoinEvent<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("JoinEvent { .. }")
    }
}

/// Blocking code as an arm: a coroutine of its own on the same worker, which lives no longer than the select.
pub struct RunEvent<F, T> {
    state: Run<F, T>,
    entry: Entry,
    location: &'static Location<'static>,
}

/// How far the code of an arm is.
enum Run<F, T> {
    /// It will be started when no other arm is ready.
    Waiting(Option<F>),
    /// It runs, or has ended.
    Started(Joiner<T>),
    /// It was cancelled because another arm has won.
    Abandoned,
}

/// The event of some code's having run.
#[track_caller]
pub fn run<F: FnOnce() -> T, T>(f: F) -> RunEvent<F, T> {
    RunEvent {
        state: Run::Waiting(Some(f)),
        entry: Entry::new(),
        location: Location::caller(),
    }
}

impl<F: FnOnce() -> T, T> RawEvent for RunEvent<F, T> {
    fn offer(&mut self) -> bool {
        matches!(&self.state, Run::Started(joiner) if joiner.is_done())
    }

    unsafe fn start(&mut self) {
        if let Run::Waiting(f) = &mut self.state
            && let Some(f) = f.take()
        {
            // SAFETY: (docs/safety.md, I3) the caller has the coroutine joined before what the closure borrows goes; and it stays with
            // this worker.
            match unsafe { Builder::new().plant_local(self.location, f, ()) } {
                Ok(joiner) => self.state = Run::Started(joiner),
                Err(error) => spawn_failed(&error),
            }
        }
    }

    fn register(&mut self, by: &Registration, arm: u16) -> bool {
        let Run::Started(joiner) = &self.state else {
            return false;
        };
        // SAFETY: (docs/safety.md, I2) the engine has it unlinked from this queue, which the joiner keeps, before the event goes.
        unsafe { self.entry.link_in(joiner.joiners(), by, arm) };
        // Pairs with the fence of the coroutine that ends.
        fence(Ordering::SeqCst);
        self.offer()
    }

    fn withdraw(&mut self) {
        if let Run::Started(joiner) = &self.state
            && self.entry.is_used()
        {
            // SAFETY: (docs/safety.md, I2) it was linked there.
            unsafe { self.entry.unlink_from(joiner.joiners()) };
        }
    }

    fn has_child(&self) -> bool {
        true
    }

    fn abandon(&mut self) -> Option<Box<dyn Any + Send>> {
        let Run::Started(joiner) = std::mem::replace(&mut self.state, Run::Abandoned) else {
            return None;
        };
        Header::cancel(joiner.reference().as_ptr());
        cancel::insist(|| wait_for_end(&joiner));
        joiner.take().err().filter(|payload| is_panic(&**payload))
    }
}

impl<F: FnOnce() -> T, T> Finish for RunEvent<F, T> {
    type Output = T;

    fn finish(self) -> T {
        let Run::Started(joiner) = self.state else {
            unreachable!("the operation has happened")
        };
        joiner
            .take()
            .unwrap_or_else(|payload| unwinding::resume(payload))
    }
}

impl<F, T> fmt::Debug for RunEvent<F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("RunEvent { .. }")
    }
}
