//! Plan and scenario files: reading, checking, schemas.

use std::path::Path;

use timonel_bridge::words::Words;
use timonel_plan::finding::{Checked, draw};
use timonel_plan::parsed::Parsed;
use timonel_plan::scenario::{self, Scenario};

use crate::Failure;

/// A file that was read and can be used.
pub(crate) struct Read<T> {
    pub(crate) value: T,
    pub(crate) text: String,
}

pub(crate) fn plan(path: &Path) -> Result<Read<Parsed>, Failure> {
    let text = read(path)?;
    let checked = timonel_plan::check(&text);
    show(&checked, path, &text);
    checked.value.map(|value| Read { value, text }).ok_or(Failure::BadInput)
}

pub(crate) fn scenario(path: &Path, plan: &Parsed) -> Result<Read<Scenario>, Failure> {
    let text = read(path)?;
    let checked = scenario::check(&text);
    show(&checked, path, &text);
    let value = checked.value.ok_or(Failure::BadInput)?;
    let together = scenario::check_with_plan(&value, &text, plan);
    show_findings(&together, path, &text);
    if together.iter().any(|f| f.severity == timonel_plan::Severity::Error) {
        return Err(Failure::BadInput);
    }
    Ok(Read { value, text })
}

fn show<T>(checked: &Checked<T>, path: &Path, text: &str) {
    show_findings(&checked.findings, path, text);
}

fn show_findings(findings: &[timonel_plan::Finding], path: &Path, text: &str) {
    if !findings.is_empty() {
        let colour = std::io::IsTerminal::is_terminal(&std::io::stderr());
        complain!(
            "{}",
            draw(findings, &path.display().to_string(), text, colour).trim_end()
        );
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|why| Failure::Unreadable {
        path: path.display().to_string(),
        why,
    })
}

pub(crate) fn check(file: &Path, with: Option<&Path>, words: &Words) -> Result<(), Failure> {
    let plan = plan(file)?;
    if let Some(path) = with {
        scenario(path, &plan.value)?;
    }
    let count = |n: usize| n.to_string();
    let values = [
        ("plan", plan.value.plan.id.to_string()),
        ("phases", count(plan.value.plan.phases.len())),
        ("targets", count(plan.value.plan.targets.len())),
        ("rules", count(plan.value.plan.rules.len())),
    ];
    tell!("{}", words.say("plan-good", &values));
    Ok(())
}

pub(crate) fn schema(of_scenario: bool) -> Result<(), Failure> {
    let schema = if of_scenario {
        timonel_plan::scenario_schema()
    } else {
        timonel_plan::plan_schema()
    };
    tell!(
        "{}",
        serde_json::to_string_pretty(&schema).map_err(std::io::Error::from)?
    );
    Ok(())
}
