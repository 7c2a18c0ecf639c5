#[may::coroutine]
unsafe extern "C" fn variadic(_first: u8, _: ...) {}

fn main() {}
