//! The percentile bootstrap: the spread of a statistic over resamples drawn with replacement.
//!
//! The interval runs between the quantiles `(1 - level) / 2` and `(1 + level) / 2` of the statistic
//! over resamples of the same size.
//!
//! It fails, and may exclude its own estimate, for statistics that repeated samples bias: Frechet
//! distances, nearest-neighbour distances, anything with a covariance of high dimension. Use
//! [`Jackknife`](super::Jackknife) on paired differences there. It is too narrow below some twenty
//! samples, and useless for extremes such as a maximum. Resample what is independent: seeds, not
//! steps of one trajectory.
//!
//! # References
//! Efron (1979), "Bootstrap methods: another look at the jackknife"; Efron and Tibshirani (1993), "An
//! Introduction to the Bootstrap", chapter 13.

use rayon::prelude::*;

use super::{Estimate, check_level, quantile};
use crate::error::Error;
use crate::seed::{Purpose, Seed};

/// How to resample.
///
/// # Examples
/// ```
/// use pathline::statistics::Bootstrap;
/// let values = [1.0, 2.0, 4.0, 8.0, 16.0];
/// let mean = |rows: &[usize]| {
///     Some(rows.iter().map(|&i| values[i]).sum::<f64>() / rows.len() as f64)
/// };
/// let estimate = Bootstrap::default().interval(values.len(), mean)?;
/// assert_eq!(estimate.value, 6.2);
/// assert!(estimate.contains(6.2) && !estimate.contains(16.0));
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bootstrap {
    /// Number of resamples, from 2 to 2^24.
    pub resamples: usize,
    /// Probability that the interval aims to hold, in `(0, 1)`.
    pub level: f64,
    /// Resample `r` draws from the stream `(seed, Resample, r, 0)`.
    pub seed: Seed,
}

impl Default for Bootstrap {
    /// 1000 resamples, a 95 % interval, seed 0.
    fn default() -> Self {
        Self { resamples: 1000, level: 0.95, seed: Seed(0) }
    }
}

/// Most resamples: beyond it, the number is taken for a mistake.
const MOST: usize = 1 << 24;

/// The largest share of resamples on which a statistic may be undefined.
const UNDEFINED: f64 = 0.1;

impl Bootstrap {
    /// The statistic of all `n` samples, with its percentile interval.
    ///
    /// The statistic is given indices below `n`, and answers `None` where it is undefined (a
    /// correlation on a resample that is constant); those resamples are left out.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there are fewer than two samples or a number of resamples out of its
    /// range, the level is not in `(0, 1)`, or the statistic is undefined on all samples or on more than a tenth of the
    /// resamples (NaN and infinite answers count as undefined).
    pub fn interval(
        &self,
        n: usize,
        statistic: impl Fn(&[usize]) -> Option<f64> + Sync,
    ) -> Result<Estimate, Error> {
        check_level(self.level)?;
        if n < 2 || !(2..=MOST).contains(&self.resamples) {
            let value = format!("{} of {n} samples", self.resamples);
            let remedy =
                "give at least two samples, and from 2 to 2^24 resamples (a thousand is usual)";
            return Err(Error::invalid("number of resamples", value, remedy));
        }
        let finite = |rows: &[usize]| statistic(rows).filter(|v| v.is_finite());
        let all: Vec<usize> = (0..n).collect();
        let Some(value) = finite(&all) else {
            let remedy = "the statistic must be defined and finite on all samples";
            return Err(Error::invalid("statistic to bootstrap", "undefined", remedy));
        };
        let drawn: Vec<Option<f64>> = (0..self.resamples)
            .into_par_iter()
            .map(|r| {
                let mut stream = self.seed.stream(Purpose::Resample, r as u64, 0);
                let rows: Vec<usize> = (0..n).map(|_| stream.below(n)).collect();
                finite(&rows)
            })
            .collect();
        let defined: Vec<f64> = drawn.into_iter().flatten().collect();
        let lost = self.resamples - defined.len();
        if lost as f64 > UNDEFINED * self.resamples as f64 {
            let value = format!("undefined on {lost} of {} resamples", self.resamples);
            let remedy = "too few samples, or too many ties, for a bootstrap: collect more";
            return Err(Error::invalid("statistic to bootstrap", value, remedy));
        }
        let tail = (1.0 - self.level) / 2.0;
        let (low, high) = (quantile(&defined, tail)?, quantile(&defined, 1.0 - tail)?);
        Ok(Estimate { value, low, high })
    }
}
