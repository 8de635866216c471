//! The kinds that are installed, and the paths under which their objects live.
//!
//! A new kind is one row of [`KINDS`]; what is checked about it beyond that stands in `check`.
//! Not here: cluster-scoped kinds. No target needs one.

use std::fmt;

use serde_json::Value;

/// A kind of object, and in what its handling differs from the others'.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// API group, empty for core.
    pub(super) group: &'static str,
    /// Served versions; the first is preferred, and the one objects are kept in.
    pub(super) versions: &'static [&'static str],
    pub(super) kind: &'static str,
    pub(super) plural: &'static str,
    pub(super) singular: &'static str,
    pub(super) short: &'static [&'static str],
    /// Defined by a CRD: no strategic merge, unknown fields pruned.
    pub(super) custom: bool,
    /// `status` is written through `/status` only.
    pub(super) has_status: bool,
    pub(super) has_generation: bool,
    /// PUT without a resourceVersion overwrites instead of being refused.
    pub(super) unconditional: bool,
}

const ISTIO: &[&str] = &["v1", "v1beta1", "v1alpha3"];

/// Every kind the simulated cluster knows.
pub(super) static KINDS: [Kind; 5] = [
    Kind {
        group: "networking.istio.io",
        versions: ISTIO,
        kind: "VirtualService",
        plural: "virtualservices",
        singular: "virtualservice",
        short: &["vs"],
        custom: true,
        has_status: true,
        has_generation: true,
        unconditional: false,
    },
    Kind {
        group: "networking.istio.io",
        versions: ISTIO,
        kind: "DestinationRule",
        plural: "destinationrules",
        singular: "destinationrule",
        short: &["dr"],
        custom: true,
        has_status: true,
        has_generation: true,
        unconditional: false,
    },
    Kind {
        group: "",
        versions: &["v1"],
        kind: "Service",
        plural: "services",
        singular: "service",
        short: &["svc"],
        custom: false,
        has_status: true,
        has_generation: false,
        unconditional: true,
    },
    Kind {
        group: "apps",
        versions: &["v1"],
        kind: "Deployment",
        plural: "deployments",
        singular: "deployment",
        short: &["deploy"],
        custom: false,
        has_status: true,
        has_generation: true,
        unconditional: true,
    },
    Kind {
        group: "coordination.k8s.io",
        versions: &["v1"],
        kind: "Lease",
        plural: "leases",
        singular: "lease",
        short: &[],
        custom: false,
        has_status: false,
        has_generation: false,
        unconditional: false,
    },
];

impl Kind {
    /// The kind of an object by its `apiVersion` and `kind`.
    pub(super) fn of(object: &Value) -> Option<&'static Kind> {
        let (api_version, kind) = (object["apiVersion"].as_str()?, object["kind"].as_str()?);
        KINDS
            .iter()
            .find(|k| k.kind == kind && k.versions.iter().any(|v| k.api_version(v) == api_version))
    }

    /// `group/version`, or the version alone for core.
    pub(super) fn api_version(&self, version: &str) -> String {
        if self.group.is_empty() {
            version.to_owned()
        } else {
            format!("{}/{version}", self.group)
        }
    }

    /// `virtualservices.networking.istio.io`: how messages name the resource.
    pub(super) fn resource(&self) -> String {
        if self.group.is_empty() {
            self.plural.to_owned()
        } else {
            format!("{}.{}", self.plural, self.group)
        }
    }
}

/// One object's identity, whatever version it is asked for in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) kind: &'static Kind,
    pub(super) namespace: String,
    pub(super) name: String,
}

impl Key {
    /// The identity an object states itself.
    pub(super) fn of(object: &Value) -> Option<Key> {
        let metadata = &object["metadata"];
        Some(Key {
            kind: Kind::of(object)?,
            namespace: metadata["namespace"].as_str()?.to_owned(),
            name: metadata["name"].as_str()?.to_owned(),
        })
    }
}

impl fmt::Display for Key {
    /// The path in the preferred version.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = if self.kind.group.is_empty() { "api" } else { "apis" };
        let version = self.kind.api_version(self.kind.versions[0]);
        write!(
            f,
            "/{root}/{version}/namespaces/{}/{}/{}",
            self.namespace, self.kind.plural, self.name
        )
    }
}

/// What a path under `/api` or `/apis` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// All objects of a kind, in one namespace or in all.
    Collection {
        kind: &'static Kind,
        version: &'static str,
        namespace: Option<String>,
    },
    /// One object, or its status.
    Object {
        key: Key,
        version: &'static str,
        status: bool,
    },
}

impl Place {
    /// Reads a path; `None` where nothing of the sort is served.
    pub(super) fn parse(path: &str) -> Option<Place> {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let (group, version, rest) = match parts.as_slice() {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return None,
        };
        let find = |plural: &str| {
            let kind = KINDS.iter().find(|k| k.group == group && k.plural == plural)?;
            Some((kind, *kind.versions.iter().find(|v| **v == version)?))
        };
        match rest {
            [plural] => {
                let (kind, version) = find(plural)?;
                Some(Place::Collection {
                    kind,
                    version,
                    namespace: None,
                })
            }
            ["namespaces", namespace, plural] => {
                let (kind, version) = find(plural)?;
                Some(Place::Collection {
                    kind,
                    version,
                    namespace: Some((*namespace).to_owned()),
                })
            }
            ["namespaces", namespace, plural, name, under @ ..] => {
                let (kind, version) = find(plural)?;
                let status = match under {
                    [] => false,
                    ["status"] if kind.has_status => true,
                    _ => return None,
                };
                let key = Key {
                    kind,
                    namespace: (*namespace).to_owned(),
                    name: (*name).to_owned(),
                };
                Some(Place::Object { key, version, status })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_served_version_names_the_same_object() {
        for version in ISTIO {
            let path = format!("/apis/networking.istio.io/{version}/namespaces/ivr/virtualservices/agent/status");
            let Some(Place::Object { key, status: true, .. }) = Place::parse(&path) else {
                panic!("{path}")
            };
            assert_eq!(
                key.to_string(),
                "/apis/networking.istio.io/v1/namespaces/ivr/virtualservices/agent"
            );
        }
    }

    #[test]
    fn what_is_not_installed_is_no_place() {
        for path in [
            "/apis/networking.istio.io/v9/namespaces/ivr/virtualservices",
            "/apis/nope.example/v1/foos",
            "/api/v1/namespaces/ivr/services/a/scale",
            "/apis/coordination.k8s.io/v1/namespaces/ivr/leases/a/status",
            "/",
        ] {
            assert_eq!(Place::parse(path), None, "{path}");
        }
    }
}
