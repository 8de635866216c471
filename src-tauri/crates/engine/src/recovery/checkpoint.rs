//! Putting away what a journal has come to, and finding it again. Whatever is not surely the same thing, made by the same rules of
//! the same plan and standing for an entry that is still there, is passed over: then all of the journal is read, as if there
//! were none. Neither ever fails a start.

use serde::{Deserialize, Serialize};
use timonel_domain::plan::Plan;
use timonel_domain::value::RolloutId;
use timonel_journal::entry::Hash;
use timonel_ports::checkpoint::{Checkpoint, CheckpointStore};
use timonel_ports::store::{JournalStore, Part, Position, StoreError};

use super::{Fold, Listener};

/// What is put away: the state of a rollout with all that a start needs, and what whoever listened has made of the steps.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Kept<L> {
    pub(super) fold: Fold,
    pub(super) listener: L,
}

impl<L> Kept<L> {
    pub(super) fn new(plan: &Plan, listener: L) -> Self {
        let fold = Fold::new(plan);
        Self { fold, listener }
    }
}

/// By which rules it is made: this program's version, the text of everything that makes a state of a journal (`build.rs`) and of what
/// whoever listens makes of it, and the plan as it is understood.
pub(crate) fn maker<L: Listener>(plan: &Plan) -> Hash {
    let (version, rules) = (env!("CARGO_PKG_VERSION"), env!("TIMONEL_RULES"));
    let listener = L::RULES.concat();
    Hash::of(format!("{version}\n{rules}\n{listener}\n{plan:?}").as_bytes())
}

/// The checkpoint of a rollout for whoever listens, with the place of its entry.
pub(super) async fn find<S, L>(store: &S, rollout: &RolloutId, plan: &Plan) -> Option<(Position, Kept<L>)>
where
    S: JournalStore + CheckpointStore + ?Sized,
    L: Listener,
{
    match sound(store, rollout, maker::<L>(plan), L::NAME).await {
        Ok(Ok(checkpoint)) => match serde_json::from_slice(&checkpoint.body) {
            Ok(kept) => Some((checkpoint.position, kept)),
            Err(error) => {
                tracing::warn!(%rollout, %error, "a checkpoint cannot be read; all of the journal is");
                None
            }
        },
        Ok(Err(None)) => None,
        Ok(Err(Some(why))) => {
            tracing::info!(%rollout, why, "a checkpoint is passed over; all of the journal is read");
            None
        }
        Err(error) => {
            tracing::warn!(%rollout, %error, "no checkpoint can be read; all of the journal is");
            None
        }
    }
}

/// The checkpoint that is there, or why it is passed over; `None` where there is none.
async fn sound<S>(
    store: &S,
    rollout: &RolloutId,
    maker: Hash,
    reader: &str,
) -> Result<Result<Checkpoint, Option<&'static str>>, StoreError>
where
    S: JournalStore + CheckpointStore + ?Sized,
{
    let Some(checkpoint) = store.checkpoint(rollout, reader).await? else {
        return Ok(Err(None));
    };
    if !checkpoint.is_by(maker) {
        return Ok(Err(Some("it was made by other rules, of another plan, or was changed")));
    }
    let before = Position(checkpoint.position.0.saturating_sub(1));
    let there = store.entries(Part::Rollout(rollout), before, 1).await?;
    let stands = |placed: &timonel_ports::store::Placed| {
        placed.position == checkpoint.position
            && placed.sealed.hash() == checkpoint.entry
            && placed.sealed.entry().is_ok()
    };
    if there.first().is_some_and(stands) {
        Ok(Ok(checkpoint))
    } else {
        Ok(Err(Some("the entry that it stands for is not there")))
    }
}

/// Puts away what the journal has come to at a place.
pub(super) async fn keep<S, L>(store: &S, rollout: &RolloutId, plan: &Plan, place: (Position, Hash), kept: &Kept<L>)
where
    S: CheckpointStore + ?Sized,
    L: Listener,
{
    let body = match serde_json::to_vec(kept) {
        Ok(body) => body,
        Err(error) => {
            tracing::warn!(%rollout, %error, "no checkpoint can be made; the next start reads all of the journal");
            return;
        }
    };
    let checkpoint = Checkpoint::new(rollout.clone(), L::NAME, place, body, maker::<L>(plan));
    if let Err(error) = store.put_checkpoint(&checkpoint).await {
        tracing::info!(%rollout, %error, "a checkpoint is not kept; the next start reads more of the journal");
    }
}
