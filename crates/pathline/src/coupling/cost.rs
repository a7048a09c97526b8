//! The matrix of squared distances between two batches, by one matrix product.
//!
//! `|x - y|^2 = |x|^2 + |y|^2 - 2 <x, y>`, after the mean of both batches is taken away: distances
//! do not change, but the terms that cancel become as small as they can be.

use rayon::prelude::*;

use crate::batch::Batch;
use crate::error::Error;
use crate::kernels::{Layout, product, squared_norm};

/// Rows of one product. Fixed, so that the split never depends on the number of threads, and tall,
/// because every product packs the whole right-hand matrix again.
const BLOCK: usize = 256;

/// `|source_i - target_j|^2` as a row-major `source.len() x target.len()` matrix.
///
/// Entries carry the rounding of an `f32` matrix product, about `1e-7` of `|x|^2 + |y|^2` (centred);
/// none is negative.
///
/// # Errors
/// [`Error::Shape`] when the sample shapes differ; [`Error::Invalid`] when a value is not finite or
/// a squared distance does not fit in `f32`.
///
/// # Examples
/// ```
/// use pathline::coupling::squared_distances;
/// use pathline::{Batch, Shape};
/// let a = Batch::from_vec(vec![0.0, 0.0], Shape::vector(2))?;
/// let b = Batch::from_vec(vec![3.0, 4.0], Shape::vector(2))?;
/// assert_eq!(squared_distances(&a, &b)?, [25.0]);
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn squared_distances(source: &Batch, target: &Batch) -> Result<Vec<f32>, Error> {
    Error::check_shape("target samples", source.shape(), target.shape())?;
    let (n, d) = (target.len(), source.width());
    if source.is_empty() || target.is_empty() {
        return Ok(Vec::new());
    }
    let centre = mean([source, target]);
    let (x, y) = (centred(source, &centre), centred(target, &centre));
    let (x2, y2) = (norms("source", &x, d)?, norms("target", &y, d)?);
    let mut cost = vec![0.0; source.len() * n];
    let blocks = cost.par_chunks_mut(BLOCK * n).zip(x.par_chunks(BLOCK * d));
    blocks.zip(x2.par_chunks(BLOCK)).for_each(|((cost, x), x2)| {
        product([x2.len(), n, d], x, &y, Layout::Transposed, 0.0, cost);
        for (row, &a) in cost.chunks_exact_mut(n).zip(x2) {
            for (c, &b) in row.iter_mut().zip(&y2) {
                *c = (a + b - 2.0 * *c).max(0.0);
            }
        }
    });
    Ok(cost)
}

/// The mean over the rows of both batches.
fn mean(batches: [&Batch; 2]) -> Vec<f32> {
    let d = batches[0].width();
    let mut sum = vec![0.0_f64; d];
    // Columns are split, rows are added in order: the same sum for any number of threads.
    sum.par_chunks_mut(256).enumerate().for_each(|(chunk, sum)| {
        for row in batches.iter().flat_map(|b| b.rows().iter()) {
            for (s, &v) in sum.iter_mut().zip(&row[chunk * 256..]) {
                *s += f64::from(v);
            }
        }
    });
    let rows = (batches[0].len() + batches[1].len()) as f64;
    sum.iter().map(|s| (s / rows) as f32).collect()
}

fn centred(batch: &Batch, centre: &[f32]) -> Vec<f32> {
    let d = batch.width();
    let mut out = vec![0.0; batch.as_slice().len()];
    out.par_chunks_mut(d).zip(batch.as_slice().par_chunks(d)).with_min_len(16).for_each(
        |(out, row)| {
            for ((o, &v), &c) in out.iter_mut().zip(row).zip(centre) {
                *o = v - c;
            }
        },
    );
    out
}

/// The largest squared norm for which a squared distance, at most four of them, fits in `f32`.
const LARGEST: f64 = f32::MAX as f64 / 8.0;

fn norms(side: &str, rows: &[f32], d: usize) -> Result<Vec<f32>, Error> {
    let squared: Vec<f64> = rows.par_chunks(d).with_min_len(16).map(squared_norm).collect();
    match squared.iter().position(|s| s.is_nan() || *s > LARGEST) {
        None => Ok(squared.into_iter().map(|s| s as f32).collect()),
        Some(row) => Err(Error::invalid(
            "squared norm (centred) of a sample to pair",
            format!("{} in {side} row {row}", squared[row]),
            "give finite values, scaled so that squared distances fit in f32; one bad value makes \
             the common mean, and so every row, bad",
        )),
    }
}
