//! What a console opens on: a rollout of an installation in its real environment, taken up where its journal stands, or the
//! simulator's world; or looks on at one that another program leads. Opening moves nothing: whatever moves is a person's order,
//! or a rollback that was under way.
//!
//! Deliberately not here: which rollout it is, and where keys come from (`berth`).

use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use timonel_domain::rollout::State;
use timonel_domain::value::{RolloutId, Writer};
use timonel_engine::{Bulletin, Onlooker, View, Viewer, retell};
use timonel_plan::Parsed;
use timonel_plan::scenario::Scenario;
use timonel_ports::clock::{SharedClock, SystemClock};
use timonel_ports::helm::Helm;
use timonel_ports::mailbox::Receiver;
use timonel_ports::store::RolloutRow;
use timonel_ports::target::{Goal, Target};
use timonel_ports::task::{counted, spawn};
use timonel_simulator::time::{Speed, VirtualClock};
use timonel_store::Sqlite;

use super::elsewhere::Elsewhere;
use super::kit::KitSeat;
use super::origin::{Origin, Way};
use super::paint::{self, Easel};
use super::past::Past;
use super::plan::Written;
use super::plan::planner::Planner;
use super::{Console, Imagined, Inner, Painter, PopupSeat, Running, room};
use crate::connect::{Connections, sources_in_time, targets_in_time};
use crate::operator::VirtualOperator;
use crate::world::{Setting, World};
use crate::{BridgeError, Desk};

/// The plan on which the console opens where nobody names another.
const PLAN: &str = include_str!("../../../../../plans/ivr-texml.toml");
/// What happens to it.
const SCENARIO: &str = include_str!("../../../../../plans/scenarios/ivr-texml/canary-errors.toml");
/// A minute of the rollout goes by in six seconds of the desk.
const SPEED: f64 = 10.0;

/// What a console opens on in the simulator.
#[derive(Debug, Clone)]
pub struct Opening {
    /// The plan.
    pub plan: Parsed,
    /// The plan as it was written.
    pub plan_text: String,
    /// What happens in the simulator's world.
    pub scenario: Scenario,
    /// Where the store, kits and intents go: an empty folder.
    pub folder: PathBuf,
    /// How fast the world's time goes by.
    pub speed: Speed,
    /// Whether the scenario's virtual person signs, arms, starts and approves; otherwise persons do.
    pub virtual_operator: bool,
    /// The number of the first picture, greater than any that whoever watches was shown before.
    pub first_picture: u64,
    /// How much of its past the simulator's world keeps; `None`: enough for every gate, which grows for days.
    pub kept: Option<Duration>,
}

impl Opening {
    /// The shipped plan in the world in which its canary begins to fail, ten times as fast as real.
    pub fn simulator(folder: PathBuf) -> Result<Self, BridgeError> {
        Self::of(PLAN, SCENARIO, folder)
    }

    /// A plan and a scenario by their texts.
    pub fn of(plan_text: &str, scenario_text: &str, folder: PathBuf) -> Result<Self, BridgeError> {
        let unsound = |what: &str| BridgeError::Simulator(format!("the {what} does not pass its own check"));
        let plan = timonel_plan::check(plan_text).value.ok_or_else(|| unsound("plan"))?;
        let scenario = timonel_plan::scenario::check(scenario_text)
            .value
            .ok_or_else(|| unsound("scenario"))?;
        Ok(Self {
            plan,
            plan_text: plan_text.to_owned(),
            scenario,
            folder,
            speed: Speed::Times(SPEED),
            virtual_operator: false,
            first_picture: 1,
            kept: None,
        })
    }
}

/// What a console needs to take up a rollout of an installation.
#[derive(Debug, Clone)]
pub struct TakeUp {
    /// The rollout, as the installation keeps it.
    pub row: RolloutRow,
    /// How its targets and sources are reached. One that cannot be is its own problem: the others can be put back.
    pub connections: Connections,
    /// Whose chain of the journal is written, where any is. Two programs never share one.
    pub writer: Writer,
    /// The number of the first picture, greater than any that whoever watches was shown before.
    pub first_picture: u64,
}

/// What shows a rollout, with what a console adds to it.
struct Ground {
    clock: SharedClock,
    plan: Parsed,
    written: Written,
    rollout: RolloutId,
    row: Option<RolloutRow>,
    origin: Origin,
    bulletins: Receiver<Bulletin>,
    way: Way,
    store: Arc<Sqlite>,
    helm: Arc<dyn Helm>,
    easel: Easel,
    past: Past,
    operator: Option<VirtualOperator>,
    first_picture: u64,
    /// Whose rollout it is, with the plan's text; `None` in the simulator.
    desk: Option<(Desk, String)>,
}

