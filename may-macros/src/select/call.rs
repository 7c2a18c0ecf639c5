//! One operation of an arm: which row of the table it is, and whether it is called as it must be.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};

use crate::diag::Fault;

use super::operations::{self, Form, Operation, Outcome};
use super::tokens::{self, is_punct, is_word, read, read_short};

/// A call of an operation.
#[derive(Debug)]
pub(crate) struct Call {
    /// Is the row of the table.
    pub(crate) operation: &'static Operation,
    /// Tells how it is called.
    pub(crate) form: &'static Form,
    /// Is the name as the user wrote it.
    pub(crate) name: Ident,
    /// Holds the arguments.
    pub(crate) arguments: Vec<TokenStream>,
    /// Is the token behind which rustc may suggest to add something.
    pub(crate) last: TokenTree,
    /// Is how it reads.
    pub(crate) text: String,
}

impl Call {
    /// Checks that a result is named if there is one.
    pub(super) fn check_pattern(
        &self,
        pattern: Option<&TokenStream>,
        tokens: &TokenStream,
    ) -> Result<(), Fault> {
        let (name, text) = (self.operation.name, &self.text);
        match (self.operation.outcome, pattern) {
            (Outcome::Value, None) => {
                let message = format!("the result of `{name}` must be named");
                let help = format!("write `_ = {text}` to ignore it");
                Err(Fault::with_help(tokens, message, help))
            }
            (Outcome::Nothing, Some(pattern)) => {
                let written = read(&pattern.clone().into_iter().collect::<Vec<_>>());
                if written == "_" || written == "()" {
                    return Ok(());
                }
                let message = format!("`{name}` has no result to bind");
                let help = format!("write `{text} => ..`");
                Err(Fault::with_help(pattern, message, help))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn understand(tokens: &[TokenTree]) -> Result<Self, Fault> {
        let all: TokenStream = tokens.iter().cloned().collect();
        match tokens {
            [TokenTree::Ident(name), TokenTree::Group(group)] if name == "run" => {
                let (form, code) = code_to_run(tokens, group)?;
                Ok(Self::in_form(
                    &operations::RUN,
                    form,
                    name,
                    vec![code],
                    tokens,
                ))
            }
            [TokenTree::Ident(name), TokenTree::Group(group)]
                if group.delimiter() == Delimiter::Parenthesis =>
            {
                let text = name.to_string();
                let operation = Operation::named(&text).ok_or_else(|| unknown(name, tokens))?;
                Self::of(operation, name, tokens::arguments(group), tokens)
            }
            [
                place @ ..,
                dot,
                TokenTree::Ident(name),
                TokenTree::Group(group),
            ] if !place.is_empty()
                && is_punct(Some(dot), '.')
                && group.delimiter() == Delimiter::Parenthesis =>
            {
                let text = name.to_string();
                let operation = Operation::named(&text).filter(|operation| operation.is_method);
                let operation = operation.ok_or_else(|| no_method(place, name, tokens))?;
                let mut arguments = vec![place.iter().cloned().collect()];
                arguments.extend(tokens::arguments(group));
                Self::of(operation, name, arguments, tokens)
            }
            [call @ .., mark] if is_punct(Some(mark), '?') => {
                let message = "the result is there only when the arm has won";
                let call = read_short(call, "the operation").replace('`', "");
                let help = format!("use `?` in the body: `x = {call} => x?`");
                Err(Fault::with_help(mark, message, help))
            }
            [TokenTree::Ident(word)] if word == "default" => Err(Fault::at(
                all,
                "`default` takes no pattern, guard or `else`",
            )),
            [TokenTree::Ident(name)]
                if Operation::named(&name.to_string()).is_some() || name == "run" =>
            {
                let message = format!("`{name}` needs parentheses and what it waits for");
                let help = Operation::named(&name.to_string())
                    .map_or("`run(..)`".to_owned(), |operation| {
                        format!("`{}`", operation.written)
                    });
                Err(Fault::with_help(name, message, help))
            }
            [.., TokenTree::Group(group)] if group.delimiter() == Delimiter::Parenthesis => {
                let path = read(&tokens[..tokens.len() - 1]);
                let call = read_short(tokens, "..");
                let call = call.trim_matches('`');
                let message = format!("unknown operation `{path}`");
                let help = format!(
                    "write `on({call})` if it returns an operation, or `run({call})` to run blocking code"
                );
                Err(Fault::with_help(all, message, help))
            }
            _ => {
                let found = read_short(tokens, "something else");
                let message = format!("expected an operation, found {found}");
                let help = "an operation is a call, as in `x = recv(rx) => ..`";
                Err(Fault::with_help(all, message, help))
            }
        }
    }

    fn of(
        operation: &'static Operation,
        name: &Ident,
        arguments: Vec<TokenStream>,
        tokens: &[TokenTree],
    ) -> Result<Self, Fault> {
        let Some(form) = operation.form(arguments.len()) else {
            let count = arguments.len();
            let message = format!(
                "`{}` takes {}, found {count} argument{}",
                operation.name,
                operation.takes,
                if count == 1 { "" } else { "s" },
            );
            let all: TokenStream = tokens.iter().cloned().collect();
            return Err(Fault::at(all, message));
        };
        Ok(Self::in_form(operation, form, name, arguments, tokens))
    }

    /// Makes a call in a form of the operation.
    fn in_form(
        operation: &'static Operation,
        form: &'static Form,
        name: &Ident,
        arguments: Vec<TokenStream>,
        tokens: &[TokenTree],
    ) -> Self {
        let last = tokens.last().cloned().expect("a call has tokens");
        Self {
            operation,
            form,
            name: name.clone(),
            arguments,
            last,
            text: read_short(tokens, &format!("{}(..)", operation.name)).replace('`', ""),
        }
    }
}

/// Makes a closure of what `run` is to run, and tells in which form it is called then.
fn code_to_run(tokens: &[TokenTree], group: &Group) -> Result<(&'static Form, TokenStream), Fault> {
    let content: Vec<TokenTree> = group.stream().into_iter().collect();
    let bars = match content.as_slice() {
        [word, rest @ ..] if is_word(Some(word), "move") => rest,
        rest => rest,
    };
    let has_parameters = is_punct(bars.first(), '|') && !is_punct(bars.get(1), '|');
    let is_empty = content.is_empty() && group.delimiter() == Delimiter::Parenthesis;
    if is_empty || has_parameters {
        let all: TokenStream = tokens.iter().cloned().collect();
        let message = "`run` needs an expression, a block or a closure without parameters";
        return Err(Fault::at(all, message));
    }
    let closure = &operations::RUN.forms[0];
    if is_punct(bars.first(), '|') {
        // The bars are ours, since clippy would replace `|| f()` by `f`, which is another
        // expression here.
        let ours = content.len() - bars.len() + 2;
        let code = content.into_iter().enumerate().map(|(index, mut token)| {
            if index < ours {
                token.set_span(Span::mixed_site().located_at(token.span()));
            }
            token
        });
        return Ok((closure, code.collect()));
    }
    let code = match group.delimiter() {
        Delimiter::Brace => group.to_token_stream(),
        _ => group.stream(),
    };
    let may_be_coroutine = group.delimiter() == Delimiter::Parenthesis
        && tokens::operation_end(&content, 0, content.len()) == content.len()
        && !content.iter().any(|token| is_punct(Some(token), '!'));
    let form = if may_be_coroutine {
        &operations::RUN_EXPRESSION
    } else {
        closure
    };
    // As if it stood where `run` does: there rustc shows what it is that `break` and `?` do not
    // leave.
    let here = Span::mixed_site().located_at(tokens[0].span());
    Ok((form, quote_spanned!(here=> || #code)))
}

fn unknown(name: &Ident, tokens: &[TokenTree]) -> Fault {
    let message = format!("unknown operation `{name}`");
    let help = match operations::meant(&name.to_string()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => {
            let call = read_short(tokens, &format!("{name}(..)")).replace('`', "");
            format!(
                "write `on({call})` if it returns an operation, or `run({call})` to run blocking code"
            )
        }
    };
    Fault::with_help(name, message, help)
}

fn no_method(place: &[TokenTree], name: &Ident, tokens: &[TokenTree]) -> Fault {
    if Operation::named(&name.to_string()).is_some() {
        let message = format!("`{name}` is not a method");
        return Fault::with_help(name, message, format!("write `{name}({})`", read(place)));
    }
    let message = format!("`{name}` is not an operation");
    let help = match operations::meant(&name.to_string()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => {
            let call = read_short(tokens, &format!("x.{name}(..)")).replace('`', "");
            format!("write `run({call})` to run blocking code")
        }
    };
    Fault::with_help(name, message, help)
}
