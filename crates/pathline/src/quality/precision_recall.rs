//! Realism and diversity apart: precision and recall, density and coverage.
//!
//! A set's support is estimated by balls: around sample `i`, with radius `r_k(i)` the distance to its
//! `k`-th nearest other sample of the same set. With real samples `x_i` (`N` of them), generated `y_j` (`M`)
//! and `B` the ball, rim included:
//! - precision `1/M sum_j [y_j in any B(x_i, r_k(x_i))]`: how many generated samples look real;
//! - recall `1/N sum_i [x_i in any B(y_j, r_k(y_j))]`: how many real samples the model could make;
//! - density `1/(k M) sum_j sum_i [y_j in B(x_i, r_k(x_i))]`: precision that counts balls, and may exceed 1;
//! - coverage `1/N sum_i [any y_j in B(x_i, r_k(x_i))]`: how many real neighbourhoods were hit.
//!
//! Published choices: `k = 3` for precision and recall, `k = 5` for density and coverage. Distances are
//! exact: matrix products in `f32` decide only what their error bound allows, and the rest is measured
//! in `f64`.
//!
//! # What fools them
//! - *An outlier.* Its ball is huge: one among the real samples lifts precision, one among the generated
//!   lifts recall. Density and coverage are made against that.
//! - *Numbers.* All four depend on `N`, `M` and `k`. For equal distributions density has mean 1 and
//!   coverage [`expected_coverage`]; precision and recall have no such anchor: measure them between
//!   halves of the real set at the same numbers.
//! - *A copied training set* scores best of all: read [`memorisation`](crate::neighbours::memorisation) beside.
//! - *Blurred or averaged samples* in high dimension sit inside many balls: precision and density like them.
//! - *Dimension.* Far from the data all radii are alike; beyond some hundreds of features take features
//!   that mean something.
//!
//! # References
//! Kynkaanniemi et al. (2019), arXiv 1904.06991, equations 1 and 2; Naeem et al. (2020), arXiv
//! 2002.09797, section 3 (density, coverage and the expected coverage).
//!
//! # Not to be confused with
//! The package `prdc`, which takes one `k` for all four and leaves the rim out: on samples without ties the
//! numbers are the same. Precision and recall of a classifier; those of Sajjadi et al. (2018), which are a curve.

mod balls;

use super::difference::blocks_of;
use super::{Replicates, check_pair};
use crate::batch::Batch;
use crate::error::Error;
use balls::{held, hits, radii, radii_without_blocks, reached};

/// Precision and recall, each from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrecisionRecall {
    /// Share of generated samples inside the real support.
    pub precision: f64,
    /// Share of real samples inside the generated support.
    pub recall: f64,
}

/// Density, from 0 to `N / k`, and coverage, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DensityCoverage {
    /// Real balls that hold a generated sample, in units of `k`.
    pub density: f64,
    /// Share of real balls that hold any generated sample.
    pub coverage: f64,
}

/// Precision and recall of generated samples (published `k`: 3).
///
/// # Errors
/// [`Error::Count`] when the numbers of features differ; [`Error::Invalid`] when `k` is 0 or not below the
/// number of samples on each side, a value is not finite, or every real ball has radius 0.
///
/// # Examples
/// ```
/// use pathline::quality::precision_recall;
/// use pathline::{Batch, Shape};
/// let real = Batch::from_vec(vec![0.0, 1.0, 10.0, 11.0], Shape::vector(1))?;
/// // A model that knows one of the two groups.
/// let generated = Batch::from_vec(vec![0.2, 0.9, 0.5], Shape::vector(1))?;
/// let found = precision_recall(&generated, &real, 1)?;
/// assert_eq!((found.precision, found.recall), (1.0, 0.5));
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn precision_recall(
    generated: &Batch,
    real: &Batch,
    k: usize,
) -> Result<PrecisionRecall, Error> {
    check(generated, real, k)?;
    check_k(k, generated.len())?;
    let share = |points: &Batch, centres: &Batch, radii: &[f64]| {
        let held = held(points, centres, radii);
        held.iter().filter(|n| **n > 0).count() as f64 / held.len() as f64
    };
    let precision = share(generated, real, &real_radii(real, k)?);
    let recall = share(real, generated, &radii(generated, k)?);
    Ok(PrecisionRecall { precision, recall })
}

