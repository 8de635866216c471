//! What the entries of a rollout come to, one after the other. The same entries give the same, whoever reads them and however
//! often somebody put it away in between.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use timonel_domain::plan::Plan;
use timonel_domain::rollout::{Effect, Event, OpId, State, step};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{RolloutId, Writer};
use timonel_journal::entry::Entry;
use timonel_journal::record::{
    ACKNOWLEDGEMENT, AcknowledgementRecord, COMMAND, CommandRecord, EffectRecord, EventRecord, KIT, MENDED,
    MendedRecord, OPERATION, OperationRecord, STEP, StepRecord,
};
use timonel_ports::commands::CommandId;
use timonel_ports::target::Operation;

use super::answers::{Answer, Answers};
use super::succession::Succession;
use super::{Replayed, merged};
use crate::bulletin::{Acknowledgement, Bulletin};
use crate::engine::EngineError;
use crate::merges::Merges;
use crate::owner::is_reset;

/// What the entries so far come to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Fold {
    #[serde(serialize_with = "bare", deserialize_with = "shared")]
    pub(crate) state: Arc<State>,
    pub(crate) differing: u64,
    /// Since when it is in its stage; `None` where it never left the first.
    pub(crate) since: Option<Timestamp>,
    /// Time of the last entry; `None` where there is none.
    pub(crate) last: Option<Timestamp>,
    /// When a person last said that a rollback is over: an intent from before that is answered.
    pub(crate) reset: Option<Timestamp>,
    /// What targets are at, by the operation of the rollout that it belongs to.
    pub(crate) operations: BTreeMap<OpId, Vec<Operation>>,
    /// That the store was mended since an engine last ran on it.
    pub(crate) mended: Option<MendedRecord>,
    /// Who has seen which alert.
    pub(crate) acknowledged: BTreeMap<String, Acknowledgement>,
    /// What became of the last commands.
    pub(crate) answers: Answers,
    succession: Succession,
    /// Whose entries were written from a kit: they are of a past of their own, and told by the entry that merged them.
    kits: BTreeSet<Writer>,
    /// Rollbacks from kits that came into the journal while no engine was there to hear of them.
    pub(crate) merges: Merges,
}

impl Fold {
    /// Of no entries.
    pub(crate) fn new(plan: &Plan) -> Self {
        Self::begun(State::new(plan))
    }

    /// Of no entries, where it did not begin as a draft: a kit does not know how it came to where it is.
    pub(crate) fn begun(state: State) -> Self {
        Self {
            state: Arc::new(state),
            differing: 0,
            since: None,
            last: None,
            reset: None,
            operations: BTreeMap::new(),
            mended: None,
            acknowledged: BTreeMap::new(),
            answers: Answers::default(),
            succession: Succession::default(),
            kits: BTreeSet::new(),
            merges: Merges::default(),
        }
    }

    /// With what whoever takes it up next does first.
    pub(crate) fn with_merges(self, plan: &Plan) -> Self {
        let (Some(event), Some(at)) = (self.merges.due(), self.last) else {
            return self;
        };
        let (state, _) = step(plan, &self.state, &event, at);
        Self {
            state: Arc::new(state),
            ..self
        }
    }

    /// Takes in the next entry of the rollout, and tells every step that follows from it.
    pub(crate) fn push(
        &mut self,
        rollout: &RolloutId,
        plan: &Plan,
        entry: &Entry,
        mut tell: impl FnMut(&Bulletin),
    ) -> Result<(), EngineError> {
        if entry.kind.as_str() == KIT {
            self.kits.insert(entry.writer.clone());
        }
        if self.kits.contains(&entry.writer) {
            return Ok(());
        }
        if let Some(record) = merged(entry)? {
            self.merges.hear(&record, &self.state);
        }
        self.last = Some(entry.occurred_at);
        let unreadable =
            |e: &dyn std::fmt::Display| EngineError::Journal(format!("entry {} of {}: {e}", entry.seq, entry.writer));
        match entry.kind.as_str() {
            OPERATION => {
                let record: OperationRecord = entry.body.read().map_err(|e| unreadable(&e))?;
                let bytes = hex::decode(&record.operation).map_err(|e| unreadable(&e))?;
                let begun = self.operations.entry(OpId(record.op)).or_default();
                begun.push(Operation(bytes));
            }
            ACKNOWLEDGEMENT => {
                let record: AcknowledgementRecord = entry.body.read().map_err(|e| unreadable(&e))?;
                let seen = Acknowledgement {
                    seq: entry.seq,
                    by: record.by,
                    at: entry.occurred_at,
                    comment: record.comment,
                };
                self.acknowledged.entry(record.alert).or_insert(seen);
            }
            MENDED => self.mended = Some(entry.body.read().map_err(|e| unreadable(&e))?),
            // What one wrote that had lost the helm counts for nothing, so it is given to the next.
            COMMAND if !self.succession.is_former(&entry.writer) => {
                let read = entry.body.read::<CommandRecord>().ok();
                match read.and_then(|record| Some((CommandId::new(&record.id).ok()?, record.answer))) {
                    Some((id, answer)) => self.answers.note(id, Answer::Answered(answer)),
                    // A newer version's answer keeps nobody from taking the rollout up.
                    None => tracing::warn!(seq = entry.seq, "an answer to a command cannot be read"),
                }
            }
            STEP => {
                let record: StepRecord = entry.body.read().map_err(|e| unreadable(&e))?;
                if let EventRecord::Mended { .. } = record.event {
                    self.mended = None;
                }
                for (at, record) in self.succession.counting(&entry.writer, entry.occurred_at, record) {
                    let bulletin = self.step(rollout, plan, entry.seq, at, record);
                    tell(&bulletin);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn step(&mut self, rollout: &RolloutId, plan: &Plan, seq: u64, at: Timestamp, record: StepRecord) -> Bulletin {
        let event = Event::from(record.event);
        let (next, effects) = step(plan, &self.state, &event, at);
        if !effects.iter().map(EffectRecord::from).eq(record.effects) {
            self.differing += 1;
            tracing::warn!(seq, "replaying an entry gives other effects than were recorded");
        }
        if is_reset(&event, &effects) {
            self.reset = Some(at);
        }
        self.merges.follow(&event, &effects, &next);
        if next.stage != self.state.stage {
            self.since = Some(at);
        }
        let command = record.command.and_then(|id| CommandId::new(&id).ok());
        if let Some(id) = command.clone() {
            let refused = effects.iter().find_map(|effect| match effect {
                Effect::Rejected(why) => Some(Answer::Refused(why.to_string())),
                Effect::Raise { .. } | Effect::Lower { .. } | Effect::Notify(_) | Effect::ShowManual { .. } => None,
            });
            self.answers.note(id, refused.unwrap_or(Answer::Obeyed));
        }
        let open = |op: &OpId| next.targets.values().any(|t| t.op.is_some_and(|of| of.id == *op));
        self.operations.retain(|op, _| open(op));
        self.state = Arc::new(next);
        Bulletin {
            rollout: rollout.clone(),
            at,
            seq,
            event,
            effects,
            state: self.state.clone(),
            command,
            manual: Vec::new(),
        }
    }
}

impl From<Fold> for Replayed {
    fn from(fold: Fold) -> Self {
        Self {
            state: Arc::unwrap_or_clone(fold.state),
            since: fold.since,
            differing: fold.differing,
        }
    }
}

fn bare<S: Serializer>(state: &Arc<State>, to: S) -> Result<S::Ok, S::Error> {
    State::serialize(state, to)
}

fn shared<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<State>, D::Error> {
    State::deserialize(from).map(Arc::new)
}
