//! Going up: the decision first, one attempt, and never past what has come in between.

use timonel_domain::rollout::{Event, Failure, Hold, Notice, OpKind, Report, Stage};
use timonel_domain::value::Weight;

use super::target::{Fate, throttled, unavailable};
use super::world::{BAKE, TEN, World, settle};
use crate::command::Wish;
use crate::message::Message;

#[tokio::test]
async fn a_raise_is_called_only_after_its_decision_is_in_the_store() {
    let mut world = World::armed().await;
    world.store.hang.set(true);
    world.wish(Wish::Start).await;
    world
        .until("a decision", |s| s.targets.values().any(|t| t.op.is_some()))
        .await;
    world.pass(3).await;
    assert!(world.follower.moves().is_empty() && world.splitter.moves().is_empty());

    world.store.hang.set(false);
    world
        .until("the first phase", |s| s.stage == Stage::Baking { phase: 0 })
        .await;
    assert_eq!(
        (world.follower.moves(), world.splitter.moves()),
        (vec!["+100".to_owned()], vec!["+10".to_owned()])
    );
    world.check_journal().await;
}

#[tokio::test]
async fn a_store_that_fails_stops_the_raise_and_gets_everything_in_order_when_it_is_back() {
    let mut world = World::armed().await;
    world.store.fail(true);
    world.wish(Wish::Start).await;
    let hold = Hold::Shift(world.follower.id());
    world.until("frozen", |s| s.holds.contains(&hold)).await;
    world
        .wish(Wish::Freeze {
            reason: "mientras tanto".to_owned(),
        })
        .await;
    world.pass(5).await;
    let now = world.look().await;
    assert!(now.unwritten >= 3, "{}", now.unwritten);
    assert!(now.store_fault.is_some_and(|fault| fault.contains("full")));
    // Nothing had moved, so nothing is put back.
    assert!(world.follower.moves().is_empty() && world.splitter.moves().is_empty());

    world.store.fail(false);
    world.pass(2).await;
    assert_eq!(world.look().await.store_fault, None);
    assert!(world.follower.moves().is_empty() && world.splitter.moves().is_empty());
    world.check_journal().await;
}

#[tokio::test]
async fn a_fault_that_only_readings_met_is_over_with_them() {
    let mut world = World::baking().await;
    world.store.fail(true);
    world.count("asignadas", timonel_domain::value::Side::Stable, 5);
    world.pass(6).await;
    assert!(world.look().await.store_fault.is_some());
    let told = world.told().len();
    world.store.fail(false);
    world.pass(2).await;
    assert_eq!(world.told().len(), told, "no entry that would say so");
    assert_eq!(world.look().await.store_fault, None);
    assert_eq!(world.store.samples_kept(), 1);
}

#[tokio::test]
async fn readings_that_the_store_refuses_for_good_do_not_keep_entries_out() {
    let mut world = World::baking().await;
    world.store.refuse_samples();
    world.count("asignadas", timonel_domain::value::Side::Stable, 5);
    world.pass(6).await;
    world
        .wish(Wish::Freeze {
            reason: "para ver".to_owned(),
        })
        .await;
    settle().await;
    assert!(world.holds(Hold::Operator).await);
    world.check_journal().await;
}

#[tokio::test]
async fn what_came_in_between_a_decision_and_its_record_stops_the_raise() {
    let mut world = World::armed().await;
    world.store.hang.set(true);
    world.wish(Wish::Start).await;
    world
        .until("a decision", |s| s.targets.values().any(|t| t.op.is_some()))
        .await;
    world
        .wish(Wish::Freeze {
            reason: "no ahora".to_owned(),
        })
        .await;
    settle().await;
    world.store.hang.set(false);
    let hold = Hold::Shift(world.follower.id());
    world.until("given up", |s| s.holds.contains(&hold)).await;
    settle().await;
    assert!(world.follower.moves().is_empty() && world.splitter.moves().is_empty());
    let overtaken = |n: &Notice| matches!(n, Notice::ShiftFailed { failure, .. } if failure.code == "raise.overtaken");
    assert!(world.notices().iter().any(overtaken));
}

#[tokio::test]
async fn a_press_while_a_raise_waits_for_the_store_means_that_it_is_never_called() {
    let mut world = World::armed().await;
    world.store.hang.set(true);
    world.wish(Wish::Start).await;
    world
        .until("a decision", |s| s.targets.values().any(|t| t.op.is_some()))
        .await;
    world.wish(Wish::roll_back()).await;
    world.until("rolled back", |s| s.stage == Stage::RolledBack).await;
    world.store.hang.set(false);
    world.pass(15).await;
    assert!(world.follower.moves().is_empty() && world.splitter.moves().is_empty());
    world.check_journal().await;
}

#[tokio::test]
async fn a_raise_that_finds_less_than_we_left_is_refused_and_the_lower_weight_respected() {
    let world = World::baking().await;
    world.store.hang.set(true);
    world.pass(BAKE.as_secs()).await;
    let splitter = world.splitter.id();
    let raising = |op: Option<timonel_domain::rollout::Op>| op.is_some_and(|op| op.kind == OpKind::Raise);
    world
        .until("the second phase", |s| raising(s.targets[&splitter].op))
        .await;
    world.splitter.set(Weight::percent(3));
    world.store.hang.set(false);
    let hold = Hold::Drift(splitter.clone());
    world.until("respected", |s| s.holds.contains(&hold)).await;
    world.pass(30).await;
    assert!(world.holds(Hold::Shift(splitter)).await);
    assert_eq!(world.splitter.weight(), Weight::percent(3));
    assert!(world.splitter.moves().is_empty(), "{:?}", world.splitter.moves());
    world.check_journal().await;
}

