//! A page of the store with the first entries of a rollout is damaged while calls are on its canary: nothing that is left proves that
//! it was ever armed, and it is put back all the same.

use timonel_journal::record::{EventRecord, MENDED, STEP, StepRecord};
use timonel_ports::clock::SystemClock;
use timonel_store::Sqlite;

use crate::damaged::roll_back;
use crate::played::{entries, runtime};
use crate::standing::timonelctl;
use crate::taken_up::World;

const PAGE: usize = 4096;

/// Damages the page in which the rollout's arming was written, once the log is in the file.
fn damage_the_arming(world: &World) {
    let all = runtime().block_on(entries(world.home()));
    let arming = all.iter().find(|entry| {
        let step = || entry.body.read::<StepRecord>().unwrap();
        entry.kind.as_str() == STEP && matches!(step().event, EventRecord::Arm { .. })
    });
    let body = arming.expect("it was armed").body.bytes();
    let path = world.home().join("timonel.db");
    runtime().block_on(async {
        let store = Sqlite::open(&path, SystemClock::shared()).await.unwrap();
        store.close().await;
    });
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(body.len()).position(|window| window == body);
    let page = at.expect("an entry stands in the file as it is") / PAGE;
    assert!(page > 0, "a damaged header is another test's");
    bytes[page * PAGE..][..PAGE].fill(0xa5);
    std::fs::write(&path, bytes).unwrap();
}

#[test]
fn a_rollout_of_which_not_even_the_arming_is_left_is_put_back() {
    let Some(timonelctl) = timonelctl() else { return };
    let world = World::start();
    world.rolled_out_and_killed();
    damage_the_arming(&world);
    let (code, said) = roll_back(&timonelctl, &world);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(world.weights(), [0, 0], "{said}");
    assert!(said.contains("it is taken as armed"), "{said}");
    let entries = runtime().block_on(entries(world.home()));
    assert!(entries.iter().any(|entry| entry.kind.as_str() == MENDED));
    let steps = entries.iter().filter(|entry| entry.kind.as_str() == STEP);
    let events: Vec<_> = steps
        .map(|entry| entry.body.read::<StepRecord>().unwrap().event)
        .collect();
    let armed = events.iter().any(|event| matches!(event, EventRecord::Arm { .. }));
    assert!(!armed, "nothing of it is left: {events:?}");
    let mended = events
        .iter()
        .position(|event| matches!(event, EventRecord::Mended { .. }));
    let pressed = events
        .iter()
        .position(|event| matches!(event, EventRecord::RollBack { .. }));
    assert!(
        mended.is_some() && mended < pressed,
        "said before it is obeyed: {events:?}"
    );
}
