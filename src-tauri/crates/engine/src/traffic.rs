//! What traffic itself shows: new units by arm between two readings, and the weight that follows from them.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use timonel_domain::plan::Traffic;
use timonel_domain::rollout::Event;
use timonel_domain::sample::{Sample, Value};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Side, Weight};

/// The observed weight is the share over this long.
const OBSERVED_OVER: Duration = Duration::from_secs(60);
/// Fewer new units than these show no share.
const LEAST_UNITS: u64 = 20;

/// Pairs the readings of both arms and keeps the last minute of them.
#[derive(Debug, Default)]
pub(crate) struct Lookout {
    halves: BTreeMap<(Timestamp, Timestamp), BTreeMap<Side, u64>>,
    recent: VecDeque<(Timestamp, u64, u64)>,
}

impl Lookout {
    /// What a sample says about traffic, if it belongs to it.
    pub(crate) fn see(&mut self, traffic: &Traffic, sample: &Sample) -> Option<Event> {
        match &sample.value {
            Value::Count { since, n } if traffic.assigned.as_ref() == Some(&sample.signal) => {
                self.assigned(*since, sample.as_of, sample.side, *n)
            }
            Value::Level(level) if traffic.active.as_ref() == Some(&sample.signal) && sample.side == Side::Canary => {
                let canary = u64::try_from(level.micros() / 1_000_000).unwrap_or(0);
                Some(Event::Active {
                    as_of: sample.as_of,
                    canary,
                })
            }
            Value::Count { .. } | Value::Level(_) | Value::Ratio { .. } | Value::Distribution { .. } => None,
        }
    }

    fn assigned(&mut self, since: Timestamp, as_of: Timestamp, side: Side, n: u64) -> Option<Event> {
        let half = self.halves.entry((since, as_of)).or_default();
        half.insert(side, n);
        let (Some(&stable), Some(&canary)) = (half.get(&Side::Stable), half.get(&Side::Canary)) else {
            // An arm that says nothing for a whole minute is not waited for any longer.
            self.halves.retain(|(_, end), _| as_of.since(*end) < OBSERVED_OVER);
            return None;
        };
        self.halves.remove(&(since, as_of));
        self.recent.push_back((as_of, stable, canary));
        while self
            .recent
            .front()
            .is_some_and(|(at, ..)| as_of.since(*at) >= OBSERVED_OVER)
        {
            self.recent.pop_front();
        }
        Some(Event::Assigned { since, stable, canary })
    }

    /// The new units of the last minute that is known, if that is recent. What a source knows may be behind by nature, so the
    /// minute ends with its newest reading.
    pub(crate) fn observed(&self, now: Timestamp) -> Option<Observed> {
        let (newest, ..) = self.recent.back()?;
        if now.since(*newest) >= OBSERVED_OVER {
            return None;
        }
        let recent = self.recent.iter();
        let (stable, canary) = recent.fold((0u64, 0u64), |(s, c), (_, stable, canary)| (s + stable, c + canary));
        Some(Observed {
            canary,
            all: stable + canary,
            over: OBSERVED_OVER,
        })
    }
}

/// What traffic itself showed lately.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observed {
    /// New units on the canary.
    pub canary: u64,
    /// New units on either side.
    pub all: u64,
    /// Over this long.
    pub over: Duration,
}

impl Observed {
    /// The share of new units on the canary; `None` where too few were seen to show one.
    pub fn weight(&self) -> Option<Weight> {
        if self.all < LEAST_UNITS {
            return None;
        }
        let share = u16::try_from(self.canary.saturating_mul(10_000) / self.all).unwrap_or(10_000);
        Weight::from_hundredths(share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use timonel_domain::value::SignalId;

    #[test]
    fn both_arms_of_one_interval_make_one_event() {
        let signal = SignalId::new("asignadas").expect("a good id");
        let traffic = Traffic {
            assigned: Some(signal.clone()),
            active: None,
        };
        let mut lookout = Lookout::default();
        let mut see = |secs: i64, side, n| {
            let value = Value::Count {
                since: Timestamp::from_secs(secs - 5),
                n,
            };
            lookout.see(
                &traffic,
                &Sample {
                    signal: signal.clone(),
                    side,
                    as_of: Timestamp::from_secs(secs),
                    value,
                },
            )
        };
        assert_eq!(see(5, Side::Stable, 30), None);
        assert_eq!(see(10, Side::Canary, 1), None, "another interval");
        assert_eq!(
            see(5, Side::Canary, 10),
            Some(Event::Assigned {
                since: Timestamp::from_secs(0),
                stable: 30,
                canary: 10
            })
        );
        let seen = lookout.observed(Timestamp::from_secs(10)).expect("it is recent");
        assert_eq!(
            (seen.canary, seen.all, seen.weight()),
            (10, 40, Some(Weight::percent(25)))
        );
        let few = Observed {
            canary: 1,
            all: 19,
            ..seen
        };
        assert_eq!(few.weight(), None, "too few show no share");
        assert_eq!(lookout.observed(Timestamp::from_secs(65)), None, "too long ago");
    }
}
