//! One request from arrival to answer: latency and faults on the virtual clock, who is asking, then what the store says.
//!
//! A request takes effect at one instant of virtual time, at the end of its latency and only if its client still waits then.

use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use timonel_ports::clock::Clock;
use timonel_ports::mailbox::mailbox;

use super::call::Call;
use super::fault::{Fault, Subject};
use super::kind::{KINDS, Key, Place};
use super::order::{Order, OrderBody};
use super::serve::Hangup;
use super::status::{ANONYMOUS, Refusal, RefusalBody, USER};
use super::store::{State, served};
use super::watch::Watch;
use super::{Cluster, discovery};

/// What becomes of a request.
enum Fate {
    Answered(Response),
    HungUp,
    /// Nothing, ever.
    Unanswered,
}

/// Answers a request, in virtual time.
pub(super) async fn answer(cluster: Cluster, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return Hangup.into_response();
    };
    let call = Call::read(parts, body.to_bytes());
    let clock = &cluster.0.clock;
    loop {
        outlast_black_hole(&cluster, &call).await;
        let slowness = cluster.0.state().rules.slowness(&call.subject);
        let due = clock.mono() + call.latency(cluster.0.seed, clock.mono().micros()) + slowness;
        if !clock.doze(call.id, due).await {
            return Hangup.into_response();
        }
        // One that opened meanwhile swallows the request as well.
        if !cluster.0.state().rules.swallows(&call.subject) {
            break;
        }
    }
    match call.decide(&cluster) {
        Fate::Answered(response) => response,
        Fate::HungUp => Hangup.into_response(),
        Fate::Unanswered => {
            let _asleep = clock.doze_open(call.id);
            match pending::<Infallible>().await {}
        }
    }
}

/// Waits for as long as a black hole swallows this request.
async fn outlast_black_hole(cluster: &Cluster, call: &Call) {
    let clock = &cluster.0.clock;
    loop {
        let mut changes = {
            let mut state = cluster.0.state();
            if !state.rules.swallows(&call.subject) {
                return;
            }
            let (sender, changes) = mailbox(&clock.shared());
            state.listen(sender);
            changes
        };
        let asleep = clock.doze_open(call.id);
        let change = changes.recv_busy().await;
        // The request is awake before the token of the change goes, so that time cannot step in between.
        drop(asleep);
        drop(change);
    }
}

impl Call {
    fn decide(&self, cluster: &Cluster) -> Fate {
        let mut state = cluster.0.state();
        let fault = state.rules.take_answer(&self.subject);
        let refusal = match &fault {
            Some(Fault::Reset) => return Fate::HungUp,
            Some(Fault::Unauthorized) => Some(Refusal::unauthorized()),
            Some(Fault::Forbidden) => Some(self.forbidden(USER)),
            Some(Fault::TooManyRequests { retry_after }) => {
                Some(Refusal::too_many_requests(retry_after.map(|after| after.as_secs())))
            }
            Some(Fault::InternalError) => Some(Refusal::internal("etcdserver: request timed out")),
            Some(Fault::Unavailable) => Some(Refusal::unavailable()),
            Some(Fault::Html) => Some(Refusal::html()),
            Some(
                Fault::AnswerLost
                | Fault::LateWrite { .. }
                | Fault::WebhookDenies { .. }
                | Fault::WebhookDown
                | Fault::Slow { .. }
                | Fault::BlackHole
                | Fault::ReadBackLies,
            )
            | None => self.refuse_stranger(&cluster.0.token).err(),
        };
        if let Some(refusal) = refusal {
            return Fate::Answered(refusal.into_response());
        }
        let late = if let Some(Fault::LateWrite { after }) = fault {
            Some(after)
        } else {
            None
        };
        let response = self
            .dispatch(cluster, &mut state, late)
            .unwrap_or_else(Refusal::into_response);
        match fault {
            Some(Fault::AnswerLost) => Fate::Unanswered,
            Some(_) | None => Fate::Answered(response),
        }
    }

    /// The right token, or none where none is needed.
    fn refuse_stranger(&self, token: &str) -> Result<(), Refusal> {
        match self.header(header::AUTHORIZATION) {
            "" if discovery::is_health(&self.path) || self.path == "/version" => Ok(()),
            // Over plain HTTP kubectl leaves its token at home, whatever its configuration says.
            "" if self.agent() == Some("kubectl") => Ok(()),
            "" => Err(self.forbidden(ANONYMOUS)),
            given if given.strip_prefix("Bearer ") == Some(token) => Ok(()),
            _ => Err(Refusal::unauthorized()),
        }
    }

    fn forbidden(&self, user: &str) -> Refusal {
        match &self.place {
            Some(Place::Object { key, .. }) => {
                Refusal::forbidden(user, self.verb(), key.kind, Some(&key.namespace), &key.name)
            }
            Some(Place::Collection { kind, namespace, .. }) => {
                Refusal::forbidden(user, self.verb(), kind, namespace.as_deref(), "")
            }
            None => Refusal::forbidden_path(user, &self.method.as_str().to_lowercase(), &self.path),
        }
    }

