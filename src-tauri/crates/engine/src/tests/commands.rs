//! What people say: once, and only what is a wish.

use timonel_domain::rollout::{Effect, Event, Hold, Rejection, Stage};
use timonel_journal::entry::Body;

use super::world::{World, settle};
use crate::command::Wish;

#[tokio::test]
async fn a_command_that_arrives_twice_is_executed_once() {
    let mut world = World::armed().await;
    let close = Body::of(&Wish::Close).unwrap();
    let refused = |world: &mut World| {
        let refused = |b: &&crate::Bulletin| b.effects.contains(&Effect::Rejected(Rejection::Stage));
        world.told().iter().filter(refused).count()
    };
    world.submit("una", close.clone()).await;
    world.submit("una", close.clone()).await;
    settle().await;
    assert_eq!(refused(&mut world), 1);
    world.submit("otra", close).await;
    settle().await;
    assert_eq!(refused(&mut world), 2);
}

#[tokio::test]
async fn what_is_no_wish_or_too_long_is_refused_without_harm() {
    let mut world = World::baking().await;
    let before = world.told().len();
    world.submit("1", Body::of(&"sube todo").unwrap()).await;
    world
        .submit("2", Body::of(&serde_json::json!({"want": "fly"})).unwrap())
        .await;
    let long = Wish::Freeze {
        reason: "x".repeat(Body::LIMIT - 100),
    };
    world.submit("3", Body::of(&long).unwrap()).await;
    settle().await;
    assert_eq!(world.told().len(), before);
    assert!(!world.holds(Hold::Operator).await);

    world
        .wish(Wish::Freeze {
            reason: "esto sí".to_owned(),
        })
        .await;
    settle().await;
    assert!(world.holds(Hold::Operator).await);
    world.wish(Wish::roll_back()).await;
    world.until("rolled back", |s| s.stage == Stage::RolledBack).await;
    assert!(world.told().iter().any(|b| matches!(b.event, Event::RollBack { .. })));
}
