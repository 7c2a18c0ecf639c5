//! Who competes for one thing again and again, and waits while it has the thing, gets as many turns
//! as the others. What the table in `docs/choosing.md` says is asked here, row by row.
//!
//! And a loop over calls that need not wait lets the neighbours run.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex as StdMutex};
use std::time::Duration;

use may::channel::{self, Receiver, Sender};
use may::coroutine::{self, sleep};
use may::sync::{
    Barrier, Condvar, Mutex, Notify, RwLock, Semaphore, SyncFlag, broadcast, mpmc, mpsc, spsc,
    watch,
};
use may::{block_on, io, select};
use may_tests::{Place, everywhere, on_workers};

/// How many compete.
const CONTENDERS: usize = 4;
/// After how many turns of all a storm ends.
const TURNS: usize = 200;
/// How long a turn is.
const TURN: Duration = Duration::from_micros(200);

/// Takes the thing, has its turn, and gives the thing back.
type Take = Box<dyn Fn(&dyn Fn()) + Send + Sync>;

/// Boxes one way to take a thing.
fn take(f: impl Fn(&dyn Fn()) + Send + Sync + 'static) -> Take {
    Box::new(f)
}

/// Lets four compete until they have had all the turns together, and adds up how many each had.
fn storm(place: &Place, take: &Arc<Take>, turns: &Arc<[AtomicUsize; CONTENDERS]>) {
    let (start, all) = (
        Arc::new(Barrier::new(CONTENDERS)),
        Arc::new(AtomicUsize::new(0)),
    );
    let contenders: Vec<_> = (0..CONTENDERS)
        .map(|me| {
            let (start, all, take, turns) =
                (start.clone(), all.clone(), take.clone(), turns.clone());
            place.start(move || {
                start.wait();
                while all.load(SeqCst) < TURNS {
                    take(&|| {
                        if all.fetch_add(1, SeqCst) < TURNS {
                            turns[me].fetch_add(1, SeqCst);
                        }
                        sleep(TURN);
                    });
                }
            })
        })
        .collect();
    contenders.into_iter().for_each(may_tests::Started::join);
}

/// All have equal turns within a factor of two, everywhere.
#[track_caller]
fn all_have_their_turns(what: &str, thing: fn() -> Take) {
    everywhere(|place| {
        let take = Arc::new(thing());
        let turns = Arc::new(<[AtomicUsize; CONTENDERS]>::default());
        // What the system does to threads on a busy machine evens out, which starvation does not.
        for _ in 0..3 {
            storm(place, &take, &turns);
            let turns = turns.each_ref().map(|turns| turns.load(SeqCst));
            if turns.iter().max() <= turns.iter().min().map(|least| 2 * least).as_ref() {
                return;
            }
        }
        panic!("{what}, {:?}: {turns:?}", place.kind());
    });
}

/// A channel with one message, which is the thing.
fn token((to, from): (Sender<()>, Receiver<()>)) -> (Sender<()>, Receiver<()>) {
    to.send(()).unwrap();
    (to, from)
}

fn mutexes() {
    all_have_their_turns("lock", || {
        let mutex = Mutex::new(());
        take(move |turn| {
            let _held = mutex.lock().unwrap();
            turn();
        })
    });
    all_have_their_turns("an arm", || {
        let mutex = Mutex::new(());
        take(move |turn| {
            select! { held = lock(&mutex) => { let _held = held.unwrap(); turn() } }
        })
    });
    all_have_their_turns("lock_async", || {
        let mutex = Mutex::new(());
        take(move |turn| {
            block_on(async {
                let _held = mutex.lock_async().await.unwrap();
                turn();
            });
        })
    });
}

fn standard_streams() {
    all_have_their_turns("stdin", || {
        take(|turn| {
            let _locked = io::stdin().lock();
            turn();
        })
    });
    all_have_their_turns("stdout", || {
        take(|turn| {
            let _locked = io::stdout().lock();
            turn();
        })
    });
    all_have_their_turns("stderr", || {
        take(|turn| {
            let _locked = io::stderr().lock();
            turn();
        })
    });
}

fn rwlocks() {
    all_have_their_turns("write", || {
        let lock = RwLock::new(());
        take(move |turn| {
            let _held = lock.write().unwrap();
            turn();
        })
    });
}

fn semaphores() {
    all_have_their_turns("acquire", || {
        let semaphore = Semaphore::new(1);
        take(move |turn| {
            let _permit = semaphore.acquire();
            turn();
        })
    });
    all_have_their_turns("an arm", || {
        let semaphore = Semaphore::new(1);
        take(move |turn| {
            select! { permit = acquire(&semaphore) => { let _permit = permit; turn() } }
        })
    });
}

