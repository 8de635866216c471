//! When in the day people call.
//!
//! Hours are UTC: a scenario that means another zone shifts its `start`. Weekdays and holidays are not here.

use timonel_domain::time::Timestamp;

/// How calls spread over a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// An office day of Spain or Latin America: a rush from nine, a dip at lunch, an afternoon, quiet nights.
    Office,
    /// The same at every hour.
    Flat,
}

const DAY_MICROS: i64 = 86_400_000_000;
const HOUR_MICROS: f64 = 3.6e9;

/// Relative rates at full hours, from midnight; between two hours the rate is on the line between them.
const OFFICE: [f64; 24] = [
    3.0, 2.0, 1.5, 1.0, 1.0, 1.5, 4.0, 14.0, 48.0, 88.0, 100.0, 98.0, 90.0, 66.0, 44.0, 50.0, 76.0, 80.0, 64.0, 40.0,
    24.0, 14.0, 8.0, 5.0,
];

impl Profile {
    /// The rate of calls at `at` as a multiple of the day's mean.
    pub fn intensity(self, at: Timestamp) -> f64 {
        match self {
            Profile::Flat => 1.0,
            Profile::Office => {
                let hours = at.micros().rem_euclid(DAY_MICROS) as f64 / HOUR_MICROS;
                let hour = hours as usize % 24;
                let (from, to) = (OFFICE[hour], OFFICE[(hour + 1) % 24]);
                (from + (to - from) * (hours - hour as f64)) / office_mean()
            }
        }
    }

    /// The highest intensity of the day.
    pub fn peak(self) -> f64 {
        match self {
            Profile::Flat => 1.0,
            Profile::Office => OFFICE.iter().copied().fold(0.0, f64::max) / office_mean(),
        }
    }
}

/// The mean over the day; lines between full hours leave it the mean of the hours.
fn office_mean() -> f64 {
    OFFICE.iter().sum::<f64>() / 24.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: f64) -> Timestamp {
        Timestamp::from_micros((hour * HOUR_MICROS) as i64)
    }

    #[test]
    fn a_day_has_its_mean() {
        for profile in [Profile::Office, Profile::Flat] {
            let minutes = 0..24 * 60;
            let mean = minutes
                .map(|minute| profile.intensity(at(f64::from(minute) / 60.0)))
                .sum::<f64>()
                / (24.0 * 60.0);
            assert!((mean - 1.0).abs() < 1e-9, "{profile:?} {mean}");
        }
    }

    #[test]
    fn an_office_day() {
        let office = |hour| Profile::Office.intensity(at(hour));
        assert!(office(10.0) > 2.0 * office(14.0), "lunch dips");
        assert!(office(17.0) > office(14.0), "and is over by five");
        assert!(office(3.5) < 0.05, "nights are quiet");
        assert_eq!(office(10.0), Profile::Office.peak());
        assert!((office(10.5) - (office(10.0) + office(11.0)) / 2.0).abs() < 1e-12);
        assert!(office(23.99) - office(24.01) < 0.01, "midnight is no step");
    }
}
