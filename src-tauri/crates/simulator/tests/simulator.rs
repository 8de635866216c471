//! The whole world over its sockets, in virtual time: who asks gets the world of that moment, and faults come on cue.

mod wire;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Arm, TargetId, Weight};
use timonel_plan::scenario::{
    ArmHealth, CallTraffic, Down, Expectation, Fault, Gone, Outcome, Profile, Scenario, TimedFault, WorldSource,
};
use timonel_ports::clock::{Clock, REQUEST_ID_HEADER, sleep, within};
use timonel_ports::task::{counted, spawn};
use timonel_simulator::simulator::{FOLLOWER, SPLITTER, Simulator, StartError};
use timonel_simulator::time::{Speed, VirtualClock};
use tokio::net::TcpStream;

const SPLITTER_PATH: &str = "/apis/networking.istio.io/v1/namespaces/prod/virtualservices/casos-vs";
const FOLLOWER_PATH: &str = "/apis/networking.istio.io/v1/namespaces/prod/virtualservices/derivacion-vs";

fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

fn start() -> Timestamp {
    "2026-11-23T10:00:00Z".parse().unwrap()
}

fn target(id: &str) -> TargetId {
    TargetId::new(id).unwrap()
}

fn fault(at: u64, lasting: Option<u64>, fault: Fault) -> TimedFault {
    TimedFault { at: minutes(at), lasting: lasting.map(minutes), fault }
}

fn scenario(faults: Vec<TimedFault>) -> Scenario {
    let health = ArmHealth {
        error_rate: 0.01,
        abandonment: 0.03,
        latency_median: Duration::from_millis(300),
        latency_spread: 0.4,
        recognition: 0.95,
    };
    Scenario {
        id: "test".to_owned(),
        title: String::new(),
        text: String::new(),
        seed: 1,
        start: start(),
        limit: minutes(180),
        bake_at_most: None,
        expect: Expectation { outcome: Outcome::Completed, verified: true, escalated: false, phase: None },
        traffic: CallTraffic {
            calls_per_day: 40_000.0,
            profile: Profile::Flat,
            mean_call: Duration::from_secs(90),
            requests_per_call: 6.0,
        },
        stable: health.clone(),
        canary: health,
        operator: None,
        faults,
    }
}

/// A test's view of the world.
struct Visit {
    clock: VirtualClock,
    world: Simulator,
}

impl Visit {
    async fn until(&self, minute: u64) {
        let passed = self.clock.now().since(start());
        sleep(&self.clock, minutes(minute).saturating_sub(passed)).await;
    }

    async fn get(&self, url: &str) -> io::Result<wire::Answer> {
        let (address, path) = split(url);
        let flight = self.clock.request();
        wire::ask(address, "GET", &path, &format!("{REQUEST_ID_HEADER}: {}\r\n", flight.id()), "").await
    }

    async fn metrics(&self) -> io::Result<wire::Answer> {
        self.get(&self.world.metrics_url()).await
    }

    /// The value of a query that gives one series at most.
    async fn query(&self, query: &str) -> Option<f64> {
        let url = format!("{}/api/v1/query?query={}", self.world.prometheus_url(), wire::encoded(query));
        let answer = self.get(&url).await.unwrap();
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(body["status"], "success", "{query}: {}", answer.body);
        body["data"]["result"][0]["value"][1].as_str().map(|value| value.parse().unwrap())
    }

    fn set(&self, path: &str, canary: u16) {
        let weights = json!([
            {"op": "add", "path": "/spec/http/1/route/0/weight", "value": 100 - canary},
            {"op": "add", "path": "/spec/http/1/route/1/weight", "value": canary},
        ]);
        self.world.cluster().write_as("somebody", path, weights).unwrap();
    }

    fn written(&self, path: &str) -> u64 {
        self.world.cluster().get(path).unwrap()["spec"]["http"][1]["route"][1]["weight"].as_u64().unwrap()
    }
}

fn split(url: &str) -> (SocketAddr, String) {
    let rest = url.strip_prefix("http://").unwrap();
    let (address, path) = rest.split_once('/').unwrap();
    (address.parse().unwrap(), format!("/{path}"))
}

