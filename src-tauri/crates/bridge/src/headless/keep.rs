//! Taking up what is open, round after round, and noticing what has ended.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::future::{join_all, select_all};
use timonel_domain::value::RolloutId;
use timonel_engine::EngineError;
use timonel_plan::parsed::SIMULATOR;
use timonel_ports::clock::{sleep, within};
use timonel_ports::helm::{Held, HelmError};
use timonel_ports::store::{RolloutRow, RolloutStore};
use timonel_ports::task::spawn;
use tokio::sync::Semaphore;

use super::{FOR_CLOSING, Headless, Kept, Proof, Quay, lock};
use crate::connect::Connections;
use crate::console::{Console, TakeUp};
use crate::desk::{composed, own_name};
use crate::{BridgeError, Desk};

/// How often it is looked for what is open and not kept up, and whether the store can be written.
const ROUND: Duration = Duration::from_secs(5);
/// How often the program shows that its threads come round.
pub(super) const BEAT: Duration = Duration::from_secs(1);
/// A rollout that is taken up waits no longer for keys: it may have calls to put back. A key that comes later is used.
const FOR_KEYS: Duration = Duration::from_secs(3);
/// The store has this long to show that it can be written.
const FOR_PROOF: Duration = Duration::from_secs(4);
/// Rollouts that are taken up at a time: each asks for keys and reads its whole past.
const AT_ONCE: usize = 4;

impl Headless {
    /// Shows that the threads come round, until the program ends.
    pub(super) async fn beat(self) {
        loop {
            self.0.beat.store(self.0.clock.mono().micros(), Ordering::Relaxed);
            sleep(&*self.0.clock, BEAT).await;
        }
    }

    /// Keeps up what is to be kept up, until the program is to end.
    pub(super) async fn keep(self) {
        loop {
            if let Err(error) = self.round().await {
                tracing::error!(%error, "what is open cannot be looked for");
                self.prove(Err(error.to_string()));
            }
            if self.until_next_round().await {
                return;
            }
        }
    }

    /// Until it is time, or a rollout that was stood by for has nobody at its helm: it has to be taken up at once. Whether the
    /// program is to end.
    async fn until_next_round(&self) -> bool {
        let standby: Vec<_> = {
            let troubles = lock(&self.0.troubles);
            let standby = lock(&self.0.standby);
            // What could not be taken up is not tried without end.
            let waiting = standby
                .keys()
                .filter(|rollout| !troubles.contains_key(rollout.as_str()));
            waiting.cloned().collect()
        };
        let Some(quay) = self.0.quay.get().filter(|_| !standby.is_empty()) else {
            return self.pause(ROUND).await;
        };
        let helm = &**quay.desk.helm();
        let vacant = standby
            .iter()
            .map(|rollout| Box::pin(timonel_engine::vacant(&self.0.clock, helm, rollout)));
        tokio::select! {
            ending = self.pause(ROUND) => ending,
            _ = select_all(vacant) => self.is_ending(),
        }
    }

