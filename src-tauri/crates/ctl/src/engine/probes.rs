//! What a supervisor asks of a running engine: `/healthz`, `/readyz` and `/metrics`.
//!
//! On a thread and a runtime of their own, so that engines which hang are told of rather than hang the answer. They read and
//! change nothing. Everything is bounded: connections, the time of each, the size of a request's head; a body is never read.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use serde_json::json;
use timonel_bridge::headless::Headless;
use timonel_ports::clock::{SharedClock, SystemClock, sleep, within};
use timonel_ports::task::spawn;
use tokio::sync::Semaphore;

use super::metrics;

/// Whether the program lives; what does not needs a restart.
pub(crate) const ALIVE: &str = "/healthz";
/// Whether everything is there that a raise would need.
pub(crate) const READY: &str = "/readyz";
/// Figures in Prometheus' text format.
pub(crate) const METRICS: &str = "/metrics";

/// Connections at a time; more wait to be accepted.
const CONNECTIONS: usize = 32;
/// From a connection's first byte to the answer's last.
const WHOLE: Duration = Duration::from_secs(10);
/// For a request's head.
const HEAD: Duration = Duration::from_secs(5);
/// Bytes of a request's head.
const LONGEST_HEAD: usize = 16 * 1024;
/// A listener that cannot accept, for want of file descriptors for instance, tries again after this.
const AGAIN: Duration = Duration::from_millis(200);

/// Answers on `listener` for as long as the program runs.
pub(super) fn listen(listener: TcpListener, headless: Headless) -> std::io::Result<()> {
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answers = move || runtime.block_on(accept(listener, headless));
    std::thread::Builder::new().name("probes".to_owned()).spawn(answers)?;
    Ok(())
}

async fn accept(listener: TcpListener, headless: Headless) {
    let clock = SystemClock::shared();
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "nobody can ask how we are"),
    };
    let router = router(headless);
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

/// One request and its answer.
async fn answer(stream: tokio::net::TcpStream, router: Router, clock: &SharedClock) {
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(LONGEST_HEAD)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    match within(&**clock, WHOLE, serving).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a connection ended early"),
        Err(late) => tracing::debug!(%late, "a connection was closed"),
    }
}

fn router(headless: Headless) -> Router {
    Router::new()
        .route(ALIVE, get(alive))
        .route(READY, get(ready))
        .route(METRICS, get(figures))
        .with_state(headless)
}

async fn alive(State(headless): State<Headless>) -> Response {
    let health = headless.health().await;
    let owners: serde_json::Map<_, _> = health
        .owners
        .iter()
        .map(|(rollout, took)| (rollout.to_string(), json!({"answers": took.is_some()})))
        .collect();
    let told = json!({
        "ok": health.is_good(),
        "rollouts": owners,
        "threads_came_round_ms_ago": health.beat.as_millis(),
    });
    (status(health.is_good()), Json(told)).into_response()
}

async fn ready(State(headless): State<Headless>) -> Response {
    let needs = headless.readiness().await;
    let ok = needs.iter().all(|need| need.ok);
    let told: Vec<_> = needs
        .iter()
        .map(|need| {
            let rollout = need.rollout.as_ref().map(ToString::to_string);
            json!({"what": need.what, "rollout": rollout, "ok": need.ok, "proof": need.proof})
        })
        .collect();
    (status(ok), Json(json!({"ok": ok, "needs": told}))).into_response()
}

async fn figures(State(headless): State<Headless>) -> Response {
    let text = metrics::text(&headless.figures().await);
    ([(header::CONTENT_TYPE, metrics::FORMAT)], text).into_response()
}

fn status(good: bool) -> StatusCode {
    if good {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}
