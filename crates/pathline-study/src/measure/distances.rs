//! Other distances between the samples and real points than the kernel and the Frechet distance, each beside the same
//! between two sets of real points.

use pathline::neighbours::Bandwidth;
use pathline::quality::{
    KidSubsets, Moments, Replicates, frechet_distance, gaussian_mmd, replicates,
    sliced_wasserstein, wasserstein,
};
use pathline::statistics::Estimate;
use pathline::{Batch, Purpose, Seed};

use crate::error::Error;
use crate::sets::BLOCKS;

/// Random directions of the sliced distance.
const DIRECTIONS: usize = 200;
/// Most points a side where the cost grows faster than their number.
const MOST: usize = 1000;

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
    /// Frechet distance at equal numbers: what may be set against its floor.
    #[serde(default)]
    pub frechet: f64,
    /// The same between two sets of real points.
    #[serde(default)]
    pub frechet_floor: f64,
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

/// Distances from drawn real points that have replicates for paired differences between runs.
pub(crate) struct Further {
    real: Batch,
    /// Of the kernel; none where half of the points are one point.
    width: Option<f64>,
}

impl Further {
    /// Distances from these points: at most 1000 of them, drawn.
    pub(crate) fn to(real: &Batch) -> Result<Self, Error> {
        let real = drawn(real, 1)?;
        let real = some(&real, 0, real.len().min(MOST))?;
        Ok(Self { width: Bandwidth::Median.of(&real).ok(), real })
    }

    /// The sliced Wasserstein distance of samples and, where it has a kernel, the MMD: of the first 1000 of them, which
    /// are the same in every run.
    pub(crate) fn of(&self, generated: &Batch) -> Result<Vec<Replicates>, Error> {
        let samples = some(generated, 0, generated.len().min(MOST))?;
        let sliced = |set: &Batch| sliced_wasserstein(set, &self.real, DIRECTIONS, Seed(0));
        let mut found = vec![replicates(&samples, BLOCKS, sliced)?];
        if let Some(width) = self.width {
            let mmd = |set: &Batch| gaussian_mmd(set, &self.real, width);
            found.push(replicates(&samples, BLOCKS, mmd)?);
        }
        Ok(found)
    }
}

/// The points in an order drawn for the set of this number.
fn drawn(of: &Batch, number: u64) -> Result<Batch, Error> {
    let order = Seed(0).stream(Purpose::Resample, number, 9).permutation(of.len());
    Ok(of.select(&order)?)
}

/// `count` points from one on.
fn some(of: &Batch, from: usize, count: usize) -> Result<Batch, Error> {
    Ok(of.select(&(from..from + count).collect::<Vec<_>>())?)
}

/// The distances, with as many samples as real points: at most half of those, drawn, so that the floors are of as many.
/// Nothing where the median distance between real points is 0, and no kernel could be as wide.
pub(super) fn distances(generated: &Batch, real: &Batch) -> Result<Option<Distances>, Error> {
    let points = generated.len().min(real.len() / 2).min(MOST);
    let (samples, real_drawn) = (drawn(generated, 0)?, drawn(real, 1)?);
    let (samples, here, there) = (
        some(&samples, 0, points)?,
        some(&real_drawn, 0, points)?,
        some(&real_drawn, points, points)?,
    );
    let sliced = |set: &Batch| sliced_wasserstein(set, &here, DIRECTIONS, Seed(0));
    let moments = Moments::of(&here)?;
    let frechet = |set: &Batch| frechet_distance(&Moments::of(set)?, &moments);
    let Ok(width) = Bandwidth::Median.of(&here) else { return Ok(None) };
    let kid_size = generated.len().min(real.len()).min(KidSubsets::default().size);
    let kid = KidSubsets { size: kid_size, ..KidSubsets::default() }.estimate(generated, real)?;
    Ok(Some(Distances {
        points,
        sliced: replicates(&samples, BLOCKS, sliced)?.interval(0.95)?.estimate,
        sliced_floor: sliced(&there)?,
        exact: wasserstein(&samples, &here)?,
        exact_floor: wasserstein(&there, &here)?,
        frechet: frechet(&samples)?,
        frechet_floor: frechet(&there)?,
        mmd: gaussian_mmd(&samples, &here, width)?,
        mmd_floor: gaussian_mmd(&there, &here, width)?,
        kid_subsets: kid.mean,
        kid_deviation: kid.standard_deviation,
        kid_size,
    }))
}
