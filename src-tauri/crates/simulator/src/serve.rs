//! The world's two metric endpoints on loopback sockets: `/metrics`, and the Prometheus that scrapes it.
//!
//! Here are the ways there: how long an answer takes, and what happens where the source or our own network is gone. What
//! is answered is `metrics`'s business; the cluster has its own router and faults.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, StatusCode, header};
use timonel_plan::scenario::{Gone, WorldSource};
use timonel_ports::clock::Clock;
use timonel_ports::mailbox::{Receiver, Sender, mailbox};

use crate::cluster::Hangup;
use crate::metrics::api::Reply;
use crate::request;
use crate::simulator::Scene;
use crate::time::VirtualClock;

/// A form longer than this is refused; Prometheus itself stops at 10 MB.
const MOST_FORM_BYTES: usize = 64 * 1024;

/// What keeps the metric endpoints from answering; a handle.
#[derive(Debug, Clone)]
pub(crate) struct Outages {
    clock: VirtualClock,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    network_lost: bool,
    metrics: Option<Gone>,
    prometheus: Option<Gone>,
    /// Requests that hang, to be told of every change.
    waiting: Vec<Sender<()>>,
}

impl State {
    fn gone(&self, source: WorldSource) -> Option<Gone> {
        match source {
            WorldSource::Metrics => self.metrics,
            WorldSource::Prometheus => self.prometheus,
        }
    }
}

impl Outages {
    pub(crate) fn new(clock: VirtualClock) -> Self {
        Self {
            clock,
            state: Arc::default(),
        }
    }

    /// Sets all at once.
    pub(crate) fn set(&self, network_lost: bool, metrics: Option<Gone>, prometheus: Option<Gone>) {
        let mut state = self.state();
        let waiting = std::mem::take(&mut state.waiting);
        *state = State {
            network_lost,
            metrics,
            prometheus,
            waiting: Vec::new(),
        };
        drop(state);
        for request in waiting {
            // It is no error if its client has gone.
            let _ = request.send(());
        }
    }

    fn gone(&self, source: WorldSource) -> Option<Gone> {
        self.state().gone(source)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A mailbox that is told of the next change, where requests to `source` get no answer now.
    fn black_hole(&self, source: WorldSource) -> Option<Receiver<()>> {
        let mut state = self.state();
        let swallows = state.network_lost || state.gone(source) == Some(Gone::Down);
        swallows.then(|| {
            let (sender, receiver) = mailbox(&self.clock.shared());
            state.waiting.push(sender);
            receiver
        })
    }

    /// Completes when requests to `source` get through; until then the request is asleep.
    async fn passage(&self, source: WorldSource, request: Option<u64>) {
        while let Some(mut change) = self.black_hole(source) {
            let asleep = self.clock.doze_open(request);
            let told = change.recv_busy().await;
            // In this order: the token keeps time from stepping until the request counts as awake.
            drop(asleep);
            drop(told);
        }
    }
}

/// The router of one of the two endpoints.
pub(crate) fn router(scene: Scene, outages: Outages, seed: u64, source: WorldSource) -> Router {
    let endpoint = Endpoint {
        scene,
        outages,
        seed,
        source,
    };
    Router::new().fallback(move |request: Request| {
        let endpoint = endpoint.clone();
        async move { endpoint.answer(request).await }
    })
}

#[derive(Debug, Clone)]
struct Endpoint {
    scene: Scene,
    outages: Outages,
    seed: u64,
    source: WorldSource,
}

impl Endpoint {
    async fn answer(&self, request: Request) -> Response {
        let id = request::id(request.headers());
        let (parts, body) = request.into_parts();
        let path = parts.uri.path();
        let Ok(body) = to_bytes(body, MOST_FORM_BYTES).await else {
            return StatusCode::PAYLOAD_TOO_LARGE.into_response();
        };
        let clock = &self.outages.clock;
        self.outages.passage(self.source, id).await;
        let until = clock.mono() + latency(self.seed, path, clock.now().micros(), self.source);
        if !clock.doze(id, until).await {
            return Hangup.into_response();
        }
        // It may have gone while the answer was on its way.
        self.outages.passage(self.source, id).await;

        let is_form = match parts.method {
            Method::GET => false,
            Method::POST => true,
            _ => return StatusCode::METHOD_NOT_ALLOWED.into_response(),
        };
        match self.source {
            WorldSource::Metrics if is_form => StatusCode::METHOD_NOT_ALLOWED.into_response(),
            WorldSource::Metrics => self.exposition(path),
            WorldSource::Prometheus => {
                let query = parts.uri.query().unwrap_or_default().as_bytes();
                let posted = if is_form { &body[..] } else { &[] };
                // What is in the form goes before what is in the address, as in Go.
                let form: Vec<(String, String)> = [posted, query]
                    .into_iter()
                    .flat_map(|part| form_urlencoded::parse(part).into_owned())
                    .collect();
                let gone = self.outages.gone(self.source);
                reply(self.scene.look(|seen| seen.answer(path, &form, gone)))
            }
        }
    }

    fn exposition(&self, path: &str) -> Response {
        if path != "/metrics" {
            return StatusCode::NOT_FOUND.into_response();
        }
        let body = match self.outages.gone(self.source) {
            Some(Gone::Empty) => String::new(),
            // NaN is in the text itself.
            None | Some(Gone::Nan | Gone::Down) => self.scene.look(|seen| seen.exposition()),
        };
        reply(Reply {
            status: 200,
            content_type: crate::metrics::CONTENT_TYPE,
            body,
        })
    }
}

fn reply(reply: Reply) -> Response {
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
    response
}

/// How long an answer takes: a text is quicker than a query. The same for the same question at the same moment.
fn latency(seed: u64, path: &str, now: i64, source: WorldSource) -> Duration {
    let (least, spread) = match source {
        WorldSource::Metrics => (2_000, 12_000),
        WorldSource::Prometheus => (4_000, 36_000),
    };
    let hash = crate::cluster::hash(&[&seed.to_be_bytes(), path.as_bytes(), &now.to_be_bytes()]);
    Duration::from_micros(least + hash % spread)
}
