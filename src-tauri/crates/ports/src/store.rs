//! The port to what outlives the process: the journal, plans and rollouts, samples and units.
//!
//! Lowering a weight never waits for any of this (DESIGN.md, invariant 5). Whatever is put may be put again: the
//! same thing under the same key is no error, so that a caller that did not hear the answer just repeats.
//!
//! Deliberately not here: what is decided from any of it, and when old samples go.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use timonel_domain::sample::Sample;
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Arm, PlanId, Quantity, RolloutId, Side, SignalId, Weight, Writer};
use timonel_journal::chain::Head;
use timonel_journal::entry::{Hash, Sealed, Unreadable};

use crate::checkpoint::CheckpointStore;

/// Everything that is kept.
pub trait Store: JournalStore + CheckpointStore + RolloutStore + SampleStore {}

impl<T: JournalStore + CheckpointStore + RolloutStore + SampleStore> Store for T {}

/// Where the journal is kept: the chains of any number of writers.
#[async_trait]
pub trait JournalStore: Send + Sync + fmt::Debug {
    /// Appends sealed entries, all or none; durable when this returns. Each must follow its writer's last one. An
    /// entry that is there already is passed over; another one with its number is a [`StoreError::Conflict`].
    async fn append(&self, entries: &[Sealed]) -> Result<(), StoreError>;

    /// The last entry of a writer, [`Head::EMPTY`] where it has none.
    async fn head(&self, writer: &Writer) -> Result<Head, StoreError>;

    /// At most `limit` entries after a position, in the order of their positions. Their hashes are not checked here:
    /// [`Sealed::entry`] and [`timonel_journal::chain::verify`] do.
    async fn entries(&self, of: Part<'_>, after: Position, limit: u32) -> Result<Vec<Placed>, StoreError>;

    /// Looks for damage below the entries, in whatever of the store its opening had no time to look through; may take as long
    /// as reading all of it. [`StoreError::Corrupt`] where it finds any.
    async fn look_through(&self) -> Result<(), StoreError>;
}

/// Wakes whoever reads a journal on that another program writes.
#[async_trait]
pub trait News: Send + fmt::Debug {
    /// Waits until something may be new; also where that cannot be known, after a while. Cancel safe.
    async fn next(&mut self);
}

/// Which part of the journal is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// All of it.
    All,
    /// What belongs to one rollout.
    Rollout(&'a RolloutId),
    /// One writer's chain.
    Writer(&'a Writer),
}

/// Where an entry stands in this store. Only grows; another store has other positions for the same entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position(pub i64);

impl Position {
    /// Before the first entry.
    pub const START: Self = Self(0);
}

/// An entry in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Where it stands in this store.
    pub position: Position,
    /// The entry, as it was appended.
    pub sealed: Sealed,
}

/// Where plans and rollouts are kept.
#[async_trait]
pub trait RolloutStore: Send + Sync + fmt::Debug {
    /// Keeps one revision of a plan. Another text under the same revision is a [`StoreError::Conflict`]: a change
    /// makes a new revision.
    async fn put_plan(&self, plan: &PlanRevision) -> Result<(), StoreError>;

    /// One revision of a plan.
    async fn plan(&self, plan: &PlanId, revision: u32) -> Result<Option<PlanRevision>, StoreError>;

    /// Keeps a rollout, or its new revision or end. Its plan revision must be there ([`StoreError::Unknown`]);
    /// another plan, environment or begin under the same id is a [`StoreError::Conflict`].
    async fn put_rollout(&self, rollout: &RolloutRow) -> Result<(), StoreError>;

    /// All rollouts, the last opened first.
    async fn rollouts(&self) -> Result<Vec<RolloutRow>, StoreError>;
}

/// One revision of a plan, as its file was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanRevision {
    plan: PlanId,
    revision: u32,
    text: String,
    hash: Hash,
}

impl PlanRevision {
    /// Keeps the text and hashes it.
    pub fn new(plan: PlanId, revision: u32, text: String) -> Self {
        let hash = Hash::of(text.as_bytes());
        Self {
            plan,
            revision,
            text,
            hash,
        }
    }

