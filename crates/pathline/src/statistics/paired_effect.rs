//! The size of a paired difference in units of its own spread.
//!
//! With differences `d_i = a_i - b_i`, their mean `m` and their standard deviation `s` (dividing by
//! `n - 1`): `d_z = m / s`. Its interval is the delete-one jackknife's, Student with `n - 1` degrees of
//! freedom, which does not take differences for normal.
//!
//! By custom .2 is small, .5 medium and .8 large. It says how surely the difference shows on one sample,
//! not how much it matters: a tiny shift of deterministic runs can have a large `d_z`.
//!
//! # References
//! Cohen (1988), "Statistical power analysis for the behavioral sciences", section 2.3.5 (`d_z`); Lakens
//! (2013), "Calculating and reporting effect sizes"; Efron and Tibshirani (1993), chapter 11.
//!
//! # Not to be confused with
//! Cohen's `d` of two groups, which divides by the spread of the values: pairs that go together make
//! `d_z` larger than it.

use super::{Estimate, JackknifeEstimate, check_finite, check_level};
use crate::error::Error;

/// `d_z` of `a[i] - b[i]` with its interval; `None` where it has none: fewer than three pairs, or differences
/// that do not spread (with or without any one of them).
///
/// # Errors
/// [`Error::Count`] when the lengths differ; [`Error::Invalid`] when a difference is not finite or the level
/// is not in `(0, 1)`.
///
/// # Examples
/// ```
/// use pathline::statistics::paired_effect;
/// let effect = paired_effect(&[2.0, 4.0, 3.0, 5.0], &[1.0; 4], 0.95)?.ok_or("no spread")?;
/// assert!((effect.value - 2.5 / (5.0_f64 / 3.0).sqrt()).abs() < 1e-12);
/// assert_eq!(paired_effect(&[1.0; 9], &[0.0; 9], 0.95)?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn paired_effect(a: &[f64], b: &[f64], level: f64) -> Result<Option<Estimate>, Error> {
    Error::check_count("values of the second side", a.len(), b.len())?;
    check_level(level)?;
    let mut differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    check_finite("paired difference", &differences)?;
    // In units of the largest, whose square is finite.
    let unit = differences.iter().fold(0.0_f64, |most, d| most.max(d.abs()));
    if differences.len() < 3 || unit == 0.0 {
        return Ok(None);
    }
    differences.iter_mut().for_each(|d| *d /= unit);
    let n = differences.len() as f64;
    let mean = differences.iter().sum::<f64>() / n;
    let spread: f64 = differences.iter().map(|d| (d - mean) * (d - mean)).sum();
    // Of equal differences rounding alone is left.
    let ratio = |mean: f64, spread: f64, n: f64| {
        (spread > 1e-24 * n).then(|| mean / (spread / (n - 1.0)).sqrt())
    };
    let without = |d: &f64| {
        let (away, left) = (d - mean, n - 1.0);
        ratio(mean - away / left, spread - away * away * n / left, left)
    };
    let parts: Option<Vec<f64>> = differences.iter().map(without).collect();
    let (Some(value), Some(parts)) = (ratio(mean, spread, n), parts) else { return Ok(None) };
    Ok(Some(JackknifeEstimate::from_parts(value, &parts, level)?.estimate))
}
