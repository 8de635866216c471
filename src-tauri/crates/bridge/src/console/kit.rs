//! Keeping the rollback kit of an open rollout up to date: at every decision, and now and then so that its age says since when
//! nobody here has seen the rollout. Nobody waits for it.

use std::sync::Arc;
use std::time::Duration;

use timonel_domain::rollout::State;
use timonel_ports::clock::{SystemClock, sleep, within};
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
pub(super) struct KitSeat(watch::Sender<Arc<State>>);

impl KitSeat {
    /// For a rollout of an installation, from its state now.
    pub(super) fn new(desk: Desk, row: RolloutRow, plan_text: String, state: Arc<State>) -> Self {
        let (to, mut states) = watch::channel(state);
        let clock = SystemClock::shared();
        drop(spawn(&clock.clone(), async move {
            loop {
                let state = states.borrow_and_update().clone();
                let kept = desk.keep_kit(&row, &plan_text, &state).await;
                if let Err(error) = &kept {
                    tracing::error!(%error, rollout = %row.id, "the rollback kit is not up to date: without the store, what is decided from now on is not known to it");
                    sleep(&*clock, RETRY).await;
                    continue;
                }
                if let Ok(Err(_)) = within(&*clock, REFRESHED, states.changed()).await {
                    return;
                }
            }
        }));
        Self(to)
    }

    /// How the rollout stands.
    pub(super) fn see(&self, state: &Arc<State>) {
        self.0.send_if_modified(|known| {
            let changed = KitMark::of(known) != KitMark::of(state);
            *known = state.clone();
            changed
        });
    }
}
