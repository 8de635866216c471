//! A running quantile of stable in constant memory, to which later units are held.
//!
//! The P² algorithm of Jain and Chlamtac ("The P² algorithm for dynamic calculation of quantiles and histograms without
//! storing observations", 1985): five markers whose heights follow a parabola. Evidence that is made with it stays
//! valid however far it is off, as long as it is read *before* the unit: its error is the same for both arms.

use serde::{Deserialize, Serialize};

use crate::{JudgeError, bits};

const MARKERS: usize = 5;

/// A running quantile, such as stable's p95 latency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "Image", try_from = "Image")]
pub struct Quantile {
    share: f64,
    /// Values taken.
    n: u64,
    /// The first values in order, then the markers' heights.
    heights: [f64; MARKERS],
    /// How many values lie at or below each marker.
    positions: [f64; MARKERS],
}

impl Quantile {
    /// The quantile that `share` of the values do not exceed; 0.95 is the p95.
    ///
    /// # Errors
    /// [`JudgeError::Share`] where `share` does not lie within (0, 1).
    pub fn new(share: f64) -> Result<Self, JudgeError> {
        if !(share > 0.0 && share < 1.0) {
            return Err(JudgeError::Share(share));
        }
        Ok(Self {
            share,
            n: 0,
            heights: [0.0; MARKERS],
            positions: [1.0, 2.0, 3.0, 4.0, 5.0],
        })
    }

    /// Where it is now; `None` before the fifth value.
    pub fn value(&self) -> Option<f64> {
        (self.n >= MARKERS as u64).then_some(self.heights[2])
    }

    /// Whether `value` exceeds it: y of a unit that has not been taken yet. `None` before the fifth value.
    pub fn exceeded_by(&self, value: f64) -> Option<bool> {
        self.value().map(|quantile| value > quantile)
    }

    /// One value of stable. What is not finite is left out.
    pub fn take(&mut self, value: f64) {
        if !value.is_finite() {
            return;
        }
        let taken = self.n as usize;
        self.n = self.n.saturating_add(1);
        if taken < MARKERS {
            self.heights[taken] = value;
            self.heights[..=taken].sort_by(f64::total_cmp);
            return;
        }
        let cell = self.cell(value);
        for position in &mut self.positions[cell + 1..] {
            *position += 1.0;
        }
        for marker in 1..MARKERS - 1 {
            self.adjust(marker);
        }
    }

    /// Values taken.
    pub fn taken(&self) -> u64 {
        self.n
    }

    /// Between which markers `value` lies; the outer ones follow it.
    fn cell(&mut self, value: f64) -> usize {
        if value < self.heights[0] {
            self.heights[0] = value;
            return 0;
        }
        if value >= self.heights[4] {
            self.heights[4] = value;
            return 3;
        }
        (1..MARKERS - 1).rev().find(|m| value >= self.heights[*m]).unwrap_or(0)
    }

    /// Moves an inner marker by one where it is a whole position off.
    fn adjust(&mut self, marker: usize) {
        let shares = [0.0, self.share / 2.0, self.share, f64::midpoint(1.0, self.share), 1.0];
        let wanted = 1.0 + (self.n as f64 - 1.0) * shares[marker];
        let [before, at, after] = [marker - 1, marker, marker + 1].map(|m| self.positions[m]);
        let off = wanted - at;
        let step = if off >= 1.0 && after - at > 1.0 {
            1.0
        } else if off <= -1.0 && before - at < -1.0 {
            -1.0
        } else {
            return;
        };
        let [below, height, above] = [marker - 1, marker, marker + 1].map(|m| self.heights[m]);
        let curve = step / (after - before)
            * ((at - before + step) * (above - height) / (after - at)
                + (after - at - step) * (height - below) / (at - before));
        let line = if step > 0.0 {
            (above - height) / (after - at)
        } else {
            (below - height) / (before - at) * step
        };
        let parabolic = height + curve;
        let moved = if below < parabolic && parabolic < above {
            parabolic
        } else {
            height + line
        };
        // Values near the largest number there is can make the difference of two of them infinite.
        self.heights[marker] = if moved.is_finite() { moved } else { height };
        self.positions[marker] += step;
    }
}

/// How it stands in a snapshot.
#[derive(Serialize, Deserialize)]
struct Image {
    #[serde(with = "bits::one")]
    share: f64,
    n: u64,
    #[serde(with = "bits::list")]
    heights: Vec<f64>,
    #[serde(with = "bits::list")]
    positions: Vec<f64>,
}

impl From<Quantile> for Image {
    fn from(quantile: Quantile) -> Self {
        Self {
            share: quantile.share,
            n: quantile.n,
            heights: quantile.heights.to_vec(),
            positions: quantile.positions.to_vec(),
        }
    }
}

impl TryFrom<Image> for Quantile {
    type Error = JudgeError;

    fn try_from(image: Image) -> Result<Self, JudgeError> {
        let mut quantile = Self::new(image.share)?;
        let damaged = |_| JudgeError::Damaged;
        quantile.n = image.n;
        quantile.heights = image.heights.try_into().map_err(damaged)?;
        quantile.positions = image.positions.try_into().map_err(damaged)?;
        let rising = quantile.positions.windows(2).all(|pair| pair[0] < pair[1]);
        if !rising || !quantile.heights.iter().all(|height| height.is_finite()) {
            return Err(JudgeError::Damaged);
        }
        Ok(quantile)
    }
}
