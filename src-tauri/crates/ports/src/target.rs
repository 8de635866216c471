//! The port to a control plane that holds a weight.
//!
//! `plan` is pure and `start` sets one thing to one value: what to do is decided before the first call, so that
//! an operation can be repeated, and taken up by another process from its bytes.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use timonel_domain::rollout::Generation;
use timonel_domain::time::Timestamp;
use timonel_domain::value::{TargetId, Weight};

/// A control plane that holds a weight. Every adapter passes the contract suite of `testkit`.
#[async_trait]
pub trait Target: Send + Sync {
    /// What kind of target this is. Does no I/O.
    fn describe(&self) -> Description;
    /// Checks credentials, rights and existence without writing anything.
    async fn preflight(&self) -> Result<Preflight, TargetError>;
    /// The live weight, with what is needed to plan a change.
    async fn read(&self) -> Result<Reading, TargetError>;
    /// The steps from a snapshot to a goal. Pure; each step is "set to", never "add".
    fn plan(&self, goal: &Goal, reading: &Reading) -> Result<Vec<Step>, TargetError>;
    /// Starts one step. `Ok` says that the control plane accepted it, or that it is under way.
    async fn start(&self, step: &Step) -> Result<Operation, TargetError>;
    /// How far an operation is; possible in another process than the one that started it.
    async fn poll(&self, operation: &Operation) -> Result<Progress, TargetError>;
    /// The one call that takes new units off the canary, where the target has one beside its plain path.
    fn instant_lever(&self, reading: &Reading) -> Option<Step>;
    /// What a person can paste into a shell to reach `goal`. Contains no secret: it names the variable it comes from.
    fn manual_commands(&self, goal: &Goal) -> Vec<ManualCommand>;
    /// Completes when something may have changed the live weight. Targets that cannot be watched never complete.
    async fn changed(&self) -> Result<(), TargetError> {
        std::future::pending().await
    }
}

/// What kind of target it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Its id in the plan.
    pub id: TargetId,
    /// Such as `kubernetes.virtual-service`.
    pub kind: &'static str,
    /// For people: `VirtualService casos/casos-vs`.
    pub place: String,
    /// Steps of weight that it can express, in hundredths of a percent (100 = whole percents).
    pub grain: u16,
    /// How it keeps stale hands off.
    pub fence: Fence,
}

/// How a target keeps stale hands from raising (invariant 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fence {
    /// The control plane itself refuses a stale write.
    Enforced,
    /// Read before write; a small window stays open.
    Advisory,
    /// None.
    None,
}

/// What a preflight found, each with its proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preflight {
    /// What was checked, whether it holds, and what was seen.
    pub checks: Vec<Check>,
}

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// A stable code such as `target.rights`, which the screens translate.
    pub code: String,
    /// Whether it holds.
    pub ok: bool,
    /// What was seen.
    pub proof: String,
}

/// The live state of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The live weight, as the control plane says.
    pub weight: Weight,
    /// When it was read, by our wall clock.
    pub as_of: Timestamp,
    /// Who changed it last, where the control plane tells.
    pub changed_by: Option<String>,
    /// The generation of a rollback's mark on the target, where there is one.
    pub mark: Option<Generation>,
    /// The adapter's own memory of what it saw (opaque JSON), for [`Target::plan`].
    pub snapshot: Vec<u8>,
}

/// What a target should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Goal {
    /// Raise to `to`. Refused by a target that bears a rollback's mark of the same or a later generation.
    Raise {
        /// The new weight.
        to: Weight,
        /// Whose decision it is.
        generation: Generation,
    },
    /// Lower to `to` and leave a mark of `generation`.
    Lower {
        /// The new weight.
        to: Weight,
        /// Whose decision it is.
        generation: Generation,
    },
}

impl Goal {
    /// The weight to reach.
    pub fn weight(&self) -> Weight {
        match self {
            Goal::Raise { to, .. } | Goal::Lower { to, .. } => *to,
        }
    }
}

/// One call of a plan, opaque to everybody but the adapter that made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step(pub Vec<u8>);

/// An operation that a control plane has accepted, opaque to everybody but the adapter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation(pub Vec<u8>);

