//! A child's end as an arm of a `select!`.

use std::fmt;

use super::child::{Child, Exit};
use crate::event::{Finish, RawEvent};
use crate::io::event::IoEvent;
use crate::signal::SignalEvent;
use crate::sys;
use crate::wait::Registration;

/// A child's end, as an arm. The child has not been waited for when the arm wins.
pub struct ExitEvent<'a> {
    child: &'a Child,
    source: Source<'a>,
}

/// What tells of the end.
enum Source<'a> {
    /// (Always there; in the form that arms come in.)
    Descriptor(Option<IoEvent<'a, ()>>),
    Signal(SignalEvent<'a>),
    /// It has ended, or nothing can be found out: waiting for it will tell.
    Nothing,
}

impl<'a> ExitEvent<'a> {
    /// The event of one child's end.
    pub(crate) fn new(child: &'a Child) -> ExitEvent<'a> {
        let source = match child.exit() {
            Ok(Exit::Descriptor(descriptor)) => Source::Descriptor(descriptor.readable_event()),
            Ok(Exit::Signals(signals)) => Source::Signal(SignalEvent::new(signals)),
            Ok(Exit::Known) | Err(_) => Source::Nothing,
        };
        ExitEvent { child, source }
    }
}

impl RawEvent for ExitEvent<'_> {
    fn offer(&mut self) -> bool {
        match &mut self.source {
            Source::Descriptor(event) => event.offer(),
            Source::Signal(event) => {
                event.offer();
                event.forget();
                sys::process::has_ended(self.child.id())
            }
            Source::Nothing => true,
        }
    }

    fn register(&mut self, by: &Registration, arm: u16) -> bool {
        match &mut self.source {
            Source::Descriptor(event) => event.register(by, arm),
            // (Another arm for the same child may have received the signal.)
            Source::Signal(event) => {
                event.register(by, arm) || sys::process::has_ended(self.child.id())
            }
            Source::Nothing => true,
        }
    }

    fn withdraw(&mut self) {
        match &mut self.source {
            Source::Descriptor(event) => event.withdraw(),
            Source::Signal(event) => event.withdraw(),
            Source::Nothing => {}
        }
    }
}

impl Finish for ExitEvent<'_> {
    type Output = ();

    fn finish(self) {}
}

impl fmt::Debug for ExitEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("ExitEvent { .. }")
    }
}
