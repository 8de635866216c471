//! A person's shift over a share of the numbers: an account with its cluster in real time, an installation whose engine may
//! end at any moment, and the program beside it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Program, Output, Stdio};
use std::sync::Arc;

use timonel_bridge::connect::{self, Connections, Key, Kits};
use timonel_bridge::{Bulletin, Desk};
use timonel_domain::board::Freshness;
use timonel_domain::rollout::Stage;
use timonel_domain::value::Writer;
use timonel_engine::command::Wish;
use timonel_engine::{Engine, Parts};
use timonel_journal::intent::IntentFolder;
use timonel_journal::kit::KitFolder;
use timonel_journal::record::{STEP, StepRecord};
use timonel_plan::Parsed;
use timonel_plan::parsed::Way;
use timonel_ports::clock::{SharedClock, SystemClock};
use timonel_ports::commands::{QueueEnd, in_process};
use timonel_ports::mailbox::Receiver;
use timonel_ports::task::spawn;
use timonel_simulator::simulator::{NAMESPACE, NUMBERS_FOLLOWER, Place, Simulator};
use timonel_simulator::telnyx::Telnyx;
use timonel_simulator::time::VirtualClock;
use timonel_store::Sqlite;
use timonel_testkit::process::until;
use tokio::runtime::{EnterGuard, Runtime};

use crate::played::{data, entries, read, runtime, scenario};
use crate::standing::{PATIENCE, follow, on_the_disk, rollout, timonelctl, wish, world_in_real_time};

pub(crate) const STABLE: &str = "2150000000000000001";
pub(crate) const CANARY: &str = "2150000000000000002";
/// Where the program looks for the key of the plan's credential.
pub(crate) const KEY: &str = "TIMONEL_KEY_CUENTA_PRUEBA";

/// An account with its cluster in real time, an installation that may end at any moment, and the program.
pub(crate) struct Shift {
    simulator: Simulator,
    home: tempfile::TempDir,
    program: PathBuf,
    /// Dropped last: everything above lives on it.
    world: Runtime,
}

impl Shift {
    /// `None` where the program cannot be built.
    pub(crate) fn begin() -> Option<Self> {
        let program = timonelctl()?;
        Some(Self {
            program,
            ..Self::without_program()
        })
    }

    /// For who runs no other process.
    pub(crate) fn without_program() -> Self {
        let world = runtime();
        let home = tempfile::tempdir().unwrap();
        let simulator = world.block_on(async {
            let real = SystemClock::shared();
            let (plan, _) = crate::played::plan(&data("short-numbers.toml"));
            let mut scenario = scenario(&data("short-numbers-calm.toml"), &plan);
            scenario.start = real.now();
            let clock = VirtualClock::new(scenario.start);
            let named: Vec<_> = plan.tenants.iter().flat_map(|t| t.numbers.clone()).collect();
            let places = plan.targets.iter().map(|t| match &t.way {
                Way::VirtualService(way) => (t.id.clone(), Place::VirtualService(way.name.clone())),
                Way::NumberShare(way) => {
                    let (stable, canary) = (way.stable.clone(), way.canary.clone());
                    let (named, except) = (named.clone(), way.except.clone());
                    let share = Place::NumberShare {
                        stable,
                        canary,
                        named,
                        except,
                    };
                    (t.id.clone(), share)
                }
            });
            let simulator = Simulator::start(&clock, &scenario, scenario.seed, places)
                .await
                .unwrap();
            drop(spawn(&real, world_in_real_time(clock)));
            simulator
        });
        std::fs::write(home.path().join("kubeconfig"), simulator.kubeconfig()).unwrap();
        Self {
            simulator,
            home,
            program: PathBuf::new(),
            world,
        }
    }

    /// Where what changes the world past its API stands: what takes effect later needs its runtime.
    pub(crate) fn inside(&self) -> EnterGuard<'_> {
        self.world.enter()
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn account(&self) -> &Telnyx {
        self.simulator.telnyx().unwrap()
    }

    /// Where the account is.
    pub(crate) fn account_url(&self) -> String {
        self.simulator.telnyx_url().unwrap()
    }

