//! A lock for reading and writing is given up by the coroutine that took it, as a mutex is; and those who read share the value,
//! so what is not to be shared is not to be read by several.

use std::cell::Cell;

use may::coroutine;
use may::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

fn reading_sent(guard: RwLockReadGuard<'static, i32>) {
    coroutine::spawn(move || drop(guard));
}

fn writing_sent(guard: RwLockWriteGuard<'static, i32>) {
    coroutine::spawn(move || drop(guard));
}

fn lock_shared(lock: RwLock<Cell<i32>>) {
    coroutine::scope(|scope| {
        scope.spawn(|| lock.read().unwrap().set(1));
        lock.read().unwrap().set(2);
    });
}

fn guard_shared(guard: RwLockReadGuard<'_, Cell<i32>>) {
    coroutine::scope(|scope| {
        scope.spawn(|| guard.set(1));
        guard.set(2);
    });
}

fn main() {}
