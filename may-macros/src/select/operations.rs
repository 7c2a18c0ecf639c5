//! The operations that an arm can be: one table, from which the parser, the messages and the
//! documentation come.

use crate::similar;

/// How an argument gets into the constructor of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passing {
    /// By a shared reference: the user names a place, or writes the reference.
    Shared,
    /// By an exclusive reference, likewise.
    Exclusive,
    /// As what it refers to, shared: a reference that the user has is borrowed again, not moved
    /// away.
    Slice,
    /// As what it refers to, exclusive.
    SliceMut,
    /// As it is.
    Value,
    /// Not at all: it is evaluated when the arm has won.
    OnWin,
}

/// One way to call an operation.
#[derive(Debug)]
pub(crate) struct Form {
    /// Names the function that makes the event.
    pub(crate) constructor: &'static str,
    /// Tells how each argument is passed.
    pub(crate) arguments: &'static [Passing],
    /// Names the method that makes the event from what the constructor returns, where rustc is to
    /// choose among several by the type of the argument.
    pub(crate) method: Option<&'static str>,
}

/// What an operation leaves to its arm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A value, which must be named.
    Value,
    /// Nothing that could be named.
    Nothing,
    /// What the argument's type says; it need not be named if it is `()`.
    OfTheArgument,
}

/// One row of the table.
#[derive(Debug)]
pub(crate) struct Operation {
    /// Is what the user writes.
    pub(crate) name: &'static str,
    /// Lists the ways to call it.
    pub(crate) forms: &'static [Form],
    /// Tells whether there is a result.
    pub(crate) outcome: Outcome,
    /// Tells whether it may be written as a method of its first argument.
    pub(crate) is_method: bool,
    /// Ends the sentence "`recv` takes ..".
    pub(crate) takes: &'static str,
    /// Shows how it is written, for the documentation.
    pub(crate) written: &'static str,
    /// Is the type of the result, for the documentation.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "the documentation is compared with it")
    )]
    pub(crate) result: &'static str,
    /// Is the state of the world if the arm loses, for the documentation.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "the documentation is compared with it")
    )]
    pub(crate) on_loss: &'static str,
}

use Outcome::{Nothing, OfTheArgument, Value};
use Passing::{Exclusive, OnWin, Shared, Slice, SliceMut};

/// Shortens the table where an operation has one form, whose constructor has the name of the
/// operation.
macro_rules! one_form {
    ($name:literal, [$($passing:expr),*]) => {
        &[Form { constructor: $name, arguments: &[$($passing),*], method: None }]
    };
}

