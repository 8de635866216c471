//! The console: what a window, a page or a terminal asks of a running rollout, and what it is told.
//!
//! One [`Console`] serves any number of surfaces; each question says which surface asks and who, and what that surface may
//! do is checked here, not in the page. It opens on the simulator: the whole product against a world that is not real, at a
//! multiple of the desk's time, steered by persons. Deliberately not here: windows, sockets, languages, and any decision.

mod chart;
mod orders;
mod paint;
mod past;
#[cfg(test)]
mod tests;
mod watch;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use timonel_domain::rollout::{Effect, Event};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Person, RolloutId};
use timonel_engine::command::Wish;
use timonel_engine::{Bulletin, Engine, Handle};
use timonel_journal::entry::Body;
use timonel_plan::Parsed;
use timonel_plan::scenario::Scenario;
use timonel_ports::clock::{SharedClock, SystemClock, sleep, within};
use timonel_ports::commands::{Command, CommandId, Commands, QueueEnd};
use timonel_ports::mailbox::Receiver;
use timonel_ports::store::SampleStore;
use timonel_ports::task::{Task, counted, spawn};
use timonel_simulator::simulator::Simulator;
use timonel_simulator::time::{Speed, VirtualClock};
use timonel_store::Sqlite;
use timonel_wire::{About, Order, Picture, Receipt, Sentence, Series, WireError, told};

pub use watch::{Curtain, Watch};

use crate::BridgeError;
use crate::operator::VirtualOperator;
use crate::world::{Setting, World};
use chart::Chart;
use paint::Easel;
use past::Past;

/// The plan on which the console opens where nobody names another.
const PLAN: &str = include_str!("../../../../plans/ivr-texml.toml");
/// What happens to it.
const SCENARIO: &str = include_str!("../../../../plans/scenarios/ivr-texml/canary-errors.toml");
/// A minute of the rollout goes by in six seconds of the desk.
const SPEED: f64 = 10.0;
/// The picture is painted anew this often, and a window is told no more often.
pub(crate) const BEAT: Duration = Duration::from_millis(500);
/// An order that was not heard of for so long on the desk's clock changes nothing, or is still being checked.
const ANSWER: Duration = Duration::from_secs(3);
/// Arming asks every target first.
const ARMING: Duration = Duration::from_secs(10);
/// Characters that a person may write about an alert, or as a reason.
const LONGEST_COMMENT: usize = 2000;

/// From where something is asked. It decides what may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// The main window.
    Main,
    /// The window on the wall: it shows and does nothing.
    Wallboard,
    /// A page in a browser, through the second host.
    Browser,
    /// A terminal.
    Terminal,
}

impl Surface {
    /// Whether it may only look.
    pub fn is_read_only(self) -> bool {
        match self {
            Surface::Wallboard => true,
            Surface::Main | Surface::Browser | Surface::Terminal => false,
        }
    }
}

/// Who asks, from where. The host says it, never the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asker {
    /// From where.
    pub surface: Surface,
    /// Who.
    pub person: Person,
}

impl Asker {
    fn may_act(&self) -> Result<(), WireError> {
        if self.surface.is_read_only() {
            return Err(WireError::new("error-read-only"));
        }
        Ok(())
    }
}

/// What a console opens on.
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
        })
    }
}

/// A running rollout with everything that can be asked of it. Clone it freely.
#[derive(Debug, Clone)]
pub struct Console(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The rollout's clock.
    clock: SharedClock,
    /// The desk's clock: how often a window is told something is a matter of real time.
    desk: SharedClock,
    plan: Parsed,
    rollout: RolloutId,
    handle: Handle,
    commands: QueueEnd,
    commanded: AtomicU64,
    store: Arc<Sqlite>,
    pictures: tokio::sync::watch::Receiver<Arc<Picture>>,
    running: Mutex<Option<Running>>,
}

/// What ends with the console.
#[derive(Debug)]
struct Running {
    engine: Engine,
    painter: Task<()>,
    driver: Task<()>,
    /// Its servers end with it.
    _world: Simulator,
}

impl Console {
    /// Opens the world, the engine over it, and paints the first picture. Needs a tokio runtime, and keeps tasks on it.
    pub async fn open(opening: Opening) -> Result<Self, BridgeError> {
        let desk = SystemClock::shared();
        let virtual_clock = VirtualClock::new(opening.scenario.start);
        let clock = virtual_clock.shared();
        let (driven, speed) = (virtual_clock.clone(), opening.speed);
        let driver = spawn(&desk, async move { driven.run(speed).await });
        let opened = counted(clock.clone(), Self::open_on(opening, virtual_clock, desk)).await;
        match opened {
            Ok((inner, engine, painter, world)) => {
                *lock(&inner.running) = Some(Running {
                    engine,
                    painter,
                    driver,
                    _world: world,
                });
                Ok(Self(Arc::new(inner)))
            }
            Err(error) => {
                driver.abort();
                Err(error)
            }
        }
    }

