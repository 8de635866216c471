//! Old readings and outcomes in coarser rows, a small piece at a time, so that nobody waits for it.
//!
//! A coarser reading is a reading like any other: it counts from the begin of the first to the end of the last of those that it
//! stands for, and so whoever reads them, a chart or a backtest, needs to know nothing of it. Readings that do not follow each other
//! stay apart, and of levels the least and the greatest of each span stay. Calls become counts of their minute. Deliberately
//! not here: from which age on, and the journal, of which nothing is ever put together or removed.

use std::collections::BTreeMap;
use std::time::Duration;

use timonel_domain::sample::{Sample, Value};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{RolloutId, Side, SignalId};
use timonel_ports::store::{StoreError, UnitRow, Units};

use crate::database::{Database, integer};
use crate::link::{Arg, Errand, Link};
use crate::sample::{Columns, side_text};
use crate::statement;

/// Spans of readings in one transaction.
const SPANS: i64 = 10;
/// Outcomes in one transaction.
const OUTCOMES: u32 = 500;
const WHAT: &str = "what is rolled up";
const MINUTE: i64 = 60_000_000;

impl Database {
    /// Puts the next piece of a signal's readings from before `before` together, a row for each `span`. Whether there may be more.
    pub(crate) async fn roll_up_readings(
        &self,
        rollout: &RolloutId,
        signal: &SignalId,
        before: Timestamp,
        span: Duration,
    ) -> Result<bool, StoreError> {
        let span = micros(span);
        let of = (rollout, signal.as_str(), span);
        let from = self.rolled_through(of).await?;
        let key = [rollout.as_str().into(), signal.as_str().into(), from.into()];
        let first = self
            .rows(statement::FIRST_SAMPLE, &key)
            .await
            .map_err(self.unread(WHAT))?;
        let Some(first) = first.first() else { return Ok(false) };
        let first = first.get::<i64>("as_of").map_err(self.unread(WHAT))?;
        let from = bucket(first, span) * span + 1;
        let whole = bucket(before.micros(), span) * span + 1;
        let to = (from + SPANS * span).min(whole);
        if to <= from {
            return Ok(false);
        }
        let during = Timestamp::from_micros(from)..Timestamp::from_micros(to);
        let rows = self.select_samples(rollout, signal, during).await?;
        let coarse = coarser(&rows, span);
        let columns = coarse.iter().map(Columns::of).collect::<Result<Vec<_>, _>>()?;
        self.unseen(async {
            let mut link = self.link(Errand::Write).await.map_err(self.unwritten(WHAT))?;
            link.begin().await.map_err(self.unwritten(WHAT))?;
            let done = async {
                if coarse.len() < rows.len() {
                    let range = [rollout.as_str().into(), signal.as_str().into(), from.into(), to.into()];
                    let removed = link.execute(statement::REMOVE_SAMPLES, &range).await;
                    removed.map_err(self.unwritten(WHAT))?;
                    self.insert_samples(&mut link, rollout, &coarse, &columns).await?;
                }
                self.note_rolled(&mut link, of, to).await
            };
            let done = done.await;
            link.end(done, self.unwritten(WHAT)).await
        })
        .await?;
        Ok(true)
    }

    /// Puts the next piece of a rollout's outcomes from before `before` together. Whether there may be more. What keeps its row has
    /// the number of the last one that it stands for.
    pub(crate) async fn roll_up_outcomes(
        &self,
        rollout: &RolloutId,
        before: Timestamp,
        span: Duration,
    ) -> Result<bool, StoreError> {
        let span = micros(span);
        let of = (rollout, "", span);
        let after = self.rolled_through(of).await?;
        let rows = self.select_units(rollout, self.natural(after)?, OUTCOMES).await?;
        let old: Vec<_> = rows.into_iter().take_while(|row| ended(row) < before).collect();
        let Some(last) = old.last().map(|row| row.seq) else {
            return Ok(false);
        };
        let (batches, minutes) = fewer(&old, span);
        let through = integer("the number of a unit", last)?;
        self.unseen(async {
            let mut link = self.link(Errand::Write).await.map_err(self.unwritten(WHAT))?;
            link.begin().await.map_err(self.unwritten(WHAT))?;
            let done = async {
                if batches.len() < old.len() {
                    let range = [rollout.as_str().into(), after.into(), through.into()];
                    let removed = link.execute(statement::REMOVE_UNITS, &range).await;
                    removed.map_err(self.unwritten(WHAT))?;
                    self.insert_each(&mut link, rollout, &batches).await?;
                    self.add_minutes(&mut link, rollout, &minutes).await?;
                }
                self.note_rolled(&mut link, of, through).await
            };
            let done = done.await;
            link.end(done, self.unwritten(WHAT)).await
        })
        .await?;
        Ok(true)
    }

    async fn add_minutes(&self, link: &mut Link, rollout: &RolloutId, minutes: &Minutes) -> Result<(), StoreError> {
        for ((minute, side, weight), sums) in minutes {
            let mut args: Vec<Arg<'_>> = vec![
                rollout.as_str().into(),
                (*minute).into(),
                side_text(*side).into(),
                i64::from(*weight).into(),
            ];
            args.extend(sums.map(Arg::from));
            link.execute(statement::ADD_MINUTE, &args)
                .await
                .map_err(self.unwritten(WHAT))?;
        }
        Ok(())
    }

    async fn rolled_through(&self, (rollout, signal, span): (&RolloutId, &str, i64)) -> Result<i64, StoreError> {
        let key = [rollout.as_str().into(), signal.into(), span.into()];
        let rows = self
            .rows(statement::ROLLED_THROUGH, &key)
            .await
            .map_err(self.unread(WHAT))?;
        rows.first()
            .map_or(Ok(0), |row| row.get("through").map_err(self.unread(WHAT)))
    }

    async fn note_rolled(
        &self,
        link: &mut Link,
        (rollout, signal, span): (&RolloutId, &str, i64),
        through: i64,
    ) -> Result<(), StoreError> {
        let row = [rollout.as_str().into(), signal.into(), span.into(), through.into()];
        let put = link.execute(statement::PUT_ROLLED_THROUGH, &row).await;
        put.map(drop).map_err(self.unwritten(WHAT))
    }
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX).max(1)
}

