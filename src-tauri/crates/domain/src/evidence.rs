//! The evidence of every metric: what the judge has computed from the finished units of both arms since the phase began.
//!
//! Which evidence belongs to which metric is JUDGE.md's table (`link`): a share counts its bad units, a quantile or a mean the
//! observations above its limit and above what stable shows, occurrences are held against the arms' shares of the units;
//! levels have none, and their rules act literally. One [`Epoch`] is one phase: the budget α is a phase's, and what an
//! earlier weight showed is not counted twice.
//!
//! Readings are counters, so the order within one is not known, and units that end now were assigned a while ago, under
//! a weight that may have been another. Readings are therefore pooled into blocks that end as soon as both arms have a unit,
//! and within a block the canary's own share of it counts (the blocks of Turner, Ly and Grünwald, arXiv 2106.02693), never
//! the weight asked for: a weight that traffic does not follow, or follows late, would otherwise pass for evidence. Blocks
//! are known by times and arms alone, so the same samples give the same bits in whatever order they arrive.
//!
//! Deliberately not here: what follows from it (the rollout's step), and the arithmetic (crate `judge`).

mod link;
mod means;
mod occurred;
mod outcome;
mod pairs;
mod routing;
mod shares;
mod sight;
mod stream;

use std::collections::{BTreeMap, BTreeSet};

pub use link::belongs_to;
pub use outcome::{MeanBounds, Means, Outcome, Proof, Tally};
pub use shares::{ALPHA_SPLIT, Skew};
pub use sight::{EvidenceSight, Goal};
pub use timonel_judge::Strength;

use self::link::{Asks, GateLink, Link, Of, exposure, has_both, share_keeps, share_not_worse};
use self::means::Observations;
use self::occurred::Occurred;
use self::routing::Routing;
use self::shares::Shares;
use self::stream::{Stream, over};
use crate::plan::{Action, EvidenceMode, Plan, Rule, SignalPlan, Unit};
use crate::sample::Sample;
use crate::time::Timestamp;
use crate::value::{GateId, RuleId, SignalId, Weight};
use serde::{Deserialize, Serialize};

/// The probability that a phase is rolled back although the canary is no worse than stable; shared by its metrics.
pub const ALPHA_ROLLBACK: f64 = 0.01;
/// The probability that a phase is frozen although the canary is no worse than stable; shared by its metrics.
pub const ALPHA_ALERT: f64 = 0.05;
/// The probability that a bound shown to people, or used by a gate, is ever wrong within a phase.
pub const ALPHA_BOUND: f64 = 0.05;
/// The probability that stable's own share above the limit of a mean is more than it is taken for: small beside what a rule
/// acts by, since the two add up.
const ALPHA_OWN: f64 = 0.001;
/// Arms that follow the number, the caller or the tenant are not random: R then needs this many times the evidence,
/// in thousandths of log10.
const OBSERVATIONAL: i32 = 1000;

/// One phase of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Epoch {
    /// When the splitter accepted the weight; units of readings that began earlier are left out.
    pub since: Timestamp,
    /// That weight, as it was asked for.
    pub weight: Weight,
    /// What the splitter holds of it: less where it cannot divide so finely, or where somebody stays on stable.
    pub held: Weight,
}

impl Epoch {
    /// All of the weight is held.
    pub fn new(since: Timestamp, weight: Weight) -> Self {
        Self {
            since,
            weight,
            held: weight,
        }
    }
}

/// How far R has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
    streams: BTreeMap<Of, Stream>,
    occurred: BTreeMap<SignalId, Occurred>,
    observations: BTreeMap<SignalId, Observations>,
    rules: BTreeMap<RuleId, Link>,
    gates: BTreeMap<GateId, GateLink>,
    routing: Routing,
    shares: Shares,
    observational: bool,
    alert: BTreeMap<SignalId, Strength>,
    rollback: BTreeMap<SignalId, Strength>,
}