    async fn open_on(
        opening: Opening,
        virtual_clock: VirtualClock,
        desk: SharedClock,
    ) -> Result<(Inner, Engine, Task<()>, Simulator), BridgeError> {
        let clock = virtual_clock.shared();
        let operator = opening.virtual_operator.then(|| opening.scenario.operator.clone());
        let title = opening.scenario.title.clone();
        let speed = match opening.speed {
            Speed::Times(times) => Some(times),
            Speed::Max => None,
        };
        let setting = Setting {
            plan: opening.plan,
            plan_text: opening.plan_text,
            scenario: opening.scenario,
            folder: opening.folder,
            sources: std::collections::BTreeMap::new(),
        };
        let world = setting.open(&virtual_clock).await?;
        let World {
            simulator,
            plan,
            rollout,
            engine,
            bulletins,
            commands,
            store,
            targets,
        } = world;
        let mut operator = operator.map(|o| VirtualOperator::new(clock.clone(), commands.clone(), o));
        if let Some(operator) = &mut operator {
            operator.begin(&plan);
        }
        let easel = Easel::new(&plan, paint::places(&targets), speed, Some(title));
        let past = Past::new(clock.now());
        let snapshot = engine.handle().look().await?;
        let first = Arc::new(easel.paint(&snapshot, &past, 1));
        let (show, pictures) = tokio::sync::watch::channel(first);
        let painter = Painter {
            easel,
            past,
            operator,
            handle: engine.handle().clone(),
            desk: desk.clone(),
            show,
        };
        let painter = spawn(&desk, painter.run(bulletins));
        let inner = Inner {
            clock,
            desk,
            plan,
            rollout,
            handle: engine.handle().clone(),
            commands,
            commanded: AtomicU64::new(1),
            store,
            pictures,
            running: Mutex::new(None),
        };
        Ok((inner, engine, painter, simulator))
    }

    /// Everything now; at most one [`BEAT`] old.
    pub fn picture(&self) -> Arc<Picture> {
        self.0.pictures.borrow().clone()
    }

    /// Batches for one window, from everything on.
    pub fn watch(&self) -> Watch {
        Watch::new(self.0.pictures.clone(), self.0.desk.clone(), BEAT)
    }

    /// What the program says of itself to this asker.
    pub fn about(&self, by: &Asker, version: &str, languages: Vec<String>) -> About {
        About {
            version: version.to_owned(),
            languages,
            read_only: by.surface.is_read_only(),
        }
    }

    /// A person orders. Answers when the order is in force or was refused; putting traffic back waits for nobody below.
    pub async fn order(&self, by: &Asker, order: Order) -> Result<Receipt, WireError> {
        by.may_act()?;
        let look = || async { self.0.handle.look().await.map_err(|_| gone()) };
        let wishes = match &order {
            Order::SignAll => orders::unsigned(&look().await?),
            Order::Arm
            | Order::Start
            | Order::Sign { .. }
            | Order::Approve
            | Order::Freeze { .. }
            | Order::Release { .. }
            | Order::RollBack { .. }
            | Order::Reset { .. }
            | Order::Pin { .. }
            | Order::Unpin { .. }
            | Order::Drill => vec![orders::wish(order)?],
        };
        let mut receipt = Receipt::Taken;
        for wish in wishes {
            if self.wish(by, wish).await? == Receipt::Handed {
                receipt = Receipt::Handed;
            }
        }
        Ok(receipt)
    }

    /// A person has seen an alert: it goes into the journal. The first who has is the one who has.
    pub async fn acknowledge(&self, by: &Asker, alert: &str, comment: &str) -> Result<(), WireError> {
        by.may_act()?;
        if comment.chars().count() > LONGEST_COMMENT {
            return Err(WireError::new("error-comment-too-long"));
        }
        if !self.picture().alerts.iter().any(|known| known.id == alert) {
            return Err(WireError::new("error-unknown-alert"));
        }
        let wish = Wish::Acknowledge {
            alert: alert.to_owned(),
            comment: comment.trim().to_owned(),
        };
        self.submit(by, &wish).await
    }

