//! When a lease in a shared file has ended, whatever the wall clocks of those who share it say.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod shifted;

use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use timonel_domain::value::RolloutId;
use timonel_ports::helm::{Helm, HelmError, LEASE, RENEWAL, Take};
use timonel_store::Database;
use timonel_testkit::store::{begun, writer};

use shifted::{HOURS, Shifted};

const MOMENT: Duration = Duration::from_secs(1);

/// Two processes on one file, each with clocks of its own.
struct Two {
    _folder: TempDir,
    clocks: [Arc<Shifted>; 2],
    stores: [Database; 2],
    r1: RolloutId,
}

impl Two {
    /// The first has the helm, and the second has just looked.
    async fn begun() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("timonel.db");
        let clocks = [Shifted::new(), Shifted::new()];
        let first = Database::open(&path, clocks[0].clone()).await.unwrap();
        let second = Database::open(&path, clocks[1].clone()).await.unwrap();
        let r1 = begun(&first).await;
        first.take(&r1, &writer(1), Take::Free).await.unwrap();
        let stores = [first, second];
        let two = Self {
            _folder: folder,
            clocks,
            stores,
            r1,
        };
        two.refused().await;
        two
    }

    fn pass(&self, by: Duration) {
        self.clocks.iter().for_each(|clock| clock.pass(by));
    }

    async fn renew(&self) {
        self.stores[0].renew(&self.r1, &writer(1), 1).await.unwrap();
    }

    async fn refused(&self) {
        let refused = self.stores[1].take(&self.r1, &writer(2), Take::Free).await;
        assert!(matches!(refused, Err(HelmError::Held(_))), "{refused:?}");
    }

    async fn taken(&self) {
        assert_eq!(self.stores[1].take(&self.r1, &writer(2), Take::Free).await.unwrap(), 2);
        let lost = self.stores[0].renew(&self.r1, &writer(1), 1).await;
        assert!(matches!(lost, Err(HelmError::Lost { .. })), "{lost:?}");
    }
}

#[tokio::test]
async fn a_lease_ends_when_it_is_not_renewed_and_not_before() {
    let two = Two::begun().await;
    for _ in 0..6 {
        two.pass(RENEWAL);
        two.renew().await;
        two.refused().await;
    }
    two.pass(LEASE - MOMENT);
    two.refused().await;
    two.pass(MOMENT);
    assert_eq!(two.stores[1].current(&two.r1).await.unwrap().held, None);
    two.taken().await;
}

#[tokio::test]
async fn a_wall_clock_that_is_set_neither_ends_a_lease_nor_prolongs_it() {
    for (forward, back) in [(HOURS, Duration::ZERO), (Duration::ZERO, HOURS)] {
        for clock in 0..2 {
            let two = Two::begun().await;
            two.clocks[clock].set_wall(forward, back);
            two.refused().await;
            two.pass(RENEWAL);
            two.renew().await;
            two.refused().await;
            two.pass(LEASE - MOMENT);
            two.refused().await;
            two.pass(MOMENT);
            two.taken().await;
        }
    }
}

/// A process that comes later knows nothing of when the lease was renewed last, and waits for the whole of it.
#[tokio::test]
async fn whoever_sees_a_lease_for_the_first_time_waits_for_all_of_it() {
    let two = Two::begun().await;
    two.clocks[0].pass(HOURS);
    two.refused().await;
    two.clocks[1].pass(LEASE);
    two.taken().await;
}

/// The holder's clock goes at three quarters of the speed of the other's: it renews in time all the same.
#[tokio::test]
async fn a_slow_clock_renews_in_time() {
    let two = Two::begun().await;
    for _ in 0..10 {
        two.clocks[0].pass(RENEWAL);
        two.clocks[1].pass(RENEWAL.mul_f64(4.0 / 3.0));
        two.refused().await;
        two.renew().await;
    }
}
