//! The grammar, read from tokens.
//!
//! Bodies, patterns, guards and arguments are taken as they are: they may be incomplete while
//! a user types, and use syntax newer than any parser. Only what is between them is understood.
//! After a fault the parser goes on where the next arm probably begins, so that all faults are
//! reported in one go and the other arms are still there.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::{ToTokens, quote};

use crate::diag::{Fault, Faults};

use super::call::Call;
use super::syntax::{Arm, Attributes, Body, DefaultArm, Handler, Select};
use super::tokens::{self, find, group, is_arrow, is_pair, is_punct, is_word, read, read_short};

/// As many arms as one `select!` may have.
const MOST_ARMS: usize = 64;

impl Select {
    /// Reads what stands between the braces; what is wrong is added to `faults`.
    pub(crate) fn parse(tokens: TokenStream, faults: &mut Faults) -> Self {
        let mut parser = Parser {
            tokens: tokens.into_iter().collect(),
            position: 0,
            faults,
            is_sound: true,
            run: None,
            count: 0,
        };
        parser.select()
    }
}

/// What is still to be read, and what was wrong before it.
struct Parser<'a> {
    tokens: Vec<TokenTree>,
    position: usize,
    faults: &'a mut Faults,
    /// False after a fault.
    is_sound: bool,
    /// Is the first operation that runs blocking code.
    run: Option<TokenStream>,
    /// Counts the arms, whether or not they could be read.
    count: usize,
}

/// What stands before a body.
#[derive(Default)]
struct Head {
    pattern: Option<TokenStream>,
    call: Option<Call>,
    otherwise: Option<(TokenTree, Group)>,
    guard: Option<TokenStream>,
    /// Tells that neither an operation nor an arrow is there, which is one fault.
    is_missing: bool,
}

