//! A real environment opened as a window opens it: a plan from its file, orders through the console, everything of ours ended
//! in the middle of a word, and the rollout taken up from the store with what people had seen of it.
//!
//! The environment is a world in real time on a runtime of its own, which knows nothing of our processes.

mod kept;
mod locked;
mod unheard;

use std::collections::BTreeSet;
use std::sync::Arc;

use timonel_bridge::berth::{Berth, Moorings};
use timonel_bridge::console::{Asker, Keys, Surface, Watch};
use timonel_bridge::credentials::{Credentials, Keep};
use timonel_bridge::desk::HelmKeeper;
use timonel_domain::value::{Person, Writer};
use timonel_ports::clock::{SystemClock, within};
use timonel_ports::helm::{Helm, Take};
use timonel_ports::secrets::{SecretId, Secrets};
use timonel_simulator::simulator::Simulator;
use timonel_simulator::telnyx::{Fault, Scope};
use timonel_store::Sqlite;
use timonel_vault::{Environment, Session};
use timonel_wire::{
    Arg, Freshness, Order, Picture, Receipt, RoleName, Sentence, SeverityName, StageKind, Target, ToOpen, WireError,
};

use crate::played::runtime;
use crate::shift::Shift;
use crate::standing::PATIENCE;

const CREDENTIAL: &str = "cuenta-prueba";

fn asker(surface: Surface) -> Asker {
    let person = Person::new("luz").unwrap();
    Asker { surface, person }
}

/// An installation beside a world that stands for its real environment.
struct Port(Shift);

impl Port {
    fn new() -> Self {
        let port = Self(Shift::without_program());
        std::fs::write(port.plan(), port.plan_text()).unwrap();
        port
    }

    fn plan(&self) -> String {
        self.0.home().join("corto.toml").display().to_string()
    }

    /// In an environment that bears the name of the real one, with a list to sign.
    fn plan_text(&self) -> String {
        let text = self
            .0
            .plan_text()
            .replace("environments.prueba", "environments.produccion");
        let text = text.replace("environment = \"prueba\"", "environment = \"produccion\"");
        text + "\n[[checklists]]\nid = \"antes\"\nitems = [\"Todos avisados\"]\n"
    }

    fn in_production(&self) -> ToOpen {
        ToOpen::Plan {
            path: self.plan(),
            environment: "produccion".to_owned(),
        }
    }

    /// A program that has just been started, before it opened anything; its keys are gone with it.
    fn program(&self) -> Program {
        let clock = SystemClock::shared();
        let session: Arc<dyn Secrets> = Arc::new(Session::new(clock.clone()));
        let keys = Keys::new(Credentials::new(clock, Environment::new([]), vec![session]));
        let berth = Berth::new(Moorings {
            home: self.0.home().to_owned(),
            store: None,
            helm: HelmKeeper::Store,
            kubeconfig: Some(self.0.home().join("kubeconfig")),
            program: "ventana",
            keys: keys.clone(),
            speed: None,
            virtual_operator: false,
        });
        Program { berth, keys }
    }
}

struct Program {
    berth: Berth,
    keys: Keys,
}

impl Program {
    async fn is_given_the_key(&self) {
        let name = SecretId::new(CREDENTIAL).unwrap();
        let kept = self
            .keys
            .credentials()
            .put_in(Keep::Session, &name, Simulator::TELNYX_KEY.into());
        kept.await.unwrap();
    }

    async fn order(&self, order: Order) {
        let console = self.berth.console().await.unwrap();
        let said = console
            .order(&asker(Surface::Main), &console.picture().aim(), order.clone())
            .await;
        assert!(
            matches!(said, Ok(Receipt::Taken | Receipt::Handed)),
            "{order:?}: {said:?}"
        );
    }

    async fn refused(&self, open: &ToOpen) -> Sentence {
        let WireError(why) = self.berth.open(&asker(Surface::Main), open).await.unwrap_err();
        why
    }
}

/// A page: it knows only what batches told it.
struct Page {
    watch: Watch,
    picture: Picture,
}

impl Page {
    async fn of(program: &Program) -> Self {
        let mut watch = program.berth.watch().await.unwrap();
        let first = watch.next().await.expect("the first");
        let mut picture = (*program.berth.picture().unwrap()).clone();
        picture.apply(first);
        Self { watch, picture }
    }

    async fn until(&mut self, what: &str, fits: impl Fn(&Picture) -> bool) {
        let waiting = async {
            while !fits(&self.picture) {
                let batch = self.watch.next().await.expect("a batch");
                assert!(
                    batch.revision > self.picture.revision,
                    "a page passes over what is older"
                );
                self.picture.apply(batch);
            }
        };
        let ended = within(&*SystemClock::shared(), PATIENCE, waiting).await;
        assert!(ended.is_ok(), "{what}: {:#?}", self.picture);
    }
}

