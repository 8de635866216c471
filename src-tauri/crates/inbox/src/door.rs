//! The loopback socket: `POST /rollouts/ROLLOUT/outcomes`, one JSON object a line, an answer for each request. `?arm=` says of which
//! arms nothing more happened.
//!
//! What comes in can let a gate go as well as put calls back, so only programs of this machine are heard, and of those no browser
//! that a page has sent: a page can neither leave out `Origin` nor send JSON across origins unasked. Everything is bounded:
//! connections and their life, heads, bodies, lines, the time of each.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use serde_json::json;
use timonel_domain::value::{Arm, RolloutId};
use timonel_ports::clock::{SharedClock, sleep, within};
use timonel_ports::task::spawn;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::call::Told;
use crate::inbox::{Inboxes, Refused};

/// Connections at a time; more wait to be accepted.
const CONNECTIONS: usize = 64;
/// A connection is closed after this, whatever it does; whoever was cut off sends the same again.
const LIFE: Duration = Duration::from_secs(300);
/// For a request's head.
const HEAD: Duration = Duration::from_secs(10);
/// For a request's body, from its head on.
const BODY: Duration = Duration::from_secs(5);
/// Bytes of a request's head.
const LONGEST_HEAD: usize = 16 * 1024;
/// Bytes of a body.
const LONGEST: usize = 256 * 1024;
/// Calls of a request.
const MOST_LINES: usize = 1000;
/// A listener that cannot accept, for want of file descriptors for instance, tries again after this.
const AGAIN: Duration = Duration::from_millis(200);

/// An address that others than this machine reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("outcomes are taken on loopback alone, and {0} is not: write 127.0.0.1:PORT or [::1]:PORT")]
pub struct NotLoopback(pub SocketAddr);

/// The same address, where only this machine reaches it.
pub fn loopback(address: SocketAddr) -> Result<SocketAddr, NotLoopback> {
    match address.ip().is_loopback() {
        true => Ok(address),
        false => Err(NotLoopback(address)),
    }
}

/// Feeds the inboxes with what is posted to `listener`, for as long as it is polled. Tasks of connections outlive it for [`LIFE`]
/// at most.
pub async fn receive(listener: TcpListener, inboxes: Inboxes, clock: SharedClock) {
    let router = Router::new()
        .route("/rollouts/{rollout}/outcomes", post(outcomes))
        .with_state((inboxes, clock.clone()));
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let place = places.clone().acquire_owned().await;
        match listener.accept().await {
            Ok((stream, _)) => {
                let (router, on) = (router.clone(), clock.clone());
                drop(spawn(&clock, async move {
                    answer(stream, router, &on).await;
                    drop(place);
                }));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                sleep(&*clock, AGAIN).await;
            }
        }
    }
}

/// One connection, with as many requests as it has.
async fn answer(stream: TcpStream, router: Router, clock: &SharedClock) {
    // A call that ended waits for no other.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "answers may be held back");
    }
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(LONGEST_HEAD)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    match within(&**clock, LIFE, serving).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a connection ended early"),
        Err(late) => tracing::debug!(%late, "a connection was closed"),
    }
}

async fn outcomes(
    State((inboxes, clock)): State<(Inboxes, SharedClock)>,
    Path(rollout): Path<String>,
    RawQuery(query): RawQuery,
    head: HeaderMap,
    body: Body,
) -> Response {
    if head.contains_key(header::ORIGIN) {
        return refuse(StatusCode::FORBIDDEN, "a page of a browser is not heard here");
    }
    let kind = head.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
    if !matches!(kind, Some("application/x-ndjson" | "application/json")) {
        let said = "send application/x-ndjson: one JSON object a line";
        return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, said);
    }
    let inbox = RolloutId::new(&rollout).ok().and_then(|rollout| inboxes.of(&rollout));
    let Some(inbox) = inbox else {
        let said = "no rollout of this name takes outcomes here: it is kept up by another engine, or by none, or its plan has \
                    no signal that they tell";
        return refuse(StatusCode::NOT_FOUND, said);
    };
    let quiet = match arms(query.as_deref().unwrap_or_default()) {
        Ok(arms) => arms,
        Err(response) => return *response,
    };
    let bytes = match within(&*clock, BODY, to_bytes(body, LONGEST)).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(_)) => {
            let said = format!("a body has {LONGEST} bytes at most: send fewer calls at a time");
            return refuse(StatusCode::PAYLOAD_TOO_LARGE, &said);
        }
        Err(_) => {
            let said = format!("the body did not come within {} s", BODY.as_secs());
            return refuse(StatusCode::REQUEST_TIMEOUT, &said);
        }
    };
    let told = match read(&bytes) {
        Ok(told) => told,
        Err(response) => return *response,
    };
    if told.is_empty() && quiet.is_empty() {
        let said = "an empty body says that nothing happened: add ?arm=stable, ?arm=canary or ?arm=stable&arm=canary, since nobody \
                    speaks for an arm that it does not handle";
        return refuse(StatusCode::BAD_REQUEST, said);
    }
    match inbox.take(&told, &quiet) {
        Ok(taken) => Json(json!({"counted": taken.counted, "again": taken.again, "late": taken.late})).into_response(),
        Err(why) => {
            let said = why.to_string();
            match why {
                Refused::Otherwise { .. } => refuse(StatusCode::CONFLICT, &said),
                Refused::Ahead { .. } => refuse(StatusCode::BAD_REQUEST, &said),
                Refused::Full => {
                    let full = refuse(StatusCode::SERVICE_UNAVAILABLE, &said);
                    ([(header::RETRY_AFTER, "1")], full).into_response()
                }
            }
        }
    }
}

/// The arms of a query.
fn arms(query: &str) -> Result<Vec<Arm>, Box<Response>> {
    let arm = |part: &str| match part {
        "arm=stable" => Ok(Arm::Stable),
        "arm=canary" => Ok(Arm::Canary),
        _ => {
            let said = "the query says of which arms nothing more happened: arm=stable, arm=canary";
            Err(Box::new(refuse(StatusCode::BAD_REQUEST, said)))
        }
    };
    query.split('&').filter(|part| !part.is_empty()).map(arm).collect()
}

/// Every line that is not empty.
fn read(bytes: &[u8]) -> Result<Vec<Told>, Box<Response>> {
    let lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let mut told = Vec::new();
    for (number, line) in (1..).zip(lines).filter(|(_, line)| !line.is_empty()) {
        if told.len() == MOST_LINES {
            let said = format!("a request has {MOST_LINES} calls at most");
            return Err(Box::new(refuse(StatusCode::PAYLOAD_TOO_LARGE, &said)));
        }
        match Told::read(line) {
            Ok(read) => told.push(read),
            Err(why) => {
                let said = format!("line {number}: {why}");
                return Err(Box::new(refuse(StatusCode::BAD_REQUEST, &said)));
            }
        }
    }
    Ok(told)
}

fn refuse(status: StatusCode, said: &str) -> Response {
    (status, Json(json!({"error": said}))).into_response()
}
