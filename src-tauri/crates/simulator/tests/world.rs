//! The world as such: who calls when, on which arm, with what end; the same for the same seed, however it is advanced.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::time::Duration;

use timonel_domain::time::Timestamp;
use timonel_domain::value::{Arm, Weight};
use timonel_simulator::metrics::{Observatory, render};
use timonel_simulator::world::{Conduct, Kind, Line, Profile, Traffic, Visitor, World};

const DAY: Duration = Duration::from_secs(86_400);

fn start() -> Timestamp {
    "2026-11-23T09:00:00Z".parse().unwrap()
}

fn conduct() -> Conduct {
    Conduct {
        error_rate: 0.02,
        abandonment: 0.04,
        latency_median: 0.35,
        latency_spread: 0.4,
        recognition: 0.94,
    }
}

fn world(seed: u64, profile: Profile) -> World {
    let traffic = Traffic {
        calls_per_day: 20_000.0,
        profile,
        mean_call: Duration::from_secs(90),
        requests_per_call: 6.0,
    };
    World::new(seed, start(), traffic, conduct(), conduct())
}

/// The sum of all series of a name that have all these label values.
fn value(world: &World, name: &str, labels: &[&str]) -> f64 {
    struct Sum<'a>(&'a str, &'a [&'a str], String, f64);
    impl Visitor for Sum<'_> {
        fn family(&mut self, name: &'static str, _: Kind, _: &'static str) {
            self.2 = name.to_owned();
        }
        fn sample(&mut self, suffix: &'static str, labels: &[(&'static str, &'static str)], value: f64) {
            let has_all = self
                .1
                .iter()
                .all(|wanted| labels.iter().any(|(_, value)| value == wanted));
            if format!("{}{suffix}", self.2) == self.0 && has_all {
                self.3 += value;
            }
        }
    }
    let mut sum = Sum(name, labels, String::new(), 0.0);
    world.visit(&mut sum);
    sum.3
}

/// Whether `k` of `n` is within 4.5 standard deviations of `p`: a right world fails this once in 150 000 seeds.
fn check_share(k: f64, n: f64, p: f64, what: &str) {
    let deviation = (n * p * (1.0 - p)).sqrt();
    assert!(
        (k - n * p).abs() < 4.5 * deviation + 1.0,
        "{what}: {k} of {n} is not {p}"
    );
}

#[test]
fn calls_follow_the_profile() {
    let mut world = world(1, Profile::Office);
    let mut by_hour = Vec::new();
    for hour in 1..=24 {
        let from = world.now();
        world.advance_to(start() + Duration::from_secs(hour * 3600));
        by_hour.push(world.assigned_since(Arm::Stable, from) as f64);
    }
    // From nine o'clock on; the mean of the intensity over each hour says how many to expect.
    for (hour, calls) in by_hour.iter().enumerate() {
        let minutes = (0..60).map(|m| start() + Duration::from_secs(hour as u64 * 3600 + m * 60 + 30));
        let expect = 20_000.0 / 24.0 * minutes.map(|at| Profile::Office.intensity(at)).sum::<f64>() / 60.0;
        assert!(
            (calls - expect).abs() < 4.5 * expect.sqrt() + 1.0,
            "hour {hour}: {calls}, not {expect}"
        );
    }
    assert!(
        by_hour[5] < by_hour[1] * 0.6 && by_hour[5] < by_hour[8] * 0.8,
        "two to three is the lunch dip: {by_hour:?}"
    );
}

