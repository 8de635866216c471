//! What of commands is not the contract of their port: taking one back, and finding one behind many that are not answered. In both
//! stores.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::sync::Arc;
use std::time::Duration;

use timonel_domain::time::Timestamp;
use timonel_domain::value::{Person, RolloutId};
use timonel_journal::entry::Body;
use timonel_ports::clock::{SystemClock, within};
use timonel_ports::commands::{Command, CommandFeed, CommandId, Commands};
use timonel_ports::helm::{Helm, Take};
use timonel_store::{Database, OrderFeed, Sqlite};
#[cfg(unix)]
use timonel_testkit::process::{Postgres, ProcessError};
use timonel_testkit::store::{begun, writer};

/// More than one question of the feed ever asked for at once.
const UNANSWERED: usize = 100;
/// For one answer, on a loaded machine.
const LONG: Duration = Duration::from_secs(20);
/// In which what waits would be given.
const MOMENT: Duration = Duration::from_millis(300);

fn command(id: &str) -> Command {
    Command {
        id: CommandId::new(id).unwrap(),
        by: Person::new("luz").unwrap(),
        at: Timestamp::from_secs(1_700_000_000),
        what: Body::of(&id).unwrap(),
    }
}

async fn given(feed: &mut OrderFeed) -> CommandId {
    let taken = within(&*SystemClock::shared(), LONG, feed.next()).await;
    taken.expect("in time").unwrap().command.id
}

async fn nothing_waits(feed: &mut OrderFeed) {
    let taken = within(&*SystemClock::shared(), MOMENT, feed.next()).await;
    assert!(taken.is_err(), "{taken:?}");
}

/// What nobody has taken is taken back and given to nobody; what somebody has is not.
async fn taking_back(store: Arc<Database>) {
    let of = begun(&*store).await;
    let (orders, mut feed) = (store.orders(&of), store.order_feed(&of, &writer(1)));
    let [early, late] = ["early", "late"].map(command);
    orders.submit(early.clone()).await.unwrap();
    assert!(orders.withdraw(&early.id).await.unwrap(), "nobody has the helm yet");
    assert!(!orders.withdraw(&early.id).await.unwrap(), "once");
    store.take(&of, &writer(1), Take::Free).await.unwrap();
    nothing_waits(&mut feed).await;
    orders.submit(early.clone()).await.unwrap();
    nothing_waits(&mut feed).await;

    orders.submit(late.clone()).await.unwrap();
    assert_eq!(given(&mut feed).await, late.id);
    assert!(!orders.withdraw(&late.id).await.unwrap(), "somebody is at it");
    let unknown = CommandId::new("never-sent").unwrap();
    assert!(!orders.withdraw(&unknown).await.unwrap());
    let other = store.orders(&RolloutId::new("another").unwrap());
    assert!(!other.withdraw(&late.id).await.unwrap(), "of its own rollout alone");
}

/// Whoever does not get its answers into the journal goes on hearing what people want.
async fn behind_many(store: Arc<Database>) {
    let of = begun(&*store).await;
    let (orders, mut feed) = (store.orders(&of), store.order_feed(&of, &writer(1)));
    store.take(&of, &writer(1), Take::Free).await.unwrap();
    for n in 0..UNANSWERED {
        let one = command(&format!("n-{n}"));
        orders.submit(one.clone()).await.unwrap();
        assert_eq!(given(&mut feed).await, one.id);
    }
    let press = command("press");
    orders.submit(press.clone()).await.unwrap();
    assert_eq!(given(&mut feed).await, press.id);
    nothing_waits(&mut feed).await;
}

#[tokio::test]
async fn in_a_file() {
    let fresh = async || Arc::new(Sqlite::temporary(SystemClock::shared()).await.unwrap());
    taking_back(fresh().await).await;
    behind_many(fresh().await).await;
}

#[cfg(unix)]
#[tokio::test]
async fn in_postgresql() {
    let server = match Postgres::start().await {
        Ok(server) => server,
        Err(ProcessError::Missing { program }) => return println!("skipped: `{program}` is not installed"),
        Err(other) => panic!("{other}"),
    };
    let fresh = async || {
        let opened = timonel_store::open(&server.database().unwrap(), SystemClock::shared()).await;
        Arc::new(opened.unwrap())
    };
    taking_back(fresh().await).await;
    behind_many(fresh().await).await;
}
