//! Against a real Prometheus that scrapes itself every second, and which is scraped as a program at the same time:
//! what both ways count must agree. Skipped, saying so, where no `prometheus` is installed.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::time::Duration;

use timonel_domain::sample::{Sample, Value};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Side, SignalId};
use timonel_http::{Client, Limits};
use timonel_ports::clock::SystemClock;
use timonel_ports::signal::{SignalError, Source};
use timonel_prometheus::{Api, Data, Endpoint, Error, Measure, Prometheus, Scrape, SignalSpec, Timing};
use timonel_testkit::process::{ProcessError, PrometheusServer, until};

const TIMING: Timing = Timing {
    interval: Duration::from_secs(1),
    gap: Duration::from_secs(60),
};
const LIMIT: Duration = Duration::from_secs(60);

async fn server() -> Option<PrometheusServer> {
    match PrometheusServer::start(&[]).await {
        Ok(server) => Some(server),
        Err(ProcessError::Missing { program }) => {
            println!("skipped: `{program}` is not installed");
            None
        }
        Err(other) => panic!("{other}"),
    }
}

fn client() -> Client {
    Client::new(SystemClock::shared(), Limits::default()).unwrap()
}

fn endpoint(server: &PrometheusServer, path: &str) -> Endpoint {
    Endpoint::new(&format!("{}{path}", server.url())).unwrap()
}

fn spec(id: &str, measure: Measure) -> SignalSpec {
    SignalSpec {
        id: SignalId::new(id).unwrap(),
        side: Side::Whole,
        measure,
    }
}

fn signals() -> Vec<SignalSpec> {
    let ratio = Measure::Ratio {
        // Never there: nothing of Prometheus's own fails so. It must read as none bad, not as no data.
        bad: r#"prometheus_http_requests_total{code=~"5.."}"#.parse().unwrap(),
        total: "prometheus_http_requests_total".parse().unwrap(),
    };
    // Without the metrics handler, whose own count a scrape cannot agree on with itself.
    let buckets = r#"prometheus_http_request_duration_seconds_bucket{handler="/-/ready"}"#
        .parse()
        .unwrap();
    vec![
        spec("ratio", ratio),
        spec("latency", Measure::Distribution { buckets }),
        spec(
            "ready",
            Measure::Count {
                counter: r#"prometheus_http_requests_total{handler="/-/ready"}"#.parse().unwrap(),
            },
        ),
        spec(
            "goroutines",
            Measure::Level {
                expr: "go_goroutines".to_owned(),
            },
        ),
        spec(
            "nothing",
            Measure::Count {
                counter: "there_is_no_such_total".parse().unwrap(),
            },
        ),
    ]
}

/// What was read of each signal until now.
#[derive(Default)]
struct Seen(Vec<Sample>);

impl Seen {
    async fn read(&mut self, source: &dyn Source) -> Vec<(String, SignalError)> {
        let mut refusals = Vec::new();
        for reading in source.read().await {
            match reading.outcome {
                Ok(samples) => {
                    assert!(!samples.is_empty(), "an empty success");
                    self.0.extend(samples);
                }
                Err(error) => refusals.push((reading.signal.to_string(), error)),
            }
        }
        refusals
    }

    fn of<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a Sample> + 'a {
        self.0.iter().filter(move |sample| sample.signal.as_str() == id)
    }

    fn counted(&self, id: &str) -> u64 {
        self.of(id).filter_map(|sample| sample.value.units()).sum()
    }
}

fn since(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Ratio { since, .. } | Value::Distribution { since, .. } | Value::Count { since, .. } => Some(*since),
        Value::Level(_) => None,
    }
}

