//! The Frechet distance that infinitely many samples would have.
//!
//! The distance of `n` samples is too large by about `b / n`, with a `b` that depends on the model: at one
//! `n` it may rank two models wrongly. Distances `FD(n)` of random subsets of several sizes `n_1, ..., n_k`,
//! at even steps from the smallest to all samples, are fitted by a straight line in `1 / n`, by least squares;
//! its value at `1 / n = 0` is the estimate.
//!
//! The real side is taken as known: give moments of as many real samples as there are, or published ones.
//! Their own bias stays.
//!
//! # What fools it
//! - *Few samples.* The line holds where `n` is well above the number of features: let the smallest
//!   subset be at least twice it (with Inception's 2048 features, 5000).
//! - *Its spread.* Subsets share samples, and the estimate leaves the range of the data: it scatters more
//!   than the distance it corrects. Near 0 it may be negative.
//!
//! # References
//! Chong and Forsyth (2020), arXiv 1911.07023, section 4 (the line; they draw generated samples from Sobol
//! sequences, here they are plain).
//!
//! # Not to be confused with
//! [`half_split_floor`](super::half_split_floor()), what a perfect model has at one `n`.

use rayon::prelude::*;

use super::check_features;
use super::frechet::frechet_distance;
use super::moments::Moments;
use crate::batch::Batch;
use crate::error::Error;
use crate::seed::{Purpose, Seed};

/// Which subsets the line is drawn through.
///
/// # Examples
/// ```
/// use pathline::Seed;
/// use pathline::quality::FrechetSizes;
/// let small = FrechetSizes { count: 10, smallest: 500, seed: Seed(1) };
/// assert_eq!(FrechetSizes::default().smallest, 10 * small.smallest);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrechetSizes {
    /// Number of subsets, at least 2.
    pub count: usize,
    /// Samples of the smallest, from 2 to one less than there are.
    pub smallest: usize,
    /// Subset `s` draws from the stream `(seed, Resample, s, 0)`.
    pub seed: Seed,
}

impl Default for FrechetSizes {
    /// 15 subsets from 5000 samples on, seed 0: as published.
    fn default() -> Self {
        Self { count: 15, smallest: 5000, seed: Seed(0) }
    }
}

/// The line and what it was drawn through.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtrapolatedFrechet {
    /// The distance at `1 / n = 0`.
    pub value: f64,
    /// The slope `b` in `1 / n`: the bias at `n` samples is about `b / n`.
    pub slope: f64,
    /// Size of each subset, the last of them all samples.
    pub sizes: Vec<usize>,
    /// Distance of each subset.
    pub distances: Vec<f64>,
}

impl FrechetSizes {
    /// The distance of a run to real moments, extrapolated.
    ///
    /// # Errors
    /// As [`frechet_distance`](super::frechet_distance()); [`Error::Invalid`] when sizes are out of their range
    /// or a value is not finite.
    ///
    /// # Examples
    /// ```
    /// use pathline::quality::{FrechetSizes, Moments};
    /// use pathline::{Batch, Purpose, Seed, Shape};
    /// let mut run = Batch::zeros(1500, Shape::vector(24));
    /// Seed(0).normal(Purpose::Data, 0, 0, run.as_mut_slice());
    /// let unit = |e: usize| if e % 25 == 0 { 1.0 } else { 0.0 };
    /// let real = Moments::new(vec![0.0; 24], (0..576).map(unit).collect())?;
    /// let found = FrechetSizes { count: 15, smallest: 150, seed: Seed(0) }.extrapolate(&run, &real)?;
    /// // The truth is 0.
    /// assert!(found.value.abs() < 0.5 * found.distances[14]);
    /// # Ok::<(), pathline::Error>(())
    /// ```
    pub fn extrapolate(
        &self,
        generated: &Batch,
        real: &Moments,
    ) -> Result<ExtrapolatedFrechet, Error> {
        check_features("generated features", generated, 3)?;
        let n = generated.len();
        if !(2..n).contains(&self.smallest) {
            let remedy = format!("give 2 to {}, and at least twice the number of features", n - 1);
            return Err(Error::invalid("samples of the smallest subset", self.smallest, remedy));
        }
        if self.count < 2 || self.count > n - self.smallest + 1 {
            let most = n - self.smallest + 1;
            let remedy =
                format!("give 2 to {most}, so that each has its own size; fifteen are usual");
            return Err(Error::invalid("number of subsets", self.count, remedy));
        }
        let size = |s: usize| self.smallest + s * (n - self.smallest) / (self.count - 1);
        let sizes: Vec<usize> = (0..self.count).map(size).collect();
        let distances = sizes
            .par_iter()
            .enumerate()
            .map(|(s, &size)| {
                let order = self.seed.stream(Purpose::Resample, s as u64, 0).permutation(n);
                frechet_distance(&Moments::of(&generated.select(&order[..size])?)?, real)
            })
            .collect::<Result<Vec<f64>, Error>>()?;
        let count = sizes.len() as f64;
        let inverse: Vec<f64> = sizes.iter().map(|&size| 1.0 / size as f64).collect();
        let (x, y) = (inverse.iter().sum::<f64>() / count, distances.iter().sum::<f64>() / count);
        let pairs = inverse.iter().zip(&distances);
        let together: f64 = pairs.map(|(own, distance)| (own - x) * (distance - y)).sum();
        let slope = together / inverse.iter().map(|own| (own - x) * (own - x)).sum::<f64>();
        Ok(ExtrapolatedFrechet { value: y - slope * x, slope, sizes, distances })
    }
}
