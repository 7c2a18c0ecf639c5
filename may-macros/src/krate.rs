//! Where the expansion finds the crate `may`.
//!
//! An attribute has no `$crate`, so the path is `::may` unless the user says otherwise with
//! `crate = some::path`, as a path or as a string. Reading the user's manifest instead would be
//! slow and wrong for re-exports.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::Path;
use syn::parse::Parser;

use crate::diag::{Fault, describe};

/// Returns the path used unless the user names another.
pub(crate) fn default_path() -> TokenStream {
    quote!(::may)
}

/// Reads the value of a `crate = ..` option called `name`.
pub(crate) fn parse(name: &str, value: &TokenStream) -> Result<TokenStream, Fault> {
    let path = match value.clone().into_iter().collect::<Vec<_>>().as_slice() {
        [TokenTree::Literal(literal)] => match syn::Lit::new(literal.clone()) {
            syn::Lit::Str(text) => text.parse_with(Path::parse_mod_style).ok(),
            _ => None,
        },
        _ => Path::parse_mod_style.parse2(value.clone()).ok(),
    };
    path.map(ToTokens::into_token_stream).ok_or_else(|| {
        let found = match describe(value) {
            // Only the text tells what is wrong with a string that is not a path.
            found if found == "a string" => format!("`{value}`"),
            found => found,
        };
        Fault::at(value, format!("`{name}` must be a path, found {found}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a value and returns what it becomes, or the message.
    fn read(value: TokenStream) -> String {
        match parse("crate", &value) {
            Ok(path) => path.to_string(),
            Err(fault) => {
                let mut faults = crate::diag::Faults::default();
                faults.add(fault);
                faults.messages().join("\n")
            }
        }
    }

    #[test]
    fn paths_come_bare_or_as_strings() {
        assert_eq!(read(quote!(may)), "may");
        assert_eq!(read(quote!(::other::may)), ":: other :: may");
        assert_eq!(read(quote!(crate)), "crate");
        assert_eq!(read(quote!(crate::rt)), "crate :: rt");
        assert_eq!(read(quote!("self::rt")), "self :: rt");
    }

    #[test]
    fn anything_else_is_refused() {
        assert_eq!(read(quote!(456)), "`crate` must be a path, found `456`");
        assert_eq!(
            read(quote!("4 5")),
            "`crate` must be a path, found `\"4 5\"`"
        );
        assert_eq!(
            read(quote!(a::<b>)),
            "`crate` must be a path, found `a :: < b >`"
        );
        assert_eq!(read(quote!([a])), "`crate` must be a path, found an array");
    }
}
