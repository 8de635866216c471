//! What happens to a rollout, and what follows from it. Both enums are closed.

use serde::{Deserialize, Serialize};

use super::{Generation, Hold, Notice, OpId};
use crate::board::Assessment;
use crate::plan::{Incident, Plan};
use crate::sample::{Sample, Value};
use crate::time::Timestamp;
use crate::value::{ChecklistId, Person, RuleId, Side, SignalId, TargetId, TenantId, Weight};

/// What happens to a rollout.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Event {
    /// A person arms it. The engine has checked first; a check that failed refuses it.
    Arm {
        /// Who.
        by: Person,
        /// The live weight of each target, as read by the arming checks.
        live: Vec<(TargetId, Weight)>,
        /// Checks that failed, by code.
        failed: Vec<String>,
    },
    /// A person starts the first phase.
    Start {
        /// Who.
        by: Person,
    },
    /// A person signs a checklist.
    Sign {
        /// Who.
        by: Person,
        /// Which.
        checklist: ChecklistId,
    },
    /// A person approves leaving the present phase.
    Approve {
        /// Who.
        by: Person,
    },
    /// A person wants to pass the gates of this phase against their verdict; takes effect with a second person.
    Override {
        /// Who.
        by: Person,
        /// Why.
        reason: String,
    },
    /// A person freezes it.
    Freeze {
        /// Who.
        by: Person,
        /// Why.
        reason: String,
    },
    /// A person clears a hold.
    Release {
        /// Who.
        by: Person,
        /// Which.
        hold: Hold,
        /// Why.
        reason: String,
    },
    /// Somebody or something wants traffic put back.
    RollBack {
        /// How far.
        level: Level,
        /// Why.
        cause: Cause,
        /// A second press, for a rollback after the stable side is no longer kept.
        confirmed: bool,
    },
    /// A person wants a tenant's calls on stable; the rollout goes on without it.
    Pin {
        /// Who.
        by: Person,
        /// Whose calls.
        tenant: TenantId,
        /// Why.
        reason: String,
    },
    /// A person lets a pinned tenant take part again, from the next raise on.
    Unpin {
        /// Who.
        by: Person,
        /// Whose calls.
        tenant: TenantId,
        /// Why.
        reason: String,
    },
    /// A person drills the rollback while everything is at 0 %: it is carried out, timed, and released again.
    Drill {
        /// Who.
        by: Person,
    },
    /// A person resets the latch, which permits arming again.
    Reset {
        /// Who.
        by: Person,
        /// Why.
        reason: String,
    },
    /// A person closes it.
    Close {
        /// Who.
        by: Person,
    },
    /// The board says something else than before.
    Assessed(Assessment),
    /// An incident was reported.
    Incident {
        /// What kind.
        kind: Incident,
        /// How often since the last report.
        count: u64,
    },
    /// A target said something.
    Target {
        /// Which.
        target: TargetId,
        /// What.
        report: Report,
    },
    /// New units were assigned between two readings.
    Assigned {
        /// The earlier reading.
        since: Timestamp,
        /// New units on stable.
        stable: u64,
        /// New units on the canary.
        canary: u64,
    },
    /// Units in progress on the canary.
    Active {
        /// The moment of the reading.
        as_of: Timestamp,
        /// How many.
        canary: u64,
    },
    /// The helm was taken with a new epoch, or lost.
    Helm(Option<u64>),
    /// Nobody watched from `from` until now.
    Gap {
        /// Since when.
        from: Timestamp,
    },
    /// What was believed at a start does not hold: the journal is not what was written.
    JournalBroken {
        /// What was found, and where.
        detail: String,
    },
    /// The store was damaged, and what is known of this rollout is what could be proved of its journal.
    Mended {
        /// Entries of the journal that were taken over, of all rollouts.
        entries: u64,
        /// Entries that are known to have been there and were not taken over.
        missing: u64,
    },
    /// Time went by.
    Tick,
}

impl Event {
    /// The incident that a reading reports, where its signal counts one. What stable suffers is none of the rollout's.
    pub fn incident(plan: &Plan, sample: &Sample) -> Option<Self> {
        let kind = plan.signal(&sample.signal)?.incident?;
        match sample.value {
            Value::Count { n, .. } if n > 0 && sample.side != Side::Stable => Some(Event::Incident { kind, count: n }),
            Value::Count { .. } | Value::Ratio { .. } | Value::Distribution { .. } | Value::Level(_) => None,
        }
    }
}

