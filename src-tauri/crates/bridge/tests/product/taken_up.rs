//! What a process leaves behind when it is ended without a word is taken up by the next one: the rollback by another
//! program, and the rollback that was under way.
//!
//! The world runs in real time on a runtime of its own, as a cluster does that knows nothing of our processes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command as Program;
use std::sync::Arc;

use secrecy::SecretString;
use timonel_bridge::Bulletin;
use timonel_bridge::connect::{self, Connections, Kits};
use timonel_domain::board::Freshness;
use timonel_domain::rollout::{Cause, Event, Generation, Level, Stage};
use timonel_domain::value::{Person, Weight, Writer};
use timonel_engine::command::Wish;
use timonel_engine::{Engine, Parts};
use timonel_journal::intent::{Intent, IntentFolder};
use timonel_journal::record::{CauseRecord, EventRecord, StepRecord};
use timonel_plan::Parsed;
use timonel_plan::parsed::Way;
use timonel_ports::clock::{SharedClock, SystemClock};
use timonel_ports::commands::{QueueEnd, in_process};
use timonel_ports::mailbox::Receiver;
use timonel_ports::task::spawn;
use timonel_simulator::simulator::{FOLLOWER, NAMESPACE, Place, SPLITTER, Simulator};
use timonel_simulator::time::VirtualClock;
use timonel_store::Sqlite;
use timonel_testkit::process::until;
use tokio::runtime::Runtime;

use crate::played::{data, entries, read, runtime, scenario};
use crate::standing::{PATIENCE, follow, on_the_disk, rollout, timonelctl, wish, world_in_real_time};

/// A cluster and a service in real time, and an installation that may end at any moment.
pub(crate) struct World {
    simulator: Simulator,
    home: tempfile::TempDir,
    /// Dropped last: everything above lives on it.
    _runtime: Runtime,
}

