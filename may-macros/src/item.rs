//! A tolerant parser for functions: it understands the signature and leaves the body alone.
//!
//! While a user types, a body is often incomplete, and it may use syntax newer than any parser.
//! So the body is one group of tokens that goes into the expansion as it is, and editors can
//! complete in it. In the signature, too, only what the attributes have an opinion about is taken
//! apart.

use std::collections::VecDeque;

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};

use crate::diag::Fault;

/// An attribute of the function, such as `#[ignore]` or a doc comment.
#[derive(Debug)]
pub(crate) struct Attribute {
    /// Holds all of it, from `#` to `]`.
    pub(crate) tokens: TokenStream,
    /// Is the last segment of its path: `test` for `#[core::prelude::v1::test]`.
    pub(crate) last_segment: String,
}

/// A function with a body.
#[derive(Debug)]
pub(crate) struct Function {
    /// Lists the attributes, without the one that is being expanded.
    pub(crate) attributes: Vec<Attribute>,
    /// Holds `pub`, `pub(crate)` or nothing.
    pub(crate) visibility: TokenStream,
    /// Lists `async`, `const`, `unsafe` and `extern "C"`, as far as they are there.
    pub(crate) qualifiers: Vec<TokenStream>,
    /// Is the word `fn`, which carries the place of the function into the expansion.
    pub(crate) keyword: TokenTree,
    /// Is the name.
    pub(crate) name: Ident,
    /// Holds the generic parameters with their brackets.
    pub(crate) generics: TokenStream,
    /// Holds the parameters with their parentheses.
    pub(crate) parameters: Group,
    /// Holds what stands behind the `->`, if it is there.
    pub(crate) output: Option<TokenStream>,
    /// Holds the `where` clause.
    pub(crate) where_clause: TokenStream,
    /// Holds the body with its braces.
    pub(crate) body: Group,
}

impl Function {
    /// Takes a function apart; anything else is a fault. One that has no body is told
    /// `without_body`.
    pub(crate) fn parse(item: &TokenStream, without_body: Option<&str>) -> Result<Self, Fault> {
        let mut cursor = Cursor::new(item.clone());
        let attributes = cursor.attributes();
        let visibility = cursor.visibility();
        let Some(start) = cursor.peek().cloned() else {
            return Err(Fault::at(item, "expected a function"));
        };
        let qualifiers = cursor.qualifiers();
        let Some(keyword) = cursor.keyword("fn") else {
            return Err(Fault::at(start, "expected a function"));
        };
        let Some(TokenTree::Ident(name)) = cursor.next() else {
            return Err(Fault::at(start, "expected a function with a name"));
        };
        let generics = cursor.generics();
        let parameters = match cursor.next() {
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis => group,
            _ => return Err(Fault::at(name, "expected a function with parameters")),
        };
        let Some(body) = cursor.body() else {
            let message = "expected a function with a body";
            return Err(match without_body {
                Some(help) => Fault::with_help(name, message, help),
                None => Fault::at(name, message),
            });
        };
        let (output, where_clause) = cursor.output_and_where_clause();
        Ok(Self {
            attributes,
            visibility,
            qualifiers,
            keyword,
            name,
            generics,
            parameters,
            output,
            where_clause,
            body,
        })
    }

    /// Returns the `self` parameter, from its first token up to `self`, if there is one.
    pub(crate) fn receiver(&self) -> Option<TokenStream> {
        let mut receiver = TokenStream::new();
        for token in self.parameters.stream() {
            let (is_self, may_precede) = match &token {
                TokenTree::Ident(word) => (word == "self", word == "mut"),
                TokenTree::Punct(punct) => (false, matches!(punct.as_char(), '&' | '\'')),
                _ => (false, false),
            };
            // A lifetime is a quote and a name.
            let is_lifetime = ends_with_quote(&receiver);
            receiver.extend([token]);
            if is_self {
                return Some(receiver);
            }
            if !may_precede && !is_lifetime {
                return None;
            }
        }
        None
    }
}

/// Tells whether the last token is the quote of a lifetime.
fn ends_with_quote(tokens: &TokenStream) -> bool {
    matches!(tokens.clone().into_iter().last(), Some(TokenTree::Punct(quote)) if quote.as_char() == '\'')
}

/// The tokens that are still to be read.
struct Cursor {
    /// Holds the tokens, the next one first.
    rest: VecDeque<TokenTree>,
}

impl Cursor {
    fn new(tokens: TokenStream) -> Self {
        Self {
            rest: tokens.into_iter().collect(),
        }
    }

    /// Returns the next token and leaves it there.
    ///
    /// What a `macro_rules!` macro put in as `$name:ident` or `$body:block` comes in groups that
    /// have no delimiters; they are opened here.
    fn peek(&mut self) -> Option<&TokenTree> {
        while let Some(TokenTree::Group(group)) = self.rest.front() {
            if group.delimiter() != Delimiter::None {
                break;
            }
            let inner = group.stream();
            self.rest.pop_front();
            for token in inner.into_iter().collect::<Vec<_>>().into_iter().rev() {
                self.rest.push_front(token);
            }
        }
        self.rest.front()
    }

