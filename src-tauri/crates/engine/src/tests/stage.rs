//! The inanimate part: a clock that a test moves, a store and a helm with switches.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use timonel_domain::sample::Sample;
use timonel_domain::time::{Mono, Timestamp};
use timonel_domain::value::{PlanId, RolloutId, SignalId, Writer};
use timonel_journal::chain::{Head, Verifier};
use timonel_journal::entry::Sealed;
use timonel_ports::checkpoint::{Checkpoint, CheckpointStore};
use timonel_ports::clock::{Busy, Clock, InFlight, Sleep};
use timonel_ports::helm::{Held, Helm, HelmError, HelmState, LEASE, Take};
use timonel_ports::store::{
    JournalStore, Part, Placed, PlanRevision, Position, RolloutRow, RolloutStore, SampleStore, StoreError, UnitRow,
};
use tokio::sync::watch;

/// Time that stands until a test moves it. Counts nothing.
#[derive(Debug)]
pub(super) struct ManualClock(watch::Sender<Mono>, Mutex<Timestamp>);

impl ManualClock {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(
            watch::Sender::new(Mono::from_micros(1_000_000_000)),
            Mutex::new(Timestamp::from_secs(1_800_000_000)),
        ))
    }

    /// Somebody sets the wall clock; no time goes by.
    pub(super) fn set_wall(&self, change: impl FnOnce(Timestamp) -> Timestamp) {
        let mut wall = self.1.lock().unwrap();
        *wall = change(*wall);
    }

    /// In one go: whoever sleeps sees only the end of it.
    pub(super) fn advance(&self, by: Duration) {
        self.0.send_modify(|now| *now = *now + by);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.1.lock().unwrap() + Duration::from_micros(self.mono().micros())
    }

    fn mono(&self) -> Mono {
        *self.0.borrow()
    }

    fn sleep_until(&self, at: Mono) -> Sleep {
        let mut time = self.0.subscribe();
        Box::pin(async move {
            if time.wait_for(|now| *now >= at).await.is_err() {
                // The test is over.
                std::future::pending::<()>().await;
            }
        })
    }

    fn busy(&self) -> Busy {
        Busy::uncounted()
    }

    fn request(&self) -> InFlight {
        InFlight::uncounted(0)
    }
}

/// A switch that makes a call wait.
#[derive(Debug)]
pub(super) struct Hang(watch::Sender<bool>);

impl Hang {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    pub(super) fn set(&self, on: bool) {
        self.0.send_replace(on);
    }

    pub(super) async fn pass(&self) {
        let mut on = self.0.subscribe();
        if on.wait_for(|on| !on).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// What a store holds.
#[derive(Debug, Default)]
struct Kept {
    chains: Verifier,
    entries: Vec<Sealed>,
    plans: Vec<PlanRevision>,
    rollouts: Vec<RolloutRow>,
    samples: Vec<Sample>,
    units: Vec<UnitRow>,
    checkpoints: Vec<Checkpoint>,
    damage: Option<String>,
    read: usize,
    failing: bool,
    refuses_samples: bool,
    attempts: usize,
}

/// A store in memory. What is asked before an engine runs always works; keeping hangs or fails when told.
#[derive(Debug)]
pub(super) struct MemoryStore {
    kept: Mutex<Kept>,
    pub(super) hang: Hang,
}

impl MemoryStore {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            kept: Mutex::default(),
            hang: Hang::new(),
        })
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap()
    }

    pub(super) fn fail(&self, on: bool) {
        self.kept().failing = on;
    }

    pub(super) fn refuse_samples(&self) {
        self.kept().refuses_samples = true;
    }

    pub(super) fn journal(&self) -> Vec<Sealed> {
        self.kept().entries.clone()
    }

    /// What somebody else has made of the journal.
    pub(super) fn set_journal(&self, change: impl FnOnce(&mut Vec<Sealed>)) {
        change(&mut self.kept().entries);
    }

    /// Likewise of the checkpoints.
    pub(super) fn set_checkpoints(&self, change: impl FnOnce(&mut Vec<Checkpoint>)) {
        change(&mut self.kept().checkpoints);
    }

    pub(super) fn checkpoints(&self) -> Vec<Checkpoint> {
        self.kept().checkpoints.clone()
    }

    /// Pages are damaged from which nothing is read.
    pub(super) fn damage(&self, detail: &str) {
        self.kept().damage = Some(detail.to_owned());
    }

    /// Entries that were read so far.
    pub(super) fn entries_read(&self) -> usize {
        self.kept().read
    }

    pub(super) fn samples_kept(&self) -> usize {
        self.kept().samples.len()
    }

    /// How often something was to be kept, successfully or not.
    pub(super) fn attempts(&self) -> usize {
        self.kept().attempts
    }

    async fn open(&self) -> Result<MutexGuard<'_, Kept>, StoreError> {
        self.hang.pass().await;
        let mut kept = self.kept();
        kept.attempts += 1;
        if kept.failing {
            return Err(StoreError::Full {
                place: "memory".to_owned(),
            });
        }
        Ok(kept)
    }
}

