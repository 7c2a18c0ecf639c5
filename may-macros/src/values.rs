//! The values that options take: counts, sizes, times, texts, and words such as `"cores"`.
//!
//! Numbers may be any constant expression. What is written out as a literal is checked here; what
//! is not goes into the expansion as it is, where the configuration checks it, still at compile
//! time.

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
    fn of(value: &TokenStream) -> Self {
        match value.clone().into_iter().collect::<Vec<_>>().as_slice() {
            [TokenTree::Literal(literal)] => match Lit::new(literal.clone()) {
                Lit::Int(number) => match number.base10_parse::<u64>() {
                    Ok(integer) => Self::Integer(integer, number.suffix().to_owned()),
                    // With an unknown suffix `base10_parse` fails as well; the digits are what
                    // counts.
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
    example: &str,
    value: &TokenStream,
    words: &'static [Word],
) -> Result<Value, Fault> {
    let with_word = |word: &Word| format!("`{name} = \"{}\"` {}", word.text, word.about);
    let examples = || {
        let number = format!("`{name} = {example}`");
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

/// Reads a time: a string with a unit, or an expression for a `Duration`.
pub(crate) fn duration(name: &str, value: &TokenStream) -> Result<Value, Fault> {
    const HELP: &str = "write `\"5s\"` or `\"300ms\"`";
    let (shown, milliseconds) = match Raw::of(value) {
        Raw::Expression => return Ok(Value::Expression(value.clone())),
        Raw::Text(text) => {
            let milliseconds = parse_duration(&text);
            (text, milliseconds)
        }
        _ => (value.to_string().replace(' ', ""), None),
    };
    match milliseconds {
        Some(0) => Err(Fault::with_help(
            value,
            format!("`{name}` must be more than 0"),
            HELP,
        )),
        Some(milliseconds) => {
            let literal = proc_macro2::Literal::u64_unsuffixed(milliseconds);
            Ok(Value::Expression(
                quote!(::core::time::Duration::from_millis(#literal)),
            ))
        }
        None => {
            // A number alone is mostly meant to be seconds.
            let help = match Raw::of(value) {
                Raw::Integer(number @ 1.., suffix) if suffix.is_empty() => {
                    format!("write `\"{number}s\"` or `\"{number}ms\"`")
                }
                _ => HELP.to_owned(),
            };
            Err(Fault::with_help(
                value,
                format!("`{shown}` is not a duration"),
                help,
            ))
        }
    }
}

/// Reads "300ms", "5s", "2m" or "1h" as milliseconds.
fn parse_duration(text: &str) -> Option<u64> {
    let text = text.trim();
    let (digits, unit) = text.split_at(
        text.find(|c: char| !c.is_ascii_digit() && c != '_')
            .unwrap_or(text.len()),
    );
    let milliseconds = match unit.trim() {
        "ms" => 1,
        "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    let number = digits.replace('_', "").parse::<u64>().ok()?;
    number.checked_mul(milliseconds)
}

/// Reads `true` or `false`, or an expression for one.
pub(crate) fn boolean(name: &str, value: &TokenStream) -> Result<Value, Fault> {
    let is_literal = matches!(value.to_string().as_str(), "true" | "false");
    match Raw::of(value) {
        _ if is_literal => Ok(Value::Expression(value.clone())),
        Raw::Expression => Ok(Value::Expression(value.clone())),
        raw => {
            let meant = match raw {
                Raw::Text(text) if text.trim() == "false" => false,
                Raw::Integer(0, _) => false,
                _ => true,
            };
            Err(Fault::with_help(
                value,
                format!("expected `true` or `false`, found {}", describe(value)),
                format!("`{name} = {meant}`"),
            ))
        }
    }
}

/// Reads a text that is not empty, or an expression for one.
pub(crate) fn text(name: &str, example: &str, value: &TokenStream) -> Result<Value, Fault> {
    match Raw::of(value) {
        Raw::Text(text) if text.is_empty() => Err(Fault::with_help(
            value,
            format!("`{name}` must not be empty"),
            format!("`{name} = {example}`"),
        )),
        Raw::Text(text) if text.contains('\0') => Err(Fault::at(
            value,
            format!("`{name}` must not contain a zero byte"),
        )),
        Raw::Text(_) | Raw::Expression => Ok(Value::Expression(value.clone())),
        _ => Err(Fault::with_help(
            value,
            format!("expected a string, found {}", describe(value)),
            format!("`{name} = {example}`"),
        )),
    }
}

pub(crate) fn choice(
    name: &str,
    value: &TokenStream,
    words: &'static [Word],
) -> Result<Value, Fault> {
    let text = match Raw::of(value) {
        Raw::Text(text) => text,
        _ => {
            let bare = words.iter().find(|word| value.to_string() == word.text);
            let help = match bare {
                Some(word) => format!("write it in quotes: `{name} = \"{}\"`", word.text),
                None => list(words),
            };
            let message = format!("expected a string, found {}", describe(value));
            return Err(Fault::with_help(value, message, help));
        }
    };
    words
        .iter()
        .find(|word| word.text == text)
        .map(Value::Word)
        .ok_or_else(|| {
            let help = match crate::similar::closest(&text, words.iter().map(|word| word.text)) {
                Some(word) => format!("did you mean `\"{word}\"`?"),
                None => list(words),
            };
            Fault::with_help(value, format!("`{name}` cannot be `\"{text}\"`"), help)
        })
}

/// Lists what `words` there are, as a help.
fn list(words: &[Word]) -> String {
    let lines = words
        .iter()
        .map(|word| format!("`\"{}\"` {}", word.text, word.about));
    lines.collect::<Vec<_>>().join("; ")
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
        let read = |value| show(count("workers", "4", &value, WORDS));
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

    #[test]
    fn durations() {
        let read = |value: &str| show(duration("timeout", &value.parse().unwrap()));
        for (text, milliseconds) in [
            ("\"5s\"", 5_000),
            ("\"300ms\"", 300),
            ("\"2 m\"", 120_000),
            ("\"2min\"", 120_000),
            ("\"1_0s\"", 10_000),
            ("\"1h\"", 3_600_000),
        ] {
            let expected = quote!(::core::time::Duration::from_millis).to_string();
            assert_eq!(read(text), format!("{expected} ({milliseconds})"), "{text}");
        }
        assert_eq!(read("LIMIT"), "LIMIT");
        let help = "help: write `\"5s\"` or `\"300ms\"`";
        for (text, message) in [
            (
                "5",
                "`5` is not a duration\nhelp: write `\"5s\"` or `\"5ms\"`".to_owned(),
            ),
            ("\"5\"", format!("`5` is not a duration\n{help}")),
            ("5s", format!("`5s` is not a duration\n{help}")),
            ("\"5sec\"", format!("`5sec` is not a duration\n{help}")),
            ("\"\"", format!("`` is not a duration\n{help}")),
            ("-1", format!("`-1` is not a duration\n{help}")),
            ("1.5", format!("`1.5` is not a duration\n{help}")),
            ("true", format!("`true` is not a duration\n{help}")),
            ("\"0s\"", format!("`timeout` must be more than 0\n{help}")),
        ] {
            assert_eq!(read(text), message, "{text}");
        }
    }

    #[test]
    fn booleans() {
        let read = |value: &str| show(boolean("pin", &value.parse().unwrap()));
        assert_eq!(read("true"), "true");
        assert_eq!(read("false"), "false");
        assert_eq!(read("cfg!(unix)"), "cfg ! (unix)");
        for (text, found, meant) in [
            ("\"true\"", "a string", true),
            ("\"false\"", "a string", false),
            ("1", "`1`", true),
            ("0", "`0`", false),
        ] {
            let message =
                format!("expected `true` or `false`, found {found}\nhelp: `pin = {meant}`");
            assert_eq!(read(text), message);
        }
    }

    #[test]
    fn texts() {
        let read = |value: &str| show(text("name", "\"server\"", &value.parse().unwrap()));
        assert_eq!(read("\"x\""), "\"x\"");
        assert_eq!(read("NAME"), "NAME");
        let help = "help: `name = \"server\"`";
        assert_eq!(read("\"\""), format!("`name` must not be empty\n{help}"));
        assert_eq!(read("4"), format!("expected a string, found `4`\n{help}"));
        assert_eq!(read("\"a\\0b\""), "`name` must not contain a zero byte");
    }

    #[test]
    fn choices() {
        const EXITS: &[Word] = &[
            Word {
                text: "leave",
                setter: "leave_on_exit",
                about: "leaves them",
            },
            Word {
                text: "join",
                setter: "join_on_exit",
                about: "waits",
            },
        ];
        let read = |value: &str| show(choice("on_exit", &value.parse().unwrap(), EXITS));
        let list = "help: `\"leave\"` leaves them; `\"join\"` waits";
        assert_eq!(read("\"join\""), "join_on_exit");
        assert_eq!(
            read("\"Join\""),
            "`on_exit` cannot be `\"Join\"`\nhelp: did you mean `\"join\"`?"
        );
        assert_eq!(
            read("\"stop\""),
            format!("`on_exit` cannot be `\"stop\"`\n{list}")
        );
        assert_eq!(
            read("join"),
            "expected a string, found `join`\nhelp: write it in quotes: `on_exit = \"join\"`"
        );
        assert_eq!(read("4"), format!("expected a string, found `4`\n{list}"));
    }
}
