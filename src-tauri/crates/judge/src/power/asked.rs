//! What the planner is asked, and whether a plan can have such numbers.

use crate::JudgeError;

/// What is asked of the planner, for one metric that is a share of bad units.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// Units of both arms a day, of those that the splitter divides.
    pub units_per_day: f64,
    /// The share of bad units today, 0 to 1.
    pub base: f64,
    /// The probability of error that a rollback by evidence alone has in a phase: α_rollback by the metrics watched.
    pub alpha: f64,
    /// The probability of error of a gate's bounds.
    pub alpha_go: f64,
    /// In order.
    pub phases: Vec<PhaseAsked>,
    /// The rollback rules on this metric.
    pub rules: Vec<RuleAsked>,
}

/// A phase.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PhaseAsked {
    /// The canary's share, above 0 to 1.
    pub weight: f64,
    /// How long it lasts.
    pub hours: f64,
    /// The limit below which a gate wants this metric's upper bound.
    pub go: Option<f64>,
}

/// A rule "more than `limit` of the canary's units are bad".
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RuleAsked {
    /// A share.
    pub limit: f64,
    /// The window, in hours.
    pub window: f64,
    /// How long the breach must last, in hours.
    pub lasting: f64,
    /// Fewer units are no evidence; the window reaches back until it has so many.
    pub least_units: usize,
    /// How long a breach survives without data, in hours.
    pub max_gap: f64,
    /// The evidence that it needs where it is gated: 50, or 20 for `fast`.
    pub evidence: f64,
}

impl Asked {
    /// Whether a plan can have these numbers.
    pub(super) fn check(&self) -> Result<(), JudgeError> {
        let above_0 = |value: f64| {
            if value > 0.0 && value.is_finite() {
                Ok(())
            } else {
                Err(JudgeError::Amount(value))
            }
        };
        let share = |value: f64, lowest: bool| {
            if (0.0..=1.0).contains(&value) && (lowest || value > 0.0) {
                Ok(())
            } else {
                Err(JudgeError::Share(value))
            }
        };
        above_0(self.units_per_day)?;
        share(self.base, true)?;
        for alpha in [self.alpha, self.alpha_go] {
            if !(alpha > 0.0 && alpha < 1.0) {
                return Err(JudgeError::Alpha(alpha));
            }
        }
        for phase in &self.phases {
            share(phase.weight, false)?;
            above_0(phase.hours)?;
            phase.go.map_or(Ok(()), |limit| share(limit, true))?;
        }
        for rule in &self.rules {
            share(rule.limit, true)?;
            above_0(rule.window)?;
            above_0(rule.evidence)?;
            for length in [rule.lasting, rule.max_gap] {
                if length < 0.0 || !length.is_finite() {
                    return Err(JudgeError::Amount(length));
                }
            }
        }
        Ok(())
    }
}
