//! A rollout that has stood armed for eleven days with something to say every second: the short plan of the bridge's tests, in a
//! cluster of the simulator's, and a journal that is what the step itself makes of what happened.

use std::path::Path;
use std::time::Duration;

use timonel_bridge::Desk;
use timonel_domain::board::Assessment;
use timonel_domain::plan::Plan;
use timonel_domain::rollout::{Effect, Event, Failure, Report, Stage, State, step};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Person, RolloutId, Side, SignalId, TargetId, Weight, Writer};
use timonel_journal::chain::{Chain, Head};
use timonel_journal::entry::{Body, Kind, Sealed};
use timonel_journal::record::{STEP, StepRecord};
use timonel_plan::parsed::Way;
use timonel_ports::clock::{SystemClock, sleep};
use timonel_ports::store::JournalStore;
use timonel_ports::task::{Task, spawn};
use timonel_simulator::simulator::{Place, Simulator};
use timonel_simulator::time::{Speed, VirtualClock};
use timonel_store::Sqlite;

use super::said;

/// Entries of the rollout's journal before anything is measured.
pub(super) const ENTRIES: u64 = 1_000_000;
/// Entries that are appended at once.
const BURST: usize = 2_000;
const PLAN: &str = include_str!("../../../src-tauri/crates/bridge/tests/product/data/short.toml");
const SCENARIO: &str = include_str!("../../../src-tauri/crates/bridge/tests/product/data/short-errors.toml");

/// The cluster and the source, for as long as this is kept.
pub(super) struct World {
    _simulator: Simulator,
    _driver: Task<()>,
}

/// Makes the installation in `home`, with everything that happened.
pub(super) async fn write(home: &Path) -> Result<(RolloutId, World), String> {
    let clock = SystemClock::shared();
    let (simulator, driver) = world().await?;
    std::fs::write(home.join("kubeconfig"), simulator.kubeconfig()).map_err(said)?;
    let text = PLAN.replace("http://127.0.0.1:9/metrics", &simulator.metrics_url());
    let desk = Desk::open(home, &clock).await.map_err(said)?;
    let row = desk.draft(&text, "prueba").await.map_err(said)?;
    let (plan, _) = desk.plan_of(&row).await.map_err(said)?;
    drop(desk);
    let store = Sqlite::open(&home.join("timonel.db"), clock.clone())
        .await
        .map_err(said)?;
    let mut past = Past {
        state: State::new(&plan.plan),
        chain: Chain::resume(Writer::new("consola").map_err(said)?, Head::EMPTY),
        now: clock.now() - Duration::from_secs(ENTRIES),
        waiting: Vec::new(),
        plan: plan.plan,
        rollout: row.id.clone(),
    };
    past.begin()?;
    let mut turn = 0;
    while past.chain.head().seq < ENTRIES {
        past.goes_on(turn)?;
        turn += 1;
        if past.waiting.len() >= BURST {
            store.append(&std::mem::take(&mut past.waiting)).await.map_err(said)?;
        }
    }
    store.append(&past.waiting).await.map_err(said)?;
    store.close().await;
    println!("{} entries are written", past.chain.head().seq);
    let world = World {
        _simulator: simulator,
        _driver: driver,
    };
    Ok((row.id, world))
}

/// A cluster and a service in real time that know nothing of our processes.
async fn world() -> Result<(Simulator, Task<()>), String> {
    const BEAT: Duration = Duration::from_millis(20);
    let real = SystemClock::shared();
    let plan = timonel_plan::check(PLAN)
        .value
        .ok_or("the plan does not pass its check")?;
    let scenario = timonel_plan::scenario::check(SCENARIO).value;
    let mut scenario = scenario.ok_or("the scenario does not pass its check")?;
    scenario.faults.clear();
    scenario.start = real.now();
    let clock = VirtualClock::new(scenario.start);
    let places = plan.targets.iter().filter_map(|target| match &target.way {
        Way::VirtualService(way) => Some((target.id.clone(), Place::VirtualService(way.name.clone()))),
        Way::NumberShare(_) => None,
    });
    let seed = scenario.seed;
    let simulator = Simulator::start(&clock, &scenario, seed, places).await.map_err(said)?;
    let driver = spawn(&real, async move {
        let beats = clock.clone();
        // Virtual time goes from sleeper to sleeper, and nobody else sleeps on this clock.
        let beating = spawn(&clock.shared(), async move {
            loop {
                sleep(&beats, BEAT).await;
            }
        });
        clock.run(Speed::Times(1.0)).await;
        drop(beating);
    });
    Ok((simulator, driver))
}

struct Past {
    rollout: RolloutId,
    plan: Plan,
    state: State,
    chain: Chain,
    now: Timestamp,
    waiting: Vec<Sealed>,
}

impl Past {
    /// What an engine does with an event: what has no consequence is not written down.
    fn happens(&mut self, event: &Event) -> Result<Vec<Effect>, String> {
        self.now = self.now + Duration::from_secs(1);
        let (state, effects) = step(&self.plan, &self.state, event, self.now);
        if state != self.state || !effects.is_empty() {
            self.state = state;
            let body = Body::of(&StepRecord::new(event, &effects)).map_err(said)?;
            let kind = Kind::new(STEP).map_err(said)?;
            let sealed = self.chain.seal(self.now, Some(self.rollout.clone()), kind, body);
            self.waiting.push(sealed);
        }
        Ok(effects)
    }

    fn begin(&mut self) -> Result<(), String> {
        let by = person()?;
        let live = self.plan.targets.iter().map(|t| (t.id.clone(), Weight::ZERO)).collect();
        self.happens(&Event::Helm(Some(1)))?;
        let failed = Vec::new();
        self.happens(&Event::Arm { by, live, failed })?;
        match self.state.stage {
            Stage::Armed => Ok(()),
            other => Err(format!("the history does not begin: {other:?}")),
        }
    }

    /// Signals are lost and come back, a target falls silent and answers, somebody presses what cannot be done now.
    fn goes_on(&mut self, turn: u64) -> Result<(), String> {
        let (target, by) = (TargetId::new("casos").map_err(said)?, person()?);
        let reason = format!("turno {turn}");
        let mut lost = Assessment::default();
        lost.lost
            .insert((SignalId::new("errores").map_err(said)?, Side::Canary));
        let silent = Report::Silent {
            failure: Failure {
                code: "target.unreachable".to_owned(),
                text: "connection reset by peer".to_owned(),
            },
        };
        let of = |report| Event::Target {
            target: target.clone(),
            report,
        };
        for event in [
            Event::Assessed(lost),
            of(silent.clone()),
            of(silent),
            of(Report::read(None, Weight::ZERO)),
            Event::Assessed(Assessment::default()),
            Event::Freeze { by, reason },
        ] {
            self.happens(&event)?;
        }
        Ok(())
    }
}

fn person() -> Result<Person, String> {
    Person::new("luz").map_err(said)
}
