//! The whole fake world, started: sockets, objects, faults, and the truth about it for those who compare.
//!
//! A world has run for a while when a rehearsal begins: calls are in progress and windows are full. Nothing here is told to
//! the adapters; they get addresses.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use serde_json::{Value, json};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Arm, TargetId, Weight};
use timonel_plan::scenario::{self, ArmHealth, CallTraffic, Fault, Gone, Scenario, WorldSource};
use timonel_ports::clock::Clock;
use timonel_ports::task::{self, Task};
use tokio::net::TcpListener;

use crate::cluster::{Cluster, ClusterError};
use crate::metrics::Observatory;
use crate::player::Player;
use crate::serve::{Outages, router};
use crate::time::VirtualClock;
use crate::world::{Conduct, Profile, Traffic, World};

/// The namespace of all objects.
pub const NAMESPACE: &str = "prod";
/// The VirtualService that divides the calls; its named route is `casos`.
pub const SPLITTER: &str = "casos-vs";
/// The VirtualService that lets the canary's calls through; its named route is `derivacion`.
pub const FOLLOWER: &str = "derivacion-vs";

/// How long a world has run when a rehearsal begins.
const PAST: Duration = Duration::from_secs(30 * 60);
/// No secret: it opens a server that exists for a rehearsal, on loopback.
const TOKEN: &str = "rehearsal";

/// The world could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No loopback port.
    #[error("the simulator could not listen on 127.0.0.1: {0}; free a port or descriptors and start again")]
    Listen(#[source] io::Error),
    /// An object was refused.
    #[error("the simulated cluster refused an object of the world: {0}")]
    Object(#[from] ClusterError),
    /// The clock stands elsewhere.
    #[error("the clock stands at {clock} but scenario `{scenario}` starts at {start}: make the clock with the scenario's start")]
    Clock {
        /// Now.
        clock: Timestamp,
        /// Its id.
        scenario: String,
        /// When it starts.
        start: Timestamp,
    },
    /// A fault names a target that the world does not have.
    #[error("scenario `{scenario}` has a fault of target `{target}`, which writes no VirtualService of the simulated world")]
    UnknownTarget {
        /// Its id.
        scenario: String,
        /// As the fault names it.
        target: TargetId,
    },
    /// A target writes something that the world does not have.
    #[error("target `{target}` writes `{virtual_service}`, but the simulated world has only `casos-vs` and `derivacion-vs`")]
    UnknownRoute {
        /// The plan's target.
        target: TargetId,
        /// What it writes.
        virtual_service: String,
    },
}

/// The named route of a VirtualService.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Route {
    virtual_service: &'static str,
    pub(crate) name: &'static str,
    host: &'static str,
}

const ROUTES: [Route; 2] = [
    Route { virtual_service: SPLITTER, name: "casos", host: "casos-service" },
    Route { virtual_service: FOLLOWER, name: "derivacion", host: "derivacion-service" },
];

impl Route {
    pub(crate) fn path(self) -> String {
        format!("/apis/networking.istio.io/v1/namespaces/{NAMESPACE}/virtualservices/{}", self.virtual_service)
    }

    /// What the data plane gives the canary of the route now; nothing where there is no such route.
    fn canary(self, cluster: &Cluster) -> Weight {
        let shares = cluster.effective_weights(NAMESPACE, self.virtual_service, self.name);
        let all: u64 = shares.iter().map(|share| u64::from(share.weight)).sum();
        let canary: u64 = shares.iter().filter(|share| share.subset == "canary").map(|share| u64::from(share.weight)).sum();
        let hundredths = (canary * u64::from(Weight::FULL.hundredths())).checked_div(all).unwrap_or(0);
        u16::try_from(hundredths).ok().and_then(Weight::from_hundredths).unwrap_or(Weight::ZERO)
    }
}

/// The world on its clock, with those who watch it: whoever looks or changes does so at the present moment.
#[derive(Debug, Clone)]
pub(crate) struct Scene {
    clock: VirtualClock,
    observatory: Arc<Mutex<Observatory>>,
}

impl Scene {
    fn at_present(&self) -> (MutexGuard<'_, Observatory>, Timestamp) {
        let mut observatory = self.observatory.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        observatory.advance_to(now);
        (observatory, now)
    }

