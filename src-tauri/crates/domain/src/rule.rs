//! Threshold rules made precise (JUDGE.md layer 2): idle → pending(since) → firing → resolved, with hysteresis.
//!
//! Pure: a rule's state, one reading and the time give the next state. Missing data are neither breach nor health.

use std::time::Duration;

use crate::plan::{OnNoData, Rule};
use crate::time::Timestamp;
use crate::value::Quantity;

/// Where a rule stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum RuleState {
    /// No breach.
    #[default]
    Idle,
    /// A breach that has not lasted long enough yet.
    Pending {
        /// Since when.
        since: Timestamp,
        /// Since when there are no data to tell whether it still holds.
        missing: Option<Timestamp>,
    },
    /// No breach is known and there are no data: counts towards `on_no_data`.
    Blind {
        /// Since when.
        since: Timestamp,
    },
    /// The breach has lasted.
    Firing {
        /// Since when the rule fires.
        since: Timestamp,
        /// When the breach that led here began.
        breach: Timestamp,
        /// Since when the value has been back within the clear limit.
        clearing: Option<Timestamp>,
        /// Whether missing data, not a value, made it fire.
        blind: bool,
    },
}

impl RuleState {
    /// Whether the rule fires.
    pub fn is_firing(&self) -> bool {
        matches!(self, RuleState::Firing { .. })
    }

    /// When the breach began, where there is one.
    pub fn breach(&self) -> Option<Timestamp> {
        match self {
            RuleState::Idle | RuleState::Blind { .. } => None,
            RuleState::Pending { since, .. } => Some(*since),
            RuleState::Firing { breach, .. } => Some(*breach),
        }
    }

    /// How long the breach has lasted so far, for the `for` progress on screen.
    pub fn lasted(&self, now: Timestamp) -> Duration {
        match self {
            RuleState::Idle | RuleState::Blind { .. } => Duration::ZERO,
            RuleState::Pending { since, .. } => now.since(*since),
            RuleState::Firing { breach, .. } => now.since(*breach),
        }
    }
}

/// The state of `rule` after a reading at `now`; `None` is too few units, late or lost data, or not a number.
pub fn advance(rule: &Rule, state: &RuleState, reading: Option<Quantity>, now: Timestamp) -> RuleState {
    let Some(value) = reading else {
        return advance_blind(rule, state, now);
    };
    let breach = rule.comparison.breaches(value, rule.limit);
    match state {
        RuleState::Idle | RuleState::Blind { .. } if breach => pending_or_firing(rule, now, now),
        RuleState::Idle | RuleState::Blind { .. } => RuleState::Idle,
        RuleState::Pending { since, .. } if breach => pending_or_firing(rule, *since, now),
        RuleState::Pending { .. } => RuleState::Idle,
        RuleState::Firing {
            since,
            breach: began,
            clearing,
            blind,
        } => {
            let (since, began, blind) = (*since, *began, *blind && !breach);
            if rule.comparison.breaches(value, rule.clear_limit) {
                return RuleState::Firing {
                    since,
                    breach: began,
                    clearing: None,
                    blind,
                };
            }
            let clearing = clearing.unwrap_or(now);
            if now.since(clearing) >= rule.clear_lasting {
                RuleState::Idle
            } else {
                RuleState::Firing {
                    since,
                    breach: began,
                    clearing: Some(clearing),
                    blind,
                }
            }
        }
    }
}

fn pending_or_firing(rule: &Rule, since: Timestamp, now: Timestamp) -> RuleState {
    if now.since(since) >= rule.lasting {
        RuleState::Firing {
            since: now,
            breach: since,
            clearing: None,
            blind: false,
        }
    } else {
        RuleState::Pending { since, missing: None }
    }
}

fn advance_blind(rule: &Rule, state: &RuleState, now: Timestamp) -> RuleState {
    let blind_since = match state {
        RuleState::Idle => now,
        RuleState::Blind { since } => *since,
        RuleState::Pending { since, missing } => {
            let missing = missing.unwrap_or(now);
            if now.since(missing) < rule.max_gap {
                return RuleState::Pending {
                    since: *since,
                    missing: Some(missing),
                };
            }
            missing
        }
        RuleState::Firing {
            since, breach, blind, ..
        } => {
            return RuleState::Firing {
                since: *since,
                breach: *breach,
                clearing: None,
                blind: *blind,
            };
        }
    };
    match rule.on_no_data {
        OnNoData::Rollback if now.since(blind_since) >= rule.lasting => RuleState::Firing {
            since: now,
            breach: blind_since,
            clearing: None,
            blind: true,
        },
        OnNoData::Rollback | OnNoData::Hold => RuleState::Blind { since: blind_since },
    }
}

