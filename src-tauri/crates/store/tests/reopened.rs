//! A file that could only be read is written again once its disk takes something, by the same open store.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use timonel_journal::chain::{Chain, Head};
use timonel_ports::clock::SystemClock;
use timonel_ports::store::{JournalStore, Part, Position, StoreError};
use timonel_store::{Access, Sqlite};
use timonel_testkit::process::until;
use timonel_testkit::store::{begun, note, writer};

/// Whether this is the process that may mount, and where.
const INSIDE: &str = "TIMONEL_TEST_MOUNT";
const NAME: &str = "a_file_that_could_only_be_read_is_written_again_once_it_can_be";
/// It is tried every ten seconds.
const LONG: Duration = Duration::from_secs(60);

/// In a process of its own, which may mount what nobody else sees: this test's program, started again.
#[test]
fn a_file_that_could_only_be_read_is_written_again_once_it_can_be() {
    if let Some(folder) = std::env::var_os(INSIDE) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        return runtime.unwrap().block_on(reopened(Path::new(&folder)));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut program = Command::new("unshare");
    program.args(["--mount", "--map-root-user", "--user"]);
    program.arg(std::env::current_exe().unwrap());
    program
        .args([NAME, "--exact", "--nocapture"])
        .env(INSIDE, folder.path());
    let done = match program.output() {
        Ok(done) => done,
        Err(error) => return println!("skipped: no unshare here ({error})"),
    };
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
    if said.contains("unshare failed") {
        return println!("skipped: nobody may unshare here: {said}");
    }
    assert!(done.status.success() && said.contains("1 passed"), "{said}");
    println!("{said}");
}

fn mount(how: &[&str], folder: &Path) -> bool {
    let mut program = Command::new("mount");
    program.args(how).arg(folder);
    program.status().is_ok_and(|status| status.success())
}

async fn reopened(folder: &Path) {
    let path = folder.join("timonel.db");
    let clock = SystemClock::shared();
    let mut chain = Chain::resume(writer(1), Head::EMPTY);
    let store = Sqlite::open(&path, clock.clone()).await.unwrap();
    let rollout = begun(&store).await;
    store.takes_writes(&rollout).await.unwrap();
    store
        .append(&[note(&mut chain, Some(&rollout), "before")])
        .await
        .unwrap();
    store.close().await;

    if !mount(&["--bind", folder.to_str().unwrap()], folder) || !mount(&["-o", "remount,bind,ro"], folder) {
        return println!("skipped: nothing is mounted here");
    }
    let (store, mended) = Sqlite::open_or_mend(&path, clock).await.unwrap();
    assert!(mended.is_none());
    for _ in 0..2 {
        assert!(matches!(store.access(), Access::ReadOnly { .. }));
        let refused = store.takes_writes(&rollout).await.unwrap_err();
        assert!(matches!(refused, StoreError::ReadOnly { .. }), "{refused:?}");
    }
    let second = note(&mut chain, Some(&rollout), "after");
    assert!(store.append(std::slice::from_ref(&second)).await.is_err());

    assert!(mount(&["-o", "remount,bind,rw"], folder));
    let takes = until(LONG, async || store.takes_writes(&rollout).await.ok()).await;
    assert!(takes.is_some(), "it is looked again now and then");
    assert_eq!(*store.access(), Access::Full);
    store.append(&[second]).await.unwrap();
    let entries = store.entries(Part::All, Position::START, u32::MAX).await.unwrap();
    assert_eq!(entries.len(), 2);
    store.close().await;
}
