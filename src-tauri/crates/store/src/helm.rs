//! The helm of a rollout as one row whose epoch only grows; the table itself refuses a smaller one.
//!
//! When has a lease ended? A PostgreSQL server says so by its own clock. Those who share a file have only their wall
//! clocks, which may be set at any time: there a lease has ended once somebody has *seen* it stand unrenewed for its
//! whole length, by a clock that only goes forward. What the row says of its end is for people then.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use timonel_domain::time::{Mono, Timestamp};
use timonel_domain::value::{RolloutId, Writer};
use timonel_ports::helm::{Held, Helm, HelmError, HelmState, LEASE, Take};
use timonel_ports::store::StoreError;

use crate::database::{Database, integer};
use crate::link::Pools;
use crate::statement;

const WHAT: &str = "the helm";

/// So often somebody else may come in between before taking is given up.
const TRIES: usize = 20;

/// Since when the rows of helms have been seen as they are.
#[derive(Debug, Default)]
pub(crate) struct Sightings(Mutex<HashMap<RolloutId, Sighting>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sighting {
    epoch: u64,
    until: i64,
    since: Mono,
}

impl Sightings {
    /// Whether the lease of a row that is seen `now` has stood unrenewed for its whole length.
    fn ended(&self, of: &RolloutId, row: &Row, now: Mono) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = Sighting {
            epoch: row.epoch,
            until: row.until(),
            since: now,
        };
        let first = seen.entry(of.clone()).or_insert(fresh);
        if (first.epoch, first.until) != (fresh.epoch, fresh.until) {
            *first = fresh;
        }
        now.saturating_since(first.since) >= LEASE
    }
}

/// The row as it is.
struct Row {
    epoch: u64,
    held: Option<Held>,
}

impl Row {
    fn until(&self) -> i64 {
        self.held.as_ref().map_or(0, |held| held.until.micros())
    }
}

#[async_trait]
impl Helm for Database {
    async fn current(&self, of: &RolloutId) -> Result<HelmState, HelmError> {
        Ok(self.helm(of).await.map_err(unavailable)?.0)
    }

    async fn take(&self, of: &RolloutId, by: &Writer, how: Take) -> Result<u64, HelmError> {
        let failed = |error| unavailable(self.of_rollout(of, error, WHAT));
        self.execute(statement::NEW_HELM, &[of.as_str().into()])
            .await
            .map_err(failed)?;
        for _ in 0..TRIES {
            // Before the row: a lease is never thought to end later than it does, nor a new one to begin later.
            let now = self.moment().await.map_err(unavailable)?;
            let (state, until) = self.helm(of).await.map_err(unavailable)?;
            match (&state.held, how) {
                (None, _) | (Some(_), Take::ByForce) => {}
                (Some(held), Take::Again) if held.by == *by => {}
                (Some(held), Take::Free | Take::Again) => return Err(HelmError::Held(held.clone())),
            }
            let epoch = self.last_epoch().await.map_err(unavailable)?.max(state.epoch) + 1;
            let number = |epoch| integer("the epoch of the helm", epoch).map_err(unavailable);
            let row = [
                of.as_str().into(),
                by.as_str().into(),
                now.micros().into(),
                (now + LEASE).micros().into(),
                number(state.epoch)?.into(),
                until.into(),
                number(epoch)?.into(),
            ];
            if self.execute(statement::TAKE_HELM, &row).await.map_err(failed)? == 1 {
                return Ok(epoch);
            }
        }
        Err(unavailable(StoreError::Unavailable {
            place: self.place().to_owned(),
            source: "others take the helm again and again".into(),
        }))
    }

    async fn renew(&self, of: &RolloutId, by: &Writer, epoch: u64) -> Result<(), HelmError> {
        let now = self.moment().await.map_err(unavailable)?;
        let row = [
            of.as_str().into(),
            by.as_str().into(),
            integer("the epoch of the helm", epoch).map_err(unavailable)?.into(),
            (now + LEASE).micros().into(),
        ];
        let renewed = self.execute(statement::RENEW_HELM, &row).await;
        if renewed.map_err(|error| unavailable(self.unwritten(WHAT)(error)))? == 1 {
            return Ok(());
        }
        Err(HelmError::Lost {
            now: self.current(of).await?,
        })
    }

    async fn release(&self, of: &RolloutId, by: &Writer, epoch: u64) -> Result<(), HelmError> {
        let epoch = integer("the epoch of the helm", epoch).map_err(unavailable)?;
        self.execute(
            statement::RELEASE_HELM,
            &[of.as_str().into(), by.as_str().into(), epoch.into()],
        )
        .await
        .map_err(|error| unavailable(self.unwritten(WHAT)(error)))?;
        Ok(())
    }
}

impl Database {
    /// The time by the clock of whoever keeps the store.
    pub(crate) async fn moment(&self) -> Result<Timestamp, StoreError> {
        match self.pools() {
            Pools::Sqlite { .. } => Ok(self.clock.now()),
            Pools::Postgres { .. } => {
                let rows = self.rows(statement::SERVERS_NOW, &[]).await;
                let rows = rows.map_err(self.unread(WHAT))?;
                let now = rows.first().ok_or_else(|| self.corrupt("a server without a time"))?;
                now.get("now").map(Timestamp::from_micros).map_err(self.unread(WHAT))
            }
        }
    }

    /// The greatest epoch of all helms.
    async fn last_epoch(&self) -> Result<u64, StoreError> {
        let rows = self.rows(statement::LAST_EPOCH, &[]).await.map_err(self.unread(WHAT))?;
        let epoch = rows.first().map(|row| row.get::<Option<i64>>("epoch")).transpose();
        self.natural(epoch.map_err(self.unread(WHAT))?.flatten().unwrap_or(0))
    }

    /// The helm, and the end of its lease as the row has it, ended or not; 0 where nobody holds it.
    async fn helm(&self, of: &RolloutId) -> Result<(HelmState, i64), StoreError> {
        let now = self.moment().await?;
        let unread = || self.unread(WHAT);
        let rows = self.rows(statement::HELM, &[of.as_str().into()]).await;
        let rows = rows.map_err(unread())?;
        let Some(row) = rows.first() else {
            return Ok((HelmState::default(), 0));
        };
        let holder: Option<&str> = row.get("holder").map_err(unread())?;
        let moment = |column| row.get::<Option<i64>>(column).map_err(unread());
        let held = match (holder, moment("since")?, moment("until")?) {
            (Some(by), Some(since), Some(until)) => Some(Held {
                by: Writer::new(by).map_err(|bad| self.corrupt(bad))?,
                since: Timestamp::from_micros(since),
                until: Timestamp::from_micros(until),
            }),
            (None, None, None) => None,
            (_, _, _) => return Err(self.corrupt("a helm that is held by nobody, since never or for ever")),
        };
        let epoch = self.natural(row.get("epoch").map_err(unread())?)?;
        let row = Row { epoch, held };
        let until = row.until();
        let ended = match self.pools() {
            Pools::Sqlite { .. } => self.helms.ended(of, &row, self.clock.mono()),
            Pools::Postgres { .. } => now.micros() >= until,
        };
        let held = row.held.filter(|_| !ended);
        Ok((HelmState { epoch, held }, until))
    }
}

fn unavailable(error: StoreError) -> HelmError {
    HelmError::Unavailable(error.into())
}
