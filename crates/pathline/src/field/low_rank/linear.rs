//! Inner products and sums of vectors in double precision, in lanes so that they can be vectorised.

use crate::kernels::vectorised;

/// Enough to fill several registers, so that sums do not wait for each other.
const LANES: usize = 32;

/// `<a, b>` over the shorter of the two.
#[inline(always)]
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len().min(b.len());
    let ((a, rest_a), (b, rest_b)) = (a[..n].as_chunks::<LANES>(), b[..n].as_chunks::<LANES>());
    let mut lanes = [0.0_f64; LANES];
    for (a, b) in a.iter().zip(b) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += a * b;
        }
    }
    let mut sum = 0.0;
    for (a, b) in rest_a.iter().zip(rest_b) {
        sum += a * b;
    }
    for lane in lanes {
        sum += lane;
    }
    sum
}

/// `sum += weight * v`, over the shorter of the two.
#[inline(always)]
pub(super) fn add(sum: &mut [f64], weight: f64, v: &[f64]) {
    for (sum, v) in sum.iter_mut().zip(v) {
        *sum += weight * v;
    }
}

/// Makes the rows of width `d` orthonormal, each from those before it. A row that depends on those
/// before it becomes a coordinate direction that does not, so that there are always as many.
pub(super) fn orthonormalise(rows: &mut [f64], d: usize) {
    for r in 0..rows.len() / d.max(1) {
        let (done, rest) = rows.split_at_mut(r * d);
        let row = &mut rest[..d];
        let before = dot(row, row).sqrt();
        let mut length = reject(row, done, d);
        let mut least = 1e-12 * before;
        // One coordinate lies at least `1 / sqrt(d)` outside the span of fewer than `d` others.
        for spare in 0..d {
            if length > least {
                break;
            }
            row.fill(0.0);
            row[spare] = 1.0;
            length = reject(row, done, d);
            least = 0.5 / (d as f64).sqrt();
        }
        row.iter_mut().for_each(|v| *v /= length);
    }
}

/// Takes the orthonormal rows `done` out of `row`, twice, since the second time takes out what
/// rounding left of the first; gives the length of what is left.
fn reject(row: &mut [f64], done: &[f64], d: usize) -> f64 {
    vectorised(
        #[inline(always)]
        || {
            for other in done.chunks_exact(d).chain(done.chunks_exact(d)) {
                let along = dot(row, other);
                add(row, -along, other);
            }
            dot(row, row).sqrt()
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_orthonormal_even_where_they_repeat_or_vanish() {
        let d = 5;
        let mut rows = vec![0.0; 4 * d];
        for i in 0..d {
            rows[i] = 1.0 + i as f64;
            rows[d + i] = 2.0 + 2.0 * i as f64;
            rows[3 * d + i] = if i % 2 == 0 { 1.0 } else { -1.0 };
        }
        orthonormalise(&mut rows, d);
        for (i, a) in rows.chunks_exact(d).enumerate() {
            for (j, b) in rows.chunks_exact(d).enumerate() {
                let wanted = f64::from(u8::from(i == j));
                assert!((dot(a, b) - wanted).abs() < 1e-14, "{i} {j}");
            }
        }
        assert!((rows[0] - 1.0 / 55.0_f64.sqrt()).abs() < 1e-15);
    }
}