    /// Which plan.
    pub fn plan(&self) -> &PlanId {
        &self.plan
    }

    /// Which revision of it.
    pub fn revision(&self) -> u32 {
        self.revision
    }

    /// The file's text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// SHA-256 of the text.
    pub fn hash(&self) -> Hash {
        self.hash
    }
}

/// One rollout, as lists show it. What happened to it is in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolloutRow {
    /// Which rollout.
    pub id: RolloutId,
    /// Of which plan.
    pub plan: PlanId,
    /// The plan's revision in force.
    pub revision: u32,
    /// In which environment of the plan.
    pub environment: String,
    /// When it was begun.
    pub opened_at: Timestamp,
    /// When it was closed; `None` while it is open.
    pub closed_at: Option<Timestamp>,
}

/// Where readings and units are kept. The rollout must be there before them ([`StoreError::Unknown`]).
#[async_trait]
pub trait SampleStore: Send + Sync + fmt::Debug {
    /// Keeps samples, all or none. A reading of a signal and side for a time that is there already stays as it is.
    async fn put_samples(&self, rollout: &RolloutId, samples: &[Sample]) -> Result<(), StoreError>;

    /// The samples of one signal, both sides', whose time lies in `during`, by time and then side.
    async fn samples(
        &self,
        rollout: &RolloutId,
        signal: &SignalId,
        during: Range<Timestamp>,
    ) -> Result<Vec<Sample>, StoreError>;

    /// Keeps units, all or none. Other units under the same number, or a call that is there under another number,
    /// are a [`StoreError::Conflict`].
    async fn put_units(&self, rollout: &RolloutId, units: &[UnitRow]) -> Result<(), StoreError>;

    /// At most `limit` units with a greater number than `after`, in order: what the judge saw, as it saw it.
    async fn units(&self, rollout: &RolloutId, after: u64, limit: u32) -> Result<Vec<UnitRow>, StoreError>;

    /// The greatest number of a rollout's units, 0 where it has none.
    async fn last_unit(&self, rollout: &RolloutId) -> Result<u64, StoreError>;

    /// Puts a small piece of what is from before `before` into coarser rows, one for each `span`: readings of these signals stay
    /// readings, batches stay batches under their last number, calls become counts of their minute. Whether there may be more of it.
    /// A store that goes with its process has nothing that grows old.
    async fn roll_up(
        &self,
        _rollout: &RolloutId,
        _signals: &[SignalId],
        _before: Timestamp,
        _span: Duration,
    ) -> Result<bool, StoreError> {
        Ok(false)
    }
}

/// Units in the order in which the judge is given them.
///
/// The number is the caller's and not the store's: a decision says up to which unit it looked, and must be able to
/// say so while the store is away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitRow {
    /// Place in the rollout's order, from 1.
    pub seq: u64,
    /// The canary's weight in force when the units were assigned.
    pub weight: Weight,
    /// What ended.
    pub units: Units,
}

/// Units that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Units {
    /// Counted together by a signal; their order among themselves was not observed.
    Batch {
        /// Which signal counted them.
        signal: SignalId,
        /// Whose units.
        side: Side,
        /// The previous reading's time; these units ended after it.
        since: Timestamp,
        /// The reading's time.
        as_of: Timestamp,
        /// Units with the bad outcome.
        bad: u64,
        /// All units.
        total: u64,
    },
    /// One finished call; the order was observed.
    Call(CallOutcome),
}

impl Units {
    /// Whether the order of these units is known.
    pub fn order_observed(&self) -> bool {
        match self {
            Units::Batch { .. } => false,
            Units::Call(_) => true,
        }
    }
}

