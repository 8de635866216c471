//! Keeping the rollback kit of an open rollout up to date: at every decision, and now and then so that its age says since when
//! nobody here has seen the rollout. Nobody waits for it.

use std::sync::Arc;
use std::time::Duration;

use timonel_domain::rollout::State;
use timonel_domain::time::Timestamp;
use timonel_ports::clock::{SharedClock, SystemClock, within};
use timonel_ports::store::RolloutRow;
use timonel_ports::task::spawn;
use tokio::sync::watch;

use crate::Desk;
use crate::desk::KitMark;

/// How old a kit gets while the rollout is open here.
const REFRESHED: Duration = Duration::from_secs(5 * 60);
/// Until a kit that could not be written is tried again.
const RETRY: Duration = Duration::from_secs(10);

/// Where whoever watches a rollout says what it sees; the kit is kept until this is dropped.
#[derive(Debug)]
pub(super) struct KitSeat {
    clock: SharedClock,
    seen: watch::Sender<Seen>,
}

/// A rollout as it was seen.
#[derive(Debug, Clone)]
struct Seen {
    state: Arc<State>,
    at: Timestamp,
}

impl KitSeat {
    /// For a rollout of an installation, from its state now.
    pub(super) fn new(desk: Desk, row: RolloutRow, plan_text: String, state: Arc<State>) -> Self {
        let clock = SystemClock::shared();
        let at = clock.now();
        let (seen, mut news) = watch::channel(Seen { state, at });
        let on = clock.clone();
        drop(spawn(&clock, async move {
            loop {
                let Seen { state, at } = news.borrow_and_update().clone();
                let kept = desk.keep_kit(&row, &plan_text, &state, at).await;
                if let Err(error) = &kept {
                    tracing::error!(%error, rollout = %row.id, "the rollback kit is not up to date: without the store, what is decided from now on is not known to it");
                }
                let pause = if kept.is_ok() { REFRESHED } else { RETRY };
                if let Ok(Err(_)) = within(&*on, pause, news.changed()).await {
                    return;
                }
            }
        }));
        Self { clock, seen }
    }

    /// How the rollout stands.
    pub(super) fn see(&self, state: &Arc<State>) {
        let at = self.clock.now();
        self.seen.send_if_modified(|known| {
            let changed = KitMark::of(&known.state) != KitMark::of(state);
            let state = state.clone();
            *known = Seen { state, at };
            changed
        });
    }
}
