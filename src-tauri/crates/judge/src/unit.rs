//! What evidence is made of: finished units, one by one or as counts.

use serde::{Deserialize, Serialize};

/// Which system handled a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arm {
    /// The old system.
    Stable,
    /// The new one.
    Canary,
}

/// One finished unit, taken once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Unit {
    /// Who handled it.
    pub arm: Arm,
    /// Whether it counts as bad by the metric's definition (y = 1).
    pub bad: bool,
    /// The share of the canary, 0 to 1, in force when it was assigned; not that of the moment when it ended.
    pub weight: f64,
}

/// Units of one weight whose order was not observed: differences of counters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Batch {
    /// The share of the canary, 0 to 1, in force when they were assigned.
    pub weight: f64,
    /// Bad ones of stable; more than `stable_total` are taken as all.
    pub stable_bad: u64,
    /// All of stable.
    pub stable_total: u64,
    /// Bad ones of the canary; more than `canary_total` are taken as all.
    pub canary_bad: u64,
    /// All of the canary.
    pub canary_total: u64,
}

impl Batch {
    /// Units in it.
    pub fn units(&self) -> u64 {
        self.stable_total.saturating_add(self.canary_total)
    }
}

/// What has been taken so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Bad ones of stable.
    pub stable_bad: u64,
    /// All of stable.
    pub stable_total: u64,
    /// Bad ones of the canary.
    pub canary_bad: u64,
    /// All of the canary.
    pub canary_total: u64,
}

impl Counts {
    /// Units of both arms.
    pub fn units(&self) -> u64 {
        self.stable_total.saturating_add(self.canary_total)
    }

    pub(crate) fn take(&mut self, arm: Arm, bad: bool) {
        let (all, failed) = match arm {
            Arm::Stable => (&mut self.stable_total, &mut self.stable_bad),
            Arm::Canary => (&mut self.canary_total, &mut self.canary_bad),
        };
        *all = all.saturating_add(1);
        *failed = failed.saturating_add(u64::from(bad));
    }

    pub(crate) fn take_batch(&mut self, batch: &Batch) {
        let add = |to: &mut u64, n: u64| *to = to.saturating_add(n);
        add(&mut self.stable_bad, batch.stable_bad.min(batch.stable_total));
        add(&mut self.stable_total, batch.stable_total);
        add(&mut self.canary_bad, batch.canary_bad.min(batch.canary_total));
        add(&mut self.canary_total, batch.canary_total);
    }

    /// Whether units could have led here.
    pub(crate) fn possible(&self) -> bool {
        self.stable_bad <= self.stable_total && self.canary_bad <= self.canary_total
    }
}
