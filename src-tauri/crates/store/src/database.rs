//! A store that is open: an SQLite file, or a database of a PostgreSQL server.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{OnceLock, PoisonError};
use std::time::Duration;

use secrecy::SecretString;
use tempfile::TempDir;
use timonel_domain::time::Mono;
use timonel_domain::value::RolloutId;
use timonel_journal::record::MendedRecord;
use timonel_ports::clock::{Clock, SharedClock, within};
use timonel_ports::store::StoreError;
use timonel_ports::task::{spawn, unseen};
use tokio::sync::Mutex;

use crate::address::Address;
use crate::fault::fault;
use crate::helm::Sightings;
use crate::link::{Arg, Errand, Link, Pools, Row};
use crate::news::Wakes;
use crate::sqlite::Durability;
use crate::{damage, postgres, room, sqlite, statement};

/// Why a file is read alone whose disk is full or read-only.
const TAKES_NOTHING: &str =
    "its disk is full or takes no writes: free space, or make the file and its folder writable for this account";

/// Between two attempts to open a file for writing that could only be read.
const BETWEEN_OPENINGS: Duration = Duration::from_secs(10);

/// Opens the store at an address as [`Address::read`] reads it; see [`Database::open`] and [`Database::connect`].
pub async fn open(address: &SecretString, clock: SharedClock) -> Result<Database, StoreError> {
    Database::at(&Address::read(address)?, clock).await
}

/// A store that is open.
#[derive(Debug)]
pub struct Database {
    pub(crate) clock: SharedClock,
    place: String,
    access: Access,
    pools: Pools,
    /// Of a file that was opened for reading alone because its disk took nothing: what it is once it takes something.
    again: Option<Again>,
    /// Whether all of it was looked through, or a server answers for that. Held by whoever looks: one at a time.
    looked_through: Mutex<bool>,
    pub(crate) parts: room::Known,
    /// Where the helm is a row of a file: since when each has been as it is.
    pub(crate) helms: Sightings,
    pub(crate) wakes: Wakes,
    // Removed with the last handle to the store; `None` for a file that stays.
    _folder: Option<TempDir>,
}

/// What can be done with a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Everything.
    Full,
    /// Reading alone: a newer Timonel wrote it, and this one would not know what it breaks; or its disk takes nothing.
    ReadOnly {
        /// Why, and what to do.
        why: String,
    },
}

impl Access {
    /// For a store that a newer Timonel brought to `migration`.
    pub(crate) fn newer(migration: i64) -> Self {
        Self::ReadOnly {
            why: format!("a newer Timonel wrote it (migration {migration}); use that one, or a copy from before it"),
        }
    }
}

/// A file that is opened again once its disk takes something.
#[derive(Debug)]
struct Again {
    path: PathBuf,
    /// When it is tried next.
    due: std::sync::Mutex<Mono>,
    pools: OnceLock<Pools>,
}

impl Again {
    fn new(path: &Path, clock: &SharedClock) -> Self {
        Self {
            path: path.to_owned(),
            due: std::sync::Mutex::new(clock.mono()),
            pools: OnceLock::new(),
        }
    }

    /// Whether it is time for another attempt, which is taken as made.
    fn is_due(&self, clock: &dyn Clock) -> bool {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        let now = clock.mono();
        let is_due = self.pools.get().is_none() && now >= *due;
        if is_due {
            *due = now + BETWEEN_OPENINGS;
        }
        is_due
    }
}

impl Database {
    /// Opens the store at an address.
    pub async fn at(address: &Address, clock: SharedClock) -> Result<Self, StoreError> {
        match address {
            Address::File(path) => Self::open(path, clock).await,
            Address::Server(server) => {
                let (access, pools) = unseen(&*clock, Box::pin(postgres::open(server, &clock))).await?;
                Ok(Self {
                    place: server.place().to_owned(),
                    clock,
                    access,
                    pools,
                    again: None,
                    looked_through: Mutex::new(true),
                    parts: room::Known::default(),
                    helms: Sightings::default(),
                    wakes: Wakes::default(),
                    _folder: None,
                })
            }
        }
    }

