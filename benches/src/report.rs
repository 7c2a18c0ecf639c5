//! What a comparison prints, and what it stores.

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
    time::Duration,
};

use crate::{
    case::Case,
    peers::Entry,
    schedule::{DISTURBED, FOREIGN, Figures},
};

/// A peer counts as faster from here on; less may be chance.
const CLEARLY: f64 = 0.95;

/// All figures of one case with one number of workers.
pub(crate) struct Comparison {
    /// The case.
    case: &'static Case,
    /// The number of workers.
    workers: usize,
    /// The peers that take part, with their rounds.
    rows: Vec<Row>,
}

/// The figures of one peer.
struct Row {
    /// Its name.
    peer: &'static str,
    /// One set of figures for each round.
    rounds: Vec<Figures>,
    /// Why there are no more.
    failure: Option<String>,
}

impl Comparison {
    /// Prepares rows for all peers.
    pub(crate) fn new(case: &'static Case, workers: usize, peers: &[&'static Entry]) -> Comparison {
        let row = |peer: &&'static Entry| Row {
            peer: peer.name,
            rounds: vec![],
            failure: None,
        };
        Comparison {
            case,
            workers,
            rows: peers.iter().map(row).collect(),
        }
    }

    /// Says whether a peer has failed, and need not be tried again.
    pub(crate) fn has_failed(&self, index: usize) -> bool {
        self.rows[index].failure.is_some()
    }

    /// Adds what came out of one measurement.
    pub(crate) fn record(&mut self, index: usize, result: Result<Figures, String>) {
        match result {
            Ok(figures) => self.rows[index].rounds.push(figures),
            Err(reason) => self.rows[index].failure = Some(reason),
        }
    }
}

/// What comes out of all comparisons.
pub(crate) struct Report {
    /// The file for every single figure.
    csv: Option<File>,
    /// Where a peer was clearly faster than the first.
    slower: Vec<String>,
    /// What could not be measured.
    failed: Vec<String>,
}

impl Report {
    /// Opens the file and prints what the figures mean.
    pub(crate) fn new(csv: Option<&Path>) -> Result<Report, String> {
        let csv = csv.map(|path| {
            let file = File::create(path).and_then(|mut file| {
                writeln!(file, "case,workers,peer,round,figure,value")?;
                Ok(file)
            });
            file.map_err(|error| format!("cannot write {}: {error}", path.display()))
        });
        println!("{}", machine());
        println!("median of the rounds (lowest .. highest), less is better;");
        println!("x: how many times as long as may; cpu: the same work in time on all CPUs\n");
        Ok(Report {
            csv: csv.transpose()?,
            slower: Vec::new(),
            failed: Vec::new(),
        })
    }

    /// Prints and stores one comparison.
    pub(crate) fn add(&mut self, comparison: Comparison) -> Result<(), String> {
        let Comparison {
            case,
            workers,
            rows,
        } = comparison;
        let plural = if workers == 1 { "" } else { "s" };
        println!(
            "{}: {}, {workers} worker{plural}, {}",
            case.name, case.title, case.unit
        );
        let ours = rows.first().and_then(|row| row.median("time"));
        let foreign = rows
            .iter()
            .filter_map(|row| row.sorted(FOREIGN).last().copied());
        let foreign = foreign.fold(0.0, f64::max);
        if foreign > DISTURBED {
            println!(
                "  others used up to {:.0} % of the machine meanwhile",
                foreign * 100.0
            );
        }
        for row in &rows {
            row.print(ours);
            self.judge(case, workers, row, ours);
            self.store(case, workers, row)
                .map_err(|error| format!("cannot write: {error}"))?;
        }
        println!();
        Ok(())
    }

    /// Keeps what the summary will say about a row.
    fn judge(&mut self, case: &Case, workers: usize, row: &Row, ours: Option<f64>) {
        if let Some(reason) = &row.failure {
            self.failed
                .push(format!("{}, {workers}w, {}: {reason}", case.name, row.peer));
        }
        if let (Some(ours), Some(theirs)) = (ours, row.median("time")) {
            let ratio = theirs / ours;
            if ratio < CLEARLY {
                self.slower.push(format!(
                    "{}, {workers}w: {} {ratio:.2}x",
                    case.name, row.peer
                ));
            }
        }
    }

