//! The port to checkpoints: what the journal of a rollout comes to at one of its entries, so that a start need not read all that
//! came before it.
//!
//! A checkpoint is made of the journal alone and says nothing that the journal does not: whoever has none reads everything.
//! Deliberately not here: what is in one, and when one is made.

use std::fmt;

use async_trait::async_trait;
use timonel_domain::value::RolloutId;
use timonel_journal::entry::Hash;

use crate::store::{Position, StoreError};

/// Where checkpoints are kept: the last one of each reader of each rollout. The rollout must be there before it
/// ([`StoreError::Unknown`]).
#[async_trait]
pub trait CheckpointStore: Send + Sync + fmt::Debug {
    /// Keeps a checkpoint in place of the one that its reader had.
    async fn put_checkpoint(&self, checkpoint: &Checkpoint) -> Result<(), StoreError>;

    /// The one that a reader kept last. Whether it may be believed is for [`Checkpoint::is_by`] and its entry to say.
    async fn checkpoint(&self, rollout: &RolloutId, reader: &str) -> Result<Option<Checkpoint>, StoreError>;
}

/// What a reader of a rollout's journal had come to at one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which rollout.
    pub rollout: RolloutId,
    /// Who reads: each keeps something else.
    pub reader: String,
    /// The place of the last entry that was read, in the store that has it.
    pub position: Position,
    /// The hash of that entry.
    pub entry: Hash,
    /// What its reader keeps; opaque to everybody else.
    pub body: Vec<u8>,
    /// Over all of it and its maker.
    pub seal: Hash,
}

impl Checkpoint {
    /// Seals `body` for `maker`, which says by which rules it was made.
    pub fn new(
        rollout: RolloutId,
        reader: &str,
        (position, entry): (Position, Hash),
        body: Vec<u8>,
        maker: Hash,
    ) -> Self {
        let reader = reader.to_owned();
        let seal = seal(&rollout, &reader, position, entry, &body, maker);
        Self {
            rollout,
            reader,
            position,
            entry,
            body,
            seal,
        }
    }

    /// Whether it was made by `maker`, and is as it was made.
    pub fn is_by(&self, maker: Hash) -> bool {
        let Self {
            rollout,
            reader,
            position,
            entry,
            body,
            seal: sealed,
        } = self;
        seal(rollout, reader, *position, *entry, body, maker) == *sealed
    }
}

fn seal(rollout: &RolloutId, reader: &str, position: Position, entry: Hash, body: &[u8], maker: Hash) -> Hash {
    let (of, position) = (Hash::of(rollout.as_str().as_bytes()), position.0.to_be_bytes());
    let reader = Hash::of(reader.as_bytes());
    let parts: [&[u8]; 6] = [
        of.bytes(),
        reader.bytes(),
        maker.bytes(),
        entry.bytes(),
        &position,
        body,
    ];
    Hash::of(&parts.concat())
}
