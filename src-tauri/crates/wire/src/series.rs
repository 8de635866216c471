//! Charts: the lines that a page draws itself, and pictures that somebody keeps or sends.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::board::{SideName, UnitName};

/// One moment of a line: milliseconds since 1970 in UTC, and the value in the metric's unit or `null` for a gap.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, TS)]
pub struct Point(pub i64, pub Option<f64>);

/// One moment of a band: milliseconds since 1970 in UTC, and the least and the most that the share may be, 0 to 1; `null` where
/// nothing is known yet.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, TS)]
pub struct BandPoint(pub i64, pub Option<(f64, f64)>);

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
    /// Where the share of the units since the phase began lies, as it was known at each moment: a confidence sequence, wrong at
    /// any moment of a phase with 5 % at most. Empty for what is not a share, and for both sides together.
    pub band: Vec<BandPoint>,
}

/// What a picture shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "of", rename_all = "kebab-case")]
pub enum PictureOf {
    /// Both arms of what a rule looks at, with its limits.
    Rule {
        /// The rule's id.
        rule: String,
    },
    /// The phases, planned and actual.
    Timeline,
}

/// The format of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum PictureFormat {
    /// For messages and mail.
    Png,
    /// Fine at every size.
    Svg,
}

/// A picture that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PictureAsk {
    /// What it shows.
    pub what: PictureOf,
    /// As which kind of file.
    pub format: PictureFormat,
    /// For a dark ground.
    pub dark: bool,
    /// The language of its words, as BCP 47; Spanish for what is neither of the two.
    pub language: String,
    /// The zone of its times, in minutes east of UTC.
    pub zone_minutes: i16,
}

/// Where a picture went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kept", rename_all = "kebab-case")]
pub enum PictureKept {
    /// The host wrote a file.
    File {
        /// Its whole path.
        path: String,
    },
    /// The page is given it.
    Content {
        /// What it is to be called.
        name: String,
        /// Its bytes in base64.
        base64: String,
    },
}
