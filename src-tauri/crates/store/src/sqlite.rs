//! The embedded store: one SQLite file, one connection that writes, a few that read.
//!
//! WAL with `synchronous=FULL`: what was acknowledged survives a power cut. Everything is written through the one
//! connection, in the order of asking: writers that wait for each other inside SQLite sleep up to 100 ms at a time,
//! and a journal entry must not.

mod helm;
mod journal;
mod opening;
mod rollout;
mod sample;
mod unit;

use std::future::Future;
use std::path::Path;

use sqlx::SqlitePool;
use tempfile::TempDir;
use timonel_ports::clock::SharedClock;
use timonel_ports::store::StoreError;
use timonel_ports::task::unseen;

use opening::{Durability, Pools};

/// A SQLite file that is open.
#[derive(Debug)]
pub struct Sqlite {
    clock: SharedClock,
    place: String,
    access: Access,
    writer: SqlitePool,
    readers: SqlitePool,
    // Removed with the last handle to the store; `None` for a file that stays.
    _folder: Option<TempDir>,
}

/// What can be done with a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Everything.
    Full,
    /// Reading alone: a newer Timonel wrote it, and this one would not know what it breaks.
    ReadOnly {
        /// Why, and what to do.
        why: String,
    },
}

impl Sqlite {
    /// Opens or makes the file, checks that it is sound and Timonel's, and brings it to this version. A file of a
    /// newer Timonel is opened for reading: see [`Sqlite::access`]. Beside `NAME` stand SQLite's `NAME-wal` and
    /// `NAME-shm`, which belong to it, and `NAME-opening`, which is empty and by which processes take turns here.
    pub async fn open(path: &Path, clock: SharedClock) -> Result<Self, StoreError> {
        Self::open_with(path, clock, Durability::PowerCut, None).await
    }

    /// A new store in a folder of its own that goes with it. It is as durable as the process: for rehearsals and
    /// tests, which would only wait for the disk.
    pub async fn temporary(clock: SharedClock) -> Result<Self, StoreError> {
        let folder = tempfile::Builder::new()
            .prefix("timonel-")
            .tempdir()
            .map_err(|source| StoreError::Open {
                place: std::env::temp_dir().display().to_string(),
                source: source.into(),
            })?;
        let path = folder.path().join("timonel.db");
        Self::open_with(&path, clock, Durability::Process, Some(folder)).await
    }

    async fn open_with(
        path: &Path,
        clock: SharedClock,
        durability: Durability,
        folder: Option<TempDir>,
    ) -> Result<Self, StoreError> {
        let Pools {
            access,
            writer,
            readers,
        } = unseen(&*clock, opening::open(path, durability)).await?;
        Ok(Self {
            clock,
            place: path.display().to_string(),
            access,
            writer,
            readers,
            _folder: folder,
        })
    }

    /// Whether it can be written.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Closes the file. Without it the file is closed some time after the last handle is gone.
    pub async fn close(&self) {
        self.unseen(async {
            self.writer.close().await;
            self.readers.close().await;
        })
        .await;
    }

    fn unseen<F: Future>(&self, work: F) -> impl Future<Output = F::Output> {
        unseen(&*self.clock, work)
    }

    /// What a failed statement means: what every operation has in common, else what `otherwise` says.
    fn failed(&self, error: sqlx::Error, otherwise: impl FnOnce(sqlx::Error) -> StoreError) -> StoreError {
        let failed = fault(&self.place, error, otherwise);
        match (failed, &self.access) {
            (StoreError::ReadOnly { place, .. }, Access::ReadOnly { why }) => StoreError::ReadOnly {
                place,
                why: why.clone(),
            },
            (failed, _) => failed,
        }
    }

    fn unread(&self, what: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
        move |error| {
            self.failed(error, |source| StoreError::Read {
                what,
                source: source.into(),
            })
        }
    }

    fn unwritten(&self, what: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
        move |error| {
            self.failed(error, |source| StoreError::Write {
                what,
                source: source.into(),
            })
        }
    }

    fn corrupt(&self, detail: impl ToString) -> StoreError {
        StoreError::Corrupt {
            place: self.place.clone(),
            detail: detail.to_string(),
        }
    }

    /// A number that was never negative when it was written.
    fn natural(&self, n: i64) -> Result<u64, StoreError> {
        u64::try_from(n).map_err(|_| self.corrupt(format!("{n} where no negative number can be")))
    }
}

/// SQLite keeps 64 bits with a sign.
fn integer(what: &'static str, n: u64) -> Result<i64, StoreError> {
    i64::try_from(n).map_err(|_| StoreError::Range { what })
}

/// SQLite's result code without its extension (<https://sqlite.org/rescode.html>).
fn primary_code(error: &sqlx::Error) -> Option<u8> {
    let code: i32 = error.as_database_error()?.code()?.parse().ok()?;
    u8::try_from(code & 0xff).ok()
}

fn fault(place: &str, error: sqlx::Error, otherwise: impl FnOnce(sqlx::Error) -> StoreError) -> StoreError {
    const BUSY: u8 = 5;
    const LOCKED: u8 = 6;
    const READONLY: u8 = 8;
    const CORRUPT: u8 = 11;
    const FULL: u8 = 13;
    const NOTADB: u8 = 26;
    let place = place.to_owned();
    match (primary_code(&error), &error) {
        (Some(BUSY | LOCKED), _) | (_, sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed) => {
            StoreError::Unavailable {
                place,
                source: error.into(),
            }
        }
        (Some(READONLY), _) => StoreError::ReadOnly {
            place,
            why: "make the file and its folder writable for this account".to_owned(),
        },
        (Some(CORRUPT | NOTADB), _) | (_, sqlx::Error::ColumnDecode { .. }) => StoreError::Corrupt {
            place,
            detail: error.to_string(),
        },
        (Some(FULL), _) => StoreError::Full { place },
        (_, _) => otherwise(error),
    }
}

#[cfg(test)]
mod tests;
