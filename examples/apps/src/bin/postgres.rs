//! A client of PostgreSQL: pipelined queries of many coroutines over one connection, transactions,
//! limits and notifications.
//!
//! ```text
//! $ cargo run --release --bin postgres -- --database postgresql://me:secret@localhost/test
//! connected to PostgreSQL 15.14
//! 200 coroutines over one connection: 2000 rows written and read in 0.31 s
//! 4 connections have counted to 200
//! a transaction that fails has left nothing behind
//! a query that takes too long is stopped after 0.10 s
//! told 50 times, heard 50 times in order
//! ```

use std::{
    error::Error,
    process,
    time::{Duration, Instant},
};

use clap::Parser;
use may::{coroutine, go};
use may_apps::postgres::{Database, Failure, Session};

/// PostgreSQL client: pipelined queries, transactions, limits and notifications.
#[derive(Parser)]
struct Demonstration {
    /// Which database, as a URL or like 'host=localhost user=me'.
    #[arg(
        long = "database",
        default_value = "postgresql://postgres@127.0.0.1:5432/postgres"
    )]
    url: String,
    /// A table that is made for this, and removed again.
    #[arg(long, value_parser = plain_name, default_value = "may_demo")]
    table: String,
    /// Coroutines that share one connection.
    #[arg(long, default_value_t = 200)]
    coroutines: i64,
    /// Rows that each writes and reads.
    #[arg(long, default_value_t = 10)]
    rows: i64,
    /// Connections that count together.
    #[arg(long, default_value_t = 4)]
    connections: usize,
    /// Notifications to send.
    #[arg(long, default_value_t = 50)]
    messages: usize,
}

/// Reads a name that can stand in statements, where there are no parameters for names.
fn plain_name(name: &str) -> Result<String, &'static str> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    match !name.is_empty() && name.chars().all(plain) {
        true => Ok(name.to_owned()),
        false => Err("a plain name has only letters, digits and _"),
    }
}

/// How long connecting and each request may take.
const LIMIT: Duration = Duration::from_secs(30);

/// How often each connection counts.
const COUNTS: i64 = 50;

fn main() {
    let demonstration = Demonstration::parse();
    let shown = go!(move || demonstration.show().map_err(|error| error.to_string()));
    if let Err(error) = shown.join().expect("the demonstration does not panic") {
        eprintln!("postgres: {error}");
        process::exit(1);
    }
}

impl Demonstration {
    /// Shows it all.
    fn show(&self) -> Result<(), Box<dyn Error>> {
        let table = &self.table;
        let database = Database::new(&self.url, LIMIT)?;
        let mut session = database.connect()?;
        let version: String = session.query("SHOW server_version", &[])?[0].get(0);
        println!("connected to PostgreSQL {version}");
        session.batch(&format!(
            "CREATE TABLE {table} (writer bigint, number bigint, note text, PRIMARY KEY (writer, number))"
        ))?;
        let shown = self
            .share(&session)
            .and_then(|()| self.count(&database, &session))
            .and_then(|()| self.take_back(&mut session))
            .and_then(|()| self.give_up())
            .and_then(|()| self.listen(&database, &session));
        session.batch(&format!("DROP TABLE {table}"))?;
        shown
    }

    /// Many coroutines share one connection, and their requests are on their way together.
    fn share(&self, session: &Session) -> Result<(), Box<dyn Error>> {
        let begin = Instant::now();
        coroutine::scope(|scope| {
            let users: Vec<_> = (0..self.coroutines)
                .map(|writer| scope.spawn(move || self.write_and_read(session, writer)))
                .collect();
            users
                .into_iter()
                .try_for_each(|user| user.join().expect("users do not panic"))
        })?;
        let took = begin.elapsed().as_secs_f64();
        let (users, rows) = (self.coroutines, self.coroutines * self.rows);
        println!(
            "{users} coroutines over one connection: {rows} rows written and read in {took:.2} s"
        );
        Ok(())
    }

