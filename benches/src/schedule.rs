//! Runs a comparison: every measurement in a process of its own, the peers in turns.

use std::{
    collections::BTreeMap,
    env,
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    case::{Case, Work},
    options::{Options, Task},
    peers::Entry,
    report::{Comparison, Report},
    system::Foreign,
};

/// The figures of one measurement, by name.
pub(crate) type Figures = BTreeMap<String, f64>;

/// How long a measurement may take before it is ended and counts as failed.
const LIMIT: Duration = Duration::from_secs(30);

/// How long echo clients send.
const ECHO_MILLIS: &str = "1000";

/// The same for a quick look.
const ECHO_MILLIS_QUICK: &str = "200";

/// Echo and a million waiting coroutines take seconds each: more rounds would not fit.
const LONG_ROUNDS: usize = 3;

/// How much of the machine others may use before a measurement is repeated. The kernel counts in
/// steps of 10 ms, so less cannot be told from nothing.
pub(crate) const DISTURBED: f64 = 0.1;

/// How often a measurement is tried while it is disturbed.
const ATTEMPTS: usize = 4;

/// How much time a comparison may spend on that in all: on a machine that is always busy it would
/// be lost.
const REPEAT_BUDGET: Duration = Duration::from_secs(60);

/// The figure that says how much of the machine others used.
pub(crate) const FOREIGN: &str = "foreign";

/// Runs everything that `options` ask for.
pub(crate) fn compare(options: &Options) -> Result<(), String> {
    let begin = Instant::now();
    let mut budget = if options.quick {
        Duration::ZERO
    } else {
        REPEAT_BUDGET
    };
    let mut report = Report::new(options.csv.as_deref())?;
    for case in &options.cases {
        for &workers in case.workers {
            if options.workers.is_some_and(|only| only != workers) {
                continue;
            }
            report.add(take_turns(options, case, workers, &mut budget))?;
        }
    }
    report.finish(begin.elapsed());
    Ok(())
}

/// Measures one case with all peers, round by round.
fn take_turns(
    options: &Options,
    case: &'static Case,
    workers: usize,
    budget: &mut Duration,
) -> Comparison {
    let rounds = match case.work {
        Work::Echo { .. } | Work::Parked { .. } => options.rounds.min(LONG_ROUNDS),
        _ => options.rounds,
    };
    let (peers, parts): (Vec<&Entry>, Vec<_>) = options
        .peers
        .iter()
        .filter_map(|peer| Some((peer, peer.joins(case, workers)?)))
        .unzip();
    let mut comparison = Comparison::new(case, workers, &peers);
    for (index, part) in parts.into_iter().enumerate() {
        if let Err(reason) = part {
            comparison.record(index, Err(reason.to_owned()));
        }
    }
    for round in 0..rounds {
        // Each round begins with another peer, so that none always follows the same one.
        for turn in 0..peers.len() {
            let index = (round + turn) % peers.len();
            if comparison.has_failed(index) {
                continue;
            }
            let task = Task {
                peer: peers[index],
                case,
                workers,
                quick: options.quick,
            };
            comparison.record(index, measure_in_peace(&task, budget));
        }
    }
    comparison
}

/// Repeats a measurement while others use too much of the machine, and takes the least disturbed.
/// What the repetitions take comes out of `budget`.
fn measure_in_peace(task: &Task, budget: &mut Duration) -> Result<Figures, String> {
    let mut best: Option<Figures> = None;
    for _ in 0..ATTEMPTS {
        let begin = Instant::now();
        let foreign = Foreign::watch();
        let mut figures = measure(task)?;
        let share = foreign.share();
        figures.insert(FOREIGN.to_owned(), share);
        if best.as_ref().is_none_or(|best| share < best[FOREIGN]) {
            best = Some(figures);
        }
        if share < DISTURBED || budget.is_zero() {
            break;
        }
        *budget = budget.saturating_sub(begin.elapsed());
    }
    Ok(best.expect("there was an attempt"))
}

/// Runs one measurement in its own process, or in two.
fn measure(task: &Task) -> Result<Figures, String> {
    match task.case.work {
        Work::Echo { connections } => measure_echo(task, connections),
        _ => finish(start(&mut process("measure", task))?),
    }
}

/// Measures echo: a server in one process, its clients in another.
fn measure_echo(task: &Task, connections: usize) -> Result<Figures, String> {
    let mut server = start(&mut process("serve", task))?;
    let mut addr = String::new();
    let stdout = server.0.stdout.as_mut().expect("it is piped");
    BufReader::new(stdout)
        .read_line(&mut addr)
        .map_err(|error| error.to_string())?;
    if addr.is_empty() {
        return finish(server);
    }
    let mut load = this_program();
    load.args([
        "load",
        "--addr",
        addr.trim(),
        "--pid",
        &server.0.id().to_string(),
    ])
    .args(["--connections", &connections.to_string()])
    .args([
        "--millis",
        if task.quick {
            ECHO_MILLIS_QUICK
        } else {
            ECHO_MILLIS
        },
    ]);
    if task.workers == 1 {
        load.args(["--cpu", "1"]);
    }
    finish(start(&mut load)?)
}

/// This program again, with nothing but pipes to the outside.
fn this_program() -> Command {
    let mut command = Command::new(env::current_exe().expect("this program has a path"));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// This program as one side of a measurement.
fn process(role: &str, task: &Task) -> Command {
    let mut command = this_program();
    command
        .args([role, "--peer", task.peer.name, "--case", task.case.name])
        .args(["--workers", &task.workers.to_string()])
        // The only way to tell smol; the others are told by their own means.
        .env("SMOL_THREADS", task.workers.to_string());
    if task.quick {
        command.arg("--quick");
    }
    command
}

/// A process that does not outlive the interest in it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a process.
fn start(command: &mut Command) -> Result<Running, String> {
    command
        .spawn()
        .map(Running)
        .map_err(|error| format!("cannot start a measurement: {error}"))
}

/// Waits for a measurement and reads its figures.
fn finish(mut running: Running) -> Result<Figures, String> {
    let mut stdout = running.0.stdout.take().expect("it is piped");
    let mut stderr = running.0.stderr.take().expect("it is piped");
    // Both are read while it runs, since a full pipe would make it wait.
    let complaints = thread::spawn(move || {
        let mut text = Vec::new();
        let _ = stderr.read_to_end(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    });
    let figures = thread::spawn(move || {
        let mut text = String::new();
        let _ = stdout.read_to_string(&mut text);
        text
    });

    let end = Instant::now() + LIMIT;
    let status = loop {
        match running.0.try_wait().map_err(|error| error.to_string())? {
            Some(status) => break status,
            None if Instant::now() > end => {
                return Err(format!("not done after {} s", LIMIT.as_secs()));
            }
            None => thread::sleep(Duration::from_millis(2)),
        }
    };
    let complaints = complaints.join().expect("it does not panic");
    let figures = figures.join().expect("it does not panic");
    if !status.success() {
        let reason = complaints
            .lines()
            .find(|line| !line.trim().is_empty())
            .unwrap_or("no reason");
        return Err(format!("{status}: {reason}"));
    }
    Ok(figures
        .lines()
        .filter_map(|line| {
            let (name, number) = line.split_once(' ')?;
            Some((name.to_owned(), number.parse().ok()?))
        })
        .collect())
}
