//! The Frechet distance between Gaussians fitted to two sets of features, and its floor.
//!
//! `FD = |mu_1 - mu_2|^2 + tr(S_1 + S_2 - 2 (S_1^(1/2) S_2 S_1^(1/2))^(1/2))`: the squared 2-Wasserstein
//! distance of two Gaussians; FID when the features are Inception's. With any factors `S_1 = L_1 L_1^T`
//! and `S_2 = L_2 L_2^T` the trace of the root is the sum of the singular values of `L_1^T L_2`: no
//! root of a matrix is taken, and singular covariances (fewer samples than features, constant
//! features) are as good as any. What rounding leaves below zero counts as zero.
//!
//! Range: 0 and above, in squared units of the features. Rounding is about 1e-13 of the traces, and up
//! to 1e-7 of them in directions in which one covariance is singular to rounding and the other is not.
//!
//! # What fools it
//! - *Its bias.* Two sets of `n` samples of one Gaussian of unit variances are `2 D / n + D (D + 1) / (2 n)`
//!   apart to first order, and half of it where one side is known exactly: a tenth of the trace at
//!   `D = 64`, `n = 256`. Compare runs at equal `n` only, and read a distance against
//!   [`half_split_floor`] at that `n`.
//! - *The bootstrap.* Resampling repeats samples, which shrinks covariances: a percentile interval then
//!   excludes its own estimate. Use [`frechet_replicates`] and the difference of two runs.
//! - *Anything beyond two moments.* Sets of equal mean and covariance have distance 0, however unlike.
//! - *The features.* A model trained on the judge's own network can lower it and look no better.
//!
//! # References
//! Dowson and Landau (1982), "The Frechet distance between multivariate normal
//! distributions"; Heusel et al. (2017), arXiv 1706.08500, equation 6 (FID); Chong and Forsyth (2020),
//! arXiv 1911.07023 (its bias).
//!
//! # Not to be confused with
//! The Frechet distance of two curves; the kernel distance of [`kid`](super::kid), which has no bias.

use rayon::prelude::*;

use super::check_features;
use super::difference::{Replicates, blocks_of};
use super::linear::{factor, nuclear_norm, product_transposed};
use super::moments::{Moments, Sums, centre};
use crate::batch::Batch;
use crate::error::Error;
use crate::seed::{Purpose, Seed};

/// The Frechet distance of two sets, of which only the moments matter.
///
/// # Errors
/// [`Error::Count`] when the numbers of features differ; [`Error::Invalid`] when a covariance is not
/// positive semidefinite, or values are so large that the result is not finite.
///
/// # Examples
/// ```
/// use pathline::quality::{Moments, frechet_distance};
/// let narrow = Moments::new(vec![0.0], vec![1.0])?;
/// let wide = Moments::new(vec![3.0], vec![4.0])?;
/// // (3 - 0)^2 + (2 - 1)^2.
/// assert!((frechet_distance(&narrow, &wide)? - 10.0).abs() < 1e-12);
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn frechet_distance(generated: &Moments, real: &Moments) -> Result<f64, Error> {
    Error::check_count("features of a real sample", generated.width(), real.width())?;
    distance(generated, real, &factor_of(real)?)
}

fn factor_of(moments: &Moments) -> Result<Vec<f64>, Error> {
    factor(moments.covariance(), moments.width()).ok_or_else(|| {
        let remedy = "a covariance has no negative eigenvalue; compute it again, in f64";
        Error::invalid("a covariance", "not positive semidefinite", remedy)
    })
}

/// The distance, with the factor of one side at hand.
fn distance(one: &Moments, other: &Moments, factor: &[f64]) -> Result<f64, Error> {
    let d = one.width();
    let own = factor_of(one)?;
    let (m, n) = (own.len() / d, factor.len() / d);
    let common = nuclear_norm(product_transposed(&own, factor, d), m, n);
    let apart: f64 = one.mean().iter().zip(other.mean()).map(|(a, b)| (a - b) * (a - b)).sum();
    let spread = one.trace() + other.trace() - 2.0 * common;
    let found = apart + spread.max(0.0);
    if found.is_finite() {
        return Ok(found);
    }
    Err(Error::invalid("Frechet distance", found, "the features are too large: scale both sets"))
}

