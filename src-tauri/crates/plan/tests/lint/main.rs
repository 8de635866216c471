//! What is found in plans: each case is the clean base with one thing written otherwise, and the findings it must give.

use timonel_plan::{check, draw};

mod table;
mod telnyx;

use table::lines;

const BASE: &str = include_str!("../base.toml");

/// One thing of the clean plan written otherwise.
#[track_caller]
fn expect(from: &str, to: &str, expected: &[&str]) {
    table::expect(BASE, from, to, expected);
}

#[test]
fn the_base_is_clean() {
    expect("Base", "Base", &[]);
}

#[test]
fn weights_rise_strictly_and_end_at_100() {
    expect(
        "weight = 100\n",
        "weight = 10\n",
        &[
            "error phase.last-weight phases[1].weight",
            "error phase.order phases[1].weight",
        ],
    );
    expect(
        "weight = 100\n",
        "weight = 75\n",
        &["error phase.last-weight phases[1].weight"],
    );
    expect("weight = 10\n", "weight = 0\n", &["error phase.order phases[0].weight"]);
    expect(
        "weight = 10\n",
        "weight = 10.125\n",
        &["error phase.weight phases[0].weight"],
    );
    expect(
        "weight = 10\n",
        "weight = \"10%\"\n",
        &["error file.type phases[0].weight"],
    );
}

#[test]
fn exactly_one_target_splits() {
    expect(
        "role = \"splitter\"",
        "role = \"follower\"",
        &["error target.no-splitter targets[0].role"],
    );
    let second = |path: &str, name: &str| {
        format!(
            "[[targets]]\nid = \"other\"\nrole = \"splitter\"\nkind = \"kubernetes.virtual-service\"\ncall_path = \"{path}\"\ncluster = \"main\"\nnamespace = \"prod\"\nname = \"{name}\"\nroutes = [\"casos\"]\nstable = {{ host = \"a\" }}\ncanary = {{ host = \"b\" }}\n\n[[signals]]\nid = \"errors\""
        )
    };
    let at = "[[signals]]\nid = \"errors\"";
    expect(
        at,
        &second("calls", "other-vs"),
        &["error target.two-on-one-path targets[1].role"],
    );
    expect(
        at,
        &second("queue", "other-vs"),
        &["error target.two-splitters targets[1].role"],
    );
    expect(
        at,
        &second("calls", "casos-vs"),
        &[
            "error target.two-on-one-path targets[1].role",
            "error target.same-route targets[1].routes[0]",
        ],
    );
    expect(
        "subset = \"canary\"",
        "subset = \"stable\"",
        &["error target.destinations targets[0].canary"],
    );
}

#[test]
fn a_weight_stands_inside_route() {
    let with = |http: &str| format!("subset = \"canary\" }}\nhttp = {http}\n");
    let at = "subset = \"canary\" }\n";
    let both = "route = [{ destination = { host = \"casos-service\", subset = \"stable\" }, weight = 100 }, { destination = { host = \"casos-service\", subset = \"canary\" }, weight = 0 }]";
    expect(at, &with(&format!("[{{ name = \"casos\", {both} }}]")), &[]);
    // As seed 002 has it: two routes, each with its weight beside.
    expect(
        at,
        &with(
            "[{ route = [{ destination = { host = \"casos-service\", subset = \"canary\" } }], weight = 10 }, { name = \"casos\", route = [{ destination = { host = \"casos-service\", subset = \"stable\" } }], weight = 90 }]",
        ),
        &[
            "error target.weight-beside-route targets[0].http[0].weight",
            "error target.weight-beside-route targets[0].http[1].weight",
        ],
    );
    expect(
        at,
        &with(&format!("[{{ {both} }}]")),
        &["error target.route-unnamed targets[0].http"],
    );
    expect(
        at,
        &with(&format!(
            "[{{ name = \"casos\", {} }}]",
            both.replace("weight = 0", "weight = 10")
        )),
        &["error target.weights-sum targets[0].http[0].route"],
    );
    expect(
        at,
        &with(&format!(
            "[{{ name = \"casos\", {} }}]",
            both.replace("\"canary\"", "\"v2\"")
        )),
        &["error target.destination-missing targets[0].http[0].route"],
    );
    expect(at, &with("3"), &["error target.http targets[0].http"]);
}

