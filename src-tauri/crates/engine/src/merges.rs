//! Rollbacks that a person pressed while the store was away, heard of once it is back.
//!
//! A merged rollback is one more press. What the kit saw at the targets is not believed, since time has gone by and the plan may
//! have another revision: whatever is not known to be back is lowered and read again. A press from before the last
//! reset is answered by that reset. Deliberately not here: bringing a kit's chain into the journal, which is the store's.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use timonel_domain::rollout::{Cause, Effect, Event, Generation, Level, Stage, State};
use timonel_domain::value::RolloutId;
use timonel_journal::record::MergedRecord;
use timonel_ports::clock::{SharedClock, sleep};
use timonel_ports::mailbox::Sender;
use timonel_ports::store::{Part, Position, Store};
use timonel_ports::task::{Task, spawn};

use crate::message::Message;
use crate::recovery::merged;

/// How often a running engine looks whether something was merged.
const LOOK: Duration = Duration::from_secs(5);
/// Begins apart from all else that looks at something, as everything there does.
const STAGGER: Duration = Duration::from_millis(19);
const PAGE: u32 = 1000;

/// What merges ask for, against what the rollout has done since.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Merges {
    /// The generation of the last reset.
    reset: Option<Generation>,
    /// The rollback that nobody has answered yet.
    due: Option<Cause>,
}

impl Merges {
    /// A kit was merged while the rollout was as in `state`.
    pub(crate) fn hear(&mut self, record: &MergedRecord, state: &State) {
        let Some(rollback) = &record.rollback else { return };
        let answered = self.reset.is_some_and(|reset| record.generation < reset);
        let over = matches!(state.stage, Stage::Draft | Stage::Closed) || state.latch.is_some();
        if !answered && !over {
            self.due = Some(Cause::from(rollback.cause.clone()));
        }
    }

    /// An event of the rollout's own, and the state after it.
    pub(crate) fn follow(&mut self, event: &Event, effects: &[Effect], after: &State) {
        let refused = effects.iter().any(|effect| matches!(effect, Effect::Rejected(_)));
        if matches!(event, Event::Reset { .. }) && !refused {
            self.reset = Some(after.generation);
        }
        if after.latch.is_some() || after.stage == Stage::Closed {
            self.due = None;
        }
    }

    /// What is to happen because of it.
    pub(crate) fn due(&self) -> Option<Event> {
        let cause = self.due.clone()?;
        Some(Event::RollBack {
            level: Level::Total,
            cause,
            confirmed: true,
        })
    }
}

/// Tells the owner of everything that is merged after `from`.
pub(crate) fn watch(
    clock: &SharedClock,
    store: Arc<dyn Store>,
    rollout: RolloutId,
    from: Position,
    to: Sender<Message>,
) -> Task<()> {
    let on = clock.clone();
    spawn(clock, async move {
        let mut after = from;
        sleep(&*on, STAGGER).await;
        loop {
            sleep(&*on, LOOK).await;
            loop {
                // A store that does not answer is told of by whoever writes to it.
                let Ok(page) = store.entries(Part::Rollout(&rollout), after, PAGE).await else {
                    break;
                };
                for placed in &page {
                    after = placed.position;
                    let record = placed
                        .sealed
                        .entry()
                        .ok()
                        .and_then(|entry| merged(&entry).ok().flatten());
                    if let Some(record) = record
                        && to.send(Message::Merged(record)).is_err()
                    {
                        return;
                    }
                }
                if page.len() < PAGE as usize {
                    break;
                }
            }
        }
    })
}
