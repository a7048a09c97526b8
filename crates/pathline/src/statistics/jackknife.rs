//! The delete-block jackknife: the spread of a statistic as blocks of samples are left out in turn.
//!
//! With `g` blocks, `T` the statistic of all samples, `T_j` without block `j` and `M` the mean of the
//! `T_j`: standard error `sqrt((g - 1) / g sum_j (T_j - M)^2)`, bias `(g - 1) (M - T)`, interval `T` plus
//! and minus the Student quantile with `g - 1` degrees of freedom times the standard error.
//!
//! No sample is ever repeated, so this is the method for Frechet and nearest-neighbour distances,
//! where the bootstrap fails; take the *difference* of two such distances on the same seeds, so
//! that their bias (which depends on the number of samples) cancels. It fails for statistics that
//! are not smooth, such as a single quantile or a maximum.
//!
//! # References
//! Quenouille (1956), "Notes on bias in estimation"; Kuensch (1989), "The jackknife and the bootstrap
//! for general stationary observations"; Efron and Tibshirani (1993), chapter 11.

use rayon::prelude::*;

use super::{Estimate, check_finite, check_level, student_quantile};
use crate::error::Error;

/// How to leave out.
///
/// # Examples
/// ```
/// use pathline::statistics::Jackknife;
/// let values: Vec<f64> = (0..40).map(f64::from).collect();
/// let mean = |rows: &[usize]| {
///     Some(rows.iter().map(|&i| values[i]).sum::<f64>() / rows.len() as f64)
/// };
/// let found = Jackknife::default().interval(values.len(), mean)?;
/// assert_eq!(found.estimate.value, 19.5);
/// assert!(found.bias.abs() < 1e-9);
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jackknife {
    /// Number of blocks, at least 2; sample `i` is in block `i mod blocks`, so that a set sorted by
    /// class or by time is cut into like parts.
    pub blocks: usize,
    /// Probability that the interval aims to hold, in `(0, 1)`.
    pub level: f64,
}

impl Default for Jackknife {
    /// 20 blocks, a 95 % interval.
    fn default() -> Self {
        Self { blocks: 20, level: 0.95 }
    }
}

/// What the jackknife says of a statistic.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JackknifeEstimate {
    /// The statistic of all samples (not corrected for bias) and its interval.
    pub estimate: Estimate,
    /// Its standard error.
    pub standard_error: f64,
    /// Its estimated bias.
    pub bias: f64,
}

impl Jackknife {
    /// The statistic of all `n` samples, with its standard error, bias and interval.
    ///
    /// The statistic is given indices below `n`; for a paired difference it takes the same indices
    /// of both sides.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there are fewer than two blocks or fewer samples than blocks, the
    /// level is not in `(0, 1)`, or the statistic is undefined or not finite on any part.
    pub fn interval(
        &self,
        n: usize,
        statistic: impl Fn(&[usize]) -> Option<f64> + Sync,
    ) -> Result<JackknifeEstimate, Error> {
        check_level(self.level)?;
        let g = self.blocks;
        if g < 2 || n < g {
            let value = format!("{g} of {n} samples");
            let remedy = "give at least two blocks, and at least one sample for each";
            return Err(Error::invalid("number of jackknife blocks", value, remedy));
        }
        let defined = |rows: &[usize]| {
            statistic(rows).filter(|v| v.is_finite()).ok_or_else(|| {
                let remedy = "the statistic must be defined and finite without any one block";
                Error::invalid("statistic to jackknife", "undefined", remedy)
            })
        };
        let all: Vec<usize> = (0..n).collect();
        let value = defined(&all)?;
        let parts = (0..g)
            .into_par_iter()
            .map(|block| {
                let rows: Vec<usize> = (0..n).filter(|i| i % g != block).collect();
                defined(&rows)
            })
            .collect::<Result<Vec<f64>, Error>>()?;
        JackknifeEstimate::from_parts(value, &parts, self.level)
    }
}

impl JackknifeEstimate {
    /// From the statistic of all samples, and of all but each block: for statistics that have a
    /// shorter way to these than being computed again.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there are fewer than two parts, a value is not finite, or the level is
    /// not in `(0, 1)`.
    ///
    /// # Examples
    /// ```
    /// use pathline::statistics::JackknifeEstimate;
    /// // The mean of 1, 2 and 6, one left out in turn.
    /// let found = JackknifeEstimate::from_parts(3.0, &[4.0, 3.5, 1.5], 0.95)?;
    /// assert!((found.standard_error - (7.0_f64 / 3.0).sqrt()).abs() < 1e-12);
    /// # Ok::<(), pathline::Error>(())
    /// ```
    pub fn from_parts(value: f64, parts: &[f64], level: f64) -> Result<Self, Error> {
        check_level(level)?;
        check_finite("statistic to jackknife", &[value])?;
        check_finite("statistic to jackknife", parts)?;
        if parts.len() < 2 {
            let remedy = "leave out each of at least two blocks";
            return Err(Error::invalid("number of jackknife blocks", parts.len(), remedy));
        }
        let blocks = parts.len() as f64;
        let mean = parts.iter().sum::<f64>() / blocks;
        let spread: f64 = parts.iter().map(|t| (t - mean) * (t - mean)).sum();
        let standard_error = ((blocks - 1.0) / blocks * spread).sqrt();
        let half = student_quantile(0.5 + level / 2.0, blocks - 1.0)? * standard_error;
        let estimate = Estimate { value, low: value - half, high: value + half };
        Ok(Self { estimate, standard_error, bias: (blocks - 1.0) * (mean - value) })
    }
}

/// The mean of `a[i] - b[i]` with Student's interval: two methods on the same seeds.
///
/// The same as a jackknife with one sample a block.
///
/// # Errors
/// [`Error::Count`] when the lengths differ; [`Error::Invalid`] when there are fewer than two
/// pairs, a value is not finite, or the level is not in `(0, 1)`.
///
/// # Examples
/// ```
/// use pathline::statistics::paired_difference;
/// let gain = paired_difference(&[5.0, 9.0, 2.0], &[4.0, 8.0, 1.0], 0.95)?;
/// assert_eq!((gain.low, gain.value, gain.high), (1.0, 1.0, 1.0));
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn paired_difference(a: &[f64], b: &[f64], level: f64) -> Result<Estimate, Error> {
    Error::check_count("values of the second method", a.len(), b.len())?;
    check_level(level)?;
    let differences: Vec<f64> = a.iter().zip(b).map(|(x, y)| x - y).collect();
    check_finite("paired difference", &differences)?;
    if differences.len() < 2 {
        let remedy = "give at least two pairs";
        return Err(Error::invalid("number of pairs", differences.len(), remedy));
    }
    let n = differences.len() as f64;
    let value = differences.iter().sum::<f64>() / n;
    let spread: f64 = differences.iter().map(|d| (d - value) * (d - value)).sum();
    let half = student_quantile(0.5 + level / 2.0, n - 1.0)? * (spread / (n * (n - 1.0))).sqrt();
    Ok(Estimate { value, low: value - half, high: value + half })
}
