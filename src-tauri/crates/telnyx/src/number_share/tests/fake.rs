//! An account on a loopback socket with just enough of Telnyx for what the contract cannot play: answers that are lost at a
//! chosen place, an account full of jobs, a control plane that clears no field. Jobs are done as soon as they are posted, but
//! for those that are held.

use std::sync::{Arc, Mutex, MutexGuard};

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use secrecy::SecretString;
use serde_json::{Value, json};
use timonel_ports::clock::SystemClock;
use timonel_ports::kit::Kit;

use super::super::{NumberShare, Spec};
use crate::account::{Access, Account};
use crate::api::ConnectionId;

pub(super) const STABLE: &str = "2150";
pub(super) const CANARY: &str = "2151";

/// What is there, and how it behaves.
#[derive(Debug, Default)]
pub(super) struct Fake {
    pub(super) applications: Vec<Value>,
    /// Id, number, connection.
    pub(super) numbers: Vec<(String, String, String)>,
    pub(super) jobs: Vec<Value>,
    /// Method and path of every request.
    pub(super) requests: Vec<String>,
    /// Refuses every `null` in a PATCH.
    pub(super) clears_nothing: bool,
    /// Says yes to every `null` in a PATCH and does nothing about it.
    pub(super) ignores_nulls: bool,
    /// Does what is posted, and answers 503.
    pub(super) loses_answers: bool,
    /// Leaves posted jobs pending.
    pub(super) holds_jobs: bool,
}

/// A handle to it.
#[derive(Debug, Clone)]
pub(super) struct Peer {
    fake: Arc<Mutex<Fake>>,
    base: String,
}

impl Peer {
    /// Twenty numbers on stable, and two applications.
    pub(super) async fn start() -> Self {
        let application = |id: &str, name: &str| {
            json!({"id": id, "record_type": "texml_application", "friendly_name": name, "voice_url": format!("https://{name}/voice"),
                "voice_method": "post", "tags": ["ivr"], "inbound": {}})
        };
        let mut canary = application(CANARY, "new");
        canary["inbound"] = json!({"channel_limit": 10, "sip_subdomain": "nuevo"});
        let number = |at| (format!("18500{at:02}"), format!("+34910000{at:03}"), STABLE.to_owned());
        let fake = Fake {
            applications: vec![application(STABLE, "old"), canary],
            numbers: (0..20).map(number).collect(),
            ..Fake::default()
        };
        let fake = Arc::new(Mutex::new(fake));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(fake.clone());
        let clock = SystemClock::shared();
        timonel_ports::task::spawn(&clock, async move { axum::serve(listener, router).await });
        Self { fake, base }
    }

    pub(super) fn see(&self) -> MutexGuard<'_, Fake> {
        self.fake.lock().unwrap()
    }

    /// How many numbers are on the canary.
    pub(super) fn on_canary(&self) -> usize {
        self.see().numbers.iter().filter(|(_, _, on)| on == CANARY).count()
    }

    /// How many jobs there ever were.
    pub(super) fn jobs(&self) -> usize {
        self.see().jobs.len()
    }

    /// The canary application.
    pub(super) fn canary(&self) -> Value {
        self.see().applications[1].clone()
    }

    /// A target that has read nothing yet.
    pub(super) fn target(&self, kit: Arc<dyn Kit>) -> NumberShare {
        let access = Access {
            name: "principal".to_owned(),
            base: self.base.clone(),
            key: SecretString::from("KEY"),
        };
        let spec = Spec {
            id: timonel_domain::value::TargetId::new("telnyx").unwrap(),
            stable: ConnectionId::new(STABLE),
            canary: ConnectionId::new(CANARY),
            except: ["+34910000019".to_owned()].into(),
            tenants: super::tenants(),
            salt: "plan".to_owned(),
            volume_days: 14,
        };
        NumberShare::new(spec, Account::new(SystemClock::shared(), access).unwrap(), kit)
    }
}

async fn answer(State(fake): State<Arc<Mutex<Fake>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let mut fake = fake.lock().unwrap();
    let path = parts.uri.path().trim_start_matches("/v2/").to_owned();
    fake.requests.push(format!("{} {path}", parts.method));
    let (status, answer) = fake.answer(
        parts.method.as_str(),
        &path,
        parts.uri.query().unwrap_or_default(),
        &body,
    );
    (status, Json(answer)).into_response()
}

