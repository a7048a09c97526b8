//! The matrix of squared distances between two batches, by one matrix product.
//!
//! `|x - y|^2 = |x|^2 + |y|^2 - 2 <x, y>`, after the mean of both batches is taken away: distances
//! do not change, but the terms that cancel become as small as they can be.
//!
//! Columns are taken a panel at a time: centred copies of one panel stay in cache, where copies of
//! two whole batches would be as much memory again as the batches.

use std::ops::Range;

use rayon::prelude::*;

use crate::batch::Batch;
use crate::error::Error;
use crate::kernels::{Layout, product, squared_norm, vectorised};

/// Rows of one product. Fixed, so that the split never depends on the number of threads, and tall,
/// because every product packs the whole right-hand matrix again.
const BLOCK: usize = 256;

/// Columns of one product: a panel of a thousand rows fits in a second-level cache.
const PANEL: usize = 384;

/// Columns of the mean that are summed as one piece of work.
const COLUMNS: usize = 256;

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
    let (mut x, mut y) = (Panel::new(source), Panel::new(target));
    let mut cost = vec![0.0; source.len() * n];
    for start in (0..d).step_by(PANEL) {
        let columns = start..d.min(start + PANEL);
        let keep = if start == 0 { 0.0 } else { 1.0 };
        let k = columns.len();
        let (x, y) = (x.fill(source, &centre, &columns), y.fill(target, &centre, &columns));
        cost.par_chunks_mut(BLOCK * n).zip(x.par_chunks(BLOCK * k)).for_each(|(cost, x)| {
            product([x.len() / k, n, k], x, y, Layout::Transposed, keep, cost);
        });
    }
    let (x2, y2) = (x.norms("source")?, y.norms("target")?);
    cost.par_chunks_mut(n).zip(&x2).with_min_len(16).for_each(|(row, &a)| {
        for (c, &b) in row.iter_mut().zip(&y2) {
            *c = (a + b - 2.0 * *c).max(0.0);
        }
    });
    Ok(cost)
}

/// The mean over the rows of both batches.
fn mean(batches: [&Batch; 2]) -> Vec<f32> {
    let d = batches[0].width();
    let mut sum = vec![0.0_f64; d];
    // Columns are split, rows are added in order: the same sum for any number of threads.
    sum.par_chunks_mut(COLUMNS).enumerate().for_each(|(chunk, sum)| {
        for row in batches.iter().flat_map(|b| b.rows().iter()) {
            vectorised(
                #[inline(always)]
                || {
                    for (s, &v) in sum.iter_mut().zip(&row[chunk * COLUMNS..]) {
                        *s += f64::from(v);
                    }
                },
            );
        }
    });
    let rows = (batches[0].len() + batches[1].len()) as f64;
    sum.iter().map(|s| (s / rows) as f32).collect()
}

/// Centred copies of some columns of a batch, and the squared norms of the columns so far.
struct Panel {
    values: Vec<f32>,
    squared: Vec<f64>,
}

impl Panel {
    fn new(batch: &Batch) -> Self {
        let values = vec![0.0; batch.len() * batch.width().min(PANEL)];
        Self { values, squared: vec![0.0; batch.len()] }
    }

    /// Copies `columns` less their mean, row after row without gaps, and adds up their squares.
    fn fill(&mut self, batch: &Batch, centre: &[f32], columns: &Range<usize>) -> &[f32] {
        let (d, k) = (batch.width(), columns.len());
        let centre = &centre[columns.clone()];
        let values = &mut self.values[..batch.len() * k];
        let rows = values.par_chunks_mut(k).zip(batch.as_slice().par_chunks(d));
        rows.zip(&mut self.squared).with_min_len(16).for_each(|((out, row), squared)| {
            vectorised(
                #[inline(always)]
                || {
                    for ((o, &v), &c) in out.iter_mut().zip(&row[columns.clone()]).zip(centre) {
                        *o = v - c;
                    }
                },
            );
            *squared += squared_norm(out);
        });
        values
    }

    /// The squared norms of all columns.
    fn norms(self, side: &str) -> Result<Vec<f32>, Error> {
        match self.squared.iter().position(|s| s.is_nan() || *s > LARGEST) {
            None => Ok(self.squared.into_iter().map(|s| s as f32).collect()),
            Some(row) => Err(Error::invalid(
                "squared norm (centred) of a sample to pair",
                format!("{} in {side} row {row}", self.squared[row]),
                "give finite values, scaled so that squared distances fit in f32; one bad value \
                 makes the common mean, and so every row, bad",
            )),
        }
    }
}

/// The largest squared norm for which a squared distance, at most four of them, fits in `f32`.
const LARGEST: f64 = f32::MAX as f64 / 8.0;
