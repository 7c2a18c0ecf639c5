//! This process's ends of a child's standard streams.

use std::process;

use crate::io::halves::Through;
use crate::io::pipe::end_of_pipe;
use crate::io::raw::{byte_reader, byte_writer, wait_readable, wait_writable};

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

byte_writer!([] ChildStdin, this => this.0);
wait_writable!([] ChildStdin, this => this.0);
byte_reader!([] ChildStdout, this => this.0);
wait_readable!([] ChildStdout, this => this.0, "something to read", "for as long as it takes");
byte_reader!([] ChildStderr, this => this.0);
wait_readable!([] ChildStderr, this => this.0, "something to read", "for as long as it takes");