#[test]
fn errors_a_second_are_no_ratio() {
    let pair = "bad = 'http_requests_total{version=\"{arm}\",status=~\"5..\"}'\ntotal = 'http_requests_total{version=\"{arm}\"}'";
    // Seed 002's alert, word by word, and with its arms.
    expect(
        pair,
        "level = 'rate(http_requests_total{status=~\"5..\"}[5m]) > 0.05'",
        &["error signal.rate-as-ratio signals[0].level"],
    );
    expect(
        pair,
        "level = 'rate(http_requests_total{version=\"{arm}\",status=~\"5..\"}[5m])'",
        &["error signal.rate-as-ratio signals[0].level"],
    );
    expect(
        "bad = 'http_requests_total{version=\"{arm}\",status=~\"5..\"}'",
        "bad = 'rate(http_requests_total{version=\"{arm}\",status=~\"5..\"}[5m])'",
        &["error signal.selector signals[0].bad"],
    );
    expect(
        "bad = 'http_requests_total{version=\"{arm}\",status=~\"5..\"}'",
        "bad = 'sum(rate(http_requests_total{version=\"{arm}\"}[5m])) / 2'",
        &["error signal.selector signals[0].bad"],
    );
    expect(
        "level = 'kafka_consumergroup_lag'",
        "level = 'kafka_consumergroup_lag > 1000'",
        &["error signal.selector signals[2].level"],
    );
    let lag = "metric = \"kafka_lag\"\nunit = \"count\"\ndirection = \"lower-is-better\"\nsource = \"prometheus\"\nside = \"whole\"\nlevel = 'kafka_consumergroup_lag'";
    let disk = |level: &str| lag.replace("count", "ratio").replace("kafka_consumergroup_lag", level);
    expect(
        lag,
        &disk("rate(x_total[5m])"),
        &["error signal.rate-as-ratio signals[2].level"],
    );
    expect(
        lag,
        &disk("rate(x_total[5m]) / rate(y_total[5m])"),
        &["error file.limit rules[1].when"],
    );
    expect(
        "level = 'kafka_consumergroup_lag'",
        "level = 'max(kafka_consumergroup_lag)'",
        &[],
    );
    expect(
        "level = 'calls_in_progress{version=\"{arm}\"}'",
        "level = 'sum(calls_in_progress{version=\"{arm}\"})'",
        &["error signal.selector signals[4].level"],
    );

    let text = BASE.replace(pair, "level = 'rate(http_requests_total{status=~\"5..\"}[5m]) > 0.05'");
    let advice = &check(&text).findings[0].advice;
    assert_eq!(
        advice,
        "Write `bad = 'http_requests_total{status=~\"5..\"}'` and `total = 'http_requests_total'`; limit and window belong to a rule: `error_rate > 5% for 5m`"
    );
}

#[test]
fn a_signal_says_whose_and_what() {
    expect(
        "arms = { stable = \"v1\", canary = \"v2\" }\nbad",
        "bad",
        &["error signal.side signals[0]"],
    );
    expect("side = \"whole\"\nlevel", "level", &["error signal.side signals[2]"]);
    expect(
        "canary = \"v2\" }\nbad",
        "canary = \"v1\" }\nbad",
        &["error signal.arms-equal signals[0].arms"],
    );
    expect(
        "count = 'calls_assigned_total{version=\"{arm}\"}'",
        "count = 'calls_assigned_total'",
        &["error signal.arm signals[3].count"],
    );
    expect(
        "level = 'kafka_consumergroup_lag'",
        "level = 'kafka_{arm}'",
        &["error signal.arm signals[2].level"],
    );
    expect(
        "buckets = 'http_request_duration_seconds_bucket{version=\"{arm}\"}'",
        "buckets = 'http_request_duration_seconds{version=\"{arm}\"}'",
        &["error signal.buckets signals[1].buckets"],
    );
    expect(
        "total = 'http_requests_total{version=\"{arm}\"}'\n",
        "",
        &["error signal.shape signals[0]"],
    );
    expect(
        "unit = \"count\"\n",
        "",
        &["error signal.unknown-metric signals[2].metric"],
    );
    expect(
        "metric = \"response_time\"",
        "metric = \"respons_time\"",
        &["error signal.unknown-metric signals[1].metric"],
    );
    expect(
        "metric = \"calls\"",
        "metric = \"calls\"\nunit = \"count\"",
        &["error signal.catalogue-metric signals[3].unit"],
    );
    expect(
        "count = 'calls_assigned_total{version=\"{arm}\"}'",
        "count = 'calls_assigned{version=\"{arm}\"}'",
        &["warning signal.counter-name signals[3].count"],
    );
    expect(
        "source = \"metrics\"",
        "source = \"metric\"",
        &["error reference.source signals[3].source"],
    );
}

