//! The whole world over its sockets, in virtual time: who asks gets the world of that moment, and faults come on cue.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod account;
mod faults;
mod numbers;
mod records;
mod reports;
mod visit;
#[path = "../wire/mod.rs"]
mod wire;

use std::time::Duration;

use serde_json::{Value, json};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Arm, TargetId, Weight};
use timonel_plan::scenario::{Fault, Scenario};
use timonel_ports::clock::{Clock, sleep};
use timonel_ports::task::spawn;
use timonel_simulator::simulator::{Place, SPLITTER, Simulator, StartError};
use timonel_simulator::time::{Speed, VirtualClock};
use tokio::net::TcpStream;

use visit::{
    FOLLOWER_PATH, SPLITTER_PATH, Visit, fault, minutes, play_at, scenario, split, start, target, visit, visit_at,
};

#[test]
fn answers_take_virtual_time_and_are_the_same_again() {
    let run = |speed| {
        visit_at(speed, Vec::new(), async |visit| {
            let mut seen = Vec::new();
            for minute in [0, 1, 7, 60] {
                visit.until(minute).await;
                let before = visit.clock.mono();
                let text = visit.metrics().await.unwrap();
                assert_eq!(text.status, 200);
                assert!(
                    text.head
                        .to_ascii_lowercase()
                        .contains("content-type: text/plain; version=0.0.4"),
                    "{}",
                    text.head
                );
                let took = visit.clock.mono().saturating_since(before);
                assert!(
                    (Duration::from_millis(2)..Duration::from_millis(14)).contains(&took),
                    "{took:?}"
                );
                let rate = visit.query("sum(rate(http_requests_total[5m]))").await.unwrap();
                let expect = 40_000.0 / 86_400.0 * 6.0;
                assert!(
                    (rate - expect).abs() < expect * 0.25,
                    "a world with a past has full windows: {rate}"
                );
                seen.push((visit.clock.mono(), text.body, rate.to_bits()));
            }
            seen
        })
    };
    let fast = run(Speed::Max);
    assert_eq!(run(Speed::Max), fast);
    assert_eq!(run(Speed::Times(20_000.0)), fast, "at any speed");
}

#[test]
fn the_query_api_speaks_both_forms() {
    visit(Vec::new(), async |visit| {
        visit.until(5).await;
        let base = visit.world.prometheus_url();
        let ready = visit.get(&format!("{base}/-/ready")).await.unwrap();
        assert_eq!(
            (ready.status, ready.body.as_str()),
            (200, "Prometheus Server is Ready.\n")
        );
        let build: Value = serde_json::from_str(
            &visit
                .get(&format!("{base}/api/v1/status/buildinfo"))
                .await
                .unwrap()
                .body,
        )
        .unwrap();
        assert_eq!(build["data"]["version"], "2.42.0");
        let time = start() + minutes(4);
        let form = format!(
            "query={}&time={}",
            wire::encoded("sum(up)"),
            wire::encoded(&time.to_string())
        );
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
        assert!(
            refused
                .body
                .starts_with(r#"{"status":"error","errorType":"bad_data","error":"#),
            "{}",
            refused.body
        );
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
        assert_eq!(
            (visit.world.splitter(), visit.world.follower()),
            (Weight::percent(25), Weight::FULL)
        );
        let [stable, canary] = [Arm::Stable, Arm::Canary].map(|arm| visit.world.assigned_since(arm, since) as f64);
        let share = canary / (stable + canary);
        assert!(
            stable + canary > 700.0 && (share - 0.25).abs() < 0.07,
            "{canary} of {} calls",
            stable + canary
        );
        assert!(
            visit
                .query("sum(increase(http_requests_total{version=\"canary\",status=\"500\"}[10m]))")
                .await
                .unwrap()
                < 50.0
        );

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
            assert_eq!(
                (&http[1]["route"][0]["weight"], &http[1]["route"][1]["weight"]),
                (&json!(100), &json!(0))
            );
            assert!(http[1]["timeout"].is_string() && http[1]["retries"].is_object());
        }
        let text = visit.world.kubeconfig();
        assert!(
            text.contains(&format!("server: http://{}", visit.world.cluster_address())),
            "{text}"
        );
    });
}

/// Shows every scenario of a plan that is shipped.
fn for_each_shipped(plan: &str, mut show: impl FnMut(&Scenario)) {
    let dir = format!("{}/../../../plans/scenarios/{plan}", env!("CARGO_MANIFEST_DIR"));
    let mut shown = 0;
    for file in std::fs::read_dir(&dir).unwrap() {
        let path = file.unwrap().path();
        let checked = timonel_plan::scenario::check(&std::fs::read_to_string(&path).unwrap());
        let scenario = checked
            .value
            .unwrap_or_else(|| panic!("{}: {:?}", path.display(), checked.findings));
        show(&scenario);
        shown += 1;
    }
    assert!(shown > 0, "no scenario in {dir}");
}

