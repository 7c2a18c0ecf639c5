//! The options of an attribute, driven by a table.
//!
//! A new option is a new row: its name, the kind of its value, the method of the configuration that
//! takes it, what it is for and what holds without it. Parser, messages and "did you mean" come
//! from the table, and so do the tables in the documentation, which tests hold against it.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};

use crate::diag::{Fault, Faults, describe, enumerate};
use crate::krate;
use crate::similar;
use crate::template::Template;
use crate::values::{self, Value, Word};

/// One row of the table: an option that an attribute knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// Is what the user writes before the `=`.
    pub(crate) name: &'static str,
    /// Tells which values it takes.
    pub(crate) kind: Kind,
    /// Is a value that would be right, for messages.
    pub(crate) example: &'static str,
    /// Says what holds without the option, for the documentation.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "tests hold the documentation against it")
    )]
    pub(crate) default: &'static str,
    /// Says what the option is for and what it takes, for the documentation.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "tests hold the documentation against it")
    )]
    pub(crate) help: &'static str,
}

/// What kind of value an option takes, and where it goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// Takes a number of at least 1, or one of some words.
    Count {
        /// Names the method of the configuration that takes the number.
        setter: &'static str,
        /// Lists the words, each with its own method.
        words: &'static [Word],
    },
    /// Takes the size of a stack.
    Size {
        /// Names the method of the configuration that takes the bytes.
        setter: &'static str,
    },
    /// Takes a time.
    Duration {
        /// Names the method of the configuration that takes the time.
        setter: &'static str,
    },
    /// Takes `true` or `false`.
    Bool {
        /// Names the method of the configuration that takes it.
        setter: &'static str,
    },
    /// Takes a text.
    Text {
        /// Names the method of the configuration that takes it.
        setter: &'static str,
    },
    /// Takes a text with placeholders for arguments.
    Template {
        /// Names the method of the configuration that takes it if it has no placeholders.
        setter: &'static str,
    },
    /// Takes one of some words.
    Choice {
        /// Lists the words, each with its own method.
        words: &'static [Word],
    },
    /// Takes no value: it is there or not.
    Flag,
    /// Takes the path under which the expansion finds this crate.
    Crate,
}

/// A name that an option has elsewhere.
#[derive(Debug)]
pub(crate) struct Renamed {
    /// Is the name elsewhere.
    pub(crate) from: &'static str,
    /// Is the name here.
    pub(crate) to: &'static str,
    /// Is a value that would be right here.
    pub(crate) example: &'static str,
}

/// Everything that options need to know about an attribute.
#[derive(Debug)]
pub(crate) struct Table {
    /// Is the attribute as users write it, without `#[` and `]`.
    pub(crate) attribute: &'static str,
    /// Lists the options.
    pub(crate) rows: &'static [Row],
    /// Lists the names that people may bring along.
    pub(crate) renamed: &'static [Renamed],
}

/// What the options of one attribute say.
#[derive(Debug)]
pub(crate) struct Options {
    /// Is the path of this crate.
    pub(crate) krate: TokenStream,
    /// Holds calls to be chained to a configuration, in the order of the options: `.workers(4)`.
    pub(crate) calls: TokenStream,
    /// Holds the text with placeholders, if there is one.
    pub(crate) template: Option<Template>,
    /// Lists the flags that are set.
    pub(crate) flags: Vec<&'static str>,
}

impl Table {
    /// Reads the options in `tokens`, which are what stands between the parentheses of the
    /// attribute.
    ///
    /// Whatever is wrong is added to `faults`, and everything else still counts.
    pub(crate) fn parse(&self, tokens: TokenStream, faults: &mut Faults) -> Options {
        let mut options = Options {
            krate: krate::default_path(),
            calls: TokenStream::new(),
            template: None,
            flags: Vec::new(),
        };
        let mut seen: Vec<(&Row, TokenStream)> = Vec::new();
        for part in split_at_commas(tokens) {
            let Some((name, row)) = faults.keep(self.find(&part)) else {
                continue;
            };
            if let Some((_, first)) = seen.iter().find(|(earlier, _)| earlier.name == row.name) {
                let fault = Fault::at(&part, format!("`{}` is set twice", row.name));
                faults.add(fault.and_at(first, "first set here"));
                continue;
            }
            if let Some(value) = faults.keep(row.value(&part)) {
                faults.keep(row.apply(&name, &value, &mut options));
            }
            seen.push((row, part));
        }
        options
    }

