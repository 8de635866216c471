//! An engine at the helm of a simulated account, in virtual time: what its person presses, what becomes of it, and where the
//! calls go meanwhile. An engine may be stopped and another one started, with its kit or without.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use timonel_domain::plan::{Phase, Plan, Role, TargetPlan, TenantPlan, Traffic, Unit};
use timonel_domain::rollout::{Effect, Notice, Stage, State};
use timonel_domain::value::{Person, PhaseId, PlanId, RolloutId, TargetId, Weight, Writer};
use timonel_engine::command::Wish;
use timonel_engine::{Bulletin, Engine, Parts};
use timonel_journal::entry::Body;
use timonel_journal::intent::IntentFolder;
use timonel_ports::clock::{SharedClock, sleep};
use timonel_ports::commands::{Command, CommandId, Commands, QueueEnd, in_process};
use timonel_ports::kit::{Kit, Memory};
use timonel_ports::mailbox::Receiver;
use timonel_ports::target::Target;
use timonel_ports::task::spawn;
use timonel_simulator::telnyx::{Setup, Telnyx};
use timonel_simulator::time::VirtualClock;
use timonel_store::Sqlite;
use timonel_telnyx::number_share::NumberShare;

use super::front::Front;
use super::simulated::{CANARY, NEW, OneCallEach, STABLE, setup, spec, tenant};
use super::{KEY, account};

/// Nothing goes on by itself before.
const BAKE: Duration = Duration::from_secs(600);
/// How often a test looks.
const LOOK: Duration = Duration::from_millis(250);

/// A person, an engine, an account.
pub(super) struct Helm {
    clock: SharedClock,
    pub(super) telnyx: Telnyx,
    front: Front,
    home: tempfile::TempDir,
    kit: Arc<dyn Kit>,
    phases: Vec<u8>,
    running: Option<(Engine, QueueEnd)>,
    /// Everything that people were told.
    notices: Arc<Mutex<Vec<Notice>>>,
    pressed: u32,
}

impl Helm {
    /// An account as `setup` says, and an engine that has armed a rollout with these phases (percent).
    pub(super) async fn armed_with(clock: VirtualClock, setup: Setup, phases: &[u8]) -> Self {
        let front = Front::open(&clock).await;
        let telnyx = Telnyx::new(clock.clone(), 7, KEY, setup, Arc::new(OneCallEach));
        front.put(telnyx.router());
        let mut helm = Self {
            clock: clock.shared(),
            telnyx,
            front,
            home: tempfile::tempdir().unwrap(),
            kit: Arc::new(Memory::default()),
            phases: phases.to_vec(),
            running: None,
            notices: Arc::default(),
            pressed: 0,
        };
        helm.start().await;
        helm.wish(Wish::Arm).await;
        helm.until("armed", 30, |s| s.stage == Stage::Armed).await;
        helm
    }

    pub(super) async fn armed(clock: VirtualClock, phases: &[u8]) -> Self {
        Self::armed_with(clock, setup(Weight::ZERO), phases).await
    }

    /// At the first of these phases.
    pub(super) async fn at(clock: VirtualClock, phases: &[u8]) -> Self {
        let mut helm = Self::armed(clock, phases).await;
        helm.go().await;
        helm
    }

    /// Starts the rollout and waits for its first phase.
    pub(super) async fn go(&mut self) {
        self.wish(Wish::Start).await;
        self.until("the first phase", 120, |s| s.stage == Stage::Baking { phase: 0 })
            .await;
    }

    fn plan(&self) -> Plan {
        let phase = |(n, percent): (usize, &u8)| Phase {
            id: PhaseId::new(&format!("fase-{n}")).unwrap(),
            name: format!("fase-{n}"),
            weight: Weight::percent(*percent),
            bake: BAKE,
            gates: Vec::new(),
            approvals: 0,
            checklist: None,
            check_in: None,
            planned_start: None,
        };
        Plan {
            id: PlanId::new("ivr-texml").unwrap(),
            revision: 1,
            name: "IVR".to_owned(),
            environment: "simulador".to_owned(),
            unit: Unit::Call,
            targets: vec![TargetPlan {
                id: target(),
                role: Role::Splitter,
                pins: true,
            }],
            tenants: vec![TenantPlan {
                id: tenant(),
                name: "Norte".to_owned(),
                pinned: false,
            }],
            signals: Vec::new(),
            rules: Vec::new(),
            phases: self.phases.iter().enumerate().map(phase).collect(),
            checklists: Vec::new(),
            traffic: Traffic::default(),
            keep_stable: Duration::from_secs(7 * 24 * 3600),
            automatic: true,
            freezes: Vec::new(),
        }
    }

    fn target(&self, kit: Arc<dyn Kit>) -> NumberShare {
        NumberShare::new(spec(), account(self.clock.clone(), self.front.url()), kit)
    }

    /// The same target as another machine has it, which knows what it reads.
    pub(super) async fn another(&self) -> NumberShare {
        let target = self.target(Arc::new(Memory::default()));
        target.read().await.unwrap();
        target
    }

