//! Doing jobs.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use may::{
    coroutine::{self, JoinError, TaskGroup},
    select,
    sync::{CancelToken, Mutex, Semaphore},
};
use redis::{Commands, RedisResult, Script, streams::StreamReadOptions};

use super::{Keys, keys::GROUP, retry::patiently};
use crate::redis::{Connection, Pool};

/// Scripts; see the files.
static CLAIM: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("claim.lua")));
static RENEW: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("renew.lua")));
static FINISH: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("finish.lua")));
static BURY: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("bury.lua")));
static LEAVE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("leave.lua")));

/// For how long the server is asked to wait for a job. It must be shorter than a reply may take.
const BLOCK: Duration = Duration::from_secs(1);

/// How a worker works.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The worker's name, which nobody else may have.
    pub name: String,
    /// How many jobs it does at once.
    pub at_once: usize,
    /// For how long a worker may be silent before its jobs go to others.
    pub lease: Duration,
    /// How often a job may be begun before it is put among those that failed.
    pub attempts: u32,
    /// Whether to end when nothing is left to do, and not only when told.
    pub until_empty: bool,
    /// How long the jobs that are being done may go on when the worker is told to end.
    pub grace: Duration,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its entry in the stream.
    entry: String,
    /// Its name, which no other job has: its producer's, a colon and its number.
    pub name: String,
    /// What to do.
    pub payload: String,
}

/// An entry of the stream: its number, and its fields and their values by turns.
type Entry = (String, Vec<Vec<u8>>);

impl Job {
    /// What an entry says, if it is a job. It is none if somebody else has added it who does not
    /// know how.
    fn of((entry, fields): &Entry) -> Option<Job> {
        let text = |name: &[u8]| {
            let mut pairs = fields.chunks_exact(2);
            let pair = pairs.find(|pair| pair[0] == name)?;
            String::from_utf8(pair[1].clone()).ok()
        };
        Some(Job {
            entry: entry.clone(),
            name: text(b"job")?,
            payload: text(b"payload")?,
        })
    }
}

/// What became of the jobs that a worker began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Done, and the effect was applied.
    pub finished: u64,
    /// Taken over from workers that were taken for dead (these are among the others, too).
    pub taken_over: u64,
    /// Done or given up, but another worker had it by then: no effect was applied.
    pub dropped: u64,
    /// Put among those that failed.
    pub failed: u64,
    /// The code panicked, or was cut off when the worker ended; the job is done again when its
    /// lease is over.
    pub left: u64,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally {
            finished,
            taken_over,
            dropped,
            failed,
            left,
        } = self;
        write!(
            f,
            "{finished} finished, {taken_over} taken over, {dropped} dropped, {failed} failed, {left} left"
        )
    }
}

/// How a job ended.
enum End {
    /// Its effect was applied.
    Finished,
    /// It cannot be done.
    Failed,
    /// Another worker has it.
    Dropped,
}

/// Somebody who does jobs, several at a time.
pub struct Worker<H> {
    pool: Arc<Pool>,
    keys: Keys,
    settings: Settings,
    handler: H,
    /// A permit for each job that may be begun.
    room: Arc<Semaphore>,
    /// By its entry, each job that is being done, and how to say that another worker has it.
    held: Mutex<HashMap<String, CancelToken>>,
}

