//! The go/no-go board: what the samples say at this moment about every rule and gate.
//!
//! Holds the windows of samples and keeps its last [`Assessment`]; decides nothing. What follows from an assessment is the
//! rollout's step. The board has a row for every rule, every gate and every required side of a signal. A row is looked at when
//! a sample of its signal has come or when time alone can make it say something else (`Schedule`), so a moment costs what has
//! changed since the one before, however many rules stand. All rows are looked at where the outlook is another, or time
//! was set back.

mod assess;
mod assessment;
mod feed;
mod schedule;
mod sight;

use std::sync::Arc;
use std::time::Duration;

pub use assessment::{Assessment, Finding, Firing, Verdict};
pub use sight::{GateSight, RuleSight, SideSight};
pub use timonel_judge::Strength;

use self::feed::{Asked, Feeds};
use self::schedule::Schedule;
use crate::evidence::{Epoch, Evidence, Kept};
use crate::metric::Statistic;
use crate::plan::{Action, EvidenceMode, Gate, GateKind, Plan, Question, Rule};
use crate::rule::RuleState;
use crate::sample::{Sample, Value};
use crate::time::Timestamp;
use crate::value::{Quantity, Side, SignalId};
use crate::window::{self, Answer};

/// No window reaches further back than this, however few units there were.
pub const FURTHEST: Duration = Duration::from_secs(24 * 3600);

/// How fresh a signal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Freshness {
    /// Younger than twice its interval.
    Live,
    /// Between twice and four times its interval.
    Late,
    /// Older, or never seen.
    Lost,
}

/// What must be known beside the samples to judge them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outlook {
    /// The phase whose gates are asked for.
    pub phase: Option<usize>,
    /// Since when units go to the canary: before that its signals owe nothing.
    pub canary_since: Option<Timestamp>,
    /// Since when anybody has been watching.
    pub watching_since: Timestamp,
    /// The phase over which evidence is gathered.
    pub epoch: Option<Epoch>,
}

/// The windows of samples and the states of the rules.
#[derive(Debug, Clone)]
pub struct Board {
    plan: Arc<Plan>,
    feeds: Feeds,
    rows: Rows,
    schedule: Schedule,
    /// When the time of a rule in the making ends, by its row.
    ends: Schedule,
    evidence: Evidence,
    /// Signals of which samples have come since the last assessment.
    moved: Vec<usize>,
    /// What the last assessment was asked, and when; `None` where every row is to be looked at.
    last: Option<(Outlook, Timestamp)>,
    assessment: Assessment,
    /// The row of each finding of the assessment.
    noted: Vec<usize>,
}

/// The rows of a board, numbered through: rules in the order of the plan, gates phase by phase, required sides.
#[derive(Debug, Clone)]
struct Rows {
    rules: Vec<RuleRow>,
    gates: Vec<GateRow>,
    required: Vec<RequiredRow>,
}

#[derive(Debug, Clone)]
struct RuleRow {
    asked: Option<Asked>,
    /// The same question where one unit is enough, for a rule that may act by what is proved.
    at_once: Option<Asked>,
    state: RuleState,
}

#[derive(Debug, Clone, Copy)]
struct GateRow {
    phase: usize,
    /// Its place among the phase's gates.
    gate: usize,
    canary: Option<Asked>,
    /// What a relative gate holds the canary against.
    stable: Option<Asked>,
}

#[derive(Debug, Clone)]
struct RequiredRow {
    feed: usize,
    signal: SignalId,
    side: Side,
}

