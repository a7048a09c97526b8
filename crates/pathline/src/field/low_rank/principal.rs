//! Mean, total variance and leading principal directions of points.
//!
//! The covariance `C` (divided by `n`) is summed in double precision from single-precision products
//! of centred rows. Subspace iteration, `Q <- orthonormal(C Q)` on about twice as many directions as are
//! wanted, with a Rayleigh-Ritz step (the eigenvectors of the small matrix `Q^T C Q`) after every few
//! rounds, ends when the variances no longer change. Where neighbouring variances are equal the
//! directions between them are any; the sum of variances is right all the same.
//!
//! # References
//! Halko, Martinsson and Tropp (2011), "Finding structure with randomness"; Rutishauser (1970),
//! "Simultaneous iteration method for symmetric matrices".

use rayon::prelude::*;

use super::jacobi::eigen;
use super::linear::{dot, orthonormalise};
use crate::batch::Rows;
use crate::error::Error;
use crate::kernels::{Strided, multiply, vectorised};
use crate::seed::{Purpose, Seed};

/// Rows of data in one single-precision product.
const BLOCK: usize = 256;

/// Columns of the covariance that one thread sums.
const PANEL: usize = 64;

/// Multiplications by `C` between two Rayleigh-Ritz steps, and most of the latter.
const POWERS: usize = 4;
const MOST_ROUNDS: usize = 12;

/// What is known of points up to second order.
pub(super) struct Principal {
    pub(super) mean: Vec<f64>,
    /// Unit vectors, one a row, largest variance first.
    pub(super) directions: Vec<f64>,
    /// Variances along them.
    pub(super) variances: Vec<f64>,
    /// Sum of all `d` variances.
    pub(super) total: f64,
}

/// The `q` leading principal directions of at least one finite point.
pub(super) fn principal(points: Rows<'_>, q: usize) -> Result<Principal, Error> {
    let d = points.width();
    if q > d {
        let remedy = format!("a point has {d} values, and so at most as many directions");
        return Err(Error::invalid("number of principal directions", q, remedy));
    }
    if points.is_empty() {
        return Err(Error::invalid("number of data points", 0, "give at least one data point"));
    }
    if let Some(at) = points.as_slice().iter().position(|v| !v.is_finite()) {
        let value = format!("{} in row {}, column {}", points.as_slice()[at], at / d, at % d);
        let remedy = "data must be finite: remove or repair this row (both counted from 0)";
        return Err(Error::invalid("data value", value, remedy));
    }
    let mut mean = vec![0.0_f64; d];
    for point in points.iter() {
        mean.iter_mut().zip(point).for_each(|(m, &x)| *m += f64::from(x));
    }
    mean.iter_mut().for_each(|m| *m /= points.len() as f64);
    if q == 0 {
        let square = |(&x, m): (&f32, &f64)| (f64::from(x) - m).powi(2);
        let sum: f64 = points.iter().map(|p| p.iter().zip(&mean).map(square).sum::<f64>()).sum();
        let (directions, variances) = (Vec::new(), Vec::new());
        return Ok(Principal { mean, directions, variances, total: sum / points.len() as f64 });
    }
    let covariance = covariance(points, &mean);
    let total = (0..d).map(|i| covariance[i * d + i]).sum();
    let (variances, directions) = leading(&covariance, d, q);
    Ok(Principal { mean, directions, variances, total })
}

/// `1/n sum (x - mean)(x - mean)^T`, row after row.
fn covariance(points: Rows<'_>, mean: &[f64]) -> Vec<f64> {
    let d = mean.len();
    let centre = |(&x, m): (&f32, &f64)| (f64::from(x) - m) as f32;
    let centred: Vec<f32> =
        points.iter().flat_map(|p| p.iter().zip(mean).map(centre).collect::<Vec<_>>()).collect();
    let mut out = vec![0.0_f64; d * d];
    out.par_chunks_mut(PANEL * d).enumerate().for_each(|(panel, out)| {
        let m = out.len() / d;
        let mut part = vec![0.0_f32; m * d];
        for rows in centred.chunks(BLOCK * d) {
            let left = Strided { values: &rows[panel * PANEL..], row: 1, column: d };
            let right = Strided { values: rows, row: d, column: 1 };
            multiply([m, d, rows.len() / d], left, right, [1.0, 0.0], (&mut part, d));
            out.iter_mut().zip(&part).for_each(|(sum, &v)| *sum += f64::from(v));
        }
    });
    let scale = 1.0 / points.len() as f64;
    out.iter_mut().for_each(|v| *v *= scale);
    out
}

/// The `q` largest eigenvalues of a covariance and their eigenvectors, as rows.
fn leading(covariance: &[f64], d: usize, q: usize) -> (Vec<f64>, Vec<f64>) {
    let m = (2 * q + 10).min(d);
    let mut basis = vec![0.0_f64; m * d];
    let mut stream = Seed(0).stream(Purpose::Probe, d as u64, m as u64);
    basis.iter_mut().for_each(|v| *v = stream.normal());
    orthonormalise(&mut basis, d);
    let mut values = vec![0.0; q];
    for _ in 0..MOST_ROUNDS {
        // With as many vectors as coordinates there is nothing to search.
        for _ in 0..if m < d { POWERS } else { 0 } {
            basis = times(covariance, &basis, d);
            orthonormalise(&mut basis, d);
        }
        let before = values;
        (values, basis) = ritz(covariance, &basis, d);
        values.truncate(q);
        let change = values.iter().zip(&before).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        if m == d || change <= 1e-9 * values.first().copied().unwrap_or(0.0) {
            break;
        }
    }
    basis.truncate(q * d);
    orthonormalise(&mut basis, d);
    (values, basis)
}

/// Each row of `basis` times the symmetric matrix.
fn times(matrix: &[f64], basis: &[f64], d: usize) -> Vec<f64> {
    let m = basis.len() / d;
    let mut columns = vec![0.0_f64; d * m];
    columns.par_chunks_mut(m).zip(matrix.par_chunks(d)).for_each(|(out, row)| {
        vectorised(
            #[inline(always)]
            || {
                for (out, b) in out.iter_mut().zip(basis.chunks_exact(d)) {
                    *out = dot(row, b);
                }
            },
        );
    });
    transposed(&columns, d, m)
}

/// The best approximations of eigenvalues and eigenvectors within the span of an orthonormal basis.
fn ritz(matrix: &[f64], basis: &[f64], d: usize) -> (Vec<f64>, Vec<f64>) {
    let m = basis.len() / d;
    let image = times(matrix, basis, d);
    let inner = |e: usize| {
        let (i, j) = (e / m, e % m);
        let half = |i: usize, j: usize| dot(&basis[i * d..][..d], &image[j * d..][..d]);
        0.5 * (half(i, j) + half(j, i))
    };
    let small: Vec<f64> = (0..m * m).into_par_iter().map(inner).collect();
    let (values, rotation) = eigen(small, m);
    let columns = transposed(basis, m, d);
    let mut out = vec![0.0_f64; m * d];
    out.par_chunks_mut(d).zip(rotation.par_chunks(m)).for_each(|(out, weights)| {
        out.iter_mut().zip(columns.chunks_exact(m)).for_each(|(o, c)| *o = dot(weights, c));
    });
    (values, out)
}

fn transposed(matrix: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    (0..rows * columns).map(|e| matrix[e % rows * columns + e / rows]).collect()
}
