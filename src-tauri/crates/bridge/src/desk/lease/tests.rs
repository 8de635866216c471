use timonel_domain::time::Timestamp;
use timonel_domain::value::PlanId;
use timonel_ports::clock::Clock;
use timonel_ports::helm::LEASE;
use timonel_ports::store::{PlanRevision, RolloutRow, RolloutStore};
use timonel_ports::task::spawn;
use timonel_simulator::cluster::{Calls, Cluster, Fault, Scope, serve};
use timonel_simulator::time::{Speed, VirtualClock, drive};
use timonel_store::Database;

use super::*;

/// Two programs in one cluster over one store.
struct Two {
    _folder: tempfile::TempDir,
    cluster: Cluster,
    store: Arc<Database>,
    r1: RolloutId,
    engines: [Noted; 2],
}

fn writer(n: u32) -> Writer {
    Writer::new(&format!("motor-{n}")).unwrap()
}

/// The rollout `r1`, which the rows of helms need.
async fn begun(store: &Database) -> RolloutId {
    let (id, plan) = (RolloutId::new("r1").unwrap(), PlanId::new("plan").unwrap());
    let revision = PlanRevision::new(plan.clone(), 1, String::new());
    store.put_plan(&revision).await.unwrap();
    let row = RolloutRow {
        id: id.clone(),
        plan,
        revision: 1,
        environment: "produccion".to_owned(),
        opened_at: Timestamp::from_secs(1),
        closed_at: None,
    };
    store.put_rollout(&row).await.unwrap();
    id
}

impl Two {
    async fn begun(clock: &VirtualClock) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cluster = Cluster::new(clock.clone(), 7, "token");
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let access = Access::Text(Cluster::kubeconfig(listener.local_addr().unwrap(), "token").into());
        drop(spawn(
            &clock.shared(),
            serve(clock.shared(), listener, cluster.router()),
        ));
        let store = Database::open(&folder.path().join("timonel.db"), clock.shared())
            .await
            .unwrap();
        let store = Arc::new(store);
        let r1 = begun(&store).await;
        let engine = async || Noted {
            clock: clock.shared(),
            leases: LeaseHelm::new(
                Connection::open(&access, None, clock.shared()).await.unwrap(),
                "timonel",
            )
            .unwrap(),
            store: store.clone(),
            noted: Mutex::default(),
        };
        let engines = [engine().await, engine().await];
        Self {
            _folder: folder,
            cluster,
            store,
            r1,
            engines,
        }
    }
}

fn played<F: Future>(work: impl FnOnce(VirtualClock) -> F) -> F::Output {
    drive("2026-11-22T09:00:00Z".parse().unwrap(), Speed::Max, work)
}

#[test]
fn a_lease_is_noted_in_the_store_and_let_go_in_both() {
    played(|clock| async move {
        let two = Two::begun(&clock).await;
        let [one, other] = &two.engines;
        // Somebody had it by the store alone, twice.
        for _ in 0..2 {
            let epoch = two.store.take(&two.r1, &writer(9), Take::Free).await.unwrap();
            two.store.release(&two.r1, &writer(9), epoch).await.unwrap();
        }
        let epoch = one.take(&two.r1, &writer(1), Take::Free).await.unwrap();
        assert!(epoch >= 3, "targets may bear marks of the store's epochs: {epoch}");
        let row = two.store.current(&two.r1).await.unwrap().held.unwrap();
        assert_eq!(row.by, writer(1), "commands are taken by whoever the row names");
        for how in [Take::Free, Take::Again] {
            let refused = other.take(&two.r1, &writer(2), how).await;
            assert!(matches!(refused, Err(HelmError::Held(_))), "{refused:?}");
        }
        one.renew(&two.r1, &writer(1), epoch).await.unwrap();
        one.release(&two.r1, &writer(1), epoch).await.unwrap();
        assert_eq!(two.store.current(&two.r1).await.unwrap().held, None);
        assert!(other.take(&two.r1, &writer(2), Take::Free).await.unwrap() > epoch);
    });
}

