//! From a parsed plan and its connections to targets and sources: the one place that knows which adapter serves which kind.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use timonel_http::{Client, Limits};
use timonel_kubernetes::{Access, Connection, Destination, Spec, VirtualService};
use timonel_plan::model::{SourceKind, TargetKind};
use timonel_plan::parsed::{Parsed, Query, SignalConfig, SourceConfig, TargetConfig};
use timonel_ports::clock::SharedClock;
use timonel_ports::signal::Source;
use timonel_ports::target::Target;
use timonel_prometheus::{Endpoint, Measure, Prometheus, Scrape, Selector, SignalSpec, Timing};

use crate::BridgeError;

/// A source that answers later than this is gone for this reading.
const SOURCE_DEADLINE: Duration = Duration::from_secs(4);

/// How the clusters and sources of a plan are reached in one environment.
#[derive(Debug, Clone, Default)]
pub struct Connections {
    /// How each cluster is reached, by the name that targets use; others go by the person's own kubeconfig.
    pub clusters: BTreeMap<String, Cluster>,
    /// Addresses of sources that stand in for the plan's own, by name.
    pub sources: BTreeMap<String, String>,
}

/// How a cluster is reached.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// Where its address and credentials come from.
    pub access: Access,
    /// The kubeconfig's context; its current one where none is given.
    pub context: Option<String>,
}

impl Connections {
    /// What the plan's environment says, over the kubeconfig in `kubeconfig` or the one `kubectl` would use.
    pub fn of_environment(plan: &Parsed, kubeconfig: Option<PathBuf>) -> Self {
        let access = kubeconfig.map_or(Access::Default, Access::File);
        let cluster = |t: &TargetConfig| Cluster {
            access: access.clone(),
            context: plan.context_of(t).map(str::to_owned),
        };
        Self {
            clusters: plan.targets.iter().map(|t| (t.cluster.clone(), cluster(t))).collect(),
            sources: BTreeMap::new(),
        }
    }
}

/// Every target of a plan, in its order. Sends nothing.
pub async fn targets(
    plan: &Parsed,
    connections: &Connections,
    clock: &SharedClock,
) -> Result<Vec<Arc<dyn Target>>, BridgeError> {
    let mut clusters: BTreeMap<&str, Connection> = BTreeMap::new();
    let mut targets: Vec<Arc<dyn Target>> = Vec::new();
    for config in &plan.targets {
        if !clusters.contains_key(config.cluster.as_str()) {
            clusters.insert(&config.cluster, open(config, connections, clock).await?);
        }
        let connection = clusters[config.cluster.as_str()].clone();
        targets.push(match config.kind {
            TargetKind::VirtualService => Arc::new(virtual_service(config, connection)?),
        });
    }
    Ok(targets)
}

/// A source with how often it is read.
pub type Rhythmic = (Arc<dyn Source>, Duration);

/// Every source of a plan. Apart from the targets, because putting traffic back waits for no source. Sends nothing.
pub fn sources(plan: &Parsed, connections: &Connections, clock: &SharedClock) -> Result<Vec<Rhythmic>, BridgeError> {
    let limits = Limits {
        deadline: SOURCE_DEADLINE,
        ..Limits::default()
    };
    let http = Client::new(clock.clone(), limits).map_err(|e| failed("HTTP", e))?;
    let mut sources = Vec::new();
    for config in &plan.sources {
        sources.push((source(config, plan, connections, &http)?, config.interval));
    }
    Ok(sources)
}

async fn open(
    config: &TargetConfig,
    connections: &Connections,
    clock: &SharedClock,
) -> Result<Connection, BridgeError> {
    let fallback = Cluster {
        access: Access::Default,
        context: None,
    };
    let cluster = connections.clusters.get(&config.cluster).unwrap_or(&fallback);
    Connection::open(&cluster.access, cluster.context.as_deref(), clock.clone())
        .await
        .map_err(|e| failed(&config.cluster, e))
}

fn virtual_service(config: &TargetConfig, connection: Connection) -> Result<VirtualService, BridgeError> {
    let destination = |d: &timonel_plan::parsed::Destination| Destination {
        host: d.host.clone(),
        subset: d.subset.clone(),
    };
    let spec = Spec {
        id: config.id.clone(),
        namespace: config.namespace.clone(),
        name: config.name.clone(),
        routes: config.routes.clone(),
        stable: destination(&config.stable),
        canary: destination(&config.canary),
    };
    VirtualService::new(spec, connection).map_err(|e| failed(config.id.as_str(), e))
}

fn source(
    config: &SourceConfig,
    plan: &Parsed,
    connections: &Connections,
    http: &Client,
) -> Result<Arc<dyn Source>, BridgeError> {
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
    let timing = Timing {
        interval: config.interval,
        gap: config.interval * 10,
    };
    let mut specs = Vec::new();
    for signal in plan.signals.iter().filter(|s| s.source == config.name) {
        specs.extend(signal_specs(signal)?);
    }
    let source: Arc<dyn Source> = match config.kind {
        SourceKind::Prometheus => {
            Arc::new(Prometheus::new(http.clone(), endpoint, timing, specs).map_err(|e| failed(&config.name, e))?)
        }
        SourceKind::Scrape => {
            Arc::new(Scrape::new(http.clone(), endpoint, timing, specs).map_err(|e| failed(&config.name, e))?)
        }
    };
    Ok(source)
}

fn signal_specs(config: &SignalConfig) -> Result<Vec<SignalSpec>, BridgeError> {
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
        };
        out.push(SignalSpec {
            id: config.id.clone(),
            side: query.side,
            measure,
        });
    }
    Ok(out)
}

fn failed(what: &str, error: impl std::fmt::Display) -> BridgeError {
    BridgeError::Connect {
        what: what.to_owned(),
        why: error.to_string(),
    }
}
