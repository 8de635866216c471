//! SQLite keeps the contract of the store and the helm.

use std::sync::Arc;

use timonel_ports::clock::SystemClock;
use timonel_store::Sqlite;
use timonel_testkit::store::{self, writer};

async fn sqlite() -> Sqlite {
    Sqlite::temporary(SystemClock::shared()).await.expect("a new store")
}

#[tokio::test]
async fn journal_gives_back_what_was_appended() {
    store::journal_gives_back_what_was_appended(&sqlite().await).await;
}

#[tokio::test]
async fn journal_has_one_entry_a_number() {
    store::journal_has_one_entry_a_number(&sqlite().await).await;
}

#[tokio::test]
async fn journal_refuses_what_does_not_follow() {
    store::journal_refuses_what_does_not_follow(&sqlite().await).await;
}

#[tokio::test]
async fn journal_takes_writers_at_once() {
    store::journal_takes_writers_at_once(Arc::new(sqlite().await)).await;
}

#[tokio::test]
async fn plans_and_rollouts() {
    store::plans_and_rollouts(&sqlite().await).await;
}

#[tokio::test]
async fn checkpoints() {
    store::checkpoints(&sqlite().await).await;
}

#[tokio::test]
async fn samples() {
    store::samples(&sqlite().await).await;
}

#[tokio::test]
async fn units() {
    store::units(&sqlite().await).await;
}

#[tokio::test]
async fn helm() {
    store::helm(Arc::new(sqlite().await)).await;
}

#[tokio::test]
async fn commands() {
    let (store, other) = (Arc::new(sqlite().await), writer(2));
    let r1 = store::begun(&*store).await;
    let (mine, theirs) = (store.order_feed(&r1, &writer(1)), store.order_feed(&r1, &other));
    store::commands(&*store, &r1, &store.orders(&r1), mine, theirs).await;
}