/// From when on [`advance`] makes another state of this one, if the reading stays what it is; `None` where it never does.
/// What it makes of it at once it does at any later look, so `now` stands for the next.
pub fn changes_at(rule: &Rule, state: &RuleState, reading: Option<Quantity>, now: Timestamp) -> Option<Timestamp> {
    let breach = reading.map(|value| rule.comparison.breaches(value, rule.limit));
    let clear = reading.map(|value| !rule.comparison.breaches(value, rule.clear_limit));
    // No time at all has passed even where time was set back to before its beginning.
    let after = |since: Timestamp, lasting: Duration| Some(if lasting.is_zero() { now } else { since + lasting });
    match (state, breach) {
        (RuleState::Idle, Some(false)) => None,
        (RuleState::Pending { since, missing: None }, Some(true)) => after(*since, rule.lasting),
        (
            RuleState::Pending {
                missing: Some(missing), ..
            },
            None,
        ) => after(*missing, rule.max_gap),
        (RuleState::Blind { since }, None) => match rule.on_no_data {
            OnNoData::Rollback => after(*since, rule.lasting),
            OnNoData::Hold => None,
        },
        // A value ends a blindness that it breaches with.
        (RuleState::Firing { blind: true, .. }, Some(true)) => Some(now),
        (RuleState::Firing { clearing, .. }, Some(_) | None) => match (clearing, clear) {
            (None, Some(false) | None) => None,
            (Some(clearing), Some(true)) => after(*clearing, rule.clear_lasting),
            (None, Some(true)) | (Some(_), Some(false) | None) => Some(now),
        },
        (RuleState::Idle | RuleState::Pending { .. } | RuleState::Blind { .. }, Some(_) | None) => Some(now),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixture;

    /// Feeds (second, percent or none) and gives the states as short words.
    fn check(readings: &[(i64, Option<f64>)], expect: &str) {
        check_rule(&fixture::rule(), readings, expect);
    }

    fn check_rule(rule: &Rule, readings: &[(i64, Option<f64>)], expect: &str) {
        let mut state = RuleState::default();
        let mut words = Vec::new();
        for (secs, value) in readings {
            let value = value.and_then(|v| Quantity::from_f64(v / 100.0));
            state = advance(rule, &state, value, Timestamp::from_secs(*secs));
            words.push(match &state {
                RuleState::Idle => "idle",
                RuleState::Pending { .. } => "pending",
                RuleState::Blind { .. } => "blind",
                RuleState::Firing { clearing: None, .. } => "firing",
                RuleState::Firing { clearing: Some(_), .. } => "clearing",
            });
        }
        assert_eq!(words.join(" "), expect);
    }

    #[test]
    fn a_breach_fires_once_it_has_lasted() {
        check(
            &[(0, Some(12.0)), (299, Some(12.0)), (300, Some(12.0))],
            "pending pending firing",
        );
    }

    #[test]
    fn the_limit_itself_is_no_breach() {
        check(&[(0, Some(10.0))], "idle");
    }

    #[test]
    fn one_good_reading_ends_a_pending_breach() {
        check(
            &[(0, Some(12.0)), (200, Some(9.0)), (300, Some(12.0)), (599, Some(12.0))],
            "pending idle pending pending",
        );
    }

    #[test]
    fn missing_data_hold_pending_for_a_while_and_then_reset_it() {
        check(
            &[(0, Some(12.0)), (100, None), (150, Some(12.0)), (300, Some(12.0))],
            "pending pending pending firing",
        );
        check(
            &[(0, Some(12.0)), (10, None), (129, None), (130, None), (310, Some(12.0))],
            "pending pending pending blind pending",
        );
    }

    #[test]
    fn a_firing_rule_resolves_with_hysteresis() {
        check(
            &[
                (0, Some(12.0)),
                (300, Some(12.0)),
                (310, Some(9.0)),
                (320, Some(7.0)),
                (330, Some(9.0)),
                (340, Some(7.0)),
                (400, Some(7.0)),
            ],
            "pending firing firing clearing firing clearing idle",
        );
    }

    #[test]
    fn missing_data_never_resolve_and_never_fire_unless_the_rule_says_so() {
        check(
            &[(0, Some(12.0)), (300, Some(12.0)), (310, None), (9000, None)],
            "pending firing firing firing",
        );
        check(&[(0, None), (9000, None)], "blind blind");
        let asks = Rule {
            on_no_data: OnNoData::Rollback,
            ..fixture::rule()
        };
        check_rule(&asks, &[(0, None), (299, None), (300, None)], "blind blind firing");
    }

    proptest! {
        #[test]
        fn nothing_changes_before_it_is_said_to(
            times in [0..9u64, 0..9u64, 0..9u64],
            limits in [0..3i64, 0..3i64],
            on_no_data in prop::sample::select(vec![OnNoData::Hold, OnNoData::Rollback]),
            state in state(),
            reading in prop::option::of(0..3i64),
            now in 0..20i64,
        ) {
            let rule = Rule {
                limit: Quantity::from_micros(limits[0]),
                clear_limit: Quantity::from_micros(limits[1]),
                lasting: Duration::from_secs(times[0]),
                clear_lasting: Duration::from_secs(times[1]),
                max_gap: Duration::from_secs(times[2]),
                on_no_data,
                ..fixture::rule()
            };
            let reading = reading.map(Quantity::from_micros);
            let at = Timestamp::from_secs;
            let said = changes_at(&rule, &state, reading, at(now));
            let first = (now..60).find(|secs| advance(&rule, &state, reading, at(*secs)) != state);
            prop_assert_eq!(said.map(|said| said.max(at(now))), first.map(at));
        }
    }

    fn state() -> impl Strategy<Value = RuleState> {
        let at = || (0..20i64).prop_map(Timestamp::from_secs);
        prop_oneof![
            Just(RuleState::Idle),
            (at(), prop::option::of(at())).prop_map(|(since, missing)| RuleState::Pending { since, missing }),
            at().prop_map(|since| RuleState::Blind { since }),
            (at(), at(), prop::option::of(at()), any::<bool>()).prop_map(|(since, breach, clearing, blind)| {
                RuleState::Firing {
                    since,
                    breach,
                    clearing,
                    blind,
                }
            }),
        ]
    }
}
