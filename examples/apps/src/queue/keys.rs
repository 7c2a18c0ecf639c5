//! The names of what a queue keeps in Redis.

use redis::{Script, ScriptInvocation};

/// The keys of one queue.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The jobs that are not finished, a stream; each entry has the fields `job` (its name) and
    /// `payload`.
    pub(super) jobs: String,
    /// The number of each producer's last job, by its name; a hash.
    pub(super) producers: String,
    /// What came out, by the names of the jobs; a hash.
    pub(super) results: String,
    /// How often each job's effect was applied, by the names of the jobs; a hash. It is there for
    /// the check alone.
    pub(super) applied: String,
    /// Jobs that cannot be done, a stream; as `jobs`, and with the field `reason`.
    pub(super) failed: String,
}

/// The workers' consumer group.
pub(super) const GROUP: &str = "workers";

impl Keys {
    /// The keys of the queue of that name.
    #[must_use]
    pub fn new(queue: &str) -> Keys {
        let key = |what| format!("{{{queue}}}:{what}");
        Keys {
            jobs: key("jobs"),
            producers: key("producers"),
            results: key("results"),
            applied: key("applied"),
            failed: key("failed"),
        }
    }

    /// Prepares a script, all of which take the same keys.
    pub(super) fn with<'a>(&self, script: &'a Script) -> ScriptInvocation<'a> {
        let mut invocation = script.prepare_invoke();
        for key in [
            &self.jobs,
            &self.producers,
            &self.results,
            &self.applied,
            &self.failed,
        ] {
            invocation.key(key);
        }
        invocation
    }
}
