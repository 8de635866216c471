//! The whole fake world, started: sockets, objects, faults, and the truth about it for those who compare.
//!
//! A world has run for a while when a rehearsal begins: calls are in progress and windows are full. Nothing here is told to
//! the adapters; they get addresses.

mod exchange;
mod objects;
mod places;
mod plane;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Arm, TargetId, Weight};
use timonel_plan::scenario::{self, ArmHealth, CallTraffic, Gone, Scenario, WorldSource};
use timonel_ports::clock::Clock;
use timonel_ports::task::{self, Task};
use tokio::net::TcpListener;

pub use self::objects::{FOLLOWER, NAMESPACE, NUMBERS_FOLLOWER, SPLITTER};
pub use self::places::Place;

pub(crate) use self::exchange::Exchange;
pub(crate) use self::objects::Route;
pub(crate) use self::places::Seat;
pub(crate) use self::plane::DataPlane;

use self::exchange::Blueprint;
use self::objects::{ROUTES, objects};
use self::places::Places;
use crate::cluster::{Cluster, ClusterError};
use crate::metrics::Observatory;
use crate::metrics::api::Reply;
use crate::player::Player;
use crate::serve::{Outages, router};
use crate::telnyx::Telnyx;
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
        "scenario `{scenario}` has a fault of target `{target}`, which writes nothing of the simulated world: name a target of the plan"
    )]
    UnknownTarget {
        /// Its id.
        scenario: String,
        /// As the fault names it.
        target: TargetId,
    },
    /// A target writes something that the world does not have.
    #[error(
        "target `{target}` writes `{virtual_service}`, but the simulated world has only `casos-vs`, `derivacion-vs` and `consultas-vs`"
    )]
    UnknownRoute {
        /// The plan's target.
        target: TargetId,
        /// What it writes.
        virtual_service: String,
    },
    /// Two targets would divide the same calls.
    #[error("target `{target}` divides calls that another target divides already: a plan has one splitter")]
    SecondSplitter {
        /// The plan's target.
        target: TargetId,
    },
    /// A target divides numbers, and the scenario says nothing of them.
    #[error(
        "target `{target}` divides the numbers of a Telnyx account, but scenario `{scenario}` has none: add a section [telnyx] to it"
    )]
    NoTelnyx {
        /// Its id.
        scenario: String,
        /// The plan's target.
        target: TargetId,
    },
    /// A fault of bulk jobs names a target that has none.
    #[error(
        "scenario `{scenario}` has a fault of the bulk jobs of target `{target}`, which has none: name a target of kind telnyx.number-share"
    )]
    NoJobs {
        /// Its id.
        scenario: String,
        /// As the fault names it.
        target: TargetId,
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
}

/// The world of one rehearsal, running. Dropping it ends its tasks and closes its sockets.
pub struct Simulator {
    scene: Scene,
    cluster: Cluster,
    cluster_address: SocketAddr,
    prometheus_address: SocketAddr,
    metrics_address: SocketAddr,
    /// The account and where its API listens.
    telnyx: Option<(Exchange, SocketAddr)>,
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
    /// The key that the Telnyx API accepts.
    pub const TELNYX_KEY: &'static str = exchange::KEY;

    /// Starts the world of `scenario` on loopback sockets. `clock` must stand at the scenario's start; faults count from there.
    /// `targets` says what each target of the plan writes; with a [`Place::NumberShare`] the world has a Telnyx account whose
    /// numbers divide the calls, otherwise [`SPLITTER`] does. `seed` is the scenario's own where nobody asks for another.
    pub async fn start(
        clock: &VirtualClock,
        scenario: &Scenario,
        seed: u64,
        targets: impl IntoIterator<Item = (TargetId, Place)>,
    ) -> Result<Self, StartError> {
        if clock.now() != scenario.start {
            return Err(StartError::Clock {
                clock: clock.now(),
                scenario: scenario.id.clone(),
                start: scenario.start,
            });
        }
        let places = Places::read(scenario, targets)?;
        let (stable, canary) = (Conduct::from(&scenario.stable), Conduct::from(&scenario.canary));
        let mut world = World::new(
            seed,
            scenario.start - PAST,
            Traffic::from(&scenario.traffic),
            stable,
            canary,
        );
        let account = places.numbers.as_ref().zip(scenario.telnyx.as_ref());
        let blueprint = account.map(|(place, telnyx)| Blueprint::new(scenario, telnyx, place, seed, &world));
        if let Some(blueprint) = &blueprint {
            world.set_lines(blueprint.lines());
        }
        let scene = Scene {
            clock: clock.clone(),
            observatory: Arc::new(Mutex::new(Observatory::new(world))),
        };
        let cluster = Cluster::new(clock.clone(), seed, TOKEN);
        let follower = places.follower();
        let with_numbers_follower = follower.is_some_and(|route| route.virtual_service == NUMBERS_FOLLOWER);
        for object in objects(with_numbers_follower) {
            cluster.insert(object)?;
        }
        let outages = Outages::new(clock.clone());

        let mut tasks = Tasks::default();
        let cluster_address = listen(clock, cluster.router(), &mut tasks).await?;
        let metrics = router(scene.clone(), outages.clone(), seed, WorldSource::Metrics);
        let metrics_address = listen(clock, metrics, &mut tasks).await?;
        let prometheus = router(scene.clone(), outages.clone(), seed, WorldSource::Prometheus);
        let prometheus_address = listen(clock, prometheus, &mut tasks).await?;

        let exchange = blueprint.map(|blueprint| blueprint.open(clock, seed, &scene));
        let telnyx = match exchange.clone() {
            Some(exchange) => {
                let address = listen(clock, exchange.telnyx().router(), &mut tasks).await?;
                Some((exchange, address))
            }
            None => None,
        };
        let splits = |route: &Route| exchange.is_none() && route.virtual_service == SPLITTER;
        let plane = DataPlane {
            scene: scene.clone(),
            cluster: cluster.clone(),
            splitter: ROUTES.into_iter().find(splits),
            follower,
            exchange,
        };
        plane.follow(clock, &mut tasks);
        let player = Player {
            clock: clock.clone(),
            scene: scene.clone(),
            cluster: cluster.clone(),
            plane,
            outages,
            targets: places.seats,
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
            telnyx,
            _tasks: tasks,
        })
    }

    /// Forgets what is older than `span` from now on, as a Prometheus with a retention does: for worlds that run for days.
    pub fn keep(&self, span: Duration) {
        let mut observatory = self.scene.at_present().0;
        observatory.keep(span);
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

    /// Base URL of the Telnyx API, without `/v2`; `None` where the world has no account.
    pub fn telnyx_url(&self) -> Option<String> {
        let (_, address) = self.telnyx.as_ref()?;
        Some(format!("http://{address}"))
    }

    /// The Telnyx account, for looking at it and for writing as somebody else.
    pub fn telnyx(&self) -> Option<&Telnyx> {
        let (exchange, _) = self.telnyx.as_ref()?;
        Some(exchange.telnyx())
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

    /// The truth: the canary's weight in force in the data plane for new calls. With numbers, the share of calls whose number
    /// is answered by the canary's URL.
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
