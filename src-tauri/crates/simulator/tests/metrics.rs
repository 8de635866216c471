//! What is measured of the world: the exposition text to the letter, and the query API against a real Prometheus.
//!
//! The comparison needs `prometheus` and `promtool`; where they are absent it says so and is skipped.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod wire;

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use timonel_domain::time::Timestamp;
use timonel_domain::value::{Arm, Weight};
use timonel_simulator::metrics::{Observatory, render};
use timonel_simulator::world::{Conduct, Profile, Traffic, World};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

fn start() -> Timestamp {
    "2026-11-23T09:00:00Z".parse().unwrap()
}

fn world() -> World {
    let conduct = Conduct {
        error_rate: 0.02,
        abandonment: 0.04,
        latency_median: 0.35,
        latency_spread: 0.4,
        recognition: 0.94,
    };
    let traffic = Traffic {
        calls_per_day: 10_000.0,
        profile: Profile::Office,
        mean_call: Duration::from_secs(90),
        requests_per_call: 6.0,
    };
    World::new(11, start(), traffic, conduct, conduct)
}

#[test]
fn the_text_to_the_letter() {
    let mut world = world();
    world.set_splitter(Weight::percent(10));
    world.set_follower(Weight::FULL);
    world.critical_error();
    world.advance_to(start() + Duration::from_secs(600));
    insta::assert_snapshot!(render(&world, false));
    let values = render(&world, true);
    assert!(
        values
            .lines()
            .all(|line| line.starts_with('#') || line.ends_with(" NaN"))
    );
}

