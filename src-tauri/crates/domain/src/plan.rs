//! The plan as the rules see it: phases, targets, signals, rules, gates. Immutable once a rollout starts.
//!
//! How a plan is written, and what an adapter must know to reach a target or a signal, is crate `plan`'s.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use timonel_judge::Strength;

use crate::metric::{Metric, Statistic};
use crate::time::Timestamp;
use crate::value::{
    ChecklistId, GateId, PhaseId, PlanId, Quantity, RuleId, Side, SignalId, TargetId, TenantId, Weight,
};

/// One revision of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Plan {
    /// The same in all revisions.
    pub id: PlanId,
    /// Counts from 1.
    pub revision: u32,
    /// For people.
    pub name: String,
    /// Where it runs: `produccion`, `staging`, `simulador` …
    pub environment: String,
    /// What is assigned to an arm.
    pub unit: Unit,
    /// Exactly one is the splitter.
    pub targets: Vec<TargetPlan>,
    /// Whose calls move, or stay on stable, together.
    pub tenants: Vec<TenantPlan>,
    /// Where metrics come from.
    pub signals: Vec<SignalPlan>,
    /// Thresholds and what they do.
    pub rules: Vec<Rule>,
    /// In order, weights rising.
    pub phases: Vec<Phase>,
    /// Lists that people sign.
    pub checklists: Vec<Checklist>,
    /// How new units and units in progress are seen in traffic.
    pub traffic: Traffic,
    /// How long the stable side is kept after completion, so that a rollback is still possible.
    pub keep_stable: Duration,
    /// Whether a rule may roll back by itself.
    pub automatic: bool,
    /// When nothing may be raised.
    pub freezes: Vec<FreezeWindow>,
}

/// What is assigned to an arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Each call by itself.
    Call,
    /// All calls of a caller.
    Caller,
    /// All calls of a tenant.
    Tenant,
    /// All calls to a number.
    Number,
    /// Each request by itself.
    Request,
}

/// A control plane that holds a weight.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TargetPlan {
    /// Its id within the plan.
    pub id: TargetId,
    /// What it does for the rollout.
    pub role: Role,
    /// Whether it can put one tenant, number or caller on stable by itself.
    pub pins: bool,
}

/// Whose calls move, or stay on stable, together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TenantPlan {
    /// Its id within the plan.
    pub id: TenantId,
    /// For people.
    pub name: String,
    /// Whether it stays on stable from the start, until a person lets it go.
    pub pinned: bool,
}

/// What a target does for the rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Divides the traffic and so defines arm and weight.
    Splitter,
    /// Opens (100 %) before the splitter and closes (0 %) after it.
    Follower,
}

/// Where a metric comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SignalPlan {
    /// Its id within the plan.
    pub id: SignalId,
    /// What it measures.
    pub metric: Metric,
    /// Whose values it delivers.
    pub sides: Vec<Side>,
    /// How often it is read.
    pub interval: Duration,
    /// How far its newest value is behind by nature, as its source states; zero where it tells the present.
    pub lag: Duration,
    /// Whether progress needs it fresh. A signal that only shows something may be lost without blocking.
    pub required: bool,
    /// An occurrence counted by this signal is this event (only for counts).
    pub incident: Option<Incident>,
}

impl SignalPlan {
    /// From this age a value is late.
    pub fn late_after(&self) -> Duration {
        self.lag + self.interval * 2
    }

    /// From this age a value is lost.
    pub fn lost_after(&self) -> Duration {
        self.lag + self.interval * 4
    }
}

/// The signals by which traffic itself is seen (DESIGN.md invariant 10, marks three and four).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Traffic {
    /// Counts new units by arm, when they are assigned.
    pub assigned: Option<SignalId>,
    /// Units in progress by arm.
    pub active: Option<SignalId>,
}

/// What is asked of one side of a signal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Question {
    /// Of which signal.
    pub signal: SignalId,
    /// Whose value.
    pub side: Side,
    /// Which statistic.
    pub statistic: Statistic,
    /// Over the longer of this and the time that it takes to collect `least_units`.
    pub window: Duration,
    /// Fewer than these are `NoEvidence`.
    pub least_units: u64,
}

/// A comparison that is a breach when it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// Breach above the limit.
    Above,
    /// Breach below the limit.
    Below,
}

impl Comparison {
    /// Whether `value` breaches `limit`.
    pub fn breaches(self, value: Quantity, limit: Quantity) -> bool {
        match self {
            Comparison::Above => value > limit,
            Comparison::Below => value < limit,
        }
    }
}

/// A threshold rule of JUDGE.md layer 2.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rule {
    /// Its id within the plan.
    pub id: RuleId,
    /// What it looks at.
    pub question: Question,
    /// Which side of the limit is a breach.
    pub comparison: Comparison,
    /// In the metric's unit.
    pub limit: Quantity,
    /// How long the breach must last.
    pub lasting: Duration,
    /// The value that ends a breach; the limit itself without hysteresis.
    pub clear_limit: Quantity,
    /// How long the value must be back before the rule resolves.
    pub clear_lasting: Duration,
    /// How long `pending` survives missing data.
    pub max_gap: Duration,
    /// What missing data do.
    pub on_no_data: OnNoData,
    /// What firing does.
    pub action: Action,
    /// How the rule meets evidence.
    pub evidence: EvidenceMode,
    /// What the rule's value was on stable before the rollout, as the plan states it: of a share that share, of a time the share
    /// of the observations above `limit`. Evidence takes it for a start, and at 100 % holds the canary against it.
    pub history: Option<Quantity>,
    /// How loud it is.
    pub severity: Severity,
}

