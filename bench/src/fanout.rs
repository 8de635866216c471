//! `rollback-fanout`: 5,000 numbers put back from 100 %, by the whole product, beside the least that the provider's limit allows.
//!
//! Both in virtual time against the same simulated account: 60 ms an answer, 10 requests a second, bulk jobs with a pace of
//! their own. The least is what a client would take that knows everything before it asks: one PATCH, the jobs, one look at
//! each when it is over, one list that shows that nobody is left. The ratio does not depend on this machine.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use timonel_bridge::{Rehearsal, Speed, Told};
use timonel_domain::rollout::{Effect, Notice, Stage};
use timonel_domain::time::Timestamp;
use timonel_http::{Client, Limits as HttpLimits, Method, Request};
use timonel_plan::scenario::Scenario;
use timonel_ports::clock::{Clock, sleep};
use timonel_ports::task::{counted, spawn};
use timonel_simulator::cluster::serve;
use timonel_simulator::telnyx::book::NoCalls;
use timonel_simulator::telnyx::{ApplicationSetup, JobPace, Limits, NumberSetup, Setup, Telnyx};
use timonel_simulator::time::VirtualClock;

use crate::Found;

const PLAN: &str = include_str!("fanout.toml");
const SCENARIO: &str = include_str!("fanout-scenario.toml");
/// The whole product may take a fifth more than who knows everything beforehand.
const AIM: f64 = 1.2;
/// The most numbers that a bulk job takes.
const JOB: usize = 1000;
const STABLE: &str = "2150000000000000001";
const CANARY: &str = "2150000000000000002";
/// No secret: it opens a server that exists for this bench, on loopback.
const KEY: &str = "bench";

pub(crate) fn measure() -> Result<Found, String> {
    let plan = timonel_plan::check(PLAN)
        .value
        .ok_or("the bench's plan does not pass its own check")?;
    let scenario = timonel_plan::scenario::check(SCENARIO)
        .value
        .ok_or("the bench's scenario does not pass its own check")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| e.to_string())?;
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let rehearsal = Rehearsal {
        plan,
        plan_text: PLAN.to_owned(),
        scenario: scenario.clone(),
        speed: Speed::Max,
        folder: folder.path().to_owned(),
        sources: BTreeMap::new(),
    };
    let mut seen = Seen::default();
    let ended = runtime
        .block_on(rehearsal.run(|told| seen.see(&told)))
        .map_err(|e| e.to_string())?;
    let differences = ended.summary.differences(&scenario.expect);
    if !differences.is_empty() {
        return Err(differences.join("; "));
    }
    let decided = ended.summary.decided_at.ok_or("nothing was rolled back")?;
    let since = |at: Option<Timestamp>, what: &str| {
        let at = at.ok_or_else(|| format!("never {what}"))?;
        Ok::<f64, String>(at.since(decided).as_secs_f64())
    };
    let accepted = since(seen.accepted, "accepted")?;
    let levered = since(seen.levered, "read back")?;
    let clean = since(seen.clean, "cleaned up")?;
    let least = runtime.block_on(least(&scenario))?;
    println!(
        "new calls are off the canary {:.0} ms after the decision, read back after {:.0} ms",
        accepted * 1e3,
        levered * 1e3
    );
    println!(
        "5,000 numbers are back, and seen to be, after {clean:.2} s; the least that the limit allows is {least:.2} s"
    );
    let figures = json!({
        "numbers": 5000, "latency_ms": 60, "requests_per_second": 10,
        "accepted_s": accepted, "read_back_s": levered, "clean_s": clean, "least_s": least,
    });
    Ok(Found {
        name: "rollback-fanout",
        figures,
        ratio: clean / least,
        aim: AIM,
    })
}

/// When what was told.
#[derive(Debug, Default)]
struct Seen {
    accepted: Option<Timestamp>,
    levered: Option<Timestamp>,
    clean: Option<Timestamp>,
}

impl Seen {
    fn see(&mut self, told: &Told) {
        let Told::Step(step) = told else { return };
        let target = step.state.targets.values().next();
        if step.state.rollback.is_some() && self.accepted.is_none() {
            self.accepted = target.and_then(|t| t.marks.accepted);
        }
        let levered = |e: &Effect| matches!(e, Effect::Notify(Notice::Levered { .. }));
        if step.effects.iter().any(levered) {
            self.levered = Some(step.at);
        }
        if step.state.stage == Stage::RolledBack && self.clean.is_none() {
            self.clean = Some(step.at);
        }
    }
}