/// The distance of a run to a real set, whole and without each of `blocks` blocks of its samples, for an
/// interval of the [difference](Replicates::difference) of two runs.
///
/// Sums of all blocks are kept: `blocks * D^2` values of 8 bytes.
///
/// # Errors
/// As [`frechet_distance`]; [`Error::Invalid`] when there are fewer than two blocks, a block leaves
/// fewer than two samples, or a value is not finite.
///
/// # Examples
/// ```
/// use pathline::quality::{Moments, frechet_replicates};
/// use pathline::{Batch, Purpose, Seed, Shape};
/// let draw = |tag, shift| {
///     let mut batch = Batch::zeros(200, Shape::vector(2));
///     Seed(0).normal(Purpose::Data, tag, 0, batch.as_mut_slice());
///     batch.as_mut_slice().iter_mut().for_each(|v| *v += shift);
///     batch
/// };
/// let real = Moments::of(&draw(0, 0.0))?;
/// // Two runs on the same noise.
/// let (good, bad) = (draw(1, 0.0), draw(1, 0.5));
/// let gain = frechet_replicates(&bad, &real, 20)?
///     .difference(&frechet_replicates(&good, &real, 20)?, 0.95)?;
/// assert!(gain.estimate.low > 0.0);
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn frechet_replicates(
    generated: &Batch,
    real: &Moments,
    blocks: usize,
) -> Result<Replicates, Error> {
    Error::check_count("features of a real sample", generated.width(), real.width())?;
    check_features("generated features", generated, 2)?;
    let members = blocks_of(generated.len(), blocks)?;
    let centre = centre(generated);
    let parts = members
        .iter()
        .map(|rows| Ok(Sums::about(&centre, &generated.select(rows)?)))
        .collect::<Result<Vec<_>, Error>>()?;
    let all = Sums::about(&centre, generated);
    let factor = factor_of(real)?;
    let without = parts
        .par_iter()
        .map(|part| {
            let mut left = all.clone();
            left.add(-1.0, part);
            distance(&left.moments(), real, &factor)
        })
        .collect::<Result<Vec<f64>, Error>>()?;
    let value = distance(&all.moments(), real, &factor)?;
    Ok(Replicates { value, without, samples: generated.len() })
}

/// What the Frechet distance is between samples of one distribution.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HalfSplitFloor {
    /// Rows on each side.
    pub n: usize,
    /// The distance of each split.
    pub distances: Vec<f64>,
    /// Their mean.
    pub mean: f64,
}

/// The distance between two disjoint parts of the real set of `n` rows each, drawn at random `splits`
/// times: what a perfect model would score at that `n`.
///
/// Give `n` as the number of samples that runs are compared at; where the real set has fewer than
/// twice as many rows, compare the runs at half of it. Splits share rows, so that their spread is
/// not a standard error.
///
/// # Errors
/// [`Error::Invalid`] when `n` is below 2 or above half the rows, there is no split, or a value is
/// not finite.
///
/// # Examples
/// ```
/// use pathline::quality::half_split_floor;
/// use pathline::{Batch, Purpose, Seed, Shape};
/// let mut real = Batch::zeros(2000, Shape::vector(4));
/// Seed(0).normal(Purpose::Data, 0, 0, real.as_mut_slice());
/// let (few, many) = (half_split_floor(&real, 50, 8, Seed(1))?, half_split_floor(&real, 1000, 8, Seed(1))?);
/// assert!(many.mean > 0.0 && few.mean > 5.0 * many.mean);
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn half_split_floor(
    real: &Batch,
    n: usize,
    splits: usize,
    seed: Seed,
) -> Result<HalfSplitFloor, Error> {
    check_features("real features", real, 4)?;
    if !(2..=real.len() / 2).contains(&n) {
        let remedy = format!("give 2 to {}, half of the real set", real.len() / 2);
        return Err(Error::invalid("rows on each side of a split", n, remedy));
    }
    if splits == 0 {
        return Err(Error::invalid("number of splits", 0, "give at least one; ten is usual"));
    }
    let distances = (0..splits as u64)
        .into_par_iter()
        .map(|split| {
            let order = seed.stream(Purpose::Resample, split, 0).permutation(real.len());
            let one = Moments::of(&real.select(&order[..n])?)?;
            let other = Moments::of(&real.select(&order[n..2 * n])?)?;
            frechet_distance(&one, &other)
        })
        .collect::<Result<Vec<f64>, Error>>()?;
    let mean = distances.iter().sum::<f64>() / splits as f64;
    Ok(HalfSplitFloor { n, distances, mean })
}
