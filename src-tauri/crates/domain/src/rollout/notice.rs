//! What people are told of a rollout, and how loud. Closed: whoever tells it has a sentence for each.

use std::time::Duration;

use super::{Cause, Failure, Level, Members};
use crate::evidence::{Proof, Skew, Worse};
use crate::plan::{Incident, Severity};
use crate::time::Timestamp;
use crate::value::{RuleId, Side, SignalId, TargetId, TenantId, Weight};

/// What people are told.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Notice {
    /// A rule began to fire.
    RuleFiring {
        /// Which.
        rule: RuleId,
        /// How loud.
        severity: Severity,
        /// Whether it would have rolled back but lacks the evidence.
        wants_rollback: bool,
    },
    /// A rule resolved.
    RuleResolved {
        /// Which.
        rule: RuleId,
    },
    /// The canary is worse than stable on a metric, beyond the phase's budget of false alarms.
    Worse {
        /// Which.
        signal: SignalId,
        /// How surely.
        worse: Worse,
        /// The numbers behind it.
        proof: Option<Proof>,
    },
    /// The canary breaks a rule's limit beyond doubt, and so does stable: going back does not cure it.
    Common {
        /// Which.
        rule: RuleId,
    },
    /// Units go to stable and none to the canary, though some should have.
    Unrouted,
    /// Units provably do not fall to the arms as the splitter's weight says.
    Skewed {
        /// The weight, and how they fall.
        skew: Skew,
    },
    /// Required signals are lost: all that went at the same moment.
    SignalsLost {
        /// Which, and whose.
        lost: Vec<(SignalId, Side)>,
    },
    /// All lost signals are back.
    SignalsBack,
    /// Nobody watched for a while.
    Gap {
        /// Since when.
        from: Timestamp,
    },
    /// The store was damaged, and another was made of what could be proved.
    Mended {
        /// Entries of the journal that were taken over.
        entries: u64,
        /// Entries that are known to have been there and were not.
        missing: u64,
        /// Nothing that was left says that it was armed; since calls may be on the canary all the same, it is taken to be.
        armed: bool,
    },
    /// An incident was reported.
    Incident {
        /// What kind.
        kind: Incident,
    },
    /// A phase was entered and verified.
    PhaseEntered {
        /// Index into the plan's phases.
        phase: usize,
    },
    /// A phase waits for approvals.
    AwaitingApproval {
        /// Index into the plan's phases.
        phase: usize,
    },
    /// A target does not answer: a rollback would not get through there now.
    TargetSilent {
        /// Which.
        target: TargetId,
        /// Why.
        failure: Failure,
    },
    /// A silent target answers again.
    TargetAnswers {
        /// Which.
        target: TargetId,
    },
    /// A shift failed; what it had moved is put back.
    ShiftFailed {
        /// Where.
        target: TargetId,
        /// Why.
        failure: Failure,
    },
    /// A lowering failed once; it is tried again.
    LowerFailed {
        /// Where.
        target: TargetId,
        /// Why.
        failure: Failure,
    },
    /// A target holds less than it was asked for, since it cannot divide more finely.
    Reaches {
        /// Which.
        target: TargetId,
        /// What it was asked for.
        asked: Weight,
        /// What it holds.
        weight: Weight,
        /// How many members that is; `None` where it holds no set.
        members: Option<Members>,
    },
    /// A target's instant lever is pulled: no new unit reaches the canary, the clean-up goes on.
    Levered {
        /// Which.
        target: TargetId,
    },
    /// The clean-up behind a pulled lever does not end: a person is needed, though no new unit reaches the canary.
    NotCleanedUp {
        /// Which.
        target: TargetId,
    },
    /// A tenant's calls stay on stable from now on.
    Pinned {
        /// Whose.
        tenant: TenantId,
    },
    /// A pinned tenant takes part again, from the next raise on.
    Unpinned {
        /// Whose.
        tenant: TenantId,
    },
    /// A drill of the rollback ended well.
    Drilled {
        /// From the press to the last read-back.
        took: Duration,
    },
    /// A rollback began.
    RollbackStarted {
        /// How far.
        level: Level,
        /// Why.
        cause: Cause,
    },
    /// A target has not been read back in time: a person is needed.
    NotReadBack {
        /// Which.
        target: TargetId,
    },
    /// New units still reach the canary although the target says that it was lowered.
    ContraryTraffic {
        /// Which.
        target: TargetId,
        /// How many new units.
        units: u64,
    },
    /// Every target of the rollback is verified.
    RollbackVerified,
    /// No unit is left on the canary.
    Drained,
    /// Somebody lowered a target.
    DriftBelow {
        /// Which.
        target: TargetId,
        /// What it stands at.
        live: Weight,
        /// Who, where the target tells.
        by: Option<String>,
    },
    /// Somebody raised a target; it is brought down.
    DriftAbove {
        /// Which.
        target: TargetId,
        /// What it stood at.
        live: Weight,
        /// Who, where the target tells.
        by: Option<String>,
    },
    /// Somebody keeps raising a target: a person is needed.
    DriftPersists {
        /// Which.
        target: TargetId,
    },
    /// All phases passed.
    Completed,
    /// The journal is not what was written: what the rollout's state was made of is in doubt, and a person is needed.
    JournalBroken {
        /// What was found, and where.
        detail: String,
    },
}

impl Notice {
    /// How loud it is.
    pub fn severity(&self) -> Severity {
        match self {
            Notice::RuleFiring {
                severity,
                wants_rollback: false,
                ..
            } => *severity,
            Notice::RuleFiring { .. }
            | Notice::Common { .. }
            | Notice::Worse {
                worse: Worse::Rollback, ..
            }
            | Notice::Incident { .. }
            | Notice::Mended { .. }
            | Notice::RollbackStarted { .. }
            | Notice::NotReadBack { .. }
            | Notice::ContraryTraffic { .. }
            | Notice::LowerFailed { .. }
            | Notice::NotCleanedUp { .. }
            | Notice::DriftPersists { .. }
            | Notice::JournalBroken { .. } => Severity::Critical,
            Notice::TargetSilent { failure, .. } if failure.is_without_key() => Severity::Critical,
            Notice::SignalsLost { .. }
            | Notice::Worse {
                worse: Worse::Alert, ..
            }
            | Notice::Unrouted
            | Notice::Skewed { .. }
            | Notice::TargetSilent { .. }
            | Notice::ShiftFailed { .. }
            | Notice::DriftBelow { .. }
            | Notice::DriftAbove { .. }
            | Notice::Gap { .. } => Severity::High,
            Notice::AwaitingApproval { .. }
            | Notice::RollbackVerified
            | Notice::Levered { .. }
            | Notice::Pinned { .. } => Severity::Medium,
            Notice::RuleResolved { .. }
            | Notice::SignalsBack
            | Notice::TargetAnswers { .. }
            | Notice::PhaseEntered { .. }
            | Notice::Drained
            | Notice::Reaches { .. }
            | Notice::Unpinned { .. }
            | Notice::Drilled { .. }
            | Notice::Completed => Severity::Low,
        }
    }
}