impl Parser<'_> {
    fn fault(&mut self, fault: Fault) {
        self.is_sound = false;
        self.faults.add(fault);
    }

    fn peek(&self, ahead: usize) -> Option<&TokenTree> {
        self.tokens.get(self.position + ahead)
    }

    fn stream(&self, from: usize, to: usize) -> TokenStream {
        self.tokens[from..to].iter().cloned().collect()
    }

    /// Tells whether an arm's end stands at `index`.
    fn is_separator(&self, index: usize) -> bool {
        is_punct(self.tokens.get(index), ',') || is_punct(self.tokens.get(index), ';')
    }

    fn select(&mut self) -> Select {
        let mut select = Select {
            biased: self.mode(),
            ..Select::default()
        };
        if self.position == self.tokens.len() && self.is_sound {
            let help = "to block until cancelled call `may::coroutine::park()`";
            let message = "`select!` needs at least one arm";
            self.fault(Fault::with_help(TokenStream::new(), message, help));
        }
        while self.position < self.tokens.len() {
            let start = self.position;
            self.arm(&mut select);
            self.separator();
            if self.position == start {
                // Nothing was read: nothing that could be part of an arm stands here.
                self.position += 1;
            }
        }
        self.check_all(&select);
        select
    }

    /// Reads `biased;`.
    fn mode(&mut self) -> bool {
        let Some(TokenTree::Ident(word)) = self.peek(0).cloned() else {
            return false;
        };
        let is_separated = self.is_separator(self.position + 1);
        if word == "biased" {
            if is_separated {
                self.position += 2;
                return true;
            }
            let is_pattern = tokens::is_assignment(&self.tokens, self.position + 1);
            if !is_pattern {
                self.fault(Fault::at(word, "expected `;` after `biased`"));
                self.position += 1;
            }
            return !is_pattern;
        }
        if is_punct(self.peek(1), ';') {
            let message = format!("unknown mode `{word}`");
            let help = "`select!` is fair unless it starts with `biased;`";
            self.fault(Fault::with_help(word, message, help));
            self.position += 2;
        }
        false
    }

    /// Finds what is wrong with the arms together.
    fn check_all(&mut self, select: &Select) {
        let Some(default) = &select.default else {
            return;
        };
        if self.count == 0 && self.is_sound {
            let message = "a `select!` with only `default` never waits";
            let help = "write the body on its own";
            self.fault(Fault::with_help(&default.word, message, help));
        }
    }

    fn separator(&mut self) {
        if is_punct(self.peek(0), ';') {
            let semicolon = self.peek(0).cloned();
            self.fault(Fault::at(semicolon, "arms are separated by `,`, not `;`"));
            self.position += 1;
        } else if is_punct(self.peek(0), ',') {
            self.position += 1;
        }
    }

    fn arm(&mut self, select: &mut Select) {
        let attributes = self.attributes();
        let Some(first) = self.peek(0).cloned() else {
            if !attributes.is_empty() {
                self.fault(Fault::at(
                    attributes.tokens(),
                    "expected an arm after this attribute",
                ));
            }
            return;
        };
        let word = match &first {
            TokenTree::Ident(word) => word.to_string(),
            _ => String::new(),
        };
        let is_name = tokens::is_assignment(&self.tokens, self.position + 1);
        match word.as_str() {
            "biased" if self.is_separator(self.position + 1) => {
                self.fault(Fault::at(first, "`biased` must be written once, first"));
                self.position += 2;
            }
            "default" if !is_name => self.default_arm(attributes, select),
            "match" if is_word(self.peek(1), "default") => self.match_default(attributes, select),
            "match" => self.match_arm(attributes, select),
            "else" | "complete" if is_arrow(&self.tokens, self.position + 1) => {
                let message = format!("`select!` has no `{word}` arm");
                let help = "`default => ..` runs when no arm is ready";
                self.fault(Fault::with_help(first, message, help));
                self.position += 3;
                self.body();
            }
            _ => self.bind_arm(attributes, select),
        }
    }

    fn attributes(&mut self) -> Attributes {
        let mut attributes = Attributes::default();
        while is_punct(self.peek(0), '#') {
            let from = self.position;
            let Some(content) = group(&self.tokens, from + 1, Delimiter::Bracket).cloned() else {
                break;
            };
            self.position += 2;
            let content: Vec<TokenTree> = content.stream().into_iter().collect();
            let word = content.first().map(ToString::to_string).unwrap_or_default();
            match (word.as_str(), group(&content, 1, Delimiter::Parenthesis)) {
                ("cfg", Some(condition)) => attributes.conditions.push(condition.stream()),
                ("allow" | "warn" | "deny" | "forbid" | "expect", _) => {
                    attributes.lints.extend(self.stream(from, from + 2));
                }
                _ => {
                    let tokens = self.stream(from, from + 2);
                    let message = "only `#[cfg]` and lint attributes may be placed on an arm";
                    self.fault(Fault::at(tokens, message));
                }
            }
        }
        attributes
    }

    /// Counts an arm, which begins at `from`.
    fn count(&mut self, from: usize) {
        self.count += 1;
        if self.count == MOST_ARMS + 1 {
            let (first, mut all) = (from, self.count);
            // Commas count well enough for a message.
            let mut at = from;
            while at < self.tokens.len() {
                all += usize::from(is_arrow(&self.tokens, at) && at > first);
                at += 1;
            }
            let all = all.saturating_sub(1);
            let message = format!("`select!` supports at most {MOST_ARMS} arms, found {all}");
            let help = "use `may::op::Select` for a dynamic set";
            let to = find(&self.tokens, from, |index| is_arrow(&self.tokens, index));
            self.fault(Fault::with_help(self.stream(from, to), message, help));
        }
    }

    /// Reads `default => ..`.
    fn default_arm(&mut self, attributes: Attributes, select: &mut Select) {
        let word = self.peek(0).cloned().expect("the word was seen");
        self.position += 1;
        if let Some(arguments) = group(&self.tokens, self.position, Delimiter::Parenthesis).cloned()
        {
            let argument = read(&arguments.stream().into_iter().collect::<Vec<_>>());
            let argument = if argument.is_empty() {
                "duration".into()
            } else {
                argument
            };
            let tokens = self.stream(self.position - 1, self.position + 1);
            let message = "`default` takes no arguments";
            let help =
                format!("`after({argument}) => ..` fires when nothing happened for `{argument}`");
            self.fault(Fault::with_help(tokens, message, help));
            self.position += 1;
        }
        let end = self.head_end();
        if end > self.position && is_arrow(&self.tokens, end) {
            let tokens = self.stream(self.position, end);
            self.fault(Fault::at(
                tokens,
                "`default` takes no pattern, guard or `else`",
            ));
        }
        self.position = end;
        let body = self.arrow_and_body(&word);
        let handler = Handler::Bind {
            pattern: None,
            otherwise: None,
            body,
        };
        self.add_default(
            DefaultArm {
                attributes,
                word,
                handler,
            },
            select,
        );
    }

    /// Reads `match default { .. }`.
    fn match_default(&mut self, attributes: Attributes, select: &mut Select) {
        let keyword = self.peek(0).cloned().expect("the word was seen");
        let word = self.peek(1).cloned().expect("the word was seen");
        self.position += 2;
        if let Some(arms) = self.match_body(&word) {
            let handler = Handler::Match { keyword, arms };
            self.add_default(
                DefaultArm {
                    attributes,
                    word,
                    handler,
                },
                select,
            );
        }
    }

    /// Adds a default arm, unless there is one, and says so if it is not the last one.
    fn add_default(&mut self, default: DefaultArm, select: &mut Select) {
        if let Some(first) = &select.default {
            let fault = Fault::at(&default.word, "`default` appears twice");
            self.fault(fault.and_at(&first.word, "first `default` is here"));
            return;
        }
        let mut next = self.position;
        while self.is_separator(next) {
            next += 1;
        }
        // A second `default` is a fault of its own.
        let is_default = is_word(self.tokens.get(next), "default")
            || is_word(self.tokens.get(next + 1), "default");
        if next < self.tokens.len() && !is_default {
            self.fault(Fault::at(&default.word, "`default` must be the last arm"));
        }
        if let Some(run) = self.run.take() {
            let message = "`run` never finishes at once, so `default` would always win";
            self.fault(Fault::with_help(run, message, "use `after(d)`"));
        }
        select.default = Some(default);
    }

    /// Returns where the head of an arm ends: at its arrow, or else at a separator.
    fn head_end(&self) -> usize {
        find(&self.tokens, self.position, |index| {
            is_arrow(&self.tokens, index) || self.is_separator(index)
        })
    }

    /// Reads `match operation { .. }`.
    fn match_arm(&mut self, attributes: Attributes, select: &mut Select) {
        self.count(self.position);
        let keyword = self.peek(0).cloned().expect("the word was seen");
        self.position += 1;
        let from = self.position;
        let to = tokens::operation_end(&self.tokens, from, self.tokens.len());
        self.position = to;
        let call = self.call(from, to);
        let last = self.tokens[to - 1].clone();
        if let Some(arms) = self.match_body(&last)
            && let Some(call) = call
            && self.count <= MOST_ARMS
        {
            let handler = Handler::Match { keyword, arms };
            select.arms.push(Arm {
                attributes,
                call,
                guard: None,
                handler,
            });
        }
    }

    /// Reads the arms of a `match` after its operation.
    fn match_body(&mut self, last: &TokenTree) -> Option<Group> {
        let from = self.position;
        let block = find(&self.tokens, from, |index| {
            group(&self.tokens, index, Delimiter::Brace).is_some() || self.is_separator(index)
        });
        self.position = block;
        let Some(arms) = group(&self.tokens, block, Delimiter::Brace).cloned() else {
            self.fault(Fault::at(
                last,
                "expected the arms of this `match` in braces",
            ));
            return None;
        };
        self.position += 1;
        if from < block {
            let tokens = self.stream(from, block);
            if is_word(self.tokens.get(from), "if") {
                let operation = read(std::slice::from_ref(last));
                let argument = operation
                    .trim_matches(['(', ')'])
                    .trim_start_matches('&')
                    .to_owned();
                let condition = read(&self.tokens[from + 1..block]);
                let help =
                    format!("disable it with an `Option`: `({condition}).then_some(&{argument})`");
                self.fault(Fault::with_help(
                    tokens,
                    "a `match` arm takes no guard",
                    help,
                ));
            } else {
                let found = read_short(&self.tokens[from..block], "something else");
                let message = format!("expected the arms of this `match` in braces, found {found}");
                self.fault(Fault::at(tokens, message));
            }
        }
        Some(arms)
    }

    /// Reads `pattern = operation else { .. } if guard => body`.
    fn bind_arm(&mut self, attributes: Attributes, select: &mut Select) {
        let from = self.position;
        self.count(from);
        let head = self.head();
        if head.is_missing {
            return;
        }
        let last = self.tokens[self.position.saturating_sub(1).max(from)].clone();
        let body = self.arrow_and_body(&last);
        if let Some(call) = head.call
            && self.count <= MOST_ARMS
        {
            let Head {
                pattern,
                otherwise,
                guard,
                ..
            } = head;
            let handler = Handler::Bind {
                pattern,
                otherwise,
                body,
            };
            select.arms.push(Arm {
                attributes,
                call,
                guard,
                handler,
            });
        }
    }

    /// Reads an arm up to its arrow.
    fn head(&mut self) -> Head {
        let mut head = Head::default();
        if is_word(self.peek(0), "let") {
            let word = self.peek(0).cloned();
            self.fault(Fault::with_help(
                word,
                "`let` is not written here",
                "write `x = recv(rx) => ..`",
            ));
            self.position += 1;
        }
        let typed = self.typed_pattern();
        let from = self.position;
        let limit = find(&self.tokens, from, |index| {
            let is_clause =
                is_word(self.tokens.get(index), "else") || is_word(self.tokens.get(index), "if");
            is_clause || is_arrow(&self.tokens, index) || self.is_separator(index)
        });
        let equals = find(&self.tokens[..limit], from, |index| {
            tokens::is_assignment(&self.tokens, index)
        });
        if typed.is_some() {
            head.pattern = typed;
        } else if equals < limit {
            head.pattern = Some(self.stream(from, equals));
            self.position = equals + 1;
            if equals == from {
                let token = self.tokens[equals].clone();
                self.fault(Fault::at(token, "expected a pattern before `=`"));
                head.pattern = Some(quote!(_));
            }
        } else if let Some(wrong) = self.wrong_equals(from, limit) {
            head.pattern = Some(self.stream(from, wrong));
            self.position = wrong + 2;
            let found = self.stream(wrong, wrong + 2);
            let message = format!(
                "expected `=` between pattern and operation, found `{}`",
                read(&self.tokens[wrong..wrong + 2])
            );
            self.fault(Fault::at(found, message));
        }
        let start = self.position;
        let end = tokens::operation_end(&self.tokens, start, limit);
        self.position = end;
        if start == end {
            let found = self.tokens.get(end).cloned();
            let found = found.or_else(|| self.tokens.get(end.saturating_sub(1)).cloned());
            self.fault(if is_word(found.as_ref(), "else") {
                let help = "an `else` block follows its operation: `recv(rx) else { .. } => ..`";
                Fault::with_help(found, "expected an operation", help)
            } else {
                Fault::at(found, "expected an operation")
            });
            // That nothing follows it goes without saying.
            self.position = self.head_end();
            head.is_missing = !is_arrow(&self.tokens, self.position);
            return head;
        }
        head.call = self.call(start, end);
        self.after_operation(start, &mut head);
        if let Some(call) = &head.call {
            let checked = call.check_pattern(head.pattern.as_ref(), &self.stream(start, end));
            if let Err(fault) = checked {
                self.fault(fault);
                head.pattern = None;
            }
        }
        head
    }

    /// Reads `pattern: Type =`, as after a `let`, and says that there is no type here; returns the
    /// pattern.
    fn typed_pattern(&mut self) -> Option<TokenStream> {
        let from = self.position;
        let colon = find(&self.tokens, from, |at| {
            tokens::is_lone_colon(&self.tokens, at)
                || tokens::is_assignment(&self.tokens, at)
                || is_arrow(&self.tokens, at)
                || self.is_separator(at)
        });
        if colon == from || !tokens::is_lone_colon(&self.tokens, colon) {
            return None;
        }
        // Commas in the type separate nothing.
        let equals = (colon..self.tokens.len())
            .find(|&at| tokens::is_assignment(&self.tokens, at) || is_arrow(&self.tokens, at))?;
        if is_arrow(&self.tokens, equals) {
            return None;
        }
        let pattern = self.stream(from, colon);
        let help = "name it in the body, with `let x: .. = x;`";
        let tokens = self.stream(colon, equals);
        self.fault(Fault::with_help(
            tokens,
            "the pattern of an arm takes no type",
            help,
        ));
        self.position = equals + 1;
        Some(pattern)
    }

    /// Finds what was written instead of a `=`.
    fn wrong_equals(&self, from: usize, to: usize) -> Option<usize> {
        let wrong = [['=', '='], ['<', '-'], [':', '='], ['<', '='], ['+', '=']];
        // Both lie before the end: in `==>` the second `=` is the arrow's.
        (from + 1..to.saturating_sub(1))
            .find(|&at| wrong.iter().any(|&pair| is_pair(&self.tokens, at, pair)))
    }

    /// Reads what follows the operation, which began at `start`, up to the arrow.
    fn after_operation(&mut self, start: usize, head: &mut Head) {
        let operation = read_short(&self.tokens[start..self.position], "the operation");
        if is_pair(&self.tokens, self.position, ['-', '>']) && head.pattern.is_none() {
            let end = self.head_end();
            let found = self.stream(self.position, self.position + 2);
            let pattern = self.stream(self.position + 2, end);
            let name = read(&self.tokens[self.position + 2..end]);
            let bare = operation.trim_matches('`').to_owned();
            let help = format!("bind first: `{name} = {bare} => ..`");
            self.fault(Fault::with_help(found, "expected `=>`, found `->`", help));
            head.pattern = Some(pattern);
            self.position = end;
            return;
        }
        if is_punct(self.peek(0), ',') && is_word(self.peek(1), "if") {
            let comma = self.peek(0).cloned();
            let end = find(&self.tokens, self.position + 1, |index| {
                is_arrow(&self.tokens, index) || self.is_separator(index)
            });
            let guard = read(&self.tokens[self.position + 1..end]);
            let help = format!("write `{} {guard} =>`", operation.trim_matches('`'));
            self.fault(Fault::with_help(
                comma,
                "unexpected `,` before the guard",
                help,
            ));
            self.position += 1;
        }
        self.otherwise(head);
        if is_word(self.peek(0), "if") {
            self.guard(head, &operation);
        }
    }

    /// Reads `else { .. }`.
    fn otherwise(&mut self, head: &mut Head) {
        if !is_word(self.peek(0), "else") {
            return;
        }
        let word = self.peek(0).cloned().expect("the word was seen");
        self.position += 1;
        match group(&self.tokens, self.position, Delimiter::Brace).cloned() {
            Some(block) => {
                self.position += 1;
                head.otherwise = Some((word, block));
            }
            None => {
                self.fault(Fault::at(word, "expected a block after `else`"));
                self.position = self.head_end();
            }
        }
    }

    /// Reads `if guard`.
    fn guard(&mut self, head: &mut Head, operation: &str) {
        let word = self.position;
        self.position += 1;
        let from = self.position;
        let end = find(&self.tokens, from, |index| {
            // An `else` behind a block belongs to an `if` within the guard.
            let is_else = is_word(self.tokens.get(index), "else")
                && group(&self.tokens, index - 1, Delimiter::Brace).is_none();
            is_else || is_arrow(&self.tokens, index) || self.is_separator(index)
        });
        self.position = end;
        if from == end {
            self.fault(Fault::at(
                self.stream(word, from),
                "expected a condition after `if`",
            ));
            return;
        }
        if is_word(self.tokens.get(from), "let") {
            let tokens = self.stream(word, end);
            let name = head
                .call
                .as_ref()
                .map_or("recv", |call| call.operation.name);
            let equals = find(&self.tokens, from, |at| {
                tokens::is_assignment(&self.tokens, at)
            });
            let option = read(&self.tokens[(equals + 1).min(end)..end]);
            let help =
                format!("pass the `Option` itself, `{name}({option})`; a `None` arm never fires");
            self.fault(Fault::with_help(tokens, "`if let` is not a guard", help));
            // The names that it binds are missing in the rest.
            head.call = None;
            return;
        }
        head.guard = Some(self.stream(from, end));
        if is_word(self.tokens.get(end), "else") {
            let guard = read(&self.tokens[word..end]);
            self.otherwise(head);
            let tokens = self.stream(end, self.position);
            let help = format!("`{} else {{ .. }} {guard} =>`", operation.trim_matches('`'));
            self.fault(Fault::with_help(
                tokens,
                "the `else` block comes before the guard",
                help,
            ));
        }
    }

    /// Reads `=> body`; `last` is the token before.
    fn arrow_and_body(&mut self, last: &TokenTree) -> Body {
        if is_arrow(&self.tokens, self.position) {
            let arrow = self.stream(self.position, self.position + 2);
            self.position += 2;
            let from = self.position;
            let body = self.body();
            if matches!(body, Body::Missing) {
                self.fault(Fault::at(arrow, "expected a body after `=>`"));
            }
            if tokens::opens_closure(self.tokens.get(from)) {
                self.closure_as_body(from);
                return Body::Missing;
            }
            return body;
        }
        match self.peek(0).cloned() {
            Some(found) if !self.is_separator(self.position) => {
                let name = match &found {
                    TokenTree::Group(_) => "a group".to_owned(),
                    TokenTree::Punct(_) if is_pair(&self.tokens, self.position, ['-', '>']) => {
                        "`->`".to_owned()
                    }
                    token => format!("`{token}`"),
                };
                let message = format!("expected `=>` after the operation, found {name}");
                self.fault(Fault::at(found, message));
                let next = find(&self.tokens, self.position, |index| {
                    is_arrow(&self.tokens, index) || self.is_separator(index)
                });
                if is_arrow(&self.tokens, next) {
                    self.position = next + 2;
                }
                self.body()
            }
            Some(separator) => {
                let message = format!("expected `=>` after the operation, found `{separator}`");
                self.fault(Fault::at(separator, message));
                self.position += 1;
                Body::Missing
            }
            None => {
                self.fault(Fault::at(last, "expected `=>` after the operation"));
                Body::Missing
            }
        }
    }

    /// Says that a body is no closure; it began at `from`.
    fn closure_as_body(&mut self, from: usize) {
        let to = find(&self.tokens, from + 2, |index| {
            is_punct(self.tokens.get(index), '|')
        });
        let to = (to + 1).min(self.tokens.len());
        let bar = find(&self.tokens, from, |index| {
            is_punct(self.tokens.get(index), '|')
        });
        let is_empty = is_punct(self.tokens.get(bar + 1), '|');
        let to = if is_empty { bar + 2 } else { to };
        let name = read(&self.tokens[(bar + 1).min(to)..to.saturating_sub(1).max(bar + 1).min(to)]);
        let name = if name.is_empty() {
            "m".to_owned()
        } else {
            name
        };
        let message = "an arm body is an expression, not a closure";
        let help = format!("name the value: `{name} = recv(rx) => ..`");
        self.fault(Fault::with_help(self.stream(from, to), message, help));
    }

    fn body(&mut self) -> Body {
        let from = self.position;
        if let Some(block) = as_block(self.tokens.get(from)) {
            self.position += 1;
            return Body::Block(block);
        }
        let end = find(&self.tokens, from, |index| self.is_separator(index));
        let end = if tokens::opens_closure(self.tokens.get(from)) {
            self.end_of_closure(from)
        } else {
            end
        };
        self.position = end;
        let next_arrow = find(&self.tokens[..end], from, |index| {
            is_arrow(&self.tokens, index)
        });
        let from_match = find(&self.tokens[..end], from + 1, |index| {
            is_word(self.tokens.get(index), "match")
        });
        if next_arrow < end || from_match < end {
            self.missing_comma(from, next_arrow.min(end));
        }
        if self.position == from {
            return Body::Missing;
        }
        Body::Expression(self.stream(from, self.position))
    }

    /// Returns where a body that is a closure ends.
    fn end_of_closure(&self, from: usize) -> usize {
        let open = find(&self.tokens, from, |index| {
            is_punct(self.tokens.get(index), '|')
        });
        let close = find(&self.tokens, open + 1, |index| {
            is_punct(self.tokens.get(index), '|')
        });
        find(&self.tokens, close, |index| self.is_separator(index))
    }

    /// Says where a comma is missing in what looked like one body, and lets it end there.
    fn missing_comma(&mut self, from: usize, arrow: usize) {
        let Some(next) = tokens::meeting_operands(&self.tokens, from, arrow) else {
            if arrow < self.position {
                let tokens = self.stream(arrow, arrow + 2);
                self.fault(Fault::at(tokens, "expected `,` between two arms"));
            }
            return;
        };
        let body = read_short(&self.tokens[from..next], "the body");
        let message = format!("expected `,` after {body}");
        let token = self.tokens[next].clone();
        self.fault(Fault::at(token, message));
        self.position = next;
    }

    /// Makes a call of an operation from the tokens `from..to`.
    fn call(&mut self, from: usize, to: usize) -> Option<Call> {
        let mut tokens = self.tokens[from..to].to_vec();
        // What a `macro_rules!` macro put in as `$operation:expr`.
        while let [TokenTree::Group(group)] = tokens.as_slice()
            && group.delimiter() == Delimiter::None
        {
            tokens = group.stream().into_iter().collect();
        }
        if let [rest @ .., dot, word] = tokens.as_slice()
            && is_punct(Some(dot), '.')
            && is_word(Some(word), "await")
        {
            let range: TokenStream = [dot.clone(), word.clone()].into_iter().collect();
            let message = "`select!` waits by blocking the coroutine; remove `.await`";
            let rest = rest.to_vec();
            self.fault(Fault::at(range, message));
            tokens = rest;
        }
        match Call::understand(&tokens) {
            // Together with `default` it is a fault of its own.
            Ok(call) if call.operation.name == "run" && self.has_default() => {
                self.run = Some(tokens[0].to_token_stream());
                self.is_sound = false;
                None
            }
            Ok(call) => Some(call),
            Err(fault) => {
                self.fault(fault);
                None
            }
        }
    }

    fn has_default(&self) -> bool {
        (self.position..self.tokens.len()).any(|at| {
            is_word(self.tokens.get(at), "default")
                && (is_arrow(&self.tokens, at + 1)
                    || is_word(self.tokens.get(at.wrapping_sub(1)), "match"))
        })
    }
}