/// All of them, in the order of the documentation.
pub(crate) const OPERATIONS: &[Operation] = &[
    Operation {
        name: "recv",
        forms: one_form!("recv", [Shared]),
        outcome: Value,
        is_method: true,
        takes: "a receiver",
        written: "recv(rx)",
        result: "`Result<T, RecvError>`, with the error of the receiver's own `recv`. Of `Signals`: `io::Result<Signal>`",
        on_loss: "the message, or the signal, is still to be received",
    },
    Operation {
        name: "send",
        forms: one_form!("reserve", [Shared, OnWin]),
        outcome: Value,
        is_method: true,
        takes: "a sender and a value",
        written: "send(tx, value)",
        result: "`Result<(), SendError<T>>`, with the error of the sender's own `send`",
        on_loss: "`value` is not even evaluated",
    },
    Operation {
        name: "reserve",
        forms: one_form!("reserve", [Shared]),
        outcome: Value,
        is_method: true,
        takes: "a sender",
        written: "reserve(tx)",
        result: "the right to send one message, which gives itself back when it is dropped",
        on_loss: "no slot is taken",
    },
    Operation {
        name: "closed",
        forms: one_form!("closed", [Shared]),
        outcome: Nothing,
        is_method: true,
        takes: "the sender of a `oneshot` or a `watch` channel",
        written: "closed(tx)",
        result: "`()`",
        on_loss: "nothing changes",
    },
    Operation {
        name: "accept",
        forms: one_form!("accept", [Shared]),
        outcome: Value,
        is_method: true,
        takes: "a listener",
        written: "accept(listener)",
        result: "`io::Result<(stream, address)>`",
        on_loss: "the connection is still in the backlog",
    },
    Operation {
        name: "read",
        forms: one_form!("read", [Shared, SliceMut]),
        outcome: Value,
        is_method: true,
        takes: "a source and a buffer",
        written: "read(io, &mut buffer)",
        result: "`io::Result<usize>`",
        on_loss: "no byte has moved",
    },
    Operation {
        name: "write",
        forms: one_form!("write", [Shared, Slice]),
        outcome: Value,
        is_method: true,
        takes: "a sink and a buffer",
        written: "write(io, &buffer)",
        result: "`io::Result<usize>`",
        on_loss: "no byte has moved",
    },
    Operation {
        name: "read_vectored",
        forms: one_form!("read_vectored", [Shared, SliceMut]),
        outcome: Value,
        is_method: true,
        takes: "a source and buffers",
        written: "read_vectored(io, &mut buffers)",
        result: "`io::Result<usize>`",
        on_loss: "no byte has moved",
    },
    Operation {
        name: "write_vectored",
        forms: one_form!("write_vectored", [Shared, Slice]),
        outcome: Value,
        is_method: true,
        takes: "a sink and buffers",
        written: "write_vectored(io, &buffers)",
        result: "`io::Result<usize>`",
        on_loss: "no byte has moved",
    },
    Operation {
        name: "peek",
        forms: one_form!("peek", [Shared, SliceMut]),
        outcome: Value,
        is_method: true,
        takes: "a source and a buffer",
        written: "peek(io, &mut buffer)",
        result: "`io::Result<usize>`",
        on_loss: "nothing changes",
    },
    Operation {
        name: "recv_from",
        forms: one_form!("recv_from", [Shared, SliceMut]),
        outcome: Value,
        is_method: true,
        takes: "a socket and a buffer",
        written: "recv_from(socket, &mut buffer)",
        result: "`io::Result<(usize, address)>`",
        on_loss: "the datagram is still to be received",
    },
    Operation {
        name: "send_to",
        forms: one_form!("send_to", [Shared, Slice, Passing::Value]),
        outcome: Value,
        is_method: true,
        takes: "a socket, a buffer and an address",
        written: "send_to(socket, &buffer, address)",
        result: "`io::Result<usize>`",
        on_loss: "nothing was sent",
    },
    Operation {
        name: "connect",
        forms: one_form!("connect", [Passing::Value]),
        outcome: Value,
        is_method: false,
        takes: "an address",
        written: "connect(address)",
        result: "`io::Result<stream>`",
        on_loss: "there is no connection; the socket is closed",
    },
    Operation {
        name: "readable",
        forms: one_form!("readable", [Shared]),
        outcome: Value,
        is_method: true,
        takes: "a source",
        written: "readable(io)",
        result: "`io::Result<()>`",
        on_loss: "nothing changes",
    },
    Operation {
        name: "writable",
        forms: one_form!("writable", [Shared]),
        outcome: Value,
        is_method: true,
        takes: "a sink",
        written: "writable(io)",
        result: "`io::Result<()>`",
        on_loss: "nothing changes",
    },
    Operation {
        name: "after",
        forms: one_form!("after", [Passing::Value]),
        outcome: Nothing,
        is_method: false,
        takes: "a duration",
        written: "after(duration)",
        result: "`()`",
        on_loss: "nothing changes",
    },
    Operation {
        name: "at",
        forms: one_form!("at", [Passing::Value]),
        outcome: Nothing,
        is_method: false,
        takes: "an instant",
        written: "at(instant)",
        result: "`()`",
        on_loss: "nothing changes",
    },
    Operation {
        name: "tick",
        forms: one_form!("tick", [Exclusive]),
        outcome: Value,
        is_method: true,
        takes: "an interval",
        written: "tick(interval)",
        result: "`Instant`, the one that was planned",
        on_loss: "the tick is still to come",
    },
    Operation {
        name: "join",
        forms: one_form!("join", [Exclusive]),
        outcome: Value,
        is_method: true,
        takes: "a handle",
        written: "join(handle)",
        result: "`std::thread::Result<T>`",
        on_loss: "the handle can still be joined",
    },
    Operation {
        name: "join_next",
        forms: one_form!("join_next", [Exclusive]),
        outcome: Value,
        is_method: true,
        takes: "a group",
        written: "join_next(group)",
        result: "`Option<std::thread::Result<T>>`; `None` at once if the `TaskGroup` has no members",
        on_loss: "no result is taken",
    },
    Operation {
        name: "acquire",
        forms: &[
            Form {
                constructor: "acquire",
                arguments: &[Shared],
                method: None,
            },
            Form {
                constructor: "acquire_many",
                arguments: &[Shared, Passing::Value],
                method: None,
            },
        ],
        outcome: Value,
        is_method: true,
        takes: "a semaphore and, if you want, a number of permits",
        written: "acquire(semaphore)`, `acquire(semaphore, n)",
        result: "`SemaphorePermit`",
        on_loss: "no permit is taken; the place in the queue is given up",
    },
    Operation {
        name: "acquire_owned",
        forms: &[
            Form {
                constructor: "acquire_owned",
                arguments: &[Shared],
                method: None,
            },
            Form {
                constructor: "acquire_many_owned",
                arguments: &[Shared, Passing::Value],
                method: None,
            },
        ],
        outcome: Value,
        is_method: true,
        takes: "an `Arc<Semaphore>` and, if you want, a number of permits",
        written: "acquire_owned(semaphore)`, `acquire_owned(semaphore, n)",
        result: "`OwnedSemaphorePermit`",
        on_loss: "no permit is taken; the place in the queue is given up",
    },
    Operation {
        name: "lock",
        forms: one_form!("lock", [Shared]),
        outcome: Value,
        is_method: true,
        takes: "a mutex",
        written: "lock(mutex)",
        result: "`LockResult<MutexGuard<T>>`",
        on_loss: "it is not locked; the place in the queue is given up",
    },
    Operation {
        name: "read_lock",
        forms: one_form!("read_lock", [Shared]),
        outcome: Value,
        is_method: true,
        takes: "a lock",
        written: "read_lock(lock)",
        result: "`LockResult<RwLockReadGuard<T>>`",
        on_loss: "it is not locked; the place in the queue is given up",
    },
    Operation {
        name: "write_lock",
        forms: one_form!("write_lock", [Shared]),
        outcome: Value,
        is_method: true,
        takes: "a lock",
        written: "write_lock(lock)",
        result: "`LockResult<RwLockWriteGuard<T>>`",
        on_loss: "it is not locked; the place in the queue is given up",
    },
    Operation {
        name: "changed",
        forms: one_form!("changed", [Shared]),
        outcome: Value,
        is_method: true,
        takes: "the receiver of a `watch` channel",
        written: "changed(watcher)",
        result: "`Result<(), RecvError>`; an error when all senders have gone",
        on_loss: "the change still counts as not seen",
    },
    Operation {
        name: "wait",
        forms: one_form!("wait", [Shared]),
        outcome: OfTheArgument,
        is_method: true,
        takes: "something that can be waited for",
        written: "wait(x)",
        result: "`()`, for a `SyncFlag` (also that of `WaitGroup::leave`), `CancelToken`, `Notify`, `Once`, or a `Child`, whose `wait` returns at once then; for a `OnceLock` or a `LazyLock` the value, when another has made it",
        on_loss: "nothing changes",
    },
    Operation {
        name: "cancelled",
        forms: &[
            Form {
                constructor: "cancelled",
                arguments: &[],
                method: None,
            },
            Form {
                constructor: "cancelled_by",
                arguments: &[Shared],
                method: None,
            },
        ],
        outcome: Nothing,
        is_method: true,
        takes: "a token, or nothing for the cancellation of the caller",
        written: "cancelled()`, `cancelled(token)",
        result: "`()`",
        on_loss: "nothing changes",
    },
    Operation {
        name: "on",
        forms: one_form!("on", [Passing::Value]),
        outcome: OfTheArgument,
        is_method: false,
        takes: "an operation",
        written: "on(operation)",
        result: "the outcome of the [operation](https://docs.rs/may/latest/may/op/)",
        on_loss: "it has not happened",
    },
];