#[test]
fn rules_can_be_read_and_can_fire() {
    let line = "error_rate > 10% for 5m";
    expect(line, "error_rate > 10 for 5m", &["error file.limit rules[0].when"]);
    expect(line, "error_rate >= 10% for 5m", &["error rule.when rules[0].when"]);
    expect(
        line,
        "error_rate > 100% for 5m",
        &["error rule.never-fires rules[0].when"],
    );
    expect(
        line,
        "error_rate < 0% for 5m",
        &[
            "error rule.never-fires rules[0].when",
            "warning rule.direction rules[0].when",
        ],
    );
    expect(
        line,
        "eror_rate > 10% for 5m",
        &["error reference.signal rules[0].when"],
    );
    expect(
        line,
        "abandonment > 25% for 15m",
        &["error reference.signal rules[0].when"],
    );
    expect(
        line,
        "response_time > 3s for 5m",
        &["error rule.statistic rules[0].when"],
    );
    expect(line, "response_time p95 > 3s for 5m", &[]);
    expect(
        line,
        "error_rate > 10% for 5m over 20s",
        &["error rule.window rules[0].when"],
    );
    expect(
        line,
        "error_rate > 10% for 10s over 5m",
        &["warning rule.for rules[0].when"],
    );
    expect(line, "error_rate > 10%", &[]);
    expect(
        line,
        "error_rate > 10% for 5m over 25h",
        &[
            "error rule.window-too-long rules[0].when",
            "warning phase.bake-below-rule phases[0].bake",
            "warning phase.bake-below-rule phases[1].bake",
        ],
    );
    expect(
        "then = \"alert\"",
        "then = \"alert\"\nleast_units = 20",
        &["warning rule.least-units rules[1].least_units"],
    );
    expect(
        "level = 'kafka_consumergroup_lag'",
        "level = '{__name__=\"kafka_lag\"}'",
        &["error signal.selector signals[2].level"],
    );
    expect(
        line,
        "error_rate > 10% for 45m",
        &[
            "warning phase.bake-below-rule phases[0].bake",
            "warning phase.bake-below-rule phases[1].bake",
        ],
    );
    expect(
        "evidence = \"literal\"",
        "evidence = \"literal\"\nclear = \"12%\"",
        &["error rule.clear rules[0].clear"],
    );
    expect("evidence = \"literal\"", "evidence = \"gated\"", &[]);
    expect("evidence = \"literal\"\n", "", &[]);
    expect("evidence = \"literal\"", "history = \"2%\"", &[]);
    expect(
        "then = \"alert\"",
        "then = \"alert\"\nhistory = \"5%\"",
        &["warning rule.history rules[1].history"],
    );
    expect(
        "evidence = \"literal\"",
        "history = \"120%\"",
        &["error rule.history rules[0].history"],
    );
    expect(
        "evidence = \"literal\"",
        "history = \"2s\"",
        &["error file.limit rules[0].history"],
    );
    expect(
        "evidence = \"literal\"",
        "evidence = \"gated\"\non = \"stable\"",
        &[
            "warning rule.no-evidence rules[0].evidence",
            "warning rule.not-the-canary rules[0].on",
        ],
    );
    expect(
        "evidence = \"literal\"",
        "evidence = \"literal\"\non = \"whole\"",
        &["error rule.side rules[0].on"],
    );
    expect(
        "evidence = \"literal\"",
        "evidence = \"literal\"\non = \"stable\"",
        &["warning rule.not-the-canary rules[0].on"],
    );
    expect(
        "then = \"alert\"",
        "then = \"alert\"\non_no_data = \"rollback\"",
        &["error rule.no-data rules[1].on_no_data"],
    );
    expect(
        "then = \"alert\"",
        "then = \"alert\"\nevidence = \"fast\"",
        &["warning rule.evidence rules[1].evidence"],
    );
    expect(
        "then = \"rollback\"\nseverity = \"critical\"\nevidence = \"literal\"",
        "then = \"alert\"\nseverity = \"critical\"",
        &["error plan.automatic automatic"],
    );
    expect(
        "automatic = true",
        "automatic = false",
        &["warning plan.automatic automatic"],
    );
}

