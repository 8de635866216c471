//! What people say: once, and only what is a wish.

use std::time::Duration;

use timonel_domain::rollout::{Effect, Event, Hold, Rejection, Stage};
use timonel_domain::value::Person;
use timonel_journal::entry::{Body, Entry};
use timonel_journal::record::{ACKNOWLEDGEMENT, AnswerRecord, COMMAND, CommandRecord, STEP, StepRecord};
use timonel_ports::clock::Clock;
use timonel_ports::commands::{Command, CommandId, Taken};

use super::world::{World, settle};
use crate::command::{KEEPS, Wish};
use crate::message::Message;

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

#[tokio::test]
async fn who_has_seen_an_alert_is_journalled_survives_a_restart_and_changes_nothing() {
    let mut world = World::baking().await;
    let (before, told) = (world.state().await, world.told().len());
    for comment in ["voy yo", "yo también"] {
        world
            .wish(Wish::Acknowledge {
                alert: "7.0".to_owned(),
                comment: comment.to_owned(),
            })
            .await;
    }
    settle().await;
    let seen = world.look().await;
    assert_eq!(seen.state, before);
    assert_eq!(world.told().len(), told, "it is no step");
    let acknowledged = seen.acknowledged["7.0"].clone();
    assert_eq!(acknowledged.comment, "voy yo", "the first who has seen it");
    let entries = world.store.journal();
    let of_kind = |entry: &timonel_journal::entry::Sealed| {
        let entry = entry.entry().unwrap();
        (entry.kind.as_str() == ACKNOWLEDGEMENT).then_some(entry.seq)
    };
    let kept: Vec<_> = entries.iter().filter_map(of_kind).collect();
    assert_eq!(kept, [acknowledged.seq]);

    world.stop().await;
    assert_eq!(world.replayed().await, *before);
    world.start().await;
    world.check_journal().await;
    assert_eq!(world.look().await.acknowledged["7.0"], acknowledged);
}

/// A command that waited so long before it arrived.
fn waited(world: &World, id: &str, wish: Wish, waited: Duration) {
    let command = Command {
        id: CommandId::new(id).unwrap(),
        by: Person::new("ana").unwrap(),
        at: world.clock.now(),
        what: Body::of(&wish).unwrap(),
    };
    world.tell(Message::Command(Taken { command, waited }));
}

/// What the journal says of commands that are no steps.
fn answers(world: &World) -> Vec<(String, AnswerRecord)> {
    let entries = world.store.journal();
    let read = entries.iter().map(|entry| entry.entry().unwrap());
    let records = read.filter(|entry| entry.kind.as_str() == COMMAND);
    records
        .map(|entry| entry.body.read::<CommandRecord>().unwrap())
        .map(|record| (record.id, record.answer))
        .collect()
}

#[tokio::test]
async fn an_old_wish_is_nobodys_wish_but_a_rollback_is_until_a_person_says_that_it_is_over() {
    let mut world = World::baking().await;
    let freeze = || Wish::Freeze {
        reason: "miro".to_owned(),
    };
    waited(&world, "tarde", freeze(), KEEPS + Duration::from_micros(1));
    waited(&world, "a-tiempo", freeze(), KEEPS);
    settle().await;
    assert_eq!(answers(&world), [("tarde".to_owned(), AnswerRecord::Late)]);
    assert!(world.holds(Hold::Operator).await);

    waited(&world, "vieja", Wish::roll_back(), Duration::MAX);
    world.until("rolled back", |s| s.stage == Stage::RolledBack).await;
    let steps = |world: &World, id: &str| {
        let entries = world.store.journal();
        let steps = entries.iter().map(|entry| entry.entry().unwrap());
        let steps = steps.filter(|entry| entry.kind.as_str() == STEP);
        let of = |entry: Entry| entry.body.read::<StepRecord>().unwrap().command;
        steps.filter_map(of).filter(|of| of == id).count()
    };
    assert_eq!(steps(&world, "vieja"), 1);

    let reset = Wish::Reset {
        reason: "resuelto".to_owned(),
    };
    world.wish(reset).await;
    settle().await;
    waited(&world, "de-antes", Wish::roll_back(), Duration::from_secs(3600));
    settle().await;
    assert!(answers(&world).contains(&("de-antes".to_owned(), AnswerRecord::Overtaken)));
    assert_eq!(steps(&world, "de-antes"), 0);

    // The engine after it goes by the journal.
    world.stop().await;
    world.start().await;
    for id in ["vieja", "de-antes", "tarde"] {
        waited(&world, id, Wish::roll_back(), Duration::ZERO);
    }
    settle().await;
    assert_eq!(
        [
            steps(&world, "vieja"),
            steps(&world, "de-antes"),
            steps(&world, "tarde")
        ],
        [1, 0, 0]
    );
}
