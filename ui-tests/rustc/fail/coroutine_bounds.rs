//! What may not go to another worker, or live longer than what it borrows.

use std::rc::Rc;

#[may::coroutine]
fn not_send(shared: Rc<u8>) -> u8 {
    *shared
}

struct Holder(Rc<u8>);

#[may::coroutine]
fn in_a_pattern(Holder(shared): Holder, _: *mut u8, fine: u8) -> u8 {
    *shared + fine
}

impl Holder {
    #[may::coroutine]
    fn method(&self) -> u8 {
        *self.0
    }
}

#[may::coroutine]
fn result_not_send() -> Rc<u8> {
    Rc::new(1)
}

#[may::coroutine(local)]
fn local(shared: Rc<u8>) -> u8 {
    *shared
}

#[may::coroutine]
fn count(words: &[String]) -> usize {
    words.len()
}

fn main() {
    let _ = result_not_send().spawn();
    let _ = local(Rc::new(1)).spawn();
    let _ = count(&[]).spawn_in(1);
    may::coroutine::spawn(count(&[]));
}