impl<H> Worker<H>
where
    H: Fn(&Job) -> Result<String, String> + Send + Sync + 'static,
{
    /// Makes a worker. The handler does a job: it returns the result, or the reason for which it
    /// can never be done.
    #[must_use]
    pub fn new(pool: Arc<Pool>, keys: Keys, settings: Settings, handler: H) -> Arc<Worker<H>> {
        Arc::new(Worker {
            pool,
            keys,
            room: Arc::new(Semaphore::new(settings.at_once)),
            settings,
            handler,
            held: Mutex::default(),
        })
    }

    /// Does jobs until `stopping` is cancelled, or until nothing is left if the settings say so;
    /// then waits for those that are being done. While the server cannot be reached, it waits.
    ///
    /// # Errors
    ///
    /// What the server says if it refuses.
    ///
    /// # Cancellation
    ///
    /// A cancelled coroutine unwinds while it waits; the jobs that are being done are cancelled and
    /// left to others.
    pub fn run(self: &Arc<Worker<H>>, stopping: &CancelToken) -> RedisResult<Tally> {
        self.join()?;
        let mut jobs = TaskGroup::new();
        let mut renewing = TaskGroup::new();
        renewing.spawn({
            let worker = Arc::clone(self);
            move || worker.renew_for_ever()
        });

        let mut tally = Tally::default();
        let result = self.work(stopping, &mut jobs, &mut tally);
        if result.is_ok() {
            // All permits are back when all jobs have ended.
            let _ = self
                .room
                .acquire_timeout(self.settings.at_once, self.settings.grace);
        }
        jobs.cancel();
        for end in jobs.join_all() {
            tally.count(end)?;
        }
        result?;
        self.leave()?;
        Ok(tally)
    }

    /// Takes jobs and begins them, until there is a reason to end.
    fn work(
        self: &Arc<Worker<H>>,
        stopping: &CancelToken,
        jobs: &mut TaskGroup<RedisResult<End>>,
        tally: &mut Tally,
    ) -> RedisResult<()> {
        let mut next_look = Instant::now();
        loop {
            select! {
                biased;
                wait(stopping) => return Ok(()),
                _ = acquire(self.room) => {}
            }
            while let Some(end) = jobs.try_join_next() {
                tally.count(end)?;
            }

            // Nobody else takes permits, so what is free now stays free.
            let free = self.room.available_permits();
            let mut taken = Vec::new();
            if Instant::now() >= next_look {
                next_look = Instant::now() + self.settings.lease / 2;
                taken = self.claim(free)?;
                tally.taken_over += taken.len() as u64;
            }
            if taken.is_empty() {
                taken = self.read(free)?;
            }
            let taken = self.jobs_among(&taken, tally)?;
            if taken.is_empty() && self.settings.until_empty && self.is_empty()? {
                return Ok(());
            }
            for job in taken {
                let permit = Arc::clone(&self.room).acquire_owned();
                let worker = Arc::clone(self);
                jobs.spawn(move || {
                    let _permit = permit;
                    worker.perform(&job)
                });
            }
        }
    }

    /// Does one job, to its end.
    fn perform(&self, job: &Job) -> RedisResult<End> {
        let Some(held) = self.hold(job) else {
            // It was taken for abandoned, and is being done by this worker itself.
            return Ok(End::Dropped);
        };
        let done = select! {
            done = run((self.handler)(job)) => done,
            wait(held.lost) => return Ok(End::Dropped),
        };
        let (was_pending, end) = match &done {
            Ok(result) => (self.finish(job, result)?, End::Finished),
            Err(reason) => (self.bury(job, reason)?, End::Failed),
        };
        Ok(if was_pending { end } else { End::Dropped })
    }

    /// Notes that a job is being done, for as long as the value lives; none if that had been noted.
    fn hold(&self, job: &Job) -> Option<Held<'_, H>> {
        let lost = CancelToken::new();
        let mut held = self.held.lock().unwrap();
        if held.contains_key(&job.entry) {
            return None;
        }
        held.insert(job.entry.clone(), lost.clone());
        Some(Held {
            worker: self,
            entry: job.entry.clone(),
            lost,
        })
    }

    /// Keeps the leases of the jobs that are being done, and ends those that were lost.
    fn renew_for_ever(&self) {
        loop {
            coroutine::sleep(self.settings.lease / 3);
            let entries: Vec<String> = self.held.lock().unwrap().keys().cloned().collect();
            if entries.is_empty() {
                continue;
            }
            let lost: RedisResult<Vec<String>> = self.ask(|connection| {
                self.keys
                    .with(&RENEW)
                    .arg(GROUP)
                    .arg(&self.settings.name)
                    .arg(&entries)
                    .invoke(connection)
            });
            match lost {
                Ok(lost) => {
                    let held = self.held.lock().unwrap();
                    for token in lost.iter().filter_map(|entry| held.get(entry)) {
                        token.cancel();
                    }
                }
                // The leases end, and others take the jobs; the next request that matters will say
                // the same.
                Err(error) => eprintln!("redis: leases cannot be renewed: {error}"),
            }
        }
    }

    /// Takes jobs over from workers that have been silent for too long.
    fn claim(&self, most: usize) -> RedisResult<Vec<Entry>> {
        self.ask(|connection| {
            self.keys
                .with(&CLAIM)
                .arg(GROUP)
                .arg(&self.settings.name)
                .arg(self.settings.lease.as_millis() as u64)
                .arg(most)
                .arg(self.settings.attempts)
                .invoke(connection)
        })
    }

    /// Takes jobs that nobody has had; waits a moment if there are none.
    fn read(&self, most: usize) -> RedisResult<Vec<Entry>> {
        let options = StreamReadOptions::default()
            .group(GROUP, &self.settings.name)
            .count(most)
            .block(BLOCK.min(self.settings.lease / 2).as_millis() as usize);
        // If the answer is lost, the jobs in it are pending, and will be claimed like those of a
        // dead worker.
        let reply: Option<Vec<(String, Vec<Entry>)>> =
            self.ask(|connection| connection.xread_options(&[&self.keys.jobs], &[">"], &options))?;
        let streams = reply.into_iter().flatten();
        Ok(streams.flat_map(|(_, entries)| entries).collect())
    }

    /// Reads what was taken. What is no job is put among those that failed: left where it is, it
    /// would be taken again and again.
    fn jobs_among(&self, taken: &[Entry], tally: &mut Tally) -> RedisResult<Vec<Job>> {
        let mut jobs = Vec::with_capacity(taken.len());
        for entry in taken {
            if let Some(job) = Job::of(entry) {
                jobs.push(job);
                continue;
            }
            let (number, fields) = entry;
            let fields: Vec<_> = fields.iter().map(|field| field.escape_ascii()).collect();
            let odd = Job {
                entry: number.clone(),
                name: String::new(),
                payload: fields.iter().map(|field| format!("{field} ")).collect(),
            };
            let reason = "it has no field 'job' or no field 'payload', or they are no text";
            tally.failed += u64::from(self.bury(&odd, reason)?);
        }
        Ok(jobs)
    }

    /// Applies the effect of a job; says whether it was still to be done.
    fn finish(&self, job: &Job, result: &str) -> RedisResult<bool> {
        self.ask(|connection| {
            self.keys
                .with(&FINISH)
                .arg(GROUP)
                .arg(&job.entry)
                .arg(&job.name)
                .arg(result)
                .invoke(connection)
        })
    }

    /// Puts a job among those that failed; says whether it was still to be done.
    fn bury(&self, job: &Job, reason: &str) -> RedisResult<bool> {
        self.ask(|connection| {
            self.keys
                .with(&BURY)
                .arg(GROUP)
                .arg(&job.entry)
                .arg(&job.name)
                .arg(&job.payload)
                .arg(reason)
                .invoke(connection)
        })
    }

    /// Says whether there is nothing left, neither to begin nor being done.
    fn is_empty(&self) -> RedisResult<bool> {
        let length: u64 = self.ask(|connection| connection.xlen(&self.keys.jobs))?;
        Ok(length == 0)
    }

    /// Makes the group if it is not there.
    fn join(&self) -> RedisResult<()> {
        patiently(&self.pool, |connection| {
            match connection.xgroup_create_mkstream(&self.keys.jobs, GROUP, "0") {
                Err(error) if error.code() == Some("BUSYGROUP") => Ok(()),
                result => result,
            }
        })
    }

    /// Makes a request, and again for as long as the server cannot be reached. If the group is
    /// gone, because the server has lost what it had or somebody has removed it, it is made anew:
    /// producers, too, add again what is gone.
    fn ask<T>(&self, mut request: impl FnMut(&mut Connection) -> RedisResult<T>) -> RedisResult<T> {
        loop {
            match patiently(&self.pool, &mut request) {
                // The second is what Redis 7.0 says to those who wait while that happens.
                Err(error) if matches!(error.code(), Some("NOGROUP" | "UNBLOCKED")) => {
                    eprintln!("redis: {error}; making the group anew");
                    self.join()?;
                }
                result => return result,
            }
        }
    }

    /// Leaves the group, if this worker holds no jobs any more.
    fn leave(&self) -> RedisResult<()> {
        self.ask(|connection| {
            self.keys
                .with(&LEAVE)
                .arg(GROUP)
                .arg(&self.settings.name)
                .invoke(connection)
        })
    }
}

impl<H> fmt::Debug for Worker<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("settings", &self.settings)
            .field("held", &self.held)
            .finish_non_exhaustive()
    }
}

/// A job that is being done.
struct Held<'a, H> {
    worker: &'a Worker<H>,
    entry: String,
    /// Cancelled when another worker has it.
    lost: CancelToken,
}

impl<H> Drop for Held<'_, H> {
    fn drop(&mut self) {
        self.worker.held.lock().unwrap().remove(&self.entry);
    }
}

impl Tally {
    /// Counts how a job's coroutine ended.
    fn count(&mut self, end: may::coroutine::Result<RedisResult<End>>) -> RedisResult<()> {
        let counter = match end.map_err(JoinError::from) {
            Ok(Ok(End::Finished)) => &mut self.finished,
            Ok(Ok(End::Failed)) => &mut self.failed,
            Ok(Ok(End::Dropped)) => &mut self.dropped,
            Ok(Err(error)) => return Err(error),
            Err(_) => &mut self.left,
        };
        *counter += 1;
        Ok(())
    }
}