/// Runs `work`, which makes a world, within a runtime: a world has one of its own, which may not end within another.
fn beside(work: impl FnOnce() + Send) {
    std::thread::scope(|scope| scope.spawn(work).join()).expect("it says itself what went wrong");
}

fn splitter(picture: &Picture) -> &Target {
    let of = |target: &&Target| target.role == RoleName::Splitter;
    picture.targets.iter().find(of).expect("a splitter")
}

fn may(picture: &Picture, order: &str) -> bool {
    picture.rollout.may.iter().any(|name| name == order)
}

/// What people had seen of it. Taking it up adds to it and takes nothing away.
fn assert_remembered(before: &Picture, after: &Picture) {
    assert_eq!(after.rollout.id, before.rollout.id);
    assert_eq!(
        (after.rollout.stage, after.rollout.since),
        (before.rollout.stage, before.rollout.since)
    );
    for alert in &before.alerts {
        assert!(after.alerts.contains(alert), "{alert:?} is not in {:#?}", after.alerts);
    }
    for line in &before.journal {
        assert!(after.journal.contains(line), "{line:?} is not in {:#?}", after.journal);
    }
    assert_eq!(after.emergency.last_drill, before.emergency.last_drill);
    let entered = |picture: &Picture| picture.phases.iter().map(|p| p.entered_at).collect::<Vec<_>>();
    assert_eq!(entered(after), entered(before));
    assert_eq!(after.checklists, before.checklists);
}

/// Opens the plan, drills, starts, and ends everything of ours once the first phase bakes. Gives what was seen last.
fn rolled_out_and_killed(port: &Port) -> Picture {
    let ours = runtime();
    let seen = ours.block_on(async {
        let program = port.program();
        program.berth.begin(None).await;
        let mut page = Page::of(&program).await;
        assert!(page.picture.environment.simulated, "nothing real is there yet");

        let why = program.refused(&port.in_production()).await;
        assert_eq!(why.code, "error-open-no-key", "{why:?}");
        assert_eq!(why.args["credential"], Arg::text(CREDENTIAL));
        let known = program.berth.environments().await;
        assert!(
            known.simulated && known.rollouts.is_empty(),
            "nothing was begun: {known:?}"
        );

        program.is_given_the_key().await;
        let wall = program
            .berth
            .open(&asker(Surface::Wallboard), &port.in_production())
            .await;
        assert_eq!(wall.unwrap_err().0.code, "error-read-only");
        program
            .berth
            .open(&asker(Surface::Main), &port.in_production())
            .await
            .unwrap();
        page.until("the real environment, without asking again", |p| {
            !p.environment.simulated
        })
        .await;
        assert_eq!(page.picture.environment.name, "produccion");
        assert_eq!(
            (page.picture.environment.speed, &page.picture.environment.scenario),
            (None, &None)
        );
        assert_eq!(page.picture.rollout.stage, StageKind::Draft);
        assert!(
            page.picture.rollout.id.starts_with("corto-numeros-20"),
            "{}",
            page.picture.rollout.id
        );
        assert!(
            port.0.on_canary().is_empty() && port.0.follower() == 0,
            "opening moves nothing"
        );

        program.order(Order::SignAll).await;
        let live = |p: &Picture| p.sources.iter().all(|s| s.freshness == Freshness::Live);
        page.until("live sources", live).await;
        program.order(Order::Arm).await;
        page.until("armed", |p| p.rollout.stage == StageKind::Armed && may(p, "drill"))
            .await;
        program.order(Order::Drill).await;
        page.until("drilled", |p| {
            p.emergency.last_drill.is_some() && may(p, "start") && p.targets.iter().all(|t| t.op.is_none())
        })
        .await;
        let drill = page
            .picture
            .alerts
            .iter()
            .find(|a| a.sentence.code == "notice-drill-started")
            .unwrap();
        let console = program.berth.console().await.unwrap();
        console
            .acknowledge(&asker(Surface::Main), &page.picture.aim(), &drill.id, "visto")
            .await
            .unwrap();
        program.order(Order::Start).await;
        page.until("its first phase, seen, and on the disk", |p| {
            let seen = p
                .alerts
                .iter()
                .any(|a| a.acknowledged.as_ref().is_some_and(|by| by.comment == "visto"));
            p.rollout.stage == StageKind::Baking && seen && p.environment.unwritten == 0
        })
        .await;
        let why = program.refused(&ToOpen::Simulator).await;
        assert_eq!(why.code, "error-open-under-way");
        assert!(program.berth.environments().await.stays.is_some());
        page.picture
    });
    assert!(!port.0.on_canary().is_empty());
    assert_eq!(port.0.follower(), 100);
    // No stop, no flush: whatever was not on the disk is lost.
    ours.shutdown_background();
    seen
}

