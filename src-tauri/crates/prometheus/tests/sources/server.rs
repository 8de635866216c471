//! A Prometheus asked: one sample for each scrape, catching up, refusals, clocks that differ.

use std::sync::{Arc, Mutex};

use timonel_domain::sample::Value;
use timonel_domain::time::Timestamp;
use timonel_http::Url;
use timonel_ports::clock::Clock;
use timonel_ports::signal::{SignalError, Source};
use timonel_prometheus::{Credential, Endpoint, Measure, Prometheus, SignalSpec};

use crate::fake::{Hands, TIMING, at, client, level, ratio, server, spec};

/// A Prometheus with raw samples of one metric: the pod and the outcome, and seconds with values.
struct Fake {
    clock: Arc<Hands>,
    samples: Arc<Mutex<Vec<RawSeries>>>,
    queries: Arc<Mutex<Vec<String>>>,
    source: Prometheus,
}

type RawSeries = (&'static str, &'static str, Vec<(f64, f64)>);

impl Fake {
    fn new(signals: Vec<SignalSpec>) -> Self {
        let clock = Hands::at_start();
        let (samples, queries) = (
            Arc::new(Mutex::new(Vec::<RawSeries>::new())),
            Arc::new(Mutex::new(Vec::new())),
        );
        let (hands, stored, asked) = (clock.clone(), samples.clone(), queries.clone());
        let address = server(move |head| {
            assert!(head.contains("authorization: Bearer s3cr3t\r\n"), "{head}");
            let url = Url::parse(&format!("http://h{}", head.split(' ').nth(1).unwrap())).unwrap();
            let query = url
                .query_pairs()
                .find(|(key, _)| key == "query")
                .unwrap()
                .1
                .into_owned();
            asked.lock().unwrap().push(query.clone());
            let span = query
                .rsplit_once('[')
                .unwrap()
                .1
                .strip_suffix("ms]")
                .unwrap()
                .parse::<f64>()
                .unwrap()
                / 1e3;
            let now = hands.now().since(at(0.0)).as_secs_f64();
            let failed = query.contains("failed");
            let series: Vec<_> = stored
                .lock()
                .unwrap()
                .iter()
                .filter(|(_, outcome, _)| !failed || *outcome == "failed")
                .filter_map(|(pod, outcome, values)| {
                    let values: Vec<_> = values
                        .iter()
                        .filter(|(t, _)| *t <= now && *t > now - span)
                        .map(|(t, v)| format!("[{},\"{v}\"]", at(*t).micros() as f64 / 1e6))
                        .collect();
                    (!values.is_empty()).then(|| {
                        format!(
                            r#"{{"metric":{{"__name__":"calls_total","pod":"{pod}","outcome":"{outcome}"}},"values":[{}]}}"#,
                            values.join(",")
                        )
                    })
                })
                .collect();
            let body = format!(
                r#"{{"status":"success","warnings":["a shard is away"],"data":{{"resultType":"matrix","result":[{}]}}}}"#,
                series.join(",")
            );
            ("200 OK".to_owned(), body)
        });
        let endpoint = Endpoint::new(&format!("http://{address}/"))
            .unwrap()
            .with(Credential::Bearer("s3cr3t".into()));
        let source = Prometheus::new(client(&clock), endpoint, TIMING, signals).unwrap();
        Self {
            clock,
            samples,
            queries,
            source,
        }
    }

    async fn at(&self, secs: f64) -> Result<Vec<(Timestamp, Value)>, SignalError> {
        self.clock.set(secs);
        let samples = self.source.read().await.remove(0).outcome?;
        Ok(samples.into_iter().map(|sample| (sample.as_of, sample.value)).collect())
    }
}

fn counted(since: f64, to: f64, bad: u64, total: u64) -> (Timestamp, Value) {
    (
        at(to),
        Value::Ratio {
            since: at(since),
            bad,
            total,
        },
    )
}