/// The message is the thing, or the slot.
fn buffered_channels() {
    all_have_their_turns("recv from a bounded channel", || {
        let (to, from) = token(channel::bounded(1));
        take(move |turn| {
            from.recv().unwrap();
            turn();
            to.send(()).unwrap();
        })
    });
    all_have_their_turns("recv from an unbounded channel with two messages", || {
        let (to, from) = token(channel::unbounded());
        to.send(()).unwrap();
        take(move |turn| {
            from.recv().unwrap();
            turn();
            to.send(()).unwrap();
        })
    });
    all_have_their_turns("recv, an arm", || {
        let (to, from) = token(channel::bounded(1));
        take(move |turn| {
            select! { message = recv(&from) => message.unwrap() }
            turn();
            to.send(()).unwrap();
        })
    });
    all_have_their_turns("recv_async", || {
        let (to, from) = token(channel::bounded(1));
        take(move |turn| {
            block_on(from.recv_async()).unwrap();
            turn();
            to.send(()).unwrap();
        })
    });
    all_have_their_turns("send", || {
        let (to, from) = channel::bounded(1);
        take(move |turn| {
            to.send(()).unwrap();
            turn();
            from.recv().unwrap();
        })
    });
    all_have_their_turns("reserve", || {
        let (to, from) = channel::bounded::<()>(1);
        take(move |turn| {
            let permit = to.reserve().unwrap();
            turn();
            drop(permit);
            // One side alone would be a channel that has ended.
            assert!(from.is_empty());
        })
    });
    all_have_their_turns("send, an arm", || {
        let (to, from) = channel::bounded(1);
        take(move |turn| {
            select! { sent = send(&to, ()) => sent.unwrap() }
            turn();
            from.recv().unwrap();
        })
    });
    all_have_their_turns("send_async", || {
        let (to, from) = channel::bounded(1);
        take(move |turn| {
            block_on(to.send_async(())).unwrap();
            turn();
            from.recv().unwrap();
        })
    });
    all_have_their_turns("mpmc", || {
        let (to, from) = mpmc::channel();
        to.send(()).unwrap();
        take(move |turn| {
            from.recv().unwrap();
            turn();
            to.send(()).unwrap();
        })
    });
    all_have_their_turns("mpsc", || {
        let (to, from) = mpsc::sync_channel(1);
        let from = StdMutex::new(from);
        take(move |turn| {
            to.send(()).unwrap();
            turn();
            from.lock().unwrap().try_recv().unwrap();
        })
    });
}

fn rendezvous_channels() {
    all_have_their_turns("recv", || {
        let ((give, given), (give_back, back)) = (channel::bounded(0), channel::bounded(0));
        std::thread::spawn(move || while give.send(()).is_ok() && back.recv().is_ok() {});
        take(move |turn| {
            given.recv().unwrap();
            turn();
            give_back.send(()).unwrap();
        })
    });
    all_have_their_turns("send", || {
        let ((to, from), (give, back)) = (channel::bounded(0), channel::bounded(0));
        std::thread::spawn(move || while from.recv().is_ok() && give.send(()).is_ok() {});
        take(move |turn| {
            to.send(()).unwrap();
            turn();
            back.recv().unwrap();
        })
    });
}

/// A pool of one thing.
fn condvars() {
    /// What is in the pool, and who waits for it.
    type Pool = (Mutex<usize>, Condvar);
    fn put_back((things, changed): &Pool) {
        *things.lock().unwrap() += 1;
        changed.notify_one();
    }
    all_have_their_turns("wait_while", || {
        let pool: Pool = (Mutex::new(1), Condvar::new());
        take(move |turn| {
            let things = pool.0.lock().unwrap();
            *pool.1.wait_while(things, |things| *things == 0).unwrap() -= 1;
            turn();
            put_back(&pool);
        })
    });
    all_have_their_turns("wait in a loop", || {
        let pool: Pool = (Mutex::new(1), Condvar::new());
        take(move |turn| {
            let mut things = pool.0.lock().unwrap();
            while *things == 0 {
                things = pool.1.wait(things).unwrap();
            }
            *things -= 1;
            drop(things);
            turn();
            put_back(&pool);
        })
    });
    all_have_their_turns("notified by one who has the mutex", || {
        let pool: Pool = (Mutex::new(1), Condvar::new());
        take(move |turn| {
            let things = pool.0.lock().unwrap();
            *pool.1.wait_while(things, |things| *things == 0).unwrap() -= 1;
            turn();
            let mut things = pool.0.lock().unwrap();
            *things += 1;
            pool.1.notify_one();
            drop(things);
        })
    });
}

fn notifies() {
    all_have_their_turns("wait", || {
        let notify = Notify::new();
        notify.notify_one();
        take(move |turn| {
            notify.wait();
            turn();
            notify.notify_one();
        })
    });
    all_have_their_turns("an arm", || {
        let notify = Notify::new();
        notify.notify_one();
        take(move |turn| {
            select! { () = wait(&notify) => {} }
            turn();
            notify.notify_one();
        })
    });
}

