//! O: does a rate exceed an absolute limit? (JUDGE.md, layer 3.) Latency limits are the same test: "p95 ≤ L" is
//! "P(X > L) ≤ 0.05".

use serde::{Deserialize, Serialize};

use crate::{JudgeError, Strength, bits};

/// The rates against which the limit is held: multiples of it, and fixed ones.
const TIMES: [f64; 4] = [1.5, 2.0, 3.0, 5.0];
const FIXED: [f64; 4] = [0.3, 0.5, 0.8, 0.98];
const RATES: usize = TIMES.len() + FIXED.len();

/// O against the limit p0: a mean over rates above it of likelihood ratios against p0 itself. It depends on counts only,
/// so batches are exact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "Image", try_from = "Image")]
pub struct Over {
    p0: f64,
    bad: u64,
    total: u64,
    /// ln of what a bad unit, and a good one, do to each rate's product.
    steps: [(f64, f64); RATES],
    rates: usize,
}

impl Over {
    /// Before the first unit: O = 1.
    ///
    /// # Errors
    /// [`JudgeError::Limit`] where `p0` is not above 0, or no rate of the test lies above it.
    pub fn new(p0: f64) -> Result<Self, JudgeError> {
        if !(p0 > 0.0 && p0 < 1.0) {
            return Err(JudgeError::Limit(p0));
        }
        let mut over = Self {
            p0,
            bad: 0,
            total: 0,
            steps: [(0.0, 0.0); RATES],
            rates: 0,
        };
        for rate in TIMES.iter().map(|times| times * p0).chain(FIXED) {
            if rate > p0 && rate < 1.0 {
                over.steps[over.rates] = (libm::log(rate) - libm::log(p0), libm::log1p(-rate) - libm::log1p(-p0));
                over.rates += 1;
            }
        }
        if over.rates == 0 {
            return Err(JudgeError::Limit(p0));
        }
        Ok(over)
    }

    /// One finished unit.
    pub fn take(&mut self, bad: bool) {
        self.take_batch(u64::from(bad), 1);
    }

    /// Counts; more bad ones than there are units are taken as all.
    pub fn take_batch(&mut self, bad: u64, total: u64) {
        self.bad = self.bad.saturating_add(bad.min(total));
        self.total = self.total.saturating_add(total);
    }

    /// ln O.
    pub fn ln_o(&self) -> f64 {
        let (bad, good) = (self.bad as f64, (self.total - self.bad) as f64);
        let mut logs = [0.0; RATES];
        let logs = &mut logs[..self.rates];
        for (log, (of_bad, of_good)) in logs.iter_mut().zip(&self.steps) {
            *log = bad * of_bad + good * of_good;
        }
        let top = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = logs.iter().map(|log| libm::exp(log - top)).sum();
        top + libm::log(sum / self.rates as f64)
    }

    /// O for state and journal.
    pub fn strength(&self) -> Strength {
        Strength::from_ln(self.ln_o())
    }

    /// The limit.
    pub fn p0(&self) -> f64 {
        self.p0
    }

    /// Bad units, and all, so far.
    pub fn counts(&self) -> (u64, u64) {
        (self.bad, self.total)
    }
}

/// How O stands in a snapshot.
#[derive(Serialize, Deserialize)]
struct Image {
    #[serde(with = "bits::one")]
    p0: f64,
    bad: u64,
    total: u64,
}

impl From<Over> for Image {
    fn from(over: Over) -> Self {
        Self {
            p0: over.p0,
            bad: over.bad,
            total: over.total,
        }
    }
}

impl TryFrom<Image> for Over {
    type Error = JudgeError;

    fn try_from(image: Image) -> Result<Self, JudgeError> {
        let mut over = Self::new(image.p0)?;
        if image.bad > image.total {
            return Err(JudgeError::Damaged);
        }
        over.take_batch(image.bad, image.total);
        Ok(over)
    }
}
