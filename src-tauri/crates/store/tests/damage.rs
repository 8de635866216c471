//! A damaged file is set aside whole, and what of it can be proved is the journal of the new one.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use tempfile::TempDir;
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Person, PlanId, RolloutId};
use timonel_journal::chain::{Chain, Head, verify};
use timonel_journal::entry::{Body, Sealed};
use timonel_journal::record::{MENDED, MendedRecord};
use timonel_ports::clock::SystemClock;
use timonel_ports::commands::{Command, CommandFeed, CommandId, Commands};
use timonel_ports::helm::{Helm, Take};
use timonel_ports::store::{JournalStore, Part, PlanRevision, Position, RolloutRow, RolloutStore, StoreError};
use timonel_store::Sqlite;
use timonel_testkit::store::{note, writer};

const PAGE: usize = 4096;
/// Entries of each of two writers.
const EACH: u64 = 400;

struct Installation {
    folder: TempDir,
    written: Vec<Sealed>,
    plan: PlanRevision,
    row: RolloutRow,
}

impl Installation {
    fn path(&self) -> PathBuf {
        self.folder.path().join("timonel.db")
    }

    /// A plan, its rollout, a helm that was taken, and entries of two writers in turns; one of them longer than many pages.
    async fn closed() -> Self {
        let (this, store) = Self::open().await;
        store.close().await;
        this
    }

    async fn open() -> (Self, Sqlite) {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder.path().join("timonel.db")).await.unwrap();
        let plan = PlanRevision::new(PlanId::new("ivr").unwrap(), 3, "a plan, ñandú\n".repeat(900));
        let row = RolloutRow {
            id: RolloutId::new("ivr-2026-11-22").unwrap(),
            plan: plan.plan().clone(),
            revision: 3,
            environment: "produccion".to_owned(),
            opened_at: Timestamp::from_secs(1_700_000_000),
            closed_at: None,
        };
        store.put_plan(&plan).await.unwrap();
        store.put_rollout(&row).await.unwrap();
        store.take(&row.id, &writer(1), Take::Free).await.unwrap();
        let mut chains = [1, 2].map(|n| Chain::resume(writer(n), Head::EMPTY));
        let mut written = Vec::new();
        for n in 0..EACH {
            for chain in &mut chains {
                let text = if n == 100 {
                    "long ".repeat(9_000)
                } else {
                    format!("entry {n}")
                };
                written.push(note(chain, Some(&row.id), &text));
            }
        }
        for burst in written.chunks(200) {
            store.append(burst).await.unwrap();
        }
        let this = Self {
            folder,
            written,
            plan,
            row,
        };
        (this, store)
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(self.path()).unwrap()
    }

    fn damage(&self, bytes: &[u8]) {
        fs::write(self.path(), bytes).unwrap();
    }

    async fn mended(&self) -> (Sqlite, MendedRecord) {
        let (store, mended) = Sqlite::open_or_mend(&self.path(), SystemClock::shared()).await.unwrap();
        (store, mended.expect("it was damaged"))
    }

    /// The entries that were taken over, which are the first of each writer; what was done stands behind them.
    async fn taken_over(&self, store: &Sqlite, mended: &MendedRecord) -> Vec<Sealed> {
        let mut entries: Vec<_> = all(store).await;
        verify(&entries).unwrap();
        let is_said = |entry: &Sealed| entry.entry().unwrap().kind.as_str() == MENDED;
        let said = entries.split_off(entries.iter().position(is_said).unwrap());
        for entry in &said {
            let entry = entry.entry().unwrap();
            assert_eq!(entry.kind.as_str(), MENDED);
            assert_eq!(entry.body.read::<MendedRecord>().unwrap(), *mended);
        }
        let of: Vec<_> = said.iter().map(|entry| entry.entry().unwrap().rollout).collect();
        let rollout = store.rollouts().await.unwrap().into_iter().map(|row| Some(row.id));
        let each: Vec<_> = rollout.chain([None]).collect();
        assert_eq!(of, each, "one for the rollout, one for the store");
        assert_eq!(entries.len() as u64, mended.entries);
        let kept = |entry: &Sealed| entries.contains(entry);
        let order: Vec<_> = self.written.iter().filter(|entry| kept(entry)).cloned().collect();
        assert_eq!(order, entries, "what is there was written, and stands in its order");
        entries
    }

    async fn nothing_but_entries_is_lost(&self, store: &Sqlite) {
        assert_eq!(
            store.plan(self.plan.plan(), 3).await.unwrap().as_ref(),
            Some(&self.plan)
        );
        assert_eq!(store.rollouts().await.unwrap(), std::slice::from_ref(&self.row));
        let epoch = store.take(&self.row.id, &writer(9), Take::ByForce).await.unwrap();
        assert!(epoch > 1, "epochs go on: {epoch}");
    }
}

