//! The calls of one signal of the plan, summed up for each of its intervals, and the readings that follow.

use std::collections::BTreeMap;
use std::time::Duration;

use timonel_domain::plan::Plan;
use timonel_domain::sample::Sample;
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Arm, Side, SignalId};
use timonel_inbox::{Call, Cell, Counts};
use timonel_plan::parsed::SignalConfig;

use crate::calls::counts;

/// One signal.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) signal: SignalId,
    pub(super) interval: Duration,
    sides: Vec<Side>,
    counts: Counts,
    /// By the end of the interval, in intervals since 1970; both arms.
    cells: BTreeMap<i64, [Cell; 2]>,
}

impl Series {
    /// `None` where finished calls do not tell what it measures.
    pub(super) fn of(config: &SignalConfig, plan: &Plan) -> Option<Self> {
        let counts = counts(config, plan)?;
        Some(Self {
            signal: config.id.clone(),
            interval: config.interval,
            sides: plan.signal(&config.id)?.sides.clone(),
            counts,
            cells: BTreeMap::new(),
        })
    }

    /// The end of the interval that `at` falls into, its last moment included.
    pub(super) fn end_of(&self, at: Timestamp) -> Timestamp {
        Timestamp::from_micros(self.index(at) * self.micros())
    }

    /// The end of the first interval after `from`.
    pub(super) fn first_end(&self, from: Timestamp) -> Timestamp {
        self.end_of(from + Duration::from_micros(1))
    }

    fn micros(&self) -> i64 {
        i64::try_from(self.interval.as_micros()).unwrap_or(i64::MAX).max(1)
    }

    fn index(&self, at: Timestamp) -> i64 {
        let micros = self.micros();
        at.micros().div_euclid(micros) + i64::from(at.micros().rem_euclid(micros) > 0)
    }

    /// The field without which nothing was counted.
    pub(super) fn missing_field(&self) -> Option<&'static str> {
        self.counts.field().filter(|_| self.cells.is_empty())
    }

    pub(super) fn take(&mut self, call: &Call) {
        let index = self.index(call.at);
        let mut cell = Cell::default();
        if self.counts.add(call, &mut cell) {
            let known = &mut self.cells.entry(index).or_default()[arm(call.arm)];
            *known = std::mem::take(known).with(&cell);
        }
    }

    /// What a reading at the end of an interval would have brought, of every side: nothing happened where no call ended.
    pub(super) fn samples(&self, end: Timestamp) -> Vec<Sample> {
        let cells = self.cells.get(&self.index(end));
        let sample = |side: &Side| Sample {
            signal: self.signal.clone(),
            side: *side,
            as_of: end,
            value: self.counts.value(end - self.interval, &of_side(cells, *side)),
        };
        self.sides.iter().map(sample).collect()
    }
}

fn arm(arm: Arm) -> usize {
    match arm {
        Arm::Stable => 0,
        Arm::Canary => 1,
    }
}

fn of_side(cells: Option<&[Cell; 2]>, side: Side) -> Cell {
    let Some([stable, canary]) = cells else {
        return Cell::default();
    };
    match side {
        Side::Stable => stable.clone(),
        Side::Canary => canary.clone(),
        Side::Whole => stable.clone().with(canary),
    }
}
