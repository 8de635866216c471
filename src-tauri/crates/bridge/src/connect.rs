//! From a parsed plan and its connections to targets and sources: the one place that knows which adapter serves which kind.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use secrecy::SecretString;
use timonel_domain::value::{RolloutId, TargetId};
use timonel_http::{Client, Limits};
use timonel_journal::kit::KitFolder;
use timonel_kubernetes::{Access, Connection, Destination, Spec, VirtualService};
use timonel_plan::model::{RecordsKind as Kind, SourceKind};
use timonel_plan::parsed::{
    AccountConfig, NumberShareConfig, Parsed, Query, SignalConfig, SourceConfig, TargetConfig, VirtualServiceConfig,
    Way,
};
use timonel_ports::clock::SharedClock;
use timonel_ports::kit::{InFile, Kit, Memory};
use timonel_ports::secrets::SecretId;
use timonel_ports::signal::Source;
use timonel_ports::target::Target;
use timonel_prometheus::{Endpoint, Measure, Prometheus, Scrape, Selector, SignalSpec, Timing};
use timonel_telnyx::account::{self, Account};
use timonel_telnyx::api::ConnectionId;
use timonel_telnyx::number_share::{self, NumberShare};
use timonel_telnyx::records::{self, RecordSpec, Records, RecordsKind};
use timonel_vault::{ANY_TELNYX_KEY, variable};

use crate::BridgeError;
use crate::credentials::{Credentials, Loaded, TELNYX};

/// A source that answers later than this is gone for this reading.
const SOURCE_DEADLINE: Duration = Duration::from_secs(4);
/// The variable from which manual commands take the address of Telnyx.
const TELNYX_URL: &str = "TELNYX_API_URL";

/// How the clusters, accounts and sources of a plan are reached in one environment.
#[derive(Debug, Clone, Default)]
pub struct Connections {
    /// How each cluster is reached, by the name that targets use; others go by the person's own kubeconfig.
    pub clusters: BTreeMap<String, Cluster>,
    /// How each account is reached, by the name that targets and sources use.
    pub accounts: BTreeMap<String, Key>,
    /// Addresses of sources that stand in for the plan's own, by name.
    pub sources: BTreeMap<String, String>,
    /// Why an account has no key, where a place that may hold it could not be asked.
    without: BTreeMap<String, String>,
    /// One client an account: its targets and its sources share what the provider lets them ask.
    open: Arc<Mutex<BTreeMap<String, Account>>>,
}

/// How a cluster is reached.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// Where its address and credentials come from.
    pub access: Access,
    /// The kubeconfig's context; its current one where none is given.
    pub context: Option<String>,
}

/// How an account is reached.
#[derive(Debug, Clone)]
pub struct Key {
    /// The provider's address.
    pub url: String,
    /// The key.
    pub key: SecretString,
}

impl Key {
    fn new(config: &AccountConfig, key: SecretString) -> Self {
        Self {
            url: config.url.clone().unwrap_or_else(|| TELNYX.to_owned()),
            key,
        }
    }
}

/// The account that a target moves numbers of.
fn account_of(target: &TargetConfig) -> Option<&str> {
    match &target.way {
        Way::NumberShare(way) => Some(&way.account),
        Way::VirtualService(_) => None,
    }
}

/// What a person's bash needs before it takes manual commands of this plan's targets, a line each: they know the variables
/// of Telnyx's own tools, and keys are given to us by other names. No line holds a key.
pub fn preparation(plan: &Parsed) -> Vec<String> {
    let mut lines = Vec::new();
    let accounts = plan.targets.iter().filter_map(account_of);
    for config in accounts.filter_map(|name| plan.account(name)) {
        let own = variable(&config.credential);
        lines.push(format!("export {ANY_TELNYX_KEY}=\"${{{own}:-${ANY_TELNYX_KEY}}}\""));
        let quoted = |url: &String| url.replace('\'', r"'\''");
        lines.extend(
            config
                .url
                .as_ref()
                .map(|url| format!("export {TELNYX_URL}='{}'", quoted(url))),
        );
    }
    lines
}

impl Connections {
    /// Of the given clusters, accounts and sources.
    pub fn new(
        clusters: BTreeMap<String, Cluster>,
        accounts: BTreeMap<String, Key>,
        sources: BTreeMap<String, String>,
    ) -> Self {
        Self {
            clusters,
            accounts,
            sources,
            without: BTreeMap::new(),
            open: Arc::default(),
        }
    }

    /// What the plan's environment says, over the kubeconfig in `kubeconfig` or the one `kubectl` would use. Without the
    /// keys of accounts: see [`Connections::with_keys`].
    pub fn of_environment(plan: &Parsed, kubeconfig: Option<PathBuf>) -> Self {
        let access = kubeconfig.map_or(Access::Default, Access::File);
        let mut connections = Self::default();
        for target in &plan.targets {
            match &target.way {
                Way::VirtualService(way) => {
                    let cluster = Cluster {
                        access: access.clone(),
                        context: plan.context_of(target).map(str::to_owned),
                    };
                    connections.clusters.insert(way.cluster.clone(), cluster);
                }
                Way::NumberShare(_) => {}
            }
        }
        connections
    }

