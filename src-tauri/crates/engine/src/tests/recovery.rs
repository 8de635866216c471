//! Starting again: what the journal says, what it cannot know, and rollbacks that were under way.

use timonel_domain::rollout::{Event, Generation, Hold, Level, Stage};
use timonel_domain::value::Weight;
use timonel_journal::intent::Intent;
use timonel_ports::helm::LEASE;

use super::target::Call;
use super::world::{BAKE, TEN, World, rollout, settle, until};
use crate::EngineError;
use crate::command::Wish;

fn intent(of: &str) -> Intent {
    Intent {
        rollout: timonel_domain::value::RolloutId::new(of).unwrap(),
        plan_revision: 1,
        generation: Generation::default(),
        level: Level::Total,
        cause: "una prueba".to_owned(),
        occurred_at: timonel_domain::time::Timestamp::from_secs(1),
        targets: Vec::new(),
    }
}

#[tokio::test]
async fn a_restart_replays_to_the_same_state_and_takes_the_helm_with_a_new_epoch() {
    let mut world = World::baking().await;
    let before = world.state().await;
    world.stop().await;
    assert_eq!(world.replayed().await, *before);

    world.start().await;
    let after = world.state().await;
    assert_eq!((before.generation.epoch, after.generation.epoch), (1, 2));
    assert_eq!(world.helm.epoch(), 2);
    assert_eq!((after.stage, &after.targets), (before.stage, &before.targets));
    assert!(after.helm && after.holds.contains(&Hold::Gap));
    world.check_journal().await;
}

#[tokio::test]
async fn the_time_between_a_stop_and_a_start_serves_no_phase() {
    let mut world = World::baking().await;
    world.stop().await;
    world.clock.advance(BAKE * 60);
    world.start().await;
    settle().await;
    world.pass(3).await;
    assert_eq!(world.state().await.stage, Stage::Baking { phase: 0 });
    assert!(world.splitter.moves().is_empty(), "{:?}", world.splitter.moves());
}

#[tokio::test]
async fn a_restart_goes_on_lowering_what_was_open() {
    let mut world = World::baking().await;
    world.splitter.hang(true);
    world.wish(Wish::roll_back()).await;
    world.until("half", |s| s.rollback.is_some()).await;
    until("the intent file", || world.intent_is_there()).await;
    world.stop().await;
    // By the journal alone.
    world.intents.remove(&rollout()).unwrap();
    assert_eq!(world.splitter.weight(), TEN);
    world.splitter.hang(false);
    world.start().await;
    world.until("rolled back", |s| s.stage == Stage::RolledBack).await;
    assert_eq!(world.splitter.weight(), Weight::ZERO);
    world.check_journal().await;
}

#[tokio::test]
async fn an_open_raise_is_read_back_before_anything_else() {
    for (landed, moves) in [(true, vec![]), (false, vec!["0".to_owned()])] {
        let mut world = World::armed().await;
        world.splitter.starts.set(true);
        world.wish(Wish::Start).await;
        let splitter = world.splitter.id();
        world.until("the raise", |s| s.targets[&splitter].op.is_some()).await;
        settle().await;
        world.stop().await;
        world.splitter.starts.set(false);
        if landed {
            world.splitter.set(TEN);
        }
        world.splitter.forget_calls();
        world.follower.forget_calls();

        world.start().await;
        world
            .until("an end", |s| s.targets.values().all(|t| t.op.is_none()))
            .await;
        assert_eq!(world.splitter.calls().first(), Some(&Call::Read));
        assert!(world.splitter.moves().is_empty(), "never raised again");
        assert_eq!(world.follower.moves(), moves);
        let state = world.state().await;
        assert_eq!(state.holds.contains(&Hold::Shift(splitter)), !landed);
        assert_eq!(state.stage == Stage::Baking { phase: 0 }, landed);
    }
}

#[tokio::test]
async fn an_intent_that_the_journal_does_not_know_is_carried_out_even_if_it_cannot_be_read() {
    for corrupt in [false, true] {
        let mut world = World::baking().await;
        world.stop().await;
        world.intents.write(&intent(rollout().as_str())).unwrap();
        if corrupt {
            let folder = world.intents_path();
            std::fs::write(folder.join(format!("{}.rollback", rollout())), b"nada").unwrap();
        }
        world.start().await;
        world.until("rolled back", |s| s.stage == Stage::RolledBack).await;
        assert_eq!(
            (world.splitter.weight(), world.follower.weight()),
            (Weight::ZERO, Weight::ZERO)
        );
        until("no intent file", || !world.intent_is_there()).await;
    }
}