/// In which span a moment lies; what ends with one belongs to it.
fn bucket(micros: i64, span: i64) -> i64 {
    (micros - 1).div_euclid(span)
}

fn ended(row: &UnitRow) -> Timestamp {
    match &row.units {
        Units::Batch { as_of, .. } => *as_of,
        Units::Call(call) => call.ended_at,
    }
}

/// Readings in the order of their time, those of one side and span as one where each begins at the end of the one before.
fn coarser(rows: &[Sample], span: i64) -> Vec<Sample> {
    let mut out: Vec<Sample> = Vec::new();
    let mut last: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut levels: BTreeMap<(&'static str, i64), (Sample, Sample)> = BTreeMap::new();
    for row in rows {
        let (side, its) = (side_text(row.side), bucket(row.as_of.micros(), span));
        if let Value::Level(level) = row.value {
            let kept = levels.entry((side, its)).or_insert_with(|| (row.clone(), row.clone()));
            let of = |sample: &Sample| match sample.value {
                Value::Level(level) => Some(level),
                Value::Ratio { .. } | Value::Distribution { .. } | Value::Count { .. } => None,
            };
            if of(&kept.0).is_some_and(|least| level < least) {
                kept.0 = row.clone();
            }
            if of(&kept.1).is_some_and(|greatest| level > greatest) {
                kept.1 = row.clone();
            }
            continue;
        }
        let before = last.get(side).and_then(|index| out.get_mut(*index));
        let joined = before
            .filter(|before| bucket(before.as_of.micros(), span) == its)
            .and_then(|before| joined(before, row).map(|value| (before, value)));
        if let Some((before, value)) = joined {
            (before.as_of, before.value) = (row.as_of, value);
        } else {
            last.insert(side, out.len());
            out.push(row.clone());
        }
    }
    for (least, greatest) in levels.into_values() {
        if least != greatest {
            out.push(greatest);
        }
        out.push(least);
    }
    out
}

/// The two as one reading; `None` where the second does not go on where the first ended, or counts otherwise.
fn joined(first: &Sample, then: &Sample) -> Option<Value> {
    let follows = then.value.since() == Some(first.as_of);
    match (&first.value, &then.value) {
        _ if !follows => None,
        (Value::Ratio { since, bad, total }, Value::Ratio { bad: b, total: t, .. }) => Some(Value::Ratio {
            since: *since,
            bad: bad + b,
            total: total + t,
        }),
        (Value::Count { since, n }, Value::Count { n: more, .. }) => Some(Value::Count {
            since: *since,
            n: n + more,
        }),
        (
            Value::Distribution { since, buckets, sum },
            Value::Distribution {
                buckets: others,
                sum: more,
                ..
            },
        ) if buckets.iter().map(|b| b.le).eq(others.iter().map(|b| b.le)) => {
            let mut buckets = buckets.clone();
            for (bucket, other) in buckets.iter_mut().zip(others) {
                bucket.n += other.n;
            }
            let sum = timonel_domain::value::Quantity::from_micros(sum.micros().saturating_add(more.micros()));
            Some(Value::Distribution {
                since: *since,
                buckets,
                sum,
            })
        }
        _ => None,
    }
}

/// Calls of a minute, arm and weight: how many, failed, abandoned, turns recognised and not.
type Minutes = BTreeMap<(i64, Side, u16), [i64; 5]>;

/// Batches that go on where the one before ended as one, and calls as counts.
fn fewer(rows: &[UnitRow], span: i64) -> (Vec<UnitRow>, Minutes) {
    let mut out: Vec<UnitRow> = Vec::new();
    let mut last: BTreeMap<(String, &'static str), usize> = BTreeMap::new();
    let mut minutes = Minutes::new();
    for row in rows {
        match &row.units {
            Units::Call(call) => {
                let minute = bucket(call.ended_at.micros(), MINUTE) * MINUTE;
                let key = (minute, Side::from(call.arm), row.weight.hundredths());
                let sums = minutes.entry(key).or_default();
                let more = [
                    1,
                    i64::from(call.failed),
                    i64::from(call.abandoned),
                    i64::from(call.turns_ok),
                    i64::from(call.turns_ko),
                ];
                for (sum, more) in sums.iter_mut().zip(more) {
                    *sum += more;
                }
            }
            Units::Batch {
                signal,
                side,
                since,
                as_of,
                bad,
                total,
            } => {
                let key = (signal.to_string(), side_text(*side));
                let before = last.get(&key).and_then(|index| out.get_mut(*index));
                if let Some(before) = before
                    && before.weight == row.weight
                    && let Units::Batch {
                        as_of: end,
                        bad: b,
                        total: t,
                        ..
                    } = &mut before.units
                    && *end == *since
                    && bucket(end.micros(), span) == bucket(as_of.micros(), span)
                {
                    (*end, *b, *t, before.seq) = (*as_of, *b + bad, *t + total, row.seq);
                } else {
                    last.insert(key, out.len());
                    out.push(row.clone());
                }
            }
        }
    }
    (out, minutes)
}
