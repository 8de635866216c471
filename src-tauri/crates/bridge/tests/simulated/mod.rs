//! A simulated API server on a socket of its own, and the control plane of the contract made of it.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::AUTHORIZATION;
use axum::middleware::map_request;
use serde_json::{Value, json};
use timonel_domain::value::{TargetId, Weight};
use timonel_kubernetes::{Access, Connection, Destination, Spec, VirtualService};
use timonel_ports::clock::SharedClock;
use timonel_ports::target::Target;
use timonel_ports::task::{Task, spawn};
use timonel_simulator::cluster::{Calls, Cluster, Fault as Trouble, RouteShare, Scope, serve};
use timonel_simulator::time::{Speed, VirtualClock};
use timonel_testkit::target::{Fault, Harness, Shell};

const TOKEN: &str = "timonel's own";
pub(crate) const PATH: &str = "/apis/networking.istio.io/v1/namespaces/prod/virtualservices/casos-vs";

/// Runs `work` while virtual time runs at `speed`, from one morning on.
pub(crate) fn drive<F: Future>(speed: Speed, work: impl FnOnce(VirtualClock) -> F) -> F::Output {
    timonel_simulator::time::drive("2026-11-22T09:00:00Z".parse().unwrap(), speed, work)
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
pub(crate) fn object(weight: Weight) -> Value {
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
pub(crate) struct Server {
    pub(crate) cluster: Cluster,
    address: SocketAddr,
    serving: Vec<Task<Infallible>>,
}

impl Server {
    pub(crate) async fn start(clock: &VirtualClock, weight: Weight) -> Self {
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

    pub(crate) async fn target(&self, clock: SharedClock) -> VirtualService {
        let kubeconfig = Cluster::kubeconfig(self.address, TOKEN);
        let connection = Connection::open(&Access::Text(kubeconfig.into()), None, clock)
            .await
            .unwrap();
        VirtualService::new(spec(), connection).unwrap()
    }

    pub(crate) fn set(&self, calls: Calls, trouble: Trouble) {
        self.cluster.faults().set(Scope::Cluster, calls, trouble).unwrap();
    }

    pub(crate) fn write_as(&self, who: &str, weight: Weight) {
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

pub(crate) struct Simulated {
    clock: VirtualClock,
    server: Option<Server>,
    files: tempfile::TempDir,
}

impl Simulated {
    pub(crate) fn new(clock: VirtualClock) -> Self {
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