    /// The plan with this world's addresses, and with phases that nobody sees the end of.
    pub(crate) fn plan_text(&self) -> String {
        read(&data("short-numbers.toml"))
            .replace("http://127.0.0.1:9/metrics", &self.simulator.metrics_url())
            .replace("http://127.0.0.1:9", &self.simulator.telnyx_url().unwrap())
            .replace("bake = \"12s\"", "bake = \"1h\"")
    }

    pub(crate) fn plan(&self) -> Parsed {
        let plan = timonel_plan::check(&self.plan_text()).value.unwrap();
        plan.in_environment("prueba").unwrap()
    }

    /// Whether calls on the canary's application are answered by stable's address.
    pub(crate) fn is_levered(&self) -> bool {
        let account = self.account();
        account.url_in_force(CANARY) == account.url_in_force(STABLE)
    }

    pub(crate) fn on_canary(&self) -> BTreeSet<String> {
        self.account().on_canary().into_iter().collect()
    }

    pub(crate) fn jobs_are_over(&self) -> bool {
        let jobs = self.account().jobs();
        let is_over = |job: &serde_json::Value| job["status"] == "completed";
        jobs.iter().all(is_over)
    }

    /// What the data plane gives the canary of the follower.
    pub(crate) fn follower(&self) -> u32 {
        let shares = self
            .simulator
            .cluster()
            .effective_weights(NAMESPACE, NUMBERS_FOLLOWER, "consultas");
        shares.iter().filter(|s| s.subset == "canary").map(|s| s.weight).sum()
    }

    pub(crate) async fn engine(&self, clock: &SharedClock) -> (Engine, Receiver<Bulletin>, QueueEnd) {
        let plan = self.plan();
        let mut connections = Connections::of_environment(&plan, Some(self.home().join("kubeconfig")));
        let key = Key {
            url: self.simulator.telnyx_url().unwrap(),
            key: Simulator::TELNYX_KEY.into(),
        };
        connections.accounts.insert("principal".to_owned(), key);
        let store = Sqlite::open(&self.home().join("timonel.db"), clock.clone())
            .await
            .unwrap();
        let store = Arc::new(store);
        let (commands, feed) = in_process(clock);
        let kits = Kits::Of(KitFolder::new(self.home().join("kits")), rollout());
        let parts = Parts {
            rollout: rollout(),
            targets: connect::targets(&plan, &connections, &kits, clock).await.unwrap(),
            sources: connect::sources(&plan, &connections, clock).unwrap(),
            plan: plan.plan,
            plan_text: self.plan_text(),
            clock: clock.clone(),
            writer: Writer::new("guardia").unwrap(),
            store: store.clone(),
            helm: store,
            commands: Box::new(feed),
            orders: None,
            intents: IntentFolder::new(self.home().join("intents")),
        };
        let (engine, bulletins) = Engine::start(parts).await.unwrap();
        (engine, bulletins, commands)
    }

    /// Arms the rollout, starts it where `starts`, and ends everything of ours in the middle of a word once `is_there`.
    pub(crate) fn killed(&self, starts: bool, is_there: impl Fn(&Bulletin) -> bool) {
        let ours = runtime();
        ours.block_on(async {
            let clock = SystemClock::shared();
            let (engine, mut bulletins, commands) = self.engine(&clock).await;
            let required: BTreeSet<_> = self
                .plan()
                .plan
                .signals
                .iter()
                .filter(|s| s.required)
                .map(|s| s.id.clone())
                .collect();
            let live = until(PATIENCE, async || {
                let seen = engine.handle().look().await.unwrap();
                let mut fresh = seen
                    .freshness
                    .iter()
                    .filter(|((signal, _), _)| required.contains(signal));
                fresh.all(|(_, f)| *f == Freshness::Live).then_some(())
            });
            live.await.expect("every signal is read");
            wish(&clock, &commands, "arm", Wish::Arm).await;
            let armed = |b: &Bulletin| b.state.stage == Stage::Armed;
            follow(&clock, &mut bulletins, armed).await;
            if starts {
                wish(&clock, &commands, "start", Wish::Start).await;
                follow(&clock, &mut bulletins, is_there).await;
            }
            on_the_disk(&engine).await;
        });
        // No stop, no flush: whatever was not on the disk is lost.
        ours.shutdown_background();
    }

