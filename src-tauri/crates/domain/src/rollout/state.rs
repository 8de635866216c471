//! What is known about a rollout. Clone + Eq + Hash and no floating point, so that states can be compared and explored.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Cause, Generation, Level, Members};
use crate::board::Assessment;
use crate::evidence::Epoch;
use crate::plan::{Incident, Plan, Role};
use crate::time::Timestamp;
use crate::value::{ChecklistId, Person, TargetId, TenantId, Weight};
use serde::{Deserialize, Serialize};

/// The state of one rollout.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct State {
    /// Where it is in its life.
    pub stage: Stage,
    /// What keeps it from going on; frozen is `Running` with at least one.
    pub holds: BTreeSet<Hold>,
    /// Set by a total rollback; only a person resets it.
    pub latch: Option<Latch>,
    /// Goes with every decision.
    pub generation: Generation,
    /// Whether this engine holds the helm.
    pub helm: bool,
    /// Tenants whose calls stay on stable.
    pub pins: BTreeSet<TenantId>,
    /// All targets of the plan.
    pub targets: BTreeMap<TargetId, TargetState>,
    /// What the board said last.
    pub assessment: Assessment,
    /// Whether the board has said anything since watching began.
    pub assessed: bool,
    /// The weight that was last reached and verified; a failed shift goes back to it.
    pub settled: Weight,
    /// Since when the splitter sends units to the canary.
    pub canary_since: Option<Timestamp>,
    /// The phase over which evidence is gathered: from its weight being reached until the next one is, or a reset.
    pub epoch: Option<Epoch>,
    /// Watched, unfrozen time at this weight.
    pub bake: Stopwatch,
    /// Watched, unfrozen time at this weight without such an event.
    pub without: BTreeMap<Incident, Stopwatch>,
    /// Who approved leaving the present phase.
    pub approvals: BTreeSet<Person>,
    /// A person's wish to pass the gates of the present phase; needs two.
    pub overriding: Option<Override>,
    /// Checklists that were signed, with who did.
    pub signed: BTreeMap<ChecklistId, Person>,
    /// The last rollback, until its latch is reset.
    pub rollback: Option<Rollback>,
    /// Since when nothing has been in the way, for holds that clear by themselves.
    pub steady_since: Option<Timestamp>,
    /// The number of the next operation.
    pub next_op: u64,
}

/// Where a rollout is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Stage {
    /// Opened, not armed.
    Draft,
    /// All checks passed; a rollback is possible from here on.
    Armed,
    /// Moving the targets to the weight of a phase.
    Shifting {
        /// Index into the plan's phases.
        phase: usize,
    },
    /// Serving its least time.
    Baking {
        /// Index into the plan's phases.
        phase: usize,
    },
    /// Time served; gates decide.
    Deciding {
        /// Index into the plan's phases.
        phase: usize,
    },
    /// Gates passed; persons decide.
    AwaitingApproval {
        /// Index into the plan's phases.
        phase: usize,
    },
    /// Lowering.
    RollingBack {
        /// How far.
        level: Level,
        /// The phase it came from.
        phase: usize,
    },
    /// Everything is back on stable, as far as it was read back; latched.
    RolledBack,
    /// All phases passed; the stable side is kept for a while.
    Completed {
        /// Since when.
        since: Timestamp,
    },
    /// Over.
    Closed,
}

impl Stage {
    /// The phase of a running rollout.
    pub fn phase(&self) -> Option<usize> {
        match self {
            Stage::Shifting { phase }
            | Stage::Baking { phase }
            | Stage::Deciding { phase }
            | Stage::AwaitingApproval { phase }
            | Stage::RollingBack { phase, .. } => Some(*phase),
            Stage::Draft | Stage::Armed | Stage::RolledBack | Stage::Completed { .. } | Stage::Closed => None,
        }
    }

