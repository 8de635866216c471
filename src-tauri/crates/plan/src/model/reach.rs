//! The part of the model that says how the outside is reached: sources, targets, notices, environments.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::DurationText;

/// Which adapter reads a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// A Prometheus server's query API.
    Prometheus,
    /// An exposition endpoint (`/metrics`) itself.
    Scrape,
}

impl SourceKind {
    /// The word in plan files.
    pub fn name(self) -> &'static str {
        match self {
            SourceKind::Prometheus => "prometheus",
            SourceKind::Scrape => "scrape",
        }
    }
}

/// Where metrics are read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename = "Source",
    expecting = "a table with `kind` and `interval`"
)]
pub struct SourceFile {
    /// Which kind of endpoint it is; its address is the environment's.
    pub kind: SourceKind,
    /// How often it is read.
    pub interval: DurationText,
}

/// What a target does for the rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename = "Role")]
pub enum RoleWord {
    /// Divides the traffic; exactly one target does.
    Splitter,
    /// Opens (100 %) before the splitter and closes (0 %) after it.
    Follower,
}

/// Which adapter reaches a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum TargetKind {
    /// Weights of an Istio VirtualService.
    #[serde(rename = "kubernetes.virtual-service")]
    VirtualService,
}

impl TargetKind {
    /// The word in plan files.
    pub fn name(self) -> &'static str {
        match self {
            TargetKind::VirtualService => "kubernetes.virtual-service",
        }
    }
}

/// A control plane that holds a weight.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "Target", expecting = "a table [[targets]]")]
pub struct TargetFile {
    /// Its id within the plan.
    pub id: String,
    /// What it does for the rollout.
    pub role: RoleWord,
    /// Which adapter reaches it.
    pub kind: TargetKind,
    /// The way of a call that it stands in, in your own words. Two splitters never share one.
    pub call_path: String,
    /// The name of a connection; each environment says which kubeconfig context it is.
    pub cluster: String,
    /// The object's namespace.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// The names of the routes whose weights are written (`spec.http[].name`).
    pub routes: Vec<String>,
    /// Where the old version is reached.
    pub stable: DestinationFile,
    /// Where the new version is reached.
    pub canary: DestinationFile,
    /// Whether it can put one tenant, number or caller on stable by itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pins: bool,
    /// The manifest's `spec.http` as it stands in your repository, in TOML. Not needed to run: it is checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<serde_json::Value>>")]
    pub http: Option<toml::Value>,
}

/// A destination of a mesh route.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename = "Destination",
    expecting = "a table such as { host = \"casos-service\", subset = \"stable\" }"
)]
pub struct DestinationFile {
    /// The service's host as the route names it.
    pub host: String,
    /// The subset, where the route names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subset: Option<String>,
}

/// Who is told what, by severity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename = "Notices",
    expecting = "tables [notices.critical], [notices.high], [notices.medium], [notices.low]"
)]
pub struct NoticesFile {
    /// Wakes people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub critical: Option<RouteFile>,
    /// Somebody should look now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<RouteFile>,
    /// Somebody should look today.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub medium: Option<RouteFile>,
    /// For the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<RouteFile>,
}

/// Names that the connections resolve; never an address with a secret in it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    default,
    rename = "Route",
    expecting = "a table with slack, email, pagerduty or sms"
)]
pub struct RouteFile {
    /// Slack channels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub slack: Vec<String>,
    /// Mail addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub email: Vec<String>,
    /// PagerDuty services, by the name of the connection.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pagerduty: Vec<String>,
    /// Lists of telephone numbers, by the name of the connection.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sms: Vec<String>,
}

/// Where a plan can run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    default,
    rename = "Environment",
    expecting = "a table with `clusters` and `sources`"
)]
pub struct EnvironmentFile {
    /// Connections to clusters, by the name that targets use.
    pub clusters: BTreeMap<String, ClusterFile>,
    /// Addresses of sources, by name.
    pub sources: BTreeMap<String, AddressFile>,
    /// Stands in for the namespace of every target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// A connection to a cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename = "Cluster",
    expecting = "a table such as { context = \"prod\" }"
)]
pub struct ClusterFile {
    /// The kubeconfig's context.
    pub context: String,
}

/// The address of a source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename = "Address",
    expecting = "a table such as { url = \"http://prometheus:9090\" }"
)]
pub struct AddressFile {
    /// Without credentials: those are named in Conexiones.
    pub url: String,
}