    fn next(&mut self) -> Option<TokenTree> {
        self.peek()?;
        self.rest.pop_front()
    }

    /// Takes the next token if it is this word.
    fn keyword(&mut self, keyword: &str) -> Option<TokenTree> {
        match self.peek() {
            Some(TokenTree::Ident(word)) if word == keyword => self.next(),
            _ => None,
        }
    }

    /// Takes the next token if it is this character.
    fn punct(&mut self, character: char) -> Option<TokenTree> {
        match self.peek() {
            Some(TokenTree::Punct(punct)) if punct.as_char() == character => self.next(),
            _ => None,
        }
    }

    fn attributes(&mut self) -> Vec<Attribute> {
        let mut attributes = Vec::new();
        while let Some(hash) = self.punct('#') {
            let mut tokens = TokenStream::from(hash);
            let mut last_segment = String::new();
            if let Some(TokenTree::Group(group)) = self.next() {
                last_segment = last_segment_of_path(&group);
                tokens.extend([TokenTree::Group(group)]);
            }
            attributes.push(Attribute {
                tokens,
                last_segment,
            });
        }
        attributes
    }

    /// Takes `pub` and what restricts it.
    fn visibility(&mut self) -> TokenStream {
        let mut tokens = TokenStream::new();
        if let Some(keyword) = self.keyword("pub") {
            tokens.extend([keyword]);
            match self.peek() {
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis => {
                    tokens.extend(self.next());
                }
                _ => {}
            }
        }
        tokens
    }

    /// Takes what may stand before `fn`, and only that.
    fn qualifiers(&mut self) -> Vec<TokenStream> {
        let mut qualifiers = Vec::new();
        loop {
            let keyword = ["async", "const", "unsafe", "safe"]
                .iter()
                .find_map(|word| self.keyword(word));
            if let Some(keyword) = keyword {
                qualifiers.push(keyword.into());
            } else if let Some(keyword) = self.keyword("extern") {
                let mut tokens = TokenStream::from(keyword);
                if let Some(TokenTree::Literal(_)) = self.peek() {
                    tokens.extend(self.next());
                }
                qualifiers.push(tokens);
            } else {
                return qualifiers;
            }
        }
    }

    /// Takes everything from `<` to the `>` that closes it.
    fn generics(&mut self) -> TokenStream {
        let mut tokens = TokenStream::new();
        let mut depth = 0;
        let mut after_minus = false;
        loop {
            let character = match self.peek() {
                Some(TokenTree::Punct(punct)) => Some(punct.as_char()),
                _ => None,
            };
            match character {
                Some('<') => depth += 1,
                // The arrow in `F: Fn() -> T` closes nothing.
                Some('>') if !after_minus => depth -= 1,
                _ if depth == 0 => return tokens,
                _ => {}
            }
            after_minus = character == Some('-');
            match self.next() {
                Some(token) => tokens.extend([token]),
                None => return tokens,
            }
            if depth <= 0 {
                return tokens;
            }
        }
    }

    /// Takes the body off the end.
    fn body(&mut self) -> Option<Group> {
        let Some(TokenTree::Group(mut body)) = self.rest.pop_back() else {
            return None;
        };
        while body.delimiter() == Delimiter::None {
            let mut inner = body.stream().into_iter();
            match (inner.next(), inner.next()) {
                (Some(TokenTree::Group(group)), None) => body = group,
                _ => return None,
            }
        }
        (body.delimiter() == Delimiter::Brace).then_some(body)
    }

    /// Takes the rest, once the body is off, apart at `where`.
    ///
    /// Groups without delimiters stay closed here, since they hold types together.
    fn output_and_where_clause(&mut self) -> (Option<TokenStream>, TokenStream) {
        let output = self.punct('-').and_then(|_| self.punct('>')).map(|_| {
            let is_where =
                |token: &TokenTree| matches!(token, TokenTree::Ident(word) if word == "where");
            let end = self
                .rest
                .iter()
                .position(is_where)
                .unwrap_or(self.rest.len());
            self.rest.drain(..end).collect()
        });
        (output, self.rest.drain(..).collect())
    }
}

