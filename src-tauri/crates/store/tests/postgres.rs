//! PostgreSQL keeps the contract of the store and the helm, on a real server of the test's own.
//!
//! One test runs the whole contract, each part in a database of its own: every server costs a second to make.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod shifted;

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use secrecy::SecretString;
use timonel_journal::chain::{Chain, Head, verify};
use timonel_ports::clock::{SystemClock, within};
use timonel_ports::helm::{Helm, HelmError, LEASE, Take};
use timonel_ports::store::{JournalStore, Part, Position, StoreError};
use timonel_store::{Access, Database, News};
use timonel_testkit::process::{Postgres, ProcessError, Wire, until};
use timonel_testkit::store::{self, note, writer};

use shifted::{HOURS, Shifted};

/// A server, or `None` where none is installed, which is said.
async fn server() -> Option<Postgres> {
    match Postgres::start().await {
        Ok(server) => Some(server),
        Err(ProcessError::Missing { program }) => {
            println!("skipped: `{program}` is not installed");
            None
        }
        Err(other) => panic!("{other}"),
    }
}

async fn open(address: &SecretString) -> Result<Database, StoreError> {
    timonel_store::open(address, SystemClock::shared()).await
}

async fn count(store: &Database) -> u64 {
    let entries = store.entries(Part::All, Position::START, u32::MAX).await.unwrap();
    verify(entries.iter().map(|placed| &placed.sealed)).unwrap().count
}

#[tokio::test]
async fn postgres_keeps_the_contract() {
    let Some(server) = server().await else { return };
    let fresh = async || open(&server.database().unwrap()).await.unwrap();
    store::journal_gives_back_what_was_appended(&fresh().await).await;
    store::journal_has_one_entry_a_number(&fresh().await).await;
    store::journal_refuses_what_does_not_follow(&fresh().await).await;
    store::journal_takes_writers_at_once(Arc::new(fresh().await)).await;
    store::plans_and_rollouts(&fresh().await).await;
    store::checkpoints(&fresh().await).await;
    store::samples(&fresh().await).await;
    store::units(&fresh().await).await;
    store::helm(Arc::new(fresh().await)).await;
    // As in a cluster: a console and two engines, each with a connection of its own.
    let address = server.database().unwrap();
    let (console, mine, theirs) = (open(&address).await, open(&address).await, open(&address).await);
    let (console, mine, theirs) = (console.unwrap(), Arc::new(mine.unwrap()), Arc::new(theirs.unwrap()));
    let (console, r1) = (Arc::new(console), store::begun(&*mine).await);
    let feeds = (mine.order_feed(&r1, &writer(1)), theirs.order_feed(&r1, &writer(2)));
    store::commands(&*mine, &r1, &console.orders(&r1), feeds.0, feeds.1).await;
}

/// A reader that pages by positions while others append, several entries in a transaction, misses none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_reads_on_from_the_last_position_misses_nothing() {
    const WRITERS: u32 = 4;
    const ROUNDS: u64 = 60;
    let Some(server) = server().await else { return };
    let address = server.database().unwrap();
    let appending = join_all((0..WRITERS).map(|n| {
        let address = address.clone();
        async move {
            let store = open(&address).await.unwrap();
            let mut chain = Chain::resume(writer(n), Head::EMPTY);
            for round in 0..ROUNDS {
                let entries: Vec<_> = (0..=round % 4).map(|_| note(&mut chain, None, "at once")).collect();
                store.append(&entries).await.unwrap();
            }
            chain.head().seq
        }
    }));
    let reader = open(&address).await.unwrap();
    let clock = SystemClock::shared();
    let appending = timonel_ports::task::spawn(&clock, appending);
    let (mut after, mut read) = (Position::START, Vec::new());
    let all = u64::from(WRITERS) * ROUNDS / 4 * (1 + 2 + 3 + 4);
    let everything = until(Duration::from_secs(60), async || {
        loop {
            let page = reader.entries(Part::All, after, 7).await.unwrap();
            let Some(last) = page.last() else { break };
            after = last.position;
            read.extend(page.into_iter().map(|placed| placed.sealed));
        }
        (read.len() as u64 >= all).then_some(())
    });
    everything
        .await
        .expect("every entry is read by going on from the last one");
    let written: u64 = appending.join().await.unwrap().iter().sum();
    assert_eq!((written, read.len() as u64), (all, all));
    assert_eq!(verify(&read).unwrap().count, all);
}

