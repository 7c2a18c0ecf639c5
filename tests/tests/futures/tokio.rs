//! Futures that need tokio, on coroutines; our futures in tokio.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use may::coroutine::{self, spawn};
use may::future::block_on;
use may::net::{TcpListener, TcpStream};
use may::sync::{Arc, Semaphore};
use may::{channel, time};
use may_tests::{assert_cancelled, everywhere, message, on_workers, spawn_waiting, watchdog};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[test]
fn a_future_finds_a_runtime_around_it() {
    everywhere(|place| {
        let helpers: Vec<_> = (0..4u64)
            .map(|number| {
                place.start(move || {
                    may::tokio::block_on(async move {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                        let task = tokio::spawn(async move {
                            tokio::task::yield_now().await;
                            number
                        });
                        let blocking = tokio::task::spawn_blocking(move || number);
                        task.await.unwrap() + blocking.await.unwrap()
                    })
                })
            })
            .collect();
        let sum: u64 = helpers.into_iter().map(|helper| helper.join()).sum();
        assert_eq!(sum, 12);
        // Outside there is none.
        assert!(tokio::runtime::Handle::try_current().is_err());
    });
}

#[test]
fn no_runtime_is_left_in_other_coroutines() {
    on_workers(1, || {
        let (to, from) = channel::bounded::<()>(0);
        let waits = spawn_waiting(move || {
            may::tokio::block_on(async move {
                from.recv_async().await.unwrap();
                tokio::runtime::Handle::current();
            });
        });
        // The other one is suspended in its future, on this very worker.
        assert!(tokio::runtime::Handle::try_current().is_err());
        to.send(()).unwrap();
        waits.join().unwrap();
        // Also if it is cancelled there; and what is dropped then finds the runtime.
        struct NeedsRuntime;
        impl Drop for NeedsRuntime {
            fn drop(&mut self) {
                tokio::runtime::Handle::current();
            }
        }
        let waits = spawn_waiting(|| {
            may::tokio::block_on(async {
                let _needs = NeedsRuntime;
                std::future::pending::<()>().await;
            });
        });
        waits.cancel();
        assert_cancelled(waits.join());
        assert!(tokio::runtime::Handle::try_current().is_err());
        let limit = Duration::from_millis(1);
        assert!(
            time::timeout(limit, || may::tokio::block_on(std::future::pending::<()>())).is_err()
        );
    });
}

#[test]
fn to_block_inside_is_refused() {
    on_workers(1, || {
        let (_to, from) = channel::bounded::<()>(0);
        let refused = catch_unwind(AssertUnwindSafe(|| {
            may::tokio::block_on(async { from.recv() })
        }));
        assert!(message(&*refused.unwrap_err()).contains("forbid_blocking"));
        assert!(tokio::runtime::Handle::try_current().is_err());
        coroutine::yield_now();
    });
}

#[test]
fn futures_that_live_in_tokio_are_waited_for() {
    everywhere(|_| {
        let task = may::tokio::handle().spawn(async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            7
        });
        assert_eq!(block_on(task).unwrap(), 7);
    });
}

#[test]
fn our_futures_in_a_runtime_of_tokios() {
    for flavor in ["one", "several"] {
        let _watchdog = watchdog();
        let runtime = match flavor {
            "one" => tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build(),
            _ => tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build(),
        };
        let (to, from) = channel::bounded(0);
        let semaphore = Arc::new(Semaphore::new(1));
        let senders: Vec<_> = (0..3)
            .map(|_| {
                let (to, semaphore) = (to.clone(), semaphore.clone());
                spawn(move || {
                    for number in 0..200u32 {
                        drop(semaphore.acquire());
                        to.send(number).unwrap();
                    }
                })
            })
            .collect();
        drop(to);
        let sum = runtime.unwrap().block_on(async move {
            let tasks: Vec<_> = (0..3)
                .map(|_| {
                    let (from, semaphore) = (from.clone(), semaphore.clone());
                    tokio::spawn(async move {
                        let mut sum = 0;
                        loop {
                            tokio::select! {
                                received = from.recv_async() => match received {
                                    Ok(number) => sum += number,
                                    Err(_) => return sum,
                                },
                                () = tokio::task::yield_now() => {
                                    drop(semaphore.acquire_async().await);
                                }
                            }
                        }
                    })
                })
                .collect();
            let mut sum = 0;
            for task in tasks {
                sum += task.await.unwrap();
            }
            may::future::sleep(Duration::from_millis(1)).await;
            sum
        });
        assert_eq!(sum, 3 * 199 * 200 / 2);
        for sender in senders {
            sender.join().unwrap();
        }
    }
}

#[test]
fn a_coroutine_serves_and_tokio_asks() {
    everywhere(|place| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = place.start(move || {
            let (stream, _) = listener.accept().unwrap();
            // By the traits, without a runtime of tokio's.
            block_on(async {
                let (mut reads, mut writes) = (&stream, &stream);
                let copied = tokio::io::copy(&mut reads, &mut writes).await;
                AsyncWriteExt::shutdown(&mut writes).await.unwrap();
                copied.unwrap()
            })
        });
        let answer = may::tokio::block_on(async {
            let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
            stream.write_all(b"through two runtimes").await.unwrap();
            stream.shutdown().await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        });
        assert_eq!(answer, "through two runtimes");
        assert_eq!(server.join(), 20);
    });
}

#[test]
fn our_stream_in_tokio() {
    let _watchdog = watchdog();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    let echo = spawn(move || {
        let (mut all, mut server) = (Vec::new(), server);
        std::io::Read::read_to_end(&mut server, &mut all).unwrap();
        std::io::Write::write_all(&mut server, &all).unwrap();
    });
    let much = vec![7; 5_000_000];
    let received = may::tokio::handle().spawn(async move {
        let (mut reads, mut writes) = tokio::io::split(client);
        let writes = tokio::spawn(async move {
            assert!(tokio::io::AsyncWrite::is_write_vectored(&writes));
            writes.write_all(&much).await.unwrap();
            writes.flush().await.unwrap();
            writes.shutdown().await.unwrap();
        });
        let mut received = Vec::new();
        reads.read_to_end(&mut received).await.unwrap();
        writes.await.unwrap();
        received.len()
    });
    assert_eq!(block_on(received).unwrap(), 5_000_000);
    echo.join().unwrap();
}

/// The halves poll with a lock of std's held; a poll that suspended would have the other half stop
/// the worker on it.
#[test]
fn the_halves_of_tokios_split() {
    on_workers(1, || {
        const BYTES: usize = 4 << 20;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        let echo = may::future::spawn(async move {
            let (mut reads, mut writes) = tokio::io::split(server);
            tokio::io::copy(&mut reads, &mut writes).await.unwrap();
            writes.shutdown().await.unwrap();
        });
        let (mut reads, mut writes) = tokio::io::split(client);
        let sends = may::future::spawn(async move {
            // In small pieces, so that many calls are ready at once.
            for piece in vec![7; BYTES].chunks(64) {
                writes.write_all(piece).await.unwrap();
            }
            writes.shutdown().await.unwrap();
        });
        let mut buffer = [0; 64];
        let mut received = 0;
        block_on(async {
            loop {
                match reads.read(&mut buffer).await.unwrap() {
                    0 => return,
                    length => received += length,
                }
            }
        });
        assert_eq!(received, BYTES);
        sends.join().unwrap();
        echo.join().unwrap();
    });
}
