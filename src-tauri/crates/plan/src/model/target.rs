//! The part of the model that says what holds a weight, and whose calls move together: targets and tenants.
//!
//! A target is one table with the fields of every kind. Which of them a kind needs, and which mean nothing to it, is said
//! once, in [`TargetKind::fields`]: `convert` holds a file against it, and the JSON Schema is made from it.

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

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
    /// A share of the numbers of a Telnyx account.
    #[serde(rename = "telnyx.number-share")]
    NumberShare,
}

/// The fields that something of one kind must have, and those that it may have besides.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields {
    pub(crate) needs: &'static [&'static str],
    pub(crate) may_have: &'static [&'static str],
}

impl Fields {
    pub(crate) fn known(self) -> impl Iterator<Item = &'static str> {
        self.needs.iter().chain(self.may_have).copied()
    }
}

impl TargetKind {
    /// All of them.
    pub(crate) const ALL: [TargetKind; 2] = [TargetKind::VirtualService, TargetKind::NumberShare];

    /// The word in plan files.
    pub fn name(self) -> &'static str {
        match self {
            TargetKind::VirtualService => "kubernetes.virtual-service",
            TargetKind::NumberShare => "telnyx.number-share",
        }
    }

    /// The fields of a target beside `id`, `role`, `kind` and `call_path`.
    pub(crate) fn fields(self) -> Fields {
        match self {
            TargetKind::VirtualService => Fields {
                needs: &["cluster", "namespace", "name", "routes", "stable", "canary"],
                may_have: &["pins", "http"],
            },
            TargetKind::NumberShare => Fields {
                needs: &["account", "stable", "canary"],
                may_have: &["pins", "except", "volume_days"],
            },
        }
    }

    /// The fields of its `stable` and `canary`.
    pub(crate) fn destination_fields(self) -> Fields {
        match self {
            TargetKind::VirtualService => Fields {
                needs: &["host"],
                may_have: &["subset"],
            },
            TargetKind::NumberShare => Fields {
                needs: &["application"],
                may_have: &[],
            },
        }
    }

    /// Whether a target of this kind can put one tenant on stable by itself.
    pub fn can_pin(self) -> bool {
        match self {
            TargetKind::VirtualService => false,
            TargetKind::NumberShare => true,
        }
    }
}

/// A control plane that holds a weight. `kind` says which of the fields are needed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "Target", expecting = "a table [[targets]]")]
#[schemars(transform = by_kind)]
pub struct TargetFile {
    /// Its id within the plan.
    pub id: String,
    /// What it does for the rollout.
    pub role: RoleWord,
    /// Which adapter reaches it.
    pub kind: TargetKind,
    /// The way of a call that it stands in, in your own words. Two splitters never share one.
    pub call_path: String,
    /// The name of a connection to a cluster; each environment says which kubeconfig context it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The object's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The object's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The names of the routes whose weights are written (`spec.http[].name`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routes: Option<Vec<String>>,
    /// The name of a connection to an account; each environment says which credential opens it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Where the old version is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stable: Option<DestinationFile>,
    /// Where the new version is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<DestinationFile>,
    /// Whether it shall put one tenant on stable by itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pins: bool,
    /// Numbers in E.164 that are never moved and count for nothing, such as test lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
    /// Over how many days the calls of each number are counted; 14 where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_days: Option<u16>,
    /// The manifest's `spec.http` as it stands in your repository, in TOML. Not needed to run: it is checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<serde_json::Value>>")]
    pub http: Option<toml::Value>,
}

impl TargetFile {
    /// The fields that were written, of those that depend on the kind.
    pub(crate) fn given(&self) -> Vec<&'static str> {
        let fields = [
            ("cluster", self.cluster.is_some()),
            ("namespace", self.namespace.is_some()),
            ("name", self.name.is_some()),
            ("routes", self.routes.is_some()),
            ("account", self.account.is_some()),
            ("stable", self.stable.is_some()),
            ("canary", self.canary.is_some()),
            ("pins", self.pins),
            ("except", !self.except.is_empty()),
            ("volume_days", self.volume_days.is_some()),
            ("http", self.http.is_some()),
        ];
        fields
            .into_iter()
            .filter_map(|(key, given)| given.then_some(key))
            .collect()
    }
}

/// Where one version is reached: a destination of a mesh route, or an application of an account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename = "Destination",
    expecting = "a table such as { host = \"casos-service\", subset = \"stable\" } or { application = \"2150000000000000001\" }"
)]
pub struct DestinationFile {
    /// The service's host as the route names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The subset, where the route names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subset: Option<String>,
    /// The id of a TeXML application, as the account shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
}

impl DestinationFile {
    /// The fields that were written.
    pub(crate) fn given(&self) -> Vec<&'static str> {
        let fields = [
            ("host", self.host.is_some()),
            ("subset", self.subset.is_some()),
            ("application", self.application.is_some()),
        ];
        fields
            .into_iter()
            .filter_map(|(key, given)| given.then_some(key))
            .collect()
    }
}

/// Somebody whose calls move, or stay on stable, together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "Tenant", expecting = "a table [[tenants]]")]
pub struct TenantFile {
    /// Its id within the plan.
    pub id: String,
    /// For people.
    pub name: String,
    /// Its numbers in E.164: `+34910000101`.
    pub numbers: Vec<String>,
    /// Whether it stays on stable from the start, until a person lets it go.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pinned: bool,
}

/// For each kind: what it needs, and that what only others know is not there.
fn by_kind(schema: &mut Schema) {
    let rules = TargetKind::ALL.map(|kind| {
        let mut then = shape(kind, TargetKind::fields);
        let side = Value::Object(shape(kind, TargetKind::destination_fields));
        if let Some(Value::Object(properties)) = then.get_mut("properties") {
            properties.insert("stable".to_owned(), side.clone());
            properties.insert("canary".to_owned(), side);
        }
        json!({
            "if": { "properties": { "kind": { "const": kind.name() } } },
            "then": then,
        })
    });
    schema.insert("allOf".to_owned(), Value::from(rules.to_vec()));
}

fn shape(kind: TargetKind, fields: fn(TargetKind) -> Fields) -> Map<String, Value> {
    let own = fields(kind);
    let foreign: Map<String, Value> = TargetKind::ALL
        .into_iter()
        .flat_map(|other| fields(other).known())
        .filter(|key| own.known().all(|known| known != *key))
        .map(|key| (key.to_owned(), Value::Bool(false)))
        .collect();
    let mut shape = Map::new();
    shape.insert("properties".to_owned(), Value::Object(foreign));
    shape.insert("required".to_owned(), json!(own.needs));
    shape
}
