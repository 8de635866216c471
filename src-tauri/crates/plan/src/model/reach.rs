//! The part of the model that says how the outside is reached: sources, notices, environments. Targets are in `target`.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::text::DurationText;

/// Which adapter reads a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// A Prometheus server's query API.
    Prometheus,
    /// An exposition endpoint (`/metrics`) itself.
    Scrape,
    /// The records that a Telnyx account keeps of its calls.
    Telnyx,
}

impl SourceKind {
    /// The word in plan files.
    pub fn name(self) -> &'static str {
        match self {
            SourceKind::Prometheus => "prometheus",
            SourceKind::Scrape => "scrape",
            SourceKind::Telnyx => "telnyx",
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
#[schemars(transform = account_by_kind)]
pub struct SourceFile {
    /// Which kind of endpoint it is; its address, or its account's credential, is the environment's.
    pub kind: SourceKind,
    /// How often it is read.
    pub interval: DurationText,
    /// The name of a connection to an account: for `telnyx`, and for no other kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

/// A source of kind `telnyx` has an account, and no other has one.
fn account_by_kind(schema: &mut Schema) {
    let rule = json!({
        "if": { "properties": { "kind": { "const": SourceKind::Telnyx.name() } } },
        "then": { "required": ["account"] },
        "else": { "properties": { "account": false } },
    });
    schema.insert("allOf".to_owned(), json!([rule]));
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
    expecting = "a table with `clusters`, `accounts` and `sources`"
)]
pub struct EnvironmentFile {
    /// Connections to clusters, by the name that targets use.
    pub clusters: BTreeMap<String, ClusterFile>,
    /// Connections to accounts, by the name that targets and sources use.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub accounts: BTreeMap<String, AccountFile>,
    /// Addresses of sources, by name. A source of an account needs none.
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

/// A connection to an account of a provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename = "Account",
    expecting = "a table such as { credential = \"telnyx-produccion\" }"
)]
pub struct AccountFile {
    /// The name under which Conexiones keeps the key. Never the key itself.
    pub credential: String,
    /// Another address than the provider's own, such as a proxy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
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
