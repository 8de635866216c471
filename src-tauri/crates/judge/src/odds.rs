//! What the evidence does in a world whose truth is known: false alarms and delays, by simulation with the same code.
//!
//! The generator is the caller's, so that the same seed gives the same odds. Deliberately not here: clocks and rules; see
//! `power`, which adds both.

use rand::Rng;

use crate::{Arm, Unit, Versus};

/// A world of units, one after the other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct World {
    /// The canary's share, 0 to 1.
    pub weight: f64,
    /// The error rate of stable, and of the canary while it is good.
    pub base: f64,
    /// The error rate of the canary once it is bad; the same as `base` for a healthy one.
    pub canary: f64,
    /// Good canary units before it turns bad.
    pub good_before: u64,
    /// The error rate of both arms at the end by that at the beginning, up to 1; 1 for one that stays.
    pub drift: f64,
    /// An outage of both arms: the rate during the second tenth of the units.
    pub outage: Option<f64>,
    /// Units of both arms to look at, at most.
    pub units: u64,
}

impl World {
    /// A canary that is as good as stable, for `units` units.
    pub fn healthy(weight: f64, base: f64, units: u64) -> Self {
        Self {
            weight,
            base,
            canary: base,
            good_before: 0,
            drift: 1.0,
            outage: None,
            units,
        }
    }

    /// A canary with the error rate `canary` from its first unit on.
    pub fn failing(weight: f64, base: f64, canary: f64, units: u64) -> Self {
        Self {
            canary,
            ..Self::healthy(weight, base, units)
        }
    }

    /// The unit number `n` of this world, counted from 0, after `canary_units` of the canary.
    fn unit(&self, n: u64, canary_units: u64, rng: &mut dyn Rng) -> Unit {
        let (arm, outcome) = halves(rng.next_u64());
        let arm = if arm < self.weight { Arm::Canary } else { Arm::Stable };
        let turned = arm == Arm::Canary && canary_units >= self.good_before;
        let rate = if turned { self.canary } else { self.base };
        let past = n as f64 / self.units.max(1) as f64;
        let rate = match self.outage {
            Some(outage) if (0.1..0.2).contains(&past) => rate.max(outage),
            Some(_) | None => rate * (1.0 + (self.drift - 1.0) * past),
        };
        Unit {
            arm,
            bad: outcome < rate,
            weight: self.weight,
        }
    }
}

/// Which evidence is looked at, after every unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// T.
    FromTheStart,
    /// R.
    FromSomeMoment,
}

/// When evidence was enough, run by run: counts since the canary turned bad, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Delays {
    reached: Vec<u64>,
    runs: u64,
}

impl Delays {
    /// Of so many runs; those that are not in `reached` never came to it.
    pub(crate) fn new(mut reached: Vec<u64>, runs: u64) -> Self {
        reached.sort_unstable();
        Self { reached, runs }
    }

    /// The share of the runs in which it was.
    pub fn share(&self) -> f64 {
        self.reached.len() as f64 / self.runs.max(1) as f64
    }

    /// By when it was in `share` of all runs; `None` where it was in fewer.
    pub fn by(&self, share: f64) -> Option<u64> {
        let nth = libm::ceil(share * self.runs as f64).max(1.0) as usize;
        self.reached.get(nth - 1).copied()
    }

    /// The median over all runs.
    pub fn median(&self) -> Option<u64> {
        self.by(0.5)
    }
}

/// How many canary units it takes from its turning bad until the evidence reaches 1/`alpha`, in `runs` runs.
pub fn delays(world: &World, look: Look, alpha: f64, runs: u64, rng: &mut dyn Rng) -> Delays {
    let reached = (0..runs).filter_map(|_| delay(world, look, 1.0 / alpha, rng));
    Delays::new(reached.collect(), runs)
}

fn delay(world: &World, look: Look, enough: f64, rng: &mut dyn Rng) -> Option<u64> {
    let mut versus = Versus::default();
    for n in 0..world.units {
        let unit = world.unit(n, versus.counts().canary_total, rng);
        versus.take(&unit);
        let is_enough = match look {
            Look::FromTheStart => versus.t_reaches(enough),
            Look::FromSomeMoment => versus.r_reaches(enough),
        };
        if is_enough {
            return Some(versus.counts().canary_total.saturating_sub(world.good_before));
        }
    }
    None
}

/// Two numbers of [0, 1) out of one draw.
pub(crate) fn halves(drawn: u64) -> (f64, f64) {
    const STEP: f64 = 1.0 / 4_294_967_296.0;
    ((drawn >> 32) as f64 * STEP, (drawn & 0xffff_ffff) as f64 * STEP)
}
