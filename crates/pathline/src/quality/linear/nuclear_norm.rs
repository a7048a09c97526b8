//! The sum of the singular values of a matrix.
//!
//! Reflections from both sides make the matrix bidiagonal, with `d_1, e_1, d_2, ..., d_n`. The symmetric
//! tridiagonal matrix with zero diagonal and these beside it has the eigenvalues plus and minus
//! the singular values; the number of them below `x` is the number of negative terms of
//! `q_1 = -x`, `q_{i+1} = -x - b_i^2 / q_i` (Sturm), and bisection finds each. The error of each value is
//! of the order of the rounding of the largest: no square of the matrix is ever taken, so that
//! the singular values of a product of factors do not lose half their digits.
//!
//! # References
//! Golub and Kahan (1965), "Calculating the singular values and pseudo-inverse of a matrix"; Golub
//! and Van Loan (2013), "Matrix Computations", sections 5.4.8, 8.4.1 and 8.6.1.

use rayon::prelude::*;

use super::{add, dot};
use crate::kernels::vectorised;

/// Singular values that are searched for at once.
const LANES: usize = 8;

/// Rows of one task: fixed, so that sums have one order on any number of threads.
const ROWS: usize = 64;

/// The sum of the singular values of an `m x n` matrix, row after row.
pub(in super::super) fn nuclear_norm(matrix: Vec<f64>, m: usize, n: usize) -> f64 {
    let largest = matrix.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
    if largest == 0.0 {
        return 0.0;
    }
    // Long rather than wide, and scaled so that no square overflows.
    let (m, n, mut a) = if m < n {
        (n, m, (0..m * n).map(|e| matrix[e % m * n + e / m] / largest).collect::<Vec<f64>>())
    } else {
        (m, n, matrix.iter().map(|v| v / largest).collect())
    };
    largest * bidiagonal_sum(&bidiagonal(&mut a, m, n))
}

/// `d_1, e_1, d_2, e_2, ..., d_n` of a matrix with `m >= n`, which is used up.
fn bidiagonal(a: &mut [f64], m: usize, n: usize) -> Vec<f64> {
    let mut beside = Vec::with_capacity(2 * n);
    for k in 0..n {
        let mut column: Vec<f64> = (k..m).map(|i| a[i * n + k]).collect();
        let (d, beta) = reflector(&mut column);
        beside.push(d);
        reflect_columns(&mut a[k * n..], n, k + 1, &column, beta);
        if k + 1 == n {
            break;
        }
        let mut row = a[k * n + k + 1..(k + 1) * n].to_vec();
        let (e, beta) = reflector(&mut row);
        beside.push(e);
        a[(k + 1) * n..].par_chunks_mut(ROWS * n).for_each(|rows| {
            for line in rows.chunks_exact_mut(n) {
                let line = &mut line[k + 1..];
                add(line, -beta * dot(line, &row), &row);
            }
        });
    }
    beside
}

/// Turns `x` into `v` with `(1 - beta v v^T) x = (alpha, 0, ..., 0)`, and gives `alpha` and `beta`.
fn reflector(x: &mut [f64]) -> (f64, f64) {
    let length = dot(x, x).sqrt();
    let Some(first) = x.first_mut().filter(|_| length > 0.0) else {
        return (0.0, 0.0);
    };
    let alpha = if *first > 0.0 { -length } else { length };
    // The signs agree, so nothing cancels.
    let beta = 1.0 / (alpha * (alpha - *first));
    *first -= alpha;
    (alpha, beta)
}

/// `rows -= beta v (v^T rows)` in the columns from `from` on.
fn reflect_columns(rows: &mut [f64], n: usize, from: usize, v: &[f64], beta: f64) {
    let partial: Vec<Vec<f64>> = rows
        .par_chunks(ROWS * n)
        .zip(v.par_chunks(ROWS))
        .map(|(rows, v)| {
            let mut sum = vec![0.0; n - from];
            for (line, &v) in rows.chunks_exact(n).zip(v) {
                add(&mut sum, v, &line[from..]);
            }
            sum
        })
        .collect();
    let mut product = vec![0.0; n - from];
    for sum in &partial {
        add(&mut product, beta, sum);
    }
    rows.par_chunks_mut(ROWS * n).zip(v.par_chunks(ROWS)).for_each(|(rows, v)| {
        for (line, &v) in rows.chunks_exact_mut(n).zip(v) {
            add(&mut line[from..], -v, &product);
        }
    });
}

