//! Principal components: the directions in which points spread most.
//!
//! With `n` points `x_i` of mean `mu`, the directions `w_1, w_2, ...` are the unit eigenvectors of the
//! covariance `S = 1/(n - 1) sum (x_i - mu)(x_i - mu)^T` by falling eigenvalue, which is the variance of
//! `<x - mu, w_j>`. `S` is never formed: a block of directions goes through the points and back, in `f32`
//! products whose sums over points are in `f64`, and the span of all such blocks (block Lanczos from a
//! fixed random block, every block made orthogonal to all others) is searched for the eigenvectors
//! until `|S w - lambda w|` is below 1e-6 of the largest eigenvalue. The whole space is spanned where
//! it has few dimensions. The largest entry of each direction is above 0.
//!
//! Rounding is about 1e-6 of the largest variance. Directions whose variances are nearly equal are any basis
//! of their common span, and on a flat spectrum the span stops short of them: at `4 q + 64` dimensions
//! the best directions within it are taken, whose variances are low by some percent at most.
//!
//! # References
//! Pearson (1901), "On lines and planes of closest fit"; Golub and Underwood (1977), "The block Lanczos method
//! for computing eigenvalues"; Musco and Musco (2015), arXiv 1504.05477 (its error from a random block).
//!
//! # Not to be confused with
//! Whitening, which also divides by the standard deviations; factor analysis, which has a noise term.

use rayon::prelude::*;

use super::symmetric_eigen::symmetric_eigen;
use crate::batch::{Batch, Shape};
use crate::error::Error;
use crate::kernels::{
    Layout, add_doubles_wide as add, add_transposed_product, dot_doubles_wide as dot, product,
    rows_times, vectorised,
};
use crate::seed::{Purpose, Seed};

/// Directions that go through the points at once.
const BLOCK: usize = 16;
/// Points of one product. Fixed, so that sums have one order on any number of threads.
const ROWS: usize = 512;
/// What is left of a direction may be this small, relative to the largest image.
const ROUNDING: f64 = 1e-6;
/// Dimensions by which the span grows between two searches.
const BETWEEN: usize = 48;

/// The leading principal components of a set of points.
///
/// # Examples
/// ```
/// use pathline::statistics::PrincipalComponents;
/// use pathline::{Batch, Shape};
/// let line = Batch::from_vec(vec![0.0, 0.0, 3.0, 4.0, 6.0, 8.0], Shape::vector(2))?;
/// let found = PrincipalComponents::of(&line, 1)?;
/// assert!((found.variances()[0] - 25.0).abs() < 1e-4);
/// assert!((found.direction(0)[0] - 0.6).abs() < 1e-6);
/// assert!((found.project(&line)?.row(2)[0] - 5.0).abs() < 1e-5);
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct PrincipalComponents {
    mean: Vec<f64>,
    directions: Vec<f64>,
    variances: Vec<f64>,
    total: f64,
}

impl PrincipalComponents {
    /// The `count` leading components of the rows of a batch.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there are fewer than two points, `count` is 0 or above the number of values
    /// of a point or of points less one, or a value is not finite or too large.
    pub fn of(points: &Batch, count: usize) -> Result<Self, Error> {
        let (n, d) = (points.len(), points.width());
        let most = d.min(n.saturating_sub(1));
        if !(1..=most).contains(&count) {
            let remedy = format!("{n} points of {d} values have 1 to {most}");
            return Err(Error::invalid("number of principal components", count, remedy));
        }
        if let Some(at) = points.as_slice().iter().position(|v| !v.is_finite()) {
            let value = format!("{} in row {}", points.as_slice()[at], at / d);
            let remedy = "principal components need finite values; leave the point out";
            return Err(Error::invalid("a point", value, remedy));
        }
        let mean = mean(points);
        let total = total_variance(points, &mean);
        let (variances, mut directions) = leading(points, &mean, count);
        if variances.iter().chain(&directions).any(|v| !v.is_finite()) {
            let remedy = "products overflow on values this large: scale the points";
            return Err(Error::invalid("a principal component", "not finite", remedy));
        }
        for direction in directions.chunks_exact_mut(d) {
            let largest =
                direction.iter().fold(0.0_f64, |a, &b| if b.abs() > a.abs() { b } else { a });
            if largest < 0.0 {
                direction.iter_mut().for_each(|v| *v = -*v);
            }
        }
        Ok(Self { mean, directions, variances, total })
    }

