//! A plan file after parsing: what the rules need (`domain::plan::Plan`) and, as plain data, what adapters need to
//! reach each target, source and signal. Deliberately no secrets: credentials are named in Conexiones, never in files.

use std::collections::BTreeMap;
use std::time::Duration;

use timonel_domain::metric::Metric;
use timonel_domain::plan::{Plan, Role, Severity};
use timonel_domain::value::{Side, SignalId, TargetId, TenantId};

use crate::model::{RecordsKind, SourceKind, TargetKind};

/// The environment that is always there: the simulator's world. A plan file cannot define it.
pub const SIMULATOR: &str = "simulador";

/// A plan, ready to be run in one of its environments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// What the rules see. Its `environment` is the plan's default until [`Parsed::in_environment`] chooses.
    pub plan: Plan,
    /// How to reach each target, in the order of the file.
    pub targets: Vec<TargetConfig>,
    /// Whose numbers are whose, in the order of the file.
    pub tenants: Vec<TenantConfig>,
    /// How to reach each source, by name.
    pub sources: Vec<SourceConfig>,
    /// What to read for each signal, in the order of the file.
    pub signals: Vec<SignalConfig>,
    /// Who is told what.
    pub notices: Vec<NoticeRoute>,
    /// The environments that the file defines; [`SIMULATOR`] exists besides.
    pub environments: BTreeMap<String, Environment>,
}

/// How to reach a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetConfig {
    /// Its id in the plan.
    pub id: TargetId,
    /// What it does for the rollout.
    pub role: Role,
    /// Which adapter reaches it.
    pub kind: TargetKind,
    /// The call path that it stands in; two splitters never share one.
    pub call_path: String,
    /// What is written, and where.
    pub way: Way,
}

/// What a target writes, and where, by its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// Weights of an Istio VirtualService.
    VirtualService(VirtualServiceConfig),
    /// Which application the numbers of a Telnyx account are connected to.
    NumberShare(NumberShareConfig),
}

/// The routes of a VirtualService.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtualServiceConfig {
    /// The name of the connection to its cluster.
    pub cluster: String,
    /// The namespace of the object.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// The named routes whose weights are written; all others stay untouched.
    pub routes: Vec<String>,
    /// Where the old version is reached.
    pub stable: Destination,
    /// Where the new version is reached.
    pub canary: Destination,
}

/// The applications between which numbers move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberShareConfig {
    /// The name of the connection to the account.
    pub account: String,
    /// The id of the old version's TeXML application.
    pub stable: String,
    /// The id of the new version's TeXML application.
    pub canary: String,
    /// Numbers in E.164 that are never moved and count for nothing.
    pub except: Vec<String>,
    /// Over how many days the calls of each number are counted.
    pub volume_days: u16,
}

/// Somebody with their numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantConfig {
    /// Its id in the plan.
    pub id: TenantId,
    /// For people.
    pub name: String,
    /// In E.164.
    pub numbers: Vec<String>,
    /// Whether it stays on stable from the start, until a person lets it go.
    pub pinned: bool,
}

/// A destination of a mesh route.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Destination {
    /// The service's host as the route names it.
    pub host: String,
    /// The subset, where the route names one.
    pub subset: Option<String>,
}

/// How to reach a source of metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceConfig {
    /// Its name in the plan.
    pub name: String,
    /// Which adapter reaches it.
    pub kind: SourceKind,
    /// How often it is read.
    pub interval: Duration,
    /// Its address in the chosen environment; `None` until one is chosen, in the simulator, which knows its own, and where the
    /// source is an account.
    pub url: Option<String>,
    /// The name of the connection to its account, where its kind has one.
    pub account: Option<String>,
}

/// What to read for a signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignalConfig {
    /// Its id in the plan.
    pub id: SignalId,
    /// The name of its source.
    pub source: String,
    /// What it measures.
    pub metric: Metric,
    /// How often it is read.
    pub interval: Duration,
    /// One query for each side that it delivers.
    pub queries: Vec<SideQuery>,
}

/// What to read for one side of a signal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SideQuery {
    /// Whose value.
    pub side: Side,
    /// The selectors, `{arm}` already replaced.
    pub query: Query,
}

/// What is read. Selectors are in PromQL's form, such as `http_requests_total{status=~"5.."}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Query {
    /// Two counters; their increases are the bad units and all units.
    Ratio {
        /// Selects the counters of units with the bad (or looked-for) outcome.
        bad: String,
        /// Selects the counters of all units.
        total: String,
    },
    /// A histogram.
    Distribution {
        /// Selects the counters named `…_bucket`.
        buckets: String,
    },
    /// A counter; its increase is the number of occurrences.
    Count {
        /// Selects the counters.
        counter: String,
    },
    /// A level.
    Level {
        /// Selects gauges, or an expression over them.
        expr: String,
    },
    /// Records that an account keeps.
    Records {
        /// Which.
        kind: RecordsKind,
        /// Of which application; `None` where they are of the whole account.
        connection: Option<String>,
    },
}

