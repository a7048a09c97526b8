//! Whether one run is better than another: the delete-block jackknife of a difference.
//!
//! A measure `T` of run `a` and of run `b`, whose samples `i` came from the same noise and condition, is
//! taken of all samples and without block `j` of both: `D_j = T_j(a) - T_j(b)`. With `g` blocks and `M` the
//! mean of the `D_j` the standard error is `sqrt((g - 1) / g sum (D_j - M)^2)`, and the interval is
//! Student's with `g - 1` degrees of freedom. Pairing takes out what the runs share, and the bias of
//! distances that depends on the number of samples cancels.
//!
//! The real set is held fixed: the interval says what other noise would have given against this real
//! set. Below some ten samples a block, or for measures that jump (recall on few samples), it is rough.
//!
//! # References
//! Efron and Tibshirani (1993), "An Introduction to the Bootstrap", chapter 11; Kuensch (1989), "The
//! jackknife and the bootstrap for general stationary observations".
//!
//! # Not to be confused with
//! A bootstrap of each run by itself: it repeats samples, which Frechet and nearest-neighbour
//! distances take for structure, and it throws the pairing away.

use rayon::prelude::*;

use crate::batch::Batch;
use crate::error::Error;
use crate::statistics::JackknifeEstimate;

/// A measure of one run: of all samples, and without each block of them.
///
/// # Examples
/// ```
/// use pathline::quality::Replicates;
/// let run = Replicates { value: 3.0, without: vec![4.0, 3.5, 1.5], samples: 3 };
/// let same = run.difference(&run, 0.95)?;
/// assert_eq!((same.estimate.value, same.standard_error), (0.0, 0.0));
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replicates {
    /// The measure of all samples.
    pub value: f64,
    /// The measure without block `j`, for each block; sample `i` is in block `i mod blocks`.
    pub without: Vec<f64>,
    /// Number of samples.
    pub samples: usize,
}

impl Replicates {
    /// This run's measure with its interval at probability `level`.
    ///
    /// A bias of the measure (Frechet distance) is reported, not removed, and the interval is around
    /// the biased value.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there are fewer than two blocks, a value is not finite, or the level is not
    /// in `(0, 1)`.
    pub fn interval(&self, level: f64) -> Result<JackknifeEstimate, Error> {
        JackknifeEstimate::from_parts(self.value, &self.without, level)
    }

    /// This run's measure less that of another whose samples are paired with these by index.
    ///
    /// # Errors
    /// As [`Replicates::interval`]; [`Error::Count`] when the numbers of samples or of blocks differ.
    pub fn difference(&self, other: &Self, level: f64) -> Result<JackknifeEstimate, Error> {
        Error::check_count("samples of the second run", self.samples, other.samples)?;
        let (own, theirs) = (&self.without, &other.without);
        Error::check_count("blocks of the second run", own.len(), theirs.len())?;
        let parts: Vec<f64> = own.iter().zip(theirs).map(|(a, b)| a - b).collect();
        JackknifeEstimate::from_parts(self.value - other.value, &parts, level)
    }
}

/// Replicates of any measure, computed anew for each block: `blocks + 1` times its cost.
///
/// [`frechet_replicates`](super::frechet_replicates) and [`kid_replicates`](super::kid_replicates) have
/// shorter ways.
///
/// # Errors
/// Those of the measure; [`Error::Invalid`] when there are fewer than two blocks or fewer samples than
/// two and than blocks.
///
/// # Examples
/// ```
/// use pathline::quality::{precision_recall, replicates};
/// use pathline::{Batch, Purpose, Seed, Shape};
/// let mut points = Batch::zeros(300, Shape::vector(2));
/// Seed(0).normal(Purpose::Data, 0, 0, points.as_mut_slice());
/// let real = points.select(&(0..150).collect::<Vec<_>>())?;
/// let run = points.select(&(150..300).collect::<Vec<_>>())?;
/// let recall = replicates(&run, 10, |run| Ok(precision_recall(run, &real, 3)?.recall))?;
/// assert!(recall.interval(0.95)?.estimate.low > 0.5);
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn replicates(
    generated: &Batch,
    blocks: usize,
    measure: impl Fn(&Batch) -> Result<f64, Error> + Sync,
) -> Result<Replicates, Error> {
    let members = blocks_of(generated.len(), blocks)?;
    let value = measure(generated)?;
    let without = (0..members.len())
        .into_par_iter()
        .map(|block| {
            let rows: Vec<usize> =
                (0..generated.len()).filter(|i| i % members.len() != block).collect();
            measure(&generated.select(&rows)?)
        })
        .collect::<Result<Vec<f64>, Error>>()?;
    Ok(Replicates { value, without, samples: generated.len() })
}

/// The samples of each block, `i mod blocks`, of which any one may be left out and two samples remain.
pub(super) fn blocks_of(n: usize, blocks: usize) -> Result<Vec<Vec<usize>>, Error> {
    if blocks < 2 || blocks > n || n - n.div_ceil(blocks) < 2 {
        let value = format!("{blocks} of {n} samples");
        let remedy = "give at least two blocks (twenty are usual), no more than samples, so that \
                      two samples remain without any block";
        return Err(Error::invalid("number of jackknife blocks", value, remedy));
    }
    Ok((0..blocks).map(|block| (block..n).step_by(blocks).collect()).collect())
}
