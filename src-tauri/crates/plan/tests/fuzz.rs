//! Plan and scenario files that anybody may have written: whatever stands in them, checking ends soon, every finding says where,
//! and what is clean means the same when it is written again.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use timonel_hostile::fuzz;
use timonel_plan::scenario::{self, ScenarioFile, check_with_plan};
use timonel_plan::{Finding, Parsed, PlanFile, check, draw};

const PLANS: [&str; 5] = [
    include_str!("base.toml"),
    include_str!("telnyx.toml"),
    include_str!("seeds-mistakes.toml"),
    include_str!("../../../../plans/conecta360-canary.toml"),
    include_str!("../../../../plans/ivr-texml.toml"),
];

const SCENARIOS: [&str; 4] = [
    include_str!("../../../../plans/scenarios/conecta360-canary/drift-up.toml"),
    include_str!("../../../../plans/scenarios/conecta360-canary/target-down.toml"),
    include_str!("../../../../plans/scenarios/ivr-texml/job-late-overwrite.toml"),
    include_str!("../../../../plans/scenarios/ivr-texml/forward-partial.toml"),
];

/// Every finding lies in the text, where that has its place at all, and says what is wrong and what to write.
fn placed(findings: &[Finding], text: &str) {
    for finding in findings {
        if let Some(span) = &finding.span {
            assert!(text.get(span.clone()).is_some(), "{finding} at {span:?}");
        }
        assert!(!finding.message.is_empty() && !finding.advice.is_empty(), "{finding:?}");
    }
    draw(findings, "x.toml", text, true);
}

#[test]
fn a_plan_file() {
    fuzz!(PLANS, |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let checked = check(&text);
        placed(&checked.findings, &text);
        assert_eq!(checked.value.is_some(), !checked.has_errors());
        let Some(plan) = checked.value else { return };
        let file: PlanFile = toml::from_str(&text).unwrap();
        let again = toml::to_string(&file).unwrap();
        assert_eq!(Parsed::try_from(&file).as_ref(), Ok(&plan));
        assert_eq!(check(&again).value.as_ref(), Some(&plan), "{again}");
        for environment in file.environments.keys() {
            plan.clone().in_environment(environment).unwrap();
        }
    });
}

#[test]
fn a_scenario_file() {
    let plans: Vec<Parsed> = PLANS.iter().filter_map(|plan| check(plan).value).collect();
    fuzz!(SCENARIOS, |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let checked = scenario::check(&text);
        placed(&checked.findings, &text);
        assert_eq!(checked.value.is_some(), !checked.has_errors());
        let Some(scenario) = checked.value else { return };
        for plan in &plans {
            placed(&check_with_plan(&scenario, &text, plan), &text);
        }
        let file: ScenarioFile = toml::from_str(&text).unwrap();
        let again = toml::to_string(&file).unwrap();
        assert_eq!(scenario::check(&again).value, Some(scenario), "{again}");
    });
}