impl Evidence {
    /// No evidence yet, for a plan.
    pub fn new(plan: &Plan) -> Self {
        let mut new = Self {
            epoch: None,
            streams: BTreeMap::new(),
            occurred: BTreeMap::new(),
            observations: BTreeMap::new(),
            rules: BTreeMap::new(),
            gates: BTreeMap::new(),
            routing: Routing::new(plan),
            shares: Shares::new(plan),
            observational: match plan.unit {
                Unit::Call | Unit::Request => false,
                Unit::Caller | Unit::Tenant | Unit::Number => true,
            },
            alert: BTreeMap::new(),
            rollback: BTreeMap::new(),
        };
        for rule in &plan.rules {
            if let Some(link) = Link::of(plan, &rule.question, rule.comparison, rule.limit) {
                new.open(plan, &link.of, rule.bad_history());
                if let Some(beside) = &link.beside {
                    new.open(plan, beside, None);
                }
                new.rules.insert(rule.id.clone(), link);
            }
        }
        for gate in plan.phases.iter().flat_map(|phase| &phase.gates) {
            if let Some(link) = GateLink::of(plan, gate) {
                new.open(plan, &link.of, None);
                if let (Asks::Mean(limit), Some(of)) = (link.asks, new.observations.get_mut(&link.of.0)) {
                    of.ask(limit);
                }
                new.gates.insert(gate.id.clone(), link);
            }
        }
        // The metrics share the budget, and what is tested of one metric shares that metric's.
        let share = |alpha: f64, acts: fn(&Rule) -> bool| {
            let tested = tested(plan, acts);
            let each = alpha / tested.len().max(1) as f64;
            let of = |(signal, outcomes): (_, BTreeSet<_>)| (signal, Strength::of_alpha(each / outcomes.len() as f64));
            tested.into_iter().map(of).collect()
        };
        (new.alert, new.rollback) = (share(ALPHA_ALERT, has_consequences), share(ALPHA_ROLLBACK, puts_back));
        new
    }

    /// Makes room for what a rule or gate looks at.
    fn open(&mut self, plan: &Plan, of: &Of, history: Option<f64>) {
        let (signal, outcome) = of;
        match outcome {
            Outcome::Occurred => {
                if let Some(exposure) = exposure(plan, signal) {
                    let occurred = self.occurred.entry(signal.clone());
                    let lost_after = |id| plan.signal(id).map(SignalPlan::lost_after);
                    let patience = lost_after(signal).max(lost_after(&exposure)).unwrap_or_default();
                    occurred.or_insert_with(|| Occurred::new(exposure, patience));
                }
            }
            Outcome::Mean => {
                self.observations.entry(signal.clone()).or_default();
            }
            Outcome::Counted | Outcome::NotCounted | Outcome::Above(_) | Outcome::AboveStable(_) => {
                let stream = self.streams.entry(of.clone());
                let stream = stream.or_insert_with(|| Stream::new(*outcome, has_both(plan, signal)));
                stream.state_history(history);
            }
        }
    }

    /// Begins an epoch, unless it is the present one. `true` where it began: what has been read since its beginning is
    /// to be observed again then.
    pub fn begin(&mut self, epoch: Option<Epoch>) -> bool {
        let bare = |epoch: Option<Epoch>| epoch.map(|epoch| (epoch.since, epoch.weight));
        let same = bare(self.epoch) == bare(epoch);
        self.epoch = epoch;
        if same {
            return false;
        }
        for stream in self.streams.values_mut() {
            stream.begin(epoch.map(|epoch| epoch.weight));
        }
        self.occurred.values_mut().for_each(Occurred::begin);
        self.observations.values_mut().for_each(Observations::begin);
        self.routing.begin(epoch);
        self.shares.begin();
        epoch.is_some()
    }

    /// Whether readings of this signal are evidence of anything.
    pub fn looks_at(&self, signal: &SignalId) -> bool {
        self.streams.keys().any(|(of, _)| of == signal)
            || self.occurred.contains_key(signal)
            || self.observations.contains_key(signal)
            || self.routing.looks_at(signal)
    }

    /// The signals whose evidence a reading of this one moves, with everything that is said of their rules and gates: itself,
    /// and of the one that counts units all that occurs among them.
    pub fn moved_by<'a>(&'a self, signal: &'a SignalId) -> impl Iterator<Item = &'a SignalId> {
        let counts_units = self.routing.looks_at(signal);
        let occurred = self.occurred.keys().filter(move |_| counts_units);
        std::iter::once(signal).chain(occurred)
    }

