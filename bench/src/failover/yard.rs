//! What a failover needs around it: a cluster with its traffic in real time, a PostgreSQL server, two engines of the program and
//! a person at a terminal.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use timonel_domain::time::Mono;
use timonel_domain::value::RolloutId;
use timonel_journal::entry::Entry;
use timonel_journal::record::{STEP, StepRecord};
use timonel_plan::parsed::Way;
use timonel_ports::clock::{SharedClock, SystemClock, sleep, within};
use timonel_ports::helm::{Held, Helm};
use timonel_ports::store::{JournalStore, Part, Position, RolloutStore};
use timonel_ports::task::{Task, spawn};
use timonel_simulator::simulator::{FOLLOWER, NAMESPACE, Place, SPLITTER, Simulator};
use timonel_simulator::time::{Speed, VirtualClock};
use timonel_store::Database;
use timonel_testkit::process::{Postgres, Process, ProcessError, until};

/// A plan of two targets that the tests of the bridge run too.
const PLAN: &str = include_str!("../../../src-tauri/crates/bridge/tests/product/data/short.toml");
const SCENARIO: &str = include_str!("../../../src-tauri/crates/bridge/tests/product/data/short-errors.toml");
const ENVIRONMENT: &str = "prueba";
/// For anything that is waited for, on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(90);
/// Kills are this much further on in the five seconds between two renewals each time.
pub(super) const PHASE: Duration = Duration::from_millis(500);
/// The splitter's and the follower's share of the canary, in percent, while the rollout bakes.
const BAKING: [u32; 2] = [25, 100];
/// Between two beats of a world that stands alone: virtual time goes from sleeper to sleeper.
const BEAT: Duration = Duration::from_millis(20);
const NAMES: [&str; 2] = ["motor-a", "motor-b"];

pub(super) fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}

pub(super) struct Yard {
    clock: SharedClock,
    simulator: Simulator,
    server: Postgres,
    url: SecretString,
    store: Arc<Database>,
    folder: tempfile::TempDir,
    program: PathBuf,
    engines: [Option<Process>; 2],
    writes: Arc<AtomicUsize>,
    _tasks: Vec<Task<()>>,
}

