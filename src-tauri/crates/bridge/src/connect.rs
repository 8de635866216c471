//! From a parsed plan and its connections to targets and sources: the one place that knows which adapter serves which kind.

mod connections;
mod late;
mod pushed;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use timonel_domain::value::{RolloutId, TargetId};
use timonel_http::{Client, Limits};
use timonel_journal::kit::KitFolder;
use timonel_kubernetes::{Access, Connection, Destination, Spec, VirtualService};
use timonel_plan::model::{RecordsKind as Kind, SourceKind};
use timonel_plan::parsed::{
    NumberShareConfig, Parsed, Query, SignalConfig, SourceConfig, TargetConfig, VirtualServiceConfig, Way,
};
use timonel_ports::clock::{SharedClock, within};
use timonel_ports::kit::{InFile, Kit, Memory};
use timonel_ports::mailbox::answer;
use timonel_ports::signal::Source;
use timonel_ports::target::Target;
use timonel_ports::task::unseen;
use timonel_prometheus::{Endpoint, Measure, Prometheus, Scrape, Selector, SignalSpec, Timing};
use timonel_telnyx::api::ConnectionId;
use timonel_telnyx::number_share::{self, NumberShare};
use timonel_telnyx::records::{self, RecordSpec, Records, RecordsKind};
use tokio::runtime::Handle;

use crate::BridgeError;

pub(crate) use connections::account_of;
pub use connections::{Cluster, Connections, Key, preparation};
pub(crate) use late::{sources_in_time, targets_in_time};
pub use pushed::Pushed;
use pushed::{inbox, is_read, read_at};
pub use timonel_inbox::{Inboxes, loopback};

/// A source that answers later than this is gone for this reading.
const SOURCE_DEADLINE: Duration = Duration::from_secs(4);

/// A cluster's credentials have this long where nothing is waiting for another target: its program may ask a person.
const FOR_CLUSTER: Duration = Duration::from_secs(60);

/// Where the targets of a rollout keep what a rollback of them needs.
#[derive(Debug, Clone)]
pub enum Kits {
    /// Nothing is going to be moved.
    Nowhere,
    /// In an installation's folder.
    Of(KitFolder, RolloutId),
}

impl Kits {
    fn of(&self, target: &TargetId, clock: &SharedClock) -> Arc<dyn Kit> {
        match self {
            Kits::Nowhere => Arc::new(Memory::default()),
            Kits::Of(folder, rollout) => Arc::new(InFile::new(clock.clone(), folder.of(rollout, target))),
        }
    }
}

/// Every target of a plan, in its order; an error where one of them cannot be connected. Sends nothing.
pub async fn targets(
    plan: &Parsed,
    connections: &Connections,
    kits: &Kits,
    clock: &SharedClock,
) -> Result<Vec<Arc<dyn Target>>, BridgeError> {
    let mut clusters = BTreeMap::new();
    let mut targets = Vec::new();
    for config in &plan.targets {
        targets.push(target(config, plan, connections, kits, clock, Look::Before, &mut clusters).await?);
    }
    Ok(targets)
}

/// Which keys are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// Those that were loaded before.
    Before,
    /// What is missing is looked for again.
    Anew,
}

async fn target(
    config: &TargetConfig,
    plan: &Parsed,
    connections: &Connections,
    kits: &Kits,
    clock: &SharedClock,
    keys: Look,
    clusters: &mut BTreeMap<String, Connection>,
) -> Result<Arc<dyn Target>, BridgeError> {
    match &config.way {
        Way::VirtualService(way) => {
            if !clusters.contains_key(&way.cluster) {
                clusters.insert(way.cluster.clone(), open(way, connections, clock, FOR_CLUSTER).await?);
            }
            let connection = clusters[&way.cluster].clone();
            Ok(Arc::new(virtual_service(&config.id, way, connection)?))
        }
        Way::NumberShare(way) => {
            let account = match keys {
                Look::Before => connections.account(plan, &way.account, clock)?,
                Look::Anew => connections.account_now(plan, &way.account, clock).await?,
            };
            let kit = kits.of(&config.id, clock);
            let target = NumberShare::new(number_share(plan, &config.id, way), account, kit);
            // A rollback may be the first thing that is wanted of it.
            target.recall().await;
            Ok(Arc::new(target))
        }
    }
}

/// A source with how often it is read.
pub type Rhythmic = (Arc<dyn Source>, Duration);

/// Every source of a plan; an error where one of them cannot be connected. Sends nothing.
pub fn sources(plan: &Parsed, connections: &Connections, clock: &SharedClock) -> Result<Vec<Rhythmic>, BridgeError> {
    let http = client(clock)?;
    let mut sources = Vec::new();
    for config in &plan.sources {
        sources.extend(inbox(config, plan, connections, clock));
        if is_read(config, plan, connections) {
            sources.push((source(config, plan, connections, &http)?, config.interval));
        }
    }
    Ok(sources)
}

