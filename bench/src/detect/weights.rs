//! What both programs move: the part of a Kubernetes API that one kind of target asks, and the dummy control plane that the
//! peer's webhook asks, in real time and without delay. Both note when the canary of a tenant was first set to 0.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post};
use serde_json::{Value, json};
use timonel_domain::time::Mono;
use timonel_ports::clock::SharedClock;
use timonel_ports::task::{Task, spawn};

const GROUP: &str = "networking.istio.io";
const CANARY: &str = "/spec/http/0/route/1/weight";

/// A control plane that listens. Clone it freely.
#[derive(Debug, Clone)]
pub(super) struct Weights {
    clock: SharedClock,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    objects: BTreeMap<String, Value>,
    version: u64,
    zero: BTreeMap<String, Mono>,
}

impl Weights {
    /// With a VirtualService for each tenant, all of it on stable.
    pub(super) async fn serve(clock: &SharedClock, tenants: &[String]) -> Result<(Self, SocketAddr, Task<()>), String> {
        let objects = tenants.iter().map(|tenant| (tenant.clone(), object(tenant))).collect();
        let kept = Kept {
            objects,
            version: 1,
            zero: BTreeMap::new(),
        };
        let weights = Self {
            clock: clock.clone(),
            kept: Arc::new(Mutex::new(kept)),
        };
        let reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        let all = format!("/apis/{GROUP}/v1/namespaces/prod/virtualservices");
        let app = Router::new()
            .route("/readyz", get(async || "ok"))
            .route(&format!("/apis/{GROUP}"), get(group))
            .route(reviews, post(allowed))
            .route(&all, get(list))
            .route(&format!("{all}/{{tenant}}"), get(one).patch(write))
            .route("/weights/{replica}/{tenant}", patch(dummy))
            .with_state(weights.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .map_err(|e| e.to_string())?;
        let address = listener.local_addr().map_err(|e| e.to_string())?;
        let serving = spawn(clock, async move {
            if let Err(error) = axum::serve(listener, app).await {
                eprintln!("the control plane ended: {error}");
            }
        });
        Ok((weights, address, serving))
    }

    /// When the canary of a tenant was first set to 0, after it had been above.
    pub(super) fn zero(&self, tenant: &str) -> Option<Mono> {
        self.kept().zero.get(tenant).copied()
    }

    /// The canary's weight.
    pub(super) fn weight(&self, tenant: &str) -> Option<u64> {
        self.kept().objects.get(tenant)?.pointer(CANARY)?.as_u64()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn object(tenant: &str) -> Value {
    let way = |subset: &str, weight: u64| json!({"destination": {"host": "casos-service", "subset": subset}, "weight": weight});
    json!({
        "apiVersion": format!("{GROUP}/v1"), "kind": "VirtualService",
        "metadata": {"name": tenant, "namespace": "prod", "uid": format!("uid-{tenant}"), "resourceVersion": "1"},
        "spec": {"hosts": ["casos"], "http": [{"name": "casos", "route": [way("stable", 100), way("canary", 0)]}]},
    })
}

async fn group() -> Json<Value> {
    let version = json!({"groupVersion": format!("{GROUP}/v1"), "version": "v1"});
    Json(json!({
        "kind": "APIGroup", "apiVersion": "v1", "name": GROUP, "versions": [version], "preferredVersion": version,
    }))
}

async fn allowed(Json(mut review): Json<Value>) -> (StatusCode, Json<Value>) {
    review["status"] = json!({"allowed": true});
    (StatusCode::CREATED, Json(review))
}

async fn one(State(weights): State<Weights>, Path(tenant): Path<String>) -> Response {
    match weights.kept().objects.get(&tenant) {
        Some(object) => Json(object.clone()).into_response(),
        None => status(StatusCode::NOT_FOUND, "NotFound"),
    }
}

/// A watch ends at once and quietly: what nobody else writes changes by our own hand alone.
async fn list(State(weights): State<Weights>, Query(asked): Query<BTreeMap<String, String>>) -> Response {
    if asked.contains_key("watch") {
        return StatusCode::OK.into_response();
    }
    let only = asked
        .get("fieldSelector")
        .and_then(|only| only.strip_prefix("metadata.name="));
    let kept = weights.kept();
    let items: Vec<_> = kept
        .objects
        .iter()
        .filter(|(tenant, _)| only.is_none_or(|only| only == tenant.as_str()))
        .map(|(_, object)| object)
        .collect();
    let version = kept.version.to_string();
    Json(json!({
        "kind": "VirtualServiceList", "apiVersion": format!("{GROUP}/v1"),
        "metadata": {"resourceVersion": version}, "items": items,
    }))
    .into_response()
}

/// A JSON patch, locked by the version that it was made for.
async fn write(
    State(weights): State<Weights>,
    Path(tenant): Path<String>,
    Query(asked): Query<BTreeMap<String, String>>,
    body: Bytes,
) -> Response {
    let arrived = weights.clock.mono();
    let mut kept = weights.kept();
    let Some(mut object) = kept.objects.get(&tenant).cloned() else {
        return status(StatusCode::NOT_FOUND, "NotFound");
    };
    let version = object["metadata"]["resourceVersion"].clone();
    let before = object.pointer(CANARY).and_then(Value::as_u64);
    let patched =
        serde_json::from_slice::<json_patch::Patch>(&body).map(|patch| json_patch::patch(&mut object, &patch));
    if !matches!(patched, Ok(Ok(()))) {
        return status(StatusCode::UNPROCESSABLE_ENTITY, "Invalid");
    }
    if object["metadata"]["resourceVersion"] != version {
        return status(StatusCode::CONFLICT, "Conflict");
    }
    if !asked.contains_key("dryRun") {
        kept.version += 1;
        object["metadata"]["resourceVersion"] = json!(kept.version.to_string());
        if before > Some(0) && object.pointer(CANARY).and_then(Value::as_u64) == Some(0) {
            kept.zero.entry(tenant.clone()).or_insert(arrived);
        }
        kept.objects.insert(tenant, object.clone());
    }
    Json(object).into_response()
}

/// The peer's webhook sets a weight of 0 and nothing else.
async fn dummy(State(weights): State<Weights>, Path((replica, tenant)): Path<(String, String)>) -> Json<Value> {
    let arrived = weights.clock.mono();
    weights
        .kept()
        .zero
        .entry(format!("{replica}/{tenant}"))
        .or_insert(arrived);
    Json(json!({}))
}

fn status(code: StatusCode, reason: &str) -> Response {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": reason, "code": code.as_u16(),
    });
    (code, Json(body)).into_response()
}

/// A kubeconfig for the control plane at `address`.
pub(super) fn kubeconfig(address: SocketAddr) -> String {
    json!({
        "apiVersion": "v1", "kind": "Config",
        "clusters": [{"name": "bench", "cluster": {"server": format!("http://{address}")}}],
        "users": [{"name": "bench", "user": {}}],
        "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench", "namespace": "prod"}}],
        "current-context": "bench",
    })
    .to_string()
}
