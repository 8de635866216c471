//! Files of finished calls, good and bad.

use proptest::prelude::*;
use timonel_domain::backtest::Consequence;
use timonel_domain::value::{RuleId, Side};

use super::super::Feed;
use super::*;

fn plan() -> Parsed {
    let text = include_str!("../../../../../../plans/conecta360-canary.toml");
    timonel_plan::check(text).value.unwrap()
}

fn read(text: &str) -> Result<Outcomes, OutcomeError> {
    Outcomes::read(text.as_bytes(), &plan())
}

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_790_000_000 + secs)
}

fn line(secs: i64, arm: &str, failed: bool, more: &str) -> String {
    format!(
        "{{\"arm\":\"{arm}\",\"failed\":{failed},\"weight\":10,\"at\":\"{}\"{more}}}\n",
        at(secs)
    )
}

/// A call every 5 s for two hours, every tenth on the canary, which fails them all from `since` on.
fn day(since: i64) -> Vec<String> {
    let call = |n: i64| {
        let canary = n % 10 == 0;
        let arm = if canary { "canary" } else { "stable" };
        line(
            n * 5,
            arm,
            canary && n * 5 > since,
            &format!(",\"id\":{n},\"latency_ms\":{}", 200 + n % 50),
        )
    };
    (1..=1440).map(call).collect()
}

fn tried(lines: &[String]) -> Tried {
    let plan = plan();
    read(&lines.concat()).unwrap().tried(&plan.plan, None)
}

fn feed<'a>(tried: &'a Tried, signal: &str, side: Side) -> &'a Feed {
    tried
        .feeds
        .iter()
        .find(|feed| feed.signal.as_str() == signal && feed.side == side)
        .unwrap()
}

#[test]
fn a_canary_that_fails_in_the_file_would_have_been_put_back() {
    let tried = tried(&day(3600));
    let of = RuleId::new("errores-10").unwrap();
    let rule = tried.report.rules.iter().find(|rule| rule.rule == of).unwrap();
    assert_eq!((rule.written.rolled_back, rule.literal.rolled_back), (1, 1));
    let (written, literal) = (
        rule.written.first_rollback.unwrap(),
        rule.literal.first_rollback.unwrap(),
    );
    assert!(written > at(3600) && written < literal, "{written} {literal}");
    assert!(
        tried
            .report
            .moments
            .iter()
            .any(|moment| moment.consequence == Consequence::Rollback)
    );
    assert_eq!(tried.standings.len(), 1);
    assert_eq!(tried.standings[0].1.weight, Weight::percent(10));
    assert_eq!(tried.standings[0].1.phase, Some(0));
}

#[test]
fn every_signal_is_told_with_what_fed_it_or_why_nothing_did() {
    let tried = tried(&day(3600));
    let errors = feed(&tried, "errores", Side::Canary);
    assert_eq!((errors.units, &errors.missing), (144, &None));
    assert_eq!(feed(&tried, "errores", Side::Stable).units, 1296);
    assert_eq!(feed(&tried, "respuesta", Side::Stable).units, 1296);
    assert_eq!(feed(&tried, "llamadas-asignadas", Side::Canary).units, 144);
    assert_eq!(feed(&tried, "kafka", Side::Whole).missing, Some(Missing::NotOfCalls));
    let bare: Vec<_> = day(3600)
        .iter()
        .map(|line| line.replace("latency_ms", "unheard_of"))
        .collect();
    let tried = self::tried(&bare);
    assert_eq!(
        feed(&tried, "respuesta", Side::Canary).missing,
        Some(Missing::NoField("latency_ms"))
    );
    let lost = |notice: &timonel_domain::rollout::Notice| {
        matches!(notice, timonel_domain::rollout::Notice::SignalsLost { .. })
    };
    assert!(!tried.report.moments.iter().flat_map(|moment| &moment.notices).any(lost));
}

#[test]
fn order_and_repetition_change_nothing() {
    let lines = day(3600);
    let once = tried(&lines);
    let mut mixed = lines.clone();
    mixed.reverse();
    mixed.rotate_left(500);
    let mut again = mixed.clone();
    again.extend(mixed);
    assert_eq!(tried(&again).report, once.report);
    let plan = plan();
    let read = Outcomes::read(again.concat().as_bytes(), &plan).unwrap();
    assert_eq!((read.again, read.stable.total, read.canary.total), (1440, 1296, 144));
}

#[test]
fn a_higher_weight_is_the_next_phase_and_a_straggler_is_not() {
    let mut lines = Vec::new();
    for n in 1..200 {
        // One call of the first phase ends long after the second has begun.
        let weight = if n < 100 || n == 150 { 10 } else { 25 };
        let call = line(n * 10, if n % 4 == 0 { "canary" } else { "stable" }, false, "");
        lines.push(call.replace("\"weight\":10", &format!("\"weight\":{weight}")));
    }
    let tried = tried(&lines);
    let weights: Vec<_> = tried
        .standings
        .iter()
        .map(|(since, standing)| (*since, standing.weight))
        .collect();
    assert_eq!(weights[1..], [(at(1000), Weight::percent(25))]);
    assert_eq!(weights[0].1, Weight::percent(10));
}

