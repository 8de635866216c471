//! What is found in plans that move numbers and read the records of an account.

use timonel_plan::check;

use super::table::{self, lines};

const BASE: &str = include_str!("../telnyx.toml");

#[track_caller]
fn expect(from: &str, to: &str, expected: &[&str]) {
    table::expect(BASE, from, to, expected);
}

#[test]
fn the_base_is_clean() {
    expect("Telnyx", "Telnyx", &[]);
}

#[test]
fn a_kind_has_its_own_fields() {
    expect(
        "account = \"main\"\nstable",
        "stable",
        &["error file.missing-field targets[0].account"],
    );
    expect(
        "routes = [\"queries\"]\n",
        "",
        &["error file.missing-field targets[1].routes"],
    );
}

#[test]
fn fields_of_another_kind_mean_nothing() {
    expect(
        "pins = true\n",
        "pins = true\nnamespace = \"prod\"\n",
        &["error file.foreign-field targets[0].namespace"],
    );
    expect(
        "name = \"queries-vs\"\n",
        "name = \"queries-vs\"\nvolume_days = 7\n",
        &["error file.foreign-field targets[1].volume_days"],
    );
    expect(
        "{ application = \"2150000000000000002\" }",
        "{ host = \"b\" }",
        &[
            "error file.missing-field targets[0].canary.application",
            "error file.foreign-field targets[0].canary.host",
        ],
    );
    expect(
        "{ host = \"queries-service\", subset = \"canary\" }",
        "{ application = \"2\" }",
        &[
            "error file.missing-field targets[1].canary.host",
            "error file.foreign-field targets[1].canary.application",
        ],
    );
}

#[test]
fn everything_that_is_missing_is_found_at_once() {
    let text = BASE
        .replace(
            "account = \"main\"\nstable = { application = \"2150000000000000001\" }\n",
            "",
        )
        .replace("namespace = \"prod\"\nname = \"queries-vs\"\n", "");
    let found = lines(&check(&text).findings);
    assert_eq!(
        found,
        [
            "error file.missing-field targets[0].account",
            "error file.missing-field targets[0].stable",
            "error file.missing-field targets[1].name",
            "error file.missing-field targets[1].namespace",
        ]
    );
}

#[test]
fn the_two_sides_are_two_applications_of_one_target() {
    expect(
        "canary = { application = \"2150000000000000002\" }\npins",
        "canary = { application = \"2150000000000000001\" }\npins",
        &["error target.destinations targets[0].canary"],
    );
    expect(
        "{ application = \"2150000000000000002\" }",
        "{ application = \" \" }",
        &["error target.empty targets[0].canary.application"],
    );
    let second = |account: &str, stable: &str| {
        format!(
            "[[targets]]\nid = \"more\"\nrole = \"follower\"\nkind = \"telnyx.number-share\"\ncall_path = \"more\"\naccount = \"{account}\"\nstable = {{ application = \"{stable}\" }}\ncanary = {{ application = \"4\" }}\n\n[[tenants]]\nid = \"north\""
        )
    };
    let at = "[[tenants]]\nid = \"north\"";
    expect(at, &second("main", "3"), &[]);
    expect(
        at,
        &second("main", "2150000000000000002"),
        &["error target.same-application targets[2].stable"],
    );
    // Another account has applications of its own.
    expect(
        at,
        &second("other", "2150000000000000002"),
        &["error environment.account environments.prod"],
    );
}

