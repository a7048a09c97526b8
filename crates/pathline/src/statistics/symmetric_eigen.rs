//! Eigenvalues and eigenvectors of a small symmetric matrix.
//!
//! Jacobi's method: rotations in the plane of each pair `(p, q)` in turn, each of which makes the entry
//! there 0, until what is left beside the diagonal is rounding.
//!
//! # References
//! Golub and Van Loan (2013), "Matrix Computations", section 8.5.

/// Sweeps over all pairs at most; some ten are needed.
const SWEEPS: usize = 60;

/// The eigenvalues of an `n x n` matrix, the largest first, and their eigenvectors, one after another.
pub(super) fn symmetric_eigen(mut matrix: Vec<f64>, n: usize) -> (Vec<f64>, Vec<f64>) {
    let mut vectors = vec![0.0; n * n];
    vectors.iter_mut().step_by(n + 1).for_each(|v| *v = 1.0);
    let whole: f64 = matrix.iter().map(|v| v * v).sum();
    for _ in 0..SWEEPS {
        let beside =
            |i: usize| matrix[i * n + i + 1..(i + 1) * n].iter().map(|v| v * v).sum::<f64>();
        let left: f64 = (0..n).map(beside).sum();
        if left.is_nan() || left <= 1e-30 * whole {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                if let Some(turn) = rotation(&matrix, n, (p, q)) {
                    rotate_rows(&mut matrix, n, (p, q), turn);
                    for row in matrix.chunks_exact_mut(n) {
                        (row[p], row[q]) = turned((row[p], row[q]), turn);
                    }
                    rotate_rows(&mut vectors, n, (p, q), turn);
                }
            }
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| matrix[b * n + b].total_cmp(&matrix[a * n + a]));
    let values = order.iter().map(|&i| matrix[i * n + i]).collect();
    let sorted = order.iter().flat_map(|&i| vectors[i * n..(i + 1) * n].to_vec()).collect();
    (values, sorted)
}

/// Cosine and sine of the rotation that makes entry `(p, q)` 0; `None` where it is.
fn rotation(matrix: &[f64], n: usize, (p, q): (usize, usize)) -> Option<(f64, f64)> {
    let beside = matrix[p * n + q];
    if beside == 0.0 {
        return None;
    }
    let ratio = (matrix[q * n + q] - matrix[p * n + p]) / (2.0 * beside);
    let tangent = 1.0_f64.copysign(ratio) / (ratio.abs() + (ratio * ratio + 1.0).sqrt());
    let cosine = 1.0 / (tangent * tangent + 1.0).sqrt();
    Some((cosine, tangent * cosine))
}

#[inline(always)]
fn turned((x, y): (f64, f64), (cosine, sine): (f64, f64)) -> (f64, f64) {
    (cosine * x - sine * y, sine * x + cosine * y)
}

fn rotate_rows(matrix: &mut [f64], n: usize, (p, q): (usize, usize), turn: (f64, f64)) {
    let (before, after) = matrix.split_at_mut(q * n);
    for (x, y) in before[p * n..(p + 1) * n].iter_mut().zip(&mut after[..n]) {
        (*x, *y) = turned((*x, *y), turn);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_matrix_comes_back_from_its_parts() {
        for n in [1, 2, 5, 30] {
            let entry = |i: usize, j: usize| {
                let (low, high) = (i.min(j) as f64, i.max(j) as f64);
                libm::sin(1.3 * low + 0.7 * high * high + 1.0)
            };
            let matrix: Vec<f64> = (0..n * n).map(|e| entry(e / n, e % n)).collect();
            let (values, vectors) = symmetric_eigen(matrix.clone(), n);
            assert!(values.windows(2).all(|pair| pair[0] >= pair[1]));
            for (e, wanted) in matrix.iter().enumerate() {
                let part = |k: usize| values[k] * vectors[k * n + e / n] * vectors[k * n + e % n];
                let found: f64 = (0..n).map(part).sum();
                assert!((found - wanted).abs() < 1e-12 * n as f64, "{n}: {found}, not {wanted}");
            }
        }
    }
}
