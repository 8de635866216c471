//! Plan and scenario files: what people write, what is wrong in it and where, and what the rules and adapters get.
//!
//! [`check`] and [`scenario::check`] never fail: they give the parsed file, or the findings that say what to write
//! instead, or both. Deliberately no I/O: text comes in, values and findings go out.

mod convert;
pub mod edit;
pub mod finding;
mod lint;
pub mod model;
pub mod parsed;
mod part;
mod place;
mod read;
pub mod scenario;
mod schema;
mod selector;
mod text;
mod when;

pub use finding::{Checked, Finding, Severity, draw};
pub use model::PlanFile;
pub use parsed::Parsed;
pub use part::Part;
pub use schema::{plan_schema, scenario_schema};
pub use text::{DurationText, LimitText, MomentText};

use finding::Findings;

/// Why a [`PlanFile`] is no plan: what is wrong in it. Their places are empty, because a model has no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the plan cannot be used: {}", findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct UnusablePlan {
    /// All findings, warnings included.
    pub findings: Vec<Finding>,
}

/// Reads a plan file and finds everything that is wrong or unwise in it.
pub fn check(text: &str) -> Checked<Parsed> {
    let mut findings = Findings::new(text);
    let value = read::read::<PlanFile>(text, &mut findings).and_then(|file| judge(&file, &mut findings));
    let value = value.filter(|_| !findings.has_errors());
    Checked {
        value,
        findings: findings.finish(),
    }
}

fn judge(file: &PlanFile, findings: &mut Findings) -> Option<Parsed> {
    let converted = convert::convert(file, findings)?;
    lint::check(file, &converted, findings);
    Some(converted.parsed)
}

impl TryFrom<&PlanFile> for Parsed {
    type Error = UnusablePlan;

    fn try_from(file: &PlanFile) -> Result<Self, UnusablePlan> {
        let mut findings = Findings::new("");
        match judge(file, &mut findings).filter(|_| !findings.has_errors()) {
            Some(parsed) => Ok(parsed),
            None => Err(UnusablePlan {
                findings: findings.finish(),
            }),
        }
    }
}
