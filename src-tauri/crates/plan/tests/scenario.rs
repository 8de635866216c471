//! What is found in scenarios, by themselves and beside a plan.

use timonel_plan::scenario::{self, Down, Fault, Gone, Outcome, WorldSource, check_with_plan};
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
            median: std::time::Duration::from_secs(4)
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