#[test]
fn gates_can_open_and_say_what_holds_between() {
    let gate = "{ of = \"error_rate\", go = \"< 2%\", no_go = \"> 5%\", between = \"hold\" }";
    let at = "phases[0].gates[0]";
    let check = |to: &str, expected: &[&str]| {
        let expected: Vec<String> = expected.iter().map(|e| e.replace('@', at)).collect();
        expect(gate, to, &expected.iter().map(String::as_str).collect::<Vec<_>>());
    };
    // Seed 001's table: nothing is said of 2 % to 5 %.
    check(
        "{ of = \"error_rate\", go = \"< 2%\", no_go = \"> 5%\" }",
        &["error gate.gap @.no_go"],
    );
    check("{ of = \"error_rate\", go = \"< 5%\", no_go = \"> 5%\" }", &[]);
    check("{ of = \"error_rate\", go = \"< 5%\" }", &[]);
    check(
        "{ of = \"error_rate\", go = \"< 5%\", no_go = \"> 2%\" }",
        &["error gate.reversed @.no_go"],
    );
    check(
        "{ of = \"error_rate\", go = \"< 5%\", no_go = \"< 10%\" }",
        &["error gate.reversed @.no_go"],
    );
    check(
        "{ of = \"error_rate\", not_worse_than = \"stable\" }",
        &["error gate.margin @"],
    );
    check(
        "{ of = \"error_rate\", not_worse_than = \"stable\", margin = \"0%\" }",
        &["error gate.margin @.margin"],
    );
    check(
        "{ of = \"error_rate\", not_worse_than = \"stable\", margin = \"1%\" }",
        &[],
    );
    check(
        "{ of = \"error_rate\", not_worse_than = \"stable\", margin = \"1%\", no_go = \"> 5%\" }",
        &["error gate.shape @.no_go"],
    );
    check(
        "{ without = \"critical-error\", lasting = \"72h\" }",
        &["error gate.event-unseen @.without"],
    );
    check("{ of = \"error_rate\" }", &["error gate.shape @"]);
    check(
        "{ of = \"error_rate\", go = \"< 2%\", over = \"20s\" }",
        &["error rule.window @.over"],
    );
    check(
        "{ of = \"error_rate\", go = \"< 2%\", over = \"45m\" }",
        &["warning gate.window phases[0].bake"],
    );
    check(
        "{ of = \"error_rate\", go = \"< 2%\" }, { of = \"error_rate\", go = \"< 3%\" }",
        &["error file.duplicate-id phases[0].gates[1]"],
    );
}

#[test]
fn at_100_there_is_no_stable_to_compare_with() {
    let last = "name = \"100\"\nweight = 100\nbake = \"30m\"\n";
    let gate = "gates = [{ of = \"error_rate\", not_worse_than = \"stable\", margin = \"1%\" }]\n";
    expect(
        last,
        &format!("{last}{gate}"),
        &["error gate.no-stable phases[1].gates"],
    );
}

#[test]
fn names_are_known_and_given_once() {
    expect(
        "id = \"latency\"",
        "id = \"errors\"",
        &["error file.duplicate-id signals[1].id"],
    );
    expect(
        "id = \"lag-1000\"",
        "id = \"errors-10\"",
        &["error file.duplicate-id rules[1].id"],
    );
    expect(
        "id = \"p100\"",
        "id = \"p10\"",
        &["error file.duplicate-id phases[1].id"],
    );
    expect("id = \"base\"", "id = \"Mi Plan\"", &["error file.id id"]);
    expect(
        "checklist = \"before\"",
        "checklist = \"befor\"",
        &[
            "error reference.checklist phases[0].checklist",
            "warning checklist.unused checklists[0].id",
        ],
    );
    expect(
        "automatic = true",
        "automatic = true\nenvironment = \"qa\"",
        &["error reference.environment environment"],
    );
    expect(
        "[environments.prod]",
        "[environments.simulador]",
        &["error environment.reserved environments.simulador"],
    );
    expect(
        "clusters.main",
        "clusters.other",
        &["error environment.cluster environments.prod"],
    );
    expect(
        "sources.metrics = { url = \"http://casos:8080/metrics\" }\n",
        "",
        &["error environment.source environments.prod"],
    );
    expect(
        "http://prometheus:9090",
        "http://me:secret@prometheus:9090",
        &["error environment.secret environments.prod.sources.prometheus.url"],
    );
    expect(
        "http://prometheus:9090",
        "prometheus:9090",
        &["error environment.url environments.prod.sources.prometheus.url"],
    );
}