impl Ground {
    /// Paints the first picture and keeps painting.
    async fn stand(self, world: impl FnOnce() -> Option<Imagined>) -> Result<Console, BridgeError> {
        let (desk, now) = (SystemClock::shared(), self.clock.now());
        let snapshot = self.origin.handle().look().await?;
        let first = Arc::new(self.easel.paint(&snapshot, &self.past, self.first_picture));
        let (show, pictures) = tokio::sync::watch::channel(first);
        let (count, counts) = tokio::sync::watch::channel(self.past.counts);
        let popups = PopupSeat::default();
        let row = self.row.clone();
        let kit = row
            .zip(self.desk)
            .map(|(row, (desk, plan_text))| KitSeat::new(desk, row, plan_text, snapshot.state.clone()));
        let painter = Painter {
            easel: self.easel,
            past: self.past,
            operator: self.operator,
            handle: self.origin.handle().clone(),
            desk: desk.clone(),
            show,
            count,
            popups: popups.clone(),
            room: self.row.is_some().then(|| room::follow(&desk, self.store.clone())),
            // Whoever leads it writes.
            open: match &self.way {
                Way::Here(_) => self.row.clone().map(|row| (self.store.clone(), row)),
                Way::Elsewhere(_) => None,
            },
            heard: 0,
            kit,
            elsewhere: self.way.elsewhere().cloned(),
        };
        let painter = spawn(&desk, painter.run(self.bulletins));
        Ok(Console(Arc::new(Inner {
            clock: self.clock,
            desk: desk.clone(),
            plan: self.plan,
            planner: Planner::new(self.written.plan.clone(), desk.clone()),
            written: self.written,
            telling: tokio::sync::Mutex::default(),
            rollout: self.rollout,
            row: self.row,
            handle: self.origin.handle().clone(),
            way: self.way,
            // The journal knows the ids of those before.
            commanded: AtomicU64::new(now.micros().unsigned_abs()),
            store: self.store,
            helm: self.helm,
            pictures,
            counts,
            popups,
            running: Mutex::new(Some(Running {
                origin: self.origin,
                painter,
                world: world(),
            })),
        })))
    }
}

impl Console {
    /// Opens the simulator's world, the engine over it, and paints the first picture. Needs a tokio runtime, and keeps tasks
    /// on it.
    pub async fn open(opening: Opening) -> Result<Self, BridgeError> {
        let virtual_clock = VirtualClock::new(opening.scenario.start);
        let (driven, speed) = (virtual_clock.clone(), opening.speed);
        let driver = spawn(&SystemClock::shared(), async move { driven.run(speed).await });
        let opened = counted(virtual_clock.shared(), async {
            let (ground, simulator) = imagine(opening, virtual_clock).await?;
            Ok((ground, simulator))
        });
        let (ground, simulator) = match opened.await {
            Ok(opened) => opened,
            Err(error) => {
                driver.abort();
                return Err(error);
            }
        };
        let clock = ground.clock.clone();
        let world = || {
            Some(Imagined {
                driver,
                _world: simulator,
            })
        };
        counted(clock, ground.stand(world)).await
    }

    /// Takes up a rollout where its journal stands, on the machine's clock and in its real environment: with the alerts, the
    /// phases and the last lines that whoever watched it before has seen. A rollback that was under way goes on.
    pub async fn take_up(desk: &Desk, with: TakeUp) -> Result<Self, BridgeError> {
        let TakeUp {
            row,
            connections,
            writer,
            first_picture,
        } = with;
        let (plan, plan_text) = desk.plan_of(&row).await?;
        let clock = desk.clock().clone();
        let targets = targets_in_time(&plan, &connections, &desk.kits(&row), &clock).await;
        let sources = sources_in_time(&plan, &connections, &clock);
        let easel = Easel::new(&plan, paint::places(&targets), None, None);
        let written = Written::new(&plan, &plan_text, Some(row.revision));
        let past = past(desk, &row, &plan, &targets).await?;
        let started = desk.start(&row, plan.plan.clone(), plan_text.clone(), targets, sources, writer);
        let (engine, bulletins, commands) = started.await?;
        let ground = Ground {
            clock,
            plan,
            written,
            rollout: row.id.clone(),
            row: Some(row),
            origin: Origin::Engine(engine),
            bulletins,
            way: Way::Here(commands),
            store: desk.store().clone(),
            helm: desk.helm().clone(),
            easel,
            past,
            operator: None,
            first_picture,
            desk: Some((desk.clone(), plan_text)),
        };
        ground.stand(|| None).await
    }

