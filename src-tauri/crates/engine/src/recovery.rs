//! The state of a rollout from its journal: the same events through the same step.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use timonel_domain::evidence::{Epoch, Evidence};
use timonel_domain::plan::Plan;
use timonel_domain::rollout::{Cause, Effect, Event, Level, OpId, State, step};
use timonel_domain::sample::Sample;
use timonel_domain::time::Timestamp;
use timonel_domain::value::{RolloutId, Weight, Writer};
use timonel_journal::record::{
    ACKNOWLEDGEMENT, AcknowledgementRecord, EffectRecord, EventRecord, OPERATION, OperationRecord, STEP, StepRecord,
};
use timonel_ports::store::{JournalStore, Part, Position, SampleStore};
use timonel_ports::target::Operation;

use crate::bulletin::{Acknowledgement, Bulletin};
use crate::engine::EngineError;

const PAGE: u32 = 1000;

/// What the journal says.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) state: State,
    pub(crate) differing: u64,
    /// Time of the last entry; `None` where there is none.
    pub(crate) last: Option<Timestamp>,
    /// When a person last said that a rollback is over: an intent from before that is answered.
    pub(crate) reset: Option<Timestamp>,
    /// What targets were at, by the operation of the rollout that it belongs to.
    pub(crate) operations: BTreeMap<OpId, Vec<Operation>>,
    /// Who has seen which alert.
    pub(crate) acknowledged: BTreeMap<String, Acknowledgement>,
}

/// What a rollout's journal says, without running it.
#[derive(Debug, Clone)]
pub struct Replayed {
    /// The state after the last step.
    pub state: State,
    /// Steps whose effects are otherwise than was recorded: another plan, or another version of the rules.
    pub differing: u64,
}

/// The state of a rollout by its journal, without running it.
pub async fn state_of(
    store: &(impl JournalStore + ?Sized),
    rollout: &RolloutId,
    plan: &Plan,
) -> Result<Replayed, EngineError> {
    retell(store, rollout, plan, |_| ()).await
}

/// Tells the past of a rollout as it was told when it happened, in the order of the journal and without running it. Only
/// what a person could paste is not in it: targets know that.
pub async fn retell(
    store: &(impl JournalStore + ?Sized),
    rollout: &RolloutId,
    plan: &Plan,
    tell: impl FnMut(&Bulletin) + Send,
) -> Result<Replayed, EngineError> {
    let Recovered { state, differing, .. } = replay(store, rollout, plan, tell).await?;
    Ok(Replayed { state, differing })
}

/// Whose steps are the rollout's. An engine that has lost the helm goes on looking, and writes down what it sees; to the
/// one that has it now none of that happened. What it does about calls is seen at the targets, and a rollback is one, whoever
/// wrote it down: a person's as it was given, a rule's as one that was under way.
#[derive(Debug, Default)]
struct Succession {
    epochs: BTreeMap<Writer, u64>,
    newest: u64,
    /// What a former holder that starts again says before it says that it has the helm.
    gap: BTreeMap<Writer, (Timestamp, StepRecord)>,
}

impl Succession {
    /// The steps that an entry adds to the rollout.
    fn counting(&mut self, writer: &Writer, at: Timestamp, record: StepRecord) -> Vec<(Timestamp, StepRecord)> {
        if let EventRecord::Helm { epoch: Some(epoch) } = record.event
            && epoch >= self.newest
        {
            self.newest = epoch;
            self.epochs.insert(writer.clone(), epoch);
            return self.gap.remove(writer).into_iter().chain([(at, record)]).collect();
        }
        let former = self.epochs.get(writer).is_some_and(|epoch| *epoch < self.newest);
        match &record.event {
            EventRecord::RollBack { .. } => vec![(at, record)],
            EventRecord::Gap { .. } if former => {
                self.gap.insert(writer.clone(), (at, record));
                Vec::new()
            }
            EventRecord::Assessed(_) | EventRecord::Incident { .. } if former && puts_all_back(&record) => {
                let event = EventRecord::from(&Event::RollBack {
                    level: Level::Total,
                    cause: Cause::Resumed,
                    confirmed: true,
                });
                let effects = record.effects;
                vec![(at, StepRecord { event, effects })]
            }
            _ if former => Vec::new(),
            _ => vec![(at, record)],
        }
    }
}

/// Whether an engine put every call back by this step.
fn puts_all_back(record: &StepRecord) -> bool {
    let mut effects = record.effects.iter();
    effects.any(|effect| matches!(effect, EffectRecord::Lower { to: Weight::ZERO, .. }))
}

/// Replays all steps of a rollout.
pub(crate) async fn replay(
    store: &(impl JournalStore + ?Sized),
    rollout: &RolloutId,
    plan: &Plan,
    mut tell: impl FnMut(&Bulletin) + Send,
) -> Result<Recovered, EngineError> {
    let mut state = Arc::new(State::new(plan));
    let mut out = Recovered {
        state: State::new(plan),
        differing: 0,
        last: None,
        reset: None,
        operations: BTreeMap::new(),
        acknowledged: BTreeMap::new(),
    };
    let mut succession = Succession::default();
    let mut after = Position::START;
    loop {
        let page = store
            .entries(Part::Rollout(rollout), after, PAGE)
            .await
            .map_err(EngineError::Recover)?;
        for placed in &page {
            after = placed.position;
            let entry = placed.sealed.entry().map_err(|e| EngineError::Journal(e.to_string()))?;
            out.last = Some(entry.occurred_at);
            let unreadable = |e: &dyn std::fmt::Display| {
                EngineError::Journal(format!("entry {} of {}: {e}", entry.seq, entry.writer))
            };
            if entry.kind.as_str() == OPERATION {
                let record: OperationRecord = entry.body.read().map_err(|e| unreadable(&e))?;
                let bytes = hex::decode(&record.operation).map_err(|e| unreadable(&e))?;
                out.operations
                    .entry(OpId(record.op))
                    .or_default()
                    .push(Operation(bytes));
            }
            if entry.kind.as_str() == ACKNOWLEDGEMENT {
                let record: AcknowledgementRecord = entry.body.read().map_err(|e| unreadable(&e))?;
                let seen = Acknowledgement {
                    seq: entry.seq,
                    by: record.by,
                    at: entry.occurred_at,
                    comment: record.comment,
                };
                out.acknowledged.entry(record.alert).or_insert(seen);
            }
            if entry.kind.as_str() != STEP {
                continue;
            }
            let record: StepRecord = entry.body.read().map_err(|e| unreadable(&e))?;
            for (at, record) in succession.counting(&entry.writer, entry.occurred_at, record) {
                let event = Event::from(record.event.clone());
                let (next, effects) = step(plan, &state, &event, at);
                if StepRecord::new(&event, &effects).effects != record.effects {
                    out.differing += 1;
                    tracing::warn!(
                        seq = entry.seq,
                        "replaying an entry gives other effects than were recorded"
                    );
                }
                if matches!(event, Event::Reset { .. }) && !effects.iter().any(|e| matches!(e, Effect::Rejected(_))) {
                    out.reset = Some(at);
                }
                state = Arc::new(next);
                tell(&Bulletin {
                    rollout: rollout.clone(),
                    at,
                    seq: entry.seq,
                    event,
                    effects,
                    state: state.clone(),
                    manual: Vec::new(),
                });
            }
        }
        if page.len() < PAGE as usize {
            out.state = Arc::unwrap_or_clone(state);
            return Ok(out);
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
