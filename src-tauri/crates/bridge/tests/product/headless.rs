//! The engine without a window: what a killed engine left goes on, what is told to end says what it leaves, what hangs is told of,
//! and an Alertmanager misses what is gone.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use timonel_bridge::Desk;
use timonel_bridge::credentials::Credentials;
use timonel_bridge::desk::HelmKeeper;
use timonel_bridge::headless::{Duty, Headless};
use timonel_domain::rollout::{Generation, Level};
use timonel_domain::time::{Mono, Timestamp};
use timonel_domain::value::{Weight, Writer};
use timonel_http::{Client, Limits, Method, Request};
use timonel_journal::intent::Intent;
use timonel_ports::clock::{Busy, Clock, InFlight, SharedClock, Sleep, SystemClock};
use timonel_ports::helm::{Helm, Take};
use timonel_store::Sqlite;
use timonel_testkit::process::{AlertmanagerServer, Process, ProcessError, until};

use crate::played::{data, read};
use crate::standing::{PATIENCE, rollout, timonelctl};
use crate::taken_up::World;

/// `timonelctl engine`, running.
struct Engine {
    process: Process,
    http: Client,
    at: String,
}

impl Engine {
    async fn start(program: &Path, home: &Path, kubeconfig: &Path, more: &[&str]) -> Self {
        let args = |_: &Path| {
            let mut args: Vec<OsString> = ["engine", "--lang", "en", "--listen", "127.0.0.1:0", "--home"]
                .map(Into::into)
                .into();
            args.extend([home.into(), "--kubeconfig".into(), kubeconfig.into()]);
            args.extend(more.iter().map(Into::into));
            Ok(args)
        };
        let mut process = Process::start(program.to_str().unwrap(), args).unwrap();
        process.says("/metrics.").await.unwrap();
        let said = process.said();
        let at: String = said
            .split("It answers at ")
            .nth(1)
            .unwrap()
            .chars()
            .take_while(|c| !c.is_whitespace())
            .collect();
        let at = at.trim_end_matches(':').to_owned();
        let _: SocketAddr = at.trim_start_matches("http://").parse().unwrap();
        let http = Client::new(SystemClock::shared(), Limits::default()).unwrap();
        Self { process, http, at }
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let answer = self
            .http
            .send(Request::get(&format!("{}{path}", self.at)).unwrap())
            .await
            .unwrap();
        (
            answer.status.as_u16(),
            String::from_utf8_lossy(&answer.body).into_owned(),
        )
    }

    /// The value of a metric of the rollout by its name and what follows the rollout's label.
    async fn metric(&self, name: &str, labels: &str) -> Option<f64> {
        let begins = format!("{name}{{rollout=\"{}\"{labels}}} ", rollout());
        let (_, text) = self.get("/metrics").await;
        text.lines().find_map(|line| line.strip_prefix(&begins)?.parse().ok())
    }

    async fn until_metric(&self, name: &str, labels: &str, is: f64) {
        let seen = until(PATIENCE, async || {
            (self.metric(name, labels).await == Some(is)).then_some(())
        });
        if seen.await.is_none() {
            panic!(
                "no {name} {is}: {}\n{}",
                self.get("/metrics").await.1,
                self.process.said()
            );
        }
    }

    async fn ends(mut self, signal: &str, with: Option<i32>) -> String {
        self.process.signal(signal);
        let ended = self.process.ended(PATIENCE).await.expect("it ends");
        assert_eq!(ended.code(), with, "{}", self.process.said());
        self.process.said()
    }
}

fn intent(world: &World) -> Intent {
    let targets = world
        .plan()
        .0
        .plan
        .targets
        .iter()
        .map(|t| (t.id.clone(), Weight::ZERO))
        .collect();
    Intent {
        rollout: rollout(),
        plan_revision: 1,
        generation: Generation { epoch: 1, revision: 1 },
        level: Level::Total,
        cause: "rule errores-10".to_owned(),
        occurred_at: SystemClock::shared().now(),
        targets,
    }
}

