//! A store that was lost, or is an old copy, says less of a rollout than the rollback kit of this desk: it is put back from that.

use std::path::Path;
use std::process::Command as Program;

use timonel_ports::clock::SystemClock;
use timonel_ports::store::{PlanRevision, RolloutRow, RolloutStore};
use timonel_store::Sqlite;

use crate::damaged::roll_back;
use crate::played::runtime;
use crate::standing::timonelctl;
use crate::taken_up::World;

async fn open(home: &Path) -> Sqlite {
    let path = home.join("timonel.db");
    Sqlite::open(&path, SystemClock::shared()).await.unwrap()
}

/// Takes the store away, and puts one in its place that has what `keeps` of it.
fn lose_the_store(home: &Path, keeps: impl FnOnce(RolloutRow, PlanRevision) -> Option<(RolloutRow, PlanRevision)>) {
    runtime().block_on(async {
        let store = open(home).await;
        let row = store.rollouts().await.unwrap().remove(0);
        let plan = store.plan(&row.plan, row.revision).await.unwrap().unwrap();
        store.close().await;
        for ending in ["", "-wal", "-shm"] {
            let path = home.join(format!("timonel.db{ending}"));
            if path.exists() {
                std::fs::remove_file(path).unwrap();
            }
        }
        let store = open(home).await;
        if let Some((row, plan)) = keeps(row, plan) {
            store.put_plan(&plan).await.unwrap();
            store.put_rollout(&row).await.unwrap();
        }
        store.close().await;
    });
}

#[track_caller]
fn is_put_back(timonelctl: &Path, keeps: impl FnOnce(RolloutRow, PlanRevision) -> Option<(RolloutRow, PlanRevision)>) {
    let world = World::start();
    world.rolled_out_and_killed();
    // Whoever has looked at a rollout can put it back.
    let looked = Program::new(timonelctl)
        .args(["--lang", "en", "status", "--home"])
        .arg(world.home())
        .status();
    assert!(looked.unwrap().success());
    lose_the_store(world.home(), keeps);
    let (code, said) = roll_back(timonelctl, &world);
    assert_eq!(world.weights(), [0, 0], "{said}");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("from this desk's rollback kit"), "{said}");
}

#[test]
fn a_rollout_that_its_store_does_not_know_is_put_back_from_the_kit() {
    let Some(timonelctl) = timonelctl() else { return };
    is_put_back(&timonelctl, |_, _| None);
}

#[test]
fn a_rollout_that_its_store_takes_for_a_draft_is_put_back_from_the_kit() {
    let Some(timonelctl) = timonelctl() else { return };
    is_put_back(&timonelctl, |row, plan| Some((row, plan)));
}
