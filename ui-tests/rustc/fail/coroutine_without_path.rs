//! The name alone belongs to the compiler.

use may::coroutine;

#[coroutine]
fn without_path() {}

fn main() {
    coroutine::spawn(|| ());
}