/// The other writer's transaction stays open for a while: whoever comes after it waits, and stands after it.
#[tokio::test]
async fn a_position_is_given_only_when_no_smaller_one_can_come_any_more() {
    let Some(server) = server().await else { return };
    let address = server.database().unwrap();
    let (store, server) = (open(&address).await.unwrap(), Arc::new(server));
    let zeros = "decode(repeat('00', 32), 'hex')";
    let slow = format!(
        "BEGIN; INSERT INTO timonel.journal (writer, seq, previous, hash, occurred_at, kind, bytes)
         VALUES ('slow', 1, {zeros}, {zeros}, 0, 'note', ''); SELECT pg_sleep(2); COMMIT;"
    );
    let (there, of) = (server.clone(), address.clone());
    let writing = tokio::task::spawn_blocking(move || there.sql(&of, &slow));
    let begun = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted";
    let begun = until(Duration::from_secs(20), async || {
        (server.sql(&address, begun).unwrap() == "1").then_some(())
    });
    begun.await.expect("the slow one has its place");
    let entry = note(&mut Chain::resume(writer(1), Head::EMPTY), None, "quick");
    let (clock, moment) = (SystemClock::shared(), Duration::from_millis(200));
    let waits = within(&*clock, moment, store.append(std::slice::from_ref(&entry))).await;
    assert!(
        waits.is_err(),
        "it would get a greater position and be seen first: {waits:?}"
    );
    assert_eq!(store.entries(Part::All, Position::START, 9).await.unwrap(), []);
    store.append(std::slice::from_ref(&entry)).await.unwrap();
    writing.await.unwrap().unwrap();
    let there = store.entries(Part::All, Position::START, 9).await.unwrap();
    assert_eq!(there.len(), 2);
    assert!(there[0].sealed.bytes().is_empty(), "the slow one stands first");
    assert_eq!(there[1].sealed, entry);
}

#[tokio::test]
async fn nothing_is_changed_removed_or_forged_even_with_sql() {
    let Some(server) = server().await else { return };
    let address = server.database().unwrap();
    let store = open(&address).await.unwrap();
    let mut chain = Chain::resume(writer(1), Head::EMPTY);
    let entries: Vec<_> = (0..3).map(|i| note(&mut chain, None, &format!("entry {i}"))).collect();
    store.append(&entries).await.unwrap();
    let zeros = "decode(repeat('00', 32), 'hex')";
    for (sql, refusal) in [
        ("UPDATE timonel.journal SET bytes = ''".to_owned(), "append-only"),
        ("DELETE FROM timonel.journal".to_owned(), "append-only"),
        ("TRUNCATE timonel.journal".to_owned(), "append-only"),
        (
            format!(
                "INSERT INTO timonel.journal (position, writer, seq, previous, hash, occurred_at, kind, bytes)
                 VALUES (1, 'desk-1', 5, {zeros}, {zeros}, 0, 'forged', '')"
            ),
            "the entry before it is not in the journal",
        ),
    ] {
        let refused = server.sql(&address, &sql).unwrap_err();
        assert!(refused.to_string().contains(refusal), "{sql}: {refused}");
    }
    assert_eq!(count(&store).await, 3);
}