    /// Takes a reading in. One that began before the epoch, or that is not newer than the last of its side, is left out.
    pub fn observe(&mut self, sample: &Sample) {
        let Some(epoch) = self.epoch else { return };
        if self.routing.looks_at(&sample.signal) {
            self.routing.observe(sample, epoch);
            self.shares.observe(sample, epoch);
            for (signal, occurred) in &mut self.occurred {
                occurred.observe(signal, sample, epoch);
            }
        } else if let Some(occurred) = self.occurred.get_mut(&sample.signal) {
            occurred.observe(&sample.signal, sample, epoch);
        }
        if sample.value.since().unwrap_or(sample.as_of) < epoch.since {
            return;
        }
        let streams = self.streams.range_mut((sample.signal.clone(), Outcome::FIRST)..);
        for (_, stream) in streams.take_while(|((signal, _), _)| *signal == sample.signal) {
            stream.observe(sample);
        }
        if let Some(observations) = self.observations.get_mut(&sample.signal) {
            observations.observe(sample);
        }
    }

    /// What there is about a rule; nothing for a rule that no evidence belongs to.
    pub fn of_rule(&self, rule: &RuleId) -> Option<RuleEvidence> {
        let link = self.rules.get(rule)?;
        if link.of.1 == Outcome::Occurred {
            let occurred = self.occurred.get(&link.of.0).filter(|occurred| !occurred.is_blind())?;
            let strength = self.weakened(occurred.strength());
            return Some(RuleEvidence {
                strength,
                at_once: strength,
                common: false,
            });
        }
        let stream = self.streams.get(&link.of)?;
        let history = stream.history();
        if stream.is_unfit() || (link.limit.is_none() && !stream.both() && history.is_none()) {
            return None;
        }
        let streams = link.all().filter_map(|of| self.streams.get(of));
        let mut against = streams.map(|stream| self.weakened(stream.r())).max()?;
        if self.is_whole() {
            against = against.max(stream.history_o().map_or(Strength::NONE, |(now, _)| now));
        }
        let stable_is_bad = |share: f64| stream.stable_least() > share;
        // Units that keep a share prove nothing above it: O is below 1 then, and most rules are there most of the time.
        let canary = stream.canary();
        let exceeds = |share: f64| canary.bad as f64 > share * canary.total as f64;
        let above = |share: Option<f64>| over(share.filter(|share| exceeds(*share) && !stable_is_bad(*share))?, canary);
        // The limit of a mean states no share: the plan's is taken, or the most that stable's own can be.
        let (tested, limit) = match (link.limit, history) {
            (Some(_), _) => (above(link.tested), above(link.limit)),
            (None, Some(_)) => (above(history), above(history)),
            (None, None) => {
                let own = (stream.stable().total > 0).then(|| stream.stable().bounds_at(ALPHA_OWN).1);
                let own = own
                    .filter(|own| !stable_is_bad(*own))
                    .and_then(|own| over(own, stream.surely()));
                let own = own.map(|own| self.weakened(own));
                (own, own)
            }
        };
        let with = |over: Option<Strength>| against.max(over.unwrap_or(Strength::NONE));
        let stated = link.limit.or(history);
        let common = stated.is_some_and(stable_is_bad)
            && stated.and_then(|share| over(share, stream.canary())) >= Some(Strength::of_alpha(ALPHA_ROLLBACK))
            && self.alert.get(&link.of.0).is_none_or(|alert| against < *alert);
        Some(RuleEvidence {
            strength: with(tested),
            at_once: with(limit),
            common,
        })
    }

