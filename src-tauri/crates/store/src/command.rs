//! Commands as rows: consoles put them, the engine that holds the helm takes them, in their order.
//!
//! One that was taken and not answered is given again to the next engine: it may have ended in that moment. Whether it had
//! obeyed by then is in the journal, by the command's id. Deliberately not here: when a command is too old; that depends on
//! what it says.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Person, RolloutId, Writer};
use timonel_journal::entry::Body;
use timonel_ports::clock::sleep;
use timonel_ports::commands::{Command, CommandError, CommandFeed, CommandId, Commands, Taken};
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
    /// Those that were given and are not answered.
    given: BTreeSet<CommandId>,
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
            given: BTreeSet::new(),
        }
    }
}

impl Orders {
    /// Takes a command back that nobody has taken. Whether that was in time: then nobody obeys it any more. Otherwise somebody
    /// has taken it, has answered it, or it never got here. Errors where the store does not say.
    pub async fn withdraw(&self, id: &CommandId) -> Result<bool, CommandError> {
        let moment = self.store.moment().await.map_err(unavailable)?;
        let args = [id.as_str().into(), self.rollout.as_str().into(), moment.micros().into()];
        let changed = self.store.execute(statement::WITHDRAW_COMMAND, &args).await;
        Ok(changed.map_err(|error| unavailable(self.store.unwritten(WHAT)(error)))? > 0)
    }
}

#[async_trait]
impl Commands for Orders {
    async fn submit(&self, command: Command) -> Result<(), CommandError> {
        let moment = self.store.moment().await.map_err(unavailable)?;
        let row = [
            command.id.as_str().into(),
            self.rollout.as_str().into(),
            command.by.as_str().into(),
            command.at.micros().into(),
            command.what.bytes().into(),
            moment.micros().into(),
        ];
        let put = self.store.execute(statement::PUT_COMMAND, &row).await;
        put.map_err(|error| unavailable(self.store.of_rollout(&self.rollout, error, WHAT)))?;
        self.store.wake();
        Ok(())
    }
}

#[async_trait]
impl CommandFeed for OrderFeed {
    async fn next(&mut self) -> Result<Taken, CommandError> {
        loop {
            // Seen before looking: what comes while we look is looked for again.
            self.news.seen();
            match self.take().await.map_err(unavailable)? {
                Found::Command(taken) => return Ok(taken),
                Found::Unreadable => {}
                Found::Nothing => self.news.next().await,
                Found::NotOurs => sleep(&*self.store.clock, News::PATIENCE).await,
            }
        }
    }

    async fn answered(&mut self, id: &CommandId) -> Result<(), CommandError> {
        self.put_away(id.as_str()).await.map_err(unavailable)?;
        self.given.remove(id);
        Ok(())
    }
}

enum Found {
    Command(Taken),
    /// It says nothing, and must not keep a rollback waiting behind it.
    Unreadable,
    /// None waits.
    Nothing,
    /// Another has the helm, or took it from under us.
    NotOurs,
}

impl OrderFeed {
    /// Takes the first that waits, if the helm is ours. One statement decides, so that two engines never both have it.
    async fn take(&mut self) -> Result<Found, StoreError> {
        // However many are given and not answered, one more than those shows one that is neither, where there is one.
        let enough = i64::try_from(self.given.len()).unwrap_or(i64::MAX).saturating_add(1);
        let args = [self.rollout.as_str().into(), enough.into()];
        let rows = self.store.rows(statement::WAITING_COMMANDS, &args).await;
        let rows = rows.map_err(self.store.unread(WHAT))?;
        for row in &rows {
            let id: &str = row.get("id").map_err(self.store.unread(WHAT))?;
            if self.given.iter().any(|given| given.as_str() == id) {
                continue;
            }
            let now = self.store.moment().await?;
            if !self.write(statement::TAKE_COMMAND, id, now).await? {
                return Ok(Found::NotOurs);
            }
            return match self.command(row) {
                Ok(command) => {
                    let put_at: Option<i64> = row.get("put_at").map_err(self.store.unread(WHAT))?;
                    // Nobody knows how old one is that was put before that was kept.
                    let waited = put_at.map_or(Duration::MAX, |at| now.since(Timestamp::from_micros(at)));
                    self.given.insert(command.id.clone());
                    Ok(Found::Command(Taken { command, waited }))
                }
                Err(error) => {
                    tracing::error!(%error, id, "a command that cannot be read is passed over");
                    self.put_away(id).await?;
                    Ok(Found::Unreadable)
                }
            };
        }
        Ok(Found::Nothing)
    }

    /// It is given to nobody any more.
    async fn put_away(&self, id: &str) -> Result<(), StoreError> {
        let now = self.store.moment().await?;
        // One that is not there came another way.
        self.write(statement::ANSWER_COMMAND, id, now).await?;
        Ok(())
    }

    /// Whether the row of a command was changed, which it is only while the helm is ours.
    async fn write(&self, sql: &'static str, id: &str, now: Timestamp) -> Result<bool, StoreError> {
        let args = [
            id.into(),
            self.rollout.as_str().into(),
            self.me.as_str().into(),
            now.micros().into(),
        ];
        let changed = self.store.execute(sql, &args).await;
        Ok(changed.map_err(self.store.unwritten(WHAT))? > 0)
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
