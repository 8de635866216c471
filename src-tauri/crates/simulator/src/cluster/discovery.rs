//! What the cluster says about itself: groups, versions, resources, its own version, health.
//!
//! Not here: aggregated discovery and OpenAPI; clients fall back to these documents.

use serde_json::{Value, json};

use super::kind::{KINDS, Kind};

/// Groups that hold reviews only.
const REVIEWS: [&str; 2] = ["authentication.k8s.io", "authorization.k8s.io"];

/// The document at `path`, `None` where there is none.
pub(super) fn document(path: &str) -> Option<Value> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    match parts.as_slice() {
        ["api"] => Some(json!({
            "kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1"}],
        })),
        ["apis"] => {
            let groups: Vec<Value> = groups().into_iter().filter_map(group).collect();
            Some(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}))
        }
        ["apis", name] => {
            let mut group = group(name)?;
            group["kind"] = "APIGroup".into();
            group["apiVersion"] = "v1".into();
            Some(group)
        }
        ["api", version] => resources("", version),
        ["apis", group, version] => resources(group, version),
        ["version"] => Some(json!({
            "major": "1", "minor": "36", "emulationMajor": "1", "emulationMinor": "36", "minCompatibilityMajor": "1",
            "minCompatibilityMinor": "35", "gitVersion": "v1.36.2", "gitCommit": "98b35193b2ac7a23a673325f5e9b830ecd5ba406",
            "gitTreeState": "clean", "buildDate": "2026-08-21T00:00:00Z", "goVersion": "go1.26.6", "compiler": "gc",
            "platform": "linux/amd64",
        })),
        _ => None,
    }
}

/// Whether `path` is one that answers `ok`.
pub(super) fn is_health(path: &str) -> bool {
    matches!(path, "/readyz" | "/livez" | "/healthz")
}

fn groups() -> Vec<&'static str> {
    let mut groups: Vec<&str> = KINDS
        .iter()
        .map(|k| k.group)
        .filter(|group| !group.is_empty())
        .chain(REVIEWS)
        .collect();
    groups.sort_unstable();
    groups.dedup();
    groups
}

fn versions(group: &str) -> &'static [&'static str] {
    if REVIEWS.contains(&group) {
        return &["v1"];
    }
    KINDS.iter().find(|k| k.group == group).map_or(&[], |k| k.versions)
}

fn group(name: &str) -> Option<Value> {
    if name.is_empty() {
        return None;
    }
    let versions: Vec<Value> = versions(name)
        .iter()
        .map(|v| json!({"groupVersion": format!("{name}/{v}"), "version": v}))
        .collect();
    let preferred = versions.first()?.clone();
    Some(json!({"name": name, "versions": versions, "preferredVersion": preferred}))
}

fn resources(group: &str, version: &str) -> Option<Value> {
    if !versions(group).contains(&version) {
        return None;
    }
    let review = |name: &str, kind: &str| json!({"name": name, "singularName": kind.to_lowercase(), "namespaced": false, "kind": kind, "verbs": ["create"]});
    let list: Vec<Value> = match group {
        "authentication.k8s.io" => vec![review("selfsubjectreviews", "SelfSubjectReview")],
        "authorization.k8s.io" => vec![review("selfsubjectaccessreviews", "SelfSubjectAccessReview")],
        _ => KINDS.iter().filter(|k| k.group == group).flat_map(resource).collect(),
    };
    let group_version = if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    };
    Some(json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": list}))
}

fn resource(kind: &Kind) -> Vec<Value> {
    let mut list = vec![json!({
        "name": kind.plural, "singularName": kind.singular, "namespaced": true, "kind": kind.kind,
        "shortNames": kind.short, "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"],
    })];
    if kind.has_status {
        list.push(json!({
            "name": format!("{}/status", kind.plural), "singularName": "", "namespaced": true, "kind": kind.kind,
            "verbs": ["get", "patch", "update"],
        }));
    }
    list
}
