//! Looking at tokens without parsing them: where an arm's parts end, and how tokens read.
//!
//! A comma inside of `::<A, B>` separates nothing, so angle brackets are skipped where they open
//! generics. Everything else that could hold a comma or an arrow is a group, which is one token.

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};

pub(super) fn is_punct(token: Option<&TokenTree>, character: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == character)
}

pub(super) fn is_word(token: Option<&TokenTree>, word: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if ident == word)
}

/// Tells whether the token is this character and belongs to the next.
fn is_joint(token: Option<&TokenTree>, character: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct))
        if punct.as_char() == character && punct.spacing() == Spacing::Joint)
}

/// Tells whether two characters stand at `index`, as one operator.
pub(super) fn is_pair(tokens: &[TokenTree], index: usize, [first, second]: [char; 2]) -> bool {
    is_joint(tokens.get(index), first) && is_punct(tokens.get(index + 1), second)
}

pub(super) fn is_arrow(tokens: &[TokenTree], index: usize) -> bool {
    is_pair(tokens, index, ['=', '>'])
}

/// Tells whether a `=` that is part of no other operator stands at `index`.
pub(super) fn is_assignment(tokens: &[TokenTree], index: usize) -> bool {
    let joins = |before: &TokenTree| match before {
        TokenTree::Punct(punct) => {
            punct.spacing() == Spacing::Joint && "=<>!.+-*/%^&|:".contains(punct.as_char())
        }
        _ => false,
    };
    let joins_next = is_pair(tokens, index, ['=', '=']) || is_arrow(tokens, index);
    let is_joined = index > 0 && joins(&tokens[index - 1]);
    is_punct(tokens.get(index), '=') && !joins_next && !is_joined
}

/// Tells whether a `:` that is no part of a path stands at `index`.
pub(super) fn is_lone_colon(tokens: &[TokenTree], index: usize) -> bool {
    let is_second = index > 0 && is_joint(tokens.get(index - 1), ':');
    is_punct(tokens.get(index), ':') && !is_joint(tokens.get(index), ':') && !is_second
}

/// Returns the group at `index` if it has this delimiter.
pub(super) fn group(tokens: &[TokenTree], index: usize, delimiter: Delimiter) -> Option<&Group> {
    match tokens.get(index) {
        Some(TokenTree::Group(group)) if group.delimiter() == delimiter => Some(group),
        _ => None,
    }
}

/// Returns the first index from `from` on where `stop` holds; the number of tokens if there is
/// none.
pub(super) fn find(
    tokens: &[TokenTree],
    from: usize,
    mut stop: impl FnMut(usize) -> bool,
) -> usize {
    let mut index = from;
    while index < tokens.len() && !stop(index) {
        index = after_generics(tokens, from, index).unwrap_or(index + 1);
    }
    index.min(tokens.len())
}

/// Returns where the generics end that begin at `index`, in an expression or pattern that begins at
/// `start`.
fn after_generics(tokens: &[TokenTree], start: usize, index: usize) -> Option<usize> {
    if !is_punct(tokens.get(index), '<') || !opens_generics(&tokens[start..index]) {
        return None;
    }
    let mut depth = 0;
    for at in index..tokens.len() {
        if is_punct(tokens.get(at), '<') {
            depth += 1;
        } else if is_arrow(tokens, at) || is_punct(tokens.get(at), ';') {
            return None;
        } else if is_punct(tokens.get(at), '>') && !is_joint(tokens.get(at - 1), '-') {
            depth -= 1;
        }
        if depth == 0 {
            return Some(at + 1);
        }
    }
    None
}

/// Tells whether a `<` after these tokens opens generics; otherwise it compares.
fn opens_generics(before: &[TokenTree]) -> bool {
    match before {
        [] => true,
        [.., TokenTree::Punct(punct)] => !"?>".contains(punct.as_char()),
        [.., TokenTree::Ident(word)] if is_keyword(&word.to_string()) => true,
        // `x as Type<A, B>`
        _ => {
            let path = |token: &&TokenTree| {
                is_punct(Some(token), ':')
                    || matches!(token, TokenTree::Ident(word) if word != "as")
            };
            let mut before = before.iter().rev().skip_while(path);
            is_word(before.next(), "as")
        }
    }
}

