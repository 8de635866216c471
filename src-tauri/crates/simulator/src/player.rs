//! Plays a scenario's faults at their virtual times.
//!
//! What is wrong at a moment follows from the faults that are at work then, the later one going before the earlier, so that
//! overlapping faults end in any order. How each looks from outside is the business of the part that it is set on.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use serde_json::{Value, json};
use timonel_domain::time::Mono;
use timonel_domain::value::{Arm, TargetId, Weight};
use timonel_plan::scenario::{Down, Fault, Gone, TimedFault, WorldSource};
use timonel_ports::clock::Clock;

use crate::cluster::{self, Calls, Cluster, FaultId, Scope};
use crate::serve::Outages;
use crate::simulator::{Route, Scene};
use crate::time::VirtualClock;
use crate::world::Conduct;

/// How long a throttled client is asked to wait.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Where the faults happen.
#[derive(Debug)]
pub(crate) struct Player {
    pub(crate) clock: VirtualClock,
    pub(crate) scene: Scene,
    pub(crate) cluster: Cluster,
    pub(crate) outages: Outages,
    /// Every target that a fault names.
    pub(crate) targets: BTreeMap<TargetId, Route>,
    /// The canary without faults.
    pub(crate) canary: Conduct,
}

/// What is due; of one moment, ends come before beginnings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cue {
    End,
    Begin,
    Again,
}

/// A fault at work.
#[derive(Debug)]
struct Active {
    fault: Fault,
    until: Option<Mono>,
    /// What of it is set on the cluster.
    on_cluster: Option<FaultId>,
}

impl Player {
    /// Plays `faults`, whose times count from now, to the end of the last one.
    pub(crate) async fn play(self, faults: Vec<TimedFault>) {
        let origin = self.clock.mono();
        let mut active: Vec<(usize, Active)> = Vec::new();
        let begins = faults
            .iter()
            .enumerate()
            .map(|(index, timed)| Reverse((origin + timed.at, Cue::Begin, index)));
        let mut agenda: BinaryHeap<_> = begins.collect();
        while let Some(Reverse((at, cue, index))) = agenda.pop() {
            self.clock.sleep_until(at).await;
            let TimedFault { lasting, fault, .. } = &faults[index];
            match cue {
                Cue::Begin => {
                    let until = lasting.map(|lasting| at + lasting);
                    agenda.extend(until.map(|until| Reverse((until, Cue::End, index))));
                    let on_cluster = self.begin(fault);
                    active.push((
                        index,
                        Active {
                            fault: fault.clone(),
                            until,
                            on_cluster,
                        },
                    ));
                }
                Cue::Again => self.drift(fault),
                Cue::End => {
                    if let Some(place) = active.iter().position(|(i, _)| *i == index) {
                        let (_, over) = active.remove(place);
                        over.on_cluster
                            .into_iter()
                            .for_each(|id| self.cluster.faults().clear(id));
                    }
                }
            }
            if let (Cue::Begin | Cue::Again, Fault::Drift { every: Some(every), .. }) = (cue, fault) {
                let until = active
                    .iter()
                    .find(|(i, _)| *i == index)
                    .and_then(|(_, active)| active.until);
                let again = at + *every;
                if until.is_none_or(|until| again < until) {
                    agenda.push(Reverse((again, Cue::Again, index)));
                }
            }
            self.settle(&active);
        }
    }

    /// What happens once, or on the cluster.
    fn begin(&self, fault: &Fault) -> Option<FaultId> {
        match fault {
            Fault::CriticalError => self.scene.change(crate::world::World::critical_error),
            Fault::Drift { .. } => self.drift(fault),
            Fault::TargetDown { target, how } => return self.set(target, cluster_fault(*how)),
            Fault::ReadbackLies { target } => return self.set(target, cluster::Fault::ReadBackLies),
            Fault::OwnNetworkLost => {
                return self
                    .cluster
                    .faults()
                    .set(Scope::Cluster, Calls::All, cluster::Fault::BlackHole)
                    .ok();
            }
            Fault::CanaryErrors { .. }
            | Fault::CanaryLatency { .. }
            | Fault::CanaryAbandonment { .. }
            | Fault::SourceGone { .. } => {}
        }
        None
    }