/// Density and coverage of generated samples (published `k`: 5).
///
/// # Errors
/// As [`precision_recall`], but that any one generated sample will do.
///
/// # Examples
/// ```
/// use pathline::quality::density_coverage;
/// use pathline::{Batch, Shape};
/// let real = Batch::from_vec(vec![0.0, 1.0, 10.0, 11.0], Shape::vector(1))?;
/// let generated = Batch::from_vec(vec![0.2, 0.9, 0.5], Shape::vector(1))?;
/// let found = density_coverage(&generated, &real, 1)?;
/// assert_eq!((found.density, found.coverage), (2.0, 0.5));
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn density_coverage(
    generated: &Batch,
    real: &Batch,
    k: usize,
) -> Result<DensityCoverage, Error> {
    check(generated, real, k)?;
    let found = hits(generated, real, &real_radii(real, k)?, 1);
    let held: usize = found.of_point.iter().sum();
    let hit = found.hit.iter().filter(|hit| **hit != 0).count();
    Ok(DensityCoverage {
        density: held as f64 / (k as f64 * generated.len() as f64),
        coverage: hit as f64 / real.len() as f64,
    })
}

/// Precision and recall with replicates for their intervals, in one pass over all distances.
///
/// Without a block the balls of other generated samples may grow, which recall counts: each replicate is what
/// [`precision_recall`] says of the samples that are left.
///
/// # Errors
/// As [`precision_recall`], `k` being below the number of samples without a block; [`Error::Invalid`] for more than 63
/// blocks, fewer than two, or more than samples.
///
/// # Examples
/// ```
/// use pathline::quality::precision_recall_replicates;
/// use pathline::{Batch, Purpose, Seed, Shape};
/// let mut points = Batch::zeros(300, Shape::vector(2));
/// Seed(0).normal(Purpose::Data, 0, 0, points.as_mut_slice());
/// let real = points.select(&(0..150).collect::<Vec<_>>())?;
/// let run = points.select(&(150..300).collect::<Vec<_>>())?;
/// let [precision, recall] = precision_recall_replicates(&run, &real, 3, 10)?;
/// assert!(precision.interval(0.95)?.estimate.low > 0.8 && recall.interval(0.95)?.estimate.low > 0.8);
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn precision_recall_replicates(
    generated: &Batch,
    real: &Batch,
    k: usize,
    blocks: usize,
) -> Result<[Replicates; 2], Error> {
    check(generated, real, k)?;
    check_blocks(generated.len(), blocks)?;
    check_k(k, generated.len() - generated.len().div_ceil(blocks))?;
    let held = held(generated, real, &real_radii(real, k)?);
    let precision = |left_out: usize| {
        let kept = || held.iter().enumerate().filter(|(i, _)| i % blocks != left_out);
        kept().filter(|(_, held)| **held > 0).count() as f64 / kept().count() as f64
    };
    let reached = reached(real, generated, &radii_without_blocks(generated, k, blocks)?, blocks);
    let recall = |left_out: usize| {
        let by = reached.iter().filter(|without| **without & (1 << left_out) != 0).count();
        by as f64 / real.len() as f64
    };
    Ok([replicated(generated, blocks, &precision), replicated(generated, blocks, &recall)])
}

