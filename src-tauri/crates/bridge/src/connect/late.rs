//! Targets and sources of which something is missing that a person can still give: a key, a kubeconfig.
//!
//! One account without a key must not keep the calls of another target where they are. What is missing is the problem of its
//! own target: it answers every call with what is missing, is asked for it again from time to time, and works from the call on
//! that finds it. Deliberately not here: where keys are kept, and whether a rollout that is not under way may begin so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::BoxFuture;
use timonel_domain::time::Mono;
use timonel_domain::value::{Side, SignalId};
use timonel_plan::parsed::{Parsed, SourceConfig, TargetConfig, Way};
use timonel_ports::clock::{SharedClock, within};
use timonel_ports::signal::{Reading as Signalled, SignalError, Source, SourceDescription};
use timonel_ports::target::{
    Description, Fence, Goal, ManualCommand, Operation, Preflight, Progress, Reach, Reading, Step, Target, TargetError,
};
use timonel_ports::task::spawn;
use tokio::sync::watch;

use super::{Connections, Kits, Look, Rhythmic, client, clusters, inbox, is_read, read_at, source, target};
use crate::BridgeError;

/// Between two looks for what is missing; doubles up to the longest, since each may have a keychain ask a person. A key that
/// is kept meanwhile is looked for at once, and so is one whose keychain somebody unlocked.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A cluster's credentials have this long before the others go on without it.
const FOR_FIRST: Duration = Duration::from_secs(3);
/// A call waits so long for a look that is under way; the look itself goes on.
const PATIENCE: Duration = Duration::from_secs(2);

/// Every target of a plan, in its order. One that cannot be connected says so when it is asked, and is tried again.
pub(crate) async fn targets_in_time(
    plan: &Parsed,
    connections: &Connections,
    kits: &Kits,
    clock: &SharedClock,
) -> Vec<Arc<dyn Target>> {
    let (mut open, mut closed) = (BTreeMap::new(), BTreeMap::new());
    for (name, opened) in clusters(plan, connections, clock, FOR_FIRST).await {
        match opened {
            Ok(connection) => drop(open.insert(name, connection)),
            Err(error) => drop(closed.insert(name, error.to_string())),
        }
    }
    let shared = Arc::new((plan.clone(), connections.clone(), kits.clone()));
    let mut targets = Vec::new();
    for config in &plan.targets {
        let without = match &config.way {
            Way::VirtualService(way) => closed.get(&way.cluster),
            Way::NumberShare(_) => None,
        };
        let made = match without {
            Some(why) => Err(BridgeError::Connect {
                what: config.id.to_string(),
                why: why.clone(),
            }),
            None => target(config, plan, connections, kits, clock, Look::Before, &mut open).await,
        };
        targets.push(match made {
            Ok(target) => target,
            Err(error) => {
                tracing::warn!(target = %config.id, %error, "opened without it");
                Arc::new(LateTarget::new(config, shared.clone(), clock, error).await)
            }
        });
    }
    targets
}

/// Every source of a plan. One that cannot be connected delivers nothing, says why, and is tried again.
pub(crate) fn sources_in_time(plan: &Parsed, connections: &Connections, clock: &SharedClock) -> Vec<Rhythmic> {
    let shared = Arc::new((plan.clone(), connections.clone()));
    let pushed = plan
        .sources
        .iter()
        .filter_map(|config| inbox(config, plan, connections, clock));
    let read = plan.sources.iter().filter(|config| is_read(config, plan, connections));
    let read = read.map(|config| {
        let made = client(clock).and_then(|http| source(config, plan, connections, &http));
        let source: Arc<dyn Source> = match made {
            Ok(source) => source,
            Err(error) => {
                tracing::warn!(source = config.name, %error, "opened without it");
                Arc::new(LateSource::new(config, shared.clone(), clock, error))
            }
        };
        (source, config.interval)
    });
    pushed.chain(read).collect()
}

type Made<T> = Result<Arc<T>, Arc<BridgeError>>;
type Make<T> = Box<dyn Fn() -> BoxFuture<'static, Result<Arc<T>, BridgeError>> + Send + Sync>;

/// Something that could not be made at first.
struct Late<T: ?Sized> {
    clock: SharedClock,
    connections: Connections,
    make: Make<T>,
    made: Arc<watch::Sender<Made<T>>>,
    pace: Mutex<Pace>,
}