/// Tells whether an expression may follow the word.
fn is_keyword(word: &str) -> bool {
    const KEYWORDS: [&str; 17] = [
        "as", "break", "continue", "dyn", "else", "for", "if", "in", "let", "loop", "match",
        "move", "mut", "ref", "return", "unsafe", "while",
    ];
    KEYWORDS.contains(&word)
}

/// Returns the first index in `from..to` where two operands meet without an operator: something
/// between them is missing.
pub(super) fn meeting_operands(tokens: &[TokenTree], from: usize, to: usize) -> Option<usize> {
    let is_operand = |index: usize| match &tokens[index] {
        TokenTree::Ident(word) => !is_keyword(&word.to_string()),
        TokenTree::Literal(_) => true,
        _ => false,
    };
    // `'label` is a quote and a word.
    let is_label = |index: usize| index > from && is_punct(tokens.get(index - 1), '\'');
    (from + 1..to).find(|&index| {
        let before = matches!(tokens[index - 1], TokenTree::Group(_)) || is_operand(index - 1);
        let starts_arm = is_word(tokens.get(index), "match") || is_punct(tokens.get(index), '#');
        before && !is_label(index - 1) && (is_operand(index) || starts_arm)
    })
}

/// Returns where the operation ends that begins at `from`: a call, or a place and a method.
pub(super) fn operation_end(tokens: &[TokenTree], from: usize, to: usize) -> usize {
    let mut index = from;
    let prefix = |index| {
        is_punct(tokens.get(index), '&')
            || is_punct(tokens.get(index), '*')
            || is_punct(tokens.get(index), ':')
            || is_word(tokens.get(index), "mut")
    };
    while index < to && prefix(index) {
        index += 1;
    }
    if index >= to {
        return to;
    }
    let is_run = is_word(tokens.get(index), "run");
    index += 1;
    if is_run && group(tokens, index, Delimiter::Brace).is_some() {
        return index + 1;
    }
    while index < to {
        let next_is_word = matches!(
            tokens.get(index + 1),
            Some(TokenTree::Ident(_) | TokenTree::Literal(_))
        );
        index = if is_punct(tokens.get(index), '?')
            || group(tokens, index, Delimiter::Parenthesis).is_some()
            || group(tokens, index, Delimiter::Bracket).is_some()
        {
            index + 1
        } else if is_punct(tokens.get(index), '.') && next_is_word {
            index + 2
        } else if is_pair(tokens, index, [':', ':']) {
            let after = index + 2;
            after_generics(tokens, from, after).unwrap_or(after + 1)
        } else if is_punct(tokens.get(index), '!')
            && matches!(tokens.get(index + 1), Some(TokenTree::Group(_)))
        {
            index + 2
        } else {
            break;
        };
    }
    index.min(to)
}

/// Takes arguments apart at their commas.
pub(super) fn arguments(group: &Group) -> Vec<TokenStream> {
    let tokens: Vec<TokenTree> = group.stream().into_iter().collect();
    let mut arguments = Vec::new();
    let mut from = 0;
    while from < tokens.len() {
        let to = find(&tokens, from, |index| is_punct(tokens.get(index), ','));
        let to = if opens_closure(tokens.get(from)) {
            tokens.len()
        } else {
            to
        };
        arguments.push(tokens[from..to].iter().cloned().collect());
        from = to + 1;
    }
    arguments
}

/// Tells whether a closure begins with the token.
pub(super) fn opens_closure(token: Option<&TokenTree>) -> bool {
    is_punct(token, '|') || is_word(token, "move")
}

