//! The helm as one row whose epoch only grows; the table itself refuses a smaller one.

use async_trait::async_trait;
use timonel_domain::time::Timestamp;
use timonel_domain::value::Writer;
use timonel_ports::helm::{Helm, HelmError, HelmState};
use timonel_ports::store::StoreError;

use crate::database::{Database, integer};
use crate::statement;

#[async_trait]
impl Helm for Database {
    async fn current(&self) -> Result<HelmState, HelmError> {
        self.helm().await.map_err(unavailable)
    }

    async fn take(&self, by: &Writer, expecting: u64) -> Result<u64, HelmError> {
        let expected = integer("the epoch of the helm", expecting).map_err(unavailable)?;
        let row = [by.as_str().into(), self.clock.now().micros().into(), expected.into()];
        let taken = self
            .execute(statement::TAKE_HELM, &row)
            .await
            .map_err(self.unwritten("the helm"))
            .map_err(unavailable)?;
        if taken == 1 {
            return Ok(expecting + 1);
        }
        Err(HelmError::Contested {
            now: self.current().await?,
        })
    }

    async fn release(&self, by: &Writer, epoch: u64) -> Result<(), HelmError> {
        let epoch = integer("the epoch of the helm", epoch).map_err(unavailable)?;
        self.execute(statement::RELEASE_HELM, &[by.as_str().into(), epoch.into()])
            .await
            .map_err(self.unwritten("the helm"))
            .map_err(unavailable)?;
        Ok(())
    }
}

impl Database {
    async fn helm(&self) -> Result<HelmState, StoreError> {
        let unread = || self.unread("the helm");
        let rows = self.rows(statement::HELM, &[]).await.map_err(unread())?;
        let Some(row) = rows.first() else {
            return Err(self.corrupt("the row of the helm is gone"));
        };
        let holder: Option<&str> = row.get("holder").map_err(unread())?;
        let since: Option<i64> = row.get("since").map_err(unread())?;
        let held = match (holder, since) {
            (Some(holder), Some(since)) => {
                let holder = Writer::new(holder).map_err(|bad| self.corrupt(bad))?;
                Some((holder, Timestamp::from_micros(since)))
            }
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return Err(self.corrupt("a helm that is held since never")),
        };
        Ok(HelmState {
            epoch: self.natural(row.get("epoch").map_err(unread())?)?,
            held,
        })
    }
}

fn unavailable(error: StoreError) -> HelmError {
    HelmError::Unavailable(error.into())
}