impl Rows {
    /// The rows of a plan, each told to the signal that it looks at.
    fn new(plan: &Plan, feeds: &mut Feeds) -> Self {
        let mut rows = Self {
            rules: Vec::with_capacity(plan.rules.len()),
            gates: Vec::new(),
            required: Vec::new(),
        };
        for rule in &plan.rules {
            feeds.tell(&rule.question.signal, rows.len());
            let acts_at_once = rule.action == Action::Rollback && rule.evidence != EvidenceMode::Literal;
            rows.rules.push(RuleRow {
                asked: feeds.ask(&rule.question),
                at_once: acts_at_once.then(|| feeds.ask(&of_one_unit(rule))).flatten(),
                state: RuleState::default(),
            });
        }
        for (phase, gates) in plan.phases.iter().map(|phase| &phase.gates).enumerate() {
            for (gate, kind) in gates.iter().map(|gate| &gate.kind).enumerate() {
                let (question, relative) = match kind {
                    GateKind::Limit { question, .. } => (question, false),
                    GateKind::Relative { question, .. } => (question, true),
                    GateKind::Without { .. } => continue,
                };
                feeds.tell(&question.signal, rows.len());
                rows.gates.push(GateRow {
                    phase,
                    gate,
                    canary: feeds.ask(question),
                    stable: relative.then(|| feeds.ask(&of_stable(question))).flatten(),
                });
            }
        }
        for signal in plan.signals.iter().filter(|signal| signal.required) {
            let Some(feed) = feeds.number(&signal.id) else { continue };
            for side in &signal.sides {
                feeds.tell(&signal.id, rows.len());
                rows.required.push(RequiredRow {
                    feed,
                    signal: signal.id.clone(),
                    side: *side,
                });
            }
        }
        rows
    }

    fn len(&self) -> usize {
        self.rules.len() + self.gates.len() + self.required.len()
    }
}

/// A rule's question where one unit is enough.
fn of_one_unit(rule: &Rule) -> Question {
    Question {
        least_units: 1,
        ..rule.question.clone()
    }
}

/// The same question of stable.
fn of_stable(question: &Question) -> Question {
    Question {
        side: Side::Stable,
        ..question.clone()
    }
}

impl Board {
    /// An empty board for a plan.
    pub fn new(plan: &Plan) -> Self {
        Self::with_evidence(Arc::new(plan.clone()), Evidence::new(plan))
    }

    fn with_evidence(plan: Arc<Plan>, evidence: Evidence) -> Self {
        let mut feeds = Feeds::new(&plan);
        let rows = Rows::new(&plan, &mut feeds);
        Self {
            schedule: Schedule::new(rows.len()),
            ends: Schedule::new(rows.rules.len()),
            plan,
            feeds,
            rows,
            evidence,
            moved: Vec::new(),
            last: None,
            assessment: Assessment::default(),
            noted: Vec::new(),
        }
    }

    /// Takes a sample in. One that is not newer than what is there is ignored, as is one of an unknown signal.
    pub fn observe(&mut self, sample: Sample) {
        if let Some((feed, sample)) = self.feeds.observe(sample) {
            self.evidence.observe(sample);
            self.moved.push(feed);
        }
    }

    /// After a start: the evidence of an epoch from the samples that were kept, in the order of their times. They say nothing
    /// to the windows of rules.
    pub fn restore(&mut self, epoch: Option<Epoch>, samples: &[Sample]) {
        self.evidence.begin(epoch);
        for sample in samples {
            self.evidence.observe(sample);
        }
        self.last = None;
    }

    /// The clock was set: what was counted by it means nothing any more, and what was proved stays proved.
    pub fn forget_times(&mut self) {
        let evidence = std::mem::replace(&mut self.evidence, Evidence::new(&self.plan));
        *self = Self::with_evidence(Arc::clone(&self.plan), evidence);
    }

