//! Old readings and outcomes become coarser rows, in the background and a little at a time. Deliberately not here: how (the store's),
//! and the journal, of which nothing is ever removed.

use std::sync::Arc;
use std::time::Duration;

use timonel_domain::plan::Plan;
use timonel_domain::value::{RolloutId, SignalId};
use timonel_ports::clock::{SharedClock, sleep};
use timonel_ports::mailbox::{Sender, answer};
use timonel_ports::store::Store;
use timonel_ports::task::{Task, spawn};

use crate::message::Message;

/// How often it is looked whether anything has become old.
const EVERY: Duration = Duration::from_secs(3600);
/// Between two pieces, so that whatever else is to be kept comes first.
const PAUSE: Duration = Duration::from_millis(200);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// From which age on a row stands for how much time.
const AGES: [(Duration, Duration); 2] = [
    (DAY.saturating_mul(7), Duration::from_secs(60)),
    (DAY.saturating_mul(90), Duration::from_secs(3600)),
];

/// Until the owner ends. What the evidence of the present phase stands on stays as it came, however old it is: a restart has to
/// come to the same to the bit.
pub(crate) fn keep(
    clock: &SharedClock,
    store: Arc<dyn Store>,
    rollout: RolloutId,
    plan: &Plan,
    owner: Sender<Message>,
) -> Task<()> {
    let on = clock.clone();
    let signals: Vec<SignalId> = plan.signals.iter().map(|signal| signal.id.clone()).collect();
    spawn(clock, async move {
        loop {
            sleep(&*on, EVERY).await;
            let (reply, seen) = answer(&on);
            if owner.send(Message::Look(reply)).is_err() {
                return;
            }
            let Ok(seen) = seen.recv().await else { return };
            for (age, span) in AGES {
                let old = on.now() - age;
                let before = seen.state.epoch.map_or(old, |epoch| epoch.since.min(old));
                loop {
                    match store.roll_up(&rollout, &signals, before, span).await {
                        Ok(true) => sleep(&*on, PAUSE).await,
                        Ok(false) => break,
                        Err(error) => {
                            tracing::warn!(%rollout, %error, "old readings stay as they are for now");
                            break;
                        }
                    }
                }
            }
        }
    })
}
