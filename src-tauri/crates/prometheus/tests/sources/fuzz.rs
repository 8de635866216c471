//! Expositions and answers of the query API that a broken program, a proxy or somebody sent: read or refused in time, and what is
//! read can be judged: no more bad than all, no sample that comes later than now, no number that is none.

use std::sync::{Arc, Mutex};

use timonel_domain::sample::{Sample, Value};
use timonel_hostile::fuzz;
use timonel_ports::signal::Source;
use timonel_prometheus::{Api, Data, Endpoint, Format, Measure, Prometheus, Scrape, SignalSpec, parse};

use crate::fake::{Hands, TIMING, at, client, level, ratio, server, spec};

const EXPOSITIONS: [&str; 3] = [
    "# HELP calls_total Calls.\n# TYPE calls_total counter\ncalls_total{arm=\"canary\",outcome=\"ok\"} 748\n\
     calls_total{arm=\"canary\",outcome=\"failed\"} 15\ncalls_total{arm=\"stable\",outcome=\"failed\"} 1.5e3 1795309200000\n\
     # TYPE level gauge\nlevel 0.25\nlevel{a=\"x\\\"\\\\\\n\"} NaN\nlevel +Inf\n",
    "# TYPE latency_seconds histogram\nlatency_seconds_bucket{le=\"0.1\"} 3\nlatency_seconds_bucket{le=\"0.5\"} 9\n\
     latency_seconds_bucket{le=\"+Inf\"} 12\nlatency_seconds_sum 4.25\nlatency_seconds_count 12\n",
    "# TYPE calls counter\n# UNIT latency_seconds seconds\ncalls_total{arm=\"canary\"} 7 1795309200.5 # {id=\"x\"} 1\n\
     calls_created{arm=\"canary\"} 1795309100\nlevel 1e-3\n# EOF\n",
];

const ANSWERS: [&str; 5] = [
    r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"calls_total","arm":"canary","outcome":"failed"},"values":[[1795309190,"3"],[1795309200,"5"]]},{"metric":{"__name__":"calls_total","arm":"canary","outcome":"ok"},"values":[[1795309190.5,"100"],[1795309200,"140"]]}]}}"#,
    r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1795309200.123,"0.25"]}]},"warnings":["partial"]}"#,
    r#"{"status":"success","data":{"resultType":"scalar","result":[1795309200,"NaN"]}}"#,
    r#"{"status":"error","errorType":"bad_data","error":"1:3: parse error"}"#,
    r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"latency_seconds_bucket","le":"0.5"},"values":[[1795309190,"1"],[1795309200,"4"]]},{"metric":{"__name__":"latency_seconds_bucket","le":"+Inf"},"values":[[1795309190,"1"],[1795309200,"5"]]}]}}"#,
];

fn signals() -> Vec<SignalSpec> {
    let latency = "latency_seconds_bucket".parse().unwrap();
    vec![
        ratio(),
        level("level"),
        spec("latency", Measure::Distribution { buckets: latency }),
    ]
}

/// What the judge relies on.
fn judgeable(sample: &Sample) {
    assert!(
        sample.as_of <= at(75.0),
        "later than now, clocks' tolerance included: {sample:?}"
    );
    if let Some(since) = sample.value.since() {
        assert!(since <= sample.as_of, "{sample:?}");
    }
    // The sums that the judge makes of it must be possible.
    sample.value.units();
    match &sample.value {
        Value::Ratio { bad, total, .. } => assert!(bad <= total, "{sample:?}"),
        Value::Distribution { buckets, .. } => {
            let bounds: Vec<_> = buckets.iter().map(|bucket| bucket.le).collect();
            let ascending = bounds
                .windows(2)
                .all(|pair| pair[1].is_none_or(|upper| pair[0] < Some(upper)));
            assert!(
                ascending && !bounds.contains(&None) | (bounds.last() == Some(&None)),
                "{sample:?}"
            );
        }
        Value::Count { .. } => {}
        Value::Level(level) => assert!(level.as_f64().is_finite(), "{sample:?}"),
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// A server that answers with whatever was put there last.
fn answering(kind: &'static str) -> (String, Arc<Mutex<Vec<u8>>>) {
    let body = Arc::new(Mutex::new(Vec::new()));
    let said = body.clone();
    let address = server(move |_| {
        let body = String::from_utf8_lossy(&said.lock().unwrap()).into_owned();
        (format!("200 OK\r\ncontent-type: {kind}"), body)
    });
    (format!("http://{address}"), body)
}

#[test]
fn an_exposition() {
    fuzz!(EXPOSITIONS, |bytes: &[u8]| {
        for format in [Format::Text, Format::OpenMetrics] {
            match parse(format, bytes) {
                Ok(read) => assert!(read.series().all(|series| !series.name.is_empty())),
                Err(error) => {
                    let said = error.to_string();
                    assert!(said.starts_with("line ") || said.contains("cut off"), "{said}");
                }
            }
        }
    });
}

#[test]
fn a_program_that_is_scraped() {
    let runtime = runtime();
    for kind in [
        "text/plain; version=0.0.4",
        "application/openmetrics-text; version=1.0.0",
    ] {
        let (address, body) = answering(kind);
        let clock = Hands::at_start();
        let http = client(&clock);
        fuzz!(
            EXPOSITIONS,
            |bytes: &[u8]| {
                let endpoint = Endpoint::new(&format!("{address}/metrics")).unwrap();
                let scrape = Scrape::new(http.clone(), endpoint, TIMING, signals()).unwrap();
                for (secs, says) in [(60.0, EXPOSITIONS[0].as_bytes()), (70.0, bytes)] {
                    clock.set(secs);
                    *body.lock().unwrap() = says.to_vec();
                    for reading in runtime.block_on(scrape.read()) {
                        reading
                            .outcome
                            .into_iter()
                            .flatten()
                            .for_each(|sample| judgeable(&sample));
                    }
                }
            },
            120
        );
    }
}

#[test]
fn answers_of_the_query_api() {
    let runtime = runtime();
    let (address, body) = answering("application/json");
    let clock = Hands::at_start();
    clock.set(70.0);
    let http = client(&clock);
    fuzz!(
        ANSWERS,
        |bytes: &[u8]| {
            *body.lock().unwrap() = bytes.to_vec();
            let endpoint = Endpoint::new(&address).unwrap();
            match runtime.block_on(Api::new(http.clone(), endpoint.clone()).instant("x")) {
                Ok(queried) => match queried.data {
                    Data::Scalar { at: time, .. } => assert!(time <= at(75.0)),
                    Data::Vector(points) => assert!(points.iter().all(|point| point.at <= at(75.0))),
                    Data::Matrix(tracks) => {
                        assert!(
                            tracks
                                .iter()
                                .flat_map(|track| &track.values)
                                .all(|(time, _)| *time <= at(75.0))
                        );
                    }
                },
                Err(error) => assert!(!error.to_string().is_empty()),
            }
            let source = Prometheus::new(http.clone(), endpoint, TIMING, signals()).unwrap();
            for reading in runtime.block_on(source.read()) {
                match reading.outcome {
                    Ok(samples) => samples.iter().for_each(judgeable),
                    Err(error) => assert!(
                        error.to_string().contains(&address[7..]),
                        "it names who answered: {error}"
                    ),
                }
            }
        },
        150
    );
}