    async fn round(&self) -> Result<(), BridgeError> {
        let _alone = self.0.rounds.lock().await;
        let quay = self.quay().await?;
        let rows = quay.desk.store().rollouts().await?;
        let proof = within(&*self.0.clock, FOR_PROOF, is_writable(&quay.desk, rows.first())).await;
        self.prove(proof.unwrap_or_else(|_| Err(format!("no answer within {} s", FOR_PROOF.as_secs()))));
        // Before anything is taken up: what a person put back while the store was away is known from the start. Each says in the
        // log what became of it.
        quay.desk.merge_kits().await;
        self.let_go(&rows).await;
        self.leave_the_lost().await;
        let lost = quay.desk.lost(&rows).await;
        let unknown = self.0.duty.only.as_ref();
        let unknown = unknown.filter(|only| rows.iter().all(|row| row.id != **only));
        let due: Vec<_> = rows.into_iter().filter(|row| self.is_due(row)).collect();
        let mut tried: BTreeSet<_> = due.iter().map(|row| row.id.to_string()).collect();
        let places = Semaphore::new(AT_ONCE);
        let attempts = due.into_iter().map(async |row| {
            let _place = places.acquire().await;
            self.attempt(quay, row).await;
        });
        join_all(attempts).await;
        if let Some(only) = unknown {
            tried.insert(only.to_string());
            lock(&self.0.troubles).insert(only.to_string(), "the store knows no such rollout".to_owned());
        }
        for rollout in lost {
            let advice = format!(
                "the store has lost it; `timonelctl rollback --rollout {rollout}` puts it back from the rollback kit"
            );
            tried.insert(rollout.to_string());
            lock(&self.0.troubles).insert(rollout.to_string(), advice);
        }
        lock(&self.0.troubles).retain(|rollout, _| tried.contains(rollout));
        lock(&self.0.standby).retain(|rollout, _| tried.contains(rollout.as_str()));
        // Looked at by nobody else, it would be seen too late how long the journal has been waiting.
        drop(self.seen().await);
        *lock(&self.0.rounded) = Some(self.0.clock.mono());
        Ok(())
    }

    async fn attempt(&self, quay: &Quay, row: RolloutRow) {
        if self.is_ending() {
            return;
        }
        let rollout = row.id.clone();
        let taken = match self.held_elsewhere(quay, &rollout).await {
            Some(held) => Err(EngineError::Helm(HelmError::Held(held)).into()),
            None => self.take_up(quay, row).await,
        };
        match taken {
            Ok(()) => {
                lock(&self.0.troubles).remove(rollout.as_str());
                lock(&self.0.standby).remove(&rollout);
            }
            // Somebody else is at it: that is what a second one is for.
            Err(BridgeError::Engine(EngineError::Helm(held))) if !matches!(held, HelmError::Unavailable(_)) => {
                lock(&self.0.troubles).remove(rollout.as_str());
                let said = held.to_string();
                if lock(&self.0.standby).insert(rollout.clone(), said).is_none() {
                    tracing::info!(%rollout, %held, "another program keeps it up; this one stands by");
                }
            }
            Err(error) => {
                tracing::error!(%rollout, %error, "a rollout cannot be taken up; it is tried again");
                lock(&self.0.troubles).insert(rollout.to_string(), error.to_string());
            }
        }
    }

    /// Who else holds the helm, so that nothing is read and connected in vain. Nobody, where a rollback was cut short here: that takes
    /// it from whoever holds it.
    async fn held_elsewhere(&self, quay: &Quay, rollout: &RolloutId) -> Option<Held> {
        let state = within(&*self.0.clock, FOR_PROOF, quay.desk.helm().current(rollout)).await;
        let held = state.ok()?.ok()?.held?;
        let is_ours = held.by == composed(quay.name.as_str(), rollout.as_str());
        (!is_ours && !quay.desk.is_cut_short(rollout).await).then_some(held)
    }

    /// An engine that lost the helm never has it again, and hears nothing of what was done since. Once it puts nothing back any more it
    /// is closed, and the rollout is one that is due: stood by for, and taken up anew when nobody holds it. While the store takes
    /// nothing it would be no better anew, and stays.
    async fn leave_the_lost(&self) {
        let takes_nothing = |proof: &Option<Proof>| proof.as_ref().is_some_and(|proof| proof.said.is_err());
        if takes_nothing(&lock(&self.0.store)) {
            return;
        }
        for kept in self.kept() {
            let (console, rollout) = (&kept.console, kept.console.rollout());
            if !console.has_lost_helm() || console.is_putting_back().await {
                continue;
            }
            tracing::error!(%rollout, "another took the helm; it is closed here, and taken up anew when nobody holds it");
            lock(&self.0.engines).remove(rollout);
            let _ = within(&*self.0.clock, FOR_CLOSING, console.close()).await;
        }
    }

    fn prove(&self, said: Result<(), String>) {
        let at = self.0.clock.mono();
        *lock(&self.0.store) = Some(Proof { at, said });
    }

