//! The two ways by which commands reach an engine: from its own process, and from anywhere through the store.

use async_trait::async_trait;
use timonel_ports::commands::{CommandError, CommandFeed, CommandId, QueueFeed, Taken};
use timonel_store::OrderFeed;

/// Both, those of the own process first: they work without a store.
#[derive(Debug)]
pub(super) struct Feeds {
    pub(super) here: QueueFeed,
    pub(super) store: OrderFeed,
}

#[async_trait]
impl CommandFeed for Feeds {
    async fn next(&mut self) -> Result<Taken, CommandError> {
        tokio::select! {
            biased;
            taken = self.here.next() => taken,
            taken = self.store.next() => taken,
        }
    }

    async fn answered(&mut self, id: &CommandId) -> Result<(), CommandError> {
        self.store.answered(id).await
    }
}
