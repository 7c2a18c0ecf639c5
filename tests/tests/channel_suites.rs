//! What is known of crossbeam-channel's channels, asserted of `may::channel` everywhere and of crossbeam-channel itself on threads: the
//! same tests with another import. That the peer passes them, too, shows that they ask for nothing of our own.

#![allow(
    clippy::duplicate_mod,
    reason = "the suite is meant to be compiled twice"
)]

/// The suite over May.
#[path = "../suites"]
mod over_may {
    use may::channel;
    use may_tests::everywhere;

    #[path = "channel/mod.rs"]
    mod suite;
}

/// The suite over the peer, which knows threads only.
#[path = "../suites"]
mod over_crossbeam {
    use crossbeam_channel as channel;
    use may_tests::{Kind, Place, in_place, watchdog};

    /// Runs `body` on threads.
    #[track_caller]
    fn everywhere(body: impl Fn(&Place) + Send + Sync) {
        let _watchdog = watchdog();
        in_place(Kind::Threads, body);
    }

    #[path = "channel/mod.rs"]
    mod suite;
}