/// When it is tried again.
struct Pace {
    due: Mono,
    pause: Duration,
    /// [`Connections::kept`] at the last look.
    kept: u64,
    /// Whether the place that may hold it was locked when that was last known.
    locked: bool,
}

impl<T: ?Sized + Send + Sync + 'static> Late<T> {
    fn new(clock: &SharedClock, connections: &Connections, error: BridgeError, make: Make<T>) -> Self {
        Self {
            clock: clock.clone(),
            connections: connections.clone(),
            make,
            made: Arc::new(watch::Sender::new(Err(Arc::new(error)))),
            pace: Mutex::new(Pace {
                due: clock.mono() + FIRST_PAUSE,
                pause: FIRST_PAUSE,
                kept: connections.kept(),
                locked: false,
            }),
        }
    }

    /// What was made, or why nothing was. Looks for what is missing where it is time to.
    async fn at_hand(&self) -> Made<T> {
        let mut made = self.made.subscribe();
        let known = made.borrow_and_update().clone();
        if known.is_ok() || !self.is_due(self.connections.is_locked().await) {
            return known;
        }
        let (trying, tell) = ((self.make)(), self.made.clone());
        // Apart from the call, whose deadline must not cut off a person who is unlocking a keychain.
        drop(spawn(&self.clock, async move {
            drop(tell.send_replace(trying.await.map_err(Arc::new)));
        }));
        // Late is no error: the next call finds it.
        drop(within(&*self.clock, PATIENCE, made.changed()).await);
        made.borrow().clone()
    }

    fn known(&self) -> Option<Arc<T>> {
        self.made.borrow().as_ref().ok().cloned()
    }

    fn is_locked(&self) -> bool {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner).locked
    }

    /// What was unlocked, or is kept now, is looked for at once.
    fn is_due(&self, locked: Option<bool>) -> bool {
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, kept) = (self.clock.mono(), self.connections.kept());
        let unlocked = pace.locked && locked == Some(false);
        pace.locked = locked.unwrap_or(pace.locked);
        if now < pace.due && kept == pace.kept && !unlocked {
            return false;
        }
        pace.kept = kept;
        pace.due = now + pace.pause;
        pace.pause = (pace.pause * 2).min(LONGEST_PAUSE);
        true
    }
}

/// A target that works once what it lacks is there.
struct LateTarget {
    is: Description,
    late: Late<dyn Target>,
    /// Knows what can be known without being asked: the lever and the commands of its kit.
    stand_in: Option<Arc<dyn Target>>,
}

impl LateTarget {
    async fn new(
        config: &TargetConfig,
        shared: Arc<(Parsed, Connections, Kits)>,
        clock: &SharedClock,
        error: BridgeError,
    ) -> Self {
        let (plan, connections, kits) = &*shared;
        // A connection to a cluster knows nothing that can be known without it.
        let stand_in = match &config.way {
            Way::VirtualService(_) => None,
            Way::NumberShare(_) => {
                let unasked = connections.without_asking(plan);
                let none = &mut BTreeMap::new();
                let made = target(config, plan, &unasked, kits, clock, Look::Before, none);
                made.await.ok()
            }
        };
        let is = match (&stand_in, &config.way) {
            (Some(stand_in), _) => stand_in.describe(),
            (None, Way::VirtualService(way)) => unknown(
                config,
                "kubernetes.virtual-service",
                format!("VirtualService {}/{}", way.namespace, way.name),
            ),
            (None, Way::NumberShare(way)) => unknown(
                config,
                "telnyx.number-share",
                format!("the numbers of Telnyx account `{}`", way.account),
            ),
        };
        let (config, on, reached) = (config.clone(), clock.clone(), connections.clone());
        let make: Make<dyn Target> = Box::new(move || {
            let (config, shared, clock) = (config.clone(), shared.clone(), on.clone());
            Box::pin(async move {
                let (plan, connections, kits) = &*shared;
                let none = &mut BTreeMap::new();
                target(&config, plan, connections, kits, &clock, Look::Anew, none).await
            })
        });
        Self {
            is,
            late: Late::new(clock, &reached, error, make),
            stand_in,
        }
    }

    async fn at_hand(&self) -> Result<Arc<dyn Target>, TargetError> {
        let place = || self.is.place.clone();
        self.late.at_hand().await.map_err(|error| match &*error {
            BridgeError::NoKey { credential, .. } | BridgeError::KeyOutOfReach { credential, .. } => {
                let (place, credential) = (place(), credential.clone());
                match self.late.is_locked() {
                    true => TargetError::KeyLocked { place, credential },
                    false => TargetError::NoKey { place, credential },
                }
            }
            other => TargetError::Unreachable {
                place: place(),
                detail: other.to_string(),
            },
        })
    }

