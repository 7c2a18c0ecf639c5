//! `redis` and the connections of its module, against a Redis server.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use may::{coroutine, go, time};
use may_apps::redis::{Client, Pool, Subscriber};
use redis::{Commands, ConnectionLike, RedisResult, cmd, pipe};

use crate::{
    redis_server::RedisServer,
    support::{PATIENCE, eventually, printed, run},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_redis");

/// A client of a server.
fn client(server: &RedisServer, limit: Duration) -> Client {
    Client::new(&server.url(), limit).unwrap()
}

#[test]
fn the_program_shows_what_it_promises() {
    let server = RedisServer::start(Some("secret"));
    for connections in ["1", "8"] {
        let text = printed(
            PROGRAM,
            &[
                "--redis",
                &server.url(),
                "--coroutines",
                "200",
                "--connections",
                connections,
            ],
        );
        println!("{text}");
        assert!(text.starts_with("connected to Redis "), "{text}");
        assert!(text.contains("every counter is right: 2000\n"), "{text}");
        assert!(text.contains("they hold 100 together\n"), "{text}");
        assert!(
            text.contains("published 100, received 100 in order\n"),
            "{text}"
        );
    }
    // redis-cli, the other way round: nothing is left behind.
    assert_eq!(server.cli(&["dbsize"]), "0");
}

#[test]
fn a_wrong_password_is_refused() {
    let server = RedisServer::start(Some("secret"));
    let wrong = server.url().replace("secret", "guess");
    let output = run(PROGRAM, &["--redis", &wrong]);
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("WRONGPASS"), "{message}");
}

#[test]
fn values_of_all_sizes_come_back_and_errors_stand_where_they_belong() {
    let server = RedisServer::start(None);
    let client = client(&server, PATIENCE);
    let test = go!(move || -> RedisResult<()> {
        let mut connection = client.connect()?;
        for length in [0, 1, 4096, 1 << 20, 20 << 20] {
            let value: Vec<u8> = (0..length).map(|byte| (byte * 31 % 251) as u8).collect();
            let () = connection.set("value", &value)?;
            let back: Vec<u8> = connection.get("value")?;
            assert!(back == value, "{length}");
        }
        let many: Vec<u64> = (0..50_000).collect();
        let _: u64 = connection.rpush("list", &many)?;
        assert_eq!(connection.lrange::<_, Vec<u64>>("list", 0, -1)?, many);

        // A pipeline of many commands is one exchange.
        let mut pipeline = pipe();
        (0..10_000).for_each(|_| {
            pipeline.incr("count", 1).ignore();
        });
        let () = pipeline.query(&mut connection)?;
        assert_eq!(connection.get::<_, u64>("count")?, 10_000);

        // What the server refuses leaves the connection as good as it was.
        let refused: RedisResult<u64> = connection.incr("list", 1);
        assert_eq!(refused.unwrap_err().code(), Some("WRONGTYPE"));
        let mixed: RedisResult<(u64, u64, u64)> = pipe()
            .incr("count", 1)
            .incr("list", 1)
            .incr("count", 1)
            .query(&mut connection);
        assert!(mixed.unwrap_err().to_string().contains("WRONGTYPE"));
        let unknown: RedisResult<(u64,)> = pipe()
            .atomic()
            .incr("count", 1)
            .cmd("NONSENSE")
            .query(&mut connection);
        assert!(unknown.unwrap_err().to_string().contains("NONSENSE"));
        assert!(connection.is_open() && connection.check_connection());
        assert_eq!(connection.get::<_, u64>("count")?, 10_002);

        // Iterators over SCAN come from the crate, too.
        let keys: Vec<String> = connection.scan()?.collect::<RedisResult<_>>()?;
        assert_eq!(keys.len(), 3);
        Ok(())
    });
    test.join().unwrap().unwrap();
}

