#[may::coroutine]
#[may::coroutine(local)]
fn twice() {}

#[may::coroutine]
#[test]
fn test() {}

#[may::coroutine]
#[may::test]
fn test_of_ours() {}

#[may::coroutine]
#[may::main]
fn entry() {}

fn main() {
    twice().call();
    test().call();
}
