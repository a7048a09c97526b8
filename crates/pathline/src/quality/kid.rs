//! Kernel distance: the squared maximum mean discrepancy with a cubic kernel, without bias.
//!
//! With `k(x, y) = (<x, y> / D + 1)^3`, `n` generated samples `x` and `m` real ones `y`:
//! `KID = 1/(n (n-1)) sum_{i != j} k(x_i, x_j) + 1/(m (m-1)) sum_{i != j} k(y_i, y_j) - 2/(n m) sum k(x_i, y_j)`.
//! The kernel compares moments up to the third. Inner products are in `f32`, kernels and sums in `f64`:
//! rounding is about 1e-7 of the mean kernel.
//!
//! Range: its mean over repetitions is 0 for equal distributions and above 0 otherwise, so that one
//! estimate may be below 0; it is not clipped. Larger sets make it surer, not larger. As a headline
//! it is to be preferred to a Frechet distance wherever samples are few.
//!
//! # What fools it
//! - *Scale.* The kernel is a cubic in the features: a few large features decide. Values compare only
//!   between runs with one feature network and one real set.
//! - *Dark corners.* A rare mode that is missing moves the mean of a kernel little: look at recall too.
//! - *The spread of subsets.* It is the spread at the subset's size, and subsets share samples: not a
//!   standard error of the estimate. Use [`kid_replicates`] for that.
//!
//! # References
//! Binkowski et al. (2018), arXiv 1801.01401, section 4 (kernel and subsets); Gretton et al. (2012),
//! "A kernel two-sample test", equation 3 (the unbiased estimate).
//!
//! # Not to be confused with
//! MMD with a Gaussian kernel, which is bounded; the root of this number, which is biased again.

use rayon::prelude::*;

use super::check_pair;
use super::difference::{Replicates, blocks_of};
use crate::batch::Batch;
use crate::error::Error;
use crate::kernels::{Layout, product, vectorised};
use crate::seed::{Purpose, Seed};

/// Rows and columns of one product. Fixed, so that sums have one order on any number of threads.
const ROWS: usize = 64;
const COLUMNS: usize = 1024;

/// The kernel distance from all samples: no subset, no seed.
///
/// # Errors
/// [`Error::Count`] when the numbers of features differ; [`Error::Invalid`] when a side has fewer than two
/// rows, a value is not finite, or kernels overflow.
///
/// # Examples
/// ```
/// use pathline::quality::kid;
/// use pathline::{Batch, Shape};
/// let generated = Batch::from_vec(vec![1.0, -1.0], Shape::vector(1))?;
/// let real = Batch::from_vec(vec![0.0, 2.0], Shape::vector(1))?;
/// // k = 0 within the generated, 1 within the real, (1 + 27 + 1 - 1) / 4 across.
/// assert_eq!(kid(&generated, &real)?, 0.0 + 1.0 - 2.0 * 7.0);
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn kid(generated: &Batch, real: &Batch) -> Result<f64, Error> {
    check_pair(generated, real, 2)?;
    unbiased(generated, real)
}

fn unbiased(generated: &Batch, real: &Batch) -> Result<f64, Error> {
    let sums = [within(generated), within(real), between(generated, real)];
    combined(sums, generated.len(), real.len())
}

/// The estimate from the sums of kernels within each set and between them.
fn combined([own, real, cross]: [f64; 3], n: usize, m: usize) -> Result<f64, Error> {
    let (n, m) = (n as f64, m as f64);
    let value = own / (n * (n - 1.0)) + real / (m * (m - 1.0)) - 2.0 * cross / (n * m);
    if value.is_finite() {
        return Ok(value);
    }
    let remedy = "the kernel is a cubic and overflows on features this large: scale both sets";
    Err(Error::invalid("kernel distance", value, remedy))
}