    /// Whether the rollout is between its start and its completion and not being rolled back.
    pub fn is_running(&self) -> bool {
        matches!(
            self,
            Stage::Shifting { .. } | Stage::Baking { .. } | Stage::Deciding { .. } | Stage::AwaitingApproval { .. }
        )
    }
}

/// What keeps a rollout from going on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Hold {
    /// A person froze it, or a reduction waits for one.
    Operator,
    /// An alert did; cleared by a person.
    Alert,
    /// Somebody lowered this target; cleared by a person.
    Drift(TargetId),
    /// A shift failed at this target; cleared by a person.
    Shift(TargetId),
    /// Nobody watched for a while; clears by itself.
    Gap,
    /// The helm is not ours; clears by itself.
    HelmLost,
    /// Signals are lost; clears by itself.
    NoEvidence,
}

impl Hold {
    /// Whether it clears without a person, after a steady interval.
    pub fn clears_by_itself(&self) -> bool {
        match self {
            Hold::Gap | Hold::HelmLost | Hold::NoEvidence => true,
            Hold::Operator | Hold::Alert | Hold::Drift(_) | Hold::Shift(_) => false,
        }
    }
}

/// Nothing advances until a person resets it (invariant 9).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Latch {
    /// Since when.
    pub since: Timestamp,
    /// The generation of the rollback that set it.
    pub generation: Generation,
}

/// A rollback and its times.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rollback {
    /// Why.
    pub cause: Cause,
    /// How far.
    pub level: Level,
    /// When the breach began that led to it, where a rule did.
    pub breach_at: Option<Timestamp>,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// The splitter's weight before it: how many units must be seen on stable depends on it.
    pub from: Weight,
    /// Whether a person was called because it is not verified.
    pub escalated: bool,
    /// When the last target was verified.
    pub verified_at: Option<Timestamp>,
}

/// An operation's number within its rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OpId(pub u64);

/// What is known about one target.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct TargetState {
    /// What it was last asked for, once it has accepted that.
    pub asked: Option<Weight>,
    /// What it last accepted from us, or stood at when the rollout was armed: at most what it was asked for.
    pub accepted: Option<Weight>,
    /// How many members that was, where it holds a set.
    pub members: Option<Members>,
    /// Since when its instant lever is pulled, where it is.
    pub levered: Option<Timestamp>,
    /// What it said last when it was read.
    pub read: Option<Weight>,
    /// The operation under way.
    pub op: Option<Op>,
    /// The marks of the last lowering.
    pub marks: Marks,
    /// A deviation that has not been resolved.
    pub drift: Option<Weight>,
    /// Since when it does not answer, where it does not.
    pub silent: Option<Silence>,
    /// When deviations upwards were brought down, the last ten minutes only.
    pub corrections: Vec<Timestamp>,
}

/// A target does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Silence {
    /// Since when.
    pub since: Timestamp,
    /// Whether people were told: one lost answer is not worth it.
    pub told: bool,
}

/// An operation under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Op {
    /// Its number.
    pub id: OpId,
    /// Why it is done.
    pub kind: OpKind,
    /// The weight to reach.
    pub to: Weight,
    /// Goes with the call, and with every attempt to repeat it.
    pub generation: Generation,
    /// When it was decided.
    pub since: Timestamp,
    /// When the target accepted it.
    pub accepted_at: Option<Timestamp>,
    /// Whether the target says that it has begun and takes its time.
    pub slow: bool,
    /// How often it failed.
    pub failures: u32,
    /// Whether a person was called.
    pub escalated: bool,
}

/// Why an operation is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OpKind {
    /// Raise for a phase.
    Raise,
    /// Part of a rollback.
    Rollback,
    /// Puts back what a failed shift had moved.
    PutBack,
    /// Brings down what somebody else raised.
    Correction,
    /// Takes a tenant's members off the canary.
    Pin,
}

impl OpKind {
    /// Whether the operation lowers.
    pub fn lowers(self) -> bool {
        !matches!(self, OpKind::Raise)
    }
}

