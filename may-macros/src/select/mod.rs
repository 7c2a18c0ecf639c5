//! The macro `select!`.
//!
//! * [`operations`]: the table of what an arm can wait for
//! * [`tokens`]: looking at tokens without parsing them
//! * [`call`]: one operation of an arm
//! * [`syntax`]: what there is to say in a `select!`
//! * [`parse`]: the grammar, and what may be wrong
//! * [`expand`]: what it all becomes

mod call;
mod expand;
mod operations;
mod parse;
mod syntax;
mod tokens;

use proc_macro2::{TokenStream, TokenTree};

use crate::diag::Faults;

use self::syntax::Select;

/// Expands `[path of the crate] arms`.
///
/// After a fault the arms that could be read are still there, so that the compiler looks at their
/// types, and editors can complete.
pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let mut input = input.into_iter();
    let krate = match input.next() {
        Some(TokenTree::Group(group)) => group.stream(),
        _ => crate::krate::default_path(),
    };
    let mut faults = Faults::default();
    let select = Select::parse(input.collect(), &mut faults);
    expand::expand(&select, &krate, &faults)
}
