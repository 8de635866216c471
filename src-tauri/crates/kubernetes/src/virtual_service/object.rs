//! What of a VirtualService matters: where the two destinations sit, what they weigh, who wrote that, our marks.
//!
//! Pure. Everything else in the object is neither kept nor written.

use kube::core::DynamicObject;
use kube::core::ObjectMeta;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use timonel_domain::rollout::Generation;
use timonel_domain::value::Weight;

use super::{Destination, RAISED_ANNOTATION, ROLLBACK_ANNOTATION, Spec};

/// What stands for a mark that cannot be read: later than every generation, so that nothing raises over it.
pub(super) const UNREADABLE: Generation = Generation {
    epoch: u64::MAX,
    revision: u32::MAX,
};

/// What planning needs of one reading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Snapshot {
    /// The version of the API group that it was read in, such as `v1`.
    pub(super) api_version: String,
    pub(super) resource_version: String,
    /// Whether there is a map of annotations to add to.
    pub(super) annotated: bool,
    /// A rollback's mark; [`UNREADABLE`] where the annotation holds something else than a generation.
    pub(super) mark: Option<Generation>,
    /// The generation of the last raise, read as the mark is.
    pub(super) raised: Option<Generation>,
    /// The named routes, in the object's order.
    pub(super) routes: Vec<Route>,
}

/// One of the named routes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Route {
    pub(super) name: String,
    /// Its place in `spec.http`.
    pub(super) index: usize,
    /// How many destinations it has.
    pub(super) destinations: usize,
    pub(super) stable: Option<Seat>,
    pub(super) canary: Option<Seat>,
    /// The canary's share of this route's calls, in hundredths of a percent, rounded up.
    pub(super) share: Weight,
    /// It has a `weight` of its own, which Istio ignores.
    pub(super) misplaced_weight: bool,
}

/// Where a destination sits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seat {
    /// Its place in the route's list.
    pub(super) index: usize,
    /// As it stands in the object, to be tested before its weight is written.
    pub(super) destination: Value,
    /// As it stands in the object.
    pub(super) weight: Option<i64>,
}

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    spec: BodySpec,
}

#[derive(Deserialize, Default)]
struct BodySpec {
    #[serde(default)]
    http: Vec<Http>,
}

#[derive(Deserialize)]
struct Http {
    name: Option<String>,
    #[serde(default)]
    route: Vec<Way>,
    weight: Option<Value>,
}

#[derive(Deserialize)]
struct Way {
    #[serde(default)]
    destination: Value,
    weight: Option<i64>,
}

/// Why an object gave no snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoSnapshot {
    /// It is something else than a VirtualService.
    Garbled(String),
    /// A route that the plan names is not there.
    Shape(String),
}

impl Snapshot {
    pub(super) fn of(spec: &Spec, api_version: &str, object: &DynamicObject) -> Result<Self, NoSnapshot> {
        let kind = object.types.as_ref().map_or("nothing", |types| types.kind.as_str());
        let body = Body::deserialize(&object.data).map_err(|error| NoSnapshot::Garbled(error.to_string()))?;
        let Some(resource_version) = object
            .metadata
            .resource_version
            .clone()
            .filter(|_| kind == "VirtualService")
        else {
            return Err(NoSnapshot::Garbled(format!(
                "expected a VirtualService with a resourceVersion, got {kind}"
            )));
        };
        let missing: Vec<_> = spec
            .routes
            .iter()
            .filter(|name| !body.spec.http.iter().any(|http| http.name.as_ref() == Some(name)))
            .collect();
        if !missing.is_empty() {
            let there: Vec<_> = body
                .spec
                .http
                .iter()
                .map(|http| http.name.as_deref().unwrap_or("(without a name)"))
                .collect();
            return Err(NoSnapshot::Shape(format!(
                "no `http` entry is named {missing:?}; there are {there:?}. Give the entry that splits the calls that `name`, or \
                 correct the route's name in the plan"
            )));
        }
        let annotation = |key: &str| {
            let text = object.metadata.annotations.as_ref()?.get(key)?;
            Some(text.parse().unwrap_or(UNREADABLE))
        };
        let named = body.spec.http.iter().enumerate().filter_map(|(index, http)| {
            let name = http.name.as_ref().filter(|name| spec.routes.contains(name))?;
            Some(Route::of(spec, name, index, http))
        });
        Ok(Self {
            api_version: api_version.to_owned(),
            resource_version,
            annotated: object.metadata.annotations.is_some(),
            mark: annotation(ROLLBACK_ANNOTATION),
            raised: annotation(RAISED_ANNOTATION),
            routes: named.collect(),
        })
    }

