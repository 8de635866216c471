//! Axes: where the round numbers and the round times are, and how a value becomes a place.

use std::ops::Range;

use timonel_domain::time::Timestamp;

use crate::Zone;

/// From values to places along one direction of a picture.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    from: f64,
    to: f64,
    start: f64,
    end: f64,
}

impl Scale {
    /// `from` is at `start`, `to` at `end`; a scale without extent puts everything at its start.
    pub(crate) fn new(from: f64, to: f64, start: f64, end: f64) -> Self {
        Self { from, to, start, end }
    }

    /// Time from left to right.
    pub(crate) fn of_time(span: &Range<Timestamp>, start: f64, end: f64) -> Self {
        Self::new(span.start.micros() as f64, span.end.micros() as f64, start, end)
    }

    /// Where a value is, held within the scale.
    pub(crate) fn at(&self, value: f64) -> f64 {
        if self.to <= self.from {
            return self.start;
        }
        let share = ((value - self.from) / (self.to - self.from)).clamp(0.0, 1.0);
        self.start + share * (self.end - self.start)
    }

    /// Where a moment is.
    pub(crate) fn at_time(&self, at: Timestamp) -> f64 {
        self.at(at.micros() as f64)
    }
}

/// Round numbers, and how many decimals they need.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ticks {
    pub(crate) values: Vec<f64>,
    pub(crate) decimals: usize,
}

/// About `wanted` round numbers that reach from below `low` to above `high`. `least` is the finest step that makes sense.
pub(crate) fn ticks(low: f64, high: f64, wanted: usize, least: f64) -> Ticks {
    let extent = (high - low).max(least);
    let rough = extent / wanted.max(1) as f64;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|m| m * power)
        .find(|step| *step >= rough * 0.999)
        .unwrap_or(10.0 * power)
        .max(least);
    let (first, last) = ((low / step).floor() as i64, (high / step - 1e-9).ceil() as i64);
    let last = last.max(first + 1);
    let decimals = (0..6)
        .find(|d| {
            let shifted = step * 10f64.powi(*d);
            (shifted - shifted.round()).abs() < 1e-6
        })
        .unwrap_or(6);
    Ticks {
        values: (first..=last).map(|i| i as f64 * step).collect(),
        decimals: decimals as usize,
    }
}

/// Round times within a span.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TimeTicks {
    pub(crate) at: Vec<Timestamp>,
    /// Seconds between two.
    pub(crate) step: i64,
}

const STEPS: &[i64] = &[
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800,
    1_209_600, 2_592_000, 7_776_000, 31_536_000,
];

/// At most `most` round times of the zone's day.
pub(crate) fn time_ticks(span: &Range<Timestamp>, zone: Zone, most: usize) -> TimeTicks {
    let offset = i64::from(zone.minutes()) * 60;
    let (from, to) = (
        span.start.micros().div_euclid(1_000_000),
        span.end.micros().div_euclid(1_000_000),
    );
    let fits = |step: &&i64| (to - from) / **step < most.max(1) as i64;
    let step = STEPS.iter().find(fits).copied().unwrap_or(31_536_000);
    let first = (from + offset).div_euclid(step) * step - offset;
    let at = (0..)
        .map(|i| first + i * step)
        .take_while(|at| *at <= to)
        .map(Timestamp::from_secs)
        .filter(|at| *at >= span.start);
    TimeTicks { at: at.collect(), step }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_cover() {
        let check = |low, high, least, expect: &[f64], decimals| {
            let found = ticks(low, high, 4, least);
            assert_eq!(found.decimals, decimals, "{found:?}");
            assert_eq!(found.values.len(), expect.len(), "{found:?}");
            for (a, b) in found.values.iter().zip(expect) {
                assert!((a - b).abs() < 1e-9, "{found:?}");
            }
        };
        check(0.0, 38.0, 0.1, &[0.0, 10.0, 20.0, 30.0, 40.0], 0);
        check(0.0, 10.0, 0.1, &[0.0, 2.5, 5.0, 7.5, 10.0], 1);
        check(0.0, 0.0, 1.0, &[0.0, 1.0], 0);
        check(70.0, 93.0, 0.1, &[70.0, 80.0, 90.0, 100.0], 0);
    }

    #[test]
    fn times_are_round_in_their_zone() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let span = at("2026-11-23T13:01:00Z")..at("2026-11-23T13:22:00Z");
        let found = time_ticks(&span, Zone::UTC, 8);
        assert_eq!(found.step, 300);
        assert_eq!(found.at[0], at("2026-11-23T13:05:00Z"));
        assert_eq!(found.at.len(), 4);
        let days = at("2026-11-07T13:01:00Z")..at("2026-12-19T13:22:00Z");
        let found = time_ticks(&days, "-05:00".parse().unwrap(), 8);
        assert_eq!(found.step, 604_800);
        assert!(
            found
                .at
                .iter()
                .all(|t| t.micros() % 86_400_000_000 == 5 * 3_600_000_000)
        );
    }
}
