//! What is found in scenarios, by themselves and beside a plan.

use std::time::Duration;

use timonel_domain::value::Weight;
use timonel_plan::scenario::{self, Down, Fault, Gone, Outcome, TelnyxWorld, WorldSource, check_with_plan};
use timonel_plan::{Severity, check, draw};

const BASE: &str = r#"
schema = 1
id = "base"
title = "Base"
seed = 7
start = 2026-11-23T13:00:00Z
limit = "3h"
[phases]
bake_at_most = "10m"
[expect]
outcome = "completed"
verified = true
[traffic]
calls_per_day = 86400
profile = "flat"
mean_call = "90s"
requests_per_call = 3
[arms.stable]
error_rate = 0.01
abandonment = 0.04
latency_median = "400ms"
latency_spread = 0.4
recognition = 0.92
[arms.canary]
error_rate = 0.01
abandonment = 0.04
latency_median = "400ms"
latency_spread = 0.4
recognition = 0.92
[operator]
signs = true
approves_after = "1m"
"#;

fn lines(findings: &[timonel_plan::Finding]) -> Vec<String> {
    findings
        .iter()
        .map(|f| {
            format!(
                "{}{} {}",
                if f.severity == Severity::Warning {
                    "warning "
                } else {
                    ""
                },
                f.code,
                f.path
            )
        })
        .collect()
}

#[track_caller]
fn expect(from: &str, to: &str, expected: &[&str]) {
    assert!(BASE.contains(from), "the base has no {from}");
    let text = BASE.replacen(from, to, 1);
    let checked = scenario::check(&text);
    assert_eq!(
        lines(&checked.findings),
        expected,
        "\n{}",
        draw(&checked.findings, "scenario.toml", &text, false)
    );
    assert_eq!(checked.value.is_some(), !checked.has_errors());
}

fn fault(text: &str) -> String {
    format!("approves_after = \"1m\"\n[[fault]]\n{text}\n")
}

const END: &str = "approves_after = \"1m\"\n";

#[test]
fn every_fault_has_its_type() {
    let one = |text: &str| {
        let text = BASE.replacen(END, &fault(&format!("at = \"12m\"\n{text}")), 1);
        let checked = scenario::check(&text);
        let mut faults = checked
            .value
            .unwrap_or_else(|| panic!("{}", draw(&checked.findings, "", &text, false)))
            .faults;
        faults.remove(0).fault
    };
    assert_eq!(
        one("kind = \"canary-errors\"\nrate = 0.4"),
        Fault::CanaryErrors { rate: 0.4 }
    );
    assert_eq!(
        one("kind = \"canary-abandonment\"\nrate = 1"),
        Fault::CanaryAbandonment { rate: 1.0 }
    );
    assert_eq!(
        one("kind = \"canary-latency\"\nmedian = \"4s\""),
        Fault::CanaryLatency {
            median: Duration::from_secs(4)
        }
    );
    assert_eq!(one("kind = \"own-network-lost\""), Fault::OwnNetworkLost);
    assert_eq!(one("kind = \"critical-error\""), Fault::CriticalError);
    assert_eq!(
        one("kind = \"source-gone\"\nsource = \"prometheus\"\nhow = \"nan\""),
        Fault::SourceGone {
            source: WorldSource::Prometheus,
            how: Gone::Nan
        }
    );
    for (how, down) in [
        ("hang", Down::Hang),
        ("reset", Down::Reset),
        ("503", Down::Unavailable),
        ("webhook-down", Down::WebhookDown),
        ("webhook-refuses", Down::WebhookRefuses),
        ("401", Down::Unauthenticated),
        ("403", Down::Forbidden),
        ("429", Down::Throttled),
    ] {
        let fault = one(&format!(
            "kind = \"target-down\"\ntarget = \"mesh\"\nhow = \"{how}\"\nfor = \"5m\""
        ));
        assert_eq!(
            fault,
            Fault::TargetDown {
                target: "mesh".parse().unwrap(),
                how: down
            }
        );
    }
    assert_eq!(
        one("kind = \"readback-lies\"\ntarget = \"mesh\""),
        Fault::ReadbackLies {
            target: "mesh".parse().unwrap()
        }
    );
    assert_eq!(
        one("kind = \"stray-job\"\ntarget = \"numbers\"\nby = \"portal\"\nweight = 12.5\nafter = \"90s\""),
        Fault::StrayJob {
            target: "numbers".parse().unwrap(),
            by: "portal".to_owned(),
            weight: Weight::from_hundredths(1250).unwrap(),
            after: Duration::from_secs(90)
        }
    );
    assert_eq!(
        one("kind = \"job-failures\"\ntarget = \"numbers\"\nshare = 0.3"),
        Fault::JobFailures {
            target: "numbers".parse().unwrap(),
            share: 0.3
        }
    );
    assert_eq!(
        one("kind = \"jobs-stuck\"\ntarget = \"numbers\""),
        Fault::JobsStuck {
            target: "numbers".parse().unwrap()
        }
    );
    let Fault::Drift { to, every, by, .. } =
        one("kind = \"drift\"\ntarget = \"mesh\"\nto = 40\nby = \"flux\"\nevery = \"1m\"")
    else {
        panic!("no drift")
    };
    assert_eq!(
        (to.as_percent(), every.map(|e| e.as_secs()), by.as_str()),
        (40.0, Some(60), "flux")
    );
}

