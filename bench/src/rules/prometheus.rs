//! Debian's Prometheus with one alert rule a metric over all tenants, its cheapest layout, or with none.

use std::collections::BTreeSet;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use timonel_http::{Client, Method, Request};
use timonel_ports::clock::sleep;

use super::traffic::{METRICS, TENANTS, names};
use super::{LIMIT, SCRAPE};

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(200);

/// A Prometheus under way. Dropping it ends it and removes its files.
pub(super) struct Prometheus {
    child: Child,
    folder: TempDir,
    address: SocketAddr,
    client: Client,
}

/// What it has done since its start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Done {
    /// CPU seconds of the process, user and system.
    pub(super) cpu: f64,
    /// Tenants and metrics that were looked at.
    pub(super) checks: f64,
    /// Evaluations that failed.
    pub(super) failed: f64,
    /// Rounds of a rule that were left out because the one before was not over: no checks, and no CPU.
    pub(super) missed: f64,
}

impl Prometheus {
    /// Starts it without rules; it scrapes `target`.
    pub(super) async fn start(client: &Client, target: SocketAddr) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        // Free at this moment; whoever takes it before Prometheus does makes this run fail, and no figure wrong.
        let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
        let address = free.map_err(|e| e.to_string())?;
        let at = folder.path();
        write(&at.join("rules.yml"), "groups: []\n")?;
        let config = format!(
            "global: {{scrape_interval: {0}s, evaluation_interval: 1s}}\nrule_files: ['{1}']\nscrape_configs:\n\
             - job_name: calls\n  static_configs: [{{targets: ['{target}']}}]\n",
            SCRAPE.as_secs(),
            at.join("rules.yml").display(),
        );
        write(&at.join("prometheus.yml"), &config)?;
        let log = fs::File::create(at.join("log")).map_err(|e| e.to_string())?;
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", at.join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", at.join("tsdb").display()))
            .arg(format!("--web.listen-address={address}"))
            .args(["--web.enable-lifecycle", "--log.level=warn"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|e| format!("`prometheus` cannot be started ({e}); `cargo xtask setup` says how to get it"))?;
        let client = client.clone();
        let mut started = Self {
            child,
            folder,
            address,
            client,
        };
        let end = started.client.clock().mono() + PATIENCE;
        while started.ask(Method::GET, "/-/ready").await.is_err() {
            if let Ok(Some(status)) = started.child.try_wait() {
                return Err(format!("`prometheus` ended at once ({status}): {}", started.said()));
            }
            if started.client.clock().mono() >= end {
                return Err(format!(
                    "`prometheus` was not ready within {PATIENCE:?}: {}",
                    started.said()
                ));
            }
            sleep(started.client.clock().as_ref(), LOOK).await;
        }
        Ok(started)
    }

    fn said(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// With the rules from now on, over `window`, or without.
    pub(super) async fn rules(&self, window: Option<Duration>) -> Result<(), String> {
        let mut rules = String::from("groups:");
        for metric in 0..METRICS {
            let Some(window) = window.map(|window| window.as_secs()) else {
                rules.push_str(" []\n");
                break;
            };
            let (total, bad) = names(metric);
            rules += &format!(
                "\n- name: m{metric}\n  rules:\n  - alert: m{metric}\n    for: 5m\n    \
                 expr: rate({bad}{{arm=\"canary\"}}[{window}s]) / rate({total}{{arm=\"canary\"}}[{window}s]) > {LIMIT}\n"
            );
        }
        write(&self.folder.path().join("rules.yml"), &rules)?;
        self.ask(Method::POST, "/-/reload").await.map(drop)
    }

    /// The checks that breach, as `tenant-metric`.
    pub(super) async fn breaching(&self) -> Result<BTreeSet<String>, String> {
        let answer = self.ask(Method::GET, "/api/v1/alerts").await?;
        let answer: serde_json::Value = serde_json::from_str(&answer).map_err(|e| e.to_string())?;
        let alerts = answer["data"]["alerts"].as_array().ok_or("no list of alerts")?;
        let name = |alert: &serde_json::Value| {
            let label = |name| alert["labels"][name].as_str().map(str::to_owned);
            Some(format!("{}-{}", label("tenant")?, label("alertname")?))
        };
        alerts
            .iter()
            .map(|alert| name(alert).ok_or_else(|| format!("an alert without its labels: {alert}")))
            .collect()
    }

    pub(super) async fn done(&self) -> Result<Done, String> {
        let text = self.ask(Method::GET, "/metrics").await?;
        let sum = |name: &str| -> f64 {
            let of_it = text.lines().filter(|line| {
                let rest = line.strip_prefix(name);
                rest.is_some_and(|rest| rest.starts_with(['{', ' ']))
            });
            of_it
                .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
                .sum()
        };
        Ok(Done {
            cpu: cpu_seconds(self.child.id())?,
            checks: sum("prometheus_rule_evaluations_total") * TENANTS as f64,
            failed: sum("prometheus_rule_evaluation_failures_total"),
            missed: sum("prometheus_rule_group_iterations_missed_total"),
        })
    }

    async fn ask(&self, method: Method, path: &str) -> Result<String, String> {
        let url = format!("http://{}{path}", self.address);
        let request = Request::new(method, &url).map_err(|e| e.to_string())?;
        let answer = self.client.send(request).await.map_err(|e| e.to_string())?;
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        if answer.status.is_success() {
            Ok(body)
        } else {
            Err(format!("{path} of Prometheus answered {}: {body}", answer.status))
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // Both fail only where it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))
}

/// User and system CPU of a process, from the kernel's file of it: hundredths of a second.
fn cpu_seconds(id: u32) -> Result<f64, String> {
    const TICKS: f64 = 100.0;
    let path = format!("/proc/{id}/stat");
    let stat = fs::read_to_string(&path).map_err(|e| format!("{path}: {e}"))?;
    // The second field is a name in parentheses, which may hold anything; the fourteenth and fifteenth are the times.
    let after = stat.rsplit(')').next().unwrap_or_default();
    let ticks: Vec<f64> = after
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse().ok())
        .collect();
    match ticks.as_slice() {
        [user, system] => Ok((user + system) / TICKS),
        _ => Err(format!("{path} has no CPU times")),
    }
}
