//! What was acknowledged is there after `kill -9`, and every chain is whole.
//!
//! This shows that nothing is acknowledged before it is committed. That a commit survives a power cut is SQLite's
//! `synchronous=FULL`, and is not shown here.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use timonel_journal::chain::{Chain, verify};
use timonel_ports::clock::SystemClock;
use timonel_ports::store::{JournalStore, Part, Position};
use timonel_store::Sqlite;
use timonel_testkit::store::{note, writer};

/// Set in the child: the file to which it appends until it is killed.
const CHILD: &str = "TIMONEL_TEST_APPENDS_TO";
const NAME: &str = "an_acknowledged_entry_survives_kill_9";

#[tokio::test]
async fn an_acknowledged_entry_survives_kill_9() {
    if let Some(path) = std::env::var_os(CHILD) {
        return append_for_ever(Path::new(&path)).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("timonel.db");
    let mut last = 0;
    for round in 0..4 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", NAME, "--nocapture"])
            .env(CHILD, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut acknowledged = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok)
            .filter_map(|line| line.strip_prefix("appended ").map(|seq| seq.parse::<u64>().unwrap()));
        let enough = last + 20 + 17 * round;
        assert!(acknowledged.any(|seq| seq >= enough), "the child ended by itself");
        // Somebody else reads in the middle of it.
        assert!(whole(&path).await >= enough);
        child.kill().unwrap();
        child.wait().unwrap();
        last = acknowledged.last().unwrap_or(enough).max(enough);
        let there = whole(&path).await;
        // One more may have been committed without the child having said so.
        assert!(there >= last, "number {last} was acknowledged, the store has {there}");
        last = there;
    }
}

async fn append_for_ever(path: &Path) {
    let store = Sqlite::open(path, SystemClock::shared()).await.unwrap();
    let mut chain = Chain::resume(writer(1), store.head(&writer(1)).await.unwrap());
    let mut out = std::io::stdout();
    loop {
        let entry = note(&mut chain, None, "appended by a process that is about to be killed");
        store.append(&[entry]).await.unwrap();
        writeln!(out, "appended {}", chain.head().seq).unwrap();
        out.flush().unwrap();
    }
}

/// Verifies the whole file and says how many entries it has.
async fn whole(path: &Path) -> u64 {
    let store = Sqlite::open(path, SystemClock::shared()).await.unwrap();
    let entries = store.entries(Part::All, Position::START, u32::MAX).await.unwrap();
    let verified = verify(entries.iter().map(|placed| &placed.sealed)).unwrap();
    store.close().await;
    verified.count
}
