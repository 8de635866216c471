//! The serde model of plan files, as people write them. Deliberately nothing is judged here: texts stay texts until
//! `convert` reads them, so that all mistakes of a file are found at once.

mod measure;
mod reach;
mod target;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::part::Part;
use crate::text::{DurationText, LimitText, MomentText};

pub use measure::{
    ActionWord, ArmsFile, DirectionWord, EvidenceWord, IncidentWord, NoDataWord, RecordsKind, RuleFile, SeverityWord,
    SideWord, SignalFile, UnitOfMetric, WholeWord,
};
pub use reach::{
    AccountFile, AddressFile, ClusterFile, EnvironmentFile, NoticesFile, RouteFile, SourceFile, SourceKind,
};
pub(crate) use target::Fields;
pub use target::{DestinationFile, RoleWord, TargetFile, TargetKind, TenantFile};

/// A plan file: phases, targets, signals, rules, gates and people of a rollout.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "Plan", expecting = "a plan file")]
pub struct PlanFile {
    /// The version of this format: 1.
    pub schema: u32,
    /// The plan's own name, the same in all its revisions: lowercase letters, digits, `-`, `_`, `.`.
    pub id: String,
    /// For people.
    pub name: String,
    /// Where it runs unless somebody chooses: one of `environments`, or `simulador`.
    #[serde(default = "simulator")]
    pub environment: String,
    /// What is assigned to an arm.
    #[serde(default)]
    pub unit: UnitWord,
    /// Whether a rule may roll back by itself.
    #[serde(default)]
    pub automatic: bool,
    /// How long the stable side is kept after completion, so that a rollback is still possible.
    #[serde(default = "one_week")]
    pub keep_stable: DurationText,
    /// How new units and units in progress are seen in traffic.
    #[serde(default)]
    pub traffic: Part<TrafficFile>,
    /// Where metrics are read, by name.
    #[serde(default)]
    pub sources: BTreeMap<String, Part<SourceFile>>,
    /// Control planes that hold a weight.
    #[serde(default)]
    pub targets: Vec<Part<TargetFile>>,
    /// Whose calls move, or stay on stable, together.
    #[serde(default)]
    pub tenants: Vec<Part<TenantFile>>,
    /// What is measured.
    #[serde(default)]
    pub signals: Vec<Part<SignalFile>>,
    /// Thresholds and what they do.
    #[serde(default)]
    pub rules: Vec<Part<RuleFile>>,
    /// Steps, weights rising to 100.
    #[serde(default)]
    pub phases: Vec<Part<PhaseFile>>,
    /// Lists that people sign.
    #[serde(default)]
    pub checklists: Vec<Part<ChecklistFile>>,
    /// Who is told what.
    #[serde(default)]
    pub notices: Part<NoticesFile>,
    /// Where the plan can run besides the simulator, by name.
    #[serde(default)]
    pub environments: BTreeMap<String, Part<EnvironmentFile>>,
    /// When nothing may be raised.
    #[serde(default)]
    pub freezes: Vec<Part<FreezeFile>>,
}

fn simulator() -> String {
    crate::parsed::SIMULATOR.to_owned()
}

fn one_week() -> DurationText {
    "1w".into()
}

/// What is assigned to an arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename = "Unit")]
pub enum UnitWord {
    /// Each call by itself.
    #[default]
    Call,
    /// All calls of a caller.
    Caller,
    /// All calls of a tenant.
    Tenant,
    /// All calls to a number.
    Number,
    /// Each request by itself.
    Request,
}

/// The signals by which traffic itself is seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "Traffic", expecting = "a table [traffic]")]
pub struct TrafficFile {
    /// A signal that counts new units by arm when they are assigned.
    pub assigned: Option<String>,
    /// A signal with the units in progress by arm.
    pub active: Option<String>,
}

/// A step of the plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "Phase", expecting = "a table [[phases]]")]
pub struct PhaseFile {
    /// Its id within the plan.
    pub id: String,
    /// For people.
    pub name: String,
    /// Percentage of new units on the canary: above the phase before, 100 in the last.
    pub weight: f64,
    /// Least watched, unfrozen time at this weight.
    pub bake: DurationText,
    /// What must hold to leave the phase.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<Part<GateFile>>,
    /// Persons who must approve leaving it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub approvals: u8,
    /// A checklist that must be signed before the phase is entered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checklist: Option<String>,
    /// How often somebody checks in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check_in: Option<DurationText>,
    /// Planned start, for the timeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_start: Option<MomentText>,
}

fn is_zero(number: &u8) -> bool {
    *number == 0
}

/// What must hold to leave a phase. Exactly one of `go`, `not_worse_than`, `without`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename = "Gate",
    expecting = "a table such as { of = \"error_rate\", go = \"< 2%\", no_go = \"> 5%\", between = \"hold\" }"
)]
pub struct GateFile {
    /// Its id, unique over all phases; the phase's and the metric's names where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What is looked at: `error_rate`, `response_time p95`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// Within this the gate is open: `< 2%`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub go: Option<String>,
    /// Beyond this it is shut: `> 5%`. The same limit as `go` where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_go: Option<String>,
    /// What holds between `go` and `no_go`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub between: Option<BetweenWord>,
    /// The canary against this side, by `margin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_worse_than: Option<ArmWord>,
    /// How much worse still counts as not worse: `1%`, `200ms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<LimitText>,
    /// No such event for `lasting`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without: Option<IncidentWord>,
    /// How long without the event, in watched and unfrozen time at this weight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lasting: Option<DurationText>,
    /// The window that is looked at; 5m where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<DurationText>,
    /// Whose value; the canary's, or the whole's where the signal knows no sides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<SideWord>,
    /// Fewer units than these are no evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least_units: Option<u32>,
    /// Whether the value itself must keep `go`, or be no worse than stable's (`literal`), or the bound of what it may be
    /// (`gated`, the default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<EvidenceWord>,
}

/// What a gate does between `go` and `no_go`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename = "Between")]
pub enum BetweenWord {
    /// Neither goes on nor back: it waits and says so.
    Hold,
}

/// A side to compare with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename = "Arm")]
pub enum ArmWord {
    /// The old version at the same time.
    Stable,
}

/// A list that people sign.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "Checklist", expecting = "a table [[checklists]]")]
pub struct ChecklistFile {
    /// Its id within the plan.
    pub id: String,
    /// What is checked, one item each.
    pub items: Vec<String>,
}

/// When nothing may be raised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "Freeze", expecting = "a table [[freezes]]")]
pub struct FreezeFile {
    /// First moment.
    pub from: MomentText,
    /// First moment after it.
    pub until: MomentText,
    /// For people.
    pub reason: String,
}
