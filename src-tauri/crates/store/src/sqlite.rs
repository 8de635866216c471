//! Opening an SQLite file: whose is it, is it sound, does it fit this version, and only then anything is changed in it.
//!
//! WAL with `synchronous=FULL`: what was acknowledged survives a power cut.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tempfile::TempDir;
use timonel_ports::store::StoreError;
use tokio::sync::oneshot;

use crate::damage::finish_in_turn;
use crate::database::Access;
use crate::fault::fault;
use crate::link::Pools;

static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations/sqlite");

/// How long a statement waits for another process that writes.
const BUSY: Duration = Duration::from_secs(5);
const READERS: u32 = 4;
/// Rows that a connection hands over before it waits for whoever reads them: a chart of a day reads ten thousand.
const ROWS_AT_ONCE: usize = 1024;

/// What acknowledged writes survive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// The end of the process alone.
    Process,
    /// A power cut.
    PowerCut,
}

/// A file up to this size is looked through before anything is done with it: that takes a fraction of a second.
const SMALL: u64 = 64 << 20;
/// What grows without end. In a larger file it is looked through after the start.
const GROWING: [&str; 3] = ["journal", "sample", "unit"];

/// A file that is open.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) access: Access,
    pub(crate) pools: Pools,
    /// Whether all of it was looked through.
    pub(crate) looked_through: bool,
}

pub(crate) async fn open(path: &Path, durability: Durability) -> Result<Opened, StoreError> {
    let place = path.display().to_string();
    let failed = |error| {
        fault(&place, error, |source| StoreError::Open {
            place: place.clone(),
            source: source.into(),
        })
    };
    // Two processes that make the same file at once would both bring it to this version.
    let turn = take_turn(path).await;
    // Or a new one would be made where only the end of a mending is missing.
    finish_in_turn(path, turn.as_ref())?;
    let plain = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .busy_timeout(BUSY)
        .row_buffer_size(ROWS_AT_ONCE)
        .disable_statement_logging();
    let mut first = plain.connect().await.map_err(failed)?;
    let applied = applied(&mut first, &place).await?;
    // Where its size cannot be told, it is looked through.
    let looked_through = fs::metadata(path).map_or(true, |file| file.len() <= SMALL);
    if looked_through {
        check(&mut first, &place, "PRAGMA quick_check(1)".to_owned()).await?;
    } else {
        for table in steering(&mut first).await.map_err(failed)? {
            check(&mut first, &place, format!("PRAGMA quick_check(\"{table}\")")).await?;
        }
    }

    let newer: Vec<_> = applied
        .iter()
        .filter(|version| !MIGRATIONS.version_exists(**version))
        .collect();
    let access = match newer.last() {
        None => Access::Full,
        Some(version) => Access::newer(**version),
    };
    let (writing, reading) = match access {
        Access::Full => {
            let writing = plain
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(match durability {
                    Durability::Process => SqliteSynchronous::Off,
                    Durability::PowerCut => SqliteSynchronous::Full,
                })
                .foreign_keys(true);
            let reading = writing.clone().pragma("query_only", "ON");
            (writing, reading)
        }
        Access::ReadOnly { .. } => {
            let reading = plain.create_if_missing(false).read_only(true);
            (reading.clone(), reading)
        }
    };
    // The first connection stays open meanwhile: closing the last one of a file makes the next begin anew.
    let writer = pool(1).connect_with(writing).await.map_err(failed)?;
    // Also where none is left to apply: one that was edited after it was released is noticed here.
    if access == Access::Full {
        MIGRATIONS.run(&writer).await.map_err(|error| match error {
            sqlx::migrate::MigrateError::Execute(error) => failed(error),
            other => StoreError::Migrate {
                place: place.clone(),
                source: other.into(),
            },
        })?;
    }
    let readers = pool(READERS).connect_with(reading).await.map_err(failed)?;
    first.close().await.map_err(failed)?;
    drop(turn);
    Ok(Opened {
        access,
        pools: Pools::Sqlite { writer, readers },
        looked_through,
    })
}