#[test]
fn mistakes_have_their_place() {
    expect("Base", "Base", &[]);
    expect("2026-11-23T13:00:00Z", "\"mañana\"", &["file.moment start"]);
    expect("schema = 1", "schema = 2", &["file.schema schema"]);
    expect("limit = \"3h\"", "limit = \"0s\"", &["scenario.limit limit"]);
    expect(
        "error_rate = 0.01",
        "error_rate = 1.5",
        &["file.range arms.stable.error_rate"],
    );
    expect(
        "error_rate = 0.01",
        "error_rate = nan",
        &["file.range arms.stable.error_rate"],
    );
    expect(
        "profile = \"flat\"",
        "profile = \"flatt\"",
        &["file.unknown-word traffic.profile"],
    );
    expect(
        "[operator]\nsigns = true\napproves_after = \"1m\"\n",
        "",
        &["warning scenario.nobody-approves expect.outcome"],
    );
    expect(
        END,
        &fault("at = \"4h\"\nkind = \"critical-error\""),
        &["scenario.fault-after-end fault[0].at"],
    );
    expect(
        END,
        &fault("at = \"1m\"\nkind = \"canary-errors\""),
        &["file.missing-field fault[0].rate"],
    );
    expect(
        END,
        &fault("at = \"1m\"\nkind = \"canary-errors\"\nrate = 0.4\nmedian = \"4s\""),
        &["file.unknown-field fault[0].median"],
    );
    expect(
        END,
        &fault("at = \"1m\"\nkind = \"canary-errors\"\nrate = 40"),
        &["file.range fault[0].rate"],
    );
    expect(
        END,
        &fault("at = \"1m\"\nkind = \"canary-eror\"\nrate = 0.4"),
        &["file.unknown-word fault[0]"],
    );
    expect(
        END,
        &fault("at = \"1m\"\nfor = \"0s\"\nkind = \"critical-error\""),
        &["scenario.fault-without-time fault[0].for"],
    );
}