#[tokio::test]
async fn a_raise_whose_answer_was_lost_is_read_back_and_not_repeated() {
    let mut world = World::armed().await;
    world.splitter.fates([Fate::AnswerLost]);
    world.wish(Wish::Start).await;
    world
        .until("the first phase", |s| s.stage == Stage::Baking { phase: 0 })
        .await;
    world.pass(5).await;
    assert_eq!(world.splitter.moves(), ["+10"]);
    assert_eq!(world.splitter.weight(), TEN);
}

#[tokio::test]
async fn a_raise_without_effect_is_not_repeated_and_what_had_moved_is_put_back() {
    let mut world = World::armed().await;
    world.splitter.fates([Fate::Fails(unavailable())]);
    world.wish(Wish::Start).await;
    let hold = Hold::Shift(world.splitter.id());
    world
        .until("frozen", |s| {
            s.holds.contains(&hold) && s.targets.values().all(|t| t.op.is_none())
        })
        .await;
    world.pass(5).await;
    assert_eq!(world.splitter.moves(), ["+10"]);
    assert_eq!(world.follower.moves(), ["+100", "0"]);
    assert_eq!(world.splitter.weight(), Weight::ZERO);
}

#[tokio::test]
async fn a_target_that_wants_a_raise_later_gets_it_later() {
    let mut world = World::armed().await;
    world
        .splitter
        .fates([Fate::Fails(throttled(3)), Fate::Fails(throttled(20))]);
    world.wish(Wish::Start).await;
    world.pass(20).await;
    assert_eq!(world.splitter.weight(), Weight::ZERO);
    world.pass(10).await;
    world
        .until("the first phase", |s| s.stage == Stage::Baking { phase: 0 })
        .await;
    assert_eq!(world.splitter.moves(), ["+10", "+10", "+10"]);
    assert_eq!(world.splitter.weight(), TEN);
    assert!(!world.notices().iter().any(|n| matches!(n, Notice::ShiftFailed { .. })));
    world.check_journal().await;
}

#[tokio::test]
async fn a_target_that_puts_a_raise_off_for_too_long_has_refused_it() {
    let mut world = World::armed().await;
    world
        .splitter
        .fates([Fate::Fails(throttled(20)), Fate::Fails(throttled(20))]);
    world.wish(Wish::Start).await;
    world.pass(40).await;
    assert!(world.holds(Hold::Shift(world.splitter.id())).await);
    assert_eq!(world.splitter.moves(), ["+10", "+10"]);
    assert_eq!(world.splitter.weight(), Weight::ZERO);
}

#[tokio::test]
async fn what_comes_while_a_raise_is_put_off_stops_it() {
    let freeze = Wish::Freeze {
        reason: "no ahora".to_owned(),
    };
    for wish in [freeze, Wish::roll_back()] {
        let mut world = World::armed().await;
        world.splitter.fates([Fate::Fails(throttled(10))]);
        world.wish(Wish::Start).await;
        world.pass(5).await;
        assert_eq!(world.splitter.moves(), ["+10"]);
        world.wish(wish).await;
        world.pass(40).await;
        assert!(!world.splitter.moves()[1..].contains(&"+10".to_owned()));
        assert_eq!(world.splitter.weight(), Weight::ZERO);
        world.check_journal().await;
    }
}

#[tokio::test]
async fn a_rollback_in_the_middle_of_a_raise_replaces_it() {
    let mut world = World::armed().await;
    world.splitter.starts.set(true);
    world.wish(Wish::Start).await;
    let splitter = world.splitter.id();
    world.until("the raise", |s| s.targets[&splitter].op.is_some()).await;
    settle().await;
    assert_eq!(world.splitter.moves(), ["+10"]);
    let raise = world.state().await.targets[&splitter].op.unwrap().id;

    world.wish(Wish::roll_back()).await;
    world.until("rolled back", |s| s.rollback.is_some()).await;
    // What the raise had still to say, in every form.
    let before = world.state().await;
    let failure = Failure {
        code: "target.deadline".to_owned(),
        text: String::new(),
    };
    let read = |weight| Report::read(Some(raise), weight);
    for report in [
        Report::accepted(raise),
        read(TEN),
        read(Weight::ZERO),
        Report::Failed { op: raise, failure },
    ] {
        let target = splitter.clone();
        world.tell(Message::Event(Event::Target { target, report }));
    }
    assert_eq!(*world.state().await, *before);

    world.splitter.starts.set(false);
    world.until("verified", |s| s.stage == Stage::RolledBack).await;
    world.pass(20).await;
    assert_eq!(
        (world.splitter.weight(), world.follower.weight()),
        (Weight::ZERO, Weight::ZERO)
    );
    // The hung call was given up with its task, and did not come through afterwards.
    assert_eq!(world.splitter.moves(), ["+10"]);
    assert!(!world.notices().iter().any(|n| matches!(n, Notice::DriftAbove { .. })));
    world.check_journal().await;
}
