//! Checkpoints: what was put away and what came after it are the whole journal; what does not fit is passed over; and what was
//! taken on trust at a start is looked through behind it.

use timonel_domain::rollout::{Event, Hold, Notice, Stage, State};
use timonel_domain::time::Timestamp;
use timonel_domain::value::Writer;
use timonel_journal::chain::{Chain, Head};
use timonel_journal::entry::{Body, Hash, Kind};
use timonel_journal::record::{HoldRecord, MENDED, MendedRecord};
use timonel_ports::checkpoint::Checkpoint;
use timonel_ports::clock::Clock;
use timonel_ports::store::Position;

use super::world::{World, rollout, settle};
use crate::command::Wish;
use crate::recovery::{EVERY, Starting, maker};

/// A rollout whose journal has a checkpoint and some entries after it, and no engine.
async fn long() -> World {
    let mut world = World::baking().await;
    for n in 0..EVERY / 2 + 20 {
        let reason = format!("vuelta {n}");
        world.wish(Wish::Freeze { reason: reason.clone() }).await;
        let hold = HoldRecord::Operator;
        world.wish(Wish::Release { hold, reason }).await;
        settle().await;
    }
    world.stop().await;
    assert!(world.store.journal().len() as u64 > EVERY + 20);
    world
}

/// By all of the journal.
async fn from_the_first_entry(world: &World) -> State {
    let kept = world.store.checkpoints();
    world.store.set_checkpoints(Vec::clear);
    let state = world.replayed().await;
    world.store.set_checkpoints(|checkpoints| *checkpoints = kept);
    state
}

async fn read_for_a_replay(world: &World) -> (State, usize) {
    let before = world.store.entries_read();
    let state = world.replayed().await;
    (state, world.store.entries_read() - before)
}

#[tokio::test]
async fn a_checkpoint_and_what_came_after_it_are_the_whole_journal() {
    let mut world = long().await;
    let [checkpoint] = &world.store.checkpoints()[..] else {
        panic!("one checkpoint");
    };
    assert!(checkpoint.position >= Position(EVERY.try_into().unwrap()));
    let all = world.store.journal().len();
    let (state, read) = read_for_a_replay(&world).await;
    assert!(read < all - usize::try_from(EVERY).unwrap() + 10, "{read} of {all}");
    assert_eq!(state, from_the_first_entry(&world).await);

    world.start().await;
    let started = world.state().await;
    assert_eq!((started.stage, &started.targets), (state.stage, &state.targets));
    settle().await;
    let broken = |notice: &Notice| matches!(notice, Notice::JournalBroken { .. });
    assert!(!world.notices().iter().any(broken));
    world.check_journal().await;
    assert_eq!(from_the_first_entry(&world).await, world.replayed().await);
}

#[tokio::test]
async fn what_does_not_fit_is_passed_over() {
    let mut world = long().await;
    let whole = from_the_first_entry(&world).await;
    let all = world.store.journal().len();
    let good = world.store.checkpoints().remove(0);
    for wrong in [
        Checkpoint {
            body: good.body[..good.body.len() - 1].to_vec(),
            ..good.clone()
        },
        Checkpoint {
            seal: Hash::ZERO,
            ..good.clone()
        },
        // Of an entry that this store does not have there.
        Checkpoint::new(
            rollout(),
            "engine",
            (Position(good.position.0 - 1), good.entry),
            good.body.clone(),
            maker::<()>(&world.plan),
        ),
        // Sealed as it should be, and nothing that can be read.
        Checkpoint::new(
            rollout(),
            "engine",
            (good.position, good.entry),
            b"{}".to_vec(),
            maker::<()>(&world.plan),
        ),
    ] {
        world.store.set_checkpoints(|kept| *kept = vec![wrong]);
        let (state, read) = read_for_a_replay(&world).await;
        assert!(read >= all, "{read} of {all}");
        assert_eq!(state, whole);
        // All was read, so the next one has it better.
        assert_eq!(read_for_a_replay(&world).await.0, whole);
        assert_eq!(world.store.checkpoints()[0].position, Position(all.try_into().unwrap()));
    }
    // Of another plan, which would make something else of the same entries.
    world.store.set_checkpoints(|kept| *kept = vec![good.clone()]);
    world.plan.phases[1].name.push('!');
    assert!(read_for_a_replay(&world).await.1 >= all);
}

/// Starts an engine; what it said of the journal once everything was looked through.
async fn said_of_the_journal(world: &mut World) -> Option<String> {
    world.start().await;
    for _ in 0..50 {
        settle().await;
    }
    world.told().iter().find_map(|bulletin| match &bulletin.event {
        Event::JournalBroken { detail } => Some(detail.clone()),
        _ => None,
    })
}