    fn is_due(&self, row: &RolloutRow) -> bool {
        row.closed_at.is_none()
            && row.environment != SIMULATOR
            && self.0.duty.only.as_ref().is_none_or(|only| *only == row.id)
            && !lock(&self.0.engines).contains_key(&row.id)
    }

    /// Whoever closed a rollout has nothing left to be watched.
    async fn let_go(&self, rows: &[RolloutRow]) {
        let closed: Vec<Kept> = {
            let mut engines = lock(&self.0.engines);
            let over = rows.iter().filter(|row| row.closed_at.is_some());
            over.filter_map(|row| engines.remove(&row.id)).collect()
        };
        for kept in closed {
            tracing::info!(rollout = %kept.console.rollout(), "closed; it is not watched any more");
            let _ = within(&*self.0.clock, FOR_CLOSING, kept.console.close()).await;
        }
    }

    async fn quay(&self) -> Result<&Quay, BridgeError> {
        let duty = &self.0.duty;
        let open = || async {
            let desk = Desk::of(&duty.home, duty.store.as_ref(), &self.0.clock).await?;
            let desk = desk.only_with_helms(&duty.helm, duty.kubeconfig.as_deref()).await?;
            let (folder, program) = (duty.home.clone(), duty.name.clone());
            let taken = tokio::task::spawn_blocking(move || own_name(&folder, program.as_str())).await;
            let (name, mine) = taken.map_err(|_| BridgeError::Gone)??;
            tracing::info!(folder = %duty.home.display(), %name, "the store is open");
            Ok(Quay {
                desk,
                name,
                _mine: mine,
            })
        };
        self.0.quay.get_or_try_init(open).await
    }

    /// The end of the program takes all that are kept, and none is added after it.
    fn keep_unless_ending(&self, kept: Kept) -> bool {
        let mut engines = lock(&self.0.engines);
        let goes_on = !self.is_ending();
        if goes_on {
            engines.insert(kept.console.rollout().clone(), kept);
        }
        goes_on
    }

    /// Where the journal stands, whatever of its keys is missing: others can be put back meanwhile.
    async fn take_up(&self, quay: &Quay, row: RolloutRow) -> Result<(), BridgeError> {
        let (duty, clock) = (&self.0.duty, &self.0.clock);
        let (plan, _) = quay.desk.plan_of(&row).await?;
        let connections = Connections::of_environment(&plan, duty.kubeconfig.clone())
            .with_keys_within(&plan, &duty.credentials, clock, FOR_KEYS)
            .await;
        let connections = match &duty.pushed {
            Some(pushed) => connections.pushed(pushed, &row.id),
            None => connections,
        };
        let rollout = row.id.clone();
        // Each rollout has a chain of its own from each program.
        let writer = composed(quay.name.as_str(), rollout.as_str());
        let with = TakeUp {
            writer,
            row,
            connections: connections.clone(),
            first_picture: 1,
        };
        let console = Console::take_up(&quay.desk, with).await?;
        let kept = Kept {
            console: console.clone(),
            plan,
            connections,
            behind: Arc::default(),
        };
        if !self.keep_unless_ending(kept) {
            let _ = within(&**clock, FOR_CLOSING, console.close()).await;
            return Ok(());
        }
        tracing::info!(%rollout, "taken up");
        let keeper = self.clone();
        drop(spawn(clock, async move {
            console.ended().await;
            let mut engines = lock(&keeper.0.engines);
            if engines.get(&rollout).is_some_and(|kept| kept.console.is(&console)) {
                tracing::error!(%rollout, "what was taken up has ended by itself; it is taken up again");
                engines.remove(&rollout);
            }
        }));
        Ok(())
    }
}

/// Whether the store takes a write, shown by one that changes nothing.
async fn is_writable(desk: &Desk, row: Option<&RolloutRow>) -> Result<(), String> {
    let Some(row) = row else { return Ok(()) };
    desk.store().takes_writes(&row.id).await.map_err(|e| e.to_string())
}
