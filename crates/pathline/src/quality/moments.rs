//! The mean and the covariance of features.
//!
//! `mu = 1/n sum x_i` and `S = 1/(n - 1) sum (x_i - mu)(x_i - mu)^T`, in `f64`, from
//! differences to a centre near the mean, so that features far from 0 lose nothing.
//!
//! # References
//! Chan, Golub and LeVeque (1983), "Algorithms for computing the sample variance".

use rayon::prelude::*;

use super::check_features;
use crate::batch::Batch;
use crate::error::Error;
use crate::kernels::vectorised;

/// A mean and a covariance: all that the Frechet distance sees of a set.
///
/// # Examples
/// ```
/// use pathline::quality::Moments;
/// use pathline::{Batch, Shape};
/// let points = Batch::from_vec(vec![0.0, 1.0, 2.0, 3.0], Shape::vector(2))?;
/// let moments = Moments::of(&points)?;
/// assert_eq!(moments.mean(), [1.0, 2.0]);
/// assert_eq!(moments.covariance(), [2.0, 2.0, 2.0, 2.0]);
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    mean: Vec<f64>,
    covariance: Vec<f64>,
}

impl Moments {
    /// The moments of the rows of a batch; the covariance divides by `n - 1`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there are fewer than two rows or a value is not finite.
    pub fn of(features: &Batch) -> Result<Self, Error> {
        check_features("features", features, 2)?;
        Ok(Sums::about(&centre(features), features).moments())
    }

    /// Moments from elsewhere: `D` means, and a `D x D` covariance row after row (the `mu` and `sigma` of
    /// published statistics).
    ///
    /// # Errors
    /// [`Error::Count`] when the covariance has not `D x D` values; [`Error::Invalid`] when there is no
    /// feature, a value is not finite, the covariance is not symmetric (to 1e-6 of its largest
    /// variance), or a covariance exceeds what its two variances allow. Whether the whole is positive
    /// semidefinite is found by [`frechet_distance`](super::frechet_distance).
    pub fn new(mean: Vec<f64>, covariance: Vec<f64>) -> Result<Self, Error> {
        let d = mean.len();
        let wanted = d.saturating_mul(d);
        Error::check_count("values of a covariance (D x D)", wanted, covariance.len())?;
        if d == 0 {
            return Err(Error::invalid("number of features", 0, "give at least one"));
        }
        if let Some(bad) = mean.iter().chain(&covariance).find(|v| !v.is_finite()) {
            let remedy = "means and covariances must be finite; compute them again";
            return Err(Error::invalid("a moment", bad, remedy));
        }
        let largest = (0..d).fold(0.0_f64, |a, i| a.max(covariance[i * d + i]));
        let slack = 1e-6 * largest;
        for (i, j) in (0..d).flat_map(|i| (0..=i).map(move |j| (i, j))) {
            let (here, there) = (covariance[i * d + j], covariance[j * d + i]);
            let most = (covariance[i * d + i].max(0.0) * covariance[j * d + j].max(0.0)).sqrt();
            if (here - there).abs() > slack || here.abs() > most + slack {
                let value = format!("{here} in row {i}, column {j}");
                let remedy = "give a symmetric matrix with no entry above the root of the product \
                              of its two variances";
                return Err(Error::invalid("a covariance", value, remedy));
            }
        }
        Ok(Self { mean, covariance })
    }

    /// Number of features, `D`.
    #[must_use]
    pub fn width(&self) -> usize {
        self.mean.len()
    }

    /// The mean of each feature.
    #[must_use]
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The covariance, `D x D`, row after row.
    #[must_use]
    pub fn covariance(&self) -> &[f64] {
        &self.covariance
    }

    /// The sum of the variances.
    #[must_use]
    pub fn trace(&self) -> f64 {
        self.covariance.iter().step_by(self.width() + 1).sum()
    }
}

/// The mean of each column, rounded to `f32`: the differences from it are then exactly 0 in a constant
/// column, and the rest of the mean comes back with them.
pub(super) fn centre(features: &Batch) -> Vec<f64> {
    let mut mean = vec![0.0; features.width()];
    for row in features.rows().iter() {
        for (m, &v) in mean.iter_mut().zip(row) {
            *m += f64::from(v);
        }
    }
    mean.iter().map(|m| f64::from((m / features.len() as f64) as f32)).collect()
}

/// Sums of `x - c` and of their products about one centre `c`: they add and subtract over parts of a set.
#[derive(Debug, Clone)]
pub(super) struct Sums<'a> {
    centre: &'a [f64],
    n: f64,
    first: Vec<f64>,
    second: Vec<f64>,
}

/// Rows of the result that one task fills.
const TILE: usize = 32;
/// Samples whose products are added together, before the result is stored again.
const GROUP: usize = 8;

impl<'a> Sums<'a> {
    pub(super) fn about(centre: &'a [f64], features: &Batch) -> Self {
        let d = centre.len();
        let mut first = vec![0.0; d];
        for row in features.rows().iter() {
            for ((f, &v), c) in first.iter_mut().zip(row).zip(centre) {
                *f += f64::from(v) - c;
            }
        }
        let mut second = vec![0.0; d * d];
        second.par_chunks_mut(TILE * d).enumerate().for_each(|(tile, out)| {
            // Zeros stand in for samples missing from the last group.
            let mut group = vec![0.0; GROUP * d];
            for rows in features.as_slice().chunks(GROUP * d) {
                group.fill(0.0);
                for (out, row) in group.chunks_exact_mut(d).zip(rows.chunks_exact(d)) {
                    for ((o, &v), c) in out.iter_mut().zip(row).zip(centre) {
                        *o = f64::from(v) - c;
                    }
                }
                vectorised(
                    #[inline(always)]
                    || add_products(out, &group, tile * TILE, d),
                );
            }
        });
        for i in 0..d {
            for j in 0..i {
                second[i * d + j] = second[j * d + i];
            }
        }
        Self { centre, n: features.len() as f64, first, second }
    }

    /// Adds `sign` (1 or -1) times a part.
    pub(super) fn add(&mut self, sign: f64, part: &Self) {
        self.n += sign * part.n;
        let all = self.first.iter_mut().chain(&mut self.second);
        for (a, b) in all.zip(part.first.iter().chain(&part.second)) {
            *a += sign * b;
        }
    }

    /// The moments of at least two samples.
    pub(super) fn moments(&self) -> Moments {
        let (d, n) = (self.centre.len(), self.n);
        let mean = self.centre.iter().zip(&self.first).map(|(c, f)| c + f / n).collect();
        let entry =
            |(e, s): (usize, &f64)| (s - self.first[e / d] * self.first[e % d] / n) / (n - 1.0);
        Moments { mean, covariance: self.second.iter().enumerate().map(entry).collect() }
    }
}

/// Adds the products of a group of centred samples to the rows of the upper triangle that start at `start`.
#[inline(always)]
fn add_products(out: &mut [f64], group: &[f64], start: usize, d: usize) {
    for (i, out) in out.chunks_exact_mut(d).enumerate() {
        let i = start + i;
        let mut left = [0.0; GROUP];
        let mut rows: [&[f64]; GROUP] = [&[]; GROUP];
        for (s, row) in group.chunks_exact(d).enumerate() {
            left[s] = row[i];
            rows[s] = &row[i..];
        }
        let out = &mut out[i..];
        let n = out.len();
        let rows = rows.map(|row| &row[..n]);
        for j in 0..n {
            let mut sum = out[j];
            for s in 0..GROUP {
                sum += left[s] * rows[s][j];
            }
            out[j] = sum;
        }
    }
}
