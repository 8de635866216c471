//! What a plan can show before it starts: which parts of it the planner is asked about, and what it answers.
//!
//! The simulation is `judge`'s. Here stands which metrics of a plan are shares of bad units, with the rollback rules and
//! the gates that look at each, and, rule by rule, why one cannot be simulated. Terminal and console ask here alike, one phase of one
//! metric at a time, so that whoever asks can stop. Deliberately not here: words, and when it is computed (`console`).

use std::collections::{BTreeMap, BTreeSet};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use timonel_domain::evidence::{ALPHA_ALERT, ALPHA_ROLLBACK, watched};
use timonel_domain::metric::{Direction, KnownMetric, Metric, Statistic};
use timonel_domain::plan::{
    Action, Comparison, EvidenceMode, Gate, GateKind, Phase, Plan, Question, Rule, SignalPlan, Unit,
};
use timonel_domain::value::Side;
use timonel_judge::Bounds;
use timonel_judge::power::report;

pub use timonel_judge::JudgeError;
pub use timonel_judge::power::{
    Asked, By, GoOdds, PhaseAsked, PhaseOdds, Report, RuleAsked, RuleEnd, RuleOdds, Sight, Warning,
};

/// The share of failing units that is taken where nobody knows it.
pub const BASE: f64 = 0.02;
/// The seed where nobody chooses one: the same question has the same answer on every machine.
pub const SEED: u64 = 1;
/// An arm that is not drawn for each call by itself needs so many times the evidence.
const OBSERVATIONAL: f64 = 10.0;

/// What is known of the traffic of today.
#[derive(Debug, Clone, PartialEq)]
pub struct Today {
    /// Units of both arms a day.
    pub units_per_day: f64,
    /// The share of failing units, 0 to 1: of error rate and failed calls.
    pub base: f64,
    /// The values of other shares, by the names of their metrics, as the metrics say them: 0.9 of speech is recognised.
    pub shares: BTreeMap<String, f64>,
}

/// Why a rollback rule is not simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unseen {
    /// The value of today of its metric is not known.
    Today,
    /// It looks at a quantile or a mean: how its values spread is not known.
    Spread,
    /// It counts occurrences, which are no share of anything.
    Occurrences,
    /// It looks at a level, of which nothing can be proved: it acts literally.
    Level,
    /// It does not look at the canary's units.
    Side,
    /// It wants less of what is bad, so a healthy canary breaks it always.
    Backwards,
}

/// A share of bad units that a plan looks at.
#[derive(Debug)]
pub struct Subject<'a> {
    /// Its metric; `None` for failing units, whatever the plan calls them.
    pub metric: Option<&'a Metric>,
    /// What the simulation is asked: the phases and rules are those of [`Questions`] and of this subject.
    pub asked: Asked,
    /// The rollback rules on it.
    pub rules: Vec<&'a Rule>,
    /// Whether its value of today is that of the bad units: of speech recognition it is that of the good ones.
    counts_bad: bool,
}

impl Subject<'_> {
    /// A share of bad units as the metric says it.
    pub fn said(&self, bad: f64) -> f64 {
        if self.counts_bad { bad } else { 1.0 - bad }
    }
}

/// A gate on a share whose value of today is not known: how many units say so at best.
#[derive(Debug)]
pub struct AtBest<'a> {
    /// The gate.
    pub gate: &'a Gate,
    /// Its metric.
    pub metric: &'a Metric,
    /// Units without a bad one; `None` where no number of them is enough.
    pub clean: Option<u64>,
}

/// What the planner is asked about a plan, and what it is not.
#[derive(Debug)]
pub struct Questions<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// What is known of today.
    pub today: Today,
    /// Those that can show something: with a weight and a time.
    pub phases: Vec<&'a Phase>,
    /// Failing units first.
    pub subjects: Vec<Subject<'a>>,
    /// Rollback rules that are not simulated, in the plan's order.
    pub unseen: Vec<(&'a Rule, Unseen)>,
    /// The arms follow the number, the caller or the tenant rather than chance.
    pub observational: bool,
    /// The probability of error of a gate's bounds.
    pub alpha_go: f64,
}