#[test]
fn one_who_is_cancelled_in_the_middle_does_not_leave_its_answer_to_the_next() {
    let server = RedisServer::start(None);
    let client = client(&server, PATIENCE);
    let test = go!(move || -> RedisResult<()> {
        let pool = Pool::new(client, 1, PATIENCE);
        for round in 0..200 {
            let () = pool.get()?.set("who", round)?;
            let begun = AtomicBool::new(false);
            coroutine::scope(|scope| {
                let waiting = scope.spawn(|| {
                    let mut connection = pool.get().unwrap();
                    begun.store(true, Ordering::SeqCst);
                    let _: RedisResult<Vec<String>> = connection.blpop("nothing", 60.0);
                });
                while !begun.load(Ordering::SeqCst) {
                    coroutine::yield_now();
                }
                if round % 2 == 0 {
                    coroutine::sleep(Duration::from_micros(100 * (round % 7)));
                }
                waiting.cancel();
                assert!(waiting.join().is_err());
            });
            assert_eq!(pool.get()?.get::<_, u64>("who")?, round);
        }
        Ok(())
    });
    test.join().unwrap().unwrap();
}

#[test]
fn an_answer_that_takes_too_long_is_not_waited_for() {
    let server = RedisServer::start(None);
    let client = client(&server, Duration::from_millis(200));
    let test = go!(move || -> RedisResult<()> {
        let pool = Pool::new(client, 1, PATIENCE);
        let mut connection = pool.get()?;
        let late: RedisResult<Vec<String>> = connection.blpop("nothing", 60.0);
        assert!(late.unwrap_err().is_timeout());
        assert!(!connection.is_open() && !connection.check_connection());
        drop(connection);
        // The pool gives a new one.
        assert!(pool.get()?.check_connection());
        Ok(())
    });
    test.join().unwrap().unwrap();
}

#[test]
fn a_pool_gives_no_more_than_it_has_and_forgets_what_the_server_has_closed() {
    let server = RedisServer::start(None);
    let client = client(&server, PATIENCE);
    let test = go!(move || -> RedisResult<()> {
        let pool = Pool::new(client, 2, Duration::from_millis(50));
        let first = pool.get()?;
        let second = pool.get()?;
        assert!(pool.get().unwrap_err().is_timeout());
        drop(first);
        let mut first = pool.get()?;
        drop(second);
        // Now one is in use, and one idle, which the server closes.
        let () = cmd("CLIENT")
            .arg("KILL")
            .arg("TYPE")
            .arg("NORMAL")
            .arg("SKIPME")
            .arg("yes")
            .exec(&mut *first)?;
        let mut second = pool.get()?;
        assert!(second.check_connection());
        Ok(())
    });
    test.join().unwrap().unwrap();
}

#[test]
fn a_subscriber_hears_several_channels_while_others_talk() {
    let server = RedisServer::start(None);
    let client = client(&server, PATIENCE);
    let test = go!(move || -> RedisResult<()> {
        let talking = AtomicBool::new(true);
        coroutine::scope(|scope| {
            scope.spawn(|| {
                let mut connection = client.connect().unwrap();
                let mut number = 0u64;
                while talking.load(Ordering::SeqCst) {
                    for channel in ["a", "b"] {
                        let _: u64 = connection.publish(channel, number).unwrap();
                    }
                    number += 1;
                }
            });
            for _ in 0..20 {
                let mut subscriber = Subscriber::new(client.connect()?, &["a", "b"])?;
                let mut next = [None, None];
                for _ in 0..50 {
                    let message = subscriber.recv()?;
                    let of = usize::from(message.get_channel_name() == "b");
                    let number: u64 = message.get_payload()?;
                    assert!(next[of].is_none_or(|next| next == number));
                    next[of] = Some(number + 1);
                }
            }
            talking.store(false, Ordering::SeqCst);
            Ok(())
        })
    });
    test.join().unwrap().unwrap();
}

#[test]
fn a_server_that_is_lost_is_an_error_and_not_a_hang() {
    let mut server = RedisServer::start(None);
    let client = client(&server, PATIENCE);
    let waiting = go!({
        let client = client.clone();
        move || {
            let mut connection = client.connect().unwrap();
            connection.blpop::<_, Vec<String>>("nothing", 0.0)
        }
    });
    eventually("somebody who waits", || {
        let clients = server.cli(&["info", "clients"]);
        clients.contains("blocked_clients:1").then_some(())
    });
    server.crash();
    let error = time::timeout(PATIENCE, || waiting.join())
        .unwrap()
        .unwrap()
        .unwrap_err();
    assert!(
        error.is_connection_dropped() || error.is_io_error(),
        "{error}"
    );
}
