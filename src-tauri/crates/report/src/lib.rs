//! Charts of both arms with their limits, and the timeline of phases, as SVG and PNG.
//!
//! Pure render: data in, bytes out, and the same data give the same bytes on every machine (the font is in this crate).
//! Deliberately not here: where the data come from (`bridge::chart`), live charts (the window draws its own), clocks,
//! files, and any judgement; a limit is drawn where the plan has it.

mod axis;
mod chart;
mod drawing;
mod font;
mod palette;
mod render;
mod timeline;
mod words;

pub use chart::{BandPoint, Chart, Consequence, Limit, Point, Series, WeightStep};
pub use timeline::{Happened, Mark, PhaseBar, Timeline};

use std::ops::Range;

use timonel_domain::time::Timestamp;

/// What a picture looks like; nothing of it changes what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// The file's format.
    pub format: Format,
    /// The colours.
    pub theme: Theme,
    /// The words, and how numbers and dates are written.
    pub language: Language,
    /// The zone of the time axis.
    pub zone: Zone,
}

/// A picture's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Text stays text; fine at every size.
    Svg,
    /// Twice as many pixels as the SVG has units, for dense screens and print.
    Png,
}

/// The colours of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// For paper and bright rooms.
    Light,
    /// For a night shift.
    Dark,
}

/// The language of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Spanish.
    Es,
    /// English.
    En,
}

/// A fixed offset from UTC, in minutes eastwards: a picture covers days, and says which offset it used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Zone(i16);

/// The text is no offset from UTC.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no offset from UTC: write it like -05:00, +01:00 or Z")]
pub struct BadZone(String);

impl Zone {
    /// UTC itself.
    pub const UTC: Self = Self(0);

    /// So many minutes eastwards of UTC; `None` where that is further than clocks anywhere go (15 h).
    pub const fn of_minutes(minutes: i16) -> Option<Self> {
        if minutes.unsigned_abs() < 15 * 60 {
            Some(Self(minutes))
        } else {
            None
        }
    }

    /// Minutes eastwards of UTC.
    pub const fn minutes(self) -> i16 {
        self.0
    }
}

impl std::str::FromStr for Zone {
    type Err = BadZone;
    fn from_str(text: &str) -> Result<Self, BadZone> {
        let bad = || BadZone(text.to_owned());
        if text.eq_ignore_ascii_case("z") || text.eq_ignore_ascii_case("utc") {
            return Ok(Self::UTC);
        }
        let (sign, rest) = match (text.strip_prefix('+'), text.strip_prefix(['-', '−'])) {
            (Some(rest), _) => (1, rest),
            (None, Some(rest)) => (-1, rest),
            (None, None) => return Err(bad()),
        };
        let (hours, minutes) = rest.split_once(':').unwrap_or((rest, "0"));
        let number = |digits: &str, most: i16| {
            let digits_only = digits.len() <= 2 && digits.bytes().all(|b| b.is_ascii_digit());
            digits.parse::<i16>().ok().filter(|n| digits_only && *n <= most)
        };
        match (number(hours, 14), number(minutes, 59)) {
            (Some(hours), Some(minutes)) => Ok(Self(sign * (hours * 60 + minutes))),
            _ => Err(bad()),
        }
    }
}

/// What a picture is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// The rollout's id.
    pub rollout: String,
    /// The plan's environment.
    pub environment: String,
    /// The first and the last moment shown.
    pub span: Range<Timestamp>,
}

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The time span is empty.
    #[error("there is no time between {from} and {to}: give a beginning that lies before the end")]
    Span {
        /// The beginning.
        from: Timestamp,
        /// The end.
        to: Timestamp,
    },
    /// There is no value to draw.
    #[error("there is no value between {from} and {to}: look at another time or metric")]
    Empty {
        /// The beginning.
        from: Timestamp,
        /// The end.
        to: Timestamp,
    },
    /// Drawing failed: a fault of ours.
    #[error("the picture cannot be drawn: {0}")]
    Draw(String),
    /// Packing the pixels failed: a fault of ours.
    #[error("the picture cannot be written as PNG: {0}")]
    Png(#[from] png::EncodingError),
}

/// A metric of both arms over time, with its limits.
pub fn chart(chart: &Chart, look: &Look) -> Result<Vec<u8>, ReportError> {
    render::render(&chart::draw(chart, look)?, look)
}

/// The phases as planned and as they were, the weight, and what happened.
pub fn timeline(timeline: &Timeline, look: &Look) -> Result<Vec<u8>, ReportError> {
    render::render(&timeline::draw(timeline, look)?, look)
}

fn check_span(span: &Range<Timestamp>) -> Result<(), ReportError> {
    if span.start < span.end {
        Ok(())
    } else {
        Err(ReportError::Span {
            from: span.start,
            to: span.end,
        })
    }
}

#[cfg(test)]
mod tests;
