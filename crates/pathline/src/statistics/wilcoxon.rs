//! The Wilcoxon signed-rank test: whether one side of pairs tends to be larger than the other.
//!
//! Of the `n` differences that are not zero the sizes are ranked; `W` is the sum of the ranks of those
//! above zero. Where pairs may as well be swapped, its mean is `n (n + 1) / 4`. Up to 50 differences
//! without ties the p-value is exact, from the number of subsets of `1..n` with each sum; otherwise it
//! is normal with variance `n (n + 1) (2 n + 1) / 24 - sum (t^3 - t) / 48` over tie groups of size `t`,
//! without a continuity correction. The effect is the rank-biserial correlation
//! `(W - W') / (W + W')`, with `W'` the sum of the other ranks.
//!
//! Differences of zero are left out: they say nothing on the sign. A test of many pairs of which
//! most are equal is one of few.
//!
//! # References
//! Wilcoxon (1945), "Individual comparisons by ranking methods"; Pratt and Gibbons (1981), chapter 3
//! (ties and zeros); Kerby (2014), "The simple difference formula" (rank-biserial correlation).
//!
//! # Not to be confused with
//! The rank-sum test of two groups that are not paired: [`mann_whitney`](super::mann_whitney()).

use super::distributions::normal_tail;
use super::{check_finite, ranks};
use crate::error::Error;

/// Most differences whose p-value is exact: their `2^50` subsets are counted without rounding.
const MOST_EXACT: usize = 50;

/// The result of the test.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wilcoxon {
    /// Differences that are not zero.
    pub differences: usize,
    /// The sum of the ranks of differences above zero.
    pub w: f64,
    /// `(W - W') / (W + W')`, from -1 (all below zero) to 1 (all above).
    pub rank_biserial: f64,
    /// Two-sided p-value.
    pub p_value: f64,
    /// Whether the p-value is exact rather than normal.
    pub exact: bool,
}

/// Tests the differences `a[i] - b[i]`; `None` when all are zero (there is nothing to rank).
///
/// # Errors
/// [`Error::Count`] when the lengths differ; [`Error::Invalid`] when there is no pair, or a difference is
/// not finite.
///
/// # Examples
/// ```
/// use pathline::statistics::wilcoxon;
/// let test = wilcoxon(&[5.0, 6.0, 9.0, 3.0], &[4.0, 4.0, 5.0, 6.0])?.ok_or("all equal")?;
/// assert_eq!((test.w, test.exact), (7.0, true));
/// assert_eq!(test.p_value, 0.625);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn wilcoxon(a: &[f64], b: &[f64]) -> Result<Option<Wilcoxon>, Error> {
    Error::check_count("values of the second side", a.len(), b.len())?;
    if a.is_empty() {
        return Err(Error::invalid("number of pairs", 0, "give at least one"));
    }
    let mut differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    check_finite("paired difference", &differences)?;
    differences.retain(|d| *d != 0.0);
    if differences.is_empty() {
        return Ok(None);
    }
    let sizes: Vec<f64> = differences.iter().map(|d| d.abs()).collect();
    let mut ranked = ranks(&sizes)?;
    let w: f64 = ranked.iter().zip(&differences).filter(|(_, d)| **d > 0.0).map(|(r, _)| r).sum();
    ranked.sort_by(f64::total_cmp);
    let groups = ranked.chunk_by(|a, b| a == b).map(|group| group.len() as f64);
    let ties: f64 = groups.map(|t| t * t * t - t).sum();
    let n = differences.len();
    let whole = (n * (n + 1) / 2) as f64;
    let exact = n <= MOST_EXACT && ties == 0.0;
    let p_value = if exact {
        exact_p_value(n, w.min(whole - w) as usize)
    } else {
        let variance = whole * (2 * n + 1) as f64 / 12.0 - ties / 48.0;
        (2.0 * normal_tail((w - 0.5 * whole).abs() / variance.sqrt())).min(1.0)
    };
    let rank_biserial = (2.0 * w - whole) / whole;
    Ok(Some(Wilcoxon { differences: n, w, rank_biserial, p_value, exact }))
}

/// Twice the share of subsets of `1..=n` whose sum is at most `w`.
fn exact_p_value(n: usize, w: usize) -> f64 {
    // Subsets by their sum; sums above `w` are not needed.
    let mut subsets = vec![0_u64; w + 1];
    subsets[0] = 1;
    for rank in 1..=n {
        for sum in (rank..=w).rev() {
            subsets[sum] += subsets[sum - rank];
        }
    }
    let at_most: u64 = subsets.iter().sum();
    (2.0 * at_most as f64 / libm::exp2(n as f64)).min(1.0)
}