    /// The lines of a metric between two moments (milliseconds, UTC), with at most two points a pixel column: what its rule
    /// or gate saw at each reading.
    pub async fn series(&self, metric: &str, width_px: u32, from: i64, to: i64) -> Result<Vec<Series>, WireError> {
        let charts = Chart::of_metric(&self.0.plan.plan, metric);
        if charts.is_empty() {
            return Err(WireError::new("error-unknown-metric"));
        }
        let moment = |ms: i64| Timestamp::from_micros(ms.saturating_mul(1000));
        let mut out = Vec::new();
        for chart in charts {
            let during = moment(from) - chart.reach()..moment(to.saturating_add(1));
            let samples = self.0.store.samples(&self.0.rollout, chart.signal(), during).await;
            let samples = samples
                .map_err(|error| WireError(Sentence::new("error-store").with("why", timonel_wire::Arg::text(error))))?;
            out.extend(chart.lines(&samples, width_px, from, to));
        }
        Ok(out)
    }

    /// Ends once everything that happened is in the store. Later questions are answered with `error-gone`.
    pub async fn close(&self) {
        let running = lock(&self.0.running).take();
        if let Some(running) = running {
            running.painter.abort();
            running.engine.stop().await;
            self.0.store.close().await;
            running.driver.abort();
        }
    }

    async fn submit(&self, by: &Asker, wish: &Wish) -> Result<(), WireError> {
        let number = self.0.commanded.fetch_add(1, Ordering::Relaxed);
        let command = Command {
            id: CommandId::new(&format!("consola:{number}")).expect("a good id"),
            by: by.person.clone(),
            at: self.0.clock.now(),
            what: Body::of(wish).map_err(|_| WireError::new("error-comment-too-long"))?,
        };
        self.0.commands.submit(command).await.map_err(|_| gone())
    }

    async fn wish(&self, by: &Asker, wish: Wish) -> Result<Receipt, WireError> {
        let bulletins = self.0.handle.subscribe().map_err(|_| gone())?;
        self.submit(by, &wish).await?;
        let limit = if matches!(wish, Wish::Arm) { ARMING } else { ANSWER };
        match within(&*self.0.desk, limit, heard(bulletins, &wish, &by.person)).await {
            Ok(answer) => answer,
            Err(_) => Ok(Receipt::Handed),
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(running) = lock(&self.running).take() {
            running.painter.abort();
            running.driver.abort();
        }
    }
}

/// What the engine says to a wish.
async fn heard(mut bulletins: Receiver<Bulletin>, wish: &Wish, by: &Person) -> Result<Receipt, WireError> {
    loop {
        let bulletin = bulletins.recv().await.ok_or_else(gone)?;
        if !orders::is_of(&bulletin.event, wish, by) {
            continue;
        }
        let refused = bulletin.effects.iter().find_map(|effect| match effect {
            Effect::Rejected(rejection) => Some(told::rejection(rejection)),
            Effect::Raise { .. } | Effect::Lower { .. } | Effect::Notify(_) | Effect::ShowManual { .. } => None,
        });
        return match refused {
            Some(why) => Err(WireError(why)),
            None => Ok(Receipt::Taken),
        };
    }
}

fn gone() -> WireError {
    WireError::new("error-gone")
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps the newest picture. Whoever is slow misses some and never gets a backlog.
struct Painter {
    easel: Easel,
    past: Past,
    operator: Option<VirtualOperator>,
    handle: Handle,
    desk: SharedClock,
    show: tokio::sync::watch::Sender<Arc<Picture>>,
}

impl Painter {
    /// Until the engine ends. Bulletins are taken as they come, since an untaken one holds up virtual time.
    async fn run(mut self, mut bulletins: Receiver<Bulletin>) {
        let mut beat = sleep(&*self.desk, BEAT);
        loop {
            tokio::select! {
                biased;
                bulletin = bulletins.recv() => {
                    let Some(bulletin) = bulletin else { return };
                    self.hear(&bulletin);
                }
                () = &mut beat => {
                    beat = sleep(&*self.desk, BEAT);
                    let Ok(snapshot) = self.handle.look().await else { return };
                    while let Some(bulletin) = bulletins.try_recv() {
                        self.hear(&bulletin);
                    }
                    let revision = self.show.borrow().revision + 1;
                    let picture = self.easel.paint(&snapshot, &self.past, revision);
                    self.show.send_replace(Arc::new(picture));
                }
            }
        }
    }

    fn hear(&mut self, bulletin: &Bulletin) {
        self.past.hear(bulletin, self.easel.plan());
        if let Some(operator) = &mut self.operator {
            let rejected = bulletin.effects.iter().any(|e| matches!(e, Effect::Rejected(_)));
            operator.sees(&bulletin.state, rejected && !matches!(bulletin.event, Event::Tick));
        }
    }
}