/// The kernel distance of a run, whole and without each of `blocks` blocks of its samples, for an interval
/// of the [difference](Replicates::difference) of two runs. Costs one pass over all pairs.
///
/// # Errors
/// As [`kid`]; [`Error::Invalid`] when there are fewer than two blocks or a block leaves fewer than two
/// samples.
///
/// # Examples
/// ```
/// use pathline::quality::{kid, kid_replicates};
/// use pathline::{Batch, Purpose, Seed, Shape};
/// let mut points = Batch::zeros(400, Shape::vector(3));
/// Seed(0).normal(Purpose::Data, 0, 0, points.as_mut_slice());
/// let run = points.select(&(0..200).collect::<Vec<_>>())?;
/// let real = points.select(&(200..400).collect::<Vec<_>>())?;
/// let found = kid_replicates(&run, &real, 20)?;
/// assert!((found.value - kid(&run, &real)?).abs() < 1e-6);
/// assert!(found.interval(0.99)?.estimate.contains(0.0));
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn kid_replicates(generated: &Batch, real: &Batch, blocks: usize) -> Result<Replicates, Error> {
    check_pair(generated, real, 2)?;
    let members = blocks_of(generated.len(), blocks)?;
    let parts = members.iter().map(|rows| generated.select(rows)).collect::<Result<Vec<_>, _>>()?;
    let inside: Vec<f64> = parts.iter().map(within).collect();
    let across: Vec<f64> = parts.iter().map(|part| between(part, real)).collect();
    // Each block with all others: what leaves with it, once for each side.
    let mut with_others = vec![0.0; blocks];
    for i in 0..blocks {
        for j in 0..i {
            let sum = between(&parts[i], &parts[j]);
            with_others[i] += sum;
            with_others[j] += sum;
        }
    }
    let own = inside.iter().sum::<f64>() + with_others.iter().sum::<f64>();
    let (cross, real_sum): (f64, f64) = (across.iter().sum(), within(real));
    let value = combined([own, real_sum, cross], generated.len(), real.len())?;
    let without = (0..blocks)
        .map(|b| {
            let left = [own - inside[b] - 2.0 * with_others[b], real_sum, cross - across[b]];
            combined(left, generated.len() - parts[b].len(), real.len())
        })
        .collect::<Result<Vec<f64>, Error>>()?;
    Ok(Replicates { value, without, samples: generated.len() })
}

/// How to draw subsets for the published form of the estimate.
///
/// # Examples
/// ```
/// use pathline::Seed;
/// use pathline::quality::KidSubsets;
/// let quick = KidSubsets { count: 10, size: 200, seed: Seed(1) };
/// assert_eq!(KidSubsets::default().size, 5 * quick.size);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KidSubsets {
    /// Number of subsets, at least 2.
    pub count: usize,
    /// Rows of each side in a subset, from 2 to the smaller of the sets; drawn without replacement.
    pub size: usize,
    /// Subset `s` draws from the streams `(seed, Resample, s, 0)` and, for the real side, `1`.
    pub seed: Seed,
}

impl Default for KidSubsets {
    /// 100 subsets of 1000, seed 0.
    fn default() -> Self {
        Self { count: 100, size: 1000, seed: Seed(0) }
    }
}

/// The kernel distance over subsets.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubsetKid {
    /// The mean over subsets: the published number.
    pub mean: f64,
    /// The standard deviation over subsets (dividing by one less than their number): often printed, but
    /// no standard error of the mean.
    pub standard_deviation: f64,
    /// The estimate of each subset.
    pub values: Vec<f64>,
}