    /// The evidence as it stands.
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// When the first rule in the making will have lasted, if nothing comes between: the moment at which somebody has to look
    /// again, or calls are put back as much later as nobody did. As of the last assessment.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.ends.first()
    }

    /// Begins another epoch where one has begun, with what has been read since.
    fn turn(&mut self, epoch: Option<Epoch>) {
        if !self.evidence.begin(epoch) {
            return;
        }
        let mut known: Vec<&Sample> = self.feeds.all().collect();
        known.sort_by_key(|sample| (sample.as_of, &sample.signal, sample.side));
        for sample in known {
            self.evidence.observe(sample);
        }
    }

    /// How fresh a side of a signal is at `now`.
    pub fn freshness(&self, signal: &SignalId, side: Side, now: Timestamp) -> Freshness {
        match self.newest(signal, side) {
            Some(newest) => self.feeds.freshness(signal, newest.as_of, now),
            None => Freshness::Lost,
        }
    }

    /// The newest sample of a side of a signal.
    pub fn newest(&self, signal: &SignalId, side: Side) -> Option<&Sample> {
        self.feeds.samples(signal, side)?.back()
    }

    /// Answers a question from fresh data; `None` where data are not live or units too few.
    pub fn answer(&self, question: &Question, now: Timestamp) -> Answer {
        if self.freshness(&question.signal, question.side, now) != Freshness::Live {
            return Answer::default();
        }
        match self.feeds.samples(&question.signal, question.side) {
            Some(series) => window::answer(series, question, now),
            None => Answer::default(),
        }
    }

    /// The verdict of a gate that looks at values, with the value and what it is held against; `None` for other gates.
    fn weigh(&self, gate: &Gate, now: Timestamp) -> Option<(Verdict, Answer, Option<Quantity>)> {
        let (canary, stable) = match &gate.kind {
            GateKind::Limit { question, .. } => (self.answer(question, now), Answer::default()),
            GateKind::Relative { question, .. } => (self.answer(question, now), self.answer(&of_stable(question), now)),
            GateKind::Without { .. } => return None,
        };
        let (verdict, limit) = self.verdict(gate, canary, stable)?;
        Some((verdict, canary, limit))
    }

    /// What a gate says of the answers to its question, and what the canary's is held against.
    fn verdict(&self, gate: &Gate, canary: Answer, stable: Answer) -> Option<(Verdict, Option<Quantity>)> {
        match &gate.kind {
            GateKind::Limit {
                question: _,
                comparison,
                go,
                no_go,
                evidence: _,
            } => {
                let verdict = match canary.value {
                    None => Verdict::NoEvidence,
                    Some(value) if comparison.breaches(value, *no_go) => Verdict::NoGo,
                    Some(value) if comparison.breaches(value, *go) => Verdict::Hold,
                    // The value is well; whether it could be otherwise by chance is another question.
                    Some(_) => match self.evidence.keeps(&gate.id) {
                        Some(Kept { kept: false, .. }) => Verdict::Hold,
                        Some(Kept { kept: true, .. }) | None => Verdict::Go,
                    },
                };
                Some((verdict, Some(*go)))
            }
            GateKind::Relative {
                question: _,
                comparison,
                margin,
                evidence: _,
            } => {
                let limit = stable.value.map(|s| window::with_margin(s, *margin, *comparison));
                let verdict = match (canary.value, limit) {
                    (Some(value), Some(limit)) if comparison.breaches(value, limit) => Verdict::NoGo,
                    // The values are well; whether they could be otherwise by chance is another question.
                    (Some(_), Some(_)) => match self.evidence.keeps(&gate.id) {
                        Some(Kept { broken: true, .. }) => Verdict::NoGo,
                        Some(Kept { kept: false, .. }) => Verdict::Hold,
                        Some(Kept { kept: true, .. }) | None => Verdict::Go,
                    },
                    (Some(_) | None, Some(_) | None) => Verdict::NoEvidence,
                };
                Some((verdict, limit))
            }
            GateKind::Without { .. } => None,
        }
    }
}

/// Which statistic makes sense for a reading: used by lint and by the window.
pub fn fits(statistic: Statistic, value: &Value) -> bool {
    match value {
        Value::Ratio { .. } => statistic == Statistic::Share,
        Value::Distribution { .. } => statistic == Statistic::Mean || statistic.permille().is_some(),
        Value::Count { .. } => statistic == Statistic::Total,
        Value::Level(_) => matches!(statistic, Statistic::Latest | Statistic::Mean),
    }
}

#[cfg(test)]
mod tests;
