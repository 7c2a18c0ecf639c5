//! The paths of the expansion are absolute: the crate may have another name, and be used through somebody else's macro. (That the
//! edition of the user does not matter is a documentation test of this crate.)

#![deny(warnings)]

use may as renamed;

mod inner {
    macro_rules! first {
        ($($tokens:tt)*) => { crate::renamed::select! { $($tokens)* } };
    }
    pub(crate) use first;
}

// What the expansion would find if its paths were relative.
mod select {}
mod core {}

fn main() {
    let (tx, rx) = renamed::channel::bounded(1);
    let sent = inner::first! { r = send(tx, 1) if true => r.is_ok() };
    let got = inner::first!(match recv(rx) {
        message => message,
    });
    assert_eq!((sent, got), (true, Ok(1)));
}
