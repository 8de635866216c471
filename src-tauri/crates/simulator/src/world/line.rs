//! The numbers that people dial: how many calls each gets, and where its calls go.
//!
//! Who moves a number between applications is a control plane's business; the world is told where calls of each line go.

use timonel_domain::value::{Arm, Weight};

use super::draw::noise;

/// One number: its share of all calls, and where they go from now on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// Share of all calls relative to the other lines' shares; negative and NaN count as none.
    pub share: f64,
    /// The system that answers its calls.
    pub arm: Arm,
    /// Whether anything answers at all: where not, every request of its calls fails.
    pub is_answered: bool,
    /// Whatever the caller calls the way there: it stands in the log of each call and means nothing to the world.
    pub way: u16,
}

/// All lines, in the order that the caller gave them.
#[derive(Debug, Clone)]
pub(super) struct Lines {
    lines: Vec<Line>,
    /// Up to and including each line, as a share of all; the last is 1.
    cumulative: Vec<f64>,
}

impl Lines {
    /// `None` where nobody would ever be called.
    pub(super) fn new(lines: Vec<Line>) -> Option<Self> {
        let shares = lines.iter().map(|line| line.share.max(0.0));
        let total: f64 = shares.clone().sum();
        if !total.is_finite() || total <= 0.0 {
            return None;
        }
        let sums = shares.scan(0.0, |sum, share| {
            *sum += share;
            Some(*sum / total)
        });
        let cumulative = sums.collect();
        Some(Self { lines, cumulative })
    }

    /// The line that a call with this draw, uniform on [0, 1), dials, and its place in the order.
    pub(super) fn dialled(&self, draw: f64) -> (usize, Line) {
        let at = self.cumulative.partition_point(|sum| *sum <= draw);
        let at = at.min(self.lines.len() - 1);
        (at, self.lines[at])
    }

    /// The canary's share of all calls: to the nearest hundredth of a percent, but 0 and 100 only where that is exact.
    pub(super) fn canary(&self) -> Weight {
        let of = |arm| {
            let lines = self.lines.iter().filter(move |line| line.arm == arm);
            lines.map(|line| line.share.max(0.0)).sum::<f64>()
        };
        let (stable, canary): (f64, f64) = (of(Arm::Stable), of(Arm::Canary));
        let full = f64::from(Weight::FULL.hundredths());
        let hundredths = (canary / (stable + canary) * full).round();
        let least = if canary > 0.0 { 1.0 } else { 0.0 };
        let most = if stable > 0.0 { full - 1.0 } else { full };
        Weight::from_hundredths(hundredths.clamp(least, most) as u16).unwrap_or(Weight::ZERO)
    }
}

/// Shares of `count` lines that add up to 1: the k-th busiest has 1/k^`skew` of the busiest's, and the seed settles which
/// line is the k-th.
pub fn zipf(seed: u64, count: usize, skew: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..count).collect();
    // A draw of its own for each line: which is the busiest does not depend on how anything else was drawn.
    let draws: Vec<f64> = (0..count).map(|line| noise(&[seed, LINES, line as u64])).collect();
    order.sort_by(|a, b| draws[*a].total_cmp(&draws[*b]).then(a.cmp(b)));
    let weight = |rank: usize| libm::pow(rank as f64 + 1.0, -skew);
    let total: f64 = (0..count).map(weight).sum();
    let mut shares = vec![0.0; count];
    for (rank, line) in order.into_iter().enumerate() {
        shares[line] = weight(rank) / total;
    }
    shares
}

/// Sets the draws of this file apart from every other noise of the seed.
const LINES: u64 = 0x6c69_6e65;

#[cfg(test)]
mod tests {
    use super::*;

    fn line(share: f64, arm: Arm) -> Line {
        Line {
            share,
            arm,
            is_answered: true,
            way: 0,
        }
    }

    #[test]
    fn a_draw_picks_by_share() {
        let lines = [
            line(1.0, Arm::Stable),
            line(0.0, Arm::Canary),
            line(3.0, Arm::Canary),
            line(-2.0, Arm::Stable),
        ];
        let lines = Lines::new(lines.to_vec()).expect("somebody is called");
        for (draw, expect) in [(0.0, 0), (0.2499, 0), (0.25, 2), (0.9999, 2), (1.0 - f64::EPSILON, 2)] {
            assert_eq!(lines.dialled(draw).0, expect, "{draw}");
        }
        assert_eq!(lines.canary(), Weight::percent(75));
        assert!(Lines::new(vec![line(0.0, Arm::Stable)]).is_none() && Lines::new(Vec::new()).is_none());
    }

    #[test]
    fn nothing_and_all_are_said_only_where_they_are_true() {
        let weight = |stable, canary| {
            let lines = vec![line(stable, Arm::Stable), line(canary, Arm::Canary)];
            Lines::new(lines).expect("somebody is called").canary().hundredths()
        };
        assert_eq!((weight(1.0, 0.0), weight(0.0, 1.0)), (0, 10_000));
        assert_eq!((weight(1.0, 1e-9), weight(1e-9, 1.0)), (1, 9_999));
    }

    #[test]
    fn volumes_fall_off_as_zipf_says() {
        let shares = zipf(7, 340, 1.0);
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        let mut sorted = shares.clone();
        sorted.sort_by(|a, b| b.total_cmp(a));
        for rank in [2usize, 10, 340] {
            assert!((sorted[0] / sorted[rank - 1] - rank as f64).abs() < 1e-6, "rank {rank}");
        }
        assert_ne!(shares, sorted, "the busiest is not the first");
        assert_eq!(shares, zipf(7, 340, 1.0));
        assert_ne!(shares, zipf(8, 340, 1.0));
        assert!(zipf(7, 4, 0.0).iter().all(|share| (share - 0.25).abs() < 1e-12));
    }
}