#[async_trait]
impl JournalStore for MemoryStore {
    async fn append(&self, entries: &[Sealed]) -> Result<(), StoreError> {
        let mut kept = self.open().await?;
        let (mut chains, mut new) = (kept.chains.clone(), Vec::new());
        for sealed in entries.iter().filter(|sealed| !kept.entries.contains(sealed)) {
            let entry = sealed.entry()?;
            chains.push(sealed).map_err(|_| StoreError::OutOfOrder {
                writer: entry.writer,
                seq: entry.seq,
            })?;
            new.push(sealed.clone());
        }
        kept.chains = chains;
        kept.entries.append(&mut new);
        Ok(())
    }

    async fn head(&self, writer: &Writer) -> Result<Head, StoreError> {
        Ok(self.kept().chains.clone().finish().head(writer))
    }

    async fn entries(&self, _: Part<'_>, after: Position, limit: u32) -> Result<Vec<Placed>, StoreError> {
        let placed = (1..).zip(self.journal()).map(|(at, sealed)| Placed {
            position: Position(at),
            sealed,
        });
        let page: Vec<_> = placed.filter(|p| p.position > after).take(limit as usize).collect();
        self.kept().read += page.len();
        Ok(page)
    }

    async fn look_through(&self) -> Result<(), StoreError> {
        let detail = match &self.kept().damage {
            Some(damage) => damage.clone(),
            None => return Ok(()),
        };
        Err(StoreError::Corrupt {
            place: "memory".to_owned(),
            detail,
        })
    }
}

#[async_trait]
impl CheckpointStore for MemoryStore {
    async fn put_checkpoint(&self, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        let mut kept = self.kept();
        kept.checkpoints.retain(|known| known.reader != checkpoint.reader);
        kept.checkpoints.push(checkpoint.clone());
        Ok(())
    }

    async fn checkpoint(&self, _: &RolloutId, reader: &str) -> Result<Option<Checkpoint>, StoreError> {
        Ok(self.kept().checkpoints.iter().find(|c| c.reader == reader).cloned())
    }
}

#[async_trait]
impl RolloutStore for MemoryStore {
    async fn put_plan(&self, plan: &PlanRevision) -> Result<(), StoreError> {
        self.kept().plans.push(plan.clone());
        Ok(())
    }

    async fn plan(&self, _: &PlanId, _: u32) -> Result<Option<PlanRevision>, StoreError> {
        Ok(self.kept().plans.first().cloned())
    }

    async fn put_rollout(&self, rollout: &RolloutRow) -> Result<(), StoreError> {
        self.kept().rollouts.push(rollout.clone());
        Ok(())
    }

    async fn rollouts(&self) -> Result<Vec<RolloutRow>, StoreError> {
        Ok(self.kept().rollouts.clone())
    }
}

#[async_trait]
impl SampleStore for MemoryStore {
    async fn put_samples(&self, _: &RolloutId, samples: &[Sample]) -> Result<(), StoreError> {
        let mut kept = self.open().await?;
        if kept.refuses_samples {
            return Err(StoreError::Conflict {
                what: "a sample".to_owned(),
            });
        }
        kept.samples.extend_from_slice(samples);
        Ok(())
    }

