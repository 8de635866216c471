//! The port to a control plane that holds a weight.
//!
//! `plan` is pure and `start` sets one thing to one value: what to do is decided before the first call, so that
//! an operation can be repeated, and taken up by another process from its bytes.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use timonel_domain::rollout::Generation;
pub use timonel_domain::rollout::{Apart, Members};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{TargetId, TenantId, Weight};

/// A control plane that holds a weight. Every adapter passes the contract suite of `testkit`.
#[async_trait]
pub trait Target: Send + Sync {
    /// What kind of target this is. Does no I/O.
    fn describe(&self) -> Description;
    /// Checks credentials, rights and existence without writing anything.
    async fn preflight(&self) -> Result<Preflight, TargetError>;
    /// The live weight, with what is needed to plan a change.
    async fn read(&self) -> Result<Reading, TargetError>;
    /// As [`Target::read`], for the regular look between operations: where a control plane counts requests, it gives way to
    /// everything else, so that what a rollback needs is always left.
    async fn look(&self) -> Result<Reading, TargetError> {
        self.read().await
    }
    /// What it can hold of a goal: the greatest weight that is not above the one asked for. Pure.
    fn reach(&self, goal: &Goal, reading: &Reading) -> Reach;
    /// The steps from a reading to a goal. Pure; each step is "set to", never "add".
    fn plan(&self, goal: &Goal, reading: &Reading) -> Result<Vec<Step>, TargetError>;
    /// Starts one step. `Ok` says that the control plane accepted it, or that it is under way.
    async fn start(&self, step: &Step) -> Result<Operation, TargetError>;
    /// How far an operation is; possible in another process than the one that started it. That of the instant lever is
    /// done once the lever was read back.
    async fn poll(&self, operation: &Operation) -> Result<Progress, TargetError>;
    /// The one call that takes all new units off the canary, where the target has one beside its plain path and knows
    /// enough to make it without reading first. Only for lowering to 0. Does no I/O.
    fn instant_lever(&self, goal: &Goal) -> Option<Step>;
    /// What of the clean-up after the lever can be started without reading first; empty where nothing can. Does no I/O.
    fn clean_up(&self, goal: &Goal) -> Vec<Step> {
        let _ = goal;
        Vec::new()
    }
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

/// What a target can hold of what it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// Never above the weight asked for.
    pub weight: Weight,
    /// Members on the canary, of how many; `None` where the target holds no set.
    pub set: Option<Members>,
}

/// The live state of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The live weight in force for new units, as the control plane says: 0 while the instant lever is pulled.
    pub weight: Weight,
    /// Where the target holds a set: how far it is from the set that was last asked for.
    pub apart: Apart,
    /// How many members are on the canary; `None` where the target holds no set.
    pub set: Option<Members>,
    /// Whether the instant lever is pulled.
    pub levered: bool,
    /// What is still under way there and may change it, for people: such as a job of somebody else. A lowering is not
    /// done before that is over, and nothing is raised meanwhile.
    pub unsettled: Option<String>,
    /// When it was read, by our wall clock.
    pub as_of: Timestamp,
    /// Who changed it last, where the control plane tells.
    pub changed_by: Option<String>,
    /// The generation of a rollback's mark on the target, where there is one.
    pub mark: Option<Generation>,
    /// The adapter's own memory of what it saw (opaque JSON), for [`Target::plan`].
    pub snapshot: Vec<u8>,
}

/// What a target should be. A target that cannot pin is never given pins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Goal {
    /// Raise to `to`. Refused by a target that bears a rollback's mark of the same or a later generation. A raise to 0
    /// releases the instant lever and nothing else; any other releases it as well.
    Raise {
        /// The new weight.
        to: Weight,
        /// Whose decision it is.
        generation: Generation,
        /// Tenants that stay on stable.
        pins: BTreeSet<TenantId>,
    },
    /// Lower to `to` and leave a mark of `generation`. Puts nobody on the canary who is not there.
    Lower {
        /// The new weight.
        to: Weight,
        /// Whose decision it is.
        generation: Generation,
        /// Tenants that stay on stable.
        pins: BTreeSet<TenantId>,
    },
}

impl Goal {
    /// A raise without pins.
    pub fn raise(to: Weight, generation: Generation) -> Self {
        let pins = BTreeSet::new();
        Goal::Raise { to, generation, pins }
    }

    /// A lowering without pins.
    pub fn lower(to: Weight, generation: Generation) -> Self {
        let pins = BTreeSet::new();
        Goal::Lower { to, generation, pins }
    }

    /// The tenants that stay on stable.
    pub fn pins(&self) -> &BTreeSet<TenantId> {
        match self {
            Goal::Raise { pins, .. } | Goal::Lower { pins, .. } => pins,
        }
    }

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
    /// Nobody gave the key that it is asked with, so nothing was sent. A key that comes later is used without a restart.
    #[error("{place} cannot be asked before its key is stored in Conexiones: {credential}")]
    NoKey {
        /// Which target.
        place: String,
        /// The name under which plans know the key.
        credential: String,
    },
    /// The keychain is locked that may hold the key that it is asked with, so nothing was sent. It is used once it is unlocked.
    #[error("{place} cannot be asked before the keychain is unlocked that holds its key: {credential}")]
    KeyLocked {
        /// Which target.
        place: String,
        /// The name under which plans know the key.
        credential: String,
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
    /// The operation ended, and not all of it was done: planning again from a new reading goes on with the rest.
    #[error("{place} did only a part: {detail}")]
    Partly {
        /// Which target.
        place: String,
        /// What the control plane did not do, and why.
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
            TargetError::NoKey { .. } => "target.no-key",
            TargetError::KeyLocked { .. } => "target.key-locked",
            TargetError::Forbidden { .. } => "target.forbidden",
            TargetError::Missing { .. } => "target.missing",
            TargetError::Conflict { .. } => "target.conflict",
            TargetError::Throttled { .. } => "target.throttled",
            TargetError::Refused { .. } => "target.refused",
            TargetError::Partly { .. } => "target.partly",
            TargetError::Unavailable { .. } => "target.unavailable",
            TargetError::Garbled { .. } => "target.garbled",
            TargetError::Shape { .. } => "target.shape",
            TargetError::Marked { .. } => "target.marked",
        }
    }
}
