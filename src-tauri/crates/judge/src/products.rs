//! Seven long products of factors side by side, kept in log space without a logarithm a factor.
//!
//! Each product is a mantissa times a power of two of its own, so none is lost however far they drift apart (under the
//! null the boldest alternative falls below 10⁻³⁰⁸ within some thousand units and may still be the one that counts
//! later). Mantissas are put right every [`STRIDE`] factors only; between that nothing but multiplications happens.

use serde::{Deserialize, Serialize};

use crate::{JudgeError, bits};

/// How many products.
pub(crate) const LANES: usize = 7;
/// One lane more than needed, so that the machine can take them two or four at a time; its product stays 0.
pub(crate) const PADDED: usize = 8;
/// After so many factors mantissas are put right. A factor lies between 1/[`WIDEST`] and [`WIDEST`], and 404³² ≈ 10⁸³.
const STRIDE: u8 = 32;
/// No single factor may be larger, or smaller than its inverse: exp(6) = 403.4 (see `versus`).
const WIDEST: f64 = 404.0;
/// With the common power of two beyond this, what is added to the mean of the products is below its last bit.
const FAR: i64 = 600;

/// Seven products, all of the same number of factors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "Image", try_from = "Image")]
pub(crate) struct Products {
    mantissa: [f64; PADDED],
    exponent: [i64; PADDED],
    /// Factors since the mantissas were put right.
    since: u8,
    /// The largest exponent.
    top: i64,
    /// 2^(exponent − top).
    scale: [f64; PADDED],
}

impl Products {
    /// Every product `value`: 1, or 0 for sums that have not begun.
    pub(crate) fn all(value: f64) -> Self {
        let mut mantissa = [value; PADDED];
        mantissa[LANES..].fill(0.0);
        Self {
            mantissa,
            exponent: [0; PADDED],
            since: 0,
            top: 0,
            scale: [1.0; PADDED],
        }
    }

    /// One factor for each. They lie between 1/404 and 404.
    #[inline]
    pub(crate) fn multiply(&mut self, factors: &[f64; PADDED]) {
        for (mantissa, factor) in self.mantissa.iter_mut().zip(factors) {
            *mantissa *= factor;
        }
        self.since += 1;
        if self.since == STRIDE {
            self.put_right();
        }
    }

    /// The same factor for each `n` times, in constant time.
    pub(crate) fn multiply_power(&mut self, factors: &[f64; PADDED], n: u64) {
        if n == 1 {
            return self.multiply(factors);
        }
        self.put_right();
        for ((mantissa, exponent), factor) in self.mantissa.iter_mut().zip(&mut self.exponent).zip(factors) {
            let (power, by) = power(*factor, n);
            *mantissa *= power;
            *exponent = exponent.saturating_add(by);
        }
        self.put_right();
    }

    /// Adds the same mass to each.
    pub(crate) fn add(&mut self, mass: f64) {
        self.put_right();
        for lane in 0..LANES {
            if self.mantissa[lane] == 0.0 || self.exponent[lane] < -FAR {
                // Below the last bit of any mass that is ever added.
                self.mantissa[lane] = mass;
                self.exponent[lane] = 0;
            } else if self.exponent[lane] < FAR {
                self.mantissa[lane] += mass * power_of_two(-self.exponent[lane]);
            }
        }
        self.put_right();
    }

    /// The mean of the products and `rest` together, as (value, power of two).
    #[inline]
    pub(crate) fn mean_and(&self, rest: f64) -> (f64, i64) {
        let mean = self.mean();
        if self.top == 0 {
            (mean + rest, 0)
        } else if self.top > FAR {
            (mean, self.top)
        } else if self.top < -FAR && rest > 0.0 {
            (rest, 0)
        } else if self.top < -FAR {
            (mean, self.top)
        } else {
            (mean * power_of_two(self.top) + rest, 0)
        }
    }

    /// The mean without its common power of two.
    #[inline]
    fn mean(&self) -> f64 {
        let part = |lane: usize| self.mantissa[lane] * self.scale[lane];
        // Written out, so that the order of the additions is the same everywhere and two can be done at a time.
        let sum = ((part(0) + part(4)) + (part(2) + part(6))) + ((part(1) + part(5)) + (part(3) + part(7)));
        sum / LANES as f64
    }