/// Blocking code as an arm. Not in the table, because what it takes is code and not arguments.
pub(crate) static RUN: Operation = Operation {
    name: "run",
    forms: one_form!("run", [Passing::Value]),
    outcome: OfTheArgument,
    is_method: false,
    takes: "an expression, a block or a closure without parameters",
    written: "run(expression)",
    result: "the value of the expression",
    on_loss: "the code is cancelled by unwinding, and has ended",
};

/// How `run` is called if it is given an expression, which may be the call of a coroutine; `run`
/// itself takes a closure.
pub(crate) static RUN_EXPRESSION: Form = Form {
    constructor: "run_expression",
    arguments: &[Passing::Value],
    method: Some("event"),
};

/// Other names for the same: from other languages and crates, and frequent misspellings.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("receive", "recv"),
    ("sleep", "after"),
    ("timeout", "after"),
    ("delay", "after"),
    ("sleep_until", "at"),
    ("timeout_at", "at"),
    ("deadline", "at"),
    ("interval", "tick"),
    ("wait_closed", "closed"),
    ("canceled", "cancelled"),
    ("cancellation", "cancelled"),
    ("spawn", "run"),
];

impl Operation {
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        OPERATIONS.iter().find(|operation| operation.name == name)
    }

    pub(crate) fn form(&self, arguments: usize) -> Option<&'static Form> {
        self.forms
            .iter()
            .find(|form| form.arguments.len() == arguments)
    }
}