/// The four marks of invariant 10, with clocks of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Marks {
    /// The control plane accepted it.
    pub accepted: Option<Timestamp>,
    /// It was read back.
    pub read_back: Option<Timestamp>,
    /// Enough new units were seen, all of them on stable.
    pub seen: Option<Timestamp>,
    /// No unit is left on the canary.
    pub drained: Option<Timestamp>,
    /// New units on stable since the acceptance.
    pub on_stable: u64,
    /// New units on the canary since the acceptance: there should be none.
    pub contrary: u64,
}

/// How far a lowering of a target is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verification {
    /// Not accepted or not read back yet.
    Open,
    /// Read back; traffic has still to show it.
    ReadBack,
    /// Read back and seen in traffic, or read back where this target's traffic cannot be seen.
    Verified,
    /// Traffic contradicts the read-back.
    Contradicted,
}

/// A wish to pass the gates of a phase against their verdict.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Override {
    /// The first person.
    pub first: Person,
    /// The second, another one.
    pub second: Option<Person>,
    /// Why.
    pub reason: String,
}

/// A clock that counts only while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Stopwatch {
    /// Counted before the present run.
    pub before: Duration,
    /// Since when it runs.
    pub running_since: Option<Timestamp>,
}

impl Stopwatch {
    /// What it shows at `now`.
    pub fn elapsed(&self, now: Timestamp) -> Duration {
        self.before + self.running_since.map(|since| now.since(since)).unwrap_or_default()
    }

    /// Lets it run or stand from `now` on.
    pub fn set_running(&mut self, run: bool, now: Timestamp) {
        match (run, self.running_since) {
            (true, None) => self.running_since = Some(now),
            (false, Some(_)) => {
                *self = Self {
                    before: self.elapsed(now),
                    running_since: None,
                }
            }
            (true, Some(_)) | (false, None) => {}
        }
    }

    /// Back to zero, standing.
    pub fn restart(&mut self) {
        *self = Self::default();
    }
}

impl State {
    /// A rollout that has just been opened.
    pub fn new(plan: &Plan) -> Self {
        Self {
            stage: Stage::Draft,
            holds: BTreeSet::new(),
            latch: None,
            generation: Generation::default(),
            helm: false,
            pins: plan.tenants.iter().filter(|t| t.pinned).map(|t| t.id.clone()).collect(),
            targets: plan
                .targets
                .iter()
                .map(|t| (t.id.clone(), TargetState::default()))
                .collect(),
            assessment: Assessment::default(),
            assessed: false,
            settled: Weight::ZERO,
            canary_since: None,
            epoch: None,
            bake: Stopwatch::default(),
            without: BTreeMap::new(),
            approvals: BTreeSet::new(),
            overriding: None,
            signed: BTreeMap::new(),
            rollback: None,
            steady_since: None,
            next_op: 1,
        }
    }

    /// Whether it is running and something holds it.
    pub fn is_frozen(&self) -> bool {
        self.stage.is_running() && !self.holds.is_empty()
    }

    /// How far the last lowering of a target is verified.
    pub fn verification(&self, plan: &Plan, target: &TargetId) -> Verification {
        let (Some(state), Some(spec)) = (self.targets.get(target), plan.target(target)) else {
            return Verification::Open;
        };
        let total = self.rollback.as_ref().is_some_and(|r| r.level == Level::Total);
        let seeable = spec.role == Role::Splitter && plan.traffic.assigned.is_some() && total;
        match state.marks {
            marks if marks.contrary > 0 => Verification::Contradicted,
            marks if marks.read_back.is_none() => Verification::Open,
            marks if seeable && marks.seen.is_none() => Verification::ReadBack,
            _ => Verification::Verified,
        }
    }

    /// Whether every target of a rollback is verified.
    pub fn is_verified(&self, plan: &Plan) -> bool {
        plan.targets
            .iter()
            .all(|t| self.verification(plan, &t.id) == Verification::Verified)
    }
}