impl KidSubsets {
    /// The estimate over subsets of `generated` and `real`.
    ///
    /// # Errors
    /// As [`kid`]; [`Error::Invalid`] when there are fewer than two subsets or their size is out of range.
    ///
    /// # Examples
    /// ```
    /// use pathline::quality::{KidSubsets, kid};
    /// use pathline::{Batch, Seed, Shape};
    /// let generated = Batch::from_vec(vec![1.0, -1.0, 0.5], Shape::vector(1))?;
    /// let real = Batch::from_vec(vec![0.0, 2.0, 1.0], Shape::vector(1))?;
    /// // Subsets of everything are all alike.
    /// let whole = KidSubsets { count: 4, size: 3, seed: Seed(0) }.estimate(&generated, &real)?;
    /// assert!((whole.mean - kid(&generated, &real)?).abs() < 1e-6);
    /// # Ok::<(), pathline::Error>(())
    /// ```
    pub fn estimate(&self, generated: &Batch, real: &Batch) -> Result<SubsetKid, Error> {
        check_pair(generated, real, 2)?;
        let most = generated.len().min(real.len());
        if !(2..=most).contains(&self.size) {
            let remedy = format!("give 2 to {most}, or use all samples with `kid`");
            return Err(Error::invalid("rows of a subset", self.size, remedy));
        }
        if self.count < 2 {
            let remedy = "give at least two; a hundred are usual";
            return Err(Error::invalid("number of subsets", self.count, remedy));
        }
        let draw = |batch: &Batch, subset: u64, side: u64| {
            let order = self.seed.stream(Purpose::Resample, subset, side).permutation(batch.len());
            batch.select(&order[..self.size])
        };
        let values = (0..self.count as u64)
            .into_par_iter()
            .map(|subset| unbiased(&draw(generated, subset, 0)?, &draw(real, subset, 1)?))
            .collect::<Result<Vec<f64>, Error>>()?;
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let spread: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
        Ok(SubsetKid { mean, standard_deviation: (spread / (n - 1.0)).sqrt(), values })
    }
}

/// The kernels between all pairs of different rows of a set, both orders.
fn within(set: &Batch) -> f64 {
    let d = set.width();
    let blocks: Vec<f64> = set
        .as_slice()
        .par_chunks(ROWS * d)
        .enumerate()
        .map(|(block, rows)| {
            let n = rows.len() / d;
            let mut square = vec![0.0; n * n];
            product([n, n, d], rows, rows, Layout::Transposed, 0.0, &mut square);
            for equal in square.iter_mut().step_by(n + 1) {
                // A kernel of 0.
                *equal = -(d as f32);
            }
            let after = &set.as_slice()[block * ROWS * d + rows.len()..];
            kernel_sum(&square, d) + 2.0 * rectangle(rows, after, d)
        })
        .collect();
    blocks.iter().sum()
}

/// The kernels between all rows of two sets.
fn between(one: &Batch, other: &Batch) -> f64 {
    let d = one.width();
    let rows = one.as_slice().par_chunks(ROWS * d);
    let blocks: Vec<f64> = rows.map(|rows| rectangle(rows, other.as_slice(), d)).collect();
    blocks.iter().sum()
}

/// The kernels between a few rows and any number of others.
fn rectangle(rows: &[f32], others: &[f32], d: usize) -> f64 {
    let m = rows.len() / d;
    let mut products = vec![0.0; m * COLUMNS.min(others.len() / d)];
    let mut sum = 0.0;
    for others in others.chunks(COLUMNS * d) {
        let n = others.len() / d;
        let products = &mut products[..m * n];
        product([m, n, d], rows, others, Layout::Transposed, 0.0, products);
        sum += kernel_sum(products, d);
    }
    sum
}

/// `sum (p / d + 1)^3` over inner products, in lanes that vectorise.
fn kernel_sum(products: &[f32], d: usize) -> f64 {
    const LANES: usize = 16;
    let kernel = |p: f32| {
        let k = f64::from(p) / d as f64 + 1.0;
        k * k * k
    };
    vectorised(
        #[inline(always)]
        || {
            let mut lanes = [0.0; LANES];
            let chunks = products.chunks_exact(LANES);
            let tail: f64 = chunks.remainder().iter().map(|&p| kernel(p)).sum();
            for chunk in chunks {
                for (lane, &p) in lanes.iter_mut().zip(chunk) {
                    *lane += kernel(p);
                }
            }
            lanes.iter().sum::<f64>() + tail
        },
    )
}
