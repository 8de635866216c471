//! An engine with everything around it, and how a test speaks to it and waits for it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use timonel_domain::metric::{Direction, Metric, MetricUnit, Statistic};
use timonel_domain::plan::{
    Action, Comparison, EvidenceMode, Incident, OnNoData, Phase, Plan, Question, Role, Rule, Severity, SignalPlan,
    TargetPlan, TenantPlan, Traffic, Unit,
};
use timonel_domain::rollout::{Effect, Hold, Notice, Stage, State};
use timonel_domain::sample::{Sample, Value};
use timonel_domain::value::{
    Person, PhaseId, PlanId, Quantity, RolloutId, RuleId, Side, SignalId, TargetId, TenantId, Weight, Writer,
};
use timonel_journal::chain::verify;
use timonel_journal::entry::Body;
use timonel_journal::intent::IntentFolder;
use timonel_ports::clock::{Clock, SharedClock};
use timonel_ports::commands::{Command, CommandId, Commands, QueueEnd, in_process};
use timonel_ports::mailbox::Receiver;
use timonel_ports::signal::{Reading, Source, SourceDescription};
use timonel_ports::task::{Task, spawn};

use super::points::{Counted, Points};
use super::stage::{ManualClock, MemoryHelm, MemoryStore};
use super::target::ScriptedTarget;
use tokio::sync::Notify;

use crate::command::Wish;
use crate::{Bulletin, Engine, EngineError, Parts, Snapshot, state_of};

/// Least time at each weight.
pub(super) const BAKE: Duration = Duration::from_secs(60);
pub(super) const TEN: Weight = Weight::percent(10);

pub(super) fn rollout() -> RolloutId {
    RolloutId::new("prueba-1").unwrap()
}

pub(super) fn signal(name: &str) -> SignalId {
    SignalId::new(name).unwrap()
}

/// Splitter and follower, 10 and 100 %, and a signal of critical errors. Nothing is required, nobody has to sign.
fn plan() -> Plan {
    let target = |id: &str, role| TargetPlan {
        id: TargetId::new(id).unwrap(),
        role,
        pins: false,
    };
    let phase = |id: &str, percent| Phase {
        id: PhaseId::new(id).unwrap(),
        name: id.to_owned(),
        weight: Weight::percent(percent),
        bake: BAKE,
        gates: Vec::new(),
        approvals: 0,
        checklist: None,
        check_in: None,
        planned_start: None,
    };
    let count = |id: &str, incident| SignalPlan {
        id: signal(id),
        metric: Metric::Declared {
            name: id.to_owned(),
            unit: MetricUnit::Count,
            direction: Direction::LowerIsBetter,
        },
        sides: vec![Side::Stable, Side::Canary],
        interval: Duration::from_secs(5),
        lag: Duration::ZERO,
        required: false,
        incident,
    };
    Plan {
        id: PlanId::new("prueba").unwrap(),
        revision: 1,
        name: "Prueba".to_owned(),
        environment: "simulador".to_owned(),
        unit: Unit::Call,
        targets: vec![target("istio", Role::Splitter), target("seguidor", Role::Follower)],
        tenants: Vec::new(),
        signals: vec![
            count("criticos", Some(Incident::CriticalError)),
            count("asignadas", None),
        ],
        rules: Vec::new(),
        phases: vec![phase("piloto", 10), phase("completo", 100)],
        checklists: Vec::new(),
        traffic: Traffic::default(),
        keep_stable: Duration::from_secs(86_400),
        automatic: true,
        freezes: Vec::new(),
    }
}

/// A source that gives what the test put there.
#[derive(Default)]
pub(super) struct ScriptedSource {
    next: Mutex<Vec<Sample>>,
    /// Says that something came.
    pub(super) bell: Notify,
}

#[async_trait]
impl Source for ScriptedSource {
    fn describe(&self) -> SourceDescription {
        SourceDescription {
            kind: "scripted",
            place: "here".to_owned(),
            serves: Vec::new(),
        }
    }

