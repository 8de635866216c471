//! What a person at a desk can have done, and when it is over. Deliberately not here: carrying it out.

use std::time::Duration;

use timonel_domain::rollout::{Level, Stage, State};
use timonel_domain::value::TenantId;
use timonel_engine::command::{KEEPS, Wish};
use timonel_wire::WireError;

use crate::console::wish;

/// Traffic has this long to show what was read back before a person at a terminal is told that it has not.
const FOR_TRAFFIC: Duration = Duration::from_secs(60);

/// An engine that is well answers at once. One that has not by then does not keep the calls where they are.
const FOR_ROLLBACK: Duration = Duration::from_secs(2);

/// Whoever obeys a rollback and is well has read every target back long before.
const FOR_LOWERING: Duration = Duration::from_secs(8);

/// What a person at a desk can have done.
#[derive(Debug, Clone, PartialEq)]
pub enum Order {
    /// Put everything back.
    RollBack {
        /// A second press, where the stable side is no longer kept.
        confirmed: bool,
    },
    /// Keep a tenant's calls on stable.
    Pin {
        /// Whose.
        tenant: TenantId,
        /// Why.
        reason: String,
    },
    /// Let a pinned tenant take part again.
    Unpin {
        /// Whose.
        tenant: TenantId,
        /// Why.
        reason: String,
    },
    /// Drill the rollback, at 0 %.
    Drill,
    /// What only an engine that goes on watching does: it is asked of whoever has the helm, and never done from here.
    Sent(Wish),
}

impl Order {
    /// What a window orders, for whoever has the helm. Errors where it is none that can be sent.
    pub fn sent(order: timonel_wire::Order) -> Result<Self, WireError> {
        Ok(Order::Sent(wish(order)?))
    }

    /// How long whoever has the helm has to answer. A rollback is done from here then; all else has lapsed by then.
    pub fn waits(&self) -> Duration {
        match self {
            Order::RollBack { .. } => FOR_ROLLBACK,
            Order::Pin { .. } | Order::Unpin { .. } | Order::Drill | Order::Sent(_) => KEEPS + FOR_ROLLBACK,
        }
    }

    /// Whether a program that ends after it can do it.
    pub(super) fn can_be_done_from_here(&self) -> bool {
        match self {
            Order::RollBack { .. } | Order::Pin { .. } | Order::Unpin { .. } | Order::Drill => true,
            Order::Sent(_) => false,
        }
    }

    pub(super) fn wish(&self) -> Wish {
        match self.clone() {
            Order::RollBack { confirmed } => Wish::RollBack {
                level: Level::Total.into(),
                confirmed,
            },
            Order::Pin { tenant, reason } => Wish::Pin { tenant, reason },
            Order::Unpin { tenant, reason } => Wish::Unpin { tenant, reason },
            Order::Drill => Wish::Drill,
            Order::Sent(wish) => wish,
        }
    }

    /// Whether it goes on with what can be reached, where something that a person can still give is missing of the rest. Only
    /// what brings calls home does; the others need all of it or touch nothing.
    pub(super) fn takes_what_is_there(&self) -> bool {
        match self {
            Order::RollBack { .. } => true,
            Order::Pin { .. } | Order::Unpin { .. } | Order::Drill | Order::Sent(_) => false,
        }
    }

    /// Whether somebody else should try: who obeyed may reach the store and not the calls.
    pub(super) fn is_stuck(&self, state: &State, waited: Duration) -> bool {
        match self {
            Order::RollBack { .. } => state.stage != Stage::RolledBack && waited >= FOR_LOWERING,
            Order::Pin { .. } | Order::Unpin { .. } | Order::Drill | Order::Sent(_) => false,
        }
    }

    /// Whether there is nothing more to wait for.
    pub(super) fn is_over(&self, state: &State, waited: Duration) -> bool {
        let idle = state.targets.values().all(|t| t.op.is_none());
        match self {
            Order::RollBack { .. } => {
                let verified = state.rollback.as_ref().is_none_or(|r| r.verified_at.is_some());
                state.stage == Stage::RolledBack && (verified || waited >= FOR_TRAFFIC)
            }
            Order::Pin { .. } | Order::Unpin { .. } | Order::Drill => idle,
            // What it sets in motion goes on without us.
            Order::Sent(_) => true,
        }
    }
}
