//! `journal`: durable commits of the journal's own rows, beside the least that the same disk asks for a durable write.
//!
//! The baseline is `fdatasync` of a 4 KiB block overwritten in place, inside a file whose blocks exist: SQLite's write-ahead
//! log is overwritten too once it has been through its first checkpoint, so an appended block would be the easier rival. Four
//! others take turns with it: ours with one entry a commit, ours as the scribe writes a burst, and plain SQLite with a bare
//! table of the same row, one and as many a commit. Deliberately not here: PostgreSQL, whose disk is another machine's.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use timonel_domain::time::Timestamp;
use timonel_domain::value::Writer;
use timonel_journal::chain::Chain;
use timonel_journal::entry::{Body, Kind, Sealed};
use timonel_ports::clock::SystemClock;
use timonel_ports::store::JournalStore;
use timonel_store::Sqlite;

use crate::{Found, median};

/// How long each is measured at a time.
const TURN: Duration = Duration::from_millis(1500);
const ROUNDS: usize = 5;
/// Commits before anything is measured, so that the log has been through a checkpoint.
const WARM_UP: usize = 2_000;
/// What the scribe puts into one transaction at most.
const BURST: usize = 256;
const BLOCK: usize = 4096;
/// Where the baseline's blocks lie.
const EXTENT: u64 = 64 << 20;
/// One entry a commit makes at least this share of the baseline's commits.
const AIM: f64 = 0.6;
/// A burst makes at least so many times the entries of one entry a commit.
const AIM_BURST: f64 = 20.0;

pub(crate) fn measure() -> Result<Found, String> {
    let runtime = tokio::runtime::Runtime::new().map_err(|e| e.to_string())?;
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    runtime.block_on(turns(folder.path()))
}

/// Operations a second of one, in every round.
#[derive(Default)]
struct Rates(Vec<f64>);

impl Rates {
    fn median(&self) -> f64 {
        median(self.0.clone())
    }

    fn spread(&self) -> String {
        let least = self.0.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.0.iter().copied().fold(0.0, f64::max);
        format!("{:.0} ({least:.0}–{most:.0})", self.median())
    }
}

async fn turns(folder: &Path) -> Result<Found, String> {
    let mut disk = Disk::open(folder)?;
    let mut ours = Ours::open(&folder.join("timonel.db")).await?;
    let mut plain = Plain::open(&folder.join("plain.db")).await?;
    for _ in 0..WARM_UP {
        ours.append(1).await?;
        plain.insert(1).await?;
    }
    let (mut block, mut one, mut burst) = (Rates::default(), Rates::default(), Rates::default());
    let (mut plain_one, mut plain_burst) = (Rates::default(), Rates::default());
    let (mut shares, mut gains) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        block.0.push(timed(async || disk.overwrite()).await?);
        one.0.push(timed(async || ours.append(1).await).await?);
        plain_one.0.push(timed(async || plain.insert(1).await).await?);
        burst
            .0
            .push(timed(async || ours.append(BURST).await).await? * BURST as f64);
        plain_burst
            .0
            .push(timed(async || plain.insert(BURST).await).await? * BURST as f64);
        let last = |rates: &Rates| rates.0.last().copied().unwrap_or(f64::NAN);
        println!(
            "round {round}: fdatasync {:.0}/s; one entry a commit {:.0}/s (plain SQLite {:.0}); {BURST} a commit {:.0} entries/s (plain {:.0})",
            last(&block),
            last(&one),
            last(&plain_one),
            last(&burst),
            last(&plain_burst),
        );
        shares.push(last(&one) / last(&block));
        gains.push(last(&burst) / last(&one));
    }
    let (ratio, gain) = (median(shares.clone()), median(gains.clone()));
    println!("fdatasync of a 4 KiB overwrite  {}/s", block.spread());
    println!("one entry a commit              {}/s", one.spread());
    println!("plain SQLite, one row a commit  {}/s", plain_one.spread());
    println!(
        "a burst of {BURST}               {} entries/s: {gain:.1} times (aim {AIM_BURST})",
        burst.spread()
    );
    println!("plain SQLite, {BURST} rows        {} rows/s", plain_burst.spread());
    let figures = serde_json::json!({
        "rounds": ROUNDS, "turn_ms": TURN.as_millis(), "burst": BURST,
        "fdatasync_per_s": block.0, "one_per_s": one.0, "plain_one_per_s": plain_one.0,
        "burst_entries_per_s": burst.0, "plain_burst_rows_per_s": plain_burst.0,
        "shares": shares, "burst_gain": gain, "burst_aim": AIM_BURST, "burst_ok": gain >= AIM_BURST,
    });
    Ok(Found {
        name: "journal",
        figures,
        ratio,
        aim: AIM,
    })
}