    async fn read(&self) -> Vec<Reading> {
        let samples = std::mem::take(&mut *self.next.lock().unwrap());
        let reading = |sample: Sample| Reading {
            signal: sample.signal.clone(),
            side: sample.side,
            outcome: Ok(vec![sample]),
        };
        samples.into_iter().map(reading).collect()
    }

    async fn arrived(&self) {
        self.bell.notified().await;
    }
}

pub(super) struct World {
    folder: tempfile::TempDir,
    writer: Writer,
    pub(super) clock: Arc<ManualClock>,
    pub(super) store: Arc<MemoryStore>,
    pub(super) helm: Arc<MemoryHelm>,
    pub(super) splitter: Arc<ScriptedTarget>,
    pub(super) follower: Arc<ScriptedTarget>,
    pub(super) source: Arc<ScriptedSource>,
    pub(super) plan: Plan,
    pub(super) intents: IntentFolder,
    /// Counts what the engine asks of the world.
    pub(super) points: Arc<Points>,
    running: Option<(Engine, QueueEnd, Receiver<Bulletin>)>,
    told: Vec<Bulletin>,
    submitted: u32,
}

impl World {
    /// Everything is there, and no engine.
    pub(super) fn still() -> Self {
        let clock = ManualClock::new();
        let folder = tempfile::tempdir().unwrap();
        Self {
            intents: IntentFolder::new(folder.path().join("intents")),
            folder,
            writer: Writer::new("consola").unwrap(),
            store: MemoryStore::new(),
            helm: MemoryHelm::new(&clock),
            splitter: ScriptedTarget::new("istio", &clock),
            follower: ScriptedTarget::new("seguidor", &clock),
            source: Arc::default(),
            plan: plan(),
            clock,
            points: Points::new(),
            running: None,
            told: Vec::new(),
            submitted: 0,
        }
    }