#[test]
fn people_are_told_and_the_traffic_is_seen() {
    expect(
        "[notices.critical]\npagerduty = [\"rota\"]\n",
        "[notices.low]\nslack = [\"#info\"]\n",
        &["error notice.critical notices"],
    );
    expect("[notices.high]", "[notices.medium]", &["warning notice.route notices"]);
    expect(
        "#alerts",
        "https://hooks.slack.com/services/T0/B0/x",
        &["error notice.secret notices.high.slack[0]"],
    );
    expect("assigned = \"assigned\"\n", "", &["warning traffic.assigned traffic"]);
    expect(
        "[traffic]\nassigned = \"assigned\"\nactive = \"active\"\n",
        "",
        &["warning traffic.active traffic", "warning traffic.assigned traffic"],
    );
    expect(
        "assigned = \"assigned\"",
        "assigned = \"errors\"",
        &["error traffic.signal traffic.assigned"],
    );
    let freeze =
        "[[freezes]]\nfrom = 2026-12-24T12:00:00Z\nuntil = \"2026-12-23T12:00:00Z\"\nreason = \"x\"\n\n[notices.high]";
    expect("[notices.high]", freeze, &["error freeze.reversed freezes[0].until"]);
    expect(
        "automatic = true",
        "automatic = true\nkeep_stable = \"0s\"",
        &["warning plan.keep-stable keep_stable"],
    );
}

#[test]
fn what_does_not_fit_the_form_is_found_all_at_once() {
    let text = BASE
        .replace("call_path", "callpath")
        .replace("severity = \"high\"", "severity = \"hihg\"")
        .replace("bake = \"30m\"\ncheck", "bake = 30\ncheck")
        .replace("weight = 100\n", "weight = true\n")
        .replace("slack = [\"#alerts\"]", "slak = [\"#alerts\"]");
    let checked = check(&text);
    assert_eq!(
        lines(&checked.findings),
        [
            "error file.missing-field targets[0].call_path",
            "error file.unknown-field targets[0].callpath",
            "error file.unknown-word rules[1].severity",
            "error file.duration phases[0].bake",
            "error file.type phases[1].weight",
            "error file.unknown-field notices.high.slak",
        ],
        "\n{}",
        draw(&checked.findings, "plan.toml", &text, false)
    );
    let advice: Vec<&str> = checked.findings.iter().map(|f| f.advice.as_str()).collect();
    assert!(advice[1].starts_with("Did you mean `call_path`?"), "{}", advice[1]);
    assert!(advice[2].starts_with("Did you mean `high`?"), "{}", advice[2]);
    assert_eq!(advice[4], "Write a number here");
    assert_eq!(advice[3], "Write the unit: `30s`, `30m` or `30h`");
    assert!(advice[5].starts_with("Did you mean `slack`?"), "{}", advice[5]);
}

#[test]
fn text_that_is_no_toml_has_a_place() {
    let text = BASE
        .replace("weight = 10\n", "weight = = 10\n")
        .replace("id = \"base\"", "id = \"base");
    let checked = check(&text);
    assert!(checked.value.is_none());
    assert!(
        checked
            .findings
            .iter()
            .all(|f| f.code == "file.syntax" && f.span.is_some()),
        "{:?}",
        checked.findings
    );
    let starts: Vec<&str> = checked
        .findings
        .iter()
        .filter_map(|f| text[..f.span.clone()?.start].lines().last())
        .collect();
    assert!(starts.iter().any(|line| line.starts_with("id = \"base")), "{starts:?}");
    assert!(starts.iter().any(|line| line.starts_with("weight = ")), "{starts:?}");
}

#[test]
fn a_finding_is_drawn_with_its_line() {
    let text = BASE.replace("weight = 100\n", "weight = 7.5\n");
    insta::assert_snapshot!(draw(&check(&text).findings[..1], "plan.toml", &text, false));
}

#[test]
fn what_is_counted_acts_at_its_limit_unless_proof_is_asked_for() {
    use timonel_domain::plan::EvidenceMode;

    let first = "[[rules]]\nid = \"errors-10\"";
    let with = |evidence: &str| {
        format!(
            "[[signals]]\nid = \"boom\"\nmetric = \"unhandled_exceptions\"\nsource = \"metrics\"\n\
             arms = {{ stable = \"v1\", canary = \"v2\" }}\ncount = 'boom_total{{version=\"{{arm}}\"}}'\n\n\
             [[rules]]\nid = \"boom-2\"\nwhen = \"unhandled_exceptions > 2 over 5m\"\nthen = \"rollback\"\n\
             severity = \"critical\"\n{evidence}\n{first}"
        )
    };
    let said = "warning rule.no-evidence rules[0].then";
    expect(first, &with(""), &[said]);
    expect(first, &with("evidence = \"literal\"\n"), &[]);
    let mode = |evidence: &str| {
        let checked = check(&BASE.replacen(first, &with(evidence), 1));
        checked.value.expect("a good plan").plan.rules[0].evidence
    };
    assert_eq!(mode(""), EvidenceMode::Literal);
    assert_eq!(mode("evidence = \"gated\"\n"), EvidenceMode::Gated);
}