#[test]
fn a_server_goes_on_with_what_a_killed_engine_left_and_again_after_a_kill_of_its_own() {
    let Some(program) = timonelctl() else { return };
    let world = World::start();
    world.rolled_out_and_killed();
    crate::played::runtime().block_on(async {
        let engine = Engine::start(&program, world.home(), &world.kubeconfig(), &[]).await;
        engine
            .until_metric("timonel_target_accepted_weight_ratio", ",target=\"casos\"", 0.25)
            .await;
        engine.until_metric("timonel_helm_held", "", 1.0).await;
        let ready = until(PATIENCE, async || (engine.get("/readyz").await.0 == 200).then_some(()));
        assert!(ready.await.is_some(), "{}", engine.get("/readyz").await.1);
        assert_eq!(engine.get("/healthz").await.0, 200);
        assert_eq!(world.weights(), [25, 100], "taking up moves nothing");
        engine.ends("KILL", None).await;

        // A crash cut a rollback short.
        world.intents().write(&intent(&world)).unwrap();
        let engine = Engine::start(&program, world.home(), &world.kubeconfig(), &[]).await;
        let back = until(PATIENCE, async || (world.weights() == [0, 0]).then_some(()));
        assert!(back.await.is_some(), "{}", engine.process.said());
        engine.until_metric("timonel_rollbacks_total", "", 1.0).await;
        engine.until_metric("timonel_latched", "", 1.0).await;
        let said = engine.ends("TERM", Some(0)).await;
        assert!(said.contains("Everything is written down"), "{said}");
    });
}

#[test]
fn calls_that_are_pushed_put_everything_back_and_what_they_do_not_tell_is_read_as_before() {
    let Some(program) = timonelctl() else { return };
    let world = World::start();
    world.rolled_out_and_killed();
    crate::played::runtime().block_on(async {
        let inbox = ["--inbox", "metrics=127.0.0.1:0"];
        let engine = Engine::start(&program, world.home(), &world.kubeconfig(), &inbox).await;
        engine
            .until_metric("timonel_target_accepted_weight_ratio", ",target=\"casos\"", 0.25)
            .await;
        let said = engine.process.said();
        let at = said.split("are taken at ").nth(1).unwrap();
        let url = at.replace("ROLLOUT", rollout().as_str());
        let url = url.split(',').next().unwrap();
        let mut n = 0;
        let back = until(PATIENCE, async || {
            n += 1;
            for (arm, failed) in [("stable", false), ("canary", true)] {
                let now = SystemClock::shared().now();
                let call = json!({"id": format!("{arm}-{n}"), "arm": arm, "failed": failed, "at": now});
                let request = Request::new(Method::POST, url).unwrap().json(&call).unwrap();
                let answer = engine.http.send(request).await.unwrap();
                let said = String::from_utf8_lossy(&answer.body).into_owned();
                assert_eq!(said, r#"{"again":0,"counted":1,"late":0}"#);
            }
            (world.weights() == [0, 0]).then_some(())
        });
        assert!(back.await.is_some(), "{}", engine.process.said());
        let read = ",signal=\"asignadas\",side=\"stable\"";
        engine.until_metric("timonel_signal_lost", read, 0.0).await;
        engine.ends("TERM", Some(0)).await;
    });
}

#[test]
fn a_rollback_under_way_is_waited_for_and_told_of_and_goes_on_with_the_next_start() {
    let Some(program) = timonelctl() else { return };
    let world = World::start();
    world.rolled_out_and_killed();
    world.intents().write(&intent(&world)).unwrap();
    crate::played::runtime().block_on(async {
        // The cluster cannot be reached by this one.
        let nowhere = world.home().join("nowhere");
        let text = read(&world.kubeconfig());
        let port = text
            .split("127.0.0.1:")
            .nth(1)
            .unwrap()
            .chars()
            .take_while(char::is_ascii_digit)
            .collect::<String>();
        std::fs::write(&nowhere, text.replace(&format!("127.0.0.1:{port}"), "127.0.0.1:9")).unwrap();
        let engine = Engine::start(&program, world.home(), &nowhere, &["--grace", "2s"]).await;
        engine.until_metric("timonel_rolling_back", "", 1.0).await;
        let said = engine.ends("TERM", Some(1)).await;
        assert!(said.contains("do not leave it off"), "{said}");
        assert_eq!(
            world.intents().pending().unwrap().len(),
            1,
            "the next start knows of it"
        );
        assert_eq!(world.weights(), [25, 100]);

        let engine = Engine::start(&program, world.home(), &world.kubeconfig(), &[]).await;
        let back = until(PATIENCE, async || (world.weights() == [0, 0]).then_some(()));
        assert!(back.await.is_some(), "{}", engine.process.said());
        engine.until_metric("timonel_rolling_back", "", 0.0).await;
        engine.ends("INT", Some(0)).await;
    });
}

#[test]
fn an_alertmanager_misses_whoever_is_gone() {
    let Some(program) = timonelctl() else { return };
    crate::played::runtime().block_on(async {
        let alertmanager = match AlertmanagerServer::start().await {
            Ok(server) => server,
            Err(ProcessError::Missing { program }) => {
                println!("skipped: `{program}` is not installed");
                return;
            }
            Err(other) => panic!("{other}"),
        };
        let home = drafted(SystemClock::shared()).await;
        let more = [
            "--alertmanager",
            &alertmanager.url(),
            "--heartbeat-every",
            "1s",
            "--name",
            "servidor-a",
        ];
        let engine = Engine::start(&program, home.path(), &home.path().join("none"), &more).await;
        let firing = async || {
            let request = Request::get(&format!("{}/api/v2/alerts", alertmanager.url())).unwrap();
            let alerts: Value = engine.http.send(request).await.unwrap().json().unwrap();
            alerts.as_array().unwrap().clone()
        };
        let alert = until(PATIENCE, async || firing().await.pop()).await.expect("it fires");
        assert_eq!(alert["labels"]["alertname"], "Watchdog");
        assert_eq!(alert["labels"]["engine"], "servidor-a");
        assert_eq!(alert["status"]["state"], "active");
        // It is renewed, and is the same alert.
        let renewed = until(PATIENCE, async || {
            let now = firing().await.pop()?;
            (now["endsAt"] != alert["endsAt"]).then_some(now)
        });
        let renewed = renewed.await.expect("it is renewed");
        assert_eq!(
            (&renewed["fingerprint"], &renewed["startsAt"]),
            (&alert["fingerprint"], &alert["startsAt"])
        );
        engine.process.signal("KILL");
        let missed = until(PATIENCE, async || firing().await.is_empty().then_some(()));
        assert!(missed.await.is_some(), "it ends by itself");
    });
}

/// An installation with a draft.
async fn drafted(clock: SharedClock) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let desk = Desk::open(home.path(), &clock).await.unwrap();
    desk.draft(&read(&data("short.toml")), "prueba").await.unwrap();
    home
}

