//! A real Prometheus over the samples of a rehearsal, asked what the adapter asks: its answers are the simulator's.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use timonel_http::{Client, Limits, Request};
use timonel_plan::parsed::{Parsed, Query};
use timonel_ports::clock::SystemClock;
use timonel_prometheus::Selector;
use timonel_testkit::process::{ProcessError, PrometheusServer};

use crate::played::{Played, Stage, runtime};

const INSTANTS: u32 = 50;
/// Raw samples are asked for at first as far back as a series may be away, later since the last reading.
const SPANS: [&str; 2] = ["180000ms", "45003ms"];

/// A real one, or `None` where this machine has none.
pub(crate) fn unless_missing(started: Result<PrometheusServer, ProcessError>) -> Option<PrometheusServer> {
    match started {
        Ok(server) => Some(server),
        Err(ProcessError::Missing { program }) => {
            println!("skipped: `{program}` is not installed");
            None
        }
        Err(other) => panic!("{other}"),
    }
}

/// Path and form of every question that the plan's queries make at `at`, in milliseconds.
fn questions(plan: &Parsed, at: i64) -> Vec<(&'static str, Vec<(String, String)>)> {
    let (mut raw, mut levels) = (BTreeSet::new(), BTreeSet::new());
    for query in plan.signals.iter().flat_map(|signal| &signal.queries) {
        match &query.query {
            Query::Ratio { bad, total } => raw.extend([bad, total]),
            Query::Distribution { buckets } => drop(raw.insert(buckets)),
            Query::Count { counter } => drop(raw.insert(counter)),
            Query::Level { expr } => drop(levels.insert(expr)),
            Query::Records { .. } => unreachable!("the plan reads no account's records"),
        }
    }
    assert!(raw.len() >= 8 && levels.len() >= 10, "{raw:?} {levels:?}");
    let secs = |millis: i64| format!("{}.{:03}", millis / 1000, millis % 1000);
    let form = |pairs: &[(&str, String)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
    let mut out = Vec::new();
    for selector in raw {
        let selector: Selector = selector.parse().unwrap();
        for span in SPANS {
            let query = format!("{selector}[{span}]");
            out.push(("/api/v1/query", form(&[("query", query), ("time", secs(at))])));
        }
    }
    for expr in levels {
        out.push(("/api/v1/query", form(&[("query", expr.clone()), ("time", secs(at))])));
        // As after a reading that was missed.
        let (start, end, step) = (secs(at - 60_000), secs(at), "15".to_owned());
        let pairs = [("query", expr.clone()), ("start", start), ("end", end), ("step", step)];
        out.push(("/api/v1/query_range", form(&pairs)));
    }
    out
}

/// Series in a fixed order: Prometheus promises none.
fn sorted(mut answer: Value) -> Value {
    if let Some(series) = answer["data"]["result"].as_array_mut() {
        series.sort_by_key(|one| one["metric"].to_string());
    }
    answer
}

#[test]
fn a_real_one_over_the_samples_of_a_rehearsal_gives_the_simulators_answers() {
    let stage = Stage::shipped("canary-errors");
    let plan = stage.plan.clone();
    let played = stage.play();
    runtime().block_on(async {
        let Some(real) = unless_missing(PrometheusServer::over(&played.end.samples).await) else {
            return;
        };
        compare(&plan, &played, &real).await;
    });
}

async fn compare(plan: &Parsed, played: &Played, real: &PrometheusServer) {
    let http = Client::new(SystemClock::shared(), Limits::default()).unwrap();
    let (mut compared, mut with_values, mut points) = (0, 0, 0);
    let every = played.end.lasted / INSTANTS;
    for index in 1..=INSTANTS {
        // Beside the scrapes and beside whole seconds.
        let at = (played.scenario.start + every * index - Duration::from_millis(137)).micros() / 1000;
        for (path, form) in questions(plan, at) {
            let pairs: Vec<_> = form.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            let mut request = Request::get(&format!("{}{path}", real.url())).unwrap();
            for (key, value) in &pairs {
                request = request.query(key, value);
            }
            let theirs = http.send(request).await.unwrap();
            let ours = played.end.world.ask_prometheus(path, &form);
            assert_eq!(theirs.status.as_u16(), ours.status);
            let (theirs, ours) = (
                sorted(theirs.json().unwrap()),
                sorted(serde_json::from_str(&ours.body).unwrap()),
            );
            assert_eq!(theirs, ours, "{path} {form:?}");
            assert_eq!(ours["status"], "success");
            let series = ours["data"]["result"].as_array().unwrap();
            compared += 1;
            with_values += usize::from(!series.is_empty());
            points += series
                .iter()
                .map(|s| s["values"].as_array().map_or(1, Vec::len))
                .sum::<usize>();
        }
    }
    println!("{compared} answers are equal, {with_values} of them with values, {points} points in all");
    assert!(
        with_values * 10 > compared * 8,
        "{with_values} of {compared} have something to compare"
    );
}
