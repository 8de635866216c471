//! `store`: every query that a screen or a rule makes, over SQLite and over PostgreSQL, while what is kept grows from ten
//! thousand to ten million outcomes and from ten thousand to a million journal entries.
//!
//! The baseline is the same store at its smallest: a query whose index fits costs the same with a thousand times the rows.
//! Outcomes and readings are made by one statement in the database itself, since ten million of them through the port would
//! measure how they are written; entries come through the port, each sealed into its chain. Deliberately not here: how
//! fast anything is written (`journal`), and the opening of a rollout (`crash`).

use std::collections::BTreeMap;
use std::time::Instant;

use secrecy::{ExposeSecret, SecretString};
use sqlx::{Connection, PgConnection, SqliteConnection};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{PlanId, RolloutId, SignalId, Writer};
use timonel_journal::chain::{Chain, Head};
use timonel_journal::entry::{Body, Kind};
use timonel_ports::clock::SystemClock;
use timonel_ports::store::{JournalStore, Part, PlanRevision, Position, RolloutRow, RolloutStore, SampleStore};
use timonel_store::Database;
use timonel_testkit::process::{Postgres, ProcessError};

use crate::{Found, median};

/// Outcomes, and journal entries, at which everything is measured.
const SIZES: [(u64, u64); 4] = [
    (10_000, 10_000),
    (100_000, 100_000),
    (1_000_000, 1_000_000),
    (10_000_000, 1_000_000),
];
/// How often each query is asked at each size, each time for another part.
const TIMES: u64 = 101;
/// No query takes longer than this at the median, at any size.
const AIM_MS: f64 = 50.0;
/// Rollouts among which everything lies; one of them has most of it, as a long one would.
const ROLLOUTS: u64 = 20;
/// Entries that the scribe writes at once.
const BURST: u64 = 256;
/// What a screen pages by.
const PAGE: u32 = 1000;
/// A reading each 15 s of both sides: a window of rules reaches back so far at most.
const READING_US: i64 = 15_000_000;
const HALF_AN_HOUR_US: i64 = 1_800_000_000;
const DAY_US: i64 = 86_400_000_000;

pub(crate) fn measure() -> Result<Found, String> {
    let runtime = tokio::runtime::Runtime::new().map_err(said)?;
    runtime.block_on(both())
}

async fn both() -> Result<Found, String> {
    let folder = tempfile::tempdir().map_err(said)?;
    let file = folder.path().join("timonel.db");
    let path = SecretString::from(file.display().to_string());
    let mut worst: f64 = 0.0;
    let mut figures = serde_json::Map::new();
    let sqlite = grown("SQLite", &path).await?;
    worst = worst.max(told("SQLite", &sqlite, &mut figures));
    match Postgres::start().await {
        Ok(server) => {
            let address = server.database().map_err(said)?;
            let grown = grown("PostgreSQL", &address).await?;
            worst = worst.max(told("PostgreSQL", &grown, &mut figures));
        }
        Err(ProcessError::Missing { program }) => {
            return Err(format!("there is no {program} here: install postgresql"));
        }
        Err(other) => return Err(other.to_string()),
    }
    Ok(Found {
        name: "store",
        figures: figures.into(),
        ratio: worst / AIM_MS,
        aim: 1.0,
    })
}

/// Milliseconds at the median, by query and size.
type Table = BTreeMap<&'static str, Vec<f64>>;

/// Prints the table and keeps it. The slowest of all.
fn told(store: &str, table: &Table, figures: &mut serde_json::Map<String, serde_json::Value>) -> f64 {
    println!("\n{store}: milliseconds at the median of {TIMES}");
    print!("{:44}", "outcomes / entries");
    for (units, entries) in SIZES {
        print!("{:>22}", format!("{units} / {entries}"));
    }
    println!("{:>12}", "growth");
    for (query, medians) in table {
        print!("{query:44}");
        for ms in medians {
            print!("{ms:>22.3}");
        }
        let (first, last) = (medians.first().copied(), medians.last().copied());
        println!("{:>12.1}", last.unwrap_or(f64::NAN) / first.unwrap_or(f64::NAN));
    }
    figures.insert(store.to_owned(), serde_json::json!(table));
    table.values().flatten().copied().fold(0.0, f64::max)
}

async fn grown(name: &str, address: &SecretString) -> Result<Table, String> {
    let store = timonel_store::open(address, SystemClock::shared())
        .await
        .map_err(said)?;
    let mut growing = Growing::begin(store, address.clone()).await?;
    let mut table = Table::new();
    for (units, entries) in SIZES {
        growing.to(units, entries).await?;
        println!("{name}: {units} outcomes, {entries} entries");
        for (query, ms) in growing.ask_all().await? {
            table.entry(query).or_default().push(ms);
        }
    }
    growing.store.close().await;
    Ok(table)
}

