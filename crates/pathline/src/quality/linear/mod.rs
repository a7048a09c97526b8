//! The little dense linear algebra that the Frechet distance needs, in `f64`.
//!
//! Written here because a library for it costs more than it gives: see ARCHITECTURE.md.

mod factor;
mod nuclear_norm;

pub(super) use factor::factor;
pub(super) use nuclear_norm::nuclear_norm;

use rayon::prelude::*;

use crate::kernels::vectorised;

/// Lanes kept apart, so that the compiler can vectorise a sum without changing its order.
const LANES: usize = 8;

/// `<a, b>` of two slices of one length.
#[inline(always)]
fn dot_lanes(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; LANES];
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let tail: f64 = a.remainder().iter().zip(b.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a.zip(b) {
        for lane in 0..LANES {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    lanes.iter().sum::<f64>() + tail
}

/// `<a, b>` of two slices of one length.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    vectorised(
        #[inline(always)]
        || dot_lanes(a, b),
    )
}

/// `y += scale * x`.
fn add(y: &mut [f64], scale: f64, x: &[f64]) {
    vectorised(
        #[inline(always)]
        || {
            for (y, x) in y.iter_mut().zip(x) {
                *y += scale * x;
            }
        },
    );
}

/// `<a_r, b_s>` for the vectors of length `d` in `a` and `b`, row after row.
pub(super) fn product_transposed(a: &[f64], b: &[f64], d: usize) -> Vec<f64> {
    let (m, n) = (a.len() / d, b.len() / d);
    let mut out = vec![0.0; m * n];
    if n > 0 {
        out.par_chunks_mut(n).zip(a.par_chunks(d)).for_each(|(out, a)| {
            for (o, b) in out.iter_mut().zip(b.chunks_exact(d)) {
                *o = dot(a, b);
            }
        });
    }
    out
}