#[test]
fn a_plan_is_opened_in_its_real_environment_taken_up_after_a_crash_and_put_back() {
    let port = Port::new();
    let before = rolled_out_and_killed(&port);
    runtime().block_on(async {
        let program = port.program();
        program.is_given_the_key().await;
        program.berth.begin(None).await;
        let mut page = Page::of(&program).await;
        page.until("where it was", |p| p.rollout.stage == before.rollout.stage)
            .await;
        assert!(!page.picture.environment.simulated);
        assert_remembered(&before, &page.picture);

        program.order(Order::RollBack { confirmed: false }).await;
        page.until("four marks", |p| {
            let marks = splitter(p).marks;
            marks.accepted.is_some() && marks.read_back.is_some() && marks.seen.is_some() && marks.drained.is_some()
        })
        .await;
        page.until("nothing under way", |p| {
            may(p, "close") && p.targets.iter().all(|t| t.op.is_none())
        })
        .await;
        assert_eq!((port.0.on_canary(), port.0.follower()), (BTreeSet::new(), 0));

        assert_eq!(program.refused(&ToOpen::Simulator).await.code, "error-open-under-way");
        program.order(Order::Close).await;
        page.until("closed", |p| p.rollout.stage == StageKind::Closed).await;
        program
            .berth
            .open(&asker(Surface::Browser), &ToOpen::Simulator)
            .await
            .unwrap();
        page.until("the simulator", |p| p.environment.simulated).await;
        let [known] = &program.berth.environments().await.rollouts[..] else {
            panic!("one rollout");
        };
        assert_eq!(
            (known.stage, known.open, known.under_way),
            (Some(StageKind::Closed), false, false)
        );

        // What is over is not taken up again: the same plan on the same day gets a number.
        program
            .berth
            .open(&asker(Surface::Main), &port.in_production())
            .await
            .unwrap();
        page.until("a new one", |p| p.rollout.id == format!("{}-2", before.rollout.id))
            .await;
        program.berth.close().await;
        while page.watch.next().await.is_some() {}
    });
}

#[test]
fn a_key_that_is_missing_is_the_problem_of_its_own_target_until_it_comes() {
    let port = Port::new();
    let before = rolled_out_and_killed(&port);
    runtime().block_on(async {
        let program = port.program();
        program.berth.begin(None).await;
        let mut page = Page::of(&program).await;
        assert_remembered(&before, &page.picture);
        let told = |p: &Picture| {
            let of = |a: &&timonel_wire::Alert| a.sentence.code == "notice-target-unread";
            p.alerts.iter().find(of).cloned()
        };
        page.until("that a key is missing", |p| told(p).is_some()).await;
        let alert = told(&page.picture).unwrap();
        assert_eq!((alert.severity, alert.resolved_at), (SeverityName::Critical, None));
        let Arg::Sentence(why) = &alert.sentence.args["why"] else {
            panic!("{alert:?}");
        };
        assert_eq!(
            (why.code.as_str(), &why.args["said"]),
            ("why-target-no-key", &Arg::text(CREDENTIAL))
        );

        program.order(Order::RollBack { confirmed: false }).await;
        page.until("the other target is back, and what to paste for this one", |p| {
            let (with, without): (Vec<_>, Vec<_>) = p.targets.iter().partition(|t| t.role == RoleName::Follower);
            with[0].marks.read_back.is_some() && !without[0].manual.is_empty() && without[0].marks.read_back.is_none()
        })
        .await;
        assert_eq!(port.0.follower(), 0);
        assert!(!port.0.on_canary().is_empty());

        program.is_given_the_key().await;
        page.until("its own target, without a restart", |p| {
            p.rollout.stage == StageKind::RolledBack && p.targets.iter().all(|t| t.op.is_none())
        })
        .await;
        assert_eq!(port.0.on_canary(), BTreeSet::new());
        assert!(told(&page.picture).is_some_and(|alert| alert.resolved_at.is_some()));
        program.berth.close().await;
    });
}