#[test]
fn the_api_refuses_as_prometheus_does() {
    let mut seen = Observatory::new(world());
    seen.advance_to(start() + Duration::from_secs(60));
    let ask = |path: &str, form: &[(&str, &str)]| {
        let form: Vec<(String, String)> = form.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let reply = seen.answer(path, &form, None);
        (reply.status, reply.body)
    };
    let bad = |what: &str| {
        (
            400,
            format!(r#"{{"status":"error","errorType":"bad_data","error":"{what}"}}"#),
        )
    };
    assert_eq!(
        ask("/api/v1/query", &[("query", "rate(up[5m])")]),
        bad(r#"invalid parameter \"query\": 1:6: parse error: `rate(…)` is none of the templates of the catalogue"#)
    );
    assert_eq!(
        ask("/api/v1/query", &[("query", "up"), ("time", "noon")]),
        bad(r#"invalid parameter \"time\": cannot parse \"noon\" to a valid timestamp"#)
    );
    let range = |start, end, step, query| {
        ask(
            "/api/v1/query_range",
            &[("query", query), ("start", start), ("end", end), ("step", step)],
        )
    };
    assert_eq!(
        range("5", "4", "1", "up"),
        bad(r#"invalid parameter \"end\": end timestamp must not be before start time"#)
    );
    let zero = r#"invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer"#;
    assert_eq!(range("5", "6", "0", "up"), bad(zero));
    let many =
        "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)";
    assert_eq!(range("0", "11001", "1s", "up"), bad(many));
    let matrix = r#"invalid parameter \"query\": invalid expression type \"range vector\" for range query, must be Scalar or instant Vector"#;
    assert_eq!(range("0", "5", "1", "up[5m]"), bad(matrix));
    assert_eq!(range("5", "6", "1e300", "up").0, 200, "one point, at the start");
    assert_eq!(ask("/api/v1/series", &[]).0, 404);
    // At 60 s the newest scrape is the one at 48.217 s; the answer is of the moment that was asked for.
    assert_eq!(
        ask("/api/v1/query", &[("query", "up")]),
        (
            200,
            concat!(
                r#"{"status":"success","data":{"resultType":"vector","result":["#,
                r#"{"metric":{"__name__":"up","instance":"casos:8080","job":"casos"},"value":[1795424460,"1"]},"#,
                r#"{"metric":{"__name__":"up","job":"kafka"},"value":[1795424460,"1"]},"#,
                r#"{"metric":{"__name__":"up","job":"postgres"},"value":[1795424460,"1"]}]}}"#
            )
            .to_owned()
        )
    );
}

/// A Prometheus that serves what was loaded into `data`; ended when dropped.
struct Prometheus {
    address: SocketAddr,
    _log: Lines<BufReader<ChildStderr>>,
    _child: Child,
}

impl Prometheus {
    async fn start(dir: &Path) -> io::Result<Self> {
        std::fs::write(dir.join("prometheus.yml"), "scrape_configs: []\n")?;
        // It cannot be given port 0 and asked what it got, so a free one may be taken in between: try again.
        for _ in 0..5 {
            let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
            let mut child = Command::new("prometheus")
                .arg(format!("--config.file={}", dir.join("prometheus.yml").display()))
                .arg(format!("--storage.tsdb.path={}", dir.join("data").display()))
                .arg("--storage.tsdb.retention.time=10y")
                .arg(format!("--web.listen-address={address}"))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .kill_on_drop(true)
                .spawn()?;
            let mut log = BufReader::new(child.stderr.take().ok_or(io::ErrorKind::BrokenPipe)?).lines();
            while let Some(line) = log.next_line().await? {
                if line.contains("Server is ready to receive web requests") {
                    return Ok(Self {
                        address,
                        _log: log,
                        _child: child,
                    });
                }
            }
        }
        Err(io::Error::other("prometheus ended before it was ready, five times"))
    }

    async fn ask(&self, path: &str, form: &[(&str, String)]) -> wire::Answer {
        let pairs: Vec<String> = form.iter().map(|(k, v)| format!("{k}={}", wire::encoded(v))).collect();
        let header = "Content-Type: application/x-www-form-urlencoded\r\n";
        wire::ask(self.address, "POST", path, header, &pairs.join("&"))
            .await
            .unwrap()
    }
}

/// Whether the two programs can be run; says what is missing where not.
async fn are_there() -> bool {
    for program in ["prometheus", "promtool"] {
        let found = Command::new(program).arg("--version").output().await;
        if !found.is_ok_and(|out| out.status.success()) {
            eprintln!("skipped: `{program}` cannot be run here (Debian package `prometheus`)");
            return false;
        }
    }
    true
}

/// Every template over the series of a dump.
fn queries(dump: &str) -> Vec<String> {
    let names: BTreeSet<&str> = dump
        .lines()
        .filter(|l| !l.starts_with('#'))
        .filter_map(|l| l.split(['{', ' ']).next())
        .collect();
    let mut all = Vec::new();
    for name in names {
        all.push(name.to_owned());
        for function in ["sum", "max", "avg"] {
            all.push(format!("{function}({name})"));
        }
        for range in ["5m", "61s"] {
            all.push(format!("{name}[{range}]"));
            all.push(format!("sum(rate({name}{{version=\"canary\"}}[{range}]))"));
            all.push(format!(
                "sum(increase({name}{{version!=\"canary\",job=~\"ca.*\"}}[{range}]))"
            ));
        }
        if name.ends_with("_bucket") {
            for q in ["0", "0.5", "0.95", "0.99", "1"] {
                all.push(format!(
                    "histogram_quantile({q}, sum by (le) (rate({name}{{version=\"canary\"}}[5m])))"
                ));
                all.push(format!(
                    "histogram_quantile({q}, sum by (le) (rate({name}{{version!~\"can.*\"}}[90s])))"
                ));
            }
        }
    }
    all.push("{__name__=~\"ivr_calls_.*\",outcome!~\"failed|\"}".to_owned());
    all.push("no_such_metric".to_owned());
    all.push("sum(rate(no_such_metric[5m]))".to_owned());
    all.push("histogram_quantile(0.95, sum by (le) (rate(http_requests_total[5m])))".to_owned());
    all
}

/// The answer with its series in a fixed order: Prometheus promises none for an instant.
fn sorted(body: &str) -> serde_json::Value {
    let mut value: serde_json::Value = serde_json::from_str(body).unwrap();
    if let Some(series) = value["data"]["result"].as_array_mut() {
        series.sort_by_key(|one| one["metric"].to_string());
    }
    value
}

#[tokio::test]
async fn a_real_prometheus_gives_the_same_answers() {
    if !are_there().await {
        return;
    }
    let mut seen = Observatory::new(world());
    let minute = |m: u64| start() + Duration::from_secs(m * 60);
    seen.change(minute(10), |world| world.set_follower(Weight::FULL));
    seen.change(minute(12), |world| world.set_splitter(Weight::percent(25)));
    let slow = Conduct {
        error_rate: 0.2,
        latency_median: 2.0,
        ..seen.world().conduct(Arm::Canary)
    };
    seen.change(minute(30), |world| world.set_conduct(Arm::Canary, slow));
    seen.change(minute(45), |world| world.set_splitter(Weight::ZERO));
    seen.advance_to(minute(60));
    let dump = seen.dump_openmetrics();

    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("dump.txt"), &dump).unwrap();
    let loaded = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics"])
        .args([dir.path().join("dump.txt"), dir.path().join("data")])
        .output()
        .await
        .unwrap();
    assert!(loaded.status.success(), "{}", String::from_utf8_lossy(&loaded.stderr));
    let real = Prometheus::start(dir.path()).await.unwrap();

    let queries = queries(&dump);
    let (mut compared, mut with_values) = (0, 0);
    let mut compare = async |path: &str, form: &[(&str, String)]| {
        let theirs = real.ask(path, form).await;
        let owned: Vec<(String, String)> = form.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
        let ours = seen.answer(path, &owned, None);
        assert_eq!(sorted(&ours.body), sorted(&theirs.body), "{path} {form:?}");
        assert_eq!(ours.status, theirs.status);
        let content_type = format!("content-type: {}", ours.content_type);
        assert!(
            theirs.head.to_ascii_lowercase().contains(&content_type),
            "{}",
            theirs.head
        );
        compared += 1;
        with_values += usize::from(
            !sorted(&ours.body)["data"]["result"]
                .as_array()
                .is_none_or(Vec::is_empty),
        );
    };
    // From before the first scrape until after the last one (at 3588.217 s) has been forgotten; then on and beside the edges.
    let mut instants: Vec<i64> = (0..46).map(|i| start().micros() / 1000 - 60_000 + i * 87_013).collect();
    instants
        .extend([3_216, 3_217, 303_217, 2_703_216, 3_888_217, 3_888_218].map(|after| start().micros() / 1000 + after));
    for at in &instants {
        for query in &queries {
            let time = format!("{}.{:03}", at / 1000, at % 1000);
            compare("/api/v1/query", &[("query", query.clone()), ("time", time)]).await;
        }
    }
    for query in queries.iter().filter(|query| !query.ends_with(']')) {
        let (from, to) = (start().to_string(), (start() + Duration::from_secs(3900)).to_string());
        compare(
            "/api/v1/query_range",
            &[
                ("query", query.clone()),
                ("start", from),
                ("end", to),
                ("step", "37".to_owned()),
            ],
        )
        .await;
    }
    println!("{compared} answers are equal, {with_values} of them with values");
    assert!(
        with_values * 2 > compared,
        "most queries must find something to compare"
    );
}

#[tokio::test]
async fn promtool_reads_the_text() {
    if !are_there().await {
        return;
    }
    let mut world = world();
    world.advance_to(start() + Duration::from_secs(600));
    let mut check = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    check
        .stdin
        .take()
        .unwrap()
        .write_all(render(&world, false).as_bytes())
        .await
        .unwrap();
    let out = check.wait_with_output().await.unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned() + &String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{said}");
}