/// The client of sources that are no account.
fn client(clock: &SharedClock) -> Result<Client, BridgeError> {
    let limits = Limits {
        deadline: SOURCE_DEADLINE,
        ..Limits::default()
    };
    Client::new(clock.clone(), limits).map_err(|e| failed("HTTP", e))
}

/// Opens a cluster's connection. A kubeconfig may name a program that asks a person or hangs, and kube waits for it on the
/// thread that asks: it gets a thread of its own, which is left behind where it takes longer than `limit`.
async fn open(
    way: &VirtualServiceConfig,
    connections: &Connections,
    clock: &SharedClock,
    limit: Duration,
) -> Result<Connection, BridgeError> {
    let fallback = Cluster {
        access: Access::Default,
        context: None,
    };
    let cluster = connections.clusters.get(&way.cluster).unwrap_or(&fallback).clone();
    let (reply, opened) = answer(clock);
    let (runtime, on) = (Handle::current(), clock.clone());
    // Not one of the runtime's threads: those are waited for when the program ends.
    drop(std::thread::spawn(move || {
        let opening = Connection::open(&cluster.access, cluster.context.as_deref(), on);
        reply.send(runtime.block_on(opening));
    }));
    match within(&**clock, limit, unseen(&**clock, opened.recv())).await {
        Ok(Ok(opened)) => opened.map_err(|e| failed(&way.cluster, e)),
        Ok(Err(gone)) => Err(failed(&way.cluster, gone)),
        Err(_) => Err(failed(
            &way.cluster,
            format!(
                "the program that its kubeconfig names for credentials did not end within {} s. Try the same context with \
                 `kubectl version`",
                limit.as_secs()
            ),
        )),
    }
}

/// Every cluster of a plan that can be opened within `limit`, all at once; of the others, why not.
async fn clusters(
    plan: &Parsed,
    connections: &Connections,
    clock: &SharedClock,
    limit: Duration,
) -> BTreeMap<String, Result<Connection, BridgeError>> {
    let mut ways = BTreeMap::new();
    for config in &plan.targets {
        match &config.way {
            Way::VirtualService(way) => {
                ways.entry(&way.cluster).or_insert(way);
            }
            Way::NumberShare(_) => {}
        }
    }
    let opening = ways
        .into_iter()
        .map(async |(name, way)| (name.clone(), open(way, connections, clock, limit).await));
    join_all(opening).await.into_iter().collect()
}

fn virtual_service(
    id: &TargetId,
    way: &VirtualServiceConfig,
    connection: Connection,
) -> Result<VirtualService, BridgeError> {
    let destination = |d: &timonel_plan::parsed::Destination| Destination {
        host: d.host.clone(),
        subset: d.subset.clone(),
    };
    let spec = Spec {
        id: id.clone(),
        namespace: way.namespace.clone(),
        name: way.name.clone(),
        routes: way.routes.clone(),
        stable: destination(&way.stable),
        canary: destination(&way.canary),
    };
    VirtualService::new(spec, connection).map_err(|e| failed(id.as_str(), e))
}

fn number_share(plan: &Parsed, id: &TargetId, way: &NumberShareConfig) -> number_share::Spec {
    let tenants = plan.tenants.iter();
    number_share::Spec {
        id: id.clone(),
        stable: ConnectionId::new(way.stable.clone()),
        canary: ConnectionId::new(way.canary.clone()),
        except: way.except.iter().cloned().collect(),
        tenants: tenants
            .map(|t| (t.id.clone(), t.numbers.iter().cloned().collect()))
            .collect(),
        salt: plan.plan.id.to_string(),
        volume_days: way.volume_days,
    }
}

fn source(
    config: &SourceConfig,
    plan: &Parsed,
    connections: &Connections,
    http: &Client,
) -> Result<Arc<dyn Source>, BridgeError> {
    let signals = || read_at(config, plan, connections);
    let gap = config.interval * 10;
    if let (SourceKind::Telnyx, Some(account)) = (config.kind, &config.account) {
        let account = connections.account(plan, account, http.clock())?;
        let interval = config.interval;
        let specs = signals().flat_map(record_specs).collect();
        let source = Records::new(account, records::Timing { interval, gap }, specs);
        return Ok(Arc::new(source.map_err(|e| failed(&config.name, e))?));
    }
    let url = connections
        .sources
        .get(&config.name)
        .or(config.url.as_ref())
        .ok_or_else(|| BridgeError::Connect {
            what: config.name.clone(),
            why: format!(
                "environment `{}` has no address for it; add it under [environments]",
                plan.plan.environment
            ),
        })?;
    let endpoint = Endpoint::new(url).map_err(|e| failed(&config.name, e))?;
    let interval = config.interval;
    let timing = Timing { interval, gap };
    let mut specs = Vec::new();
    for signal in signals() {
        specs.extend(signal_specs(signal)?);
    }
    let source: Arc<dyn Source> = match config.kind {
        SourceKind::Prometheus => {
            Arc::new(Prometheus::new(http.clone(), endpoint, timing, specs).map_err(|e| failed(&config.name, e))?)
        }
        SourceKind::Scrape => {
            Arc::new(Scrape::new(http.clone(), endpoint, timing, specs).map_err(|e| failed(&config.name, e))?)
        }
        SourceKind::Telnyx => return Err(failed(&config.name, "the plan names no account for it")),
    };
    Ok(source)
}

