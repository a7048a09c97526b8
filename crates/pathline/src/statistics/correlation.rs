//! Correlations: Pearson, Spearman, and Spearman with covariates held fixed.
//!
//! Partial Spearman is the Pearson correlation of what is left of the two rank vectors after least
//! squares on the ranks of the covariates and a constant.
//!
//! # References
//! Spearman (1904), "The proof and measurement of association between two things"; Kim (2015),
//! "ppcor: an R package for a fast calculation to semi-partial correlation coefficients".

use super::{check_finite, ranks};
use crate::error::Error;

/// A residual below this share of its vector's length is rounding, not signal.
const NEGLIGIBLE: f64 = 1e-9;

/// The Pearson correlation; `None` when a side is constant or there are fewer than two values.
///
/// # Errors
/// [`Error::Count`] when the lengths differ; [`Error::Invalid`] when a value is not finite.
///
/// # Examples
/// ```
/// use pathline::statistics::pearson;
/// assert_eq!(pearson(&[1.0, 2.0, 3.0], &[5.0, 5.0, 5.0])?, None);
/// let r = pearson(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0])?;
/// assert!((r.ok_or("undefined")? + 1.0).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn pearson(x: &[f64], y: &[f64]) -> Result<Option<f64>, Error> {
    Error::check_count("values of the second variable", x.len(), y.len())?;
    check_finite("value to correlate", x)?;
    check_finite("value to correlate", y)?;
    Ok(residual_correlation(x, y, &[]))
}

/// The Spearman rank correlation, ties by average ranks; `None` when a side is constant.
///
/// # Errors
/// [`Error::Count`] when the lengths differ; [`Error::Invalid`] when a value is not a number.
///
/// # Examples
/// ```
/// use pathline::statistics::spearman;
/// let rho = spearman(&[1.0, 2.0, 3.0], &[1.0, 10.0, 1e6])?;
/// assert!((rho.ok_or("undefined")? - 1.0).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn spearman(x: &[f64], y: &[f64]) -> Result<Option<f64>, Error> {
    partial_spearman(x, y, &[])
}

/// The Spearman correlation of `x` and `y` with any number of covariates held fixed.
///
/// `None` when a side is constant, or determined by the ranks of the covariates, or when there are
/// too few values (not more than the covariates and two). Covariates that are constant or follow
/// from the others take nothing away.
///
/// # Errors
/// [`Error::Count`] when lengths differ; [`Error::Invalid`] when a value is not a number.
///
/// # Examples
/// ```
/// use pathline::statistics::{partial_spearman, spearman};
/// // x and y rise together only because both follow z.
/// let z = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
/// let x = [2.0, 1.0, 4.0, 3.0, 6.0, 5.0, 8.0, 7.0];
/// let y = [1.0, 2.0, 4.0, 3.0, 5.0, 7.0, 6.0, 8.0];
/// let (plain, partial) = (spearman(&x, &y)?, partial_spearman(&x, &y, &[&z])?);
/// assert!(plain.ok_or("undefined")? > 0.8 && partial.ok_or("undefined")?.abs() < 0.2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn partial_spearman(x: &[f64], y: &[f64], covariates: &[&[f64]]) -> Result<Option<f64>, Error> {
    Error::check_count("values of the second variable", x.len(), y.len())?;
    for covariate in covariates {
        Error::check_count("values of a covariate", x.len(), covariate.len())?;
    }
    let covariates = covariates.iter().map(|c| ranks(c)).collect::<Result<Vec<_>, _>>()?;
    Ok(residual_correlation(&ranks(x)?, &ranks(y)?, &covariates))
}

/// The correlation of the residuals of `x` and `y` on a constant and the covariates.
fn residual_correlation(x: &[f64], y: &[f64], covariates: &[Vec<f64>]) -> Option<f64> {
    if x.len() < 2 || (!covariates.is_empty() && x.len() <= covariates.len() + 2) {
        return None;
    }
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(covariates.len());
    for covariate in covariates {
        basis.extend(residual(covariate, &basis));
    }
    let (x, y) = (residual(x, &basis)?, residual(y, &basis)?);
    Some(inner(&x, &y).clamp(-1.0, 1.0))
}

/// What is left of `v` beside a constant and an orthonormal basis, at unit length; `None` if
/// nothing but rounding.
fn residual(v: &[f64], basis: &[Vec<f64>]) -> Option<Vec<f64>> {
    // Scaled first, so that squares neither overflow nor vanish.
    let largest = v.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
    if largest == 0.0 {
        return None;
    }
    let mut left: Vec<f64> = v.iter().map(|a| a / largest).collect();
    let mean = left.iter().sum::<f64>() / left.len() as f64;
    for a in &mut left {
        *a -= mean;
    }
    let spread = inner(&left, &left).sqrt();
    // Twice: the second projection takes away what rounding left of the first.
    for q in basis.iter().chain(basis) {
        let share = inner(&left, q);
        for (a, b) in left.iter_mut().zip(q) {
            *a -= share * b;
        }
    }
    let length = inner(&left, &left).sqrt();
    let rounding = 1e-14 * (left.len() as f64).sqrt();
    if length <= rounding || length <= NEGLIGIBLE * spread {
        return None;
    }
    for a in &mut left {
        *a /= length;
    }
    Some(left)
}

fn inner(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}
