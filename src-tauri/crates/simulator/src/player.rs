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

use crate::cluster::{self, Calls, Cluster, Scope};
use crate::serve::Outages;
use crate::simulator::{DataPlane, Exchange, Route, Scene, Seat};
use crate::telnyx;
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
    pub(crate) plane: DataPlane,
    pub(crate) outages: Outages,
    /// Every target that a fault names.
    pub(crate) targets: BTreeMap<TargetId, Seat>,
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
    /// What of it is set on control planes.
    set: Vec<Set>,
}

/// A fault that is set on a control plane, for clearing it.
#[derive(Debug, Clone, Copy)]
enum Set {
    Cluster(cluster::FaultId),
    Telnyx(telnyx::FaultId),
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
                    let set = self.begin(fault);
                    active.push((
                        index,
                        Active {
                            fault: fault.clone(),
                            until,
                            set,
                        },
                    ));
                }
                Cue::Again => self.drift(fault),
                Cue::End => {
                    if let Some(place) = active.iter().position(|(i, _)| *i == index) {
                        let (_, over) = active.remove(place);
                        over.set.into_iter().for_each(|set| self.clear(set));
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

    /// What happens once, or on a control plane.
    fn begin(&self, fault: &Fault) -> Vec<Set> {
        let set = match fault {
            Fault::CriticalError => {
                self.scene.change(crate::world::World::critical_error);
                None
            }
            Fault::Drift { .. } => {
                self.drift(fault);
                None
            }
            Fault::StrayJob { by, weight, after, .. } => {
                self.post_job(by, *weight, *after);
                None
            }
            Fault::TargetDown { target, how } => match self.targets.get(target) {
                Some(Seat::Route(route)) => self.set_on_route(*route, cluster_fault(*how)),
                Some(Seat::Numbers) => self.set_on_account(account_fault(*how)),
                None => None,
            },
            Fault::ReadbackLies { target } => match self.targets.get(target) {
                Some(Seat::Route(route)) => self.set_on_route(*route, cluster::Fault::ReadBackLies),
                // Nothing that the API could do: where calls go stands still, see `settle`.
                Some(Seat::Numbers) | None => None,
            },
            Fault::JobFailures { share, .. } => self.set_on_account(telnyx::Fault::JobFailures {
                share: *share,
                towards: self.plane.exchange().map(|exchange| exchange.telnyx().canary()),
            }),
            Fault::JobsStuck { .. } => self.set_on_account(telnyx::Fault::JobsStuck),
            Fault::OwnNetworkLost => {
                let account = self.set_on_account(telnyx::Fault::BlackHole);
                let cluster = self.set_on_cluster(Scope::Cluster, cluster::Fault::BlackHole);
                return account.into_iter().chain(cluster).collect();
            }
            Fault::CanaryErrors { .. }
            | Fault::CanaryLatency { .. }
            | Fault::CanaryAbandonment { .. }
            | Fault::SourceGone { .. } => None,
        };
        set.into_iter().collect()
    }

    fn set_on_route(&self, route: Route, fault: cluster::Fault) -> Option<Set> {
        self.set_on_cluster(Scope::Object(route.path()), fault)
    }

    fn set_on_cluster(&self, scope: Scope, fault: cluster::Fault) -> Option<Set> {
        let set = self.cluster.faults().set(scope, Calls::All, fault);
        let set = set.inspect_err(|error| tracing::error!(%error, "a fault could not be set"));
        set.ok().map(Set::Cluster)
    }

    fn set_on_account(&self, fault: telnyx::Fault) -> Option<Set> {
        let faults = self.plane.exchange()?.telnyx().faults();
        Some(Set::Telnyx(faults.set(telnyx::Scope::All, fault)))
    }

    fn clear(&self, set: Set) {
        match set {
            Set::Cluster(id) => self.cluster.faults().clear(id),
            Set::Telnyx(id) => {
                if let Some(exchange) = self.plane.exchange() {
                    exchange.telnyx().faults().clear(id);
                }
            }
        }
    }

    /// Another writer sets the target's weight now.
    fn drift(&self, fault: &Fault) {
        let Fault::Drift { target, to, by, .. } = fault else {
            return;
        };
        match (self.targets.get(target), self.plane.exchange()) {
            (Some(Seat::Route(route)), _) => self.drift_route(*route, target, *to, by),
            (Some(Seat::Numbers), Some(exchange)) => {
                let moves = exchange.moves_to(*to);
                for (numbers, connection) in [(&moves.off, exchange.stable()), (&moves.on, exchange.canary())] {
                    move_numbers(exchange, by, numbers, connection);
                }
            }
            (Some(Seat::Numbers) | None, _) => {}
        }
    }

    fn drift_route(&self, route: Route, target: &TargetId, to: Weight, by: &str) {
        let patch = self
            .cluster
            .get(&route.path())
            .and_then(|object| weights_patch(&object, route.name, to));
        let Some(patch) = patch else {
            tracing::warn!(%target, "there is no route whose weight could drift");
            return;
        };
        // A webhook that is down keeps the other writer out as well.
        if let Err(error) = self.cluster.write_as(by, &route.path(), patch) {
            tracing::debug!(%error, "the other writer was refused");
        }
    }

    /// Somebody else posts a job towards the canary now, to be taken up later.
    fn post_job(&self, by: &str, weight: Weight, after: Duration) {
        let Some(exchange) = self.plane.exchange() else { return };
        let numbers = exchange.with_share(weight);
        let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
        if numbers.is_empty() {
            tracing::warn!(%weight, "every number has more calls than the stray job should move");
            return;
        }
        if let Err(error) = exchange.telnyx().post_job_as(by, &numbers, exchange.canary(), after) {
            tracing::debug!(%error, "the other writer's job was refused");
        }
    }

    /// Makes world and endpoints what the faults at work say.
    fn settle(&self, active: &[(usize, Active)]) {
        let mut canary = self.canary;
        let mut network_lost = false;
        let mut numbers_lie = false;
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
                Fault::ReadbackLies { target } => numbers_lie |= self.targets.get(target) == Some(&Seat::Numbers),
                Fault::TargetDown { .. }
                | Fault::Drift { .. }
                | Fault::CriticalError
                | Fault::StrayJob { .. }
                | Fault::JobFailures { .. }
                | Fault::JobsStuck { .. } => {}
            }
        }
        if let Some(exchange) = self.plane.exchange() {
            exchange.set_lies(numbers_lie);
            // What was kept back holds when the lie ends.
            self.plane.take_hold();
        }
        let [metrics, prometheus] = gone;
        self.scene.change(|world| world.set_conduct(Arm::Canary, canary));
        self.scene.set_endpoint(metrics);
        self.outages.set(network_lost, metrics, prometheus);
    }
}

/// Moves numbers as somebody else; none is no move.
fn move_numbers(exchange: &Exchange, by: &str, numbers: &[String], connection: &str) {
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    if numbers.is_empty() {
        return;
    }
    if let Err(error) = exchange.telnyx().move_as(by, &numbers, connection) {
        tracing::debug!(%error, "the other writer was refused");
    }
}

/// As [`cluster_fault`], of a Telnyx account: what a webhook does to writes in a cluster, the account does by itself.
fn account_fault(how: Down) -> telnyx::Fault {
    match how {
        Down::Hang => telnyx::Fault::BlackHole,
        Down::Reset => telnyx::Fault::Reset,
        Down::Unavailable => telnyx::Fault::Unavailable,
        Down::WebhookDown => telnyx::Fault::WritesDown,
        Down::WebhookRefuses => telnyx::Fault::RefusesWrites,
        Down::Unauthenticated => telnyx::Fault::Unauthorized,
        Down::Forbidden => telnyx::Fault::Forbidden,
        Down::Throttled => telnyx::Fault::TooManyRequests {
            retry_after: Some(RETRY_AFTER),
        },
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