/// A store that is filled, and how far.
struct Growing {
    store: Database,
    address: SecretString,
    chains: Vec<(RolloutId, Chain)>,
    units: u64,
    entries: u64,
}

fn rollout(n: u64) -> Result<RolloutId, String> {
    RolloutId::new(&format!("despliegue-{n}")).map_err(said)
}

impl Growing {
    async fn begin(store: Database, address: SecretString) -> Result<Self, String> {
        let plan = PlanId::new("plan").map_err(said)?;
        store
            .put_plan(&PlanRevision::new(plan.clone(), 1, String::new()))
            .await
            .map_err(said)?;
        let mut chains = Vec::new();
        for n in 0..ROLLOUTS {
            let row = RolloutRow {
                id: rollout(n)?,
                plan: plan.clone(),
                revision: 1,
                environment: "produccion".to_owned(),
                opened_at: Timestamp::from_secs(1),
                closed_at: None,
            };
            store.put_rollout(&row).await.map_err(said)?;
            let writer = Writer::new(&format!("motor-{n}")).map_err(said)?;
            chains.push((row.id, Chain::resume(writer, Head::EMPTY)));
        }
        Ok(Self {
            store,
            address,
            chains,
            units: 0,
            entries: 0,
        })
    }

    async fn to(&mut self, units: u64, entries: u64) -> Result<(), String> {
        let kind = Kind::new("bench").map_err(said)?;
        let deed = "rollout ivr-texml, phase 1, telnyx from 5.0 to 0.0, rule error_rate > 10% for 5m";
        let body = Body::of(&deed).map_err(said)?;
        while self.entries < entries {
            // Every other burst is the first one's.
            let turn = self.entries / BURST;
            let whose = if turn.is_multiple_of(2) {
                0
            } else {
                (turn / 2) % ROLLOUTS
            };
            let (id, chain) = &mut self.chains[usize::try_from(whose).map_err(said)?];
            let burst: Vec<_> = (0..BURST.min(entries - self.entries))
                .map(|_| chain.seal(Timestamp::from_secs(2), Some(id.clone()), kind.clone(), body.clone()))
                .collect();
            self.store.append(&burst).await.map_err(said)?;
            self.entries += burst.len() as u64;
        }
        if self.units < units {
            self.fill(self.units + 1, units).await?;
            self.units = units;
        }
        Ok(())
    }

