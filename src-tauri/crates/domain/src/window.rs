//! A statistic over a window of samples: the longer of the window and the time that it takes to collect enough units.
//!
//! [`answer`] reads it off the samples; [`Running`] keeps its sums while samples come and go, and answers the same.

mod running;
mod sums;

use std::collections::VecDeque;

use self::sums::Sums;
use crate::metric::Statistic;
use crate::plan::{Comparison, Question};
use crate::sample::Sample;
use crate::time::Timestamp;
use crate::value::Quantity;

pub(crate) use running::Running;
pub(crate) use sums::{is_alike, is_empty, units};

/// What a window says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Answer {
    /// The statistic; `None` where there are too few units or no data.
    pub value: Option<Quantity>,
    /// Units behind it.
    pub units: u64,
}

/// Answers `question` from samples in the order of their times.
pub fn answer(samples: &VecDeque<Sample>, question: &Question, now: Timestamp) -> Answer {
    let from = now - question.window;
    let least = least_units(question);
    let mut sums = Sums::default();
    for sample in samples.iter().rev() {
        if sample.as_of <= from && sums.are_enough(least) {
            break;
        }
        if !sums.fits(&sample.value) {
            break;
        }
        sums.add(&sample.value);
    }
    let newest_level = || samples.iter().rev().find_map(|sample| sums::level(&sample.value));
    sums.answer(question.statistic, least, newest_level)
}

/// Occurrences are not stretched: "more than 2 in 5 minutes" means those 5 minutes.
pub(crate) fn least_units(question: &Question) -> u64 {
    if question.statistic == Statistic::Total {
        0
    } else {
        question.least_units
    }
}

/// The limit that a relative gate allows, given stable's value.
pub fn with_margin(stable: Quantity, margin: Quantity, comparison: Comparison) -> Quantity {
    let by = match comparison {
        Comparison::Above => margin.micros(),
        Comparison::Below => margin.micros().saturating_neg(),
    };
    Quantity::from_micros(stable.micros().saturating_add(by))
}
