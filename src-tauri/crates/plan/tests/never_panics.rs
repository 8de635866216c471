//! Whatever stands in a file, checking it gives findings whose places lie in it, and never a panic.

use proptest::prelude::*;
use timonel_plan::{Parsed, PlanFile, check, draw, scenario};

const PLANS: [&str; 2] = [include_str!("base.toml"), include_str!("telnyx.toml")];

/// One of the clean plans with the number of one of its lines.
fn line() -> impl Strategy<Value = (&'static str, usize)> {
    prop::sample::select(PLANS.to_vec()).prop_flat_map(|plan| (Just(plan), 0..plan.lines().count()))
}

/// One of the clean plans with one of its bytes.
fn byte() -> impl Strategy<Value = (&'static str, usize)> {
    prop::sample::select(PLANS.to_vec()).prop_flat_map(|plan| (Just(plan), 0..plan.len()))
}

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
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text(text in any::<String>()) {
        sound(&text);
    }

    #[test]
    fn a_plan_with_another_value_in_one_line((plan, line) in line(), value in word()) {
        let text: Vec<String> = plan.lines().enumerate().map(|(at, old)| match old.split_once(" = ") {
            Some((key, _)) if at == line => format!("{key} = {value}"),
            Some(_) | None => old.to_owned(),
        }).collect();
        sound(&text.join("\n"));
    }

    #[test]
    fn a_plan_with_lines_missing((plan, from) in byte(), length in 0..200usize) {
        let keep = |at: usize| (0..=at.min(plan.len())).rev().find(|at| plan.is_char_boundary(*at)).unwrap_or(0);
        sound(&format!("{}{}", &plan[..keep(from)], &plan[keep(from + length)..]));
    }
}