    pub(crate) fn look<T>(&self, look: impl FnOnce(&Observatory) -> T) -> T {
        look(&self.at_present().0)
    }

    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let (mut observatory, now) = self.at_present();
        observatory.change(now, change)
    }

    pub(crate) fn set_endpoint(&self, gone: Option<Gone>) {
        let (mut observatory, now) = self.at_present();
        observatory.set_endpoint(now, gone);
    }

    fn follow(&self, cluster: &Cluster) {
        let [splitter, follower] = ROUTES.map(|route| route.canary(cluster));
        self.change(|world| {
            world.set_splitter(splitter);
            world.set_follower(follower);
        });
    }
}

/// The world of one rehearsal, running. Dropping it ends its tasks and closes its sockets.
pub struct Simulator {
    scene: Scene,
    cluster: Cluster,
    cluster_address: SocketAddr,
    prometheus_address: SocketAddr,
    metrics_address: SocketAddr,
    tasks: Vec<Task<()>>,
}

impl Simulator {
    /// Starts the world of `scenario` on loopback sockets. `clock` must stand at the scenario's start; faults count from there.
    /// `targets` says which VirtualService ([`SPLITTER`] or [`FOLLOWER`]) each target of the plan writes. `seed` is the
    /// scenario's own where nobody asks for another.
    pub async fn start(
        clock: &VirtualClock,
        scenario: &Scenario,
        seed: u64,
        targets: impl IntoIterator<Item = (TargetId, String)>,
    ) -> Result<Self, StartError> {
        if clock.now() != scenario.start {
            return Err(StartError::Clock { clock: clock.now(), scenario: scenario.id.clone(), start: scenario.start });
        }
        let targets = places(scenario, targets)?;
        let (stable, canary) = (Conduct::from(&scenario.stable), Conduct::from(&scenario.canary));
        let world = World::new(seed, scenario.start - PAST, Traffic::from(&scenario.traffic), stable, canary);
        let scene = Scene { clock: clock.clone(), observatory: Arc::new(Mutex::new(Observatory::new(world))) };
        let cluster = Cluster::new(clock.clone(), seed, TOKEN);
        for object in objects() {
            cluster.insert(object)?;
        }
        let outages = Outages::new(clock.clone());

        let mut tasks = Vec::new();
        let cluster_address = listen(clock, cluster.router(), &mut tasks).await?;
        let metrics = router(scene.clone(), outages.clone(), seed, WorldSource::Metrics);
        let metrics_address = listen(clock, metrics, &mut tasks).await?;
        let prometheus = router(scene.clone(), outages.clone(), seed, WorldSource::Prometheus);
        let prometheus_address = listen(clock, prometheus, &mut tasks).await?;

        let mut changes = cluster.changes();
        scene.follow(&cluster);
        let (follower, followed) = (scene.clone(), cluster.clone());
        tasks.push(task::spawn(&clock.shared(), async move {
            while let Some(()) = changes.next().await {
                follower.follow(&followed);
            }
        }));
        let player = Player { clock: clock.clone(), scene: scene.clone(), cluster: cluster.clone(), outages, targets, canary };
        tasks.push(task::spawn(&clock.shared(), player.play(scenario.faults.clone())));
        Ok(Self { scene, cluster, cluster_address, prometheus_address, metrics_address, tasks })
    }

    /// Where the cluster's API listens.
    pub fn cluster_address(&self) -> SocketAddr {
        self.cluster_address
    }

    /// A kubeconfig (YAML) for the cluster, its token included.
    pub fn kubeconfig(&self) -> String {
        Cluster::kubeconfig(self.cluster_address, TOKEN)
    }

    /// Base URL of the Prometheus API.
    pub fn prometheus_url(&self) -> String {
        format!("http://{}", self.prometheus_address)
    }

    /// URL of the exposition text.
    pub fn metrics_url(&self) -> String {
        format!("http://{}/metrics", self.metrics_address)
    }

    /// The cluster, for looking at it and for writing as somebody else.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The truth: calls assigned to the arm after `since`.
    pub fn assigned_since(&self, arm: Arm, since: Timestamp) -> u64 {
        self.scene.look(|seen| seen.world().assigned_since(arm, since))
    }

    /// The truth: calls of the arm in progress.
    pub fn in_progress(&self, arm: Arm) -> u64 {
        self.scene.look(|seen| seen.world().in_progress(arm))
    }

    /// The truth: the canary's weight in force in the data plane for new calls.
    pub fn splitter(&self) -> Weight {
        self.scene.look(|seen| seen.world().splitter())
    }

    /// The truth: the share of the canary's requests that the follower lets through.
    pub fn follower(&self) -> Weight {
        self.scene.look(|seen| seen.world().follower())
    }

