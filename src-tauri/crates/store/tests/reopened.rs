//! A file that could only be read is written again once its disk takes something, by the same open store.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::fs;
use std::time::Duration;

use timonel_journal::chain::{Chain, Head};
use timonel_ports::clock::SystemClock;
use timonel_ports::store::{JournalStore, Part, Position, StoreError};
use timonel_store::{Access, Sqlite};
use timonel_testkit::process::until;
use timonel_testkit::store::{begun, note, writer};

/// It is tried every ten seconds.
const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_file_that_could_only_be_read_is_written_again_once_it_can_be() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("timonel.db");
    let clock = SystemClock::shared();
    let mut chain = Chain::resume(writer(1), Head::EMPTY);
    let store = Sqlite::open(&path, clock.clone()).await.unwrap();
    let rollout = begun(&store).await;
    store.takes_writes(&rollout).await.unwrap();
    store.append(&[note(&mut chain, Some(&rollout), "before")]).await.unwrap();
    store.close().await;

    // Nothing can be made beside it, as on a disk that takes no writes.
    let blocked = folder.path().join("timonel.db-shm");
    fs::create_dir(&blocked).unwrap();
    let (store, mended) = Sqlite::open_or_mend(&path, clock).await.unwrap();
    assert!(mended.is_none());
    for _ in 0..2 {
        assert!(matches!(store.access(), Access::ReadOnly { .. }));
        let refused = store.takes_writes(&rollout).await.unwrap_err();
        assert!(matches!(refused, StoreError::ReadOnly { .. }), "{refused:?}");
    }
    let second = note(&mut chain, Some(&rollout), "after");
    assert!(store.append(std::slice::from_ref(&second)).await.is_err());

    fs::remove_dir(&blocked).unwrap();
    let takes = until(LONG, async || store.takes_writes(&rollout).await.ok()).await;
    assert!(takes.is_some(), "it is looked again now and then");
    assert_eq!(*store.access(), Access::Full);
    store.append(&[second]).await.unwrap();
    let entries = store.entries(Part::All, Position::START, u32::MAX).await.unwrap();
    assert_eq!(entries.len(), 2);
    store.close().await;
}
