//! Readings as rows: plain columns for what screens ask for, the buckets of a distribution as compact JSON.

use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use timonel_domain::sample::{Bucket, Sample, Value};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Arm, Quantity, RolloutId, Side, SignalId};
use timonel_ports::store::{SampleStore, StoreError, UnitRow};

use crate::database::{Database, integer};
use crate::link::{Errand, Link, Row};
use crate::statement;

#[async_trait]
impl SampleStore for Database {
    async fn put_samples(&self, rollout: &RolloutId, samples: &[Sample]) -> Result<(), StoreError> {
        let columns = samples.iter().map(Columns::of).collect::<Result<Vec<_>, _>>()?;
        self.unseen(async {
            let mut link = self.link(Errand::Write).await.map_err(self.unwritten("samples"))?;
            link.begin().await.map_err(self.unwritten("samples"))?;
            let put = self.insert_samples(&mut link, rollout, samples, &columns).await;
            link.end(put, |error| self.of_rollout(rollout, error, "samples")).await
        })
        .await
    }

    async fn samples(
        &self,
        rollout: &RolloutId,
        signal: &SignalId,
        during: Range<Timestamp>,
    ) -> Result<Vec<Sample>, StoreError> {
        self.select_samples(rollout, signal, during).await
    }

    async fn put_units(&self, rollout: &RolloutId, units: &[UnitRow]) -> Result<(), StoreError> {
        self.unseen(self.insert_units(rollout, units)).await
    }

    async fn units(&self, rollout: &RolloutId, after: u64, limit: u32) -> Result<Vec<UnitRow>, StoreError> {
        self.select_units(rollout, after, limit).await
    }

    async fn last_unit(&self, rollout: &RolloutId) -> Result<u64, StoreError> {
        let rows = self.rows(statement::LAST_UNIT, &[rollout.as_str().into()]).await;
        let rows = rows.map_err(self.unread("units"))?;
        let Some(last) = rows.first() else { return Ok(0) };
        self.natural(last.get("seq").map_err(self.unread("units"))?)
    }

    async fn roll_up(
        &self,
        rollout: &RolloutId,
        signals: &[SignalId],
        before: Timestamp,
        span: Duration,
    ) -> Result<bool, StoreError> {
        for signal in signals {
            if self.roll_up_readings(rollout, signal, before, span).await? {
                return Ok(true);
            }
        }
        self.roll_up_outcomes(rollout, before, span).await
    }
}

/// A reading's value, spread over the columns of its kind.
#[derive(Default)]
pub(crate) struct Columns {
    kind: &'static str,
    since: Option<i64>,
    bad: Option<i64>,
    total: Option<i64>,
    level: Option<i64>,
    sum: Option<i64>,
    buckets: Option<String>,
}

impl Columns {
    pub(crate) fn of(sample: &Sample) -> Result<Self, StoreError> {
        const WHAT: &str = "a count of a sample";
        let total = sample.value.units().map(|units| integer(WHAT, units)).transpose()?;
        Ok(match &sample.value {
            Value::Ratio { since, bad, total: _ } => {
                let bad = Some(integer(WHAT, *bad)?);
                Self {
                    kind: "ratio",
                    since: Some(since.micros()),
                    bad,
                    total,
                    ..Self::default()
                }
            }
            Value::Distribution { since, buckets, sum } => {
                let buckets: Vec<_> = buckets.iter().map(|b| (b.le.map(Quantity::micros), b.n)).collect();
                let buckets = serde_json::to_string(&buckets).expect("pairs of integers are JSON");
                let (sum, buckets) = (Some(sum.micros()), Some(buckets));
                Self {
                    kind: "distribution",
                    since: Some(since.micros()),
                    total,
                    sum,
                    buckets,
                    ..Self::default()
                }
            }
            Value::Count { since, n: _ } => Self {
                kind: "count",
                since: Some(since.micros()),
                total,
                ..Self::default()
            },
            Value::Level(level) => Self {
                kind: "level",
                level: Some(level.micros()),
                ..Self::default()
            },
        })
    }
}