    fn dispatch(&self, cluster: &Cluster, state: &mut State, late: Option<Duration>) -> Result<Response, Refusal> {
        let Some(place) = &self.place else {
            return self.about_the_server(cluster, state);
        };
        match (place, self.verb()) {
            (Place::Collection { kind, version, .. }, "list") => {
                let items = state.list(&self.selection()?, version);
                let list = json!({
                    "kind": format!("{}List", kind.kind), "apiVersion": kind.api_version(version),
                    "metadata": {"continue": "", "resourceVersion": state.version().to_string()}, "items": items,
                });
                Ok(document(StatusCode::OK, &list))
            }
            (Place::Collection { version, .. }, "watch") => {
                let subject = self.subject.clone();
                let watch = Watch::open(
                    cluster,
                    state,
                    self.id,
                    subject,
                    self.selection()?,
                    version,
                    self.terms()?,
                );
                let mut response = watch.into_body().into_response();
                response
                    .headers_mut()
                    .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
                Ok(response)
            }
            (Place::Object { key, version, .. }, "get") => {
                let object = state.get(key).ok_or_else(|| Refusal::not_found(key))?;
                Ok(document(StatusCode::OK, &served(object, key.kind, version)))
            }
            (Place::Collection { .. }, "create") | (Place::Object { .. }, "update" | "patch" | "delete") => {
                let order = self.order(place)?;
                write(cluster, state, order, late)
            }
            _ => Err(Refusal::method_not_allowed()),
        }
    }

    /// Health, version, discovery, and reviews of oneself.
    fn about_the_server(&self, cluster: &Cluster, state: &State) -> Result<Response, Refusal> {
        let path = self.path.trim_end_matches('/');
        match (self.method.as_str(), path) {
            ("GET", path) if discovery::is_health(path) => Ok("ok".into_response()),
            ("GET", path) => match discovery::document(path) {
                Some(found) => Ok(document(StatusCode::OK, &found)),
                None => Err(Refusal::no_such_path()),
            },
            ("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews") => {
                let created = cluster.0.clock.now().to_string();
                let review = json!({
                    "kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1",
                    "metadata": {"creationTimestamp": format!("{}Z", created.split('.').next().unwrap_or_default())},
                    "status": {"userInfo": {"username": USER, "groups": ["system:authenticated"]}},
                });
                Ok(document(StatusCode::CREATED, &review))
            }
            ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews") => {
                let asked: Value =
                    serde_json::from_slice(&self.body).map_err(|e| Refusal::bad_request(&e.to_string()))?;
                let allowed = is_allowed(state, &asked["spec"]["resourceAttributes"]);
                let review = json!({
                    "kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {},
                    "spec": asked["spec"], "status": {"allowed": allowed},
                });
                Ok(document(StatusCode::CREATED, &review))
            }
            _ => Err(Refusal::no_such_path()),
        }
    }
}

/// Everything is, but what a fault forbids.
fn is_allowed(state: &State, asked: &Value) -> bool {
    let text = |field: &str| asked[field].as_str().unwrap_or_default();
    let key = KINDS
        .iter()
        .find(|kind| kind.group == text("group") && kind.plural == text("resource"))
        .filter(|_| !text("name").is_empty())
        .map(|kind| Key {
            kind,
            namespace: text("namespace").to_owned(),
            name: text("name").to_owned(),
        });
    let writes = !matches!(text("verb"), "get" | "list" | "watch");
    !state.rules.forbids(&Subject {
        object: key.map(|key| key.to_string()),
        writes,
    })
}

/// Does a write, or promises it where it is to come late.
fn write(cluster: &Cluster, state: &mut State, mut order: Order, late: Option<Duration>) -> Result<Response, Refusal> {
    let now = cluster.0.clock.now();
    let promised = late.filter(|_| !order.dry_run);
    order.dry_run |= promised.is_some();
    let done = state.write(&order, now)?;
    if let Some(after) = promised {
        order.dry_run = false;
        cluster.write_later(order.clone(), after);
    }
    let mut response = match &order.body {
        OrderBody::Create(_) => document(StatusCode::CREATED, &done.object),
        OrderBody::Replace(_) | OrderBody::Json(_) | OrderBody::Merge(_) | OrderBody::Strategic(_) => {
            document(StatusCode::OK, &done.object)
        }
        OrderBody::Delete(_) => {
            let key = &order.key;
            let mut details = json!({"name": key.name, "kind": key.kind.plural, "uid": done.object["metadata"]["uid"]});
            if !key.kind.group.is_empty() {
                details["group"] = key.kind.group.into();
            }
            let status = json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details,
            });
            document(StatusCode::OK, &status)
        }
    };
    for warning in done.warnings {
        if let Ok(value) = HeaderValue::from_str(&format!("299 - {warning:?}")) {
            response.headers_mut().append(header::WARNING, value);
        }
    }
    Ok(response)
}

fn document(code: StatusCode, body: &Value) -> Response {
    (
        code,
        [(header::CONTENT_TYPE, "application/json")],
        Body::from(body.to_string()),
    )
        .into_response()
}

impl Refusal {
    fn into_response(self) -> Response {
        let mut response = match self.body {
            RefusalBody::Status(status) => document(self.code, &status),
            RefusalBody::Plain(text) => (self.code, text).into_response(),
            RefusalBody::Html(page) => {
                (self.code, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
            }
        };
        if let Some(secs) = self.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        response
    }
}
