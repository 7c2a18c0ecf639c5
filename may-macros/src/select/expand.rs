//! What a `select!` becomes.
//!
//! ```text
//! {
//!     let g1: bool = GUARD;                                       guards, top to bottom
//!     let outcome = match (P::recv(&(rx)), P::send(&(tx))) {      arguments; temporaries live exactly as long as the wait
//!         (e0, e1) => {
//!             let mut e0 = pin!(e0);
//!             let mut e1 = pin!(e1);
//!             match P::select(&mut [e0.as_mut(), e1.as_mut()], MODE) {
//!                 Some(0) => P::This(finish(e0)),
//!                 Some(1) => P::Other(P::last(finish(e1))),       of a `send`, the right to send
//!                 _ => P::all_disabled(..),
//!             }
//!         },
//!     };                                                          all of the above is gone before a body starts
//!     match P::hold(outcome) {                                    nor is what another arm would have got borrowed
//!         P::This(v) => { let PATTERN = P::take(v) else { .. }; BODY }
//!         P::Other(P::This(v)) => { let PATTERN = P::take(v).send(VALUE); BODY }    `?`, `break` and moves in VALUE work
//!     }
//! }
//! ```
//!
//! The event of an arm with a guard cannot be made in the tuple. It is made by a `let`, whose
//! initializer extends the lives of temporaries that are borrowed directly.
//!
//! The outcomes are nested pairs of one type (`P::Outcome`), not variants of an enum of our own: an
//! item here would be seen by the bodies. For the same reason all names are of mixed hygiene. An
//! arm with `#[cfg]` has its place in everything; if it is compiled away, the event there is one
//! that never happens.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};

use crate::diag::Faults;

use super::call::Call;
use super::operations::{Outcome, Passing};
use super::syntax::{Arm, Attributes, Body, DefaultArm, Handler, Select};
use super::tokens::{is_punct, is_word};

