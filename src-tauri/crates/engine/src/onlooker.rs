//! Looking on at a rollout that another program runs: its steps, its state and what became of commands, by the journal alone.
//!
//! Deliberately not here: running it, and when to look again (the store's news say that).

use std::collections::BTreeMap;
use std::sync::Arc;

use timonel_domain::plan::Plan;
use timonel_domain::rollout::State;
use timonel_domain::value::RolloutId;
use timonel_ports::checkpoint::CheckpointStore;
use timonel_ports::commands::CommandId;
use timonel_ports::store::{JournalStore, Position};

use crate::bulletin::{Acknowledgement, Bulletin};
use crate::engine::EngineError;
use crate::recovery::{self, Answer, Fold, Listener};

/// One who looks on.
#[derive(Debug)]
pub struct Onlooker {
    rollout: RolloutId,
    plan: Plan,
    after: Position,
    fold: Fold,
}

impl Onlooker {
    /// From the rollout's checkpoint on, or from the beginning of its journal; what is behind that is not told.
    pub async fn new<S>(store: &S, rollout: &RolloutId, plan: Plan) -> Self
    where
        S: JournalStore + CheckpointStore + ?Sized,
    {
        let (after, fold) = recovery::put_away(store, rollout, &plan).await;
        let rollout = rollout.clone();
        Self {
            rollout,
            plan,
            after,
            fold,
        }
    }

    /// Of all that was written so far, told to one who has heard nothing; or gives the one who has heard a part of it and was put away
    /// then, with the rest told.
    pub async fn from_past<S, L>(store: &S, rollout: &RolloutId, plan: Plan, fresh: L) -> Result<(Self, L), EngineError>
    where
        S: JournalStore + CheckpointStore + ?Sized,
        L: Listener,
    {
        let (after, fold, listener) = recovery::hear_all(store, rollout, &plan, fresh).await?;
        let onlooker = Self {
            rollout: rollout.clone(),
            plan,
            after,
            fold,
        };
        Ok((onlooker, listener))
    }

    /// Tells what was written since the last time. Where it fails, the next attempt goes on with the entry that was not read.
    pub async fn read_on(
        &mut self,
        store: &(impl JournalStore + ?Sized),
        tell: impl FnMut(&Bulletin) + Send,
    ) -> Result<(), EngineError> {
        let known = (&mut self.after, &mut self.fold);
        recovery::read_on(store, &self.rollout, &self.plan, known, tell).await
    }

    /// The state after the last step that was read.
    pub fn state(&self) -> &Arc<State> {
        &self.fold.state
    }

    /// The same, with a rollback from a kit that came into the journal and that nobody has taken up yet.
    pub(crate) fn standing(&self) -> Arc<State> {
        match self.fold.merges.due() {
            None => self.fold.state.clone(),
            Some(_) => self.fold.clone().with_merges(&self.plan).state,
        }
    }

    /// Who has seen which alert.
    pub(crate) fn acknowledged(&self) -> &BTreeMap<String, Acknowledgement> {
        &self.fold.acknowledged
    }

    /// Which rollout.
    pub(crate) fn rollout(&self) -> &RolloutId {
        &self.rollout
    }

    /// The plan that it runs.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What became of a command; `None` where the journal, as far as it was read, has nothing about it.
    pub fn answer(&self, id: &CommandId) -> Option<&Answer> {
        self.fold.answers.get(id)
    }
}
