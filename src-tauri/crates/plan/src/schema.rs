//! JSON Schemas (draft 2020-12) of the files, for editors. Deliberately only the shape: what a plan means is `check`'s.

use serde_json::Value;

use crate::model::PlanFile;
use crate::scenario::ScenarioFile;

/// The schema of plan files.
pub fn plan_schema() -> Value {
    schemars::schema_for!(PlanFile).to_value()
}

/// The schema of scenario files.
pub fn scenario_schema() -> Value {
    schemars::schema_for!(ScenarioFile).to_value()
}
