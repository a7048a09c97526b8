//! Making vectors orthonormal, in double precision.

use crate::kernels::{add_doubles, dot_doubles, vectorised};

/// Makes the rows of width `d` orthonormal, each from those before it. A row that depends on those
/// before it becomes a coordinate direction that does not, so that there are always as many.
pub(super) fn orthonormalise(rows: &mut [f64], d: usize) {
    for r in 0..rows.len() / d.max(1) {
        let (done, rest) = rows.split_at_mut(r * d);
        let row = &mut rest[..d];
        let before = dot_doubles(row, row).sqrt();
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
                let along = dot_doubles(row, other);
                add_doubles(row, -along, other);
            }
            dot_doubles(row, row).sqrt()
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
                assert!((dot_doubles(a, b) - wanted).abs() < 1e-14, "{i} {j}");
            }
        }
        assert!((rows[0] - 1.0 / 55.0_f64.sqrt()).abs() < 1e-15);
    }
}
