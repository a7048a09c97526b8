//! Quantiles of a list of values.
//!
//! # References
//! Hyndman and Fan (1996), "Sample quantiles in statistical packages", definition 7.

use super::check_numbers;
use crate::error::Error;

/// The `p`-quantile, linear between order statistics: position `p (n - 1)`.
///
/// # Errors
/// [`Error::Invalid`] when there is no value, one is not a number, or `p` is not in `[0, 1]`.
///
/// # Examples
/// ```
/// use pathline::statistics::quantile;
/// assert_eq!(quantile(&[4.0, 1.0, 3.0, 2.0], 0.5)?, 2.5);
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn quantile(values: &[f64], p: f64) -> Result<f64, Error> {
    check_numbers("value to take a quantile of", values)?;
    if !(0.0..=1.0).contains(&p) {
        return Err(Error::invalid("quantile", p, "give a probability from 0 to 1"));
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else {
        return Err(Error::invalid("number of values", 0, "give at least one"));
    };
    let position = p * last as f64;
    let below = (position.floor() as usize).min(last);
    let (low, high) = (sorted[below], sorted[(below + 1).min(last)]);
    let share = position - below as f64;
    // Between equal (perhaps infinite) neighbours there is nothing to interpolate.
    Ok(if share == 0.0 || low == high { low } else { low * (1.0 - share) + high * share })
}