    /// At its first phase, with numbers on the canary.
    pub(crate) fn killed_in_its_first_phase(&self) {
        self.killed(true, |b| b.state.stage == Stage::Baking { phase: 0 });
        assert!(!self.on_canary().is_empty());
        assert_eq!(self.follower(), 100);
    }

    /// The program in English with this installation, the cluster's credentials, and no key.
    pub(crate) fn without_key(&self, command: &str) -> Program {
        let mut program = Program::new(&self.program);
        program.env_clear().env("USER", "luz").stdin(Stdio::null());
        program.args(["--lang", "en", command, "--home"]).arg(self.home());
        program
    }

    pub(crate) fn with_key(&self, command: &str, key: &str) -> Program {
        let mut program = self.without_key(command);
        program.arg("--kubeconfig").arg(self.home().join("kubeconfig"));
        program.env(KEY, key);
        program
    }

    pub(crate) fn program(&self, command: &str) -> Program {
        self.with_key(command, Simulator::TELNYX_KEY)
    }

    pub(crate) fn status(&self) -> String {
        said(&self.without_key("status").output().unwrap(), 0)
    }

    /// Everything is where it was before the rollout, and the journal tells how it came there.
    pub(crate) fn everything_is_back(&self) {
        assert_eq!(self.on_canary(), BTreeSet::new());
        assert!(self.jobs_are_over(), "{:#?}", self.account().jobs());
        assert_eq!(self.follower(), 0);
        assert!(self.status().contains("rolled back"), "{}", self.status());
        assert!(self.intents().pending().unwrap().is_empty());
        runtime().block_on(async {
            let desk = Desk::open(self.home(), &SystemClock::shared()).await.unwrap();
            let [listed] = desk.rollouts().await.unwrap().try_into().unwrap();
            assert_eq!((listed.differing, &listed.state.stage), (0, &Stage::RolledBack));
        });
    }

    pub(crate) fn intents(&self) -> IntentFolder {
        IntentFolder::new(self.home().join("intents"))
    }

    /// The steps in the journal, each with who wrote it.
    pub(crate) fn steps(&self) -> Vec<(String, StepRecord)> {
        let entries = runtime().block_on(entries(self.home()));
        let steps = entries.iter().filter(|e| e.kind.as_str() == STEP);
        steps.map(|e| (e.writer.to_string(), e.body.read().unwrap())).collect()
    }
}

/// What a program that ended so said.
#[track_caller]
pub(crate) fn said(done: &Output, code: i32) -> String {
    let said = [&done.stdout, &done.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    let said = said.concat();
    assert_eq!(done.status.code(), Some(code), "{said}");
    assert!(!said.contains(Simulator::TELNYX_KEY), "the key is told: {said}");
    said
}

/// Waits for what a test has to see while another process is at work.
#[track_caller]
pub(crate) fn see(what: &str, is_so: impl Fn() -> bool) {
    let seen = runtime().block_on(until(PATIENCE, async || is_so().then_some(())));
    assert!(seen.is_some(), "not seen: {what}");
}

/// A program that works while the test looks at the world; ended with the test where it did not end by itself.
pub(crate) struct AtWork(Option<Child>, PathBuf);

impl AtWork {
    pub(crate) fn start(mut program: Program, shift: &Shift) -> Self {
        let path = shift.home().join("said");
        let file = std::fs::File::create(&path).unwrap();
        let child = program.stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
        Self(Some(child), path)
    }

    pub(crate) fn said(&self) -> String {
        read(&self.1)
    }

    #[track_caller]
    pub(crate) fn ends(mut self, code: i32) -> String {
        let ended = self.0.take().unwrap().wait().unwrap();
        let said = self.said();
        assert_eq!(ended.code(), Some(code), "{said}");
        said
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}