#[test]
fn many_small_steps_are_one_big_step() {
    let changes = |world: &mut World, minute: u64| match minute {
        20 => world.set_follower(Weight::FULL),
        25 => world.set_splitter(Weight::percent(10)),
        40 => world.set_conduct(
            Arm::Canary,
            Conduct {
                error_rate: 0.3,
                latency_median: 2.0,
                ..conduct()
            },
        ),
        55 => world.critical_error(),
        60 => world.set_splitter(Weight::ZERO),
        _ => {}
    };
    let run = |steps_micros: u64| {
        let mut world = world(2, Profile::Office);
        for minute in 0..=90 {
            let at = start() + Duration::from_secs(minute * 60);
            let mut step = world.now() + Duration::from_micros(steps_micros);
            while step < at {
                world.advance_to(step);
                step = step + Duration::from_micros(steps_micros);
            }
            world.advance_to(at);
            changes(&mut world, minute);
        }
        let assigned = [Arm::Stable, Arm::Canary].map(|arm| world.assigned_since(arm, start() + DAY / 48));
        (render(&world, false), assigned)
    };
    let at_once = run(u64::MAX / 4);
    assert_eq!(run(777_777), at_once);
    assert_eq!(run(997), at_once);
}

#[test]
fn the_seed_decides() {
    let run = |seed| {
        let mut world = world(seed, Profile::Flat);
        world.advance_to(start() + DAY / 24);
        render(&world, false)
    };
    assert_eq!(run(3), run(3));
    assert_ne!(run(3), run(4));
}

#[test]
fn calls_are_shared_by_the_weight_in_force() {
    let mut world = world(5, Profile::Flat);
    world.set_follower(Weight::FULL);
    for (percent, hours) in [(0, 1), (5, 6), (25, 3), (50, 2), (100, 1), (0, 1)] {
        let from = world.now();
        world.set_splitter(Weight::percent(percent));
        world.advance_to(from + Duration::from_secs(hours * 3600));
        let [stable, canary] = [Arm::Stable, Arm::Canary].map(|arm| world.assigned_since(arm, from) as f64);
        assert!(
            stable + canary > 700.0 * hours as f64,
            "{percent} %: only {stable} + {canary} calls"
        );
        check_share(
            canary,
            stable + canary,
            f64::from(percent) / 100.0,
            &format!("{percent} %"),
        );
    }
    assert_eq!(world.in_progress(Arm::Canary), 0, "the canary has drained");
}

#[test]
fn arms_behave_as_they_are_told() {
    let mut world = world(6, Profile::Flat);
    let bad = Conduct {
        error_rate: 0.2,
        abandonment: 0.3,
        latency_median: 1.1,
        latency_spread: 0.3,
        recognition: 0.7,
    };
    world.set_conduct(Arm::Canary, bad);
    world.set_splitter(Weight::percent(50));
    world.set_follower(Weight::FULL);
    world.advance_to(start() + DAY / 2);
    for (arm, conduct) in [("stable", conduct()), ("canary", bad)] {
        let get = |name: &str, label: &str| value(&world, name, &[arm, label]);
        let requests = get("http_requests_total", "casos");
        check_share(
            get("http_requests_total", "500"),
            requests,
            conduct.error_rate,
            "errors",
        );
        let turns = value(&world, "ivr_speech_turns_total", &[arm]);
        check_share(
            get("ivr_speech_turns_total", "recognised"),
            turns,
            conduct.recognition,
            "recognition",
        );
        let calls = value(&world, "ivr_calls_finished_total", &[arm]);
        check_share(
            get("ivr_calls_finished_total", "abandoned"),
            calls,
            conduct.abandonment,
            "abandonment",
        );
        let stayed = calls - get("ivr_calls_finished_total", "abandoned");
        check_share(
            get("ivr_calls_finished_total", "failed"),
            stayed,
            conduct.error_rate,
            "failed calls",
        );
        // 0.35·e^(0.4·z) ≤ 0.5 where z ≤ 0.8917; 1.1·e^(0.3·z) ≤ 1 where z ≤ -0.3177.
        let (bound, share) = if arm == "stable" {
            ("0.5", 0.8137)
        } else {
            ("1", 0.3754)
        };
        let below = value(&world, "http_request_duration_seconds_bucket", &[arm, bound]);
        check_share(below, requests, share, "latency");
        assert_eq!(get("http_request_duration_seconds_count", "casos"), requests);
        assert_eq!(get("http_request_duration_seconds_bucket", "+Inf"), requests);
        let length = value(&world, "ivr_call_duration_seconds_sum", &[arm]) / calls;
        assert!((70.0..110.0).contains(&length), "{arm}: calls of {length} s");
        let open = world.in_progress(if arm == "stable" { Arm::Stable } else { Arm::Canary }) as f64;
        assert_eq!(value(&world, "ivr_calls_assigned_total", &[arm]), calls + open);
        assert_eq!(value(&world, "ivr_calls_in_progress", &[arm]), open);
    }
    assert_eq!(value(&world, "ivr_breaker_opens_total", &["stable"]), 0.0);
}