async fn open(path: &Path) -> Result<Sqlite, StoreError> {
    Sqlite::open(path, SystemClock::shared()).await
}

async fn all(store: &Sqlite) -> Vec<Sealed> {
    let placed = store.entries(Part::All, Position::START, u32::MAX).await.unwrap();
    placed.into_iter().map(|placed| placed.sealed).collect()
}

fn is_aside(installation: &Installation, mended: &MendedRecord, damaged: &[u8]) {
    let aside = installation.folder.path().join(&mended.aside);
    assert_eq!(fs::read(aside.join("timonel.db")).unwrap(), damaged, "kept as it was");
}

#[tokio::test]
async fn a_sound_file_is_left_alone() {
    let installation = Installation::closed().await;
    let (store, mended) = Sqlite::open_or_mend(&installation.path(), SystemClock::shared())
        .await
        .unwrap();
    assert_eq!(mended, None);
    assert_eq!(all(&store).await, installation.written);
}

#[tokio::test]
async fn a_header_of_garbage_loses_nothing() {
    let installation = Installation::closed().await;
    let mut damaged = installation.bytes();
    damaged[..100].fill(0xa5);
    installation.damage(&damaged);
    let (store, mended) = installation.mended().await;
    assert_eq!(installation.taken_over(&store, &mended).await, installation.written);
    assert_eq!((mended.apart, mended.missing), (0, 0));
    installation.nothing_but_entries_is_lost(&store).await;
    is_aside(&installation, &mended, &damaged);
    store.close().await;
    let (store, again) = Sqlite::open_or_mend(&installation.path(), SystemClock::shared())
        .await
        .unwrap();
    assert_eq!(again, None, "once");
    assert_eq!(all(&store).await.len() as u64, mended.entries + 2);
}

/// Every third page of the file in turn is written over.
#[tokio::test]
async fn of_every_single_page_that_is_damaged_the_rest_is_accounted_for() {
    let installation = Installation::closed().await;
    let whole = installation.bytes();
    let (mut found, mut lossless) = (0, 0);
    for page in (0..whole.len() / PAGE).step_by(3) {
        let mut damaged = whole.clone();
        damaged[page * PAGE..][..PAGE].fill(0xa5);
        installation.damage(&damaged);
        let (store, mended) = Sqlite::open_or_mend(&installation.path(), SystemClock::shared())
            .await
            .unwrap();
        let Some(mended) = mended else {
            // A page that nothing uses, or the inside of a long text: its own hash tells of that.
            store.close().await;
            continue;
        };
        found += 1;
        let entries = installation.taken_over(&store, &mended).await;
        let accounted = entries.len() as u64 + mended.apart + mended.missing;
        let all = installation.written.len() as u64;
        // Only where the last entries are gone nothing tells of them.
        assert!(accounted == all || accounted + 40 > all, "page {page}: {mended:?}");
        lossless += u32::from(entries.len() as u64 == all);
        is_aside(&installation, &mended, &damaged);
        let apart = installation.folder.path().join(&mended.aside).join("entries-apart");
        let lines = fs::read_to_string(apart).map_or(0, |text| text.lines().count());
        assert_eq!(lines as u64, mended.apart);
        store.close().await;
    }
    println!(
        "{found} pages of {} were found damaged; after {lossless} of them every entry was there",
        whole.len() / PAGE
    );
    assert!(found > 6 && lossless > 1, "{found} {lossless}");
}

