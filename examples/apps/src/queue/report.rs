//! What became of the jobs.

use std::{collections::HashMap, fmt};

use redis::{Commands, RedisResult, pipe};

use super::Keys;
use crate::redis::Connection;

/// How many jobs are looked at with one request.
const BATCH: usize = 1000;

/// What became of all jobs of a queue, counted. While workers are at work the parts are from
/// slightly different times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Jobs that were added.
    pub added: u64,
    /// Jobs whose effect was applied once, with the result that was expected.
    pub right: u64,
    /// Jobs whose effect was applied, but with another result.
    pub wrong: u64,
    /// Jobs whose effect was applied more than once.
    pub repeated: u64,
    /// Jobs whose effect was not applied. Those that are waiting, being done or failed are among
    /// them.
    pub without: u64,
    /// Effects of jobs that nobody added.
    pub unknown: u64,
    /// Jobs in the queue, waiting or being done.
    pub unfinished: u64,
    /// Jobs that cannot be done.
    pub failed: u64,
}

impl Report {
    /// Looks at every job that was ever added; `expected` says what must have come out, for the
    /// producer's name and the number.
    ///
    /// # Errors
    ///
    /// If the server cannot be asked.
    pub fn take(
        connection: &mut Connection,
        keys: &Keys,
        expected: impl Fn(&str, u64) -> String,
    ) -> RedisResult<Report> {
        let producers: HashMap<String, u64> = connection.hgetall(&keys.producers)?;
        let effects: u64 = connection.hlen(&keys.applied)?;
        let mut report = Report {
            unfinished: connection.xlen(&keys.jobs)?,
            failed: connection.xlen(&keys.failed)?,
            ..Report::default()
        };
        for (producer, last) in producers {
            let numbers: Vec<u64> = (1..=last).collect();
            for numbers in numbers.chunks(BATCH) {
                let names: Vec<String> = numbers
                    .iter()
                    .map(|number| format!("{producer}:{number}"))
                    .collect();
                let (applied, results): (Vec<Option<u64>>, Vec<Option<String>>) = pipe()
                    .atomic()
                    .hmget(&keys.applied, &names)
                    .hmget(&keys.results, &names)
                    .query(connection)?;
                for ((number, applied), result) in numbers.iter().zip(applied).zip(results) {
                    let right = result == Some(expected(&producer, *number));
                    report.count(applied.unwrap_or(0), right);
                }
            }
        }
        report.unknown = effects.saturating_sub(report.added - report.without);
        Ok(report)
    }

    /// Counts a job whose effect was applied so many times.
    fn count(&mut self, applied: u64, right: bool) {
        self.added += 1;
        *match applied {
            0 => &mut self.without,
            1 if right => &mut self.right,
            1 => &mut self.wrong,
            _ => &mut self.repeated,
        } += 1;
    }

    /// Says whether every job has been ended, and has had its effect exactly once unless it failed.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let Report { added, right, .. } = *self;
        let clean = self.wrong == 0 && self.repeated == 0 && self.unknown == 0;
        clean && self.unfinished == 0 && right + self.failed == added
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "jobs added             {}", self.added)?;
        writeln!(f, "effect applied once    {}", self.right)?;
        writeln!(f, "  with a wrong result  {}", self.wrong)?;
        writeln!(f, "more than once         {}", self.repeated)?;
        writeln!(f, "not at all             {}", self.without)?;
        writeln!(f, "  of these unfinished  {}", self.unfinished)?;
        writeln!(f, "  and failed           {}", self.failed)?;
        write!(f, "effects without a job  {}", self.unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_complete_when_nothing_is_missing_and_nothing_is_too_much() {
        let mut report = Report::default();
        report.count(1, true);
        report.count(0, false);
        assert!(!report.is_complete());
        report.failed = 1;
        assert!(report.is_complete());
        for spoil in [
            |report: &mut Report| report.count(1, false),
            |report: &mut Report| report.count(2, true),
            |report: &mut Report| report.unknown = 1,
            |report: &mut Report| report.unfinished = 1,
        ] {
            let mut report = report.clone();
            spoil(&mut report);
            assert!(!report.is_complete(), "{report}");
        }
    }
}
