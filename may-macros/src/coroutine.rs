//! `#[may::coroutine]`: functions whose calls are values that can be spawned.
//!
//! ```text
//! fn serve(id: u64, (a, b): (u8, u8)) -> R { body }
//!
//! fn serve(id: u64, __arg1: (u8, u8)) -> Call<impl CoroutineFn<Output = R> + Send> {
//!     Call::new(options, name, move || -> R {
//!         carry(&id);
//!         let id = id;
//!         carry(&__arg1);
//!         let (a, b) = __arg1;
//!         body
//!     })
//! }
//! ```
//!
//! * Each parameter is mentioned in the closure, so that it goes there whole and lives until the
//!   coroutine ends, as parameters do, even if the body does not use it or only takes a part. Names
//!   are bound again under the user's tokens, so the compiler says of an unused one, or of a `mut`
//!   too many, what it would say without the attribute.
//! * `carry` asks for `Send`, so that an argument that is not is named, with what to do about it.
//! * `Send` is spelled out in the result although the compiler could find it out: a coroutine that
//!   spawns itself would ask for it before that is done.
//! * The tokens of the result type have this crate's edition, wherever they point: so it captures
//!   all lifetimes of the parameters, in users' crates of edition 2021, too.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

use crate::diag::{Fault, Faults};
use crate::entry::CRATE;
use crate::item::Function;
use crate::options::{Kind, Options, Renamed, Row, Table};
use crate::parameters::{self, Parameter, Pattern};
use crate::template::Template;

/// The options.
pub(crate) const TABLE: Table = Table {
    attribute: "may::coroutine",
    rows: &[
        Row {
            name: "stack",
            kind: Kind::Size {
                setter: "stack_bytes",
            },
            example: "\"64k\"",
            default: "that of the runtime",
            help: "the stack of the coroutine: bytes, or a string such as `\"64k\"` or `\"1MiB\"`",
        },
        Row {
            name: "name",
            kind: Kind::Template { setter: "name" },
            example: "\"conn-{id}\"",
            default: "no name",
            help: "the name of the coroutine; `{parameter}` stands for an argument, which is formatted at the call",
        },
        Row {
            name: "local",
            kind: Kind::Flag,
            example: "",
            default: "not set",
            help: "keeps the coroutine with the worker that spawns it, so that its arguments need not be `Send`; \
                   it takes no value",
        },
        CRATE,
    ],
    renamed: &[
        Renamed {
            from: "stack_size",
            to: "stack",
            example: "\"64k\"",
        },
        Renamed {
            from: "thread_name",
            to: "name",
            example: "\"conn-{id}\"",
        },
    ],
};

