//! What the kernel knows about a process: memory, mappings, time on a CPU. Linux only.

use std::{
    fs, io,
    time::{Duration, Instant},
};

/// How much memory a process has, and what it takes to describe it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// Bytes resident.
    pub(crate) resident: u64,
    /// Bytes of page tables.
    pub(crate) page_tables: u64,
    /// Entries of the memory map, of which the kernel allows 65,530 by default.
    pub(crate) mappings: u64,
}

impl Memory {
    /// Looks at this process.
    pub(crate) fn now() -> Memory {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
        Memory {
            resident: field(&status, "VmRSS:"),
            page_tables: field(&status, "VmPTE:"),
            mappings: maps.lines().count() as u64,
        }
    }

    /// The most memory that was resident in a process at any time.
    pub(crate) fn peak_of(pid: u32) -> u64 {
        field(
            &fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default(),
            "VmHWM:",
        )
    }
}

/// Reads a field of `/proc/self/status`, which counts in kB.
fn field(status: &str, name: &str) -> u64 {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .unwrap_or_default();
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().unwrap_or(0);
    kilobytes * 1024
}

/// The time that all threads of this process have spent on a CPU, also those that have ended.
pub(crate) fn cpu_time() -> Duration {
    read_clock(libc::CLOCK_PROCESS_CPUTIME_ID)
}

/// The same for another process.
pub(crate) fn cpu_time_of(pid: u32) -> io::Result<Duration> {
    let mut clock = 0;
    // SAFETY: the pointer is to a value that lives through the call.
    let result = unsafe { libc::clock_getcpuclockid(pid as libc::pid_t, &mut clock) };
    match result {
        0 => Ok(read_clock(clock)),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// The time that the processes which this one has started and waited for have spent on a CPU.
fn cpu_time_of_children() -> Duration {
    // SAFETY: the numbers that make up a usage may all be zero, and the pointer is to a value that
    // lives through the call.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_CHILDREN, &mut usage);
        usage
    };
    let duration = |time: libc::timeval| {
        Duration::new(time.tv_sec as u64, 0) + Duration::from_micros(time.tv_usec as u64)
    };
    duration(usage.ru_utime) + duration(usage.ru_stime)
}

/// Finds out how much of the machine others use meanwhile.
pub(crate) struct Foreign {
    /// When it began.
    begin: Instant,
    /// What all processes had used then.
    all: Duration,
    /// What this process and those it started had used then.
    own: Duration,
}

impl Foreign {
    /// Begins to watch.
    pub(crate) fn watch() -> Foreign {
        let own = cpu_time() + cpu_time_of_children();
        Foreign {
            begin: Instant::now(),
            all: cpu_time_of_all(),
            own,
        }
    }

    /// The part of all CPUs, from 0 to 1, that others had since then, or that the machine's own
    /// host kept from it.
    pub(crate) fn share(&self) -> f64 {
        let own = cpu_time() + cpu_time_of_children() - self.own;
        let foreign = (cpu_time_of_all() - self.all).saturating_sub(own);
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        foreign.as_secs_f64() / self.begin.elapsed().as_secs_f64() / cpus as f64
    }
}

/// The time that all processes of the machine have spent on a CPU, or waited for one that the
/// machine's host kept. What interrupts took is left out, since no process is charged for it.
fn cpu_time_of_all() -> Duration {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    // user, nice, system, idle, waiting for devices, interrupts, soft interrupts, stolen
    let fields = text
        .lines()
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .skip(1);
    let ticks: Vec<u64> = fields.map_while(|field| field.parse().ok()).collect();
    let busy: u64 = [0, 1, 2, 7]
        .iter()
        .filter_map(|&index| ticks.get(index))
        .sum();
    Duration::from_millis(busy * 10)
}

/// Reads a clock of the kernel.
fn read_clock(clock: libc::clockid_t) -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the pointer is to a value that lives through the call.
    unsafe { libc::clock_gettime(clock, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Lets this process, and the threads it starts from now on, run on one CPU only.
pub(crate) fn pin_to(cpu: usize) {
    // SAFETY: a set of CPUs is plain bits, for which all zeros are valid; the calls only read and
    // write this one, and `CPU_SET` checks its range.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu, &mut set);
        libc::sched_setaffinity(0, size_of_val(&set), &set);
    }
}
