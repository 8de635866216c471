//! Draws of the world: one ChaCha stream per concern, and the few distributions that calls need.
//!
//! A concern's draws never depend on another's, nor on faults or weights, so that two runs that differ in a fault alone have
//! the same callers at the same moments. `libm` makes them bit-equal on every machine.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// What is drawn for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Concern {
    Arrivals = 1,
    Split = 2,
    Calls = 3,
}

/// One stream of draws.
#[derive(Debug, Clone)]
pub(super) struct Draws(ChaCha8Rng);

impl Draws {
    pub(super) fn new(seed: u64, concern: Concern) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8] = concern as u8;
        Self(ChaCha8Rng::from_seed(key))
    }

    /// The stream of one call out of the concern's.
    pub(super) fn of_call(&self, number: u64) -> Self {
        let mut stream = self.0.clone();
        stream.set_stream(number);
        stream.set_word_pos(0);
        Self(stream)
    }

    /// Uniform on [0, 1).
    pub(super) fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Exponential with mean 1.
    pub(super) fn exponential(&mut self) -> f64 {
        -libm::log(1.0 - self.uniform())
    }

    /// Lognormal: its median, and the standard deviation of its logarithm. Always two draws.
    pub(super) fn lognormal(&mut self, median: f64, spread: f64) -> f64 {
        let radius = libm::sqrt(2.0 * self.exponential());
        let normal = radius * libm::cos(std::f64::consts::TAU * self.uniform());
        median * libm::exp(spread * normal)
    }
}

/// A draw of its own for `parts`, uniform on [0, 1): noise that does not depend on what was drawn before.
pub(crate) fn noise(parts: &[u64]) -> f64 {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for part in parts {
        state = state.wrapping_add(*part).wrapping_add(0x9e37_79b9_7f4a_7c15);
        state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        state ^= state >> 31;
    }
    (state >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        let mut draws = Draws::new(7, Concern::Calls);
        let n = 100_000;
        let mean = (0..n).map(|_| draws.exponential()).sum::<f64>() / f64::from(n);
        assert!((mean - 1.0).abs() < 0.02, "{mean}");
        let mut logs: Vec<f64> = (0..n).map(|_| draws.lognormal(0.4, 0.5)).collect();
        logs.sort_by(f64::total_cmp);
        assert!((logs[50_000] - 0.4).abs() < 0.01, "median {}", logs[50_000]);
        // One standard deviation above the median of the logarithm.
        assert!((logs[84_134] - 0.4 * libm::exp(0.5)).abs() < 0.02, "{}", logs[84_134]);
    }

    #[test]
    fn streams_differ_and_repeat() {
        let calls = Draws::new(7, Concern::Calls);
        assert_eq!(calls.of_call(5).uniform(), calls.of_call(5).uniform());
        assert_ne!(calls.of_call(5).uniform(), calls.of_call(6).uniform());
        assert_ne!(
            Draws::new(7, Concern::Split).uniform(),
            Draws::new(7, Concern::Arrivals).uniform()
        );
        assert_ne!(noise(&[1, 2]), noise(&[2, 1]));
    }
}
