//! This process's ends of a child's standard streams.

use std::process;

use crate::io::HasDescriptor;
use crate::io::halves::{part_that_reads, part_that_writes};
use crate::io::pipe::end_of_pipe;

end_of_pipe! {
    /// The end to which a child's standard input is connected; the counterpart of
    /// [`std::process::ChildStdin`]. The child sees an end of file when it is dropped.
    ///
    /// It is an arm of `select!`, too: `write(stdin, &buffer)`, `writable(stdin)`.
    ChildStdin(process::ChildStdin)
}

end_of_pipe! {
    /// The end to which a child's standard output is connected; the counterpart of
    /// [`std::process::ChildStdout`].
    ///
    /// It is an arm of `select!`, too: `read(stdout, &mut buffer)`, `readable(stdout)`.
    ChildStdout(process::ChildStdout)
}

end_of_pipe! {
    /// The end to which a child's standard error is connected; the counterpart of
    /// [`std::process::ChildStderr`].
    ///
    /// It is an arm of `select!`, too: `read(stderr, &mut buffer)`, `readable(stderr)`.
    ChildStderr(process::ChildStderr)
}

part_that_writes!([] ChildStdin);
part_that_reads!([] ChildStdout);
part_that_reads!([] ChildStderr);
