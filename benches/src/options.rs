//! The command line: of a comparison, and of the processes that it starts.

use std::{ffi::OsString, fmt::Write, path::PathBuf, time::Duration};

use lexopt::{
    Arg::{Long, Short, Value},
    Parser, ValueExt,
};

use crate::{
    case::{self, CASES, Case},
    peers::{self, Entry, PEERS},
};

/// What this process is to do.
pub(crate) enum Command {
    /// Print the help text.
    Help,
    /// Run a comparison.
    Compare(Options),
    /// Be one measurement.
    Measure(Task),
    /// Be an echo server.
    Serve(Task),
    /// Be the clients of an echo server.
    Load(Load),
}

/// What to compare.
pub(crate) struct Options {
    /// A tenth of the work, once: to see that everything runs.
    pub(crate) quick: bool,
    /// How often each measurement is repeated.
    pub(crate) rounds: usize,
    /// The cases, in the order of the report.
    pub(crate) cases: Vec<&'static Case>,
    /// The peers, in the order of the report.
    pub(crate) peers: Vec<&'static Entry>,
    /// The only number of workers to measure with.
    pub(crate) workers: Option<usize>,
    /// Where every single figure is stored.
    pub(crate) csv: Option<PathBuf>,
}

/// One measurement of one peer.
#[derive(Clone, Copy)]
pub(crate) struct Task {
    /// Who is measured.
    pub(crate) peer: &'static Entry,
    /// At what.
    pub(crate) case: &'static Case,
    /// With how many workers.
    pub(crate) workers: usize,
    /// A tenth of the work.
    pub(crate) quick: bool,
}

/// What the clients of an echo server do.
pub(crate) struct Load {
    /// Where the server listens.
    pub(crate) addr: String,
    /// The server's process, to see what it uses.
    pub(crate) pid: u32,
    /// How many connections there are.
    pub(crate) connections: usize,
    /// How long they send.
    pub(crate) time: Duration,
    /// The CPU to stay on.
    pub(crate) cpu: Option<usize>,
}

/// Rounds of a comparison, if nothing else is asked for.
const ROUNDS: usize = 5;

/// Writes the help text, with all cases and peers.
pub(crate) fn help() -> String {
    let mut text = format!(
        "\
Measures May against its peers.

Usage: compare [options]

  --quick         a tenth of the work, two rounds: figures to try things out, not to quote
  --rounds N      how often each measurement is repeated (default {ROUNDS})
  --case NAME     only this case, or those that begin with it (may be repeated)
  --peer NAME     only this peer beside may (may be repeated)
  --workers N     only with so many workers
  --csv FILE      store every single figure
  --help          show this text

The cases:
"
    );
    for case in CASES {
        let _ = writeln!(text, "  {:<22} {} ({})", case.name, case.title, case.unit);
    }
    let names: Vec<_> = PEERS.iter().map(|peer| peer.name).collect();
    let _ = writeln!(text, "\nThe peers: {}", names.join(", "));
    text
}

/// Reads the command line.
pub(crate) fn read(args: impl Iterator<Item = OsString>) -> Result<Command, String> {
    let mut given = Given::default();
    if let Some(error) = given.read(Parser::from_args(args)).err() {
        return Err(error.to_string());
    }
    if given.help {
        return Ok(Command::Help);
    }
    match given.role.as_deref() {
        None => given.options().map(Command::Compare),
        Some("measure") => given.task().map(Command::Measure),
        Some("serve") => given.task().map(Command::Serve),
        Some("load") => given.load().map(Command::Load),
        Some(role) => Err(format!("unknown argument '{role}'")),
    }
}

/// The command line as it was given.
#[derive(Default)]
struct Given {
    /// What the process is to be; a comparison if nothing is said.
    role: Option<String>,
    /// `--help`
    help: bool,
    /// `--quick`
    quick: bool,
    /// `--rounds`
    rounds: Option<usize>,
    /// `--case`
    cases: Vec<String>,
    /// `--peer`
    peers: Vec<String>,
    /// `--workers`
    workers: Option<usize>,
    /// `--csv`
    csv: Option<PathBuf>,
    /// `--addr`
    addr: Option<String>,
    /// `--pid`
    pid: Option<u32>,
    /// `--connections`
    connections: Option<usize>,
    /// `--millis`
    millis: Option<u64>,
    /// `--cpu`
    cpu: Option<usize>,
}

impl Given {
    /// Reads all arguments.
    fn read(&mut self, mut parser: Parser) -> Result<(), lexopt::Error> {
        while let Some(arg) = parser.next()? {
            match arg {
                Long("help") | Short('h') => self.help = true,
                Long("quick") => self.quick = true,
                Long("rounds") => self.rounds = Some(parser.value()?.parse()?),
                Long("case") => self.cases.push(parser.value()?.string()?),
                Long("peer") => self.peers.push(parser.value()?.string()?),
                Long("workers") => self.workers = Some(parser.value()?.parse()?),
                Long("csv") => self.csv = Some(parser.value()?.into()),
                Long("addr") => self.addr = Some(parser.value()?.string()?),
                Long("pid") => self.pid = Some(parser.value()?.parse()?),
                Long("connections") => self.connections = Some(parser.value()?.parse()?),
                Long("millis") => self.millis = Some(parser.value()?.parse()?),
                Long("cpu") => self.cpu = Some(parser.value()?.parse()?),
                Value(role) if self.role.is_none() => self.role = Some(role.string()?),
                other => return Err(other.unexpected()),
            }
        }
        Ok(())
    }

    /// The comparison that was asked for.
    fn options(&self) -> Result<Options, String> {
        let cases: Vec<_> = CASES
            .iter()
            .filter(|case| {
                self.cases.is_empty() || self.cases.iter().any(|name| case.name.starts_with(name))
            })
            .collect();
        if cases.is_empty() {
            return Err(format!("no case is called '{}'", self.cases.join("' or '")));
        }
        for name in &self.peers {
            peers::find(name).ok_or_else(|| format!("no peer is called '{name}'"))?;
        }
        // The first is what all others are compared with, so it always takes part.
        let wanted = |name| self.peers.is_empty() || self.peers.iter().any(|peer| peer == name);
        let peers: Vec<_> = PEERS[..1]
            .iter()
            .chain(PEERS[1..].iter().filter(|peer| wanted(peer.name)))
            .collect();
        let rounds = self.rounds.unwrap_or(if self.quick { 2 } else { ROUNDS });
        if rounds == 0 {
            return Err("'--rounds 0' would measure nothing".to_owned());
        }
        Ok(Options {
            quick: self.quick,
            rounds,
            cases,
            peers,
            workers: self.workers,
            csv: self.csv.clone(),
        })
    }

    /// The measurement that this process is to be.
    fn task(&self) -> Result<Task, String> {
        let peer = self.peers.first().and_then(|name| peers::find(name));
        let case = self.cases.first().and_then(|name| case::find(name));
        Ok(Task {
            peer: peer.ok_or("a measurement needs --peer")?,
            case: case.ok_or("a measurement needs --case")?,
            workers: self.workers.ok_or("a measurement needs --workers")?,
            quick: self.quick,
        })
    }

    /// The load that this process is to be.
    fn load(self) -> Result<Load, String> {
        Ok(Load {
            addr: self.addr.ok_or("load needs --addr")?,
            pid: self.pid.ok_or("load needs --pid")?,
            connections: self.connections.ok_or("load needs --connections")?,
            time: Duration::from_millis(self.millis.ok_or("load needs --millis")?),
            cpu: self.cpu,
        })
    }
}
