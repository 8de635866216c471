//! A rehearsal that was played to its end, with everything that was told meanwhile.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use timonel_bridge::rehearsal::{Rehearsal, Rehearsed};
use timonel_bridge::{Bulletin, Desk, Speed, Told};
use timonel_domain::rollout::Effect;
use timonel_domain::time::Timestamp;
use timonel_domain::value::{TargetId, Weight};
use timonel_journal::chain::Verifier;
use timonel_journal::entry::Entry;
use timonel_journal::record::{STEP, StepRecord};
use timonel_plan::parsed::Parsed;
use timonel_plan::scenario::Scenario;
use timonel_plan::{Finding, Severity};
use timonel_ports::clock::SystemClock;
use timonel_ports::store::{JournalStore, Part, Position};
use timonel_store::Sqlite;

/// The plan that is shipped.
pub(crate) fn shipped_plan() -> PathBuf {
    plans().join("conecta360-canary.toml")
}

/// The shipped plan that moves numbers.
pub(crate) fn numbers_plan() -> PathBuf {
    plans().join("ivr-texml.toml")
}

/// The folder of the scenarios that are shipped for it.
pub(crate) fn numbers_scenarios() -> PathBuf {
    plans().join("scenarios/ivr-texml")
}

/// The folder of shipped plans.
pub(crate) fn plans() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../plans")
}

/// The folder of the scenarios that are shipped for that plan.
pub(crate) fn scenarios() -> PathBuf {
    plans().join("scenarios/conecta360-canary")
}

/// A file that only these tests use.
pub(crate) fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/product/data")
        .join(name)
}

pub(crate) fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A plan without a finding, and its text.
pub(crate) fn plan(path: &Path) -> (Parsed, String) {
    let text = read(path);
    let checked = timonel_plan::check(&text);
    assert!(
        checked.findings.is_empty(),
        "{}: {:?}",
        path.display(),
        checked.findings
    );
    (checked.value.unwrap(), text)
}

/// A scenario that can be used, alone and with its plan.
pub(crate) fn scenario(path: &Path, plan: &Parsed) -> Scenario {
    let text = read(path);
    let checked = timonel_plan::scenario::check(&text);
    assert!(
        checked.findings.is_empty(),
        "{}: {:?}",
        path.display(),
        checked.findings
    );
    let scenario = checked.value.unwrap();
    let together = timonel_plan::scenario::check_with_plan(&scenario, &text, plan);
    let is_warning = |f: &Finding| f.severity == Severity::Warning;
    assert!(together.iter().all(is_warning), "{}: {together:?}", path.display());
    scenario
}

/// What came of it.
pub(crate) struct Played {
    pub(crate) scenario: Scenario,
    pub(crate) end: Rehearsed,
    pub(crate) steps: Vec<Bulletin>,
    pub(crate) folder: tempfile::TempDir,
}

/// A rehearsal that is about to be played.
pub(crate) struct Stage {
    pub(crate) plan: Parsed,
    pub(crate) plan_text: String,
    pub(crate) scenario: Scenario,
    pub(crate) speed: Speed,
    pub(crate) sources: BTreeMap<String, String>,
}

impl Stage {
    pub(crate) fn of(plan_file: &Path, scenario_file: &Path) -> Self {
        let (plan, plan_text) = plan(plan_file);
        let scenario = scenario(scenario_file, &plan);
        Self {
            plan,
            plan_text,
            scenario,
            speed: Speed::Max,
            sources: BTreeMap::new(),
        }
    }

    /// One of the shipped scenarios, by its file's name.
    pub(crate) fn shipped(name: &str) -> Self {
        Self::of(&shipped_plan(), &scenarios().join(name).with_extension("toml"))
    }

    /// One of the scenarios that are shipped for the plan of numbers.
    pub(crate) fn numbers(name: &str) -> Self {
        Self::of(&numbers_plan(), &numbers_scenarios().join(name).with_extension("toml"))
    }

    /// With rollback rules that wait for no proof.
    pub(crate) fn literally(mut self) -> Self {
        let then = "then = \"rollback\"\n";
        let text = self.plan_text.replace(then, &format!("{then}evidence = \"literal\"\n"));
        assert_ne!(text, self.plan_text);
        self.plan = timonel_plan::check(&text).value.expect("the same plan but for that");
        self.plan_text = text;
        self
    }

    pub(crate) fn at_speed(mut self, speed: Speed) -> Self {
        self.speed = speed;
        self
    }

    pub(crate) fn with_seed(mut self, seed: u64) -> Self {
        self.scenario.seed = seed;
        self
    }

    /// Plays it on a runtime of its own.
    pub(crate) fn play(self) -> Played {
        runtime().block_on(self.play_here(|_| {}))
    }