#[tokio::test]
async fn a_file_that_was_cut_off_keeps_what_was_before() {
    let installation = Installation::closed().await;
    let whole = installation.bytes();
    for part in [8, 5, 3, 2] {
        let damaged = &whole[..whole.len() / part + 17];
        installation.damage(damaged);
        let (store, mended) = installation.mended().await;
        let entries = installation.taken_over(&store, &mended).await;
        assert!(part > 3 || entries.len() > 100, "a part of 1/{part}: {}", entries.len());
        is_aside(&installation, &mended, damaged);
        store.close().await;
    }
}

/// A large file is looked through only after its opening; what is found then is mended by the next one.
#[tokio::test]
async fn a_file_that_is_suspected_is_looked_through_when_it_is_opened() {
    let installation = Installation::closed().await;
    let suspect = installation.path().with_extension("db-suspect");
    fs::write(&suspect, "row 3 missing from index").unwrap();
    let path = installation.path();
    let open = || Sqlite::open_or_mend(&path, SystemClock::shared());
    let (store, mended) = open().await.unwrap();
    assert_eq!((mended, suspect.exists()), (None, false), "it was sound");
    store.close().await;
    let mut damaged = installation.bytes();
    let page = damaged.len() / PAGE / 2;
    damaged[page * PAGE..][..PAGE].fill(0xa5);
    installation.damage(&damaged);
    fs::write(&suspect, "page 31: never used").unwrap();
    let (store, mended) = open().await.unwrap();
    let mended = mended.expect("it is damaged");
    assert_eq!(
        (mended.found.as_str(), suspect.exists()),
        ("page 31: never used", false)
    );
    installation.taken_over(&store, &mended).await;
}

/// The process was killed before anything went from the log into the file, and the file was emptied.
#[tokio::test]
async fn what_only_the_log_has_is_taken_from_there() {
    let (installation, store) = Installation::open().await;
    let log = installation.path().with_extension("db-wal");
    let kept = fs::read(&log).unwrap();
    store.close().await;
    fs::write(&log, &kept).unwrap();
    installation.damage(b"");
    let (store, mended) = installation.mended().await;
    let entries = installation.taken_over(&store, &mended).await;
    assert!(!entries.is_empty());
    let aside = installation.folder.path().join(&mended.aside);
    assert_eq!(fs::read(aside.join("timonel.db-wal")).unwrap(), kept);
}

/// A mending that ended between the renames.
#[tokio::test]
async fn a_mending_that_was_cut_short_is_ended_by_the_next_opening() {
    let installation = Installation::closed().await;
    let damaged = vec![0xa5; 3 * PAGE];
    let whole = installation.bytes();
    for moved in [false, true] {
        fs::write(installation.path().with_extension("db-mended"), &whole).unwrap();
        let aside = installation
            .folder
            .path()
            .join("timonel.db.damaged-2026-11-22T000000.000Z");
        fs::create_dir_all(&aside).unwrap();
        if moved {
            fs::rename(installation.path(), aside.join("timonel.db")).unwrap();
        } else {
            installation.damage(&damaged);
        }
        let (store, mended) = Sqlite::open_or_mend(&installation.path(), SystemClock::shared())
            .await
            .unwrap();
        assert_eq!(mended, None);
        assert_eq!(all(&store).await, installation.written);
        assert!(aside.join("timonel.db").exists());
        store.close().await;
    }
}

