//! How fast something grows, and whether that is more than chance: a straight line through readings that depend on each other.
//!
//! Memory and files move in steps, so neighbouring readings are alike and the textbook interval through all of them is far too
//! narrow. So the readings are cut into a few long spans, whose means hardly depend on each other, and the line with its interval
//! by Student's t is laid through those. Deliberately not here: what is read, and what may grow.

/// Spans, each of some hours of a day: fewer know less, more are alike again where steps are long.
const SPANS: usize = 8;
/// Student's t for 95 % of both sides, with two less than the spans.
const T: f64 = 2.447;

/// The slope of a line, per hour, and half the width of its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Slope {
    pub(crate) per_hour: f64,
    pub(crate) half: f64,
}

impl Slope {
    /// Through readings of time in hours and value, in order of time; `None` where there are fewer than two for a span.
    pub(crate) fn of(readings: &[(f64, f64)]) -> Option<Self> {
        if readings.len() < 2 * SPANS {
            return None;
        }
        let span = |n: usize| mean(&readings[n * readings.len() / SPANS..(n + 1) * readings.len() / SPANS]);
        let spans: Vec<(f64, f64)> = (0..SPANS).map(span).collect();
        let (at, value) = mean(&spans);
        let square: f64 = spans.iter().map(|(t, _)| (t - at).powi(2)).sum();
        let per_hour = spans.iter().map(|(t, v)| (t - at) * (v - value)).sum::<f64>() / square;
        let apart = |(t, v): &(f64, f64)| (v - value - per_hour * (t - at)).powi(2);
        let variance = spans.iter().map(apart).sum::<f64>() / (SPANS - 2) as f64;
        let half = T * (variance / square).sqrt();
        Some(Self { per_hour, half })
    }

    /// How many times the half width the slope is away from 0: up to 1 it cannot be told from it.
    pub(crate) fn distance(self) -> f64 {
        let away = self.per_hour.abs();
        // Something that never moves has no width either.
        if away <= f64::EPSILON { 0.0 } else { away / self.half }
    }
}

fn mean(of: &[(f64, f64)]) -> (f64, f64) {
    let n = of.len() as f64;
    let (at, value) = of.iter().fold((0.0, 0.0), |(at, value), (t, v)| (at + t, value + v));
    (at / n, value / n)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noise in steps of an hour, as memory moves, the same every time.
    fn stepped(seed: u64, growth: f64) -> Vec<(f64, f64)> {
        let mut x = seed;
        let mut level = 0.0;
        (0..150)
            .map(|n| {
                if n % 6 == 0 {
                    x = x
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407);
                    level = (x >> 40) as f64 / (1 << 24) as f64;
                }
                let at = f64::from(n) / 6.0;
                (at, level + growth * at)
            })
            .collect()
    }

    #[test]
    fn noise_in_steps_is_called_growth_about_as_seldom_as_promised() {
        let wrong = (1..=400)
            .filter(|seed| Slope::of(&stepped(*seed, 0.0)).is_some_and(|slope| slope.distance() > 1.0))
            .count();
        assert!((4..=40).contains(&wrong), "{wrong} of 400");
    }

    #[test]
    fn growth_is_found() {
        let slope = Slope::of(&stepped(7, 0.2)).unwrap();
        assert!(slope.distance() > 1.0, "{slope:?}");
        assert!((slope.per_hour - 0.2).abs() <= slope.half, "{slope:?}");
    }

    #[test]
    fn what_never_moves_does_not_grow_and_a_line_does() {
        let flat: Vec<_> = (0..20).map(|n| (f64::from(n), 3.0)).collect();
        assert_eq!(Slope::of(&flat).unwrap().distance(), 0.0);
        let line: Vec<_> = (0..20).map(|n| (f64::from(n), 3.0 * f64::from(n))).collect();
        assert!(Slope::of(&line).unwrap().distance() > 1.0);
        assert_eq!(Slope::of(&line[..5]), None);
    }
}
