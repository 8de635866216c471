//! The helm as one row whose epoch only grows; the table itself refuses a smaller one.

use async_trait::async_trait;
use timonel_domain::time::Timestamp;
use timonel_domain::value::Writer;
use timonel_ports::helm::{Helm, HelmError, HelmState};
use timonel_ports::store::StoreError;

use super::{Sqlite, integer};
use crate::statement;

#[async_trait]
impl Helm for Sqlite {
    async fn current(&self) -> Result<HelmState, HelmError> {
        self.helm().await.map_err(unavailable)
    }

    async fn take(&self, by: &Writer, expecting: u64) -> Result<u64, HelmError> {
        let expected = integer("the epoch of the helm", expecting).map_err(unavailable)?;
        let take = sqlx::query(statement::TAKE_HELM)
            .bind(by.as_str())
            .bind(self.clock.now().micros())
            .bind(expected)
            .execute(&self.writer);
        let taken = self
            .unseen(take)
            .await
            .map_err(self.unwritten("the helm"))
            .map_err(unavailable)?;
        if taken.rows_affected() == 1 {
            return Ok(expecting + 1);
        }
        Err(HelmError::Contested {
            now: self.current().await?,
        })
    }

    async fn release(&self, by: &Writer, epoch: u64) -> Result<(), HelmError> {
        let epoch = integer("the epoch of the helm", epoch).map_err(unavailable)?;
        let release = sqlx::query(statement::RELEASE_HELM)
            .bind(by.as_str())
            .bind(epoch)
            .execute(&self.writer);
        self.unseen(release)
            .await
            .map_err(self.unwritten("the helm"))
            .map_err(unavailable)?;
        Ok(())
    }
}

impl Sqlite {
    async fn helm(&self) -> Result<HelmState, StoreError> {
        let get = sqlx::query_as(statement::HELM).fetch_one(&self.readers);
        let (epoch, holder, since): (i64, Option<String>, Option<i64>) =
            self.unseen(get).await.map_err(self.unread("the helm"))?;
        let held = match (holder, since) {
            (Some(holder), Some(since)) => {
                let holder = Writer::new(&holder).map_err(|bad| self.corrupt(bad))?;
                Some((holder, Timestamp::from_micros(since)))
            }
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return Err(self.corrupt("a helm that is held since never")),
        };
        Ok(HelmState {
            epoch: self.natural(epoch)?,
            held,
        })
    }
}

fn unavailable(error: StoreError) -> HelmError {
    HelmError::Unavailable(error.into())
}