    /// Number of components.
    #[must_use]
    pub fn count(&self) -> usize {
        self.variances.len()
    }

    /// The mean of the points.
    #[must_use]
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The unit direction of component `j`, counted from 0.
    ///
    /// # Panics
    /// When there is no component `j`, as an index does.
    #[must_use]
    pub fn direction(&self, j: usize) -> &[f64] {
        let d = self.mean.len();
        &self.directions[j * d..(j + 1) * d]
    }

    /// The variance along each direction, falling.
    #[must_use]
    pub fn variances(&self) -> &[f64] {
        &self.variances
    }

    /// The sum of the variances of all values: what all components together explain.
    #[must_use]
    pub fn total_variance(&self) -> f64 {
        self.total
    }

    /// The coordinates `<x - mu, w_j>` of points, one row each.
    ///
    /// # Errors
    /// [`Error::Count`] when a point has another number of values.
    pub fn project(&self, points: &Batch) -> Result<Batch, Error> {
        let (d, q) = (self.mean.len(), self.count());
        Error::check_count("values of a point", d, points.width())?;
        let directions: Vec<f32> = self.directions.iter().map(|&v| v as f32).collect();
        let mut out = Batch::zeros(points.len(), Shape::vector(q));
        let rows = points.as_slice().chunks(ROWS * d);
        for (rows, out) in rows.zip(out.as_mut_slice().chunks_mut(ROWS * q)) {
            rows_times(&centred(rows, &self.mean), d, &directions, Layout::Transposed, q, out);
        }
        Ok(out)
    }
}

fn mean(points: &Batch) -> Vec<f64> {
    let mut mean = vec![0.0; points.width()];
    for row in points.rows().iter() {
        mean.iter_mut().zip(row).for_each(|(m, &v)| *m += f64::from(v));
    }
    mean.iter().map(|m| m / points.len() as f64).collect()
}

fn total_variance(points: &Batch, mean: &[f64]) -> f64 {
    let of = |row: &[f32]| -> f64 {
        row.iter().zip(mean).map(|(&v, m)| (f64::from(v) - m) * (f64::from(v) - m)).sum()
    };
    points.rows().iter().map(of).sum::<f64>() / (points.len() - 1) as f64
}

fn centred(rows: &[f32], mean: &[f64]) -> Vec<f32> {
    let mut out = rows.to_vec();
    for row in out.chunks_exact_mut(mean.len()) {
        vectorised(
            #[inline(always)]
            || row.iter_mut().zip(mean).for_each(|(v, m)| *v = (f64::from(*v) - m) as f32),
        );
    }
    out
}

/// The covariance times each of a few directions.
fn images(points: &Batch, mean: &[f64], directions: &[f64]) -> Vec<f64> {
    let d = mean.len();
    let b = directions.len() / d;
    let right: Vec<f32> = directions.iter().map(|&v| v as f32).collect();
    let parts: Vec<Vec<f32>> = points
        .as_slice()
        .par_chunks(ROWS * d)
        .map(|rows| {
            let rows = centred(rows, mean);
            let n = rows.len() / d;
            let mut along = vec![0.0; n * b];
            product([n, b, d], &rows, &right, Layout::Transposed, 0.0, &mut along);
            let mut back = vec![0.0; b * d];
            add_transposed_product([b, d, n], &along, &rows, &mut back);
            back
        })
        .collect();
    let mut sum = vec![0.0; b * d];
    for part in &parts {
        sum.iter_mut().zip(part).for_each(|(s, &p)| *s += f64::from(p));
    }
    let scale = 1.0 / (points.len() - 1) as f64;
    sum.iter().map(|s| s * scale).collect()
}

