//! The peer: Debian's Prometheus and Alertmanager and a webhook that sets the weight, tuned to 1 s scrapes, 1 s evaluations and no
//! group wait, as whoever wants it fast would set it up.

use std::ffi::OsString;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use timonel_http::{Client, Method, Request};
use timonel_ports::clock::SharedClock;
use timonel_ports::task::{Task, spawn};
use timonel_testkit::process::{AlertmanagerServer, Process, ProcessError};

use super::stream::Stream;
use super::{LASTING, WINDOW};

/// Prometheus and Alertmanager pairs: each has one fixed distance between its scrapes and its evaluations.
pub(super) const REPLICAS: usize = 4;

/// What a turn of the peer has.
pub(super) struct Peer {
    _prometheus: Vec<Process>,
    _alertmanagers: Vec<AlertmanagerServer>,
    serving: Task<()>,
    /// Why there is no Alertmanager between Prometheus and the webhook, where there is none.
    pub(super) without: Option<String>,
}

/// Why there is no peer.
#[derive(Debug)]
pub(super) enum NoPeer {
    /// Its programs are not here.
    Missing(String),
    /// It could not be started.
    Failed(String),
}

impl From<ProcessError> for NoPeer {
    fn from(error: ProcessError) -> Self {
        match error {
            ProcessError::Missing { .. } => NoPeer::Missing(error.to_string()),
            ProcessError::Start { .. } | ProcessError::NotReady { .. } => NoPeer::Failed(error.to_string()),
        }
    }
}

/// What the exporter and the webhook know.
#[derive(Clone)]
struct Known {
    streams: std::sync::Arc<Vec<(String, Stream)>>,
    begun: timonel_domain::time::Mono,
    clock: SharedClock,
    client: Client,
    weights: SocketAddr,
}

impl Peer {
    /// Starts everything; the streams have begun at `begun`, and the webhook sets weights at `weights`.
    pub(super) async fn start(
        client: &Client,
        streams: Vec<(String, Stream)>,
        begun: timonel_domain::time::Mono,
        weights: SocketAddr,
    ) -> Result<Self, NoPeer> {
        let failed = |e: std::io::Error| NoPeer::Failed(e.to_string());
        let known = Known {
            streams: std::sync::Arc::new(streams),
            begun,
            clock: client.clock().clone(),
            client: client.clone(),
            weights,
        };
        let app = Router::new()
            .route("/metrics", get(exporter))
            .route("/hook", post(hook))
            // Where there is no Alertmanager, Prometheus tells the webhook itself.
            .route("/api/v2/alerts", post(told))
            .with_state(known);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
        let at = listener.local_addr().map_err(failed)?;
        let serving = spawn(client.clock(), async move {
            if let Err(error) = axum::serve(listener, app).await {
                eprintln!("the webhook ended: {error}");
            }
        });
        let (mut prometheus, mut alertmanagers, mut without) = (Vec::new(), Vec::new(), None);
        for replica in 0..REPLICAS {
            let config = format!(
                "route: {{receiver: hook, group_by: [replica, tenant], group_wait: 0s}}\nreceivers:\n- name: hook\n  \
                 webhook_configs: [{{url: 'http://{at}/hook', send_resolved: false}}]\n"
            );
            let alerts_to = match AlertmanagerServer::telling(&config).await {
                Ok(alertmanager) => {
                    let address = alertmanager.address();
                    alertmanagers.push(alertmanager);
                    address
                }
                Err(error @ ProcessError::Missing { .. }) => {
                    without = Some(error.to_string());
                    at
                }
                Err(error) => return Err(error.into()),
            };
            prometheus.push(start(replica, at, alerts_to).await?);
        }
        Ok(Self {
            _prometheus: prometheus,
            _alertmanagers: alertmanagers,
            serving,
            without,
        })
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The name under which the webhook sets a weight.
pub(super) fn name(replica: usize, tenant: &str) -> String {
    format!("r{replica}/{tenant}")
}

async fn start(replica: usize, exporter: SocketAddr, alerts_to: SocketAddr) -> Result<Process, NoPeer> {
    // Free at this moment; whoever takes it before Prometheus does makes this run fail, and no figure wrong.
    let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    let address = free.map_err(|e| NoPeer::Failed(e.to_string()))?;
    let mut process = Process::start("prometheus", |dir| {
        let rules = format!(
            "groups:\n- name: canary\n  rules:\n  - alert: CanaryErrors\n    for: {1}s\n    expr: |\n      \
             sum by (tenant) (rate(calls_total{{arm=\"canary\",outcome=\"failed\"}}[{0}s]))\n        \
             / sum by (tenant) (rate(calls_total{{arm=\"canary\"}}[{0}s])) > 0.1\n",
            WINDOW.as_secs(),
            LASTING.as_secs(),
        );
        std::fs::write(dir.join("rules.yml"), rules)?;
        let config = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s, external_labels: {{replica: r{replica}}}}}\n\
             rule_files: ['{}']\nscrape_configs:\n- job_name: calls\n  static_configs: [{{targets: ['{exporter}']}}]\n\
             alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{alerts_to}']}}]}}]}}\n",
            dir.join("rules.yml").display(),
        );
        std::fs::write(dir.join("prometheus.yml"), config)?;
        Ok([
            format!("--config.file={}", dir.join("prometheus.yml").display()),
            format!("--storage.tsdb.path={}", dir.join("data").display()),
            format!("--web.listen-address={address}"),
            "--log.level=warn".to_owned(),
        ]
        .map(OsString::from)
        .to_vec())
    })?;
    process.answers(address, "/-/ready").await?;
    Ok(process)
}

