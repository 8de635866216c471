//! What T and R are given before the first unit: stable's history, and how often R begins anew.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use crate::{JudgeError, bits};

/// What is held of stable's error rate before its first unit: `a` failures among `a + b` units.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(into = "PriorImage", try_from = "PriorImage")]
pub struct Prior {
    a: f64,
    b: f64,
}

impl Prior {
    /// `a` failures and `b` successes, both at least 0, not both 0, not more than 10¹² together.
    ///
    /// # Errors
    /// [`JudgeError::Prior`] for anything else.
    pub fn new(a: f64, b: f64) -> Result<Self, JudgeError> {
        if a >= 0.0 && b >= 0.0 && (1e-12..=1e12).contains(&(a + b)) {
            Ok(Self { a, b })
        } else {
            Err(JudgeError::Prior { a, b })
        }
    }

    /// Worth 50 units of stable's own history with the error rate `share`, 0 to 1.
    ///
    /// # Errors
    /// [`JudgeError::Share`] where it is no share.
    pub fn from_history(share: f64) -> Result<Self, JudgeError> {
        if (0.0..=1.0).contains(&share) {
            Self::new(50.0 * share, 50.0 * (1.0 - share))
        } else {
            Err(JudgeError::Share(share))
        }
    }

    /// Failures that it stands for.
    pub fn a(self) -> f64 {
        self.a
    }

    /// Successes that it stands for.
    pub fn b(self) -> f64 {
        self.b
    }
}

impl Default for Prior {
    /// 1 failure among 50 units.
    fn default() -> Self {
        Self { a: 1.0, b: 49.0 }
    }
}

/// How often R lets a test begin anew; decided without looking at the arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Restart {
    /// Before every so many units; ⌈1/w⌉ with the first weight above 0 where it is not said.
    pub every: Option<NonZeroU32>,
}

impl Restart {
    /// Before every `units` units.
    ///
    /// # Errors
    /// [`JudgeError::Restart`] for 0.
    pub fn every(units: u32) -> Result<Self, JudgeError> {
        match NonZeroU32::new(units) {
            Some(every) => Ok(Self { every: Some(every) }),
            None => Err(JudgeError::Restart),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct PriorImage {
    #[serde(with = "bits::one")]
    a: f64,
    #[serde(with = "bits::one")]
    b: f64,
}

impl From<Prior> for PriorImage {
    fn from(prior: Prior) -> Self {
        Self { a: prior.a, b: prior.b }
    }
}

impl TryFrom<PriorImage> for Prior {
    type Error = JudgeError;

    fn try_from(image: PriorImage) -> Result<Self, JudgeError> {
        Self::new(image.a, image.b)
    }
}
