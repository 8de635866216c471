//! The SQLite file itself: what it refuses, what is found when it is opened, who may use it at the same time.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use tempfile::TempDir;
use timonel_journal::chain::{Chain, Head, verify};
use timonel_ports::clock::SystemClock;
use timonel_ports::helm::{Helm, Take};
use timonel_ports::store::{JournalStore, Part, Position, StoreError};
use timonel_store::{Access, Sqlite};
use timonel_testkit::store::{begun, note, writer};

async fn open(path: &Path) -> Result<Sqlite, StoreError> {
    Sqlite::open(path, SystemClock::shared()).await
}

/// A folder with a closed store of `n` entries of `desk-1`.
async fn with(n: usize) -> (TempDir, PathBuf, Chain) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("timonel.db");
    let store = open(&path).await.unwrap();
    let mut chain = Chain::resume(writer(1), Head::EMPTY);
    let entries: Vec<_> = (0..n).map(|i| note(&mut chain, None, &format!("entry {i}"))).collect();
    store.append(&entries).await.unwrap();
    store.close().await;
    (folder, path, chain)
}

/// The file as another program sees it.
async fn raw(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).connect().await.unwrap()
}

async fn execute(connection: &mut SqliteConnection, sql: &'static str) -> Result<u64, String> {
    match sqlx::query(sql).execute(connection).await {
        Ok(done) => Ok(done.rows_affected()),
        Err(error) => Err(error.into_database_error().unwrap().message().to_owned()),
    }
}

async fn count(store: &Sqlite) -> u64 {
    let entries = store.entries(Part::All, Position::START, u32::MAX).await.unwrap();
    verify(entries.iter().map(|placed| &placed.sealed)).unwrap().count
}

#[tokio::test]
async fn an_entry_cannot_be_changed_removed_or_written_over_even_with_sql() {
    let (_folder, path, _) = with(3).await;
    let mut raw = raw(&path).await;
    let append_only = Err("the journal is append-only".to_owned());
    assert_eq!(
        execute(&mut raw, "UPDATE journal SET bytes = x'00' WHERE seq = 2").await,
        append_only
    );
    assert_eq!(
        execute(&mut raw, "UPDATE journal SET rollout = 'r9'").await,
        append_only
    );
    assert_eq!(
        execute(&mut raw, "DELETE FROM journal WHERE seq = 3").await,
        append_only
    );
    for over in [
        "INSERT OR REPLACE INTO journal (writer, seq, previous, hash, occurred_at, kind, bytes)
         SELECT writer, seq, previous, hash, 0, 'forged', x'00' FROM journal WHERE seq = 2",
        "INSERT OR REPLACE INTO journal (position, writer, seq, previous, hash, occurred_at, kind, bytes)
         SELECT position, 'other', 1, zeroblob(32), hash, 0, 'forged', x'00' FROM journal WHERE seq = 2",
    ] {
        assert_eq!(execute(&mut raw, over).await, Ok(0));
    }
    assert_eq!(
        execute(
            &mut raw,
            "INSERT INTO journal (writer, seq, previous, hash, occurred_at, kind, bytes)
             VALUES ('desk-1', 5, zeroblob(32), zeroblob(32), 0, 'forged', x'00')"
        )
        .await,
        Err("the entry before it is not in the journal".to_owned())
    );
    assert_eq!(count(&open(&path).await.unwrap()).await, 3);
}

#[tokio::test]
async fn the_epoch_of_the_helm_only_grows_even_with_sql() {
    let (_folder, path, _) = with(0).await;
    let store = open(&path).await.unwrap();
    let r1 = begun(&store).await;
    store.take(&r1, &writer(1), Take::Free).await.unwrap();
    let mut raw = raw(&path).await;
    assert_eq!(execute(&mut raw, "UPDATE helm SET epoch = 5").await, Ok(1));
    assert_eq!(
        execute(&mut raw, "UPDATE helm SET epoch = 4").await,
        Err("the epoch of the helm only grows".to_owned())
    );
    assert_eq!(
        execute(&mut raw, "DELETE FROM helm").await,
        Err("the helm is never removed".to_owned())
    );
}