async fn exporter(State(known): State<Known>) -> ([(header::HeaderName, &'static str); 1], String) {
    let at = known.clock.mono().saturating_since(known.begun).as_secs_f64();
    let mut text = "# TYPE calls_total counter\n".to_owned();
    for (tenant, stream) in known.streams.iter() {
        text += &stream.exposition(Some(tenant), at);
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text)
}

/// What a user would write: Alertmanager calls it, it sets the weight to 0.
async fn hook(State(known): State<Known>, Json(body): Json<Value>) {
    set_to_zero(&known, &body["alerts"]).await;
}

async fn told(State(known): State<Known>, Json(body): Json<Value>) {
    set_to_zero(&known, &body).await;
}

async fn set_to_zero(known: &Known, alerts: &Value) {
    for alert in alerts.as_array().into_iter().flatten() {
        let label = |name: &str| alert["labels"][name].as_str().unwrap_or_default();
        let url = format!(
            "http://{}/weights/{}/{}",
            known.weights,
            label("replica"),
            label("tenant")
        );
        let request = Request::new(Method::PATCH, &url).and_then(|request| request.json(&json!({"weight": 0})));
        let sent = match request {
            Ok(request) => known.client.send(request).await.map(drop),
            Err(error) => Err(error),
        };
        if let Err(error) = sent {
            eprintln!("the webhook did not get through: {error}");
        }
    }
}

/// A healthy canary's odds of being put back by the peer's rule, "more than 10 % over 5 min for 5 min" looked at every 15 s, within
/// a day at so many calls a minute of which `base` fail. The seed is fixed.
pub(super) fn odds_of_a_day(calls_a_minute: f64, base: f64, days: u32) -> f64 {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};
    const STEP: Duration = Duration::from_secs(15);
    const STEPS: usize = 20;
    let mut random = ChaCha8Rng::seed_from_u64(365);
    let mut share = move || (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
    let a_step = calls_a_minute / 60.0 * STEP.as_secs_f64();
    let mut fired = 0u32;
    for _ in 0..days {
        let mut window = std::collections::VecDeque::from([(0u64, 0u64); STEPS]);
        let (mut due, mut next, mut lasted) = (0.0, 0.0, 0usize);
        for _ in 0..(24 * 240) {
            due += a_step;
            let (mut calls, mut bad) = (0, 0);
            while next < due {
                // As calls arrive: the time between two is exponential.
                next -= (1.0 - share()).ln();
                calls += 1;
                bad += u64::from(share() < base);
            }
            window.pop_front();
            window.push_back((bad, calls));
            let (bad, calls) = window.iter().fold((0, 0), |(b, c), (bad, calls)| (b + bad, c + calls));
            lasted = if calls > 0 && bad * 10 > calls { lasted + 1 } else { 0 };
            if lasted > STEPS {
                fired += 1;
                break;
            }
        }
    }
    f64::from(fired) / f64::from(days)
}
