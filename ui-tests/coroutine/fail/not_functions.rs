#[may::coroutine]
struct Structure;

#[may::coroutine]
impl Structure {}

#[may::coroutine]
mod module {}

trait Trait {
    #[may::coroutine]
    fn method(&self);
}

fn main() {}
