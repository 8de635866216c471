//! The target `kubernetes.virtual-service` against the simulated cluster: the contract of every target, in virtual time, and
//! what only a real socket shows of a watch. Here, since an adapter's own tests know no simulator.
//!
//! What a real API server would answer is the simulator's own affair; how a patch is made is tested beside the adapter.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::AUTHORIZATION;
use axum::middleware::map_request;
use serde_json::{Value, json};
use timonel_domain::rollout::Generation;
use timonel_domain::time::Timestamp;
use timonel_domain::value::{TargetId, Weight};
use timonel_kubernetes::{Access, Connection, Destination, Spec, VirtualService};
use timonel_ports::clock::{Clock, SharedClock, sleep, within};
use timonel_ports::target::{Goal, Target, TargetError};
use timonel_ports::task::{Task, counted, spawn};
use timonel_simulator::cluster::{Calls, Cluster, Fault as Trouble, RouteShare, Scope, serve};
use timonel_simulator::time::{Speed, VirtualClock};
use timonel_testkit::target::{Fault, Harness, Shell, contract, manual_commands};

const TOKEN: &str = "timonel's own";
const PATH: &str = "/apis/networking.istio.io/v1/namespaces/prod/virtualservices/casos-vs";

/// Runs `work` while virtual time runs at `speed`.
fn drive<F: Future>(speed: Speed, work: impl FnOnce(VirtualClock) -> F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let clock = VirtualClock::new("2026-11-22T09:00:00Z".parse::<Timestamp>().unwrap());
        let work = counted(clock.shared(), work(clock.clone()));
        tokio::select! {
            out = work => out,
            () = clock.run(speed) => unreachable!("the driver runs until it is dropped"),
        }
    })
}

fn destination(subset: &str) -> Destination {
    Destination {
        host: "casos-service".into(),
        subset: Some(subset.into()),
    }
}

fn spec() -> Spec {
    Spec {
        id: TargetId::new("mesh").unwrap(),
        namespace: "prod".into(),
        name: "casos-vs".into(),
        routes: vec!["casos".into()],
        stable: destination("stable"),
        canary: destination("canary"),
    }
}

/// With a route that is pinned to the canary, and no part of the rollout.
fn object(weight: Weight) -> Value {
    let percent = weight.hundredths() / 100;
    let way = |subset: &str, weight: u16| json!({"destination": {"host": "casos-service", "subset": subset}, "weight": weight});
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "casos-vs", "namespace": "prod"},
        "spec": {"hosts": ["casos.example.test"], "http": [
            {"name": "probe", "match": [{"headers": {"canary": {"exact": "true"}}}],
             "route": [{"destination": {"host": "casos-service", "subset": "canary"}}]},
            {"name": "casos", "timeout": "5s", "retries": {"attempts": 2, "perTryTimeout": "2s"},
             "route": [way("stable", 100 - percent), way("canary", percent)]},
        ]},
    })
}

/// One simulated API server on a socket of its own.
struct Server {
    cluster: Cluster,
    address: SocketAddr,
    serving: Vec<Task<Infallible>>,
}

impl Server {
    async fn start(clock: &VirtualClock, weight: Weight) -> Self {
        let cluster = Cluster::new(clock.clone(), 7, TOKEN);
        assert_eq!(cluster.insert(object(weight)).unwrap(), PATH);
        let (address, serving) = listen(clock, cluster.router()).await;
        Self {
            cluster,
            address,
            serving: vec![serving],
        }
    }

    /// Another address that adds the token, as `kubectl proxy` does: kubectl itself sends none over plain HTTP.
    async fn proxy(&mut self, clock: &VirtualClock) -> SocketAddr {
        let with_token = |mut request: Request| async move {
            let token = HeaderValue::from_str(&format!("Bearer {TOKEN}")).unwrap();
            request.headers_mut().insert(AUTHORIZATION, token);
            request
        };
        let (address, serving) = listen(clock, self.cluster.router().layer(map_request(with_token))).await;
        self.serving.push(serving);
        address
    }

    async fn target(&self, clock: SharedClock) -> VirtualService {
        let kubeconfig = Cluster::kubeconfig(self.address, TOKEN);
        let connection = Connection::open(&Access::Text(kubeconfig.into()), None, clock)
            .await
            .unwrap();
        VirtualService::new(spec(), connection).unwrap()
    }

