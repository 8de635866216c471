//! Runs of a phase in continuous time: the rules as written, the rules with their evidence, and evidence alone.

use rand::Rng;

use super::walk::Walk;
use super::{Asked, PhaseAsked, RuleEnd};
use crate::odds::{Delays, halves};
use crate::{Arm, JudgeError, Over, Unit, Versus};

/// Hours until a rule rolled back, in the runs in which it did.
type Hours = Vec<f64>;

/// How the runs ended.
pub(super) struct Ends {
    /// Of each rule: literal, gated.
    pub(super) rules: Vec<(Hours, Hours)>,
    /// Runs in which R alone was enough.
    pub(super) evidence: u64,
}

/// One rule in one run.
struct Under<'a> {
    walk: Walk<'a>,
    over: Over,
    /// ln of what its evidence must reach.
    enough: f64,
    literal: Option<f64>,
    gated: Option<f64>,
}

/// `runs` runs of `units` units each with the error rate `rate` on the canary.
pub(super) fn ends(
    asked: &Asked,
    phase: &PhaseAsked,
    rate: f64,
    units: u64,
    runs: u64,
    rng: &mut dyn Rng,
) -> Result<Ends, JudgeError> {
    let mut ends = Ends {
        rules: vec![(Vec::new(), Vec::new()); asked.rules.len()],
        evidence: 0,
    };
    let mean_gap = 24.0 / asked.units_per_day;
    for _ in 0..runs {
        let mut rules = Vec::new();
        for rule in &asked.rules {
            rules.push(Under {
                walk: Walk::new(rule),
                // "O at half the limit"; a limit of 0 is exceeded by the first failure and needs no proof but a rate.
                over: Over::new((rule.limit / 2.0).clamp(1e-6, 0.9))?,
                enough: libm::log(rule.evidence),
                literal: None,
                gated: None,
            });
        }
        let (mut versus, mut now, mut alone) = (Versus::default(), 0.0, false);
        for _ in 0..units {
            let (arm, outcome) = halves(rng.next_u64());
            now -= libm::log1p(-halves(rng.next_u64()).0) * mean_gap;
            let arm = if arm < phase.weight { Arm::Canary } else { Arm::Stable };
            let bad = outcome < if arm == Arm::Canary { rate } else { asked.base };
            versus.take(&Unit {
                arm,
                bad,
                weight: phase.weight,
            });
            alone = alone || versus.r_reaches(1.0 / asked.alpha);
            if arm == Arm::Canary {
                rules.iter_mut().for_each(|rule| rule.take(now, bad, &versus));
            }
            let over = |rule: &Under<'_>| rule.literal.is_some() && rule.gated.is_some();
            if alone && rules.iter().all(over) {
                break;
            }
        }
        ends.evidence += u64::from(alone);
        for (ends, mut rule) in ends.rules.iter_mut().zip(rules) {
            rule.pass_until(phase.hours);
            ends.0.extend(rule.literal);
            ends.1.extend(rule.gated);
        }
    }
    Ok(ends)
}

impl Under<'_> {
    fn take(&mut self, now: f64, bad: bool, versus: &Versus) {
        // A rule that has fired goes on being looked at for its gated twin, which needs the window.
        let fired = self.walk.take(now, bad);
        self.literal = self.literal.or(fired);
        self.over.take(bad);
        if self.gated.is_none() && self.walk.exceeds() {
            let proven = versus.ln_r() >= self.enough || self.over.ln_o() >= self.enough;
            self.gated = proven.then_some(now);
        }
    }

    fn pass_until(&mut self, end: f64) {
        if self.literal.is_none() {
            self.literal = self.walk.pass_until(end).filter(|fired| *fired <= end);
        }
    }
}

/// The odds of a rule from its healthy and its failing runs.
pub(super) fn end(healthy: &Hours, failing: &Hours, runs: u64) -> RuleEnd {
    // Delays count whole things; a thousandth of an hour is fine enough for a rule.
    let thousandths = failing.iter().map(|hours| (hours * 1000.0) as u64);
    let delays = Delays::new(thousandths.collect(), runs);
    RuleEnd {
        healthy: healthy.len() as f64 / runs as f64,
        failing: delays.share(),
        hours: delays.median().map(|n| n as f64 / 1000.0),
    }
}