/// Desks whose clocks are hours apart and step: only the server's clock says when a lease has ended.
#[tokio::test]
async fn the_servers_clock_alone_says_when_a_lease_has_ended() {
    let Some(server) = server().await else { return };
    let address = server.database().unwrap();
    let at = async |clock: &Arc<Shifted>| timonel_store::open(&address, clock.clone()).await.unwrap();
    let (behind, ahead) = (Shifted::new(), Shifted::new());
    behind.set_wall(Duration::ZERO, HOURS);
    ahead.set_wall(HOURS, Duration::ZERO);
    let (first, second) = (at(&behind).await, at(&ahead).await);
    let r1 = store::begun(&first).await;
    assert_eq!(first.take(&r1, &writer(1), Take::Free).await.unwrap(), 1);
    let refused = second.take(&r1, &writer(2), Take::Free).await;
    assert!(matches!(refused, Err(HelmError::Held(_))), "{refused:?}");
    ahead.pass(HOURS);
    let refused = second.take(&r1, &writer(2), Take::Free).await;
    assert!(matches!(refused, Err(HelmError::Held(_))), "{refused:?}");
    // As if the time had passed at the server.
    let micros = LEASE.as_micros();
    server
        .sql(&address, &format!("UPDATE timonel.helm SET until = until - {micros}"))
        .unwrap();
    assert_eq!(second.take(&r1, &writer(2), Take::Free).await.unwrap(), 2);
    let lost = first.renew(&r1, &writer(1), 1).await;
    assert!(matches!(lost, Err(HelmError::Lost { .. })), "{lost:?}");
}

#[tokio::test]
async fn many_may_open_a_new_database_at_once() {
    let Some(server) = server().await else { return };
    let address = server.database().unwrap();
    let opened = join_all((0..6).map(|_| open(&address))).await;
    for (n, store) in (0..).zip(opened) {
        let mut chain = Chain::resume(writer(n), Head::EMPTY);
        store.unwrap().append(&[note(&mut chain, None, "here")]).await.unwrap();
    }
    assert_eq!(count(&open(&address).await.unwrap()).await, 6);
}

#[tokio::test]
async fn a_database_of_a_newer_version_can_be_read_and_an_edited_migration_is_refused() {
    let Some(server) = server().await else { return };
    let address = server.database().unwrap();
    let mut chain = Chain::resume(writer(1), Head::EMPTY);
    open(&address)
        .await
        .unwrap()
        .append(&[note(&mut chain, None, "first")])
        .await
        .unwrap();
    let newer = "INSERT INTO timonel._sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (20991231, 'from the future', TRUE, '', 0)";
    server.sql(&address, newer).unwrap();
    let store = open(&address).await.unwrap();
    assert!(matches!(store.access(), Access::ReadOnly { .. }));
    assert_eq!(count(&store).await, 1);
    let refused = store.append(&[note(&mut chain, None, "second")]).await.unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("a newer Timonel wrote it (migration 20991231)"),
        "{refused}"
    );

    server
        .sql(
            &address,
            "DELETE FROM timonel._sqlx_migrations WHERE version = 20991231",
        )
        .unwrap();
    server
        .sql(
            &address,
            "UPDATE timonel._sqlx_migrations SET checksum = '' WHERE version = 1",
        )
        .unwrap();
    let refused = open(&address).await.unwrap_err();
    assert!(matches!(refused, StoreError::Migrate { .. }), "{refused:?}");
}

/// An account that may not make tables does, once they are there.
#[tokio::test]
async fn an_account_with_few_rights_is_enough_once_the_tables_are_there() {
    let Some(server) = server().await else { return };
    let address = server.database().unwrap();
    open(&address).await.unwrap();
    server
        .sql(
            &address,
            "CREATE ROLE desk LOGIN PASSWORD 'd'; GRANT USAGE ON SCHEMA timonel TO desk;
             GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA timonel TO desk;
             GRANT USAGE ON ALL SEQUENCES IN SCHEMA timonel TO desk;
             CREATE ROLE guest LOGIN PASSWORD 'g'; GRANT USAGE ON SCHEMA timonel TO guest;
             GRANT SELECT ON ALL TABLES IN SCHEMA timonel TO guest;",
        )
        .unwrap();
    let way = server.address();
    let mut chain = Chain::resume(writer(1), Head::EMPTY);
    let desk = open(&format!("postgres://desk:d@{way}/t0").into()).await.unwrap();
    desk.append(&[note(&mut chain, None, "few rights")]).await.unwrap();
    let guest = open(&format!("postgres://guest:g@{way}/t0").into()).await.unwrap();
    assert_eq!(count(&guest).await, 1);
    let refused = guest.append(&[note(&mut chain, None, "none")]).await.unwrap_err();
    assert!(matches!(refused, StoreError::ReadOnly { .. }), "{refused:?}");
    let refused = open(&format!("postgres://desk:wr0ng-pass@{way}/t0").into())
        .await
        .unwrap_err();
    assert!(matches!(refused, StoreError::Open { .. }), "{refused:?}");
    assert!(!format!("{refused:?}").contains("wr0ng-pass"), "{refused:?}");
}

