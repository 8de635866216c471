//! The state of a rollout from its journal: the same events through the same step, from the last checkpoint on where there is one.

mod answers;
mod checkpoint;
mod fold;
mod inspection;
#[cfg(test)]
mod rules;
mod succession;

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use timonel_domain::evidence::{Epoch, Evidence};
use timonel_domain::plan::Plan;
use timonel_domain::rollout::State;
use timonel_domain::sample::Sample;
use timonel_domain::time::Timestamp;
use timonel_domain::value::RolloutId;
use timonel_journal::entry::Entry;
use timonel_journal::record::{MERGED, MergedRecord};
use timonel_ports::checkpoint::CheckpointStore;
use timonel_ports::store::{JournalStore, Part, Position, SampleStore};

use crate::bulletin::Bulletin;
use crate::engine::EngineError;

pub use answers::Answer;
use checkpoint::Kept;
#[cfg(test)]
pub(crate) use checkpoint::maker;
pub(crate) use fold::Fold;
pub(crate) use inspection::{Inspection, Starting};

const PAGE: u32 = 1000;
/// A start reads at most about so many entries again: after as many new ones a checkpoint is kept. Some 20 ms of work.
pub const EVERY: u64 = 1000;

/// What a rollout's journal says, without running it.
#[derive(Debug, Clone)]
pub struct Replayed {
    /// The state after the last step.
    pub state: State,
    /// Since when it is in its stage; `None` where it never left the first.
    pub since: Option<Timestamp>,
    /// Steps whose effects are otherwise than was recorded: another plan, or another version of the rules.
    pub differing: u64,
}

/// Whoever is told what happened to a rollout, and can be put away and go on later from where it was.
pub trait Listener: Serialize + DeserializeOwned + Send {
    /// Its name among the checkpoints of a rollout.
    const NAME: &'static str;
    /// The text of its own rules: what others have made of the same steps is not gone on with.
    const RULES: &'static [&'static str];

    /// Takes in one step, in the order of the journal.
    fn hear(&mut self, bulletin: &Bulletin, plan: &Plan);
}

/// Nobody listens: the state alone is wanted.
impl Listener for () {
    const NAME: &'static str = "engine";
    const RULES: &'static [&'static str] = &[];

    fn hear(&mut self, _: &Bulletin, _: &Plan) {}
}

/// The state of a rollout by its journal, without running it.
pub async fn state_of<S>(store: &S, rollout: &RolloutId, plan: &Plan) -> Result<Replayed, EngineError>
where
    S: JournalStore + CheckpointStore + ?Sized,
{
    Ok(retell(store, rollout, plan, ()).await?.0)
}

/// Tells the past of a rollout as it was told when it happened, in the order of the journal and without running it, to one who
/// has heard nothing; or gives the one who has heard a part of it and was put away then, with the rest told. Only what a person
/// could paste is not in it: targets know that.
pub async fn retell<S, L>(store: &S, rollout: &RolloutId, plan: &Plan, fresh: L) -> Result<(Replayed, L), EngineError>
where
    S: JournalStore + CheckpointStore + ?Sized,
    L: Listener,
{
    let Recovered { kept, .. } = replay(store, rollout, plan, fresh).await?;
    Ok((kept.fold.with_merges(plan).into(), kept.listener))
}

/// As [`retell`], for one who goes on from there: with the place of the last entry that was told.
pub(crate) async fn hear_all<S, L>(
    store: &S,
    rollout: &RolloutId,
    plan: &Plan,
    fresh: L,
) -> Result<(Position, Fold, L), EngineError>
where
    S: JournalStore + CheckpointStore + ?Sized,
    L: Listener,
{
    let Recovered { kept, through, .. } = replay(store, rollout, plan, fresh).await?;
    Ok((through, kept.fold, kept.listener))
}

/// What the journal says.
#[derive(Debug)]
pub(crate) struct Recovered<L> {
    kept: Kept<L>,
    /// The entry from whose checkpoint it was taken up; [`Position::START`] where all was read.
    began: Position,
    /// What that checkpoint said.
    believed: Option<Fold>,
    /// The last entry.
    through: Position,
}

impl Recovered<()> {
    /// What was read, what of it was taken on trust, and up to which entry it was read.
    pub(crate) fn split(self) -> (Fold, Option<(Position, Fold)>, Position) {
        let believed = self.believed.map(|fold| (self.began, fold));
        (self.kept.fold, believed, self.through)
    }
}

