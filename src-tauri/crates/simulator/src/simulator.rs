//! The whole fake world, started: sockets, objects, faults, and the truth about it for those who compare.
//!
//! A world has run for a while when a rehearsal begins: calls are in progress and windows are full. Nothing here is told to
//! the adapters; they get addresses.

mod objects;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Arm, TargetId, Weight};
use timonel_plan::scenario::{self, ArmHealth, CallTraffic, Fault, Gone, Scenario, WorldSource};
use timonel_ports::clock::Clock;
use timonel_ports::task::{self, Task};
use tokio::net::TcpListener;

pub use self::objects::{FOLLOWER, NAMESPACE, SPLITTER};

pub(crate) use self::objects::Route;

use self::objects::{ROUTES, objects};
use crate::cluster::{Cluster, ClusterError};
use crate::metrics::Observatory;
use crate::metrics::api::Reply;
use crate::player::Player;
use crate::serve::{Outages, router};
use crate::time::VirtualClock;
use crate::world::{Conduct, Profile, Traffic, World};

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
    #[error(
        "the clock stands at {clock} but scenario `{scenario}` starts at {start}: make the clock with the scenario's start"
    )]
    Clock {
        /// Now.
        clock: Timestamp,
        /// Its id.
        scenario: String,
        /// When it starts.
        start: Timestamp,
    },
    /// A fault names a target that the world does not have.
    #[error(
        "scenario `{scenario}` has a fault of target `{target}`, which writes no VirtualService of the simulated world"
    )]
    UnknownTarget {
        /// Its id.
        scenario: String,
        /// As the fault names it.
        target: TargetId,
    },
    /// A target writes something that the world does not have.
    #[error(
        "target `{target}` writes `{virtual_service}`, but the simulated world has only `casos-vs` and `derivacion-vs`"
    )]
    UnknownRoute {
        /// The plan's target.
        target: TargetId,
        /// What it writes.
        virtual_service: String,
    },
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
    _tasks: Tasks,
}

/// Tasks that end with this, also where the world was not started to its end.
#[derive(Debug, Default)]
struct Tasks(Vec<Task<()>>);

impl Drop for Tasks {
    fn drop(&mut self) {
        self.0.iter().for_each(Task::abort);
    }
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
            return Err(StartError::Clock {
                clock: clock.now(),
                scenario: scenario.id.clone(),
                start: scenario.start,
            });
        }
        let targets = places(scenario, targets)?;
        let (stable, canary) = (Conduct::from(&scenario.stable), Conduct::from(&scenario.canary));
        let world = World::new(
            seed,
            scenario.start - PAST,
            Traffic::from(&scenario.traffic),
            stable,
            canary,
        );
        let scene = Scene {
            clock: clock.clone(),
            observatory: Arc::new(Mutex::new(Observatory::new(world))),
        };
        let cluster = Cluster::new(clock.clone(), seed, TOKEN);
        for object in objects() {
            cluster.insert(object)?;
        }
        let outages = Outages::new(clock.clone());

        let mut tasks = Tasks::default();
        let cluster_address = listen(clock, cluster.router(), &mut tasks).await?;
        let metrics = router(scene.clone(), outages.clone(), seed, WorldSource::Metrics);
        let metrics_address = listen(clock, metrics, &mut tasks).await?;
        let prometheus = router(scene.clone(), outages.clone(), seed, WorldSource::Prometheus);
        let prometheus_address = listen(clock, prometheus, &mut tasks).await?;

        let mut changes = cluster.changes();
        scene.follow(&cluster);
        let (follower, followed) = (scene.clone(), cluster.clone());
        tasks.0.push(task::spawn(&clock.shared(), async move {
            while let Some(()) = changes.next().await {
                follower.follow(&followed);
            }
        }));
        let player = Player {
            clock: clock.clone(),
            scene: scene.clone(),
            cluster: cluster.clone(),
            outages,
            targets,
            canary,
        };
        tasks
            .0
            .push(task::spawn(&clock.shared(), player.play(scenario.faults.clone())));
        Ok(Self {
            scene,
            cluster,
            cluster_address,
            prometheus_address,
            metrics_address,
            _tasks: tasks,
        })
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

    /// What its Prometheus answers at this moment, past every way to it. `form` has the parameters in any order.
    pub fn ask_prometheus(&self, path: &str, form: &[(String, String)]) -> Reply {
        self.scene.look(|seen| seen.answer(path, form, None))
    }

    /// Everything scraped so far, for `promtool tsdb create-blocks-from openmetrics`.
    pub fn dump_openmetrics(&self) -> String {
        self.scene.look(Observatory::dump_openmetrics)
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
            None => {
                return Err(StartError::UnknownRoute {
                    target,
                    virtual_service,
                });
            }
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
            return Err(StartError::UnknownTarget {
                scenario: scenario.id.clone(),
                target: target.clone(),
            });
        }
    }
    Ok(places)
}

async fn listen(clock: &VirtualClock, router: Router, tasks: &mut Tasks) -> Result<SocketAddr, StartError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .map_err(StartError::Listen)?;
    let address = listener.local_addr().map_err(StartError::Listen)?;
    let shared = clock.shared();
    tasks.0.push(task::spawn(&clock.shared(), async move {
        match crate::cluster::serve(shared, listener, router).await {}
    }));
    Ok(address)
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
