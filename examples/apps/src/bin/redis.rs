//! A client of Redis: the `redis` crate's commands, pipelines and transactions over May's sockets.
//!
//! ```text
//! $ cargo run --release --bin redis
//! connected to Redis 7.0.15
//! 1000 coroutines over 8 connections: 20000 requests in 0.42 s, 47619 each second
//! every counter is right: 10000
//! a transaction moved 25 from one account to the other, and they hold 100 together
//! published 100, received 100 in order
//! ```

use std::{
    error::Error,
    num::NonZeroUsize,
    process,
    time::{Duration, Instant},
};

use clap::Parser;
use may::{coroutine, go, time};
use may_apps::redis::{Client, Pool, Subscriber};
use redis::{Commands, InfoDict, RedisResult, cmd, pipe};

/// Redis client: commands, pipelines, a transaction and published messages.
#[derive(Parser)]
struct Demonstration {
    /// The URL of the server.
    #[arg(
        long = "redis",
        value_parser = |url: &str| Client::new(url, REPLY_LIMIT),
        default_value = "redis://127.0.0.1:6379/0"
    )]
    client: Client,
    /// What the names of the keys begin with.
    #[arg(long, default_value = "may-demo")]
    prefix: String,
    /// Coroutines that use the server at once.
    #[arg(long, default_value_t = 1000)]
    coroutines: u64,
    /// Requests of each, beside as many pipelines.
    #[arg(long, default_value_t = 10)]
    rounds: u64,
    /// Connections that they share.
    #[arg(long, default_value = "8")]
    connections: NonZeroUsize,
    /// Messages to publish.
    #[arg(long, default_value_t = 100)]
    messages: u64,
}

/// How long opening a connection, and each reply, may take.
const REPLY_LIMIT: Duration = Duration::from_secs(5);

/// How long a coroutine waits for its turn.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long the demonstration's keys stay if nobody removes them, in seconds.
const KEYS_LIVE: i64 = 600;

fn main() {
    let demonstration = Demonstration::parse();
    let shown = go!(move || demonstration.show().map_err(|error| error.to_string()));
    if let Err(error) = shown.join().expect("the demonstration does not panic") {
        eprintln!("redis: {error}");
        process::exit(1);
    }
}

impl Demonstration {
    /// Shows it all.
    fn show(&self) -> Result<(), Box<dyn Error>> {
        let pool = Pool::new(self.client.clone(), self.connections.get(), PATIENCE);
        let info: InfoDict = cmd("INFO").arg("server").query(&mut *pool.get()?)?;
        let version: String = info.get("redis_version").unwrap_or_default();
        println!("connected to Redis {version}");
        self.share(&pool)?;
        self.transfer(&pool)?;
        self.publish(&pool)
    }

    /// Many coroutines share a few connections.
    fn share(&self, pool: &Pool) -> Result<(), Box<dyn Error>> {
        let counter = format!("{}:counter", self.prefix);
        pool.get()?
            .set_ex::<_, _, ()>(&counter, 0, KEYS_LIVE as u64)?;
        let begin = Instant::now();
        coroutine::scope(|scope| {
            let users: Vec<_> = (0..self.coroutines)
                .map(|number| {
                    scope.spawn({
                        let counter = &counter;
                        move || self.use_pool(pool, counter, number)
                    })
                })
                .collect();
            users
                .into_iter()
                .try_for_each(|user| user.join().expect("users do not panic"))
        })?;
        let took = begin.elapsed().as_secs_f64();

        let (users, rounds) = (self.coroutines, self.rounds);
        let requests = users * rounds * 2;
        println!(
            "{users} coroutines over {} connections: {requests} requests in {took:.2} s, {:.0} each second",
            self.connections,
            requests as f64 / took
        );
        let count: u64 = pool.get()?.get_del(&counter)?;
        if count != users * rounds {
            return Err(format!("the counter is {count}, and not {}", users * rounds).into());
        }
        println!("every counter is right: {count}");
        Ok(())
    }

    /// What each of them does.
    fn use_pool(&self, pool: &Pool, counter: &str, number: u64) -> RedisResult<()> {
        let own = format!("{}:own:{number}", self.prefix);
        for round in 1..=self.rounds {
            let _: u64 = pool.get()?.incr(counter, 1)?;
            // Three commands and one round trip.
            let (count, bytes): (u64, String) = pipe()
                .incr(&own, 1)
                .get(&own)
                .expire(&own, KEYS_LIVE)
                .ignore()
                .query(&mut *pool.get()?)?;
            assert_eq!(
                (count, bytes),
                (round, round.to_string()),
                "replies are mixed up"
            );
        }
        pool.get()?.del(&own)
    }

    /// A transaction: both accounts change, or neither.
    fn transfer(&self, pool: &Pool) -> Result<(), Box<dyn Error>> {
        let [from, to] = ["from", "to"].map(|name| format!("{}:{name}", self.prefix));
        let mut connection = pool.get()?;
        let () = connection.set(&from, 100)?;
        let () = connection.set(&to, 0)?;
        let (left, arrived): (i64, i64) = pipe()
            .atomic()
            .decr(&from, 25)
            .incr(&to, 25)
            .query(&mut *connection)?;
        let () = connection.del(&[from, to])?;
        println!(
            "a transaction moved {arrived} from one account to the other, and they hold {} together",
            left + arrived
        );
        Ok(())
    }

    /// One coroutine publishes, another listens.
    fn publish(&self, pool: &Pool) -> Result<(), Box<dyn Error>> {
        let channel = format!("{}:news", self.prefix);
        let mut subscriber = Subscriber::new(self.client.connect()?, &[&channel])?;
        let messages = self.messages;
        let listener = go!(move || -> RedisResult<bool> {
            for number in 0..messages {
                let heard: u64 = subscriber.recv()?.get_payload()?;
                if heard != number {
                    return Ok(false);
                }
            }
            Ok(true)
        });
        for number in 0..messages {
            let _: u64 = pool.get()?.publish(&channel, number)?;
        }
        let heard = time::timeout(REPLY_LIMIT, || listener.join())?;
        match heard.expect("listening does not panic")? {
            true => println!("published {messages}, received {messages} in order"),
            false => return Err("messages came in a wrong order".into()),
        }
        Ok(())
    }
}
