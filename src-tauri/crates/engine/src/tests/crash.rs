//! The process ends anywhere: each saga is run once to count its calls to the world (what is kept, the helm's renewal, targets),
//! then again for each of them, stopped before the call or after it and before its answer, and taken up by a new engine on the
//! same world.
//!
//! A process that ends is a runtime that is dropped: no task of it does anything any more, and nothing is flushed. The
//! intent file is written by a thread of its own and is there or not, as it happens. Besides, at each call: the target or the
//! store fails there, its answer is lost, each effect is carried out twice, and the store hangs while it happens.
//!
//! Not here: the end of a process that is just taking a rollout up, and another program that takes it up (`take_up`); `kill -9` of
//! a real process on a real database (`bridge/tests/product/killed.rs`).

use std::future::Future;
use std::time::Duration;

use timonel_domain::rollout::{Event, Level, Stage, State};
use timonel_domain::value::{TenantId, Weight};
use timonel_journal::chain::verify;
use timonel_journal::record::{EventRecord, LevelRecord, STEP, StepRecord};
use timonel_ports::target::Goal;

use super::points::Mode;
use super::target::Slow;
use super::world::{BAKE, TEN, World, settle, until};
use crate::command::Wish;

const FOUR: Weight = Weight::percent(4);
/// After it nothing is left that waits for time: backoff, jobs, looks.
pub(super) const LONG: u64 = 45;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Saga {
    Start,
    Advance,
    Reduce,
    RollBack,
    /// Of a set with a lever before it.
    RollBackSet,
    Pin,
    Reset,
}

const SAGAS: [Saga; 7] = [
    Saga::Start,
    Saga::Advance,
    Saga::Reduce,
    Saga::RollBack,
    Saga::RollBackSet,
    Saga::Pin,
    Saga::Reset,
];

impl Saga {
    /// Everything that comes before.
    pub(super) async fn set_up(self) -> World {
        match self {
            Saga::Start => World::armed().await,
            Saga::Advance | Saga::Reduce | Saga::RollBack => World::baking().await,
            Saga::RollBackSet => {
                let world = World::baking().await;
                world.splitter.slow(Slow {
                    job: Duration::from_secs(2),
                    most: Weight::FULL,
                    stragglers: 1,
                });
                world
            }
            Saga::Pin => World::with_tenants().await,
            Saga::Reset => {
                let mut world = World::baking().await;
                world.wish(Wish::roll_back()).await;
                world.until("rolled back", |s| s.stage == Stage::RolledBack).await;
                world
            }
        }
    }

    /// What people say and what time does; how far it gets is another matter.
    pub(super) async fn run(self, world: &mut World) {
        match self {
            Saga::Start => world.wish(Wish::Start).await,
            Saga::Advance => world.pass(BAKE.as_secs()).await,
            Saga::Reduce => {
                let level = LevelRecord::from(Level::Reduce(FOUR));
                world
                    .wish(Wish::RollBack {
                        level,
                        confirmed: false,
                    })
                    .await;
            }
            Saga::RollBack | Saga::RollBackSet => world.wish(Wish::roll_back()).await,
            Saga::Pin => {
                let (tenant, reason) = (TenantId::new("norte").unwrap(), "se queja".to_owned());
                world.wish(Wish::Pin { tenant, reason }).await;
            }
            Saga::Reset => {
                let reason = "visto".to_owned();
                world.wish(Wish::Reset { reason }).await;
                settle().await;
                world.wish(Wish::Arm).await;
            }
        }
        settle().await;
        world.pass(8).await;
    }

    /// Where it gets if nothing is in its way.
    fn is_done(self, state: &State) -> bool {
        let quiet = state.targets.values().all(|target| target.op.is_none());
        quiet
            && match self {
                Saga::Start => state.stage == Stage::Baking { phase: 0 },
                Saga::Advance => state.stage == Stage::Baking { phase: 1 },
                Saga::Reduce => state.stage == Stage::Shifting { phase: 0 } && state.settled == FOUR,
                Saga::RollBack | Saga::RollBackSet => state.stage == Stage::RolledBack,
                Saga::Pin => state.pins.len() == 1,
                Saga::Reset => state.stage == Stage::Armed,
            }
    }

    /// The most that anybody has allowed: of the splitter, and of the follower.
    pub(super) fn allowed(self) -> [Weight; 2] {
        match self {
            Saga::Start | Saga::Pin => [TEN, Weight::FULL],
            Saga::Advance => [Weight::FULL, Weight::FULL],
            Saga::Reduce | Saga::RollBack | Saga::RollBackSet | Saga::Reset => [Weight::ZERO, Weight::ZERO],
        }
    }

    pub(super) fn rolls_back(self) -> bool {
        matches!(self, Saga::RollBack | Saga::RollBackSet)
    }
}

/// What all runs of a saga came to.
#[derive(Debug, Default)]
struct Tally {
    points: usize,
    repeated: usize,
    lost: usize,
    raised_after: usize,
}

/// One life of a process: everything that it began ends with it.
pub(super) fn life<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(work)
}