/// Two that are started at once: whoever has its turn ends it, and the other one finds it ended.
#[tokio::test]
async fn a_mending_that_was_cut_short_is_ended_in_turn() {
    let installation = Installation::closed().await;
    let path = installation.path();
    let made = path.with_extension("db-mended");
    fs::copy(&path, &made).unwrap();
    let damaged = vec![0xa5; 3 * PAGE];
    installation.damage(&damaged);
    let aside = installation
        .folder
        .path()
        .join("timonel.db.damaged-2026-11-22T000000.000Z");
    fs::create_dir_all(&aside).unwrap();
    let turn = fs::File::create(path.with_extension("db-opening")).unwrap();
    turn.lock().unwrap();
    let mut opening = Box::pin(Sqlite::open_or_mend(&path, SystemClock::shared()));
    for _ in 0..20 {
        assert!(at_once(&mut opening).await.is_none(), "not its turn");
    }
    assert!(made.exists() && !aside.join("timonel.db").exists(), "not its turn");
    // What the other one does.
    fs::rename(&path, aside.join("timonel.db")).unwrap();
    fs::rename(&made, &path).unwrap();
    drop(turn);
    let (store, mended) = opening.await.unwrap();
    assert_eq!(mended, None);
    assert_eq!(all(&store).await, installation.written);
    assert_eq!(fs::read(aside.join("timonel.db")).unwrap(), damaged);
}