    /// Brings every mantissa back into [1, 2) and moves what it had beyond that into its exponent.
    fn put_right(&mut self) {
        self.since = 0;
        for lane in 0..LANES {
            let (mantissa, by) = split(self.mantissa[lane]);
            self.mantissa[lane] = mantissa;
            self.exponent[lane] = self.exponent[lane].saturating_add(by);
        }
        self.measure();
    }

    /// What follows from the exponents.
    fn measure(&mut self) {
        let (used, rest) = self.exponent.split_at_mut(LANES);
        self.top = used.iter().copied().max().unwrap_or_default();
        rest.fill(self.top);
        for (scale, exponent) in self.scale.iter_mut().zip(&self.exponent) {
            *scale = power_of_two(exponent.saturating_sub(self.top));
        }
    }
}

/// ln of a value with its power of two.
pub(crate) fn ln((value, exponent): (f64, i64)) -> f64 {
    libm::log(value) + exponent as f64 * std::f64::consts::LN_2
}

/// Whether a value with its power of two is at least `e`, a number between 1 and 10¹⁰⁰.
pub(crate) fn reaches((value, exponent): (f64, i64), e: f64) -> bool {
    if exponent.abs() <= FAR {
        value * power_of_two(exponent) >= e
    } else {
        exponent > 0
    }
}

/// A positive normal number as a mantissa in [1, 2) and a power of two; 0 stays 0.
fn split(value: f64) -> (f64, i64) {
    if value == 0.0 {
        return (0.0, 0);
    }
    let bits = value.to_bits();
    let exponent = ((bits >> 52) & 0x7ff) as i64 - 1023;
    (f64::from_bits(bits & 0x000f_ffff_ffff_ffff | 1023 << 52), exponent)
}

/// 2^`exponent`; 0 below the normal numbers, the largest power above them.
fn power_of_two(exponent: i64) -> f64 {
    if exponent < -1022 {
        0.0
    } else {
        f64::from_bits(((exponent.min(1023) + 1023) as u64) << 52)
    }
}

/// `factor`^`n` as a mantissa in [1, 2) and a power of two, by squaring.
fn power(factor: f64, mut n: u64) -> (f64, i64) {
    let (mut base, mut base_by) = split(factor);
    let (mut result, mut result_by) = (1.0, 0i64);
    while n > 0 {
        if n & 1 == 1 {
            let (mantissa, by) = split(result * base);
            (result, result_by) = (mantissa, result_by.saturating_add(base_by).saturating_add(by));
        }
        let (mantissa, by) = split(base * base);
        (base, base_by) = (mantissa, base_by.saturating_mul(2).saturating_add(by));
        n >>= 1;
    }
    (result, result_by)
}

/// How products stand in a snapshot.
#[derive(Serialize, Deserialize)]
struct Image {
    #[serde(with = "bits::list")]
    mantissa: Vec<f64>,
    exponent: [i64; LANES],
    since: u8,
}

impl From<Products> for Image {
    fn from(products: Products) -> Self {
        let mut exponent = [0; LANES];
        exponent.copy_from_slice(&products.exponent[..LANES]);
        Self {
            mantissa: products.mantissa[..LANES].to_vec(),
            exponent,
            since: products.since,
        }
    }
}

impl TryFrom<Image> for Products {
    type Error = JudgeError;

    fn try_from(image: Image) -> Result<Self, JudgeError> {
        let widest = libm::pow(WIDEST, f64::from(STRIDE)) * 2.0;
        let sound = |m: f64| m == 0.0 || (1.0 / widest..=widest).contains(&m);
        if image.mantissa.len() != LANES || image.since >= STRIDE || !image.mantissa.iter().all(|m| sound(*m)) {
            return Err(JudgeError::Damaged);
        }
        let mut products = Self::all(0.0);
        products.mantissa[..LANES].copy_from_slice(&image.mantissa);
        products.exponent[..LANES].copy_from_slice(&image.exponent);
        products.since = image.since;
        products.measure();
        Ok(products)
    }
}