/// The first version of the tables, with a rollout and the one helm taken seven times.
#[tokio::test]
async fn a_file_of_the_first_version_keeps_its_epoch_for_every_rollout() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("timonel.db");
    let first = include_str!("../../../../migrations/sqlite/0001_journal_rollouts_samples_helm.sql");
    let migrator = sqlx::migrate!("../../../migrations/sqlite");
    let migration = migrator.iter().find(|migration| migration.version == 1).unwrap();
    let mut old = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true)
        .connect()
        .await
        .unwrap();
    let history = "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL,
        installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL, checksum BLOB NOT NULL,
        execution_time BIGINT NOT NULL);
        INSERT INTO plan_revision VALUES ('p', 1, zeroblob(32), '');
        INSERT INTO rollout VALUES ('r1', 'p', 1, 'test', 0, NULL);
        UPDATE helm SET epoch = 7, holder = 'desk-1', since = 0;";
    sqlx::raw_sql(first).execute(&mut old).await.unwrap();
    sqlx::raw_sql(history).execute(&mut old).await.unwrap();
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (1, 'first', TRUE, $1, 0)",
    )
    .bind(&*migration.checksum)
    .execute(&mut old)
    .await
    .unwrap();
    let store = open(&path).await.unwrap();
    let r1 = timonel_testkit::store::rollout("r1");
    assert_eq!(store.current(&r1).await.unwrap().epoch, 7);
    assert_eq!(store.take(&r1, &writer(2), Take::Free).await.unwrap(), 8);
}

#[tokio::test]
async fn what_was_changed_behind_the_tables_back_is_found_by_its_chain() {
    let (_folder, path, _) = with(5).await;
    let mut raw = raw(&path).await;
    execute(&mut raw, "DROP TRIGGER journal_no_update").await.unwrap();
    let sql = "UPDATE journal SET bytes = CAST(replace(CAST(bytes AS TEXT), 'entry 3', 'entry 9') AS BLOB)";
    assert_eq!(execute(&mut raw, sql).await, Ok(5));
    let store = open(&path).await.unwrap();
    let entries = store.entries(Part::All, Position::START, 100).await.unwrap();
    assert_eq!(
        verify(entries.iter().map(|placed| &placed.sealed)).unwrap_err().index,
        3
    );
}

/// As two consoles on one machine: the second reads and writes while the first does.
#[tokio::test]
async fn a_second_store_on_the_same_file_sees_what_the_first_writes() {
    let (_folder, path, mut chain) = with(1).await;
    let (first, second) = (open(&path).await.unwrap(), open(&path).await.unwrap());
    let mut other = Chain::resume(writer(2), Head::EMPTY);
    for i in 0..20 {
        first
            .append(&[note(&mut chain, None, &format!("first {i}"))])
            .await
            .unwrap();
        assert_eq!(second.head(chain.writer()).await.unwrap(), chain.head());
        second
            .append(&[note(&mut other, None, &format!("second {i}"))])
            .await
            .unwrap();
        assert_eq!(first.head(other.writer()).await.unwrap(), other.head());
    }
    assert_eq!(count(&second).await, 41);
}

#[tokio::test]
async fn many_may_make_the_same_file_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("timonel.db");
    let opened = futures::future::join_all((0..6).map(|_| open(&path))).await;
    for (n, store) in (0..).zip(opened) {
        let mut chain = Chain::resume(writer(n), Head::EMPTY);
        store.unwrap().append(&[note(&mut chain, None, "here")]).await.unwrap();
    }
    assert_eq!(count(&open(&path).await.unwrap()).await, 6);
}

#[tokio::test]
async fn a_file_of_a_newer_version_can_be_read_and_says_why_it_is_not_written() {
    let (_folder, path, mut chain) = with(2).await;
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (20991231, 'from the future', TRUE, x'00', 0)";
    execute(&mut raw(&path).await, newer).await.unwrap();
    let store = open(&path).await.unwrap();
    assert!(matches!(store.access(), Access::ReadOnly { .. }));
    assert_eq!(count(&store).await, 2);
    let refused = store.append(&[note(&mut chain, None, "third")]).await.unwrap_err();
    assert!(matches!(refused, StoreError::ReadOnly { .. }));
    assert!(
        refused
            .to_string()
            .contains("a newer Timonel wrote it (migration 20991231)"),
        "{refused}"
    );
    assert_eq!(count(&store).await, 2);
}