#[tokio::test]
async fn another_rollouts_intent_is_not_ours() {
    let mut world = World::baking().await;
    world.stop().await;
    world.intents.write(&intent("otro")).unwrap();
    world.start().await;
    world.pass(3).await;
    assert_eq!(world.splitter.weight(), TEN);
    assert!(world.intent_is_there());
}

#[tokio::test]
async fn an_intent_that_outlived_its_rollback_is_cleared_away() {
    let mut world = World::baking().await;
    world.wish(Wish::roll_back()).await;
    world.until("rolled back", |s| s.stage == Stage::RolledBack).await;
    world.check_journal().await;
    world.stop().await;
    assert!(!world.intent_is_there());
    // As after a crash between the end and the removal.
    world.intents.write(&intent(rollout().as_str())).unwrap();
    world.start().await;
    until("no intent file", || !world.intent_is_there()).await;
    let pressed = |b: &&crate::Bulletin| matches!(b.event, Event::RollBack { .. });
    assert_eq!(world.told().iter().filter(pressed).count(), 1, "only the first one");
}

/// Found by the crash harness: the file outlived the reset, and put back a rollout that had been begun anew.
#[tokio::test]
async fn an_intent_that_a_reset_has_answered_is_cleared_away() {
    let mut world = World::baking().await;
    world.wish(Wish::roll_back()).await;
    world.until("rolled back", |s| s.stage == Stage::RolledBack).await;
    let reason = "visto".to_owned();
    world.wish(Wish::Reset { reason }).await;
    world.wish(Wish::Arm).await;
    world.until("armed", |s| s.stage == Stage::Armed).await;
    world.stop().await;
    // As after a crash before it was removed.
    world.intents.write(&intent(rollout().as_str())).unwrap();
    world.start().await;
    until("no intent file", || !world.intent_is_there()).await;
    assert_eq!(world.state().await.stage, Stage::Armed);
}

#[tokio::test]
async fn a_reset_ends_a_rollback_that_traffic_never_verified() {
    let mut world = World::with_traffic().await;
    world.wish(Wish::roll_back()).await;
    world.until("read back", |s| s.stage == Stage::RolledBack).await;
    until("the intent file", || world.intent_is_there()).await;
    let reason = "sin tráfico esta noche".to_owned();
    world.wish(Wish::Reset { reason }).await;
    world.until("a draft", |s| s.stage == Stage::Draft).await;
    until("no intent file", || !world.intent_is_there()).await;
}

#[tokio::test]
async fn whoever_cannot_look_for_intents_leaves_the_helm_where_it_is() {
    let mut world = World::still();
    world.helm.seize("otra-consola");
    world.clock.advance(LEASE);
    std::fs::write(world.intents_path(), b"no folder").unwrap();
    assert!(matches!(world.try_start().await, Err(EngineError::Intent(_))));
    assert_eq!(world.helm.epoch(), 1);
    std::fs::remove_file(world.intents_path()).unwrap();
    world.start().await;
    assert_eq!(world.helm.epoch(), 2);
    assert!(world.state().await.helm);
}

/// Seconds of breach after which the rule has rolled back, with a restart after 40 s that takes `gap`.
async fn rolled_back_after(gap: std::time::Duration) -> u64 {
    let mut world = World::with_rule().await;
    let breach = async |world: &World| {
        world.count("asignadas", timonel_domain::value::Side::Canary, 9);
        world.pass(5).await;
    };
    for _ in 0..8 {
        breach(&world).await;
    }
    assert!(world.state().await.rollback.is_none());
    world.stop().await;
    world.clock.advance(gap);
    world.start().await;
    for fives in 0..40 {
        if world.state().await.rollback.is_some() {
            return 40 + fives * 5;
        }
        breach(&world).await;
    }
    panic!("it never rolled back");
}

#[tokio::test]
async fn a_pending_rule_takes_up_where_it_stood_after_a_short_gap_and_begins_anew_after_a_long_one() {
    let short = rolled_back_after(std::time::Duration::from_secs(5)).await;
    assert!((50..=75).contains(&short), "{short} s");
    let long = rolled_back_after(std::time::Duration::from_secs(20 * 60)).await;
    assert!((100..=115).contains(&long), "{long} s");
}
