//! The part of a Kubernetes API server that targets use, over plain HTTP on a loopback socket, in virtual time.
//!
//! Objects are JSON values by path with one resourceVersion counter; answers are copied from a real server. [`Cluster`] is the
//! world's handle on it: what the data plane runs, competing writers, [`Faults`]. Deliberately not here: controllers (a Deployment
//! never rolls), server-side apply, RBAC beyond one token, TLS.

mod answer;
mod call;
mod check;
mod discovery;
mod fault;
mod kind;
mod order;
mod ownership;
mod patch;
mod selection;
mod serve;
mod status;
mod store;
mod watch;

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use serde_json::Value;
use timonel_ports::clock::Clock;
use timonel_ports::task;

pub use self::fault::{Calls, Fault, FaultId, Faults, Scope};
pub use self::serve::{Hangup, serve};

use self::kind::{Key, Kind, Place};
use self::order::{Order, OrderBody, Unknown};
use self::status::Refusal;
use self::store::State;
use crate::time::VirtualClock;

/// A simulated cluster; a handle, clone it freely.
#[derive(Debug, Clone)]
pub struct Cluster(Arc<Shared>);

/// Behind every handle.
pub(crate) struct Shared {
    clock: VirtualClock,
    seed: u64,
    token: String,
    state: Mutex<State>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}

/// What the scenario asked of the cluster cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClusterError {
    /// No kind of that name is installed.
    #[error("the simulated cluster knows no {kind} in {api_version}: add it to the table of kinds")]
    UnknownKind {
        /// As the object has it.
        api_version: String,
        /// As the object has it.
        kind: String,
    },
    /// The path names no object.
    #[error(
        "`{path}` names no object of an installed kind: write it like /apis/networking.istio.io/v1/namespaces/ivr/virtualservices/ivr-agent"
    )]
    NoObjectPath {
        /// As it was given.
        path: String,
    },
    /// A JSON patch that is none.
    #[error("this is no JSON patch: {reason}")]
    BadPatch {
        /// What is wrong with it.
        reason: String,
    },
    /// The API refused the write.
    #[error("the simulated API answered {code}: {message}")]
    Refused {
        /// HTTP status.
        code: u16,
        /// What it said.
        message: String,
    },
}

impl From<Refusal> for ClusterError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused {
            code: refusal.code.as_u16(),
            message: refusal.message(),
        }
    }
}

/// Where a route sends calls, and with what weight beside the others of its list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteShare {
    /// Name of the service.
    pub host: String,
    /// Subset of a DestinationRule; empty where the route names none.
    pub subset: String,
    /// Shares add up to whatever they add up to: divide by the sum.
    pub weight: u32,
}

/// See [`Cluster::changes`].
#[derive(Debug)]
pub struct Changes(timonel_ports::mailbox::Receiver<store::Signal>);

impl Changes {
    /// Waits for the next change; `None` when the cluster is gone. To be polled in a task of `ports::task`.
    pub async fn next(&mut self) -> Option<()> {
        self.0.recv().await.map(drop)
    }
}

impl Cluster {
    /// An empty cluster. `seed` decides how long each answer takes, `token` is the bearer token it accepts.
    pub fn new(clock: VirtualClock, seed: u64, token: impl Into<String>) -> Self {
        Self(Arc::new(Shared {
            clock,
            seed,
            token: token.into(),
            state: Mutex::new(State::new()),
        }))
    }

    /// The API. Serve it with [`serve`]: another server answers 502 where a connection should close without an answer.
    pub fn router(&self) -> Router {
        let cluster = self.clone();
        Router::new().fallback(move |request: Request| answer::answer(cluster.clone(), request))
    }

    /// The cluster's faults.
    pub fn faults(&self) -> Faults {
        Faults(self.0.clone())
    }