/// For reading alone, where not even the files beside it can be made. What its write-ahead log has counts: where that cannot
/// be read in place, a copy of both is, in a folder that goes with what is given. What stays as it is has no other writer.
pub(crate) async fn open_to_read(path: &Path, stays_as_it_is: bool) -> Result<(Pools, Option<TempDir>), StoreError> {
    let place = path.display().to_string();
    let failed = |error| {
        fault(&place, error, |source| StoreError::Open {
            place: place.clone(),
            source: source.into(),
        })
    };
    let log = log_of(path);
    let has_log = fs::metadata(&log).is_ok_and(|is| is.len() > 0);
    let in_place = readable(path).immutable(!has_log && stays_as_it_is);
    let (options, copy) = match looked_at(&in_place, &place).await {
        Ok(()) => (in_place, None),
        Err(error) if !has_log && stays_as_it_is => return Err(error),
        // Without a log nobody has it open, and it can be read where none can be made for reading alone.
        Err(_) if !has_log => {
            let still = readable(path).immutable(true);
            looked_at(&still, &place).await?;
            (still, None)
        }
        Err(_) => {
            let folder = tempfile::Builder::new().prefix("timonel-").tempdir();
            let folder = folder.map_err(|error| failed(error.into()))?;
            let copy = folder.path().join("timonel.db");
            copied_still(path, &copy).map_err(|error| failed(error.into()))?;
            // Nobody else has it: its log may be taken in.
            let options = readable(&copy).read_only(false);
            looked_at(&options, &place).await?;
            (options.pragma("query_only", "ON"), Some(folder))
        }
    };
    let writer = pool(1).connect_with(options.clone()).await.map_err(failed)?;
    let readers = pool(READERS).connect_with(options).await.map_err(failed)?;
    Ok((Pools::Sqlite { writer, readers }, copy))
}

/// Makes a copy of a file as it stands at one moment, with what its write-ahead log has, whoever writes it meanwhile: SQLite's own,
/// read in one transaction. Only where nothing can be made beside the file, so that SQLite cannot read it there, are the bytes
/// copied.
pub(crate) async fn copy(path: &Path, to: &Path) -> Result<(), StoreError> {
    let place = path.display().to_string();
    let failed = |error| {
        fault(&place, error, |source| StoreError::Open {
            place: place.clone(),
            source: source.into(),
        })
    };
    let copied = async {
        let mut own = readable(path).connect().await?;
        let copied = sqlx::query("VACUUM INTO ?")
            .bind(to.display().to_string())
            .execute(&mut own)
            .await;
        own.close().await?;
        copied
    };
    match copied.await.map_err(failed) {
        Ok(_) => Ok(()),
        Err(damaged @ StoreError::Corrupt { .. }) => Err(damaged),
        Err(_) => {
            // What was begun there is no copy.
            let _ = fs::remove_file(to);
            copied_still(path, to).map_err(|error| failed(error.into()))
        }
    }
}

