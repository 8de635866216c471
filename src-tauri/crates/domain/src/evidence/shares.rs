//! Whether units fall to the arms as the splitter's weight says: a fault of routing, and no verdict about the canary.
//!
//! Only where each call is drawn by itself is a share promised at all; and only while nobody can be kept on stable, which
//! makes the share smaller than the weight by right. Deliberately not here: a canary without any unit (`routing`).

use std::time::Duration;

use serde::{Deserialize, Serialize};
use timonel_judge::{Split as Test, Strength};

use super::Epoch;
use super::pairs::Pairs;
use crate::plan::{Plan, Unit};
use crate::sample::{Sample, Value};
use crate::value::{SignalId, Weight};

/// The probability that a share is called wrong within a phase although it is right.
pub const ALPHA_SPLIT: f64 = 0.01;
/// What has accepted a weight takes a moment until all of it follows.
const SETTLING: Duration = Duration::from_secs(60);

/// Units that do not fall as the weight says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Skew {
    /// What the splitter accepted.
    pub weight: Weight,
    /// Units of stable since then.
    pub stable: u64,
    /// Units of the canary.
    pub canary: u64,
    /// How surely that is not chance, at most so far.
    pub strength: Strength,
}

/// The units that were assigned, by arm, since the weight came into force.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shares {
    /// What counts them; `None` where no share is promised.
    signal: Option<SignalId>,
    pairs: Pairs<u64>,
    stable: u64,
    canary: u64,
    /// The most that one reading of stable has counted.
    largest: u64,
    highest: Strength,
}

impl Shares {
    pub(super) fn new(plan: &Plan) -> Self {
        let promised = plan.unit == Unit::Call && plan.splitter().is_some_and(|splitter| !splitter.pins);
        Self::of(plan.traffic.assigned.clone().filter(|_| promised))
    }

    fn of(signal: Option<SignalId>) -> Self {
        Self {
            signal,
            pairs: Pairs::default(),
            stable: 0,
            canary: 0,
            largest: 0,
            highest: Strength::NONE,
        }
    }

    pub(super) fn begin(&mut self) {
        *self = Self::of(self.signal.take());
    }

    pub(super) fn observe(&mut self, sample: &Sample, epoch: Epoch) {
        let Value::Count { since, n } = sample.value else {
            return;
        };
        if self.signal.as_ref() != Some(&sample.signal) || since < epoch.since + SETTLING {
            return;
        }
        if self.pairs.push(sample, n) {
            self.join(epoch.held);
        }
    }

    fn join(&mut self, weight: Weight) {
        while let Some(at) = self.pairs.next_moment() {
            self.canary = self.canary.saturating_add(self.pairs.canary.take().unwrap_or_default());
            while let Some(n) = self.pairs.stable.next_past(at) {
                self.stable = self.stable.saturating_add(n);
                self.largest = self.largest.max(n);
            }
            self.highest = self.highest.max(self.strength(weight));
        }
    }

    /// The arms are read at moments of their own, so stable's units are known but for those of a reading at the beginning and
    /// of another one at the end: what of that is nearest to the weight is held against it.
    fn strength(&self, weight: Weight) -> Strength {
        let weight = f64::from(weight.hundredths()) / 10_000.0;
        let slack = self.largest.saturating_mul(2);
        let (least, most) = (self.stable.saturating_sub(slack), self.stable.saturating_add(slack));
        let wanted = self.canary as f64 * (1.0 - weight) / weight;
        // `as` saturates, so that a weight of 0 wants as many as there can be.
        let nearest = (wanted as u64).clamp(least, most);
        let mut test = Test::new();
        test.take_batch(weight, nearest, self.canary);
        test.strength()
    }

    /// What is wrong with the share, where that is proved. A canary without any unit is `routing`'s.
    pub(super) fn skew(&self, epoch: Epoch) -> Option<Skew> {
        let proved = self.canary > 0 && self.highest >= Strength::of_alpha(ALPHA_SPLIT);
        proved.then_some(Skew {
            weight: epoch.held,
            stable: self.stable,
            canary: self.canary,
            strength: self.highest,
        })
    }
}