    /// Opens or makes an SQLite file, checks that it is sound and Timonel's, and brings it to this version. Of a large file only
    /// what steers the rest is looked through here, so that an engine that is started again need not wait for it:
    /// [`JournalStore::look_through`](timonel_ports::store::JournalStore::look_through) does the rest. A file of a
    /// newer Timonel is opened for reading: see [`Database::access`]. Beside `NAME` stand SQLite's `NAME-wal` and
    /// `NAME-shm`, which belong to it, and `NAME-opening`, which is empty and by which processes take turns here.
    pub async fn open(path: &Path, clock: SharedClock) -> Result<Self, StoreError> {
        Self::open_with(path, clock, Durability::PowerCut, None).await
    }

    /// As [`Database::open`], for a file that is known to be Timonel's by where it is. One that is damaged is set aside in a folder
    /// beside it, never removed, and another is made of what in it can be proved: then it is said what was. One that cannot be
    /// written is opened for reading. Errors where that cannot be done, or where another program has a damaged file open; then
    /// nothing was changed.
    pub async fn open_or_mend(path: &Path, clock: SharedClock) -> Result<(Self, Option<MendedRecord>), StoreError> {
        unseen(&*clock, Box::pin(damage::finish(path))).await?;
        if let Some(found) = damage::suspected(path) {
            // Where another program has it open it goes on as it did there.
            match unseen(&*clock, Box::pin(damage::mend(path, &found, &clock))).await {
                Ok(Some(mended)) => return Ok((Self::open(path, clock).await?, Some(mended))),
                Ok(None) => {}
                Err(error) => tracing::error!(%error, "the store is not mended yet"),
            }
        }
        let found = match damage::emptied(path) {
            Some(found) => found,
            None => match Self::open(path, clock.clone()).await {
                Err(StoreError::Corrupt { detail, .. }) => detail,
                Err(refused @ (StoreError::Open { .. } | StoreError::ReadOnly { .. } | StoreError::Full { .. })) => {
                    tracing::error!(store = %path.display(), %refused, "it cannot be written");
                    let store = Self::open_to_read(path, clock, TAKES_NOTHING.to_owned(), true).await;
                    return store.map(|store| (store, None)).ok_or(refused);
                }
                opened => return opened.map(|store| (store, None)),
            },
        };
        let mended = unseen(&*clock, Box::pin(damage::mend(path, &found, &clock))).await?;
        Ok((Self::open(path, clock).await?, mended))
    }

    /// As [`Database::open_or_mend`], for an emergency: where that takes longer than `limit`, since a large file is being mended or
    /// another program has been opening it for ever, what is in the file is read as it is now. Errors where that is not to be
    /// had within `limit` either. What was begun goes on meanwhile; cut short, it is finished by the next opening.
    pub async fn open_in_time(
        path: &Path,
        clock: SharedClock,
        limit: Duration,
    ) -> Result<(Self, Option<MendedRecord>), StoreError> {
        let (file, its_clock) = (path.to_owned(), clock.clone());
        let opening = spawn(&clock, async move { Self::open_or_mend(&file, its_clock).await });
        if let Ok(Ok(opened)) = within(&*clock, limit, opening.join()).await {
            return opened;
        }
        let why = format!("it is not open after {limit:?}: it is being mended, or another program hangs opening it");
        let reading = Self::open_to_read(path, clock.clone(), why.clone(), false);
        match within(&*clock, limit, reading).await {
            Ok(Some(store)) => Ok((store, None)),
            Ok(None) | Err(_) => Err(StoreError::Unavailable {
                place: path.display().to_string(),
                source: why.into(),
            }),
        }
    }

    /// For a disk that takes nothing: what is in the file is needed to put calls back. `None` where that is not to be had
    /// either.
    async fn open_to_read(path: &Path, clock: SharedClock, why: String, stays_as_it_is: bool) -> Option<Self> {
        let (pools, copy) = unseen(&*clock, Box::pin(sqlite::open_to_read(path, stays_as_it_is)))
            .await
            .ok()?;
        tracing::error!(store = %path.display(), why, "opened for reading alone");
        let again = stays_as_it_is.then(|| Again::new(path, &clock));
        Some(Self::to_read(path, clock, why, (pools, copy), again))
    }

