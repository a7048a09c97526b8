//! The share of generated samples that are near-copies of a training sample.
//!
//! With `d1 <= d2` the distances to the two nearest *different* points of the training set, a
//! sample counts as memorised when `d1 / d2` is below a threshold, 1/3 in the literature. Rows of
//! the data that are exact copies of each other count as one point: otherwise `d2 = d1` for every
//! sample near them, and copies of just the most repeated images would never count.
//!
//! Search the whole training set, not a part of it, and report the fraction of held-out *real*
//! samples beside it: that is the floor of false positives.
//!
//! # References
//! Yoon et al. (2023), "Diffusion probabilistic models generalize when they fail to memorize";
//! Bonnaire et al. (2025), arXiv 2505.17638; as used in arXiv 2602.07928.

use std::cmp::Ordering;

use super::nearest::{Exclude, check_finite, nearest};
use crate::batch::Batch;
use crate::error::Error;

/// The usual threshold of `d1 / d2`.
pub const MEMORISED_RATIO: f64 = 1.0 / 3.0;

/// How much of a set of samples is copied from the data.
#[derive(Debug, Clone, PartialEq)]
pub struct Memorisation {
    /// Share of samples with a ratio below the threshold.
    pub fraction: f64,
    /// `d1 / d2` of each sample, in `[0, 1]`.
    pub ratios: Vec<f64>,
    /// The nearest data row of each sample (of equal rows the first).
    pub nearest: Vec<usize>,
    /// Data rows that are exact copies of an earlier row.
    pub duplicates: usize,
}

/// Which samples of `queries` are near-copies of a row of `data`.
///
/// # Errors
/// As [`nearest`]; [`Error::Invalid`] when there is no sample, when the data holds fewer than two
/// different points, or when the threshold is not in `(0, 1]`.
///
/// # Examples
/// ```
/// use pathline::neighbours::{MEMORISED_RATIO, memorisation};
/// use pathline::{Batch, Shape};
/// let data = Batch::from_vec(vec![0.0, 0.0, 10.0], Shape::vector(1))?;
/// let samples = Batch::from_vec(vec![0.5, 4.0], Shape::vector(1))?;
/// let found = memorisation(&samples, &data, MEMORISED_RATIO)?;
/// assert_eq!(found.fraction, 0.5);
/// assert_eq!(found.duplicates, 1);
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn memorisation(queries: &Batch, data: &Batch, threshold: f64) -> Result<Memorisation, Error> {
    if !(threshold > 0.0 && threshold <= 1.0) {
        let remedy = "give a ratio above 0 and at most 1, usually 1/3";
        return Err(Error::invalid("memorisation threshold", threshold, remedy));
    }
    if queries.is_empty() {
        let remedy = "give at least one sample: a fraction of nothing is undefined";
        return Err(Error::invalid("number of samples", 0, remedy));
    }
    // Before the rows are sorted: with NaN among them they have no order.
    check_finite("data value", data)?;
    let points = different_rows(data);
    if points.len() < 2 {
        let remedy = "d1 / d2 needs at least two different rows";
        return Err(Error::invalid("number of different data rows", points.len(), remedy));
    }
    let duplicates = data.len() - points.len();
    let unique = if duplicates > 0 { Some(data.select(&points)?) } else { None };
    let found = nearest(queries, unique.as_ref().unwrap_or(data), 2, Exclude::Nothing)?;
    // d2 is not zero: the two points differ.
    let ratios: Vec<f64> = found.distances.chunks_exact(2).map(|d| d[0] / d[1]).collect();
    let memorised = ratios.iter().filter(|r| **r < threshold).count();
    Ok(Memorisation {
        fraction: memorised as f64 / ratios.len() as f64,
        nearest: found.indices.iter().step_by(2).map(|&i| points[i]).collect(),
        ratios,
        duplicates,
    })
}

/// The first row of each group of equal rows, in order.
fn different_rows(data: &Batch) -> Vec<usize> {
    let compare = |a: usize, b: usize| {
        data.row(a).partial_cmp(data.row(b)).unwrap_or(Ordering::Equal).then(a.cmp(&b))
    };
    let mut order: Vec<usize> = (0..data.len()).collect();
    order.sort_by(|&a, &b| compare(a, b));
    order.dedup_by(|later, earlier| data.row(*later) == data.row(*earlier));
    order.sort_unstable();
    order
}