/// Expands what was read; `krate` is the path of the facade.
pub(super) fn expand(select: &Select, krate: &TokenStream, faults: &Faults) -> TokenStream {
    let expansion = Expansion { select, krate };
    let value = if select.arms.is_empty() {
        // Its type fits everywhere, so that no further errors follow.
        let unreachable = expansion.path("unreachable_arm", Span::call_site());
        quote_spanned!(Span::mixed_site()=> #unreachable())
    } else {
        expansion.all()
    };
    quote_spanned!(Span::mixed_site()=> { #faults #value })
}

/// One expansion.
struct Expansion<'a> {
    select: &'a Select,
    krate: &'a TokenStream,
}

/// Returns a span at a place of the user's, in which our names are not seen.
fn ours_at(token: &TokenTree) -> Span {
    Span::mixed_site().located_at(token.span())
}

/// Returns a span at the name of an operation, in which our names are not seen.
fn ours_at_name(call: &Call) -> Span {
    Span::mixed_site().located_at(call.name.span())
}

/// Returns the name of one of our variables.
fn name(prefix: &str, index: usize) -> Ident {
    format_ident!("{prefix}{index}", span = Span::mixed_site())
}

impl Expansion<'_> {
    /// Returns the path of something that the expansion needs, as if it stood at `span`.
    ///
    /// That holds for its first token, too: where it is that of the facade's source, an error is
    /// shown at the whole macro.
    fn path(&self, name: &str, span: Span) -> TokenStream {
        let here = Span::mixed_site().located_at(span);
        let name = Ident::new(name, here);
        let krate: TokenStream = self
            .krate
            .clone()
            .into_iter()
            .map(|mut token| {
                token.set_span(token.span().located_at(span));
                token
            })
            .collect();
        quote_spanned!(here=> #krate::__private::select::#name)
    }

    /// Returns a function, to be called as if it stood at `span`.
    ///
    /// In parentheses, which take its span over: that of the path alone is one of the wrapper of
    /// this macro, where rustc would then show arguments of the wrong type, too.
    fn function(&self, name: &str, span: Span) -> TokenStream {
        let path = self.path(name, span);
        quote_spanned!(Span::mixed_site().located_at(span)=> (#path))
    }

    /// Returns the path of something that has no place of its own.
    fn hidden(&self, name: &str) -> TokenStream {
        self.path(name, Span::mixed_site())
    }

    /// Puts the outcome `inner` of the arm `index` into its place.
    fn outcome(&self, index: usize, inner: TokenStream) -> TokenStream {
        let count = self.select.arms.len() + usize::from(self.select.default.is_some());
        let is_last = index + 1 == count;
        self.nested(index, if is_last { "last" } else { "This" }, inner)
    }

    /// Writes the pattern of the outcome of the arm `index`.
    fn pattern(&self, index: usize, inner: TokenStream) -> TokenStream {
        self.nested(index, "This", inner)
    }

    /// Writes `Other(Other(innermost(inner)))`.
    fn nested(&self, index: usize, innermost: &str, inner: TokenStream) -> TokenStream {
        let (innermost, other) = (self.hidden(innermost), self.hidden("Other"));
        let innermost = quote_spanned!(Span::mixed_site()=> #innermost(#inner));
        (0..index).fold(
            innermost,
            |inner, _| quote_spanned!(Span::mixed_site()=> #other(#inner)),
        )
    }

    /// Writes everything but the faults.
    fn all(&self) -> TokenStream {
        let guards = self.guards();
        let wait = self.wait();
        let arms = self.arms();
        let hold = self.hidden("hold");
        // Temporaries in the operand of a `match` live as long as the whole `match`; those of a
        // `let` end with it.
        quote_spanned! {Span::mixed_site()=>
            #guards
            let outcome = #wait;
            match #hold(outcome) { #arms }
        }
    }

    fn guards(&self) -> TokenStream {
        let mut tokens = TokenStream::new();
        for (index, arm) in self.select.arms.iter().enumerate() {
            if let Some(guard) = &arm.guard {
                let here = guard
                    .clone()
                    .into_iter()
                    .next()
                    .as_ref()
                    .map_or_else(Span::mixed_site, ours_at);
                let bool = quote_spanned!(here=> ::core::primitive::bool);
                let (cfg, name) = (arm.attributes.cfg(), name("guard", index));
                tokens.extend(quote_spanned!(Span::mixed_site()=> #cfg let #name: #bool = #guard;));
            }
        }
        tokens
    }

    /// Makes the events, waits, and finishes the one that has happened.
    fn wait(&self) -> TokenStream {
        let mut inner = self.engine();
        let mut end = self.select.arms.len();
        // From the last to the first: those with guards one by one, and rows of the others in one
        // tuple.
        while end > 0 {
            if self.select.arms[end - 1].guard.is_some() {
                end -= 1;
                inner = self.guarded(end, inner);
                continue;
            }
            let guarded = self.select.arms[..end]
                .iter()
                .rposition(|arm| arm.guard.is_some());
            let start = guarded.map_or(0, |guarded| guarded + 1);
            inner = self.row(start, end, inner);
            end = start;
        }
        inner
    }

    /// Makes the events `start..end` around `inner`.
    fn row(&self, start: usize, end: usize, inner: TokenStream) -> TokenStream {
        let names = (start..end).map(|index| name("event", index));
        let events = self.select.arms[start..end].iter().map(|arm| {
            let event = self.event(&arm.call, arm.call.passed());
            self.or_never(&arm.attributes, &event)
        });
        quote_spanned! {Span::mixed_site()=>
            match (#(#events)*) { (#(#names,)*) => #inner }
        }
    }

    /// Makes the event `index`, which has a guard, around `inner`.
    fn guarded(&self, index: usize, inner: TokenStream) -> TokenStream {
        let arm = &self.select.arms[index];
        let (event, guard, given) = (
            name("event", index),
            name("guard", index),
            name("given", index),
        );
        let arguments = arm.call.passed();
        // Where the arguments are, since these names are what rustc finds wrong then.
        let place = |argument: &TokenStream| {
            argument
                .clone()
                .into_iter()
                .next()
                .as_ref()
                .map_or_else(Span::mixed_site, ours_at)
        };
        let names: Vec<Ident> = (0..)
            .zip(arm.call.arguments.iter().take(arguments.len()))
            .map(|(at, argument)| Ident::new(&format!("argument{at}"), place(argument)))
            .collect();
        let made = self.event(
            &arm.call,
            names.iter().map(ToTokens::to_token_stream).collect(),
        );
        let cfg = arm.attributes.cfg();
        let never = arm.attributes.cfg_not().map(|cfg_not| {
            let never = self.hidden("never");
            quote_spanned!(Span::mixed_site()=> #cfg_not let #event = #never();)
        });
        // Written with a field, not as a call, the initializer extends the lives of temporaries.
        quote_spanned! {Span::mixed_site()=>
            {
                #cfg
                let #given = if #guard {
                    ::core::option::Option::Some { 0: (#(#arguments,)*) }
                } else {
                    ::core::option::Option::None
                };
                #cfg
                let #event = match #given {
                    ::core::option::Option::Some((#(#names,)*)) => ::core::option::Option::Some(#made),
                    ::core::option::Option::None => ::core::option::Option::None,
                };
                #never
                #inner
            }
        }
    }

    fn event(&self, call: &Call, arguments: Vec<TokenStream>) -> TokenStream {
        let constructor = self.function(call.form.constructor, call.name.span());
        let span = ours_at_name(call);
        let method = call.form.method.map(|method| {
            let method = Ident::new(method, span);
            quote_spanned!(span=> .#method())
        });
        quote_spanned!(span=> #constructor(#(#arguments),*) #method)
    }

    /// Writes an element of a list, in two versions if there is a condition.
    fn or_never(&self, attributes: &Attributes, element: &TokenStream) -> TokenStream {
        let cfg = attributes.cfg();
        let other = attributes.cfg_not().map(|cfg_not| {
            let never = self.hidden("never");
            quote_spanned!(Span::mixed_site()=> #cfg_not #never(),)
        });
        quote_spanned!(Span::mixed_site()=> #cfg #element, #other)
    }

    fn engine(&self) -> TokenStream {
        let arms = &self.select.arms;
        let events = (0..arms.len()).map(|index| name("event", index));
        let pinned = events
            .clone()
            .map(|event| quote_spanned!(Span::mixed_site()=> let mut #event = ::core::pin::pin!(#event);));
        let mode = self.hidden(if self.select.biased { "BIASED" } else { "FAIR" });
        let finished = arms.iter().enumerate().map(|(index, arm)| {
            let finished = self.finish(index, arm);
            let outcome = |value| self.outcome(index, value);
            let (cfg, cfg_not) = (arm.attributes.cfg(), arm.attributes.cfg_not());
            let value = outcome(finished);
            let other = cfg_not.map(|cfg_not| {
                let value = outcome(quote!(()));
                quote_spanned!(Span::mixed_site()=>
                    #cfg_not ::core::option::Option::Some(#index) => #value,)
            });
            quote_spanned! {Span::mixed_site()=>
                #cfg ::core::option::Option::Some(#index) => #value,
                #other
            }
        });
        let otherwise = self.otherwise();
        let won =
            self.won(&quote_spanned!(Span::mixed_site()=> &mut [#(#events.as_mut()),*], #mode));
        quote_spanned! {Span::mixed_site()=>
            {
                #(#pinned)*
                #won
                match won {
                    #(#finished)*
                    #otherwise
                }
            }
        }
    }

    /// Calls the engine, with the entry that there is for this kind.
    fn won(&self, arguments: &TokenStream) -> TokenStream {
        let (select, or_default) = (self.hidden("select"), self.hidden("select_or_default"));
        let Some(default) = &self.select.default else {
            return quote_spanned!(Span::mixed_site()=> let won = #select(#arguments););
        };
        let cfg = default.attributes.cfg();
        let other = default.attributes.cfg_not().map(
            |cfg_not| quote_spanned!(Span::mixed_site()=> #cfg_not let won = #select(#arguments);),
        );
        quote_spanned!(Span::mixed_site()=> #cfg let won = #or_default(#arguments); #other)
    }

    /// Says what happens if none of the events does.
    fn otherwise(&self) -> TokenStream {
        let disabled = |function| {
            let function = self.hidden(function);
            let texts = self.select.arms.iter().map(|arm| {
                let (cfg, text) = (arm.attributes.cfg(), &arm.call.text);
                quote_spanned!(Span::mixed_site()=> #cfg #text,)
            });
            quote_spanned!(Span::mixed_site()=> #function(&[#(#texts)*]))
        };
        let Some(default) = &self.select.default else {
            let disabled = disabled("all_disabled");
            return quote_spanned!(Span::mixed_site()=> _ => #disabled,);
        };
        let index = self.select.arms.len();
        let value = self.outcome(index, quote!(()));
        let cfg = default.attributes.cfg();
        let other = default.attributes.cfg_not().map(|cfg_not| {
            let disabled = self.outcome(index, disabled("all_disabled_without_default"));
            quote_spanned!(Span::mixed_site()=> #cfg_not _ => #disabled,)
        });
        quote_spanned!(Span::mixed_site()=> #cfg _ => #value, #other)
    }

    /// Takes the outcome out of the event `index`.
    fn finish(&self, index: usize, arm: &Arm) -> TokenStream {
        let finish = self.function("finish", arm.call.name.span());
        let event = name("event", index);
        let span = ours_at_name(&arm.call);
        quote_spanned!(span=> #finish(#event))
    }

    fn arms(&self) -> TokenStream {
        let arms = self.select.arms.iter().enumerate().map(|(index, arm)| {
            let body = handle(&arm.handler, Some(&arm.call), &arm.call.last, self);
            self.arm(index, &arm.attributes, &body)
        });
        let default = self
            .select
            .default
            .as_ref()
            .map(|default| self.default(default));
        quote_spanned!(Span::mixed_site()=> #(#arms)* #default)
    }

    fn default(&self, default: &DefaultArm) -> TokenStream {
        let body = handle(&default.handler, None, &default.word, self);
        self.arm(self.select.arms.len(), &default.attributes, &body)
    }

    /// Writes one arm, in two versions if there is a condition.
    fn arm(
        &self,
        index: usize,
        attributes: &Attributes,
        (value, body): &(Ident, TokenStream),
    ) -> TokenStream {
        let (cfg, lints) = (attributes.cfg(), &attributes.lints);
        let pattern = self.pattern(index, value.to_token_stream());
        let other = attributes.cfg_not().map(|cfg_not| {
            let (nothing, take) = (name("nothing", index), self.hidden("take"));
            let pattern = self.pattern(index, nothing.to_token_stream());
            let unreachable = self.hidden("unreachable_arm");
            quote_spanned!(Span::mixed_site()=> #cfg_not #pattern => {
                let () = #take(#nothing);
                #unreachable()
            })
        });
        quote_spanned!(Span::mixed_site()=> #cfg #lints #pattern => #body #other)
    }

    /// Makes the result of an operation from what it has left: what is to be sent is evaluated
    /// here, in the arm, so that a variable which moves there is still there in the other arms.
    fn result(&self, value: &Ident, call: Option<&Call>) -> TokenStream {
        let take = self.function("take", value.span());
        let taken = quote_spanned!(value.span()=> #take(#value));
        match call.and_then(Call::on_win) {
            Some(sent) => quote_spanned!(value.span()=> #taken.send(#sent)),
            None => taken,
        }
    }
}

/// Writes what an arm does, and the name of the value that it does it to.
///
/// rustc looks at the types, and its carets and suggestions are aimed: the value and the semicolon
/// behind it stand where the operation ends, so that "add `else { .. }`" is inserted where our
/// grammar has it.
fn handle(
    handler: &Handler,
    call: Option<&Call>,
    last: &TokenTree,
    expansion: &Expansion<'_>,
) -> (Ident, TokenStream) {
    let here = ours_at(last);
    match handler {
        Handler::Match { keyword, arms } => {
            let at = call.map_or(here, ours_at_name);
            let value = Ident::new("value", at);
            // Ours, so that clippy does not take it for one that could be a `let`.
            let keyword = Ident::new("match", ours_at(keyword));
            let result = expansion.result(&value, call);
            let matched = quote_spanned!(Span::mixed_site()=> { #keyword #result #arms });
            (value, matched)
        }
        Handler::Bind {
            pattern,
            otherwise,
            body,
        } => {
            let value = Ident::new("value", here);
            let pattern = pattern.as_ref().map_or_else(
                || match call.map(|call| call.operation.outcome) {
                    Some(Outcome::Value) => quote_spanned!(here=> _),
                    _ => quote_spanned!(here=> ()),
                },
                or_pattern,
            );
            let otherwise = otherwise.as_ref().map(|(word, block)| quote!(#word #block));
            let result = expansion.result(&value, call);
            let mut content =
                quote_spanned!(Span::mixed_site()=> let #pattern = #result #otherwise);
            content.extend(quote_spanned!(here=> ;));
            (value, with_body(content, body, expansion))
        }
    }
}

/// Puts alternatives into parentheses, without which a `let` does not take them.
fn or_pattern(pattern: &TokenStream) -> TokenStream {
    /// Looks into what a `macro_rules!` macro put in, too.
    fn is_bar(token: TokenTree) -> bool {
        match token {
            TokenTree::Punct(punct) => punct.as_char() == '|',
            TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
                group.stream().into_iter().any(is_bar)
            }
            _ => false,
        }
    }
    if !pattern.clone().into_iter().any(is_bar) {
        return pattern.clone();
    }
    quote_spanned!(Span::mixed_site()=> (#pattern))
}

/// Puts the body behind the `let`.
///
/// A block becomes one with it, under the user's braces: a block within a block would set off
/// `unused_braces` in the user's code.
fn with_body(mut content: TokenStream, body: &Body, expansion: &Expansion<'_>) -> TokenStream {
    let span = match body {
        Body::Block(block) => {
            let mut tokens = block.stream().into_iter().peekable();
            let has_inner_attribute = matches!(tokens.next(), Some(TokenTree::Punct(hash)) if hash.as_char() == '#')
                && matches!(tokens.peek(), Some(TokenTree::Punct(bang)) if bang.as_char() == '!');
            if has_inner_attribute {
                block.to_tokens(&mut content);
            } else {
                content.extend(block.stream());
            }
            block.span()
        }
        Body::Expression(tokens) => {
            content.extend(tokens.clone());
            Span::mixed_site()
        }
        Body::Missing => {
            let unreachable = expansion.hidden("unreachable_arm");
            content.extend(quote_spanned!(Span::mixed_site()=> #unreachable()));
            Span::mixed_site()
        }
    };
    let mut group = Group::new(Delimiter::Brace, content);
    group.set_span(span);
    group.into_token_stream()
}

impl Call {
    /// Returns the arguments as the constructor takes them.
    ///
    /// What we add stands where the argument does, since that is where rustc says that a type is
    /// wrong.
    fn passed(&self) -> Vec<TokenStream> {
        let arguments = self.arguments.iter().zip(self.form.arguments);
        arguments
            .filter_map(|(argument, passing)| {
                let span = argument
                    .clone()
                    .into_iter()
                    .next()
                    .map_or_else(Span::call_site, |token| token.span());
                let span = Span::mixed_site().located_at(span);
                // What is written as a reference is one: a reference to it would be a temporary,
                // and what a permit or a guard borrows from would not live on.
                let mut tokens = argument.clone().into_iter();
                let is_reference = is_punct(tokens.next().as_ref(), '&');
                let is_exclusive = is_reference && is_word(tokens.next().as_ref(), "mut");
                match passing {
                    Passing::Shared if is_reference && !is_exclusive => {
                        return Some(argument.clone());
                    }
                    Passing::Exclusive if is_exclusive => return Some(argument.clone()),
                    _ => {}
                }
                let mut group = Group::new(Delimiter::Parenthesis, argument.clone());
                group.set_span(span);
                Some(match passing {
                    Passing::Shared => quote_spanned!(span=> &#group),
                    Passing::Exclusive => quote_spanned!(span=> &mut #group),
                    Passing::Slice => quote_spanned!(span=> &*#group),
                    Passing::SliceMut => quote_spanned!(span=> &mut *#group),
                    Passing::Value => argument.clone(),
                    Passing::OnWin => return None,
                })
            })
            .collect()
    }

    /// Returns the argument that is evaluated after the win.
    fn on_win(&self) -> Option<&TokenStream> {
        let mut arguments = self.arguments.iter().zip(self.form.arguments);
        arguments
            .find(|(_, passing)| **passing == Passing::OnWin)
            .map(|(argument, _)| argument)
    }
}

impl Attributes {
    /// Returns the condition as an attribute.
    fn cfg(&self) -> Option<TokenStream> {
        let conditions = &self.conditions;
        (!conditions.is_empty()).then(|| quote!(#[cfg(all(#(#conditions),*))]))
    }

    /// Returns the opposite of the condition.
    fn cfg_not(&self) -> Option<TokenStream> {
        let conditions = &self.conditions;
        (!conditions.is_empty()).then(|| quote!(#[cfg(not(all(#(#conditions),*)))]))
    }
}
