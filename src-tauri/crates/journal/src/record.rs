//! What the entries of a rollout say: an event as it happened, and what followed from it.
//!
//! The domain's `Event` and `Effect` are not serialisable on purpose; these are their journalled forms, version 1.
//! A field is never renamed or given another meaning: a new meaning is a new kind. Replaying the events gives the
//! state; the effects are kept so that a reader sees what was done, and so that a replay can be held against them.

mod convert;
mod kit;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use timonel_domain::rollout::{Apart, Effect, Event, Generation, Members};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{
    ChecklistId, GateId, Person, Quantity, RolloutId, RuleId, Side, SignalId, TargetId, TenantId, Weight,
};

pub use kit::{KIT, KitRecord, KitRollback, MERGED, MergedRecord};

/// The body of an entry of kind [`STEP`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// What happened.
    pub event: EventRecord,
    /// What followed from it, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<EffectRecord>,
    /// The id of the command that it obeys: with it in one entry, nobody obeys that again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

/// The kind of entries that hold a [`StepRecord`].
pub const STEP: &str = "step";

/// The kind of entries that hold a [`CommandRecord`].
pub const COMMAND: &str = "command";

/// The body of an entry of kind [`COMMAND`]: what became of a command that is no step. It changes nothing about the rollout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandRecord {
    /// Which command.
    pub id: String,
    /// Whose.
    pub by: Person,
    /// What became of it.
    pub answer: AnswerRecord,
}

/// What became of a command that is no step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnswerRecord {
    /// It wanted what was so already.
    Nothing,
    /// It was an alert seen, which has an entry of its own.
    Seen,
    /// It had waited too long to be still what its author wants.
    Late,
    /// A rollback from before a person said that rollbacks are over.
    Overtaken,
    /// This version does not know what it says, or it is too long.
    Unread,
}

/// The kind of entries that hold an [`OperationRecord`].
pub const OPERATION: &str = "operation";

/// The body of an entry of kind [`OPERATION`]: what a control plane has accepted and is still at, so that another process
/// can ask how far it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OperationRecord {
    /// Which target.
    pub target: TargetId,
    /// The operation of the rollout that it belongs to.
    pub op: u64,
    /// What the adapter asks with, in hex: opaque to everybody else.
    pub operation: String,
}

/// The kind of entries that hold an [`AcknowledgementRecord`].
pub const ACKNOWLEDGEMENT: &str = "acknowledgement";

/// The body of an entry of kind [`ACKNOWLEDGEMENT`]: a person has seen an alert. It changes nothing about the rollout, so
/// a replay passes it over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcknowledgementRecord {
    /// Which alert, as the console that showed it names it.
    pub alert: String,
    /// Who.
    pub by: Person,
    /// What they said about it; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
}

/// The kind of entries that hold a [`MendedRecord`].
pub const MENDED: &str = "mended";

/// The body of an entry of kind [`MENDED`]: the file of the store was damaged, and this journal is what of it could be proved.
/// There is one for the store and one for each rollout that was not closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MendedRecord {
    /// The folder with the damaged file, beside the store.
    pub aside: String,
    /// What was found to be damaged, as the database said it.
    pub found: String,
    /// Entries that were taken over: every one whose chain holds from its beginning on.
    pub entries: u64,
    /// Sound entries that follow nothing any more: they are in a file beside the damaged one.
    pub apart: u64,
    /// Entries that are known to have been there and are not. What came after a chain's last one leaves no trace.
    pub missing: u64,
    /// Rollouts of which there are entries, and not what they are and their plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<RolloutId>,
}

fn is_none(apart: &Apart) -> bool {
    *apart == Apart::NONE
}

/// An event in its journalled form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
#[expect(
    missing_docs,
    reason = "each variant and field is the domain event's of the same name"
)]
pub enum EventRecord {
    Arm {
        by: Person,
        live: BTreeMap<TargetId, Weight>,
        failed: Vec<String>,
    },
    Start {
        by: Person,
    },
    Sign {
        by: Person,
        checklist: ChecklistId,
    },
    Approve {
        by: Person,
    },
    Override {
        by: Person,
        reason: String,
    },
    Freeze {
        by: Person,
        reason: String,
    },
    Release {
        by: Person,
        hold: HoldRecord,
        reason: String,
    },
    RollBack {
        level: LevelRecord,
        cause: CauseRecord,
        confirmed: bool,
    },
    Pin {
        by: Person,
        tenant: TenantId,
        reason: String,
    },
    Unpin {
        by: Person,
        tenant: TenantId,
        reason: String,
    },
    Drill {
        by: Person,
    },
    Reset {
        by: Person,
        reason: String,
    },
    Close {
        by: Person,
    },
    Assessed(AssessmentRecord),
    Incident {
        what: IncidentRecord,
        count: u64,
    },
    TargetAccepted {
        target: TargetId,
        op: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        weight: Option<Weight>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        members: Option<Members>,
    },
    TargetWorking {
        target: TargetId,
        op: u64,
    },
    TargetLevered {
        target: TargetId,
        op: u64,
    },
    TargetRead {
        target: TargetId,
        op: Option<u64>,
        weight: Weight,
        #[serde(default, skip_serializing_if = "is_none")]
        apart: Apart,
        by: Option<String>,
    },
    TargetFailed {
        target: TargetId,
        op: u64,
        code: String,
        text: String,
    },
    TargetSilent {
        target: TargetId,
        code: String,
        text: String,
    },
    Assigned {
        since: Timestamp,
        stable: u64,
        canary: u64,
    },
    Active {
        as_of: Timestamp,
        canary: u64,
    },
    Helm {
        epoch: Option<u64>,
    },
    Gap {
        from: Timestamp,
    },
    JournalBroken {
        detail: String,
    },
    Mended {
        entries: u64,
        missing: u64,
    },
    Tick,
}

