//! Wasserstein distances between two sets of points: along random lines, and exactly.
//!
//! `W_2^2(P, Q) = min over couplings of E |x - y|^2`. On a line the best coupling joins quantile with
//! quantile, so sets of any two sizes are compared by sorting. The sliced distance is the mean over
//! directions `theta`, uniform on the sphere: `SW_2^2 = E_theta W_2^2(theta . P, theta . Q)`; it is 0 only for
//! equal distributions, and for two Gaussians of equal covariance whose means are `m` apart it is
//! `|m|^2 / d`. The exact distance between two sets of `n` points is one assignment of `n` by `n`.
//!
//! Both are biased upwards by sampling, the exact one badly so in many dimensions (it falls like
//! `n^(-2/d)`): compare sets of equal size, and beside the distance between two halves of the real set.
//!
//! # References
//! Bonneel et al. (2015), "Sliced and Radon Wasserstein barycenters of measures", section 4.1; Peyre and
//! Cuturi (2019), arXiv:1803.00567, sections 2.2, 2.6 (the line) and 10.1.

use rayon::prelude::*;

use super::check_pair;
use crate::batch::Batch;
use crate::coupling::{assignment, squared_distances};
use crate::error::Error;
use crate::kernels::{dot, squared_distance, squared_norm};
use crate::seed::{Purpose, Seed};

/// `SW_2` by this many random directions of the seed.
///
/// # Errors
/// [`Error::Count`] when the widths differ; [`Error::Invalid`] for an empty set, values that are not finite,
/// and no direction.
///
/// # Examples
/// ```
/// use pathline::quality::sliced_wasserstein;
/// use pathline::{Batch, Seed, Shape};
/// let points = |v: Vec<f32>| Batch::from_vec(v, Shape::vector(1));
/// // On a line every direction is that line.
/// let moved = sliced_wasserstein(&points(vec![0.0, 1.0])?, &points(vec![4.0, 3.0])?, 8, Seed(0))?;
/// assert!((moved - 3.0).abs() < 1e-6);
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn sliced_wasserstein(
    a: &Batch,
    b: &Batch,
    directions: usize,
    seed: Seed,
) -> Result<f64, Error> {
    check_pair(a, b, 1)?;
    if directions == 0 {
        return Err(Error::invalid("directions of a sliced distance", 0, "give at least one"));
    }
    let squared = |k: u64| {
        let mut direction = vec![0.0_f32; a.width()];
        seed.normal(Purpose::Probe, k, 0, &mut direction);
        let norm = squared_norm(&direction).sqrt();
        let along = |batch: &Batch| -> Vec<f64> {
            let mut values: Vec<f64> =
                batch.rows().iter().map(|row| dot(row, &direction) / norm).collect();
            values.sort_unstable_by(f64::total_cmp);
            values
        };
        squared_on_a_line(&along(a), &along(b))
    };
    let all: Vec<f64> = (0..directions as u64).into_par_iter().map(squared).collect();
    Ok((all.iter().sum::<f64>() / directions as f64).sqrt())
}

/// `W_2^2` of two sorted lists: quantile with quantile, whatever their lengths.
fn squared_on_a_line(a: &[f64], b: &[f64]) -> f64 {
    let (n, m) = (a.len() as u128, b.len() as u128);
    let (mut i, mut j, mut done, mut sum) = (0, 0, 0_u128, 0.0);
    // In units of 1 / (n m), where the ends of both lists' steps are whole numbers.
    while i < a.len() && j < b.len() {
        let (end_a, end_b) = ((i as u128 + 1) * m, (j as u128 + 1) * n);
        let end = end_a.min(end_b);
        sum += (end - done) as f64 * (a[i] - b[j]) * (a[i] - b[j]);
        done = end;
        i += usize::from(end == end_a);
        j += usize::from(end == end_b);
    }
    sum / (n as f64 * m as f64)
}

/// `W_2` between two sets of equally many points, by their best assignment.
///
/// # Errors
/// [`Error::Count`] when widths or numbers of points differ; [`Error::Invalid`] for empty sets and values
/// that are not finite.
///
/// # Examples
/// ```
/// use pathline::quality::wasserstein;
/// use pathline::{Batch, Shape};
/// let points = |v: Vec<f32>| Batch::from_vec(v, Shape::vector(2));
/// let a = points(vec![0.0, 0.0, 5.0, 0.0])?;
/// let b = points(vec![5.0, 3.0, 0.0, 4.0])?;
/// assert_eq!(wasserstein(&a, &b)?, 12.5_f64.sqrt());
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn wasserstein(a: &Batch, b: &Batch) -> Result<f64, Error> {
    check_pair(a, b, 1)?;
    Error::check_count("points of the second set", a.len(), b.len())?;
    let (width, n) = (crate::batch::Shape::vector(a.width()), a.len());
    let flat = |batch: &Batch| Batch::from_vec(batch.as_slice().to_vec(), width.clone());
    let best = assignment(&squared_distances(&flat(a)?, &flat(b)?)?, n)?;
    // The assignment is of rounded costs; its price is that of the points themselves.
    let pairs = best.column_of_row.iter().enumerate();
    let sum: f64 = pairs.map(|(i, &j)| squared_distance(a.row(i), b.row(j))).sum();
    Ok((sum / n as f64).sqrt())
}