/// Returns the last segment of the path of an attribute, given what stands in its brackets.
fn last_segment_of_path(attribute: &Group) -> String {
    let mut last = String::new();
    for token in attribute.stream() {
        match token {
            TokenTree::Ident(segment) => last = segment.to_string(),
            TokenTree::Punct(colon) if colon.as_char() == ':' => {}
            _ => break,
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;
    use quote::quote;

    use super::*;

    fn parse(item: TokenStream) -> Function {
        Function::parse(&item, None).expect("this is a function")
    }

    #[test]
    fn a_plain_function_has_only_a_body() {
        let function = parse(quote!(fn main() { 1 + }));
        assert_eq!(function.name, "main");
        assert_eq!(function.body.stream().to_string(), "1 +");
        assert!(function.attributes.is_empty());
        assert!(function.visibility.is_empty());
        assert!(function.qualifiers.is_empty());
        assert!(function.generics.is_empty());
        assert!(function.parameters.stream().is_empty());
        assert!(function.output.is_none());
        assert!(function.where_clause.is_empty());
    }

    #[test]
    fn every_part_of_a_signature_is_found() {
        let function = parse(quote! {
            /// Documented.
            #[ignore = "slow"]
            #[::core::prelude::v1::test]
            #[tokio::test(flavor = "x")]
            pub(in crate::a) async unsafe extern "C" fn name<'a, F: Fn() -> Vec<Vec<u8>>, const N: usize>(
                a: u8,
            ) -> Array<{ N }, [u8; { N }]>
            where
                F: Send,
            {
                body
            }
        });
        let segments: Vec<_> = function
            .attributes
            .iter()
            .map(|a| &*a.last_segment)
            .collect();
        assert_eq!(segments, ["doc", "ignore", "test", "test"]);
        assert_eq!(function.visibility.to_string(), "pub (in crate :: a)");
        let qualifiers: Vec<_> = function
            .qualifiers
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(qualifiers, ["async", "unsafe", "extern \"C\""]);
        assert_eq!(function.name, "name");
        let generics = quote!(<'a, F: Fn() -> Vec<Vec<u8>>, const N: usize>);
        assert_eq!(function.generics.to_string(), generics.to_string());
        assert_eq!(function.parameters.stream().to_string(), "a : u8 ,");
        let output = quote!(Array<{ N }, [u8; { N }]>);
        assert_eq!(
            function.output.expect("an output").to_string(),
            output.to_string()
        );
        assert_eq!(function.where_clause.to_string(), "where F : Send ,");
        assert_eq!(function.body.stream().to_string(), "body");
    }

    #[test]
    fn what_a_macro_put_in_is_opened() {
        let wrap = |tokens| TokenTree::Group(Group::new(Delimiter::None, tokens));
        let (nothing, name) = (wrap(quote!()), wrap(quote!(main)));
        let (output, body) = (wrap(quote!(dyn A + B)), wrap(quote!({ 1 })));
        let function = parse(quote!(#nothing fn #name() -> &#output #body));
        assert_eq!(function.name, "main");
        assert_eq!(function.body.stream().to_string(), "1");
        let output: Vec<_> = function.output.expect("an output").into_iter().collect();
        assert!(
            matches!(&output[1], TokenTree::Group(group) if group.delimiter() == Delimiter::None)
        );
    }

    #[test]
    fn other_items_are_refused() {
        for item in [
            quote!(),
            quote!(
                struct A;
            ),
            quote!(
                #[derive(Debug)]
                pub struct A {
                    b: u8,
                }
            ),
            quote!(impl A { fn b() {} }),
            quote!(
                unsafe impl A for B {}
            ),
            quote!(
                mod a {
                    fn b() {}
                }
            ),
            quote!(
                const A: u8 = 1;
            ),
            quote!(
                extern "C" {
                    fn a();
                }
            ),
            quote!(
                trait A {
                    fn b();
                }
            ),
            quote!(fn),
            quote!(fn a),
            quote!(
                fn a();
            ),
            quote!(fn a<T),
            quote!(
                fn a() -> u8;
            ),
        ] {
            let fault = Function::parse(&item, None).expect_err(&item.to_string());
            let mut faults = crate::diag::Faults::default();
            faults.add(fault);
            let message = faults.messages().remove(0);
            assert!(
                message.starts_with("expected a function"),
                "{item}: {message}"
            );
        }
    }

    #[test]
    fn receivers_are_found() {
        let receiver = |parameters: TokenStream| {
            let mut function = parse(quote!(
                fn a() {}
            ));
            function.parameters = Group::new(Delimiter::Parenthesis, parameters);
            function.parameters.set_span(Span::call_site());
            function.receiver().map(|tokens| tokens.to_string())
        };
        assert_eq!(receiver(quote!()), None);
        assert_eq!(receiver(quote!(a: &Self, b: u8)), None);
        assert_eq!(receiver(quote!((a, b): (u8, u8))), None);
        assert_eq!(receiver(quote!(self)).as_deref(), Some("self"));
        assert_eq!(
            receiver(quote!(mut self, a: u8)).as_deref(),
            Some("mut self")
        );
        assert_eq!(receiver(quote!(&self)).as_deref(), Some("& self"));
        assert_eq!(
            receiver(quote!(&'a mut self)).as_deref(),
            Some("& 'a mut self")
        );
        assert_eq!(receiver(quote!(self: Box<Self>)).as_deref(), Some("self"));
    }
}
