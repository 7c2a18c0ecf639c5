//! `work_queue`: no job is lost and none has its effect twice, whoever is killed.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    redis_server::RedisServer,
    support::{PATIENCE, Running, eventually, printed, run},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_work_queue");

/// Numbers that look random and are the same for the same seed.
struct Random(u64);

impl Random {
    /// Takes the seed from `MAY_SEED`, or makes one up; prints it, so that what fails can be tried
    /// again.
    fn new() -> Random {
        let seed = match std::env::var("MAY_SEED") {
            Ok(seed) => seed.parse().expect("MAY_SEED is a number"),
            Err(_) => std::process::id().into(),
        };
        println!("MAY_SEED={seed}");
        Random(seed)
    }

    /// A number below `limit`.
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// Starts a command beside the test.
fn start(command: &str, url: &str, args: &[&str]) -> Running {
    let mut program = Command::new(PROGRAM);
    Running::start(program.args([command, "--redis", url]).args(args))
}

/// Starts a worker whose jobs take a while.
fn worker(url: &str) -> Running {
    start(
        "work",
        url,
        &[
            "--pause-ms",
            "10",
            "--lease-ms",
            "500",
            "--attempts",
            "1000",
        ],
    )
}

/// The number of jobs that are not finished.
fn unfinished(server: &RedisServer) -> Option<u64> {
    let answer = server.ask("XLEN {work}:jobs")?;
    answer.strip_prefix(':')?.parse().ok()
}

#[test]
fn every_job_has_its_effect_once_although_workers_and_producers_are_killed() {
    const JOBS: u64 = 6000;
    let mut random = Random::new();
    let server = RedisServer::start(None);
    let url = server.url();

    // Two producers of so many jobs each; the queue holds fewer, so they wait for the workers.
    let jobs = (JOBS / 2).to_string();
    let produce = |name: &str| {
        start(
            "produce",
            &url,
            &["--name", name, "--jobs", &jobs, "--room", "500"],
        )
    };
    let mut producers = vec![produce("one"), produce("two")];
    let mut workers: Vec<Running> = (0..4).map(|_| worker(&url)).collect();

    let begin = Instant::now();
    let mut killed = 0;
    let mut told = 0;
    while producers.iter_mut().any(Running::is_running) || unfinished(&server) != Some(0) {
        assert!(begin.elapsed() < 3 * PATIENCE, "the jobs are not done");
        std::thread::sleep(Duration::from_millis(20 + random.below(60)));
        let victim = random.below(workers.len() as u64) as usize;
        match random.below(4) {
            // In the middle of something, whatever it is.
            0 | 1 => {
                drop(std::mem::replace(&mut workers[victim], worker(&url)));
                killed += 1;
            }
            2 => {
                let victim = random.below(2) as usize;
                drop(std::mem::replace(
                    &mut producers[victim],
                    produce(["one", "two"][victim]),
                ));
                killed += 1;
            }
            // In good order, while jobs are being done.
            _ => {
                let leaving = std::mem::replace(&mut workers[victim], worker(&url));
                leaving.line(|line| line.ends_with("ready"));
                leaving.stop();
                told += 1;
            }
        }
    }
    for producer in producers {
        let (status, text) = producer.wait();
        assert!(status.success(), "{text}");
    }
    for worker in workers {
        worker.line(|line| line.ends_with("ready"));
        worker.stop();
    }
    let text = printed(PROGRAM, &["check", "--redis", &url]);
    println!("{killed} processes killed, {told} told to end\n{text}");
    assert!(
        text.contains(&format!("effect applied once    {JOBS}\n")),
        "{text}"
    );
}

#[test]
fn nothing_is_lost_with_a_server_that_crashes() {
    const JOBS: u64 = 2000;
    let mut server = RedisServer::start(None);
    let url = server.url();
    let jobs = JOBS.to_string();
    let producer = start("produce", &url, &["--jobs", &jobs, "--room", "300"]);
    let workers: Vec<Running> = (0..2).map(|_| worker(&url)).collect();
    for left in [1500, 1000, 500] {
        eventually("some progress", || {
            let done = server.ask("HLEN {work}:results")?;
            let done: u64 = done.strip_prefix(':')?.parse().ok()?;
            (JOBS - done <= left).then_some(())
        });
        server.crash();
    }
    let (status, text) = producer.wait();
    assert!(status.success(), "{text}");
    eventually("the last job", || (unfinished(&server)? == 0).then_some(()));
    for worker in workers {
        worker.line(|line| line.ends_with("ready"));
        worker.stop();
    }
    let text = printed(PROGRAM, &["check", "--redis", &url]);
    println!("{text}");
    assert!(
        text.contains(&format!("effect applied once    {JOBS}\n")),
        "{text}"
    );
}

#[test]
fn one_who_was_taken_for_dead_has_no_effect_and_neither_has_its_job_twice() {
    let server = RedisServer::start(None);
    let url = server.url();
    printed(PROGRAM, &["produce", "--redis", &url, "--jobs", "8"]);
    let args = [
        "--name",
        "sleeper",
        "--pause-ms",
        "1000",
        "--lease-ms",
        "300",
    ];
    let sleeper = start("work", &url, &args);
    eventually("eight jobs that are being done", || {
        let pending = server.cli(&["xpending", "{work}:jobs", "workers"]);
        pending.starts_with('8').then_some(())
    });
    // It is stopped, not killed: its connections stay open.
    sleeper.signal("-STOP");
    let (status, text) = start("work", &url, &["--lease-ms", "300", "--until-empty"]).wait();
    assert!(
        status.success() && text.contains("8 finished, 8 taken over"),
        "{text}"
    );
    sleeper.signal("-CONT");
    sleeper.signal("-INT");
    let (status, text) = sleeper.wait();
    assert!(
        status.success() && text.contains("0 finished, 0 taken over, 8 dropped"),
        "{text}"
    );
    printed(PROGRAM, &["check", "--redis", &url]);
}

#[test]
fn a_job_that_takes_longer_than_a_lease_stays_with_its_worker() {
    let server = RedisServer::start(None);
    let url = server.url();
    printed(PROGRAM, &["produce", "--redis", &url, "--jobs", "4"]);
    let slow = ["--pause-ms", "1500", "--lease-ms", "200", "--until-empty"];
    let (status, text) = start("work", &url, &slow).wait();
    assert!(status.success(), "{text}");
    assert!(
        text.contains("4 finished, 0 taken over, 0 dropped"),
        "{text}"
    );
    printed(PROGRAM, &["check", "--redis", &url]);
}

#[test]
fn jobs_that_cannot_be_done_are_put_aside() {
    let server = RedisServer::start(None);
    let url = server.url();
    // One that no worker understands, and one whose workers are all lost.
    server
        .ask("XADD {work}:jobs * job odd:1 payload three")
        .unwrap();
    let (status, text) = start("work", &url, &["--until-empty"]).wait();
    assert!(status.success() && text.contains("1 failed"), "{text}");

    server
        .ask("XADD {work}:jobs * job odd:2 payload 27")
        .unwrap();
    for _ in 0..2 {
        let args = [
            "--pause-ms",
            "60000",
            "--lease-ms",
            "100",
            "--attempts",
            "2",
        ];
        let worker = start("work", &url, &args);
        eventually("a job that is being done", || {
            let text = server.cli(&["xinfo", "consumers", "{work}:jobs", "workers"]);
            let of_worker = text
                .split("name")
                .find(|part| part.contains(&worker.id().to_string()))?;
            of_worker.contains("pending\n1").then_some(())
        });
    }
    let (status, text) = start(
        "work",
        &url,
        &["--lease-ms", "100", "--attempts", "2", "--until-empty"],
    )
    .wait();
    assert!(status.success() && text.contains("0 finished"), "{text}");
    assert_eq!(server.ask("XLEN {work}:failed").unwrap(), ":2");
    let output = run(PROGRAM, &["check", "--redis", &url]);
    assert_eq!(output.status.code(), Some(1), "nobody produced these");
}

#[test]
fn what_is_no_job_stops_no_worker() {
    let server = RedisServer::start(None);
    let url = server.url();
    printed(PROGRAM, &["produce", "--redis", &url, "--jobs", "10"]);
    // Without one of the fields, without both, and with bytes that are no text.
    server.ask("XADD {work}:jobs * job odd:1").unwrap();
    server.ask("XADD {work}:jobs * a b c d").unwrap();
    server
        .ask(r#"XADD {work}:jobs * job odd:3 payload "\xff\xfe""#)
        .unwrap();
    let (status, text) = start("work", &url, &["--until-empty"]).wait();
    assert!(
        status.success() && text.contains("10 finished") && text.contains("3 failed"),
        "{text}"
    );
    assert_eq!(server.ask("XLEN {work}:failed").unwrap(), ":3");

    // The same if another worker has taken it and is dead.
    server.ask("XADD {work}:jobs * a b").unwrap();
    server
        .ask("XREADGROUP GROUP workers dead STREAMS {work}:jobs >")
        .unwrap();
    let args = ["--lease-ms", "100", "--until-empty"];
    let (status, text) = start("work", &url, &args).wait();
    assert!(status.success() && text.contains("1 failed"), "{text}");
    assert_eq!(server.ask("XLEN {work}:failed").unwrap(), ":4");
}

#[test]
fn jobs_of_the_dead_are_found_behind_many_that_are_being_done() {
    const HELD: u64 = 60;
    let server = RedisServer::start(None);
    let url = server.url();
    let jobs = (HELD + 1).to_string();
    printed(PROGRAM, &["produce", "--redis", &url, "--jobs", &jobs]);
    // A worker that is well holds all but the last, which a dead one has.
    let held = HELD.to_string();
    let args = ["--at-once", &held, "--pause-ms", "600000", "--lease-ms"];
    let busy = start("work", &url, &[&args[..], &["1000"]].concat());
    eventually("jobs that are being done", || {
        let pending = server.cli(&["xpending", "{work}:jobs", "workers"]);
        pending.starts_with(&held).then_some(())
    });
    server
        .ask("XREADGROUP GROUP workers dead STREAMS {work}:jobs >")
        .unwrap();
    let args = ["--at-once", "1", "--lease-ms", "1000"];
    let other = start("work", &url, &args);
    eventually("the job of the dead one", || {
        (server.ask("HLEN {work}:results")? == ":1").then_some(())
    });
    drop((busy, other));
}

#[test]
fn workers_go_on_when_the_server_has_lost_everything() {
    let server = RedisServer::start(None);
    let url = server.url();
    let workers: Vec<Running> = (0..2).map(|_| worker(&url)).collect();
    for _ in 0..3 {
        printed(PROGRAM, &["produce", "--redis", &url, "--jobs", "200"]);
        eventually("the last job", || (unfinished(&server)? == 0).then_some(()));
        printed(PROGRAM, &["check", "--redis", &url]);
        assert_eq!(server.ask("FLUSHALL").unwrap(), "+OK");
    }
    for worker in workers {
        worker.line(|line| line.ends_with("ready"));
        worker.stop();
    }
}
