//! `kill -9` of a real process at each step of what it does: everything that it says to the cluster and hears from it goes over a
//! wire that falls silent before the nth word, and there the process is killed and taken up by the next one.
//!
//! Putting back is done by `timonelctl rollback`, and by `timonelctl engine` that finds an intent. What no program can ask of
//! another yet (starting, reducing, resetting) is done by this test's own binary, started again as a process that runs an engine
//! on the same file and the same cluster. One point of each is tried here; with `TIMONEL_KILL=N` up to N of
//! each, spread evenly, as `cargo xtask bench crash` does with all. Deliberately not here: tenants (`taken_up_numbers`), and ends between two words
//! (`engine::tests::crash`, which also fails, loses and repeats each call).

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use timonel_domain::board::Freshness;
use timonel_domain::rollout::{Generation, Level, Stage, State};
use timonel_domain::value::Weight;
use timonel_engine::command::Wish;
use timonel_engine::{Engine, Snapshot};
use timonel_journal::entry::{Entry, Hash};
use timonel_journal::intent::Intent;
use timonel_journal::record::{EffectRecord, EventRecord, LevelRecord, STEP, StepRecord};
use timonel_ports::clock::SystemClock;
use timonel_ports::helm::Helm;
use timonel_ports::store::{JournalStore, Part, Position};
use timonel_store::Sqlite;
use timonel_testkit::process::{Process, Wire, until};

use crate::played::{entries, runtime};
use crate::standing::{PATIENCE, follow, on_the_disk, rollout, timonelctl, wish};
use crate::taken_up::{World, engine};

