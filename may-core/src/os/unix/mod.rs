//! What systems of Unix's kind have.

pub mod fs;
pub mod net;

pub mod process {
    //! What only Unix has of processes, in the shape of `std::os::unix::process`. (The extensions
    //! of [`Command`](std::process::Command) are methods of May's.)

    pub use std::os::unix::process::{ExitStatusExt, parent_id};
}
