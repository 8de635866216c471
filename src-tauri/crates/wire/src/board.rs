//! The go/no-go board: every rule with its value, limit, margin and progress, and the gates of the present phase.

use serde::{Deserialize, Serialize};
use timonel_domain::metric::{Direction, MetricUnit};
use timonel_domain::plan::Comparison;
use timonel_domain::value::Side;
use ts_rs::TS;

use crate::code::{ActionName, Freshness, SeverityName};

/// Whose value it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum SideName {
    /// The old system's.
    Stable,
    /// The new system's.
    Canary,
    /// Of both together, or of what they share.
    Whole,
}

impl From<Side> for SideName {
    fn from(side: Side) -> Self {
        match side {
            Side::Stable => SideName::Stable,
            Side::Canary => SideName::Canary,
            Side::Whole => SideName::Whole,
        }
    }
}

/// The unit of a metric's values and limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum UnitName {
    /// A share between 0 and 1.
    Ratio,
    /// Seconds.
    Seconds,
    /// A number of things.
    Count,
}

impl From<MetricUnit> for UnitName {
    fn from(unit: MetricUnit) -> Self {
        match unit {
            MetricUnit::Ratio => UnitName::Ratio,
            MetricUnit::Seconds => UnitName::Seconds,
            MetricUnit::Count => UnitName::Count,
        }
    }
}

/// Which way is good: where higher is better the bar is mirrored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum Better {
    /// As with errors.
    Lower,
    /// As with speech recognition.
    Higher,
}

impl From<Direction> for Better {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::LowerIsBetter => Better::Lower,
            Direction::HigherIsBetter => Better::Higher,
        }
    }
}

/// Which side of the limit is a breach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum Compare {
    /// Breach above the limit.
    Above,
    /// Breach below the limit.
    Below,
}

impl From<Comparison> for Compare {
    fn from(comparison: Comparison) -> Self {
        match comparison {
            Comparison::Above => Compare::Above,
            Comparison::Below => Compare::Below,
        }
    }
}

/// What a side says over the window of a rule or gate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, TS)]
pub struct Reading {
    /// In the metric's unit; `null` where data are late, lost or of too few units.
    pub value: Option<f64>,
    /// Units behind it.
    pub units: u64,
    /// How fresh the newest data are.
    pub freshness: Freshness,
}

/// How far a duration has been served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Progress {
    /// So far, in milliseconds; may be more than `of_ms`.
    pub elapsed_ms: u64,
    /// Of how much.
    pub of_ms: u64,
}

/// Where a rule stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum RuleStage {
    /// No breach.
    Idle,
    /// A breach that has not lasted long enough yet.
    Pending,
    /// The breach has lasted.
    Firing,
    /// It fired in this rollout and no longer does.
    Resolved,
    /// There are no data to say.
    NoEvidence,
}

/// One rule with what it sees.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct BoardRow {
    /// The rule's id in the plan.
    pub rule: String,
    /// The metric, as plans name it: a Fluent key `metric-…` with `_` as `-` where it is of the catalogue.
    pub metric: String,
    /// The signal that measures it.
    pub signal: String,
    /// The statistic, as in `share`, `mean`, `p95`, `total`, `latest`.
    pub statistic: String,
    /// Of values and limits.
    pub unit: UnitName,
    /// Which way is good.
    pub better: Better,
    /// Whose value is held against the limit.
    pub side: SideName,
    /// The canary's, where the signal has it.
    pub canary: Option<Reading>,
    /// The stable side's, where the signal has it.
    pub stable: Option<Reading>,
    /// That of both or of what they share, where the signal has it.
    pub whole: Option<Reading>,
    /// In the metric's unit.
    pub limit: f64,
    /// Which side of it is a breach.
    pub comparison: Compare,
    /// Over how long it looks, in milliseconds.
    pub window_ms: u64,
    /// Fewer units than these say nothing.
    pub least_units: u64,
    /// How long the breach has lasted, of how long it must.
    #[serde(rename = "for")]
    pub lasting: Progress,
    /// Where it stands.
    pub state: RuleStage,
    /// How loud it is.
    pub severity: SeverityName,
    /// What it does when it fires.
    pub action: ActionName,
    /// How fresh the data are that it is held against.
    pub freshness: Freshness,
}

/// What a gate says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum GateVerdict {
    /// Go on.
    Go,
    /// Not to be gone on with.
    NoGo,
    /// Between the limits, or not long enough.
    Hold,
    /// There are no data to say.
    NoEvidence,
}

/// One gate of the present phase with what it sees.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct GateRow {
    /// The gate's id in the plan.
    pub id: String,
    /// Which condition: the Fluent key `gate-limit`, `gate-relative`, `gate-without-critical-error` or `gate-without-security`.
    pub code: String,
    /// What it says now.
    pub verdict: GateVerdict,
    /// The metric, where it looks at one.
    pub metric: Option<String>,
    /// Its unit.
    pub unit: Option<UnitName>,
    /// Which side of the limit is bad.
    pub comparison: Option<Compare>,
    /// The canary's value (or the whole's); `null` without data.
    pub value: Option<f64>,
    /// Units behind it.
    pub units: u64,
    /// Within this it is go; for a relative gate, what stable has now with its margin.
    pub limit: Option<f64>,
    /// Beyond this it is no-go, where that differs from `limit`.
    pub no_go: Option<f64>,
    /// So many more units without a bad one are missing for its bound to keep the limit, where it asks for a bound and that does
    /// not.
    pub clean_units: Option<u64>,
    /// How long it has held, for gates that ask for a time.
    pub lasting: Option<Progress>,
}
