//! The port to the helm of a rollout: who may *raise* its weights. One holder, for a time that has to be renewed, and an
//! epoch that only grows.
//!
//! Every raise carries the epoch under which it was decided, so that hands that lost the helm without noticing are
//! recognised. Whoever keeps the helm decides when a lease has ended, by a clock of its own: holders' wall clocks are
//! compared with nothing. A holder that cannot renew believes in its helm no longer than [`LEASE`] less [`MARGIN`] after
//! it began to ask for it. Lowering needs no helm.
//!
//! Deliberately not here: what an engine does without it.

use std::time::Duration;

use async_trait::async_trait;
use timonel_domain::time::Timestamp;
use timonel_domain::value::{RolloutId, Writer};

use crate::store::Cause;

/// How long the helm is held without being renewed.
pub const LEASE: Duration = Duration::from_secs(15);
/// How often a holder renews.
pub const RENEWAL: Duration = Duration::from_secs(5);
/// How much earlier than its lease ends a holder stops believing in it: clocks may run a fifth slower than another's.
pub const MARGIN: Duration = Duration::from_secs(3);

/// The helms of rollouts: rows of the store, or leases elsewhere.
#[async_trait]
pub trait Helm: Send + Sync + std::fmt::Debug {
    /// Who holds the helm of a rollout now.
    async fn current(&self, of: &RolloutId) -> Result<HelmState, HelmError>;

    /// Takes the helm for [`LEASE`], where `how` allows it, and gives the new epoch, which is greater. Of any number at once
    /// one gets it; the others hear [`HelmError::Held`]. Whoever did not hear the answer takes it again.
    async fn take(&self, of: &RolloutId, by: &Writer, how: Take) -> Result<u64, HelmError>;

    /// Holds the helm taken with `epoch` for another [`LEASE`] from now. [`HelmError::Lost`] where it was taken by somebody
    /// since; a lease that has only run out is renewed.
    async fn renew(&self, of: &RolloutId, by: &Writer, epoch: u64) -> Result<(), HelmError>;

    /// Lets go of the helm taken with `epoch`. No error where `by` holds it no longer: the epoch stays, so that
    /// nothing of the former holder's is mistaken for the next one's.
    async fn release(&self, of: &RolloutId, by: &Writer, epoch: u64) -> Result<(), HelmError>;
}

/// From whom the helm may be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Take {
    /// From nobody: it is free, or its holder has not renewed it in time.
    Free,
    /// Besides from `by` itself: a process that starts again does not wait for the one that was killed.
    Again,
    /// From whoever holds it. Only an emergency rollback does.
    ByForce,
}

/// The helm of a rollout.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HelmState {
    /// How often it was taken; 0 where it never was.
    pub epoch: u64,
    /// Who holds it; `None` where nobody does, or not any more.
    pub held: Option<Held>,
}

/// Who holds a helm, by the clock of whoever keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Who.
    pub by: Writer,
    /// Since when.
    pub since: Timestamp,
    /// Until when, unless it is renewed.
    pub until: Timestamp,
}

/// Why the helm was not taken, renewed, released or seen.
#[derive(Debug, thiserror::Error)]
pub enum HelmError {
    /// Somebody holds it.
    #[error(
        "{} has the helm since {}: wait until it is let go or not renewed any more ({}); a rollback does not wait for it",
        .0.by, .0.since, .0.until
    )]
    Held(Held),
    /// It was taken by somebody since.
    #[error("the helm was lost ({}): nothing is raised from here any more; a rollback works without it", in_words(.now))]
    Lost {
        /// Who holds it now.
        now: HelmState,
    },
    /// It cannot be asked. Nothing is raised meanwhile; a rollback needs no helm.
    #[error("the helm cannot be reached: no weight can be raised until it is; a rollback works without it")]
    Unavailable(#[source] Cause),
}

fn in_words(state: &HelmState) -> String {
    match &state.held {
        Some(held) => format!("{} has it since {}, epoch {}", held.by, held.since, state.epoch),
        None => format!("nobody has it, epoch {}", state.epoch),
    }
}
