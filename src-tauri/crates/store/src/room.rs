//! How large a store is and what room is left for it. Nothing is ever removed from a journal, so a full disk is met by saying so in
//! time, and by a person who frees space. Deliberately not here: who is told.

use std::path::Path;
use std::time::Duration;

use sqlx::{ConnectOptions, Connection, Row as _};
use timonel_domain::time::Mono;
use timonel_ports::store::StoreError;
use tokio::sync::Mutex;

use crate::database::Database;
use crate::link::{Errand, Pools};
use crate::{sqlite, statement};

const WHAT: &str = "the size of the store";
const GIB: u64 = 1 << 30;
/// People are told while there is less than this, or than a tenth of a small disk: a rollout keeps about half a MiB an hour, so that is
/// months for it alone, and what else fills disks fills the last GiB of one within an afternoon.
const LOW: u64 = 2 * GIB;
/// The same of a file that is larger than what is left: mending it would need as much again.
const CRITICAL: u64 = GIB / 4;
/// Of a disk at most: on a small one the bounds above would be always or never there.
const LOW_PART: u64 = 10;
/// Likewise. What is left then takes a rollback with all its entries and SQLite's log many times over.
const CRITICAL_PART: u64 = 50;
/// To tell what each table of a file takes, all its pages are looked up: not more often than this.
const PARTS_EVERY: Duration = Duration::from_secs(3600);

/// The sizes of a store, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// All of it, with the log of what was written last.
    pub whole: u64,
    /// What of that is free for what comes next; of a server that is unknown and 0.
    pub unused: u64,
    /// What is in it; up to an hour old.
    pub parts: Parts,
    /// The disk that it is on; `None` of a server, whose disk is looked after elsewhere, and where the system does not say.
    pub disk: Option<Disk>,
}

/// What the parts of a store take with their indices, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Parts {
    /// The journal, of which nothing is ever removed.
    pub journal: u64,
    /// Samples, the old ones in coarser rows.
    pub readings: u64,
    /// Finished units and calls, likewise.
    pub outcomes: u64,
    /// Everything else.
    pub others: u64,
}

/// A disk, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// Free for this account.
    pub free: u64,
    /// All of it.
    pub all: u64,
}

/// How much of a store's disk is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Left {
    /// Nobody has to do anything.
    Enough,
    /// Somebody has to free space in the next days.
    Low,
    /// Now: soon nothing can be written any more, and no weight be raised.
    Critical,
}

impl Room {
    /// How much of its disk is left; enough where nobody knows.
    pub fn left(&self) -> Left {
        let Some(disk) = self.disk else { return Left::Enough };
        if disk.free < CRITICAL.min(disk.all / CRITICAL_PART) {
            Left::Critical
        } else if disk.free < LOW.min(disk.all / LOW_PART) || disk.free < self.whole {
            Left::Low
        } else {
            Left::Enough
        }
    }
}

/// When the parts were looked up last, and what they were.
pub(crate) type Known = Mutex<Option<(Mono, Parts)>>;

impl Database {
    /// How large it is and what is left for it. The parts are looked up once an hour, which takes as long as reading a file's tree;
    /// the rest is one cheap question.
    pub async fn room(&self) -> Result<Room, StoreError> {
        let parts = self.parts().await?;
        let file = match self.pools() {
            Pools::Postgres { .. } => None,
            Pools::Sqlite { .. } => Some(Path::new(self.place())),
        };
        let Some(file) = file else {
            let Parts {
                journal,
                readings,
                outcomes,
                others,
            } = parts;
            return Ok(Room {
                whole: journal + readings + outcomes + others,
                unused: 0,
                parts,
                disk: None,
            });
        };
        let rows = self.rows(statement::PAGES, &[]).await.map_err(self.unread(WHAT))?;
        let pages = |column| match rows.first() {
            Some(row) => self.natural(row.get::<i64>(column).map_err(self.unread(WHAT))?),
            None => Ok(0),
        };
        let log = std::fs::metadata(sqlite::log_of(file)).map_or(0, |log| log.len());
        Ok(Room {
            whole: pages("whole")? + log,
            unused: pages("unused")?,
            parts,
            disk: disk_of(file),
        })
    }

    async fn parts(&self) -> Result<Parts, StoreError> {
        let mut known = self.parts.lock().await;
        let now = self.clock.mono();
        if let Some((at, parts)) = *known
            && now.saturating_since(at) < PARTS_EVERY
        {
            return Ok(parts);
        }
        let tables = match self.pools() {
            Pools::Sqlite { .. } => self
                .unseen(tables(Path::new(self.place())))
                .await
                .map_err(self.unread(WHAT))?,
            Pools::Postgres { .. } => self.tables_of_server().await?,
        };
        let mut parts = Parts::default();
        for (table, bytes) in tables {
            let bytes: u64 = self.natural(bytes)?;
            *match table.as_str() {
                "journal" => &mut parts.journal,
                "sample" => &mut parts.readings,
                "unit" | "outcome_minute" => &mut parts.outcomes,
                _ => &mut parts.others,
            } += bytes;
        }
        *known = Some((now, parts));
        Ok(parts)
    }

    async fn tables_of_server(&self) -> Result<Vec<(String, i64)>, StoreError> {
        let read = async {
            let rows = self
                .link(Errand::Read)
                .await?
                .rows(statement::TABLES_OF_SERVER, &[])
                .await?;
            let table = |row: &crate::link::Row| Ok((row.get::<&str>("name")?.to_owned(), row.get("bytes")?));
            rows.iter().map(table).collect::<Result<Vec<_>, sqlx::Error>>()
        };
        self.unseen(read).await.map_err(self.unread(WHAT))
    }
}

/// Bytes of each table of a file with its indices, on a connection of its own: readers are few.
async fn tables(file: &Path) -> Result<Vec<(String, i64)>, sqlx::Error> {
    let mut own = sqlite::readable(file).connect().await?;
    let rows = sqlx::query(statement::TABLES_OF_FILE).fetch_all(&mut own).await?;
    own.close().await?;
    rows.iter()
        .map(|row| Ok((row.try_get("name")?, row.try_get("bytes")?)))
        .collect()
}

#[cfg(unix)]
fn disk_of(file: &Path) -> Option<Disk> {
    let disk = rustix::fs::statvfs(file).ok()?;
    Some(Disk {
        free: disk.f_bavail.saturating_mul(disk.f_frsize),
        all: disk.f_blocks.saturating_mul(disk.f_frsize),
    })
}

/// Nobody has asked such a system yet.
#[cfg(not(unix))]
fn disk_of(_file: &Path) -> Option<Disk> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_told_by_bytes_and_on_small_disks_by_their_parts() {
        let mib = |n: u64| n << 20;
        for (free, all, whole, left) in [
            (mib(3000), mib(500_000), mib(10), Left::Enough),
            (mib(2000), mib(500_000), mib(10), Left::Low),
            (mib(255), mib(500_000), mib(10), Left::Critical),
            // A disk of 2 GiB is not low from its first day on.
            (mib(300), mib(2048), mib(10), Left::Enough),
            (mib(200), mib(2048), mib(10), Left::Low),
            (mib(40), mib(2048), mib(10), Left::Critical),
            // There is no room to mend it.
            (mib(3000), mib(500_000), mib(3001), Left::Low),
        ] {
            let room = Room {
                whole,
                unused: 0,
                parts: Parts::default(),
                disk: Some(Disk { free, all }),
            };
            assert_eq!(room.left(), left, "{room:?}");
        }
    }
}