impl<'a> Questions<'a> {
    /// What can be asked about a plan.
    pub fn of(plan: &'a Plan, today: Today) -> Self {
        let observational = match plan.unit {
            Unit::Call | Unit::Request => false,
            Unit::Caller | Unit::Tenant | Unit::Number => true,
        };
        // A phase without weight or time shows nothing.
        let shows = |phase: &&Phase| phase.weight.hundredths() > 0 && !phase.bake.is_zero();
        let phases: Vec<_> = plan.phases.iter().filter(shows).collect();
        let mut rules: BTreeMap<Of<'a>, Vec<&'a Rule>> = BTreeMap::from([(Of::Failures, Vec::new())]);
        let mut unseen = Vec::new();
        for rule in plan.rules.iter().filter(|rule| rule.action == Action::Rollback) {
            match Of::rule(plan, rule) {
                Ok(of) if of.base(&today).is_some() => rules.entry(of).or_default().push(rule),
                Ok(_) => unseen.push((rule, Unseen::Today)),
                Err(why) => unseen.push((rule, why)),
            }
        }
        // A gate makes a subject of its own where no rule does.
        for gate in phases.iter().flat_map(|phase| &phase.gates) {
            if let Some((of, _)) = Of::gate(plan, gate).filter(|(of, _)| of.base(&today).is_some()) {
                rules.entry(of).or_default();
            }
        }
        let needs = if observational { OBSERVATIONAL } else { 1.0 };
        let alpha = ALPHA_ROLLBACK / watched(plan).max(1) as f64 / needs;
        let subjects = rules.into_iter().map(|(of, rules)| Subject {
            metric: of.metric(),
            asked: Asked {
                units_per_day: today.units_per_day,
                base: of.base(&today).unwrap_or(today.base),
                alpha,
                alpha_go: ALPHA_ALERT,
                phases: phases
                    .iter()
                    .map(|phase| PhaseAsked {
                        weight: phase.weight.as_percent() / 100.0,
                        hours: phase.bake.as_secs_f64() / 3600.0,
                        go: strictest(plan, phase, &of),
                    })
                    .collect(),
                rules: rules.iter().map(|rule| asked(rule, &of, needs)).collect(),
            },
            rules,
            counts_bad: of.counts_bad(),
        });
        Self {
            plan,
            subjects: subjects.collect(),
            today,
            phases,
            unseen,
            observational,
            alpha_go: ALPHA_ALERT,
        }
    }

    /// Simulates one subject in one phase, both by their places. The same seed gives the same answer, whatever was asked
    /// before; the report has that phase alone, and its warnings name it by its place among all.
    ///
    /// # Errors
    /// [`JudgeError`] where a number is none that a plan can have.
    pub fn simulate(&self, subject: usize, phase: usize, seed: u64) -> Result<Report, JudgeError> {
        let all = &self.subjects[subject].asked;
        let asked = Asked {
            phases: vec![all.phases[phase]],
            ..all.clone()
        };
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream((subject as u64) << 32 | phase as u64);
        let mut report = report(&asked, &mut rng)?;
        for warning in &mut report.warnings {
            let (Warning::NothingToCompare { phase: place }
            | Warning::Blind { phase: place }
            | Warning::BlindAtLimit { phase: place, .. }
            | Warning::GoOutOfReach { phase: place }
            | Warning::FalseRollbacks { phase: place, .. }) = warning;
            *place = phase;
        }
        Ok(report)
    }

    /// The gates of a phase on shares that are not simulated.
    pub fn at_best(&self, phase: &'a Phase) -> Vec<AtBest<'a>> {
        let bounds = Bounds::for_gates(self.alpha_go).ok();
        let gates = phase.gates.iter().filter_map(|gate| {
            let (of, limit) = Of::gate(self.plan, gate)?;
            let metric = of.metric().filter(|_| of.base(&self.today).is_none())?;
            let clean = bounds.and_then(|bounds| bounds.clean_units(0, 0, limit));
            Some(AtBest { gate, metric, clean })
        });
        gates.collect()
    }
}

/// The shares besides failing units that a plan's rollback rules and gates look at, by the names of their metrics: whose values
/// of today [`Today::shares`] may give.
pub fn shares(plan: &Plan) -> Vec<&SignalPlan> {
    let rules = plan.rules.iter().filter(|rule| rule.action == Action::Rollback);
    let of_rules = rules.filter_map(|rule| Of::rule(plan, rule).ok());
    let gates = plan.phases.iter().flat_map(|phase| &phase.gates);
    let of_gates = gates.filter_map(|gate| Of::gate(plan, gate)).map(|(of, _)| of);
    let known: BTreeSet<_> = of_rules.chain(of_gates).collect();
    let mut seen = BTreeSet::new();
    let shares = known.into_iter().filter_map(|of| match of {
        Of::Failures => None,
        Of::Share { signal, .. } => Some(signal),
    });
    shares.filter(|signal| seen.insert(signal.metric.name())).collect()
}

/// The signal of failing units that a rule or gate looks at first; `None` where none does.
pub fn failures(plan: &Plan) -> Option<&SignalPlan> {
    let rules = plan.rules.iter().map(|rule| &rule.question);
    let gates = plan.phases.iter().flat_map(|phase| &phase.gates);
    let gates = gates.filter_map(|gate| match &gate.kind {
        GateKind::Limit { question, .. } | GateKind::Relative { question, .. } => Some(question),
        GateKind::Without { .. } => None,
    });
    let mut signals = rules.chain(gates).filter_map(|question| plan.signal(&question.signal));
    signals.find(|signal| is_failure(&signal.metric))
}

/// Of which units a rule or gate speaks.
#[derive(Debug, Clone, Copy)]
enum Of<'a> {
    Failures,
    Share { signal: &'a SignalPlan, above: bool },
}

impl<'a> Of<'a> {
    fn rule(plan: &'a Plan, rule: &'a Rule) -> Result<Self, Unseen> {
        Self::question(plan, &rule.question, rule.comparison)
    }

