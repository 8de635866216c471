use std::path::{Path, PathBuf};
use std::sync::Arc;

use timonel_domain::rollout::{Cause, Event, Generation, Level};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Person, PlanId, RolloutId, Writer};
use timonel_journal::chain::{Chain, verify};
use timonel_journal::entry::{Body, Kind, Sealed};
use timonel_journal::record::{KitRecord, MERGED, MergedRecord, STEP, StepRecord};
use timonel_ports::clock::{SharedClock, SystemClock};
use timonel_ports::store::{JournalStore, Part, PlanRevision, Position, RolloutRow, RolloutStore, StoreError};

use super::{KitStore, MergeError, merge};
use crate::database::Database;

fn rollout(name: &str) -> RolloutId {
    RolloutId::new(name).unwrap()
}

fn row(name: &str, revision: u32) -> (RolloutRow, PlanRevision) {
    let plan = PlanId::new("ivr").unwrap();
    let row = RolloutRow {
        id: rollout(name),
        plan: plan.clone(),
        revision,
        environment: "produccion".to_owned(),
        opened_at: Timestamp::from_secs(1),
        closed_at: None,
    };
    (row, PlanRevision::new(plan, revision, format!("revision = {revision}")))
}

/// A store with one rollout, and a folder.
async fn desk(name: &str) -> (SharedClock, Arc<Database>, tempfile::TempDir) {
    let clock = SystemClock::shared();
    let store = Database::temporary(clock.clone()).await.unwrap();
    let (row, plan) = row(name, 2);
    store.put_plan(&plan).await.unwrap();
    store.put_rollout(&row).await.unwrap();
    (clock, Arc::new(store), tempfile::tempdir().unwrap())
}

fn record() -> KitRecord {
    KitRecord {
        by: Person::new("luz").unwrap(),
        plan: PlanId::new("ivr").unwrap(),
        plan_revision: 1,
        plan_hash: timonel_journal::entry::Hash::ZERO,
        environment: "produccion".to_owned(),
        generation: Generation { epoch: 4, revision: 2 },
        refreshed_at: Timestamp::from_secs(5),
    }
}

fn step(chain: &mut Chain, of: &RolloutId) -> Sealed {
    let event = Event::RollBack {
        level: Level::Total,
        cause: Cause::Person(Person::new("luz").unwrap()),
        confirmed: true,
    };
    let body = Body::of(&StepRecord::new(&event, &[])).unwrap();
    chain.seal(
        Timestamp::from_secs(9),
        Some(of.clone()),
        Kind::new(STEP).unwrap(),
        body,
    )
}

/// A rollback from the kit of `name`, with a file of its own in `folder`.
async fn pressed(clock: &SharedClock, folder: &Path, name: &str) -> (KitStore, PathBuf, Vec<Sealed>) {
    let (row, plan) = row(name, 1);
    let path = folder.join("kits").join(format!("{name}+k.journal"));
    let at = path.clone();
    let kit = KitStore::new(clock.clone(), move |_| at, row, plan);
    kit.press(Timestamp::from_secs(8), &record()).await.unwrap();
    let mut chain = Chain::resume(kit.writer().clone(), kit.head(kit.writer()).await.unwrap());
    let steps = vec![step(&mut chain, &rollout(name)), step(&mut chain, &rollout(name))];
    kit.append(&steps).await.unwrap();
    // Again, as whoever did not hear the answer does.
    kit.append(&steps).await.unwrap();
    (kit, path, steps)
}

async fn all(store: &dyn JournalStore) -> Vec<Sealed> {
    let placed = store.entries(Part::All, Position::START, u32::MAX).await.unwrap();
    placed.into_iter().map(|placed| placed.sealed).collect()
}

