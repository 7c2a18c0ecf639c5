//! Texts with placeholders for arguments: `name = "conn-{id}"`.
//!
//! The text is `format!`'s, with names only: what may stand in the braces is a parameter of the
//! function, and behind a colon how it is shown. Which parameters there are is known later than the
//! text, so the check is separate.

use proc_macro2::{Literal, TokenStream, TokenTree};
use quote::quote;

use crate::diag::{Fault, describe, enumerate};
use crate::similar;

/// A text, perhaps with placeholders.
#[derive(Debug)]
pub(crate) struct Template {
    /// Is the literal as the user wrote it, whose place carries the names into the function; or an
    /// expression.
    tokens: TokenStream,
    /// Holds the pieces of a literal, with doubled braces made single.
    pieces: Vec<Piece>,
}

/// A piece of a template.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    /// Is plain text.
    Text(String),
    /// Is what stands between braces, up to the colon.
    Placeholder(String),
}

impl Template {
    pub(crate) fn parse(name: &str, example: &str, value: &TokenStream) -> Result<Self, Fault> {
        crate::values::text(name, example, value)?;
        let text = match value.clone().into_iter().collect::<Vec<_>>().as_slice() {
            [TokenTree::Literal(literal)] => match syn::Lit::new(literal.clone()) {
                syn::Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            _ => None,
        };
        let pieces = match text {
            Some(text) => split(&text).map_err(|(message, help)| {
                let found = describe(value);
                debug_assert_eq!(found, "a string");
                Fault::with_help(value, message, help)
            })?,
            None => Vec::new(),
        };
        Ok(Self {
            tokens: value.clone(),
            pieces,
        })
    }

    /// Tells whether the text depends on arguments.
    pub(crate) fn has_placeholders(&self) -> bool {
        self.pieces
            .iter()
            .any(|piece| matches!(piece, Piece::Placeholder(_)))
    }

    /// Tells whether there is a placeholder with this name.
    pub(crate) fn mentions(&self, name: &str) -> bool {
        let is_name = |piece: &Piece| matches!(piece, Piece::Placeholder(found) if found == name);
        self.pieces.iter().any(is_name)
    }

    /// Returns the text of a template without placeholders, as an expression.
    pub(crate) fn plain(&self) -> TokenStream {
        match self.pieces.as_slice() {
            [Piece::Text(text)] => {
                let mut literal = Literal::string(text);
                if let Some(token) = self.tokens.clone().into_iter().next() {
                    literal.set_span(token.span());
                }
                quote!(#literal)
            }
            _ => self.tokens.clone(),
        }
    }

    /// Lists what is wrong with the placeholders, given the names of the parameters.
    pub(crate) fn check(&self, parameters: &[String]) -> Vec<Fault> {
        let mut faults = Vec::new();
        for piece in &self.pieces {
            let Piece::Placeholder(name) = piece else {
                continue;
            };
            if parameters.contains(name) {
                continue;
            }
            let known = parameters.iter().map(String::as_str);
            let list = || match parameters {
                [] => "the function has no parameters to be named".to_owned(),
                [only] => format!("the only name of a parameter is `{only}`"),
                _ => format!("the parameters are {}", enumerate(known.clone())),
            };
            faults.push(if name.is_empty() {
                let message = "`{}` names no parameter";
                Fault::with_help(&self.tokens, message, list())
            } else {
                let message = format!("`{{{name}}}` does not name a parameter");
                let help = match similar::closest(name, known.clone()) {
                    Some(meant) => format!("did you mean `{{{meant}}}`?"),
                    None => list(),
                };
                Fault::with_help(&self.tokens, message, help)
            });
        }
        faults
    }

    /// Writes the expression that makes the text from the arguments.
    pub(crate) fn format(&self) -> TokenStream {
        let text = &self.tokens;
        quote!(::std::format!(#text))
    }
}

fn split(text: &str) -> Result<Vec<Piece>, (&'static str, &'static str)> {
    const HELP: &str = "a placeholder is `{parameter}`, a brace is written twice: `{{`";
    let (mut pieces, mut plain) = (Vec::new(), String::new());
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '{' | '}' if rest.peek() == Some(&character) => {
                rest.next();
                plain.push(character);
            }
            '{' => {
                let mut inside = String::new();
                loop {
                    match rest.next() {
                        Some('}') => break,
                        Some('{') | None => return Err(("a `{` is not closed", HELP)),
                        Some(character) => inside.push(character),
                    }
                }
                let name = inside.split(':').next().unwrap_or_default().trim();
                if !plain.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                }
                pieces.push(Piece::Placeholder(name.to_owned()));
            }
            '}' => return Err(("a `}` closes nothing", HELP)),
            character => plain.push(character),
        }
    }
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Faults;

    /// Reads a value and returns what it becomes, or the messages.
    fn read(value: TokenStream, parameters: &[&str]) -> String {
        let mut faults = Faults::default();
        let template = faults.keep(Template::parse("name", "\"x\"", &value));
        let parameters: Vec<String> = parameters.iter().map(|&name| name.to_owned()).collect();
        let found = template
            .iter()
            .flat_map(|template| template.check(&parameters));
        found.for_each(|fault| faults.add(fault));
        match template {
            Some(template) if faults.messages().is_empty() && template.has_placeholders() => {
                template.format().to_string()
            }
            Some(template) if faults.messages().is_empty() => template.plain().to_string(),
            _ => faults.messages().join("\n"),
        }
    }

    #[test]
    fn plain_texts_stay_and_placeholders_are_formatted() {
        assert_eq!(read(quote!("conn"), &[]), "\"conn\"");
        assert_eq!(read(quote!("a{{b}}"), &[]), "\"a{b}\"");
        assert_eq!(read(quote!(NAME), &[]), "NAME");
        let formatted = quote!(::std::format!("conn-{id:>4}-{peer}"));
        let value = quote!("conn-{id:>4}-{peer}");
        assert_eq!(read(value, &["id", "peer"]), formatted.to_string());
    }

    #[test]
    fn placeholders_must_name_parameters() {
        assert_eq!(
            read(quote!("{idd}"), &["id", "peer"]),
            "`{idd}` does not name a parameter\nhelp: did you mean `{id}`?"
        );
        assert_eq!(
            read(quote!("{number}"), &["id", "peer"]),
            "`{number}` does not name a parameter\nhelp: the parameters are `id` and `peer`"
        );
        assert_eq!(
            read(quote!("{}"), &["id"]),
            "`{}` names no parameter\nhelp: the only name of a parameter is `id`"
        );
        assert_eq!(
            read(quote!("{x}"), &[]),
            "`{x}` does not name a parameter\nhelp: the function has no parameters to be named"
        );
        let help = "help: a placeholder is `{parameter}`, a brace is written twice: `{{`";
        assert_eq!(
            read(quote!("{id"), &["id"]),
            format!("a `{{` is not closed\n{help}")
        );
        assert_eq!(
            read(quote!("id}"), &["id"]),
            format!("a `}}` closes nothing\n{help}")
        );
    }
}
