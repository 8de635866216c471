//! The calls that an engine makes to the world around it, counted, and what is made of one of them.

use std::future::Future;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use timonel_domain::sample::Sample;
use timonel_domain::time::Timestamp;
use timonel_domain::value::{PlanId, RolloutId, SignalId, TargetId, Weight, Writer};
use timonel_journal::chain::Head;
use timonel_journal::entry::Sealed;
use timonel_ports::checkpoint::{Checkpoint, CheckpointStore};
use timonel_ports::helm::{Helm, HelmError, HelmState, Take};
use timonel_ports::store::{
    JournalStore, Part, Placed, PlanRevision, Position, RolloutRow, RolloutStore, SampleStore, StoreError, UnitRow,
};
use timonel_ports::target::{
    Description, Goal, ManualCommand, Operation, Preflight, Progress, Reach, Reading, Step, Target, TargetError,
};
use tokio::sync::watch;

use super::stage::{MemoryHelm, MemoryStore};
use super::target::{ScriptedTarget, place, unavailable};

/// What is made of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Nothing; calls are counted.
    Count,
    /// The process ends before it.
    StopBefore,
    /// The process ends after it, before it knows.
    StopAfter,
    /// It fails, without effect.
    Fail,
    /// It has its effect, and the answer is lost.
    Lose,
    /// It has its effect twice.
    Twice,
}

#[derive(Debug)]
struct Inner {
    mode: Mode,
    at: usize,
    count: usize,
    sent: Vec<(TargetId, Goal)>,
    highest: Vec<(Weight, Weight)>,
}

/// Counts, and does it.
#[derive(Debug)]
pub(super) struct Points {
    inner: Mutex<Inner>,
    stopped: watch::Sender<bool>,
}

impl Points {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            inner: Mutex::new(Inner {
                mode: Mode::Count,
                at: 0,
                count: 0,
                sent: Vec::new(),
                highest: Vec::new(),
            }),
            stopped: watch::Sender::new(false),
        })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// What was sent so far is another story.
    pub(super) fn forget(&self) {
        let mut inner = self.inner();
        inner.sent.clear();
        inner.highest.clear();
    }

    /// From now on, counting from 1.
    pub(super) fn set(&self, mode: Mode, at: usize) {
        let mut inner = self.inner();
        (inner.mode, inner.at, inner.count) = (mode, at, 0);
        self.stopped.send_replace(false);
    }

    pub(super) fn count(&self) -> usize {
        self.inner().count
    }

    /// Every goal that was sent, in order.
    pub(super) fn sent(&self) -> Vec<(TargetId, Goal)> {
        self.inner().sent.clone()
    }

    /// Of every lowering: what it made of the target, and what that stood at.
    pub(super) fn highest(&self) -> Vec<(Weight, Weight)> {
        self.inner().highest.clone()
    }

    pub(super) fn has_stopped(&self) -> bool {
        *self.stopped.borrow()
    }

    pub(super) async fn stopped(self: Arc<Self>) {
        let mut stopped = self.stopped.subscribe();
        if stopped.wait_for(|stopped| *stopped).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    async fn stop(&self) {
        self.stopped.send_replace(true);
        std::future::pending().await
    }

    /// A call, from its beginning to its end. A process that has ended calls nobody.
    async fn call<T, E>(
        &self,
        once: impl Future<Output = Result<T, E>>,
        again: impl Future<Output = Result<T, E>>,
        failure: impl Fn() -> E,
    ) -> Result<T, E> {
        if self.has_stopped() {
            self.stop().await;
        }
        let mode = {
            let mut inner = self.inner();
            inner.count += 1;
            if inner.count == inner.at {
                inner.mode
            } else {
                Mode::Count
            }
        };
        match mode {
            Mode::Count => {}
            Mode::StopBefore => self.stop().await,
            Mode::Fail => return Err(failure()),
            Mode::Twice => drop(again.await?),
            Mode::StopAfter | Mode::Lose => {}
        }
        let done = once.await;
        match mode {
            Mode::StopAfter => self.stop().await,
            Mode::Lose => return Err(failure()),
            Mode::Count | Mode::StopBefore | Mode::Fail | Mode::Twice => {}
        }
        done
    }
}

/// Something around an engine, whose calls are counted.
#[derive(Debug)]
pub(super) struct Counted<T> {
    pub(super) of: Arc<T>,
    pub(super) points: Arc<Points>,
}

fn away() -> StoreError {
    StoreError::Unavailable {
        place: "memory".to_owned(),
        source: "not now".into(),
    }
}

#[async_trait]
impl JournalStore for Counted<MemoryStore> {
    async fn append(&self, entries: &[Sealed]) -> Result<(), StoreError> {
        self.points
            .call(self.of.append(entries), self.of.append(entries), away)
            .await
    }

    async fn head(&self, writer: &Writer) -> Result<Head, StoreError> {
        self.points.call(self.of.head(writer), self.of.head(writer), away).await
    }

    async fn entries(&self, part: Part<'_>, after: Position, limit: u32) -> Result<Vec<Placed>, StoreError> {
        let read = || self.of.entries(part, after, limit);
        self.points.call(read(), read(), away).await
    }

    async fn look_through(&self) -> Result<(), StoreError> {
        self.of.look_through().await
    }
}

#[async_trait]
impl CheckpointStore for Counted<MemoryStore> {
    async fn put_checkpoint(&self, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        self.of.put_checkpoint(checkpoint).await
    }

