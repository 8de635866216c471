//! The Kubernetes objects of the world, and what their weights mean for its calls.

use serde_json::{Value, json};
use timonel_domain::value::Weight;

use crate::cluster::Cluster;

/// The namespace of all objects.
pub const NAMESPACE: &str = "prod";
/// The VirtualService that divides the calls; its named route is `casos`.
pub const SPLITTER: &str = "casos-vs";
/// The VirtualService that lets the canary's calls through; its named route is `derivacion`.
pub const FOLLOWER: &str = "derivacion-vs";
/// The VirtualService that lets the canary's calls through where numbers divide them; its named route is `consultas`.
pub const NUMBERS_FOLLOWER: &str = "consultas-vs";

/// The named route of a VirtualService.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Route {
    pub(super) virtual_service: &'static str,
    pub(crate) name: &'static str,
    host: &'static str,
}

/// The splitter and the followers.
pub(super) const ROUTES: [Route; 3] = [
    Route {
        virtual_service: SPLITTER,
        name: "casos",
        host: "casos-service",
    },
    Route {
        virtual_service: FOLLOWER,
        name: "derivacion",
        host: "derivacion-service",
    },
    Route {
        virtual_service: NUMBERS_FOLLOWER,
        name: "consultas",
        host: "consultas-service",
    },
];

impl Route {
    pub(crate) fn path(self) -> String {
        format!(
            "/apis/networking.istio.io/v1/namespaces/{NAMESPACE}/virtualservices/{}",
            self.virtual_service
        )
    }

    /// What the data plane gives the canary of the route now; nothing where there is no such route.
    pub(super) fn canary(self, cluster: &Cluster) -> Weight {
        let shares = cluster.effective_weights(NAMESPACE, self.virtual_service, self.name);
        let all: u64 = shares.iter().map(|share| u64::from(share.weight)).sum();
        let canary: u64 = shares
            .iter()
            .filter(|share| share.subset == "canary")
            .map(|share| u64::from(share.weight))
            .sum();
        let hundredths = (canary * u64::from(Weight::FULL.hundredths()))
            .checked_div(all)
            .unwrap_or(0);
        u16::try_from(hundredths)
            .ok()
            .and_then(Weight::from_hundredths)
            .unwrap_or(Weight::ZERO)
    }
}

/// The objects of the world: for each route a Service, a DestinationRule and a VirtualService. The follower of numbers is
/// there only where it is wanted, so that a cluster without it is what it always was.
pub(super) fn objects(with_numbers_follower: bool) -> Vec<Value> {
    ROUTES
        .iter()
        .filter(|route| with_numbers_follower || route.virtual_service != NUMBERS_FOLLOWER)
        .flat_map(|route| [service(route), destination_rule(route), virtual_service(route)])
        .collect()
}

fn service(route: &Route) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"namespace": NAMESPACE, "name": route.host, "labels": {"app": route.name}},
        "spec": {"selector": {"app": route.name}, "ports": [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}]},
    })
}

fn destination_rule(route: &Route) -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
        "metadata": {"namespace": NAMESPACE, "name": route.host},
        "spec": {
            "host": route.host,
            "subsets": [
                {"name": "stable", "labels": {"version": "stable"}},
                {"name": "canary", "labels": {"version": "canary"}},
            ],
        },
    })
}

fn virtual_service(route: &Route) -> Value {
    let to = |subset: &str| json!({"host": route.host, "subset": subset});
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": {"namespace": NAMESPACE, "name": route.virtual_service, "labels": {"app": route.name}},
        "spec": {
            "hosts": [route.host],
            "http": [
                {
                    // Testers reach the canary whatever the weight is; nobody may touch this one.
                    "name": format!("{}-prueba", route.name),
                    "match": [{"headers": {"canary": {"exact": "true"}}}],
                    "route": [{"destination": to("canary"), "weight": 100}],
                },
                {
                    "name": route.name,
                    "timeout": "10s",
                    "retries": {"attempts": 2, "perTryTimeout": "4s", "retryOn": "5xx,reset"},
                    "route": [
                        {"destination": to("stable"), "weight": 100},
                        {"destination": to("canary"), "weight": 0},
                    ],
                },
            ],
        },
    })
}