    /// What each of them does.
    fn write_and_read(&self, session: &Session, writer: i64) -> Result<(), Failure> {
        let table = &self.table;
        let insert = format!("INSERT INTO {table} VALUES ($1, $2, $3)");
        let select = format!("SELECT number, note FROM {table} WHERE writer = $1 ORDER BY number");
        for number in 0..self.rows {
            let note = format!("{writer} says {number}");
            session.execute(&insert, &[&writer, &number, &note])?;
        }
        let rows = session.query(&select, &[&writer])?;
        assert_eq!(rows.len() as i64, self.rows);
        for (number, row) in (0..self.rows).zip(rows) {
            let (read, note): (i64, String) = (row.get(0), row.get(1));
            assert_eq!((read, note), (number, format!("{writer} says {number}")));
        }
        Ok(())
    }

    /// Several connections change the same row.
    fn count(&self, database: &Database, session: &Session) -> Result<(), Box<dyn Error>> {
        let table = &self.table;
        session.execute(&format!("INSERT INTO {table} VALUES (-1, 0, '')"), &[])?;
        coroutine::scope(|scope| {
            let counters: Vec<_> = (0..self.connections)
                .map(|_| scope.spawn(|| self.count_alone(database)))
                .collect();
            counters
                .into_iter()
                .try_for_each(|counter| counter.join().expect("counters do not panic"))
        })?;
        let select = format!("SELECT number FROM {table} WHERE writer = -1");
        let count: i64 = session.query(&select, &[])?[0].get(0);
        let connections = self.connections;
        if count != connections as i64 * COUNTS {
            return Err(format!("{connections} connections have counted to {count}").into());
        }
        println!("{connections} connections have counted to {count}");
        Ok(())
    }

    /// What each of them does: reads, and writes what follows from that, in one transaction.
    fn count_alone(&self, database: &Database) -> Result<(), Failure> {
        let table = &self.table;
        let mut session = database.connect()?;
        let select = format!("SELECT number FROM {table} WHERE writer = -1 FOR UPDATE");
        let update = format!("UPDATE {table} SET number = $1 WHERE writer = -1");
        for _ in 0..COUNTS {
            session.transaction(async |transaction| {
                let count: i64 = transaction.query_one(&select, &[]).await?.get(0);
                transaction.execute(&update, &[&(count + 1)]).await
            })?;
        }
        Ok(())
    }

    /// A transaction whose second half is refused.
    fn take_back(&self, session: &mut Session) -> Result<(), Box<dyn Error>> {
        let table = &self.table;
        let insert = format!("INSERT INTO {table} VALUES (-2, 0, 'once')");
        let twice = session.transaction(async |transaction| {
            transaction.execute(&insert, &[]).await?;
            transaction.execute(&insert, &[]).await
        });
        let select = format!("SELECT 1 FROM {table} WHERE writer = -2");
        match (twice, session.query(&select, &[])?.len()) {
            (Err(Failure::Refused(_)), 0) => {
                println!("a transaction that fails has left nothing behind");
                Ok(())
            }
            (result, rows) => Err(format!("{rows} rows are left behind by {result:?}").into()),
        }
    }

    /// A query that takes longer than its session allows.
    fn give_up(&self) -> Result<(), Box<dyn Error>> {
        let hasty = Database::new(&self.url, Duration::from_millis(100))?.connect();
        // Where connecting takes as long as that, there is nothing to show.
        let Ok(session) = hasty else { return Ok(()) };
        let begin = Instant::now();
        match session.query("SELECT pg_sleep(60)", &[]) {
            Err(Failure::TimedOut) => {}
            other => return Err(format!("a minute was slept: {other:?}").into()),
        }
        let took = begin.elapsed().as_secs_f64();
        println!("a query that takes too long is stopped after {took:.2} s");
        Ok(())
    }

    /// One session listens, another tells.
    fn listen(&self, database: &Database, session: &Session) -> Result<(), Box<dyn Error>> {
        let channel = &self.table;
        let listener = database.connect()?;
        listener.batch(&format!("LISTEN {channel}"))?;
        for number in 0..self.messages {
            session.query("SELECT pg_notify($1, $2)", &[channel, &number.to_string()])?;
        }
        for number in 0..self.messages {
            let notification = listener.notifications().recv_timeout(LIMIT)?;
            if notification.payload() != number.to_string() {
                return Err(format!("{} came instead of {number}", notification.payload()).into());
            }
        }
        let messages = self.messages;
        println!("told {messages} times, heard {messages} times in order");
        Ok(())
    }
}
