//! A table of everything that is stable in `std::process`, checked against std's types and against
//! ours: whatever is a row here compiles for both. (What std has for Unix in the trait `CommandExt`
//! are methods of ours; `pre_exec` is not.)

use std::ffi::OsStr;
use std::fmt::Debug;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, IntoRawFd, OwnedFd};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::path::Path;

use may_tests::{function, implements, lacks, same};

/// Checks the table for the module at a path.
macro_rules! surface {
    ($test:ident, $($process:ident)::+) => {
        #[test]
        #[allow(unused_imports)]
        fn $test() {
            use $($process)::+ as process;
            use $($process)::+::{
                Child, ChildStderr, ChildStdin, ChildStdout, Command, CommandArgs, CommandEnvs, ExitStatus, Output, Stdio, Termination,
            };
            use std::os::unix::process::CommandExt;

            let _: fn() -> ! = process::abort;
            let _: fn(i32) -> ! = process::exit;
            let _: fn() -> u32 = process::id;

            function!(Command::new [&str]: fn(&'static str) -> Command);
            function!(Command::arg [String]: fn(&mut Command, String) -> &mut Command);
            function!(Command::args [Vec<String>, String]: fn(&mut Command, Vec<String>) -> &mut Command);
            function!(Command::env [String, String]: fn(&mut Command, String, String) -> &mut Command);
            function!(Command::envs [Vec<(String, String)>, String, String]: fn(&mut Command, Vec<(String, String)>) -> &mut Command);
            function!(Command::env_remove [String]: fn(&mut Command, String) -> &mut Command);
            function!(Command::env_clear []: fn(&mut Command) -> &mut Command);
            function!(Command::current_dir [String]: fn(&mut Command, String) -> &mut Command);
            function!(Command::stdin [Stdio]: fn(&mut Command, Stdio) -> &mut Command);
            function!(Command::stdout [Stdio]: fn(&mut Command, Stdio) -> &mut Command);
            function!(Command::stderr [Stdio]: fn(&mut Command, Stdio) -> &mut Command);
            function!(Command::spawn []: fn(&mut Command) -> io::Result<Child>);
            function!(Command::output []: fn(&mut Command) -> io::Result<Output>);
            function!(Command::status []: fn(&mut Command) -> io::Result<ExitStatus>);
            function!(Command::get_program []: fn(&Command) -> &OsStr);
            function!(Command::get_args []: for<'a> fn(&'a Command) -> CommandArgs<'a>);
            function!(Command::get_envs []: for<'a> fn(&'a Command) -> CommandEnvs<'a>);
            function!(Command::get_current_dir []: fn(&Command) -> Option<&Path>);
            function!(Command::uid []: fn(&mut Command, u32) -> &mut Command);
            function!(Command::gid []: fn(&mut Command, u32) -> &mut Command);
            function!(Command::arg0 [String]: fn(&mut Command, String) -> &mut Command);
            function!(Command::process_group []: fn(&mut Command, i32) -> &mut Command);
            function!(Command::exec []: fn(&mut Command) -> io::Error);
            implements!(Command: Debug + Send + Sync + Unpin);
            lacks!(Command: UnwindSafe);
            lacks!(Command: RefUnwindSafe);

            fn fields(child: Child) -> (Option<ChildStdin>, Option<ChildStdout>, Option<ChildStderr>) {
                (child.stdin, child.stdout, child.stderr)
            }
            let _ = fields;
            function!(Child::kill []: fn(&mut Child) -> io::Result<()>);
            function!(Child::id []: fn(&Child) -> u32);
            function!(Child::wait []: fn(&mut Child) -> io::Result<ExitStatus>);
            function!(Child::try_wait []: fn(&mut Child) -> io::Result<Option<ExitStatus>>);
            function!(Child::wait_with_output []: fn(Child) -> io::Result<Output>);
            implements!(Child: Debug);
            implements!(Child: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe);

            implements!(ChildStdin: Write + Debug);
            implements!(&'static ChildStdin: Write);
            implements!(ChildStdin: AsFd + AsRawFd + IntoRawFd + From<OwnedFd> + Into<OwnedFd> + Into<Stdio>);
            implements!(ChildStdin: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe);
            implements!(ChildStdout: Read + Debug);
            implements!(ChildStdout: AsFd + AsRawFd + IntoRawFd + From<OwnedFd> + Into<OwnedFd> + Into<Stdio>);
            implements!(ChildStdout: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe);
            implements!(ChildStderr: Read + Debug);
            implements!(ChildStderr: AsFd + AsRawFd + IntoRawFd + From<OwnedFd> + Into<OwnedFd> + Into<Stdio>);
            implements!(ChildStderr: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe);
        }
    };
}

surface!(std_has_it, std::process);
surface!(may_has_it, may::process);

#[test]
fn what_is_plain_data_is_std_s() {
    use may::process::{CommandArgs, CommandEnvs, ExitCode, ExitStatus, Output, Stdio};
    same!(CommandArgs<'static> = std::process::CommandArgs<'static>);
    same!(CommandEnvs<'static> = std::process::CommandEnvs<'static>);
    same!(ExitCode = std::process::ExitCode);
    same!(ExitStatus = std::process::ExitStatus);
    same!(Output = std::process::Output);
    same!(Stdio = std::process::Stdio);
}

#[test]
fn a_program_written_against_either_compiles_with_both() {
    macro_rules! program {
        ($($process:ident)::+) => {{
            use $($process)::+::{Command, Stdio};
            use std::io::BufRead;

            let mut child = Command::new("cat")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut stdin = child.stdin.take().expect("it is a pipe");
            let writer = std::thread::spawn(move || (0..1000).for_each(|i| writeln!(stdin, "{i}").unwrap()));
            let stdout = io::BufReader::new(child.stdout.take().unwrap());
            assert_eq!(stdout.lines().map_while(Result::ok).count(), 1000);
            writer.join().unwrap();
            assert!(child.wait().unwrap().success());
        }};
    }
    program!(std::process);
    program!(may::process);
}
