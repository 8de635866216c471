//! The helm as a Lease against the simulated cluster: the contract of every helm, in virtual time, and what is its own. Here, since an
//! adapter's own tests know no simulator.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::Request;
use axum::middleware::map_request;
use serde_json::json;
use timonel_domain::value::{RolloutId, Writer};
use timonel_kubernetes::{Access, COUNTER, Connection, LeaseHelm};
use timonel_ports::clock::sleep;
use timonel_ports::helm::{Helm, HelmError, HelmState, LEASE, RENEWAL, Take};
use timonel_ports::task::{Task, spawn};
use timonel_simulator::cluster::{Calls, Cluster, Fault, Scope, serve};
use timonel_simulator::time::{Speed, VirtualClock};
use timonel_testkit::store::{helms, rollout, writer};

const TOKEN: &str = "timonel's own";
const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/timonel/leases";

/// A simulated API server, and which calls it was sent.
struct Server {
    cluster: Cluster,
    address: SocketAddr,
    calls: Arc<Mutex<BTreeSet<String>>>,
    serving: Task<Infallible>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Server {
    async fn start(clock: &VirtualClock) -> Self {
        let cluster = Cluster::new(clock.clone(), 7, TOKEN);
        let calls = Arc::new(Mutex::new(BTreeSet::new()));
        let noted = calls.clone();
        let router = cluster.router().layer(map_request(move |request: Request| {
            let call = format!("{} {}", request.method(), request.uri());
            noted.lock().unwrap().insert(call);
            std::future::ready(request)
        }));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = spawn(&clock.shared(), serve(clock.shared(), listener, router));
        Self {
            cluster,
            address,
            calls,
            serving,
        }
    }

    /// A program of its own: it has seen nothing yet.
    async fn helm(&self, clock: &VirtualClock) -> LeaseHelm {
        let kubeconfig = Cluster::kubeconfig(self.address, TOKEN);
        let access = Access::Text(kubeconfig.into());
        let connection = Connection::open(&access, None, clock.shared()).await.unwrap();
        LeaseHelm::new(connection, "timonel").unwrap()
    }

    fn set(&self, calls: Calls, fault: Fault) {
        self.cluster.faults().set(Scope::Cluster, calls, fault).unwrap();
    }
}

fn drive<F: Future>(work: impl FnOnce(VirtualClock) -> F) -> F::Output {
    timonel_simulator::time::drive("2026-11-22T09:00:00Z".parse().unwrap(), Speed::Max, work)
}

async fn pass(clock: &VirtualClock, by: Duration) {
    sleep(&*clock.shared(), by).await;
}

fn first() -> (RolloutId, Writer) {
    (rollout("r1"), writer(1))
}

async fn refused(helm: &LeaseHelm) {
    let refused = helm.take(&rollout("r1"), &writer(2), Take::Free).await;
    assert!(matches!(refused, Err(HelmError::Held(_))), "{refused:?}");
}

#[test]
fn the_contract_of_every_helm_with_three_verbs_and_nothing_more() {
    drive(|clock| async move {
        let server = Server::start(&clock).await;
        let helm = Arc::new(server.helm(&clock).await);
        helms(helm, [rollout("r1"), rollout("r_2")]).await;
        let of = |method: &str, name: &str| match name {
            "" => format!("{method} {LEASES}"),
            name => format!("{method} {LEASES}/{name}"),
        };
        let names = [COUNTER, "timonel-rollout-r1", "timonel-rollout.725f32"];
        let mut asked: BTreeSet<String> = ["GET", "PUT"].iter().flat_map(|m| names.map(|n| of(m, n))).collect();
        asked.insert(of("POST", ""));
        // The last one is made, and never written again.
        asked.remove(&of("PUT", names[2]));
        let calls: BTreeSet<String> = server
            .calls
            .lock()
            .unwrap()
            .iter()
            .map(|c| c.replace('?', ""))
            .collect();
        assert_eq!(calls, asked, "deploy/lease/role.yaml allows get, create and update");
    });
}

#[test]
fn a_lease_ends_when_it_is_seen_unrenewed_for_its_whole_length_and_not_before() {
    drive(|clock| async move {
        let server = Server::start(&clock).await;
        let (r1, me) = first();
        let (holder, other) = (server.helm(&clock).await, server.helm(&clock).await);
        let epoch = holder.take(&r1, &me, Take::Free).await.unwrap();
        for _ in 0..6 {
            pass(&clock, RENEWAL).await;
            holder.renew(&r1, &me, epoch).await.unwrap();
            refused(&other).await;
        }
        pass(&clock, LEASE - Duration::from_secs(2)).await;
        refused(&other).await;
        // Whoever comes now has not seen it stand, and waits for all of it.
        let late = server.helm(&clock).await;
        refused(&late).await;
        pass(&clock, Duration::from_secs(3)).await;
        refused(&late).await;
        let free = other.current(&r1).await.unwrap();
        assert_eq!(free, HelmState { epoch, held: None });
        // It has run out, and nobody took it: its holder may go on.
        holder.renew(&r1, &me, epoch).await.unwrap();
        refused(&other).await;
        pass(&clock, LEASE).await;
        assert!(other.take(&r1, &writer(2), Take::Free).await.unwrap() > epoch);
        let lost = holder.renew(&r1, &me, epoch).await;
        assert!(matches!(&lost, Err(HelmError::Lost { now }) if now.held.as_ref().is_some_and(|h| h.by == writer(2))));
    });
}

#[test]
fn what_a_holders_wall_clock_says_neither_ends_a_lease_nor_prolongs_it() {
    for time in ["2001-01-01T00:00:00.000000Z", "2099-01-01T00:00:00.000000Z"] {
        drive(|clock| async move {
            let server = Server::start(&clock).await;
            let (r1, me) = first();
            let helm = server.helm(&clock).await;
            let epoch = helm.take(&r1, &me, Take::Free).await.unwrap();
            let path = format!("{LEASES}/timonel-rollout-r1");
            let spec = json!({"spec": {"acquireTime": time, "renewTime": time}});
            server.cluster.write_as("another clock", &path, spec).unwrap();
            refused(&helm).await;
            pass(&clock, LEASE - Duration::from_secs(1)).await;
            refused(&helm).await;
            pass(&clock, Duration::from_secs(1)).await;
            assert!(helm.take(&r1, &writer(2), Take::Free).await.unwrap() > epoch);
        });
    }
}

#[test]
fn what_others_have_put_there_stays() {
    drive(|clock| async move {
        let server = Server::start(&clock).await;
        let (r1, me) = first();
        let helm = server.helm(&clock).await;
        let epoch = helm.take(&r1, &me, Take::Free).await.unwrap();
        let path = format!("{LEASES}/timonel-rollout-r1");
        let noted = json!({"metadata": {"annotations": {"equipo": "conecta360"}}});
        server.cluster.write_as("kubectl", &path, noted).unwrap();
        helm.renew(&r1, &me, epoch).await.unwrap();
        helm.release(&r1, &me, epoch).await.unwrap();
        let object = server.cluster.get(&path).unwrap();
        assert_eq!(object["metadata"]["annotations"]["equipo"], "conecta360");
        assert!(object["spec"].get("holderIdentity").is_none(), "{object}");
        assert_eq!(object["spec"]["leaseTransitions"], json!(epoch));
    });
}

#[test]
fn an_answer_that_is_lost_is_taken_again_and_a_server_that_is_away_is_no_loss() {
    drive(|clock| async move {
        let server = Server::start(&clock).await;
        let (r1, me) = first();
        let helm = server.helm(&clock).await;
        let epoch = helm.take(&r1, &me, Take::Free).await.unwrap();
        server.set(Calls::Writes, Fault::AnswerLost);
        let unheard = helm.take(&r1, &me, Take::Again).await;
        assert!(matches!(unheard, Err(HelmError::Unavailable(_))), "{unheard:?}");
        server.cluster.faults().clear_all();
        let again = helm.take(&r1, &me, Take::Again).await.unwrap();
        assert!(
            again > epoch + 1,
            "an epoch that was drawn is never drawn again: {again}"
        );
        server.set(Calls::All, Fault::InternalError);
        for said in [
            helm.renew(&r1, &me, again).await,
            helm.current(&r1).await.map(drop),
            helm.release(&r1, &me, again).await,
        ] {
            assert!(matches!(said, Err(HelmError::Unavailable(_))), "{said:?}");
        }
        server.cluster.faults().clear_all();
        helm.renew(&r1, &me, again).await.unwrap();
    });
}

/// Targets may bear marks of epochs that another keeper of helms gave.
#[test]
fn epochs_can_go_on_from_where_another_keeper_left_them() {
    drive(|clock| async move {
        let server = Server::start(&clock).await;
        let (r1, me) = first();
        let helm = server.helm(&clock).await;
        let epoch = helm.take(&r1, &me, Take::Free).await.unwrap();
        let lifted = helm.lift(&r1, &me, epoch, 37).await.unwrap();
        assert_eq!(lifted, 37);
        helm.renew(&r1, &me, lifted).await.unwrap();
        let lost = helm.renew(&r1, &me, epoch).await;
        assert!(matches!(lost, Err(HelmError::Lost { .. })), "{lost:?}");
        assert_eq!(helm.lift(&r1, &me, lifted, 12).await.unwrap(), lifted);
        let others = helm.take(&rollout("r2"), &writer(2), Take::Free).await.unwrap();
        assert!(others > lifted);
    });
}