/// Returns the block that a token is, also if a macro put it in.
fn as_block(token: Option<&TokenTree>) -> Option<Group> {
    let TokenTree::Group(group) = token? else {
        return None;
    };
    match group.delimiter() {
        Delimiter::Brace => Some(group.clone()),
        Delimiter::None => {
            let mut inner = group.stream().into_iter();
            let first = inner.next();
            if inner.next().is_some() {
                None
            } else {
                as_block(first.as_ref())
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    /// Reads arms; how many could be read, and what was wrong.
    fn parse(tokens: TokenStream) -> (Select, Vec<String>) {
        let mut faults = Faults::default();
        let select = Select::parse(tokens, &mut faults);
        (select, faults.messages())
    }

    #[test]
    fn bodies_may_be_incomplete() {
        let (select, faults) = parse(quote! {
            m = recv(rx) => { m. }
            Ok(n) = recv(self.) else { n. } => { let x = }
            match recv(rx) { Ok(m) => m. }
            after(d) => m. + ,
            default => { ..
                fn }
        });
        assert_eq!(faults, [""; 0]);
        assert_eq!(select.arms.len(), 4);
        assert!(select.default.is_some() && !select.biased);
    }

    #[test]
    fn one_fault_does_not_hide_the_arms_around_it() {
        for broken in [
            quote!(m = foo(rx) => 1),
            quote!(recv(rx) -> m => 1),
            quote!(m == recv(rx) => 1),
            quote!(m = recv(rx)),
            quote!(m = => 1),
            quote!(=> 1),
            quote!(m = recv(rx) => ),
            quote!(m = recv(rx) m => 1),
            quote!(m = recv(rx), if c => 1),
            quote!(m = recv(rx) if let c = d => 1),
            quote!(m = recv(rx) if c else { e } => 1),
            quote!(m = recv(rx) else d => 1),
            quote!(match recv(rx) if c { m => 1 }),
            quote!(match recv(rx)),
            quote!(else => 1),
            quote!(recv(rx) => 1),
            quote!(#[inline] _ = recv(rx) => 1),
            quote!(m = run() => 1),
            quote!(m = recv(rx);),
            quote!(else { e }),
            quote!(m: Result<u32, _> = recv(rx) => 1),
            quote!(m = recv(rx)? => 1),
        ] {
            let (select, faults) = parse(quote!(m = recv(a) => 1, #broken, n = recv(b) => 2));
            assert_eq!(faults.len(), 1, "{broken}: {faults:?}");
            let texts: Vec<&str> = select.arms.iter().map(|arm| &*arm.call.text).collect();
            assert_eq!(
                (texts[0], texts[texts.len() - 1]),
                ("recv(a)", "recv(b)"),
                "{broken}"
            );
        }
    }

    #[test]
    fn whatever_stands_there_is_read_to_its_end() {
        let tokens = quote!(biased; #[cfg(a)] P | Q = x.recv()? else { b } if c => d, match default { e => f } <T>::g(); ,);
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for from in 0..tokens.len() {
            for to in from..=tokens.len() {
                parse(tokens[from..to].iter().cloned().collect());
            }
        }
    }
}
