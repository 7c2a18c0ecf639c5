//! While a body is being typed, everything around it is still there: the messages are about the body.

#[may::coroutine]
fn half_typed(words: Vec<String>) -> usize {
    words.
}

fn main() {
    let _: usize = half_typed(vec![]).call();
}