impl World {
    pub(crate) fn start() -> Self {
        let runtime = runtime();
        let home = tempfile::tempdir().unwrap();
        let simulator = runtime.block_on(async {
            let real = SystemClock::shared();
            let (plan, _) = crate::played::plan(&data("short.toml"));
            let mut scenario = scenario(&data("short-errors.toml"), &plan);
            scenario.faults.clear();
            scenario.start = real.now();
            let clock = VirtualClock::new(scenario.start);
            let places = plan.targets.iter().map(|t| match &t.way {
                Way::VirtualService(way) => (t.id.clone(), Place::VirtualService(way.name.clone())),
                Way::NumberShare(_) => unreachable!("the short plan moves no numbers"),
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
            _runtime: runtime,
        }
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.home().join("kubeconfig")
    }

    pub(crate) fn intents(&self) -> IntentFolder {
        IntentFolder::new(self.home().join("intents"))
    }

    /// The short plan, with this world's address, and with phases that nobody sees the end of.
    pub(crate) fn plan(&self) -> (Parsed, String) {
        let text = read(&data("short.toml"))
            .replace("http://127.0.0.1:9/metrics", &self.simulator.metrics_url())
            .replace("bake = \"12s\"", "bake = \"1h\"");
        let plan = timonel_plan::check(&text).value.unwrap();
        (plan.in_environment("prueba").unwrap(), text)
    }

    /// What the data plane gives the canary of the splitter and of the follower.
    pub(crate) fn weights(&self) -> [u32; 2] {
        [(SPLITTER, "casos"), (FOLLOWER, "derivacion")].map(|(object, route)| {
            let shares = self.simulator.cluster().effective_weights(NAMESPACE, object, route);
            assert_eq!(shares.iter().map(|s| s.weight).sum::<u32>(), 100, "{shares:?}");
            shares.iter().filter(|s| s.subset == "canary").map(|s| s.weight).sum()
        })
    }

    pub(crate) fn simulator(&self) -> &Simulator {
        &self.simulator
    }

    pub(crate) async fn engine(&self, clock: &SharedClock) -> (Engine, Receiver<Bulletin>, QueueEnd) {
        self.engine_in(clock, None).await
    }

    /// As the other, over the store at an address.
    pub(crate) async fn engine_in(
        &self,
        clock: &SharedClock,
        address: Option<&SecretString>,
    ) -> (Engine, Receiver<Bulletin>, QueueEnd) {
        let (text, kubeconfig) = (self.plan().1, self.kubeconfig());
        let Some(address) = address else {
            return engine(clock, self.home(), &kubeconfig, text, "guardia").await;
        };
        let store = timonel_store::open(address, clock.clone()).await.unwrap();
        engine_over(clock, self.home(), &kubeconfig, text, "guardia", store).await
    }

    /// Brings the rollout to its first weight, and ends everything of ours in the middle of a word.
    pub(crate) fn rolled_out_and_killed(&self) {
        self.rolled_out_and_killed_in(None);
    }

    /// As the other, over the store at an address.
    pub(crate) fn rolled_out_and_killed_in(&self, address: Option<&SecretString>) {
        let ours = runtime();
        ours.block_on(async {
            let clock = SystemClock::shared();
            let (engine, mut bulletins, commands) = self.engine_in(&clock, address).await;
            let live = until(PATIENCE, async || {
                let seen = engine.handle().look().await.unwrap();
                seen.freshness.values().all(|f| *f == Freshness::Live).then_some(())
            });
            live.await.expect("every signal is read");
            wish(&clock, &commands, "arm", Wish::Arm).await;
            follow(&clock, &mut bulletins, |b| b.state.stage == Stage::Armed).await;
            wish(&clock, &commands, "start", Wish::Start).await;
            follow(&clock, &mut bulletins, |b| b.state.stage == Stage::Baking { phase: 0 }).await;
            on_the_disk(&engine).await;
        });
        assert_eq!(self.weights(), [25, 100]);
        // No stop, no flush: whatever was not on the disk is lost.
        ours.shutdown_background();
    }
}

/// An engine of the rollout, as any process makes one on an installation.
pub(crate) async fn engine(
    clock: &SharedClock,
    home: &Path,
    kubeconfig: &Path,
    plan_text: String,
    writer: &str,
) -> (Engine, Receiver<Bulletin>, QueueEnd) {
    let store = Sqlite::open(&home.join("timonel.db"), clock.clone()).await.unwrap();
    engine_over(clock, home, kubeconfig, plan_text, writer, store).await
}

async fn engine_over(
    clock: &SharedClock,
    home: &Path,
    kubeconfig: &Path,
    plan_text: String,
    writer: &str,
    store: Sqlite,
) -> (Engine, Receiver<Bulletin>, QueueEnd) {
    let plan = timonel_plan::check(&plan_text)
        .value
        .unwrap()
        .in_environment("prueba")
        .unwrap();
    let connections = Connections::of_environment(&plan, Some(kubeconfig.to_owned()));
    let store = Arc::new(store);
    let (commands, feed) = in_process(clock);
    let parts = Parts {
        rollout: rollout(),
        targets: connect::targets(&plan, &connections, &Kits::Nowhere, clock)
            .await
            .unwrap(),
        sources: connect::sources(&plan, &connections, clock).unwrap(),
        plan: plan.plan,
        plan_text,
        clock: clock.clone(),
        writer: Writer::new(writer).unwrap(),
        store: store.clone(),
        helm: store,
        commands: Box::new(feed),
        orders: None,
        intents: IntentFolder::new(home.join("intents")),
    };
    let (engine, bulletins) = Engine::start(parts).await.unwrap();
    (engine, bulletins, commands)
}

#[test]
fn another_process_puts_back_what_a_killed_one_rolled_out() {
    let Some(timonelctl) = timonelctl() else { return };
    let world = World::start();
    world.rolled_out_and_killed();
    let run = |args: &[&str]| {
        let mut program = Program::new(&timonelctl);
        program.args(["--lang", "en", "rollback", "--by", "luz"]).args(args);
        program.arg("--home").arg(world.home());
        program.arg("--kubeconfig").arg(world.kubeconfig()).output().unwrap()
    };
    let printed = run(&["--commands"]);
    let commands = String::from_utf8_lossy(&printed.stdout);
    assert_eq!(printed.status.code(), Some(0), "{commands}");
    assert!(commands.contains(SPLITTER) && commands.contains(FOLLOWER), "{commands}");
    assert_eq!(world.weights(), [25, 100], "it was only to print them");

    let done = run(&[]);
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(0), "{said}");
    assert_eq!(world.weights(), [0, 0], "{said}");

    let entries = runtime().block_on(entries(world.home()));
    let writers: BTreeSet<_> = entries.iter().map(|entry| entry.writer.to_string()).collect();
    assert_eq!(writers, BTreeSet::from(["escritorio".to_owned(), "guardia".to_owned()]));
    assert!(entries.iter().all(|entry| entry.rollout == Some(rollout())));
    let luz = CauseRecord::Person(Person::new("luz").unwrap());
    let asked = entries.iter().find(|entry| {
        let step: StepRecord = entry.body.read().unwrap();
        matches!(step.event, EventRecord::RollBack { cause, .. } if cause == luz)
    });
    assert_eq!(asked.unwrap().writer.to_string(), "escritorio");
}

#[test]
fn a_rollback_that_a_crash_cut_short_is_finished_by_the_next_start() {
    let world = World::start();
    world.rolled_out_and_killed();
    let intent = Intent {
        rollout: rollout(),
        plan_revision: 1,
        generation: Generation { epoch: 1, revision: 1 },
        level: Level::Total,
        cause: "rule errores-10".to_owned(),
        occurred_at: SystemClock::shared().now(),
        targets: world
            .plan()
            .0
            .plan
            .targets
            .iter()
            .map(|t| (t.id.clone(), Weight::ZERO))
            .collect(),
    };
    world.intents().write(&intent).unwrap();
    let is_resumed = |b: &Bulletin| {
        matches!(
            &b.event,
            Event::RollBack {
                cause: Cause::Resumed,
                ..
            }
        )
    };
    let is_gone = async || world.intents().pending().unwrap().is_empty().then_some(());
    runtime().block_on(async {
        let clock = SystemClock::shared();
        let (engine, mut bulletins, _commands) = world.engine(&clock).await;
        let verified = |b: &Bulletin| b.state.rollback.as_ref().is_some_and(|r| r.verified_at.is_some());
        let steps = follow(&clock, &mut bulletins, verified).await;
        assert_eq!(steps.iter().filter(|b| is_resumed(b)).count(), 1);
        assert_eq!(steps.last().unwrap().state.stage, Stage::RolledBack);
        assert_eq!(world.weights(), [0, 0]);
        until(PATIENCE, is_gone).await.expect("what is verified is forgotten");
        engine.stop().await;
    });

    // It ended once more, this time between the journal and the file: nothing is left to do.
    world.intents().write(&intent).unwrap();
    runtime().block_on(async {
        let clock = SystemClock::shared();
        let (engine, mut bulletins, _commands) = world.engine(&clock).await;
        until(PATIENCE, is_gone).await.expect("what is over is forgotten");
        let steps = follow(&clock, &mut bulletins, |b| matches!(b.event, Event::Gap { .. })).await;
        assert!(!steps.iter().any(is_resumed));
        engine.stop().await;
    });
    assert_eq!(world.weights(), [0, 0]);
}
