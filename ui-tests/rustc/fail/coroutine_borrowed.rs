//! A borrowed argument is for scopes.

#[may::coroutine]
fn count(words: &[String]) -> usize {
    words.len()
}

fn main() {
    let words = vec![String::new()];
    let _ = count(&words).spawn();
}