/// What is there after one poll, and what others have to do in between.
async fn at_once<F: Future + Unpin>(of: &mut F) -> Option<F::Output> {
    tokio::task::yield_now().await;
    std::future::poll_fn(|cx| {
        std::task::Poll::Ready(match std::pin::Pin::new(&mut *of).poll(cx) {
            std::task::Poll::Ready(done) => Some(done),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

#[tokio::test]
async fn nothing_that_was_set_aside_is_written_over() {
    let installation = Installation::closed().await;
    let path = installation.path();
    fs::copy(&path, path.with_extension("db-mended")).unwrap();
    let aside = installation
        .folder
        .path()
        .join("timonel.db.damaged-2026-11-22T000000.000Z");
    fs::create_dir_all(&aside).unwrap();
    fs::write(aside.join("timonel.db"), "of before").unwrap();
    let damaged = vec![0xa5; 3 * PAGE];
    installation.damage(&damaged);
    let (store, _) = Sqlite::open_or_mend(&path, SystemClock::shared()).await.unwrap();
    assert_eq!(all(&store).await, installation.written);
    assert_eq!(fs::read(aside.join("timonel.db")).unwrap(), b"of before");
    assert_eq!(fs::read(aside.join("timonel.db-2")).unwrap(), damaged);
}

/// The row of the helm has no hash: a number in it that is not to be believed keeps nobody from the helm.
#[tokio::test]
async fn an_epoch_that_cannot_be_is_not_taken_over() {
    let installation = Installation::closed().await;
    let mut raw = SqliteConnectOptions::new()
        .filename(installation.path())
        .connect()
        .await
        .unwrap();
    sqlx::query("UPDATE helm SET epoch = 9223372036854775807")
        .execute(&mut raw)
        .await
        .unwrap();
    sqlx::Connection::close(raw).await.unwrap();
    let mut damaged = installation.bytes();
    damaged[..100].fill(0xa5);
    installation.damage(&damaged);
    let (store, _) = installation.mended().await;
    let epoch = store
        .take(&installation.row.id, &writer(9), Take::ByForce)
        .await
        .unwrap();
    assert!(epoch > 1000 && epoch < 10_000_000, "{epoch}");
}

#[tokio::test]
async fn damage_is_never_taken_for_a_new_store() {
    let installation = Installation::closed().await;
    installation.damage(&vec![0; 40 * PAGE]);
    let (store, mended) = installation.mended().await;
    assert_eq!((mended.entries, mended.lost.len()), (0, 0));
    assert!(store.rollouts().await.unwrap().is_empty());
    assert_eq!(all(&store).await.len(), 1, "the entry that says so");
}

/// What another program writes meanwhile would go into the file that is set aside.
#[cfg(unix)]
#[tokio::test]
async fn a_file_that_another_program_has_open_stays_where_it_is() {
    let installation = Installation::closed().await;
    let mut shell = match std::process::Command::new("python3")
        .arg("-c")
        .arg("import fcntl,sys; f=open(sys.argv[1],'r+b'); fcntl.lockf(f,fcntl.LOCK_SH); print('held',flush=True); sys.stdin.read()")
        .arg(installation.path())
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
    {
        Ok(child) => child,
        Err(error) => return println!("skipped: no python3 here ({error})"),
    };
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(shell.stdout.as_mut().unwrap()), &mut line).unwrap();
    let mut damaged = installation.bytes();
    damaged[..100].fill(0xa5);
    // In place: the other one has this very file.
    std::os::unix::fs::FileExt::write_all_at(
        &fs::File::options().write(true).open(installation.path()).unwrap(),
        &damaged[..100],
        0,
    )
    .unwrap();
    let refused = Sqlite::open_or_mend(&installation.path(), SystemClock::shared())
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("another program has it open"), "{refused}");
    assert_eq!(installation.bytes(), damaged);
    drop(shell.stdin.take());
    shell.wait().unwrap();
    let (store, mended) = installation.mended().await;
    assert_eq!(installation.taken_over(&store, &mended).await, installation.written);
}

/// A rollout whose row is gone is named: its entries are there, and nobody can say what they are about.
#[tokio::test]
async fn a_rollout_that_is_lost_is_named() {
    let installation = Installation::closed().await;
    let mut raw = SqliteConnectOptions::new()
        .filename(installation.path())
        .connect()
        .await
        .unwrap();
    for sql in [
        "PRAGMA secure_delete = ON",
        "PRAGMA foreign_keys = OFF",
        "DELETE FROM rollout",
    ] {
        sqlx::query(sql).execute(&mut raw).await.unwrap();
    }
    sqlx::Connection::close(raw).await.unwrap();
    let mut damaged = installation.bytes();
    damaged[..100].fill(0xa5);
    installation.damage(&damaged);
    let (store, mended) = installation.mended().await;
    assert_eq!(mended.lost, std::slice::from_ref(&installation.row.id));
    assert_eq!(all(&store).await.len(), installation.written.len() + 1);
}

/// A rollback that was put and that nobody had taken when the file was damaged is still wanted; what was answered is not.
#[tokio::test]
async fn a_command_that_nobody_answered_is_taken_over() {
    let (installation, store) = Installation::open().await;
    let store = Arc::new(store);
    let command = |id: &str| Command {
        id: CommandId::new(id).unwrap(),
        by: Person::new("ana").unwrap(),
        at: Timestamp::from_secs(1_700_000_100),
        what: Body::parse(br#"{"wish":"roll-back"}"#.to_vec()).unwrap(),
    };
    let rollout = installation.row.id.clone();
    let orders = store.orders(&rollout);
    for id in ["answered", "taken", "waiting"] {
        orders.submit(command(id)).await.unwrap();
    }
    let mut feed = store.order_feed(&rollout, &writer(1));
    for id in ["answered", "taken"] {
        assert_eq!(feed.next().await.unwrap().command, command(id));
    }
    feed.answered(&CommandId::new("answered").unwrap()).await.unwrap();
    drop((feed, orders));
    store.close().await;
    let mut damaged = installation.bytes();
    damaged[..100].fill(0xa5);
    installation.damage(&damaged);
    let (mended, _) = installation.mended().await;
    let mended = Arc::new(mended);
    mended.take(&rollout, &writer(9), Take::Free).await.unwrap();
    let mut feed = mended.order_feed(&rollout, &writer(9));
    for id in ["taken", "waiting"] {
        let taken = feed.next().await.unwrap();
        assert_eq!(taken.command, command(id));
        assert!(
            taken.waited < std::time::Duration::from_secs(3600),
            "its age goes on: {:?}",
            taken.waited
        );
    }
    assert!(at_once(&mut Box::pin(feed.next())).await.is_none(), "and no other");
}
