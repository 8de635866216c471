//! The process ends while it takes up what another left: at every call of its start, the helm's taking and each reading of the past
//! included, and of its first moments. Then it is taken up once more: by the same program, or by another one of another machine,
//! which has to wait for the lease and finds no intent file.

use timonel_journal::chain::verify;
use timonel_ports::helm::LEASE;
use timonel_ports::target::Goal;

use super::crash::{LONG, Saga, has_rollback, life, nobody_writes_above, settled};
use super::points::Mode;
use super::world::{World, settle};

/// Who comes after the second end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heir {
    Same,
    Other,
}

/// A saga whose process has ended in the middle of it, after its `at`th call.
fn cut_short(saga: Saga, at: usize) -> (World, usize) {
    let mode = if at == 0 { Mode::Count } else { Mode::StopAfter };
    let mut world = life(async {
        let mut world = saga.set_up().await;
        world.points.forget();
        world.points.set(mode, at);
        tokio::select! {
            biased;
            () = world.points.clone().stopped() => {}
            () = saga.run(&mut world) => {}
        }
        world
    });
    let calls = world.points.count();
    world.gone();
    (world, calls)
}

/// Takes up what is left of a saga and ends at the `at`th call of that; how many calls there were.
fn run(saga: Saga, middle: usize, mode: Mode, at: usize, heir: Heir) -> usize {
    let what = format!("{saga:?}, {mode:?} at call {at} of its taking up, then {heir:?}");
    let (mut world, _) = cut_short(saga, middle);
    let kept = world.store.journal();
    world.points.set(mode, at);
    life(async {
        let stopped = world.points.clone().stopped();
        let begun = async {
            // One that fails is tried again by whoever starts it.
            if world.try_start().await.is_ok() {
                settle().await;
                world.pass(2).await;
            }
        };
        tokio::select! {
            biased;
            () = stopped => {}
            () = begun => {}
        }
    });
    let calls = world.points.count();
    if mode == Mode::Count {
        return calls;
    }
    world.gone();
    world.points.set(Mode::Count, 0);
    let journalled = has_rollback(&world.store.journal());
    let mut other = world.beside("otra");
    let (next, known) = match heir {
        Heir::Same => {
            let known = journalled || world.intent_is_there();
            (&mut world, known)
        }
        Heir::Other => {
            world.clock.advance(LEASE * 2);
            (&mut other, journalled)
        }
    };
    life(async {
        next.start().await;
        settle().await;
        next.pass(LONG).await;
        next.check_journal().await;
        let state = next.state().await;
        settled(saga, next, &state, known, &what).await;
    });
    let journal = world.store.journal();
    verify(&journal).unwrap();
    assert!(
        kept.iter().all(|entry| journal.contains(entry)),
        "{what}: entries are lost"
    );
    let sent = [world.points.sent(), other.points.sent()].concat();
    for (target, goal) in sent {
        let Goal::Raise { to, .. } = goal else { continue };
        let allowed = saga.allowed()[usize::from(target != world.splitter.id())];
        assert!(to <= allowed, "{what}: {target} was raised to {to}");
        assert!(!has_rollback(&kept), "{what}: {target} was raised after a rollback");
    }
    assert!(nobody_writes_above(&world) && nobody_writes_above(&other), "{what}");
    calls
}

#[test]
fn whatever_is_stopped_while_it_is_taken_up_is_taken_up_again() {
    let mut points = 0;
    for saga in [
        Saga::Advance,
        Saga::Reduce,
        Saga::RollBack,
        Saga::RollBackSet,
        Saga::Pin,
    ] {
        let (_, calls) = cut_short(saga, 0);
        let middle = calls / 2;
        let calls = run(saga, middle, Mode::Count, 0, Heir::Same);
        assert!(calls > 10, "{saga:?}: {calls} calls");
        for at in 1..=calls {
            for (mode, heir) in [
                (Mode::StopBefore, Heir::Same),
                (Mode::StopAfter, Heir::Other),
                (Mode::Fail, Heir::Same),
            ] {
                run(saga, middle, mode, at, heir);
                points += 1;
            }
        }
    }
    println!("{points} points of taking up tried");
    assert!(points > 150, "{points}");
}