/// Runs a saga with something at its `at`th call; how many calls it made.
fn run(saga: Saga, mode: Mode, at: usize, blocked: bool, tally: &mut Tally) -> usize {
    let what = format!(
        "{saga:?}, {mode:?} at call {at}, the store {}",
        if blocked { "hangs" } else { "works" }
    );
    let mut world = life(async {
        let mut world = saga.set_up().await;
        world.store.hang.set(blocked);
        world.points.forget();
        world.points.set(mode, at);
        tokio::select! {
            biased;
            () = world.points.clone().stopped() => {}
            () = saga.run(&mut world) => {}
        }
        world.store.hang.set(false);
        world
    });
    let calls = world.points.count();
    if mode == Mode::Count {
        return calls;
    }
    world.gone();
    let kept = world.store.journal();
    let told = world.told().to_vec();
    let accepted = told.iter().any(|b| {
        matches!(
            b.event,
            Event::RollBack {
                level: Level::Total,
                ..
            }
        )
    });
    let known = world.intent_is_there() || has_rollback(&kept);
    let before = world.points.sent();
    world.points.set(Mode::Count, 0);
    life(async {
        world.start().await;
        settle().await;
        world.pass(LONG).await;
        world.check_journal().await;
        let state = world.state().await;
        if mode == Mode::Twice && !blocked {
            assert!(saga.is_done(&state), "{what}: it got to {:?}", state.stage);
        }
        settled(saga, &mut world, &state, known, &what).await;
    });
    let journal = world.store.journal();
    verify(&journal).unwrap();
    tally.points += 1;
    tally.lost += kept.iter().filter(|entry| !journal.contains(entry)).count();
    let sent = world.points.sent();
    let mut raised = Vec::new();
    for (nth, (target, goal)) in sent.iter().enumerate() {
        let Goal::Raise { to, generation, .. } = goal else {
            tally.repeated += usize::from(nth >= before.len() && before.contains(&(target.clone(), goal.clone())));
            continue;
        };
        let allowed = saga.allowed()[usize::from(*target != world.splitter.id())];
        assert!(
            *to <= allowed,
            "{what}: {target} was raised to {to}, and {allowed} is allowed"
        );
        assert!(
            mode == Mode::Twice || !raised.contains(&(target, generation)),
            "{what}: a raise of {target} was repeated"
        );
        raised.push((target, generation));
        tally.raised_after += usize::from(accepted || has_rollback(&kept));
    }
    assert!(nobody_writes_above(&world), "{what}: {:?}", world.points.highest());
    calls
}

/// Nothing is open, everything is as it is known, and a rollback that was under way is finished.
pub(super) async fn settled(saga: Saga, world: &mut World, state: &State, known: bool, what: &str) {
    for (target, id) in [
        (&world.splitter, world.splitter.id()),
        (&world.follower, world.follower.id()),
    ] {
        let known = &state.targets[&id];
        assert_eq!(known.op, None, "{what}: {id} is still open");
        assert_eq!(known.read, Some(target.weight()), "{what}: {id} is not as it is known");
        // A lowering whose decision was lost is somebody's lowering to whoever comes after: respected, and held.
        assert!(
            known.drift.is_none() || known.read < known.accepted,
            "{what}: {id} is above"
        );
    }
    if saga.rolls_back() && known {
        assert_eq!(
            state.stage,
            Stage::RolledBack,
            "{what}: a rollback that was under way is not finished"
        );
        assert_eq!(
            [world.splitter.weight(), world.follower.weight()],
            [Weight::ZERO; 2],
            "{what}"
        );
        until("no intent file", || !world.intent_is_there()).await;
    }
}

pub(super) fn nobody_writes_above(world: &World) -> bool {
    world.points.highest().iter().all(|(wrote, stood)| wrote <= stood)
}

pub(super) fn has_rollback(journal: &[timonel_journal::entry::Sealed]) -> bool {
    journal.iter().any(|sealed| {
        let entry = sealed.entry().unwrap();
        entry.kind.as_str() == STEP && {
            let step: StepRecord = entry.body.read().unwrap();
            matches!(
                step.event,
                EventRecord::RollBack {
                    level: LevelRecord::Total,
                    ..
                }
            )
        }
    })
}

#[test]
fn whatever_is_stopped_anywhere_is_taken_up_on_the_safe_side() {
    let mut tally = Tally::default();
    for saga in SAGAS {
        for blocked in [false, true] {
            let calls = run(saga, Mode::Count, 0, blocked, &mut tally);
            assert!(calls > 0 || blocked, "{saga:?} calls nobody");
            for at in 1..=calls {
                for mode in [Mode::StopBefore, Mode::StopAfter, Mode::Fail, Mode::Lose, Mode::Twice] {
                    run(saga, mode, at, blocked, &mut tally);
                }
            }
        }
    }
    let Tally {
        points,
        repeated,
        lost,
        raised_after,
    } = tally;
    println!("{{\"points\":{points},\"repeated\":{repeated},\"lost\":{lost},\"raised_after\":{raised_after}}}");
    assert!(points > 500, "{points}");
    assert_eq!((lost, raised_after), (0, 0));
}