#[tokio::test]
async fn what_was_done_from_a_kit_is_merged_unchanged_and_once() {
    let (clock, store, folder) = desk("martes").await;
    let (kit, path, steps) = pressed(&clock, folder.path(), "martes").await;
    let written = all(&kit).await;
    assert_eq!(written[1..], steps);
    drop(kit);
    let copy = std::fs::read(&path).unwrap();
    let of = rollout("martes");
    let merged = merge(&*store, &clock, &path, &of).await.unwrap().unwrap();
    assert_eq!((merged.entries, path.exists(), merged.kept.exists()), (3, false, true));
    let journal = all(&*store).await;
    assert_eq!(journal[..3], written);
    let told = journal[3].entry().unwrap();
    let record: MergedRecord = told.body.read().unwrap();
    assert_eq!(
        (told.kind.as_str(), record.seq, record.hash),
        (MERGED, 3, written[2].hash())
    );
    assert_eq!(
        (record.plan_revision, record.generation.epoch),
        (1, 4),
        "what the kit knew"
    );
    assert_eq!(record.rollback.unwrap().at, Timestamp::from_secs(9));

    // The same file again, and a copy of it from before its end.
    let lines: Vec<_> = copy.split_inclusive(|b| *b == b'\n').collect();
    for again in [copy.clone(), lines[..2].concat()] {
        std::fs::write(&path, again).unwrap();
        let merged = merge(&*store, &clock, &path, &of).await.unwrap().unwrap();
        assert_eq!((merged.entries, all(&*store).await.len()), (0, 4));
    }
    verify(all(&*store).await).unwrap();
}

#[tokio::test]
async fn a_torn_end_is_set_aside_and_the_rest_is_merged() {
    let (clock, store, folder) = desk("martes").await;
    let (kit, path, _) = pressed(&clock, folder.path(), "martes").await;
    drop(kit);
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 7]).unwrap();
    let merged = merge(&*store, &clock, &path, &rollout("martes"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((merged.entries, merged.head.seq), (2, 2));
    let names = std::fs::read_dir(path.parent().unwrap()).unwrap();
    let torn = names.filter(|name| name.as_ref().unwrap().file_name().to_string_lossy().contains(".torn-"));
    assert_eq!(torn.count(), 1);
    verify(all(&*store).await).unwrap();
}

#[tokio::test]
async fn what_is_not_of_this_rollout_or_was_changed_is_not_merged() {
    let (clock, store, folder) = desk("martes").await;
    let (kit, path, _) = pressed(&clock, folder.path(), "miercoles").await;
    drop(kit);
    let refused = merge(&*store, &clock, &path, &rollout("martes")).await.unwrap_err();
    assert!(matches!(refused, MergeError::Foreign { .. }), "{refused}");
    let refused = merge(&*store, &clock, &path, &rollout("miercoles")).await.unwrap_err();
    assert!(matches!(refused, MergeError::Unknown { .. }), "{refused}");

    let (kit, path, _) = pressed(&clock, folder.path(), "martes").await;
    drop(kit);
    let whole = std::fs::read(&path).unwrap();
    let mut changed = whole.clone();
    changed[100] ^= 1;
    std::fs::write(&path, changed).unwrap();
    let refused = merge(&*store, &clock, &path, &rollout("martes")).await.unwrap_err();
    assert!(matches!(refused, MergeError::File(_)), "{refused}");
    assert!(path.exists() && all(&*store).await.is_empty());

    // No kit's: an engine's own chain under such a name.
    let mut chain = Chain::resume(Writer::new("motor").unwrap(), timonel_journal::chain::Head::EMPTY);
    let entry = step(&mut chain, &rollout("martes"));
    let line = [entry.hash().to_string().as_bytes(), b" ", entry.bytes(), b"\n"].concat();
    std::fs::write(&path, line).unwrap();
    let refused = merge(&*store, &clock, &path, &rollout("martes")).await.unwrap_err();
    assert!(matches!(refused, MergeError::Foreign { .. }), "{refused}");
    assert!(all(&*store).await.is_empty());
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_told_and_gone_on_with_once_it_can() {
    let clock = SystemClock::shared();
    let folder = tempfile::tempdir().unwrap();
    let (row, plan) = row("martes", 1);
    let blocked = folder.path().join("kits");
    std::fs::write(&blocked, "no folder").unwrap();
    let path = blocked.join("martes+k.journal");
    let at = path.clone();
    let kit = KitStore::new(clock.clone(), move |_| at, row, plan);
    let refused = kit.press(Timestamp::from_secs(8), &record()).await.unwrap_err();
    assert!(matches!(refused, StoreError::Append { .. }), "{refused:?}");
    let mut chain = Chain::resume(kit.writer().clone(), kit.head(kit.writer()).await.unwrap());
    let next = step(&mut chain, &rollout("martes"));
    assert!(kit.append(std::slice::from_ref(&next)).await.is_err());
    std::fs::remove_file(&blocked).unwrap();
    kit.append(&[next]).await.unwrap();
    let mut count = 0;
    timonel_journal::file::read(&path, |_| count += 1).unwrap();
    assert_eq!(count, 2, "the press first");
}
