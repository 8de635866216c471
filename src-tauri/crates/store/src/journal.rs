//! The journal's rows. One entry is one statement and one transaction, a burst is few statements of many rows in one; that each
//! follows its writer's last one is checked by the table itself.

use std::path::Path;

use async_trait::async_trait;
use timonel_domain::value::Writer;
use timonel_journal::chain::Head;
use timonel_journal::entry::{Entry, Hash, Sealed};
use timonel_ports::store::{JournalStore, Part, Placed, Position, StoreError};

use crate::database::{Access, Database, integer};
use crate::fault::does_not_follow;
use crate::link::{Arg, Errand, Link, Row};
use crate::{sqlite, statement};

#[async_trait]
impl JournalStore for Database {
    async fn append(&self, entries: &[Sealed]) -> Result<(), StoreError> {
        let unappended = |error| self.failed(error, |source| StoreError::Append { source: source.into() });
        let rows = entries
            .iter()
            .map(|sealed| Ok((sealed.entry()?, sealed)))
            .collect::<Result<Vec<_>, StoreError>>()?;
        self.unseen(async {
            if rows.is_empty() {
                return Ok(());
            }
            let mut link = self.link(Errand::Append).await.map_err(unappended)?;
            if let [(entry, sealed)] = rows.as_slice() {
                return self.append_one(&mut link, entry, sealed).await;
            }
            link.begin().await.map_err(unappended)?;
            let appended = self.append_each(&mut link, &rows).await;
            link.end(appended, unappended).await
        })
        .await?;
        self.wake();
        Ok(())
    }

    async fn head(&self, writer: &Writer) -> Result<Head, StoreError> {
        let unread = "the head of a chain";
        let rows = self.rows(statement::HEAD, &[writer.as_str().into()]).await;
        let rows = rows.map_err(self.unread(unread))?;
        let Some(row) = rows.first() else {
            return Ok(Head::EMPTY);
        };
        Ok(Head {
            seq: self.natural(row.get("seq").map_err(self.unread(unread))?)?,
            hash: self.hash(row.get("hash").map_err(self.unread(unread))?)?,
        })
    }

    async fn entries(&self, of: Part<'_>, after: Position, limit: u32) -> Result<Vec<Placed>, StoreError> {
        let (sql, key) = match of {
            Part::All => (statement::ENTRIES, None),
            Part::Rollout(rollout) => (statement::ENTRIES_OF_ROLLOUT, Some(rollout.as_str())),
            Part::Writer(writer) => (statement::ENTRIES_OF_WRITER, Some(writer.as_str())),
        };
        let args: Vec<_> = [after.0.into(), i64::from(limit).into()]
            .into_iter()
            .chain(key.map(Into::into))
            .collect();
        let rows = self.rows(sql, &args).await.map_err(self.unread("the journal"))?;
        rows.iter().map(|row| self.placed(row)).collect()
    }

    async fn look_through(&self) -> Result<(), StoreError> {
        let mut looked_through = self.looked_through().lock().await;
        if *looked_through {
            return Ok(());
        }
        let path = Path::new(self.place());
        match self.unseen(sqlite::look_through(path)).await {
            Ok(()) => {
                *looked_through = true;
                Ok(())
            }
            Err(error) => {
                // Whoever only looks leaves nothing behind.
                if let (StoreError::Corrupt { detail, .. }, Access::Full) = (&error, self.access()) {
                    crate::damage::suspect(path, detail);
                }
                Err(error)
            }
        }
    }
}

impl Database {
    async fn append_each(&self, link: &mut Link, rows: &[(Entry, &Sealed)]) -> Result<(), StoreError> {
        let mut rest = rows;
        while !rest.is_empty() {
            let Some((many, sql)) = statement::APPEND_MANY.iter().find(|(many, _)| *many <= rest.len()) else {
                for (entry, sealed) in rest {
                    self.append_one(link, entry, sealed).await?;
                }
                return Ok(());
            };
            let (now, later) = rest.split_at(*many);
            let hashes: Vec<_> = now.iter().map(|(_, sealed)| sealed.hash()).collect();
            let mut args = Vec::with_capacity(now.len() * 8);
            for ((entry, sealed), hash) in now.iter().zip(&hashes) {
                args.extend(columns(entry, sealed, hash)?);
            }
            let appended = link.execute(sql, &args).await;
            if appended.map_err(|error| self.unappended(&now[0].0, error))? < now.len() as u64 {
                // Some are there already, or others have their numbers: one by one it is seen which.
                for (entry, sealed) in now {
                    self.append_one(link, entry, sealed).await?;
                }
            }
            rest = later;
        }
        Ok(())
    }

    async fn append_one(&self, link: &mut Link, entry: &Entry, sealed: &Sealed) -> Result<(), StoreError> {
        let unappended = |error: sqlx::Error| self.unappended(entry, error);
        let hash = sealed.hash();
        let row = columns(entry, sealed, &hash)?;
        if link.execute(statement::APPEND, &row).await.map_err(unappended)? == 1 {
            return Ok(());
        }
        let there = link.row(statement::ENTRY_HASH, &row[..2]).await.map_err(unappended)?;
        match there {
            Some(there) if self.hash(there.get("hash").map_err(unappended)?)? == hash => Ok(()),
            Some(_) => Err(StoreError::Conflict {
                what: format!("journal entry, number {} of {}", entry.seq, entry.writer),
            }),
            None => Err(out_of_order(entry)),
        }
    }

    fn unappended(&self, entry: &Entry, error: sqlx::Error) -> StoreError {
        if does_not_follow(&error) {
            return out_of_order(entry);
        }
        self.failed(error, |source| StoreError::Append { source: source.into() })
    }

    fn placed(&self, row: &Row) -> Result<Placed, StoreError> {
        let unread = || self.unread("the journal");
        let position = row.get("position").map(Position).map_err(unread())?;
        let hash = self.hash(row.get("hash").map_err(unread())?)?;
        let bytes: &[u8] = row.get("bytes").map_err(unread())?;
        Ok(Placed {
            position,
            sealed: Sealed::from_stored(bytes, hash),
        })
    }

    pub(crate) fn hash(&self, bytes: &[u8]) -> Result<Hash, StoreError> {
        Hash::try_from(bytes).map_err(|bad| self.corrupt(bad))
    }
}
fn out_of_order(entry: &Entry) -> StoreError {
    StoreError::OutOfOrder {
        writer: entry.writer.clone(),
        seq: entry.seq,
    }
}

/// The columns of [`statement::APPEND`].
fn columns<'a>(entry: &'a Entry, sealed: &'a Sealed, hash: &'a Hash) -> Result<[Arg<'a>; 8], StoreError> {
    Ok([
        entry.writer.as_str().into(),
        integer("the number of a journal entry", entry.seq)?.into(),
        entry.previous.bytes().as_slice().into(),
        hash.bytes().as_slice().into(),
        entry.occurred_at.micros().into(),
        entry.rollout.as_ref().map(|rollout| rollout.as_str()).into(),
        entry.kind.as_str().into(),
        sealed.bytes().into(),
    ])
}
