//! A safe single-precision matrix product, and its row-blocked parallel form.

use rayon::prelude::*;

/// Rows in one block of a network or of a field: see the module's first rule.
pub const ROW_BLOCK: usize = 64;

/// Most rows that go through [`blocks_product`] at once: enough that packing the right-hand matrix costs
/// little beside multiplying by it.
const MOST_ROWS: usize = 256;

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
    let (row, column) = match layout {
        Layout::Plain => (n, 1),
        Layout::Transposed => (1, k),
    };
    let fits = holds(left, m, k) && holds(right, k, n) && holds(out, m, n);
    debug_assert!(fits, "product: slices do not match {m} x {n} x {k}");
    if fits {
        let left = Strided { values: left, row: k, column: 1 };
        multiply([m, n, k], left, Strided { values: right, row, column }, [1.0, keep], (out, n));
    }
}

/// [`product`] for a multiple of [`ROW_BLOCK`] rows, each of which gets the same bytes as in a product of
/// that many rows alone, however many there are.
///
/// The product library sums over `k` in pieces that depend on `k` only, but for small results, which it
/// computes in other ways: those are asked for block by block.
pub fn blocks_product(
    [m, n, k]: [usize; 3],
    left: &[f32],
    right: &[f32],
    layout: Layout,
    keep: f32,
    out: &mut [f32],
) {
    if n > ROW_BLOCK || k == 0 {
        return product([m, n, k], left, right, layout, keep, out);
    }
    for (left, out) in left.chunks(ROW_BLOCK * k).zip(out.chunks_mut(ROW_BLOCK * n)) {
        product([left.len() / k, n, k], left, right, layout, keep, out);
    }
}

/// `out = left^T * right + out` for row-major `left` (`k x m`), `right` (`k x n`), `out` (`m x n`):
/// the weight gradient of a linear layer.
pub fn add_transposed_product([m, n, k]: [usize; 3], left: &[f32], right: &[f32], out: &mut [f32]) {
    let fits = holds(left, k, m) && holds(right, k, n) && holds(out, m, n);
    debug_assert!(fits, "product: slices do not match {m} x {n} x {k}");
    if fits {
        let left = Strided { values: left, row: 1, column: m };
        let right = Strided { values: right, row: n, column: 1 };
        multiply([m, n, k], left, right, [1.0; 2], (out, n));
    }
}

/// A matrix inside a slice: element `(i, j)` is `values[i * row + j * column]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Strided<'a> {
    /// The slice.
    pub values: &'a [f32],
    /// Distance between neighbours in a column.
    pub row: usize,
    /// Distance between neighbours in a row.
    pub column: usize,
}

/// `out = scale * left * right + keep * out` for an `m x k` and a `k x n` matrix with any strides, into
/// an `m x n` matrix whose rows are contiguous and begin `row` values apart; at `keep` 0 `out` is never
/// read. What lies between its rows is left alone.
///
/// Runs on the calling thread, like [`product`]. Does nothing when a matrix does not lie in its slice,
/// or `row` is below `n`.
///
/// # Examples
/// ```
/// use pathline::kernels::{Strided, multiply};
/// let a = [1.0, 2.0, 3.0, 4.0];
/// let transposed = Strided { values: &a, row: 1, column: 2 };
/// let plain = Strided { values: &a, row: 2, column: 1 };
/// let mut out = [0.0; 5];
/// multiply([2, 2, 2], transposed, plain, [1.0, 0.0], (&mut out, 3));
/// assert_eq!(out, [10.0, 14.0, 0.0, 14.0, 20.0]);
/// ```
pub fn multiply(
    [m, n, k]: [usize; 3],
    left: Strided<'_>,
    right: Strided<'_>,
    [scale, keep]: [f32; 2],
    (out, row): (&mut [f32], usize),
) {
    let fits = left.holds(m, k)
        && right.holds(k, n)
        && Strided { values: out, row, column: 1 }.holds(m, n)
        && (row >= n || m <= 1);
    debug_assert!(fits, "product: matrices do not lie in their slices at {m} x {n} x {k}");
    if !fits || m == 0 || n == 0 {
        return;
    }
    #[expect(unsafe_code, reason = "the product library has an unsafe interface")]
    // SAFETY: every element of the three matrices lies inside its slice (checked above); elements of
    // `out` are distinct, since its rows are at least `n` apart; `out` is borrowed mutably, so it
    // overlaps neither input.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            row as isize,
            keep != 0.0,
            left.values.as_ptr(),
            left.column as isize,
            left.row as isize,
            right.values.as_ptr(),
            right.column as isize,
            right.row as isize,
            keep,
            scale,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

impl Strided<'_> {
    /// Whether a `rows x columns` matrix of these strides lies inside the slice.
    pub(super) fn holds(&self, rows: usize, columns: usize) -> bool {
        if rows == 0 || columns == 0 {
            return true;
        }
        let last = (rows - 1)
            .checked_mul(self.row)
            .zip((columns - 1).checked_mul(self.column))
            .and_then(|(down, across)| down.checked_add(across));
        // Pointer offsets are signed, so strides must be as well.
        let signed = |stride: usize| isize::try_from(stride).is_ok();
        last.is_some_and(|last| last < self.values.len()) && signed(self.row) && signed(self.column)
    }
}