/// Copies a file and its log while nobody writes them: a copy in which one is of another moment than the other would be neither.
fn copied_still(path: &Path, to: &Path) -> io::Result<()> {
    const ATTEMPTS: u32 = 3;
    let marks = || {
        let mark = |path: &Path| match fs::metadata(path) {
            Ok(is) => Ok(Some((is.len(), is.modified()?))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        };
        Ok::<_, io::Error>((mark(path)?, mark(&log_of(path))?))
    };
    for _ in 0..ATTEMPTS {
        let before = marks()?;
        fs::copy(path, to)?;
        if before.1.is_some() {
            fs::copy(log_of(path), log_of(to))?;
        }
        if marks()? == before {
            return Ok(());
        }
    }
    Err(io::Error::other(
        "another program is writing it, and it cannot be read in its place: end that program, or make the folder writable",
    ))
}

/// The write-ahead log of a file.
pub(crate) fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

/// How a file is opened to be read alone.
pub(crate) fn readable(path: &Path) -> SqliteConnectOptions {
    let plain = SqliteConnectOptions::new().filename(path).busy_timeout(BUSY);
    plain
        .row_buffer_size(ROWS_AT_ONCE)
        .disable_statement_logging()
        .read_only(true)
}

/// Whether it opens so, and is Timonel's and of a version that this one reads.
async fn looked_at(options: &SqliteConnectOptions, place: &str) -> Result<(), StoreError> {
    let failed = |error| {
        fault(place, error, |source| StoreError::Open {
            place: place.to_owned(),
            source: source.into(),
        })
    };
    let mut first = options.connect().await.map_err(failed)?;
    let applied = applied(&mut first, place).await?;
    first.close().await.map_err(failed)?;
    if MIGRATIONS.iter().all(|known| applied.contains(&known.version)) {
        return Ok(());
    }
    Err(StoreError::Open {
        place: place.to_owned(),
        source: "it is of an older version: the next start that can write it brings it to this one".into(),
    })
}

/// Connections stay: a file has no server that goes away, and a new connection would prepare its statements again.
fn pool(size: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(size)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}

/// The migrations that were applied; none in a new file. Refuses a database of another program.
async fn applied(first: &mut SqliteConnection, place: &str) -> Result<BTreeSet<i64>, StoreError> {
    let failed = |error| {
        fault(place, error, |source| StoreError::Open {
            place: place.to_owned(),
            source: source.into(),
        })
    };
    let tables: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'table'")
        .fetch_all(&mut *first)
        .await
        .map_err(failed)?;
    if tables.is_empty() {
        return Ok(BTreeSet::new());
    }
    if !tables.iter().any(|name| name == "_sqlx_migrations") {
        let source = format!("it has tables of another program, such as `{}`", tables[0]).into();
        return Err(StoreError::Open {
            place: place.to_owned(),
            source,
        });
    }
    let versions: Vec<i64> = sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success ORDER BY version")
        .fetch_all(first)
        .await
        .map_err(failed)?;
    Ok(versions.into_iter().collect())
}

/// The tables but [`GROWING`].
async fn steering(first: &mut SqliteConnection) -> Result<Vec<String>, sqlx::Error> {
    let mut tables: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'table'")
        .fetch_all(first)
        .await?;
    tables.retain(|name| !GROWING.contains(&name.as_str()));
    Ok(tables)
}

/// Looks through all pages of a file that is open, on a connection of its own: that takes minutes, and readers are few.
pub(crate) async fn look_through(path: &Path) -> Result<(), StoreError> {
    let place = path.display().to_string();
    let failed = |error| {
        fault(&place, error, |source| StoreError::Read {
            what: "the store from end to end",
            source: source.into(),
        })
    };
    let options = SqliteConnectOptions::new().filename(path).busy_timeout(BUSY);
    let options = options.read_only(true).disable_statement_logging();
    let mut own = options.connect().await.map_err(failed)?;
    check(&mut own, &place, "PRAGMA quick_check(1)".to_owned()).await?;
    own.close().await.map_err(failed)
}

/// Looks through pages for damage; the entries' own hashes are for whoever reads them.
async fn check(first: &mut SqliteConnection, place: &str, how: String) -> Result<(), StoreError> {
    let corrupt = |detail: String| StoreError::Corrupt {
        place: place.to_owned(),
        detail,
    };
    let found: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(how))
        .fetch_all(first)
        .await
        .map_err(|error| {
            fault(place, error, |source| StoreError::Open {
                place: place.to_owned(),
                source: source.into(),
            })
        })?;
    match found.first().map(String::as_str) {
        Some("ok") => Ok(()),
        Some(damage) => Err(corrupt(damage.to_owned())),
        None => Err(corrupt("it could not be looked through".to_owned())),
    }
}

/// Waits until no other process opens the same file. Where the folder cannot be written nobody makes a file in it.
///
/// On a thread of its own: the end of a program waits for the runtime's, and another process may keep its turn for ever.
pub(crate) async fn take_turn(path: &Path) -> Option<fs::File> {
    let mut name = path.as_os_str().to_owned();
    name.push("-opening");
    let name = PathBuf::from(name);
    let wait = move || {
        let file = fs::File::create(name).ok()?;
        file.lock().ok()?;
        Some(file)
    };
    let (to, turn) = oneshot::channel();
    // Whoever waits no longer has dropped its end, and the turn goes with it.
    std::thread::spawn(move || drop(to.send(wait())));
    turn.await.ok().flatten()
}
