//! A table of everything that is stable of the standard streams in `std::io`, checked against std's
//! types and against ours: whatever is a row here compiles for both.

use std::fmt::Debug;
use std::os::fd::{AsFd, AsRawFd};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::process::Stdio;

use may_tests::{function, implements, lacks};

/// Checks the table for the module at a path.
macro_rules! surface {
    ($test:ident, $($io:ident)::+) => {
        #[test]
        fn $test() {
            use $($io)::+ as io;
            use $($io)::+::{
                BufRead, Lines, Read, Stderr, StderrLock, Stdin, StdinLock, Stdout, StdoutLock, Write,
            };

            let _: fn() -> Stdin = io::stdin;
            let _: fn() -> Stdout = io::stdout;
            let _: fn() -> Stderr = io::stderr;

            function!(Stdin::lock []: fn(&Stdin) -> StdinLock<'static>);
            function!(Stdin::read_line []: fn(&Stdin, &mut String) -> io::Result<usize>);
            function!(Stdin::lines []: fn(Stdin) -> Lines<StdinLock<'static>>);
            implements!(Stdin: Read + Debug + AsFd + AsRawFd);
            implements!(&'static Stdin: Read);
            implements!(Stdin: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe);
            implements!(StdinLock<'static>: Read + BufRead + Debug + AsFd + AsRawFd);
            implements!(StdinLock<'static>: Sync + Unpin + UnwindSafe + RefUnwindSafe);
            lacks!(StdinLock<'static>: Send);

            function!(Stdout::lock []: fn(&Stdout) -> StdoutLock<'static>);
            implements!(Stdout: Write + Debug + AsFd + AsRawFd + Into<Stdio>);
            implements!(&'static Stdout: Write);
            implements!(Stdout: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe);
            implements!(StdoutLock<'static>: Write + Debug + AsFd + AsRawFd);
            implements!(StdoutLock<'static>: Unpin + UnwindSafe + RefUnwindSafe);
            lacks!(StdoutLock<'static>: Send);
            lacks!(StdoutLock<'static>: Sync);

            function!(Stderr::lock []: fn(&Stderr) -> StderrLock<'static>);
            implements!(Stderr: Write + Debug + AsFd + AsRawFd + Into<Stdio>);
            implements!(&'static Stderr: Write);
            implements!(Stderr: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe);
            implements!(StderrLock<'static>: Write + Debug + AsFd + AsRawFd);
            implements!(StderrLock<'static>: Unpin + UnwindSafe + RefUnwindSafe);
            lacks!(StderrLock<'static>: Send);
            lacks!(StderrLock<'static>: Sync);
        }
    };
}

surface!(std_has_it, std::io);
surface!(may_has_it, may::io);