    /// Looks on at a rollout that whoever has the helm leads, through the store of `desk`: nothing is decided, raised or taken up
    /// here. Orders go to whoever leads; only an emergency rollback is done from here, where that does not help.
    pub async fn look_on(desk: &Desk, with: TakeUp) -> Result<Self, BridgeError> {
        let TakeUp {
            row,
            connections,
            writer: _,
            first_picture,
        } = with;
        let (plan, plan_text) = desk.plan_of(&row).await?;
        let clock = desk.clock().clone();
        let targets = targets_in_time(&plan, &connections, &desk.kits(&row), &clock).await;
        let sources = sources_in_time(&plan, &connections, &clock);
        let (store, fresh) = (desk.store(), Past::new(row.opened_at));
        let (onlooker, mut past) = Onlooker::from_past(&**store, &row.id, plan.plan.clone(), fresh).await?;
        paste(&mut past, onlooker.state(), &targets);
        let easel = Easel::new(&plan, paint::places(&targets), None, None);
        let view = View {
            clock: clock.clone(),
            store: store.clone(),
            news: Box::new(store.news()),
            helm: desk.helm().clone(),
            targets,
            sources,
        };
        let (viewer, bulletins) = Viewer::start(onlooker, view).await?;
        let elsewhere = Elsewhere::new(desk.clone(), row.clone(), connections);
        let ground = Ground {
            clock,
            written: Written::new(&plan, &plan_text, Some(row.revision)),
            plan,
            rollout: row.id.clone(),
            row: Some(row),
            origin: Origin::Viewer(viewer),
            bulletins,
            way: Way::Elsewhere(elsewhere),
            store: store.clone(),
            helm: desk.helm().clone(),
            easel,
            past,
            operator: None,
            first_picture,
            desk: Some((desk.clone(), plan_text)),
        };
        ground.stand(|| None).await
    }
}

/// What the journal leaves to be shown, and what a person can paste where a target had not confirmed in time.
async fn past(desk: &Desk, row: &RolloutRow, plan: &Parsed, targets: &[Arc<dyn Target>]) -> Result<Past, BridgeError> {
    let fresh = Past::new(row.opened_at);
    let (replayed, mut past) = retell(&**desk.store(), &row.id, &plan.plan, fresh).await?;
    paste(&mut past, &replayed.state, targets);
    Ok(past)
}

/// What a person can paste is not in the journal: targets know it.
fn paste(past: &mut Past, state: &State, targets: &[Arc<dyn Target>]) {
    for target in targets {
        let id = target.describe().id;
        let Some(op) = state.targets.get(&id).and_then(|t| t.op).filter(|op| op.escalated) else {
            continue;
        };
        let goal = Goal::Lower {
            to: op.to,
            generation: op.generation,
            pins: state.pins.clone(),
        };
        let lines = target.manual_commands(&goal).into_iter().map(|command| command.line);
        past.manual.insert(id, lines.collect());
    }
}

async fn imagine(
    opening: Opening,
    virtual_clock: VirtualClock,
) -> Result<(Ground, timonel_simulator::simulator::Simulator), BridgeError> {
    let clock = virtual_clock.shared();
    let operator = opening.virtual_operator.then(|| opening.scenario.operator.clone());
    let title = opening.scenario.title.clone();
    let speed = match opening.speed {
        Speed::Times(times) => Some(times),
        Speed::Max => None,
    };
    let plan_text = opening.plan_text.clone();
    let setting = Setting {
        plan: opening.plan,
        plan_text: opening.plan_text,
        scenario: opening.scenario,
        folder: opening.folder,
        sources: std::collections::BTreeMap::new(),
        kept: opening.kept,
    };
    let World {
        simulator,
        plan,
        rollout,
        engine,
        bulletins,
        commands,
        store,
        targets,
    } = setting.open(&virtual_clock).await?;
    let mut operator = operator.map(|o| VirtualOperator::new(clock.clone(), commands.clone(), o));
    if let Some(operator) = &mut operator {
        operator.begin(&plan);
    }
    let easel = Easel::new(&plan, paint::places(&targets), speed, Some(title));
    let past = Past::new(clock.now());
    let ground = Ground {
        clock,
        written: Written::new(&plan, &plan_text, None),
        plan,
        rollout,
        row: None,
        origin: Origin::Engine(engine),
        bulletins,
        way: Way::Here(commands),
        helm: store.clone(),
        store,
        easel,
        past,
        operator,
        first_picture: opening.first_picture,
        desk: None,
    };
    Ok((ground, simulator))
}