/// Density and coverage with replicates for their intervals, in one pass over all distances.
///
/// # Errors
/// As [`density_coverage`]; [`Error::Invalid`] for more than 63 blocks, fewer than two, or more than samples.
///
/// # Examples
/// ```
/// use pathline::quality::density_coverage_replicates;
/// use pathline::{Batch, Purpose, Seed, Shape};
/// let mut points = Batch::zeros(300, Shape::vector(2));
/// Seed(0).normal(Purpose::Data, 0, 0, points.as_mut_slice());
/// let real = points.select(&(0..150).collect::<Vec<_>>())?;
/// let run = points.select(&(150..300).collect::<Vec<_>>())?;
/// let [density, _] = density_coverage_replicates(&run, &real, 5, 10)?;
/// assert!(density.interval(0.95)?.estimate.contains(1.0));
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn density_coverage_replicates(
    generated: &Batch,
    real: &Batch,
    k: usize,
    blocks: usize,
) -> Result<[Replicates; 2], Error> {
    check(generated, real, k)?;
    check_blocks(generated.len(), blocks)?;
    let found = hits(generated, real, &real_radii(real, k)?, blocks);
    let density = |left_out: usize| {
        let kept = || found.of_point.iter().enumerate().filter(|(i, _)| i % blocks != left_out);
        let held: usize = kept().map(|(_, held)| held).sum();
        held as f64 / (k * kept().count()) as f64
    };
    let coverage = |left_out: usize| {
        let others = if left_out < blocks { !(1 << left_out) } else { u64::MAX };
        let hit = found.hit.iter().filter(|by| **by & others != 0).count();
        hit as f64 / real.len() as f64
    };
    Ok([replicated(generated, blocks, &density), replicated(generated, blocks, &coverage)])
}

/// A share of what is left without one block of the generated samples after the other: block `blocks` has none, and
/// without it there are all.
fn replicated(generated: &Batch, blocks: usize, of: &dyn Fn(usize) -> f64) -> Replicates {
    Replicates {
        value: of(blocks),
        without: (0..blocks).map(of).collect(),
        samples: generated.len(),
    }
}

/// The coverage to expect of `generated` samples from the same continuous distribution as `real` ones:
/// `1 - prod_{i=1..k} (N - i) / (N + M - i)`, whatever the distribution and the dimension.
///
/// # Errors
/// [`Error::Invalid`] when `k` is 0 or not below `real`.
///
/// # Examples
/// ```
/// let expected = pathline::quality::expected_coverage(10_000, 10_000, 5)?;
/// assert!((expected - 0.969).abs() < 1e-3);
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn expected_coverage(generated: usize, real: usize, k: usize) -> Result<f64, Error> {
    check_k(k, real)?;
    let (m, n) = (generated as f64, real as f64);
    Ok(1.0 - (1..=k).map(|i| (n - i as f64) / (n + m - i as f64)).product::<f64>())
}

fn check(generated: &Batch, real: &Batch, k: usize) -> Result<(), Error> {
    check_pair(generated, real, 1)?;
    check_k(k, real.len())
}

/// Blocks are bits: one for each, and one for none.
fn check_blocks(samples: usize, blocks: usize) -> Result<(), Error> {
    blocks_of(samples, blocks)?;
    if blocks < u64::BITS as usize {
        return Ok(());
    }
    let remedy = "give at most 63; twenty are usual";
    Err(Error::invalid("number of jackknife blocks", blocks, remedy))
}

fn check_k(k: usize, n: usize) -> Result<(), Error> {
    if (1..n).contains(&k) {
        return Ok(());
    }
    let remedy = format!("a set of {n} samples offers 1 to {}; 3 and 5 are usual", n.max(1) - 1);
    Err(Error::invalid("number of neighbours", k, remedy))
}

fn real_radii(real: &Batch, k: usize) -> Result<Vec<f64>, Error> {
    let found = radii(real, k)?;
    if found.iter().all(|r| *r == 0.0) {
        let remedy = "every real sample has that many exact copies: remove the copies, or check the \
                      features";
        return Err(Error::invalid("radius of every real ball", 0, remedy));
    }
    Ok(found)
}