    fn set(&self, calls: Calls, trouble: Trouble) {
        self.cluster.faults().set(Scope::Cluster, calls, trouble).unwrap();
    }

    fn write_as(&self, who: &str, weight: Weight) {
        let percent = weight.hundredths() / 100;
        let patch = json!([
            {"op": "add", "path": "/spec/http/1/route/0/weight", "value": 100 - percent},
            {"op": "add", "path": "/spec/http/1/route/1/weight", "value": percent},
        ]);
        self.cluster.write_as(who, PATH, patch).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.iter().for_each(Task::abort);
    }
}

async fn listen(clock: &VirtualClock, router: Router) -> (SocketAddr, Task<Infallible>) {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (address, spawn(&clock.shared(), serve(clock.shared(), listener, router)))
}

struct Simulated {
    clock: VirtualClock,
    server: Option<Server>,
    files: tempfile::TempDir,
}

impl Simulated {
    fn new(clock: VirtualClock) -> Self {
        Self {
            clock,
            server: None,
            files: tempfile::tempdir().unwrap(),
        }
    }

    fn server(&self) -> &Server {
        self.server
            .as_ref()
            .expect("every case starts with a fresh control plane")
    }
}

#[async_trait]
impl Harness for Simulated {
    fn clock(&self) -> SharedClock {
        self.clock.shared()
    }

    async fn fresh(&mut self, weight: Weight) -> Arc<dyn Target> {
        let server = Server::start(&self.clock, weight).await;
        let target = server.target(self.clock.shared()).await;
        self.server = Some(server);
        Arc::new(target)
    }

    async fn inject(&mut self, fault: Fault) -> bool {
        let server = self.server();
        match fault {
            Fault::Hang => server.set(Calls::All, Trouble::BlackHole),
            Fault::Reset => server.set(Calls::All, Trouble::Reset),
            Fault::AnswerLost => server.set(Calls::Writes, Trouble::AnswerLost),
            Fault::Unauthenticated => server.set(Calls::All, Trouble::Unauthorized),
            Fault::Forbidden => server.set(Calls::All, Trouble::Forbidden),
            Fault::Missing => server.cluster.delete(PATH).unwrap(),
            Fault::Throttled { retry_after } => server.set(Calls::All, Trouble::TooManyRequests { retry_after }),
            Fault::ServerError => server.set(Calls::All, Trouble::InternalError),
            Fault::Html => server.set(Calls::All, Trouble::Html),
            Fault::Refuses => server.set(
                Calls::All,
                Trouble::WebhookDenies {
                    reason: "configuration is invalid: host not found".into(),
                },
            ),
            Fault::WritesDown => server.set(Calls::All, Trouble::WebhookDown),
            // One object, one write: there is nothing to do by halves.
            Fault::Partial => return false,
        }
        true
    }

    async fn heal(&mut self) {
        if let Some(server) = &self.server {
            server.cluster.faults().clear_all();
        }
    }

    async fn live(&mut self) -> Weight {
        let shares = self.server().cluster.effective_weights("prod", "casos-vs", "casos");
        let weigh = |subset: &str| {
            shares
                .iter()
                .filter(|s| s.subset == subset)
                .map(|s| s.weight)
                .sum::<u32>()
        };
        assert_eq!(weigh("stable") + weigh("canary"), 100, "{shares:?}");
        let pinned = self.server().cluster.effective_weights("prod", "casos-vs", "probe");
        let untouched = RouteShare {
            host: "casos-service".into(),
            subset: "canary".into(),
            weight: 100,
        };
        assert_eq!(pinned, [untouched], "a route that the plan does not name was written");
        Weight::percent(weigh("canary") as u8)
    }

    async fn write_as(&mut self, who: &str, weight: Weight) {
        self.server().write_as(who, weight);
    }

    fn known_as(&self, who: &str) -> Option<String> {
        Some(who.to_owned())
    }