    /// Whoever knows what is known without asking.
    fn knowing(&self) -> Option<Arc<dyn Target>> {
        self.late.known().or_else(|| self.stand_in.clone())
    }
}

fn unknown(config: &TargetConfig, kind: &'static str, place: String) -> Description {
    Description {
        id: config.id.clone(),
        kind,
        place,
        fence: Fence::None,
    }
}

#[async_trait]
impl Target for LateTarget {
    fn describe(&self) -> Description {
        self.is.clone()
    }

    async fn preflight(&self) -> Result<Preflight, TargetError> {
        self.at_hand().await?.preflight().await
    }

    async fn read(&self) -> Result<Reading, TargetError> {
        self.at_hand().await?.read().await
    }

    async fn look(&self) -> Result<Reading, TargetError> {
        self.at_hand().await?.look().await
    }

    fn reach(&self, goal: &Goal, reading: &Reading) -> Reach {
        match self.knowing() {
            Some(target) => target.reach(goal, reading),
            // Nothing was read without it, so nobody has a reading to ask with.
            None => Reach {
                weight: goal.weight(),
                set: None,
            },
        }
    }

    fn plan(&self, goal: &Goal, reading: &Reading) -> Result<Vec<Step>, TargetError> {
        match self.knowing() {
            Some(target) => target.plan(goal, reading),
            None => Err(TargetError::Unreachable {
                place: self.is.place.clone(),
                detail: "it is not connected yet".to_owned(),
            }),
        }
    }

    async fn start(&self, step: &Step) -> Result<Operation, TargetError> {
        self.at_hand().await?.start(step).await
    }

    async fn poll(&self, operation: &Operation) -> Result<Progress, TargetError> {
        self.at_hand().await?.poll(operation).await
    }

    fn instant_lever(&self, goal: &Goal) -> Option<Step> {
        self.knowing()?.instant_lever(goal)
    }

    fn clean_up(&self, goal: &Goal) -> Vec<Step> {
        self.knowing().map(|target| target.clean_up(goal)).unwrap_or_default()
    }

    fn manual_commands(&self, goal: &Goal) -> Vec<ManualCommand> {
        self.knowing()
            .map(|target| target.manual_commands(goal))
            .unwrap_or_default()
    }

    async fn changed(&self) -> Result<(), TargetError> {
        self.at_hand().await?.changed().await
    }
}

/// A source that delivers once what it lacks is there.
struct LateSource {
    is: SourceDescription,
    late: Late<dyn Source>,
}

impl LateSource {
    fn new(config: &SourceConfig, shared: Arc<(Parsed, Connections)>, clock: &SharedClock, error: BridgeError) -> Self {
        let signals = read_at(config, &shared.0, &shared.1);
        let serves: Vec<(SignalId, Side)> = signals
            .flat_map(|signal| signal.queries.iter().map(|query| (signal.id.clone(), query.side)))
            .collect();
        let is = SourceDescription {
            kind: config.kind.name(),
            place: config.name.clone(),
            serves,
        };
        let (config, on, reached) = (config.clone(), clock.clone(), shared.1.clone());
        let make: Make<dyn Source> = Box::new(move || {
            let (config, shared, clock) = (config.clone(), shared.clone(), on.clone());
            Box::pin(async move {
                let (plan, connections) = &*shared;
                if let Some(account) = &config.account {
                    connections.account_now(plan, account, &clock).await?;
                }
                source(&config, plan, connections, &client(&clock)?)
            })
        });
        Self {
            is,
            late: Late::new(clock, &reached, error, make),
        }
    }
}

#[async_trait]
impl Source for LateSource {
    fn describe(&self) -> SourceDescription {
        self.is.clone()
    }

    async fn read(&self) -> Vec<Signalled> {
        let error = match self.late.at_hand().await {
            Ok(source) => return source.read().await,
            Err(error) => error,
        };
        let nothing = |(signal, side): &(SignalId, Side)| Signalled {
            signal: signal.clone(),
            side: *side,
            outcome: Err(SignalError::Unreachable {
                place: self.is.place.clone(),
                detail: error.to_string(),
            }),
        };
        self.is.serves.iter().map(nothing).collect()
    }
}
