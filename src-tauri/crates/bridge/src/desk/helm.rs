//! Taking a helm that a program may have left behind. Deliberately not here: taking it by force, which only a rollback does.

use std::time::Duration;

use timonel_domain::value::RolloutId;
use timonel_engine::EngineError;
use timonel_journal::intent::{IntentError, IntentFolder};
use timonel_ports::clock::within;
use timonel_ports::helm::{HelmError, LEASE};

use super::{Desk, INTENTS};
use crate::BridgeError;

/// As long as a lease may still run of which nobody renews anything, and a look at it.
const FOR_HELM: Duration = LEASE.saturating_add(Duration::from_secs(2));

impl Desk {
    /// Waits where `refused` says that another has the helm of a rollout: that may be a program that was killed, which is thought to have
    /// it for as long as a lease runs. Then whatever took it is worth another attempt, which says who has it where it does not come free.
    /// Errors at once where something else was the reason.
    pub(crate) async fn wait_out(&self, rollout: &RolloutId, refused: BridgeError) -> Result<(), BridgeError> {
        let BridgeError::Engine(EngineError::Helm(HelmError::Held(held))) = &refused else {
            return Err(refused);
        };
        tracing::info!(%rollout, by = %held.by, "waiting for the helm");
        let vacant = timonel_engine::vacant(self.clock(), &**self.helm(), rollout);
        within(&**self.clock(), FOR_HELM, vacant).await.unwrap_or_default();
        Ok(())
    }

    /// Whether a rollback of it was cut short in this installation, or nobody can say: whoever takes it up then waits for nobody.
    pub(crate) async fn is_cut_short(&self, rollout: &RolloutId) -> bool {
        let folder = IntentFolder::new(self.folder.join(INTENTS));
        let pending = tokio::task::spawn_blocking(move || folder.pending()).await;
        let Ok(Ok(pending)) = pending else { return true };
        pending.iter().any(|found| match found {
            Ok(intent) => intent.rollout == *rollout,
            Err(IntentError::Corrupt { rollout: of, .. }) => of.as_ref().is_none_or(|of| of == rollout),
            Err(_) => true,
        })
    }
}