#[test]
fn a_scenario_names_what_its_plan_has() {
    let plan = check(include_str!("base.toml")).value.unwrap();
    let together = |text: &str| lines(&check_with_plan(&scenario::check(text).value.unwrap(), text, &plan));
    assert_eq!(together(BASE), Vec::<String>::new());
    assert_eq!(
        together(&BASE.replace(END, &fault("at = \"1m\"\nkind = \"readback-lies\"\ntarget = \"mesh\""))),
        Vec::<String>::new()
    );
    assert_eq!(
        together(&BASE.replace(END, &fault("at = \"1m\"\nkind = \"readback-lies\"\ntarget = \"mesch\""))),
        ["reference.target fault[0].target"]
    );
    assert_eq!(
        together(&BASE.replace("verified = true", "verified = true\nphase = \"p50\"")),
        ["reference.phase expect.phase"]
    );
    assert_eq!(
        together(&BASE.replace("\"3h\"", "\"15m\"")),
        ["scenario.limit-below-phases limit"]
    );
    assert_eq!(
        together(&BASE.replace("\"10m\"", "\"3m\"")),
        ["warning scenario.bake-below-rule phases.bake_at_most"]
    );
    assert_eq!(scenario::check(BASE).value.unwrap().expect.outcome, Outcome::Completed);
}

#[test]
fn an_account_has_its_usual_pace_and_its_limits() {
    let telnyx = |text: &str| BASE.replacen("[arms.stable]", &format!("[telnyx]\n{text}\n[arms.stable]"), 1);
    let world = scenario::check(&telnyx("numbers = 340")).value.unwrap().telnyx.unwrap();
    assert_eq!(
        world,
        TelnyxWorld {
            numbers: 340,
            skew: 1.0,
            latency: Duration::from_millis(60),
            requests_per_second: 20,
            job_delay: Duration::from_secs(5),
            job_pace: 50,
            propagation: Duration::from_secs(2),
        }
    );
    let found = |text: &str| lines(&scenario::check(&telnyx(text)).findings);
    assert_eq!(found("numbers = 0"), ["file.range telnyx.numbers"]);
    assert_eq!(found("numbers = 340\njob_pace = 0"), ["file.range telnyx.job_pace"]);
    assert_eq!(
        found("numbers = 340\nrequests_per_second = 0"),
        ["file.range telnyx.requests_per_second"]
    );
    assert_eq!(found("numbers = 340\nskew = 3.5"), ["file.range telnyx.skew"]);
    assert_eq!(
        found("numbers = 340\npropagation = \"2\""),
        ["file.duration telnyx.propagation"]
    );
    assert_eq!(found("skew = 1.0"), ["file.missing-field telnyx.numbers"]);
    assert_eq!(found("numbers = 340\nrate = 3"), ["file.unknown-field telnyx.rate"]);
}

#[test]
fn faults_of_jobs_do_something() {
    let stray = "at = \"1m\"\nkind = \"stray-job\"\ntarget = \"numbers\"\nby = \"portal\"\nweight = 20\nafter = \"1m\"";
    expect(END, &fault(stray), &[]);
    expect(
        END,
        &fault(&stray.replace("= 20", "= 0")),
        &["scenario.fault-without-effect fault[0].weight"],
    );
    expect(
        END,
        &fault(&stray.replace("= 20", "= 101")),
        &["file.weight fault[0].weight"],
    );
    expect(
        END,
        &fault(&stray.replace("\nafter = \"1m\"", "")),
        &["file.missing-field fault[0].after"],
    );
    let failures = "at = \"1m\"\nkind = \"job-failures\"\ntarget = \"numbers\"\nshare = 0.3";
    expect(END, &fault(failures), &[]);
    expect(
        END,
        &fault(&failures.replace("0.3", "0")),
        &["scenario.fault-without-effect fault[0].share"],
    );
    expect(
        END,
        &fault(&failures.replace("0.3", "30")),
        &["file.range fault[0].share"],
    );
}

#[test]
fn what_is_shortened_is_not_taken_away() {
    let both = "bake_at_most = \"10m\"";
    expect(both, "", &[]);
    expect(both, "wait_at_most = \"8m\"", &[]);
    expect(both, "bake_at_most = \"0s\"", &["scenario.bake phases.bake_at_most"]);
    expect(both, "wait_at_most = \"0s\"", &["scenario.wait phases.wait_at_most"]);
    expect(both, "wait_at_most = \"8\"", &["file.duration phases.wait_at_most"]);
}

