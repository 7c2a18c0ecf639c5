//! What has been read of a `select!`.

use proc_macro2::{Group, TokenStream, TokenTree};

use super::call::Call;

/// What one `select!` says.
#[derive(Debug, Default)]
pub(crate) struct Select {
    /// Tells whether the order of the arms is that of preference.
    pub(crate) biased: bool,
    /// Lists the arms that could be read.
    pub(crate) arms: Vec<Arm>,
    /// Is the arm for when no other is ready.
    pub(crate) default: Option<DefaultArm>,
}

/// An arm that waits for an operation.
#[derive(Debug)]
pub(crate) struct Arm {
    /// Holds the attributes.
    pub(crate) attributes: Attributes,
    /// Is what it waits for.
    pub(crate) call: Call,
    /// Holds the condition under which it takes part.
    pub(crate) guard: Option<TokenStream>,
    /// Is what happens then.
    pub(crate) handler: Handler,
}

/// The arm for when no other is ready.
#[derive(Debug)]
pub(crate) struct DefaultArm {
    /// Holds the attributes.
    pub(crate) attributes: Attributes,
    /// Is the word `default`.
    pub(crate) word: TokenTree,
    /// Is what happens then.
    pub(crate) handler: Handler,
}

/// The attributes of an arm.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attributes {
    /// Holds the conditions of `#[cfg(..)]`.
    pub(crate) conditions: Vec<TokenStream>,
    /// Holds the other ones, with `#`.
    pub(crate) lints: TokenStream,
}

/// What an arm does with the result.
#[derive(Debug)]
pub(crate) enum Handler {
    /// Binds it and runs a body.
    Bind {
        /// Holds the pattern.
        pattern: Option<TokenStream>,
        /// Is the block for other values.
        otherwise: Option<(TokenTree, Group)>,
        /// Holds the body.
        body: Body,
    },
    /// Matches it.
    Match {
        /// Is the word `match`.
        keyword: TokenTree,
        /// Holds Rust's arms.
        arms: Group,
    },
}

/// A body.
#[derive(Debug)]
pub(crate) enum Body {
    /// A block.
    Block(Group),
    /// Another expression.
    Expression(TokenStream),
    /// One that is not there.
    Missing,
}

impl Attributes {
    pub(super) fn is_empty(&self) -> bool {
        self.conditions.is_empty() && self.lints.is_empty()
    }

    /// Returns something of them, to be underlined.
    pub(super) fn tokens(&self) -> TokenStream {
        let conditions = self.conditions.iter().cloned();
        conditions.chain([self.lints.clone()]).collect()
    }
}
