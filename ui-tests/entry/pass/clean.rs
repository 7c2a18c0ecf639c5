//! The expansion sets off no lint, and comes out of a macro as well.

#![forbid(unsafe_code)]
#![deny(
    clippy::all,
    clippy::pedantic,
    warnings,
    unused,
    missing_docs,
    unused_qualifications,
    unreachable_pub
)]

macro_rules! define {
    ($visibility:vis $name:ident -> $output:ty, $body:block) => {
        #[may::main(workers = 1)]
        $visibility fn $name() -> $output $body
    };
}

define!(main -> std::process::ExitCode, {
    std::process::ExitCode::SUCCESS
});

#[may::test]
fn never_runs_here() -> ! {
    panic!("this is not a test run")
}
