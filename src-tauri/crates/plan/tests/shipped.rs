//! The files that Timonel ships: they read without a finding, mean what seed 002 says, and survive being written again.

use std::path::PathBuf;
use std::time::Duration;

use timonel_domain::plan::{Action, EvidenceMode, GateKind, Incident, Phase, Role, Severity, Unit};
use timonel_domain::value::Side;
use timonel_plan::model::RecordsKind;
use timonel_plan::parsed::{Channel, Query, SIMULATOR, VirtualServiceConfig, Way};
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

fn shipped(plan: &str) -> Parsed {
    let text = read(&plans().join(plan).with_extension("toml"));
    let checked = check(&text);
    assert!(
        checked.findings.is_empty(),
        "{}",
        draw(&checked.findings, plan, &text, false)
    );
    checked.value.expect("a plan without findings has a value")
}

fn conecta360() -> Parsed {
    shipped("conecta360-canary")
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

/// Reads every scenario of a plan beside it, and gives their ids.
fn scenarios_of(plan: &str) -> Vec<String> {
    let parsed = shipped(plan);
    let mut ids = Vec::new();
    for path in files(&format!("scenarios/{plan}")) {
        let text = read(&path);
        let checked = scenario::check(&text);
        assert!(
            checked.findings.is_empty(),
            "{}",
            draw(&checked.findings, &path.to_string_lossy(), &text, false)
        );
        let scenario = checked.value.expect("a scenario without findings has a value");
        let together: Vec<_> = check_with_plan(&scenario, &text, &parsed);
        let errors: Vec<_> = together
            .iter()
            .filter(|f| f.severity == timonel_plan::Severity::Error)
            .collect();
        assert!(errors.is_empty(), "{}: {errors:?}", path.display());
        assert_eq!(
            path.file_stem().expect("a file has a name").to_string_lossy(),
            scenario.id
        );
        let file: ScenarioFile = toml::from_str(&text).expect("what can be checked can be read");
        assert_eq!(
            scenario::check(&toml::to_string(&file).expect("what was read can be written")).value,
            Some(scenario.clone())
        );
        ids.push(scenario.id);
    }
    ids
}

#[test]
fn every_shipped_scenario_fits_its_plan() {
    let conecta360 = [
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
    assert_eq!(scenarios_of("conecta360-canary"), conecta360);
    let ivr = [
        "calm",
        "canary-errors",
        "forward-partial",
        "job-late-overwrite",
        "telnyx-down-during-rollback",
    ];
    assert_eq!(scenarios_of("ivr-texml"), ivr);
    // A folder of no plan would be read by nobody.
    let folders = std::fs::read_dir(plans().join("scenarios")).expect("the scenarios stand beside their plans");
    let mut folders: Vec<_> = folders.map(|folder| folder.expect("a folder").file_name()).collect();
    folders.sort();
    assert_eq!(folders, ["conecta360-canary", "ivr-texml"]);
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
        (Action::Rollback, Severity::Critical, EvidenceMode::Gated)
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
fn ivr_texml_is_what_seed_000_says() {
    let parsed = shipped("ivr-texml");
    let plan = &parsed.plan;
    let week = Duration::from_secs(7 * 86_400);
    let weights: Vec<f64> = plan.phases.iter().map(|p| p.weight.as_percent()).collect();
    assert_eq!(weights, [5.0, 10.0, 25.0, 50.0, 75.0, 100.0]);
    // Pilot two weeks, expansion two weeks, transition one, then one at 100 %.
    assert!(plan.phases.iter().all(|p| p.bake == week));
    assert_eq!((plan.unit, plan.keep_stable), (Unit::Number, week));

    // The seven triggers of section 4.1: six are rules, the seventh is an event.
    let minutes = |m: u64| Duration::from_secs(60 * m);
    let rule = |id: &str| {
        let rule = plan.rules.iter().find(|r| r.id.as_str() == id).unwrap();
        let metric = plan.signal(&rule.question.signal).unwrap().metric.name();
        (metric, rule.limit.as_f64(), rule.lasting, rule.action)
    };
    let triggers = [
        ("errores-5-sostenidos", ("error_rate", 0.05, minutes(15), Action::Alert)),
        ("errores-10", ("error_rate", 0.10, minutes(5), Action::Rollback)),
        ("respuesta-3s", ("response_time", 3.0, minutes(10), Action::Alert)),
        ("respuesta-5s", ("response_time", 5.0, minutes(5), Action::Rollback)),
        (
            "abandono-15-sostenido",
            ("abandonment", 0.15, minutes(30), Action::Alert),
        ),
        ("abandono-25", ("abandonment", 0.25, minutes(15), Action::Rollback)),
    ];
    for (id, said) in triggers {
        assert_eq!(rule(id), said, "{id}");
    }
    let critical = plan
        .signals
        .iter()
        .find(|s| s.incident == Some(Incident::CriticalError));
    assert!(critical.is_some_and(|signal| signal.required), "the seventh");
    assert!(plan.automatic);

    // The seven alerts of section 5.2 with their priorities.
    let alert = |id: &str| {
        (
            rule(id),
            plan.rules.iter().find(|r| r.id.as_str() == id).unwrap().severity,
        )
    };
    let alerts = [
        (
            "error-rate-high",
            ("error_rate", 0.05, minutes(5), Action::Notify),
            Severity::High,
        ),
        (
            "response-time-degraded",
            ("response_time", 2.0, minutes(5), Action::Notify),
            Severity::Medium,
        ),
        (
            "memory-usage-high",
            ("memory", 0.80, minutes(10), Action::Notify),
            Severity::Medium,
        ),
        (
            "call-abandonment-high",
            ("abandonment", 0.15, minutes(15), Action::Notify),
            Severity::High,
        ),
        (
            "speech-recognition-low",
            ("speech_recognition", 0.75, minutes(30), Action::Notify),
            Severity::Medium,
        ),
        (
            "system-down",
            ("ivr_up", 1.0, minutes(1), Action::Alert),
            Severity::Critical,
        ),
        (
            "concurrent-calls-high",
            ("concurrent_calls", 15.0, minutes(5), Action::Notify),
            Severity::Low,
        ),
    ];
    for (id, said, severity) in alerts {
        assert_eq!(alert(id), (said, severity), "{id}");
    }
    assert_eq!(plan.rules.len(), 13);
    let channels = |severity: Severity| {
        let routes = parsed.notices.iter().filter(|n| n.severity == severity);
        routes.map(|n| n.channel).collect::<Vec<_>>()
    };
    assert_eq!(
        channels(Severity::Critical),
        [Channel::Slack, Channel::Email, Channel::Sms]
    );
    assert_eq!(channels(Severity::High), [Channel::Slack, Channel::Email]);
    assert_eq!(channels(Severity::Medium), [Channel::Slack]);
    assert_eq!(channels(Severity::Low), [Channel::Slack]);

    // 72 hours without a critical error to leave a phase, a week to be done.
    let quiet = |phase: &Phase| {
        phase.gates.iter().find_map(|gate| match gate.kind {
            GateKind::Without { lasting, .. } => Some(lasting),
            GateKind::Limit { .. } | GateKind::Relative { .. } => None,
        })
    };
    let hours: Vec<u64> = plan
        .phases
        .iter()
        .filter_map(quiet)
        .map(|d| d.as_secs() / 3600)
        .collect();
    assert_eq!(hours, [72, 72, 72, 72, 72, 168]);
}

#[test]
fn ivr_texml_moves_numbers_and_reads_the_account() {
    let parsed = shipped("ivr-texml");
    let Way::NumberShare(share) = &parsed.targets[0].way else {
        panic!("the IVR splits at Telnyx")
    };
    assert_eq!((share.account.as_str(), share.volume_days), ("principal", 14));
    assert!(matches!(parsed.targets[1].way, Way::VirtualService(_)));
    assert!(parsed.plan.targets[0].pins && !parsed.plan.targets[1].pins);
    // Nobody is pinned, or the rollout would never reach 100 %.
    assert!(parsed.tenants.len() >= 2 && parsed.tenants.iter().all(|tenant| !tenant.pinned));
    let ids = parsed.tenants.iter().map(|tenant| &tenant.id);
    assert!(ids.eq(parsed.plan.tenants.iter().map(|tenant| &tenant.id)));

    let errors = parsed.signals.iter().find(|s| s.id.as_str() == "errores").unwrap();
    let of = |connection: &str| Query::Records {
        kind: RecordsKind::WebhookDeliveries,
        connection: Some(connection.to_owned()),
    };
    assert_eq!(errors.queries[0].query, of(&share.stable));
    assert_eq!(errors.queries[1].query, of(&share.canary));
    let lag = |id: &str| {
        parsed
            .plan
            .signals
            .iter()
            .find(|s| s.id.as_str() == id)
            .unwrap()
            .lag
            .as_secs()
    };
    assert_eq!(
        [
            "errores",
            "llamadas-activas",
            "detalle-de-llamadas",
            "informe-de-uso",
            "saldo",
            "respuesta"
        ]
        .map(lag),
        [30, 0, 300, 7200, 0, 0]
    );

    let live = parsed.clone().in_environment("produccion").unwrap();
    assert_eq!(live.account("principal").unwrap().credential, "telnyx-produccion");
    assert_eq!(
        (live.context_of(&live.targets[0]), live.context_of(&live.targets[1])),
        (None, Some("ivr-prod"))
    );
    let telnyx = live.sources.iter().find(|s| s.name == "telnyx").unwrap();
    assert_eq!(
        (telnyx.account.as_deref(), telnyx.url.as_deref()),
        (Some("principal"), None)
    );
    assert_eq!(parsed.in_environment(SIMULATOR).unwrap().account("principal"), None);
}

#[test]
fn a_scenario_shortens_waits_and_no_window() {
    let text = read(&plans().join("ivr-texml.toml"));
    let most = Duration::from_secs(480);
    let shortened = timonel_plan::edit::with_waits_at_most(&text, most).unwrap();
    let (before, after) = (shipped("ivr-texml"), timonel_plan::check(&shortened).value.unwrap());
    for (before, after) in before.plan.phases.iter().zip(&after.plan.phases) {
        assert_eq!(before.bake, after.bake);
        for (before, after) in before.gates.iter().zip(&after.gates) {
            match (&before.kind, &after.kind) {
                (GateKind::Without { .. }, GateKind::Without { lasting, .. }) => assert_eq!(*lasting, most),
                (before, after) => assert_eq!(before, after),
            }
        }
    }
    assert_eq!(before.plan.rules, after.plan.rules);
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
