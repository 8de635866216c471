//! One who looks on beside the engine that leads: the same steps and the same state, signals of its own, and not a word of its own.

use std::time::Duration;

use async_trait::async_trait;
use timonel_domain::rollout::{Event, Stage};
use timonel_domain::value::{Side, SignalId};
use timonel_ports::clock::{Clock, SharedClock, sleep};
use timonel_ports::mailbox::Receiver;
use timonel_ports::store::News;

use super::world::{World, rollout, settle};
use crate::command::Wish;
use crate::{Bulletin, LookingOn, Onlooker, View, Viewer};

/// Wakes every second.
#[derive(Debug)]
struct Seconds(SharedClock);

#[async_trait]
impl News for Seconds {
    async fn next(&mut self) {
        sleep(&*self.0, Duration::from_secs(1)).await;
    }
}

/// Looks on at a world, with the source of another console.
async fn look_on(world: &World, own: &World) -> (Viewer, Receiver<Bulletin>) {
    let rollout = rollout();
    let past = Onlooker::from_past(&*world.store, &rollout, world.plan.clone(), ());
    let (onlooker, ()) = past.await.unwrap();
    let view = View {
        clock: world.shared(),
        store: world.store.clone(),
        news: Box::new(Seconds(world.shared())),
        helm: world.helm.clone(),
        targets: vec![world.splitter.clone(), world.follower.clone()],
        sources: vec![(own.source.clone(), Duration::from_secs(5))],
    };
    let begun = Viewer::start(onlooker, view).await.unwrap();
    settle().await;
    begun
}

#[tokio::test]
async fn whoever_looks_on_shows_what_the_engine_does_beside_signals_of_its_own() {
    let mut world = World::baking().await;
    settle().await;
    let own = world.beside("visor");
    let (viewer, mut told) = look_on(&world, &own).await;
    let seen = viewer.handle().look().await.unwrap();
    assert_eq!(seen.state, world.state().await);
    assert_eq!(seen.state.stage, Stage::Baking { phase: 0 });
    let held = seen.helm.last.held.expect("the engine has the helm");
    assert_eq!(
        (held.by.as_str(), seen.helm.ours, seen.helm.lost),
        ("consola", None, false)
    );
    let looking_on = seen.looking_on.expect("it only looks on");
    assert_eq!((looking_on.lost, looking_on.unled), (None, false));

    let asked = (world.splitter.moves().len(), world.follower.moves().len());
    let canary = (SignalId::new("asignadas").unwrap(), Side::Canary);
    own.count("asignadas", Side::Canary, 3);
    world
        .wish(Wish::Freeze {
            reason: "voy a mirar".to_owned(),
        })
        .await;
    world.pass(6).await;
    let seen = viewer.handle().look().await.unwrap();
    assert_eq!(seen.state, world.state().await);
    let steps = std::iter::from_fn(|| told.try_recv());
    let freezes = steps.filter(|step| matches!(step.event, Event::Freeze { .. }));
    assert_eq!(freezes.count(), 1, "each step once");
    assert!(seen.newest.contains_key(&canary), "{:?}", seen.newest);
    assert!(
        !world.look().await.newest.contains_key(&canary),
        "the engine has not read it"
    );
    assert_eq!((world.splitter.moves().len(), world.follower.moves().len()), asked);

    world.stop().await;
    world.pass(3).await;
    let seen = viewer.handle().look().await.unwrap();
    let LookingOn { read_at, lost, unled } = seen.looking_on.unwrap();
    assert_eq!((lost, unled), (None, true));
    assert!(world.clock.now() - Duration::from_secs(2) <= read_at);
    let mut writers = world
        .store
        .journal()
        .into_iter()
        .map(|sealed| sealed.entry().unwrap().writer);
    assert!(writers.all(|by| by.as_str() == "consola"), "it writes nothing");
    viewer.stop().await;
}