/// How far an operation is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Done, as far as the control plane says.
    Done,
    /// Under way; ask again after this.
    Pending(Duration),
    /// Partly failed: the target says what did not work; planning again from a new reading goes on with the rest.
    Partial(String),
}

/// A command for a person's shell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManualCommand {
    /// The program it needs: `kubectl`, `curl`.
    pub program: String,
    /// One line of bash.
    pub line: String,
}

/// Why a call to a target did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// No answer: refused, reset, resolved to nothing. A write may or may not have happened.
    #[error(
        "{place} does not answer ({detail}). Check the network and the address; the change may or may not have happened"
    )]
    Unreachable {
        /// Which target.
        place: String,
        /// What the transport said.
        detail: String,
    },
    /// No answer within the deadline. A write may or may not have happened.
    #[error("{place} did not answer within {limit:?}; the change may or may not have happened")]
    Deadline {
        /// Which target.
        place: String,
        /// The deadline.
        limit: Duration,
    },
    /// Credentials refused (401).
    #[error("{place} does not accept our credentials. Renew them in Conexiones")]
    Unauthenticated {
        /// Which target.
        place: String,
    },
    /// Not allowed (403).
    #[error("{place} refuses us the right: {detail}")]
    Forbidden {
        /// Which target.
        place: String,
        /// What the control plane said.
        detail: String,
    },
    /// Not there (404).
    #[error("{place} is not there: {detail}")]
    Missing {
        /// Which target.
        place: String,
        /// What the control plane said.
        detail: String,
    },
    /// Somebody else changed it between our read and our write (409): read again.
    #[error("{place} was changed by somebody else at the same moment")]
    Conflict {
        /// Which target.
        place: String,
    },
    /// Too many requests (429).
    #[error("{place} asks us to slow down")]
    Throttled {
        /// Which target.
        place: String,
        /// `Retry-After`, where it was given.
        retry_after: Option<Duration>,
    },
    /// A policy or validation of the control plane refused the change; repeating it is of no use.
    #[error("{place} refused the change: {detail}")]
    Refused {
        /// Which target.
        place: String,
        /// What the control plane said.
        detail: String,
    },
    /// The control plane is there but cannot do it now (500, 503, its own webhook down).
    #[error("{place} cannot do it now: {detail}")]
    Unavailable {
        /// Which target.
        place: String,
        /// What the control plane said.
        detail: String,
    },
    /// An answer that is not of the expected form, such as HTML.
    #[error("{place} answered something else than expected: {detail}")]
    Garbled {
        /// Which target.
        place: String,
        /// A short excerpt.
        detail: String,
    },
    /// The target's shape does not allow it: names not found, more than two destinations, a weight beside `route`.
    #[error("{place} cannot hold this weight: {detail}")]
    Shape {
        /// Which target.
        place: String,
        /// What is in the way and what to change.
        detail: String,
    },
    /// A rollback of the same or a later generation left its mark: no raise.
    #[error("{place} bears the mark of a rollback (generation {mark}); reset the latch before raising")]
    Marked {
        /// Which target.
        place: String,
        /// The mark's generation.
        mark: Generation,
    },
}

impl TargetError {
    /// Whether a write may have taken effect all the same, so that it must be read back before anything else.
    pub fn is_unknown(&self) -> bool {
        matches!(
            self,
            TargetError::Unreachable { .. }
                | TargetError::Deadline { .. }
                | TargetError::Garbled { .. }
                | TargetError::Unavailable { .. }
        )
    }

    /// A stable code that screens translate.
    pub fn code(&self) -> &'static str {
        match self {
            TargetError::Unreachable { .. } => "target.unreachable",
            TargetError::Deadline { .. } => "target.deadline",
            TargetError::Unauthenticated { .. } => "target.unauthenticated",
            TargetError::Forbidden { .. } => "target.forbidden",
            TargetError::Missing { .. } => "target.missing",
            TargetError::Conflict { .. } => "target.conflict",
            TargetError::Throttled { .. } => "target.throttled",
            TargetError::Refused { .. } => "target.refused",
            TargetError::Unavailable { .. } => "target.unavailable",
            TargetError::Garbled { .. } => "target.garbled",
            TargetError::Shape { .. } => "target.shape",
            TargetError::Marked { .. } => "target.marked",
        }
    }
}