    /// Creates an object as `kubectl create` does, without latency and faults; returns its path. Namespace `default` where it names none.
    pub fn insert(&self, object: Value) -> Result<String, ClusterError> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let Some(kind) = Kind::of(&object) else {
            return Err(ClusterError::UnknownKind {
                api_version: text(&object["apiVersion"]),
                kind: text(&object["kind"]),
            });
        };
        let metadata = &object["metadata"];
        let namespace = metadata["namespace"].as_str().unwrap_or("default").to_owned();
        let key = Key {
            kind,
            namespace,
            name: text(&metadata["name"]),
        };
        let version = kind
            .versions
            .iter()
            .find(|v| object["apiVersion"] == kind.api_version(v));
        let version = version.copied().unwrap_or(kind.versions[0]);
        let path = key.to_string();
        self.write(key, version, "kubectl-create", OrderBody::Create(object))?;
        Ok(path)
    }

    /// What the API shows at `path`, in the preferred version.
    pub fn get(&self, path: &str) -> Option<Value> {
        self.0.state().get(&object_key(path).ok()?).cloned()
    }

    /// What the data plane runs of the object at `path`: the same as [`Cluster::get`], but under [`Fault::ReadBackLies`].
    pub fn effective(&self, path: &str) -> Option<Value> {
        self.0.state().effective(&object_key(path).ok()?).cloned()
    }

    /// How the data plane divides the calls of a VirtualService's named HTTP route now; empty where there is no such route.
    pub fn effective_weights(&self, namespace: &str, virtual_service: &str, route: &str) -> Vec<RouteShare> {
        let Some(kind) = kind::KINDS.iter().find(|k| k.kind == "VirtualService") else {
            return Vec::new();
        };
        let key = Key {
            kind,
            namespace: namespace.to_owned(),
            name: virtual_service.to_owned(),
        };
        let state = self.0.state();
        let Some(object) = state.effective(&key) else {
            return Vec::new();
        };
        let https = object["spec"]["http"].as_array().map(Vec::as_slice).unwrap_or_default();
        let Some(http) = https.iter().find(|http| http["name"] == route) else {
            return Vec::new();
        };
        let routes = http["route"].as_array().map(Vec::as_slice).unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let share = |route: &Value| RouteShare {
            host: text(&route["destination"]["host"]),
            subset: text(&route["destination"]["subset"]),
            // A lone destination gets everything, whatever its weight says.
            weight: if routes.len() == 1 {
                100
            } else {
                route["weight"].as_u64().and_then(|w| w.try_into().ok()).unwrap_or(0)
            },
        };
        routes.iter().map(share).collect()
    }

    /// Another writer changes the object at `path` now, without latency and faults but through istiod's webhook: drift.
    /// An array is a JSON patch, anything else a merge patch. Returns the object as it is then.
    pub fn write_as(&self, manager: &str, path: &str, patch: Value) -> Result<Value, ClusterError> {
        let key = object_key(path)?;
        let version = key.kind.versions[0];
        let body = if patch.is_array() {
            let patch = serde_json::from_value(patch).map_err(|e| ClusterError::BadPatch { reason: e.to_string() })?;
            OrderBody::Json(patch)
        } else {
            OrderBody::Merge(patch)
        };
        self.write(key, version, manager, body)
    }

    /// Deletes the object at `path` now.
    pub fn delete(&self, path: &str) -> Result<(), ClusterError> {
        let key = object_key(path)?;
        let version = key.kind.versions[0];
        self.write(key, version, "kubectl-delete", OrderBody::Delete(Value::Null))
            .map(drop)
    }

    /// Tells of every change from now on, of objects and of faults. Time stands until each has been taken, so that the moment at
    /// which one is taken is the moment at which it happened.
    pub fn changes(&self) -> Changes {
        let (sender, inbox) = timonel_ports::mailbox::mailbox(&self.0.clock.shared());
        self.0.state().listen(sender);
        Changes(inbox)
    }

    /// Forgets past changes: whoever resumes a watch from before now is told 410 and has to list again.
    pub fn forget_changes(&self) {
        self.0.state().forget();
    }

    /// A kubeconfig (YAML) for the cluster served at `address`.
    pub fn kubeconfig(address: SocketAddr, token: &str) -> String {
        format!(
            "apiVersion: v1
kind: Config
clusters:
- name: simulator
  cluster:
    server: http://{address}
users:
- name: timonel
  user:
    token: {token:?}
contexts:
- name: simulator
  context:
    cluster: simulator
    user: timonel
    namespace: default
current-context: simulator
"
        )
    }

    fn write(&self, key: Key, version: &'static str, manager: &str, body: OrderBody) -> Result<Value, ClusterError> {
        let manager = manager.to_owned();
        let order = Order {
            key,
            version,
            status: false,
            manager,
            dry_run: false,
            unknown: Unknown::Ignore,
            body,
        };
        Ok(self.0.state().write(&order, self.0.clock.now())?.object)
    }

    fn write_later(&self, order: Order, after: Duration) {
        let cluster = self.clone();
        let clock = self.0.clock.shared();
        let sleep = timonel_ports::clock::sleep(&*clock, after);
        task::spawn(&clock, async move {
            sleep.await;
            let now = cluster.0.clock.now();
            if let Err(refusal) = cluster.0.state().write(&order, now) {
                tracing::debug!(message = refusal.message(), "a late write was refused");
            }
        });
    }
}

fn object_key(path: &str) -> Result<Key, ClusterError> {
    match Place::parse(path) {
        Some(Place::Object { key, .. }) => Ok(key),
        Some(Place::Collection { .. }) | None => Err(ClusterError::NoObjectPath { path: path.to_owned() }),
    }
}

/// FNV-1a over the parts, finished as splitmix64 does; the same on every machine and with every compiler, unlike the standard hasher.
pub(crate) fn hash(parts: &[&[u8]]) -> u64 {
    let mut state = 0xcbf2_9ce4_8422_2325_u64;
    for part in parts {
        for byte in part.iter().chain(&[0xff]) {
            state = (state ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}