#[test]
fn a_number_has_one_tenant_and_one_way_to_be_written() {
    let numbers = "[\"+34910000201\"]";
    let second = "error tenant.number-twice tenants[1].numbers[0]";
    expect(numbers, "[\"+34910000102\"]", &[second]);
    expect(
        numbers,
        "[\"+34910000201\", \"+34910000201\"]",
        &["error tenant.number-twice tenants[1].numbers[1]"],
    );
    expect(
        numbers,
        "[\"+34910009999\"]",
        &["error tenant.number-twice targets[0].except[0]"],
    );
    expect(
        "except = [\"+34910009999\"]",
        "except = [\"+34910009999\", \"+34910009999\"]",
        &["error tenant.number-twice targets[0].except[1]"],
    );
    for wrong in [
        "910000201",
        "+34 910 000 201",
        "0034910000201",
        "+0910000201",
        "+12345678901234567",
        "+3491000020x",
        "",
    ] {
        expect(
            numbers,
            &format!("[\"{wrong}\"]"),
            &["error file.number tenants[1].numbers[0]"],
        );
    }
    expect(
        "except = [\"+34910009999\"]",
        "except = [\"910009999\"]",
        &["error file.number targets[0].except[0]"],
    );
    expect(numbers, "[]", &["error tenant.no-numbers tenants[1].numbers"]);
    expect(
        "id = \"south\"",
        "id = \"north\"",
        &["error file.duplicate-id tenants[1].id"],
    );
    let advice = |written: &str| check(&BASE.replace("+34910000201", written)).findings[0].advice.clone();
    assert_eq!(advice("0034 910-000-201"), "Write `+34910000201`");
    assert!(
        advice("910000201").starts_with("Write `+`, the country's code"),
        "the country is not guessed"
    );
}

#[test]
fn a_pin_needs_a_target_that_pins() {
    expect("pins = true\n", "", &["error tenant.pinned tenants[1].pinned"]);
    expect("pinned = true\n", "", &[]);
    expect(
        "name = \"queries-vs\"\n",
        "name = \"queries-vs\"\npins = true\n",
        &["error target.pins targets[1].pins"],
    );
}

#[test]
fn numbers_are_moved_whole() {
    expect(
        "unit = \"number\"",
        "unit = \"call\"",
        &["warning plan.unit targets[0].role"],
    );
    expect("unit = \"number\"\n", "", &["warning plan.unit targets[0].role"]);
    for days in ["0", "91"] {
        expect(
            "pins = true\n",
            &format!("pins = true\nvolume_days = {days}\n"),
            &["error target.volume-days targets[0].volume_days"],
        );
    }
    expect("pins = true\n", "pins = true\nvolume_days = 90\n", &[]);
}

#[test]
fn records_are_an_accounts_and_selectors_are_not() {
    let up = "source = \"prometheus\"\nside = \"whole\"\nlevel = 'up{job=\"casos\"}'";
    expect(
        up,
        &up.replace("\"prometheus\"", "\"telnyx\""),
        &["error signal.records signals[5]"],
    );
    expect(
        "source = \"telnyx\"\nside = \"whole\"",
        "source = \"prometheus\"\nside = \"whole\"",
        &["error signal.records signals[4].records"],
    );
    expect(
        "records = \"balance\"",
        "records = \"balance\"\nlevel = 'balance'",
        &["error signal.shape signals[4]"],
    );
    expect(
        "records = \"balance\"",
        "records = \"balanse\"",
        &["error file.unknown-word signals[4].records"],
    );
    expect(
        "account = \"main\"\n\n[sources.prometheus]",
        "[sources.prometheus]",
        &["error file.missing-field sources.telnyx.account"],
    );
    expect(
        "[sources.prometheus]\n",
        "[sources.prometheus]\naccount = \"main\"\n",
        &["error file.foreign-field sources.prometheus.account"],
    );
}