#[tokio::test]
async fn a_migration_that_was_edited_or_did_not_end_is_refused() {
    for change in ["SET checksum = x'00'", "SET success = FALSE"] {
        let (_folder, path, _) = with(1).await;
        let sql = sqlx::AssertSqlSafe(format!("UPDATE _sqlx_migrations {change}"));
        sqlx::query(sql).execute(&mut raw(&path).await).await.unwrap();
        let refused = open(&path).await.unwrap_err();
        assert!(matches!(refused, StoreError::Migrate { .. }), "{change}: {refused:?}");
    }
}

#[tokio::test]
async fn another_programs_file_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("other.db");
    let mut raw = SqliteConnectOptions::new()
        .filename(&database)
        .create_if_missing(true)
        .connect()
        .await
        .unwrap();
    execute(&mut raw, "CREATE TABLE bookmarks (url TEXT)").await.unwrap();
    let before = fs::read(&database).unwrap();
    let refused = open(&database).await.unwrap_err();
    assert!(matches!(refused, StoreError::Open { .. }), "{refused:?}");
    assert_eq!(fs::read(&database).unwrap(), before);

    let text = folder.path().join("notes.txt");
    fs::write(
        &text,
        "not a database, and longer than the hundred bytes of a header ".repeat(9),
    )
    .unwrap();
    let refused = open(&text).await.unwrap_err();
    assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused:?}");

    let refused = open(&folder.path().join("missing/timonel.db")).await.unwrap_err();
    assert!(matches!(refused, StoreError::Open { .. }), "{refused:?}");
}

#[tokio::test]
async fn a_damaged_page_is_found_on_opening() {
    let (_folder, path, _) = with(400).await;
    let mut bytes = fs::read(&path).unwrap();
    let (page, len) = (4096, bytes.len());
    assert!(len > 20 * page, "{len} bytes");
    bytes[len / 2 / page * page..][..page].fill(0xA5);
    fs::write(&path, &bytes).unwrap();
    let refused = open(&path).await.unwrap_err();
    assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused:?}");
}

#[tokio::test]
async fn a_closed_store_says_that_it_is_not_there() {
    let (_folder, path, mut chain) = with(1).await;
    let store = open(&path).await.unwrap();
    store.close().await;
    let refused = store.append(&[note(&mut chain, None, "late")]).await.unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable { .. }), "{refused:?}");
}

/// Another program that opens the file has its turn and does not go on: calls that have to go back wait for it so long and no longer.
#[tokio::test]
async fn in_an_emergency_a_file_is_read_that_another_program_opens_for_ever() {
    let (folder, path, _) = with(3).await;
    let other = fs::File::create(folder.path().join("timonel.db-opening")).unwrap();
    other.lock().unwrap();
    let in_time = || Sqlite::open_in_time(&path, SystemClock::shared(), Duration::from_secs(2));
    let (store, mended) = in_time().await.unwrap();
    let Access::ReadOnly { why } = store.access() else {
        panic!("nobody else's turn is taken")
    };
    assert!(why.contains("hangs"), "{why}");
    assert_eq!((count(&store).await, mended), (3, None));
    store.close().await;

    fs::remove_file(&path).unwrap();
    let none = in_time().await;
    assert!(matches!(none, Err(StoreError::Unavailable { .. })), "{none:?}");
    drop(other);
    let (store, _) = Sqlite::open_in_time(&path, SystemClock::shared(), Duration::from_secs(60))
        .await
        .unwrap();
    assert_eq!(*store.access(), Access::Full);
}

/// The runtime's own threads are waited for when a program ends, and would be for ever.
#[test]
fn a_program_that_has_no_turn_ends_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("timonel.db");
    let other = fs::File::create(folder.path().join("timonel.db-opening")).unwrap();
    other.lock().unwrap();
    let (ended, end) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        let limit = Duration::from_millis(100);
        let opened = runtime.block_on(Sqlite::open_in_time(&path, SystemClock::shared(), limit));
        assert!(opened.is_err());
        drop(runtime);
        ended.send(()).unwrap();
    });
    end.recv_timeout(Duration::from_secs(30)).expect("it ends");
    drop(other);
}
