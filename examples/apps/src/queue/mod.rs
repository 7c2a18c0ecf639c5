//! A queue of jobs that several processes share through Redis, for when one machine is not enough.
//!
//! # What is promised
//!
//! *No job is lost*: a job is in the queue from the moment its producer is told so, until its
//! effect has been applied or it has been put among those that failed. *No job has its effect
//! twice*, however many workers are killed, cut off or slow, and wherever in their work. To be
//! exact about "twice": the **code** of a job may begin more than once, for a worker that dies in
//! the middle of one cannot say how far it came; the **effect**, which is what `finish.lua` writes
//! into Redis, is applied exactly once. Jobs whose effect lies outside of Redis need what any such
//! system needs: a receiver that knows a job by its name and ignores the second time.
//!
//! Redis itself must keep what it has acknowledged: with `appendonly yes` and `appendfsync always`
//! that holds for a crash of the server, too. With `everysec` its last second may go. What is left
//! is consistent even so, for a job's effect and its removal are one step, and so are a job and its
//! number: jobs that are finished again have their effect once in what is left, and a producer
//! whose last jobs are gone is told, and adds them again.
//!
//! # How
//!
//! Jobs are the entries of a stream, and the workers are the consumers of one group of it.
//! Everything that must happen as one is a script, which Redis runs as one:
//!
//! * `add.lua` numbers the jobs of each producer, so that one who asks again, because the answer
//!   was lost, adds nothing twice. It adds no more than the queue may hold, so that producers wait
//!   for workers and not the memory of the server for both.
//! * A worker that takes a job becomes its holder: the entry is *pending* until it is acknowledged.
//!   Holders keep their jobs by saying so again and again (`renew.lua`). One who has not done so
//!   for the time of a *lease* is taken for dead, and its jobs go to whoever asks (`claim.lua`). A
//!   job that has cost its holders too many times is put among those that failed.
//! * `finish.lua` acknowledges a job and applies its effect, if the job is still pending. Who comes
//!   second, because it was slow and its job had been given to another, finds nothing to
//!   acknowledge, and its result is dropped.
//! * `bury.lua` puts a job that cannot be done among those that failed, and `leave.lua` takes a
//!   worker out of the group.
//!
//! All keys have the queue's name in braces in front, so in a cluster they live on one server, and
//! one queue is as fast as one server; use several queues for more.
//!
//! # Modules
//!
//! * `keys`: the names of what a queue keeps in Redis
//! * `retry`: a server that cannot be reached for a while
//! * `producer`, `worker`: those who add jobs and those who do them
//! * `report`: what became of the jobs

mod keys;
mod producer;
mod report;
mod retry;
mod worker;

pub use keys::Keys;
pub use producer::Producer;
pub use report::Report;
pub use worker::{Job, Settings, Tally, Worker};