/// Expands the attribute with what stands in its parentheses on an item.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut faults = Faults::default();
    let options = TABLE.parse(arguments, &mut faults);
    let help = "put `#[may::coroutine]` on the implementation; here the method returns \
                `may::coroutine::Call<impl may::coroutine::CoroutineFn<Output = ..> + Send>`";
    let Some(mut function) = faults.keep(Function::parse(&item, Some(help))) else {
        return quote!(#faults #item);
    };
    check_attributes(&mut function, &mut faults);
    if function.name == "main" && function.parameters.stream().is_empty() {
        let message = "a program cannot begin with a call that does nothing";
        let help = "use `#[may::main]`, which runs the body as a coroutine";
        faults.add(Fault::with_help(&function.name, message, help));
        return quote!(#faults #item);
    }
    check_qualifiers(&function, &mut faults);
    let parameters = parameters::parse(function.parameters.stream());
    let (parameters, others): (Vec<_>, Vec<_>) = parameters
        .into_iter()
        .partition(|parameter| !matches!(parameter.pattern, Pattern::None));
    for other in others {
        let message = "a coroutine takes a fixed number of parameters with types";
        faults.add(Fault::at(&other.tokens, message));
    }
    if let Some(template) = &options.template {
        let wrong = template.check(&names(&parameters));
        if !wrong.is_empty() {
            wrong.into_iter().for_each(|fault| faults.add(fault));
            let options = Options {
                template: None,
                ..options
            };
            let expansion = emit(&function, &parameters, &options);
            return quote!(#faults #expansion);
        }
    }
    let expansion = emit(&function, &parameters, &options);
    quote!(#faults #expansion)
}

/// Finds attributes that do not go together with this one, and takes them off.
fn check_attributes(function: &mut Function, faults: &mut Faults) {
    function.attributes.retain(|other| {
        let (message, help) = match other.last_segment.as_str() {
            "coroutine" => (
                "second `#[may::coroutine]`",
                "one of them makes this a coroutine",
            ),
            "test" => (
                "a call that does nothing is no test",
                "`#[may::test]` alone makes a test that runs as a coroutine",
            ),
            "main" => (
                "a program cannot begin with a call that does nothing",
                "`#[may::main]` alone runs the body as a coroutine",
            ),
            _ => return true,
        };
        faults.add(Fault::with_help(&other.tokens, message, help));
        false
    });
}

/// Finds what a coroutine cannot have before its `fn`.
fn check_qualifiers(function: &Function, faults: &mut Faults) {
    for qualifier in &function.qualifiers {
        let text = qualifier.to_string();
        faults.add(if text == "async" {
            let message = "a coroutine body blocks instead of awaiting; remove `async`";
            Fault::with_help(
                qualifier,
                message,
                "calls block the coroutine, so there is nothing to await",
            )
        } else {
            let message = format!("`#[may::coroutine]` takes a plain function; remove `{text}`");
            Fault::at(qualifier, message)
        });
    }
}

/// Lists the names that a template can mention.
fn names(parameters: &[Parameter]) -> Vec<String> {
    let name = |parameter: &Parameter| match &parameter.pattern {
        Pattern::Receiver => Some("self".to_owned()),
        Pattern::Name { name, .. } => Some(text_of(name)),
        Pattern::Wildcard | Pattern::Other(_) | Pattern::None => None,
    };
    parameters.iter().filter_map(name).collect()
}

/// Writes the function that returns the call.
fn emit(function: &Function, parameters: &[Parameter], options: &Options) -> TokenStream {
    let Function {
        visibility,
        keyword,
        name,
        generics,
        where_clause,
        body,
        ..
    } = function;
    let attributes = function
        .attributes
        .iter()
        .map(|attribute| &attribute.tokens);
    let krate = &options.krate;
    let is_local = options.flags.contains(&"local");
    let call = Ident::new(
        if is_local { "LocalCall" } else { "Call" },
        Span::call_site(),
    );

    let mention = Ident::new(if is_local { "keep" } else { "carry" }, Span::call_site());
    let carrier = Carrier {
        path: quote!(#krate::__private::#mention),
        template: options.template.as_ref(),
    };
    let (declared, bound): (Vec<_>, Vec<_>) = parameters
        .iter()
        .enumerate()
        .map(|(index, parameter)| carrier.write(index, parameter))
        .unzip();
    let mut list = Group::new(Delimiter::Parenthesis, quote!(#(#declared),*));
    list.set_span(function.parameters.span());

    let output = match &function.output {
        // `!` is no type of its own yet.
        Some(output) if is_never(output) => quote!(::core::convert::Infallible),
        Some(output) => output.clone(),
        None => quote_spanned!(name.span()=> ()),
    };
    // Without the user's spans, whose edition is the user's.
    let send = (!is_local).then(|| quote!(+ ::core::marker::Send));
    let result = quote! {
        #krate::coroutine::#call<impl #krate::coroutine::CoroutineFn<Output = #output> #send>
    };
    // `impl Trait` is no type for a closure to return; the compiler finds out what is behind it.
    let spelled = (!mentions_impl(&output)).then(|| quote!(-> #output));

    let calls = &options.calls;
    let config = quote!(const { #krate::__private::CallOptions::new() #calls });
    let formatted = match &options.template {
        Some(template) => {
            let text = template.format();
            quote!(::core::option::Option::Some(#text))
        }
        None => quote!(::core::option::Option::None),
    };
    let inside = body.stream();
    let mut closure_body = Group::new(Delimiter::Brace, quote!(#(#bound)* #inside));
    closure_body.set_span(body.span());
    // In the place of the name, which is what the compiler points at when it speaks of the
    // function.
    let head = quote_spanned!(name.span()=> move ||);
    let statements = quote! {
        #krate::coroutine::#call::new(#config, #formatted, #head #spelled #closure_body)
    };
    // The compiler does not report a function as unused if a macro wrote its ends, so they must be
    // the user's.
    let mut outer_body = Group::new(Delimiter::Brace, statements);
    outer_body.set_span(body.span());
    quote! {
        #(#attributes)*
        #visibility #keyword #name #generics #list -> #result #where_clause #outer_body
    }
}

/// Writes parameters as a function declares them, and the statements that take them into the
/// closure.
struct Carrier<'a> {
    /// Is the path of the function that mentions an argument.
    path: TokenStream,
    /// Is the text that uses arguments outside of the closure.
    template: Option<&'a Template>,
}

impl Carrier<'_> {
    /// Writes declaration and statements of one parameter.
    fn write(&self, index: usize, parameter: &Parameter) -> (TokenStream, TokenStream) {
        let Parameter {
            attributes,
            tokens,
            pattern,
            kind,
        } = parameter;
        let path = &self.path;
        // In the place of the type, which is what is wrong if it cannot be carried.
        let at_type = Span::call_site().located_at(match kind.is_empty() {
            true => tokens.span(),
            false => kind.span(),
        });
        let renamed = format_ident!("__arg{index}", span = at_type);
        let mention = |name: &Ident| quote_spanned!(at_type=> #path(&#name););
        match pattern {
            Pattern::Receiver => (
                quote!(#attributes #tokens),
                mention(&Ident::new("self", span_of_self(tokens))),
            ),
            Pattern::Name { mutable, name } => {
                // What is used for the name of the coroutine is not unused, even if the body does
                // not use it.
                let is_used = |template: &&Template| template.mentions(&text_of(name));
                let used = self.template.filter(is_used).map(|_| mention(name));
                if used.is_none() && text_of(name).starts_with('_') {
                    // A name that says that it is not used is not used, and not bound by itself
                    // either: clippy would say so.
                    let mentioned = mention(&renamed);
                    return (
                        quote!(#attributes #renamed: #kind),
                        quote!(#attributes #mentioned #attributes let (#mutable #name,) = (#renamed,);),
                    );
                }
                let mentioned = mention(name);
                (
                    quote!(#attributes #name: #kind),
                    quote! {
                        #attributes #mentioned
                        #attributes let #mutable #name = #name;
                        #used
                    },
                )
            }
            Pattern::Other(pattern) => {
                let mentioned = mention(&renamed);
                (
                    quote!(#attributes #renamed: #kind),
                    quote!(#attributes #mentioned #attributes let #pattern = #renamed;),
                )
            }
            Pattern::Wildcard | Pattern::None => {
                let mentioned = mention(&renamed);
                (
                    quote!(#attributes #renamed: #kind),
                    quote!(#attributes #mentioned),
                )
            }
        }
    }
}

/// Returns a name without the `r#` of a raw one, as it stands in a text.
fn text_of(name: &Ident) -> String {
    let text = name.to_string();
    text.strip_prefix("r#").map(str::to_owned).unwrap_or(text)
}

/// Returns the place of the word `self`, without which it would not mean the user's.
fn span_of_self(receiver: &TokenStream) -> Span {
    let mut words = receiver.clone().into_iter();
    let is_self = |token: &TokenTree| matches!(token, TokenTree::Ident(word) if word == "self");
    words
        .find(is_self)
        .map_or_else(Span::call_site, |word| word.span())
}

fn is_never(output: &TokenStream) -> bool {
    matches!(
        output.clone().into_iter().collect::<Vec<_>>().as_slice(),
        [TokenTree::Punct(punct)] if punct.as_char() == '!'
    )
}

/// Tells whether a type has `impl` in it.
fn mentions_impl(output: &TokenStream) -> bool {
    output.clone().into_iter().any(|token| match token {
        TokenTree::Ident(word) => word == "impl",
        TokenTree::Group(group) => mentions_impl(&group.stream()),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(arguments: TokenStream, item: TokenStream, expected: TokenStream) {
        assert_eq!(expand(arguments, item).to_string(), expected.to_string());
    }

    #[test]
    fn a_plain_function_becomes_a_call() {
        check(
            quote!(),
            quote! {
                /// Documented.
                pub fn work() { half . }
            },
            quote! {
                /// Documented.
                pub fn work() -> ::may::coroutine::Call<
                    impl ::may::coroutine::CoroutineFn<Output = ()> + ::core::marker::Send
                > {
                    ::may::coroutine::Call::new(
                        const { ::may::__private::CallOptions::new() },
                        ::core::option::Option::None,
                        move || -> () { half . }
                    )
                }
            },
        );
    }

    #[test]
    fn parameters_are_carried_into_the_closure() {
        check(
            quote!(stack = "64k", name = "x-{id}", crate = rt),
            quote! {
                fn work<T: Send>(mut id: u8, (a, b): (T, T), #[cfg(unix)] _: u8) -> io::Result<T> where T: Copy { body }
            },
            quote! {
                fn work<T: Send>(id: u8, __arg1: (T, T), #[cfg(unix)] __arg2: u8) -> rt::coroutine::Call<
                    impl rt::coroutine::CoroutineFn<Output = io::Result<T> > + ::core::marker::Send
                > where T: Copy {
                    rt::coroutine::Call::new(
                        const { rt::__private::CallOptions::new().stack_bytes(65536) },
                        ::core::option::Option::Some(::std::format!("x-{id}")),
                        move || -> io::Result<T> {
                            rt::__private::carry(&id);
                            let mut id = id;
                            rt::__private::carry(&id);
                            rt::__private::carry(&__arg1);
                            let (a, b) = __arg1;
                            #[cfg(unix)] rt::__private::carry(&__arg2);
                            body
                        }
                    )
                }
            },
        );
    }

    #[test]
    fn a_local_method_with_an_opaque_result() {
        check(
            quote!(local),
            quote! {
                fn work(&mut self) -> impl Iterator<Item = u8> { body }
            },
            quote! {
                fn work(&mut self) -> ::may::coroutine::LocalCall<
                    impl ::may::coroutine::CoroutineFn<Output = impl Iterator<Item = u8> >
                > {
                    ::may::coroutine::LocalCall::new(
                        const { ::may::__private::CallOptions::new() },
                        ::core::option::Option::None,
                        move || {
                            ::may::__private::keep(&self);
                            body
                        }
                    )
                }
            },
        );
    }

    #[test]
    fn renamed_options_name_one_that_exists() {
        for renamed in TABLE.renamed {
            assert!(TABLE.rows.iter().any(|row| row.name == renamed.to));
        }
    }
}
