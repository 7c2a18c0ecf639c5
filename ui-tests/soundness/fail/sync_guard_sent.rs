//! A lock is given up by the coroutine that took it, so its guard stays there; and a guard shows its value to whoever it is
//! shared with, so what is not to be shared is not to be shared through it.

use std::cell::Cell;

use may::coroutine;
use may::sync::{Mutex, MutexGuard};

static LOCK: Mutex<i32> = Mutex::new(1);

fn sent() {
    let guard = LOCK.lock().unwrap();
    coroutine::spawn(move || drop(guard));
}

fn sent_in_scope(lock: &Mutex<i32>) {
    let guard = lock.lock().unwrap();
    coroutine::scope(|scope| {
        scope.spawn(move || drop(guard));
    });
}

fn returned() {
    coroutine::spawn(|| LOCK.lock().unwrap());
}

fn shared(guard: MutexGuard<'_, Cell<i32>>) {
    coroutine::scope(|scope| {
        scope.spawn(|| guard.set(1));
        guard.set(2);
    });
}

fn main() {}
