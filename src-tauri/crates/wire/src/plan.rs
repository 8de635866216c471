//! The plan as it is written, and what the planner says about it before anything is at stake.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::board::{Compare, UnitName};
use crate::environments::PlanFinding;
use crate::sentence::Sentence;

/// The plan of what is open.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct PlanSheet {
    /// Its id.
    pub plan: String,
    /// For people.
    pub name: String,
    /// Which text of it; `None` in the simulator, which keeps none.
    pub revision: Option<u32>,
    /// Whether what is open shortens its phases: here they are as they are written.
    pub shortened: bool,
    /// In order.
    pub phases: Vec<PlanPhase>,
    /// What is doubtful in it, in the order of the file.
    pub findings: Vec<PlanFinding>,
    /// What has been measured of the traffic of today.
    pub today: MeasuredToday,
}

/// A phase as it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct PlanPhase {
    /// Its id.
    pub id: String,
    /// For people.
    pub name: String,
    /// In hundredths of a percent.
    pub weight: u16,
    /// How long it lasts at least, in milliseconds.
    pub bake_ms: u64,
    /// When it is to begin; `null` where the plan does not say.
    pub planned_start: Option<i64>,
    /// How many persons must approve leaving it.
    pub approvals: u8,
    /// What must be signed before it begins.
    pub checklist: Option<String>,
    /// How often somebody has to look, in milliseconds.
    pub check_in_ms: Option<u64>,
    /// What must hold to leave it.
    pub gates: Vec<PlanGate>,
}

/// A gate as it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct PlanGate {
    /// Its id.
    pub id: String,
    /// Which condition: the Fluent key `gate-limit`, `plan-gate-relative`, `gate-without-critical-error` or `gate-without-security`.
    pub code: String,
    /// The metric, where it looks at one.
    pub metric: Option<String>,
    /// Its unit.
    pub unit: Option<UnitName>,
    /// Which side of the limit is bad.
    pub comparison: Option<Compare>,
    /// Within this it is go; for a relative gate, its margin.
    pub limit: Option<f64>,
    /// For how long, for gates that ask for a time.
    pub lasting_ms: Option<u64>,
}

/// What has been measured of the traffic of today.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct MeasuredToday {
    /// Units of both versions a day, by those of the stretch; `null` where too little is known.
    pub units_per_day: Option<f64>,
    /// The stretch behind all of it, in milliseconds.
    pub over_ms: u64,
    /// The share of the old version's units that fail; `null` where too few are known.
    pub base: Option<f64>,
    /// Other shares that rollback rules and gates look at.
    pub shares: Vec<MeasuredShare>,
}

/// A share other than that of failing units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct MeasuredShare {
    /// Its metric.
    pub metric: String,
    /// The old version's value, as the metric says it; `null` where too few units are known.
    pub value: Option<f64>,
}

/// What the planner is to take as today's traffic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct PowerAsk {
    /// Units of both versions a day.
    pub units_per_day: f64,
    /// The share of units that fails today, 0 to 1.
    pub base: f64,
    /// The values of other shares, by metric. What is not here is not simulated.
    pub shares: BTreeMap<String, f64>,
    /// How many phases the page has the answer for already: it is answered when there are more, or when that takes long.
    pub have: u32,
}

/// What the planner has found so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Power {
    /// How many phases it looks at.
    pub of: u32,
    /// Those that are done, in order.
    pub phases: Vec<PhasePower>,
    /// Whether it is still at it. Where it is not and phases are missing, somebody asked for other traffic meanwhile.
    pub computing: bool,
    /// Why it gave up, where it did.
    pub ended: Option<Sentence>,
    /// The arms follow the number, the caller or the tenant rather than chance, so ten times the evidence is asked for.
    pub observational: bool,
    /// What it does not simulate, rule by rule, with the reason.
    pub unseen: Vec<Sentence>,
}

/// What one phase can show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct PhasePower {
    /// Which.
    pub phase: String,
    /// Units of both versions.
    pub units: f64,
    /// Of them the new version's.
    pub canary_units: f64,
    /// How long it lasts, in milliseconds.
    pub bake_ms: u64,
    /// Failing units first.
    pub shares: Vec<SharePower>,
    /// Gates on shares that are not simulated: metric, and how many units say so at best.
    pub at_best: Vec<AtBest>,
}

/// What one phase can show about one share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct SharePower {
    /// Its metric; `null` for failing units.
    pub metric: Option<String>,
    /// The share of bad units today.
    pub bad_today: f64,
    /// There is nothing to compare with: seen by the values of today alone.
    pub by_history: bool,
    /// The lowest share of bad units that is seen with 80 % power; `null` where not even a total failure is.
    pub smallest: Option<f64>,
    /// How often the evidence alone rolls back a healthy version.
    pub false_alarms: f64,
    /// How soon failures are seen.
    pub sights: Vec<Sight>,
    /// Its rollback rules.
    pub rules: Vec<RulePower>,
    /// What a gate's limit needs.
    pub go: Option<GoPower>,
    /// Where the plan cannot show what it asks.
    pub warnings: Vec<Sentence>,
    /// Fewer units than the phase has were simulated: so many.
    pub looked_at: Option<u64>,
}

/// How soon a failure is seen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, TS)]
pub struct Sight {
    /// The share of the new version's units that are bad.
    pub rate: f64,
    /// How often it is seen within the phase.
    pub share: f64,
    /// The new version's units until then, median; `null` where less than half of the runs see it.
    pub units: Option<u64>,
    /// How long that takes, in milliseconds.
    pub after_ms: Option<u64>,
}

/// What a rule does within the phase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct RulePower {
    /// Which.
    pub rule: String,
    /// Whether the plan has it act exactly as written.
    pub is_literal: bool,
    /// Exactly as written.
    pub literal: RuleOdds,
    /// With its evidence.
    pub gated: RuleOdds,
}

/// How often and when a rule rolls back.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, TS)]
pub struct RuleOdds {
    /// How often a healthy version.
    pub healthy: f64,
    /// How often one that fails every unit.
    pub failing: f64,
    /// When it does that, median, in milliseconds; `null` where less than half of the runs do.
    pub after_ms: Option<u64>,
}

/// What a gate's limit really needs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, TS)]
pub struct GoPower {
    /// The limit, as a share of bad units.
    pub limit: f64,
    /// Units without a single bad one; `null` where no number is enough.
    pub clean: Option<u64>,
    /// Units with today's bad ones among them that are enough with 80 % probability; `null` where 20,000 are not.
    pub units: Option<u64>,
    /// How long that takes, in milliseconds: the length that the phase really needs.
    pub needs_ms: Option<u64>,
    /// Whether the phase is long enough.
    pub enough: bool,
}

/// A gate on a share whose value of today is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct AtBest {
    /// The gate.
    pub gate: String,
    /// Its metric.
    pub metric: String,
    /// Units without a bad one; `null` where no number is enough.
    pub clean: Option<u64>,
}