/// There is no contention.
fn one_or_all() {}

/// What asks each row of the table.
const ROWS: [(&str, fn()); 9] = [
    ("`Mutex`", mutexes),
    ("the locks of `stdin`, `stdout`, `stderr`", standard_streams),
    ("`RwLock`", rwlocks),
    ("`Semaphore`", semaphores),
    (
        "channels with a buffer: `channel`, `mpsc`, `mpmc`",
        buffered_channels,
    ),
    (
        "channels without: `channel`, `mpsc`, `mpmc`",
        rendezvous_channels,
    ),
    ("`Condvar`", condvars),
    ("`Notify`", notifies),
    (
        "`spsc`, `oneshot`, `broadcast`, `watch`, `SyncFlag`, `Barrier`, `Once`",
        one_or_all,
    ),
];

#[test]
fn the_table_says_what_is_asked_here() {
    let page = include_str!("../../../docs/choosing.md");
    let (_, table) = page.split_once("| primitive | who is next |").unwrap();
    let rows: Vec<&str> = table
        .lines()
        .skip(2)
        .map_while(|row| row.strip_prefix("| ")?.split(" | ").next())
        .collect();
    assert_eq!(rows, ROWS.map(|(row, _)| row));
}

/// Makes a test of each row.
macro_rules! rows {
    ($($test:ident: $row:literal),+ $(,)?) => {$(
        #[test]
        fn $test() {
            ROWS[$row].1();
        }
    )+};
}

rows! {
    who_competes_for_a_mutex_has_its_turns: 0,
    who_competes_for_a_standard_stream_has_its_turns: 1,
    who_competes_for_a_lock_has_its_turns: 2,
    who_competes_for_a_permit_has_its_turns: 3,
    who_competes_for_a_message_or_a_slot_has_its_turns: 4,
    who_competes_for_a_rendezvous_has_its_turns: 5,
    who_competes_for_a_pool_has_its_turns: 6,
    who_competes_for_a_notification_has_its_turns: 7,
}

/// On one worker a neighbour has its turn while the caller does something again and again that need
/// not wait.
#[track_caller]
fn lets_neighbours_run(mut call: impl FnMut() + Send) {
    on_workers(1, || {
        let neighbour = coroutine::spawn(|| ());
        while !neighbour.is_finished() {
            call();
        }
    });
}

#[test]
fn a_loop_over_locks_lets_neighbours_run() {
    let mutex = Mutex::new(0);
    lets_neighbours_run(|| *mutex.lock().unwrap() += 1);
    lets_neighbours_run(|| *mutex.try_lock().unwrap() += 1);
    let held = Mutex::new(());
    let _held = held.lock().unwrap();
    lets_neighbours_run(|| assert!(held.try_lock().is_err()));
    let lock = RwLock::new(0);
    lets_neighbours_run(|| *lock.write().unwrap() += 1);
    lets_neighbours_run(|| assert!(lock.read().is_ok()));
    lets_neighbours_run(|| *lock.try_write().unwrap() += 1);
    lets_neighbours_run(|| assert!(lock.try_read().is_ok()));
    lets_neighbours_run(|| drop(io::stderr().lock()));
    lets_neighbours_run(|| drop(io::stdin().lock()));
    let semaphore = Semaphore::new(1);
    lets_neighbours_run(|| drop(semaphore.acquire()));
    lets_neighbours_run(|| assert!(semaphore.try_acquire().is_some()));
}

#[test]
fn a_loop_over_channels_lets_neighbours_run() {
    let (to, from) = channel::bounded(1);
    lets_neighbours_run(|| {
        to.try_send(()).unwrap();
        from.try_recv().unwrap();
    });
    lets_neighbours_run(|| assert!(from.try_recv().is_err()));
    lets_neighbours_run(|| drop(to.try_reserve().unwrap()));
    let (to, from) = spsc::channel();
    lets_neighbours_run(move || {
        to.send(()).unwrap();
        from.try_recv().unwrap();
    });
    let (to, mut from) = broadcast::channel(1);
    lets_neighbours_run(|| {
        to.send(()).unwrap();
        from.try_recv().unwrap();
    });
    let (to, from) = watch::channel(0);
    lets_neighbours_run(|| to.send(1).unwrap());
    lets_neighbours_run(|| assert!(*from.borrow() > 0));
}

#[test]
fn a_loop_over_signals_lets_neighbours_run() {
    let notify = Notify::new();
    lets_neighbours_run(|| {
        notify.notify_one();
        notify.wait();
    });
    let flag = SyncFlag::new();
    flag.fire();
    lets_neighbours_run(|| flag.wait());
}