/// One finished call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallOutcome {
    /// The source's id of the call; a call counts once.
    pub id: String,
    /// Which arm answered it.
    pub arm: Arm,
    /// The tenant it belongs to, where there are tenants.
    pub tenant: Option<String>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Failed by the plan's definition.
    pub failed: bool,
    /// Abandoned by the caller.
    pub abandoned: bool,
    /// Turns in which the caller's speech was recognised.
    pub turns_ok: u32,
    /// Turns in which it was not.
    pub turns_ko: u32,
    /// The slowest turn, in seconds.
    pub turn_latency_max: Option<Quantity>,
    /// The mean over the turns, in seconds.
    pub turn_latency_mean: Option<Quantity>,
}

/// What went wrong below the port.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why the store did not do what it was asked to. `place` is an address without secrets.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be opened.
    #[error("cannot open the store {place}: check that it exists, may be written, and is Timonel's")]
    Open {
        /// Which store.
        place: String,
        /// What the database said.
        source: Cause,
    },
    /// Its tables cannot be brought to this version.
    #[error("cannot bring the store {place} to this version: nothing was changed; restore it, or use another")]
    Migrate {
        /// Which store.
        place: String,
        /// What the database said.
        source: Cause,
    },
    /// What is in it is not what was written.
    #[error("the store {place} is damaged ({detail}): keep a copy, then restore it or begin a new one")]
    Corrupt {
        /// Which store.
        place: String,
        /// What was found.
        detail: String,
    },
    /// It can only be read.
    #[error("the store {place} can only be read: {why}")]
    ReadOnly {
        /// Which store.
        place: String,
        /// Why, and what to do.
        why: String,
    },
    /// The disk is full.
    #[error("the disk of the store {place} is full: free some space; nothing was written")]
    Full {
        /// Which store.
        place: String,
    },
    /// It does not answer now; the same may work later.
    #[error("the store {place} does not answer: it is in use by others, or away")]
    Unavailable {
        /// Which store.
        place: String,
        /// What the database said.
        source: Cause,
    },
    /// Something else is there under the same key.
    #[error("the store has another {what} under the same key: the one that is there stays")]
    Conflict {
        /// What, with its key.
        what: String,
    },
    /// What it refers to is not there.
    #[error("{what} is not in the store: put it there first")]
    Unknown {
        /// What.
        what: String,
    },
    /// The entry before it is not in the store.
    #[error("number {seq} of {writer} does not follow what the store has of that writer: append what is missing first")]
    OutOfOrder {
        /// Whose entry.
        writer: Writer,
        /// Its number.
        seq: u64,
    },
    /// What was to be appended is no sound entry.
    #[error("refused to append to the journal: {0}")]
    Unsound(#[from] Unreadable),
    /// A number is greater than the store can keep.
    #[error("{what} is greater than the store can keep")]
    Range {
        /// Which number.
        what: &'static str,
    },
    /// Appending failed. Whether the entries are there is unknown; append them again.
    #[error("appending to the journal failed: append the same entries again")]
    Append {
        /// What the database said.
        source: Cause,
    },
    /// Writing something else failed. Whether it is there is unknown; put it again.
    #[error("writing {what} failed: write the same again")]
    Write {
        /// What.
        what: &'static str,
        /// What the database said.
        source: Cause,
    },
    /// Reading failed.
    #[error("reading {what} failed")]
    Read {
        /// What.
        what: &'static str,
        /// What the database said.
        source: Cause,
    },
}

impl StoreError {
    /// A stable code that screens translate.
    pub fn code(&self) -> &'static str {
        match self {
            StoreError::Open { .. } => "store.open",
            StoreError::Migrate { .. } => "store.migrate",
            StoreError::Corrupt { .. } => "store.corrupt",
            StoreError::ReadOnly { .. } => "store.read-only",
            StoreError::Full { .. } => "store.full",
            StoreError::Unavailable { .. } => "store.unavailable",
            StoreError::Conflict { .. } => "store.conflict",
            StoreError::Unknown { .. } => "store.unknown",
            StoreError::OutOfOrder { .. } => "store.out-of-order",
            StoreError::Unsound(_) => "store.unsound",
            StoreError::Range { .. } => "store.range",
            StoreError::Append { .. } => "store.append",
            StoreError::Write { .. } => "store.write",
            StoreError::Read { .. } => "store.read",
        }
    }
}
