//! The port through which people's commands reach the engine that holds the helm.
//!
//! Two halves: consoles [`Commands::submit`], the owner loop takes with [`CommandFeed::next`]. A command may arrive
//! twice, here or at the engine after this one, until it is [`CommandFeed::answered`]; its id says that it is the same,
//! and the journal whether it was obeyed. The implementation here is a queue within the process.
//!
//! Deliberately not here: who may command what, and what the engine answers: that is read from the journal.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use timonel_domain::time::Timestamp;
use timonel_domain::value::Person;
use timonel_journal::entry::Body;

use crate::clock::SharedClock;
use crate::mailbox::{Receiver, Sender, mailbox};
use crate::store::Cause;

/// What a person, or a machine account, wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The same in every attempt to submit it.
    pub id: CommandId,
    /// Who.
    pub by: Person,
    /// When it was given, by the clock of the console.
    pub at: Timestamp,
    /// What; the engine knows how to read it.
    pub what: Body,
}

/// A command that reached an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// What is wanted.
    pub command: Command,
    /// How long it waited, by the one clock of whoever kept it meanwhile: consoles' clocks are not to be trusted with the
    /// age of a raise.
    pub waited: Duration,
}

/// Names one command: 1 to 80 visible ASCII characters, unique among all consoles.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommandId(Arc<str>);

/// Text that cannot name a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot be a command's id: use 1 to 80 visible ASCII characters")]
pub struct BadCommandId(String);

impl CommandId {
    /// Checks and keeps `text`.
    pub fn new(text: &str) -> Result<Self, BadCommandId> {
        let fits = (1..=80).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if fits {
            Ok(Self(text.into()))
        } else {
            Err(BadCommandId(text.to_owned()))
        }
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for CommandId {
    type Error = BadCommandId;
    fn try_from(text: String) -> Result<Self, BadCommandId> {
        Self::new(&text)
    }
}

impl From<CommandId> for String {
    fn from(id: CommandId) -> Self {
        id.as_str().to_owned()
    }
}

impl fmt::Display for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The console's half.
#[async_trait]
pub trait Commands: Send + Sync + fmt::Debug {
    /// Hands a command on. `Ok` says that it will be taken, not that it was obeyed.
    async fn submit(&self, command: Command) -> Result<(), CommandError>;
}

/// The engine's half.
#[async_trait]
pub trait CommandFeed: Send + fmt::Debug {
    /// The next command, in the order of submission; waits for one. Cancel safe.
    async fn next(&mut self) -> Result<Taken, CommandError>;

    /// What became of a command is in the journal: nobody is given it again.
    async fn answered(&mut self, id: &CommandId) -> Result<(), CommandError>;
}

/// Why a command was not handed on.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The other half is gone.
    #[error("the engine is not running: start it, or roll back with the commands for pasting")]
    Closed,
    /// What carries the commands does not answer. Whether it has the command is unknown; submit the same again.
    #[error("the command could not be handed on: try again, or roll back from this console")]
    Unavailable(#[source] Cause),
}

/// A queue within the process: commands count as work until they are taken, so that virtual time waits for them.
pub fn in_process(clock: &SharedClock) -> (QueueEnd, QueueFeed) {
    let (sender, receiver) = mailbox(clock);
    (QueueEnd(sender), QueueFeed(receiver))
}

/// The console's half of [`in_process`]; clone it freely.
#[derive(Debug, Clone)]
pub struct QueueEnd(Sender<Command>);

#[async_trait]
impl Commands for QueueEnd {
    async fn submit(&self, command: Command) -> Result<(), CommandError> {
        self.0.send(command).map_err(|_| CommandError::Closed)
    }
}

/// The engine's half of [`in_process`].
#[derive(Debug)]
pub struct QueueFeed(Receiver<Command>);

#[async_trait]
impl CommandFeed for QueueFeed {
    async fn next(&mut self) -> Result<Taken, CommandError> {
        let command = self.0.recv().await.ok_or(CommandError::Closed)?;
        let waited = Duration::ZERO;
        Ok(Taken { command, waited })
    }

    async fn answered(&mut self, _id: &CommandId) -> Result<(), CommandError> {
        // It gives nothing twice.
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    fn command(id: &str) -> Command {
        Command {
            id: CommandId::new(id).unwrap(),
            by: Person::new("ana").unwrap(),
            at: Timestamp::from_secs(1),
            what: Body::of(&"roll back").unwrap(),
        }
    }

    #[tokio::test]
    async fn commands_are_taken_in_order_until_one_half_is_gone() {
        let (end, mut feed) = in_process(&SystemClock::shared());
        let other = end.clone();
        end.submit(command("1")).await.unwrap();
        other.submit(command("2")).await.unwrap();
        drop((end, other));
        assert_eq!(feed.next().await.unwrap().command, command("1"));
        assert_eq!(feed.next().await.unwrap().command, command("2"));
        assert!(matches!(feed.next().await, Err(CommandError::Closed)));
    }

    #[tokio::test]
    async fn nobody_commands_an_engine_that_is_gone() {
        let (end, feed) = in_process(&SystemClock::shared());
        drop(feed);
        assert!(matches!(end.submit(command("1")).await, Err(CommandError::Closed)));
    }

    #[test]
    fn ids_are_short_visible_texts() {
        assert!(CommandId::new("desk-1:01JD").is_ok());
        for bad in ["", "a b", "ñ", &"x".repeat(81)] {
            assert!(CommandId::new(bad).is_err(), "{bad}");
        }
    }
}
