//! A factor of a covariance that may be singular.
//!
//! Cholesky's method with complete pivoting: step `r` takes the largest variance that is left, at
//! `p`, and `f_r = (C_p - sum_{s<r} f_s[p] f_s) / sqrt(C_pp - sum_{s<r} f_s[p]^2)`, until what is left is
//! rounding. Then `C = sum_r f_r f_r^T`, with as many vectors as `C` has rank.
//!
//! # References
//! Higham (2002), "Accuracy and Stability of Numerical Algorithms", section 10.3.

use super::add;

/// What is left of a variance may be this much below zero, relative to the largest variance.
const NEGATIVE: f64 = 1e-6;

/// The vectors `f_r`, one after another, each of length `d`, for a symmetric `d x d` matrix; `None`
/// when the matrix is not positive semidefinite.
pub(in super::super) fn factor(matrix: &[f64], d: usize) -> Option<Vec<f64>> {
    let mut left: Vec<f64> = (0..d).map(|i| matrix[i * d + i]).collect();
    let largest = left.iter().fold(0.0_f64, |a, &b| a.max(b));
    let rounding = d as f64 * f64::EPSILON * largest;
    let mut vectors: Vec<f64> = Vec::new();
    for _ in 0..d {
        let pivot = (0..d).fold(0, |best, i| if left[i] > left[best] { i } else { best });
        if left[pivot] <= rounding {
            break;
        }
        let mut next = matrix[pivot * d..(pivot + 1) * d].to_vec();
        for vector in vectors.chunks_exact(d) {
            // Exactly 0 where an earlier pivot was: those variances are used up.
            add(&mut next, -vector[pivot], vector);
        }
        let root = left[pivot].sqrt();
        for (v, l) in next.iter_mut().zip(&mut left) {
            *v /= root;
            *l -= *v * *v;
        }
        next[pivot] = root;
        left[pivot] = 0.0;
        vectors.extend(next);
    }
    let lowest = left.iter().fold(0.0_f64, |a, &b| a.min(b));
    (lowest >= -NEGATIVE * largest).then_some(vectors)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rebuilt(vectors: &[f64], d: usize) -> Vec<f64> {
        let mut out = vec![0.0; d * d];
        for v in vectors.chunks_exact(d) {
            for i in 0..d {
                for j in 0..d {
                    out[i * d + j] += v[i] * v[j];
                }
            }
        }
        out
    }

    #[test]
    fn the_vectors_give_the_matrix_back_at_any_rank() {
        for (d, rank) in [(1, 1), (3, 1), (7, 4), (20, 20), (12, 0)] {
            // The square keeps the vectors apart: sines of equal steps span a plane.
            let entry = |i: usize| libm::sin(0.37 * (i * i) as f64 + 1.7 * i as f64 + 1.0);
            let vectors: Vec<f64> = (0..rank * d).map(entry).collect();
            let matrix = rebuilt(&vectors, d);
            let found = factor(&matrix, d).unwrap_or_default();
            assert_eq!(found.len(), rank * d, "rank at {d}, {rank}");
            for (a, b) in rebuilt(&found, d).iter().zip(&matrix) {
                assert!((a - b).abs() < 1e-12 * d as f64, "{a} {b}");
            }
        }
    }

    #[test]
    fn a_matrix_with_a_negative_direction_has_none() {
        assert!(factor(&[1.0, 2.0, 2.0, 1.0], 2).is_none());
        assert!(factor(&[1.0, 0.0, 0.0, -1.0], 2).is_none());
    }
}
