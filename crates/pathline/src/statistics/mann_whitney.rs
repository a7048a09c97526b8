//! The Mann-Whitney test: whether values of one group tend to be larger than those of another.
//!
//! `U` counts the pairs in which the first group's value is larger, ties as one half. Under equal
//! distributions its mean is `n m / 2` and its variance `n m / 12 (N + 1 - sum (t^3 - t) / (N (N - 1)))`
//! over tie groups of size `t`, `N = n + m`; the two-sided p-value is normal, with a continuity
//! correction of one half.
//!
//! # References
//! Mann and Whitney (1947), "On a test of whether one of two random variables is stochastically larger
//! than the other"; Hollander, Wolfe and Chicken (2013), section 4.1 (ties).

use super::distributions::normal_tail;
use super::ranks;
use crate::error::Error;

/// The result of the test.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MannWhitney {
    /// The statistic `U` of the first group.
    pub u: f64,
    /// `U / (n m)`: the probability that a value of the first group is the larger (ties as half).
    pub superiority: f64,
    /// Two-sided p-value by the normal approximation: fair from about eight values a group.
    pub p_value: f64,
}

/// Compares two groups; `None` when all values are equal (there is nothing to rank).
///
/// # Errors
/// [`Error::Invalid`] when a group is empty or a value is not a number.
///
/// # Examples
/// ```
/// use pathline::statistics::mann_whitney;
/// let test = mann_whitney(&[5.0, 6.0, 7.0], &[1.0, 2.0, 6.0])?.ok_or("all equal")?;
/// assert_eq!(test.u, 7.5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn mann_whitney(first: &[f64], second: &[f64]) -> Result<Option<MannWhitney>, Error> {
    if first.is_empty() || second.is_empty() {
        return Err(Error::invalid("number of values of a group", 0, "give at least one"));
    }
    let pooled = ranks(&[first, second].concat())?;
    let (n, m) = (first.len() as f64, second.len() as f64);
    let u = pooled[..first.len()].iter().sum::<f64>() - n * (n + 1.0) / 2.0;
    let total = n + m;
    let mut sorted = pooled;
    sorted.sort_by(f64::total_cmp);
    let ties: f64 =
        sorted.chunk_by(|a, b| a == b).map(|group| group.len() as f64).map(|t| t * t * t - t).sum();
    let variance = n * m / 12.0 * (total + 1.0 - ties / (total * (total - 1.0)));
    if variance <= 1e-12 * n * m {
        return Ok(None);
    }
    let away = ((u - n * m / 2.0).abs() - 0.5) / variance.sqrt();
    let p_value = (2.0 * normal_tail(away)).min(1.0);
    Ok(Some(MannWhitney { u, superiority: u / (n * m), p_value }))
}