    /// Outcomes of one rollout with the numbers `from..=to`, and a reading of both sides for every hundred of them.
    async fn fill(&self, from: u64, to: u64) -> Result<(), String> {
        let unit = "INSERT INTO unit (rollout, seq, order_observed, weight, side, since, as_of, bad, total, signal, call, tenant,
                    abandoned, turns_ok, turns_ko, turn_latency_max, turn_latency_mean)";
        let outcome = "i, 1, 500, CASE WHEN i % 20 = 0 THEN 'canary' ELSE 'stable' END, i * 150000, i * 150000 + 180000000,
                       CASE WHEN i % 50 = 0 THEN 1 ELSE 0 END, 1, NULL, 'v3:' || (i * 7919) || '-call', 't' || (i % 40)";
        let sample = "INSERT INTO sample (rollout, signal, as_of, side, kind, since, bad, total, level, sum, buckets)";
        let reading = format!("i * {READING_US}, side, 'ratio', (i - 1) * {READING_US}, 2, 100, NULL, NULL, NULL");
        let address = self.address.expose_secret();
        if address.starts_with("postgres") {
            let mut connection = PgConnection::connect(address).await.map_err(said)?;
            let series = format!("generate_series({from}::bigint, {to}) AS n(i)");
            let samples = format!("generate_series({}::bigint, {}) AS n(i)", from.div_ceil(100), to / 100);
            run_postgres(&mut connection, "SET search_path = timonel").await?;
            run_postgres(
                &mut connection,
                &format!("{unit} SELECT 'despliegue-0', {outcome}, 0, 8, 1, 1800000, 900000 FROM {series}"),
            )
            .await?;
            run_postgres(
                &mut connection,
                &format!("{sample} SELECT 'despliegue-0', 'errores', {reading} FROM {samples}, (VALUES ('stable'), ('canary')) AS s(side)"),
            )
            .await?;
            return run_postgres(&mut connection, "ANALYZE").await;
        }
        let mut connection = SqliteConnection::connect(&format!("sqlite://{address}"))
            .await
            .map_err(said)?;
        let series = |from: u64, to: u64| {
            format!("WITH RECURSIVE n(i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM n WHERE i < {to})")
        };
        let (numbers, pairs) = (series(from, to), series(from.div_ceil(100), to / 100));
        for statement in [
            format!("{unit} {numbers} SELECT 'despliegue-0', {outcome}, 0, 8, 1, 1800000, 900000 FROM n"),
            format!(
                "{sample} {pairs}, s(side) AS (VALUES ('stable'), ('canary')) SELECT 'despliegue-0', 'errores', {reading} FROM n, s"
            ),
        ] {
            let statement = sqlx::query(sqlx::AssertSqlSafe(statement));
            statement.execute(&mut connection).await.map_err(said)?;
        }
        connection.close().await.map_err(said)
    }

    /// Every query, at the median.
    async fn ask_all(&self) -> Result<Vec<(&'static str, f64)>, String> {
        let store = &self.store;
        let (first, signal) = (rollout(0)?, SignalId::new("errores").map_err(said)?);
        let last = i64::try_from(self.units / 100).map_err(said)? * READING_US;
        let (units, entries) = (self.units, i64::try_from(self.entries).map_err(said)?);
        let at = |n: u64| Position(entries * i64::try_from(n).unwrap_or(0) / i64::try_from(TIMES).unwrap_or(1));
        let mut starts = Vec::new();
        for n in 0..TIMES {
            // Whoever reads a chain page by page goes on from an entry of it; this rollout's entries are all of one writer.
            let page = store.entries(Part::Rollout(&first), at(n), 1).await.map_err(said)?;
            starts.push(page.first().map_or_else(|| at(n), |placed| placed.position));
        }
        let (head, chain) = (self.chains[0].1.writer(), self.chains[0].1.head());
        Ok(vec![
            (
                "the head of a chain",
                timed(async |_| {
                    let found = store.head(head).await.map_err(said)?;
                    (found == chain)
                        .then_some(())
                        .ok_or_else(|| "another head than was written".to_owned())
                })
                .await?,
            ),
            (
                "a page of the journal",
                timed(async |n| full(store.entries(Part::All, at(n), PAGE).await.map_err(said)?.len(), n)).await?,
            ),
            (
                "a page of one rollout's journal",
                timed(async |n| {
                    full(
                        store
                            .entries(Part::Rollout(&first), at(n), PAGE)
                            .await
                            .map_err(said)?
                            .len(),
                        n,
                    )
                })
                .await?,
            ),
            (
                "a page of one writer's chain",
                timed(async |n| {
                    full(
                        store
                            .entries(Part::Writer(head), starts[usize::try_from(n).unwrap_or(0)], PAGE)
                            .await
                            .map_err(said)?
                            .len(),
                        n,
                    )
                })
                .await?,
            ),
            (
                "the list of rollouts",
                timed(async |n| full(store.rollouts().await.map_err(said)?.len(), n)).await?,
            ),
            (
                "readings of half an hour (a rule's window)",
                timed(async |n| {
                    let end = last - i64::try_from(n).unwrap_or(0) * READING_US;
                    let during = Timestamp::from_micros(end - HALF_AN_HOUR_US)..Timestamp::from_micros(end);
                    store.samples(&first, &signal, during).await.map(|_| ()).map_err(said)
                })
                .await?,
            ),
            (
                "readings of a day (a chart)",
                timed(async |n| {
                    let end = last - i64::try_from(n).unwrap_or(0) * READING_US;
                    let during = Timestamp::from_micros(end - DAY_US)..Timestamp::from_micros(end);
                    store.samples(&first, &signal, during).await.map(|_| ()).map_err(said)
                })
                .await?,
            ),
            (
                "a page of outcomes",
                timed(async |n| {
                    full(
                        store
                            .units(&first, units * n / (TIMES + 1), PAGE)
                            .await
                            .map_err(said)?
                            .len(),
                        n,
                    )
                })
                .await?,
            ),
            (
                "the number of the last outcome",
                timed(async |_| {
                    let found = store.last_unit(&first).await.map_err(said)?;
                    (found == units)
                        .then_some(())
                        .ok_or_else(|| "another last outcome than was written".to_owned())
                })
                .await?,
            ),
        ])
    }
}

/// A query that finds nothing measures nothing; the last parts may be short.
fn full(rows: usize, n: u64) -> Result<(), String> {
    if rows == 0 && n < TIMES / 2 {
        return Err("a query found nothing where there is much".to_owned());
    }
    Ok(())
}

async fn run_postgres(connection: &mut PgConnection, statement: &str) -> Result<(), String> {
    let statement = sqlx::query(sqlx::AssertSqlSafe(statement.to_owned()));
    statement.execute(connection).await.map(|_| ()).map_err(said)
}

/// Milliseconds that `ask` takes at the median, each time told how often it was asked before.
#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
async fn timed(ask: impl AsyncFn(u64) -> Result<(), String>) -> Result<f64, String> {
    let mut took = Vec::new();
    for n in 0..TIMES {
        let begun = Instant::now();
        ask(n).await?;
        took.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    Ok(median(took))
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}
