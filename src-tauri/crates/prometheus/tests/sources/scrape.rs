//! A program scraped: restarts, gaps, times of its own, and every way of not answering.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use timonel_domain::sample::{Sample, Value};
use timonel_domain::value::Side;
use timonel_ports::signal::{SignalError, Source};
use timonel_prometheus::{Endpoint, Error, Measure, Prometheus, Scrape, SignalSpec};

use crate::fake::{Hands, TIMING, at, client, level, ratio, server, spec};

/// A program whose answer a test sets.
struct Program {
    clock: Arc<Hands>,
    says: Arc<Mutex<(String, String)>>,
    scrape: Scrape,
}

impl Program {
    fn new(signals: Vec<SignalSpec>) -> Self {
        let says = Arc::new(Mutex::new(("200 OK".to_owned(), String::new())));
        let heard = says.clone();
        let address = server(move |head| {
            assert!(
                head.to_ascii_lowercase().contains("accept: text/plain;version=0.0.4"),
                "{head}"
            );
            heard.lock().unwrap().clone()
        });
        let clock = Hands::at_start();
        let endpoint = Endpoint::new(&format!("http://{address}/metrics")).unwrap();
        let scrape = Scrape::new(client(&clock), endpoint, TIMING, signals).unwrap();
        Self { clock, says, scrape }
    }

    fn says(&self, start: &str, body: &str) {
        *self.says.lock().unwrap() = (start.to_owned(), body.to_owned());
    }

    async fn at(&self, secs: f64, body: &str) -> Result<Sample, SignalError> {
        self.clock.set(secs);
        self.says("200 OK\r\ncontent-type: text/plain; version=0.0.4", body);
        self.read().await
    }

    async fn read(&self) -> Result<Sample, SignalError> {
        let mut samples = self.scrape.read().await.remove(0).outcome?;
        assert_eq!(samples.len(), 1);
        Ok(samples.remove(0))
    }
}

