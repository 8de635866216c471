//! Checkpoints as rows. They are a convenience: a store that can only be read has none that are new.

use async_trait::async_trait;
use timonel_domain::value::RolloutId;
use timonel_ports::checkpoint::{Checkpoint, CheckpointStore};
use timonel_ports::store::{Position, StoreError};

use crate::database::Database;
use crate::statement;

#[async_trait]
impl CheckpointStore for Database {
    async fn put_checkpoint(&self, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        let row = [
            checkpoint.rollout.as_str().into(),
            checkpoint.reader.as_str().into(),
            checkpoint.position.0.into(),
            checkpoint.entry.bytes().as_slice().into(),
            checkpoint.seal.bytes().as_slice().into(),
            checkpoint.body.as_slice().into(),
        ];
        let put = self.execute(statement::PUT_CHECKPOINT, &row).await;
        put.map(drop).map_err(|error| {
            if error.as_database_error().is_some_and(|e| e.is_foreign_key_violation()) {
                let what = format!("rollout {}", checkpoint.rollout);
                return StoreError::Unknown { what };
            }
            self.unwritten("a checkpoint")(error)
        })
    }

    async fn checkpoint(&self, rollout: &RolloutId, reader: &str) -> Result<Option<Checkpoint>, StoreError> {
        let unread = || self.unread("a checkpoint");
        let key = [rollout.as_str().into(), reader.into()];
        let rows = self.rows(statement::CHECKPOINT, &key).await.map_err(unread())?;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(Some(Checkpoint {
            rollout: rollout.clone(),
            reader: reader.to_owned(),
            position: row.get("position").map(Position).map_err(unread())?,
            entry: self.hash(row.get("entry").map_err(unread())?)?,
            body: row.get::<&[u8]>("body").map_err(unread())?.to_vec(),
            seal: self.hash(row.get("seal").map_err(unread())?)?,
        }))
    }
}
