//! What the states of several rows are made of.

use std::panic;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};

use may::channel::{self, Receiver, Sender};
use may::coroutine::{self, JoinHandle};
use may::sync::SyncFlag;

/// A thing that one uses at a time, and that can be taken away.
pub(crate) struct Slot<T>(StdMutex<Option<T>>);

impl<T> Slot<T> {
    pub(crate) fn new(value: T) -> Slot<T> {
        Slot(StdMutex::new(Some(value)))
    }

    fn value(&self) -> std::sync::MutexGuard<'_, Option<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes it away, if it is still there.
    pub(crate) fn take(&self) -> Option<T> {
        self.value().take()
    }

    /// Uses it. It is out of the slot meanwhile, so that the lock of the slot is not held across a
    /// wait, and comes back also if the use is cancelled.
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        struct Back<'a, T>(&'a Slot<T>, Option<T>);
        impl<T> Drop for Back<'_, T> {
            fn drop(&mut self) {
                *self.0.value() = self.1.take();
            }
        }
        let mut back = Back(self, self.take());
        f(back.1.as_mut().expect("it is used by one at a time"))
    }

    /// Another one, for several at a time.
    pub(crate) fn get(&self) -> T
    where
        T: Clone,
    {
        self.value().clone().expect("it has not been taken away")
    }
}

/// The two ends of something, and those who have come to the one that the row does not use.
pub(crate) struct Both<A, B> {
    pub(crate) tx: Slot<A>,
    pub(crate) rx: Slot<B>,
    pub(crate) partners: Partners,
}

impl<A, B> Both<A, B> {
    pub(crate) fn new((tx, rx): (A, B)) -> Both<A, B> {
        Both {
            tx: Slot::new(tx),
            rx: Slot::new(rx),
            partners: Partners::default(),
        }
    }
}

/// Coroutines that wait for the caller of a row to come; those that still do when the row has ended
/// are cancelled.
#[derive(Default)]
pub(crate) struct Partners(StdMutex<Vec<JoinHandle<()>>>);

impl Partners {
    /// One more comes.
    pub(crate) fn come(&self, waits: impl FnOnce() + Send + 'static) {
        self.0.lock().unwrap().push(coroutine::spawn(waits));
    }
}

impl Drop for Partners {
    fn drop(&mut self) {
        let mut partners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        partners.iter().for_each(JoinHandle::cancel);
        partners.clear();
    }
}

/// What a holder is told.
#[derive(Clone, Copy)]
enum Leaves {
    Normally,
    ByPanic,
}

/// Where a coroutine stays until it is told to leave.
#[derive(Clone)]
pub(crate) struct Stay {
    here: Arc<SyncFlag>,
    told: Receiver<Leaves>,
}

/// What tells it.
pub(crate) struct Told(Sender<Leaves>);

impl Stay {
    pub(crate) fn new() -> (Told, Stay) {
        let (tell, told) = channel::bounded(1);
        let here = Arc::default();
        (Told(tell), Stay { here, told })
    }

    /// Says that the caller is here, and stays.
    pub(crate) fn stay(&self) {
        self.here.fire();
        if let Ok(Leaves::ByPanic) = self.told.recv() {
            panic::resume_unwind(Box::new("told to panic"));
        }
    }
}

impl Told {
    /// Makes it leave.
    pub(crate) fn leave(&self) {
        let _ = self.0.try_send(Leaves::Normally);
    }

    /// Makes it panic.
    pub(crate) fn panic(&self) {
        let _ = self.0.try_send(Leaves::ByPanic);
    }
}

/// A thing that another coroutine holds until it is told to leave.
pub(crate) struct Held<L> {
    pub(crate) lock: Arc<L>,
    pub(crate) holder: Told,
}

impl<L: Send + Sync + 'static> Held<L> {
    /// Makes a coroutine hold `lock`: `hold` takes it and stays.
    pub(crate) fn new(lock: L, hold: fn(&L, &Stay)) -> Held<L> {
        Held::staying(|_| lock, hold)
    }

    /// The same for a thing that itself stays when it is taken.
    pub(crate) fn staying(lock: impl FnOnce(Stay) -> L, hold: fn(&L, &Stay)) -> Held<L> {
        let (holder, stay) = Stay::new();
        let here = stay.here.clone();
        let lock = Arc::new(lock(stay.clone()));
        let held = lock.clone();
        coroutine::spawn(move || hold(&held, &stay));
        here.wait();
        Held { lock, holder }
    }
}
