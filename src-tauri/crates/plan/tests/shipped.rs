//! The files that Timonel ships: they read without a finding, mean what seed 002 says, and survive being written again.

use std::path::PathBuf;
use std::time::Duration;

use timonel_domain::plan::{Action, EvidenceMode, GateKind, Role, Severity};
use timonel_domain::value::Side;
use timonel_plan::parsed::{Query, SIMULATOR, VirtualServiceConfig, Way};
use timonel_plan::scenario::{self, ScenarioFile, check_with_plan};
use timonel_plan::{Parsed, PlanFile, check, draw};

fn plans() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../plans"))
}

fn read(path: &PathBuf) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn files(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(plans().join(folder))
        .expect("the shipped plans stand beside the crates")
        .map(|entry| entry.expect("a folder that can be listed").path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    files.sort();
    files
}

fn conecta360() -> Parsed {
    let text = read(&plans().join("conecta360-canary.toml"));
    let checked = check(&text);
    assert!(
        checked.findings.is_empty(),
        "{}",
        draw(&checked.findings, "conecta360-canary.toml", &text, false)
    );
    checked.value.expect("a plan without findings has a value")
}

#[test]
fn every_shipped_plan_is_clean_and_survives_being_written_again() {
    for path in files("") {
        let text = read(&path);
        let checked = check(&text);
        assert!(
            checked.findings.is_empty(),
            "{}",
            draw(&checked.findings, &path.to_string_lossy(), &text, false)
        );
        let file: PlanFile = toml::from_str(&text).unwrap();
        let again = toml::to_string(&file).unwrap();
        assert_eq!(toml::from_str::<PlanFile>(&again).unwrap(), file);
        assert_eq!(check(&again).value, checked.value, "{}", path.display());
        assert_eq!(Parsed::try_from(&file).ok(), checked.value, "{}", path.display());
    }
}

#[test]
fn every_shipped_scenario_fits_the_shipped_plan() {
    let plan = conecta360();
    let mut ids = Vec::new();
    for path in files("scenarios") {
        let text = read(&path);
        let checked = scenario::check(&text);
        assert!(
            checked.findings.is_empty(),
            "{}",
            draw(&checked.findings, &path.to_string_lossy(), &text, false)
        );
        let scenario = checked.value.unwrap();
        let together: Vec<_> = check_with_plan(&scenario, &text, &plan);
        let errors: Vec<_> = together
            .iter()
            .filter(|f| f.severity == timonel_plan::Severity::Error)
            .collect();
        assert!(errors.is_empty(), "{}: {errors:?}", path.display());
        assert_eq!(path.file_stem().unwrap().to_string_lossy(), scenario.id);
        let file: ScenarioFile = toml::from_str(&text).unwrap();
        assert_eq!(
            scenario::check(&toml::to_string(&file).unwrap()).value,
            Some(scenario.clone())
        );
        ids.push(scenario.id);
    }
    let expected = [
        "calm",
        "canary-errors",
        "critical-error",
        "drift-down",
        "drift-up",
        "no-data",
        "own-network-lost",
        "readback-lies",
        "slow-canary",
        "target-down",
    ];
    assert_eq!(ids, expected);
}

#[test]
fn conecta360_is_what_seed_002_says() {
    let parsed = conecta360();
    let plan = &parsed.plan;
    let weights: Vec<f64> = plan.phases.iter().map(|p| p.weight.as_percent()).collect();
    assert_eq!(weights, [10.0, 25.0, 50.0, 100.0]);
    assert!(plan.phases.iter().all(|p| p.bake == Duration::from_secs(30 * 60)));
    assert_eq!(
        plan.targets.iter().map(|t| t.role).collect::<Vec<_>>(),
        [Role::Splitter, Role::Follower]
    );

    let rule = |id: &str| plan.rules.iter().find(|r| r.id.as_str() == id).unwrap();
    let errors = rule("errores-10");
    assert_eq!(
        (errors.action, errors.severity, errors.evidence),
        (Action::Rollback, Severity::Critical, EvidenceMode::Literal)
    );
    assert_eq!(
        (errors.limit.micros(), errors.question.side, errors.question.least_units),
        (100_000, Side::Canary, 20)
    );
    assert_eq!(
        (errors.lasting, errors.question.window),
        (Duration::from_secs(300), Duration::from_secs(300))
    );
    let p95 = rule("respuesta-p95");
    assert_eq!(
        (p95.limit.micros(), p95.question.least_units, p95.action),
        (3_000_000, 60, Action::Alert)
    );
    assert_eq!(rule("base-de-datos-caida").lasting, Duration::from_secs(60));
    assert_eq!(rule("kafka-retraso").limit.as_f64(), 1000.0);
    assert_eq!(plan.rules.iter().filter(|r| r.action == Action::Rollback).count(), 1);

    let GateKind::Limit { go, no_go, .. } = &plan.phases[0].gates[0].kind else {
        panic!("no limit")
    };
    assert_eq!((go.micros(), no_go.micros()), (50_000, 100_000));

    let errors = parsed.signals.iter().find(|s| s.id.as_str() == "errores").unwrap();
    assert_eq!(
        errors.queries[1].query,
        Query::Ratio {
            bad: "http_requests_total{service=\"casos\",version=\"canary\",status=~\"5..\"}".to_owned(),
            total: "http_requests_total{service=\"casos\",version=\"canary\"}".to_owned(),
        }
    );
    assert_eq!(
        parsed.signals.iter().find(|s| s.source == "metrics").unwrap().interval,
        Duration::from_secs(5)
    );
}

#[test]
fn an_environment_fills_addresses_in() {
    fn mesh(parsed: &Parsed) -> &VirtualServiceConfig {
        match &parsed.targets[0].way {
            Way::VirtualService(way) => way,
            Way::NumberShare(_) => panic!("conecta360 splits at the mesh"),
        }
    }
    let staging = conecta360().in_environment("staging").unwrap();
    assert_eq!(mesh(&staging).namespace, "staging");
    assert_eq!(staging.context_of(&staging.targets[0]), Some("conecta360-staging"));
    assert!(staging.sources.iter().all(|s| s.url.is_some()));
    let simulated = conecta360().in_environment(SIMULATOR).unwrap();
    assert_eq!(
        (simulated.plan.environment.as_str(), mesh(&simulated).namespace.as_str()),
        (SIMULATOR, "prod")
    );
    assert!(simulated.sources.iter().all(|s| s.url.is_none()));
    assert_eq!(
        conecta360().in_environment("qa").unwrap_err().known,
        ["simulador", "produccion", "staging"]
    );
}

#[test]
fn a_scenario_shortens_bakes_and_no_window() {
    let text = std::fs::read_to_string(plans().join("conecta360-canary.toml")).unwrap();
    let shortened = timonel_plan::edit::with_bake_at_most(&text, Duration::from_secs(480)).unwrap();
    let (before, after) = (conecta360(), timonel_plan::check(&shortened).value.unwrap());
    assert!(after.plan.phases.iter().all(|p| p.bake == Duration::from_secs(480)));
    assert_eq!(before.plan.rules, after.plan.rules);
}

#[test]
fn the_schemas_are_stable() {
    insta::assert_json_snapshot!("plan-schema", timonel_plan::plan_schema());
    insta::assert_json_snapshot!("scenario-schema", timonel_plan::scenario_schema());
}
