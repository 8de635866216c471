//! The helm: lost, not answering, held by another, taken by force; and what is written by hands that have lost it.

use std::sync::Arc;
use std::time::Duration;

use timonel_domain::rollout::{Hold, Stage};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{RolloutId, Side, Weight, Writer};
use timonel_ports::clock::SharedClock;
use timonel_ports::helm::{Held, Helm, HelmError, HelmState, Take};
use timonel_ports::store::StoreError;
use timonel_ports::task::spawn;

use super::world::{BAKE, TEN, World, rollout, settle};
use crate::command::Wish;
use crate::engine::EngineError;
use crate::helm::Seat;

#[tokio::test]
async fn losing_the_helm_freezes_and_never_lowers() {
    let mut world = World::baking().await;
    world.helm.seize("otra-consola");
    world.pass(6).await;
    assert!(world.holds(Hold::HelmLost).await);
    let standing = world.standing();
    assert_eq!(standing.ours, None);
    assert_eq!(standing.last.held.map(|held| held.by), Writer::new("otra-consola").ok());
    // Another holds the helm, so bringing this down is the other's business.
    world.splitter.set(Weight::percent(50));
    world.pass(BAKE.as_secs() * 2).await;
    assert_eq!(world.splitter.weight(), Weight::percent(50));
    assert!(world.splitter.moves().is_empty() && world.follower.moves().is_empty());
    // A person still can; the helm stays where the whole of the past is known.
    world.wish(Wish::roll_back()).await;
    world.until("rolled back", |s| s.stage == Stage::RolledBack).await;
    assert_eq!(world.splitter.weight(), Weight::ZERO);
    let other = Writer::new("otra-consola").unwrap();
    world.helm.release(&rollout(), &other, 2).await.unwrap();
    world.pass(30).await;
    assert!(!world.state().await.helm && world.standing().lost);
    assert_eq!(world.helm.epoch(), 2);
}

#[tokio::test]
async fn a_helm_that_does_not_answer_comes_back_by_itself() {
    let world = World::baking().await;
    world.helm.hang.set(true);
    world.pass(13).await;
    assert!(world.holds(Hold::HelmLost).await);
    assert_eq!(world.splitter.weight(), TEN);
    world.helm.hang.set(false);
    world.pass(80).await;
    assert!(!world.holds(Hold::HelmLost).await);
    assert_eq!(world.standing().ours, Some(1));
}

/// However late in its interval the helm falls silent, and however it is stepped.
#[tokio::test]
async fn whoever_cannot_renew_stops_believing_before_anybody_else_can_take_it() {
    for (before, step) in [(0, 100), (3, 250), (4, 1000), (7, 500)] {
        let world = World::baking().await;
        world.pass(before).await;
        world.helm.hang.set(true);
        let step = Duration::from_millis(step);
        while world.helm.now().held.is_some() {
            world.clock.advance(step);
            settle().await;
        }
        assert!(!world.state().await.helm, "after {before} s in steps of {step:?}");
        assert_eq!(world.standing().ours, None);
    }
}

#[tokio::test]
async fn an_emergency_rollback_waits_for_no_helm() {
    let mut world = World::baking().await;
    world.helm.hang.set(true);
    world.pass(13).await;
    world.wish(Wish::roll_back()).await;
    world.until("rolled back", |s| s.stage == Stage::RolledBack).await;
    assert!(!world.state().await.helm);
    world.helm.hang.set(false);
    world.pass(6).await;
    assert!(world.state().await.helm, "nobody else has had it");
}

/// A full disk, or a store that may only be read: nothing is written, and the calls go back all the same.
#[tokio::test]
async fn an_engine_starts_for_an_emergency_rollback_where_nothing_can_be_written() {
    let mut world = World::baking().await;
    world.gone();
    world.helm.refuse(true);
    world.store.fail(true);
    assert!(matches!(world.try_start().await, Err(EngineError::Helm(_))));
    world.seize().await;
    world.wish(Wish::roll_back()).await;
    world.until("rolled back", |s| s.stage == Stage::RolledBack).await;
    world.helm.refuse(false);
    world.store.fail(false);
    world.pass(6).await;
    assert!(
        !world.state().await.helm && world.standing().lost,
        "it knows a part of the past"
    );
    world.stop().await;
    world.start().await;
    assert_eq!(world.state().await.stage, Stage::RolledBack, "and written down");
}

