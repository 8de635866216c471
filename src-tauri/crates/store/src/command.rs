//! Commands as rows: consoles put them, the engine that holds the helm takes them, in their order and each once.
//!
//! Taking comes before obeying: a command that raises must never be obeyed a second time by whoever takes over. What was
//! taken by an engine that ended in that moment is lost, and its console sees that the journal has no answer to it.

use std::sync::Arc;

use async_trait::async_trait;
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Person, RolloutId, Writer};
use timonel_journal::entry::Body;
use timonel_ports::clock::sleep;
use timonel_ports::commands::{Command, CommandError, CommandFeed, CommandId, Commands};
use timonel_ports::store::StoreError;

use crate::database::Database;
use crate::link::Row;
use crate::news::News;
use crate::statement;

const WHAT: &str = "a command";

/// A console's half: commands for the engine of one rollout, wherever it runs.
#[derive(Debug, Clone)]
pub struct Orders {
    store: Arc<Database>,
    rollout: RolloutId,
}

/// An engine's half: the commands for its rollout, while it holds the helm. Meanwhile they wait.
#[derive(Debug)]
pub struct OrderFeed {
    store: Arc<Database>,
    rollout: RolloutId,
    me: Writer,
    news: News,
}

impl Database {
    /// Where consoles put commands for a rollout.
    pub fn orders(self: &Arc<Self>, rollout: &RolloutId) -> Orders {
        Orders {
            store: self.clone(),
            rollout: rollout.clone(),
        }
    }

    /// Where the engine of `me` takes the commands for a rollout.
    pub fn order_feed(self: &Arc<Self>, rollout: &RolloutId, me: &Writer) -> OrderFeed {
        OrderFeed {
            store: self.clone(),
            rollout: rollout.clone(),
            me: me.clone(),
            news: self.news(),
        }
    }
}

#[async_trait]
impl Commands for Orders {
    async fn submit(&self, command: Command) -> Result<(), CommandError> {
        let row = [
            command.id.as_str().into(),
            self.rollout.as_str().into(),
            command.by.as_str().into(),
            command.at.micros().into(),
            command.what.bytes().into(),
        ];
        let put = self.store.execute(statement::PUT_COMMAND, &row).await;
        put.map_err(|error| unavailable(self.store.of_rollout(&self.rollout, error, WHAT)))?;
        self.store.wake();
        Ok(())
    }
}

#[async_trait]
impl CommandFeed for OrderFeed {
    async fn next(&mut self) -> Result<Command, CommandError> {
        loop {
            // Seen before looking: what comes while we look is looked for again.
            self.news.seen();
            match self.take().await.map_err(unavailable)? {
                Taken::Command(command) => return Ok(command),
                Taken::Unreadable => {}
                Taken::Nothing => self.news.next().await,
                Taken::NotOurs => sleep(&*self.store.clock, News::PATIENCE).await,
            }
        }
    }
}

enum Taken {
    Command(Command),
    /// It says nothing, and must not keep a rollback waiting behind it.
    Unreadable,
    /// None waits.
    Nothing,
    /// Another has the helm, or took it from under us.
    NotOurs,
}

impl OrderFeed {
    /// Takes the first that waits, if the helm is ours. One statement decides, so that a command is taken once whoever asks.
    async fn take(&self) -> Result<Taken, StoreError> {
        let rows = self
            .store
            .rows(statement::WAITING_COMMAND, &[self.rollout.as_str().into()])
            .await;
        let rows = rows.map_err(self.store.unread(WHAT))?;
        let Some(row) = rows.first() else {
            return Ok(Taken::Nothing);
        };
        let id: &str = row.get("id").map_err(self.store.unread(WHAT))?;
        let now = self.store.moment().await?;
        let args = [
            id.into(),
            self.rollout.as_str().into(),
            self.me.as_str().into(),
            now.micros().into(),
        ];
        let taken = self.store.execute(statement::TAKE_COMMAND, &args).await;
        if taken.map_err(self.store.unwritten(WHAT))? == 0 {
            return Ok(Taken::NotOurs);
        }
        Ok(self.command(row).map_or_else(
            |error| {
                tracing::error!(%error, id, "a command that cannot be read is passed over");
                Taken::Unreadable
            },
            Taken::Command,
        ))
    }

    fn command(&self, row: &Row) -> Result<Command, StoreError> {
        let unread = || self.store.unread(WHAT);
        let corrupt = |bad: &dyn std::fmt::Display| self.store.corrupt(bad);
        let text = |column| row.get::<&str>(column).map_err(unread());
        let bytes: &[u8] = row.get("what").map_err(unread())?;
        Ok(Command {
            id: CommandId::new(text("id")?).map_err(|bad| corrupt(&bad))?,
            by: Person::new(text("by")?).map_err(|bad| corrupt(&bad))?,
            at: Timestamp::from_micros(row.get("at").map_err(unread())?),
            what: Body::parse(bytes.to_vec()).map_err(|bad| corrupt(&bad))?,
        })
    }
}

fn unavailable(error: StoreError) -> CommandError {
    CommandError::Unavailable(error.into())
}
