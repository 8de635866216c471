//! The journal's rows. One entry is one statement and one transaction; that it follows its writer's last one is
//! checked by the table itself.

use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use timonel_domain::value::Writer;
use timonel_journal::chain::Head;
use timonel_journal::entry::{Entry, Hash, Sealed};
use timonel_ports::store::{JournalStore, Part, Placed, Position, StoreError};

use super::{Sqlite, integer};
use crate::statement;

#[async_trait]
impl JournalStore for Sqlite {
    async fn append(&self, entries: &[Sealed]) -> Result<(), StoreError> {
        let unappended = |error| self.failed(error, |source| StoreError::Append { source: source.into() });
        let rows = entries
            .iter()
            .map(|sealed| Ok((sealed.entry()?, sealed)))
            .collect::<Result<Vec<_>, StoreError>>()?;
        self.unseen(async {
            match rows.as_slice() {
                [] => Ok(()),
                [(entry, sealed)] => {
                    let mut connection = self.writer.acquire().await.map_err(unappended)?;
                    self.append_one(&mut connection, entry, sealed).await
                }
                several => {
                    let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(unappended)?;
                    for (entry, sealed) in several {
                        self.append_one(&mut transaction, entry, sealed).await?;
                    }
                    transaction.commit().await.map_err(unappended)
                }
            }
        })
        .await
    }

    async fn head(&self, writer: &Writer) -> Result<Head, StoreError> {
        let unread = "the head of a chain";
        let row: Option<(i64, Vec<u8>)> = self
            .unseen(
                sqlx::query_as(statement::HEAD)
                    .bind(writer.as_str())
                    .fetch_optional(&self.readers),
            )
            .await
            .map_err(self.unread(unread))?;
        match row {
            Some((seq, hash)) => Ok(Head {
                seq: self.natural(seq)?,
                hash: self.hash(&hash)?,
            }),
            None => Ok(Head::EMPTY),
        }
    }

    async fn entries(&self, of: Part<'_>, after: Position, limit: u32) -> Result<Vec<Placed>, StoreError> {
        let (sql, key) = match of {
            Part::All => (statement::ENTRIES, None),
            Part::Rollout(rollout) => (statement::ENTRIES_OF_ROLLOUT, Some(rollout.as_str())),
            Part::Writer(writer) => (statement::ENTRIES_OF_WRITER, Some(writer.as_str())),
        };
        let query = sqlx::query(sql).bind(after.0).bind(i64::from(limit));
        let query = match key {
            Some(key) => query.bind(key),
            None => query,
        };
        let rows = self
            .unseen(query.fetch_all(&self.readers))
            .await
            .map_err(self.unread("the journal"))?;
        rows.iter().map(|row| self.placed(row)).collect()
    }
}

impl Sqlite {
    async fn append_one(
        &self,
        connection: &mut SqliteConnection,
        entry: &Entry,
        sealed: &Sealed,
    ) -> Result<(), StoreError> {
        let out_of_order = || StoreError::OutOfOrder {
            writer: entry.writer.clone(),
            seq: entry.seq,
        };
        let unappended = |error: sqlx::Error| {
            // The two ways in which the table says that an entry does not follow: its trigger, and its CHECK.
            match error.as_database_error().and_then(|e| e.code()).as_deref() {
                Some("1811" | "275") => out_of_order(),
                _ => self.failed(error, |source| StoreError::Append { source: source.into() }),
            }
        };
        let seq = integer("the number of a journal entry", entry.seq)?;
        let appended = sqlx::query(statement::APPEND)
            .bind(entry.writer.as_str())
            .bind(seq)
            .bind(entry.previous.bytes().as_slice())
            .bind(sealed.hash().bytes().to_vec())
            .bind(entry.occurred_at.micros())
            .bind(entry.rollout.as_ref().map(|rollout| rollout.as_str()))
            .bind(entry.kind.as_str())
            .bind(sealed.bytes())
            .execute(&mut *connection)
            .await
            .map_err(unappended)?;
        if appended.rows_affected() == 1 {
            return Ok(());
        }
        let there: Option<Vec<u8>> = sqlx::query_scalar(statement::ENTRY_HASH)
            .bind(entry.writer.as_str())
            .bind(seq)
            .fetch_optional(connection)
            .await
            .map_err(unappended)?;
        match there {
            Some(hash) if self.hash(&hash)? == sealed.hash() => Ok(()),
            Some(_) => Err(StoreError::Conflict {
                what: format!("journal entry, number {} of {}", entry.seq, entry.writer),
            }),
            None => Err(out_of_order()),
        }
    }

    fn placed(&self, row: &SqliteRow) -> Result<Placed, StoreError> {
        let unread = || self.unread("the journal");
        let position = row.try_get("position").map(Position).map_err(unread())?;
        let hash = self.hash(row.try_get("hash").map_err(unread())?)?;
        let bytes: &[u8] = row.try_get("bytes").map_err(unread())?;
        Ok(Placed {
            position,
            sealed: Sealed::from_stored(bytes, hash),
        })
    }

    pub(super) fn hash(&self, bytes: &[u8]) -> Result<Hash, StoreError> {
        Hash::try_from(bytes).map_err(|bad| self.corrupt(bad))
    }
}
