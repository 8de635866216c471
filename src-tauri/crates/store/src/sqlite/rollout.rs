//! Plans and rollouts as rows.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use timonel_domain::time::Timestamp;
use timonel_domain::value::{PlanId, RolloutId};
use timonel_ports::store::{PlanRevision, RolloutRow, RolloutStore, StoreError};

use super::Sqlite;
use crate::statement;

#[async_trait]
impl RolloutStore for Sqlite {
    async fn put_plan(&self, plan: &PlanRevision) -> Result<(), StoreError> {
        let put = sqlx::query(statement::PUT_PLAN)
            .bind(plan.plan().as_str())
            .bind(i64::from(plan.revision()))
            .bind(plan.hash().bytes().to_vec())
            .bind(plan.text())
            .execute(&self.writer);
        if self
            .unseen(put)
            .await
            .map_err(self.unwritten("a plan"))?
            .rows_affected()
            == 1
        {
            return Ok(());
        }
        match self.plan(plan.plan(), plan.revision()).await? {
            Some(there) if there == *plan => Ok(()),
            Some(_) | None => Err(StoreError::Conflict {
                what: format!("plan, revision {} of {}", plan.revision(), plan.plan()),
            }),
        }
    }

    async fn plan(&self, plan: &PlanId, revision: u32) -> Result<Option<PlanRevision>, StoreError> {
        let get = sqlx::query_as(statement::PLAN)
            .bind(plan.as_str())
            .bind(i64::from(revision))
            .fetch_optional(&self.readers);
        let row: Option<(Vec<u8>, String)> = self.unseen(get).await.map_err(self.unread("a plan"))?;
        let Some((hash, text)) = row else { return Ok(None) };
        let found = PlanRevision::new(plan.clone(), revision, text);
        if found.hash() != self.hash(&hash)? {
            return Err(self.corrupt(format!("revision {revision} of the plan {plan} was changed")));
        }
        Ok(Some(found))
    }

    async fn put_rollout(&self, rollout: &RolloutRow) -> Result<(), StoreError> {
        let put = sqlx::query(statement::PUT_ROLLOUT)
            .bind(rollout.id.as_str())
            .bind(rollout.plan.as_str())
            .bind(i64::from(rollout.revision))
            .bind(rollout.environment.as_str())
            .bind(rollout.opened_at.micros())
            .bind(rollout.closed_at.map(Timestamp::micros))
            .execute(&self.writer);
        let put = self.unseen(put).await.map_err(|error| {
            if error.as_database_error().is_some_and(|e| e.is_foreign_key_violation()) {
                let what = format!("revision {} of the plan {}", rollout.revision, rollout.plan);
                return StoreError::Unknown { what };
            }
            self.unwritten("a rollout")(error)
        })?;
        if put.rows_affected() == 1 {
            return Ok(());
        }
        Err(StoreError::Conflict {
            what: format!("rollout {}", rollout.id),
        })
    }

    async fn rollouts(&self) -> Result<Vec<RolloutRow>, StoreError> {
        let rows = sqlx::query(statement::ROLLOUTS).fetch_all(&self.readers);
        let rows = self.unseen(rows).await.map_err(self.unread("the rollouts"))?;
        rows.iter().map(|row| self.rollout(row)).collect()
    }
}

impl Sqlite {
    fn rollout(&self, row: &SqliteRow) -> Result<RolloutRow, StoreError> {
        let unread = || self.unread("the rollouts");
        Ok(RolloutRow {
            id: RolloutId::new(row.try_get("id").map_err(unread())?).map_err(|bad| self.corrupt(bad))?,
            plan: PlanId::new(row.try_get("plan").map_err(unread())?).map_err(|bad| self.corrupt(bad))?,
            revision: row.try_get("revision").map_err(unread())?,
            environment: row.try_get("environment").map_err(unread())?,
            opened_at: row.try_get("opened_at").map(Timestamp::from_micros).map_err(unread())?,
            closed_at: row
                .try_get::<Option<i64>, _>("closed_at")
                .map_err(unread())?
                .map(Timestamp::from_micros),
        })
    }
}
