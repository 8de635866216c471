//! A rollback from a kit that comes into the journal while an engine runs, while none does, and after a reset.

use timonel_domain::rollout::{Cause, Event, Generation, Level, Stage};
use timonel_domain::value::{Person, PlanId, Weight, Writer};
use timonel_journal::chain::{Chain, Head};
use timonel_journal::entry::{Body, Hash, Kind, Sealed};
use timonel_journal::record::{KIT, KitRecord, KitRollback, MERGED, MergedRecord, STEP, StepRecord};
use timonel_ports::clock::Clock;
use timonel_ports::store::JournalStore;

use super::world::{TEN, World, rollout};
use crate::command::Wish;

/// Appends what a merge appends, of a kit that knew `generation`.
async fn merge(world: &World, generation: Generation) {
    let at = world.clock.now();
    let luz = Person::new("luz").unwrap();
    let cause = Cause::Person(luz.clone());
    let mut kit = Chain::resume(Writer::new("kit-1").unwrap(), Head::EMPTY);
    let mut own = Chain::resume(Writer::new("kit-1-merge").unwrap(), Head::EMPTY);
    let seal = |chain: &mut Chain, kind: &str, body: Body| -> Sealed {
        chain.seal(at, Some(rollout()), Kind::new(kind).unwrap(), body)
    };
    let record = KitRecord {
        by: luz,
        plan: PlanId::new("ivr").unwrap(),
        plan_revision: 1,
        plan_hash: Hash::ZERO,
        environment: "produccion".to_owned(),
        generation,
        refreshed_at: at,
    };
    let event = Event::RollBack {
        level: Level::Total,
        cause: cause.clone(),
        confirmed: true,
    };
    let press = seal(&mut kit, KIT, Body::of(&record).unwrap());
    let steps = [Event::Helm(None), event].map(|event| {
        let body = Body::of(&StepRecord::new(&event, &[])).unwrap();
        seal(&mut kit, STEP, body)
    });
    let head = kit.head();
    let merged = MergedRecord {
        kit: kit.writer().clone(),
        seq: head.seq,
        hash: head.hash,
        entries: 3,
        plan_revision: 1,
        generation,
        rollback: Some(KitRollback {
            cause: cause.clone().into(),
            at,
        }),
    };
    let merged = seal(&mut own, MERGED, Body::of(&merged).unwrap());
    let all: Vec<_> = [press].into_iter().chain(steps).chain([merged]).collect();
    world.store.append(&all).await.unwrap();
}

#[tokio::test]
async fn a_running_engine_hears_of_a_merge_and_rolls_back() {
    let mut world = World::baking().await;
    merge(&world, world.state().await.generation).await;
    world.pass(7).await;
    world.until("rolled back", |s| s.stage == Stage::RolledBack).await;
    let state = world.state().await;
    assert!(state.latch.is_some() && state.helm);
    assert_eq!(
        (world.splitter.weight(), world.follower.weight()),
        (Weight::ZERO, Weight::ZERO)
    );
    let luz = Cause::Person(Person::new("luz").unwrap());
    let pressed = |b: &&crate::Bulletin| matches!(&b.event, Event::RollBack { cause, .. } if *cause == luz);
    assert_eq!(world.told().iter().filter(pressed).count(), 1);
    world.check_journal().await;
}

#[tokio::test]
async fn what_was_merged_while_nobody_ran_is_known_before_and_carried_out_by_the_next_start() {
    let mut world = World::baking().await;
    let generation = world.state().await.generation;
    world.stop().await;
    merge(&world, generation).await;
    assert!(world.replayed().await.latch.is_some(), "a list shows it");
    assert_eq!(world.splitter.weight(), TEN);
    world.start().await;
    world.until("rolled back", |s| s.stage == Stage::RolledBack).await;
    assert_eq!(world.splitter.weight(), Weight::ZERO);
    world.check_journal().await;
    // And once.
    let reason = "visto".to_owned();
    world.wish(Wish::Reset { reason }).await;
    world.until("a draft", |s| s.stage == Stage::Draft).await;
    world.wish(Wish::Arm).await;
    world.until("armed", |s| s.stage == Stage::Armed).await;
    world.stop().await;
    world.start().await;
    world.pass(7).await;
    assert_eq!(world.state().await.stage, Stage::Armed);
}

#[tokio::test]
async fn a_press_from_before_the_last_reset_latches_nothing() {
    let mut world = World::baking().await;
    let before = world.state().await.generation;
    world.wish(Wish::roll_back()).await;
    world.until("rolled back", |s| s.stage == Stage::RolledBack).await;
    let reason = "visto".to_owned();
    world.wish(Wish::Reset { reason }).await;
    world.wish(Wish::Arm).await;
    world.until("armed", |s| s.stage == Stage::Armed).await;
    merge(&world, before).await;
    world.pass(7).await;
    assert_eq!(world.state().await.stage, Stage::Armed);
    world.stop().await;
    assert!(world.replayed().await.latch.is_none());
}
