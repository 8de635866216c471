//! The evidence of every metric: what the judge has computed from the finished units of both arms since the phase began.
//!
//! Which evidence belongs to which metric is JUDGE.md's table: a share counts its bad units, a quantile or a mean the
//! observations above its limit; levels and occurrences have none, and their rules act literally. One [`Epoch`] is one
//! phase: the budget α is a phase's, and what an earlier weight showed is not counted twice.
//!
//! Readings are counters, so the order within one is not known, and units that end now were assigned a while ago, under
//! a weight that may have been another. Readings are therefore pooled into blocks that end as soon as both arms have a unit,
//! and within a block the canary's own share of it counts (the blocks of Turner, Ly and Grünwald, arXiv 2106.02693), never
//! the weight asked for: a weight that traffic does not follow, or follows late, would otherwise pass for evidence. Blocks
//! are known by times and arms alone, so the same samples give the same bits in whatever order they arrive.
//!
//! Deliberately not here: what follows from it (the rollout's step), and the arithmetic (crate `judge`).

mod routing;
mod stream;

use std::collections::{BTreeMap, BTreeSet};

pub use stream::{Outcome, Proof, Tally};
pub use timonel_judge::Strength;
use timonel_judge::{Bounds, Over};

use self::routing::Routing;
use self::stream::Stream;
use crate::metric::Statistic;
use crate::plan::{Action, Comparison, EvidenceMode, Gate, GateKind, Plan, Question, Rule, Unit};
use crate::sample::Sample;
use crate::time::Timestamp;
use crate::value::{GateId, Quantity, RuleId, Side, SignalId, Weight};

/// The probability that a phase is rolled back although the canary is no worse than stable; shared by its metrics.
pub const ALPHA_ROLLBACK: f64 = 0.01;
/// The probability that a phase is frozen although the canary is no worse than stable; shared by its metrics.
pub const ALPHA_ALERT: f64 = 0.05;
/// The probability that a bound shown to people, or used by a gate, is ever wrong within a phase.
pub const ALPHA_BOUND: f64 = 0.05;
/// Arms that follow the number, the caller or the tenant are not random: R then needs this many times the evidence,
/// in thousandths of log10.
const OBSERVATIONAL: i32 = 1000;

/// One phase of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch {
    /// When the splitter accepted the weight; units of readings that began earlier are left out.
    pub since: Timestamp,
    /// That weight.
    pub weight: Weight,
}

/// How far R has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Worse {
    /// Beyond 1/α of an alert.
    Alert,
    /// Beyond 1/α of a rollback.
    Rollback,
}

/// What the evidence says about one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleEvidence {
    /// The strongest evidence against the canary: R, or O at half the limit where stable is not as bad itself.
    pub strength: Strength,
    /// The same with O at the limit itself: what proves a breach even by the few units of a moment.
    pub at_once: Strength,
    /// The canary is above the rule's limit beyond doubt, and so is stable: going back does not cure it.
    pub common: bool,
}

/// The evidence of a plan's metrics within one epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    epoch: Option<Epoch>,
    streams: BTreeMap<(SignalId, Outcome), Stream>,
    rules: BTreeMap<RuleId, Link>,
    gates: BTreeMap<GateId, Link>,
    routing: Routing,
    observational: bool,
    alert: Strength,
    rollback: Strength,
}

/// Which stream a rule or gate looks at.
#[derive(Debug, Clone, PartialEq)]
struct Link {
    of: (SignalId, Outcome),
    /// The share that is the limit itself.
    limit: Option<f64>,
    /// The share that O is tested against before a rule may act.
    tested: Option<f64>,
}