    /// Another console on the same rollout, its targets and its store, with hands of its own.
    pub(super) fn beside(&self, writer: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            intents: IntentFolder::new(folder.path().join("intents")),
            folder,
            writer: Writer::new(writer).unwrap(),
            store: self.store.clone(),
            helm: self.helm.clone(),
            splitter: self.splitter.clone(),
            follower: self.follower.clone(),
            source: Arc::default(),
            plan: self.plan.clone(),
            clock: self.clock.clone(),
            points: Points::new(),
            running: None,
            told: Vec::new(),
            submitted: 0,
        }
    }

    /// How the running engine stands to the helm.
    pub(super) fn standing(&self) -> crate::Standing {
        self.engine().handle().helm()
    }

    pub(super) async fn armed() -> Self {
        Self::still().arm().await
    }

    /// At 10 %.
    pub(super) async fn baking() -> Self {
        let mut world = Self::armed().await;
        world.wish(Wish::Start).await;
        world
            .until("the first phase", |s| s.stage == Stage::Baking { phase: 0 })
            .await;
        world.splitter.forget_calls();
        world.follower.forget_calls();
        world
    }

    /// At 10 %, in a plan with a tenant that its splitter can keep on stable.
    pub(super) async fn with_tenants() -> Self {
        let mut world = Self::still();
        world.plan.targets[0].pins = true;
        world.plan.tenants.push(TenantPlan {
            id: TenantId::new("norte").unwrap(),
            name: "Norte".to_owned(),
            pinned: false,
        });
        let mut world = world.arm().await;
        world.wish(Wish::Start).await;
        world
            .until("the first phase", |s| s.stage == Stage::Baking { phase: 0 })
            .await;
        world
    }

    /// At 10 %, in a plan that sees its traffic.
    pub(super) async fn with_traffic() -> Self {
        let mut world = Self::still();
        world.plan.traffic.assigned = Some(signal("asignadas"));
        let mut world = world.arm().await;
        world.wish(Wish::Start).await;
        world
            .until("the first phase", |s| s.stage == Stage::Baking { phase: 0 })
            .await;
        world
    }

    /// At 10 %, in a plan that rolls back on more than five `asignadas` in 10 s for a minute.
    pub(super) async fn with_rule() -> Self {
        let mut world = Self::still();
        let limit = Quantity::from_micros(5_000_000);
        world.plan.rules.push(Rule {
            id: RuleId::new("demasiadas").unwrap(),
            question: Question {
                signal: signal("asignadas"),
                side: Side::Canary,
                statistic: Statistic::Total,
                window: Duration::from_secs(10),
                least_units: 0,
            },
            comparison: Comparison::Above,
            limit,
            lasting: Duration::from_secs(60),
            clear_limit: limit,
            clear_lasting: Duration::from_secs(60),
            max_gap: Duration::from_secs(60),
            on_no_data: OnNoData::Hold,
            action: Action::Rollback,
            evidence: EvidenceMode::Literal,
            history: None,
            severity: Severity::Critical,
        });
        let mut world = world.arm().await;
        world.wish(Wish::Start).await;
        world
            .until("the first phase", |s| s.stage == Stage::Baking { phase: 0 })
            .await;
        world
    }

    async fn arm(mut self) -> Self {
        self.start().await;
        self.wish(Wish::Arm).await;
        self.until("armed", |s| s.stage == Stage::Armed).await;
        self
    }

    /// Starts an engine on what is there.
    pub(super) async fn start(&mut self) {
        self.try_start().await.unwrap();
    }

    pub(super) async fn try_start(&mut self) -> Result<(), EngineError> {
        let (desk, parts) = self.parts();
        let (engine, bulletins) = Engine::start(parts).await?;
        self.running = Some((engine, desk, bulletins));
        Ok(())
    }

    /// Starts an engine for an emergency rollback.
    pub(super) async fn seize(&mut self) {
        let (desk, parts) = self.parts();
        let (engine, bulletins) = Engine::seize(parts).await.unwrap();
        self.running = Some((engine, desk, bulletins));
    }

    fn parts(&self) -> (QueueEnd, Parts) {
        let (desk, feed) = in_process(&self.shared());
        let parts = Parts {
            rollout: rollout(),
            plan: self.plan.clone(),
            plan_text: String::new(),
            clock: self.shared(),
            writer: self.writer.clone(),
            store: Arc::new(self.counted(&self.store)),
            helm: Arc::new(self.counted(&self.helm)),
            commands: Box::new(feed),
            orders: None,
            targets: vec![
                Arc::new(self.counted(&self.splitter)),
                Arc::new(self.counted(&self.follower)),
            ],
            sources: vec![(self.source.clone(), Duration::from_secs(5))],
            intents: self.intents.clone(),
        };
        (desk, parts)
    }

    fn counted<T>(&self, of: &Arc<T>) -> Counted<T> {
        Counted {
            of: of.clone(),
            points: self.points.clone(),
        }
    }

    /// The process has ended, without a word.
    pub(super) fn gone(&mut self) {
        self.hear();
        self.running = None;
    }

    pub(super) fn shared(&self) -> SharedClock {
        self.clock.clone()
    }

    fn engine(&self) -> &Engine {
        &self.running.as_ref().expect("a running engine").0
    }

    /// Tells it to stop, and goes on.
    pub(super) fn stopping(&mut self) -> Task<()> {
        self.hear();
        let (engine, ..) = self.running.take().expect("a running engine");
        spawn(&self.shared(), engine.stop())
    }

    pub(super) async fn stop(&mut self) {
        self.stopping().join().await.unwrap();
    }

    pub(super) async fn wish(&mut self, wish: Wish) {
        self.submitted += 1;
        // Of no other engine of the same rollout.
        let id = format!("orden-{}-{}", self.writer, self.submitted);
        self.submit(&id, Body::of(&wish).unwrap()).await;
    }

    pub(super) async fn submit(&self, id: &str, what: Body) {
        let command = Command {
            id: CommandId::new(id).unwrap(),
            by: Person::new("ana").unwrap(),
            at: self.clock.now(),
            what,
        };
        let (_, desk, _) = self.running.as_ref().expect("a running engine");
        desk.submit(command).await.unwrap();
    }

    /// Puts a message into the owner's mailbox at once.
    pub(super) fn tell(&self, message: crate::message::Message) {
        self.engine().handle().to.send(message).unwrap();
    }

    /// What the source gives next: a count of both arms since the reading before, true now.
    pub(super) fn count(&self, name: &str, side: Side, n: u64) {
        let now = self.clock.now();
        self.source.next.lock().unwrap().push(Sample {
            signal: signal(name),
            side,
            as_of: now,
            value: Value::Count {
                since: now - Duration::from_secs(1),
                n,
            },
        });
    }

    pub(super) async fn look(&self) -> Snapshot {
        self.engine().handle().look().await.unwrap()
    }

    pub(super) async fn state(&self) -> Arc<State> {
        self.look().await.state
    }

    pub(super) async fn holds(&self, hold: Hold) -> bool {
        self.state().await.holds.contains(&hold)
    }

    /// Waits until the state is so, without any time going by.
    pub(super) async fn until(&self, what: &str, so: impl Fn(&State) -> bool) {
        let mut last = None;
        for _ in 0..2000 {
            let state = self.state().await;
            if so(&state) {
                return;
            }
            last = Some(state);
        }
        panic!("never {what}: {last:#?}");
    }

    /// Lets time go by second by second.
    pub(super) async fn pass(&self, secs: u64) {
        self.pass_by(Duration::from_secs(1), Duration::from_secs(secs)).await;
    }

    pub(super) async fn pass_by(&self, step: Duration, all: Duration) {
        let end = self.clock.mono() + all;
        while self.clock.mono() < end {
            self.clock.advance(step);
            settle().await;
        }
    }

    fn hear(&mut self) {
        let Some((_, _, bulletins)) = &mut self.running else {
            return;
        };
        while let Some(bulletin) = bulletins.try_recv() {
            self.told.push(bulletin);
        }
    }

    /// Every step since the first start, of all engines.
    pub(super) fn told(&mut self) -> &[Bulletin] {
        self.hear();
        &self.told
    }

    pub(super) fn notices(&mut self) -> Vec<Notice> {
        let notice = |effect: &Effect| match effect {
            Effect::Notify(notice) => Some(notice.clone()),
            _ => None,
        };
        self.told().iter().flat_map(|b| &b.effects).filter_map(notice).collect()
    }

    /// The journal has no break, and gives the state that the engine has.
    pub(super) async fn check_journal(&self) {
        settle().await;
        let now = self.look().await;
        assert_eq!(now.unwritten, 0);
        verify(self.store.journal()).unwrap();
        assert_eq!(self.replayed().await, *now.state);
    }

    pub(super) async fn replayed(&self) -> State {
        state_of(&*self.store, &rollout(), &self.plan).await.unwrap().state
    }

    pub(super) fn intents_path(&self) -> std::path::PathBuf {
        self.folder.path().join("intents")
    }

    pub(super) fn intent_is_there(&self) -> bool {
        !self.intents.pending().unwrap().is_empty()
    }
}

/// Lets everybody do what can be done without time going by.
pub(super) async fn settle() {
    for _ in 0..150 {
        tokio::task::yield_now().await;
    }
}

/// Long enough for another thread to do what it should not.
pub(super) async fn linger() {
    for _ in 0..20_000 {
        tokio::task::yield_now().await;
        std::thread::yield_now();
    }
}

/// Waits for something that another thread does, such as writing a file.
pub(super) async fn until(what: &str, so: impl Fn() -> bool) {
    for _ in 0..200_000 {
        if so() {
            return;
        }
        tokio::task::yield_now().await;
        std::thread::yield_now();
    }
    panic!("never {what}");
}