/// Writes tokens as people do, without the blanks that `to_string` may put in.
pub(super) fn read(tokens: &[TokenTree]) -> String {
    let mut text = String::new();
    for (index, token) in tokens.iter().enumerate() {
        if index > 0 && has_blank(&tokens[index - 1], token) {
            text.push(' ');
        }
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Brace => ("{ ", " }"),
                    Delimiter::None => ("", ""),
                };
                let inner = read(&group.stream().into_iter().collect::<Vec<_>>());
                match (group.delimiter(), inner.is_empty()) {
                    (Delimiter::Brace, true) => text += "{}",
                    _ => text += &format!("{open}{inner}{close}"),
                }
            }
            token => text += &token.to_string(),
        }
    }
    text
}

/// Tells whether a blank stands between two tokens.
fn has_blank(before: &TokenTree, after: &TokenTree) -> bool {
    match (before, after) {
        (TokenTree::Punct(before), TokenTree::Punct(after)) => {
            before.spacing() == Spacing::Alone
                && !"&*!.?".contains(before.as_char())
                && !".,?;".contains(after.as_char())
        }
        (TokenTree::Punct(punct), _) => !"&*!.:'#?".contains(punct.as_char()),
        (_, TokenTree::Punct(punct)) => !".,?:;!".contains(punct.as_char()),
        (_, TokenTree::Group(group)) => group.delimiter() == Delimiter::Brace,
        _ => true,
    }
}

/// Writes tokens for a message; `long` stands for what would be too long.
pub(super) fn read_short(tokens: &[TokenTree], long: &str) -> String {
    let text = read(tokens);
    if text.len() <= 40 {
        format!("`{text}`")
    } else {
        long.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    fn list(tokens: TokenStream) -> Vec<TokenTree> {
        tokens.into_iter().collect()
    }

    #[test]
    fn commas_in_generics_separate_nothing() {
        for (tokens, parts) in [
            (quote!(a, b), 2),
            (quote!(a.collect::<Map<A, B>>(), b), 2),
            (quote!(<A as B<C, D>>::e(), b), 2),
            (quote!(a as Map<A, B>, b), 2),
            (quote!(a < b, c > d), 2),
            (quote!(f::<fn() -> A, B>(), b), 2),
            (quote!(return <A as B<C, D>>::e()), 1),
        ] {
            let group = Group::new(Delimiter::Parenthesis, tokens.clone());
            assert_eq!(arguments(&group).len(), parts, "{tokens}");
        }
    }

    #[test]
    fn a_lone_assignment_is_told_from_operators() {
        for (tokens, expected) in [
            (quote!(a = b), Some(1)),
            (quote!(1..=5 = b), Some(5)),
            (quote!(a == b), None),
            (quote!(a <= b), None),
            (quote!(a => b), None),
            (quote!(a += b), None),
        ] {
            let tokens = list(tokens);
            let found = (0..tokens.len()).find(|&index| is_assignment(&tokens, index));
            assert_eq!(found, expected, "{}", read(&tokens));
        }
    }

    #[test]
    fn operations_end_before_what_follows() {
        for (tokens, end) in [
            (quote!(recv(rx) m.go()), 2),
            (quote!(self.a.0.recv() if c), 8),
            (quote!(a::b::<C, D>(e)? else {}), 13),
            (quote!(&mut *a[0].b() -> c), 8),
            (quote!(run { a } b), 2),
            (quote!(recv(rx) { a }), 2),
        ] {
            let tokens = list(tokens);
            assert_eq!(
                operation_end(&tokens, 0, tokens.len()),
                end,
                "{}",
                read(&tokens)
            );
        }
    }

    #[test]
    fn tokens_are_written_as_people_do() {
        for text in [
            "f()",
            "self.queue.pop_front().unwrap()",
            "recv(&rx)",
            "a::b(c, d)?",
            "x = recv(rx)",
            "Ok(_)",
            "{ a }",
        ] {
            let tokens: TokenStream = text.parse().expect("tokens");
            assert_eq!(read(&list(tokens)), text);
        }
    }
}
