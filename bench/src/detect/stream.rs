//! The calls that both programs watch: known beforehand, so that what a rule's own arithmetic takes can be told apart from what a
//! program adds to it. Set up as the figures that the aims were taken from: 60 calls a second on each arm, every 50th fails; from
//! its breach on the canary's all fail.

use std::fmt::Write;
use std::time::Duration;

/// Calls a second, arm and tenant.
pub(super) const RATE: f64 = 60.0;
/// A healthy arm fails every so many calls.
pub(super) const ONE_IN: u64 = 50;
/// Above this share of failed calls the rule breaches.
const LIMIT: f64 = 0.1;

/// One tenant's calls. Times are seconds since the beginning.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stream {
    /// Ends of calls on each arm that lie strictly before the breach.
    before: u64,
    breach: f64,
}

impl Stream {
    /// The canary fails every call from `breach` on.
    pub(super) fn new(breach: f64) -> Self {
        let before = ((breach * RATE).ceil() as u64).saturating_sub(1);
        Self { before, breach }
    }

    pub(super) fn breach(&self) -> f64 {
        self.breach
    }

    /// When the call number `n` of an arm ends, counted from 1.
    pub(super) fn end_of(n: u64) -> f64 {
        n as f64 / RATE
    }

    /// Whether it fails.
    pub(super) fn fails(&self, canary: bool, n: u64) -> bool {
        if canary && n > self.before {
            true
        } else {
            n.is_multiple_of(ONE_IN)
        }
    }

    /// Good and failed calls of an arm until `at`.
    fn counts(&self, canary: bool, at: f64) -> (u64, u64) {
        let n = (at * RATE).floor().max(0.0) as u64;
        let bad = if canary && n > self.before {
            self.before / ONE_IN + (n - self.before)
        } else {
            n / ONE_IN
        };
        (n - bad, bad)
    }

    /// Seconds from the breach until whoever sees every call as it ends has a breach that has lasted: what no program can beat
    /// that keeps to the rule.
    pub(super) fn least(&self, window: Duration, lasting: Duration) -> Option<f64> {
        let size = (window.as_secs_f64() * RATE).round() as u64;
        let crosses = (1..=size).find(|failed| {
            // Of the window's older calls, those that failed as a healthy arm's do.
            let left = self.before.saturating_sub(size - failed);
            let old = self.before / ONE_IN - left / ONE_IN;
            (failed + old) as f64 / size as f64 > LIMIT
        })?;
        Some(Self::end_of(self.before + crosses) - self.breach + lasting.as_secs_f64())
    }

    /// The counters in Prometheus' text format; `tenant` in its own label where it is given.
    pub(super) fn exposition(&self, tenant: Option<&str>, at: f64) -> String {
        let mut text = String::new();
        let tenant = tenant
            .map(|tenant| format!(r#"tenant="{tenant}","#))
            .unwrap_or_default();
        for (arm, canary) in [("stable", false), ("canary", true)] {
            let (good, failed) = self.counts(canary, at);
            for (outcome, n) in [("ok", good), ("failed", failed)] {
                // Writing to a string never fails.
                let _ = writeln!(text, r#"calls_total{{{tenant}arm="{arm}",outcome="{outcome}"}} {n}"#);
            }
        }
        text
    }
}