    /// Stores the figures of a row.
    fn store(&mut self, case: &Case, workers: usize, row: &Row) -> std::io::Result<()> {
        let Some(file) = &mut self.csv else {
            return Ok(());
        };
        for (round, figures) in row.rounds.iter().enumerate() {
            for (figure, value) in figures {
                let Row { peer, .. } = row;
                writeln!(
                    file,
                    "{},{workers},{peer},{round},{figure},{value}",
                    case.name
                )?;
            }
        }
        Ok(())
    }

    /// Prints the summary.
    pub(crate) fn finish(self, time: Duration) {
        list("peers that were clearly faster than may", &self.slower);
        list("not measured", &self.failed);
        println!("measured in {:.0} s", time.as_secs_f64());
    }
}

impl Row {
    /// The values of a figure in all rounds, smallest first.
    fn sorted(&self, figure: &str) -> Vec<f64> {
        let mut values: Vec<f64> = self
            .rounds
            .iter()
            .filter_map(|figures| figures.get(figure).copied())
            .collect();
        values.sort_unstable_by(f64::total_cmp);
        values
    }

    /// The median of a figure.
    fn median(&self, figure: &str) -> Option<f64> {
        let values = self.sorted(figure);
        values.get(values.len().saturating_sub(1) / 2).copied()
    }

    /// Prints the row; `ours` is the time that it is compared with.
    fn print(&self, ours: Option<f64>) {
        let times = self.sorted("time");
        let (Some(lowest), Some(median), Some(highest)) =
            (times.first(), self.median("time"), times.last())
        else {
            println!(
                "  {:<11} failed: {}",
                self.peer,
                self.failure.as_deref().unwrap_or("?")
            );
            return;
        };
        let ratio = ours.map_or(String::new(), |ours| format!("{:.2}x", median / ours));
        let range = format!("({} .. {})", number(*lowest), number(*highest));
        print!(
            "  {:<11} {:>8} {range:<21} {ratio:>8}",
            self.peer,
            number(median)
        );
        if let Some(cpu) = self.median("cpu") {
            print!("  cpu {:>8}", number(cpu));
        }
        if let (Some(p50), Some(p99)) = (self.median("p50"), self.median("p99")) {
            print!("  p50 {:>5.0} us  p99 {:>6.0} us", p50 / 1e3, p99 / 1e3);
        }
        if let Some(peak) = self.median("peak") {
            print!("  peak {:>6.1} MB", peak / 1e6);
        }
        println!();
        self.print_parked();
        if let Some(reason) = &self.failure {
            println!("           failed in a later round: {reason}");
        }
    }

    /// Prints the second line of a row about waiting coroutines.
    fn print_parked(&self) {
        let figures = [
            "count",
            "create_s",
            "wake_s",
            "resident",
            "page_tables",
            "mappings",
            "before",
            "after",
        ];
        let [
            Some(count),
            Some(create),
            Some(wake),
            Some(resident),
            Some(tables),
            Some(mappings),
            Some(before),
            Some(after),
        ] = figures.map(|figure| self.median(figure))
        else {
            return;
        };
        println!(
            "           {count:.0} of them: created in {create:.2} s, woken and joined in \
             {wake:.2} s;"
        );
        println!(
            "           {resident:.0} bytes resident and {tables:.0} of page tables each, \
             {mappings:.0} map entries in all;"
        );
        println!(
            "           resident before {:.1} MB, afterwards {:.1} MB",
            before / 1e6,
            after / 1e6
        );
    }
}

/// Writes a number with about three digits that count.
fn number(value: f64) -> String {
    let digits = match value {
        value if value < 10.0 => 2,
        value if value < 100.0 => 1,
        _ => 0,
    };
    format!("{value:.digits$}")
}

/// Prints a list, if there is anything on it.
fn list(title: &str, lines: &[String]) {
    if !lines.is_empty() {
        println!("{title}:");
        lines.iter().for_each(|line| println!("  {line}"));
    }
}

/// Describes the machine and how busy it was before.
fn machine() -> String {
    let read = |path: &str| {
        fs::read_to_string(path)
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    let load = read("/proc/loadavg");
    format!(
        "{} CPUs, Linux {}, load before {}",
        std::thread::available_parallelism().map_or(0, usize::from),
        read("/proc/sys/kernel/osrelease"),
        load.split(' ').next().unwrap_or_default()
    )
}
