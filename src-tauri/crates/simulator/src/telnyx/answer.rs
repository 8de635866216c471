//! One request from arrival to answer: latency and faults on the virtual clock, who is asking, the limit, then what the account says.
//!
//! A request takes effect at one instant of virtual time, at the end of its latency and only if its client still waits then.
//! Lists of calls are the book's: it is asked outside the account's lock, for the world may be asking where calls go meanwhile.

use std::convert::Infallible;
use std::future::pending;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use timonel_domain::time::Timestamp;
use timonel_ports::clock::Clock;
use timonel_ports::mailbox::mailbox;

use super::application::Application;
use super::audit;
use super::call::Call;
use super::fault::Fault;
use super::number::NumberChange;
use super::refusal::Refusal;
use super::state::State;
use super::{KEY_OWNER, Telnyx};
use crate::cluster::Hangup;

/// What becomes of a request.
enum Fate {
    Answered(Response),
    HungUp,
    /// Nothing, ever.
    Unanswered,
    /// The book knows, or nobody; these headers go with it.
    Asked(HeaderMap),
}

/// What the account says to a request.
enum Said {
    Document(StatusCode, Value),
    /// It is none of the account's paths.
    Elsewhere,
}

/// Answers a request, in virtual time.
pub(super) async fn answer(telnyx: Telnyx, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return Hangup.into_response();
    };
    let call = Call::read(parts, body.to_bytes());
    telnyx.with(|state, _| *state.requests.entry(call.template()).or_default() += 1);
    let clock = &telnyx.0.clock;
    loop {
        outlast_black_hole(&telnyx, &call).await;
        let slowness = telnyx.with(|state, _| state.rules.slowness(&call.subject));
        let usual = call.latency(telnyx.0.latency, telnyx.0.seed, clock.mono().micros());
        if !clock.doze(call.id, clock.mono() + usual + slowness).await {
            return Hangup.into_response();
        }
        // One that opened meanwhile swallows the request as well.
        if !telnyx.with(|state, _| state.rules.swallows(&call.subject)) {
            break;
        }
    }
    match telnyx.with(|state, now| decide(&telnyx.0.key, &call, state, now)) {
        Fate::Answered(response) => response,
        Fate::HungUp => Hangup.into_response(),
        Fate::Unanswered => {
            let _asleep = clock.doze_open(call.id);
            match pending::<Infallible>().await {}
        }
        Fate::Asked(headers) => {
            let asked = telnyx.0.book.answer(&call.path, &call.query, clock.now());
            let (status, body) = match asked {
                Some(Ok(body)) => (StatusCode::OK, body),
                Some(Err((status, body))) => (
                    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
                    body,
                ),
                None => {
                    let refusal = Refusal::not_found();
                    (refusal.status, refusal.body)
                }
            };
            document(status, &body, headers)
        }
    }
}

/// Waits for as long as a black hole swallows this request.
async fn outlast_black_hole(telnyx: &Telnyx, call: &Call) {
    let clock = &telnyx.0.clock;
    loop {
        let told = telnyx.with(|state, _| {
            state.rules.swallows(&call.subject).then(|| {
                let (sender, told) = mailbox(&clock.shared());
                state.await_faults(sender);
                told
            })
        });
        let Some(mut told) = told else { return };
        let asleep = clock.doze_open(call.id);
        let change = told.recv_busy().await;
        // The request is awake before the token of the change goes, so that time cannot step in between.
        drop(asleep);
        drop(change);
    }
}

