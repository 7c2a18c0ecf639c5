//! `postgres` and its sessions, against a PostgreSQL server.

use std::{
    fs,
    net::TcpListener,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use may::{coroutine, go};
use may_apps::postgres::{Database, Failure, Session};

use crate::support::{Directory, PATIENCE, Running, eventually, printed, run};

const PROGRAM: &str = env!("CARGO_BIN_EXE_postgres");

/// A server of a test's own, with a password. It does not run as root, which it would refuse to do.
struct Postgres {
    server: Option<Running>,
    directory: Directory,
    port: u16,
}

/// A command for a program of the server, as a user who is not root.
fn unprivileged(program: &str) -> Command {
    let versions = fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL is installed");
    let newest = versions.flatten().map(|entry| entry.path()).max().unwrap();
    let program: PathBuf = newest.join("bin").join(program);
    let root = fs::metadata("/proc/self").map(|own| std::os::unix::fs::MetadataExt::uid(&own));
    if root.unwrap() != 0 {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .args([
            "--reuid=postgres",
            "--regid=postgres",
            "--clear-groups",
            "--",
        ])
        .arg(program);
    command
}

impl Postgres {
    fn start() -> Postgres {
        let directory = Directory::new();
        let password = directory.file("password");
        fs::write(&password, "secret\n").unwrap();
        let path = directory.path().to_str().unwrap();
        // What is not root's it may write.
        let _ = Command::new("chown")
            .args(["-R", "postgres", path])
            .output();
        let data = directory.file("data");
        let made = unprivileged("initdb")
            .args([
                "-D",
                &data,
                "-U",
                "tester",
                "-A",
                "scram-sha-256",
                "--no-sync",
            ])
            .arg(format!("--pwfile={password}"))
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        // It takes no port 0. So it is given one that was free a moment ago, and another if it is
        // not any more.
        let mut postgres = Postgres {
            server: None,
            directory,
            port: 0,
        };
        eventually("a server on a free port", || {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            postgres.port = free.local_addr().unwrap().port();
            drop(free);
            postgres.launch().then_some(())
        });
        postgres
    }

    /// Starts the process; says whether it serves.
    fn launch(&mut self) -> bool {
        let mut command = unprivileged("postgres");
        command
            .args([
                "-D",
                &self.directory.file("data"),
                "-p",
                &self.port.to_string(),
            ])
            .args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"])
            .arg("-c")
            .arg(format!(
                "unix_socket_directories={}",
                self.directory.path().display()
            ));
        let mut running = Running::start(&mut command);
        let url = self.url();
        let serves = eventually("an answer", || {
            let asked = run("psql", &["-X", "-c", "SELECT 1", &url]);
            match asked.status.success() {
                true => Some(true),
                false if running.is_running() => None,
                false => Some(false),
            }
        });
        self.server = Some(running);
        serves
    }

    /// Where it is.
    fn url(&self) -> String {
        format!(
            "postgresql://tester:secret@127.0.0.1:{}/postgres",
            self.port
        )
    }

    /// Has psql ask something.
    fn psql(&self, query: &str) -> String {
        printed("psql", &["-X", "-A", "-t", "-c", query, &self.url()])
            .trim()
            .to_owned()
    }

    /// Stops the server as fast as it can be in good order, which closes its connections.
    fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.signal("-INT");
            server.wait();
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A session with a server.
fn session(server: &Postgres, limit: Duration) -> Session {
    Database::new(&server.url(), limit)
        .unwrap()
        .connect()
        .unwrap()
}

#[test]
fn the_program_shows_what_it_promises() {
    let server = Postgres::start();
    let text = printed(PROGRAM, &["--database", &server.url()]);
    println!("{text}");
    for wanted in [
        "connected to PostgreSQL ",
        "200 coroutines over one connection: 2000 rows written and read in ",
        "4 connections have counted to 200\n",
        "a transaction that fails has left nothing behind\n",
        "told 50 times, heard 50 times in order\n",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    // Nothing is left behind.
    assert_eq!(
        server.psql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"),
        "0"
    );

    let wrong = server.url().replace("secret", "guess");
    let output = run(PROGRAM, &["--database", &wrong]);
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(
        message.contains("password authentication failed"),
        "{message}"
    );
}

#[test]
fn what_takes_too_long_is_stopped_and_the_session_goes_on() {
    let server = Postgres::start();
    let session = session(&server, Duration::from_secs(1));
    let test = go!(move || {
        let begin = Instant::now();
        let late = session.query("SELECT pg_sleep(60)", &[]);
        assert!(matches!(late, Err(Failure::TimedOut)), "{late:?}");
        let row = session.query("SELECT 6 * 7", &[]).unwrap();
        assert_eq!(row[0].get::<_, i32>(0), 42);
        // Otherwise the answer would have had to wait for the end of the sleep.
        assert!(begin.elapsed() < PATIENCE / 2);
    });
    test.join().unwrap();
    let asleep = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()";
    eventually("the end of the sleep", || {
        (server.psql(asleep) == "0").then_some(())
    });
}

#[test]
fn one_who_is_cancelled_does_not_disturb_the_others() {
    let server = Postgres::start();
    let mut session = session(&server, PATIENCE);
    let test = go!(move || {
        session.batch("CREATE TABLE kept (number bigint)").unwrap();
        for round in 0..100i64 {
            coroutine::scope(|scope| {
                let cancelled =
                    scope.spawn(|| session.query("SELECT pg_sleep(0.01), $1::bigint", &[&-1i64]));
                let others: Vec<_> = (0..5)
                    .map(|other| {
                        let session = &session;
                        scope.spawn(move || {
                            let rows = session
                                .query("SELECT $1::bigint", &[&(round * 10 + other)])
                                .unwrap();
                            assert_eq!(rows[0].get::<_, i64>(0), round * 10 + other);
                        })
                    })
                    .collect();
                coroutine::sleep(Duration::from_micros(100 * (round as u64 % 30)));
                cancelled.cancel();
                let _ = cancelled.join();
                others.into_iter().for_each(|other| other.join().unwrap());
            });
        }
        // A transaction that is cancelled is taken back.
        for _ in 0..20 {
            coroutine::scope(|scope| {
                let cancelled = scope.spawn(|| {
                    session.transaction(async |transaction| {
                        transaction
                            .execute("INSERT INTO kept VALUES (1)", &[])
                            .await?;
                        transaction.query("SELECT pg_sleep(0.05)", &[]).await
                    })
                });
                coroutine::sleep(Duration::from_millis(10));
                cancelled.cancel();
                assert!(cancelled.join().is_err());
            });
            let rows = session.query("SELECT count(*) FROM kept", &[]).unwrap();
            assert_eq!(rows[0].get::<_, i64>(0), 0);
        }
    });
    test.join().unwrap();
}

#[test]
fn a_server_that_stops_is_an_error_and_not_a_hang() {
    let mut server = Postgres::start();
    let session = session(&server, PATIENCE);
    let waiting = go!(move || {
        let asked = session.query("SELECT pg_sleep(600)", &[]);
        (
            asked.is_err(),
            session.notifications().recv().is_err(),
            session.is_closed(),
        )
    });
    let asleep = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()";
    eventually("somebody who waits", || {
        (server.psql(asleep) == "1").then_some(())
    });
    server.stop();
    assert_eq!(waiting.join().unwrap(), (true, true, true));
}

#[test]
fn large_values_come_back() {
    let server = Postgres::start();
    let session = session(&server, PATIENCE);
    let test = go!(move || {
        for length in [0, 1, 8192, 1 << 20, 16 << 20] {
            let bytes: Vec<u8> = (0..length)
                .map(|byte: u32| (byte * 31 % 251) as u8)
                .collect();
            let rows = session.query("SELECT $1::bytea", &[&bytes]).unwrap();
            assert!(rows[0].get::<_, Vec<u8>>(0) == bytes, "{length}");
        }
        let rows = session
            .query(
                "SELECT n, n * n FROM generate_series(1, 100000::bigint) n",
                &[],
            )
            .unwrap();
        assert_eq!(rows.len(), 100_000);
        assert!(
            rows.iter()
                .all(|row| row.get::<_, i64>(0).pow(2) == row.get::<_, i64>(1))
        );
    });
    test.join().unwrap();
}
