//! Eigenvalues and eigenvectors of a small symmetric matrix.
//!
//! Jacobi's method: rotations in coordinate planes, each of which makes one entry outside the
//! diagonal zero, in a fixed order, until those entries are rounding.
//!
//! # References
//! Golub and Van Loan (2013), "Matrix Computations", section 8.5.

/// Rounds through all pairs: convergence is quadratic, and needs about six.
const MOST_ROUNDS: usize = 30;

/// Makes the symmetric `m x m` matrix diagonal; gives its eigenvalues, largest first, with their
/// eigenvectors as the rows of a matrix.
pub(super) fn eigen(mut matrix: Vec<f64>, m: usize) -> (Vec<f64>, Vec<f64>) {
    let mut vectors = vec![0.0; m * m];
    (0..m).for_each(|i| vectors[i * m + i] = 1.0);
    for _ in 0..MOST_ROUNDS {
        let squares = |i: usize| matrix[i * m..i * m + i].iter().map(|v| v * v).sum::<f64>();
        let off: f64 = (0..m).map(squares).sum();
        let all: f64 = matrix.iter().map(|v| v * v).sum();
        if off <= 1e-32 * all {
            break;
        }
        for p in 0..m {
            for q in p + 1..m {
                rotate(&mut matrix, &mut vectors, m, (p, q));
            }
        }
    }
    let mut order: Vec<usize> = (0..m).collect();
    order.sort_by(|&i, &j| matrix[j * m + j].total_cmp(&matrix[i * m + i]));
    let values = order.iter().map(|&i| matrix[i * m + i]).collect();
    let vectors = order.iter().flat_map(|&i| vectors[i * m..(i + 1) * m].to_vec()).collect();
    (values, vectors)
}

/// The rotation of coordinates `p < q` that makes their entry zero.
fn rotate(matrix: &mut [f64], vectors: &mut [f64], m: usize, (p, q): (usize, usize)) {
    let entry = matrix[p * m + q];
    let (a, b) = (matrix[p * m + p], matrix[q * m + q]);
    if entry.abs() <= f64::MIN_POSITIVE {
        return;
    }
    let theta = 0.5 * (b - a) / entry;
    // The smaller of the two angles; `hypot` does not overflow.
    let tan = theta.signum() / (theta.abs() + theta.hypot(1.0));
    let cos = 1.0 / tan.hypot(1.0);
    let sin = tan * cos;
    for k in 0..m {
        let (x, y) = (matrix[k * m + p], matrix[k * m + q]);
        matrix[k * m + p] = cos * x - sin * y;
        matrix[k * m + q] = sin * x + cos * y;
    }
    rotate_rows(matrix, m, (p, q), (cos, sin));
    rotate_rows(vectors, m, (p, q), (cos, sin));
    matrix[p * m + q] = 0.0;
    matrix[q * m + p] = 0.0;
}

fn rotate_rows(matrix: &mut [f64], m: usize, (p, q): (usize, usize), (cos, sin): (f64, f64)) {
    let (top, bottom) = matrix.split_at_mut(q * m);
    for (x, y) in top[p * m..(p + 1) * m].iter_mut().zip(&mut bottom[..m]) {
        (*x, *y) = (cos * *x - sin * *y, sin * *x + cos * *y);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_vectors_give_the_matrix_back() {
        for m in [0, 1, 2, 5, 20] {
            let entry = |i: usize, j: usize| libm::sin((i * j + i + j) as f64) + (i + j) as f64;
            let matrix: Vec<f64> = (0..m * m).map(|e| entry(e / m, e % m)).collect();
            let (values, vectors) = eigen(matrix.clone(), m);
            assert!(values.windows(2).all(|w| w[0] >= w[1]));
            for i in 0..m {
                for j in 0..m {
                    let sum = |f: &dyn Fn(usize) -> f64| (0..m).map(f).sum::<f64>();
                    let back = sum(&|k| values[k] * vectors[k * m + i] * vectors[k * m + j]);
                    assert!((back - matrix[i * m + j]).abs() < 1e-12 * (m * m) as f64);
                    let inner = sum(&|k| vectors[i * m + k] * vectors[j * m + k]);
                    assert!((inner - f64::from(u8::from(i == j))).abs() < 1e-13);
                }
            }
        }
    }
}