    fn find(&self, part: &TokenStream) -> Result<(Ident, &'static Row), Fault> {
        let name = match part.clone().into_iter().next() {
            Some(TokenTree::Ident(name)) => name,
            _ => {
                let message = format!("expected an option, found {}", describe(part));
                return Err(Fault::with_help(part, message, self.list()));
            }
        };
        let text = name.to_string();
        if let Some(row) = self.rows.iter().find(|row| row.name == text) {
            return Ok((name, row));
        }
        if let Some(renamed) = self.renamed.iter().find(|renamed| renamed.from == text) {
            let message = format!("`{text}` is called `{}` here", renamed.to);
            let help = format!("`{} = {}`", renamed.to, renamed.example);
            return Err(Fault::with_help(&name, message, help));
        }
        let message = format!("unknown option `{text}` for `#[{}]`", self.attribute);
        let help = match similar::closest(&text, self.rows.iter().map(|row| row.name)) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => self.list(),
        };
        Err(Fault::with_help(&name, message, help))
    }

    /// Writes the table as the documentation has it.
    #[cfg(test)]
    pub(crate) fn markdown(&self) -> String {
        let rows = self.rows.iter().map(|row| {
            let Row {
                name,
                help,
                default,
                ..
            } = row;
            format!("| `{name}` | {help} | {default} |\n")
        });
        let heading = "| option | value | default |\n|---|---|---|\n".to_owned();
        rows.fold(heading, |table, row| table + &row)
    }

    /// Lists the options, as a help.
    fn list(&self) -> String {
        format!(
            "the options are {}",
            enumerate(self.rows.iter().map(|row| row.name))
        )
    }
}

impl Row {
    /// Shows how the option is written.
    fn assignment(&self) -> String {
        match self.kind {
            Kind::Flag => format!("`{}`", self.name),
            _ => format!("`{} = {}`", self.name, self.example),
        }
    }

    /// Returns the tokens after the `=` of `part`.
    fn value(&self, part: &TokenStream) -> Result<TokenStream, Fault> {
        let mut rest = part.clone().into_iter().skip(1).peekable();
        if let Kind::Flag = self.kind {
            if rest.peek().is_none() {
                return Ok(TokenStream::new());
            }
            let message = format!("`{}` takes no value", self.name);
            return Err(Fault::with_help(
                part,
                message,
                format!("write {}", self.assignment()),
            ));
        }
        let value: TokenStream = match rest.next() {
            Some(TokenTree::Punct(equals)) if equals.as_char() == '=' => rest.collect(),
            _ => TokenStream::new(),
        };
        if value.is_empty() {
            let message = format!("`{}` needs a value", self.name);
            return Err(Fault::with_help(part, message, self.assignment()));
        }
        Ok(value)
    }

