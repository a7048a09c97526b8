//! The little dense linear algebra that the Frechet distance needs, in `f64`.
//!
//! Written here because a library for it costs more than it gives: see ARCHITECTURE.md.

mod factor;
mod nuclear_norm;

pub(super) use factor::factor;
pub(super) use nuclear_norm::nuclear_norm;

use rayon::prelude::*;

use crate::kernels::{add_doubles_wide as add, dot_doubles_wide as dot};

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
