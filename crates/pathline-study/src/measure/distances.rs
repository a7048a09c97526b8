//! Other distances between the samples and real points than the kernel and the Frechet distance, each beside the same
//! between two sets of real points.

use pathline::neighbours::Bandwidth;
use pathline::quality::{KidSubsets, gaussian_mmd, replicates, sliced_wasserstein, wasserstein};
use pathline::statistics::Estimate;
use pathline::{Batch, Purpose, Seed};

use crate::error::Error;

/// Random directions of the sliced distance.
const DIRECTIONS: usize = 200;
/// Most points a side where the cost grows faster than their number.
const MOST: usize = 1000;
/// Blocks of the jackknife.
const BLOCKS: usize = 19;

/// Distances of samples from real points, and of real points from other real points.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Distances {
    /// Points on each side of these distances, but for the kernel distance over subsets.
    pub points: usize,
    /// Sliced Wasserstein distance, by 200 directions.
    pub sliced: Estimate,
    /// The same between two sets of real points.
    pub sliced_floor: f64,
    /// Exact Wasserstein distance, `W_2`.
    pub exact: f64,
    /// The same between two sets of real points.
    pub exact_floor: f64,
    /// Maximum mean discrepancy, squared and unbiased, with a Gaussian kernel as wide as the median distance.
    pub mmd: f64,
    /// The same between two sets of real points.
    pub mmd_floor: f64,
    /// The kernel distance as it is usually printed: the mean over 100 subsets of 1000 (or as many as there are).
    pub kid_subsets: f64,
    /// Its standard deviation over subsets, which is no standard error.
    pub kid_deviation: f64,
    /// Rows of a subset.
    pub kid_size: usize,
}

/// The distances, with as many samples as real points: at most half of those, drawn, so that the floors are of as many.
/// Nothing where the median distance between real points is 0, and no kernel could be as wide.
pub(super) fn distances(generated: &Batch, real: &Batch) -> Result<Option<Distances>, Error> {
    let points = generated.len().min(real.len() / 2).min(MOST);
    let drawn = |of: &Batch, number: u64| {
        of.select(&Seed(0).stream(Purpose::Resample, number, 9).permutation(of.len()))
    };
    let first = |of: &Batch, from: usize| of.select(&(from..from + points).collect::<Vec<_>>());
    let (samples, real_drawn) = (drawn(generated, 0)?, drawn(real, 1)?);
    let (samples, here, there) =
        (first(&samples, 0)?, first(&real_drawn, 0)?, first(&real_drawn, points)?);
    let sliced = |set: &Batch| sliced_wasserstein(set, &here, DIRECTIONS, Seed(0));
    let Ok(width) = Bandwidth::Median.of(&here) else { return Ok(None) };
    let kid_size = generated.len().min(real.len()).min(KidSubsets::default().size);
    let kid = KidSubsets { size: kid_size, ..KidSubsets::default() }.estimate(generated, real)?;
    Ok(Some(Distances {
        points,
        sliced: replicates(&samples, BLOCKS, sliced)?.interval(0.95)?.estimate,
        sliced_floor: sliced(&there)?,
        exact: wasserstein(&samples, &here)?,
        exact_floor: wasserstein(&there, &here)?,
        mmd: gaussian_mmd(&samples, &here, width)?,
        mmd_floor: gaussian_mmd(&there, &here, width)?,
        kid_subsets: kid.mean,
        kid_deviation: kid.standard_deviation,
        kid_size,
    }))
}