    async fn shell(&mut self, program: &str) -> Option<Shell> {
        if let Some(missing) = program.split(", ").find(|program| !is_on_path(program)) {
            println!("skipped: {missing} is not on the PATH");
            return None;
        }
        let clock = self.clock.clone();
        let server = self
            .server
            .as_mut()
            .expect("every case starts with a fresh control plane");
        let (address, proxy) = (server.address, server.proxy(&clock).await);
        let kubeconfig = self.files.path().join("kubeconfig");
        std::fs::write(&kubeconfig, Cluster::kubeconfig(proxy, TOKEN)).unwrap();
        let environment = [
            ("KUBECONFIG", kubeconfig.display().to_string()),
            // What kubectl discovers it keeps by address, and addresses come again.
            (
                "KUBECACHEDIR",
                self.files.path().join(proxy.port().to_string()).display().to_string(),
            ),
            ("TIMONEL_KUBE_API", format!("http://{address}")),
            ("TIMONEL_KUBE_TOKEN", TOKEN.to_owned()),
        ];
        Some(Shell {
            environment: environment.map(|(key, value)| (key.to_owned(), value)).into(),
        })
    }
}

fn is_on_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

#[test]
fn the_contract_of_every_target() {
    let report = drive(
        Speed::Max,
        |clock| async move { contract(&mut Simulated::new(clock)).await },
    );
    println!("{report}");
    assert_eq!(report.cannot, ["a partial success is said and can be finished"]);
    assert_eq!(report.ran.len(), 28);
}

/// At real speed: virtual time cannot see bash, and the simulated latency has to pass.
#[test]
fn what_a_person_pastes_does_it() {
    let report = drive(Speed::Times(1.0), |clock| async move {
        manual_commands(&mut Simulated::new(clock)).await
    });
    println!("{report}");
    assert!(
        report.ran.contains(&"manual commands after a reading"),
        "curl is everywhere: {report}"
    );
}

#[test]
fn a_webhook_that_is_down_says_so_in_the_preflight_and_on_writing() {
    drive(Speed::Max, |clock| async move {
        let server = Server::start(&clock, Weight::percent(5)).await;
        let target = server.target(clock.shared()).await;
        server.set(Calls::All, Trouble::WebhookDown);
        let preflight = target.preflight().await.unwrap();
        let failed: Vec<_> = preflight.checks.iter().filter(|check| !check.ok).collect();
        assert_eq!(
            failed.iter().map(|check| check.code.as_str()).collect::<Vec<_>>(),
            ["target.dry-run"]
        );
        assert!(
            failed[0].proof.contains("istiod's admission webhook"),
            "{}",
            failed[0].proof
        );
    });
}

#[test]
fn a_preflight_without_the_right_to_write_says_which_right() {
    drive(Speed::Max, |clock| async move {
        let server = Server::start(&clock, Weight::percent(5)).await;
        let target = server.target(clock.shared()).await;
        let object = Scope::Object(PATH.into());
        server
            .cluster
            .faults()
            .set(object, Calls::Writes, Trouble::Forbidden)
            .unwrap();
        let preflight = target.preflight().await.unwrap();
        let failed: Vec<_> = preflight
            .checks
            .iter()
            .filter(|check| !check.ok)
            .map(|check| check.code.as_str())
            .collect();
        assert_eq!(failed, ["target.rights.patch", "target.dry-run"]);
    });
}

/// The engine holds one `changed()` for hours: it must outlive the end of every watch, resets, silence and a forgotten history.
#[test]
fn a_watch_lives_through_what_happens_to_watches() {
    drive(Speed::Max, |clock| async move {
        let server = Server::start(&clock, Weight::percent(5)).await;
        let target = Arc::new(server.target(clock.shared()).await);
        target.read().await.unwrap();
        let waiting = {
            let (target, clock) = (target.clone(), clock.shared());
            spawn(
                &clock.clone(),
                async move { target.changed().await.map(|()| clock.mono()) },
            )
        };
        let later = |secs| sleep(&clock, Duration::from_secs(secs));
        // Ten ends of 290 s each.
        later(2900).await;
        let reset = server
            .cluster
            .faults()
            .set(Scope::Cluster, Calls::All, Trouble::Reset)
            .unwrap();
        later(120).await;
        server.cluster.faults().clear(reset);
        later(60).await;
        let hole = server
            .cluster
            .faults()
            .set(Scope::Cluster, Calls::All, Trouble::BlackHole)
            .unwrap();
        later(900).await;
        server.cluster.faults().clear(hole);
        server.cluster.forget_changes();
        later(600).await;
        let written = clock.mono();
        server.write_as("flux", Weight::percent(50));
        let told = waiting.join().await.unwrap().unwrap();
        assert!(
            told.saturating_since(written) < Duration::from_secs(5),
            "told {told:?}, written {written:?}"
        );
    });
}

