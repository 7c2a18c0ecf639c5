//! The behaviours of `std::sync`, asserted of `may::sync` in every kind of place, and of
//! `std::sync` itself on threads. That the original passes shows that the suite asks for nothing of
//! our own.

#![allow(
    clippy::duplicate_mod,
    reason = "the suite is compiled for each implementation"
)]

#[path = "."]
mod over_may {
    use may::sync;
    use may_tests::everywhere;

    #[path = "suite/mod.rs"]
    mod suite;

    // std has it since 1.92, and May is compiled with 1.88, too.
    #[path = "suite/rwlock_downgrade.rs"]
    mod rwlock_downgrade;
}

#[path = "."]
mod over_std {
    use std::sync;

    use may_tests::on_threads as everywhere;

    #[path = "suite/mod.rs"]
    mod suite;
}