    /// With the keys of all accounts of the plan. They stay in memory as long as these connections and what is opened through
    /// them: done when a rollout is opened, a keychain that is locked later blocks nothing. Waits for no place longer than that
    /// place's own limit, and for all accounts at once. An account without a key says so when it is used; the others work.
    pub async fn with_keys(mut self, plan: &Parsed, credentials: &Credentials) -> Self {
        let of_sources = plan.sources.iter().filter_map(|s| s.account.as_deref());
        let names: BTreeSet<&str> = plan.targets.iter().filter_map(account_of).chain(of_sources).collect();
        let load = async |name: &str| {
            let config = plan.account(name)?;
            let loaded = match SecretId::new(&config.credential) {
                Ok(id) => credentials.load(&id).await.map_err(|e| e.to_string()),
                Err(error) => Err(error.to_string()),
            };
            Some((name.to_owned(), config, loaded))
        };
        let all = join_all(names.into_iter().map(load)).await;
        for (name, config, loaded) in all.into_iter().flatten() {
            match loaded {
                Ok(Some(Loaded { secret, .. })) => {
                    self.accounts.insert(name, Key::new(config, secret));
                }
                Ok(None) => {}
                Err(why) => {
                    self.without.insert(name, why);
                }
            }
        }
        self
    }

    /// The same, with something in the place of every key that nobody gave: enough for what asks nobody.
    pub(crate) fn without_asking(&self, plan: &Parsed) -> Self {
        let mut all = Self::new(self.clusters.clone(), self.accounts.clone(), self.sources.clone());
        let accounts = plan.targets.iter().filter_map(account_of);
        for (name, config) in accounts.filter_map(|name| Some((name, plan.account(name)?))) {
            let unknown = || Key::new(config, "nobody-gave-it".into());
            all.accounts.entry(name.to_owned()).or_insert_with(unknown);
        }
        all
    }

    /// The client of an account, the same for all who ask.
    fn account(&self, plan: &Parsed, name: &str, clock: &SharedClock) -> Result<Account, BridgeError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(account) = open.get(name) {
            return Ok(account.clone());
        }
        let key = self
            .accounts
            .get(name)
            .ok_or_else(|| match (plan.account(name), self.without.get(name)) {
                (Some(config), Some(why)) => BridgeError::Connect {
                    what: format!("account {name}"),
                    why: format!("{why}; or set {}", variable(&config.credential)),
                },
                (Some(config), None) => BridgeError::NoKey {
                    account: name.to_owned(),
                    variable: variable(&config.credential),
                    instead: ANY_TELNYX_KEY,
                },
                (None, _) => BridgeError::Connect {
                    what: format!("account {name}"),
                    why: format!(
                        "environment `{}` does not say how to reach it; add it under [environments]",
                        plan.plan.environment
                    ),
                },
            })?;
        let access = account::Access {
            name: name.to_owned(),
            base: key.url.clone(),
            key: key.key.clone(),
        };
        let account = Account::new(clock.clone(), access).map_err(|e| failed(name, e))?;
        open.insert(name.to_owned(), account.clone());
        Ok(account)
    }
}

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

/// Every target of a plan, in its order. Sends nothing.
pub async fn targets(
    plan: &Parsed,
    connections: &Connections,
    kits: &Kits,
    clock: &SharedClock,
) -> Result<Vec<Arc<dyn Target>>, BridgeError> {
    let mut clusters: BTreeMap<&str, Connection> = BTreeMap::new();
    let mut targets: Vec<Arc<dyn Target>> = Vec::new();
    for config in &plan.targets {
        targets.push(match &config.way {
            Way::VirtualService(way) => {
                if !clusters.contains_key(way.cluster.as_str()) {
                    clusters.insert(&way.cluster, open(way, connections, clock).await?);
                }
                let connection = clusters[way.cluster.as_str()].clone();
                Arc::new(virtual_service(&config.id, way, connection)?)
            }
            Way::NumberShare(way) => {
                let account = connections.account(plan, &way.account, clock)?;
                let kit = kits.of(&config.id, clock);
                let target = NumberShare::new(number_share(plan, &config.id, way), account, kit);
                // A rollback may be the first thing that is wanted of it.
                target.recall().await;
                Arc::new(target)
            }
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
    way: &VirtualServiceConfig,
    connections: &Connections,
    clock: &SharedClock,
) -> Result<Connection, BridgeError> {
    let fallback = Cluster {
        access: Access::Default,
        context: None,
    };
    let cluster = connections.clusters.get(&way.cluster).unwrap_or(&fallback);
    Connection::open(&cluster.access, cluster.context.as_deref(), clock.clone())
        .await
        .map_err(|e| failed(&way.cluster, e))
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
    let signals = || plan.signals.iter().filter(|s| s.source == config.name);
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

fn failed(what: &str, error: impl std::fmt::Display) -> BridgeError {
    BridgeError::Connect {
        what: what.to_owned(),
        why: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
