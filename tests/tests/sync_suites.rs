//! The suites in `tests/suites/sync` say what `std::sync` does. They run over `may::sync`, in every
//! kind of place, and over `std::sync` itself on threads: so a suite that asks for something that
//! std does not do fails here, too, and may's `sync` passes what std's passes with nothing but the
//! imports changed.

#![allow(
    clippy::duplicate_mod,
    reason = "the same suites over two implementations are what this is for"
)]

#[path = "../suites/sync"]
mod over_may {
    use may::sync;
    use may_tests::everywhere;

    #[path = "mod.rs"]
    mod suites;

    // Only here, as std has had it for less long than what May is compiled with at least (1.92
    // against 1.88).
    #[path = "rwlock_downgrade.rs"]
    mod rwlock_downgrade;
}

#[path = "../suites/sync"]
mod over_std {
    use std::sync;

    use may_tests::{Kind, Place};

    /// Runs `body` on threads: std's blocking calls would hold up the workers of a runtime.
    #[track_caller]
    fn everywhere(body: impl Fn(&Place) + Send + Sync) {
        let _watchdog = may_tests::watchdog();
        may_tests::in_place(Kind::Threads, body);
    }

    #[path = "mod.rs"]
    mod suites;
}