#[test]
fn a_canary_behind_a_closed_follower_fails() {
    let run = |follower: Weight| {
        let mut world = world(7, Profile::Flat);
        world.set_splitter(Weight::percent(20));
        world.set_follower(follower);
        world.advance_to(start() + DAY / 12);
        let requests = value(&world, "http_requests_total", &["canary"]);
        let failed = value(&world, "http_requests_total", &["canary", "500"]);
        assert!(requests > 1000.0);
        assert!(
            value(&world, "http_requests_total", &["stable", "500"])
                < 0.04 * value(&world, "http_requests_total", &["stable"])
        );
        (requests, failed, value(&world, "ivr_breaker_opens_total", &["canary"]))
    };
    let (requests, failed, opens) = run(Weight::ZERO);
    assert_eq!(failed, requests);
    assert!(opens > 0.0);
    let (requests, failed, _) = run(Weight::percent(50));
    check_share(failed, requests, 1.0 - 0.98 * 0.5, "half open");
    let (requests, failed, opens) = run(Weight::FULL);
    check_share(failed, requests, 0.02, "open");
    assert_eq!(opens, 0.0);
}

#[test]
fn a_fault_changes_nothing_but_what_it_is_about() {
    let run = |error_rate| {
        let mut world = world(8, Profile::Flat);
        world.set_splitter(Weight::percent(30));
        world.set_follower(Weight::FULL);
        world.advance_to(start() + DAY / 48);
        world.set_conduct(
            Arm::Canary,
            Conduct {
                error_rate,
                ..conduct()
            },
        );
        world.advance_to(start() + DAY / 24);
        let text = render(&world, false);
        let is_about_it = |line: &str| {
            line.contains("canary")
                && ["requests_total", "outcome=", "breaker"]
                    .iter()
                    .any(|name| line.contains(name))
        };
        let lines: Vec<String> = text
            .lines()
            .filter(|line| !is_about_it(line))
            .map(str::to_owned)
            .collect();
        (lines, value(&world, "http_requests_total", &["canary", "500"]))
    };
    let (calm, few) = run(0.02);
    let (bad, many) = run(0.6);
    assert_eq!(
        calm, bad,
        "the same callers, at the same moments, with the same latencies"
    );
    assert!(many > 5.0 * few);
}

#[test]
fn a_scrape_sees_the_world_of_its_own_instant() {
    let run = |step: Duration| {
        let mut seen = Observatory::new(world(9, Profile::Office));
        let end = start() + Duration::from_secs(1800);
        let mut at = start();
        while at < end {
            at = (at + step).min(end);
            seen.advance_to(at);
        }
        seen.dump_openmetrics()
    };
    let eager = run(Duration::from_millis(100));
    assert_eq!(eager, run(Duration::from_secs(3600)));
    let calls = r#"ivr_calls_assigned_total{instance="casos:8080",job="casos",version="stable"}"#;
    let times: Vec<&str> = eager
        .lines()
        .filter(|l| l.starts_with(calls))
        .filter_map(|l| l.rsplit(' ').next())
        .collect();
    assert_eq!(times.len(), 120);
    assert_eq!(times[..2], ["1795424403.217", "1795424418.217"]);
}

#[test]
fn nobody_calls() {
    let traffic = Traffic {
        calls_per_day: 0.0,
        profile: Profile::Office,
        mean_call: Duration::from_secs(90),
        requests_per_call: 6.0,
    };
    let mut world = World::new(1, start(), traffic, conduct(), conduct());
    world.advance_to(start() + DAY);
    assert_eq!(value(&world, "ivr_calls_assigned_total", &[]), 0.0);
}

