//! `rehearsal`: the shipped `canary-errors` at full speed, beside as many bare requests over loopback as it makes.
//!
//! The ratio says what everything beyond the sockets costs: the world, the rules, the journal on the disk, virtual time.

use std::collections::BTreeMap;
use std::time::Instant;

use timonel_bridge::{Rehearsal, Speed};
use timonel_http::{Client, Limits, Request};
use timonel_ports::clock::SystemClock;

use crate::{Found, median};

const ROUNDS: usize = 5;
/// A rehearsal may cost three times its bare requests.
const AIM: f64 = 3.0;

#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
pub(crate) fn measure() -> Result<Found, String> {
    let text = std::fs::read_to_string("plans/conecta360-canary.toml").map_err(|e| format!("plans: {e}"))?;
    let plan = timonel_plan::check(&text)
        .value
        .ok_or("the shipped plan does not pass its own check")?;
    let scenario = std::fs::read_to_string("plans/scenarios/conecta360-canary/canary-errors.toml")
        .map_err(|e| format!("plans: {e}"))?;
    let scenario = timonel_plan::scenario::check(&scenario)
        .value
        .ok_or("the shipped scenario does not pass its own check")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| e.to_string())?;
    let (mut ours, mut bare, mut per_request) = (Vec::new(), Vec::new(), Vec::new());
    let (mut requests, mut lasted) = (0, 0.0);
    for round in 1..=ROUNDS {
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let rehearsal = Rehearsal {
            plan: plan.clone(),
            plan_text: text.clone(),
            scenario: scenario.clone(),
            speed: Speed::Max,
            folder: folder.path().to_owned(),
            sources: BTreeMap::new(),
        };
        let begun = Instant::now();
        let ended = runtime.block_on(rehearsal.run(|_| ())).map_err(|e| e.to_string())?;
        let took = begun.elapsed().as_secs_f64();
        (requests, lasted) = (ended.requests, ended.lasted.as_secs_f64());
        let begun = Instant::now();
        runtime.block_on(bare_requests(requests))?;
        let baseline = begun.elapsed().as_secs_f64();
        println!("round {round}: rehearsal {took:.2} s, {requests} bare requests {baseline:.2} s");
        ours.push(took);
        bare.push(baseline);
        per_request.push(took / baseline);
    }
    let (took, baseline, ratio) = (median(ours.clone()), median(bare.clone()), median(per_request));
    println!(
        "{lasted:.0} virtual seconds in {took:.2} s: {:.0} times real time",
        lasted / took
    );
    let figures = serde_json::json!({
        "rounds": ROUNDS, "requests": requests, "virtual_s": lasted,
        "rehearsal_s": took, "rehearsal_all_s": ours, "bare_s": baseline, "bare_all_s": bare,
        "times_real": lasted / took,
    });
    Ok(Found {
        name: "rehearsal",
        figures,
        ratio,
        aim: AIM,
    })
}

/// So many requests for a body of the size of an exposition, one after the other, through our own client.
async fn bare_requests(n: u64) -> Result<(), String> {
    let body = "x".repeat(4096);
    let app = axum::Router::new().route("/", axum::routing::get(move || std::future::ready(body.clone())));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .map_err(|e| e.to_string())?;
    let url = format!("http://{}/", listener.local_addr().map_err(|e| e.to_string())?);
    let clock = SystemClock::shared();
    let server = timonel_ports::task::spawn(&clock, async move { axum::serve(listener, app).await });
    let client = Client::new(clock, Limits::default()).map_err(|e| e.to_string())?;
    for _ in 0..n {
        let request = Request::get(&url).map_err(|e| e.to_string())?;
        client.send(request).await.map_err(|e| e.to_string())?;
    }
    server.abort();
    Ok(())
}
