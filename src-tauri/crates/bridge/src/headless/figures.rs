//! What there is to be counted of the engines, as one moment shows it. Deliberately not here: how it is written down.

use std::collections::BTreeMap;
use std::time::Duration;

use timonel_domain::value::RolloutId;
use timonel_engine::Snapshot;
use timonel_ports::clock::within;
pub use timonel_store::{Left, Room};
use timonel_wire::SeverityName;

use super::health::ANSWER;
use super::heartbeat::Sent;
use super::{Headless, lock};
pub use crate::console::PastCounts;

/// The figures of the whole program.
#[derive(Debug, Clone)]
pub struct Figures {
    /// How long ago the program's threads last came round.
    pub beat: Duration,
    /// How long the machine has been suspended since it was started.
    pub asleep: Duration,
    /// Whether the store could be written when that was last tried.
    pub store_writable: bool,
    /// How large the store is, in bytes; `None` where it does not say so in time.
    pub room: Option<Room>,
    /// Rollouts that should be kept up and could not be taken up.
    pub not_taken_up: usize,
    /// Heartbeats that were sent, by where to.
    pub heartbeats: BTreeMap<&'static str, Sent>,
    /// Every rollout that is kept up.
    pub rollouts: Vec<RolloutFigures>,
}

/// The figures of one rollout.
#[derive(Debug, Clone)]
pub struct RolloutFigures {
    /// Which.
    pub rollout: RolloutId,
    /// Where it runs.
    pub environment: String,
    /// What its owner said and how long it took; `None` where it did not answer in time.
    pub said: Option<(Snapshot, Duration)>,
    /// Alerts that are not over, by how loud they are.
    pub alerts: BTreeMap<SeverityName, u64>,
    /// What happened how often in its life, earlier programs included.
    pub counts: PastCounts,
}

impl Headless {
    async fn room(&self) -> Option<Room> {
        let store = self.0.quay.get()?.desk.store();
        within(&*self.0.clock, ANSWER, store.room()).await.ok()?.ok()
    }

    /// Everything that can be counted now. Answers within twice [`super::health::ANSWER`].
    pub async fn figures(&self) -> Figures {
        let rollouts = self.seen().await.into_iter().map(|seen| {
            let console = &seen.kept.console;
            let mut alerts = BTreeMap::new();
            for alert in console
                .picture()
                .alerts
                .iter()
                .filter(|alert| alert.resolved_at.is_none())
            {
                *alerts.entry(alert.severity).or_insert(0) += 1;
            }
            RolloutFigures {
                rollout: console.rollout().clone(),
                environment: seen.kept.plan.plan.environment.clone(),
                counts: console.counts(),
                alerts,
                said: seen.said,
            }
        });
        Figures {
            rollouts: rollouts.collect(),
            beat: self.beat_ago(),
            asleep: self.0.clock.asleep(),
            store_writable: self.store_need().ok,
            room: self.room().await,
            not_taken_up: lock(&self.0.troubles).len(),
            heartbeats: lock(&self.0.hearts).clone(),
        }
    }
}
