//! The receiver of nothing.

use std::time::Duration;

use super::channel::{Receiver, RecvTimeoutError, TryRecvError, after, never, unbounded};
use super::{LONG, SHORT, assert_nothing_comes, everywhere, join_all, not_early, several};

#[test]
fn nothing_ever_comes() {
    everywhere(|_| assert_nothing_comes(&never::<u32>()));
}

#[test]
fn it_is_as_empty_as_it_is_full() {
    everywhere(|_| {
        let rx = never::<String>();
        assert_eq!((rx.len(), rx.capacity()), (0, Some(0)));
        assert!(rx.is_empty() && rx.is_full());
        // An attempt changes nothing.
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        assert_eq!((rx.len(), rx.capacity()), (0, Some(0)));
        assert!(rx.is_empty() && rx.is_full());
    });
}

#[test]
fn it_is_never_disconnected() {
    everywhere(|_| {
        let rx = never::<u32>();
        let clone = rx.clone();
        drop(rx);
        assert_nothing_comes(&clone);
        assert_nothing_comes(&clone.clone());
    });
}

#[test]
fn several_may_wait_for_nothing() {
    everywhere(|place| {
        let rx = never::<()>();
        let helpers = several(place, 4, move |number| {
            let timeout = SHORT * number as u32;
            not_early(timeout, || rx.recv_timeout(timeout))
        });
        let ends = join_all(helpers);
        assert!(
            ends.iter()
                .all(|end| *end == Err(RecvTimeoutError::Timeout))
        );
    });
}

#[test]
fn a_message_may_be_of_any_type() {
    /// Has nothing that a message needs not have, and no values.
    enum Nothing {}

    everywhere(|_| {
        assert!(never::<Nothing>().try_recv().is_err());
        assert!(never::<&str>().recv_timeout(Duration::ZERO).is_err());
        assert!(
            never::<Box<dyn FnOnce() + Send>>()
                .try_iter()
                .next()
                .is_none()
        );
    });
}

#[test]
fn it_takes_the_place_of_a_receiver_that_is_not_there() {
    /// Receives from who is there.
    fn receive(receiver: Option<Receiver<u32>>) -> Result<u32, RecvTimeoutError> {
        receiver.unwrap_or_else(never).recv_timeout(SHORT)
    }

    everywhere(|_| {
        let (tx, rx) = unbounded();
        tx.send(7).unwrap();
        assert_eq!(receive(Some(rx)), Ok(7));
        assert_eq!(receive(None), Err(RecvTimeoutError::Timeout));
        let timeout = Some(LONG).map_or_else(never, after);
        assert!(timeout.try_recv().is_err());
        let timeout = None.map_or_else(never, after);
        assert!(timeout.try_recv().is_err());
    });
}
