//! The expansion does not depend on the edition of its user. (What trybuild compiles has the edition of this crate, so the tokens come
//! from a macro, as those of a crate of another edition would.)

#![deny(warnings)]

use may as renamed;

mod inner {
    pub(crate) use renamed_select as wait_for_first;

    macro_rules! renamed_select {
        ($($tokens:tt)*) => { crate::renamed::select! { $($tokens)* } };
    }
    pub(crate) use renamed_select;
}

fn main() {
    // What the expansion would find if its paths were not absolute.
    mod core {}
    mod may {}
    core_and_may_are_there();

    let (tx, rx) = renamed::channel::bounded(1);
    let sent = inner::wait_for_first! { r = send(tx, 1) => r.is_ok() };
    let got = inner::renamed_select!(match recv(rx) {
        message => message,
    });
    assert_eq!((sent, got), (true, Ok(1)));
}

fn core_and_may_are_there() {}
