//! Whoever only looks: a copy beside a writer is of one moment, and what is looked at stays as it is.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use timonel_journal::chain::{Chain, Head, verify};
use timonel_journal::entry::Sealed;
use timonel_ports::clock::SystemClock;
use timonel_ports::store::{JournalStore, Part, Position, StoreError};
use timonel_store::{Access, Sqlite};
use timonel_testkit::store::{note, writer};

async fn all(store: &Sqlite) -> Vec<Sealed> {
    let placed = store.entries(Part::All, Position::START, u32::MAX).await.unwrap();
    placed.into_iter().map(|placed| placed.sealed).collect()
}

async fn written(path: &Path, entries: usize) -> (Sqlite, Chain) {
    let store = Sqlite::open(path, SystemClock::shared()).await.unwrap();
    let mut chain = Chain::resume(writer(1), Head::EMPTY);
    let sealed: Vec<_> = (0..entries)
        .map(|n| note(&mut chain, None, &format!("entry {n}")))
        .collect();
    store.append(&sealed).await.unwrap();
    (store, chain)
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let listed = fs::read_dir(folder).unwrap().map(Result::unwrap);
    listed
        .map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_beside_a_writer_is_of_one_moment() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("timonel.db");
    let (store, mut chain) = written(&path, 50).await;
    let store = Arc::new(store);
    let (writes, stop) = (store.clone(), Arc::new(AtomicBool::new(false)));
    let stopped = stop.clone();
    // Enough in each that its log is taken into the file while it is copied.
    let writing = timonel_ports::task::spawn(&SystemClock::shared(), async move {
        while !stopped.load(Ordering::Relaxed) {
            let burst: Vec<_> = (0..200)
                .map(|n| note(&mut chain, None, &format!("{n} {}", "long ".repeat(200))))
                .collect();
            writes.append(&burst).await.unwrap();
        }
    });
    let mut before = 0;
    for _ in 0..8 {
        let copy = Sqlite::copy_of(&path, SystemClock::shared()).await.unwrap();
        let entries = all(&copy).await;
        verify(&entries).unwrap();
        assert!(entries.len() >= before.max(50), "{} after {before}", entries.len());
        assert_eq!((entries.len() - 50) % 200, 0, "whole transactions");
        before = entries.len();
        copy.close().await;
    }
    stop.store(true, Ordering::Relaxed);
    writing.join().await.unwrap();
    assert!(all(&store).await.len() >= before);
    assert_eq!(*store.access(), Access::Full, "the one that was copied goes on");
}

#[tokio::test]
async fn what_is_looked_at_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("timonel.db");
    let (store, _) = written(&path, 50).await;
    let entries = all(&store).await;
    // While another has it open, and after.
    let look = Sqlite::open_to_look(&path, SystemClock::shared()).await.unwrap();
    assert_eq!(all(&look).await, entries);
    assert!(matches!(look.access(), Access::ReadOnly { .. }));
    look.look_through().await.unwrap();
    look.close().await;
    store.close().await;
    let before = files(folder.path());
    let look = Sqlite::open_to_look(&path, SystemClock::shared()).await.unwrap();
    assert_eq!(all(&look).await, entries);
    look.close().await;
    let of_the_store = |files: BTreeMap<String, Vec<u8>>| files.get("timonel.db").cloned();
    assert_eq!(of_the_store(files(folder.path())), of_the_store(before));
}

#[tokio::test]
async fn damage_is_told_and_neither_mended_nor_marked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("timonel.db");
    let (store, _) = written(&path, 2000).await;
    store.close().await;
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 4096 / 2 * 4096;
    bytes[middle..middle + 4096].fill(0xa5);
    fs::write(&path, &bytes).unwrap();
    let look = Sqlite::open_to_look(&path, SystemClock::shared()).await.unwrap();
    let found = look.look_through().await.unwrap_err();
    assert!(matches!(found, StoreError::Corrupt { .. }), "{found}");
    look.close().await;
    assert_eq!(fs::read(&path).unwrap(), bytes);
    let marked = |name: &String| name.contains("suspect") || name.contains("damaged");
    assert!(!files(folder.path()).keys().any(marked));
    let copied = Sqlite::copy_of(&path, SystemClock::shared()).await.unwrap_err();
    assert!(matches!(copied, StoreError::Corrupt { .. }), "{copied}");
}

#[tokio::test]
async fn what_is_not_there_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("timonel.db");
    for made in [
        Sqlite::open_to_look(&path, SystemClock::shared()).await,
        Sqlite::copy_of(&path, SystemClock::shared()).await,
    ] {
        assert!(made.is_err());
    }
    assert!(files(folder.path()).is_empty());
}