impl Database {
    pub(crate) async fn insert_samples(
        &self,
        link: &mut Link,
        rollout: &RolloutId,
        samples: &[Sample],
        columns: &[Columns],
    ) -> Result<(), StoreError> {
        for (sample, columns) in samples.iter().zip(columns) {
            let row = [
                rollout.as_str().into(),
                sample.signal.as_str().into(),
                sample.as_of.micros().into(),
                side_text(sample.side).into(),
                columns.kind.into(),
                columns.since.into(),
                columns.bad.into(),
                columns.total.into(),
                columns.level.into(),
                columns.sum.into(),
                columns.buckets.as_deref().into(),
            ];
            let put = link.execute(statement::PUT_SAMPLE, &row).await;
            put.map_err(|error| self.of_rollout(rollout, error, "samples"))?;
        }
        Ok(())
    }

    pub(crate) async fn select_samples(
        &self,
        rollout: &RolloutId,
        signal: &SignalId,
        during: Range<Timestamp>,
    ) -> Result<Vec<Sample>, StoreError> {
        let key = [
            rollout.as_str().into(),
            signal.as_str().into(),
            during.start.micros().into(),
            during.end.micros().into(),
        ];
        let rows = self
            .rows(statement::SAMPLES, &key)
            .await
            .map_err(self.unread("samples"))?;
        rows.iter().map(|row| self.sample(signal, row)).collect()
    }

    /// Says which rollout is not there, where that is why nothing was written.
    pub(crate) fn of_rollout(&self, rollout: &RolloutId, error: sqlx::Error, what: &'static str) -> StoreError {
        if error.as_database_error().is_some_and(|e| e.is_foreign_key_violation()) {
            return StoreError::Unknown {
                what: format!("the rollout {rollout}"),
            };
        }
        self.unwritten(what)(error)
    }

    fn sample(&self, signal: &SignalId, row: &Row) -> Result<Sample, StoreError> {
        let integer = |column| row.get::<i64>(column).map_err(self.unread("samples"));
        let count = |column| self.natural(integer(column)?);
        let text = |column| row.get::<&str>(column).map_err(self.unread("samples"));
        let since = || integer("since").map(Timestamp::from_micros);
        let value = match text("kind")? {
            "ratio" => Value::Ratio {
                since: since()?,
                bad: count("bad")?,
                total: count("total")?,
            },
            "distribution" => {
                let buckets: Vec<(Option<i64>, u64)> =
                    serde_json::from_str(text("buckets")?).map_err(|bad| self.corrupt(bad))?;
                let buckets = buckets.into_iter().map(|(le, n)| Bucket {
                    le: le.map(Quantity::from_micros),
                    n,
                });
                let sum = Quantity::from_micros(integer("sum")?);
                Value::Distribution {
                    since: since()?,
                    buckets: buckets.collect(),
                    sum,
                }
            }
            "count" => Value::Count {
                since: since()?,
                n: count("total")?,
            },
            "level" => Value::Level(Quantity::from_micros(integer("level")?)),
            other => return Err(self.corrupt(format!("a sample of the kind `{other}`"))),
        };
        let as_of = Timestamp::from_micros(integer("as_of")?);
        Ok(Sample {
            signal: signal.clone(),
            side: self.side(text("side")?)?,
            as_of,
            value,
        })
    }

    pub(crate) fn side(&self, text: &str) -> Result<Side, StoreError> {
        match text {
            "stable" => Ok(Side::Stable),
            "canary" => Ok(Side::Canary),
            "whole" => Ok(Side::Whole),
            other => Err(self.corrupt(format!("a side `{other}`"))),
        }
    }

    pub(crate) fn arm(&self, text: &str) -> Result<Arm, StoreError> {
        match self.side(text)? {
            Side::Stable => Ok(Arm::Stable),
            Side::Canary => Ok(Arm::Canary),
            Side::Whole => Err(self.corrupt("a call that both arms answered")),
        }
    }
}

pub(crate) fn side_text(side: Side) -> &'static str {
    match side {
        Side::Stable => "stable",
        Side::Canary => "canary",
        Side::Whole => "whole",
    }
}