    fn to_read(
        path: &Path,
        clock: SharedClock,
        why: String,
        (pools, copy): (Pools, Option<TempDir>),
        again: Option<Again>,
    ) -> Self {
        Self {
            place: path.display().to_string(),
            access: Access::ReadOnly { why },
            pools,
            again,
            clock,
            looked_through: Mutex::new(false),
            parts: room::Known::default(),
            helms: Sightings::default(),
            wakes: Wakes::default(),
            _folder: copy,
        }
    }

    /// Opens a file as it is, for whoever only looks: nothing is mended, nothing brought to this version, and whoever writes it goes
    /// on. One of an older version is looked at in a copy. Errors where it is not there or is not Timonel's; whether it is sound
    /// [`JournalStore::look_through`](timonel_ports::store::JournalStore::look_through) says.
    pub async fn open_to_look(path: &Path, clock: SharedClock) -> Result<Self, StoreError> {
        let why = "it was opened to be looked at alone".to_owned();
        match unseen(&*clock, Box::pin(sqlite::open_to_read(path, false))).await {
            Ok(opened) => Ok(Self::to_read(path, clock, why, opened, None)),
            Err(refused) => Self::copy_of(path, clock).await.map_err(|_| refused),
        }
    }

    /// A copy of a file as it stands at this moment, with what its write-ahead log has, whoever writes it meanwhile; brought to this
    /// version, in a folder that goes with what is given. Errors where the file is not there, is damaged or is not Timonel's.
    pub async fn copy_of(path: &Path, clock: SharedClock) -> Result<Self, StoreError> {
        let folder = temporary_folder()?;
        let copy = folder.path().join("timonel.db");
        unseen(&*clock, Box::pin(sqlite::copy(path, &copy))).await?;
        Self::open_with(&copy, clock, Durability::Process, Some(folder)).await
    }

    /// For a file that is thrown away unless it is closed and on the disk.
    pub(crate) async fn unsafe_until_closed(path: &Path, clock: SharedClock) -> Result<Self, StoreError> {
        Self::open_with(path, clock, Durability::Process, None).await
    }

    /// A new SQLite store in a folder of its own that goes with it. It is as durable as the process: for rehearsals and
    /// tests, which would only wait for the disk.
    pub async fn temporary(clock: SharedClock) -> Result<Self, StoreError> {
        let folder = temporary_folder()?;
        let path = folder.path().join("timonel.db");
        Self::open_with(&path, clock, Durability::Process, Some(folder)).await
    }

    async fn open_with(
        path: &Path,
        clock: SharedClock,
        durability: Durability,
        folder: Option<TempDir>,
    ) -> Result<Self, StoreError> {
        let sqlite::Opened {
            access,
            pools,
            looked_through,
        } = unseen(&*clock, Box::pin(sqlite::open(path, durability))).await?;
        Ok(Self {
            clock,
            place: path.display().to_string(),
            access,
            pools,
            again: None,
            looked_through: Mutex::new(looked_through),
            parts: room::Known::default(),
            helms: Sightings::default(),
            wakes: Wakes::default(),
            _folder: folder,
        })
    }

    /// Whether it can be written.
    pub fn access(&self) -> &Access {
        self.opened_again().map_or(&self.access, |_| &Access::Full)
    }