/// A change that happens while no watch is open, and whose history is gone when the next one opens.
#[test]
fn a_change_in_a_gap_of_watching_is_told() {
    drive(Speed::Max, |clock| async move {
        let server = Server::start(&clock, Weight::percent(5)).await;
        let target = server.target(clock.shared()).await;
        target.read().await.unwrap();
        server.write_as("flux", Weight::percent(50));
        server.cluster.forget_changes();
        within(&clock, Duration::from_secs(5), target.changed())
            .await
            .unwrap()
            .unwrap();
        let quiet = within(&clock, Duration::from_secs(3600), target.changed()).await;
        assert!(quiet.is_err(), "the same change was told twice: {quiet:?}");
        server.cluster.delete(PATH).unwrap();
        within(&clock, Duration::from_secs(5), target.changed())
            .await
            .unwrap()
            .unwrap();
        assert!(matches!(target.read().await, Err(TargetError::Missing { .. })));
    });
}

#[test]
fn whoever_may_not_watch_is_told_so() {
    drive(Speed::Max, |clock| async move {
        let server = Server::start(&clock, Weight::percent(5)).await;
        let target = server.target(clock.shared()).await;
        target.read().await.unwrap();
        server.set(Calls::All, Trouble::Forbidden);
        let refused = within(&clock, Duration::from_secs(5), target.changed()).await.unwrap();
        assert!(matches!(refused, Err(TargetError::Forbidden { .. })), "{refused:?}");
    });
}

/// Somebody sorts the routes between our reading and our write: the API server answers 422 without a reason.
#[test]
fn a_patch_whose_tests_do_not_hold_is_a_conflict() {
    drive(Speed::Max, |clock| async move {
        let server = Server::start(&clock, Weight::percent(5)).await;
        let target = server.target(clock.shared()).await;
        let goal = Goal::Lower {
            to: Weight::ZERO,
            generation: Generation { epoch: 1, revision: 0 },
        };
        let late = target.plan(&goal, &target.read().await.unwrap()).unwrap();
        let mut sorted = object(Weight::percent(5))["spec"]["http"].clone();
        sorted.as_array_mut().unwrap().reverse();
        server
            .cluster
            .write_as("flux", PATH, json!({"spec": {"http": sorted}}))
            .unwrap();
        let refused = target.start(&late[0]).await;
        assert!(matches!(refused, Err(TargetError::Conflict { .. })), "{refused:?}");
        let steps = target.plan(&goal, &target.read().await.unwrap()).unwrap();
        target.start(&steps[0]).await.unwrap();
        assert_eq!(target.read().await.unwrap().weight, Weight::ZERO);
    });
}

/// Requests, latencies and watch events all count for virtual time, so nothing depends on how fast this machine is.
#[test]
fn the_same_seed_gives_the_same_times() {
    let run = || {
        drive(Speed::Max, |clock| async move {
            let server = Server::start(&clock, Weight::percent(40)).await;
            let mut seen = Vec::new();
            let target = server.target(clock.shared()).await;
            for weight in [60, 80, 100] {
                let goal = Goal::Raise {
                    to: Weight::percent(weight),
                    generation: Generation { epoch: 1, revision: 0 },
                };
                let steps = target.plan(&goal, &target.read().await.unwrap()).unwrap();
                target.start(&steps[0]).await.unwrap();
                within(&clock, Duration::from_secs(60), target.changed())
                    .await
                    .unwrap()
                    .unwrap();
                seen.push((clock.mono(), target.read().await.unwrap().weight));
            }
            seen
        })
    };
    let first = run();
    assert_eq!(first.last().unwrap().1, Weight::FULL);
    assert_eq!(first, run());
}
