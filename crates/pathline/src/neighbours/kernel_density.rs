//! Density at a point from all data rows, each a Gaussian bump of one width.
//!
//! `log p(x) = log sum_i exp(-|x - x_i|^2 / (2 h^2)) - log n - (d/2) log(2 pi h^2)`, with the sum taken
//! relative to its largest term and distances in `f64`, so that in many dimensions nothing underflows.
//!
//! The bandwidth `h`, with `s^2` the mean over coordinates of the (unbiased) variance of the data:
//!
//! | rule | `h` |
//! |---|---|
//! | Scott | `s n^(-1/(d+4))` |
//! | Silverman | `s (n (d + 2) / 4)^(-1/(d+4))` |
//! | median | the median distance between two rows |
//!
//! In hundreds of dimensions the first two are close to `s` whatever `n`, and the estimate follows the
//! nearest rows: compare with [`knn_log_density`](super::knn_log_density).
//!
//! # References
//! Scott (1992), "Multivariate density estimation", equation 6.42; Silverman (1986), "Density estimation for
//! statistics and data analysis", equations 4.14 and 4.15; Gretton et al. (2012), "A kernel two-sample
//! test", section 8 (median).

use rayon::prelude::*;

use super::nearest::{Exclude, check_finite};
use crate::batch::Batch;
use crate::error::Error;
use crate::kernels::squared_distance;
use crate::statistics::quantile;

/// Rows between which the median distance is taken: half a million pairs.
const MEDIAN_ROWS: usize = 1000;

/// How wide the bump of a data row is.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Bandwidth {
    /// Scott's rule.
    #[default]
    Scott,
    /// Silverman's rule.
    Silverman,
    /// The median distance between two of the first thousand rows.
    Median,
    /// A given width, positive.
    Fixed {
        /// The width.
        width: f64,
    },
}

impl Bandwidth {
    /// The width for these data.
    ///
    /// # Errors
    /// [`Error::Invalid`] for fewer than two rows, values that are not finite, and data or a given width
    /// that leave no width above 0.
    ///
    /// # Examples
    /// ```
    /// use pathline::neighbours::Bandwidth;
    /// use pathline::{Batch, Shape};
    /// let data = Batch::from_vec(vec![0.0, 1.0, 3.0], Shape::vector(1))?;
    /// assert_eq!(Bandwidth::Median.of(&data)?, 2.0);
    /// # Ok::<(), pathline::Error>(())
    /// ```
    pub fn of(self, data: &Batch) -> Result<f64, Error> {
        let (n, d) = (data.len() as f64, data.width() as f64);
        if data.len() < 2 {
            return Err(Error::invalid("rows of a density", data.len(), "give at least two"));
        }
        check_finite("data value", data)?;
        let width = match self {
            Self::Fixed { width } => width,
            Self::Scott => deviation(data) * libm::pow(n, -1.0 / (d + 4.0)),
            Self::Silverman => deviation(data) * libm::pow(n * (d + 2.0) / 4.0, -1.0 / (d + 4.0)),
            Self::Median => median_distance(data)?,
        };
        if width > 0.0 && width.is_finite() {
            return Ok(width);
        }
        let remedy = "must be positive and finite: give a width, or data that differ";
        Err(Error::invalid("bandwidth of a density", width, remedy))
    }
}

/// The root of the coordinates' mean variance.
fn deviation(data: &Batch) -> f64 {
    let (n, d) = (data.len() as f64, data.width());
    let mut mean = vec![0.0_f64; d];
    for row in data.rows().iter() {
        mean.iter_mut().zip(row).for_each(|(m, &v)| *m += f64::from(v) / n);
    }
    let squares = |row: &[f32]| -> f64 {
        row.iter().zip(&mean).map(|(&v, m)| (f64::from(v) - m).powi(2)).sum()
    };
    let sum: f64 = data.rows().iter().map(squares).sum();
    (sum / ((n - 1.0) * d as f64)).sqrt()
}

fn median_distance(data: &Batch) -> Result<f64, Error> {
    let rows = data.len().min(MEDIAN_ROWS);
    let distances: Vec<f64> = (1..rows)
        .into_par_iter()
        .flat_map_iter(|i| (0..i).map(move |j| squared_distance(data.row(i), data.row(j)).sqrt()))
        .collect();
    quantile(&distances, 0.5)
}

/// The log density of `data` at each row of `queries`, in nats.
///
/// # Errors
/// [`Error::Shape`] when the sample shapes differ; [`Error::Invalid`] for values that are not finite, and as
/// [`Bandwidth::of`].
///
/// # Examples
/// ```
/// use pathline::neighbours::{Bandwidth, Exclude, kernel_log_density};
/// use pathline::{Batch, Shape};
/// let data = Batch::from_vec(vec![-1.0, 1.0], Shape::vector(1))?;
/// let at = Batch::from_vec(vec![0.0], Shape::vector(1))?;
/// let width = Bandwidth::Fixed { width: 1.0 };
/// let log_p = kernel_log_density(&at, &data, width, Exclude::Nothing)?;
/// // Two equal bumps at distance 1: the standard normal density of 1.
/// assert!((log_p[0] + 0.5 + 0.5 * (2.0 * std::f64::consts::PI).ln()).abs() < 1e-12);
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn kernel_log_density(
    queries: &Batch,
    data: &Batch,
    bandwidth: Bandwidth,
    exclude: Exclude,
) -> Result<Vec<f64>, Error> {
    Error::check_shape("data samples", queries.shape(), data.shape())?;
    check_finite("query value", queries)?;
    let width = bandwidth.of(data)?;
    let n = exclude.offered(queries.len(), data.len())? as f64;
    let d = data.width() as f64;
    let constant = -libm::log(n) - 0.5 * d * libm::log(2.0 * std::f64::consts::PI * width * width);
    let one = |i: usize| {
        let mut exponents: Vec<f64> = data
            .rows()
            .iter()
            .enumerate()
            .filter(|(j, _)| exclude == Exclude::Nothing || *j != i)
            .map(|(_, row)| -squared_distance(queries.row(i), row) / (2.0 * width * width))
            .collect();
        let largest = exponents.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        exponents.iter_mut().for_each(|e| *e = libm::exp(*e - largest));
        constant + largest + libm::log(exponents.iter().sum())
    };
    Ok((0..queries.len()).into_par_iter().map(one).collect())
}