#[test]
fn what_cannot_be_opened_is_told_and_what_was_open_stays() {
    let port = Port::new();
    runtime().block_on(async {
        let program = port.program();
        program.is_given_the_key().await;
        let nowhere = ToOpen::Plan {
            path: port.0.home().join("none.toml").display().to_string(),
            environment: "produccion".to_owned(),
        };
        program.berth.begin(Some(nowhere)).await;
        let WireError(why) = program.berth.console().await.unwrap_err();
        assert_eq!(why.code, "error-open-plan-unreadable", "and no simulator in its place");
        assert_eq!(program.berth.environments().await.closed, Some(why));
        program
            .berth
            .open(&asker(Surface::Main), &ToOpen::Simulator)
            .await
            .unwrap();

        let plan = |path: &str, environment: &str| ToOpen::Plan {
            path: path.to_owned(),
            environment: environment.to_owned(),
        };
        let broken = port.0.home().join("broken.toml");
        std::fs::write(&broken, port.plan_text().replace("weight = 60", "weight = 160")).unwrap();
        let broken = broken.display().to_string();
        for (open, code) in [
            (plan("corto.toml", "produccion"), "error-open-plan-relative"),
            (plan(&port.plan(), "prueba"), "error-open-unknown-environment"),
            (plan(&port.plan(), "simulador"), "error-open-unknown-environment"),
            (plan(&broken, "produccion"), "error-open-plan-unsound"),
            (
                ToOpen::Rollout {
                    rollout: "otro".to_owned(),
                },
                "error-open-unknown-rollout",
            ),
        ] {
            assert_eq!(program.refused(&open).await.code, code, "{open:?}");
        }
        let file = program.berth.plan_file(&asker(Surface::Main), &broken).await.unwrap();
        assert!(file.name.is_none() && file.environments.is_empty());
        let finding = file.findings.iter().find(|f| f.error).expect("an error");
        let line = port.plan_text().lines().position(|l| l == "weight = 60").unwrap() + 1;
        assert_eq!(finding.line, u32::try_from(line).ok(), "{finding:?}");
        let good = program
            .berth
            .plan_file(&asker(Surface::Main), &port.plan())
            .await
            .unwrap();
        assert_eq!(good.environments, ["produccion"]);

        let down = port.0.account().faults();
        let fault = down.set(Scope::All, Fault::Reset);
        let why = program.refused(&port.in_production()).await;
        assert_eq!(
            (why.code.as_str(), &why.args["target"]),
            ("error-open-target", &Arg::text("telnyx"))
        );
        down.clear(fault);
        assert!(program.berth.picture().unwrap().environment.simulated);
        assert!(
            program.berth.environments().await.rollouts.is_empty(),
            "nothing was begun"
        );

        program
            .berth
            .open(&asker(Surface::Main), &port.in_production())
            .await
            .unwrap();
        let first = program.berth.console().await.unwrap();
        // A draft may be left, and the same plan leads back to it.
        program
            .berth
            .open(&asker(Surface::Main), &ToOpen::Simulator)
            .await
            .unwrap();
        program
            .berth
            .open(&asker(Surface::Main), &port.in_production())
            .await
            .unwrap();
        let again = program.berth.console().await.unwrap();
        assert_eq!(again.rollout(), first.rollout());
        program.berth.close().await;
    });
}

#[test]
fn what_lost_its_helm_stays_until_that_is_free_and_is_then_taken_up_anew() {
    let port = Port::new();
    runtime().block_on(async {
        let clock = SystemClock::shared();
        let program = port.program();
        program.berth.begin(None).await;
        program.is_given_the_key().await;
        program
            .berth
            .open(&asker(Surface::Main), &port.in_production())
            .await
            .unwrap();
        let console = program.berth.console().await.unwrap();
        let mut page = Page::of(&program).await;

        // As a rollback from a terminal does.
        let store = Sqlite::open(&port.0.home().join("timonel.db"), clock.clone())
            .await
            .unwrap();
        let other = Writer::new("escritorio").unwrap();
        let epoch = store.take(console.rollout(), &other, Take::ByForce).await.unwrap();
        let elsewhere = |p: &Picture| p.rollout.helm.as_ref().is_some_and(|helm| !helm.here);
        page.until("that another has it", elsewhere).await;
        store.renew(console.rollout(), &other, epoch).await.unwrap();
        assert_eq!(program.berth.console().await.unwrap().rollout(), console.rollout());

        store.release(console.rollout(), &other, epoch).await.unwrap();
        let anew = within(&*clock, PATIENCE, program.berth.after(Some(&console))).await;
        let anew = anew.expect("in time").expect("it goes on");
        assert_eq!(anew.rollout(), console.rollout());
        page.until("the helm again", |p| !elsewhere(p)).await;
        program.berth.close().await;
    });
}