    /// The canary's share: the highest of the routes, so that nothing that still gets calls looks closed.
    pub(super) fn weight(&self) -> Weight {
        self.routes
            .iter()
            .map(|route| route.share)
            .max()
            .unwrap_or(Weight::ZERO)
    }

    /// Such as `casos 5 %, casos-en 20 %` where the routes disagree.
    pub(super) fn disagreement(&self) -> Option<String> {
        let agree = self.routes.iter().all(|route| route.share == self.weight());
        (!agree).then(|| {
            self.routes
                .iter()
                .map(|r| format!("{} {}", r.name, r.share))
                .collect::<Vec<_>>()
                .join(", ")
        })
    }
}

impl Route {
    fn of(spec: &Spec, name: &str, index: usize, http: &Http) -> Self {
        let seat = |wanted: &Destination| {
            let found = http
                .route
                .iter()
                .enumerate()
                .find(|(_, way)| wanted.is(&way.destination, &spec.namespace));
            found.map(|(index, way)| Seat {
                index,
                destination: way.destination.clone(),
                weight: way.weight,
            })
        };
        Self {
            name: name.to_owned(),
            index,
            destinations: http.route.len(),
            stable: seat(&spec.stable),
            canary: seat(&spec.canary),
            share: share(http, |way| spec.canary.is(&way.destination, &spec.namespace)),
            misplaced_weight: http.weight.is_some(),
        }
    }
}

/// What part of a route's calls goes to the destinations that `is_canary` picks.
fn share(http: &Http, is_canary: impl Fn(&Way) -> bool) -> Weight {
    let canary = || http.route.iter().filter(|way| is_canary(way));
    // Istio sends everything to a single destination, whatever its weight says.
    if http.route.len() < 2 {
        return if canary().next().is_some() {
            Weight::FULL
        } else {
            Weight::ZERO
        };
    }
    let weigh = |way: &Way| u128::from(way.weight.unwrap_or(0).max(0).unsigned_abs());
    let total: u128 = http.route.iter().map(weigh).sum();
    if total == 0 {
        // Istio refuses such a route, so what its proxies do is what they did before: count it as open.
        return if canary().next().is_some() {
            Weight::FULL
        } else {
            Weight::ZERO
        };
    }
    let part: u128 = canary().map(weigh).sum();
    let hundredths = (part * 10_000).div_ceil(total);
    u16::try_from(hundredths)
        .ok()
        .and_then(Weight::from_hundredths)
        .unwrap_or(Weight::FULL)
}

impl Destination {
    /// Whether a destination in an object of `namespace` is this one. Istio completes short host names with the
    /// object's namespace, so `casos` and `casos.prod.svc.cluster.local` are one host in `prod`.
    fn is(&self, destination: &Value, namespace: &str) -> bool {
        let text = |key: &str| destination.get(key).and_then(Value::as_str);
        let short = |host: &str| -> String {
            let host = host.strip_suffix(".cluster.local").unwrap_or(host);
            let host = host.strip_suffix(".svc").unwrap_or(host);
            host.strip_suffix(&format!(".{namespace}")).unwrap_or(host).to_owned()
        };
        text("host").is_some_and(|host| short(host) == short(&self.host)) && text("subset") == self.subset.as_deref()
    }
}

/// Who wrote the routes last: the manager that owns `spec.http`. The API server moves that ownership to whoever
/// changes the value, so status updates and labels do not count.
pub(super) fn changed_by(metadata: &ObjectMeta) -> Option<String> {
    let owners = metadata.managed_fields.iter().flatten().filter(|entry| {
        let fields = entry.fields_v1.as_ref().map(|fields| &fields.0);
        entry.subresource.is_none() && fields.is_some_and(|fields| fields.pointer("/f:spec/f:http").is_some())
    });
    owners
        .max_by_key(|entry| entry.time.as_ref().map(|time| time.0))
        .and_then(|entry| entry.manager.clone())
}
