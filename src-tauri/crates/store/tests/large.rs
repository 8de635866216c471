//! A large SQLite file is open before all of it was looked through, and the rest is looked through when it is asked for.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use timonel_domain::value::Writer;
use timonel_journal::chain::{Chain, Head};
use timonel_ports::clock::SystemClock;
use timonel_ports::store::{JournalStore, StoreError};
use timonel_store::Sqlite;
use timonel_testkit::store::note;

async fn open(path: &Path) -> Result<Sqlite, StoreError> {
    Sqlite::open(path, SystemClock::shared()).await
}

/// A store of so many entries of a MiB each, closed.
async fn with(path: &Path, entries: usize) -> Chain {
    let store = open(path).await.unwrap();
    let mut chain = Chain::resume(Writer::new("desk-1").unwrap(), Head::EMPTY);
    let large = "x".repeat(1_000_000);
    for _ in 0..entries {
        store.append(&[note(&mut chain, None, &large)]).await.unwrap();
    }
    store.close().await;
    chain
}

/// Pages in the middle of it are gone.
fn damage(path: &Path) {
    let mut file = OpenOptions::new().write(true).open(path).unwrap();
    let middle = file.metadata().unwrap().len() / 2 / 4096 * 4096;
    file.seek(SeekFrom::Start(middle)).unwrap();
    file.write_all(&[0; 64 * 4096]).unwrap();
}

#[tokio::test]
async fn damage_in_a_large_file_is_found_behind_its_opening() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("timonel.db");
    let chain = with(&path, 70).await;
    let store = open(&path).await.unwrap();
    store.look_through().await.unwrap();
    store.close().await;

    damage(&path);
    let store = open(&path).await.unwrap();
    assert_eq!(store.head(chain.writer()).await.unwrap(), chain.head());
    let found = store.look_through().await;
    assert!(matches!(found, Err(StoreError::Corrupt { .. })), "{found:?}");
}

#[tokio::test]
async fn a_small_file_is_looked_through_before_it_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("timonel.db");
    with(&path, 7).await;
    damage(&path);
    let found = open(&path).await;
    assert!(matches!(found, Err(StoreError::Corrupt { .. })), "{found:?}");
}
