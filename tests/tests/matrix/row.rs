//! What a row is made of: what is waited for ([`Subject`]) and with which function ([`Call`]).

use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longer than any test.
pub(crate) const DAYS: Duration = Duration::from_secs(30 * 24 * 3600);

/// What ends the wait of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    /// What it waits for.
    Woken,
    /// What it waits for, or a timeout.
    WokenOrTimeout,
    /// Nothing but time.
    Timeout,
    /// Nothing at all.
    Never,
}

/// A thing that can be waited for.
pub(crate) trait Blocks: Send + Sync {
    /// Makes the call, with a timeout if the row has one. False if that elapsed, or if the other
    /// side has gone.
    fn call(&self, timeout: Option<Duration>) -> bool;

    /// Lets one call, the current or the next one, come to its end.
    fn wake(&self);

    /// Lets the other side go, if there is one.
    fn close(&self);
}

/// One function on one kind of thing.
pub(crate) struct Row {
    /// Where the function is declared: file and name.
    pub(crate) covers: &'static str,
    /// What it waits for.
    of: &'static str,
    pub(crate) ends: Ends,
    /// Whether what `wake` did is still there if the call was cancelled instead.
    pub(crate) keeps: bool,
    /// Whether several may wait at once, each for a `wake` of its own.
    pub(crate) shared: bool,
    /// Whether it takes a moment from `wake` until there is nothing to wait for, because the other
    /// side has to come, too.
    pub(crate) meets: bool,
    /// Whether there is another side whose going ends the wait.
    pub(crate) closes: bool,
    make: Box<dyn Fn() -> Arc<dyn Blocks> + Send + Sync>,
}

impl Row {
    /// The thing, with nothing there for which the call waits.
    pub(crate) fn make(&self) -> Arc<dyn Blocks> {
        (self.make)()
    }

    pub(crate) fn name(&self) -> String {
        format!("{} on {}", self.covers, self.of)
    }

    pub(crate) fn has_timeout(&self) -> bool {
        matches!(self.ends, Ends::WokenOrTimeout | Ends::Timeout)
    }

    pub(crate) fn is_wakeable(&self) -> bool {
        matches!(self.ends, Ends::Woken | Ends::WokenOrTimeout)
    }
}

/// One function of a subject.
pub(crate) struct Call<S> {
    covers: &'static str,
    ends: Ends,
    keeps: bool,
    call: fn(&S, Option<Duration>) -> bool,
}

/// A function that is ended by something.
const fn ended_by<S>(
    ends: Ends,
    covers: &'static str,
    call: fn(&S, Option<Duration>) -> bool,
) -> Call<S> {
    Call {
        covers,
        ends,
        keeps: true,
        call,
    }
}

/// A function that waits for as long as it takes.
pub(crate) const fn waits<S>(
    covers: &'static str,
    call: fn(&S, Option<Duration>) -> bool,
) -> Call<S> {
    ended_by(Ends::Woken, covers, call)
}

/// A function that waits until a timeout or a deadline.
pub(crate) const fn waits_in_time<S>(
    covers: &'static str,
    call: fn(&S, Option<Duration>) -> bool,
) -> Call<S> {
    ended_by(Ends::WokenOrTimeout, covers, call)
}

/// A function that only time ends, and that returns false then.
pub(crate) const fn sleeps<S>(
    covers: &'static str,
    call: fn(&S, Option<Duration>) -> bool,
) -> Call<S> {
    ended_by(Ends::Timeout, covers, call)
}

/// A function that nothing ends.
pub(crate) const fn hangs<S>(
    covers: &'static str,
    call: fn(&S, Option<Duration>) -> bool,
) -> Call<S> {
    ended_by(Ends::Never, covers, call)
}

/// A caller that is cancelled takes with it what it waited for. (Not a method: the type of the
/// closure is known from what the call is passed to.)
pub(crate) fn loses<S>(mut call: Call<S>) -> Call<S> {
    call.keeps = false;
    call
}

/// A thing that can be waited for in one way or another.
pub(crate) struct Subject<S> {
    of: &'static str,
    make: Arc<dyn Fn() -> S + Send + Sync>,
    wake: fn(&S),
    close: Option<fn(&S)>,
    shared: bool,
    meets: bool,
}

impl<S: Send + Sync + 'static> Subject<S> {
    /// What `make` makes, and what the other side does to let a call come to its end.
    pub(crate) fn new(
        of: &'static str,
        make: impl Fn() -> S + Send + Sync + 'static,
        wake: fn(&S),
    ) -> Subject<S> {
        Subject {
            of,
            make: Arc::new(make),
            wake,
            close: None,
            shared: true,
            meets: false,
        }
    }

    /// How the other side goes.
    pub(crate) fn closed_by(mut self, close: fn(&S)) -> Subject<S> {
        self.close = Some(close);
        self
    }

    /// It is waited for by one at a time, or woken once.
    pub(crate) fn for_one(mut self) -> Subject<S> {
        self.shared = false;
        self
    }

    /// The other side has to come, too.
    pub(crate) fn met(mut self) -> Subject<S> {
        self.meets = true;
        self
    }

    /// The rows of its functions.
    pub(crate) fn rows<const N: usize>(&self, calls: [Call<S>; N]) -> Vec<Row> {
        let row = |call: Call<S>| {
            let (make, wake, close) = (self.make.clone(), self.wake, self.close);
            Row {
                covers: call.covers,
                of: self.of,
                ends: call.ends,
                keeps: call.keeps,
                shared: self.shared,
                meets: self.meets,
                closes: close.is_some(),
                make: Box::new(move || {
                    Arc::new(Operation {
                        state: make(),
                        call: call.call,
                        wake,
                        close,
                    })
                }),
            }
        };
        calls.into_iter().map(row).collect()
    }
}

/// A subject and one of its functions.
struct Operation<S> {
    state: S,
    call: fn(&S, Option<Duration>) -> bool,
    wake: fn(&S),
    close: Option<fn(&S)>,
}

impl<S: Send + Sync> Blocks for Operation<S> {
    fn call(&self, timeout: Option<Duration>) -> bool {
        (self.call)(&self.state, timeout)
    }

    fn wake(&self) {
        (self.wake)(&self.state);
    }

    fn close(&self) {
        self.close.expect("the row has another side")(&self.state);
    }
}

/// The timeout of a row; the longest one instead of none.
pub(crate) fn or_max(timeout: Option<Duration>) -> Duration {
    timeout.unwrap_or(Duration::MAX)
}

/// The deadline after a timeout; far away instead of never.
pub(crate) fn deadline(timeout: Option<Duration>) -> Instant {
    let now = Instant::now();
    now.checked_add(timeout.unwrap_or(DAYS))
        .unwrap_or(now + DAYS)
}
