//! A safe single-precision matrix product, and its row-blocked parallel form.

use rayon::prelude::*;

/// Rows in one block of a network or of a field: see the module's first rule.
pub const ROW_BLOCK: usize = 64;

/// How the right-hand matrix of a product lies in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `k x n`, row after row.
    Plain,
    /// `n x k`, row after row, read as its transpose (the layout of `y = x W^T`).
    Transposed,
}

/// `out = left * right + keep * out` for row-major `left` (`m x k`), `right` (`k x n`, by `layout`)
/// and `out` (`m x n`); `keep` is 0 or 1 in practice, and at 0 `out` is never read.
///
/// Runs on the calling thread: callers split rows, so that the split never depends on the number
/// of threads. Does nothing when a slice does not hold what its extents say.
pub fn product(
    [m, n, k]: [usize; 3],
    left: &[f32],
    right: &[f32],
    layout: Layout,
    keep: f32,
    out: &mut [f32],
) {
    let (right_column, right_row) = match layout {
        Layout::Plain => (1, n),
        Layout::Transposed => (k, 1),
    };
    raw([m, n, k], (left, 1, k), (right, right_column, right_row), keep, out);
}

/// `out = left^T * right + out` for row-major `left` (`k x m`), `right` (`k x n`), `out` (`m x n`):
/// the weight gradient of a linear layer.
pub fn add_transposed_product([m, n, k]: [usize; 3], left: &[f32], right: &[f32], out: &mut [f32]) {
    raw([m, n, k], (left, m, 1), (right, 1, n), 1.0, out);
}

/// A matrix with its column and row strides.
type Strided<'a> = (&'a [f32], usize, usize);

fn raw([m, n, k]: [usize; 3], left: Strided<'_>, right: Strided<'_>, keep: f32, out: &mut [f32]) {
    let fits = left.0.len() == m * k && right.0.len() == k * n && out.len() == m * n;
    debug_assert!(fits, "product: slices do not match {m} x {n} x {k}");
    if !fits || m == 0 || n == 0 {
        return;
    }
    #[expect(unsafe_code, reason = "the product library has an unsafe interface")]
    // SAFETY: the three slices hold m*k, k*n and m*n values (checked above); with the strides built
    // by the two callers every index the product touches lies inside them; `out` is borrowed
    // mutably, so it overlaps neither input.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            n as isize,
            keep != 0.0,
            left.0.as_ptr(),
            left.1 as isize,
            left.2 as isize,
            right.0.as_ptr(),
            right.1 as isize,
            right.2 as isize,
            keep,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// `out = rows * right` for any number of rows, in padded blocks of [`ROW_BLOCK`], in parallel.
///
/// Row `i` of the result has the same bytes whatever other rows are present.
pub fn rows_times(
    rows: &[f32],
    k: usize,
    right: &[f32],
    layout: Layout,
    n: usize,
    out: &mut [f32],
) {
    if k == 0 || n == 0 {
        out.fill(0.0);
        return;
    }
    out.par_chunks_mut(ROW_BLOCK * n).zip(rows.par_chunks(ROW_BLOCK * k)).for_each(
        |(out, rows)| {
            if rows.len() == ROW_BLOCK * k {
                product([ROW_BLOCK, n, k], rows, right, layout, 0.0, out);
            } else {
                let mut padded = vec![0.0; ROW_BLOCK * k];
                padded[..rows.len()].copy_from_slice(rows);
                let mut full = vec![0.0; ROW_BLOCK * n];
                product([ROW_BLOCK, n, k], &padded, right, layout, 0.0, &mut full);
                out.copy_from_slice(&full[..out.len()]);
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::{Purpose, Seed};

    fn noise(n: usize, tag: u64) -> Vec<f32> {
        let mut out = vec![0.0; n];
        Seed(1).normal(Purpose::Data, tag, 0, &mut out);
        out
    }

    fn reference([m, n, k]: [usize; 3], left: &[f32], right: &[f32], layout: Layout) -> Vec<f64> {
        let at = |p: usize, j: usize| match layout {
            Layout::Plain => right[p * n + j],
            Layout::Transposed => right[j * k + p],
        };
        let entry = |i: usize, j: usize| {
            (0..k).map(|p| f64::from(left[i * k + p]) * f64::from(at(p, j))).sum::<f64>()
        };
        (0..m * n).map(|e| entry(e / n, e % n)).collect()
    }

    #[test]
    fn products_match_a_direct_sum_at_odd_sizes() {
        for dims @ [m, n, k] in [[1, 1, 1], [3, 5, 7], [64, 2, 3], [65, 33, 129], [2, 2, 0]] {
            for layout in [Layout::Plain, Layout::Transposed] {
                let (left, right) = (noise(m * k, 1), noise(k * n, 2));
                let mut out = vec![f32::NAN; m * n];
                product(dims, &left, &right, layout, 0.0, &mut out);
                let wanted = reference(dims, &left, &right, layout);
                for (a, b) in out.iter().zip(&wanted) {
                    assert!((f64::from(*a) - b).abs() < 1e-4, "{a} {b} at {dims:?}");
                }
            }
        }
    }

    #[test]
    fn the_transposed_product_adds_to_what_is_there() {
        let (m, n, k) = (5, 4, 9);
        let (left, right) = (noise(k * m, 3), noise(k * n, 4));
        let mut out = vec![1.0; m * n];
        add_transposed_product([m, n, k], &left, &right, &mut out);
        for i in 0..m {
            for j in 0..n {
                let sum: f32 = (0..k).map(|p| left[p * m + i] * right[p * n + j]).sum();
                assert!((out[i * n + j] - 1.0 - sum).abs() < 1e-4);
            }
        }
    }

    #[test]
    fn a_row_has_the_same_bytes_in_any_batch() {
        // The shapes at which an unblocked product was measured to differ are among these.
        for (n, k) in [(2, 256), (10, 64), (64, 64), (256, 256), (33, 7), (512, 784)] {
            let rows = noise(511 * k, 5);
            let right = noise(k * n, 6);
            let mut whole = vec![0.0; 511 * n];
            rows_times(&rows, k, &right, Layout::Transposed, n, &mut whole);
            for batch in [1, 2, 7, 64, 100] {
                for (start, part) in rows.chunks(batch * k).enumerate() {
                    let mut out = vec![0.0; part.len() / k * n];
                    rows_times(part, k, &right, Layout::Transposed, n, &mut out);
                    let at = start * batch * n;
                    assert!(out == whole[at..at + out.len()], "n {n}, k {k}, batch {batch}");
                }
            }
        }
    }
}
