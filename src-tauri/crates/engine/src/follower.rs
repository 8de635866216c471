//! Keeping the checkpoint of a rollout near the end of its journal, so that the next start has little to read.
//!
//! It reads what is in the store, as a start does, and never asks the running state: a checkpoint is what a replay gives.

use std::sync::Arc;

use timonel_domain::plan::Plan;
use timonel_domain::value::RolloutId;
use timonel_ports::mailbox::{Receiver, Sender};
use timonel_ports::store::Store;

use crate::recovery::{self, EVERY};

/// Counts the entries that are kept, and wakes whoever follows them.
pub(crate) struct Growth {
    wake: Sender<()>,
    new: u64,
}

impl Growth {
    pub(crate) fn new(wake: Sender<()>) -> Self {
        Self { wake, new: 0 }
    }

    /// So many more are in the store.
    pub(crate) fn by(&mut self, entries: usize) {
        self.new += entries as u64;
        if self.new >= EVERY {
            self.new = 0;
            self.wake.tell(());
        }
    }
}

/// Follows the journal.
pub(crate) struct Follower {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) rollout: RolloutId,
    pub(crate) plan: Plan,
    pub(crate) growth: Receiver<()>,
}

impl Follower {
    /// Runs until the scribe has ended.
    pub(crate) async fn run(mut self) {
        while self.growth.recv().await.is_some() {
            if let Err(error) = recovery::replay(&*self.store, &self.rollout, &self.plan, ()).await {
                tracing::warn!(rollout = %self.rollout, %error, "the journal cannot be followed; the next start reads more of it");
            }
        }
    }
}
