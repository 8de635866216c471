//! One rehearsal in real time, its signals read from a real Prometheus that scrapes the simulated programs.

use std::time::Duration;

use serde_json::Value;
use timonel_bridge::{Speed, Told};
use timonel_domain::value::{Arm, Weight};
use timonel_http::{Client, Limits, Request};
use timonel_ports::clock::SystemClock;
use timonel_testkit::process::PrometheusServer;

use crate::played::{Stage, data, runtime};
use crate::prometheus::unless_missing;

/// On a loaded machine too; it takes about 65 s.
const AT_MOST: Duration = Duration::from_secs(150);

#[test]
fn a_failing_canary_is_rolled_back_on_what_a_real_prometheus_says() {
    runtime().block_on(async {
        let clock = SystemClock::shared();
        let begun = clock.mono();
        let Some(server) = unless_missing(PrometheusServer::start(&[]).await) else {
            return;
        };
        let mut stage = Stage::of(&data("live.toml"), &data("live-errors.toml")).at_speed(Speed::Times(1.0));
        stage.sources.insert("prometheus".to_owned(), server.url());
        // Real samples have real times.
        stage.scenario.start = clock.now();
        let played = stage.play_here(|told| {
            if let Told::Opened { metrics, .. } = told {
                let address = metrics
                    .strip_prefix("http://")
                    .and_then(|rest| rest.strip_suffix("/metrics"));
                server.scrape(&[address.unwrap().parse().unwrap()]).unwrap();
            }
        });
        let played = played.await;
        let took = clock.mono().saturating_since(begun);
        assert!(took < AT_MOST, "{took:?}");

        let summary = &played.end.summary;
        let (breach, decided) = (summary.breach_at.unwrap(), summary.decided_at.unwrap());
        assert!(played.fault_at() < breach, "{breach}");
        let held = decided.since(breach);
        assert!(
            held >= Duration::from_secs(10),
            "the rule asks for 10 s, it acted after {held:?}"
        );
        for target in &summary.targets {
            assert_eq!(
                (target.accepted, target.verified),
                (Some(Weight::ZERO), true),
                "{target:?}"
            );
        }
        let world = &played.end.world;
        assert_eq!((world.splitter(), world.follower()), (Weight::ZERO, Weight::ZERO));
        assert_eq!(world.assigned_since(Arm::Canary, summary.verified_at.unwrap()), 0);

        // It was the real one that was asked: it has what the rule acted on.
        let http = Client::new(clock, Limits::default()).unwrap();
        let query = r#"sum(increase(http_requests_total{job="app",version="canary",status="500"}[10m]))"#;
        let request = Request::get(&format!("{}/api/v1/query", server.url()))
            .unwrap()
            .query("query", query);
        let answer: Value = http.send(request).await.unwrap().json().unwrap();
        let failed: f64 = answer["data"]["result"][0]["value"][1]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        assert!(failed >= 20.0, "{failed} failures were scraped");
        let asked = r#"prometheus_http_requests_total{handler="/api/v1/query",code="200"}"#;
        let request = Request::get(&format!("{}/api/v1/query", server.url()))
            .unwrap()
            .query("query", asked);
        let answer: Value = http.send(request).await.unwrap().json().unwrap();
        let asked: u64 = answer["data"]["result"][0]["value"][1]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        assert!(asked > 40, "{asked} queries");
    });
}