/// Starts the world of `faults`, as fast as the machine can, and visits it.
fn visit<T>(faults: Vec<TimedFault>, visit: impl AsyncFnOnce(Visit) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let clock = VirtualClock::new(start());
        let targets = [(target("casos"), SPLITTER.to_owned()), (target("derivacion"), FOLLOWER.to_owned())];
        let work = counted(clock.shared(), async {
            let world = Simulator::start(&clock, &scenario(faults), 1, targets).await.unwrap();
            visit(Visit { clock: clock.clone(), world }).await
        });
        tokio::select! {
            out = work => out,
            () = clock.run(Speed::Max) => unreachable!("the driver runs until it is dropped"),
        }
    })
}

#[test]
fn answers_take_virtual_time_and_are_the_same_again() {
    let run = || {
        visit(Vec::new(), async |visit| {
            let mut seen = Vec::new();
            for minute in [0, 1, 7, 60] {
                visit.until(minute).await;
                let before = visit.clock.mono();
                let text = visit.metrics().await.unwrap();
                assert_eq!(text.status, 200);
                assert!(text.head.to_ascii_lowercase().contains("content-type: text/plain; version=0.0.4"), "{}", text.head);
                let took = visit.clock.mono().saturating_since(before);
                assert!((Duration::from_millis(2)..Duration::from_millis(14)).contains(&took), "{took:?}");
                let rate = visit.query("sum(rate(http_requests_total[5m]))").await.unwrap();
                let expect = 40_000.0 / 86_400.0 * 6.0;
                assert!((rate - expect).abs() < expect * 0.25, "a world with a past has full windows: {rate}");
                seen.push((visit.clock.mono(), text.body, rate.to_bits()));
            }
            seen
        })
    };
    assert_eq!(run(), run());
}

