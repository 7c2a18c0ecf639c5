//! A future goes to another thread only if what it waits for may be used there, and what it will have may go there.

use std::rc::Rc;

use may::channel;
use may::future;
use may::sync::{Mutex, spsc};

fn is_send<T: Send>(_: T) {}

fn receiving() {
    let (sender, receiver) = channel::bounded::<Rc<i32>>(1);
    is_send(receiver.recv_async());
    is_send(sender.send_async(Rc::new(1)));
}

fn joining() {
    let handle = may::coroutine::spawn_local(|| Rc::new(1));
    is_send(handle.into_future());
}

fn locking() {
    let mutex = Mutex::new(Rc::new(1));
    is_send(mutex.lock_async());
}

fn spawned() {
    let local = Rc::new(1);
    future::spawn(async move { drop(local) });
}

fn guard_across_an_await() {
    future::spawn(async {
        let mutex = Mutex::new(1);
        let guard = mutex.lock_async().await.unwrap();
        future::sleep(std::time::Duration::ZERO).await;
        drop(guard);
    });
}

fn one_receiver_at_a_time() {
    let (_sender, mut receiver) = spsc::channel::<i32>();
    let first = receiver.recv_async();
    drop(receiver.try_recv());
    drop(first);
}

fn main() {}
