//! A rehearsal: the whole product against the simulator's world, over real sockets, in virtual time.
//!
//! It is the path of a real rollout; only the addresses, the clock and the person are the simulator's.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use timonel_domain::rollout::{Effect, Hold, Stage, State};
use timonel_domain::time::Timestamp;
use timonel_engine::{Bulletin, Engine, Snapshot};
use timonel_plan::Parsed;
use timonel_plan::scenario::Scenario;
use timonel_ports::clock::{Clock, SharedClock, sleep};
use timonel_ports::mailbox::Receiver;
use timonel_ports::store::JournalStore;
use timonel_ports::task::counted;
use timonel_simulator::simulator::Simulator;
use timonel_simulator::time::{Speed, VirtualClock};

use crate::BridgeError;
use crate::audit::audit;
use crate::operator::VirtualOperator;
use crate::summary::Summary;
use crate::world::{Setting, World};

/// Traffic has this long after the decision to show that a rollback worked.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
/// Nothing has been done to the rollout for so long by anybody but the clock: it waits for a person.
const WAITS: Duration = Duration::from_secs(20 * 60);

/// What to rehearse.
#[derive(Debug, Clone)]
pub struct Rehearsal {
    /// The plan.
    pub plan: Parsed,
    /// The plan as it was written.
    pub plan_text: String,
    /// What happens.
    pub scenario: Scenario,
    /// How fast.
    pub speed: Speed,
    /// Where the store and the intent file go: an empty folder.
    pub folder: PathBuf,
    /// Addresses that stand in for the simulator's, by the name of the source: a real Prometheus beside the world.
    pub sources: BTreeMap<String, String>,
}

/// What is told while it runs.
#[derive(Debug, Clone)]
pub enum Told {
    /// The world is there: where its parts listen.
    Opened {
        /// The metrics endpoint of the simulated programs.
        metrics: String,
        /// The simulated Prometheus.
        prometheus: String,
    },
    /// A step of the rollout.
    Step(Box<Bulletin>),
    /// The whole picture, now and then.
    Picture(Box<Snapshot>),
}

/// How it ended, with the samples that the simulated Prometheus holds.
#[derive(Debug)]
pub struct Rehearsed {
    /// The end.
    pub summary: Summary,
    /// How long the rehearsal took in virtual time.
    pub lasted: Duration,
    /// Requests that our side sent meanwhile.
    pub requests: u64,
    /// All samples in OpenMetrics text with their times, as `promtool tsdb create-blocks-from openmetrics` reads them.
    pub samples: String,
    /// The world where it ended: its time stands, but it can be looked at and asked.
    pub world: Simulator,
}

impl Rehearsal {
    /// Runs it to its end. `tell` is called in order and must not block.
    pub async fn run(self, mut tell: impl FnMut(Told) + Send) -> Result<Rehearsed, BridgeError> {
        let clock = VirtualClock::new(self.scenario.start);
        let speed = self.speed;
        let work = counted(clock.shared(), self.play(clock.clone(), &mut tell));
        tokio::select! {
            ended = work => ended,
            () = clock.run(speed) => Err(BridgeError::Gone),
        }
    }

    async fn play(self, clock: VirtualClock, tell: &mut (impl FnMut(Told) + Send)) -> Result<Rehearsed, BridgeError> {
        let shared = clock.shared();
        let begun = clock.mono();
        let scenario = self.scenario;
        let setting = Setting {
            plan: self.plan,
            plan_text: self.plan_text,
            scenario: scenario.clone(),
            folder: self.folder,
            sources: self.sources,
            kept: None,
        };
        let world = setting.open(&clock).await?;
        let World {
            simulator,
            plan,
            engine,
            bulletins,
            commands,
            store,
            ..
        } = world;
        tell(Told::Opened {
            metrics: simulator.metrics_url(),
            prometheus: simulator.prometheus_url(),
        });
        let mut watch = Watch {
            operator: VirtualOperator::new(shared.clone(), commands, scenario.operator.clone()),
            clock: shared.clone(),
            limit: scenario.start + scenario.limit,
            phase: None,
            steps: 0,
            touched: scenario.start,
        };
        watch.operator.begin(&plan);
        watch.until_the_end(&engine, bulletins, tell).await?;
        let end = engine.handle().look().await?;
        engine.stop().await;
        let lost = lost_events(&*store, watch.steps).await?;
        store.close().await;
        let samples = simulator.dump_openmetrics();
        let lasted = clock.mono().saturating_since(begun);
        Ok(Rehearsed {
            summary: Summary::new(&end, watch.phase, lost),
            lasted,
            requests: clock.requests(),
            samples,
            world: simulator,
        })
    }
}