    /// Plays it. What holds for every rehearsal is asserted here: it ends as its scenario says, and its journal is whole and
    /// says what was told.
    pub(crate) async fn play_here(self, mut tell: impl FnMut(&Told) + Send) -> Played {
        let folder = tempfile::tempdir().unwrap();
        let rehearsal = Rehearsal {
            plan: self.plan,
            plan_text: self.plan_text,
            scenario: self.scenario.clone(),
            speed: self.speed,
            folder: folder.path().to_owned(),
            sources: self.sources,
        };
        let mut steps = Vec::new();
        let ended = rehearsal.run(|told| {
            tell(&told);
            if let Told::Step(step) = told {
                steps.push(*step);
            }
        });
        let end = ended.await.unwrap();
        let played = Played {
            scenario: self.scenario,
            end,
            steps,
            folder,
        };
        let differences = played.end.summary.differences(&played.scenario.expect);
        assert_eq!(differences, Vec::<String>::new(), "{:#?}", played.end.summary);
        assert_eq!(played.end.summary.lost_events, 0);
        played.journal_says_what_was_told().await;
        played.journal_replays_to_the_end().await;
        played
    }
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// Every entry of a store, the chain of each writer verified.
pub(crate) async fn entries(folder: &Path) -> Vec<Entry> {
    let store = Sqlite::open(&folder.join("timonel.db"), SystemClock::shared())
        .await
        .unwrap();
    let (mut after, mut verifier, mut out) = (Position::START, Verifier::default(), Vec::new());
    loop {
        let page = store.entries(Part::All, after, 1000).await.unwrap();
        if page.is_empty() {
            return out;
        }
        for placed in page {
            after = placed.position;
            verifier.push(&placed.sealed).unwrap();
            out.push(placed.sealed.entry().unwrap());
        }
    }
}

impl Played {
    /// The plan that was kept is the one that ran: its journal gives the same state without anything running.
    async fn journal_replays_to_the_end(&self) {
        let desk = Desk::open(self.folder.path(), &SystemClock::shared()).await.unwrap();
        let [listed] = desk.rollouts().await.unwrap().try_into().unwrap();
        assert_eq!(listed.differing, 0);
        assert_eq!(listed.state, *self.steps.last().unwrap().state);
    }

    async fn journal_says_what_was_told(&self) {
        let written: Vec<_> = entries(self.folder.path())
            .await
            .into_iter()
            .filter(|entry| entry.kind.as_str() == STEP)
            .map(|entry| (entry.seq, entry.occurred_at, entry.body.read::<StepRecord>().unwrap()))
            .collect();
        let told: Vec<_> = self
            .steps
            .iter()
            .map(|step| {
                let record = StepRecord::new(&step.event, &step.effects);
                let command = step.command.as_ref().map(ToString::to_string);
                (step.seq, step.at, record.obeying(command))
            })
            .collect();
        assert_eq!(written, told);
    }

    /// Every effect with its moment, in order.
    pub(crate) fn effects(&self) -> impl Iterator<Item = (Timestamp, &Effect)> {
        self.steps
            .iter()
            .flat_map(|step| step.effects.iter().map(|effect| (step.at, effect)))
    }

    /// Every raise that was ordered: when, of which target, to what.
    pub(crate) fn raises(&self) -> Vec<(Timestamp, &TargetId, Weight)> {
        let raise = |(at, effect)| match effect {
            &Effect::Raise { ref target, to, .. } => Some((at, target, to)),
            Effect::Lower { .. } | Effect::Notify(_) | Effect::ShowManual { .. } | Effect::Rejected(_) => None,
        };
        self.effects().filter_map(raise).collect()
    }

    /// Every lowering that was ordered: when, of which target, to what.
    pub(crate) fn lowerings(&self) -> Vec<(Timestamp, &TargetId, Weight)> {
        let lower = |(at, effect)| match effect {
            &Effect::Lower { ref target, to, .. } => Some((at, target, to)),
            Effect::Raise { .. } | Effect::Notify(_) | Effect::ShowManual { .. } | Effect::Rejected(_) => None,
        };
        self.effects().filter_map(lower).collect()
    }

    /// When the scenario's first fault begins.
    pub(crate) fn fault_at(&self) -> Timestamp {
        self.scenario.start + self.scenario.faults[0].at
    }

    /// How long after the first fault that was.
    pub(crate) fn after_fault(&self, at: Timestamp) -> Duration {
        assert!(at >= self.fault_at(), "{at} is before the fault at {}", self.fault_at());
        at.since(self.fault_at())
    }

    /// No intent of a rollback is left.
    pub(crate) fn nothing_is_under_way(&self) -> bool {
        std::fs::read_dir(self.folder.path().join("intents")).map_or(true, |mut files| files.next().is_none())
    }
}