fn decide(key: &str, call: &Call, state: &mut State, now: Timestamp) -> Fate {
    let fault = state.rules.take_answer(&call.subject);
    let mut headers = HeaderMap::new();
    let refusal = match &fault {
        Some(Fault::Reset) => return Fate::HungUp,
        Some(Fault::Html) => return Fate::Answered(html()),
        Some(Fault::TooManyRequests { retry_after }) => {
            let seconds = retry_after.map(|after| after.as_secs());
            state.window.tell_fault(now, seconds, &mut headers);
            let refusal = Refusal::too_many_requests();
            return Fate::Answered(document(refusal.status, &refusal.body, headers));
        }
        Some(Fault::Unauthorized) => Some(Refusal::unauthorized()),
        Some(Fault::Forbidden) => Some(Refusal::forbidden()),
        Some(Fault::InternalError) => Some(Refusal::internal()),
        Some(Fault::Unavailable | Fault::WritesDown) => Some(Refusal::unavailable()),
        Some(Fault::RefusesWrites) => Some(Refusal::bad_request("The field is invalid.", "/base")),
        Some(
            Fault::BlackHole | Fault::AnswerLost | Fault::Slow { .. } | Fault::JobFailures { .. } | Fault::JobsStuck,
        )
        | None => (!call.bears(key)).then(Refusal::unauthorized),
    };
    if let Some(refusal) = refusal {
        state.window.tell(now, false, &mut headers);
        return Fate::Answered(document(refusal.status, &refusal.body, headers));
    }
    let allowed = state.window.take(now);
    state.window.tell(now, !allowed, &mut headers);
    let said = if allowed {
        dispatch(call, state, now)
    } else {
        Err(Refusal::too_many_requests())
    };
    if fault == Some(Fault::AnswerLost) {
        return Fate::Unanswered;
    }
    match said {
        Ok(Said::Document(status, body)) => Fate::Answered(document(status, &body, headers)),
        Ok(Said::Elsewhere) => Fate::Asked(headers),
        Err(refusal) => Fate::Answered(document(refusal.status, &refusal.body, headers)),
    }
}

fn dispatch(call: &Call, state: &mut State, now: Timestamp) -> Result<Said, Refusal> {
    let segments = call.segments().ok_or_else(Refusal::not_found)?;
    if call.method == Method::GET {
        return match show(call, &segments, &state.account) {
            Some(shown) => shown.map(|body| Said::Document(StatusCode::OK, body)),
            None => Ok(Said::Elsewhere),
        };
    }
    match (call.method.as_str(), segments.as_slice()) {
        ("PATCH", ["texml_applications", id]) => {
            let wanted = call.object()?;
            Application::require(&wanted)?;
            state.patch_application(KEY_OWNER, id, &wanted, now)?;
            Ok(Said::Document(StatusCode::OK, state.account.show_application(id)?))
        }
        ("PATCH", ["phone_numbers", id]) => {
            let at = number(&state.account, id)?;
            let change = NumberChange::read(&call.object()?)?;
            state.patch_number(KEY_OWNER, at, &change, now)?;
            Ok(Said::Document(StatusCode::OK, state.account.show_number(at)?))
        }
        ("POST", ["phone_numbers", "jobs", "update_phone_numbers"]) => {
            let (numbers, by_e164, change) = state.account.read_job(call)?;
            let delay = state.account.pace.delay;
            let job = state.post_job(KEY_OWNER, &numbers, by_e164, change, delay, now)?;
            let shown = state.account.jobs[job].show(&state.account.numbers);
            Ok(Said::Document(StatusCode::ACCEPTED, json!({"data": shown})))
        }
        _ if show(call, &segments, &state.account).is_some() => Err(Refusal::method_not_allowed()),
        _ => Err(Refusal::not_found()),
    }
}

/// What a GET shows; `None` where the path is none of the account's.
fn show(call: &Call, segments: &[&str], account: &super::account::Account) -> Option<Result<Value, Refusal>> {
    Some(match segments {
        ["whoami"] => Ok(json!({"data": {
            "record_type": "whoami", "organization_id": account.organization(), "user_id": account.user(KEY_OWNER),
        }})),
        ["balance"] => Ok(account.show_balance()),
        ["connections", id] => account.show_connection(id),
        ["texml_applications"] => account.list_applications(call),
        ["texml_applications", id] => account.show_application(id),
        ["call_control_applications", id] => account.show_call_control(id),
        ["phone_numbers"] => account.list_numbers(call, false),
        ["phone_numbers", "slim"] => account.list_numbers(call, true),
        ["phone_numbers", "jobs"] => account.list_jobs(call),
        ["phone_numbers", "jobs", id] => account.show_job(id),
        ["phone_numbers", id] => number(account, id).and_then(|at| account.show_number(at)),
        ["audit_events"] => audit::list(&account.events, call),
        _ => return None,
    })
}

/// In a path a number goes by its id.
fn number(account: &super::account::Account, id: &str) -> Result<usize, Refusal> {
    account
        .find(id)
        .filter(|_| !id.starts_with('+'))
        .ok_or_else(Refusal::not_found)
}

fn document(status: StatusCode, body: &Value, headers: HeaderMap) -> Response {
    let json = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
    (status, headers, json, Body::from(body.to_string())).into_response()
}

fn html() -> Response {
    let page = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Sign in to continue</body></html>";
    let html = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
    (StatusCode::OK, html, page).into_response()
}