/// What was acknowledged is there after the server was killed, and the same store goes on by itself.
#[tokio::test]
async fn a_server_that_dies_and_comes_back_has_everything_and_is_found_again() {
    let Some(mut server) = server().await else { return };
    let store = open(&server.database().unwrap()).await.unwrap();
    let mut chain = Chain::resume(writer(1), Head::EMPTY);
    for _ in 0..10 {
        store.append(&[note(&mut chain, None, "acknowledged")]).await.unwrap();
    }
    server.kill();
    let (pending, clock) = (note(&mut chain, None, "while it is away"), SystemClock::shared());
    for _ in 0..2 {
        let asked = within(
            &*clock,
            Duration::from_secs(12),
            store.append(std::slice::from_ref(&pending)),
        );
        let refused = asked.await.expect("an answer in time").unwrap_err();
        assert!(matches!(refused, StoreError::Unavailable { .. }), "{refused:?}");
    }
    server.resume().await.unwrap();
    let found = until(Duration::from_secs(30), async || {
        store.append(std::slice::from_ref(&pending)).await.ok()
    });
    found.await.expect("it is found again");
    assert_eq!(count(&store).await, 11);
}

/// Every packet is lost for a while: nothing hangs for ever, however many ask, and then all is well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_network_keeps_nobody_waiting_for_ever() {
    let Some(server) = server().await else { return };
    let wire = Wire::to(server.address()).await.unwrap();
    let address = server.by(wire.address(), &server.database().unwrap());
    let store = open(&address).await.unwrap();
    let mut chain = Chain::resume(writer(1), Head::EMPTY);
    store.append(&[note(&mut chain, None, "before")]).await.unwrap();
    wire.silence(true);
    let (clock, waiting) = (SystemClock::shared(), note(&mut chain, None, "meanwhile"));
    let limit = Duration::from_secs(13);
    let (appended, read) = tokio::join!(
        within(&*clock, limit, store.append(std::slice::from_ref(&waiting))),
        join_all((0..12).map(|_| within(&*clock, limit, store.head(chain.writer())))),
    );
    assert!(
        matches!(appended, Ok(Err(StoreError::Unavailable { .. }))),
        "{appended:?}"
    );
    for read in read {
        assert!(matches!(read, Ok(Err(StoreError::Unavailable { .. }))), "{read:?}");
    }
    wire.silence(false);
    until(Duration::from_secs(30), async || {
        store.append(std::slice::from_ref(&waiting)).await.ok()
    })
    .await
    .expect("it goes on");
    assert_eq!(store.head(chain.writer()).await.unwrap(), chain.head());
}

/// Well before the interval at which it would look by itself, and again after the server was away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_waits_is_woken_at_once_also_by_others_and_after_the_server_was_away() {
    let Some(mut server) = server().await else { return };
    let address = server.database().unwrap();
    let (here, there) = (open(&address).await.unwrap(), open(&address).await.unwrap());
    let (mut news, clock) = (here.news(), SystemClock::shared());
    let mut chain = Chain::resume(writer(1), Head::EMPTY);
    for round in 0..2 {
        // The quickest of several: this machine has other things to do.
        let quick = until(Duration::from_secs(60), async || {
            while within(&*clock, Duration::ZERO, news.next()).await.is_ok() {}
            let entry = note(&mut chain, None, "news");
            let begun = clock.mono();
            let appended = there.append(std::slice::from_ref(&entry)).await;
            if appended.is_err() {
                chain = Chain::resume(writer(1), there.head(chain.writer()).await.ok()?);
                return None;
            }
            news.next().await;
            (clock.mono().saturating_since(begun) < News::PATIENCE / 4).then_some(())
        });
        quick.await.expect("woken by a notice");
        if round == 0 {
            server.kill();
            server.resume().await.unwrap();
        }
    }
}
