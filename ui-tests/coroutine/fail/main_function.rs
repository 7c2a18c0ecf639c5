#[may::coroutine]
fn main() {}
