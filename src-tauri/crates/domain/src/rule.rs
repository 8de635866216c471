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

#[cfg(test)]
mod tests {
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
}