/// Plays a scenario to its limit with some calls on the canary.
fn play_to_the_limit(scenario: &Scenario, targets: Vec<(TargetId, Place)>, split: impl Fn(&Visit)) {
    play_at(Speed::Max, scenario, targets, async |visit| {
        split(&visit);
        sleep(&visit.clock, scenario.limit).await;
        let expect = scenario.traffic.calls_per_day * scenario.limit.as_secs_f64() / 86_400.0;
        let [stable, canary] =
            [Arm::Stable, Arm::Canary].map(|arm| visit.world.assigned_since(arm, scenario.start) as f64);
        assert!(
            (stable + canary - expect).abs() < 5.0 * expect.sqrt(),
            "{}: {stable} + {canary}",
            scenario.id
        );
        // Drift takes the weight away again, but not before some minutes.
        assert!(canary > 50.0 && stable > 50.0, "{}: {stable} + {canary}", scenario.id);
        let text = visit.world.dump_openmetrics();
        let scrapes = text.lines().filter(|line| line.starts_with("up{instance=")).count() as f64;
        let passed = scenario.limit.as_secs_f64() + 1800.0;
        assert!(
            (scrapes - passed / 15.0).abs() <= 1.0,
            "{}: {scrapes} scrapes",
            scenario.id
        );
    });
}

#[test]
fn every_shipped_scenario_can_be_played() {
    for_each_shipped("conecta360-canary", |scenario| {
        play_to_the_limit(scenario, visit::targets(), |visit| {
            visit.set(FOLLOWER_PATH, 100);
            visit.set(SPLITTER_PATH, 50);
        });
    });
    for_each_shipped("ivr-texml", |scenario| {
        play_to_the_limit(scenario, numbers::targets(), |visit| {
            visit.set(numbers::PATH, 100);
            visit.move_to(&visit.numbers()[..170], numbers::CANARY);
        });
    });
}

#[test]
fn what_cannot_be_played_is_refused() {
    let clock = VirtualClock::new(start());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let try_start = |clock: &VirtualClock, faults, targets: Vec<(TargetId, Place)>| {
        runtime
            .block_on(Simulator::start(clock, &scenario(faults), 1, targets))
            .unwrap_err()
    };
    let lie = vec![fault(
        1,
        None,
        Fault::ReadbackLies {
            target: target("telnyx"),
        },
    )];
    assert!(matches!(
        try_start(&clock, lie, Vec::new()),
        StartError::UnknownTarget { .. }
    ));
    let elsewhere = vec![(target("casos"), Place::VirtualService("ivr-vs".to_owned()))];
    assert!(matches!(
        try_start(&clock, Vec::new(), elsewhere),
        StartError::UnknownRoute { .. }
    ));
    let numbers = || {
        let place = Place::NumberShare {
            stable: "1".to_owned(),
            canary: "2".to_owned(),
            named: Vec::new(),
            except: Vec::new(),
        };
        (target("telnyx"), place)
    };
    assert!(matches!(
        try_start(&clock, Vec::new(), vec![numbers()]),
        StartError::NoTelnyx { .. }
    ));
    let with_account = |faults, targets: Vec<(TargetId, Place)>| {
        let scenario = numbers::scenario(faults);
        runtime
            .block_on(Simulator::start(&clock, &scenario, 1, targets))
            .unwrap_err()
    };
    let splitter = || (target("casos"), Place::VirtualService(SPLITTER.to_owned()));
    for second in [splitter(), (target("otro"), numbers().1)] {
        assert!(matches!(
            with_account(Vec::new(), vec![numbers(), second]),
            StartError::SecondSplitter { .. }
        ));
    }
    let stuck = vec![fault(
        1,
        None,
        Fault::JobsStuck {
            target: target("casos"),
        },
    )];
    assert!(matches!(
        with_account(stuck, vec![splitter()]),
        StartError::NoJobs { .. }
    ));
    let late = VirtualClock::new(start() + minutes(1));
    assert!(matches!(
        try_start(&late, Vec::new(), Vec::new()),
        StartError::Clock { .. }
    ));
}

#[test]
fn a_world_that_is_dropped_closes_its_sockets() {
    visit(Vec::new(), async |visit| {
        let addresses =
            [visit.world.metrics_url(), format!("{}/", visit.world.prometheus_url())].map(|url| split(&url).0);
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
