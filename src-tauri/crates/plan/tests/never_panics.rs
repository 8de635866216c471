//! Whatever stands in a file, checking it gives findings whose places lie in it, and never a panic.

use proptest::prelude::*;
use timonel_plan::{Parsed, PlanFile, check, draw, scenario};

const PLAN: &str = include_str!("base.toml");

fn sound(text: &str) {
    let plan = check(text);
    let scenario = scenario::check(text);
    for finding in plan.findings.iter().chain(&scenario.findings) {
        if let Some(span) = &finding.span {
            assert!(text.get(span.clone()).is_some(), "{finding} at {span:?}");
        }
    }
    assert_eq!(plan.value.is_some(), !plan.has_errors());
    assert_eq!(scenario.value.is_some(), !scenario.has_errors());
    draw(&plan.findings, "x.toml", text, true);
    if let Ok(file) = toml::from_str::<PlanFile>(text) {
        assert_eq!(Parsed::try_from(&file).ok(), plan.value);
    }
}

/// Bits of what people write, and of what they should not.
fn word() -> impl Strategy<Value = String> {
    let words = [
        "",
        "0",
        "-1",
        "100",
        "1e400",
        "nan",
        "inf",
        "true",
        "\"\"",
        "\"5m\"",
        "\"99999999999999w\"",
        "\"error_rate > 10% for 5m\"",
        "\"> 5%\"",
        "\"< < <\"",
        "'{arm}'",
        "'rate(x[5m]) > 0.05'",
        "'x{'",
        "[]",
        "[[]]",
        "{}",
        "{ x = 1 }",
        "2026-11-23T13:00:00Z",
        "07:32:00",
        "\"ñandú 📞\"",
        "\"\\u0000\"",
        "9223372036854775807",
    ];
    prop_oneof![
        prop::sample::select(words.to_vec()).prop_map(str::to_owned),
        any::<String>().prop_map(|s| format!("{s:?}"))
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text(text in any::<String>()) {
        sound(&text);
    }

    #[test]
    fn a_plan_with_another_value_in_one_line(line in 0..PLAN.lines().count(), value in word()) {
        let text: Vec<String> = PLAN.lines().enumerate().map(|(at, old)| match old.split_once(" = ") {
            Some((key, _)) if at == line => format!("{key} = {value}"),
            Some(_) | None => old.to_owned(),
        }).collect();
        sound(&text.join("\n"));
    }

    #[test]
    fn a_plan_with_lines_missing(from in 0..PLAN.len(), length in 0..200usize) {
        let keep = |at: usize| (0..=at.min(PLAN.len())).rev().find(|at| PLAN.is_char_boundary(*at)).unwrap_or(0);
        sound(&format!("{}{}", &PLAN[..keep(from)], &PLAN[keep(from + length)..]));
    }
}
