//! A fuzzer: whatever tokens the macros are given, they expand, at worst to compile errors, and do
//! not panic.
//!
//! Token soup is made of valid inputs that are damaged, and of words that mean something.
//! `MAY_FUZZ_SECONDS` says for how long, `MAY_TEST_SEED` takes up one seed. What has failed once is
//! in [`REGRESSIONS`].

use std::time::{Duration, Instant};
use std::{env, panic, thread};

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use crate::entry::Entry;
use crate::{coroutine, select};

/// What there is to damage: arms of a select, arguments of attributes, and items.
const SEEDS: &[&str] = &[
    "biased; Ok(a) = recv(rx) else { return } if x > 0 => a, send(tx, f(1)) => {} default => 0",
    "match recv(rx) { Ok(m) => f(m), Err(_) => return, } after(D) => { g() } #[cfg(unix)] wait(token) => h()",
    "n = read(stream, &mut buffer[..]) => n?, _ = run { f(); g() } => (), x = run(|| y) => x, self.rx.recv() => {}",
    "biased, match default { () => idle(), } at(t) => 1, p = acquire(s, 2) => drop(p), cancelled() => {}",
    "workers = 4, stack = \"64k\", name = \"w-{id}\", on_exit = \"cancel\", timeout = \"5s\", crate = may::x, local, pin = true",
    "#[ignore] pub(crate) async unsafe extern \"C\" fn f<'a, T: Fn(u8) -> u8>(&mut self, (a, mut b): (u8, T), ..) -> Result<(), E> where T: X { body }",
    "fn main() -> impl Termination { let x = 1; x }",
];

/// Words that mean something somewhere.
const WORDS: &[&str] = &[
    "biased",
    "default",
    "match",
    "if",
    "else",
    "recv",
    "send",
    "run",
    "lock",
    "on",
    "cancelled",
    "fn",
    "async",
    "const",
    "self",
    "stack",
    "workers",
    "name",
    "timeout",
    "\"64k\"",
    "\"{x}\"",
    "\"{\"",
    "\"99999999999999999999s\"",
    "99999999999999999999",
    "0",
    "1.5",
    "'a",
    "'a'",
    "r#fn",
    "=",
    "=>",
    "==",
    "->",
    "|",
    "||",
    "&",
    "&&",
    ".",
    "..",
    ",",
    ";",
    ":",
    "::",
    "<",
    ">",
    "#",
    "!",
    "?",
    "$",
    "_",
    "()",
    "{}",
    "[]",
    "(,)",
    "{=>}",
    "[$crate]",
    "#[cfg(unix)]",
    "#![x]",
];

/// What a macro has panicked with.
const REGRESSIONS: &[&str] = &["cancelled() ==> {}"];

thread_local! {
    /// All of these as tokens.
    static TOKENS: [Vec<TokenStream>; 2] = [SEEDS, WORDS].map(|texts| {
        let parse = |text: &&str| text.parse().unwrap_or_else(|_| panic!("{text} is no token"));
        texts.iter().map(parse).collect()
    });
}

/// Marsaglia's xorshift64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit
    }
}

/// One of the seeds, or of the words.
fn one_of(which: usize, random: &mut Random) -> TokenStream {
    TOKENS.with(|tokens| tokens[which][random.below(tokens[which].len())].clone())
}

/// Tokens of which some are left out, doubled, exchanged, replaced, or put into a group, at all
/// depths.
fn damage(tokens: TokenStream, random: &mut Random, much: usize) -> TokenStream {
    let mut damaged: Vec<TokenTree> = Vec::new();
    for token in tokens {
        let token = match token {
            TokenTree::Group(group) => {
                let inner = damage(group.stream(), random, much);
                Group::new(delimiter(random, group.delimiter()), inner).into()
            }
            token => token,
        };
        match random.below(much) {
            0 => {}
            1 => damaged.extend([token.clone(), token]),
            2 => {
                damaged.push(token);
                let other = random.below(damaged.len());
                let last = damaged.len() - 1;
                damaged.swap(other, last);
            }
            3 => damaged.extend(words(random)),
            4 => {
                damaged.push(token);
                damaged.extend(words(random));
            }
            _ => damaged.push(token),
        }
    }
    damaged.into_iter().collect()
}

/// Mostly the same one.
fn delimiter(random: &mut Random, same: Delimiter) -> Delimiter {
    match random.below(40) {
        0 => Delimiter::None,
        1 => Delimiter::Brace,
        2 => Delimiter::Bracket,
        3 => Delimiter::Parenthesis,
        _ => same,
    }
}

fn words(random: &mut Random) -> TokenStream {
    one_of(1, random)
}

fn soup(random: &mut Random) -> TokenStream {
    match random.below(8) {
        0 => (0..random.below(12)).map(|_| words(random)).collect(),
        _ => {
            let tokens = one_of(0, random);
            let much = 5 + random.below(60);
            damage(tokens, random, much)
        }
    }
}

fn expand(first: &TokenStream, second: &TokenStream) {
    let path: TokenTree = Group::new(Delimiter::Bracket, quote::quote!(may)).into();
    let all: TokenStream = [path.into(), first.clone()].into_iter().collect();
    for expansion in [
        select::expand(first.clone()),
        select::expand(all),
        Entry::Main.expand(first.clone(), second.clone()),
        Entry::Test.expand(first.clone(), second.clone()),
        coroutine::expand(first.clone(), second.clone()),
    ] {
        // Written as the compiler would ask for it in a message.
        drop(expansion.to_string());
    }
}

#[test]
fn what_has_panicked_once() {
    for text in REGRESSIONS {
        let tokens: TokenStream = text.parse().expect("tokens");
        expand(&tokens, &tokens);
    }
}

fn expand_soup(seed: u64) {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let (first, second) = (soup(&mut random), soup(&mut random));
    if let Err(payload) = panic::catch_unwind(|| expand(&first, &second)) {
        eprintln!("this was with MAY_TEST_SEED={seed}:\n{first}\n{second}");
        panic::resume_unwind(payload);
    }
}

#[test]
fn token_soup_expands() {
    /// What is parsed is kept for as long as the thread is there, and looked through later.
    const PER_THREAD: u64 = 500;

    let number = |name| {
        env::var(name)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    let seconds = Duration::from_secs(number("MAY_FUZZ_SECONDS").unwrap_or(1));
    let only = number("MAY_TEST_SEED");
    let first = only.unwrap_or_else(|| {
        let since = std::time::UNIX_EPOCH.elapsed();
        since.map_or(1, |since| since.as_nanos() as u64)
    });
    let (start, mut rounds) = (Instant::now(), 0);
    while start.elapsed() < seconds {
        let seeds = first.wrapping_add(rounds)..first.wrapping_add(rounds + PER_THREAD);
        let last = if only.is_some() { 1 } else { PER_THREAD };
        let run = move || seeds.take(last as usize).for_each(expand_soup);
        if let Err(payload) = thread::spawn(run).join() {
            panic::resume_unwind(payload);
        }
        rounds += last;
        if only.is_some() {
            break;
        }
    }
    println!("{rounds} rounds");
}
