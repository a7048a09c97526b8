//! An estimate with its interval, and the interval of a fraction.
//!
//! Wilson's interval inverts the score test: its centre is `(p + z^2 / 2n) / (1 + z^2 / n)` and its
//! half width `z / (1 + z^2 / n) sqrt(p (1 - p) / n + z^2 / 4n^2)`. Unlike `p +- z sqrt(p (1 - p) / n)` it
//! stays in `[0, 1]` and keeps a width at 0 of `n` and `n` of `n`.
//!
//! # References
//! Wilson (1927), "Probable inference, the law of succession, and statistical inference"; Brown, Cai
//! and DasGupta (2001), "Interval estimation for a binomial proportion".

use super::{check_level, normal_quantile};
use crate::error::Error;

/// A number with the interval that its method gives it.
///
/// # Examples
/// ```
/// use pathline::statistics::Estimate;
/// let gain = Estimate { value: 0.1, low: 0.02, high: 0.18 };
/// assert!(!gain.contains(0.0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    /// The estimate from all values.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

impl Estimate {
    /// Whether the interval, ends included, holds `value`.
    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

/// Wilson's interval of the fraction `successes / trials`, for independent trials.
///
/// # Errors
/// [`Error::Invalid`] when there is no trial, there are more successes than trials, or the level is
/// not in `(0, 1)`.
///
/// # Examples
/// ```
/// use pathline::statistics::wilson;
/// let none = wilson(0, 100, 0.95)?;
/// assert_eq!((none.value, none.low), (0.0, 0.0));
/// assert!((none.high - 0.037).abs() < 1e-3);
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn wilson(successes: usize, trials: usize, level: f64) -> Result<Estimate, Error> {
    check_level(level)?;
    if trials == 0 || successes > trials {
        let value = format!("{successes} of {trials}");
        let remedy = "give at least one trial and no more successes than trials";
        return Err(Error::invalid("fraction", value, remedy));
    }
    let (n, z) = (trials as f64, normal_quantile(0.5 + level / 2.0)?);
    let p = successes as f64 / n;
    let shrink = 1.0 + z * z / n;
    let centre = (p + z * z / (2.0 * n)) / shrink;
    let half = z / shrink * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    // At the ends the formula gives 0 and 1 up to rounding.
    let low = if successes == 0 { 0.0 } else { (centre - half).max(0.0) };
    let high = if successes == trials { 1.0 } else { (centre + half).min(1.0) };
    Ok(Estimate { value: p, low, high })
}