#[test]
fn a_time_at_the_limit_of_a_rule_is_not_above_it() {
    let plan = plan();
    let slow = |ms: i64| {
        let lines: String = (1..=400)
            .map(|n| line(n * 5, "canary", false, &format!(",\"latency_ms\":{ms}")))
            .collect();
        let stable: String = (1..=400)
            .map(|n| line(n * 5, "stable", false, ",\"latency_ms\":100"))
            .collect();
        let tried = Outcomes::read((lines + &stable).as_bytes(), &plan)
            .unwrap()
            .tried(&plan.plan, None);
        let rule = tried
            .report
            .rules
            .iter()
            .find(|rule| rule.rule.as_str() == "respuesta-p95")
            .unwrap();
        rule.written.fired
    };
    assert_eq!((slow(3000), slow(3001)), (0, 1));
}

#[test]
fn the_line_that_cannot_be_read_is_named() {
    let good = line(0, "stable", false, ",\"id\":\"a\"");
    let check = |bad: &str, expected: &str| {
        let text = format!("{good}\n{bad}");
        match read(&text) {
            Err(OutcomeError::Line { line: 3, why }) => assert!(why.to_string().contains(expected), "{why}"),
            other => panic!("{bad}: {other:?}"),
        }
    };
    check(
        "{\"arm\":\"stable\",\"failed\":false,\"weight\":5}",
        "missing field `at`",
    );
    check(
        "{\"arm\":\"stable\",\"failed\":false,\"weight\":5,\"at\":\"ayer\"}",
        "`ayer` is not a time",
    );
    check(&line(5, "stable", false, ",\"latency_ms\":-1"), "latency_ms is -1");
    check(&line(5, "stable", false, ",\"duration_ms\":1e300"), "duration_ms is");
    check(&line(5, "stable", false, ",\"turns\":2"), "turns and recognised");
    check(
        &line(5, "stable", false, ",\"turns\":2,\"recognised\":3"),
        "turns and recognised",
    );
    check(
        &line(5, "stable", false, "").replace("\"weight\":10", "\"weight\":100.01"),
        "weight is 100.01",
    );
    check(
        &line(0, "stable", true, ",\"id\":\"a\""),
        "in line 1 with another outcome",
    );
    check(&line(32 * 86_400, "stable", false, ""), "more than 31 days");
    check(&format!("{{\"x\":\"{}\"}}", "y".repeat(70_000)), "longer than");
    check("nothing", "expected");
    assert!(matches!(read(" \n\n"), Err(OutcomeError::Empty)));
}

/// Lines that are nearly right: each part may be spoiled.
fn any_line() -> impl Strategy<Value = String> {
    let arm = prop_oneof![8 => Just("\"canary\""), 8 => Just("\"stable\""), 1 => Just("\"new\""), 1 => Just("3")];
    let failed = prop_oneof![8 => Just("true"), 8 => Just("false"), 1 => Just("null")];
    let weight = prop_oneof![
        9 => (0.0f64..=100.0).prop_map(|w| w.to_string()),
        1 => prop_oneof![Just("-1"), Just("1e999"), Just("100.004"), Just("5e-324")].prop_map(str::to_owned),
    ];
    let time = prop_oneof![
        12 => (0i64..40 * 60).prop_map(|secs| format!("\"{}\"", at(secs))),
        1 => prop_oneof![Just("\"1970-01-01T00:00:00Z\""), Just("\"9999-12-31T23:59:59Z\""), Just("0"), Just("\"\"")]
            .prop_map(str::to_owned),
    ];
    let more = prop_oneof![
        6 => Just(""),
        2 => Just(",\"latency_ms\":3000.5,\"turns\":4,\"recognised\":1,\"abandoned\":true,\"duration_ms\":0"),
        1 => Just(",\"id\":\"a\""),
        1 => Just(",\"id\":-7"),
        1 => Just(",\"latency_ms\":-4"),
        1 => Just(",\"turns\":1"),
        1 => Just(",\"arm\":\"stable\""),
    ];
    let made = (arm, failed, weight, time, more).prop_map(|(arm, failed, weight, time, more)| {
        format!("{{\"arm\":{arm},\"failed\":{failed},\"weight\":{weight},\"at\":{time}{more}}}")
    });
    prop_oneof![30 => made, 1 => any::<String>(), 1 => Just(String::new()), 1 => Just("[".repeat(5_000))]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_read_is_tried_or_names_its_line(lines in proptest::collection::vec(any_line(), 0..8)) {
        let plan = plan();
        let text = lines.join("\n");
        match read(&text) {
            Ok(outcomes) => {
                let calls = outcomes.stable.total + outcomes.canary.total + outcomes.again;
                prop_assert_eq!(calls, text.split('\n').filter(|line| !line.trim_ascii().is_empty()).count() as u64);
                let tried = outcomes.tried(&plan.plan, None);
                let fed: u64 = tried.feeds.iter().filter(|f| f.signal.as_str() == "errores").map(|f| f.units).sum();
                prop_assert_eq!(fed, outcomes.stable.total + outcomes.canary.total);
            }
            Err(OutcomeError::Line { line, .. }) => {
                // The lines before it can be read: it is the first that cannot, or one that contradicts an earlier one.
                let before = text.split('\n').take(line - 1).collect::<Vec<_>>().join("\n");
                let good = matches!(read(&before), Ok(_) | Err(OutcomeError::Empty));
                prop_assert!(good, "line {} of {}", line, text);
                prop_assert!(line <= text.split('\n').count());
            }
            Err(OutcomeError::Empty) => prop_assert!(text.trim_ascii().is_empty()),
            Err(OutcomeError::Unreadable(why)) => prop_assert!(false, "{}", why),
        }
    }

    #[test]
    fn bytes_that_are_no_text_too(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Err(OutcomeError::Line { line, .. }) = Outcomes::read(bytes.as_slice(), &plan()) {
            prop_assert!((1..=bytes.split(|b| *b == b'\n').count()).contains(&line));
        }
    }
}