/// A hold in its journalled form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each variant is the domain's of the same name")]
pub enum HoldRecord {
    Operator,
    Alert,
    Drift(TargetId),
    Shift(TargetId),
    Gap,
    HelmLost,
    NoEvidence,
}

/// A rollback's level in its journalled form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each variant is the domain's of the same name")]
pub enum LevelRecord {
    Reduce(Weight),
    Total,
}

/// A rollback's cause in its journalled form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each variant is the domain's of the same name")]
pub enum CauseRecord {
    Person(Person),
    Rule(RuleId),
    Evidence(SignalId),
    Incident(IncidentRecord),
    Resumed,
    Drill(Person),
}

/// An incident in its journalled form.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each variant is the domain's of the same name")]
pub enum IncidentRecord {
    CriticalError,
    Security,
}

/// A verdict in its journalled form.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each variant is the domain's of the same name")]
pub enum VerdictRecord {
    Go,
    NoGo,
    Hold,
    NoEvidence,
}

/// An assessment in its journalled form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AssessmentRecord {
    /// Rules that fire.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub firing: BTreeMap<RuleId, FiringRecord>,
    /// Gates of the phase.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub gates: BTreeMap<GateId, VerdictRecord>,
    /// Lost signals with the side that is lost.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub lost: BTreeSet<(SignalId, Side)>,
    /// Metrics on which the canary is worse than stable.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub worse: BTreeMap<SignalId, WorseRecord>,
    /// Rules whose limit both sides break.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub common: BTreeSet<RuleId>,
    /// No unit reaches the canary.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unrouted: bool,
    /// Units do not fall as the weight says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skew: Option<SkewRecord>,
    /// The numbers behind it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<FindingRecord>,
    /// The numbers behind the evidence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proofs: Vec<ProofRecord>,
}

/// How surely the canary is worse, in its journalled form.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each variant is the domain's of the same name")]
pub enum WorseRecord {
    Alert,
    Rollback,
}

/// What counts as bad, in its journalled form.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each variant is the domain's of the same name")]
pub enum OutcomeRecord {
    Counted,
    NotCounted,
    Above(Quantity),
    AboveStable(u16),
    Occurred,
    Mean,
}

/// How units fall to the arms, in its journalled form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SkewRecord {
    /// What the splitter accepted.
    pub weight: Weight,
    /// Units of stable.
    pub stable: u64,
    /// The canary's.
    pub canary: u64,
    /// Thousandths of log10 of the e-value.
    pub strength: i32,
}

/// What a mean can be, in its journalled form; in the metric's unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeanRecord {
    /// The least.
    pub lower: Quantity,
    /// What was seen.
    pub seen: Quantity,
    /// The most.
    pub upper: Quantity,
    /// Where values were clipped.
    pub cap: Quantity,
}

/// The numbers behind the evidence of one metric in their journalled form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProofRecord {
    /// The metric's signal.
    pub signal: SignalId,
    /// What counts as bad.
    pub outcome: OutcomeRecord,
    /// Stable's bad units, and all.
    pub stable: (u64, u64),
    /// The canary's bad units, and all.
    pub canary: (u64, u64),
    /// Thousandths of log10 of R.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against_stable: Option<i32>,
    /// Whether the arms are not random.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub observational: bool,
    /// Thousandths of log10 of O against stable's history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against_history: Option<i32>,
    /// What is above stable's quantile is above this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edge: Option<Quantity>,
    /// The most that the canary's share of the units can be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<Quantity>,
    /// What the canary's mean can be, and stable's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub means: Option<(MeanRecord, MeanRecord)>,
}

/// A firing rule in its journalled form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FiringRecord {
    /// When the breach began.
    pub breach: Timestamp,
    /// Since when it fires.
    pub since: Timestamp,
    /// Whether missing data made it fire.
    pub blind: bool,
    /// Thousandths of log10 of the e-value. Absent with `literal` where no evidence belongs to the rule; absent without it in
    /// journals from before there was any, where nothing was proved.
    pub evidence: Option<i32>,
    /// No evidence belongs to the rule.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub literal: bool,
}

/// A number and its limit in their journalled form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FindingRecord {
    /// Rule or gate.
    pub of: String,
    /// The value.
    pub value: Option<Quantity>,
    /// Units behind it.
    pub units: u64,
    /// The limit.
    pub limit: Quantity,
}

/// An effect in its journalled form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
#[expect(
    missing_docs,
    reason = "each variant and field is the domain effect's of the same name"
)]
pub enum EffectRecord {
    Raise {
        op: u64,
        target: TargetId,
        to: Weight,
        generation: Generation,
    },
    Lower {
        op: u64,
        target: TargetId,
        to: Weight,
        generation: Generation,
    },
    /// Notices are kept as the domain's own debug text: they are read by people, never replayed.
    Notify {
        severity: String,
        notice: String,
    },
    ShowManual {
        target: TargetId,
        to: Weight,
    },
    Rejected {
        reason: String,
    },
}

impl StepRecord {
    /// The journalled form of a step.
    pub fn new(event: &Event, effects: &[Effect]) -> Self {
        Self {
            event: event.into(),
            effects: effects.iter().map(EffectRecord::from).collect(),
            command: None,
        }
    }

    /// The same as what obeys the command of this id, where it obeys one.
    pub fn obeying(self, command: Option<String>) -> Self {
        Self { command, ..self }
    }
}