/// What a signal's queries read from a Prometheus or an exposition; an error where a selector is none.
pub(crate) fn signal_specs(config: &SignalConfig) -> Result<Vec<SignalSpec>, BridgeError> {
    let selector = |text: &str| text.parse::<Selector>().map_err(|e| failed(config.id.as_str(), e));
    let mut out = Vec::new();
    for query in &config.queries {
        let measure = match &query.query {
            Query::Ratio { bad, total } => Measure::Ratio {
                bad: selector(bad)?,
                total: selector(total)?,
            },
            Query::Distribution { buckets } => Measure::Distribution {
                buckets: selector(buckets)?,
            },
            Query::Count { counter } => Measure::Count {
                counter: selector(counter)?,
            },
            Query::Level { expr } => Measure::Level { expr: expr.clone() },
            Query::Records { .. } => {
                return Err(failed(
                    config.id.as_str(),
                    "records are read from a source of kind `telnyx`",
                ));
            }
        };
        out.push(SignalSpec {
            id: config.id.clone(),
            side: query.side,
            measure,
        });
    }
    Ok(out)
}

fn record_specs(config: &SignalConfig) -> Vec<RecordSpec> {
    let mut out = Vec::new();
    for query in &config.queries {
        let Query::Records { kind, connection } = &query.query else {
            continue;
        };
        out.push(RecordSpec {
            id: config.id.clone(),
            side: query.side,
            kind: of_telnyx(*kind),
            connection: connection.clone().map(ConnectionId::new),
        });
    }
    out
}

fn of_telnyx(kind: Kind) -> RecordsKind {
    match kind {
        Kind::WebhookDeliveries => RecordsKind::WebhookDeliveries,
        Kind::ActiveCalls => RecordsKind::ActiveCalls,
        Kind::InitiatedCalls => RecordsKind::InitiatedCalls,
        Kind::CallEvents => RecordsKind::CallEvents,
        Kind::DetailRecords => RecordsKind::DetailRecords,
        Kind::UsageReports => RecordsKind::UsageReports,
        Kind::Balance => RecordsKind::Balance,
    }
}

pub(crate) fn failed(what: &str, error: impl std::fmt::Display) -> BridgeError {
    BridgeError::Connect {
        what: what.to_owned(),
        why: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use timonel_ports::clock::SystemClock;

    use super::*;

    /// A kubeconfig whose credential program goes on for as long as `folder` is there.
    fn with_a_program_that_hangs(folder: &std::path::Path) -> std::path::PathBuf {
        let script = format!("while [ -e '{}' ]; do sleep 0.1; done", folder.display());
        let kubeconfig = serde_json::json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:9"}}],
            "contexts": [{"name": "simulator", "context": {"cluster": "c", "user": "u"}}],
            "users": [{"name": "u", "user": {"exec": {
                "apiVersion": "client.authentication.k8s.io/v1",
                "command": "/bin/sh",
                "args": ["-c", script],
                "interactiveMode": "Never",
            }}}],
        });
        let path = folder.join("kubeconfig");
        std::fs::write(&path, kubeconfig.to_string()).unwrap();
        path
    }

    #[tokio::test]
    async fn a_cluster_whose_credentials_hang_keeps_nobody_waiting() {
        const SOON: Duration = Duration::from_secs(20);
        let folder = tempfile::tempdir().unwrap();
        let plan = timonel_plan::check(include_str!("../tests/product/data/short.toml"));
        let plan = plan.value.unwrap().in_environment("prueba").unwrap();
        let kubeconfig = with_a_program_that_hangs(folder.path());
        let connections = Connections::of_environment(&plan, Some(kubeconfig));
        let clock = SystemClock::shared();
        let made = within(
            &*clock,
            SOON,
            targets_in_time(&plan, &connections, &Kits::Nowhere, &clock),
        )
        .await;
        let made = made.expect("it does not wait for the program");
        assert_eq!(made.len(), plan.targets.len());
        for target in made {
            let told = target.read().await.unwrap_err().to_string();
            assert!(told.contains("did not end within 3 s"), "{told}");
        }
    }

    /// A plan that thought its records fresher than they are would show them as late.
    #[test]
    fn a_plan_knows_how_far_records_are_behind() {
        let all = [
            Kind::WebhookDeliveries,
            Kind::ActiveCalls,
            Kind::InitiatedCalls,
            Kind::CallEvents,
            Kind::DetailRecords,
            Kind::UsageReports,
            Kind::Balance,
        ];
        assert_eq!(all.map(of_telnyx), RecordsKind::ALL);
        for kind in all {
            assert_eq!(kind.lag(), of_telnyx(kind).lag(), "{kind:?}");
        }
    }
}
