//! The behaviours of crossbeam-channel's channels, asserted of `may::channel` in every kind of
//! place, and of crossbeam-channel itself on threads. That the original passes shows that the suite
//! asks for nothing of our own.

#![allow(
    clippy::duplicate_mod,
    reason = "the suite is compiled for each implementation"
)]

#[path = "."]
mod over_may {
    use may::channel;
    use may_tests::everywhere;

    #[path = "suite/mod.rs"]
    mod suite;
}

#[path = "."]
mod over_crossbeam {
    use crossbeam_channel as channel;
    use may_tests::on_threads as everywhere;

    #[path = "suite/mod.rs"]
    mod suite;
}
