//! Ranks from 1, with the average rank for ties.
//!
//! # References
//! Kendall (1945), "The treatment of ties in ranking problems".

use super::check_numbers;
use crate::error::Error;

/// The rank of each value, counted from 1; tied values share the mean of their ranks.
///
/// Infinite values have ranks like any other.
///
/// # Errors
/// [`Error::Invalid`] when a value is not a number.
///
/// # Examples
/// ```
/// let ranks = pathline::statistics::ranks(&[10.0, 30.0, 10.0, 20.0])?;
/// assert_eq!(ranks, [1.5, 4.0, 1.5, 3.0]);
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn ranks(values: &[f64]) -> Result<Vec<f64>, Error> {
    check_numbers("value to rank", values)?;
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut out = vec![0.0; values.len()];
    let mut below = 0;
    // Compared with ==, so that 0 and -0 (which sort apart, but next to each other) tie.
    for group in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let mean = below as f64 + (group.len() + 1) as f64 / 2.0;
        for &i in group {
            out[i] = mean;
        }
        below += group.len();
    }
    Ok(out)
}
