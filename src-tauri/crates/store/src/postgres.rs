//! Opening a database of a PostgreSQL server: what is there, does it fit this version, and only then anything is changed.
//!
//! Timonel's tables stand in a schema of their own, `timonel`, so that the database may be somebody else's too. An account
//! that owns that schema, or an administrator who makes it, is enough; with the tables at this version INSERT, SELECT and
//! UPDATE in it are.

use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::PgPoolOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};
use timonel_ports::clock::{SharedClock, within};
use timonel_ports::store::StoreError;

use crate::address::Server;
use crate::database::Access;
use crate::fault::fault;
use crate::link::{ANSWER, Pools, answered};

static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations/postgres");

/// How long bringing the tables to this version may take, with the wait for another process that does so.
const MIGRATE: Duration = Duration::from_secs(60);
/// Connections for everything but the journal.
const OTHERS: u32 = 4;

pub(crate) async fn open(server: &Server, clock: &SharedClock) -> Result<(Access, Pools), StoreError> {
    let place = server.place();
    let failed = |error| fault(place, error, |source| unopened(place, source));
    let plain = server
        .options
        .clone()
        .options([
            ("search_path", "timonel".to_owned()),
            // Whatever the server's own settings say: an entry that was acknowledged is on its disk, and whoever waited
            // for the lock of the journal sees what was committed meanwhile.
            ("synchronous_commit", "on".to_owned()),
            ("default_transaction_isolation", "read committed".to_owned()),
            // The server gives up before we do, so that nothing runs on for nobody.
            (
                "statement_timeout",
                format!("{}", (ANSWER - Duration::from_millis(500)).as_millis()),
            ),
            (
                "idle_in_transaction_session_timeout",
                format!("{}", (ANSWER * 2).as_millis()),
            ),
            // A connection whose other end is gone is noticed in about 15 s while nothing is asked.
            ("tcp_keepalives_idle", "5".to_owned()),
            ("tcp_keepalives_interval", "5".to_owned()),
            ("tcp_keepalives_count", "2".to_owned()),
        ])
        .disable_statement_logging();
    let mut first = answered(clock, plain.connect()).await.map_err(failed)?;
    let applied = answered(clock, applied(&mut first)).await.map_err(failed)?;
    let newer = applied.iter().find(|there| !MIGRATIONS.version_exists(there.version));
    let access = match newer {
        None => Access::Full,
        Some(there) => Access::newer(there.version),
    };
    let options = match &access {
        Access::Full => {
            if !fits(&applied, place)? {
                within(&**clock, MIGRATE, migrate(&mut first, place))
                    .await
                    .map_err(|elapsed| unopened(place, elapsed))??;
            }
            plain
        }
        Access::ReadOnly { .. } => plain.options([("default_transaction_read_only", "on")]),
    };
    answered(clock, first.close()).await.map_err(failed)?;
    let journal = pool(1).test_before_acquire(false).connect_lazy_with(options.clone());
    let others = pool(OTHERS).connect_lazy_with(options);
    Ok((access, Pools::Postgres { journal, others }))
}

fn pool(size: u32) -> PgPoolOptions {
    PgPoolOptions::new().max_connections(size).acquire_timeout(ANSWER)
}

fn unopened(place: &str, source: impl Into<timonel_ports::store::Cause>) -> StoreError {
    StoreError::Open {
        place: place.to_owned(),
        source: source.into(),
    }
}

/// A migration that the database has seen.
#[derive(sqlx::FromRow)]
struct Applied {
    version: i64,
    success: bool,
    checksum: Vec<u8>,
}

/// By version; none in a database that is new to Timonel.
async fn applied(first: &mut PgConnection) -> Result<Vec<Applied>, sqlx::Error> {
    let there: bool = sqlx::query_scalar("SELECT to_regclass('timonel._sqlx_migrations') IS NOT NULL")
        .fetch_one(&mut *first)
        .await?;
    if !there {
        return Ok(Vec::new());
    }
    sqlx::query_as("SELECT version, success, checksum FROM timonel._sqlx_migrations ORDER BY version")
        .fetch_all(first)
        .await
}

/// Whether all migrations were applied as they are here. Looked at by ourselves, because sqlx would want the right to make
/// tables even where none is left to make.
fn fits(applied: &[Applied], place: &str) -> Result<bool, StoreError> {
    for there in applied {
        let known = MIGRATIONS.iter().find(|ours| ours.version == there.version);
        if !there.success || known.is_none_or(|ours| *ours.checksum != *there.checksum) {
            return Err(StoreError::Migrate {
                place: place.to_owned(),
                source: format!("migration {} was edited, or did not end", there.version).into(),
            });
        }
    }
    Ok(applied.len() == MIGRATIONS.iter().count())
}

/// Each migration is one transaction; sqlx holds a lock, so that processes that open a new database at once take turns.
async fn migrate(first: &mut PgConnection, place: &str) -> Result<(), StoreError> {
    let failed = |error| fault(place, error, |source| unopened(place, source));
    let limit = sqlx::AssertSqlSafe(format!("SET statement_timeout = {}", MIGRATE.as_millis()));
    sqlx::query(limit).execute(&mut *first).await.map_err(failed)?;
    let there: bool = sqlx::query_scalar("SELECT to_regnamespace('timonel') IS NOT NULL")
        .fetch_one(&mut *first)
        .await
        .map_err(failed)?;
    if !there {
        // Two that come at once may both find none; the second is told that it is there.
        let made = sqlx::query("CREATE SCHEMA IF NOT EXISTS timonel")
            .execute(&mut *first)
            .await;
        let there = |error: &sqlx::Error| error.as_database_error().is_some_and(|e| e.is_unique_violation());
        if let Err(error) = made
            && !there(&error)
        {
            return Err(failed(error));
        }
    }
    // `Migrator::run` is this with a connection of a pool, and would keep our callers from being sent between threads.
    MIGRATIONS
        .run_direct(None, first, false)
        .await
        .map_err(|error| match error {
            MigrateError::Execute(error) => failed(error),
            other => StoreError::Migrate {
                place: place.to_owned(),
                source: other.into(),
            },
        })
}
