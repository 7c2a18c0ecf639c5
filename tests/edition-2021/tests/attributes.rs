//! The attributes in a crate of edition 2021, in which `impl Trait` in a result captures no
//! lifetimes of its own accord.

use may::coroutine;

#[may::coroutine]
fn longest<'a>(words: &'a [String], other: &str) -> Option<&'a String> {
    let longest = words.iter().max_by_key(|word| word.len())?;
    (longest.len() > other.len()).then_some(longest)
}

struct Counter(usize);

impl Counter {
    #[may::coroutine(name = "plus-{more}")]
    fn plus(&mut self, more: usize) -> usize {
        self.0 += more;
        self.0
    }

    #[may::coroutine]
    fn parts(self, (a, _): (Vec<u8>, Vec<u8>), limit: &usize) -> usize {
        self.0 + a.len() + *limit
    }
}

#[may::test]
fn borrowed_arguments_are_captured() {
    let words = ["a".to_owned(), "word".to_owned()];
    let other = "two".to_owned();
    let mut counter = Counter(1);
    coroutine::scope(|s| {
        let found = longest(&words, &other).spawn_in(s);
        assert_eq!(counter.plus(2).spawn_in(s).join().unwrap(), 3);
        assert_eq!(found.join().unwrap(), Some(&words[1]));
    });
    assert_eq!(counter.parts((vec![1], vec![]), &4).call(), 8);
}

#[may::test]
fn the_edition_is_that_of_before() {
    // A word that edition 2024 keeps for itself.
    let gen = 1;
    assert_eq!(may::go!(move || gen).join().unwrap(), 1);
}