impl Link {
    fn of(question: &Question, comparison: Comparison, limit: Quantity) -> Option<Self> {
        if question.side != Side::Canary {
            return None;
        }
        let share = |above: f64| (above > 0.0 && above < 1.0).then_some(above);
        let (outcome, limit, halved) = match (question.statistic, comparison) {
            (Statistic::Share, Comparison::Above) => (Outcome::Counted, share(limit.as_f64()), true),
            (Statistic::Share, Comparison::Below) => (Outcome::NotCounted, share(1.0 - limit.as_f64()), true),
            (Statistic::P50 | Statistic::P95 | Statistic::P99, Comparison::Above) => {
                let permille = question.statistic.permille()?;
                let beyond = share(1.0 - f64::from(permille) / 1000.0);
                (Outcome::Above(limit), beyond, false)
            }
            // A mean has no share that the plan states; against stable it can be held all the same.
            (Statistic::Mean, Comparison::Above) => (Outcome::Above(limit), None, false),
            (
                Statistic::P50
                | Statistic::P95
                | Statistic::P99
                | Statistic::Mean
                | Statistic::Total
                | Statistic::Latest,
                Comparison::Above | Comparison::Below,
            ) => return None,
        };
        let tested = if halved { limit.map(|limit| limit / 2.0) } else { limit };
        Some(Self {
            of: (question.signal.clone(), outcome),
            limit,
            tested,
        })
    }
}

/// Whether any evidence belongs to this question; a rule without acts literally.
pub fn belongs_to(question: &Question, comparison: Comparison, limit: Quantity) -> bool {
    Link::of(question, comparison, limit).is_some()
}

impl Evidence {
    /// No evidence yet, for a plan.
    pub fn new(plan: &Plan) -> Self {
        let mut streams = BTreeMap::new();
        let mut rules = BTreeMap::new();
        let mut gates = BTreeMap::new();
        let mut open = |link: &Link| {
            let Some(signal) = plan.signal(&link.of.0) else { return };
            let both = signal.sides.contains(&Side::Stable) && signal.sides.contains(&Side::Canary);
            streams.entry(link.of.clone()).or_insert_with(|| Stream::new(both));
        };
        for rule in &plan.rules {
            if let Some(link) = Link::of(&rule.question, rule.comparison, rule.limit) {
                open(&link);
                rules.insert(rule.id.clone(), link);
            }
        }
        for gate in plan.phases.iter().flat_map(|phase| &phase.gates) {
            if let Some(link) = gate_link(gate) {
                open(&link);
                gates.insert(gate.id.clone(), link);
            }
        }
        // The budget is shared by what is tested, once each.
        let tested = |acts: &dyn Fn(&Rule) -> bool| {
            let acting = plan.rules.iter().filter(|rule| acts(rule));
            let of: BTreeSet<_> = acting
                .filter_map(|rule| rules.get(&rule.id))
                .map(|link| &link.of)
                .collect();
            of.len()
        };
        let acting = tested(&|rule| puts_back(rule));
        let alerting = tested(&|rule| rule.action != Action::Notify);
        let share = |alpha: f64, among: usize| Strength::of_alpha(alpha / among.max(1) as f64);
        Self {
            epoch: None,
            streams,
            rules,
            gates,
            routing: Routing::new(plan),
            observational: match plan.unit {
                Unit::Call | Unit::Request => false,
                Unit::Caller | Unit::Tenant | Unit::Number => true,
            },
            alert: share(ALPHA_ALERT, alerting),
            rollback: share(ALPHA_ROLLBACK, acting),
        }
    }

    /// Begins an epoch, unless it is the present one. `true` where it began: what has been read since its beginning is
    /// to be observed again then.
    pub fn begin(&mut self, epoch: Option<Epoch>) -> bool {
        if self.epoch == epoch {
            return false;
        }
        self.epoch = epoch;
        for stream in self.streams.values_mut() {
            stream.begin(epoch.map(|epoch| epoch.weight));
        }
        self.routing.begin(epoch);
        epoch.is_some()
    }

    /// Whether readings of this signal are evidence of anything.
    pub fn looks_at(&self, signal: &SignalId) -> bool {
        self.streams.keys().any(|(of, _)| of == signal) || self.routing.looks_at(signal)
    }

    /// Takes a reading in. One that began before the epoch, or that is not newer than the last of its side, is left out.
    pub fn observe(&mut self, sample: &Sample) {
        let Some(epoch) = self.epoch else { return };
        self.routing.observe(sample, epoch);
        if sample.value.since().unwrap_or(sample.as_of) < epoch.since {
            return;
        }
        let streams = self.streams.range_mut((sample.signal.clone(), Outcome::FIRST)..);
        for ((_, outcome), stream) in streams.take_while(|((signal, _), _)| *signal == sample.signal) {
            match outcome.tally(&sample.value) {
                Some(tally) => stream.observe(sample.side, sample.as_of, tally),
                None => stream.cannot_be_told(),
            }
        }
    }

