//! Whose entries are the rollout's, where several engines have written.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use timonel_domain::rollout::{Cause, Event, Level};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Weight, Writer};
use timonel_journal::record::{EffectRecord, EventRecord, StepRecord};

/// Whose steps are the rollout's. An engine that has lost the helm goes on looking, and writes down what it sees; to the
/// one that has it now none of that happened. What it does about calls is seen at the targets, and a rollback is one, whoever
/// wrote it down: a person's as it was given, a rule's as one that was under way.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Succession {
    epochs: BTreeMap<Writer, u64>,
    newest: u64,
    /// What a former holder that starts again says before it says that it has the helm.
    gap: BTreeMap<Writer, (Timestamp, StepRecord)>,
}

impl Succession {
    /// Whether another has had the helm since this one had.
    pub(super) fn is_former(&self, writer: &Writer) -> bool {
        self.epochs.get(writer).is_some_and(|epoch| *epoch < self.newest)
    }

    /// The steps that an entry adds to the rollout.
    pub(super) fn counting(
        &mut self,
        writer: &Writer,
        at: Timestamp,
        record: StepRecord,
    ) -> Vec<(Timestamp, StepRecord)> {
        if let EventRecord::Helm { epoch: Some(epoch) } = record.event
            && epoch >= self.newest
        {
            self.newest = epoch;
            self.epochs.insert(writer.clone(), epoch);
            return self.gap.remove(writer).into_iter().chain([(at, record)]).collect();
        }
        let former = self.is_former(writer);
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
                let command = record.command;
                vec![(
                    at,
                    StepRecord {
                        event,
                        effects,
                        command,
                    },
                )]
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
