//! `timonelctl backtest` as a person uses it.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use timonel_domain::time::Timestamp;

fn plan() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../plans/conecta360-canary.toml")
}

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

/// Half an hour of calls, one every two seconds, every tenth on the canary, which fails from the fifteenth minute on.
fn calls() -> String {
    let call = |n: i64| {
        let arm = if n % 10 == 0 { "canary" } else { "stable" };
        let failed = (arm == "canary" && n > 450) || n % 97 == 0;
        let at = Timestamp::from_secs(1_790_000_000 + n * 2);
        format!(
            "{{\"arm\":\"{arm}\",\"failed\":{failed},\"weight\":10,\"at\":\"{at}\",\"id\":{n},\"latency_ms\":300}}\n"
        )
    };
    (1..=900).map(call).collect()
}

fn backtest(language: &str, lines: &str, more: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("calls.jsonl");
    std::fs::write(&file, lines).unwrap();
    let plan = plan();
    let asked = ["backtest", plan.to_str().unwrap(), "--outcomes", file.to_str().unwrap()];
    timonelctl(language, &[&asked, more].concat())
}

#[test]
fn a_person_reads_what_each_rule_would_have_done() {
    for (language, put_back, last) in [
        ("es", "revierte 1", "Habría revertido en 1 momentos"),
        ("en", "rolls back 1", "It would have rolled back at 1 moments"),
    ] {
        let done = backtest(language, &calls(), &[]);
        let text = said(&done.stdout);
        assert!(done.status.success(), "{}", said(&done.stderr));
        assert_eq!(done.stderr, b"");
        let row = text
            .lines()
            .find(|line| line.trim_start().starts_with("errores-10"))
            .unwrap();
        assert_eq!(row.matches(put_back).count(), 3, "{row}");
        assert!(text.lines().last().unwrap().starts_with(last), "{text}");
        assert!(text.contains("kafka") && text.contains("--base 0.0"), "{text}");
        println!("{text}");
    }
}

#[test]
fn a_program_reads_one_object() {
    let done = backtest("es", &calls(), &["--json"]);
    let read: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(
        (&read["kind"], &read["source"]),
        (&"backtest".into(), &"outcomes".into())
    );
    assert_eq!(read["calls"]["canary"]["total"], 90);
    assert_eq!(read["standings"][0]["phase"], "canary-10");
    assert_eq!(read["summary"]["rollbacks"], 1);
    let rule = |id: &str| {
        read["rules"]
            .as_array()
            .unwrap()
            .iter()
            .find(|rule| rule["rule"] == id)
            .unwrap()
    };
    let errors = rule("errores-10");
    assert_eq!(
        (&errors["read"], &errors["written"]["rolled_back"]),
        (&true.into(), &1.into())
    );
    let [proven, literal] = ["proven", "literal"].map(|way| {
        let first = errors[way]["first_rollback"].as_str().unwrap();
        first.parse::<Timestamp>().unwrap()
    });
    assert!(proven < literal, "{errors}");
    assert_eq!(rule("kafka-caido")["read"], false);
    let moments = read["moments"].as_array().unwrap();
    let put_back = moments
        .iter()
        .find(|moment| moment["consequence"] == "rollback")
        .unwrap();
    assert!(
        put_back["events"]
            .as_array()
            .unwrap()
            .iter()
            .any(|event| event["event"] == "rollback"),
        "{put_back}"
    );
    assert!(
        moments
            .iter()
            .flat_map(|moment| moment["numbers"].as_array().unwrap())
            .any(|number| { number["rule"] == "errores-10" && number["log10_evidence"].as_f64() > Some(1.69) })
    );
}

#[test]
fn the_phase_is_as_asked() {
    let read = |more: &[&str]| {
        let done = backtest("es", &calls(), &[more, &["--json"]].concat());
        assert!(done.status.success(), "{}", said(&done.stderr));
        serde_json::from_slice::<Value>(&done.stdout).unwrap()["standings"][0].clone()
    };
    assert_eq!(read(&["--phase", "2"])["phase"], "canary-25");
    assert_eq!(read(&["--phase", "canary-50"])["weight"], 50);
    assert_eq!(
        read(&["--weight", "12.5"]),
        serde_json::json!({
            "since": read(&[])["since"], "weight": 12.5, "phase": null,
        })
    );
    for bad in [
        ["--phase", "5"],
        ["--phase", "0"],
        ["--phase", "canario"],
        ["--weight", "101"],
    ] {
        let done = backtest("es", &calls(), &bad);
        assert_eq!(done.status.code(), Some(2), "{bad:?}");
        assert_eq!(done.stdout, b"");
    }
}

#[test]
fn nothing_that_fires_is_no_failure_and_is_said_so() {
    let healthy: String = calls().replace("\"failed\":true", "\"failed\":false");
    let done = backtest("es", &healthy, &[]);
    assert!(done.status.success());
    assert_eq!(said(&done.stdout).lines().last(), Some("No habría saltado nada."));
}

#[test]
fn a_bad_line_is_named_and_nothing_is_printed() {
    for (language, words) in [("es", "línea 901"), ("en", "line 901")] {
        let done = backtest(
            language,
            &(calls() + "{\"arm\":\"canary\",\"failed\":true,\"weight\":5}\n"),
            &["--json"],
        );
        assert_eq!((done.status.code(), done.stdout.as_slice()), (Some(2), b"".as_slice()));
        let error = said(&done.stderr);
        assert!(error.contains(words) && error.contains("`at`"), "{error}");
    }
    let done = backtest("es", "", &[]);
    assert_eq!((done.status.code(), done.stdout.as_slice()), (Some(2), b"".as_slice()));
}

#[test]
fn a_past_that_cannot_be_read_is_told_with_what_to_do() {
    let plan = plan();
    let plan = plan.to_str().unwrap();
    let check = |arguments: &[&str], code: i32, expected: &str| {
        let done = timonelctl("es", &[&["backtest", plan], arguments].concat());
        let error = said(&done.stderr);
        assert_eq!(
            (done.status.code(), done.stdout.as_slice()),
            (Some(code), b"".as_slice()),
            "{error}"
        );
        assert!(error.contains(expected), "{error}");
    };
    let at = |from, to| ["--prometheus", "http://127.0.0.1:9", "--from", from, "--to", to];
    check(
        &at("2024-01-02T00:00:00Z", "2024-01-01T00:00:00Z"),
        2,
        "--from tiene que ser anterior a --to",
    );
    check(&at("1h", "9999-01-01T00:00:00Z"), 2, "todavía no ha pasado");
    check(&at("40d", "1h"), 2, "más de 31 días");
    check(&at("1h", "10m"), 1, "no se puede leer el pasado");
    check(&["--prometheus", "http://127.0.0.1:9", "--from", "ayer"], 2, "like 24h");
    check(&["--prometheus", "http://127.0.0.1:9"], 2, "--from");
    check(&[], 2, "--outcomes");
}