pub(crate) fn meant(name: &str) -> Option<&'static str> {
    let names = OPERATIONS.iter().map(|operation| operation.name);
    let names = names.chain(["run", "default"]);
    let others = OTHER_NAMES.iter().map(|&(other, _)| other);
    let found = similar::closest(name, names.chain(others))?;
    let own_name = OTHER_NAMES.iter().find(|&&(other, _)| other == found);
    Some(intern(own_name.map_or(found, |&(_, own_name)| own_name)))
}

/// Gives a name of the table its lifetime back.
fn intern(name: &str) -> &'static str {
    let names = OPERATIONS.iter().map(|operation| operation.name);
    names
        .chain(["run", "default"])
        .find(|&known| known == name)
        .unwrap_or("run")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes the table as the documentation shows it.
    fn documented() -> String {
        let mut table = String::from("| operation | result | if it loses |\n|---|---|---|\n");
        for operation in OPERATIONS {
            let Operation {
                written,
                result,
                on_loss,
                ..
            } = operation;
            table += &format!("| `{written}` | {result} | {on_loss} |\n");
        }
        table
    }

    #[test]
    fn the_documentation_shows_this_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/select.md");
        let document = std::fs::read_to_string(path).expect("the documentation of `select!`");
        let table = documented();
        assert!(
            document.contains(&table),
            "docs/select.md does not have this table:\n{table}"
        );
    }

    #[test]
    fn other_names_lead_to_operations() {
        for (_, name) in OTHER_NAMES {
            assert!(*name == "run" || Operation::named(name).is_some(), "{name}");
        }
        assert_eq!(meant("recieve"), Some("recv"));
        assert_eq!(meant("sleep"), Some("after"));
        assert_eq!(meant("timeout"), Some("after"));
        assert_eq!(meant("recev"), Some("recv"));
        assert_eq!(meant("foo"), None);
    }

    #[test]
    fn forms_differ_in_their_number_of_arguments() {
        for operation in OPERATIONS {
            for form in operation.forms {
                let same = operation.form(form.arguments.len()).expect("itself");
                assert_eq!(same.constructor, form.constructor);
            }
        }
    }
}
