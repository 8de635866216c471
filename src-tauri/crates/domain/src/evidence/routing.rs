//! Whether units reach the canary at all: a weight that is read back and that no call follows.

use std::time::Duration;

use super::Epoch;
use crate::plan::Plan;
use crate::sample::{Sample, Value};
use crate::time::Timestamp;
use crate::value::{Side, SignalId};

/// Without a unit of the canary for less than this nothing is said.
const LEAST: Duration = Duration::from_secs(15 * 60);
/// So many units should have come meanwhile: none of them has by chance once in 150 times.
const EXPECTED: f64 = 5.0;

/// The units that were assigned, by arm, since the canary's last.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Routing {
    signal: Option<SignalId>,
    /// The end of the last reading with a unit of the canary.
    last: Option<Timestamp>,
    /// Units of stable since then.
    stable: u64,
    newest: Option<Timestamp>,
}

impl Routing {
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            signal: plan.traffic.assigned.clone(),
            last: None,
            stable: 0,
            newest: None,
        }
    }

    pub(super) fn looks_at(&self, signal: &SignalId) -> bool {
        self.signal.as_ref() == Some(signal)
    }

    pub(super) fn begin(&mut self, epoch: Option<Epoch>) {
        self.last = epoch.map(|epoch| epoch.since);
        self.stable = 0;
        self.newest = None;
    }

    pub(super) fn observe(&mut self, sample: &Sample, epoch: Epoch) {
        let Value::Count { since, n } = sample.value else {
            return;
        };
        if !self.looks_at(&sample.signal) || since < epoch.since {
            return;
        }
        match sample.side {
            Side::Canary if n > 0 && self.last.is_none_or(|last| sample.as_of > last) => {
                self.last = Some(sample.as_of);
                self.stable = 0;
            }
            Side::Stable if self.newest.is_none_or(|newest| sample.as_of > newest) => {
                self.newest = Some(sample.as_of);
                self.stable = self.stable.saturating_add(n);
            }
            Side::Canary | Side::Stable | Side::Whole => {}
        }
    }

    pub(super) fn is_at_fault(&self, epoch: Epoch, now: Timestamp) -> bool {
        let share = f64::from(epoch.held.hundredths()) / 10_000.0;
        if share <= 0.0 || share >= 1.0 {
            return false;
        }
        let expected = self.stable as f64 * share / (1.0 - share);
        self.last.is_some_and(|last| now.since(last) > LEAST) && expected > EXPECTED
    }
}
