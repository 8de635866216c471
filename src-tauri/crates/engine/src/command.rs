//! What a person may want of a rollout, as it travels through the `Commands` port.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use timonel_domain::rollout::{Cause, Event, Level};
use timonel_domain::value::{ChecklistId, Person, TenantId};
use timonel_journal::record::{HoldRecord, LevelRecord};

/// So long after it was given a wish is still what its author wants: a lease, and an engine that takes the rollout up after it.
pub const KEEPS: Duration = Duration::from_secs(30);

/// What a person wants. Who it is comes from the command's envelope.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "want", rename_all = "kebab-case")]
pub enum Wish {
    /// Check everything and arm.
    Arm,
    /// Start the first phase.
    Start,
    /// Sign a checklist.
    Sign {
        /// Which.
        checklist: ChecklistId,
    },
    /// Approve leaving the present phase.
    Approve,
    /// Pass the gates of this phase against their verdict; takes two persons.
    Override {
        /// Why.
        reason: String,
    },
    /// Freeze.
    Freeze {
        /// Why.
        reason: String,
    },
    /// Clear a hold.
    Release {
        /// Which.
        hold: HoldRecord,
        /// Why.
        reason: String,
    },
    /// Put traffic back.
    RollBack {
        /// How far.
        level: LevelRecord,
        /// A second press, where the stable side is no longer kept.
        #[serde(default)]
        confirmed: bool,
    },
    /// Keep a tenant on stable.
    Pin {
        /// Whose calls.
        tenant: TenantId,
        /// Why.
        reason: String,
    },
    /// Let a pinned tenant take part again.
    Unpin {
        /// Whose calls.
        tenant: TenantId,
        /// Why.
        reason: String,
    },
    /// Drill the rollback.
    Drill,
    /// Reset the latch.
    Reset {
        /// Why.
        reason: String,
    },
    /// Close the rollout.
    Close,
    /// Say that an alert was seen. Changes nothing about the rollout.
    Acknowledge {
        /// Which alert, as the console that showed it names it.
        alert: String,
        /// What there is to say about it; may be empty.
        #[serde(default)]
        comment: String,
    },
}

/// What becomes of a wish.
#[derive(Debug)]
pub(crate) enum Asked {
    /// The step decides.
    Event(Event),
    /// Arming, which is checked first.
    Arming,
    /// An entry of its own in the journal.
    Acknowledgement {
        /// Which alert.
        alert: String,
        /// What was said about it.
        comment: String,
    },
}

impl Wish {
    /// Put everything back.
    pub fn roll_back() -> Self {
        Wish::RollBack {
            level: Level::Total.into(),
            confirmed: false,
        }
    }

    /// Whether it is obeyed however long it waited. All else lapses after [`KEEPS`]: an old raise is nobody's wish.
    pub fn keeps(&self) -> bool {
        match self {
            Wish::RollBack { .. } | Wish::Acknowledge { .. } => true,
            Wish::Arm
            | Wish::Start
            | Wish::Sign { .. }
            | Wish::Approve
            | Wish::Override { .. }
            | Wish::Freeze { .. }
            | Wish::Release { .. }
            | Wish::Pin { .. }
            | Wish::Unpin { .. }
            | Wish::Drill
            | Wish::Reset { .. }
            | Wish::Close => false,
        }
    }

    /// What becomes of it.
    pub(crate) fn asked(self, by: Person) -> Asked {
        Asked::Event(match self {
            Wish::Arm => return Asked::Arming,
            Wish::Acknowledge { alert, comment } => return Asked::Acknowledgement { alert, comment },
            Wish::Start => Event::Start { by },
            Wish::Sign { checklist } => Event::Sign { by, checklist },
            Wish::Approve => Event::Approve { by },
            Wish::Override { reason } => Event::Override { by, reason },
            Wish::Freeze { reason } => Event::Freeze { by, reason },
            Wish::Release { hold, reason } => Event::Release {
                by,
                hold: hold.into(),
                reason,
            },
            Wish::RollBack { level, confirmed } => Event::RollBack {
                level: level.into(),
                cause: Cause::Person(by),
                confirmed,
            },
            Wish::Pin { tenant, reason } => Event::Pin { by, tenant, reason },
            Wish::Unpin { tenant, reason } => Event::Unpin { by, tenant, reason },
            Wish::Drill => Event::Drill { by },
            Wish::Reset { reason } => Event::Reset { by, reason },
            Wish::Close => Event::Close { by },
        })
    }
}
