//! The parameters of a function, taken apart as far as it takes to move them into a closure:
//! attributes, pattern, type.

use proc_macro2::{Ident, Spacing, TokenStream, TokenTree};

/// One parameter.
#[derive(Debug)]
pub(crate) struct Parameter {
    /// Holds its attributes.
    pub(crate) attributes: TokenStream,
    /// Holds all of it but the attributes.
    pub(crate) tokens: TokenStream,
    /// Tells what is before the colon.
    pub(crate) pattern: Pattern,
    /// Holds what is behind the colon.
    pub(crate) kind: TokenStream,
}

/// What stands before the colon of a parameter.
#[derive(Debug)]
pub(crate) enum Pattern {
    /// Is some form of `self`.
    Receiver,
    /// Is a name, perhaps with `mut`.
    Name {
        /// Holds the `mut`.
        mutable: TokenStream,
        /// Is the name.
        name: Ident,
    },
    /// Is `_`.
    Wildcard,
    /// Is anything else.
    Other(TokenStream),
    /// Is `...`, or nothing that a parameter begins with.
    None,
}

/// Takes apart what stands in the parentheses.
pub(crate) fn parse(parameters: TokenStream) -> Vec<Parameter> {
    split(parameters).into_iter().map(parse_one).collect()
}

/// Splits at the commas outside of all brackets, angle brackets among them.
fn split(tokens: TokenStream) -> Vec<Vec<TokenTree>> {
    let (mut parts, mut part) = (Vec::new(), Vec::new());
    let (mut depth, mut after_minus) = (0_usize, false);
    for token in tokens {
        let character = match &token {
            TokenTree::Punct(punct) => Some(punct.as_char()),
            _ => None,
        };
        match character {
            Some(',') if depth == 0 => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            Some('<') => depth += 1,
            // The arrow in `impl Fn() -> T` closes nothing.
            Some('>') if !after_minus => depth = depth.saturating_sub(1),
            _ => {}
        }
        after_minus = character == Some('-');
        part.push(token);
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

fn parse_one(tokens: Vec<TokenTree>) -> Parameter {
    let mut attributes = TokenStream::new();
    let mut rest = tokens.into_iter().peekable();
    while matches!(rest.peek(), Some(TokenTree::Punct(hash)) if hash.as_char() == '#') {
        attributes.extend(rest.next());
        attributes.extend(rest.next());
    }
    let rest: Vec<TokenTree> = rest.collect();
    let colon = find_colon(&rest);
    let (before, after) = match colon {
        Some(colon) => (&rest[..colon], &rest[colon + 1..]),
        None => (rest.as_slice(), &[][..]),
    };
    Parameter {
        attributes,
        pattern: pattern(before, colon.is_some() && !is_dot(after.first())),
        kind: after.iter().cloned().collect(),
        tokens: rest.iter().cloned().collect(),
    }
}

/// Finds the colon before the type, which is no part of a `::`.
fn find_colon(tokens: &[TokenTree]) -> Option<usize> {
    let mut after_joint_colon = false;
    tokens.iter().position(|token| {
        let (is_colon, is_joint) = match token {
            TokenTree::Punct(punct) if punct.as_char() == ':' => {
                (true, punct.spacing() == Spacing::Joint)
            }
            _ => (false, false),
        };
        let found = is_colon && !is_joint && !after_joint_colon;
        after_joint_colon = is_colon && is_joint;
        found
    })
}

/// Tells whether a type begins with a dot, as only `...` does.
fn is_dot(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Punct(dot)) if dot.as_char() == '.')
}

fn pattern(tokens: &[TokenTree], has_type: bool) -> Pattern {
    let tokens = open(tokens);
    match tokens.as_slice() {
        // `&self`, `&'a mut self`, `mut self`, `self: Box<Self>`
        [.., TokenTree::Ident(name)] if name == "self" => Pattern::Receiver,
        _ if !has_type => Pattern::None,
        [TokenTree::Ident(name)] if name == "_" => Pattern::Wildcard,
        [TokenTree::Ident(name)] if is_binding(name) => Pattern::Name {
            mutable: TokenStream::new(),
            name: name.clone(),
        },
        [TokenTree::Ident(keyword), TokenTree::Ident(name)] if keyword == "mut" => Pattern::Name {
            mutable: TokenTree::from(keyword.clone()).into(),
            name: name.clone(),
        },
        other => Pattern::Other(other.iter().cloned().collect()),
    }
}

/// Opens the group without delimiters in which a `macro_rules!` macro puts what it was given.
fn open(tokens: &[TokenTree]) -> Vec<TokenTree> {
    match tokens {
        [TokenTree::Group(group)] if group.delimiter() == proc_macro2::Delimiter::None => {
            open(&group.stream().into_iter().collect::<Vec<_>>())
        }
        other => other.to_vec(),
    }
}

/// Tells whether a name stands for a value, and not for a unit struct, whose pattern looks the
/// same.
fn is_binding(name: &Ident) -> bool {
    let text = name.to_string();
    let text = text.strip_prefix("r#").unwrap_or(&text);
    !text.starts_with(char::is_uppercase)
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    fn show(parameters: TokenStream) -> Vec<String> {
        let show = |parameter: Parameter| {
            let pattern = match parameter.pattern {
                Pattern::Receiver => "self".to_owned(),
                Pattern::Name { mutable, name } => format!("name {mutable} {name}"),
                Pattern::Wildcard => "wildcard".to_owned(),
                Pattern::Other(tokens) => format!("other {tokens}"),
                Pattern::None => "none".to_owned(),
            };
            format!("{pattern} | {}", parameter.kind)
        };
        parse(parameters).into_iter().map(show).collect()
    }

    #[test]
    fn parameters_are_split_and_taken_apart() {
        assert_eq!(show(quote!()), [""; 0]);
        assert_eq!(
            show(quote!(
                &'a mut self, a: u8, mut b: HashMap<u8, Vec<u8>>, f: impl Fn(u8, u8) -> u8, c: a::B,
            )),
            [
                "self | ",
                "name  a | u8",
                "name mut b | HashMap < u8 , Vec < u8 >>",
                "name  f | impl Fn (u8 , u8) -> u8",
                "name  c | a :: B",
            ]
        );
        assert_eq!(
            show(
                quote!(self: Box<Self>, (a, b): (u8, u8), a::B::<u8> { c }: D, _: u8, Unit: Unit, ...)
            ),
            [
                "self | Box < Self >",
                "other (a , b) | (u8 , u8)",
                "other a :: B :: < u8 > { c } | D",
                "wildcard | u8",
                "other Unit | Unit",
                "none | ",
            ]
        );
    }

    #[test]
    fn attributes_stay_with_their_parameter() {
        let parameters = parse(quote!(#[allow(unused)] #[cfg(a)] a: u8, b: u8));
        assert_eq!(
            parameters[0].attributes.to_string(),
            quote!(#[allow(unused)] #[cfg(a)]).to_string()
        );
        assert!(parameters[1].attributes.is_empty());
    }
}
