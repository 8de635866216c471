//! What a person can paste to put each target back without this program. Deliberately not here: when it is shown.

use timonel_domain::rollout::Generation;
use timonel_domain::value::{TargetId, Weight};
use timonel_plan::Parsed;
use timonel_ports::clock::SharedClock;
use timonel_ports::store::RolloutRow;
use timonel_ports::target::{Goal, ManualCommand};

use super::Desk;
use crate::BridgeError;
use crate::connect::{self, Connections, Kits};

/// Target by target: its commands, or why there are none.
pub type ManualCommands = Vec<(TargetId, Result<Vec<ManualCommand>, BridgeError>)>;

impl Desk {
    /// The commands by which a person can put each target of a rollout back to 0 % without us, or why there are none of it.
    /// Asks nobody, so it needs no key; what is there of one target is not lost for another.
    pub async fn manual_commands(
        &self,
        row: &RolloutRow,
        connections: &Connections,
    ) -> Result<ManualCommands, BridgeError> {
        let (plan, _) = self.plan_of(row).await?;
        let state = timonel_engine::state_of(&*self.store, &row.id, &plan.plan).await?.state;
        Ok(manual_commands(&plan, self.kits(row), state.generation, connections, &self.clock).await)
    }
}

/// The same, of a rollout whose last decision had this generation.
pub(super) async fn manual_commands(
    plan: &Parsed,
    kits: Kits,
    generation: Generation,
    connections: &Connections,
    clock: &SharedClock,
) -> ManualCommands {
    let goal = Goal::lower(Weight::ZERO, generation);
    let connections = connections.without_asking(plan);
    let mut out = Vec::new();
    for target in &plan.targets {
        let mut alone = plan.clone();
        alone.targets.retain(|other| other.id == target.id);
        let made = connect::targets(&alone, &connections, &kits, clock).await;
        let commands = made.map(|made| made.iter().flat_map(|t| t.manual_commands(&goal)).collect());
        out.push((target.id.clone(), commands));
    }
    out
}