fn refusal(status: StatusCode, code: &str, detail: &str) -> (StatusCode, Value) {
    (
        status,
        json!({"errors": [{"code": code, "title": "no", "detail": detail}]}),
    )
}

impl Fake {
    fn answer(&mut self, method: &str, path: &str, query: &str, body: &Value) -> (StatusCode, Value) {
        let segments: Vec<_> = path.split('/').collect();
        let ok = |data: Value| (StatusCode::OK, json!({"data": data}));
        let list = |data: Vec<Value>| {
            (
                StatusCode::OK,
                json!({"data": data, "meta": {"total_pages": 1, "total_results": data.len()}}),
            )
        };
        let missing = || refusal(StatusCode::NOT_FOUND, "10005", "not found");
        match (method, segments.as_slice()) {
            ("GET", ["texml_applications"]) => list(self.applications.clone()),
            ("GET", ["balance"]) => ok(json!({"balance": "300.00", "available_credit": "300.00", "currency": "EUR"})),
            ("GET", ["texml_applications", id]) => match self.application(id) {
                Some(found) if found["record_type"] == "texml_application" => ok(found.clone()),
                Some(_) | None => missing(),
            },
            ("GET", ["connections", id]) => self.application(id).map_or_else(missing, |found| ok(found.clone())),
            ("PATCH", ["texml_applications", id]) => {
                let clears = body.as_object().unwrap().values().any(Value::is_null)
                    || body["inbound"]["channel_limit"].is_null();
                if self.clears_nothing
                    && clears
                    && body
                        .get("inbound")
                        .is_some_and(|inbound| inbound.get("channel_limit").is_some())
                {
                    return refusal(StatusCode::UNPROCESSABLE_ENTITY, "10015", "may not be null");
                }
                let ignores_nulls = self.ignores_nulls;
                let Some(found) = self.application(id) else {
                    return missing();
                };
                for (name, value) in body.as_object().unwrap() {
                    if ignores_nulls && value.is_null() {
                        continue;
                    }
                    found[name] = value.clone();
                }
                ok(found.clone())
            }
            ("GET", ["phone_numbers", "slim"]) => {
                let on = self
                    .numbers
                    .iter()
                    .filter(|(_, _, on)| query.contains(&format!("={on}&")));
                list(
                    on.map(|(id, e164, _)| json!({"id": id, "phone_number": e164}))
                        .collect(),
                )
            }
            ("GET", ["phone_numbers", "jobs"]) => list(self.jobs.iter().rev().cloned().collect()),
            ("GET", ["phone_numbers", "jobs", id]) => {
                let found = self.jobs.iter().find(|job| job["id"] == *id);
                found.map_or_else(missing, |job| ok(job.clone()))
            }
            ("POST", ["phone_numbers", "jobs", "update_phone_numbers"]) => {
                if self.jobs.iter().filter(|job| job["status"] == "pending").count() >= 20 {
                    return refusal(StatusCode::UNPROCESSABLE_ENTITY, "10015", "Maximum jobs allowed");
                }
                let job = self.post(body);
                if self.loses_answers {
                    return refusal(StatusCode::SERVICE_UNAVAILABLE, "10007", "unexpected");
                }
                (StatusCode::ACCEPTED, json!({"data": job}))
            }
            (_, _) => missing(),
        }
    }

    fn application(&mut self, id: &str) -> Option<&mut Value> {
        self.applications.iter_mut().find(|application| application["id"] == id)
    }

    fn post(&mut self, body: &Value) -> Value {
        let ids: Vec<_> = body["phone_numbers"].as_array().unwrap().clone();
        let named: Vec<_> = ids.iter().map(|id| json!({"id": id})).collect();
        let job = json!({
            "id": format!("job-{}", self.jobs.len()), "type": "update_phone_numbers", "created_at": "2026-11-22T01:00:00Z",
            "status": if self.holds_jobs { "pending" } else { "completed" }, "phone_numbers": named,
        });
        if !self.holds_jobs {
            for (id, _, on) in &mut self.numbers {
                if ids.iter().any(|moved| moved == id) {
                    body["connection_id"].as_str().unwrap().clone_into(on);
                }
            }
        }
        self.jobs.push(job.clone());
        job
    }
}
