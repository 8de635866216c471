//! Keeping the helm: taking it for a start, renewing it in time, not believing in it any longer than it is surely ours, and
//! waiting for it.
//!
//! Deliberately not here: what is not done without it; that is the step's.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use timonel_domain::rollout::Event;
use timonel_domain::time::Mono;
use timonel_domain::value::{RolloutId, Writer};
use timonel_ports::clock::{SharedClock, sleep, within};
use timonel_ports::helm::{Helm, HelmError, HelmState, LEASE, MARGIN, RENEWAL, Take};
use timonel_ports::mailbox::Sender;
use timonel_ports::store::{Cause, StoreError};

use crate::actuation::CALL_DEADLINE;
use crate::message::Message;

/// Begins apart from all else that looks at something, as everything there does.
const STAGGER: Duration = Duration::from_millis(7);
/// How often somebody who waits for the helm looks at it.
const LOOK: Duration = Duration::from_millis(250);
/// How long letting go of it may hold up an end: whoever comes next can also wait for the lease to run out.
const FAREWELL: Duration = Duration::from_secs(2);

/// How an engine stands to the helm of its rollout.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// The epoch under which this engine holds it; `None` where it does not, or cannot be sure.
    pub ours: Option<u64>,
    /// Who held it when it was last heard of.
    pub last: HelmState,
    /// This engine never holds it again: another has had it since, or it could not be had at the start. What is here is a
    /// part of the rollout's past; end this engine once nothing is moving, and take the rollout up anew.
    pub lost: bool,
}

/// Seen by whoever asks the engine, kept by its [`Keeper`].
#[derive(Debug, Clone, Default)]
pub(crate) struct Shared(Arc<Mutex<Standing>>);

impl Shared {
    pub(crate) fn new(ours: Option<u64>, last: HelmState) -> Self {
        let lost = ours.is_none();
        Self(Arc::new(Mutex::new(Standing { ours, last, lost })))
    }

    /// Of one who never has it.
    pub(crate) fn of_nobody() -> Self {
        Self::default()
    }

    /// Who has it, by what was heard last.
    pub(crate) fn hear(&self, last: HelmState) {
        self.change(|standing| standing.last = last);
    }

    pub(crate) fn get(&self) -> Standing {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut Standing)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Which helm, and for whom.
#[derive(Debug, Clone)]
pub(crate) struct Seat {
    pub(crate) clock: SharedClock,
    pub(crate) helm: Arc<dyn Helm>,
    pub(crate) rollout: RolloutId,
    pub(crate) me: Writer,
}

impl Seat {
    /// Takes the helm for an engine that starts. Where the store takes nothing it starts without: somebody has to see the signals, and
    /// be able to put calls back. An emergency rollback starts without it where it cannot be had, `None`: lowering
    /// needs no helm, and a store that is full, read-only or away must not keep the calls where they are.
    pub(crate) async fn sit_down(&self, how: Take) -> Result<Option<(u64, Mono)>, HelmError> {
        self.or_without(how, self.take(how)).await
    }

    /// What was taken and is still ours, after work that may have taken its time; else as [`Seat::sit_down`].
    pub(crate) async fn stay(&self, how: Take, epoch: u64, sure: Mono) -> Result<Option<(u64, Mono)>, HelmError> {
        let still = async { Ok((epoch, self.still(epoch, sure).await?)) };
        self.or_without(how, still).await
    }

    async fn or_without<T>(
        &self,
        how: Take,
        taking: impl Future<Output = Result<T, HelmError>>,
    ) -> Result<Option<T>, HelmError> {
        if how != Take::ByForce {
            return match taking.await {
                Err(HelmError::Unavailable(cause)) if takes_nothing(&cause) => {
                    // What cannot be written can still say whose it is: two must not run.
                    if let Some(held) = self.last_heard().await.held.filter(|held| held.by != self.me) {
                        return Err(HelmError::Held(held));
                    }
                    tracing::error!(%cause, "begins without the helm: nothing is raised from here");
                    Ok(None)
                }
                taken => taken.map(Some),
            };
        }
        match within(&*self.clock, CALL_DEADLINE, taking).await {
            Ok(Ok(taken)) => return Ok(Some(taken)),
            Ok(Err(error)) => tracing::warn!(%error, "the rollback begins without the helm"),
            Err(elapsed) => tracing::warn!(%elapsed, "the rollback begins without the helm"),
        }
        Ok(None)
    }

    /// Who has the helm, as far as it says so in time.
    pub(crate) async fn last_heard(&self) -> HelmState {
        let asked = within(&*self.clock, CALL_DEADLINE, self.helm.current(&self.rollout)).await;
        asked.ok().and_then(Result::ok).unwrap_or_default()
    }

