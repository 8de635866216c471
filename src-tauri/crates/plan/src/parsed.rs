//! A plan file after parsing: what the rules need (`domain::plan::Plan`) and, as plain data, what adapters need to
//! reach each target, source and signal. Deliberately no secrets: credentials are named in Conexiones, never in files.

use std::collections::BTreeMap;
use std::time::Duration;

use timonel_domain::metric::Metric;
use timonel_domain::plan::{Plan, Role, Severity};
use timonel_domain::value::{Side, SignalId, TargetId};

use crate::model::{SourceKind, TargetKind};

/// The environment that is always there: the simulator's world. A plan file cannot define it.
pub const SIMULATOR: &str = "simulador";

/// A plan, ready to be run in one of its environments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// What the rules see. Its `environment` is the plan's default until [`Parsed::in_environment`] chooses.
    pub plan: Plan,
    /// How to reach each target, in the order of the file.
    pub targets: Vec<TargetConfig>,
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
    /// Its address in the chosen environment; `None` until one is chosen, and in the simulator, which knows its own.
    pub url: Option<String>,
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
    /// Addresses by the name of the source.
    pub sources: BTreeMap<String, String>,
    /// Stands in for the namespace of every target, where the environment has its own.
    pub namespace: Option<String>,
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
                target.namespace.clone_from(&namespace);
            }
        }
        self.plan.environment = name.to_owned();
        Ok(self)
    }

    /// The kubeconfig's context for a target in the chosen environment; `None` in the simulator.
    pub fn context_of(&self, target: &TargetConfig) -> Option<&str> {
        self.environments
            .get(&self.plan.environment)?
            .clusters
            .get(&target.cluster)
            .map(String::as_str)
    }
}