/// How often a second `once` is done, for one turn.
#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
async fn timed(mut once: impl AsyncFnMut() -> Result<(), String>) -> Result<f64, String> {
    let begun = Instant::now();
    let mut done = 0_u32;
    while begun.elapsed() < TURN {
        once().await?;
        done += 1;
    }
    Ok(f64::from(done) / begun.elapsed().as_secs_f64())
}

/// The disk and nothing else.
struct Disk {
    file: File,
    at: u64,
}

impl Disk {
    fn open(folder: &Path) -> Result<Self, String> {
        let path = folder.join("blocks");
        let said = |error: std::io::Error| format!("{}: {error}", path.display());
        std::fs::write(&path, vec![0; usize::try_from(EXTENT).unwrap_or(0)]).map_err(said)?;
        let file = OpenOptions::new().write(true).open(&path).map_err(said)?;
        file.sync_all().map_err(said)?;
        Ok(Self { file, at: 0 })
    }

    fn overwrite(&mut self) -> Result<(), String> {
        let block = [0xa5_u8; BLOCK];
        self.file.write_all_at(&block, self.at).map_err(|e| e.to_string())?;
        self.at = (self.at + BLOCK as u64) % EXTENT;
        self.file.sync_data().map_err(|e| e.to_string())
    }
}

/// What an entry of a step looks like, about 200 bytes in all.
const DEED: &str = "rollout ivr-texml, phase 1, telnyx from 5.0 to 0.0, rule error_rate > 10% for 5m";

/// The journal as the product writes it, each entry sealed on its way.
struct Ours {
    store: Sqlite,
    chain: Chain,
    kind: Kind,
    body: Body,
}

impl Ours {
    async fn open(path: &Path) -> Result<Self, String> {
        let store = Sqlite::open(path, SystemClock::shared())
            .await
            .map_err(|e| e.to_string())?;
        let writer = Writer::new("bench").map_err(|e| e.to_string())?;
        let head = store.head(&writer).await.map_err(|e| e.to_string())?;
        Ok(Self {
            store,
            chain: Chain::resume(writer, head),
            kind: Kind::new("bench").map_err(|e| e.to_string())?,
            body: Body::of(&DEED).map_err(|e| e.to_string())?,
        })
    }

    async fn append(&mut self, entries: usize) -> Result<(), String> {
        let sealed: Vec<Sealed> = (0..entries)
            .map(|_| {
                self.chain
                    .seal(Timestamp::from_secs(1), None, self.kind.clone(), self.body.clone())
            })
            .collect();
        self.store.append(&sealed).await.map_err(|e| e.to_string())
    }
}

/// SQLite with nothing around it but what makes it durable.
struct Plain {
    connection: SqliteConnection,
    n: i64,
}

impl Plain {
    async fn open(path: &Path) -> Result<Self, String> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .disable_statement_logging();
        let mut connection = options.connect().await.map_err(|e| e.to_string())?;
        sqlx::query(
            "CREATE TABLE journal (n INTEGER PRIMARY KEY, kind TEXT NOT NULL, bytes TEXT NOT NULL, hash BLOB NOT NULL)",
        )
        .execute(&mut connection)
        .await
        .map_err(|e| e.to_string())?;
        Ok(Self { connection, n: 0 })
    }

    async fn insert(&mut self, rows: usize) -> Result<(), String> {
        if rows == 1 {
            // A statement by itself is its own transaction.
            return row(&mut self.connection, &mut self.n).await;
        }
        let mut transaction = self.connection.begin().await.map_err(|e| e.to_string())?;
        for _ in 0..rows {
            row(&mut transaction, &mut self.n).await?;
        }
        transaction.commit().await.map_err(|e| e.to_string())
    }
}

async fn row(connection: &mut SqliteConnection, n: &mut i64) -> Result<(), String> {
    *n += 1;
    let insert = sqlx::query("INSERT INTO journal (n, kind, bytes, hash) VALUES ($1, 'bench', $2, $3)");
    let insert = insert.bind(*n).bind(DEED).bind([0_u8; 32].as_slice());
    insert.execute(connection).await.map(|_| ()).map_err(|e| e.to_string())
}
