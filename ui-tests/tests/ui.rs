//! What must compile, what must not, and what the user reads then.
//!
//! There are two tiers. The messages of our own macros are the same under every compiler, so
//! `entry`, `coroutine` and `select` run everywhere. The wording of rustc changes with every
//! release; `rustc` (native messages that our expansions aim at the user's tokens) and `soundness`
//! (what the types must refuse) run on the pinned toolchain only, where a difference means that we
//! changed something.
//!
//! To bless new messages, look at the difference and then run `TRYBUILD=overwrite cargo test -p
//! may-ui-tests`.

use std::env;
use std::process::Command;

/// Is how the version of the compiler begins whose messages are in the snapshots.
const PINNED: &str = "rustc 1.95.";

/// Tells whether the tests run on the pinned toolchain.
fn toolchain_is_pinned() -> bool {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    Command::new(rustc)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.stdout.starts_with(PINNED.as_bytes()))
}

/// Runs all cases; one test for all, since each would build the crates below it again.
#[test]
fn ui() {
    let cases = trybuild::TestCases::new();
    cases.pass("entry/pass/*.rs");
    cases.compile_fail("entry/fail/*.rs");
    cases.pass("coroutine/pass/*.rs");
    cases.compile_fail("coroutine/fail/*.rs");
    cases.pass("select/pass/*.rs");
    cases.compile_fail("select/fail/*.rs");
    if toolchain_is_pinned() {
        cases.compile_fail("rustc/fail/*.rs");
        cases.compile_fail("soundness/fail/*.rs");
    } else {
        eprintln!("native messages are not compared: this is not {PINNED}");
    }
}
