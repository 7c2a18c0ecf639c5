//! The stage on which a program is played, and the kill at one of its points.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex as StdMutex, Once as StdOnce};
use std::time::{Duration, Instant};

use may::coroutine::{self, Cancelled, JoinHandle};
use may::time::{self, Elapsed};
use may_core::park;
use may_tests::{end, eventually, message, runtime, watchdog_of};

use crate::rows::Make;

/// How long a victim may take that is to be ended by a limit. Longer than what most programs take.
const LIMIT: Duration = Duration::from_micros(300);

/// How many points of a program are tried at most. One that waits for the system has more when the
/// machine is busy.
const MOST_POINTS: usize = 200;

/// How many turns in a row, without a step of the program, are points: enough for a coroutine that
/// was woken to go on.
const QUIET_TURNS: usize = 3;

/// A way to end a coroutine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blow {
    Cancel,
    /// At a point of the victim's own code, or of a child's.
    Panic,
    /// A limit of time around all that the victim does.
    Limit,
}

/// How a role came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Done,
    Killed(Blow),
}

/// The payload of a panic that is a kill.
struct Kill;

/// Has panics that are kills, and those that tell of one, print nothing.
pub(crate) fn be_quiet_about_kills() {
    static ONCE: StdOnce = StdOnce::new();
    ONCE.call_once(|| {
        // May's own hook comes first, so that it is behind this one.
        end(runtime(1));
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !tells_of_kill(info.payload()) {
                print(info);
            }
        }));
    });
}

/// Whether a payload is a kill, or what May raises where a child or an initializer was killed.
fn tells_of_kill(payload: &(dyn Any + Send)) -> bool {
    let text = message(payload);
    let by_may = text.starts_with("a scoped coroutine panicked") || text.contains("poisoned");
    payload.is::<Kill>() || by_may
}

type Role = Box<dyn FnOnce(&At) + Send>;
type Check = Box<dyn FnOnce(&[End])>;

/// A program: coroutines that work together, and what must hold when all have ended.
#[derive(Default)]
pub(crate) struct Play {
    victims: Vec<Role>,
    helpers: Vec<Role>,
    checks: Vec<Check>,
}

impl Play {
    /// Adds a coroutine that may be killed.
    pub(crate) fn victim(&mut self, role: impl FnOnce(&At) + Send + 'static) {
        self.victims.push(Box::new(role));
    }

    /// Adds a coroutine without which the others would rightly never end. It starts after all
    /// victims.
    pub(crate) fn helper(&mut self, role: impl FnOnce(&At) + Send + 'static) {
        self.helpers.push(Box::new(role));
    }

    /// What must hold in the end, given the ends of the victims in their order.
    pub(crate) fn check(&mut self, check: impl FnOnce(&[End]) + 'static) {
        self.checks.push(Box::new(check));
    }
}

/// What all roles of one performance share.
struct Stage {
    blow: Blow,
    victim: usize,
    /// The number of the point at which the victim is killed.
    point: usize,
    passed: AtomicUsize,
    /// All steps, also those that are no points of this kill.
    steps: AtomicUsize,
    struck: AtomicBool,
    deadline: Instant,
    handles: StdMutex<Vec<JoinHandle<Result<(), Elapsed>>>>,
}

impl Stage {
    /// Passes a point in the code of a role, or of the driver.
    fn pass(&self, role: Option<usize>) {
        let is_own = role == Some(self.victim);
        if self.blow == Blow::Panic && (!is_own || coroutine::panicking()) {
            return;
        }
        if self.passed.fetch_add(1, SeqCst) != self.point {
            return;
        }
        self.struck.store(true, SeqCst);
        match self.blow {
            Blow::Cancel => self.handles.lock().unwrap()[self.victim].cancel(),
            Blow::Panic => panic::panic_any(Kill),
            Blow::Limit => while Instant::now() < self.deadline {},
        }
    }
}

/// Where a role says that it has come to a point. Its children get a clone.
#[derive(Clone)]
pub(crate) struct At {
    stage: Arc<Stage>,
    role: usize,
}

impl At {
    /// A point.
    pub(crate) fn here(&self) {
        self.stage.steps.fetch_add(1, SeqCst);
        self.stage.pass(Some(self.role));
    }

    /// A point, a turn for the others, and a point.
    pub(crate) fn turn(&self) {
        self.here();
        coroutine::yield_now();
        self.here();
    }