/// Whether a slice is a `rows x columns` matrix. Extents whose product wraps to the length of the
/// slice would lead far outside of it.
fn holds(slice: &[f32], rows: usize, columns: usize) -> bool {
    rows.checked_mul(columns) == Some(slice.len())
}

/// `out = rows * right` for any number of rows, padded to whole blocks of [`ROW_BLOCK`], in parallel.
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
    let block = rows_at_once(rows.len() / k);
    out.par_chunks_mut(block * n).zip(rows.par_chunks(block * k)).for_each(|(out, rows)| {
        let count = rows.len() / k;
        let padded = count.next_multiple_of(ROW_BLOCK);
        if padded == count {
            return blocks_product([count, n, k], rows, right, layout, 0.0, out);
        }
        let mut whole = vec![0.0; padded * k];
        whole[..rows.len()].copy_from_slice(rows);
        let mut full = vec![0.0; padded * n];
        blocks_product([padded, n, k], &whole, right, layout, 0.0, &mut full);
        out.copy_from_slice(&full[..out.len()]);
    });
}

/// Rows that one thread should take at once of so many: a multiple of [`ROW_BLOCK`], fewer where threads
/// would stand idle. With [`blocks_product`] it changes no byte.
#[must_use]
pub fn rows_at_once(rows: usize) -> usize {
    let share = rows.div_ceil(rayon::current_num_threads().max(1));
    share.next_multiple_of(ROW_BLOCK).clamp(ROW_BLOCK, MOST_ROWS)
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

    #[test]
    fn a_row_has_the_same_bytes_in_any_number_of_blocks() {
        for k in [1, 2, 3, 17, 100, 511, 512, 513, 784, 1100, 3072] {
            for n in [1, 2, 4, 5, 16, 63, 64, 65, 100, 512] {
                let (left, right) = (noise(MOST_ROWS * k, 1), noise(n * k, 2));
                for layout in [Layout::Plain, Layout::Transposed] {
                    let mut alone = vec![0.0; MOST_ROWS * n];
                    for (rows, out) in
                        left.chunks(ROW_BLOCK * k).zip(alone.chunks_mut(ROW_BLOCK * n))
                    {
                        product([ROW_BLOCK, n, k], rows, &right, layout, 0.0, out);
                    }
                    for m in (ROW_BLOCK..=MOST_ROWS).step_by(ROW_BLOCK) {
                        let mut out = vec![0.0; m * n];
                        blocks_product([m, n, k], &left[..m * k], &right, layout, 0.0, &mut out);
                        assert!(out == alone[..m * n], "{m} x {n} x {k}, {layout:?}");
                    }
                }
            }
        }
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
    fn extents_that_wrap_are_not_taken_for_a_small_matrix() {
        assert!(holds(&[0.0; 6], 2, 3) && holds(&[], usize::MAX, 0));
        assert!(!holds(&[], 1 << (usize::BITS - 1), 2));
        assert!(!holds(&[0.0; 2], usize::MAX / 2 + 2, 2));
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
    fn strided_products_match_a_direct_sum_and_leave_the_gaps() {
        let (m, n, k) = (5, 3, 7);
        let (a, b) = (noise(200, 5), noise(200, 6));
        let (left, right) = ((2, 13), (17, 3));
        let mut out = noise(40, 7);
        let before = out.clone();
        multiply(
            [m, n, k],
            Strided { values: &a, row: left.0, column: left.1 },
            Strided { values: &b, row: right.0, column: right.1 },
            [0.5, 1.0],
            (&mut out, 8),
        );
        for (e, (&new, &old)) in out.iter().zip(&before).enumerate() {
            let (i, j) = (e / 8, e % 8);
            let term = |p: usize| a[i * left.0 + p * left.1] * b[p * right.0 + j * right.1];
            let sum: f32 = if j < n { (0..k).map(term).sum() } else { 0.0 };
            assert!((new - old - 0.5 * sum).abs() < 1e-5, "{i} {j}");
        }
        let inside = |len, row, column| Strided { values: &a[..len], row, column }.holds(3, 4);
        assert!(inside(12, 4, 1) && !inside(11, 4, 1) && !inside(200, usize::MAX, 1));
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