    /// Proves by a write that changes nothing that it takes writes. A file that was opened for reading alone because its disk took
    /// nothing is opened again for that, now and then, and goes on as any other once that is over. Errors as every write.
    pub async fn takes_writes(&self, rollout: &RolloutId) -> Result<(), StoreError> {
        if let Some(again) = self.again.as_ref().filter(|again| again.is_due(&*self.clock)) {
            match self
                .unseen(Box::pin(sqlite::open(&again.path, Durability::PowerCut)))
                .await
            {
                Ok(sqlite::Opened {
                    access: Access::Full,
                    pools,
                    ..
                }) => {
                    tracing::warn!(store = %self.place, "it takes writes again");
                    // Another may have been as fast: its pools are as good.
                    drop(again.pools.set(pools));
                }
                Ok(_) => {}
                Err(error) => tracing::debug!(%error, "the store can still only be read"),
            }
        }
        let written = self.execute(statement::TOUCH_ROLLOUT, &[rollout.as_str().into()]).await;
        written
            .map(drop)
            .map_err(self.unwritten("a proof that it can be written"))
    }

    fn opened_again(&self) -> Option<&Pools> {
        self.again.as_ref()?.pools.get()
    }

    /// Where it is, without secrets.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Closes it. Without this it is closed some time after the last handle is gone.
    pub async fn close(&self) {
        self.unseen(self.pools.close()).await;
        if let Some(pools) = self.opened_again() {
            self.unseen(pools.close()).await;
        }
    }

    pub(crate) fn looked_through(&self) -> &Mutex<bool> {
        &self.looked_through
    }

    pub(crate) fn pools(&self) -> &Pools {
        self.opened_again().unwrap_or(&self.pools)
    }

    pub(crate) fn unseen<F: Future>(&self, work: F) -> impl Future<Output = F::Output> {
        unseen(&*self.clock, work)
    }

    pub(crate) async fn link(&self, errand: Errand) -> Result<Link, sqlx::Error> {
        Box::pin(self.pools().link(errand, &self.clock)).await
    }

    /// Runs one statement on a connection of its own, and gives the number of rows that it changed.
    pub(crate) async fn execute(&self, sql: &'static str, args: &[Arg<'_>]) -> Result<u64, sqlx::Error> {
        self.unseen(Box::pin(async {
            self.link(Errand::Write).await?.execute(sql, args).await
        }))
        .await
    }

    /// Reads rows on a connection of its own.
    pub(crate) async fn rows(&self, sql: &'static str, args: &[Arg<'_>]) -> Result<Vec<Row>, sqlx::Error> {
        self.unseen(Box::pin(async { self.link(Errand::Read).await?.rows(sql, args).await }))
            .await
    }

    /// What a failed statement means: what every operation has in common, else what `otherwise` says.
    pub(crate) fn failed(&self, error: sqlx::Error, otherwise: impl FnOnce(sqlx::Error) -> StoreError) -> StoreError {
        let failed = fault(&self.place, error, otherwise);
        match (failed, self.access()) {
            (StoreError::ReadOnly { place, .. }, Access::ReadOnly { why }) => StoreError::ReadOnly {
                place,
                why: why.clone(),
            },
            (failed, _) => failed,
        }
    }

    pub(crate) fn unread(&self, what: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
        move |error| {
            self.failed(error, |source| StoreError::Read {
                what,
                source: source.into(),
            })
        }
    }

    pub(crate) fn unwritten(&self, what: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
        move |error| {
            self.failed(error, |source| StoreError::Write {
                what,
                source: source.into(),
            })
        }
    }

    pub(crate) fn corrupt(&self, detail: impl ToString) -> StoreError {
        StoreError::Corrupt {
            place: self.place.clone(),
            detail: detail.to_string(),
        }
    }

    /// A number that was never negative when it was written, and fits `T`.
    pub(crate) fn natural<T: TryFrom<i64>>(&self, n: i64) -> Result<T, StoreError> {
        T::try_from(n).map_err(|_| self.corrupt(format!("{n} where no such number can be")))
    }
}

/// A folder that goes with whoever holds it.
fn temporary_folder() -> Result<TempDir, StoreError> {
    let made = tempfile::Builder::new().prefix("timonel-").tempdir();
    made.map_err(|source| StoreError::Open {
        place: std::env::temp_dir().display().to_string(),
        source: source.into(),
    })
}

/// Databases keep 64 bits with a sign.
pub(crate) fn integer(what: &'static str, n: u64) -> Result<i64, StoreError> {
    i64::try_from(n).map_err(|_| StoreError::Range { what })
}
