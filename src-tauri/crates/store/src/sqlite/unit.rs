//! Units as rows: batches and single calls in one table, so that a replay reads one order.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Quantity, RolloutId, SignalId, Weight};
use timonel_ports::store::{CallOutcome, StoreError, UnitRow, Units};

use super::sample::side_text;
use super::{Sqlite, integer};
use crate::statement;

const WHAT: &str = "units";

impl Sqlite {
    pub(super) async fn insert_units(&self, rollout: &RolloutId, units: &[UnitRow]) -> Result<(), StoreError> {
        let mut transaction = self
            .writer
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(self.unwritten(WHAT))?;
        for unit in units {
            self.insert_unit(&mut transaction, rollout, unit).await?;
        }
        transaction
            .commit()
            .await
            .map_err(|error| self.of_rollout(rollout, error, WHAT))
    }

    async fn insert_unit(
        &self,
        connection: &mut SqliteConnection,
        rollout: &RolloutId,
        unit: &UnitRow,
    ) -> Result<(), StoreError> {
        let seq = integer("the number of a unit", unit.seq)?;
        let query = sqlx::query(statement::PUT_UNIT)
            .bind(rollout.as_str())
            .bind(seq)
            .bind(unit.units.order_observed())
            .bind(i64::from(unit.weight.hundredths()));
        let query = match &unit.units {
            Units::Batch {
                signal,
                side,
                since,
                as_of,
                bad,
                total,
            } => query
                .bind(side_text(*side))
                .bind(since.micros())
                .bind(as_of.micros())
                .bind(integer("a count of units", *bad)?)
                .bind(integer("a count of units", *total)?)
                .bind(signal.as_str())
                .bind(None::<&str>)
                .bind(None::<&str>)
                .bind(None::<bool>)
                .bind(None::<i64>)
                .bind(None::<i64>)
                .bind(None::<i64>)
                .bind(None::<i64>),
            Units::Call(call) => query
                .bind(side_text(call.arm.into()))
                .bind(call.started_at.micros())
                .bind(call.ended_at.micros())
                .bind(i64::from(call.failed))
                .bind(1_i64)
                .bind(None::<&str>)
                .bind(call.id.as_str())
                .bind(call.tenant.as_deref())
                .bind(Some(call.abandoned))
                .bind(Some(i64::from(call.turns_ok)))
                .bind(Some(i64::from(call.turns_ko)))
                .bind(call.turn_latency_max.map(Quantity::micros))
                .bind(call.turn_latency_mean.map(Quantity::micros)),
        };
        let conflict = || StoreError::Conflict {
            what: format!("unit, number {seq} of the rollout {rollout}"),
        };
        let put = query.execute(&mut *connection).await.map_err(|error| {
            // Only the index of the calls is left to be violated: the call is there under another number.
            if error.as_database_error().is_some_and(|e| e.is_unique_violation()) {
                return conflict();
            }
            self.of_rollout(rollout, error, WHAT)
        })?;
        if put.rows_affected() == 1 {
            return Ok(());
        }
        let there = sqlx::query(statement::UNITS)
            .bind(rollout.as_str())
            .bind(seq - 1)
            .bind(1_i64)
            .fetch_one(connection)
            .await
            .map_err(self.unread(WHAT))?;
        if self.unit(&there)? == *unit {
            Ok(())
        } else {
            Err(conflict())
        }
    }

    pub(super) async fn select_units(
        &self,
        rollout: &RolloutId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<UnitRow>, StoreError> {
        let rows = sqlx::query(statement::UNITS)
            .bind(rollout.as_str())
            .bind(integer("the number of a unit", after)?)
            .bind(i64::from(limit))
            .fetch_all(&self.readers)
            .await
            .map_err(self.unread(WHAT))?;
        rows.iter().map(|row| self.unit(row)).collect()
    }

    fn unit(&self, row: &SqliteRow) -> Result<UnitRow, StoreError> {
        let integer = |column| row.try_get::<i64, _>(column).map_err(self.unread(WHAT));
        let count = |column| self.natural(integer(column)?);
        let turns = |column| row.try_get::<u32, _>(column).map_err(self.unread(WHAT));
        let side = row.try_get::<&str, _>("side").map_err(self.unread(WHAT))?;
        let text = |column| row.try_get::<Option<&str>, _>(column).map_err(self.unread(WHAT));
        let quantity = |column| {
            let micros = row.try_get::<Option<i64>, _>(column).map_err(self.unread(WHAT))?;
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
                failed: count("bad")? > 0,
                abandoned: row.try_get("abandoned").map_err(self.unread(WHAT))?,
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