    /// An engine on what is there.
    pub(super) async fn start(&mut self) {
        let store = Sqlite::open(&self.home.path().join("timonel.db"), self.clock.clone())
            .await
            .unwrap();
        let store = Arc::new(store);
        let (desk, feed) = in_process(&self.clock);
        let target = self.target(self.kit.clone());
        target.recall().await;
        let (engine, bulletins) = Engine::start(Parts {
            rollout: RolloutId::new("martes").unwrap(),
            plan: self.plan(),
            plan_text: String::new(),
            clock: self.clock.clone(),
            writer: Writer::new("guardia").unwrap(),
            store: store.clone(),
            helm: store,
            commands: Box::new(feed),
            orders: None,
            targets: vec![Arc::new(target)],
            sources: Vec::new(),
            intents: IntentFolder::new(self.home.path().join("intents")),
        })
        .await
        .unwrap();
        drop(spawn(&self.clock, note(bulletins, self.notices.clone())));
        self.running = Some((engine, desk));
    }

    pub(super) async fn stop(&mut self) {
        let (engine, ..) = self.running.take().expect("a running engine");
        engine.stop().await;
    }

    /// From the next start on it is another machine: without the kit.
    pub(super) fn lose_kit(&mut self) {
        self.kit = Arc::new(Memory::default());
    }

    pub(super) async fn wish(&mut self, wish: Wish) {
        self.pressed += 1;
        let command = Command {
            id: CommandId::new(&format!("orden-{}", self.pressed)).unwrap(),
            by: Person::new("ana").unwrap(),
            at: self.clock.now(),
            what: Body::of(&wish).unwrap(),
        };
        let (_, desk) = self.running.as_ref().expect("a running engine");
        desk.submit(command).await.unwrap();
    }

    /// The one press.
    pub(super) async fn press(&mut self) {
        self.wish(Wish::roll_back()).await;
    }

    pub(super) async fn state(&self) -> Arc<State> {
        let (engine, ..) = self.running.as_ref().expect("a running engine");
        engine.handle().look().await.unwrap().state
    }

    /// Waits for at most `secs` until the state is so.
    pub(super) async fn until(&self, what: &str, secs: u64, so: impl Fn(&State) -> bool) {
        let end = self.clock.mono() + Duration::from_secs(secs);
        loop {
            let state = self.state().await;
            if so(&state) {
                return;
            }
            assert!(
                self.clock.mono() < end,
                "not {what} after {secs} s: {:?} {:#?} {:?} {:#?}",
                state.stage,
                state.targets,
                state.holds,
                self.told()
            );
            sleep(&*self.clock, LOOK).await;
        }
    }

    /// Waits for at most `secs` until the account is so.
    pub(super) async fn until_there(&self, what: &str, secs: u64, so: impl Fn(&Telnyx) -> bool) {
        let end = self.clock.mono() + Duration::from_secs(secs);
        while !so(&self.telnyx) {
            assert!(
                self.clock.mono() < end,
                "not {what} after {secs} s: {} numbers on the canary, {:?}, {:#?}",
                self.telnyx.on_canary().len(),
                self.telnyx.application(CANARY),
                self.told()
            );
            sleep(&*self.clock, LOOK).await;
        }
    }

    fn told(&self) -> Vec<Notice> {
        self.notices.lock().unwrap().clone()
    }

    pub(super) async fn pass(&self, secs: u64) {
        sleep(&*self.clock, Duration::from_secs(secs)).await;
    }

    /// The share of calls that reach the new system now.
    pub(super) fn calls(&self) -> Weight {
        self.telnyx.share_in_force(|_| 1)
    }

    /// Somebody gives an application another address.
    pub(super) fn address(&self, application: &str, url: &str) {
        let change = json!({"voice_url": url});
        self.telnyx.patch_application_as("ana", application, change).unwrap();
    }

    /// Somebody pulls the lever by hand, and nothing else.
    pub(super) fn lever_by_hand(&self) {
        let url = self.telnyx.url_in_force(STABLE).unwrap();
        self.address(CANARY, &url);
    }

    /// Somebody, or a write that was on its way, gives the canary its own address back.
    pub(super) fn release_by_hand(&self) {
        self.address(CANARY, NEW);
    }
}

/// A message that nobody takes holds up time.
async fn note(mut bulletins: Receiver<Bulletin>, to: Arc<Mutex<Vec<Notice>>>) {
    while let Some(bulletin) = bulletins.recv().await {
        let mut to = to.lock().unwrap();
        for effect in bulletin.effects {
            if let Effect::Notify(notice) = effect {
                to.push(notice);
            }
        }
    }
}

fn target() -> TargetId {
    TargetId::new("telnyx").unwrap()
}

/// Whether the lever is known to be pulled.
pub(super) fn levered(state: &State) -> bool {
    state.targets[&target()].levered.is_some()
}

/// Whether the calls are known to be back.
pub(super) fn read_back(state: &State) -> bool {
    state.targets[&target()].marks.read_back.is_some()
}
