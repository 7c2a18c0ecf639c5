//! `#[may::main]` and `#[may::test]`: functions whose body runs as a coroutine.
//!
//! ```text
//! fn main() -> R { body }
//!
//! fn main() -> ExitCode {
//!     fn may_entry_body() -> R { body }
//!     ::may::__private::enter(config, || Termination::report(may_entry_body()))
//! }
//! ```
//!
//! The body becomes a function and not a closure, so that what the compiler says about it (a
//! missing value at the end, a `?` too many) is what it would say without the attribute. The root
//! coroutine reports its own result: the result would have to be `Send` to leave it, and
//! `Result<(), Box<dyn Error>>`, which many programs end with, is not. Without a result, or with
//! `!`, the signature stays as it is.
//!
//! Whatever is wrong, a function of that name comes out, so that one mistake is not followed by
//! messages about a `main` that does not exist.

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use crate::diag::{Fault, Faults};
use crate::item::Function;
use crate::options::{Kind, Options, Renamed, Row, Table};
use crate::values::Word;

/// How many threads there are.
const WORKERS: Row = Row {
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
    default: "`\"cores\"`",
    help: "how many threads run coroutines: a number or constant expression, or `\"cores\"`",
};

/// What becomes of coroutines that are left.
const ON_EXIT: Row = Row {
    name: "on_exit",
    kind: Kind::Choice {
        words: &[
            Word {
                text: "leave",
                setter: "leave_on_exit",
                about: "lets them end with the process",
            },
            Word {
                text: "cancel",
                setter: "cancel_on_exit",
                about: "cancels them and waits while they unwind",
            },
            Word {
                text: "join",
                setter: "join_on_exit",
                about: "waits for them",
            },
        ],
    },
    example: "\"cancel\"",
    default: "`\"leave\"`",
    help: "what becomes of coroutines that are left: `\"leave\"` lets them end with the process, as threads do; \
           `\"cancel\"` cancels them and waits while they unwind; `\"join\"` waits for them",
};

/// The stack of coroutines.
const STACK: Row = Row {
    name: "stack",
    kind: Kind::Size {
        setter: "stack_size",
    },
    example: "\"64k\"",
    default: "`\"256k\"`",
    help: "the stack of coroutines that ask for none: bytes, or a string such as `\"64k\"` or `\"1MiB\"`",
};

/// The threads for blocking work.
const BLOCKING: Row = Row {
    name: "blocking",
    kind: Kind::Count {
        setter: "blocking_threads",
        words: &[],
    },
    example: "64",
    default: "`512`",
    help: "how many threads there may be for work that blocks its thread, such as looking up names: \
           a number or constant expression",
};

/// The names of the threads.
const NAME: Row = Row {
    name: "name",
    kind: Kind::Text {
        setter: "thread_name",
    },
    example: "\"server\"",
    default: "`\"may-worker\"`",
    help: "what the threads are called that run coroutines; a dash and a number follow",
};

/// Whether threads are bound.
const PIN: Row = Row {
    name: "pin",
    kind: Kind::Bool {
        setter: "pin_workers",
    },
    example: "true",
    default: "`false`",
    help: "whether each of these threads is bound to a processor (on Linux; elsewhere the runtime does not start)",
};

/// Where the crate is.
pub(crate) const CRATE: Row = Row {
    name: "crate",
    kind: Kind::Crate,
    example: "::may",
    default: "`::may`",
    help: "where this crate is found, as a path or a string",
};

/// Lists the options of `#[may::main]`.
const MAIN_ROWS: &[Row] = &[WORKERS, STACK, BLOCKING, NAME, PIN, ON_EXIT, CRATE];

/// Lists the options of `#[may::test]`.
const TEST_ROWS: &[Row] = &[
    Row {
        default: "`2`",
        ..WORKERS
    },
    STACK,
    BLOCKING,
    Row {
        default: "the name of the test",
        ..NAME
    },
    PIN,
    Row {
        default: "`\"cancel\"`",
        ..ON_EXIT
    },
    Row {
        name: "timeout",
        kind: Kind::Duration { setter: "timeout" },
        example: "\"5s\"",
        default: "`\"60s\"`",
        help: "after what time the test fails: a string such as `\"5s\"`, `\"300ms\"` or `\"2m\"`, or a constant `Duration`",
    },
    Row {
        name: "leak",
        kind: Kind::Choice {
            words: &[
                Word {
                    text: "deny",
                    setter: "deny_leaks",
                    about: "makes the test fail",
                },
                Word {
                    text: "allow",
                    setter: "allow_leaks",
                    about: "lets it pass",
                },
            ],
        },
        example: "\"allow\"",
        default: "`\"deny\"`",
        help: "whether the test may leave coroutines that have not ended a quarter of a second after it: `\"deny\"` makes it fail, \
               `\"allow\"` lets it pass",
    },
    CRATE,
];