impl Rule {
    /// The share of stable's units that were bad in the sense of this rule, by the plan's history.
    pub fn bad_history(&self) -> Option<f64> {
        let history = self.history?.as_f64();
        Some(match self.comparison {
            Comparison::Above => history,
            Comparison::Below => 1.0 - history,
        })
    }
}

/// What missing data do to a rule. Missing is never good (invariant 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OnNoData {
    /// Blocks progress and raises its own alert.
    Hold,
    /// Rolls back after the rule's duration without data: only where the plan says so.
    Rollback,
}

/// What a firing rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Alerts and goes on.
    Notify,
    /// Alerts and freezes the rollout.
    Alert,
    /// Puts everything back.
    Rollback,
}

/// How a rollback rule meets evidence (JUDGE.md, "The gate between rule and action").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EvidenceMode {
    /// Exactly as the users wrote it.
    Literal,
    /// Breach and evidence of at least 50.
    Gated,
    /// Breach and evidence of at least 20.
    Fast,
}

impl EvidenceMode {
    /// Whether a firing rule may act with this evidence. Literal rules ask for none; JUDGE.md: 50, or 20 for `fast`.
    pub fn is_enough(self, evidence: Strength) -> bool {
        let needed = match self {
            EvidenceMode::Literal => return true,
            // 1000 · log10 of 50 and 20, rounded up.
            EvidenceMode::Gated => Strength::from_millilog10(1699),
            EvidenceMode::Fast => Strength::from_millilog10(1302),
        };
        evidence >= needed
    }
}

/// How loud an alert is (seed 002).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Severity {
    /// For the record.
    Low,
    /// Somebody should look today.
    Medium,
    /// Somebody should look now.
    High,
    /// Wakes people.
    Critical,
}

/// A step of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Phase {
    /// Its id within the plan.
    pub id: PhaseId,
    /// For people.
    pub name: String,
    /// The splitter's weight.
    pub weight: Weight,
    /// Least watched, unfrozen time at this weight.
    pub bake: Duration,
    /// What must hold to leave the phase.
    pub gates: Vec<Gate>,
    /// Persons who must approve leaving it.
    pub approvals: u8,
    /// Must be signed before the phase is entered.
    pub checklist: Option<ChecklistId>,
    /// How often somebody checks in.
    pub check_in: Option<Duration>,
    /// Planned start, for the timeline.
    pub planned_start: Option<Timestamp>,
}

/// What must hold to leave a phase.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Gate {
    /// Its id within the plan; unique over all phases.
    pub id: GateId,
    /// The condition.
    pub kind: GateKind,
}

/// The condition of a gate.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum GateKind {
    /// A value against fixed limits. Between `go` and `no_go` the gate holds.
    Limit {
        /// What is looked at.
        question: Question,
        /// Which side of the limit is bad.
        comparison: Comparison,
        /// Within this the gate is `Go`.
        go: Quantity,
        /// Beyond this it is `NoGo`; the same as `go` where the plan knows no gap.
        no_go: Quantity,
        /// Whether the value itself is held against `go`, or the upper bound of what it may be.
        evidence: EvidenceMode,
    },
    /// The canary is not worse than stable by more than the margin (non-inferiority).
    Relative {
        /// What is looked at, on the canary's side.
        question: Question,
        /// Which direction is worse.
        comparison: Comparison,
        /// In the metric's unit.
        margin: Quantity,
        /// Whether the values themselves are compared, or what both may be.
        evidence: EvidenceMode,
    },
    /// No such event for so long, in watched and unfrozen time at this weight.
    Without {
        /// The event.
        event: Incident,
        /// How long.
        lasting: Duration,
    },
}

/// Events that reset a clock or trigger at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Incident {
    /// An error that touches data or integrity: rolls back at once (JUDGE.md layer 1).
    CriticalError,
    /// A breach of security.
    Security,
}

/// A list that people sign.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Checklist {
    /// Its id within the plan.
    pub id: ChecklistId,
    /// What is checked.
    pub items: Vec<String>,
}

/// When nothing may be raised.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FreezeWindow {
    /// First moment.
    pub from: Timestamp,
    /// First moment after it.
    pub until: Timestamp,
    /// For people.
    pub reason: String,
}

impl Plan {
    /// The target that defines arm and weight. `plan` refuses files without exactly one.
    pub fn splitter(&self) -> Option<&TargetPlan> {
        self.targets.iter().find(|t| t.role == Role::Splitter)
    }

    /// One of the targets.
    pub fn target(&self, id: &TargetId) -> Option<&TargetPlan> {
        self.targets.iter().find(|t| t.id == *id)
    }

    /// One of the signals.
    pub fn signal(&self, id: &SignalId) -> Option<&SignalPlan> {
        self.signals.iter().find(|s| s.id == *id)
    }

    /// One of the rules.
    pub fn rule(&self, id: &RuleId) -> Option<&Rule> {
        self.rules.iter().find(|r| r.id == *id)
    }

    /// What `target` should stand at while the splitter is to stand at `weight`.
    pub fn goal(&self, target: &TargetPlan, weight: Weight) -> Weight {
        match target.role {
            Role::Splitter => weight,
            Role::Follower if weight == Weight::ZERO => Weight::ZERO,
            Role::Follower => Weight::FULL,
        }
    }
}