    async fn samples(
        &self,
        _: &RolloutId,
        signal: &SignalId,
        during: Range<Timestamp>,
    ) -> Result<Vec<Sample>, StoreError> {
        let mut found = self.kept().samples.clone();
        found.retain(|s| s.signal == *signal && during.contains(&s.as_of));
        Ok(found)
    }

    async fn put_units(&self, _: &RolloutId, units: &[UnitRow]) -> Result<(), StoreError> {
        self.open().await?.units.extend_from_slice(units);
        Ok(())
    }

    async fn units(&self, _: &RolloutId, _: u64, _: u32) -> Result<Vec<UnitRow>, StoreError> {
        Ok(self.kept().units.clone())
    }

    async fn last_unit(&self, _: &RolloutId) -> Result<u64, StoreError> {
        Ok(self.kept().units.iter().map(|row| row.seq).max().unwrap_or(0))
    }
}

/// A helm in memory, kept by the clock of the test.
#[derive(Debug)]
pub(super) struct MemoryHelm {
    clock: Arc<ManualClock>,
    state: Mutex<(HelmState, Mono)>,
    pub(super) hang: Hang,
    refuses: AtomicBool,
}

impl MemoryHelm {
    pub(super) fn new(clock: &Arc<ManualClock>) -> Arc<Self> {
        Arc::new(Self {
            clock: clock.clone(),
            state: Mutex::default(),
            hang: Hang::new(),
            refuses: AtomicBool::new(false),
        })
    }

    /// It can be seen and not taken, as where its row cannot be written.
    pub(super) fn refuse(&self, on: bool) {
        self.refuses.store(on, Ordering::Relaxed);
    }

    fn writable(&self) -> Result<(), HelmError> {
        let refuses = self.refuses.load(Ordering::Relaxed);
        let refused = || HelmError::Unavailable("read-only".into());
        if refuses { Err(refused()) } else { Ok(()) }
    }

    /// Somebody takes it, whoever holds it.
    pub(super) fn seize(&self, by: &str) -> u64 {
        let mut kept = self.state.lock().unwrap();
        let (state, until) = &mut *kept;
        state.epoch += 1;
        let now = self.clock.now();
        state.held = Some(Held {
            by: Writer::new(by).unwrap(),
            since: now,
            until: now + LEASE,
        });
        *until = self.clock.mono() + LEASE;
        state.epoch
    }

    pub(super) fn epoch(&self) -> u64 {
        self.state.lock().unwrap().0.epoch
    }

    /// Who has it.
    pub(super) fn now(&self) -> HelmState {
        let (mut state, until) = self.state.lock().unwrap().clone();
        state.held = state.held.filter(|_| self.clock.mono() < until);
        state
    }
}

#[async_trait]
impl Helm for MemoryHelm {
    async fn current(&self, _: &RolloutId) -> Result<HelmState, HelmError> {
        self.hang.pass().await;
        Ok(self.now())
    }

    async fn take(&self, _: &RolloutId, by: &Writer, how: Take) -> Result<u64, HelmError> {
        self.hang.pass().await;
        self.writable()?;
        match (self.now().held, how) {
            (None, _) | (Some(_), Take::ByForce) => {}
            (Some(held), Take::Again) if held.by == *by => {}
            (Some(held), Take::Free | Take::Again) => return Err(HelmError::Held(held)),
        }
        Ok(self.seize(by.as_str()))
    }

    async fn renew(&self, _: &RolloutId, _: &Writer, epoch: u64) -> Result<(), HelmError> {
        self.hang.pass().await;
        self.writable()?;
        if self.epoch() != epoch {
            return Err(HelmError::Lost { now: self.now() });
        }
        self.state.lock().unwrap().1 = self.clock.mono() + LEASE;
        Ok(())
    }

    async fn release(&self, _: &RolloutId, _: &Writer, epoch: u64) -> Result<(), HelmError> {
        let mut kept = self.state.lock().unwrap();
        if kept.0.epoch == epoch {
            kept.0.held = None;
        }
        Ok(())
    }
}
