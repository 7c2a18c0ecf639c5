//! Which of the coroutines that were spawned together start elsewhere: the evidence, and the
//! arithmetic.
//!
//! A coroutine stays with the worker on which it starts, and its spawner can start all that it has
//! spawned before another worker has woken up. Whether they should live together is not known then:
//!
//! * A pair that talks to each other should: a message to another worker costs ten times as much.
//! * What ends at once should, too: to wake a worker takes longer than all of it.
//! * Consumers that wait for jobs, or what waits for time to pass or for a peer and computes then,
//!   should not: they would share one processor for life.
//!
//! What the first ones do tells. Those that are started one after the other and wait *for the same*
//! are a group: for messages of one channel, at one barrier, or for the outside world. When two of
//! a group wait, the rest goes to workers that have nothing to do. Those that wait at different
//! places talk to others, to each other most likely: a pipeline, a ring. And those that wait for
//! room in a channel or for a lock hold each other up, and are faster where they need not wake each
//! other across threads. None of these is evidence.

use crate::coroutine::strand::Awaited;

/// How many of a group stay on one worker while another has nothing to do. Also of how many a part
/// is that is given away, or a multiple of it, since a pair may be spawned by one loop.
const TOGETHER: usize = 2;

/// What those that were started one after the other do.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Siblings {
    /// How many of them wait for the same.
    waiting: usize,
    /// For what: an address, or zero if that is the outside world.
    place: usize,
}

impl Siblings {
    /// Counts one more, which has suspended: in a wait for something, or because others have a
    /// turn.
    #[inline]
    pub(super) fn and(self, awaited: Option<Awaited>) -> Siblings {
        let Some(place) = awaited.and_then(place_of_group) else {
            return self;
        };
        let same = place == self.place;
        Siblings {
            waiting: 1 + if same { self.waiting } else { 0 },
            place,
        }
    }

    /// Whether others like them should start elsewhere.
    #[inline]
    pub(super) fn are_a_group(self) -> bool {
        self.waiting >= TOGETHER
    }

    /// How many of `left` that have not started each of `idle` workers gets.
    pub(super) fn part(self, left: usize, idle: usize) -> usize {
        let part = (self.waiting + left) / (idle + 1);
        part.max(1).next_multiple_of(TOGETHER)
    }
}

/// Where those wait that are a group with one that waits for this; `None` if it is no evidence.
fn place_of_group(awaited: Awaited) -> Option<usize> {
    match awaited.kind {
        "send" | "lock" | "read_lock" | "write_lock" => None,
        "accept" | "child" | "connect" | "park" | "read" | "signal" | "sleep" | "tick"
        | "unblock" | "write" => Some(0),
        _ => Some(awaited.place),
    }
}

#[cfg(test)]
mod tests {
    use super::{Awaited, Siblings};

    fn waits(kind: &'static str, place: usize) -> Option<Awaited> {
        Some(Awaited {
            kind,
            place,
            since: 0,
        })
    }

    fn are_a_group(siblings: &[Option<Awaited>]) -> bool {
        let all = siblings.iter().copied();
        all.fold(Siblings::default(), Siblings::and).are_a_group()
    }

    #[test]
    fn what_waits_for_the_same_is_a_group() {
        assert!(are_a_group(&[waits("recv", 1), waits("recv", 1)]));
        assert!(are_a_group(&[waits("barrier", 8), waits("barrier", 8)]));
        assert!(are_a_group(&[waits("sleep", 1), waits("sleep", 2)]));
        assert!(are_a_group(&[waits("read", 1), waits("write", 2)]));
        // Others are between them: one that has given others a turn, and one that waits for a lock.
        assert!(are_a_group(&[waits("recv", 1), None, waits("recv", 1)]));
        assert!(are_a_group(&[
            waits("recv", 1),
            waits("lock", 3),
            waits("recv", 1)
        ]));
    }

    #[test]
    fn what_talks_to_each_other_is_none() {
        assert!(!are_a_group(&[waits("recv", 1)]));
        assert!(!are_a_group(&[
            waits("recv", 1),
            waits("recv", 2),
            waits("recv", 3)
        ]));
        assert!(!are_a_group(&[waits("recv", 1), waits("sleep", 2)]));
    }

    #[test]
    fn what_holds_each_other_up_is_none() {
        assert!(!are_a_group(&[waits("send", 1), waits("send", 1)]));
        assert!(!are_a_group(&[waits("lock", 1), waits("lock", 1)]));
        assert!(!are_a_group(&[None, None, None]));
    }

    #[test]
    fn parts_are_equal_and_even() {
        let two = Siblings {
            waiting: 2,
            place: 0,
        };
        assert_eq!(two.part(6, 1), 4);
        assert_eq!(two.part(14, 3), 4);
        assert_eq!(two.part(1, 1), 2);
        assert_eq!(two.part(6, 63), 2);
        assert_eq!(two.part(1_000_000, 7), 125_000);
    }
}