    fn set(&self, target: &TargetId, fault: cluster::Fault) -> Option<FaultId> {
        let route = self.targets.get(target)?;
        let set = self
            .cluster
            .faults()
            .set(Scope::Object(route.path()), Calls::All, fault);
        set.inspect_err(|error| tracing::error!(%error, "a fault could not be set"))
            .ok()
    }

    /// Another writer sets the target's weight now.
    fn drift(&self, fault: &Fault) {
        let Fault::Drift { target, to, by, .. } = fault else {
            return;
        };
        let Some(route) = self.targets.get(target) else { return };
        let patch = self
            .cluster
            .get(&route.path())
            .and_then(|object| weights_patch(&object, route.name, *to));
        let Some(patch) = patch else {
            tracing::warn!(%target, "there is no route whose weight could drift");
            return;
        };
        // A webhook that is down keeps the other writer out as well.
        if let Err(error) = self.cluster.write_as(by, &route.path(), patch) {
            tracing::debug!(%error, "the other writer was refused");
        }
    }

    /// Makes world and endpoints what the faults at work say.
    fn settle(&self, active: &[(usize, Active)]) {
        let mut canary = self.canary;
        let mut network_lost = false;
        let mut gone: [Option<Gone>; 2] = [None, None];
        for (_, Active { fault, .. }) in active {
            match fault {
                Fault::CanaryErrors { rate } => canary.error_rate = *rate,
                Fault::CanaryLatency { median } => canary.latency_median = median.as_secs_f64(),
                Fault::CanaryAbandonment { rate } => canary.abandonment = *rate,
                Fault::SourceGone {
                    source: WorldSource::Metrics,
                    how,
                } => gone[0] = Some(*how),
                Fault::SourceGone {
                    source: WorldSource::Prometheus,
                    how,
                } => gone[1] = Some(*how),
                Fault::OwnNetworkLost => network_lost = true,
                Fault::TargetDown { .. } | Fault::Drift { .. } | Fault::CriticalError | Fault::ReadbackLies { .. } => {}
            }
        }
        let [metrics, prometheus] = gone;
        self.scene.change(|world| world.set_conduct(Arm::Canary, canary));
        self.scene.set_endpoint(metrics);
        self.outages.set(network_lost, metrics, prometheus);
    }
}

fn cluster_fault(how: Down) -> cluster::Fault {
    match how {
        Down::Hang => cluster::Fault::BlackHole,
        Down::Reset => cluster::Fault::Reset,
        Down::Unavailable => cluster::Fault::Unavailable,
        Down::WebhookDown => cluster::Fault::WebhookDown,
        Down::WebhookRefuses => cluster::Fault::WebhookDenies {
            reason: "configuration is invalid: total destination weight = 0".to_owned(),
        },
        Down::Unauthenticated => cluster::Fault::Unauthorized,
        Down::Forbidden => cluster::Fault::Forbidden,
        Down::Throttled => cluster::Fault::TooManyRequests {
            retry_after: Some(RETRY_AFTER),
        },
    }
}

/// A JSON patch that gives the canary of the named route this weight and everybody else's subset the rest, in whole percents.
fn weights_patch(object: &Value, route: &str, to: Weight) -> Option<Value> {
    let https = object["spec"]["http"].as_array()?;
    let at = https.iter().position(|http| http["name"] == route)?;
    let canary = to.hundredths() / 100;
    let weight = |destination: &Value| match destination["destination"]["subset"].as_str() {
        Some("canary") => Some(canary),
        Some("stable") => Some(100 - canary),
        Some(_) | None => None,
    };
    let operations = https[at]["route"]
        .as_array()?
        .iter()
        .enumerate()
        .filter_map(|(i, destination)| {
            let path = format!("/spec/http/{at}/route/{i}/weight");
            Some(json!({"op": "add", "path": path, "value": weight(destination)?}))
        });
    Some(Value::Array(operations.collect()))
}