#[test]
fn lines_split_calls_with_the_same_draw_as_a_weight() {
    let line = |share, arm| Line {
        share,
        arm,
        is_answered: true,
        way: 0,
    };
    let run = |split: &dyn Fn(&mut World)| {
        let mut world = world(10, Profile::Office);
        world.set_follower(Weight::FULL);
        split(&mut world);
        world.advance_to(start() + DAY / 12);
        (world.splitter(), render(&world, false))
    };
    let by_weight = run(&|world| world.set_splitter(Weight::percent(25)));
    let by_line = run(&|world| world.set_lines(vec![line(1.0, Arm::Canary), line(3.0, Arm::Stable)]));
    assert_eq!(by_weight, by_line);
    let nobody = run(&|world| world.set_lines(vec![line(0.0, Arm::Canary)]));
    assert_eq!(
        nobody,
        run(&|_| {}),
        "lines that nobody dials send nobody to the canary"
    );
}

#[test]
fn a_line_that_moves_takes_its_calls_along() {
    let line = |share, arm| Line {
        share,
        arm,
        is_answered: true,
        way: 0,
    };
    let mut world = world(11, Profile::Flat);
    world.set_follower(Weight::FULL);
    for (arms, expect) in [
        ([Arm::Stable, Arm::Stable, Arm::Stable], 0.0),
        ([Arm::Stable, Arm::Canary, Arm::Stable], 0.3),
        ([Arm::Canary, Arm::Stable, Arm::Canary], 0.7),
        ([Arm::Canary, Arm::Canary, Arm::Canary], 1.0),
    ] {
        let from = world.now();
        let lines = arms
            .into_iter()
            .zip([0.5, 0.3, 0.2])
            .map(|(arm, share)| line(share, arm));
        world.set_lines(lines.collect());
        assert!(
            (world.splitter().as_percent() - 100.0 * expect).abs() < 1e-9,
            "{}",
            world.splitter()
        );
        world.advance_to(from + Duration::from_secs(4 * 3600));
        let [stable, canary] = [Arm::Stable, Arm::Canary].map(|arm| world.assigned_since(arm, from) as f64);
        check_share(canary, stable + canary, expect, "lines");
    }
}

#[test]
fn a_line_that_nothing_answers_fails_its_calls() {
    let mut world = world(12, Profile::Flat);
    let line = |share, is_answered| Line {
        share,
        arm: Arm::Stable,
        is_answered,
        way: 0,
    };
    world.set_lines(vec![line(3.0, true), line(1.0, false)]);
    world.advance_to(start() + DAY / 4);
    let requests = value(&world, "http_requests_total", &["stable"]);
    let failed = value(&world, "http_requests_total", &["stable", "500"]);
    // Calls, not requests, are drawn; a call has six.
    check_share(failed / 6.0, requests / 6.0, 0.25 + 0.75 * 0.02, "unanswered");
}

#[test]
fn a_world_with_a_weight_is_what_it_always_was() {
    // Shipped rehearsals and their seeds rest on this: a change here changes what every one of them shows.
    let mut world = world(12, Profile::Office);
    world.set_follower(Weight::percent(60));
    world.set_splitter(Weight::percent(35));
    world.advance_to(start() + DAY / 24);
    world.set_splitter(Weight::percent(5));
    world.advance_to(start() + DAY / 8);
    let of = |name: &str, labels: &[&str]| value(&world, name, labels);
    let seen = [
        of("ivr_calls_assigned_total", &["stable"]),
        of("ivr_calls_assigned_total", &["canary"]),
        of("http_requests_total", &["stable", "500"]),
        of("http_requests_total", &["canary", "500"]),
        of("http_request_duration_seconds_sum", &["stable"]),
        of("ivr_call_duration_seconds_sum", &["canary"]),
    ];
    assert_eq!(
        seen,
        [5279.0, 845.0, 606.0, 2045.0, 11828.573634438317, 75688.7512260001]
    );
}