#[test]
fn a_rollback_that_knows_of_no_lease_is_noticed_and_waited_for() {
    played(|clock| async move {
        let two = Two::begun(&clock).await;
        let [one, other] = &two.engines;
        let epoch = one.take(&two.r1, &writer(1), Take::Free).await.unwrap();
        let row = two.store.take(&two.r1, &writer(9), Take::ByForce).await.unwrap();
        let lost = one.renew(&two.r1, &writer(1), epoch).await;
        assert!(
            matches!(&lost, Err(HelmError::Lost { now }) if now.held.as_ref().is_some_and(|held| held.by == writer(9))),
            "{lost:?}"
        );
        other.current(&two.r1).await.unwrap();
        clock.shared().sleep_until(clock.mono() + LEASE).await;
        // The Lease is free, and the row is not.
        two.store.renew(&two.r1, &writer(9), row).await.unwrap();
        assert!(
            other
                .current(&two.r1)
                .await
                .unwrap()
                .held
                .is_some_and(|held| held.by == writer(9))
        );
        let refused = other.take(&two.r1, &writer(2), Take::Free).await;
        assert!(matches!(refused, Err(HelmError::Held(_))), "{refused:?}");
        two.store.release(&two.r1, &writer(9), row).await.unwrap();
        other.take(&two.r1, &writer(2), Take::Free).await.unwrap();
    });
}

#[test]
fn a_store_that_is_away_takes_no_helm_and_a_cluster_that_is_away_gives_none() {
    played(|clock| async move {
        let two = Two::begun(&clock).await;
        let [one, other] = &two.engines;
        let epoch = one.take(&two.r1, &writer(1), Take::Free).await.unwrap();
        two.store.close().await;
        one.renew(&two.r1, &writer(1), epoch).await.unwrap();
        let forced = other.take(&two.r1, &writer(2), Take::ByForce).await.unwrap();
        assert!(forced > epoch, "a rollback waits for no store");
        let everything = two
            .cluster
            .faults()
            .set(Scope::Cluster, Calls::All, Fault::InternalError);
        everything.unwrap();
        let away = other.renew(&two.r1, &writer(2), forced).await;
        assert!(matches!(away, Err(HelmError::Unavailable(_))), "{away:?}");
    });
}

#[test]
fn a_keeper_is_written_in_one_word() {
    let leases = |namespace: &str, context: Option<&str>| HelmKeeper::Leases {
        namespace: namespace.to_owned(),
        context: context.map(str::to_owned),
    };
    assert_eq!("store".parse(), Ok(HelmKeeper::Store));
    assert_eq!("lease:timonel".parse(), Ok(leases("timonel", None)));
    assert_eq!(
        "lease:timonel@in-cluster".parse(),
        Ok(leases("timonel", Some("in-cluster")))
    );
    for bad in ["", "lease", "lease:", "lease:@x", "lease:timonel@", "postgres"] {
        let said = bad.parse::<HelmKeeper>().unwrap_err().to_string();
        assert!(said.contains("lease:NAMESPACE"), "{said}");
    }
}

#[test]
fn helms_out_of_reach_raise_nothing_and_keep_nobody_from_looking() {
    played(|clock| async move {
        let folder = tempfile::tempdir().unwrap();
        let desk = Desk::open(folder.path(), &clock.shared()).await.unwrap();
        let keeper = "lease:timonel".parse().unwrap();
        let nowhere = folder.path().join("no-such-kubeconfig");
        assert!(desk.clone().only_with_helms(&keeper, Some(&nowhere)).await.is_err());
        let desk = desk.with_helms(&keeper, Some(&nowhere)).await;
        assert!(desk.rollouts().await.unwrap().is_empty());
        let r1 = RolloutId::new("r1").unwrap();
        let refused = desk.helm().take(&r1, &writer(1), Take::ByForce).await;
        assert!(matches!(refused, Err(HelmError::Unavailable(_))), "{refused:?}");
    });
}