    /// What there is about a rule; nothing for a rule that no evidence belongs to.
    pub fn of_rule(&self, rule: &RuleId) -> Option<RuleEvidence> {
        let link = self.rules.get(rule)?;
        let stream = self.streams.get(&link.of)?;
        let stable_is_bad = |limit: f64| stream.stable_least() > limit;
        let over = |share: Option<f64>| {
            let mut over = Over::new(share?).ok()?;
            over.take_batch(stream.canary().bad, stream.canary().total);
            Some(over.strength())
        };
        if stream.is_unfit() || (link.limit.is_none() && !stream.both()) {
            return None;
        }
        let against_stable = self.against_stable(stream.r());
        let with_over = |share: Option<f64>| {
            let admitted = share.filter(|share| !stable_is_bad(*share));
            against_stable.max(over(admitted).unwrap_or(Strength::NONE))
        };
        let (strength, at_once) = (with_over(link.tested), with_over(link.limit));
        let common = link.limit.is_some_and(stable_is_bad)
            && over(link.limit).is_some_and(|over| over >= Strength::of_alpha(ALPHA_ROLLBACK))
            && against_stable < self.alert;
        Some(RuleEvidence {
            strength,
            at_once,
            common,
        })
    }

    /// R, weakened where the arms are not random.
    fn against_stable(&self, r: Strength) -> Strength {
        let weakened = if self.observational { OBSERVATIONAL } else { 0 };
        Strength::from_millilog10(r.millilog10().saturating_sub(weakened))
    }

    /// The metrics on which the canary is worse than stable, and how surely.
    pub fn worse(&self, plan: &Plan) -> BTreeMap<SignalId, Worse> {
        let mut out = BTreeMap::new();
        for rule in &plan.rules {
            let Some(worse) = self.worse_by(rule) else { continue };
            let known = out.entry(rule.question.signal.clone()).or_insert(worse);
            *known = worse.max(*known);
        }
        out
    }

    /// Whether the canary is worse than stable on the metric of this rule, as far as the rule has consequences. R rolls back by
    /// itself only where a rollback rule of the metric may, and only while stable keeps that rule's limit.
    pub fn worse_by(&self, rule: &Rule) -> Option<Worse> {
        if rule.action == Action::Notify {
            return None;
        }
        let link = self.rules.get(&rule.id)?;
        let stream = self.streams.get(&link.of)?;
        let strength = self.against_stable(stream.highest());
        let stable_is_well = link.limit.is_none_or(|limit| stream.stable_least() <= limit);
        if puts_back(rule) && stable_is_well && strength >= self.rollback {
            Some(Worse::Rollback)
        } else {
            (strength >= self.alert).then_some(Worse::Alert)
        }
    }

    /// Whether a gate's bound keeps its limit; `None` for gates that no bound belongs to.
    pub fn keeps(&self, gate: &GateId) -> Option<Kept> {
        let link = self.gates.get(gate)?;
        let limit = link.limit?;
        let canary = self.streams.get(&link.of)?.canary();
        let bounds = Bounds::tuned(ALPHA_BOUND, stream::TIGHTEST).ok()?;
        Some(Kept {
            kept: bounds.below(canary.bad, canary.total, limit),
            clean_units: bounds.clean_units(canary.bad, canary.total, limit),
        })
    }

    /// Whether units go to stable only, long enough that some should have come to the canary.
    pub fn is_unrouted(&self, now: Timestamp) -> bool {
        self.epoch.is_some_and(|epoch| self.routing.is_at_fault(epoch, now))
    }

    /// Whether all units go to the canary: nothing is left to hold it against, so rules act literally again, and at once
    /// only by what is above an absolute limit.
    pub fn is_whole(&self) -> bool {
        self.epoch.is_some_and(|epoch| epoch.weight == Weight::FULL)
    }