#[test]
fn a_world_has_what_a_plan_of_numbers_needs() {
    let plan = check(include_str!("telnyx.toml")).value.unwrap();
    let mesh = check(include_str!("base.toml")).value.unwrap();
    let of = |plan, text: &str| lines(&check_with_plan(&scenario::check(text).value.unwrap(), text, plan));
    let together = |text: &str| of(&plan, text);
    let world = BASE
        .replace("\"10m\"", "\"30m\"")
        .replace("[arms.stable]", "[telnyx]\nnumbers = 340\n[arms.stable]");
    assert_eq!(together(&world), Vec::<String>::new());
    assert_eq!(
        together(&world.replace("[telnyx]\nnumbers = 340\n", "")),
        ["scenario.telnyx telnyx"]
    );
    assert_eq!(of(&mesh, &world), ["warning scenario.telnyx telnyx"]);
    // The tenants of the plan have three, and it excepts one.
    assert_eq!(
        together(&world.replace("= 340", "= 3")),
        ["scenario.numbers telnyx.numbers"]
    );
    assert_eq!(together(&world.replace("= 340", "= 4")), Vec::<String>::new());

    let with = |text: &str| together(&world.replace(END, &fault(&format!("at = \"1m\"\n{text}"))));
    for how in ["hang", "reset", "503", "401", "403", "429"] {
        let down = format!("kind = \"target-down\"\ntarget = \"numbers\"\nhow = \"{how}\"");
        assert_eq!(with(&down), Vec::<String>::new());
    }
    for how in ["webhook-down", "webhook-refuses"] {
        let down = |target: &str| format!("kind = \"target-down\"\ntarget = \"{target}\"\nhow = \"{how}\"");
        assert_eq!(with(&down("numbers")), ["scenario.fault-kind fault[0].how"]);
        assert_eq!(with(&down("mesh")), Vec::<String>::new());
    }
    for jobs in [
        "kind = \"stray-job\"\nby = \"portal\"\nweight = 20\nafter = \"1m\"",
        "kind = \"job-failures\"\nshare = 0.3",
        "kind = \"jobs-stuck\"",
    ] {
        assert_eq!(with(&format!("{jobs}\ntarget = \"numbers\"")), Vec::<String>::new());
        assert_eq!(
            with(&format!("{jobs}\ntarget = \"mesh\"")),
            ["scenario.fault-kind fault[0].target"]
        );
        assert_eq!(
            with(&format!("{jobs}\ntarget = \"nowhere\"")),
            ["reference.target fault[0].target"]
        );
    }
}

#[test]
fn a_rehearsal_has_time_for_what_its_gates_wait_for() {
    let plan = include_str!("telnyx.toml").replace(
        "metric = \"calls\"\nsource = \"telnyx\"\narms = { stable = \"2150000000000000001\", canary = \"2150000000000000002\" }\nrecords = \"initiated-calls\"",
        "metric = \"calls\"\nsource = \"prometheus\"\narms = { stable = \"a\", canary = \"b\" }\ncount = 'critical_total{version=\"{arm}\"}'\nincident = \"critical-error\"",
    );
    let plan = plan.replace(
        "gates = [",
        "gates = [{ without = \"critical-error\", lasting = \"72h\" }, ",
    );
    let checked = check(&plan);
    let plan = checked
        .value
        .unwrap_or_else(|| panic!("{}", draw(&checked.findings, "", &plan, false)));
    let world = BASE
        .replace("\"10m\"", "\"30m\"")
        .replace("[arms.stable]", "[telnyx]\nnumbers = 340\n[arms.stable]");
    let together = |text: &str| lines(&check_with_plan(&scenario::check(text).value.unwrap(), text, &plan));
    assert_eq!(together(&world), ["scenario.limit-below-phases limit"]);
    assert_eq!(
        together(&world.replace("\"30m\"", "\"30m\"\nwait_at_most = \"8m\"")),
        Vec::<String>::new()
    );
}