#[tokio::test]
async fn both_ways_count_the_same() {
    let Some(server) = server().await else { return };
    let http = client();
    let api = Api::new(http.clone(), endpoint(&server, ""));
    assert!(api.ready().await.unwrap().starts_with(|c: char| c.is_ascii_digit()));
    let scrape = Scrape::new(http.clone(), endpoint(&server, "/metrics"), TIMING, signals()).unwrap();
    let prometheus = Prometheus::new(http.clone(), endpoint(&server, ""), TIMING, signals()).unwrap();
    let (mut direct, mut asked) = (Seen::default(), Seen::default());

    // The first readings give nothing but a place to count from, as soon as Prometheus has scraped itself.
    until(LIMIT, async || {
        let refusals = asked.read(&prometheus).await;
        refusals
            .iter()
            .any(|(id, e)| id == "ready" && matches!(e, SignalError::First { .. }))
            .then_some(())
    })
    .await
    .expect("a first reading");
    let refusals = direct.read(&scrape).await;
    assert!(
        refusals.contains(&(
            "ratio".into(),
            SignalError::First {
                place: scrape.describe().place
            }
        )),
        "{refusals:?}"
    );
    assert_eq!(direct.counted("ready"), 0);

    // Something to count that nobody else does: this many requests to a handler of their own.
    const ASKED: u64 = 37;
    for _ in 0..ASKED {
        api.ready().await.unwrap();
    }
    until(LIMIT, async || {
        asked.read(&prometheus).await;
        direct.read(&scrape).await;
        (asked.counted("ready") >= ASKED && asked.of("latency").count() > 2).then_some(())
    })
    .await
    .unwrap_or_else(|| panic!("only {} of {ASKED} were counted", asked.counted("ready")));

    for (way, seen) in [("scrape", &direct), ("prometheus", &asked)] {
        assert_eq!(seen.counted("ready"), ASKED, "{way}");
        assert_eq!(seen.counted("latency"), ASKED, "{way}: each of them was measured");
        assert!(
            seen.counted("ratio") > ASKED,
            "{way}: these and the scrapes and queries"
        );
        for sample in seen.of("ratio") {
            let Value::Ratio { bad, .. } = sample.value else {
                panic!("{way}: {sample:?}")
            };
            assert_eq!(bad, 0, "{way}: a series that does not exist is none bad");
        }
        assert_eq!(seen.of("nothing").count(), 0, "{way}: no data is not zero");
        let levels: Vec<_> = seen.of("goroutines").collect();
        assert!(
            levels
                .iter()
                .all(|s| matches!(s.value, Value::Level(level) if level.as_f64() > 1.0)),
            "{way}: {levels:?}"
        );
        for id in ["ready", "ratio", "latency", "goroutines"] {
            let samples: Vec<_> = seen.of(id).collect();
            assert!(samples.len() > 1, "{way} {id}");
            assert!(
                samples.is_sorted_by(|a, b| a.as_of < b.as_of),
                "{way} {id}: in the order of their times"
            );
            for pair in samples.windows(2) {
                if let Some(since) = since(&pair[1].value) {
                    assert_eq!(
                        since, pair[0].as_of,
                        "{way} {id}: each begins where the one before ended"
                    );
                }
            }
        }
    }

    // The samples' times are the scrapes' own, a second apart, however often the server was asked.
    let steps: Vec<_> = asked
        .of("ratio")
        .map(|s| s.as_of.since(since(&s.value).unwrap()).as_millis())
        .collect();
    assert!(steps.iter().all(|millis| *millis >= 500), "{steps:?}");

    // Prometheus itself agrees, asked in its own language at the very moment of the last sample.
    let last = asked.of("ready").last().unwrap().as_of;
    let counter = r#"prometheus_http_requests_total{handler="/-/ready"}"#;
    let at = |data: Data| match data {
        Data::Vector(points) => points.iter().map(|p| p.value).sum::<f64>(),
        other => panic!("{other:?}"),
    };
    let now = at(api.instant_at(counter, last).await.unwrap().data);
    let start = since(&asked.of("ready").next().unwrap().value).unwrap();
    let then = at(api.instant_at(counter, start).await.unwrap().data);
    assert_eq!(now - then, ASKED as f64);
}

#[tokio::test]
async fn a_late_reading_catches_up_scrape_by_scrape() {
    let Some(server) = server().await else { return };
    let http = client();
    let prometheus = Prometheus::new(http.clone(), endpoint(&server, ""), TIMING, signals()).unwrap();
    let mut asked = Seen::default();
    until(LIMIT, async || {
        asked.read(&prometheus).await;
        (asked.of("ratio").count() > 0 && asked.of("goroutines").count() > 0).then_some(())
    })
    .await
    .expect("a first sample");
    let last = asked.of("ratio").last().unwrap().as_of;

    // Not read while five scrapes pass.
    let api = Api::new(http, endpoint(&server, ""));
    until(LIMIT, async || {
        match api.instant("timestamp(prometheus_build_info)").await.unwrap().data {
            Data::Vector(points) => points
                .first()
                .filter(|p| p.value * 1e6 > last.micros() as f64 + 5.2e6)
                .map(drop),
            Data::Matrix(_) | Data::Scalar { .. } => None,
        }
    })
    .await
    .expect("scrapes go on");
    let mut late = Seen::default();
    late.read(&prometheus).await;
    assert!(
        late.of("ratio").count() >= 5,
        "one sample for each scrape: {:?}",
        late.0
    );
    assert_eq!(since(&late.of("ratio").next().unwrap().value), Some(last));
    assert!(
        late.of("goroutines").count() >= 4,
        "levels are caught up too: {:?}",
        late.0
    );
}

#[tokio::test]
async fn what_the_query_api_says_is_told() {
    let Some(server) = server().await else { return };
    let api = Api::new(client(), endpoint(&server, ""));
    let error = api.instant("sum(").await.unwrap_err();
    assert!(
        matches!(&error, Error::Query { kind, .. } if kind == "bad_data"),
        "{error:?}"
    );
    assert!(error.to_string().contains("parse error"), "{error}");
    assert_eq!(
        api.instant("there_is_no_such_total").await.unwrap().data,
        Data::Vector(Vec::new())
    );
    assert!(matches!(
        api.instant("42").await.unwrap().data,
        Data::Scalar { value: 42.0, .. }
    ));
    assert!(matches!(api.instant("vector(1) / 0").await.unwrap().data, Data::Vector(p) if p[0].value == f64::INFINITY));
    assert!(matches!(api.instant("\"text\"").await.unwrap_err(), Error::Form { .. }));

    let http = client();
    let levels = |expr: &str| vec![spec("level", Measure::Level { expr: expr.to_owned() })];
    let read = |expr: &'static str| {
        let source = Prometheus::new(http.clone(), endpoint(&server, ""), TIMING, levels(expr)).unwrap();
        async move { source.read().await.remove(0).outcome }
    };
    assert!(matches!(
        read("vector(0) / 0").await,
        Err(SignalError::NotANumber { .. })
    ));
    assert!(matches!(read("there_is_none").await, Err(SignalError::NoData { .. })));
    assert!(matches!(read("sum(").await, Err(SignalError::Refused { .. })));
    assert!(matches!(read("up[5m]").await, Err(SignalError::Refused { .. })));
    assert!(read("vector(7)").await.is_ok());
    assert!(
        Prometheus::new(http.clone(), endpoint(&server, ""), TIMING, signals())
            .unwrap()
            .preflight()
            .await
            .is_ok()
    );
}