    /// With the share of bad units below which the gate wants the upper bound.
    fn gate(plan: &'a Plan, gate: &'a Gate) -> Option<(Self, f64)> {
        let GateKind::Limit {
            question,
            comparison,
            go,
            ..
        } = &gate.kind
        else {
            return None;
        };
        let of = Self::question(plan, question, *comparison).ok()?;
        Some((of, of.bad(go.as_f64())))
    }

    fn question(plan: &'a Plan, question: &Question, comparison: Comparison) -> Result<Self, Unseen> {
        let signal = plan.signal(&question.signal).ok_or(Unseen::Side)?;
        match question.statistic {
            Statistic::Share => {}
            Statistic::Mean | Statistic::P50 | Statistic::P95 | Statistic::P99 => return Err(Unseen::Spread),
            Statistic::Total => return Err(Unseen::Occurrences),
            Statistic::Latest => return Err(Unseen::Level),
        }
        if question.side != Side::Canary {
            return Err(Unseen::Side);
        }
        match (comparison, signal.metric.direction()) {
            (Comparison::Above, Direction::LowerIsBetter) if is_failure(&signal.metric) => Ok(Of::Failures),
            (Comparison::Above, Direction::LowerIsBetter) => Ok(Of::Share { signal, above: true }),
            (Comparison::Below, Direction::HigherIsBetter) => Ok(Of::Share { signal, above: false }),
            (Comparison::Above, Direction::HigherIsBetter) | (Comparison::Below, Direction::LowerIsBetter) => {
                Err(Unseen::Backwards)
            }
        }
    }

    fn counts_bad(&self) -> bool {
        match self {
            Of::Failures => true,
            Of::Share { above, .. } => *above,
        }
    }

    fn metric(&self) -> Option<&'a Metric> {
        match self {
            Of::Failures => None,
            Of::Share { signal, .. } => Some(&signal.metric),
        }
    }

    /// A value of the metric as a share of bad units.
    fn bad(&self, said: f64) -> f64 {
        if self.counts_bad() { said } else { 1.0 - said }
    }

    fn base(&self, today: &Today) -> Option<f64> {
        match self {
            Of::Failures => Some(today.base),
            Of::Share { signal, .. } => today.shares.get(signal.metric.name()).map(|said| self.bad(*said)),
        }
    }

    fn key(&self) -> Option<(&str, bool)> {
        match self {
            Of::Failures => None,
            Of::Share { signal, above } => Some((signal.id.as_str(), *above)),
        }
    }
}

impl PartialEq for Of<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Of<'_> {}

impl PartialOrd for Of<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Of<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

fn is_failure(metric: &Metric) -> bool {
    matches!(metric, Metric::Known(KnownMetric::ErrorRate | KnownMetric::FailedCalls))
}

fn asked(rule: &Rule, of: &Of<'_>, needs: f64) -> RuleAsked {
    RuleAsked {
        limit: of.bad(rule.limit.as_f64()),
        window: rule.question.window.as_secs_f64() / 3600.0,
        lasting: rule.lasting.as_secs_f64() / 3600.0,
        least_units: usize::try_from(rule.question.least_units).unwrap_or(usize::MAX),
        max_gap: rule.max_gap.as_secs_f64() / 3600.0,
        evidence: needs
            * match rule.evidence {
                EvidenceMode::Literal | EvidenceMode::Gated => 50.0,
                EvidenceMode::Fast => 20.0,
            },
    }
}

/// The lowest limit below which a gate of the phase wants the share of bad units.
fn strictest(plan: &Plan, phase: &Phase, of: &Of<'_>) -> Option<f64> {
    let limits = phase.gates.iter().filter_map(|gate| Of::gate(plan, gate));
    let limits = limits.filter(|(other, _)| other == of).map(|(_, limit)| limit);
    limits.reduce(f64::min)
}

#[cfg(test)]
mod tests;
