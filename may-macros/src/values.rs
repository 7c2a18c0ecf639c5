//! The values that options take: counts, sizes, and words such as `"cores"`.
//!
//! Numbers may be any constant expression. What is written out as a literal is checked here; what is not goes into the
//! expansion as it is, where the configuration checks it, still at compile time.

use proc_macro2::{TokenStream, TokenTree};
use quote::quote;
use syn::Lit;

use crate::diag::{Fault, describe};

/// The smallest stack, in bytes: a panic that prints its backtrace takes 22 KiB.
const STACK_MIN_BYTES: u64 = 32 * 1024;

/// A word that may stand for a number.
#[derive(Debug)]
pub(crate) struct Word {
    /// Is what the user writes, in quotes.
    pub(crate) text: &'static str,
    /// Names the method of the configuration that takes the place of the one for numbers.
    pub(crate) setter: &'static str,
    /// Says what the word does, as the end of a sentence that begins with the word.
    pub(crate) about: &'static str,
}

/// A value as an option understands it.
#[derive(Debug)]
pub(crate) enum Value {
    /// Is an expression to be passed on.
    Expression(TokenStream),
    /// Is one of the words that the option knows.
    Word(&'static Word),
}

/// What stands behind the `=`, as far as options can tell it apart.
enum Raw {
    /// Is an integer literal with its value and its suffix.
    Integer(u64, String),
    /// Is an integer literal that fits no number.
    Huge,
    /// Is a string literal.
    Text(String),
    /// Is something that can be no number: another literal, a boolean.
    Other,
    /// Is a minus sign and a number.
    Negative,
    /// Is anything else, and left to the compiler.
    Expression,
}

impl Raw {
    /// Looks at a value.
    fn of(value: &TokenStream) -> Self {
        match value.clone().into_iter().collect::<Vec<_>>().as_slice() {
            [TokenTree::Literal(literal)] => match Lit::new(literal.clone()) {
                Lit::Int(number) => match number.base10_parse::<u64>() {
                    Ok(integer) => Self::Integer(integer, number.suffix().to_owned()),
                    // With an unknown suffix `base10_parse` fails as well; the digits are what counts.
                    Err(_) => match number.base10_digits().parse() {
                        Ok(integer) => Self::Integer(integer, number.suffix().to_owned()),
                        Err(_) => Self::Huge,
                    },
                },
                Lit::Str(text) => Self::Text(text.value()),
                _ => Self::Other,
            },
            [TokenTree::Ident(word)] if word == "true" || word == "false" => Self::Other,
            [TokenTree::Punct(minus), TokenTree::Literal(_)] if minus.as_char() == '-' => {
                Self::Negative
            }
            _ => Self::Expression,
        }
    }
}

/// Tells whether a number with this suffix is a plain number.
fn is_number_suffix(suffix: &str) -> bool {
    suffix.is_empty() || suffix == "usize"
}

/// Reads a count of at least 1, or one of `words`, for the option `name`.
pub(crate) fn count(
    name: &str,
    value: &TokenStream,
    words: &'static [Word],
) -> Result<Value, Fault> {
    let with_word = |word: &Word| format!("`{name} = \"{}\"` {}", word.text, word.about);
    let examples = || {
        let number = format!("`{name} = 4`");
        words.iter().fold(number, |all, word| {
            format!("{all}, or `{name} = \"{}\"`", word.text)
        })
    };
    match Raw::of(value) {
        Raw::Integer(0, suffix) if is_number_suffix(&suffix) => Err(too_few(name, value, words)),
        Raw::Negative => Err(too_few(name, value, words)),
        Raw::Integer(_, suffix) if is_number_suffix(&suffix) => {
            Ok(Value::Expression(value.clone()))
        }
        Raw::Integer(number, _) => Err(Fault::with_help(
            value,
            format!("expected an integer, found `{value}`"),
            format!("`{name} = {number}`"),
        )),
        Raw::Huge => Err(Fault::at(value, format!("`{value}` is too large"))),
        Raw::Text(text) => {
            if let Some(word) = words.iter().find(|word| word.text == text) {
                return Ok(Value::Word(word));
            }
            let help = if let Ok(number @ 1..) = text.trim().parse::<u64>() {
                format!("`{name} = {number}`")
            } else {
                match crate::similar::closest(&text, words.iter().map(|word| word.text)) {
                    Some(word) => format!("did you mean `\"{word}\"`?"),
                    None => examples(),
                }
            };
            Err(Fault::with_help(
                value,
                "expected an integer, found a string",
                help,
            ))
        }
        Raw::Other => Err(Fault::with_help(
            value,
            format!("expected an integer, found {}", describe(value)),
            examples(),
        )),
        Raw::Expression => match words.iter().find(|word| value.to_string() == word.text) {
            Some(word) => Err(Fault::with_help(
                value,
                format!("expected an integer, found `{}`", word.text),
                with_word(word),
            )),
            None => Ok(Value::Expression(value.clone())),
        },
    }
}

/// Describes a count below 1.
fn too_few(name: &str, value: &TokenStream, words: &[Word]) -> Fault {
    let message = format!("`{name}` must be at least 1");
    match words.first() {
        Some(word) => {
            let help = format!("`{name} = \"{}\"` {}", word.text, word.about);
            Fault::with_help(value, message, help)
        }
        None => Fault::at(value, message),
    }
}

/// Reads the size of a stack: bytes, or a string with a unit.
pub(crate) fn size(value: &TokenStream) -> Result<Value, Fault> {
    let (text, bytes) = match Raw::of(value) {
        Raw::Expression => return Ok(Value::Expression(value.clone())),
        Raw::Integer(bytes, suffix) if is_number_suffix(&suffix) => {
            let unit = if bytes == 1 { "byte" } else { "bytes" };
            (format!("{bytes} {unit}"), Some(bytes))
        }
        // `64k` without quotes is a number with a strange suffix.
        Raw::Integer(..) => (value.to_string(), None),
        Raw::Text(text) => {
            let bytes = parse_size(&text);
            (text, bytes)
        }
        Raw::Huge => (value.to_string(), None),
        Raw::Other | Raw::Negative => {
            let message = format!("expected a size, found {}", describe(value));
            return Err(Fault::with_help(
                value,
                message,
                "write `\"64k\"` or `65536`",
            ));
        }
    };
    match bytes {
        Some(bytes) if bytes < STACK_MIN_BYTES => Err(Fault::with_help(
            value,
            format!("a stack of {text} is too small"),
            format!("the smallest is {}k", STACK_MIN_BYTES / 1024),
        )),
        Some(bytes) => {
            let literal = proc_macro2::Literal::u64_unsuffixed(bytes);
            Ok(Value::Expression(quote!(#literal)))
        }
        None => Err(Fault::with_help(
            value,
            format!("`{text}` is not a size"),
            size_help(&text),
        )),
    }
}

/// Reads "65536", "64k", "64KiB", "1m" or "1 GiB" as bytes.
fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let (digits, unit) = text.split_at(
        text.find(|c: char| !c.is_ascii_digit() && c != '_')
            .unwrap_or(text.len()),
    );
    let shift = match unit.trim().to_ascii_lowercase().as_str() {
        "" => 0,
        "k" | "kib" => 10,
        "m" | "mib" => 20,
        "g" | "gib" => 30,
        _ => return None,
    };
    let number = digits.replace('_', "").parse::<u64>().ok()?;
    number.checked_mul(1 << shift)
}

/// Returns what the user of a size that is none might have meant.
fn size_help(text: &str) -> String {
    let trimmed = text.trim();
    let digits: String = trimmed.chars().take_while(char::is_ascii_digit).collect();
    let unit = trimmed[digits.len()..].trim_start().to_ascii_lowercase();
    // The first letter of a unit decides: kb, kB, kbytes are all meant to be k.
    let guess = unit
        .chars()
        .next()
        .map(|letter| format!("{digits}{letter}"));
    match guess.and_then(|guess| Some((parse_size(&guess)?, guess))) {
        Some((bytes, guess)) if bytes >= STACK_MIN_BYTES => {
            format!("write `\"{guess}\"` or `{bytes}`")
        }
        _ => String::from("write `\"64k\"` or `65536`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Faults;

    /// Is what `workers` accepts.
    const WORDS: &[Word] = &[Word {
        text: "cores",
        setter: "all_cores",
        about: "uses every core",
    }];

    /// Returns what a value becomes, or the message.
    fn show(value: Result<Value, Fault>) -> String {
        match value {
            Ok(Value::Expression(tokens)) => tokens.to_string(),
            Ok(Value::Word(word)) => word.setter.to_owned(),
            Err(fault) => {
                let mut faults = Faults::default();
                faults.add(fault);
                faults.messages().join("\n")
            }
        }
    }

    #[test]
    fn counts() {
        let read = |value| show(count("workers", &value, WORDS));
        let at_least = "`workers` must be at least 1\nhelp: `workers = \"cores\"` uses every core";
        let examples = "help: `workers = 4`, or `workers = \"cores\"`";
        assert_eq!(read(quote!(4)), "4");
        assert_eq!(read(quote!(4usize)), "4usize");
        assert_eq!(read(quote!(0x10)), "0x10");
        assert_eq!(read(quote!("cores")), "all_cores");
        assert_eq!(read(quote!(N + 1)), "N + 1");
        assert_eq!(read(quote!(0)), at_least);
        assert_eq!(read(quote!(-1)), at_least);
        assert_eq!(
            read(quote!("4")),
            "expected an integer, found a string\nhelp: `workers = 4`"
        );
        assert_eq!(
            read(quote!("core")),
            "expected an integer, found a string\nhelp: did you mean `\"cores\"`?"
        );
        assert_eq!(
            read(quote!("many")),
            format!("expected an integer, found a string\n{examples}")
        );
        assert_eq!(
            read(quote!(1.5)),
            format!("expected an integer, found a float\n{examples}")
        );
        assert_eq!(
            read(quote!(true)),
            format!("expected an integer, found a boolean\n{examples}")
        );
        assert_eq!(
            read(quote!(cores)),
            "expected an integer, found `cores`\nhelp: `workers = \"cores\"` uses every core"
        );
        assert_eq!(
            read("4k".parse().unwrap()),
            "expected an integer, found `4k`\nhelp: `workers = 4`"
        );
        assert_eq!(
            read("99999999999999999999".parse().unwrap()),
            "`99999999999999999999` is too large"
        );
    }

    #[test]
    fn sizes() {
        let read = |value: &str| show(size(&value.parse().unwrap()));
        for (text, bytes) in [
            ("65536", "65536"),
            ("65_536", "65536"),
            ("0x10000", "65536"),
            ("\"65536\"", "65536"),
            ("\"64k\"", "65536"),
            ("\"64K\"", "65536"),
            ("\"64KiB\"", "65536"),
            ("\"64 kib\"", "65536"),
            ("\"1m\"", "1048576"),
            ("\"1MiB\"", "1048576"),
            ("\"2g\"", "2147483648"),
            ("\"32k\"", "32768"),
        ] {
            assert_eq!(read(text), bytes, "{text}");
        }
        assert_eq!(read("4 * SIZE"), "4 * SIZE");
        for (text, message) in [
            (
                "\"64kb\"",
                "`64kb` is not a size\nhelp: write `\"64k\"` or `65536`",
            ),
            (
                "64k",
                "`64k` is not a size\nhelp: write `\"64k\"` or `65536`",
            ),
            (
                "\"2 MB\"",
                "`2 MB` is not a size\nhelp: write `\"2m\"` or `2097152`",
            ),
            (
                "\"large\"",
                "`large` is not a size\nhelp: write `\"64k\"` or `65536`",
            ),
            ("\"\"", "`` is not a size\nhelp: write `\"64k\"` or `65536`"),
            (
                "\"k\"",
                "`k` is not a size\nhelp: write `\"64k\"` or `65536`",
            ),
            (
                "\"64k64\"",
                "`64k64` is not a size\nhelp: write `\"64k\"` or `65536`",
            ),
            (
                "\"ü\"",
                "`ü` is not a size\nhelp: write `\"64k\"` or `65536`",
            ),
            (
                "\"99999999999999g\"",
                "`99999999999999g` is not a size\nhelp: write `\"64k\"` or `65536`",
            ),
            (
                "\"1k\"",
                "a stack of 1k is too small\nhelp: the smallest is 32k",
            ),
            (
                "1024",
                "a stack of 1024 bytes is too small\nhelp: the smallest is 32k",
            ),
            (
                "1.5",
                "expected a size, found a float\nhelp: write `\"64k\"` or `65536`",
            ),
            (
                "false",
                "expected a size, found a boolean\nhelp: write `\"64k\"` or `65536`",
            ),
            (
                "-1",
                "expected a size, found `- 1`\nhelp: write `\"64k\"` or `65536`",
            ),
        ] {
            assert_eq!(read(text), message, "{text}");
        }
    }
}