#[tokio::test]
async fn an_engine_does_not_start_while_another_has_the_helm_and_does_once_its_lease_has_run_out() {
    let mut world = World::still();
    world.helm.seize("otra-consola");
    let Err(EngineError::Helm(HelmError::Held(held))) = world.try_start().await else {
        panic!("refused, with whoever has it")
    };
    assert_eq!(held.by, Writer::new("otra-consola").unwrap());
    let (clock, helm): (SharedClock, _) = (world.shared(), world.helm.clone());
    let waiting = spawn(&clock, {
        let clock = clock.clone();
        async move { crate::vacant(&clock, &*helm, &rollout()).await }
    });
    world.pass(14).await;
    world.helm.renew(&rollout(), &held.by, 1).await.unwrap();
    world.pass(14).await;
    assert!(matches!(
        world.try_start().await,
        Err(EngineError::Helm(HelmError::Held(_)))
    ));
    world.pass(2).await;
    waiting.join().await.unwrap();
    world.start().await;
    assert!(world.state().await.helm);
    assert_eq!(world.helm.epoch(), 2);
}

#[tokio::test]
async fn a_stop_lets_go_of_the_helm() {
    let mut world = World::baking().await;
    assert!(world.helm.now().held.is_some());
    world.stop().await;
    assert_eq!(world.helm.now().held, None);
    let other = Writer::new("otra-consola").unwrap();
    assert_eq!(world.helm.take(&rollout(), &other, Take::Free).await.unwrap(), 2);
}

/// Both write into the journal of one rollout: what the one without the helm saw is not what happened to the other.
#[tokio::test]
async fn what_is_written_by_hands_that_have_lost_the_helm_changes_nothing_but_a_rollback() {
    let mut world = World::baking().await;
    world.helm.seize("otra-consola");
    let mut other = world.beside("otra-consola");
    other.start().await;
    other.pass(100).await;
    let before = other.state().await;
    assert!(world.holds(Hold::HelmLost).await && before.helm);
    let reason = "esto lo veo yo solo".to_owned();
    world.wish(Wish::Freeze { reason }).await;
    world.pass(3).await;
    assert!(world.holds(Hold::Operator).await);
    let replayed = other.replayed().await;
    assert_eq!((replayed.helm, &replayed.holds), (true, &other.state().await.holds));
    world.wish(Wish::roll_back()).await;
    world.until("rolled back", |s| s.stage == Stage::RolledBack).await;
    world.pass(2).await;
    assert!(other.replayed().await.latch.is_some());
}

/// Cut off from the store, a rule of the one that had it still puts every call back: nobody may raise over that unawares.
#[tokio::test]
async fn what_a_rule_of_a_former_holder_put_back_is_a_rollback_for_whoever_comes_next() {
    let mut world = World::with_rule().await;
    world.helm.seize("otra-consola");
    let mut other = world.beside("otra-consola");
    other.start().await;
    for _ in 0..40 {
        world.count("asignadas", Side::Canary, 9);
        world.pass(5).await;
        if world.state().await.rollback.is_some() {
            break;
        }
    }
    world.until("rolled back", |s| s.stage == Stage::RolledBack).await;
    world.stop().await;
    assert!(other.state().await.latch.is_none(), "it saw none of that itself");
    assert!(other.replayed().await.latch.is_some());
}

/// A helm on a full disk: it can be seen, and not taken.
#[derive(Debug)]
struct Full(Option<Held>);

#[async_trait::async_trait]
impl Helm for Full {
    async fn current(&self, _: &RolloutId) -> Result<HelmState, HelmError> {
        Ok(HelmState {
            epoch: 1,
            held: self.0.clone(),
        })
    }

    async fn take(&self, _: &RolloutId, _: &Writer, _: Take) -> Result<u64, HelmError> {
        let place = "timonel.db".to_owned();
        Err(HelmError::Unavailable(StoreError::Full { place }.into()))
    }

    async fn renew(&self, _: &RolloutId, _: &Writer, _: u64) -> Result<(), HelmError> {
        Ok(())
    }

    async fn release(&self, _: &RolloutId, _: &Writer, _: u64) -> Result<(), HelmError> {
        Ok(())
    }
}

#[tokio::test]
async fn on_a_full_disk_nobody_starts_beside_whoever_has_the_helm() {
    let world = World::still();
    let held = |by: &str| Held {
        by: Writer::new(by).unwrap(),
        since: Timestamp::from_secs(1),
        until: Timestamp::from_secs(2),
    };
    let sit_down = async |held, how| {
        let seat = Seat {
            clock: world.shared(),
            helm: Arc::new(Full(held)),
            rollout: rollout(),
            me: Writer::new("yo").unwrap(),
        };
        seat.sit_down(how).await
    };
    let other = sit_down(Some(held("otra")), Take::Again).await;
    assert!(matches!(other, Err(HelmError::Held(_))), "{other:?}");
    for (held, how) in [
        (Some(held("otra")), Take::ByForce),
        (Some(held("yo")), Take::Again),
        (None, Take::Again),
    ] {
        assert_eq!(sit_down(held, how).await.unwrap(), None);
    }
}
