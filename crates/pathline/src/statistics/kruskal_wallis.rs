//! The Kruskal-Wallis test: whether several groups tend to have values of different size.
//!
//! With ranks pooled over `N` values, `R_j` the sum of the ranks of group `j` and `n_j` its size,
//! `H = (12 / (N (N + 1)) sum R_j^2 / n_j - 3 (N + 1)) / (1 - sum (t^3 - t) / (N^3 - N))` over tie groups of
//! size `t`; under equal distributions it is about chi-squared with one degree of freedom less than there
//! are groups. The share of the ranks' variance that the groups explain is `epsilon^2 = H / (N - 1)`.
//!
//! # References
//! Kruskal and Wallis (1952), "Use of ranks in one-criterion variance analysis"; Tomczak and Tomczak
//! (2014), "The need to report effect size estimates revisited" (epsilon squared).

use super::distributions::chi_squared_tail;
use super::ranks;
use crate::error::Error;

/// The result of the test.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KruskalWallis {
    /// The statistic `H`, corrected for ties.
    pub h: f64,
    /// `H / (N - 1)`, from 0 (the groups' ranks have one mean) to 1 (ranks differ between groups alone).
    pub epsilon_squared: f64,
    /// p-value by the chi-squared approximation: fair from about five values a group.
    pub p_value: f64,
}

/// Compares groups; `None` when all values are equal (there is nothing to rank).
///
/// # Errors
/// [`Error::Invalid`] for fewer than two groups, when one is empty, or a value is not a number.
///
/// # Examples
/// ```
/// use pathline::statistics::kruskal_wallis;
/// let test = kruskal_wallis(&[&[1.0, 2.0], &[3.0, 4.0], &[5.0, 6.0]])?.ok_or("all equal")?;
/// assert!((test.h - 32.0 / 7.0).abs() < 1e-12 && (test.epsilon_squared - 32.0 / 35.0).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn kruskal_wallis(groups: &[&[f64]]) -> Result<Option<KruskalWallis>, Error> {
    if groups.len() < 2 || groups.iter().any(|group| group.is_empty()) {
        let sizes: Vec<usize> = groups.iter().map(|group| group.len()).collect();
        let remedy = "give at least two groups of at least one value";
        return Err(Error::invalid("groups to compare", format!("{sizes:?}"), remedy));
    }
    let pooled = ranks(&groups.concat())?;
    let total = pooled.len() as f64;
    let mut rest = pooled.as_slice();
    let mut between = 0.0;
    for group in groups {
        let (ours, others) = rest.split_at(group.len());
        let mean = ours.iter().sum::<f64>() / ours.len() as f64;
        // Around the common mean, where H does not cancel.
        between += ours.len() as f64 * (mean - (total + 1.0) / 2.0).powi(2);
        rest = others;
    }
    // With ties, the ranks' variance is less than that of 1 to N by just the correction of H.
    let within: f64 = pooled.iter().map(|r| (r - (total + 1.0) / 2.0).powi(2)).sum();
    if within <= 0.0 {
        return Ok(None);
    }
    let epsilon_squared = between / within;
    let h = (total - 1.0) * epsilon_squared;
    let p_value = chi_squared_tail(h, (groups.len() - 1) as f64);
    Ok(Some(KruskalWallis { h, epsilon_squared, p_value }))
}
