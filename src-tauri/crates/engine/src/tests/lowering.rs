//! Going down: at once, whatever hangs, again and again until it is read back, and never above what is live.

use std::time::Duration;

use timonel_domain::rollout::{Effect, Hold, Notice, Stage};
use timonel_domain::time::Mono;
use timonel_domain::value::Weight;

use super::target::{Fate, conflict, throttled, unavailable};
use super::world::{TEN, World, linger, settle, until};
use crate::command::Wish;
use crate::message::Message;

const STEP: Duration = Duration::from_millis(50);

/// The pauses between attempts.
fn pauses(times: &[Mono]) -> Vec<Duration> {
    times.windows(2).map(|w| w[1].saturating_since(w[0])).collect()
}

#[tokio::test]
async fn a_press_lowers_every_target_while_the_store_hangs_and_its_intent_stays_until_the_end_is_written() {
    let mut world = World::baking().await;
    world.store.hang.set(true);
    world.wish(Wish::roll_back()).await;
    world
        .until("verified", |s| {
            s.rollback.as_ref().is_some_and(|r| r.verified_at.is_some())
        })
        .await;
    assert_eq!(
        (world.splitter.weight(), world.follower.weight()),
        (Weight::ZERO, Weight::ZERO)
    );
    until("the intent file", || world.intent_is_there()).await;
    // The store has what happened before, and not the end.
    world.tell(Message::Written { through: 1 });
    world.pass(5).await;
    linger().await;
    assert!(world.intent_is_there());

    world.store.hang.set(false);
    until("no intent file", || !world.intent_is_there()).await;
    world.check_journal().await;
}

#[tokio::test]
async fn one_target_that_hangs_does_not_hold_up_the_other_and_a_person_is_called_after_ten_seconds() {
    let mut world = World::baking().await;
    world.splitter.hang(true);
    world.wish(Wish::roll_back()).await;
    let (splitter, follower) = (world.splitter.id(), world.follower.id());
    world
        .until("the other", |s| s.targets[&follower].marks.read_back.is_some())
        .await;
    assert_eq!(world.follower.weight(), Weight::ZERO);
    let late = Notice::NotReadBack {
        target: splitter.clone(),
    };
    world.pass(9).await;
    assert!(!world.notices().contains(&late));
    world.pass(2).await;
    let called: Vec<_> = world
        .notices()
        .into_iter()
        .filter(|n| matches!(n, Notice::NotReadBack { .. }))
        .collect();
    assert_eq!(called, [late]);
    let manual = Effect::ShowManual {
        target: splitter,
        to: Weight::ZERO,
    };
    assert!(world.told().iter().any(|b| b.effects.contains(&manual)));

    world.splitter.hang(false);
    world.pass(10).await;
    assert_eq!(world.splitter.weight(), Weight::ZERO);
    assert_eq!(world.state().await.stage, Stage::RolledBack);
}

#[tokio::test]
async fn a_target_that_asks_for_seven_seconds_is_given_them() {
    let mut world = World::baking().await;
    world.splitter.fates([Fate::Fails(throttled(7))]);
    world.wish(Wish::roll_back()).await;
    world.pass_by(STEP, Duration::from_secs(9)).await;
    let times: Vec<_> = world.splitter.started().into_iter().map(|(at, _)| at).collect();
    let pause = pauses(&times);
    assert_eq!(pause.len(), 1);
    assert!(
        pause[0] >= Duration::from_secs(7) && pause[0] < Duration::from_millis(7300),
        "{pause:?}"
    );
    assert_eq!(world.splitter.weight(), Weight::ZERO);
}

#[tokio::test]
async fn a_lost_race_is_run_again_at_once_but_not_without_end() {
    let mut world = World::baking().await;
    world.splitter.fates(vec![Fate::Fails(conflict()); 2]);
    world.wish(Wish::roll_back()).await;
    world.until("rolled back", |s| s.stage == Stage::RolledBack).await;
    assert_eq!(world.splitter.moves(), ["0", "0", "0"], "without any time going by");

    let mut world = World::baking().await;
    world.splitter.fates(vec![Fate::Fails(conflict()); 100]);
    world.wish(Wish::roll_back()).await;
    settle().await;
    assert_eq!(world.splitter.moves().len(), 4);
    world.pass_by(STEP, Duration::from_secs(2)).await;
    assert!(world.splitter.moves().len() <= 16, "{}", world.splitter.moves().len());
}

#[tokio::test]
async fn a_target_that_says_zero_seconds_is_given_a_pause_all_the_same() {
    let mut world = World::baking().await;
    world.splitter.fates(vec![Fate::Fails(throttled(0)); 100]);
    world.wish(Wish::roll_back()).await;
    settle().await;
    assert_eq!(world.splitter.moves().len(), 1);
    world.pass_by(STEP, Duration::from_secs(2)).await;
    assert!(world.splitter.moves().len() > 1 && world.splitter.moves().len() <= 8);
}

#[tokio::test]
async fn other_failures_are_tried_again_with_growing_pauses_until_it_is_read_back() {
    let mut world = World::baking().await;
    world.splitter.fates(vec![Fate::Fails(unavailable()); 8]);
    // Then it says yes and does nothing, which is no end either.
    world.splitter.fates([Fate::Ignored, Fate::Ignored]);
    world.wish(Wish::roll_back()).await;
    world.pass_by(STEP, Duration::from_secs(60)).await;
    let times: Vec<_> = world.splitter.started().into_iter().map(|(at, _)| at).collect();
    let pauses = pauses(&times);
    assert_eq!(pauses.len(), 10, "{pauses:?}");
    for (n, pause) in (0..).zip(&pauses) {
        let base = Duration::from_millis(250 << n.min(5)).min(Duration::from_secs(5));
        assert!(*pause >= base && *pause <= base.mul_f64(1.5) + STEP, "{n}: {pauses:?}");
    }
    assert_eq!(world.splitter.weight(), Weight::ZERO);
    assert_eq!(world.state().await.stage, Stage::RolledBack);
}

#[tokio::test]
async fn a_lowering_never_writes_above_what_is_live() {
    let mut world = World::baking().await;
    // Somebody raises it, and while we bring it down somebody else lowers it further.
    world.splitter.fates([Fate::Beaten(Weight::percent(3))]);
    world.splitter.set(Weight::percent(50));
    world.pass(15).await;
    let hold = Hold::Drift(world.splitter.id());
    assert!(world.holds(hold).await);
    assert_eq!(world.splitter.weight(), Weight::percent(3));
    assert_eq!(world.splitter.moves(), ["10"], "the one that lost the race");
    assert!(
        world
            .notices()
            .iter()
            .any(|n| matches!(n, Notice::DriftAbove { live, .. } if *live > TEN))
    );
}
