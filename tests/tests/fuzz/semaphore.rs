//! A semaphore: who came first is first, whatever it wants; also by select, by futures, and when
//! one in front is cancelled.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use may::future::block_on;
use may::select;
use may::sync::{OwnedSemaphorePermit, Semaphore};
use may_tests::Random;

use super::Waiters;

const DAY: Duration = Duration::from_secs(86_400);

/// The ways to take permits. What is taken is forgotten, and given back by `add_permits`, but for
/// the owned ones.
fn acquire(semaphore: &Arc<Semaphore>, wanted: usize, way: u64) -> Option<OwnedSemaphorePermit> {
    match way {
        0 => return Some(semaphore.clone().acquire_many_owned(wanted)),
        1 => semaphore.acquire_many(wanted).forget(),
        2 => semaphore
            .acquire_timeout(wanted, DAY)
            .expect("in a day")
            .forget(),
        3 => block_on(semaphore.acquire_many_async(wanted)).forget(),
        _ => select! {
            permits = acquire(semaphore, wanted) => permits.forget(),
            after(DAY) => unreachable!(),
        },
    }
    None
}

pub(crate) fn round(mut random: Random) {
    let mut free = random.below(4) as usize;
    let semaphore = Arc::new(Semaphore::new(free));
    let mut queue: VecDeque<(usize, usize)> = VecDeque::new();
    let mut held: BTreeMap<usize, (usize, Option<OwnedSemaphorePermit>)> = BTreeMap::new();
    let mut waiters = Waiters::new();
    let mut log = Vec::new();
    for _ in 0..random.below(40) {
        match random.below(8) {
            0..4 => {
                let (wanted, way) = (random.below(4) as usize, random.below(5));
                let semaphore = semaphore.clone();
                let number = waiters.start(move || acquire(&semaphore, wanted, way));
                queue.push_back((number, wanted));
                log.push(format!("{number} wants {wanted} by {way}"));
            }
            4..6 => {
                let Some((number, (count, owned))) = held.pop_first() else {
                    continue;
                };
                match owned {
                    Some(permit) => drop(permit),
                    None => semaphore.add_permits(count),
                }
                free += count;
                log.push(format!("{number} gives {count} back"));
            }
            6 => {
                let waiting = waiters.waiting();
                if waiting.is_empty() {
                    continue;
                }
                let victim = waiting[random.below(waiting.len() as u64) as usize];
                waiters.cancel(victim);
                queue.retain(|(number, _)| *number != victim);
                log.push(format!("{victim} is cancelled"));
            }
            _ => {
                let wanted = 1 + random.below(3) as usize;
                let is_free = queue.is_empty() && wanted <= free;
                let permits = semaphore.try_acquire_many(wanted);
                assert_eq!(permits.is_some(), is_free, "{log:#?}");
                log.push(format!("try {wanted}: {is_free}"));
            }
        }
        let mut expected = Vec::new();
        while let Some((number, wanted)) = queue.front().copied()
            && wanted <= free
        {
            free -= wanted;
            queue.pop_front();
            expected.push((number, wanted));
        }
        let ended = waiters.settle();
        let ended: BTreeMap<usize, _> = ended
            .into_iter()
            .filter_map(|(number, permit)| Some((number, permit?)))
            .collect();
        let numbers: Vec<usize> = ended.keys().copied().collect();
        expected.sort_unstable();
        let wanted: Vec<usize> = expected.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, wanted, "{log:#?}\n{queue:?}, {free} are free");
        for ((number, permit), (_, count)) in ended.into_iter().zip(expected) {
            held.insert(number, (count, permit));
        }
        assert_eq!(semaphore.available_permits(), free, "{log:#?}");
        let mut waiting: Vec<usize> = queue.iter().map(|(number, _)| *number).collect();
        waiting.sort_unstable();
        assert_eq!(waiters.waiting(), waiting, "{log:#?}");
    }
    waiters
        .waiting()
        .into_iter()
        .for_each(|number| waiters.cancel(number));
    waiters.settle();
    assert!(waiters.waiting().is_empty());
}