#[tokio::test]
async fn an_entry_that_was_changed_before_the_checkpoint_is_found_behind_the_start() {
    let mut world = long().await;
    // Sealed again, so that by itself it is sound; the one after it does not follow from it any more.
    world.store.set_journal(|journal| {
        let entry = journal[3].entry().unwrap();
        let previous = Head {
            seq: entry.seq - 1,
            hash: entry.previous,
        };
        let body = Body::of(&"nunca").unwrap();
        let mut chain = Chain::resume(entry.writer, previous);
        journal[3] = chain.seal(Timestamp::from_secs(1), entry.rollout, Kind::new("note").unwrap(), body);
    });
    let said = said_of_the_journal(&mut world).await.expect("it is found");
    assert!(said.contains("broken at entry 5"), "{said}");
    let state = world.state().await;
    assert_eq!(state.stage, Stage::Baking { phase: 0 }, "nothing is put back for it");
    assert!(state.holds.contains(&Hold::Alert), "and nothing goes on");
    world.wish(Wish::roll_back()).await;
    world.until("rolled back", |s| s.stage == Stage::RolledBack).await;
}

#[tokio::test]
async fn a_checkpoint_that_the_journal_does_not_come_to_is_found_behind_the_start() {
    let mut world = long().await;
    let good = world.store.checkpoints().remove(0);
    let mut body: serde_json::Value = serde_json::from_slice(&good.body).unwrap();
    body["fold"]["state"]["next_op"] = 7_000.into();
    let forged = Checkpoint::new(
        rollout(),
        "engine",
        (good.position, good.entry),
        serde_json::to_vec(&body).unwrap(),
        maker::<()>(&world.plan),
    );
    world.store.set_checkpoints(|kept| *kept = vec![forged]);
    let said = said_of_the_journal(&mut world).await.expect("it is found");
    assert!(said.contains("checkpoint"), "{said}");
}

#[tokio::test]
async fn damage_that_no_entry_shows_is_told_and_freezes() {
    let mut world = World::baking().await;
    world.stop().await;
    world.store.damage("page 7 of the index is never used");
    let said = said_of_the_journal(&mut world).await.expect("it is found");
    assert!(said.contains("page 7"), "{said}");
    assert!(world.holds(Hold::Alert).await);
}

#[tokio::test]
async fn a_checkpoint_is_taken_up_with_entries_of_another_writer_after_it() {
    let mut world = long().await;
    let mut other = world.beside("otra");
    // The other one takes the helm, acts, and goes: of what the first one wrote later as a former holder nothing counts.
    world.clock.advance(timonel_ports::helm::LEASE * 2);
    other.start().await;
    let reason = "desde otra".to_owned();
    other.wish(Wish::Freeze { reason }).await;
    settle().await;
    other.stop().await;
    let writers: std::collections::BTreeSet<Writer> = world
        .store
        .journal()
        .iter()
        .map(|e| e.entry().unwrap().writer)
        .collect();
    assert_eq!(writers.len(), 2);
    let state = world.replayed().await;
    assert!(state.holds.contains(&Hold::Operator));
    assert_eq!(state, from_the_first_entry(&world).await);
    assert_eq!(said_of_the_journal(&mut world).await, None);
}

#[tokio::test]
async fn nothing_is_looked_through_while_an_engine_starts() {
    let mut world = World::baking().await;
    world.stop().await;
    world.store.damage("page 7 of the index is never used");
    let another = Starting::now();
    assert_eq!(said_of_the_journal(&mut world).await, None);
    drop(another);
    for _ in 0..50 {
        settle().await;
    }
    assert!(world.holds(Hold::Alert).await, "and then it is");
}

/// The store was mended after the checkpoint and nobody has run since: that is told, and nothing goes on by itself.
#[tokio::test]
async fn a_mending_after_the_checkpoint_is_taken_up_with_it() {
    let mut world = long().await;
    let mended = MendedRecord {
        aside: "timonel.db.damaged".to_owned(),
        found: "page 7".to_owned(),
        entries: 1000,
        apart: 1,
        missing: 2,
        lost: Vec::new(),
    };
    let mut chain = Chain::resume(Writer::new("reparacion").unwrap(), Head::EMPTY);
    let body = Body::of(&mended).unwrap();
    let entry = chain.seal(world.clock.now(), Some(rollout()), Kind::new(MENDED).unwrap(), body);
    world.store.set_journal(|journal| journal.push(entry));
    assert_eq!(world.store.checkpoints().len(), 1);
    world.start().await;
    let told = |world: &mut World| {
        let mended = |notice: &&Notice| {
            matches!(
                notice,
                Notice::Mended {
                    entries: 1000,
                    missing: 3,
                    armed: false,
                }
            )
        };
        world.notices().iter().filter(mended).count()
    };
    assert_eq!(told(&mut world), 1);
    assert!(world.holds(Hold::Alert).await);
    world.stop().await;
    world.start().await;
    assert_eq!(told(&mut world), 1, "once");
}