/// Follows the rollout and says when the rehearsal is over.
struct Watch {
    operator: VirtualOperator,
    clock: SharedClock,
    limit: Timestamp,
    phase: Option<usize>,
    steps: u64,
    touched: Timestamp,
}

impl Watch {
    async fn until_the_end(
        &mut self,
        engine: &Engine,
        mut bulletins: Receiver<Bulletin>,
        tell: &mut (impl FnMut(Told) + Send),
    ) -> Result<(), BridgeError> {
        const LOOK: Duration = Duration::from_secs(5);
        // Beside the beats of the engine, so that what falls into one instant comes in the same order every time.
        let mut look = sleep(&*self.clock, LOOK + Duration::from_millis(3));
        loop {
            tokio::select! {
                biased;
                bulletin = bulletins.recv() => {
                    let bulletin = bulletin.ok_or(BridgeError::Gone)?;
                    self.step(&bulletin);
                    tell(Told::Step(Box::new(bulletin)));
                }
                () = &mut look => {
                    look = sleep(&*self.clock, LOOK);
                    let picture = engine.handle().look().await?;
                    let over = self.is_over(&picture);
                    tell(Told::Picture(Box::new(picture)));
                    if over {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn step(&mut self, bulletin: &Bulletin) {
        self.steps += 1;
        self.phase = bulletin.state.stage.phase().or(self.phase);
        let rejected = bulletin.effects.iter().any(|e| matches!(e, Effect::Rejected(_)));
        if !bulletin.effects.is_empty() {
            self.touched = bulletin.at;
        }
        self.operator.sees(&bulletin.state, rejected);
    }

    fn is_over(&self, picture: &Snapshot) -> bool {
        if picture.at >= self.limit {
            return true;
        }
        let state = &picture.state;
        match state.stage {
            Stage::Completed { .. } | Stage::Closed => true,
            Stage::RolledBack | Stage::RollingBack { .. } => rollback_is_over(picture, state),
            Stage::Draft
            | Stage::Armed
            | Stage::Shifting { .. }
            | Stage::Baking { .. }
            | Stage::Deciding { .. }
            | Stage::AwaitingApproval { .. } => {
                let needs_person = state.holds.iter().any(|h: &Hold| !h.clears_by_itself());
                needs_person && picture.at.since(self.touched) >= WAITS
            }
        }
    }
}

fn rollback_is_over(picture: &Snapshot, state: &State) -> bool {
    let Some(rollback) = &state.rollback else { return true };
    let splitter = picture.plan.splitter().and_then(|s| state.targets.get(&s.id));
    let drained = picture.plan.traffic.active.is_none() || splitter.is_some_and(|t| t.marks.drained.is_some());
    // What is left behind a pulled lever is part of it.
    let clean = state.stage == Stage::RolledBack;
    (rollback.verified_at.is_some() && drained && clean) || picture.at.since(rollback.decided_at) >= PATIENCE
}

/// Steps that were told and are not in the journal; a broken chain counts as one more.
async fn lost_events(store: &dyn JournalStore, steps: u64) -> Result<u64, BridgeError> {
    let audit = audit(store).await?;
    if let Some(fault) = &audit.fault {
        tracing::error!(%fault, "the journal does not verify");
    }
    Ok(steps.saturating_sub(audit.steps) + u64::from(audit.fault.is_some()))
}
