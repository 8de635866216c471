//! Units as rows: batches and single calls in one table, so that a replay reads one order.

use timonel_domain::time::Timestamp;
use timonel_domain::value::{Quantity, RolloutId, SignalId, Weight};
use timonel_ports::store::{CallOutcome, StoreError, UnitRow, Units};

use crate::database::{Database, integer};
use crate::link::{Arg, Errand, Link, Row};
use crate::sample::side_text;
use crate::statement;

const WHAT: &str = "units";

impl Database {
    pub(crate) async fn insert_units(&self, rollout: &RolloutId, units: &[UnitRow]) -> Result<(), StoreError> {
        let mut link = self.link(Errand::Write).await.map_err(self.unwritten(WHAT))?;
        link.begin().await.map_err(self.unwritten(WHAT))?;
        let put = self.insert_each(&mut link, rollout, units).await;
        link.end(put, |error| self.of_rollout(rollout, error, WHAT)).await
    }

    pub(crate) async fn insert_each(
        &self,
        link: &mut Link,
        rollout: &RolloutId,
        units: &[UnitRow],
    ) -> Result<(), StoreError> {
        for unit in units {
            self.insert_unit(link, rollout, unit).await?;
        }
        Ok(())
    }

    async fn insert_unit(&self, link: &mut Link, rollout: &RolloutId, unit: &UnitRow) -> Result<(), StoreError> {
        let seq = integer("the number of a unit", unit.seq)?;
        let weight = i64::from(unit.weight.hundredths());
        let (none, nothing) = (Arg::Integer(None), Arg::Text(None));
        let key = [
            rollout.as_str().into(),
            seq.into(),
            i64::from(unit.units.order_observed()).into(),
            weight.into(),
        ];
        let rest: [Arg<'_>; 13] = match &unit.units {
            Units::Batch {
                signal,
                side,
                since,
                as_of,
                bad,
                total,
            } => [
                side_text(*side).into(),
                since.micros().into(),
                as_of.micros().into(),
                integer("a count of units", *bad)?.into(),
                integer("a count of units", *total)?.into(),
                signal.as_str().into(),
                nothing,
                nothing,
                none,
                none,
                none,
                none,
                none,
            ],
            Units::Call(call) => [
                side_text(call.arm.into()).into(),
                call.started_at.micros().into(),
                call.ended_at.micros().into(),
                i64::from(call.failed).into(),
                1.into(),
                nothing,
                call.id.as_str().into(),
                call.tenant.as_deref().into(),
                i64::from(call.abandoned).into(),
                i64::from(call.turns_ok).into(),
                i64::from(call.turns_ko).into(),
                call.turn_latency_max.map(Quantity::micros).into(),
                call.turn_latency_mean.map(Quantity::micros).into(),
            ],
        };
        let conflict = || StoreError::Conflict {
            what: format!("unit, number {seq} of the rollout {rollout}"),
        };
        let row = [key.as_slice(), &rest].concat();
        let put = link.execute(statement::PUT_UNIT, &row).await.map_err(|error| {
            // Only the index of the calls is left to be violated: the call is there under another number.
            if error.as_database_error().is_some_and(|e| e.is_unique_violation()) {
                return conflict();
            }
            self.of_rollout(rollout, error, WHAT)
        })?;
        if put == 1 {
            return Ok(());
        }
        let there = link
            .row(statement::UNITS, &[rollout.as_str().into(), (seq - 1).into(), 1.into()])
            .await
            .map_err(self.unread(WHAT))?;
        match there {
            Some(row) if self.unit(&row)? == *unit => Ok(()),
            Some(_) | None => Err(conflict()),
        }
    }

    pub(crate) async fn select_units(
        &self,
        rollout: &RolloutId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<UnitRow>, StoreError> {
        let key = [
            rollout.as_str().into(),
            integer("the number of a unit", after)?.into(),
            i64::from(limit).into(),
        ];
        let rows = self.rows(statement::UNITS, &key).await.map_err(self.unread(WHAT))?;
        rows.iter().map(|row| self.unit(row)).collect()
    }

    fn unit(&self, row: &Row) -> Result<UnitRow, StoreError> {
        let integer = |column| row.get::<i64>(column).map_err(self.unread(WHAT));
        let count = |column| self.natural(integer(column)?);
        let turns = |column| self.natural(integer(column)?);
        let side = row.get::<&str>("side").map_err(self.unread(WHAT))?;
        let text = |column| row.get::<Option<&str>>(column).map_err(self.unread(WHAT));
        let quantity = |column| {
            let micros = row.get::<Option<i64>>(column).map_err(self.unread(WHAT))?;
            Ok::<_, StoreError>(micros.map(Quantity::from_micros))
        };
        let (since, as_of) = (
            Timestamp::from_micros(integer("since")?),
            Timestamp::from_micros(integer("as_of")?),
        );
        let units = match (text("signal")?, text("call")?) {
            (Some(signal), None) => Units::Batch {
                signal: SignalId::new(signal).map_err(|bad| self.corrupt(bad))?,
                side: self.side(side)?,
                since,
                as_of,
                bad: count("bad")?,
                total: count("total")?,
            },
            (None, Some(id)) => Units::Call(CallOutcome {
                id: id.to_owned(),
                arm: self.arm(side)?,
                tenant: text("tenant")?.map(str::to_owned),
                started_at: since,
                ended_at: as_of,
                failed: integer("bad")? > 0,
                abandoned: integer("abandoned")? != 0,
                turns_ok: turns("turns_ok")?,
                turns_ko: turns("turns_ko")?,
                turn_latency_max: quantity("turn_latency_max")?,
                turn_latency_mean: quantity("turn_latency_mean")?,
            }),
            (Some(_), Some(_)) | (None, None) => return Err(self.corrupt("a unit that is neither a batch nor a call")),
        };
        let weight = u16::try_from(integer("weight")?).ok().and_then(Weight::from_hundredths);
        let weight = weight.ok_or_else(|| self.corrupt("a weight above 100 %"))?;
        Ok(UnitRow {
            seq: count("seq")?,
            weight,
            units,
        })
    }
}
