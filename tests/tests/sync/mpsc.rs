//! What `sync::mpsc` has beyond std: a receiver that is shared by reference, as programs of May 0.3
//! do.

use may::sync::mpsc;
use may::{coroutine, join};
use may_tests::{everywhere, on_workers};

#[test]
fn a_borrowed_receiver_is_used_in_a_join() {
    everywhere(|_| {
        let (first, numbers) = mpsc::channel();
        let (second, texts) = mpsc::channel();
        coroutine::spawn(move || {
            second.send("hello").unwrap();
            first.send(42).unwrap();
        });
        let (number, text) = join!(numbers.recv(), texts.recv());
        assert_eq!((number, text), (Ok(42), Ok("hello")));
    });
}

#[test]
fn each_message_goes_to_one_of_those_who_share_a_receiver() {
    everywhere(|_| {
        let (sender, receiver) = mpsc::sync_channel(3);
        coroutine::scope(|scope| {
            let receiver = &receiver;
            let sums: Vec<_> = (0..4)
                .map(|_| scope.spawn(move || receiver.iter().sum::<u64>()))
                .collect();
            (1..=1000).for_each(|message| sender.send(message).unwrap());
            drop(sender);
            let total: u64 = sums.into_iter().map(|sum| sum.join().unwrap()).sum();
            assert_eq!(total, 500_500);
        });
    });
}

/// A receiver of `spsc` is not `Sync`, but coroutines of one worker may share it.
#[test]
fn all_who_share_a_receiver_are_told_of_the_end() {
    on_workers(1, || {
        let (sender, receiver) = may::sync::spsc::channel::<u32>();
        coroutine::scope(|scope| {
            for _ in 0..3 {
                let receiver = &receiver;
                scope.spawn_local(move || assert!(receiver.recv().is_err()));
            }
            coroutine::yield_now();
            drop(sender);
        });
    });
}
