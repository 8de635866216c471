//! A target that holds a set: its lever goes first, what is left behind is put back, and what takes its time is taken up.

use std::time::Duration;

use timonel_domain::rollout::{Hold, Notice, Stage, Verification};
use timonel_domain::value::Weight;
use timonel_journal::record::OPERATION;

use super::target::{Call, Fate, Slow, unavailable};
use super::world::{TEN, World, settle};
use crate::command::Wish;

const SLOW: Slow = Slow {
    job: Duration::from_secs(30),
    most: Weight::FULL,
    stragglers: 0,
};

/// At 10 %, the splitter a set.
async fn baking(slow: Slow) -> World {
    let mut world = World::armed().await;
    world.splitter.slow(slow);
    world.wish(Wish::Start).await;
    world.pass(60).await;
    assert_eq!(world.state().await.stage, Stage::Baking { phase: 0 });
    world.splitter.forget_calls();
    world
}

#[tokio::test]
async fn the_lever_is_the_first_call_and_the_clean_up_goes_on_until_nothing_is_left() {
    let mut world = baking(Slow { stragglers: 3, ..SLOW }).await;
    world.wish(Wish::roll_back()).await;
    world
        .until("the lever", |s| s.targets.values().any(|t| t.levered.is_some()))
        .await;
    assert_eq!(
        world.splitter.calls()[..2],
        [Call::Pull, Call::Poll],
        "nothing is read before it"
    );
    let splitter = world.splitter.id();
    let state = world.state().await;
    assert!(matches!(state.stage, Stage::RollingBack { .. }));
    assert_ne!(
        state.verification(&world.plan, &splitter),
        Verification::Open,
        "the calls are back"
    );
    assert!(
        world.splitter.levered() && world.splitter.weight() == TEN,
        "and the numbers are not"
    );
    world.pass(35).await;
    assert_eq!(world.splitter.surplus(), 3, "the first job left some behind");
    assert!(matches!(world.state().await.stage, Stage::RollingBack { .. }));
    world.pass(60).await;
    assert_eq!((world.splitter.surplus(), world.splitter.weight()), (0, Weight::ZERO));
    assert_eq!(world.state().await.stage, Stage::RolledBack);
    assert!(!world.notices().iter().any(|n| matches!(n, Notice::NotReadBack { .. })));
    world.check_journal().await;
}

#[tokio::test]
async fn a_lever_that_is_refused_gives_way_to_the_plain_path() {
    let mut world = baking(SLOW).await;
    let refused = timonel_ports::target::TargetError::Refused {
        place: super::target::place(),
        detail: "no".to_owned(),
    };
    world.splitter.fates(vec![Fate::Fails(refused); 1000]);
    world.wish(Wish::roll_back()).await;
    world.pass(90).await;
    assert_eq!(
        (world.splitter.levered(), world.splitter.weight()),
        (false, Weight::ZERO)
    );
    assert_eq!(world.state().await.stage, Stage::RolledBack);
}

#[tokio::test]
async fn a_lever_that_does_not_get_through_is_tried_again_before_anything_else() {
    let mut world = baking(SLOW).await;
    world
        .splitter
        .fates([Fate::Fails(unavailable()), Fate::Fails(unavailable())]);
    world.wish(Wish::roll_back()).await;
    world.pass(5).await;
    // Looks for drift go on beside it.
    let calls: Vec<_> = world
        .splitter
        .calls()
        .into_iter()
        .filter(|c| *c != Call::Read)
        .collect();
    assert_eq!(calls[..3], [Call::Pull, Call::Pull, Call::Pull]);
    assert!(world.splitter.levered());
}

#[tokio::test]
async fn a_lever_that_never_gets_through_does_not_hold_up_what_is_behind_it() {
    let mut world = baking(SLOW).await;
    world.splitter.fates(vec![Fate::Fails(unavailable()); 1000]);
    world.wish(Wish::roll_back()).await;
    world.pass(90).await;
    assert_eq!(
        (world.splitter.levered(), world.splitter.weight()),
        (false, Weight::ZERO)
    );
    assert_eq!(world.state().await.stage, Stage::RolledBack);
}

#[tokio::test]
async fn a_lever_that_is_given_back_while_anything_is_behind_it_is_pulled_again() {
    let mut world = baking(SLOW).await;
    let job = Duration::from_secs(600);
    world.splitter.slow(Slow { job, ..SLOW });
    world.wish(Wish::roll_back()).await;
    world.pass(300).await;
    world.splitter.give_back();
    world.pass(6).await;
    assert!(world.splitter.levered() && world.splitter.weight() == TEN);
    // Two jobs, one after the other.
    world.pass(1000).await;
    assert_eq!(world.state().await.stage, Stage::RolledBack);
    let pulls = world.splitter.calls().into_iter().filter(|c| *c == Call::Pull).count();
    assert_eq!(pulls, 2, "once for each time that it was not pulled");
    world.check_journal().await;
}

#[tokio::test]
async fn a_drill_pulls_and_releases_and_the_rollout_starts_as_before() {
    let mut world = World::armed().await;
    world.splitter.slow(SLOW);
    world.wish(Wish::Drill).await;
    world.pass(70).await;
    assert!(world.notices().iter().any(|n| matches!(n, Notice::Drilled { .. })));
    let state = world.state().await;
    assert_eq!((state.stage, &state.latch), (Stage::Armed, &None));
    assert!(!world.splitter.levered());
    world.wish(Wish::Start).await;
    world.pass(60).await;
    assert_eq!(world.state().await.stage, Stage::Baking { phase: 0 });
    world.check_journal().await;
}

#[tokio::test]
async fn a_raise_that_takes_its_time_is_taken_up_by_the_next_engine() {
    let mut world = World::armed().await;
    world.splitter.slow(SLOW);
    world.wish(Wish::Start).await;
    world.pass(10).await;
    let kinds: Vec<_> = world
        .store
        .journal()
        .iter()
        .map(|e| e.entry().unwrap().kind.as_str().to_owned())
        .collect();
    assert_eq!(kinds.iter().filter(|kind| *kind == OPERATION).count(), 1, "{kinds:?}");
    world.stop().await;
    world.splitter.forget_calls();
    world.start().await;
    settle().await;
    world.pass(40).await;
    assert!(
        world.splitter.calls().starts_with(&[Call::Poll]),
        "{:?}",
        world.splitter.calls()
    );
    assert!(
        world.splitter.moves().is_empty(),
        "it was not asked for again: {:?}",
        world.splitter.moves()
    );
    let state = world.state().await;
    assert!(
        !state.holds.contains(&Hold::Shift(world.splitter.id())),
        "{:?}",
        state.holds
    );
    assert_eq!(state.stage, Stage::Baking { phase: 0 });
    world.check_journal().await;
}

#[tokio::test]
async fn a_target_that_can_hold_less_is_believed() {
    let mut world = baking(Slow {
        most: Weight::from_hundredths(962).unwrap(),
        ..SLOW
    })
    .await;
    let state = world.state().await;
    let target = &state.targets[&world.splitter.id()];
    assert_eq!(
        (target.asked, target.accepted),
        (Some(TEN), Weight::from_hundredths(962))
    );
    assert!(
        world
            .notices()
            .iter()
            .any(|n| matches!(n, Notice::Reaches { members: Some(_), .. }))
    );
}