    async fn checkpoint(&self, rollout: &RolloutId, reader: &str) -> Result<Option<Checkpoint>, StoreError> {
        let read = || self.of.checkpoint(rollout, reader);
        self.points.call(read(), read(), away).await
    }
}

#[async_trait]
impl RolloutStore for Counted<MemoryStore> {
    async fn put_plan(&self, plan: &PlanRevision) -> Result<(), StoreError> {
        self.of.put_plan(plan).await
    }

    async fn plan(&self, id: &PlanId, revision: u32) -> Result<Option<PlanRevision>, StoreError> {
        self.of.plan(id, revision).await
    }

    async fn put_rollout(&self, rollout: &RolloutRow) -> Result<(), StoreError> {
        self.of.put_rollout(rollout).await
    }

    async fn rollouts(&self) -> Result<Vec<RolloutRow>, StoreError> {
        self.points.call(self.of.rollouts(), self.of.rollouts(), away).await
    }
}

#[async_trait]
impl SampleStore for Counted<MemoryStore> {
    async fn put_samples(&self, rollout: &RolloutId, samples: &[Sample]) -> Result<(), StoreError> {
        self.points
            .call(
                self.of.put_samples(rollout, samples),
                self.of.put_samples(rollout, samples),
                away,
            )
            .await
    }

    async fn samples(
        &self,
        rollout: &RolloutId,
        signal: &SignalId,
        during: Range<Timestamp>,
    ) -> Result<Vec<Sample>, StoreError> {
        let read = || self.of.samples(rollout, signal, during.clone());
        self.points.call(read(), read(), away).await
    }

    async fn put_units(&self, rollout: &RolloutId, units: &[UnitRow]) -> Result<(), StoreError> {
        self.points
            .call(
                self.of.put_units(rollout, units),
                self.of.put_units(rollout, units),
                away,
            )
            .await
    }

    async fn units(&self, rollout: &RolloutId, after: u64, limit: u32) -> Result<Vec<UnitRow>, StoreError> {
        self.of.units(rollout, after, limit).await
    }

    async fn last_unit(&self, rollout: &RolloutId) -> Result<u64, StoreError> {
        let read = || self.of.last_unit(rollout);
        self.points.call(read(), read(), away).await
    }
}

#[async_trait]
impl Helm for Counted<MemoryHelm> {
    async fn current(&self, of: &RolloutId) -> Result<HelmState, HelmError> {
        let away = || HelmError::Unavailable("not now".into());
        self.points.call(self.of.current(of), self.of.current(of), away).await
    }

    async fn take(&self, of: &RolloutId, by: &Writer, how: Take) -> Result<u64, HelmError> {
        let away = || HelmError::Unavailable("not now".into());
        let take = || self.of.take(of, by, how);
        self.points.call(take(), take(), away).await
    }

    async fn renew(&self, of: &RolloutId, by: &Writer, epoch: u64) -> Result<(), HelmError> {
        let away = || HelmError::Unavailable("not now".into());
        let renew = || self.of.renew(of, by, epoch);
        self.points.call(renew(), renew(), away).await
    }

    async fn release(&self, of: &RolloutId, by: &Writer, epoch: u64) -> Result<(), HelmError> {
        self.of.release(of, by, epoch).await
    }
}

impl Counted<ScriptedTarget> {
    async fn write(&self, step: &Step) -> Result<Operation, TargetError> {
        let stood = self.of.weight();
        let goal = serde_json::from_slice::<Goal>(&step.0).ok();
        let done = self.of.start(step).await;
        let mut inner = self.points.inner();
        if let Some(Goal::Lower { .. }) = goal {
            inner.highest.push((self.of.weight(), stood));
        }
        inner.sent.extend(goal.map(|goal| (self.of.id(), goal)));
        done
    }
}

#[async_trait]
impl Target for Counted<ScriptedTarget> {
    fn describe(&self) -> Description {
        self.of.describe()
    }

    async fn preflight(&self) -> Result<Preflight, TargetError> {
        self.points
            .call(self.of.preflight(), self.of.preflight(), unavailable)
            .await
    }

    async fn read(&self) -> Result<Reading, TargetError> {
        self.points.call(self.of.read(), self.of.read(), unavailable).await
    }

    fn reach(&self, goal: &Goal, reading: &Reading) -> Reach {
        self.of.reach(goal, reading)
    }

    fn plan(&self, goal: &Goal, reading: &Reading) -> Result<Vec<Step>, TargetError> {
        self.of.plan(goal, reading)
    }

    async fn start(&self, step: &Step) -> Result<Operation, TargetError> {
        // A connection that broke: nobody knows whether it got through.
        let broken = || TargetError::Unreachable {
            place: place(),
            detail: "reset".to_owned(),
        };
        self.points.call(self.write(step), self.write(step), broken).await
    }

    async fn poll(&self, operation: &Operation) -> Result<Progress, TargetError> {
        self.points
            .call(self.of.poll(operation), self.of.poll(operation), unavailable)
            .await
    }

    fn instant_lever(&self, goal: &Goal) -> Option<Step> {
        self.of.instant_lever(goal)
    }

    fn clean_up(&self, goal: &Goal) -> Vec<Step> {
        self.of.clean_up(goal)
    }

    fn manual_commands(&self, goal: &Goal) -> Vec<ManualCommand> {
        self.of.manual_commands(goal)
    }

    async fn changed(&self) -> Result<(), TargetError> {
        self.of.changed().await
    }
}