/// The machine's clock, whose wall time somebody can stop from being told: whoever asks for it hangs where it stands.
#[derive(Debug)]
struct Stuck {
    inner: SharedClock,
    stuck: Arc<(Mutex<bool>, Condvar)>,
}

impl Clock for Stuck {
    fn now(&self) -> Timestamp {
        let (stuck, changed) = &*self.stuck;
        drop(changed.wait_while(stuck.lock().unwrap(), |stuck| *stuck).unwrap());
        self.inner.now()
    }
    fn mono(&self) -> Mono {
        self.inner.mono()
    }
    fn sleep_until(&self, at: Mono) -> Sleep {
        self.inner.sleep_until(at)
    }
    fn busy(&self) -> Busy {
        self.inner.busy()
    }
    fn request(&self) -> InFlight {
        self.inner.request()
    }
}

/// Whatever becomes of the test, nobody hangs after it.
struct Switch(Arc<(Mutex<bool>, Condvar)>);

impl Switch {
    fn set(&self, on: bool) {
        let (stuck, changed) = &*self.0;
        *stuck.lock().unwrap() = on;
        changed.notify_all();
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        self.set(false);
    }
}

#[test]
fn an_owner_that_hangs_is_told_of_and_so_is_its_return() {
    // Whoever else asks for the time hangs as well, each on a thread, and with one of them perhaps the timers of all. So whoever
    // asks how things stand has threads of its own, as the probes have.
    let mut engines = tokio::runtime::Builder::new_multi_thread();
    let engines = engines.worker_threads(16).enable_all().build().unwrap();
    let stuck = Arc::new((Mutex::new(false), Condvar::new()));
    let switch = Switch(stuck.clone());
    let clock: SharedClock = Arc::new(Stuck {
        inner: SystemClock::shared(),
        stuck,
    });
    let (home, headless) = engines.block_on(async {
        let home = drafted(SystemClock::shared()).await;
        let headless = Headless::on(duty(home.path()), clock);
        headless.begin();
        (home, headless)
    });
    crate::played::runtime().block_on(async {
        let healthy = async || {
            let health = headless.health().await;
            (!health.owners.is_empty() && health.is_good()).then_some(health)
        };
        until(PATIENCE, healthy).await.expect("it is taken up and answers");
        switch.set(true);
        let ill = until(PATIENCE, async || {
            Some(headless.health().await).filter(|health| !health.is_good())
        });
        let ill = ill.await.expect("an owner that hangs does not answer");
        assert!(ill.owners.values().all(Option::is_none), "{ill:?}");
        let figures = headless.figures().await;
        assert!(figures.rollouts.iter().all(|of| of.said.is_none()));
        switch.set(false);
        until(PATIENCE, healthy).await.expect("it answers again");
        let left = headless.stop(Duration::ZERO, std::future::pending()).await;
        assert!(left.is_nothing(), "{left:?}");
    });
    drop(home);
}

