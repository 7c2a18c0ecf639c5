//! What blocks a thread: the pool, and files, processes, standard streams and signals on top of it.

mod ctrl_c;
mod fs;
mod process;
mod signals;
mod stdio;
mod unblock;
