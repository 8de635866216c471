//! A threshold rule on a rate as it stands in a plan (JUDGE.md, layer 2), walked through units in continuous time.
//!
//! The planner's own: the rules that decide are `domain`'s, over samples of a source. This one looks after every unit and
//! whenever one leaves the window, so it says what the rule itself does, without the delays of any source.

use std::collections::VecDeque;

use super::RuleAsked;

/// A rule under way. Times are in hours.
pub(super) struct Walk<'a> {
    rule: &'a RuleAsked,
    /// The units of the window: those of the last `window`, or the last `least_units` where those reach further back.
    window: VecDeque<(f64, bool)>,
    bad: usize,
    pending: Option<f64>,
    missing: Option<f64>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(rule: &'a RuleAsked) -> Self {
        Self {
            rule,
            window: VecDeque::new(),
            bad: 0,
            pending: None,
            missing: None,
        }
    }

    /// A finished unit at `now`. The moment at which the rule has fired by then.
    pub(super) fn take(&mut self, now: f64, bad: bool) -> Option<f64> {
        let fired = self.pass_until(now);
        self.window.push_back((now, bad));
        self.bad += usize::from(bad);
        self.forget(now);
        fired.or_else(|| self.look(now))
    }

    /// Nothing but time until `now`.
    pub(super) fn pass_until(&mut self, now: f64) -> Option<f64> {
        loop {
            let next = self.next_leaving().filter(|leaves| *leaves <= now);
            let until = next.unwrap_or(now);
            // While the value does not change, the breach lasts.
            if let (Some(since), None) = (self.pending, self.missing)
                && since + self.rule.lasting < until
            {
                return Some(since + self.rule.lasting);
            }
            let leaves = next?;
            self.forget(leaves);
            if let Some(fired) = self.look(leaves) {
                return Some(fired);
            }
        }
    }

    fn next_leaving(&self) -> Option<f64> {
        let (oldest, _) = self.window.front()?;
        (self.window.len() > self.rule.least_units).then_some(oldest + self.rule.window)
    }

    fn forget(&mut self, now: f64) {
        while self.next_leaving().is_some_and(|leaves| leaves <= now) {
            if let Some((_, bad)) = self.window.pop_front() {
                self.bad -= usize::from(bad);
            }
        }
    }

    /// Whether the units of the window exceed the limit, however few they are: what a gated rule needs beside evidence.
    pub(super) fn exceeds(&self) -> bool {
        self.bad as f64 > self.rule.limit * self.window.len() as f64
    }

    /// The states of the rule: idle, pending, pending without data, firing.
    fn look(&mut self, now: f64) -> Option<f64> {
        if self.window.len() < self.rule.least_units.max(1) {
            if self.pending.is_some() {
                self.missing.get_or_insert(now);
            }
            return None;
        }
        let gone = self
            .missing
            .take()
            .is_some_and(|missing| now - missing >= self.rule.max_gap);
        if !self.exceeds() {
            self.pending = None;
            return None;
        }
        if gone {
            self.pending = None;
        }
        let since = *self.pending.get_or_insert(now);
        (now - since >= self.rule.lasting).then_some(now)
    }
}
