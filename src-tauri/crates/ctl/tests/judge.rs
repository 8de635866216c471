//! `timonelctl judge replay` and `timonelctl plan power` as a person uses them.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn timonelctl(language: &str, arguments: &[&str]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_timonelctl"));
    program.env_clear().env("USER", "luz").stdin(Stdio::null());
    program.args(["--lang", language]).args(arguments).output().unwrap()
}

fn said(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec())
        .unwrap()
        .replace(['\u{2068}', '\u{2069}', '\u{a0}'], "")
}

fn replay(lines: &str, more: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("calls.jsonl");
    std::fs::write(&file, lines).unwrap();
    timonelctl("es", &[&["judge", "replay", file.to_str().unwrap()], more].concat())
}

/// 59 calls of stable, every twentieth one of the canary, which fails it.
fn failing_canary() -> String {
    let line = |n: u32| {
        let arm = if n.is_multiple_of(20) { "canary" } else { "stable" };
        let failed = arm == "canary";
        format!("{{\"arm\":\"{arm}\",\"failed\":{failed},\"weight\":5.0,\"id\":\"c{n}\"}}\n")
    };
    (1..=60).map(line).collect()
}

fn readings(done: &Output) -> Vec<Value> {
    assert!(done.status.success(), "{}", said(&done.stderr));
    said(&done.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn every_call_is_answered_with_its_evidence() {
    let readings = readings(&replay(&failing_canary(), &[]));
    assert_eq!(readings.len(), 60);
    let near = |value: &Value, expected: f64| assert!((value.as_f64().unwrap() - expected).abs() < 1e-6, "{value}");
    // The first golden path's own values.
    near(&readings[0]["log10_t"], 0.006_244_406);
    near(&readings[0]["log10_r"], 0.003_133_426);
    near(&readings[0]["log10_o"], 0.0);
    let last = &readings[59];
    assert_eq!((last["n"].as_u64(), last["canary_n"].as_u64()), (Some(60), Some(3)));
    near(&last["log10_t"], 3.885_278_135);
    near(&last["log10_r"], 3.589_281_670);
    near(&last["log10_o"], 3.211_017_397);
    assert_eq!(
        (&readings[18]["verdict"], &last["verdict"]),
        (&"hold".into(), &"rollback".into())
    );
}

#[test]
fn limit_and_restarts_are_as_asked() {
    let usual = readings(&replay(&failing_canary(), &[]));
    let other = readings(&replay(&failing_canary(), &["--p0", "0.2", "--restart-every", "7"]));
    assert_eq!(usual[59]["log10_t"], other[59]["log10_t"]);
    assert_ne!(usual[59]["log10_r"], other[59]["log10_r"]);
    assert!(other[59]["log10_o"].as_f64() < usual[59]["log10_o"].as_f64());
}

#[test]
fn a_bad_line_is_named_and_nothing_is_printed() {
    let good = "{\"arm\":\"stable\",\"failed\":false,\"weight\":5}\n";
    for (bad, column) in [
        ("{\"arm\":\"stable\",\"failed\":false,\"weight\":500}", None),
        ("{\"arm\":\"neither\",\"failed\":false,\"weight\":5}", Some("columna")),
        ("{\"arm\":\"stable\",\"failed\":false}", Some("columna")),
        (
            "{\"arm\":\"stable\",\"failed\":false,\"weight\":1e400}",
            Some("columna"),
        ),
        ("no", Some("columna")),
    ] {
        let done = replay(&format!("{good}\n{good}{bad}\n{good}"), &[]);
        let error = said(&done.stderr);
        assert_eq!(done.status.code(), Some(2), "{error}");
        assert!(done.stdout.is_empty());
        assert!(
            error.contains("línea 4:") && error.contains(column.unwrap_or("línea")),
            "{error}"
        );
        assert!(!error.contains(" at line "), "{error}");
    }
    for limit in ["0", "1", "NaN", "-1"] {
        let done = replay(good, &[&format!("--p0={limit}")]);
        assert_eq!(
            (done.status.code(), done.stdout.len()),
            (Some(2), 0),
            "{}",
            said(&done.stderr)
        );
    }
    assert_eq!(replay(good, &["--restart-every", "0"]).status.code(), Some(2));
    assert_eq!(
        timonelctl("en", &["judge", "replay", "/nowhere.jsonl"]).status.code(),
        Some(2)
    );
}

fn plan(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../plans").join(name)
}

#[test]
fn the_planner_says_what_each_phase_can_show() {
    let file = plan("ivr-texml.toml");
    let file = file.to_str().unwrap();
    let ask = ["plan", "power", file, "--units-per-day", "100"];
    let done = timonelctl("es", &[&ask[..], &["--json"]].concat());
    assert!(done.status.success(), "{}", said(&done.stderr));
    let report: Value = serde_json::from_slice(&done.stdout).unwrap();
    let phases = report["phases"].as_array().unwrap();
    assert_eq!(phases.len(), 6);
    let pilot = &phases[0];
    assert_eq!(pilot["canary_units"].as_f64().unwrap(), 35.0);
    let total = &pilot["sights"][0];
    assert_eq!(
        (total["rate"].as_f64(), total["median_canary_units"].as_u64()),
        (Some(1.0), Some(4))
    );
    assert_eq!(pilot["rules"][0]["rule"], "errores-10");
    // A gate below 5 % and too few calls for it.
    assert!(phases[2]["go"]["clean_units"].as_u64().unwrap() > 50);
    let warned = |kind: &str, phase: &str| {
        let warnings = report["warnings"].as_array().unwrap();
        warnings.iter().any(|w| w["warning"] == kind && w["phase"] == phase)
    };
    assert!(
        warned("nothing-to-compare", "total-100") && warned("blind-at-limit", "piloto-5"),
        "{report}"
    );
    assert_eq!(
        report["not_simulated"],
        serde_json::json!([
            { "rule": "respuesta-5s", "why": "spread-unknown" },
            { "rule": "abandono-25", "why": "today-unknown" },
        ])
    );
    // With its value of today, abandonment is simulated too; of recognised speech the bad ones are those that are not.
    let with = [
        "--json",
        "--today",
        "abandonment=0.06",
        "--today",
        "speech_recognition=0.9",
    ];
    let done = timonelctl("es", &[&ask[..], &with].concat());
    let report: Value = serde_json::from_slice(&done.stdout).unwrap();
    let shares = report["phases"][0]["other_shares"].as_array().unwrap();
    let found: Vec<_> = shares
        .iter()
        .map(|share| {
            let bad = share["bad_today"].as_f64().unwrap();
            (
                share["metric"].as_str().unwrap(),
                (bad * 100.0).round(),
                share["rules"].as_array().unwrap().len(),
            )
        })
        .collect();
    assert_eq!(found, [("abandonment", 6.0, 1), ("speech_recognition", 10.0, 0)]);
    assert_eq!(
        report["not_simulated"],
        serde_json::json!([{ "rule": "respuesta-5s", "why": "spread-unknown" }])
    );
    assert_eq!(
        report["phases"][0]["sights"], pilot["sights"],
        "what else is asked changes no figure"
    );
    let unknown = timonelctl("es", &[&ask[..], &["--today", "cpu=0.5"]].concat());
    assert_eq!((unknown.status.code(), unknown.stdout.len()), (Some(2), 0));
    assert!(said(&unknown.stderr).contains("abandonment"), "what there is is named");
    let few = ["plan", "power", file, "--units-per-day", "20"];
    for language in ["es", "en"] {
        let done = timonelctl(language, &few);
        let text = said(&done.stdout);
        assert!(done.status.success() && text.contains("errores-10"), "{text}");
        assert!(!text.contains("power-") && !text.contains('$'), "{text}");
    }
}

#[test]
fn numbers_that_no_day_has_are_refused() {
    let file = plan("conecta360-canary.toml");
    let file = file.to_str().unwrap();
    for bad in [
        "--units-per-day=0",
        "--units-per-day=-3",
        "--units-per-day=NaN",
        "--units-per-day=10 --base=2",
    ] {
        let arguments: Vec<_> = ["plan", "power", file].into_iter().chain(bad.split(' ')).collect();
        let done = timonelctl("es", &arguments);
        assert_eq!(
            (done.status.code(), done.stdout.len()),
            (Some(2), 0),
            "{bad}: {}",
            said(&done.stderr)
        );
    }
}