    /// What compares the arms, weakened where they are not random.
    fn weakened(&self, strength: Strength) -> Strength {
        let by = if self.observational { OBSERVATIONAL } else { 0 };
        Strength::from_millilog10(strength.millilog10().saturating_sub(by))
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

    /// Whether the canary is worse than stable on the metric of this rule, as far as the rule has consequences. It rolls back by
    /// itself only where a rollback rule of the metric may, and only while stable keeps that rule's limit.
    pub fn worse_by(&self, rule: &Rule) -> Option<Worse> {
        if !has_consequences(rule) {
            return None;
        }
        let link = self.rules.get(&rule.id)?;
        let strength = link.all().filter_map(|of| self.highest(of)).max()?;
        let stable = self.streams.get(&link.of).map_or(0.0, Stream::stable_least);
        let stable_is_well = link.limit.is_none_or(|limit| stable <= limit);
        let reaches = |needed: Option<&Strength>| needed.is_some_and(|needed| strength >= *needed);
        let signal = &rule.question.signal;
        if puts_back(rule) && stable_is_well && reaches(self.rollback.get(signal)) {
            Some(Worse::Rollback)
        } else {
            reaches(self.alert.get(signal)).then_some(Worse::Alert)
        }
    }

    /// The most that has been proved of the canary being worse than stable: beside it, or at 100 % by its history.
    fn highest(&self, of: &Of) -> Option<Strength> {
        if of.1 == Outcome::Occurred {
            return Some(self.weakened(self.occurred.get(&of.0)?.highest()));
        }
        let stream = self.streams.get(of)?;
        let history = stream.history_o().filter(|_| self.is_whole());
        let beside = self.weakened(stream.highest());
        Some(history.map_or(beside, |(_, highest)| highest.max(beside)))
    }

    /// Whether a gate's bound keeps its limit; `None` for gates that no bound belongs to.
    pub fn keeps(&self, gate: &GateId) -> Option<Kept> {
        self.asked(self.gates.get(gate)?).map(|(_, kept)| kept)
    }

    /// What the bound of a gate is held against, and what it says.
    fn asked(&self, link: &GateLink) -> Option<(f64, Kept)> {
        let stream = || self.streams.get(&link.of).filter(|stream| !stream.is_unfit());
        let observations = || self.observations.get(&link.of.0).filter(|of| !of.is_unfit());
        match link.asks {
            Asks::Share(limit) => Some((limit, share_keeps(stream()?, limit)?)),
            Asks::ShareOfStable(margin) => share_not_worse(stream()?, margin),
            Asks::Mean(limit) => Some((limit.as_f64(), observations()?.keeps(limit.as_f64()))),
            Asks::MeanOfStable(margin) => observations()?.mean_not_worse(margin.as_f64()),
            Asks::QuantileOfStable(permille, margin) => observations()?.quantile_not_worse(permille, margin.as_f64()),
        }
    }

    /// Whether units go to stable only, long enough that some should have come to the canary.
    pub fn is_unrouted(&self, now: Timestamp) -> bool {
        self.epoch.is_some_and(|epoch| self.routing.is_at_fault(epoch, now))
    }

    /// Units that provably do not fall to the arms as the splitter's weight says.
    pub fn skew(&self) -> Option<Skew> {
        self.shares.skew(self.epoch?)
    }

    /// Whether all units go to the canary: nothing is left to hold it against but its history, so rules act literally
    /// again, and at once only by what is above an absolute limit or that history. By what the splitter holds, not by
    /// what it was asked for: where somebody stays on stable there is still something to compare with.
    pub fn is_whole(&self) -> bool {
        self.epoch.is_some_and(|epoch| epoch.held == Weight::FULL)
    }
}

/// What a bound says about a gate's limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kept {
    /// The whole interval keeps the limit.
    pub kept: bool,
    /// The whole interval breaks it.
    pub broken: bool,
    /// So many more units without a bad one, or as good as those so far, and it is kept; `None` where no number of them is
    /// enough.
    pub clean_units: Option<u64>,
}

impl Kept {
    /// Nothing is known yet.
    const UNKNOWN: Self = Self {
        kept: false,
        broken: false,
        clean_units: None,
    };
}

/// How many metrics share the budget of a rollback: those by which evidence alone may put everything back.
pub fn watched(plan: &Plan) -> usize {
    tested(plan, puts_back).len()
}

/// What is tested for rules that act so, by metric.
fn tested(plan: &Plan, acts: fn(&Rule) -> bool) -> BTreeMap<SignalId, BTreeSet<Outcome>> {
    let mut tested: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for rule in plan.rules.iter().filter(|rule| acts(rule)) {
        let link = Link::of(plan, &rule.question, rule.comparison, rule.limit);
        for (signal, outcome) in link.iter().flat_map(Link::all) {
            tested.entry(signal.clone()).or_default().insert(*outcome);
        }
    }
    tested
}

/// Whether anything follows from this rule.
fn has_consequences(rule: &Rule) -> bool {
    rule.action != Action::Notify
}

/// Whether evidence may roll back on the metric of this rule.
fn puts_back(rule: &Rule) -> bool {
    rule.action == Action::Rollback && rule.evidence != EvidenceMode::Literal
}

#[cfg(test)]
mod tests;