    /// Everything scraped so far, for `promtool tsdb create-blocks-from openmetrics`.
    pub fn dump_openmetrics(&self) -> String {
        self.scene.look(Observatory::dump_openmetrics)
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.tasks.iter().for_each(Task::abort);
    }
}

impl fmt::Debug for Simulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulator")
            .field("cluster", &self.cluster_address)
            .field("prometheus", &self.prometheus_address)
            .field("metrics", &self.metrics_address)
            .finish_non_exhaustive()
    }
}

/// Where each target is, all that faults name included.
fn places(
    scenario: &Scenario,
    targets: impl IntoIterator<Item = (TargetId, String)>,
) -> Result<BTreeMap<TargetId, Route>, StartError> {
    let mut places = BTreeMap::new();
    for (target, virtual_service) in targets {
        match ROUTES.iter().find(|route| route.virtual_service == virtual_service) {
            Some(route) => drop(places.insert(target, *route)),
            None => return Err(StartError::UnknownRoute { target, virtual_service }),
        }
    }
    for timed in &scenario.faults {
        let target = match &timed.fault {
            Fault::TargetDown { target, .. } | Fault::Drift { target, .. } | Fault::ReadbackLies { target } => target,
            Fault::CanaryErrors { .. }
            | Fault::CanaryLatency { .. }
            | Fault::CanaryAbandonment { .. }
            | Fault::SourceGone { .. }
            | Fault::OwnNetworkLost
            | Fault::CriticalError => continue,
        };
        if !places.contains_key(target) {
            return Err(StartError::UnknownTarget { scenario: scenario.id.clone(), target: target.clone() });
        }
    }
    Ok(places)
}

async fn listen(clock: &VirtualClock, router: Router, tasks: &mut Vec<Task<()>>) -> Result<SocketAddr, StartError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(StartError::Listen)?;
    let address = listener.local_addr().map_err(StartError::Listen)?;
    let shared = clock.shared();
    tasks.push(task::spawn(&clock.shared(), async move { match crate::cluster::serve(shared, listener, router).await {} }));
    Ok(address)
}

/// The objects of the world: for each route a Service, a DestinationRule and a VirtualService.
fn objects() -> Vec<Value> {
    ROUTES.iter().flat_map(|route| [service(route), destination_rule(route), virtual_service(route)]).collect()
}

fn service(route: &Route) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"namespace": NAMESPACE, "name": route.host, "labels": {"app": route.name}},
        "spec": {"selector": {"app": route.name}, "ports": [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}]},
    })
}

fn destination_rule(route: &Route) -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
        "metadata": {"namespace": NAMESPACE, "name": route.host},
        "spec": {
            "host": route.host,
            "subsets": [
                {"name": "stable", "labels": {"version": "stable"}},
                {"name": "canary", "labels": {"version": "canary"}},
            ],
        },
    })
}

fn virtual_service(route: &Route) -> Value {
    let to = |subset: &str| json!({"host": route.host, "subset": subset});
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": {"namespace": NAMESPACE, "name": route.virtual_service, "labels": {"app": route.name}},
        "spec": {
            "hosts": [route.host],
            "http": [
                {
                    // Testers reach the canary whatever the weight is; nobody may touch this one.
                    "name": format!("{}-probe", route.name),
                    "match": [{"headers": {"canary": {"exact": "true"}}}],
                    "route": [{"destination": to("canary")}],
                },
                {
                    "name": route.name,
                    "timeout": "10s",
                    "retries": {"attempts": 2, "perTryTimeout": "4s", "retryOn": "5xx,reset"},
                    "route": [
                        {"destination": to("stable"), "weight": 100},
                        {"destination": to("canary"), "weight": 0},
                    ],
                },
            ],
        },
    })
}

impl From<&ArmHealth> for Conduct {
    fn from(health: &ArmHealth) -> Self {
        Self {
            error_rate: health.error_rate,
            abandonment: health.abandonment,
            latency_median: health.latency_median.as_secs_f64(),
            latency_spread: health.latency_spread,
            recognition: health.recognition,
        }
    }
}

impl From<&CallTraffic> for Traffic {
    fn from(traffic: &CallTraffic) -> Self {
        Self {
            calls_per_day: traffic.calls_per_day,
            profile: match traffic.profile {
                scenario::Profile::Office => Profile::Office,
                scenario::Profile::Flat => Profile::Flat,
            },
            mean_call: traffic.mean_call,
            requests_per_call: traffic.requests_per_call,
        }
    }
}
