//! The calls of the four weeks before the world began, so that volumes can be measured when a rehearsal starts.
//!
//! None is stored: the k-th call is computed from k, in the order in which calls ended. Numbers get as many as their shares
//! say; days differ a little; all went to the stable system and failed as it does.

use std::sync::OnceLock;
use std::time::Duration;

use timonel_domain::time::Timestamp;

use super::{DAY, SECOND};
use crate::world::{Conduct, Outcome, Profile, Traffic, noise};

/// How many days there are.
pub(super) const DAYS: usize = 28;
/// How finely a day's profile is summed up.
const STEPS: usize = 24 * 60;

/// What the past was like.
#[derive(Debug)]
pub(crate) struct Past {
    seed: u64,
    /// Microseconds; the past ends here.
    birth: i64,
    mean_call: f64,
    conduct: Conduct,
    /// Index of the first call of each day, and behind the last.
    firsts: [usize; DAYS + 1],
    /// Share of a day's calls by each step since the time of day of the birth.
    profile: Vec<f64>,
    /// Share of the calls up to and including each line.
    lines: Vec<f64>,
    by_line: OnceLock<Vec<Vec<u32>>>,
}

/// A call of the past. Times are microseconds of wall time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PastCall {
    pub(super) line: u32,
    pub(super) started: i64,
    pub(super) ended: i64,
    pub(super) outcome: Outcome,
}

impl Past {
    /// The past of a world that begins at `birth` with this traffic; `shares` by line add up to 1.
    pub(crate) fn new(seed: u64, birth: Timestamp, traffic: &Traffic, stable: Conduct, shares: &[f64]) -> Self {
        let mut firsts = [0; DAYS + 1];
        for day in 0..DAYS {
            let swing = 0.94 + 0.12 * noise(&[seed, PAST, 0, day as u64]);
            firsts[day + 1] = firsts[day] + (traffic.calls_per_day.max(0.0) * swing) as usize;
        }
        let sums = |values: &mut dyn Iterator<Item = f64>| {
            let mut sum = 0.0;
            let running = values.map(|value| {
                sum += value;
                sum
            });
            let running: Vec<f64> = running.collect();
            let total = running.last().copied().unwrap_or(1.0);
            running.into_iter().map(|sum| sum / total).collect::<Vec<f64>>()
        };
        Self {
            seed,
            birth: birth.micros(),
            mean_call: traffic.mean_call.as_secs_f64(),
            conduct: stable,
            firsts,
            profile: sums(&mut (0..STEPS).map(|step| intensity(traffic.profile, birth, step))),
            lines: sums(&mut shares.iter().copied()),
            by_line: OnceLock::new(),
        }
    }

    /// How many calls there are.
    pub(super) fn len(&self) -> usize {
        self.firsts[DAYS]
    }