fn duty(home: &Path) -> Duty {
    Duty {
        helm: HelmKeeper::Store,
        home: home.to_owned(),
        store: None,
        name: Writer::new("motor").unwrap(),
        kubeconfig: Some(PathBuf::from("/nonexistent/kubeconfig")),
        credentials: Credentials::of_installation(home),
        only: None,
        pushed: None,
    }
}

#[test]
fn every_open_rollout_is_kept_up_and_one_that_is_opened_later_too() {
    crate::played::runtime().block_on(async {
        let clock = SystemClock::shared();
        let home = drafted(clock.clone()).await;
        let desk = Desk::open(home.path(), &clock).await.unwrap();
        let plan = read(&data("short.toml"));
        desk.draft(&plan, "prueba").await.unwrap();
        let headless = Headless::on(duty(home.path()), clock.clone());
        headless.begin();
        let of = async |n: usize| (headless.rollouts().len() == n).then_some(());
        until(PATIENCE, async || of(2).await).await.expect("both are taken up");
        desk.draft(&plan, "prueba").await.unwrap();
        until(PATIENCE, async || of(3).await)
            .await
            .expect("the third is taken up");
        let health = headless.health().await;
        assert!(health.is_good() && health.owners.len() == 3, "{health:?}");
        assert!(headless.stop(Duration::ZERO, std::future::pending()).await.is_nothing());
    });
}

#[test]
fn whoever_takes_the_helm_is_stood_by_for_and_then_followed() {
    crate::played::runtime().block_on(async {
        let clock = SystemClock::shared();
        let home = drafted(clock.clone()).await;
        let headless = Headless::on(duty(home.path()), clock.clone());
        headless.begin();
        let rollout = until(PATIENCE, async || headless.rollouts().pop())
            .await
            .expect("taken up");
        let helm = async || {
            let needs = headless.readiness().await;
            needs
                .into_iter()
                .find(|need| need.what == "helm")
                .map(|need| need.proof)
        };
        assert!(helm().await.unwrap().starts_with("held, epoch"), "{:?}", helm().await);

        // As a rollback from a terminal does.
        let store = Sqlite::open(&home.path().join("timonel.db"), clock.clone())
            .await
            .unwrap();
        let other = Writer::new("escritorio").unwrap();
        let epoch = store.take(&rollout, &other, Take::ByForce).await.unwrap();
        let stands_by = until(PATIENCE, async || {
            store.renew(&rollout, &other, epoch).await.unwrap();
            let proof = helm().await.unwrap_or_default();
            (headless.rollouts().is_empty() && proof.contains("standby: escritorio")).then_some(())
        });
        assert!(stands_by.await.is_some(), "{:?}", headless.readiness().await);

        store.release(&rollout, &other, epoch).await.unwrap();
        let again = until(PATIENCE, async || headless.rollouts().pop()).await;
        assert_eq!(again, Some(rollout.clone()), "it is taken up anew");
        assert_eq!(helm().await, Some(format!("held, epoch {}", epoch + 1)));
        assert!(headless.stop(Duration::ZERO, std::future::pending()).await.is_nothing());
    });
}