    /// The numbers behind everything, for the record and the screen: one for each metric and outcome, by signal.
    pub fn proofs(&self) -> Vec<Proof> {
        self.streams.iter().map(|of| self.proof(of)).collect()
    }

    /// The signals whose evidence a reading of this one moves, with everything that is said of their rules and gates: itself.
    pub fn moved_by<'a>(&self, signal: &'a SignalId) -> impl Iterator<Item = &'a SignalId> {
        std::iter::once(signal)
    }

    /// The proofs of one signal.
    pub fn proofs_of(&self, signal: &SignalId) -> Vec<Proof> {
        let streams = self.streams.range((signal.clone(), Outcome::FIRST)..);
        let of_it = streams.take_while(|((of, _), _)| of == signal);
        of_it.map(|of| self.proof(of)).collect()
    }

    fn proof(&self, ((signal, outcome), stream): (&(SignalId, Outcome), &Stream)) -> Proof {
        Proof {
            signal: signal.clone(),
            outcome: *outcome,
            stable: stream.stable(),
            canary: stream.canary(),
            against_stable: stream.both().then(|| self.against_stable(stream.r())),
            observational: self.observational,
        }
    }

    /// What a person sees of it while `phase` is on: of every metric that a rule with consequences looks at.
    pub fn sights(&self, plan: &Plan, phase: Option<usize>) -> Vec<EvidenceSight> {
        if self.epoch.is_none() {
            return Vec::new();
        }
        let gates = phase
            .and_then(|phase| plan.phases.get(phase))
            .map(|phase| phase.gates.as_slice());
        let matters = |of: &(SignalId, Outcome)| {
            let rules = plan.rules.iter().filter(|rule| rule.action != Action::Notify);
            rules
                .filter_map(|rule| self.rules.get(&rule.id))
                .any(|link| link.of == *of)
        };
        let acts = |of: &(SignalId, Outcome)| {
            let rules = plan.rules.iter().filter(|rule| puts_back(rule));
            rules
                .filter_map(|rule| self.rules.get(&rule.id))
                .any(|link| link.of == *of)
        };
        let sight = |proof: Proof| {
            let of = (proof.signal.clone(), proof.outcome);
            let gate = gates.unwrap_or_default().iter().find_map(|gate| {
                let link = self.gates.get(&gate.id).filter(|link| link.of == of)?;
                Some(Goal {
                    limit: link.limit?,
                    kept: self.keeps(&gate.id)?,
                })
            });
            (matters(&of) || gate.is_some()).then(|| EvidenceSight {
                alert: self.alert,
                rollback: acts(&of).then_some(self.rollback),
                goal: gate,
                proof,
            })
        };
        self.proofs().into_iter().filter_map(sight).collect()
    }
}

/// The evidence of one metric as a person sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct EvidenceSight {
    /// The numbers.
    pub proof: Proof,
    /// From this strength of R the rollout is frozen.
    pub alert: Strength,
    /// From this everything is put back; `None` where no rule of the metric may.
    pub rollback: Option<Strength>,
    /// What the present phase asks of the metric.
    pub goal: Option<Goal>,
}

/// What a gate asks for, and how far that is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Goal {
    /// The share of bad units that the upper bound must stay below, between 0 and 1.
    pub limit: f64,
    /// What the bound says.
    pub kept: Kept,
}

/// What a bound says about a gate's limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kept {
    /// The whole interval keeps the limit.
    pub kept: bool,
    /// So many more units without a bad one, and it does; `None` where no number of them is enough.
    pub clean_units: Option<u64>,
}

/// Whether R may roll back on the metric of this rule.
fn puts_back(rule: &Rule) -> bool {
    rule.action == Action::Rollback && rule.evidence != EvidenceMode::Literal
}

fn gate_link(gate: &Gate) -> Option<Link> {
    match &gate.kind {
        GateKind::Limit {
            question,
            comparison,
            go,
            evidence,
            ..
        } => match evidence {
            EvidenceMode::Literal => None,
            EvidenceMode::Gated | EvidenceMode::Fast => Link::of(question, *comparison, *go),
        },
        GateKind::Relative { .. } | GateKind::Without { .. } => None,
    }
}

#[cfg(test)]
mod tests;