    /// Whether a victim has ended, by its number.
    pub(crate) fn is_over(&self, victim: usize) -> bool {
        self.stage.handles.lock().unwrap()[victim].is_finished()
    }
}

/// Kills each victim of a program at each point; returns the number of kills, or what is wrong.
pub(crate) fn strike(name: &str, make: Make, blow: Blow) -> Result<usize, String> {
    let mut kills = 0;
    for victim in 0.. {
        let runtime = runtime(1);
        let mut failure = None;
        for point in 0..MOST_POINTS {
            let what = format!("{blow:?} of victim {victim} at point {point}");
            let _watchdog = watchdog_of(format!("{name}: {what}"), Duration::from_secs(20));
            let perform = || runtime.run(|| perform(make(), blow, victim, point));
            match panic::catch_unwind(AssertUnwindSafe(perform)) {
                Ok(Performed::Struck) => kills += 1,
                Ok(Performed::NotStruck) => break,
                Ok(Performed::NoSuchVictim) => return Ok(kills),
                Err(payload) => {
                    failure = Some(format!("{what}: {}", message(&*payload)));
                    break;
                }
            }
        }
        end(runtime);
        if let Some(failure) = failure {
            return Err(failure);
        }
    }
    Ok(kills)
}

/// What came of a performance that went well.
enum Performed {
    Struck,
    /// The program has fewer points.
    NotStruck,
    NoSuchVictim,
}

/// Plays once.
fn perform(play: Play, blow: Blow, victim: usize, point: usize) -> Performed {
    let victims = play.victims.len();
    if victim >= victims {
        return Performed::NoSuchVictim;
    }
    let before = (park::timers(), park::coroutines());
    let stage = Arc::new(Stage {
        blow,
        victim,
        point,
        passed: AtomicUsize::new(0),
        steps: AtomicUsize::new(0),
        struck: AtomicBool::new(false),
        deadline: Instant::now() + LIMIT,
        handles: StdMutex::default(),
    });
    for (role, play) in play.victims.into_iter().chain(play.helpers).enumerate() {
        let at = At {
            stage: stage.clone(),
            role,
        };
        let limited = blow == Blow::Limit && role == victim;
        let handle = coroutine::spawn(move || match limited {
            true => time::timeout_at(at.stage.deadline, || play(&at)),
            false => {
                play(&at);
                Ok(())
            }
        });
        stage.handles.lock().unwrap().push(handle);
    }
    drive(&stage);
    let handles = std::mem::take(&mut *stage.handles.lock().unwrap());
    let results = handles.into_iter().map(JoinHandle::join);
    let mut ends: Vec<End> = results.map(|result| how(result, blow)).collect();
    for (role, end) in ends.iter().enumerate() {
        assert!(
            role == victim || *end == End::Done,
            "role {role} was not the victim"
        );
    }
    ends.truncate(victims);
    play.checks.into_iter().for_each(|check| check(&ends));
    eventually("nothing is left behind", || {
        (park::timers(), park::coroutines()) == before
    });
    match stage.struck.load(SeqCst) {
        true => Performed::Struck,
        false => Performed::NotStruck,
    }
}

/// Gives the others turns until all have ended. As long as something happens each turn is a point.
fn drive(stage: &Stage) {
    let all_over = || {
        let handles = stage.handles.lock().unwrap();
        handles.iter().all(JoinHandle::is_finished)
    };
    let (mut seen, mut quiet) = (0, 0);
    loop {
        let steps = stage.steps.load(SeqCst);
        quiet = if steps == seen { quiet + 1 } else { 0 };
        seen = steps;
        if all_over() {
            return;
        }
        if quiet > QUIET_TURNS {
            coroutine::sleep(Duration::from_micros(20));
        } else {
            stage.pass(None);
            coroutine::yield_now();
        }
    }
}

/// What the result of a role says.
fn how(result: coroutine::Result<Result<(), Elapsed>>, blow: Blow) -> End {
    match result {
        Ok(Ok(())) => End::Done,
        Ok(Err(_)) => End::Killed(Blow::Limit),
        Err(payload) if payload.is::<Cancelled>() => End::Killed(Blow::Cancel),
        Err(payload) if blow == Blow::Panic && tells_of_kill(&*payload) => End::Killed(Blow::Panic),
        Err(payload) => panic::resume_unwind(payload),
    }
}