/// What the process that is started again is to do.
const DEED: &str = "TIMONEL_KILLED_DEED";
/// Its installation, with the plan and the kubeconfig of the wire in it.
const HOME: &str = "TIMONEL_KILLED_HOME";
/// How many points of each are tried.
const POINTS: &str = "TIMONEL_KILL";
const TEN: Weight = Weight::percent(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Saga {
    Start,
    Reduce,
    RollBack,
    /// A rollback that an earlier crash cut short.
    Resume,
    Reset,
}

const SAGAS: [Saga; 5] = [Saga::Start, Saga::Reduce, Saga::RollBack, Saga::Resume, Saga::Reset];

impl Saga {
    /// Everything that comes before, by an engine that then ends in order.
    async fn set_up(self, world: &World) {
        let clock = SystemClock::shared();
        let (engine, mut bulletins, commands) = world.engine(&clock).await;
        live(&engine).await;
        wish(&clock, &commands, "arm", Wish::Arm).await;
        follow(&clock, &mut bulletins, |b| b.state.stage == Stage::Armed).await;
        if self != Saga::Start {
            wish(&clock, &commands, "start", Wish::Start).await;
            follow(&clock, &mut bulletins, |b| b.state.stage == Stage::Baking { phase: 0 }).await;
        }
        if self == Saga::Reset {
            wish(&clock, &commands, "back", Wish::roll_back()).await;
            follow(&clock, &mut bulletins, |b| b.state.stage == Stage::RolledBack).await;
        }
        on_the_disk(&engine).await;
        engine.stop().await;
        if self == Saga::Resume {
            world.intents().write(&intent(world)).unwrap();
        }
    }

    /// The process that does it, over the wire.
    fn process(self, home: &Path, program: &Path) -> Process {
        let ours = std::env::current_exe().unwrap();
        let deed = |deed: &str| -> Vec<OsString> {
            let mut args = vec![
                format!("{DEED}={deed}").into(),
                format!("{HOME}={}", home.display()).into(),
            ];
            args.push(ours.clone().into());
            args.extend(["--exact", "killed::what_the_others_kill", "--nocapture"].map(Into::into));
            args
        };
        let ctl = |command: &[&str]| -> Vec<OsString> {
            let mut args: Vec<OsString> = vec![program.into(), "--lang".into(), "en".into()];
            args.extend(command.iter().map(Into::into));
            args.extend(["--home".into(), home.into(), "--kubeconfig".into(), wired(home).into()]);
            args
        };
        let args = match self {
            Saga::Start => deed("start"),
            Saga::Reduce => deed("reduce"),
            Saga::Reset => deed("reset"),
            Saga::RollBack => ctl(&["rollback", "--by", "luz"]),
            Saga::Resume => ctl(&["engine", "--listen", "127.0.0.1:0"]),
        };
        // It becomes what it starts, so that what is killed is that.
        Process::start("env", |_| Ok(args)).unwrap()
    }

    /// Where it gets if nobody kills it.
    fn is_done(self, state: &State) -> bool {
        let idle = state.targets.values().all(|target| target.op.is_none());
        idle && match self {
            Saga::Start => state.stage == Stage::Baking { phase: 0 },
            Saga::Reduce => state.settled == TEN,
            Saga::RollBack | Saga::Resume => state.stage == Stage::RolledBack,
            Saga::Reset => state.stage == Stage::Armed,
        }
    }

    /// The most that anybody has allowed, of splitter and follower.
    fn allowed(self) -> [u32; 2] {
        match self {
            Saga::Start | Saga::Reduce | Saga::RollBack | Saga::Resume => [25, 100],
            Saga::Reset => [0, 0],
        }
    }
}

fn wired(home: &Path) -> PathBuf {
    home.join("kubeconfig-wire")
}

fn intent(world: &World) -> Intent {
    let targets = &world.plan().0.plan.targets;
    Intent {
        rollout: rollout(),
        plan_revision: 1,
        generation: Generation { epoch: 1, revision: 1 },
        level: Level::Total,
        cause: "rule errores-10".to_owned(),
        occurred_at: SystemClock::shared().now(),
        targets: targets.iter().map(|t| (t.id.clone(), Weight::ZERO)).collect(),
    }
}

async fn live(engine: &Engine) {
    let live = until(PATIENCE, async || {
        let seen = engine.handle().look().await.unwrap();
        seen.freshness.values().all(|f| *f == Freshness::Live).then_some(())
    });
    live.await.expect("every signal is read");
}

/// The other side of the tests below, in a process of its own; without them it has nothing to do.
#[test]
fn what_the_others_kill() {
    let (Ok(deed), Some(home)) = (std::env::var(DEED), std::env::var_os(HOME)) else {
        return;
    };
    let home = PathBuf::from(home);
    runtime().block_on(async {
        let clock = SystemClock::shared();
        let text = std::fs::read_to_string(home.join("plan.toml")).unwrap();
        let (engine, mut bulletins, commands) = engine(&clock, &home, &wired(&home), text, "guardia").await;
        let saga = match deed.as_str() {
            "start" => {
                live(&engine).await;
                wish(&clock, &commands, "go", Wish::Start).await;
                Saga::Start
            }
            "reduce" => {
                let (level, confirmed) = (LevelRecord::from(Level::Reduce(TEN)), false);
                wish(&clock, &commands, "reduce", Wish::RollBack { level, confirmed }).await;
                Saga::Reduce
            }
            "reset" => {
                let reason = "visto".to_owned();
                wish(&clock, &commands, "reset", Wish::Reset { reason }).await;
                wish(&clock, &commands, "again", Wish::Arm).await;
                Saga::Reset
            }
            other => panic!("no such deed: {other}"),
        };
        follow(&clock, &mut bulletins, |b| saga.is_done(&b.state)).await;
        on_the_disk(&engine).await;
    });
}

/// What all points came to.
#[derive(Debug, Default)]
struct Tally {
    points: usize,
    repeated: usize,
    lost: usize,
    raised_after: usize,
}

/// Runs a saga on a world of its own and kills it before the `nth` word over the wire; never, where that is 0. How many words
/// there were, and whether it got so far.
fn run(saga: Saga, nth: usize, program: &Path, tally: &mut Tally) -> usize {
    let what = format!("{saga:?}, killed before word {nth}");
    let world = World::start();
    let on = runtime();
    let words = on.block_on(async {
        saga.set_up(&world).await;
        let wire = Wire::to(world.simulator().cluster_address()).await.unwrap();
        let config = std::fs::read_to_string(world.kubeconfig()).unwrap();
        let direct = world.simulator().cluster_address().to_string();
        std::fs::write(
            wired(world.home()),
            config.replace(&direct, &wire.address().to_string()),
        )
        .unwrap();
        std::fs::write(world.home().join("plan.toml"), world.plan().1).unwrap();
        wire.cut_before(nth);
        let mut process = saga.process(world.home(), program);
        let done = async {
            until(PATIENCE, async || {
                let over = saga != Saga::Resume || world.weights() == [0, 0];
                over.then_some(())
            })
            .await
            .expect("it gets on");
            if saga != Saga::Resume {
                process.ended(PATIENCE).await.expect("it ends");
            }
        };
        tokio::select! {
            biased;
            () = wire.fell_silent() => {}
            () = done => {}
        }
        // Where nobody cut the wire it may have ended by itself.
        if process.ended(Duration::ZERO).await.is_none() {
            process.signal("KILL");
            process.ended(PATIENCE).await.expect("it is killed");
        }
        wire.passed()
    });
    if nth == 0 {
        return words;
    }
    on.block_on(async {
        let kept = hashes(world.home()).await;
        let before = entries(world.home()).await;
        let known = rolls_back(&before) || !world.intents().pending().unwrap().is_empty();
        let open = next(saga, &world, known, &what).await;
        tally.repeated += open;
        let after = entries(world.home()).await;
        let now = hashes(world.home()).await;
        tally.lost += kept.difference(&now).count();
        tally.raised_after += raises_after(&after);
        let weights = world.weights();
        let fits = weights.iter().zip(saga.allowed()).all(|(is, allowed)| *is <= allowed);
        assert!(fits, "{what}: {weights:?}");
        if saga != Saga::Reset && known {
            assert_eq!(weights, [0, 0], "{what}: a rollback that was under way is not finished");
            assert!(world.intents().pending().unwrap().is_empty(), "{what}");
        }
        tally.points += 1;
    });
    words
}

/// The next process takes it up, under the name of the one that was killed, until nothing is left to do. How many operations were
/// open when it began: what they asked for is asked for again.
async fn next(saga: Saga, world: &World, known: bool, what: &str) -> usize {
    let clock = SystemClock::shared();
    let store = Sqlite::open(&world.home().join("timonel.db"), clock.clone())
        .await
        .unwrap();
    let held = store.current(&rollout()).await.unwrap().held;
    let writer = held.map_or_else(|| "guardia".to_owned(), |held| held.by.to_string());
    let stood = timonel_engine::state_of(&store, &rollout(), &world.plan().0.plan)
        .await
        .unwrap()
        .state;
    let (engine, _bulletins, _commands) =
        engine(&clock, world.home(), &world.kubeconfig(), world.plan().1, &writer).await;
    let is_over = |seen: &Snapshot| {
        let idle = seen.state.targets.values().all(|t| t.op.is_none() && t.read.is_some());
        let back = saga == Saga::Reset || !known || seen.state.stage == Stage::RolledBack;
        idle && back && seen.state.helm && seen.unwritten == 0
    };
    let over = until(PATIENCE, async || {
        let seen = engine.handle().look().await.unwrap();
        is_over(&seen).then_some(())
    });
    if over.await.is_none() {
        panic!(
            "{what}: it does not get on: {:#?}",
            engine.handle().look().await.unwrap().state
        );
    }
    if saga != Saga::Reset && known {
        let gone = async || world.intents().pending().unwrap().is_empty().then_some(());
        until(PATIENCE, gone).await.expect("what is verified is forgotten");
    }
    engine.stop().await;
    stood.targets.values().filter(|target| target.op.is_some()).count()
}

async fn hashes(home: &Path) -> BTreeSet<Hash> {
    let store = Sqlite::open(&home.join("timonel.db"), SystemClock::shared())
        .await
        .unwrap();
    let all = store.entries(Part::All, Position::START, u32::MAX).await.unwrap();
    all.iter().map(|placed| placed.sealed.hash()).collect()
}

fn steps(entries: &[Entry]) -> impl Iterator<Item = StepRecord> {
    let steps = entries.iter().filter(|entry| entry.kind.as_str() == STEP);
    steps.map(|entry| entry.body.read().unwrap())
}

fn is_total(step: &StepRecord) -> bool {
    let level = LevelRecord::Total;
    matches!(&step.event, EventRecord::RollBack { level: of, .. } if *of == level)
}

fn rolls_back(entries: &[Entry]) -> bool {
    steps(entries).any(|step| is_total(&step))
}

fn raises_after(entries: &[Entry]) -> usize {
    let after = steps(entries).skip_while(|step| !is_total(step));
    after
        .flat_map(|step| step.effects)
        .filter(|effect| matches!(effect, EffectRecord::Raise { .. }))
        .count()
}

/// At most so many of the numbers from 1 to `words`; of one, that after two thirds: there every saga is at work.
fn spread(most: usize, words: usize) -> BTreeSet<usize> {
    match most {
        0 => BTreeSet::new(),
        1 => BTreeSet::from([words * 2 / 3]),
        _ => (0..most.min(words))
            .map(|n| 1 + n * (words - 1) / (most.min(words) - 1))
            .collect(),
    }
}

#[test]
fn whatever_is_killed_at_any_word_is_taken_up_on_the_safe_side() {
    let Some(program) = timonelctl() else { return };
    let most = std::env::var(POINTS).map_or(1, |most| most.parse().unwrap());
    let mut tally = Tally::default();
    for saga in SAGAS {
        let words = run(saga, 0, &program, &mut tally);
        assert!(words > 4, "{saga:?} says {words} words to the cluster");
        for nth in spread(most, words) {
            run(saga, nth, &program, &mut tally);
        }
    }
    let Tally {
        points,
        repeated,
        lost,
        raised_after,
    } = tally;
    println!("{{\"points\":{points},\"repeated\":{repeated},\"lost\":{lost},\"raised_after\":{raised_after}}}");
    assert_eq!((lost, raised_after), (0, 0));
}