    /// How many had ended before the moment.
    pub(super) fn ended_before(&self, at: i64) -> usize {
        let since = at.saturating_sub(self.birth - DAYS as i64 * DAY);
        if since <= 0 {
            return 0;
        }
        let day = usize::try_from(since / DAY).unwrap_or(usize::MAX);
        if day >= DAYS {
            return self.len();
        }
        let (mut low, mut high) = (self.firsts[day], self.firsts[day + 1]);
        while low < high {
            let middle = low.midpoint(high);
            if self.ended(middle) < at {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// The call at this index, which is below [`Past::len`].
    pub(super) fn call(&self, index: usize) -> PastCall {
        let ended = self.ended(index);
        let draw = |of: u64| noise(&[self.seed, PAST, of, index as u64]);
        let length = self.mean_call * (0.25 + 1.5 * draw(2));
        let outcome = if draw(3) < self.conduct.abandonment {
            Outcome::Abandoned
        } else if draw(4) < self.conduct.error_rate {
            Outcome::Failed
        } else {
            Outcome::Ok
        };
        PastCall {
            line: self.line(index),
            started: ended - (length * SECOND as f64) as i64,
            ended,
            outcome,
        }
    }

    /// The calls of one line, by ascending index.
    pub(super) fn of_line(&self, line: usize) -> &[u32] {
        let by_line = self.by_line.get_or_init(|| {
            let mut lines = vec![Vec::new(); self.lines.len()];
            for index in 0..self.len() {
                lines[self.line(index) as usize].push(index as u32);
            }
            lines
        });
        by_line.get(line).map_or(&[], Vec::as_slice)
    }

    fn line(&self, index: usize) -> u32 {
        let draw = noise(&[self.seed, PAST, 1, index as u64]);
        let line = self.lines.partition_point(|sum| *sum <= draw);
        line.min(self.lines.len().saturating_sub(1)) as u32
    }

    /// When the call at this index ended: each of a day's calls has a part of the day that gets as many as the others.
    fn ended(&self, index: usize) -> i64 {
        let day = self
            .firsts
            .partition_point(|first| *first <= index)
            .saturating_sub(1)
            .min(DAYS - 1);
        let calls = self.firsts[day + 1] - self.firsts[day];
        let place = (index - self.firsts[day]) as f64 + noise(&[self.seed, PAST, 5, index as u64]);
        let quantile = place / calls.max(1) as f64;
        let step = self.profile.partition_point(|sum| *sum <= quantile).min(STEPS - 1);
        let before = if step == 0 { 0.0 } else { self.profile[step - 1] };
        let within = (quantile - before) / (self.profile[step] - before).max(f64::MIN_POSITIVE);
        let of_day = (step as f64 + within.clamp(0.0, 1.0)) / STEPS as f64;
        let begin = self.birth - (DAYS - day) as i64 * DAY;
        begin + ((of_day * DAY as f64) as i64).min(DAY - 1)
    }
}

/// Sets the draws of this file apart from every other noise of the seed.
const PAST: u64 = 0x7061_7374;

fn intensity(profile: Profile, birth: Timestamp, step: usize) -> f64 {
    let minutes = (step as u64 * 60) + 30;
    profile.intensity(birth + Duration::from_secs(minutes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn birth() -> Timestamp {
        "2026-11-23T09:30:00Z".parse().expect("a time")
    }

    fn past(shares: &[f64]) -> Past {
        let traffic = Traffic {
            calls_per_day: 2_000.0,
            profile: Profile::Office,
            mean_call: Duration::from_secs(90),
            requests_per_call: 6.0,
        };
        let stable = Conduct {
            error_rate: 0.02,
            abandonment: 0.04,
            latency_median: 0.35,
            latency_spread: 0.4,
            recognition: 0.94,
        };
        Past::new(11, birth(), &traffic, stable, shares)
    }

    #[test]
    fn calls_are_in_order_and_counted_by_time() {
        let past = past(&[0.5, 0.3, 0.2]);
        assert!(
            (past.len() as f64 - 28.0 * 2_000.0).abs() < 28.0 * 130.0,
            "{}",
            past.len()
        );
        let ends: Vec<i64> = (0..past.len()).map(|index| past.call(index).ended).collect();
        assert!(ends.is_sorted());
        assert!(ends[0] >= birth().micros() - 28 * DAY && ends[past.len() - 1] < birth().micros());
        for at in [ends[0], ends[777], ends[777] + 1, birth().micros(), i64::MIN, i64::MAX] {
            assert_eq!(past.ended_before(at), ends.partition_point(|end| *end < at), "{at}");
        }
    }

    #[test]
    fn lines_days_and_ends_have_their_shares() {
        let past = past(&[0.5, 0.3, 0.2]);
        let all: Vec<PastCall> = (0..past.len()).map(|index| past.call(index)).collect();
        let share = |is: &dyn Fn(&PastCall) -> bool| all.iter().filter(|c| is(c)).count() as f64 / all.len() as f64;
        for (line, expect) in [(0, 0.5), (1, 0.3), (2, 0.2)] {
            let got = share(&|call| call.line == line);
            assert!((got - expect).abs() < 0.01, "line {line}: {got}");
            assert_eq!(
                past.of_line(line as usize).len(),
                (got * all.len() as f64).round() as usize
            );
            assert!(past.of_line(line as usize).is_sorted());
        }
        assert!((share(&|call| call.outcome == Outcome::Abandoned) - 0.04).abs() < 0.005);
        assert!((share(&|call| call.outcome == Outcome::Failed) - 0.02 * 0.96).abs() < 0.005);
        let hour = |call: &PastCall| call.ended.rem_euclid(DAY) / super::super::HOUR;
        assert!(
            share(&|call| hour(call) == 10) > 5.0 * share(&|call| hour(call) == 21),
            "nights are quiet"
        );
        let length = all.iter().map(|c| (c.ended - c.started) as f64 / 1e6).sum::<f64>() / all.len() as f64;
        assert!((length - 90.0).abs() < 2.0, "{length}");
    }

    #[test]
    fn nobody_called() {
        let mut quiet = past(&[1.0]);
        quiet.firsts = [0; DAYS + 1];
        assert_eq!((quiet.len(), quiet.ended_before(birth().micros())), (0, 0));
        assert!(quiet.of_line(0).is_empty());
    }
}