#[tokio::test]
async fn every_scrape_of_a_server_gives_one_sample_however_late_it_is_read() {
    let fake = Fake::new(vec![
        ratio(),
        spec(
            "n",
            Measure::Count {
                counter: r#"calls_total{arm="canary"}"#.parse().unwrap(),
            },
        ),
    ]);
    assert!(
        matches!(fake.at(5.0).await, Err(SignalError::NoData { .. })),
        "empty is not zero"
    );
    *fake.samples.lock().unwrap() = vec![
        (
            "a",
            "ok",
            vec![(0.0, 100.0), (10.0, 101.0), (20.0, 103.0), (30.0, 1.0), (40.0, 5.0)],
        ),
        ("a", "failed", vec![(30.0, 1.0), (40.0, 3.0)]),
        // Another target, scraped at moments of its own, and replaced by a new one.
        ("b", "ok", vec![(4.0, 50.0), (14.0, 60.0)]),
        ("c", "ok", vec![(34.0, 7.0)]),
    ];
    assert!(matches!(fake.at(16.0).await, Err(SignalError::First { .. })));
    let caught_up = fake.at(45.0).await.unwrap();
    assert_eq!(
        caught_up,
        [
            counted(14.0, 20.0, 0, 2),
            // a restarted: 1 ok and 1 failed, both new since zero.
            counted(20.0, 30.0, 1, 2),
            counted(30.0, 34.0, 0, 7),
            counted(34.0, 40.0, 2, 6),
        ]
    );
    assert!(
        matches!(fake.at(46.0).await, Err(SignalError::NoData { .. })),
        "no new scrape"
    );
    assert!(
        matches!(fake.at(600.0).await, Err(SignalError::NoData { .. })),
        "nobody scrapes any more"
    );

    let queries = fake.queries.lock().unwrap().clone();
    assert_eq!(
        queries
            .iter()
            .filter(|q| q.starts_with(r#"calls_total{arm="canary"}["#))
            .count(),
        5,
        "shared: {queries:?}"
    );
    assert!(
        queries.contains(&r#"calls_total{arm="canary",outcome="failed"}[51000ms]"#.to_owned()),
        "{queries:?}"
    );
}

#[tokio::test]
async fn a_target_that_was_away_from_the_beginning_does_not_bring_its_whole_life() {
    let fake = Fake::new(vec![ratio()]);
    assert!(fake.at(100.0).await.is_err());
    *fake.samples.lock().unwrap() = vec![("a", "ok", vec![(108.0, 1_000_000.0), (118.0, 1_000_002.0)])];
    assert!(matches!(fake.at(110.0).await, Err(SignalError::First { .. })));
    assert_eq!(fake.at(120.0).await.unwrap(), [counted(108.0, 118.0, 0, 2)]);
}

#[tokio::test]
async fn a_gap_in_asking_starts_anew() {
    let fake = Fake::new(vec![ratio()]);
    let scrapes = (0..60).map(|i| (f64::from(i) * 10.0, f64::from(i) * 4.0)).collect();
    *fake.samples.lock().unwrap() = vec![("a", "ok", scrapes)];
    assert!(fake.at(11.0).await.is_err());
    assert_eq!(fake.at(21.0).await.unwrap(), [counted(10.0, 20.0, 0, 4)]);
    // 20 → 400: the raw samples of the last gap and two intervals are there; the first of them starts anew.
    let after = fake.at(401.0).await.unwrap();
    assert_eq!(after.first(), Some(&counted(270.0, 280.0, 0, 4)), "{after:?}");
    assert_eq!(after.last(), Some(&counted(390.0, 400.0, 0, 4)));
}

#[tokio::test]
async fn a_server_that_refuses_or_lives_in_another_time() {
    let clock = Hands::at_start();
    let check = async |start: &'static str, body: &'static str, expect: &str| {
        let address = server(move |_| (start.to_owned(), body.to_owned()));
        let endpoint = Endpoint::new(&format!("http://{address}")).unwrap();
        let source = Prometheus::new(client(&clock), endpoint, TIMING, vec![ratio(), level("up")]).unwrap();
        for reading in source.read().await {
            let error = reading.outcome.unwrap_err();
            assert_eq!(error.code(), expect, "{start} {body}: {error}");
        }
    };
    let bad = r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#;
    check("400 Bad Request", bad, "signal.refused").await;
    check("200 OK", bad, "signal.refused").await;
    check("422 Unprocessable Entity", bad, "signal.refused").await;
    check(
        "503 Service Unavailable",
        r#"{"status":"error","errorType":"timeout","error":"slow"}"#,
        "signal.unreachable",
    )
    .await;
    check("502 Bad Gateway", "<html>nginx</html>", "signal.unreachable").await;
    check("403 Forbidden", "no", "signal.refused").await;
    check("200 OK", "<html>Log in</html>", "signal.garbled").await;
    check("200 OK", r#"{"status":"success"}"#, "signal.garbled").await;
    check(
        "200 OK",
        r#"{"status":"success","data":{"resultType":"string","result":[0,"x"]}}"#,
        "signal.garbled",
    )
    .await;
    let empty = r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#;
    check("200 OK\r\ndate: Sun, 22 Nov 2026 02:00:00 GMT", empty, "signal.skewed").await;
    // 2026-11-22T01:01:00Z, a minute ahead of us.
    let ahead =
        r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1795309260,"1"]]}]}}"#;
    check("200 OK", ahead, "signal.skewed").await;
}

#[tokio::test]
async fn a_level_must_be_one_finite_number() {
    let clock = Hands::at_start();
    let read = async |kind: &'static str, result: &'static str| {
        let body = format!(r#"{{"status":"success","data":{{"resultType":"{kind}","result":{result}}}}}"#);
        let address = server(move |_| ("200 OK".to_owned(), body.clone()));
        let endpoint = Endpoint::new(&format!("http://{address}")).unwrap();
        let source = Prometheus::new(client(&clock), endpoint, TIMING, vec![level("x")]).unwrap();
        source
            .read()
            .await
            .remove(0)
            .outcome
            .map(|samples| samples[0].value.clone())
    };
    let one = read("vector", r#"[{"metric":{"a":"b"},"value":[1795309199.5,"0.25"]}]"#)
        .await
        .unwrap();
    assert!(matches!(one, Value::Level(level) if level.as_f64() == 0.25));
    assert!(read("scalar", r#"[1795309199.5,"3"]"#).await.is_ok());
    let code = |outcome: Result<Value, SignalError>| outcome.unwrap_err().code();
    assert_eq!(code(read("vector", "[]").await), "signal.no-data");
    assert_eq!(
        code(read("vector", r#"[{"metric":{},"value":[1795309199,"NaN"]}]"#).await),
        "signal.not-a-number"
    );
    assert_eq!(
        code(read("vector", r#"[{"metric":{},"value":[1795309199,"+Inf"]}]"#).await),
        "signal.not-a-number"
    );
    let two = r#"[{"metric":{"a":"1"},"value":[1795309199,"1"]},{"metric":{"a":"2"},"value":[1795309199,"2"]}]"#;
    assert_eq!(code(read("vector", two).await), "signal.garbled");
}