    /// Takes the helm. Gives its epoch and until when it is surely ours.
    async fn take(&self, how: Take) -> Result<(u64, Mono), HelmError> {
        let sure = self.sure();
        let epoch = self.helm.take(&self.rollout, &self.me, how).await?;
        Ok((epoch, sure))
    }

    /// Until when what was taken is surely ours, after work that may have taken its time.
    async fn still(&self, epoch: u64, sure: Mono) -> Result<Mono, HelmError> {
        if sure.saturating_since(self.clock.mono()) > RENEWAL {
            return Ok(sure);
        }
        let sure = self.sure();
        self.helm.renew(&self.rollout, &self.me, epoch).await?;
        Ok(sure)
    }

    /// Lets go of what is held.
    pub(crate) async fn leave(&self, standing: Standing) {
        if let Some(epoch) = standing.ours {
            let left = within(
                &*self.clock,
                FAREWELL,
                self.helm.release(&self.rollout, &self.me, epoch),
            )
            .await;
            if !matches!(left, Ok(Ok(()))) {
                tracing::info!("the helm could not be let go: it is free again once its lease has run out");
            }
        }
    }

    /// Until when it is surely ours, if the answer to what is asked now is yes: by whatever clock its lease runs, it does not
    /// begin before it is asked for.
    fn sure(&self) -> Mono {
        self.clock.mono() + (LEASE - MARGIN)
    }
}

/// Whether a store said that it is full, or can only be read.
fn takes_nothing(cause: &Cause) -> bool {
    matches!(
        cause.downcast_ref::<StoreError>(),
        Some(StoreError::ReadOnly { .. } | StoreError::Full { .. })
    )
}

/// Waits until nobody holds the helm of a rollout: an engine that stands by calls this, and then starts. Whoever does not
/// answer holds it, for all we know.
pub async fn vacant(clock: &SharedClock, helm: &dyn Helm, of: &RolloutId) {
    loop {
        if let Ok(Ok(HelmState { held: None, .. })) = within(&**clock, CALL_DEADLINE, helm.current(of)).await {
            return;
        }
        sleep(&**clock, LOOK).await;
    }
}

/// The task that keeps the helm. Once another has had it, this engine knows only a part of the rollout's past: it never
/// holds the helm again, goes on lowering, and has to be taken up anew from the journal.
#[derive(Debug)]
pub(crate) struct Keeper {
    pub(crate) seat: Seat,
    pub(crate) epoch: u64,
    /// Until when it is surely ours.
    pub(crate) sure: Mono,
    pub(crate) shared: Shared,
    pub(crate) to: Sender<Message>,
}

impl Keeper {
    /// Says when the helm is no longer ours, or ours again; ends with the owner, or when another has had it.
    pub(crate) async fn run(mut self) {
        let clock = self.seat.clock.clone();
        let mut holding = true;
        sleep(&*clock, STAGGER).await;
        let mut due = clock.mono() + RENEWAL;
        loop {
            clock.sleep_until(if holding { due.min(self.sure) } else { due }).await;
            let lost = self.renew(holding).await;
            due = clock.mono() + RENEWAL;
            let ours = !lost && clock.mono() < self.sure;
            if ours != holding {
                holding = ours;
                let epoch = ours.then_some(self.epoch);
                self.shared.change(|standing| standing.ours = epoch);
                if self.to.send(Message::Event(Event::Helm(epoch))).is_err() {
                    return;
                }
            }
            if lost {
                return;
            }
        }
    }

    /// Renews the lease. Whether another has had the helm.
    async fn renew(&mut self, holding: bool) -> bool {
        let Seat {
            clock,
            helm,
            rollout,
            me,
        } = &self.seat;
        let (now, sure) = (clock.mono(), self.seat.sure());
        // Whoever is not answered in time must have stopped believing by then.
        let limit = if holding {
            self.sure.saturating_since(now).min(CALL_DEADLINE)
        } else {
            CALL_DEADLINE
        };
        match within(&**clock, limit, helm.renew(rollout, me, self.epoch)).await {
            Ok(Ok(())) => self.sure = sure,
            Ok(Err(HelmError::Lost { now: last })) => {
                self.shared
                    .change(|standing| (standing.last, standing.lost) = (last, true));
                return true;
            }
            Ok(Err(error)) => tracing::warn!(%error, "the helm is not renewed"),
            Err(elapsed) => tracing::warn!(%elapsed, "the helm is not renewed"),
        }
        false
    }
}
