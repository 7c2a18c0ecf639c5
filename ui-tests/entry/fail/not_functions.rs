#[may::main]
struct Structure;

#[may::test]
impl Structure {
    #[allow(dead_code)]
    fn method() {}
}

#[may::main]
mod module {}

trait Trait {
    #[may::main]
    fn method();
}

fn main() {}