/// What a reading is made of, which decides what may be asked of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    /// Bad units and all units.
    Ratio,
    /// Times by bucket.
    Distribution,
    /// Occurrences.
    Count,
    /// One number.
    Level,
}

impl Query {
    /// What its readings are made of.
    pub fn shape(&self) -> Shape {
        match self {
            Query::Ratio { .. } => Shape::Ratio,
            Query::Distribution { .. } => Shape::Distribution,
            Query::Count { .. } => Shape::Count,
            Query::Level { .. } => Shape::Level,
            Query::Records { kind, .. } => Shape::of(*kind),
        }
    }
}

impl Shape {
    /// What the readings of such records are made of.
    pub fn of(records: RecordsKind) -> Self {
        match records {
            RecordsKind::WebhookDeliveries
            | RecordsKind::CallEvents
            | RecordsKind::DetailRecords
            | RecordsKind::UsageReports => Shape::Ratio,
            RecordsKind::InitiatedCalls => Shape::Count,
            RecordsKind::ActiveCalls | RecordsKind::Balance => Shape::Level,
        }
    }
}

/// One route of notices.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NoticeRoute {
    /// What is told over it.
    pub severity: Severity,
    /// Over which channel.
    pub channel: Channel,
    /// A name that the channel's connection resolves: a Slack channel, a mail address, a rota, a list of numbers.
    pub to: String,
}

/// A channel of notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// A Slack channel.
    Slack,
    /// Mail.
    Email,
    /// A PagerDuty service.
    PagerDuty,
    /// Text messages.
    Sms,
}

/// Where a plan can run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Environment {
    /// Connections to clusters by the name that targets use: the kubeconfig's context.
    pub clusters: BTreeMap<String, String>,
    /// Connections to accounts by the name that targets and sources use.
    pub accounts: BTreeMap<String, AccountConfig>,
    /// Addresses by the name of the source.
    pub sources: BTreeMap<String, String>,
    /// Stands in for the namespace of every target that has one, where the environment has its own.
    pub namespace: Option<String>,
}

/// How to reach an account of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountConfig {
    /// The name under which Conexiones keeps the key.
    pub credential: String,
    /// Another address than the provider's own.
    pub url: Option<String>,
}

/// The plan knows no such environment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the plan has no environment `{name}`. Choose one of: {}", known.join(", "))]
pub struct UnknownEnvironment {
    /// What was asked for.
    pub name: String,
    /// What there is.
    pub known: Vec<String>,
}

impl Parsed {
    /// The same plan in one of its environments: addresses and namespaces are filled in.
    /// Errors where the plan knows no environment of that name.
    pub fn in_environment(mut self, name: &str) -> Result<Self, UnknownEnvironment> {
        let environment = match self.environments.get(name) {
            Some(environment) => environment.clone(),
            None if name == SIMULATOR => Environment::default(),
            None => {
                let known = std::iter::once(SIMULATOR.to_owned())
                    .chain(self.environments.keys().cloned())
                    .collect();
                return Err(UnknownEnvironment {
                    name: name.to_owned(),
                    known,
                });
            }
        };
        for source in &mut self.sources {
            source.url = environment.sources.get(&source.name).cloned();
        }
        if let Some(namespace) = environment.namespace {
            for target in &mut self.targets {
                match &mut target.way {
                    Way::VirtualService(way) => way.namespace.clone_from(&namespace),
                    Way::NumberShare(_) => {}
                }
            }
        }
        self.plan.environment = name.to_owned();
        Ok(self)
    }

    /// The kubeconfig's context for a target in the chosen environment; `None` in the simulator, and for a target of no cluster.
    pub fn context_of(&self, target: &TargetConfig) -> Option<&str> {
        let Way::VirtualService(way) = &target.way else {
            return None;
        };
        self.chosen()?.clusters.get(&way.cluster).map(String::as_str)
    }

    /// How to reach an account, by the name that targets and sources use, in the chosen environment; `None` in the simulator.
    pub fn account(&self, name: &str) -> Option<&AccountConfig> {
        self.chosen()?.accounts.get(name)
    }

    fn chosen(&self) -> Option<&Environment> {
        self.environments.get(&self.plan.environment)
    }
}