/// Lists what other runtimes call them.
const RENAMED: &[Renamed] = &[
    Renamed {
        from: "worker_threads",
        to: "workers",
        example: "4",
    },
    Renamed {
        from: "threads",
        to: "workers",
        example: "4",
    },
    // What is chosen by that name elsewhere is one thread or many.
    Renamed {
        from: "flavor",
        to: "workers",
        example: "1",
    },
    Renamed {
        from: "stack_size",
        to: "stack",
        example: "\"64k\"",
    },
];

/// Which of the two attributes is expanded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Entry {
    /// Is `#[may::main]`.
    Main,
    /// Is `#[may::test]`.
    Test,
}

impl Entry {
    /// Returns the attribute as users write it.
    const fn attribute(self) -> &'static str {
        match self {
            Self::Main => "may::main",
            Self::Test => "may::test",
        }
    }

    pub(crate) const fn table(self) -> Table {
        Table {
            attribute: self.attribute(),
            rows: match self {
                Self::Main => MAIN_ROWS,
                Self::Test => TEST_ROWS,
            },
            renamed: RENAMED,
        }
    }

    /// Expands the attribute as it is written in the source: a bare `#[test]` stays the compiler's.
    ///
    /// `#[macro_use] extern crate may;`, with which programs of May 0.3 begin, imports the
    /// attributes, too, and they come before the standard library's. An attribute is not told by
    /// which path it was found, but the source says it.
    pub(crate) fn expand_written(
        self,
        written: Option<String>,
        arguments: TokenStream,
        item: TokenStream,
    ) -> TokenStream {
        match (self, written) {
            (Self::Test, Some(written)) if arguments.is_empty() && is_bare(&written, "test") => {
                quote!(#[::core::prelude::v1::test] #item)
            }
            _ => self.expand(arguments, item),
        }
    }

    /// Expands the attribute with what stands in its parentheses on an item.
    pub(crate) fn expand(self, arguments: TokenStream, item: TokenStream) -> TokenStream {
        let mut faults = Faults::default();
        let options = self.table().parse(arguments, &mut faults);
        let Some(mut function) = faults.keep(Function::parse(&item, None)) else {
            // What it is, is for the compiler to say more about.
            return quote!(#faults #item);
        };
        self.check_attributes(&mut function, &mut faults);
        let expansion = match self.check_signature(&function, &mut faults) {
            Fit::Plain => self.emit(&function, &options),
            Fit::Other => emit_inert(&function),
            Fit::Method => item,
        };
        quote!(#faults #expansion)
    }

    /// Finds other attributes that want to be the entry, and takes them off.
    fn check_attributes(self, function: &mut Function, faults: &mut Faults) {
        function.attributes.retain(|other| {
            let (message, help) = match (self, other.last_segment.as_str()) {
                (Self::Test, "test") => (
                    "second test attribute",
                    "`#[may::test]` already makes this a test",
                ),
                (Self::Test, "main") => (
                    "a test cannot be the program's entry",
                    "remove one of the attributes",
                ),
                (Self::Main, "main") => (
                    "second entry attribute",
                    "`#[may::main]` already starts the runtime",
                ),
                (Self::Main, "test") => (
                    "`#[may::main]` does not make a test",
                    "`#[may::test]` alone makes one that runs as a coroutine",
                ),
                _ => return true,
            };
            faults.add(Fault::with_help(&other.tokens, message, help));
            false
        });
    }

    /// Finds everything in the signature that an entry cannot have.
    fn check_signature(self, function: &Function, faults: &mut Faults) -> Fit {
        let (attribute, name) = (self.attribute(), &function.name);
        let mut fit = Fit::Plain;
        for qualifier in &function.qualifiers {
            fit = Fit::Other;
            let message = format!("`#[{attribute}]` takes a plain function; remove `{qualifier}`");
            faults.add(match qualifier.to_string().as_str() {
                "async" => {
                    let help = "calls block the coroutine, so there is nothing to await";
                    Fault::with_help(qualifier, message, help)
                }
                _ => Fault::at(qualifier, message),
            });
        }
        if !function.generics.is_empty() {
            fit = Fit::Other;
            let message = format!("`{name}` takes no generic parameters");
            faults.add(Fault::at(&function.generics, message));
        }
        if !function.where_clause.is_empty() {
            fit = Fit::Other;
            let message = format!("`{name}` takes no `where` clause");
            faults.add(Fault::at(&function.where_clause, message));
        }
        if let Some(receiver) = function.receiver() {
            fit = Fit::Method;
            let message = format!("`#[{attribute}]` takes a plain function; remove `self`");
            faults.add(Fault::at(receiver, message));
        } else if !function.parameters.stream().is_empty() {
            fit = Fit::Other;
            let message = format!("`{name}` takes no parameters");
            faults.add(Fault::at(function.parameters.stream(), message));
        }
        fit
    }

    /// Writes the function that starts the runtime.
    fn emit(self, function: &Function, options: &Options) -> TokenStream {
        let Function {
            visibility,
            keyword,
            name,
            parameters,
            body,
            ..
        } = function;
        let attributes = function
            .attributes
            .iter()
            .map(|attribute| &attribute.tokens);
        let (test, constructor) = match self {
            Self::Main => (None, quote!(main())),
            Self::Test => {
                let name = name.to_string();
                let name = name.strip_prefix("r#").unwrap_or(&name);
                (
                    Some(quote!(#[::core::prelude::v1::test])),
                    quote!(test(::core::concat!(::core::module_path!(), "::", #name))),
                )
            }
        };
        let Options { krate, calls, .. } = options;
        let enter = quote!(#krate::__private::enter);
        // A constant, so that only constant expressions are options, and wrong ones do not compile.
        let config = quote!(const { #krate::__private::EntryConfig::#constructor #calls });
        // In the place of the user's name, so that what the compiler says about the inside points
        // there.
        let inner = Ident::new("may_entry_body", name.span());
        let inner_output = function.output.as_ref().map(|output| quote!(-> #output));
        let (outer_output, run) = match &function.output {
            Some(output) if !is_never(output) => {
                // In the place of the type, so that one which no program can end with is
                // underlined.
                let report = quote_spanned! {output.span()=>
                    ::std::process::Termination::report(may_entry_body())
                };
                (
                    Some(quote!(-> ::std::process::ExitCode)),
                    quote!(#enter(#config, || #report)),
                )
            }
            _ => (inner_output.clone(), quote!(#enter(#config, #inner))),
        };
        // The compiler does not report a function as unused if a macro wrote its ends, so they must
        // be the user's.
        let statements = quote!(#keyword #inner #parameters #inner_output #body #run);
        let mut outer_body = Group::new(Delimiter::Brace, statements);
        outer_body.set_span(body.span());
        quote! {
            #(#attributes)*
            #test
            #visibility #keyword #name #parameters #outer_output #outer_body
        }
    }
}

/// How well a function fits an attribute.
#[derive(Debug)]
enum Fit {
    /// Fits.
    Plain,
    /// The signature is of another kind.
    Other,
    /// Has a `self` and thus cannot be moved elsewhere.
    Method,
}

/// Writes a function of the right name that does nothing, with the user's inside, where it is
/// checked all the same.
fn emit_inert(function: &Function) -> TokenStream {
    let Function {
        visibility,
        qualifiers,
        keyword,
        name,
        generics,
        parameters,
        ..
    } = function;
    let Function {
        where_clause, body, ..
    } = function;
    let output = function.output.as_ref().map(|output| quote!(-> #output));
    quote! {
        #visibility #keyword #name() {
            #[allow(dead_code)]
            #(#qualifiers)* #keyword may_entry_body #generics #parameters #output #where_clause #body
        }
    }
}

/// Tells whether an attribute is written as one name without a path or options.
fn is_bare(written: &str, name: &str) -> bool {
    let within = written.trim().strip_prefix('#').map(str::trim_start);
    let within = within
        .and_then(|rest| rest.strip_prefix('['))
        .and_then(|rest| rest.strip_suffix(']'))
        // In a `cfg_attr` there are no brackets.
        .unwrap_or(written);
    within.trim() == name
}

fn is_never(output: &TokenStream) -> bool {
    matches!(
        output.clone().into_iter().collect::<Vec<_>>().as_slice(),
        [TokenTree::Punct(punct)] if punct.as_char() == '!'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_without_a_path_is_the_compilers() {
        let item = || {
            quote!(
                fn t() {}
            )
        };
        let plain = quote!(
            #[::core::prelude::v1::test]
            fn t() {}
        )
        .to_string();
        for (written, arguments, is_plain) in [
            ("#[test]", quote!(), true),
            ("# [ test ]", quote!(), true),
            ("test", quote!(), true),
            ("#[may::test]", quote!(), false),
            ("may::test", quote!(), false),
            // Tokens that another macro has written have the span of that macro's call.
            ("#[other]", quote!(), false),
            ("#[$attribute]", quote!(), false),
            ("#[test(workers = 1)]", quote!(workers = 1), false),
        ] {
            let expanded = Entry::Test.expand_written(Some(written.to_owned()), arguments, item());
            assert_eq!(expanded.to_string() == plain, is_plain, "{written}");
        }
        let unknown = Entry::Test.expand_written(None, quote!(), item());
        assert_ne!(unknown.to_string(), plain);
    }

    /// Returns the messages that an expansion contains, and the expansion without them.
    fn expand(entry: Entry, arguments: TokenStream, item: TokenStream) -> (Vec<String>, String) {
        let mut messages = Vec::new();
        let mut rest = TokenStream::new();
        let mut tokens = entry.expand(arguments, item).into_iter().peekable();
        while let Some(token) = tokens.next() {
            // `::core::compile_error! { "message" }`
            let starts_error = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == ':');
            if !starts_error || !rest.is_empty() {
                rest.extend([token]);
                continue;
            }
            let error: Vec<_> = tokens.by_ref().take(7).collect();
            let Some(TokenTree::Group(message)) = error.last() else {
                panic!("{error:?}")
            };
            let message: syn::LitStr = syn::parse2(message.stream()).expect("a message");
            messages.push(message.value());
        }
        (messages, rest.to_string())
    }

    /// Compares an expansion that must be without faults.
    fn check(entry: Entry, arguments: TokenStream, item: TokenStream, expected: TokenStream) {
        let (messages, expansion) = expand(entry, arguments, item);
        assert_eq!(messages, [""; 0]);
        assert_eq!(expansion, expected.to_string());
    }

    /// Returns the messages for a `#[may::main]` without options.
    fn main_messages(item: TokenStream) -> Vec<String> {
        expand(Entry::Main, quote!(), item).0
    }

    #[test]
    fn a_main_without_result_keeps_its_signature() {
        check(
            Entry::Main,
            quote!(workers = 3, stack = "64k"),
            quote! {
                /// Documented.
                pub fn main() { half . }
            },
            quote! {
                /// Documented.
                pub fn main() {
                    fn may_entry_body() { half . }
                    ::may::__private::enter(
                        const { ::may::__private::EntryConfig::main().workers(3).stack_size(65536) },
                        may_entry_body
                    )
                }
            },
        );
    }

    #[test]
    fn a_main_with_result_reports_it_in_the_coroutine() {
        check(
            Entry::Main,
            quote!(workers = "cores", crate = rt::may),
            quote!(
                fn main() -> io::Result<()> {
                    Ok(())
                }
            ),
            quote! {
                fn main() -> ::std::process::ExitCode {
                    fn may_entry_body() -> io::Result<()> { Ok(()) }
                    rt::may::__private::enter(
                        const { rt::may::__private::EntryConfig::main().all_cores() },
                        || ::std::process::Termination::report(may_entry_body())
                    )
                }
            },
        );
    }

    #[test]
    fn a_main_that_never_ends_keeps_its_signature() {
        check(
            Entry::Main,
            quote!(),
            quote!(
                fn main() -> ! {
                    loop {}
                }
            ),
            quote! {
                fn main() -> ! {
                    fn may_entry_body() -> ! { loop {} }
                    ::may::__private::enter(
                        const { ::may::__private::EntryConfig::main() },
                        may_entry_body
                    )
                }
            },
        );
    }

    #[test]
    fn a_test_is_marked_after_its_own_attributes() {
        check(
            Entry::Test,
            quote!(workers = N),
            quote!(
                #[should_panic]
                #[ignore]
                fn works() {}
            ),
            quote! {
                #[should_panic]
                #[ignore]
                #[::core::prelude::v1::test]
                fn works() {
                    fn may_entry_body() {}
                    ::may::__private::enter(
                        const { ::may::__private::EntryConfig::test(::core::concat!(::core::module_path!(), "::", "works")).workers(N) },
                        may_entry_body
                    )
                }
            },
        );
    }

    #[test]
    fn wrong_options_do_not_take_the_function_away() {
        let (messages, expansion) = expand(
            Entry::Main,
            quote!(worker = 3, stack = 1),
            quote!(
                fn main() {
                    body
                }
            ),
        );
        assert_eq!(
            messages,
            [
                "unknown option `worker` for `#[may::main]`\nhelp: did you mean `workers`?",
                "a stack of 1 byte is too small\nhelp: the smallest is 32k",
            ]
        );
        let expected = Entry::Main.expand(
            quote!(),
            quote!(
                fn main() {
                    body
                }
            ),
        );
        assert_eq!(expansion, expected.to_string());
    }

    #[test]
    fn all_faults_of_a_signature_are_reported() {
        let item = quote! {
            async unsafe extern "C" fn main<T>(a: u8) where T: Send { a.await }
        };
        let (messages, expansion) = expand(Entry::Main, quote!(workers = 0), item);
        assert_eq!(
            messages,
            [
                "`workers` must be at least 1\nhelp: `workers = \"cores\"` uses every core",
                "`#[may::main]` takes a plain function; remove `async`\n\
                 help: calls block the coroutine, so there is nothing to await",
                "`#[may::main]` takes a plain function; remove `unsafe`",
                "`#[may::main]` takes a plain function; remove `extern \"C\"`",
                "`main` takes no generic parameters",
                "`main` takes no `where` clause",
                "`main` takes no parameters",
            ]
        );
        let expected = quote! {
            fn main() {
                #[allow(dead_code)]
                async unsafe extern "C" fn may_entry_body<T>(a: u8) where T: Send { a.await }
            }
        };
        assert_eq!(expansion, expected.to_string());
    }

    #[test]
    fn methods_stay_where_they_are() {
        let item = quote!(
            fn main(&mut self, a: u8) {
                a
            }
        );
        let (messages, expansion) = expand(Entry::Test, quote!(), item.clone());
        assert_eq!(
            messages,
            ["`#[may::test]` takes a plain function; remove `self`"]
        );
        assert_eq!(expansion, item.to_string());
    }

    #[test]
    fn other_items_are_emitted_unchanged() {
        let item = quote!(
            struct Main;
        );
        let (messages, expansion) = expand(Entry::Main, quote!(), item.clone());
        assert_eq!(messages, ["expected a function"]);
        assert_eq!(expansion, item.to_string());
    }

    #[test]
    fn a_second_entry_is_taken_off() {
        for other in [
            quote!(#[test]),
            quote!(#[core::prelude::v1::test]),
            quote!(#[::std::prelude::v1::test]),
            quote!(#[tokio::test(flavor = "x")]),
            quote!(#[may::test]),
        ] {
            let (messages, expansion) = expand(
                Entry::Test,
                quote!(),
                quote!(#[ignore] #other fn works() {}),
            );
            assert_eq!(
                messages,
                ["second test attribute\nhelp: `#[may::test]` already makes this a test"]
            );
            let expected = Entry::Test.expand(
                quote!(),
                quote!(
                    #[ignore]
                    fn works() {}
                ),
            );
            assert_eq!(expansion, expected.to_string());
        }
        assert_eq!(
            main_messages(quote!(
                #[tokio::main]
                fn main() {}
            )),
            ["second entry attribute\nhelp: `#[may::main]` already starts the runtime"]
        );
        assert_eq!(
            main_messages(quote!(
                #[test]
                fn main() {}
            )),
            ["`#[may::main]` does not make a test\n\
              help: `#[may::test]` alone makes one that runs as a coroutine"]
        );
    }

    #[test]
    fn renamed_options_name_one_that_exists() {
        for renamed in RENAMED {
            for rows in [MAIN_ROWS, TEST_ROWS] {
                assert!(rows.iter().any(|row| row.name == renamed.to), "{renamed:?}");
            }
        }
    }
}
