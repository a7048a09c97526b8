//! Several tests at once: p-values such that the chance of any false finding stays below the level.
//!
//! With the `m` p-values in ascending order, `q_(i) = max_{j <= i} min(1, (m - j + 1) p_(j))`: a claim
//! stands at level `a` if its `q` is at most `a`. It needs no independence, and is never weaker than
//! Bonferroni's correction.
//!
//! # References
//! Holm (1979), "A simple sequentially rejective multiple test procedure".

use crate::error::Error;

/// The p-values, each corrected for all of them, in the order given.
///
/// # Errors
/// [`Error::Invalid`] for one that is no probability.
///
/// # Examples
/// ```
/// let corrected = pathline::statistics::holm(&[0.01, 0.04, 0.03])?;
/// assert_eq!(corrected, [0.03, 0.06, 0.06]);
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn holm(p_values: &[f64]) -> Result<Vec<f64>, Error> {
    if let Some(&bad) = p_values.iter().find(|p| !(0.0..=1.0).contains(*p)) {
        return Err(Error::invalid("p-value", bad, "must be from 0 to 1"));
    }
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut corrected = vec![0.0; p_values.len()];
    let mut largest = 0.0_f64;
    for (before, &i) in order.iter().enumerate() {
        largest = largest.max(((p_values.len() - before) as f64 * p_values[i]).min(1.0));
        corrected[i] = largest;
    }
    Ok(corrected)
}