/// The `count` largest eigenvalues of the covariance and their eigenvectors, one after another.
fn leading(points: &Batch, mean: &[f64], count: usize) -> (Vec<f64>, Vec<f64>) {
    let d = mean.len();
    let limit = d.min(4 * count + 64);
    let (mut basis, mut through): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
    let (mut tried, mut largest, mut search_at) = (0, 0.0_f64, 2 * count + BLOCK);
    let mut next = random_block(&mut tried, d);
    loop {
        let held = basis.len();
        extend(&mut basis, &next, d, ROUNDING * largest, limit);
        if basis.len() == held && held < count * d {
            // The points spread in fewer directions than were asked for.
            extend(&mut basis, &random_block(&mut tried, d), d, 0.0, limit);
        }
        let fresh = basis[held..].to_vec();
        next = images(points, mean, &fresh);
        largest = next.chunks_exact(d).map(|v| dot(v, v).sqrt()).fold(largest, f64::max);
        through.extend_from_slice(&next);
        let size = basis.len() / d;
        let ended = fresh.is_empty() || size >= limit;
        if size >= count && (ended || size >= search_at) {
            search_at = size + BETWEEN;
            let found = search(&basis, &through, d, count);
            // NaN, of values too large, ends it too.
            if ended || found.2.is_nan() || found.2 <= ROUNDING * largest {
                return (found.0, found.1);
            }
        }
    }
}

/// Standard normal directions that no other block has.
fn random_block(tried: &mut u64, d: usize) -> Vec<f64> {
    let mut values = vec![0.0_f32; BLOCK * d];
    Seed(0).normal(Purpose::Probe, *tried, 0, &mut values);
    *tried += 1;
    values.into_iter().map(f64::from).collect()
}

/// Adds what is new in the candidates to an orthonormal basis, up to `limit` vectors.
fn extend(basis: &mut Vec<f64>, candidates: &[f64], d: usize, rounding: f64, limit: usize) {
    for mut candidate in candidates.chunks_exact(d).map(<[f64]>::to_vec) {
        if basis.len() >= limit * d {
            return;
        }
        let whole = dot(&candidate, &candidate).sqrt();
        // Twice: the first pass leaves rounding of what it took.
        for _ in 0..2 {
            for vector in basis.chunks_exact(d) {
                let along = dot(&candidate, vector);
                add(&mut candidate, -along, vector);
            }
        }
        let left = dot(&candidate, &candidate).sqrt();
        if left > rounding && left > 1e-10 * whole {
            basis.extend(candidate.iter().map(|v| v / left));
        }
    }
}

/// The best eigenvectors within a basis, given also their images: values, vectors, largest residual.
fn search(basis: &[f64], through: &[f64], d: usize, count: usize) -> (Vec<f64>, Vec<f64>, f64) {
    let size = basis.len() / d;
    let rows: Vec<f64> = basis
        .par_chunks(d)
        .flat_map_iter(|v| through.chunks_exact(d).map(move |image| dot(v, image)))
        .collect();
    let entry = |e: usize| 0.5 * (rows[e] + rows[e % size * size + e / size]);
    let (values, weights) = symmetric_eigen((0..size * size).map(entry).collect(), size);
    let found: Vec<(Vec<f64>, f64)> = (0..count)
        .into_par_iter()
        .map(|j| {
            let (mut vector, mut image) = (vec![0.0; d], vec![0.0; d]);
            let parts = basis.chunks_exact(d).zip(through.chunks_exact(d));
            for ((v, i), &weight) in parts.zip(&weights[j * size..]) {
                add(&mut vector, weight, v);
                add(&mut image, weight, i);
            }
            add(&mut image, -values[j], &vector);
            let residual = dot(&image, &image).sqrt();
            (vector, residual)
        })
        .collect();
    let worst = found.iter().fold(0.0_f64, |worst, (_, residual)| {
        // Keeps NaN, which `max` would drop.
        if *residual <= worst { worst } else { *residual }
    });
    let variances = values.iter().take(count).map(|v| if *v < 0.0 { 0.0 } else { *v }).collect();
    (variances, found.into_iter().flat_map(|(vector, _)| vector).collect(), worst)
}