    /// Reads a value and puts it where it belongs.
    fn apply(&self, name: &Ident, value: &TokenStream, options: &mut Options) -> Result<(), Fault> {
        let (setter, value) = match self.kind {
            Kind::Count { setter, words } => (
                setter,
                values::count(self.name, self.example, value, words)?,
            ),
            Kind::Size { setter } => (setter, values::size(value)?),
            Kind::Duration { setter } => (setter, values::duration(self.name, value)?),
            Kind::Bool { setter } => (setter, values::boolean(self.name, value)?),
            Kind::Text { setter } => (setter, values::text(self.name, self.example, value)?),
            Kind::Choice { words } => ("", values::choice(self.name, value, words)?),
            Kind::Template { setter } => match Template::parse(self.name, self.example, value)? {
                template if template.has_placeholders() => {
                    options.template = Some(template);
                    return Ok(());
                }
                template => (setter, Value::Expression(template.plain())),
            },
            Kind::Flag => {
                options.flags.push(self.name);
                return Ok(());
            }
            Kind::Crate => {
                options.krate = krate::parse(self.name, value)?;
                return Ok(());
            }
        };
        // With the span of the option's name, what the configuration complains about points at the
        // option.
        let method = |setter: &str| Ident::new(setter, name.span().resolved_at(Span::call_site()));
        options.calls.extend(match value {
            Value::Expression(expression) => {
                let setter = method(setter);
                quote!(.#setter(#expression))
            }
            Value::Word(word) => {
                let setter = method(word.setter);
                quote!(.#setter())
            }
        });
        Ok(())
    }
}

/// Splits at the commas that stand outside of all groups; the last one may be missing.
fn split_at_commas(tokens: TokenStream) -> Vec<TokenStream> {
    let mut parts = Vec::new();
    let mut part = TokenStream::new();
    for token in tokens {
        match &token {
            TokenTree::Punct(comma) if comma.as_char() == ',' => {
                // Two commas in a row are a fault, and the second is the place to show.
                if part.is_empty() {
                    part.extend([token]);
                }
                parts.push(std::mem::take(&mut part));
            }
            _ => token.to_tokens(&mut part),
        }
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Has an option of each kind.
    static TABLE: Table = Table {
        attribute: "may::main",
        rows: &[
            Row {
                name: "workers",
                kind: Kind::Count {
                    setter: "workers",
                    words: &[Word {
                        text: "cores",
                        setter: "all_cores",
                        about: "uses every core",
                    }],
                },
                example: "4",
                default: "",
                help: "",
            },
            Row {
                name: "stack",
                kind: Kind::Size {
                    setter: "stack_bytes",
                },
                example: "\"64k\"",
                default: "",
                help: "",
            },
            Row {
                name: "crate",
                kind: Kind::Crate,
                example: "::may",
                default: "",
                help: "",
            },
        ],
        renamed: &[Renamed {
            from: "worker_threads",
            to: "workers",
            example: "4",
        }],
    };

    /// Returns crate, calls and messages.
    fn read(tokens: &str) -> (String, String, Vec<String>) {
        let mut faults = Faults::default();
        let options = TABLE.parse(tokens.parse().unwrap(), &mut faults);
        (
            options.krate.to_string(),
            options.calls.to_string(),
            faults.messages(),
        )
    }

    fn messages(tokens: &str) -> Vec<String> {
        read(tokens).2
    }

    #[test]
    fn options_become_calls() {
        for (tokens, krate, calls) in [
            ("", ":: may", ""),
            ("workers = 4", ":: may", ". workers (4)"),
            ("workers = 4,", ":: may", ". workers (4)"),
            ("workers = \"cores\"", ":: may", ". all_cores ()"),
            ("workers = f(1, 2)", ":: may", ". workers (f (1 , 2))"),
            (
                "stack = \"64k\", workers = N",
                ":: may",
                ". stack_bytes (65536) . workers (N)",
            ),
            (
                "crate = a::b, stack = 65536",
                "a :: b",
                ". stack_bytes (65536)",
            ),
        ] {
            assert_eq!(
                read(tokens),
                (krate.into(), calls.into(), vec![]),
                "{tokens}"
            );
        }
    }

    #[test]
    fn unknown_options_get_a_suggestion_or_the_list() {
        assert_eq!(
            messages("worker = 4"),
            ["unknown option `worker` for `#[may::main]`\nhelp: did you mean `workers`?"]
        );
        assert_eq!(
            messages("Workers = 4"),
            ["unknown option `Workers` for `#[may::main]`\nhelp: did you mean `workers`?"]
        );
        assert_eq!(
            messages("colour = 4"),
            ["unknown option `colour` for `#[may::main]`\n\
              help: the options are `workers`, `stack` and `crate`"]
        );
        assert_eq!(
            messages("worker_threads = 4"),
            ["`worker_threads` is called `workers` here\nhelp: `workers = 4`"]
        );
    }

    #[test]
    fn things_that_are_no_options_are_refused() {
        let help = "help: the options are `workers`, `stack` and `crate`";
        assert_eq!(
            messages("4"),
            [format!("expected an option, found `4`\n{help}")]
        );
        assert_eq!(
            messages("\"4\""),
            [format!("expected an option, found a string\n{help}")]
        );
        assert_eq!(
            messages(",workers = 4"),
            [format!("expected an option, found `,`\n{help}")]
        );
    }

    #[test]
    fn values_must_be_there() {
        for tokens in ["workers", "workers =", "workers(4)", "workers: 4"] {
            assert_eq!(
                messages(tokens),
                ["`workers` needs a value\nhelp: `workers = 4`"],
                "{tokens}"
            );
        }
        assert_eq!(
            messages("stack"),
            ["`stack` needs a value\nhelp: `stack = \"64k\"`"]
        );
    }

    #[test]
    fn repetition_names_both_places() {
        assert_eq!(
            messages("workers = 4, stack = 65536, workers = 5"),
            ["`workers` is set twice", "first set here"]
        );
        // Also if the first was wrong.
        assert_eq!(messages("workers, workers = 5").len(), 3);
    }

    #[test]
    fn one_fault_does_not_hide_another() {
        let (krate, calls, messages) =
            read("worker = 1, stack = \"1k\", crate = 456, workers = 3, workers = 0");
        assert_eq!(krate, ":: may");
        assert_eq!(calls, ". workers (3)");
        assert_eq!(
            messages,
            [
                "unknown option `worker` for `#[may::main]`\nhelp: did you mean `workers`?",
                "a stack of 1k is too small\nhelp: the smallest is 32k",
                "`crate` must be a path, found `456`",
                "`workers` is set twice",
                "first set here",
            ]
        );
    }
}