/// The sum of the singular values of a bidiagonal matrix, given as `d_1, e_1, ..., d_n`.
fn bidiagonal_sum(beside: &[f64]) -> f64 {
    let n = beside.len().div_ceil(2);
    let squares: Vec<f64> = beside.iter().map(|b| b * b).collect();
    // Gershgorin: no eigenvalue is larger than the sum of two neighbours.
    let bound = (0..beside.len())
        .map(|i| beside[i].abs() + beside.get(i + 1).map_or(0.0, |b| b.abs()))
        .fold(0.0_f64, f64::max);
    let sums: Vec<f64> = (0..n.div_ceil(LANES))
        .into_par_iter()
        .map(|block| {
            let first = block * LANES;
            let found = bisect(&squares, n, first, bound);
            found.iter().take(n - first).sum()
        })
        .collect();
    sums.iter().sum()
}

/// The singular values `first .. first + LANES` in rising order (past the end: `bound`).
fn bisect(squares: &[f64], n: usize, first: usize, bound: f64) -> [f64; LANES] {
    let (mut low, mut high) = ([0.0; LANES], [bound; LANES]);
    // 54 halvings reach the rounding of the largest value.
    for _ in 0..54 {
        let mut middle = [0.0; LANES];
        for l in 0..LANES {
            middle[l] = 0.5 * (low[l] + high[l]);
        }
        let below = vectorised(
            #[inline(always)]
            || negative_terms(squares, middle),
        );
        for l in 0..LANES {
            // The n negative eigenvalues are below any positive number.
            if below[l] > (n + first + l) as f64 {
                high[l] = middle[l];
            } else {
                low[l] = middle[l];
            }
        }
    }
    high
}

/// Eigenvalues below each `x`, as counts that vectorise.
#[inline(always)]
fn negative_terms(squares: &[f64], x: [f64; LANES]) -> [f64; LANES] {
    /// Stands for a term that is 0; squares of numbers near 1 over it stay finite.
    const TINY: f64 = 1e-300;
    let mut q = x.map(|x| -x);
    let mut count = [1.0; LANES];
    for &square in squares {
        for l in 0..LANES {
            let term = -x[l] - square / q[l];
            // A term that is 0 is taken for a negative one, here and by the next.
            q[l] = if term.abs() < TINY { -TINY } else { term };
            count[l] += if q[l] < 0.0 { 1.0 } else { 0.0 };
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_matrices_have_their_known_sums() {
        let cases: [(Vec<f64>, usize, usize, f64); 6] = [
            (vec![-3.0], 1, 1, 3.0),
            (vec![3.0, 4.0], 1, 2, 5.0),
            (vec![3.0, 4.0], 2, 1, 5.0),
            (vec![1.0, 1.0, 1.0, 1.0], 2, 2, 2.0),
            // Golden ratio and its inverse.
            (vec![1.0, 1.0, 0.0, 1.0], 2, 2, 5.0_f64.sqrt()),
            (vec![0.0; 6], 2, 3, 0.0),
        ];
        for (matrix, m, n, wanted) in cases {
            let found = nuclear_norm(matrix, m, n);
            assert!((found - wanted).abs() < 1e-14, "{found}, not {wanted}");
        }
    }

    #[test]
    fn a_positive_semidefinite_matrix_gives_its_trace_at_any_scale() {
        for (n, rank, scale) in [(5, 5, 1.0), (70, 70, 1e-12), (131, 40, 1e12), (33, 1, 1.0)] {
            let a: Vec<f64> = (0..n * rank).map(|i| libm::sin(0.9 * (i * i) as f64)).collect();
            let entry =
                |e: usize| scale * dot(&a[e / n * rank..][..rank], &a[e % n * rank..][..rank]);
            let gram: Vec<f64> = (0..n * n).map(entry).collect();
            let trace: f64 = (0..n).map(|i| gram[i * n + i]).sum();
            let found = nuclear_norm(gram, n, n);
            assert!((found / trace - 1.0).abs() < 1e-12, "{found}, not {trace}");
        }
    }
}