/// What a client takes that knows everything beforehand, in virtual seconds.
async fn least(scenario: &Scenario) -> Result<f64, String> {
    let clock = VirtualClock::new(scenario.start);
    let setup = account(scenario).ok_or("the bench's scenario has no account")?;
    let work = counted(clock.shared(), roll_back(clock.clone(), setup));
    tokio::select! {
        took = work => took,
        () = clock.run(Speed::Max) => Err("virtual time ended".to_owned()),
    }
}

fn account(scenario: &Scenario) -> Option<Setup> {
    let telnyx = scenario.telnyx.as_ref()?;
    let number = |i: u64| NumberSetup {
        id: (1_300_000_000_000_000_000 + i).to_string(),
        e164: format!("+3491{:07}", 1_000_000 + i),
        connection_id: CANARY.to_owned(),
        tags: Vec::new(),
    };
    Some(Setup {
        stable: ApplicationSetup::new(STABLE, "stable", "https://estable.example.com/voice"),
        canary: ApplicationSetup::new(CANARY, "canary", "https://canario.example.com/voice"),
        others: Vec::new(),
        numbers: (0..u64::from(telnyx.numbers)).map(number).collect(),
        limits: Limits {
            requests_per_second: Some(telnyx.requests_per_second),
            ..Limits::default()
        },
        latency: telnyx.latency,
        jobs: JobPace {
            delay: telnyx.job_delay,
            per_second: telnyx.job_pace,
        },
        propagation: telnyx.propagation,
        balance: 10_000,
    })
}

async fn roll_back(clock: VirtualClock, setup: Setup) -> Result<f64, String> {
    let ids: Vec<String> = setup.numbers.iter().map(|n| n.id.clone()).collect();
    let work = setup.jobs.delay + Duration::from_secs(JOB as u64) / setup.jobs.per_second.max(1);
    let telnyx = Telnyx::new(clock.clone(), 11, KEY, setup, Arc::new(NoCalls));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .map_err(|e| e.to_string())?;
    let base = format!("http://{}", listener.local_addr().map_err(|e| e.to_string())?);
    let shared = clock.shared();
    let serving = spawn(&shared, serve(shared.clone(), listener, telnyx.router()));
    let client = Client::new(shared.clone(), HttpLimits::default()).map_err(|e| e.to_string())?;
    let ask = |method: Method, path: String, body: Option<Value>| ask(&client, &base, method, path, body);

    let begun = clock.mono();
    let lever = json!({"friendly_name": "canary", "voice_url": "https://estable.example.com/voice"});
    ask(Method::PATCH, format!("/v2/texml_applications/{CANARY}"), Some(lever)).await?;
    let mut jobs = Vec::new();
    let mut posted = clock.mono();
    for chunk in ids.chunks(JOB) {
        let body = json!({"phone_numbers": chunk, "connection_id": STABLE});
        let answer = ask(
            Method::POST,
            "/v2/phone_numbers/jobs/update_phone_numbers".to_owned(),
            Some(body),
        )
        .await?;
        posted = clock.mono();
        jobs.push(answer["data"]["id"].as_str().ok_or("a job without an id")?.to_owned());
    }
    // All but the last are over before it.
    for job in &jobs[..jobs.len() - 1] {
        let over = work.saturating_sub(clock.mono().saturating_since(posted));
        sleep(&clock, over).await;
        ask(Method::GET, format!("/v2/phone_numbers/jobs/{job}"), None).await?;
    }
    let last = jobs.last().ok_or("no job")?;
    let answer = ask(Method::GET, format!("/v2/phone_numbers/jobs/{last}"), None).await?;
    if answer["data"]["status"] != "completed" {
        return Err(format!("the last job is {}", answer["data"]["status"]));
    }
    let list = format!("/v2/phone_numbers/slim?filter[connection_id]={CANARY}&page[size]=250");
    let left = ask(Method::GET, list, None).await?;
    let took = clock.mono().saturating_since(begun);
    serving.abort();
    match left["meta"]["total_results"].as_u64() {
        Some(0) => Ok(took.as_secs_f64()),
        left => Err(format!("{left:?} numbers are left on the canary")),
    }
}

fn ask<'a>(
    client: &'a Client,
    base: &str,
    method: Method,
    path: String,
    body: Option<Value>,
) -> impl Future<Output = Result<Value, String>> + 'a {
    let request = Request::new(method, &format!("{base}{path}")).map(|r| r.bearer(KEY.into()));
    async move {
        let request = request.map_err(|e| e.to_string())?;
        let request = match body {
            Some(body) => request.json(&body).map_err(|e| e.to_string())?,
            None => request,
        };
        let answer = client.send(request).await.map_err(|e| e.to_string())?;
        if !answer.status.is_success() {
            return Err(format!("{}: {}", answer.status, answer.excerpt()));
        }
        answer.json().map_err(|e| e.to_string())
    }
}
