//! Plans and rollouts as rows.

use async_trait::async_trait;
use timonel_domain::time::Timestamp;
use timonel_domain::value::{PlanId, RolloutId};
use timonel_ports::store::{PlanRevision, RolloutRow, RolloutStore, StoreError};

use crate::database::Database;
use crate::link::Row;
use crate::statement;

#[async_trait]
impl RolloutStore for Database {
    async fn put_plan(&self, plan: &PlanRevision) -> Result<(), StoreError> {
        let hash = plan.hash();
        let row = [
            plan.plan().as_str().into(),
            i64::from(plan.revision()).into(),
            hash.bytes().as_slice().into(),
            plan.text().into(),
        ];
        let put = self.execute(statement::PUT_PLAN, &row).await;
        if put.map_err(self.unwritten("a plan"))? == 1 {
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
        let unread = || self.unread("a plan");
        let key = [plan.as_str().into(), i64::from(revision).into()];
        let rows = self.rows(statement::PLAN, &key).await.map_err(unread())?;
        let Some(row) = rows.first() else { return Ok(None) };
        let text: &str = row.get("text").map_err(unread())?;
        let found = PlanRevision::new(plan.clone(), revision, text.to_owned());
        if found.hash() != self.hash(row.get("hash").map_err(unread())?)? {
            return Err(self.corrupt(format!("revision {revision} of the plan {plan} was changed")));
        }
        Ok(Some(found))
    }

    async fn put_rollout(&self, rollout: &RolloutRow) -> Result<(), StoreError> {
        let row = [
            rollout.id.as_str().into(),
            rollout.plan.as_str().into(),
            i64::from(rollout.revision).into(),
            rollout.environment.as_str().into(),
            rollout.opened_at.micros().into(),
            rollout.closed_at.map(Timestamp::micros).into(),
        ];
        let put = self.execute(statement::PUT_ROLLOUT, &row).await.map_err(|error| {
            if error.as_database_error().is_some_and(|e| e.is_foreign_key_violation()) {
                let what = format!("revision {} of the plan {}", rollout.revision, rollout.plan);
                return StoreError::Unknown { what };
            }
            self.unwritten("a rollout")(error)
        })?;
        if put == 1 {
            return Ok(());
        }
        Err(StoreError::Conflict {
            what: format!("rollout {}", rollout.id),
        })
    }

    async fn rollouts(&self) -> Result<Vec<RolloutRow>, StoreError> {
        let rows = self.rows(statement::ROLLOUTS, &[]).await;
        let rows = rows.map_err(self.unread("the rollouts"))?;
        rows.iter().map(|row| self.rollout(row)).collect()
    }
}

impl Database {
    fn rollout(&self, row: &Row) -> Result<RolloutRow, StoreError> {
        let unread = || self.unread("the rollouts");
        Ok(RolloutRow {
            id: RolloutId::new(row.get("id").map_err(unread())?).map_err(|bad| self.corrupt(bad))?,
            plan: PlanId::new(row.get("plan").map_err(unread())?).map_err(|bad| self.corrupt(bad))?,
            revision: self.natural(row.get("revision").map_err(unread())?)?,
            environment: row.get::<&str>("environment").map_err(unread())?.to_owned(),
            opened_at: row.get("opened_at").map(Timestamp::from_micros).map_err(unread())?,
            closed_at: row
                .get::<Option<i64>>("closed_at")
                .map_err(unread())?
                .map(Timestamp::from_micros),
        })
    }
}