fn counts(sample: Result<Sample, SignalError>) -> (u64, u64) {
    match sample.unwrap().value {
        Value::Ratio { bad, total, .. } => (bad, total),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_program_is_counted_through_restarts_and_gaps() {
    let program = Program::new(vec![ratio()]);
    let ok = |n| {
        format!(
            "calls_total{{arm=\"canary\",outcome=\"ok\"}} {n}\ncalls_total{{arm=\"stable\",outcome=\"failed\"}} 999\n"
        )
    };
    let both = |good: u32, bad: u32| format!("{}calls_total{{arm=\"canary\",outcome=\"failed\"}} {bad}\n", ok(good));
    assert!(matches!(
        program.at(0.0, &ok(100)).await,
        Err(SignalError::First { .. })
    ));

    let sample = program.at(10.0, &ok(105)).await.unwrap();
    assert_eq!((sample.as_of, sample.side), (at(10.0), Side::Canary));
    assert_eq!(
        sample.value,
        Value::Ratio {
            since: at(0.0),
            bad: 0,
            total: 5
        }
    );

    assert_eq!(
        counts(program.at(20.0, &both(106, 2)).await),
        (2, 3),
        "its first failures are counted"
    );
    assert_eq!(counts(program.at(30.0, &both(4, 1)).await), (1, 5), "it restarted");
    assert!(
        matches!(program.at(30.0, &both(5, 1)).await, Err(SignalError::NoData { .. })),
        "no time has passed"
    );
    assert!(
        matches!(program.at(151.0, &both(500, 80)).await, Err(SignalError::First { .. })),
        "a gap"
    );
    assert_eq!(counts(program.at(160.0, &both(501, 80)).await), (0, 1));
    assert!(
        matches!(program.at(170.0, "other 1\n").await, Err(SignalError::NoData { .. })),
        "absent is not zero"
    );
    assert_eq!(
        counts(program.at(180.0, &both(510, 81)).await),
        (1, 10),
        "nothing is lost meanwhile"
    );
}

#[tokio::test]
async fn a_program_that_has_not_counted_yet_is_being_watched() {
    let program = Program::new(vec![ratio()]);
    assert!(matches!(
        program.at(0.0, "up 1\n").await,
        Err(SignalError::NoData { .. })
    ));
    let first = "calls_total{arm=\"canary\",outcome=\"failed\"} 3\n";
    assert_eq!(counts(program.at(10.0, first).await), (3, 3));
}

#[tokio::test]
async fn the_times_of_the_exposition_are_kept() {
    let program = Program::new(vec![ratio()]);
    let stamped = |n: u32, secs: f64| {
        let millis = at(secs).micros() / 1000;
        format!("calls_total{{arm=\"canary\"}} {n} {millis}\n")
    };
    assert!(program.at(5.0, &stamped(10, 0.0)).await.is_err());
    let sample = program.at(15.0, &stamped(12, 10.0)).await.unwrap();
    assert_eq!(
        (sample.as_of, sample.value),
        (
            at(10.0),
            Value::Ratio {
                since: at(0.0),
                bad: 0,
                total: 2
            }
        )
    );
    assert!(
        matches!(
            program.at(25.0, &stamped(12, 10.0)).await,
            Err(SignalError::NoData { .. })
        ),
        "nothing new"
    );
    let ahead = program.at(30.0, &stamped(13, 40.0)).await;
    assert!(
        matches!(ahead, Err(SignalError::Skewed { skew_secs: 10, .. })),
        "{ahead:?}"
    );
    assert!(
        program.at(40.0, &stamped(13, 40.5)).await.is_ok(),
        "half a second ahead is no skew"
    );
}

#[tokio::test]
async fn openmetrics_births_are_heeded() {
    let program = Program::new(vec![spec(
        "n",
        Measure::Count {
            counter: "calls_total".parse().unwrap(),
        },
    )]);
    let read = |secs: f64, n: u32, born: f64| {
        program.clock.set(secs);
        let born = at(born).micros() as f64 / 1e6;
        program.says(
            "200 OK\r\ncontent-type: application/openmetrics-text; version=1.0.0; charset=utf-8",
            &format!("# TYPE calls counter\ncalls_total {n} # {{id=\"x\"}} 1\ncalls_created {born}\n# EOF\n"),
        );
        program.read()
    };
    assert!(read(0.0, 5, -100.0).await.is_err());
    assert!(
        matches!(read(10.0, 9, 3.0).await.unwrap().value, Value::Count { n: 9, .. }),
        "higher, but born again"
    );
    assert!(matches!(
        read(20.0, 11, 3.0).await.unwrap().value,
        Value::Count { n: 2, .. }
    ));
}

#[tokio::test]
async fn levels_of_a_program_are_summed_and_finite() {
    let program = Program::new(vec![level(r#"in_progress{arm="canary"}"#)]);
    let sample = program
        .at(
            0.0,
            "in_progress{arm=\"canary\",pod=\"a\"} 2\nin_progress{arm=\"canary\",pod=\"b\"} 3.5\n",
        )
        .await;
    assert!(matches!(sample.unwrap().value, Value::Level(level) if level.as_f64() == 5.5));
    let nan = program.at(10.0, "in_progress{arm=\"canary\"} NaN\n").await;
    assert!(matches!(nan, Err(SignalError::NotANumber { .. })), "{nan:?}");
    assert!(matches!(program.at(20.0, "").await, Err(SignalError::NoData { .. })));
}

#[tokio::test]
async fn every_way_of_not_answering_is_told_apart() {
    let program = Program::new(vec![ratio(), level("x")]);
    let check = async |start: &str, body: &str, expect: &str| {
        program.says(start, body);
        for reading in program.scrape.read().await {
            let error = reading.outcome.unwrap_err();
            assert_eq!(error.code(), expect, "{start}: {error}");
        }
    };
    check("404 Not Found", "", "signal.refused").await;
    check("401 Unauthorized", "", "signal.refused").await;
    check("503 Service Unavailable", "", "signal.unreachable").await;
    check("429 Too Many Requests", "", "signal.unreachable").await;
    check(
        "200 OK\r\ncontent-type: text/html",
        "<html>Log in</html>",
        "signal.garbled",
    )
    .await;
    check("200 OK", "calls_total{ 1\n", "signal.garbled").await;
    check(
        "200 OK\r\ncontent-type: application/openmetrics-text",
        "a 1\n",
        "signal.garbled",
    )
    .await;
    check(
        "200 OK\r\ndate: Sun, 22 Nov 2026 01:00:30 GMT",
        "calls_total 1\n",
        "signal.skewed",
    )
    .await;
    check(
        "200 OK\r\ndate: Sun, 22 Nov 2026 00:59:50 GMT",
        "calls_total 1\n",
        "signal.skewed",
    )
    .await;
    check(
        "200 OK\r\ndate: Sun, 22 Nov 2026 01:00:04 GMT",
        "y 1\n",
        "signal.no-data",
    )
    .await;

    let clock = Hands::at_start();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let endpoint = Endpoint::new(&format!("http://{nobody}/metrics?token=abc")).unwrap();
    let gone = Scrape::new(client(&clock), endpoint, TIMING, vec![ratio()]).unwrap();
    let error = gone.read().await.remove(0).outcome.unwrap_err();
    assert_eq!(error.code(), "signal.unreachable");
    assert!(!format!("{error} {:?}", gone.describe()).contains("abc"), "{error}");
}

#[test]
fn what_can_never_be_read_is_refused_at_once() {
    let clock = Hands::at_start();
    let endpoint = || Endpoint::new("http://127.0.0.1:1/metrics").unwrap();
    let scrape = |signal| Scrape::new(client(&clock), endpoint(), TIMING, vec![signal]).map(drop);
    assert!(matches!(scrape(level("rate(x[5m])")), Err(Error::NotASelector { .. })));
    let latency = || {
        spec(
            "latency",
            Measure::Distribution {
                buckets: "latency_seconds".parse().unwrap(),
            },
        )
    };
    assert!(matches!(scrape(latency()), Err(Error::NotBuckets { .. })));
    assert!(matches!(
        Prometheus::new(client(&clock), endpoint(), TIMING, vec![latency()]),
        Err(Error::NotBuckets { .. })
    ));
    assert!(Endpoint::new("https://ana:pw@host").is_err());
}
