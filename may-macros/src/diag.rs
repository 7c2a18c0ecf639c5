//! Faults in what the user wrote, collected so that all of them are reported at once.
//!
//! A message is lower case and without a full stop; a second line that starts with `help:` says
//! what to write instead. rustc prints it right under the first, where it reads like a help of its
//! own.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;

/// One fault: where it is, what is wrong, and what to do.
#[derive(Debug)]
pub(crate) struct Fault {
    /// Holds the message, underlined from the first to the last token that is at fault.
    error: syn::Error,
    /// Names a second place that belongs to the fault.
    elsewhere: Option<syn::Error>,
}

impl Fault {
    pub(crate) fn at(tokens: impl ToTokens, message: impl Into<String>) -> Self {
        Self {
            error: syn::Error::new_spanned(tokens, message.into()),
            elsewhere: None,
        }
    }

    /// Describes a fault in `tokens`, with the line that says how to mend it.
    pub(crate) fn with_help(
        tokens: impl ToTokens,
        message: impl AsRef<str>,
        help: impl AsRef<str>,
    ) -> Self {
        Self::at(
            tokens,
            format!("{}\nhelp: {}", message.as_ref(), help.as_ref()),
        )
    }

    /// Adds a second place that belongs to the fault.
    pub(crate) fn and_at(mut self, tokens: impl ToTokens, message: &str) -> Self {
        self.elsewhere = Some(syn::Error::new_spanned(tokens, message));
        self
    }
}

/// All faults of one use of a macro.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// Returns the value, or adds the fault that stands in its place.
    pub(crate) fn keep<T>(&mut self, result: Result<T, Fault>) -> Option<T> {
        result.map_err(|fault| self.add(fault)).ok()
    }

    /// Returns the messages, for tests.
    #[cfg(test)]
    pub(crate) fn messages(&self) -> Vec<String> {
        self.errors().map(ToString::to_string).collect()
    }

    /// Lists all errors in the order in which they are reported.
    fn errors(&self) -> impl Iterator<Item = &syn::Error> {
        self.0
            .iter()
            .flat_map(|fault| [Some(&fault.error), fault.elsewhere.as_ref()])
            .flatten()
    }
}

impl ToTokens for Faults {
    /// Writes one `compile_error!` for each fault.
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.errors()
            .for_each(|error| tokens.extend(error.to_compile_error()));
    }
}

/// Describes what stands where something else was expected: by its kind if it is a literal,
/// otherwise in its words.
pub(crate) fn describe(tokens: &TokenStream) -> String {
    let kind = match tokens.clone().into_iter().collect::<Vec<_>>().as_slice() {
        [TokenTree::Literal(literal)] => match syn::Lit::new(literal.clone()) {
            syn::Lit::Str(_) => Some("a string"),
            syn::Lit::ByteStr(_) | syn::Lit::CStr(_) => Some("a byte string"),
            syn::Lit::Byte(_) => Some("a byte"),
            syn::Lit::Char(_) => Some("a character"),
            syn::Lit::Int(_) => None,
            syn::Lit::Float(_) => Some("a float"),
            _ => None,
        },
        [TokenTree::Ident(word)] if word == "true" || word == "false" => Some("a boolean"),
        [TokenTree::Group(group)] if group.delimiter() == Delimiter::Bracket => Some("an array"),
        _ => None,
    };
    kind.map_or_else(|| format!("`{tokens}`"), String::from)
}

/// Joins names into an enumeration: "`a`, `b` and `c`".
pub(crate) fn enumerate<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match names.pop() {
        None => String::new(),
        Some(only) if names.is_empty() => only,
        Some(last) => format!("{} and {last}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    #[test]
    fn things_are_called_by_their_kind() {
        assert_eq!(describe(&quote!("x")), "a string");
        assert_eq!(describe(&quote!(b"x")), "a byte string");
        assert_eq!(describe(&quote!('x')), "a character");
        assert_eq!(describe(&quote!(1.5)), "a float");
        assert_eq!(describe(&quote!(true)), "a boolean");
        assert_eq!(describe(&quote!([1])), "an array");
        assert_eq!(describe(&quote!(456)), "`456`");
        assert_eq!(describe(&quote!(yes)), "`yes`");
    }

    #[test]
    fn names_are_joined() {
        assert_eq!(enumerate([]), "");
        assert_eq!(enumerate(["a"]), "`a`");
        assert_eq!(enumerate(["a", "b"]), "`a` and `b`");
        assert_eq!(enumerate(["a", "b", "c"]), "`a`, `b` and `c`");
    }

    #[test]
    fn a_second_place_is_an_error_of_its_own() {
        let mut faults = Faults::default();
        faults.add(Fault::with_help(quote!(a), "wrong", "do it right").and_at(quote!(b), "here"));
        assert_eq!(faults.messages(), ["wrong\nhelp: do it right", "here"]);
        assert_eq!(
            faults
                .to_token_stream()
                .to_string()
                .matches("compile_error")
                .count(),
            2
        );
    }
}
