//! How fast something grows, and whether that is more than chance: a straight line through readings that depend on each other.
//!
//! Memory and files move in steps, so neighbouring residuals are alike and the textbook interval is far too narrow. The errors
//! here are those of Newey and West with Bartlett's kernel over a sixth of the readings, and the interval is read from the
//! distribution that goes with a kernel of that width (Kiefer and Vogelsang 2005, table 1), not from the normal one.

/// Readings that the kernel spans, as a part of all.
const WIDTH: f64 = 1.0 / 6.0;
/// A line through fewer says nothing.
const LEAST: usize = 12;

/// The slope of a line, per unit of time, and half the width of its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Slope {
    pub(crate) per_hour: f64,
    pub(crate) half: f64,
}

impl Slope {
    /// Through readings of time in hours and value, in order of time; `None` for too few.
    pub(crate) fn of(readings: &[(f64, f64)]) -> Option<Self> {
        if readings.len() < LEAST {
            return None;
        }
        let n = readings.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| readings.iter().map(of).sum::<f64>() / n;
        let (at, value) = (mean(|r| r.0), mean(|r| r.1));
        let square: f64 = readings.iter().map(|(t, _)| (t - at).powi(2)).sum();
        let per_hour = readings.iter().map(|(t, v)| (t - at) * (v - value)).sum::<f64>() / square;
        // What each reading does to the slope, by how far it lies from the line.
        let pulls: Vec<f64> = readings
            .iter()
            .map(|(t, v)| (t - at) * (v - value - per_hour * (t - at)))
            .collect();
        let width = (n * WIDTH).ceil();
        let mut sum: f64 = pulls.iter().map(|pull| pull * pull).sum();
        for lag in 1..width as usize {
            let near: f64 = pulls.iter().zip(&pulls[lag..]).map(|(a, b)| a * b).sum();
            sum += 2.0 * (1.0 - lag as f64 / width) * near;
        }
        let b = width / n;
        let critical = 1.96 + 2.9694 * b + 0.416 * b * b - 0.5324 * b * b * b;
        let half = critical * sum.max(0.0).sqrt() / square;
        Some(Self { per_hour, half })
    }

    /// How many times the half width the slope is away from 0: up to 1 it cannot be told from it.
    pub(crate) fn distance(self) -> f64 {
        let away = self.per_hour.abs();
        // Something that never moves has no width either.
        if away <= f64::EPSILON { 0.0 } else { away / self.half }
    }
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