impl Yard {
    pub(super) async fn start() -> Result<Self, String> {
        let clock = SystemClock::shared();
        let ours = std::env::current_exe().map_err(said)?;
        let program = ours.with_file_name(format!("timonelctl{}", std::env::consts::EXE_SUFFIX));
        if !program.is_file() {
            return Err(format!(
                "{} is not built; `cargo xtask bench failover` builds it",
                program.display()
            ));
        }
        let server = match Postgres::start().await {
            Ok(server) => server,
            Err(ProcessError::Missing { program }) => {
                return Err(format!("there is no {program} here: install postgresql"));
            }
            Err(other) => return Err(other.to_string()),
        };
        let url = server.database().map_err(said)?;
        let store = Arc::new(timonel_store::open(&url, clock.clone()).await.map_err(said)?);
        let (simulator, world) = world(&clock).await?;
        let writes = Arc::new(AtomicUsize::new(0));
        let (mut changes, count) = (simulator.cluster().changes(), writes.clone());
        let counting = spawn(&clock, async move {
            while changes.next().await.is_some() {
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        let folder = tempfile::tempdir().map_err(said)?;
        let plan = PLAN
            .replace("http://127.0.0.1:9/metrics", &simulator.metrics_url())
            .replace("bake = \"12s\"", "bake = \"1h\"");
        std::fs::write(folder.path().join("plan.toml"), plan).map_err(said)?;
        std::fs::write(folder.path().join("kubeconfig"), simulator.kubeconfig()).map_err(said)?;
        let mut yard = Self {
            clock,
            simulator,
            server,
            url,
            store,
            folder,
            program,
            engines: [None, None],
            writes,
            _tasks: vec![world, counting],
        };
        for which in 0..NAMES.len() {
            yard.start_engine(which).await?;
        }
        Ok(yard)
    }

    pub(super) fn now(&self) -> Mono {
        self.clock.mono()
    }

    /// Seconds since then.
    pub(super) fn since(&self, then: Mono) -> f64 {
        self.now().saturating_since(then).as_secs_f64()
    }

    /// Writes that changed an object of the cluster, since the beginning.
    pub(super) fn writes(&self) -> usize {
        self.writes.load(Ordering::Relaxed)
    }

    /// What the data plane gives the canary of the splitter and of the follower, in percent.
    pub(super) fn weights(&self) -> [u32; 2] {
        [(SPLITTER, "casos"), (FOLLOWER, "derivacion")].map(|(object, route)| {
            let shares = self.simulator.cluster().effective_weights(NAMESPACE, object, route);
            shares.iter().filter(|s| s.subset == "canary").map(|s| s.weight).sum()
        })
    }

    pub(super) async fn start_engine(&mut self, which: usize) -> Result<(), String> {
        let home = self.folder.path().join(NAMES[which]);
        let args = ["engine", "--listen", "127.0.0.1:0", "--name", NAMES[which], "--home"];
        let mut process = self.process(args.map(OsString::from).into_iter().chain([home.into()]))?;
        process.says("/metrics").await.map_err(said)?;
        self.engines[which] = Some(process);
        Ok(())
    }

    /// Until an engine says that it stands by.
    pub(super) async fn stands_by(&mut self, which: usize) -> Result<(), String> {
        match &mut self.engines[which] {
            Some(engine) => engine.says("this one stands by").await.map_err(said),
            None => Err(format!("{} does not run", NAMES[which])),
        }
    }

    /// A new rollout, brought to its first weight by a person at a terminal, with one engine at it and one that stands by.
    pub(super) async fn bakes(&mut self) -> Result<RolloutId, String> {
        let plan = self.folder.path().join("plan.toml");
        let before: Vec<_> = self.rollouts().await?;
        let open = ["open", "--environment", ENVIRONMENT].map(OsString::from);
        let open = self.process(
            open.into_iter()
                .chain([plan.into(), "--home".into(), self.desk().into()]),
        )?;
        self.ended(open).await?;
        let mut new = self.rollouts().await?;
        new.retain(|id| !before.contains(id));
        let rollout = new.pop().ok_or("no rollout was opened")?;
        self.is_kept_up(&rollout).await?;
        // Refused until every signal was read.
        let begun = self.now();
        loop {
            let mut arm = self.press(&["arm", "--by", "guardia"], &rollout)?;
            let ended = arm.ended(PATIENCE).await.ok_or("`arm` does not end")?;
            if ended.success() {
                break;
            }
            if self.since(begun) > PATIENCE.as_secs_f64() {
                return Err(format!("it cannot be armed: {}", arm.said()));
            }
        }
        let start = self.press(&["start", "--by", "guardia"], &rollout)?;
        self.ended(start).await?;
        self.until("it bakes", async |yard| yard.weights() == BAKING).await?;
        let stage = |step: &StepRecord| format!("{:?}", step.event).contains("TargetRead");
        self.until_step(&rollout, Position::START, stage).await?;
        let holder = self.holder(&rollout).await?.0;
        self.stands_by(1 - holder).await?;
        Ok(rollout)
    }

    /// Closes what is rolled back, or rolls it back first.
    pub(super) async fn close(&mut self, rollout: &RolloutId) -> Result<(), String> {
        if self.weights() != [0, 0] {
            let press = self.press(&["rollback", "--by", "guardia"], rollout)?;
            self.ended(press).await?;
        }
        self.is_kept_up(rollout).await?;
        let reset = self.press(&["reset", "--reason", "el banco sigue", "--by", "guardia"], rollout)?;
        self.ended(reset).await?;
        let close = self.press(&["close", "--by", "guardia"], rollout)?;
        self.ended(close).await
    }

    /// A person at a terminal orders something.
    pub(super) fn press(&self, order: &[&str], rollout: &RolloutId) -> Result<Process, String> {
        let more = ["--rollout", rollout.as_str(), "--home"];
        let args = order.iter().chain(&more).map(OsString::from);
        self.process(args.chain([self.desk().into()]))
    }

    /// Until it has ended as it should.
    pub(super) async fn ended(&self, mut process: Process) -> Result<(), String> {
        match process.ended(PATIENCE).await {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(format!("timonelctl: {status}: {}", process.said())),
            None => Err(format!("timonelctl does not end: {}", process.said())),
        }
    }

    /// Kills whoever has the helm, as `kill -9` does. Which one, and when.
    pub(super) async fn kill_holder(&mut self, rollout: &RolloutId) -> Result<(usize, Mono), String> {
        let (which, _) = self.holder(rollout).await?;
        let mut process = self.engines[which].take().ok_or("the holder does not run")?;
        let at = self.now();
        process.signal("KILL");
        process.ended(PATIENCE).await.ok_or("it survives a kill")?;
        Ok((which, at))
    }

    /// Seconds of the holder's lease that are left, by the server's clock, which is this machine's.
    pub(super) async fn lease_left(&self, rollout: &RolloutId) -> Result<f64, String> {
        let (_, held) = self.holder(rollout).await?;
        Ok(held.until.since(self.clock.now()).as_secs_f64())
    }

    /// Until an engine has the helm.
    pub(super) async fn is_kept_up(&self, rollout: &RolloutId) -> Result<(), String> {
        self.until("an engine has the helm", async |yard| {
            yard.holder(rollout).await.is_ok()
        })
        .await
    }

    async fn holder(&self, rollout: &RolloutId) -> Result<(usize, Held), String> {
        let held = self.store.current(rollout).await.map_err(said)?.held;
        let held = held.ok_or("nobody has the helm")?;
        let which = NAMES.iter().position(|name| held.by.as_str().starts_with(name));
        Ok((which.ok_or_else(|| format!("{} has the helm", held.by))?, held))
    }

    async fn rollouts(&self) -> Result<Vec<RolloutId>, String> {
        let rows = self.store.rollouts().await.map_err(said)?;
        Ok(rows.into_iter().map(|row| row.id).collect())
    }

    /// Where the journal of a rollout ends now.
    pub(super) async fn end_of(&self, rollout: &RolloutId) -> Result<Position, String> {
        let mut end = Position::START;
        loop {
            let page = self.page(rollout, end).await?;
            match page.last() {
                Some((position, _)) => end = *position,
                None => return Ok(end),
            }
        }
    }

    /// All entries of a rollout after a position.
    pub(super) async fn entries(&self, rollout: &RolloutId, after: Position) -> Result<Vec<Entry>, String> {
        let (mut all, mut end) = (Vec::new(), after);
        loop {
            let page = self.page(rollout, end).await?;
            let Some((last, _)) = page.last() else { return Ok(all) };
            end = *last;
            all.extend(page.into_iter().map(|(_, entry)| entry));
        }
    }

    async fn page(&self, rollout: &RolloutId, after: Position) -> Result<Vec<(Position, Entry)>, String> {
        let page = self
            .store
            .entries(Part::Rollout(rollout), after, 1000)
            .await
            .map_err(said)?;
        let read = page.into_iter().map(|placed| {
            let entry = placed.sealed.entry().map_err(said)?;
            Ok((placed.position, entry))
        });
        read.collect()
    }

    /// Until a step like this is in the journal, woken by the server.
    pub(super) async fn until_step(
        &self,
        rollout: &RolloutId,
        after: Position,
        is_it: impl Fn(&StepRecord) -> bool,
    ) -> Result<(), String> {
        let mut news = self.store.news();
        let found = within(&*self.clock, PATIENCE, async {
            loop {
                for entry in self.entries(rollout, after).await? {
                    if entry.kind.as_str() == STEP && is_it(&entry.body.read().map_err(said)?) {
                        return Ok(());
                    }
                }
                news.next().await;
            }
        });
        found.await.map_err(|_| format!("no such step: {}", self.logs()))?
    }

    /// Until something is so.
    pub(super) async fn until(&self, what: &str, holds: impl AsyncFn(&Self) -> bool) -> Result<(), String> {
        let held = until(PATIENCE, async || holds(self).await.then_some(())).await;
        held.ok_or_else(|| format!("never: {what}. {}", self.logs()))
    }

    pub(super) async fn wait(&self, long: Duration) {
        sleep(&*self.clock, long).await;
    }

    fn logs(&self) -> String {
        self.engines
            .iter()
            .flatten()
            .map(Process::said)
            .collect::<Vec<_>>()
            .join("\n")
    }

    fn desk(&self) -> PathBuf {
        self.folder.path().join("escritorio")
    }

    /// The program with these arguments, over the shared store. Its address holds a password, so it is no argument.
    fn process(&self, args: impl Iterator<Item = OsString>) -> Result<Process, String> {
        let kubeconfig: &Path = &self.folder.path().join("kubeconfig");
        let store = format!("TIMONEL_STORE={}", self.url.expose_secret());
        let given: Vec<OsString> = [
            store.into(),
            self.program.clone().into_os_string(),
            "--lang".into(),
            "en".into(),
        ]
        .into();
        let mut args: Vec<_> = given.into_iter().chain(args).collect();
        if args.iter().all(|arg| arg != "open") {
            args.extend(["--kubeconfig".into(), kubeconfig.into()]);
        }
        Process::start("env", |_| Ok(args)).map_err(said)
    }
}

impl Drop for Yard {
    fn drop(&mut self) {
        // Before the server that they write to.
        self.engines = [None, None];
        self.server.kill();
    }
}

/// A cluster and a service in real time, without the fault that the scenario has.
async fn world(real: &SharedClock) -> Result<(Simulator, Task<()>), String> {
    let plan = timonel_plan::check(PLAN)
        .value
        .ok_or("the bench's plan does not pass its own check")?;
    let scenario = timonel_plan::scenario::check(SCENARIO).value;
    let mut scenario = scenario.ok_or("the bench's scenario does not pass its own check")?;
    scenario.faults.clear();
    scenario.start = real.now();
    let clock = VirtualClock::new(scenario.start);
    let places = plan.targets.iter().filter_map(|t| match &t.way {
        Way::VirtualService(way) => Some((t.id.clone(), Place::VirtualService(way.name.clone()))),
        Way::NumberShare(_) => None,
    });
    let simulator = Simulator::start(&clock, &scenario, scenario.seed, places)
        .await
        .map_err(said)?;
    let running = spawn(real, async move {
        let beats = clock.clone();
        drop(spawn(&clock.shared(), async move {
            loop {
                sleep(&beats, BEAT).await;
            }
        }));
        clock.run(Speed::Times(1.0)).await;
    });
    Ok((simulator, running))
}
