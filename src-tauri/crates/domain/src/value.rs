//! The small validated values that every crate shares: ids, weights, measured quantities.
//!
//! No `f64` is kept: a measured number becomes a [`Quantity`] at the edge, so that state can be compared and hashed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Text that cannot be an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` cannot be an id: use 1 to 80 of a-z, 0-9, `-`, `_`, `.`, starting with a letter or digit")]
pub struct BadId {
    /// What was read.
    pub text: String,
}

fn check_id(text: &str) -> Result<(), BadId> {
    let first = text
        .bytes()
        .next()
        .is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let rest = text
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.'));
    if first && rest && text.len() <= 80 {
        Ok(())
    } else {
        Err(BadId { text: text.to_owned() })
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// Checks and keeps `text`; errors where it has other characters than an id may have.
            pub fn new(text: &str) -> Result<Self, BadId> {
                check_id(text)?;
                Ok(Self(text.into()))
            }

            /// The id's text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadId;
            fn try_from(text: String) -> Result<Self, BadId> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.to_string()
            }
        }

        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                Self::new(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

ids! {
    /// A rollout: one run of a plan.
    RolloutId;
    /// A plan file's own name, the same in all its revisions.
    PlanId;
    /// A target of a plan.
    TargetId;
    /// Somebody whose calls are moved, or kept on stable, together: a customer with its numbers.
    TenantId;
    /// A signal of a plan.
    SignalId;
    /// A rule of a plan.
    RuleId;
    /// A gate of a phase.
    GateId;
    /// A checklist of a plan.
    ChecklistId;
    /// A phase of a plan.
    PhaseId;
    /// A person or a machine account that acts; as the identity provider or the configuration names it, lowercased.
    Person;
    /// Who writes a hash chain of the journal: one engine or console installation.
    Writer;
}

/// Percentage of new units that go to the canary, 0 to 100 with two decimals; kept as hundredths of a percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Weight(u16);

/// A number that is no weight.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("{0} is no weight: write a percentage from 0 to 100 with at most two decimals")]
pub struct BadWeight(pub f64);

impl Weight {
    /// Nothing goes to the canary.
    pub const ZERO: Self = Self(0);
    /// Everything goes to the canary.
    pub const FULL: Self = Self(10_000);

    /// From hundredths of a percent, `None` above 100 %.
    pub const fn from_hundredths(hundredths: u16) -> Option<Self> {
        if hundredths <= 10_000 {
            Some(Self(hundredths))
        } else {
            None
        }
    }

    /// From whole percents; more than 100 counts as 100.
    pub const fn percent(percent: u8) -> Self {
        Self(if percent >= 100 { 10_000 } else { percent as u16 * 100 })
    }

    /// Hundredths of a percent, 0 to 10 000.
    pub const fn hundredths(self) -> u16 {
        self.0
    }

    /// As a percentage, for display and files.
    pub fn as_percent(self) -> f64 {
        f64::from(self.0) / 100.0
    }

    /// Rounded down to what a target can express in steps of `grain` hundredths of a percent (100 = whole percents).
    pub fn floor_to(self, grain: u16) -> Self {
        Self(self.0 - self.0 % grain.max(1))
    }
}

impl TryFrom<f64> for Weight {
    type Error = BadWeight;
    fn try_from(percent: f64) -> Result<Self, BadWeight> {
        let hundredths = percent * 100.0;
        let rounded = hundredths.round();
        if !(0.0..=10_000.0).contains(&rounded) || (hundredths - rounded).abs() > 1e-6 {
            return Err(BadWeight(percent));
        }
        Ok(Self(rounded as u16))
    }
}

impl fmt::Display for Weight {
    /// Such as `5 %` or `4.75 %`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.as_percent())
    }
}

impl Serialize for Weight {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if self.0.is_multiple_of(100) {
            to.serialize_u16(self.0 / 100)
        } else {
            to.serialize_f64(self.as_percent())
        }
    }
}

impl<'de> Deserialize<'de> for Weight {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        f64::deserialize(from)?.try_into().map_err(serde::de::Error::custom)
    }
}

/// A measured number in millionths of its metric's unit (ratio, seconds, count), so that it can be compared and hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Quantity(i64);

impl Quantity {
    /// From millionths of the unit.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From a measured number; `None` where it is NaN, infinite or out of range: such a value is no data.
    pub fn from_f64(value: f64) -> Option<Self> {
        let micros = (value * 1e6).round();
        (micros.is_finite() && micros.abs() < 9.0e18).then_some(Self(micros as i64))
    }

    /// `part / whole`, `None` where `whole` is zero: a quotient of nothing is no data.
    pub fn ratio(part: u64, whole: u64) -> Option<Self> {
        (whole > 0).then(|| Self(i64::try_from(u128::from(part) * 1_000_000 / u128::from(whole)).unwrap_or(i64::MAX)))
    }

    /// Millionths of the unit.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// For display and arithmetic at the edge.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_f64())
    }
}

impl Serialize for Quantity {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(self.as_f64())
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = f64::deserialize(from)?;
        Self::from_f64(value).ok_or_else(|| serde::de::Error::custom(format!("{value} is not a finite number")))
    }
}

/// The old system or the new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arm {
    /// The old system, which every call can be put back on.
    Stable,
    /// The new system.
    Canary,
}

/// Whose value a sample is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The old system's.
    Stable,
    /// The new system's.
    Canary,
    /// Of both together or of what they share: a database, a node, a queue.
    Whole,
}

impl From<Arm> for Side {
    fn from(arm: Arm) -> Self {
        match arm {
            Arm::Stable => Side::Stable,
            Arm::Canary => Side::Canary,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_have_two_decimals() {
        assert_eq!(Weight::try_from(4.75).unwrap().hundredths(), 475);
        assert!(Weight::try_from(4.755).is_err());
        assert!(Weight::try_from(100.01).is_err());
        assert!(Weight::try_from(f64::NAN).is_err());
        assert_eq!(serde_json::to_string(&Weight::percent(5)).unwrap(), "5");
    }

    #[test]
    fn a_weight_is_rounded_down_to_the_grain() {
        assert_eq!(Weight::from_hundredths(499).unwrap().floor_to(100), Weight::percent(4));
    }

    #[test]
    fn no_number_is_no_quantity() {
        assert_eq!(Quantity::from_f64(f64::NAN), None);
        assert_eq!(Quantity::from_f64(f64::INFINITY), None);
        assert_eq!(Quantity::ratio(0, 0), None);
        assert_eq!(Quantity::ratio(1, 20).unwrap().as_f64(), 0.05);
    }

    #[test]
    fn ids_are_lowercase_words() {
        assert!(TargetId::new("istio-casos").is_ok());
        for bad in ["", "-a", "Casos", "a b", "ñ"] {
            assert!(TargetId::new(bad).is_err(), "{bad}");
        }
    }
}
