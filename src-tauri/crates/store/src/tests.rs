use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use timonel_domain::time::{Mono, Timestamp};
use timonel_domain::value::{PlanId, RolloutId, SignalId, Writer};
use timonel_journal::chain::{Chain, Head, verify};
use timonel_journal::entry::{Body, Kind, Sealed};
use timonel_ports::clock::{Busy, Clock, InFlight, SharedClock, Sleep, SystemClock};
use timonel_ports::helm::{Helm, Take};
use timonel_ports::store::{
    JournalStore, Part, PlanRevision, Position, RolloutRow, RolloutStore, SampleStore, StoreError,
};

use crate::database::Database;
use crate::link::Pools;

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
    let store = Database::temporary(SystemClock::shared()).await.unwrap();
    let Pools::Sqlite { writer, .. } = store.pools() else {
        unreachable!("a file")
    };
    let pages: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(writer).await.unwrap();
    let limit = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {}", pages + 20));
    sqlx::query(limit).fetch_all(writer).await.unwrap();

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
        .fetch_all(writer)
        .await
        .unwrap();
    store.append(&[refused, next(&mut chain, "after")]).await.unwrap();
    assert_eq!(count().await, acknowledged + 2);
}

/// A clock that counts who is at work, and how often work was begun.
#[derive(Debug)]
struct Counting {
    clock: SharedClock,
    now: Arc<AtomicI64>,
    begun: Arc<AtomicI64>,
}

impl Clock for Counting {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }
    fn mono(&self) -> Mono {
        self.clock.mono()
    }
    fn sleep_until(&self, at: Mono) -> Sleep {
        self.clock.sleep_until(at)
    }
    fn busy(&self) -> Busy {
        let now = self.now.clone();
        now.fetch_add(1, Ordering::SeqCst);
        self.begun.fetch_add(1, Ordering::SeqCst);
        Busy::new(move || {
            now.fetch_sub(1, Ordering::SeqCst);
        })
    }
    fn request(&self) -> InFlight {
        self.clock.request()
    }
}

/// Virtual time may not step while the database works: it cannot see it.
#[tokio::test]
async fn waiting_for_the_database_counts_as_work() {
    let clock = Arc::new(Counting {
        clock: SystemClock::shared(),
        now: Arc::default(),
        begun: Arc::default(),
    });
    let opening = async { Database::temporary(clock.clone()).await };
    let store = counted(&clock, opening).await.unwrap();
    let mut chain = Chain::resume(Writer::new("desk-1").unwrap(), Head::EMPTY);
    let writer = chain.writer().clone();
    let entries = [next(&mut chain, "one"), next(&mut chain, "two")];

    counted(&clock, store.append(&entries[..1])).await.unwrap();
    counted(&clock, store.append(&entries)).await.unwrap();
    assert_eq!(counted(&clock, store.head(&writer)).await.unwrap(), chain.head());
    assert_eq!(
        counted(&clock, store.entries(Part::All, Position::START, 9))
            .await
            .unwrap()
            .len(),
        2
    );

    let plan = PlanRevision::new(PlanId::new("p").unwrap(), 1, String::new());
    let (id, opened_at) = (RolloutId::new("r").unwrap(), Timestamp::from_secs(1));
    let (environment, closed_at) = ("test".to_owned(), None);
    let row = RolloutRow {
        id: id.clone(),
        plan: plan.plan().clone(),
        revision: 1,
        environment,
        opened_at,
        closed_at,
    };
    counted(&clock, store.put_plan(&plan)).await.unwrap();
    assert_eq!(
        counted(&clock, store.plan(plan.plan(), 1)).await.unwrap(),
        Some(plan.clone())
    );
    counted(&clock, store.put_rollout(&row)).await.unwrap();
    assert_eq!(counted(&clock, store.rollouts()).await.unwrap(), [row]);

    let signal = SignalId::new("s").unwrap();
    counted(&clock, store.put_samples(&id, &[])).await.unwrap();
    counted(&clock, store.samples(&id, &signal, opened_at..opened_at))
        .await
        .unwrap();
    counted(&clock, store.put_units(&id, &[])).await.unwrap();
    counted(&clock, store.units(&id, 0, 1)).await.unwrap();
    counted(&clock, store.last_unit(&id)).await.unwrap();

    let taken = counted(&clock, store.take(&id, &writer, Take::Free)).await;
    assert_eq!(taken.unwrap(), 1);
    assert_eq!(counted(&clock, store.current(&id)).await.unwrap().epoch, 1);
    counted(&clock, store.renew(&id, &writer, 1)).await.unwrap();
    counted(&clock, store.release(&id, &writer, 1)).await.unwrap();
    counted(&clock, store.close()).await;
}

/// Checks that `work` counts as work whenever it waits, and no longer than it lasts.
async fn counted<T>(clock: &Counting, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    let before = clock.begun.load(Ordering::SeqCst);
    let done = std::future::poll_fn(|cx| {
        let poll = work.as_mut().poll(cx);
        assert_eq!(clock.now.load(Ordering::SeqCst), i64::from(poll.is_pending()));
        poll
    })
    .await;
    assert!(
        clock.begun.load(Ordering::SeqCst) > before,
        "it may have had no need to wait, but could have"
    );
    done
}
