//! What is proved about the new system: the units of both since the phase began, and how sure it is that it is worse.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::board::UnitName;

/// Units of one side since the phase began.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, TS)]
pub struct TallyRow {
    /// Bad ones.
    pub bad: u64,
    /// All.
    pub total: u64,
    /// The least that the share of bad ones may be, between 0 and 1.
    pub lower: f64,
    /// The most. Both together are a confidence sequence: wrong at any time of the phase with 5 % at most.
    pub upper: f64,
}

/// What counts as bad in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum EvidenceKind {
    /// A share of the units.
    Share,
    /// Observations above a limit.
    Above,
    /// Observations above what the old system shows.
    AboveStable,
    /// Occurrences without a denominator, held against the share of the units.
    Occurrences,
    /// Nothing: the mean itself is bounded.
    Mean,
}

/// What the new system's mean can be, in the row's unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, TS)]
pub struct MeanRow {
    /// What was seen.
    pub seen: f64,
    /// The most that it can be, at any time of the phase with 5 % of error at most.
    pub upper: f64,
}

/// What a gate of the present phase asks for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, TS)]
pub struct Goal {
    /// What must not be reached even by the upper bound.
    pub limit: f64,
    /// Whether that is a share of bad units; a value in the row's unit otherwise.
    pub is_share: bool,
    /// Whether it is not.
    pub kept: bool,
    /// So many more units without a bad one, and it is not; `null` where no number of them is enough.
    pub clean_units: Option<u64>,
}

/// The evidence of one metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct EvidenceRow {
    /// The metric, as plans name it.
    pub metric: String,
    /// The signal that measures it.
    pub signal: String,
    /// What counts as bad.
    pub kind: EvidenceKind,
    /// Observations above this are bad, where it is about observations; in `unit`.
    pub above: Option<f64>,
    /// Of `above` and of `mean`.
    pub unit: UnitName,
    /// The new system's units; of occurrences how many there were, and the units that they came among.
    pub canary: TallyRow,
    /// The old system's.
    pub stable: TallyRow,
    /// log10 of how many times likelier the data are if the new system is worse; `null` where only one side is measured.
    pub log10_r: Option<f64>,
    /// The same against what the old system used to have, where all calls go to the new one; `null` elsewhere.
    pub log10_history: Option<f64>,
    /// The most that the new system's share of the units can be, between 0 and 1; of occurrences only.
    pub share: Option<f64>,
    /// Of a mean only.
    pub mean: Option<MeanRow>,
    /// From this the rollout is frozen.
    pub alert_at: f64,
    /// From this everything is put back; `null` where no rule of this metric may.
    pub rollback_at: Option<f64>,
    /// Who serves a unit is not chance here, so R has been divided by ten.
    pub observational: bool,
    /// What the present phase asks of it.
    pub goal: Option<Goal>,
}
