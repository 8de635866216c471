//! An upper bound of a mean that is valid at every look: what a gate "mean response below L" needs.
//!
//! A betting sequence (Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", 2024, arXiv
//! 2010.09686): for each candidate m on a grid, the capital of somebody who bets that the mean lies below it. Values
//! are clipped to a cap, since without one no mean can be bounded; what is bounded is the mean of the clipped values.

use serde::{Deserialize, Serialize};

use crate::{JudgeError, bits};

/// Candidates between 0 and the cap. The bound is one of them, so it is up to 1/256 of the cap above the best there is.
const CANDIDATES: usize = 256;
/// The largest stake; below 1, so that no value takes all the capital of any candidate.
const LARGEST: f64 = 0.75;
/// Capital below this is given up: it would take hundreds of decades to matter again. Giving up is always valid.
const GIVEN_UP: f64 = 1e-280;
/// Nobody waits for more values than these.
const FAR: u64 = 20_000;

/// The upper bound of a clipped mean.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "Image", try_from = "Image")]
pub struct ClippedMean {
    cap: f64,
    alpha: f64,
    taken: Taken,
    /// The lowest candidate that is ruled out. Stakes are the same for all, so capital rises with the candidate and
    /// those above it are out as well.
    out: usize,
    /// What the candidates below `out` have won; 0 above.
    capital: [f64; CANDIDATES],
}

/// What was taken, as shares of the cap: all that stakes depend on.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Taken {
    n: u64,
    sum: f64,
    /// Sum of squares around the running mean.
    squares: f64,
}

impl Taken {
    fn take(&mut self, x: f64) {
        self.n = self.n.saturating_add(1);
        self.sum += x;
        let mean = (0.5 + self.sum) / (self.n as f64 + 1.0);
        self.squares += (x - mean) * (x - mean);
    }

    /// The share of the capital that goes on the next value: decided by the values before it (their predictable plug-in).
    fn stake(&self, alpha: f64) -> f64 {
        let i = self.n as f64 + 1.0;
        let variance = (0.25 + self.squares) / i;
        let ideal = libm::sqrt(-2.0 * libm::log(alpha) / (variance * i * libm::log1p(i)));
        ideal.min(LARGEST)
    }
}

impl ClippedMean {
    /// For values from 0 to `cap`, with the error probability `alpha` over all looks together.
    ///
    /// # Errors
    /// [`JudgeError::Cap`] and [`JudgeError::Alpha`] where they are none.
    pub fn new(cap: f64, alpha: f64) -> Result<Self, JudgeError> {
        if !(cap > 0.0 && cap.is_finite()) {
            return Err(JudgeError::Cap(cap));
        }
        if !(alpha > 0.0 && alpha < 1.0) {
            return Err(JudgeError::Alpha(alpha));
        }
        Ok(Self {
            cap,
            alpha,
            taken: Taken::default(),
            out: CANDIDATES,
            capital: [1.0; CANDIDATES],
        })
    }

    /// One value. Those above the cap count as the cap, those below 0 as 0; what is not a number counts as the cap,
    /// since it must not make the mean look better.
    pub fn take(&mut self, value: f64) {
        let x = if value.is_nan() {
            1.0
        } else {
            (value / self.cap).clamp(0.0, 1.0)
        };
        let stake = self.taken.stake(self.alpha);
        for (candidate, capital) in self.capital[..self.out].iter_mut().enumerate() {
            *capital *= 1.0 - stake * (x - mean_of(candidate));
            if *capital < GIVEN_UP {
                *capital = 0.0;
            }
        }
        let enough = 1.0 / self.alpha;
        while self.out > 0 && self.capital[self.out - 1] >= enough {
            self.out -= 1;
            self.capital[self.out] = 0.0;
        }
        self.taken.take(x);
    }

    /// The upper bound, in the unit of the values; the cap while nothing is known.
    pub fn upper(&self) -> f64 {
        self.cap * mean_of(self.out)
    }

    /// The mean of the clipped values so far.
    pub fn mean(&self) -> Option<f64> {
        (self.taken.n > 0).then(|| self.cap * self.taken.sum / self.taken.n as f64)
    }

    /// Values taken.
    pub fn taken(&self) -> u64 {
        self.taken.n
    }

    /// How many more values like the mean so far bring the bound to `limit` or below: 0 where it is there, `None` where no
    /// value was taken, where the mean itself is not below it, and where [`FAR`] of them are not enough. `None` also
    /// from the cap on: that the mean of clipped values lies below it says nothing about the mean.
    pub fn more_for(&self, limit: f64) -> Option<u64> {
        let candidate = libm::floor(limit / self.cap * CANDIDATES as f64);
        if !(0.0..CANDIDATES as f64).contains(&candidate) {
            return None;
        }
        let candidate = candidate as usize;
        if self.out <= candidate {
            return Some(0);
        }
        let (seen, wanted) = (self.mean()? / self.cap, mean_of(candidate));
        if seen >= wanted {
            return None;
        }
        // Only one candidate and what its stakes depend on.
        let mut ahead = self.taken;
        let mut capital = self.capital[candidate];
        (1..=FAR).find(|_| {
            capital *= 1.0 - ahead.stake(self.alpha) * (seen - wanted);
            ahead.take(seen);
            capital >= 1.0 / self.alpha
        })
    }
}

fn mean_of(candidate: usize) -> f64 {
    candidate as f64 / CANDIDATES as f64
}

/// How it stands in a snapshot.
#[derive(Serialize, Deserialize)]
struct Image {
    #[serde(with = "bits::one")]
    cap: f64,
    #[serde(with = "bits::one")]
    alpha: f64,
    n: u64,
    #[serde(with = "bits::one")]
    sum: f64,
    #[serde(with = "bits::one")]
    squares: f64,
    /// Of the candidates that are not ruled out.
    #[serde(with = "bits::list")]
    capital: Vec<f64>,
}

impl From<ClippedMean> for Image {
    fn from(mean: ClippedMean) -> Self {
        Self {
            cap: mean.cap,
            alpha: mean.alpha,
            n: mean.taken.n,
            sum: mean.taken.sum,
            squares: mean.taken.squares,
            capital: mean.capital[..mean.out].to_vec(),
        }
    }
}

impl TryFrom<Image> for ClippedMean {
    type Error = JudgeError;

    fn try_from(image: Image) -> Result<Self, JudgeError> {
        let mut mean = Self::new(image.cap, image.alpha)?;
        let won = |capital: &f64| (0.0..1.0 / image.alpha).contains(capital);
        let sums = [image.sum, image.squares];
        if image.capital.len() > CANDIDATES
            || !image.capital.iter().all(won)
            || !sums.iter().all(|s| s.is_finite() && *s >= 0.0)
        {
            return Err(JudgeError::Damaged);
        }
        mean.taken = Taken {
            n: image.n,
            sum: image.sum,
            squares: image.squares,
        };
        mean.out = image.capital.len();
        mean.capital = [0.0; CANDIDATES];
        mean.capital[..mean.out].copy_from_slice(&image.capital);
        Ok(mean)
    }
}