/// What a target said.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Report {
    /// It accepted an operation.
    Accepted {
        /// Which.
        op: OpId,
        /// What it can hold of what it was asked for; all of it where absent.
        weight: Option<Weight>,
        /// How many members that is; `None` where it holds no set.
        members: Option<Members>,
    },
    /// It has accepted an operation and is still at it, as it says itself.
    Working {
        /// Which.
        op: OpId,
    },
    /// Its instant lever was pulled and read back: new units are off the canary, while the clean-up goes on.
    Levered {
        /// For which operation.
        op: OpId,
    },
    /// It was read.
    Read {
        /// For which operation, where one asked.
        op: Option<OpId>,
        /// What it stands at.
        weight: Weight,
        /// Where it holds a set: how far that is from the one asked for.
        apart: Apart,
        /// Who changed it last, where it tells.
        by: Option<String>,
    },
    /// It could not be read, without any operation.
    Silent {
        /// Why.
        failure: Failure,
    },
    /// An operation failed. A lowering is tried again by the engine; a raise is over.
    Failed {
        /// Which.
        op: OpId,
        /// Why.
        failure: Failure,
    },
}

impl Report {
    /// It accepted all that it was asked for.
    pub fn accepted(op: OpId) -> Self {
        Report::Accepted {
            op,
            weight: None,
            members: None,
        }
    }

    /// It was read and holds no set, or just the one that it was asked for.
    pub fn read(op: Option<OpId>, weight: Weight) -> Self {
        Report::Read {
            op,
            weight,
            apart: Apart::NONE,
            by: None,
        }
    }
}

/// How many of a set are on the canary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Members {
    /// On the canary.
    pub canary: u32,
    /// In all.
    pub all: u32,
}

/// How far a set is from the one that was last asked for: two sets of the same weight need not be the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Apart {
    /// Members on the canary that should not be there.
    pub surplus: u32,
    /// Members that should be on the canary and are not.
    pub missing: u32,
}

impl Apart {
    /// No difference.
    pub const NONE: Self = Self { surplus: 0, missing: 0 };
}

/// Why an operation failed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Failure {
    /// A stable code.
    pub code: String,
    /// For people.
    pub text: String,
}

impl Failure {
    /// Whether the key is missing that a target is asked with, or locked away: no waiting mends it, a person does.
    pub fn is_without_key(&self) -> bool {
        matches!(self.code.as_str(), "target.no-key" | "target.key-locked")
    }
}

/// How far a rollback goes (seed 001).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Level {
    /// To a lower weight, then frozen.
    Reduce(Weight),
    /// To 0 %, latched.
    Total,
}

/// Why traffic is put back.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Cause {
    /// A person pressed.
    Person(Person),
    /// A rule fired with what it needs.
    Rule(RuleId),
    /// The canary is worse than stable on this metric, beyond the phase's budget of false alarms.
    Evidence(SignalId),
    /// An incident that no statistics wait for.
    Incident(Incident),
    /// A rollback that was under way when the engine stopped.
    Resumed,
    /// A person drills it, at 0 %.
    Drill(Person),
}

/// What follows from an event. The engine carries these out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Raise a target: journal first, then call (invariant 5).
    Raise {
        /// The operation.
        op: OpId,
        /// Which target.
        target: TargetId,
        /// The weight to reach.
        to: Weight,
        /// Goes with the call.
        generation: Generation,
    },
    /// Lower a target: call at once, wait for nothing.
    Lower {
        /// The operation.
        op: OpId,
        /// Which target.
        target: TargetId,
        /// The weight to reach.
        to: Weight,
        /// Goes with the call.
        generation: Generation,
    },
    /// Tell people.
    Notify(Notice),
    /// Show the commands by which a person can do it: this target does not confirm.
    ShowManual {
        /// Which target.
        target: TargetId,
        /// The weight to reach.
        to: Weight,
    },
    /// The event was not allowed.
    Rejected(Rejection),
}

/// Why an event was not allowed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Rejection {
    /// Not in this stage.
    #[error("this is not possible in the present stage")]
    Stage,
    /// Arming checks failed.
    #[error("arming checks failed: {}", .0.join(", "))]
    Checks(Vec<String>),
    /// A rollback's latch stands.
    #[error("latched by a rollback: a person has to reset it with a reason first")]
    Latched,
    /// Nothing of that name.
    #[error("there is no such thing in this plan")]
    Unknown,
    /// No target of the plan can keep a tenant on stable.
    #[error("no target of this plan can keep one tenant on stable: reduce the weight, or put everything back")]
    CannotPin,
    /// A reason is needed.
    #[error("write a reason")]
    NoReason,
    /// The second person must be another one.
    #[error("a second person is needed")]
    SamePerson,
    /// The level is not below the present weight.
    #[error("a reduction has to be below the present weight")]
    NotLower,
    /// The stable side is still kept, and a closed rollout could no longer be put back.
    #[error("calls can still be put back until {kept_until}: close it after that")]
    StableKept {
        /// Until when it is kept.
        kept_until: Timestamp,
    },
    /// The stable side is no longer kept: what is gone is shown, and a second confirmation is needed.
    #[error("the stable side was kept until {kept_until} and may be gone; confirm to roll back all the same")]
    StableGone {
        /// Until when it was kept.
        kept_until: Timestamp,
    },
}
