//! The calls that both programs watch: counters of 1,000 tenants × 10 metrics that are computed when they are scraped, so that
//! nothing runs between two scrapes. Every hundredth tenant fails 20 % of its calls, the others 2 %.

use std::fmt::Write;
use std::net::SocketAddr;

use axum::http::header;
use timonel_ports::clock::SharedClock;
use timonel_ports::task::{Task, spawn};

pub(super) const TENANTS: usize = 1_000;
pub(super) const METRICS: usize = 10;
/// Checks that breach a limit between the two shares of failures.
pub(super) const BREACHING: usize = TENANTS / EVERY * METRICS;
const EVERY: usize = 100;

/// A tenant's calls and those of them that failed, so many seconds after the beginning; of each metric the same.
pub(super) fn counters(tenant: usize, secs: f64) -> (u64, u64) {
    let calls = (secs * (1 + tenant % 7) as f64) as u64 + tenant as u64;
    let failing = if tenant.is_multiple_of(EVERY) { 0.2 } else { 0.02 };
    (calls, (calls as f64 * failing) as u64)
}

/// Both counters of a check, as they are named in the exposition and in Prometheus's rules.
pub(super) fn names(metric: usize) -> (String, String) {
    (format!("m{metric}_total"), format!("m{metric}_bad_total"))
}

pub(super) fn tenant_name(tenant: usize) -> String {
    format!("t{tenant:05}")
}

fn exposition(secs: f64) -> String {
    let mut text = String::new();
    for metric in 0..METRICS {
        let (total, bad) = names(metric);
        for tenant in 0..TENANTS {
            let (calls, failed) = counters(tenant, secs);
            let labels = format!(r#"{{tenant="{}",arm="canary"}}"#, tenant_name(tenant));
            // Writing to a string never fails.
            let _ = writeln!(text, "{total}{labels} {calls}\n{bad}{labels} {failed}");
        }
    }
    text
}

/// Serves the counters at `/metrics` of a loopback address.
pub(super) async fn serve(clock: &SharedClock) -> Result<(SocketAddr, Task<std::io::Result<()>>), String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .map_err(|e| e.to_string())?;
    let address = listener.local_addr().map_err(|e| e.to_string())?;
    let (begun, time) = (clock.mono(), clock.clone());
    let scrape = move || {
        let secs = time.mono().saturating_since(begun).as_secs_f64();
        std::future::ready(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], exposition(secs)))
    };
    let app = axum::Router::new().route("/metrics", axum::routing::get(scrape));
    Ok((address, spawn(clock, async move { axum::serve(listener, app).await })))
}
