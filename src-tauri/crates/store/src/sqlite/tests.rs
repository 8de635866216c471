use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use timonel_domain::time::{Mono, Timestamp};
use timonel_domain::value::Writer;
use timonel_journal::chain::{Chain, Head, verify};
use timonel_journal::entry::{Body, Kind, Sealed};
use timonel_ports::clock::{Busy, Clock, InFlight, Sleep, SystemClock};
use timonel_ports::helm::Helm;
use timonel_ports::store::{JournalStore, Part, Position, RolloutStore};

use super::*;

fn next(chain: &mut Chain, text: &str) -> Sealed {
    chain.seal(
        Timestamp::from_secs(1),
        None,
        Kind::new("note").unwrap(),
        Body::of(&text).unwrap(),
    )
}

/// SQLite's own limit of pages gives the same code as a disk without space: SQLITE_FULL.
#[tokio::test]
async fn a_full_disk_is_named_and_what_was_acknowledged_stays() {
    let store = Sqlite::temporary(SystemClock::shared()).await.unwrap();
    let pages: i64 = sqlx::query_scalar("PRAGMA page_count")
        .fetch_one(&store.writer)
        .await
        .unwrap();
    let limit = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {}", pages + 20));
    sqlx::query(limit).fetch_all(&store.writer).await.unwrap();

    let mut chain = Chain::resume(Writer::new("desk-1").unwrap(), Head::EMPTY);
    let mut acknowledged = 0;
    let refused = loop {
        let entry = next(&mut chain, &"x".repeat(5000));
        match store.append(std::slice::from_ref(&entry)).await {
            Ok(()) => acknowledged += 1,
            Err(StoreError::Full { .. }) => break entry,
            Err(other) => panic!("{other:?}"),
        }
    };
    let count = async || {
        let entries = store.entries(Part::All, Position::START, u32::MAX).await.unwrap();
        verify(entries.iter().map(|placed| &placed.sealed)).unwrap().count
    };
    assert!(acknowledged > 2);
    assert_eq!(count().await, acknowledged);

    // Somebody frees some space: the same entry is appended again, and the chain goes on.
    sqlx::query("PRAGMA max_page_count = 1000000")
        .fetch_all(&store.writer)
        .await
        .unwrap();
    store.append(&[refused, next(&mut chain, "after")]).await.unwrap();
    assert_eq!(count().await, acknowledged + 2);
}

/// A clock that counts who is at work.
#[derive(Debug)]
struct Counting(SharedClock, Arc<AtomicI64>);

impl Clock for Counting {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
    fn mono(&self) -> Mono {
        self.0.mono()
    }
    fn sleep_until(&self, at: Mono) -> Sleep {
        self.0.sleep_until(at)
    }
    fn busy(&self) -> Busy {
        let count = self.1.clone();
        count.fetch_add(1, Ordering::SeqCst);
        Busy::new(move || {
            count.fetch_sub(1, Ordering::SeqCst);
        })
    }
    fn request(&self) -> InFlight {
        self.0.request()
    }
}

/// Virtual time may not step while the database works: it cannot see it.
#[tokio::test]
async fn waiting_for_the_database_counts_as_work() {
    let count = Arc::new(AtomicI64::new(0));
    let store = Sqlite::temporary(Arc::new(Counting(SystemClock::shared(), count.clone())))
        .await
        .unwrap();
    let mut chain = Chain::resume(Writer::new("desk-1").unwrap(), Head::EMPTY);
    let writer = chain.writer().clone();
    let entries = [next(&mut chain, "one"), next(&mut chain, "two")];

    let append_one = async { store.append(&entries[..1]).await.is_ok() };
    assert!(counted(&count, append_one).await);
    let append_two = async { store.append(&entries).await.is_ok() };
    assert!(counted(&count, append_two).await);
    let head = async { store.head(&writer).await.is_ok_and(|head| head == chain.head()) };
    assert!(counted(&count, head).await);
    let read = async {
        store
            .entries(Part::All, Position::START, 9)
            .await
            .is_ok_and(|read| read.len() == 2)
    };
    assert!(counted(&count, read).await);
    let rollouts = async { store.rollouts().await.is_ok_and(|rollouts| rollouts.is_empty()) };
    assert!(counted(&count, rollouts).await);
    let take = async { store.take(&writer, 0).await.is_ok_and(|epoch| epoch == 1) };
    assert!(counted(&count, take).await);
}

/// Checks at every poll of `work` that it counts as work while it waits, and no longer.
async fn counted(count: &AtomicI64, work: impl Future<Output = bool>) -> bool {
    let mut work = std::pin::pin!(work);
    let mut waited = false;
    let done = std::future::poll_fn(|cx| {
        let poll = work.as_mut().poll(cx);
        let expected = i64::from(poll.is_pending());
        waited |= poll.is_pending();
        assert_eq!(count.load(Ordering::SeqCst), expected);
        poll
    })
    .await;
    assert!(waited, "it never waited, so nothing was checked");
    done
}