#[test]
fn records_say_what_they_can_of_the_right_applications() {
    let arms = "arms = { stable = \"2150000000000000001\", canary = \"2150000000000000002\" }\nrecords = \"webhook-deliveries\"";
    expect(
        arms,
        "side = \"whole\"\nrecords = \"webhook-deliveries\"",
        &["error signal.side signals[0]"],
    );
    // The arms exchanged: the old system's failures would roll the new one back.
    expect(
        arms,
        "arms = { stable = \"2150000000000000002\", canary = \"2150000000000000001\" }\nrecords = \"webhook-deliveries\"",
        &["error signal.arms-apart signals[0].arms"],
    );
    expect(
        arms,
        "arms = { stable = \"2150000000000000001\", canary = \"2150000000000000001\" }\nrecords = \"webhook-deliveries\"",
        &[
            "error signal.arms-apart signals[0].arms",
            "error signal.arms-equal signals[0].arms",
        ],
    );
    expect(
        arms,
        &format!("{arms}\nincident = \"critical-error\""),
        &["error signal.incident signals[0].incident"],
    );
    expect(
        "side = \"whole\"\nrecords = \"balance\"",
        "arms = { stable = \"a\", canary = \"b\" }\nrecords = \"balance\"",
        &["error signal.side signals[4]"],
    );
    expect(
        "records = \"initiated-calls\"",
        "records = \"webhook-deliveries\"",
        &["error signal.shape signals[2].records"],
    );
    expect(
        "records = \"initiated-calls\"",
        "records = \"active-calls\"",
        &["error traffic.signal traffic.assigned"],
    );
    expect(
        "metric = \"failed_calls\"",
        "metric = \"failed_calls\"\nlag = \"5\"",
        &["error file.duration signals[1].lag"],
    );
    let recognised = BASE.replace("metric = \"failed_calls\"", "metric = \"speech_recognition\"");
    assert_eq!(
        lines(&check(&recognised).findings),
        ["error signal.shape signals[1].records"]
    );
}

#[test]
fn what_is_far_behind_stops_nothing_in_time() {
    // Five minutes behind, and it stops after five.
    expect(
        "failed_calls > 10% for 15m",
        "failed_calls > 10% for 5m",
        &["warning rule.lag rules[1].when"],
    );
    expect(
        "failed_calls > 10% for 15m\"\nthen = \"alert\"",
        "failed_calls > 10% for 5m\"\nthen = \"notify\"",
        &[],
    );
    expect(
        "records = \"detail-records\"",
        "records = \"detail-records\"\nlag = \"20m\"",
        &["warning rule.lag rules[1].when"],
    );
    expect(
        "records = \"detail-records\"",
        "records = \"usage-reports\"\nlag = \"1m\"",
        &[],
    );
    expect(
        "gates = [{ of = \"credit\", go = \"> 100\", no_go = \"< 50\", between = \"hold\" }]",
        "gates = [{ of = \"failed_calls\", go = \"< 2%\", over = \"28m\" }]",
        &["warning gate.window phases[0].bake"],
    );
}

#[test]
fn an_environment_opens_the_accounts_and_holds_no_key() {
    expect(
        "accounts.main = { credential = \"telnyx-prod\" }\n",
        "",
        &["error environment.account environments.prod"],
    );
    expect(
        "\"telnyx-prod\"",
        "\"KEY0123456789ABCDEF\"",
        &["error file.secret environments.prod.accounts.main.credential"],
    );
    expect(
        "\"telnyx-prod\"",
        "\"\"",
        &["error file.empty environments.prod.accounts.main.credential"],
    );
    expect(
        "account = \"main\"\nstable",
        "account = \"KEY0123456789ABCDEF\"\nstable",
        &["error file.secret targets[0].account"],
    );
    expect(
        "{ credential = \"telnyx-prod\" }",
        "{ credential = \"telnyx-prod\", url = \"telnyx.example\" }",
        &["error environment.url environments.prod.accounts.main.url"],
    );
    expect(
        "{ credential = \"telnyx-prod\" }",
        "{ credential = \"telnyx-prod\", url = \"https://me:secret@telnyx.example\" }",
        &["error environment.secret environments.prod.accounts.main.url"],
    );
    expect(
        "[environments.prod]\n",
        "[environments.prod]\nsources.telnyx = { url = \"https://api.telnyx.com\" }\n",
        &["error environment.source-account environments.prod.sources.telnyx.url"],
    );
    let pasted = check(&BASE.replace("\"telnyx-prod\"", "\"KEY0123456789ABCDEF\"")).findings;
    assert!(pasted[0].message.contains("plans are no place for secrets"));
    assert!(
        pasted.iter().all(|finding| !finding.to_string().contains("KEY0")),
        "no finding repeats the key"
    );
}
