//! The port to the helm: who may *raise* a weight. One holder, and an epoch that only grows.
//!
//! Every raise carries the epoch under which it was decided, so that hands that lost the helm without noticing are
//! recognised. Lowering needs no helm.
//!
//! Deliberately not here: how long a holder may be silent, and whether somebody may take the helm from somebody.

use async_trait::async_trait;
use timonel_domain::time::Timestamp;
use timonel_domain::value::Writer;

use crate::store::Cause;

/// The helm: a row of the store, or a lease elsewhere.
#[async_trait]
pub trait Helm: Send + Sync + std::fmt::Debug {
    /// Who holds it now.
    async fn current(&self) -> Result<HelmState, HelmError>;

    /// Takes the helm if its epoch is still `expecting`, held or not, and gives the new epoch, which is greater. Of
    /// any number that expect the same epoch one gets it; the others hear [`HelmError::Contested`]. Whoever did not
    /// hear the answer asks [`Helm::current`].
    async fn take(&self, by: &Writer, expecting: u64) -> Result<u64, HelmError>;

    /// Lets go of the helm taken with `epoch`. No error where `by` holds it no longer: the epoch stays, so that
    /// nothing of the former holder's is mistaken for the next one's.
    async fn release(&self, by: &Writer, epoch: u64) -> Result<(), HelmError>;
}

/// Who holds the helm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelmState {
    /// How often it was taken; 0 where it never was.
    pub epoch: u64,
    /// Who holds it, and since when by the clock of whoever keeps the helm; `None` where nobody does.
    pub held: Option<(Writer, Timestamp)>,
}

/// Why the helm was not taken, released or seen.
#[derive(Debug, thiserror::Error)]
pub enum HelmError {
    /// Its epoch is another than expected.
    #[error("the helm was taken in between ({}): look again who is at the helm before you take it", in_words(.now))]
    Contested {
        /// Who holds it now.
        now: HelmState,
    },
    /// It cannot be asked. Nothing is raised meanwhile; a rollback needs no helm.
    #[error("the helm cannot be reached: no weight can be raised until it is; a rollback works without it")]
    Unavailable(#[source] Cause),
}

fn in_words(state: &HelmState) -> String {
    match &state.held {
        Some((holder, since)) => format!("{holder}, since {since}, epoch {}", state.epoch),
        None => format!("held by nobody, epoch {}", state.epoch),
    }
}
