//! Looking: stalls, incidents, traffic, and targets that never rest.

use std::sync::atomic::Ordering;
use std::time::Duration;

use timonel_domain::plan::Incident;
use timonel_domain::rollout::{Cause, Event, Hold, Notice, Stage};
use timonel_domain::value::{Side, Weight};
use timonel_ports::clock::Clock;

use super::world::{BAKE, TEN, World, settle, until};
use crate::command::Wish;
use crate::message::Message;

fn gaps(world: &mut World) -> usize {
    let gap = |n: &Notice| matches!(n, Notice::Gap { .. });
    world.notices().iter().filter(|n| gap(n)).count()
}

#[tokio::test]
async fn a_stall_longer_than_fifteen_seconds_is_a_gap() {
    let mut world = World::baking().await;
    world.clock.advance(Duration::from_secs(16));
    settle().await;
    assert_eq!(gaps(&mut world), 0);
    world.clock.advance(Duration::from_secs(17));
    settle().await;
    assert_eq!(gaps(&mut world), 1);
    assert!(world.holds(Hold::Gap).await);
}

#[tokio::test]
async fn a_wall_clock_that_is_set_serves_no_phase_and_is_a_gap() {
    let mut world = World::baking().await;
    world.clock.set_wall(|wall| wall + BAKE * 60);
    world.pass(3).await;
    assert_eq!(gaps(&mut world), 1);
    assert_eq!(world.state().await.stage, Stage::Baking { phase: 0 });
    assert!(world.splitter.moves().is_empty(), "{:?}", world.splitter.moves());
    world.clock.set_wall(|wall| wall - BAKE * 90);
    world.pass(3).await;
    assert_eq!(gaps(&mut world), 2);
    // By the new time data count again, though what came before bears later times.
    world.count("criticos", timonel_domain::value::Side::Canary, 1);
    world.pass(6).await;
    assert!(world.state().await.rollback.is_some());
}

#[tokio::test]
async fn time_in_which_nobody_watched_serves_no_phase_whatever_is_heard_first() {
    let mut world = World::baking().await;
    world.clock.advance(BAKE * 60);
    // It stands in the mailbox before the late tick.
    world.tell(Message::Event(Event::Tick));
    settle().await;
    assert_eq!(gaps(&mut world), 1);
    assert_eq!(world.state().await.stage, Stage::Baking { phase: 0 });
    assert!(world.splitter.moves().is_empty());
}

#[tokio::test]
async fn a_stop_writes_everything_first() {
    let mut world = World::baking().await;
    world.store.hang.set(true);
    world
        .wish(Wish::Freeze {
            reason: "me voy".to_owned(),
        })
        .await;
    settle().await;
    let state = world.state().await;
    let before = world.store.journal().len();
    let stopping = world.stopping();
    settle().await;
    assert_eq!(world.store.journal().len(), before);
    world.store.hang.set(false);
    stopping.join().await.unwrap();
    assert_eq!(world.replayed().await, *state);
}

#[tokio::test]
async fn a_stop_while_the_store_fails_tries_again_once_a_second() {
    let mut world = World::baking().await;
    world.store.fail(true);
    world
        .wish(Wish::Freeze {
            reason: "me voy".to_owned(),
        })
        .await;
    settle().await;
    let state = world.state().await;
    let before = world.store.attempts();
    let stopping = world.stopping();
    world.pass(5).await;
    let attempts = world.store.attempts() - before;
    assert!((4..=6).contains(&attempts), "{attempts}");
    world.store.fail(false);
    world.pass(2).await;
    stopping.join().await.unwrap();
    assert_eq!(world.replayed().await, *state);
}

#[tokio::test]
async fn a_critical_error_on_the_canary_rolls_back() {
    let world = World::baking().await;
    world.count("criticos", Side::Stable, 1);
    world.pass(6).await;
    assert_eq!(world.splitter.weight(), TEN, "stable's errors are not the canary's");
    world.count("criticos", Side::Canary, 1);
    world.pass(6).await;
    let state = world.state().await;
    assert_eq!(state.stage, Stage::RolledBack);
    assert_eq!(
        state.rollback.as_ref().unwrap().cause,
        Cause::Incident(Incident::CriticalError)
    );
    assert_eq!(
        (world.splitter.weight(), world.follower.weight()),
        (Weight::ZERO, Weight::ZERO)
    );
    assert_eq!(world.store.samples_kept(), 2);
}

#[tokio::test]
async fn both_arms_of_a_reading_show_a_rollback_in_traffic() {
    let mut world = World::with_traffic().await;
    world.wish(Wish::roll_back()).await;
    world.until("read back", |s| s.stage == Stage::RolledBack).await;
    until("the intent file", || world.intent_is_there()).await;
    world.pass(2).await;
    world.count("asignadas", Side::Stable, 60);
    world.pass(10).await;
    let verified = |n: &Notice| *n == Notice::RollbackVerified;
    assert!(!world.notices().iter().any(verified), "one arm alone says nothing");
    world.count("asignadas", Side::Stable, 60);
    world.count("asignadas", Side::Canary, 0);
    world.pass(6).await;
    let assigned = |b: &crate::Bulletin| {
        matches!(
            b.event,
            Event::Assigned {
                stable: 60,
                canary: 0,
                ..
            }
        )
    };
    assert!(world.told().iter().any(assigned));
    assert!(world.notices().iter().any(verified));
    until("no intent file", || !world.intent_is_there()).await;
}

#[tokio::test]
async fn a_target_that_changes_all_the_time_is_not_read_all_the_time() {
    let mut world = World::still();
    world.splitter.restless.store(true, Ordering::Relaxed);
    world.start().await;
    settle().await;
    world.pass_by(Duration::from_millis(100), Duration::from_secs(5)).await;
    let reads = world.splitter.calls().len();
    assert!((5..=12).contains(&reads), "{reads}");
    world.stop().await;
}

#[tokio::test]
async fn what_arrives_is_judged_at_once_and_a_rule_acts_when_its_time_ends_not_at_the_next_tick() {
    const QUARTER: Duration = Duration::from_millis(250);
    let mut world = World::with_rule().await;
    world.pass(3).await;
    // Between two ticks, and between two intervals of the source.
    world.pass_by(QUARTER, QUARTER).await;
    world.count("asignadas", Side::Canary, 9);
    world.source.bell.notify_one();
    settle().await;
    let breach = world.clock.now();
    let seen = world.look().await;
    assert_eq!(seen.rules[0].state.breach(), Some(breach));
    world.pass_by(QUARTER * 3, QUARTER * 3).await;
    for second in 1..60 {
        if second % 4 == 0 {
            world.count("asignadas", Side::Canary, 9);
            world.source.bell.notify_one();
        }
        world.pass(1).await;
    }
    assert!(world.state().await.rollback.is_none(), "it has lasted 59.75 s");
    world.pass_by(QUARTER, QUARTER).await;
    assert!(world.state().await.rollback.is_some());
    let fired = |b: &&crate::Bulletin| matches!(&b.event, Event::Assessed(a) if !a.firing.is_empty());
    let at = world.told().iter().find(fired).unwrap().at;
    assert_eq!(at.since(breach), Duration::from_secs(60));
}