#[test]
fn the_query_api_speaks_both_forms() {
    visit(Vec::new(), async |visit| {
        visit.until(5).await;
        let base = visit.world.prometheus_url();
        let ready = visit.get(&format!("{base}/-/ready")).await.unwrap();
        assert_eq!((ready.status, ready.body.as_str()), (200, "Prometheus Server is Ready.\n"));
        let build: Value =
            serde_json::from_str(&visit.get(&format!("{base}/api/v1/status/buildinfo")).await.unwrap().body).unwrap();
        assert_eq!(build["data"]["version"], "2.42.0");
        let time = start() + minutes(4);
        let form = format!("query={}&time={}", wire::encoded("sum(up)"), wire::encoded(&time.to_string()));
        let got = visit.get(&format!("{base}/api/v1/query?{form}")).await.unwrap();
        let (address, path) = split(&format!("{base}/api/v1/query"));
        let header = "Content-Type: application/x-www-form-urlencoded\r\n";
        let posted = wire::ask(address, "POST", &path, header, &form).await.unwrap();
        assert_eq!(got.body, posted.body);
        let seconds = time.micros() / 1_000_000;
        let expect = format!(
            r#"{{"status":"success","data":{{"resultType":"vector","result":[{{"metric":{{}},"value":[{seconds},"3"]}}]}}}}"#
        );
        assert_eq!(got.body, expect);
        let refused = visit.get(&format!("{base}/api/v1/query?query=min(up)")).await.unwrap();
        assert_eq!(refused.status, 400);
        assert!(refused.body.starts_with(r#"{"status":"error","errorType":"bad_data","error":"#), "{}", refused.body);
        assert_eq!(wire::ask(address, "DELETE", &path, "", "").await.unwrap().status, 405);
    });
}

#[test]
fn calls_go_where_the_cluster_sends_them() {
    visit(Vec::new(), async |visit| {
        visit.until(10).await;
        assert_eq!(visit.world.assigned_since(Arm::Canary, Timestamp::default()), 0);
        visit.set(FOLLOWER_PATH, 100);
        visit.set(SPLITTER_PATH, 25);
        let since = visit.clock.now();
        visit.until(40).await;
        assert_eq!((visit.world.splitter(), visit.world.follower()), (Weight::percent(25), Weight::FULL));
        let [stable, canary] = [Arm::Stable, Arm::Canary].map(|arm| visit.world.assigned_since(arm, since) as f64);
        let share = canary / (stable + canary);
        assert!(stable + canary > 700.0 && (share - 0.25).abs() < 0.07, "{canary} of {} calls", stable + canary);
        assert!(visit.query("sum(increase(http_requests_total{version=\"canary\",status=\"500\"}[10m]))").await.unwrap() < 50.0);

        visit.set(SPLITTER_PATH, 0);
        let since = visit.clock.now();
        assert!(visit.world.in_progress(Arm::Canary) > 0);
        visit.until(100).await;
        assert_eq!(visit.world.assigned_since(Arm::Canary, since), 0);
        assert_eq!(visit.world.in_progress(Arm::Canary), 0, "drained");
    });
}

#[test]
fn the_probe_route_stands_untouched_beside_the_weights() {
    visit(Vec::new(), async |visit| {
        for (path, name) in [(SPLITTER_PATH, "casos"), (FOLLOWER_PATH, "derivacion")] {
            let http = &visit.world.cluster().get(path).unwrap()["spec"]["http"];
            assert_eq!(http[0]["match"][0]["headers"]["canary"]["exact"], "true");
            assert_eq!(http[1]["name"], name);
            assert_eq!((&http[1]["route"][0]["weight"], &http[1]["route"][1]["weight"]), (&json!(100), &json!(0)));
            assert!(http[1]["timeout"].is_string() && http[1]["retries"].is_object());
        }
        let text = visit.world.kubeconfig();
        assert!(text.contains(&format!("server: http://{}", visit.world.cluster_address())), "{text}");
    });
}

#[test]
fn the_canary_goes_bad_for_a_while() {
    let faults = vec![
        fault(20, Some(10), Fault::CanaryErrors { rate: 0.5 }),
        fault(20, None, Fault::CanaryLatency { median: Duration::from_secs(3) }),
        fault(40, Some(10), Fault::CanaryAbandonment { rate: 0.6 }),
        fault(25, None, Fault::CriticalError),
        fault(25, None, Fault::CriticalError),
    ];
    visit(faults, async |visit| {
        visit.set(FOLLOWER_PATH, 100);
        visit.set(SPLITTER_PATH, 50);
        let share = async |part: &str, all: &str| {
            let increase = |of: &str| format!("sum(increase({of}[8m]))");
            visit.query(&increase(part)).await.unwrap() / visit.query(&increase(all)).await.unwrap()
        };
        let errors = async || {
            share("http_requests_total{version=\"canary\",status=\"500\"}", "http_requests_total{version=\"canary\"}").await
        };
        let left = async || {
            let part = "ivr_calls_finished_total{version=\"canary\",outcome=\"abandoned\"}";
            share(part, "ivr_calls_finished_total{version=\"canary\"}").await
        };
        let median = async || {
            let buckets = "http_request_duration_seconds_bucket{version=\"canary\"}";
            visit.query(&format!("histogram_quantile(0.5, sum by (le) (rate({buckets}[8m])))")).await.unwrap()
        };
        visit.until(19).await;
        assert!(errors().await < 0.05 && left().await < 0.12 && median().await < 0.5);
        assert_eq!(visit.query("sum(ivr_critical_errors_total)").await, Some(0.0));
        visit.until(29).await;
        assert!((errors().await - 0.5).abs() < 0.1 && median().await > 2.0);
        assert_eq!(visit.query("sum(ivr_critical_errors_total{version=\"canary\"})").await, Some(2.0));
        visit.until(39).await;
        assert!(errors().await < 0.05, "it is over");
        assert!(median().await > 2.0, "this one is not");
        visit.until(49).await;
        assert!((left().await - 0.6).abs() < 0.15);
    });
}

#[test]
fn a_source_is_gone() {
    let gone = |at, source, how| fault(at, Some(5), Fault::SourceGone { source, how });
    let faults = vec![
        gone(10, WorldSource::Prometheus, Gone::Empty),
        gone(20, WorldSource::Prometheus, Gone::Nan),
        gone(30, WorldSource::Prometheus, Gone::Down),
        gone(40, WorldSource::Metrics, Gone::Empty),
        gone(50, WorldSource::Metrics, Gone::Nan),
        gone(60, WorldSource::Metrics, Gone::Down),
    ];
    visit(faults, async |visit| {
        let limit = Duration::from_secs(5);
        let up = "sum(up{job=\"casos\"})";
        let calls = "sum(ivr_calls_in_progress)";
        assert!(visit.query(calls).await.is_some());
        visit.until(12).await;
        assert_eq!(visit.query(calls).await, None);
        assert!(visit.metrics().await.unwrap().body.contains("ivr_calls_in_progress{"), "the other source is well");
        visit.until(22).await;
        assert!(visit.query(calls).await.unwrap().is_nan());
        visit.until(32).await;
        assert!(within(&visit.clock, limit, visit.query(calls)).await.is_err());
        assert_eq!(visit.clock.now(), start() + minutes(32) + limit, "the client waited in virtual time");
        visit.until(36).await;
        assert!(visit.query(calls).await.unwrap() > 0.0, "and found it back");

        visit.until(41).await;
        assert_eq!(visit.metrics().await.unwrap().body, "");
        assert_eq!((visit.query(calls).await, visit.query(up).await), (None, Some(1.0)));
        visit.until(51).await;
        assert!(visit.metrics().await.unwrap().body.contains("ivr_calls_in_progress{version=\"canary\"} NaN"));
        assert!(visit.query(calls).await.unwrap().is_nan());
        visit.until(61).await;
        assert!(within(&visit.clock, limit, visit.metrics()).await.is_err());
        assert_eq!((visit.query(calls).await, visit.query(up).await), (None, Some(0.0)));
        assert_eq!(visit.query("sum(up{job=\"kafka\"})").await, Some(1.0));
        visit.until(66).await;
        assert!(visit.metrics().await.unwrap().body.contains("ivr_calls_in_progress{"));
        assert_eq!(visit.query(up).await, Some(1.0));
    });
}

#[test]
fn our_own_network_is_lost_and_comes_back() {
    visit(vec![fault(10, Some(5), Fault::OwnNetworkLost)], async |visit| {
        visit.set(FOLLOWER_PATH, 100);
        visit.set(SPLITTER_PATH, 50);
        visit.until(11).await;
        let since = visit.clock.now();
        let cluster = format!("http://{}{SPLITTER_PATH}", visit.world.cluster_address());
        for url in [visit.world.metrics_url(), format!("{}/-/ready", visit.world.prometheus_url()), cluster] {
            let answer = within(&visit.clock, Duration::from_secs(5), visit.get(&url)).await;
            assert!(answer.is_err(), "{url}");
        }
        assert_eq!(visit.clock.now().since(since), Duration::from_secs(15));
        // One that waits long enough gets through when the network is back.
        let patient = visit.metrics().await.unwrap();
        assert_eq!(patient.status, 200);
        let back = visit.clock.now().since(start());
        assert!(back >= minutes(15) && back < minutes(15) + Duration::from_millis(14), "{back:?}");
        assert!(visit.world.assigned_since(Arm::Canary, since) > 20, "traffic went on");
        assert_eq!(visit.query("sum(up{job=\"casos\"})").await, Some(1.0));
        assert_eq!(visit.query("sum(increase(up{job=\"casos\"}[5m]))").await, Some(0.0), "Prometheus missed nothing");
    });
}

#[test]
fn another_writer_comes_back_every_minute() {
    let drift = Fault::Drift {
        target: target("casos"),
        to: Weight::percent(40),
        by: "flux".to_owned(),
        every: Some(minutes(1)),
    };
    visit(vec![fault(10, Some(3), drift)], async |visit| {
        visit.until(9).await;
        assert_eq!(visit.written(SPLITTER_PATH), 0);
        for minute in [10, 11, 12] {
            sleep(&visit.clock, (minutes(minute) + Duration::from_secs(1)) - visit.clock.now().since(start())).await;
            assert_eq!(visit.written(SPLITTER_PATH), 40, "minute {minute}");
            assert_eq!(visit.world.splitter(), Weight::percent(40));
            visit.set(SPLITTER_PATH, 0);
        }
        visit.until(20).await;
        assert_eq!(visit.written(SPLITTER_PATH), 0, "three times, and no more");
        let fields = visit.world.cluster().get(SPLITTER_PATH).unwrap()["metadata"]["managedFields"].to_string();
        assert!(fields.contains("somebody") && visit.written(FOLLOWER_PATH) == 0);
    });
}

#[test]
fn a_read_back_lies() {
    let faults = vec![fault(10, Some(10), Fault::ReadbackLies { target: target("casos") })];
    visit(faults, async |visit| {
        visit.set(FOLLOWER_PATH, 100);
        visit.set(SPLITTER_PATH, 50);
        visit.until(11).await;
        visit.set(SPLITTER_PATH, 0);
        let since = visit.clock.now();
        visit.until(19).await;
        assert_eq!(visit.written(SPLITTER_PATH), 0);
        assert!(visit.world.assigned_since(Arm::Canary, since) > 50, "traffic knows better");
        visit.until(21).await;
        let since = visit.clock.now();
        visit.until(25).await;
        assert_eq!(visit.world.assigned_since(Arm::Canary, since), 0, "what was written holds when the lie ends");
    });
}

#[test]
fn a_target_is_down() {
    let down = |at, how| fault(at, Some(1), Fault::TargetDown { target: target("casos"), how });
    let faults = vec![
        down(10, Down::Unavailable),
        down(11, Down::Unauthenticated),
        down(12, Down::Forbidden),
        down(13, Down::Throttled),
        down(14, Down::Reset),
        down(15, Down::Hang),
        down(16, Down::WebhookDown),
        down(17, Down::WebhookRefuses),
    ];
    visit(faults, async |visit| {
        let url = |path: &str| format!("http://{}{path}", visit.world.cluster_address());
        let token = "Authorization: Bearer rehearsal\r\n";
        let ask = async |method: &str, path: &str, body: &str| {
            let (address, path) = split(&url(path));
            let flight = visit.clock.request();
            let header = format!("{token}{REQUEST_ID_HEADER}: {}\r\nContent-Type: application/merge-patch+json\r\n", flight.id());
            wire::ask(address, method, &path, &header, body).await
        };
        let status = async || ask("GET", SPLITTER_PATH, "").await.unwrap().status;
        assert_eq!(status().await, 200);
        for (minute, expect) in [(10, 503), (11, 401), (12, 403), (13, 429)] {
            sleep(&visit.clock, (minutes(minute) + Duration::from_secs(1)) - visit.clock.now().since(start())).await;
            assert_eq!(status().await, expect);
            assert_eq!(ask("GET", FOLLOWER_PATH, "").await.unwrap().status, 200, "the other target is well");
        }
        visit.until(14).await;
        sleep(&visit.clock, Duration::from_secs(1)).await;
        assert!(ask("GET", SPLITTER_PATH, "").await.is_err());
        visit.until(15).await;
        sleep(&visit.clock, Duration::from_secs(1)).await;
        assert!(within(&visit.clock, Duration::from_secs(5), status()).await.is_err());
        let label = r#"{"metadata":{"labels":{"seen":"yes"}}}"#;
        for (minute, expect) in [(16, 500), (17, 400), (18, 200)] {
            sleep(&visit.clock, (minutes(minute) + Duration::from_secs(1)) - visit.clock.now().since(start())).await;
            assert_eq!(ask("PATCH", SPLITTER_PATH, label).await.unwrap().status, expect, "minute {minute}");
        }
    });
}

#[test]
fn what_cannot_be_played_is_refused() {
    let clock = VirtualClock::new(start());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let try_start = |clock: &VirtualClock, faults, targets: Vec<(TargetId, String)>| {
        runtime.block_on(Simulator::start(clock, &scenario(faults), 1, targets)).unwrap_err()
    };
    let lie = vec![fault(1, None, Fault::ReadbackLies { target: target("telnyx") })];
    assert!(matches!(try_start(&clock, lie, Vec::new()), StartError::UnknownTarget { .. }));
    let elsewhere = vec![(target("casos"), "ivr-vs".to_owned())];
    assert!(matches!(try_start(&clock, Vec::new(), elsewhere), StartError::UnknownRoute { .. }));
    let late = VirtualClock::new(start() + minutes(1));
    assert!(matches!(try_start(&late, Vec::new(), Vec::new()), StartError::Clock { .. }));
}

#[test]
fn a_world_that_is_dropped_closes_its_sockets() {
    visit(Vec::new(), async |visit| {
        let addresses = [visit.world.metrics_url(), format!("{}/", visit.world.prometheus_url())].map(|url| split(&url).0);
        let all = [addresses[0], addresses[1], visit.world.cluster_address()];
        for address in all {
            assert!(address.ip().is_loopback());
            assert!(TcpStream::connect(address).await.is_ok());
        }
        let clock = visit.clock.clone();
        drop(visit);
        spawn(&clock.shared(), async move {
            for address in all {
                while TcpStream::connect(address).await.is_ok() {
                    tokio::task::yield_now().await;
                }
            }
        })
        .join()
        .await
        .unwrap();
    });
}
