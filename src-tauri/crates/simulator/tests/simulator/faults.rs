//! Faults of a scenario, as they look from outside.

use std::time::Duration;

use timonel_domain::value::{Arm, Weight};
use timonel_plan::scenario::{Down, Fault, Gone, WorldSource};
use timonel_ports::clock::{Clock, REQUEST_ID_HEADER, sleep, within};

use crate::visit::{FOLLOWER_PATH, SPLITTER_PATH, fault, minutes, split, start, target, visit};
use crate::wire;

#[test]
fn the_canary_goes_bad_for_a_while() {
    let faults = vec![
        fault(20, Some(10), Fault::CanaryErrors { rate: 0.5 }),
        fault(
            20,
            None,
            Fault::CanaryLatency {
                median: Duration::from_secs(3),
            },
        ),
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
            share(
                "http_requests_total{version=\"canary\",status=\"500\"}",
                "http_requests_total{version=\"canary\"}",
            )
            .await
        };
        let left = async || {
            let part = "ivr_calls_finished_total{version=\"canary\",outcome=\"abandoned\"}";
            share(part, "ivr_calls_finished_total{version=\"canary\"}").await
        };
        let median = async || {
            let buckets = "http_request_duration_seconds_bucket{version=\"canary\"}";
            visit
                .query(&format!("histogram_quantile(0.5, sum by (le) (rate({buckets}[8m])))"))
                .await
                .unwrap()
        };
        visit.until(19).await;
        assert!(errors().await < 0.05 && left().await < 0.12 && median().await < 0.5);
        assert_eq!(visit.query("sum(ivr_critical_errors_total)").await, Some(0.0));
        visit.until(29).await;
        assert!((errors().await - 0.5).abs() < 0.1 && median().await > 2.0);
        assert_eq!(
            visit.query("sum(ivr_critical_errors_total{version=\"canary\"})").await,
            Some(2.0)
        );
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
        assert!(
            visit.metrics().await.unwrap().body.contains("ivr_calls_in_progress{"),
            "the other source is well"
        );
        visit.until(22).await;
        assert!(visit.query(calls).await.unwrap().is_nan());
        visit.until(32).await;
        assert!(within(&visit.clock, limit, visit.query(calls)).await.is_err());
        assert_eq!(
            visit.clock.now(),
            start() + minutes(32) + limit,
            "the client waited in virtual time"
        );
        visit.until(36).await;
        assert!(visit.query(calls).await.unwrap() > 0.0, "and found it back");

        visit.until(41).await;
        assert_eq!(visit.metrics().await.unwrap().body, "");
        assert_eq!((visit.query(calls).await, visit.query(up).await), (None, Some(1.0)));
        visit.until(51).await;
        assert!(
            visit
                .metrics()
                .await
                .unwrap()
                .body
                .contains("ivr_calls_in_progress{version=\"canary\"} NaN")
        );
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
        for url in [
            visit.world.metrics_url(),
            format!("{}/-/ready", visit.world.prometheus_url()),
            cluster,
        ] {
            let answer = within(&visit.clock, Duration::from_secs(5), visit.get(&url)).await;
            assert!(answer.is_err(), "{url}");
        }
        assert_eq!(visit.clock.now().since(since), Duration::from_secs(15));
        // One that waits long enough gets through when the network is back.
        let patient = visit.metrics().await.unwrap();
        assert_eq!(patient.status, 200);
        let back = visit.clock.now().since(start());
        assert!(
            back >= minutes(15) && back < minutes(15) + Duration::from_millis(14),
            "{back:?}"
        );
        assert!(visit.world.assigned_since(Arm::Canary, since) > 20, "traffic went on");
        assert_eq!(visit.query("sum(up{job=\"casos\"})").await, Some(1.0));
        assert_eq!(
            visit.query("sum(increase(up{job=\"casos\"}[5m]))").await,
            Some(0.0),
            "Prometheus missed nothing"
        );
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
            sleep(
                &visit.clock,
                (minutes(minute) + Duration::from_secs(1)) - visit.clock.now().since(start()),
            )
            .await;
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
    let faults = vec![fault(
        10,
        Some(10),
        Fault::ReadbackLies {
            target: target("casos"),
        },
    )];
    visit(faults, async |visit| {
        visit.set(FOLLOWER_PATH, 100);
        visit.set(SPLITTER_PATH, 50);
        visit.until(11).await;
        visit.set(SPLITTER_PATH, 0);
        let since = visit.clock.now();
        visit.until(19).await;
        assert_eq!(visit.written(SPLITTER_PATH), 0);
        assert!(
            visit.world.assigned_since(Arm::Canary, since) > 50,
            "traffic knows better"
        );
        visit.until(21).await;
        let since = visit.clock.now();
        visit.until(25).await;
        assert_eq!(
            visit.world.assigned_since(Arm::Canary, since),
            0,
            "what was written holds when the lie ends"
        );
    });
}

#[test]
fn a_target_is_down() {
    let down = |at, how| {
        fault(
            at,
            Some(1),
            Fault::TargetDown {
                target: target("casos"),
                how,
            },
        )
    };
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
            let header = format!(
                "{token}{REQUEST_ID_HEADER}: {}\r\nContent-Type: application/merge-patch+json\r\n",
                flight.id()
            );
            wire::ask(address, method, &path, &header, body).await
        };
        let status = async || ask("GET", SPLITTER_PATH, "").await.unwrap().status;
        assert_eq!(status().await, 200);
        for (minute, expect) in [(10, 503), (11, 401), (12, 403), (13, 429)] {
            sleep(
                &visit.clock,
                (minutes(minute) + Duration::from_secs(1)) - visit.clock.now().since(start()),
            )
            .await;
            assert_eq!(status().await, expect);
            assert_eq!(
                ask("GET", FOLLOWER_PATH, "").await.unwrap().status,
                200,
                "the other target is well"
            );
        }
        visit.until(14).await;
        sleep(&visit.clock, Duration::from_secs(1)).await;
        assert!(ask("GET", SPLITTER_PATH, "").await.is_err());
        visit.until(15).await;
        sleep(&visit.clock, Duration::from_secs(1)).await;
        assert!(within(&visit.clock, Duration::from_secs(5), status()).await.is_err());
        let label = r#"{"metadata":{"labels":{"seen":"yes"}}}"#;
        for (minute, expect) in [(16, 500), (17, 400), (18, 200)] {
            sleep(
                &visit.clock,
                (minutes(minute) + Duration::from_secs(1)) - visit.clock.now().since(start()),
            )
            .await;
            assert_eq!(
                ask("PATCH", SPLITTER_PATH, label).await.unwrap().status,
                expect,
                "minute {minute}"
            );
        }
    });
}