/// Replays the steps of a rollout: those after its checkpoint, where that can be believed. Where they were many, a new one is kept.
pub(crate) async fn replay<S, L>(
    store: &S,
    rollout: &RolloutId,
    plan: &Plan,
    fresh: L,
) -> Result<Recovered<L>, EngineError>
where
    S: JournalStore + CheckpointStore + ?Sized,
    L: Listener,
{
    let found = checkpoint::find::<_, L>(store, rollout, plan).await;
    let began = found.as_ref().map_or(Position::START, |(position, _)| *position);
    let believed = found.as_ref().map(|(_, kept)| kept.fold.clone());
    let mut kept = found.map_or_else(|| Kept::new(plan, fresh), |(_, kept)| kept);
    let (mut place, mut new) = (None, 0);
    let mut after = began;
    loop {
        let page = store.entries(Part::Rollout(rollout), after, PAGE).await;
        let page = page.map_err(EngineError::Recover)?;
        for placed in &page {
            after = placed.position;
            place = Some((placed.position, placed.sealed.hash()));
            new += 1;
            let entry = placed.sealed.entry().map_err(|e| EngineError::Journal(e.to_string()))?;
            let Kept { fold, listener } = &mut kept;
            fold.push(rollout, plan, &entry, |bulletin| listener.hear(bulletin, plan))?;
        }
        if page.len() < PAGE as usize {
            break;
        }
    }
    if let Some(place) = place.filter(|_| new >= EVERY) {
        checkpoint::keep(store, rollout, plan, place, &kept).await;
    }
    Ok(Recovered {
        kept,
        began,
        believed,
        through: after,
    })
}

/// What the journal of a rollout has come to by its checkpoint, with the place of that; of no entries where there is none.
pub(crate) async fn put_away<S>(store: &S, rollout: &RolloutId, plan: &Plan) -> (Position, Fold)
where
    S: JournalStore + CheckpointStore + ?Sized,
{
    match checkpoint::find::<_, ()>(store, rollout, plan).await {
        Some((place, kept)) => (place, kept.fold),
        None => (Position::START, Fold::new(plan)),
    }
}

/// Takes in what was written after a place, and tells every step of it. The place moves on with each entry.
pub(crate) async fn read_on(
    store: &(impl JournalStore + ?Sized),
    rollout: &RolloutId,
    plan: &Plan,
    (after, fold): (&mut Position, &mut Fold),
    mut tell: impl FnMut(&Bulletin),
) -> Result<(), EngineError> {
    loop {
        let page = store.entries(Part::Rollout(rollout), *after, PAGE).await;
        let page = page.map_err(EngineError::Recover)?;
        for placed in &page {
            let entry = placed.sealed.entry().map_err(|e| EngineError::Journal(e.to_string()))?;
            fold.push(rollout, plan, &entry, &mut tell)?;
            *after = placed.position;
        }
        if page.len() < PAGE as usize {
            return Ok(());
        }
    }
}

/// The samples of the present phase: evidence does not fade, so all of them are taken up, however long nobody watched.
pub(crate) async fn evidence(
    store: &(impl SampleStore + ?Sized),
    rollout: &RolloutId,
    plan: &Plan,
    epoch: Option<Epoch>,
    now: Timestamp,
) -> Result<Vec<Sample>, EngineError> {
    let Some(epoch) = epoch else { return Ok(Vec::new()) };
    let of = Evidence::new(plan);
    let mut out = Vec::new();
    for signal in plan.signals.iter().filter(|signal| of.looks_at(&signal.id)) {
        let kept = store.samples(rollout, &signal.id, epoch.since..now).await;
        out.append(&mut kept.map_err(EngineError::Recover)?);
    }
    Ok(out)
}

/// A rule that was pending before a longer gap than this begins anew: nobody knows what it would have been.
const SHORT: Duration = Duration::from_secs(15 * 60);

/// The samples from which rules take up where they stood, as far back as they look; none after a long gap.
pub(crate) async fn samples(
    store: &(impl SampleStore + ?Sized),
    rollout: &RolloutId,
    plan: &Plan,
    last: Option<Timestamp>,
    now: Timestamp,
) -> Result<Vec<Sample>, EngineError> {
    if last.is_none_or(|last| now.since(last) > SHORT) {
        return Ok(Vec::new());
    }
    let reach = plan.rules.iter().map(|r| (r.question.window + r.lasting) * 2).max();
    let from = now - SHORT - reach.unwrap_or_default();
    let mut out = Vec::new();
    for signal in &plan.signals {
        let kept = store.samples(rollout, &signal.id, from..now).await;
        out.append(&mut kept.map_err(EngineError::Recover)?);
    }
    Ok(out)
}

/// What an entry says of a kit that was merged; `None` where it says something else.
pub(crate) fn merged(entry: &Entry) -> Result<Option<MergedRecord>, EngineError> {
    if entry.kind.as_str() != MERGED {
        return Ok(None);
    }
    let read = entry.body.read().map_err(|e| {
        let place = format!("entry {} of {}", entry.seq, entry.writer);
        EngineError::Journal(format!("{place}: {e}"))
    });
    read.map(Some)
}
