//! Units that should fall to the canary with a known probability, and do not: the share of traffic ([`Split`]), and
//! occurrences without a denominator ([`Tally`]).
//!
//! Both are means over odds ratios of likelihood ratios of the arm alone. For counts this is the Poisson test with
//! known exposure: given that one occurred, it is the canary's with probability w, whatever the rate does over time.
//! Lindon and Malek, "Anytime-Valid Inference for Multinomial Count Data" (2022, arXiv 2011.03567), with a grid in place of their
//! Dirichlet mixture, so that the alternative can be one-sided and w may change.

use serde::{Deserialize, Serialize};

use crate::products::{PADDED, Products, ln};
use crate::{Arm, Strength};

/// exp of 0.7, 1.1, 1.6, 2.3, 3, 4, 6: more occurrences on the canary.
const MORE: [f64; PADDED] = [
    2.0137527074704766,
    3.0041660239464334,
    4.953032424395115,
    9.974182454814718,
    20.085536923187668,
    54.598150033144236,
    403.4287934927351,
    1.0,
];
/// exp of ±0.35, ±1.1, ±3 and −6: a share other than asked, or no canary at all.
const OTHER: [f64; PADDED] = [
    1.4190675485932573,
    0.7046880897187134,
    3.0041660239464334,
    0.33287108369807955,
    20.085536923187668,
    0.049787068367863944,
    0.0024787521766663585,
    1.0,
];

/// Is the canary's share of the units the weight that was asked for? A routing fault, not a verdict about the canary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Split {
    products: Products,
    stable: u64,
    canary: u64,
}

impl Split {
    /// Before the first unit: E = 1.
    pub fn new() -> Self {
        Self {
            products: Products::all(1.0),
            stable: 0,
            canary: 0,
        }
    }

    /// One assigned unit and the weight, 0 to 1, in force at that time. A canary unit at 0 is evidence too.
    pub fn take(&mut self, arm: Arm, weight: f64) {
        let (stable, canary) = one(arm);
        self.take_batch(weight, stable, canary);
    }

    /// Counts of assigned units; their order does not matter.
    pub fn take_batch(&mut self, weight: f64, stable: u64, canary: u64) {
        if (0.0..=1.0).contains(&weight) {
            multiply(&mut self.products, &OTHER, weight, stable, canary);
        }
        self.stable = self.stable.saturating_add(stable);
        self.canary = self.canary.saturating_add(canary);
    }

    /// ln E.
    pub fn ln(&self) -> f64 {
        ln(self.products.mean_and(0.0))
    }

    /// E for state and journal.
    pub fn strength(&self) -> Strength {
        Strength::from_ln(self.ln())
    }

    /// Units of stable, and of the canary, so far.
    pub fn counts(&self) -> (u64, u64) {
        (self.stable, self.canary)
    }
}

impl Default for Split {
    fn default() -> Self {
        Self::new()
    }
}

/// Does the canary have more occurrences (breaker opens, exceptions) than its share of the traffic explains?
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    products: Products,
    stable: u64,
    canary: u64,
}

impl Tally {
    /// Before the first occurrence: E = 1.
    pub fn new() -> Self {
        Self {
            products: Products::all(1.0),
            stable: 0,
            canary: 0,
        }
    }

    /// One occurrence and the weight, 0 to 1, in force at that time. At 0 and 1 it says nothing.
    pub fn take(&mut self, arm: Arm, weight: f64) {
        let (stable, canary) = one(arm);
        self.take_batch(weight, stable, canary);
    }

    /// Counts of occurrences; their order does not matter.
    pub fn take_batch(&mut self, weight: f64, stable: u64, canary: u64) {
        if weight > 0.0 && weight < 1.0 {
            multiply(&mut self.products, &MORE, weight, stable, canary);
        }
        self.stable = self.stable.saturating_add(stable);
        self.canary = self.canary.saturating_add(canary);
    }

    /// ln E.
    pub fn ln(&self) -> f64 {
        ln(self.products.mean_and(0.0))
    }

    /// E for state and journal.
    pub fn strength(&self) -> Strength {
        Strength::from_ln(self.ln())
    }

    /// Occurrences on stable, and on the canary, so far.
    pub fn counts(&self) -> (u64, u64) {
        (self.stable, self.canary)
    }
}

impl Default for Tally {
    fn default() -> Self {
        Self::new()
    }
}

fn one(arm: Arm) -> (u64, u64) {
    match arm {
        Arm::Stable => (1, 0),
        Arm::Canary => (0, 1),
    }
}

/// With odds ratio e the canary has the share w·e / (w·e + 1 − w) in place of w.
fn multiply(products: &mut Products, odds: &[f64; PADDED], weight: f64, stable: u64, canary: u64) {
    let both = odds.map(|e| weight * e + (1.0 - weight));
    if stable > 0 {
        products.multiply_power(&both.map(|sum| 1.0 / sum), stable);
    }
    if canary > 0 {
        let mut factors = *odds;
        factors.iter_mut().zip(both).for_each(|(factor, sum)| *factor /= sum);
        products.multiply_power(&factors, canary);
    }
}
