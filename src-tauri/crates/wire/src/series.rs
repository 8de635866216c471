//! The points of a chart.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::board::{SideName, UnitName};

/// One moment of a line: milliseconds since 1970 in UTC, and the value in the metric's unit or `null` for a gap.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, TS)]
pub struct Point(pub i64, pub Option<f64>);

/// One line of a chart, with at most two points a pixel column besides its gaps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Series {
    /// The metric, as plans name it.
    pub metric: String,
    /// The signal that measures it.
    pub signal: String,
    /// Whose.
    pub side: SideName,
    /// The unit of the values.
    pub unit: UnitName,
    /// In the order of time.
    pub points: Vec<Point>,
}
