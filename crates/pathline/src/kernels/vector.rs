//! Reductions over one row, accumulated in `f64` in a fixed order.

use super::vectorised;

/// Lanes kept apart so that the compiler can vectorise without reordering a sum by itself.
const LANES: usize = 8;

/// Shorter rows are summed where they stand: the way to the widest vectors costs more than they save.
const LONG: usize = 64;

/// On the widest vectors of the machine where that pays; the same bytes either way.
#[inline(always)]
fn reduce(a: &[f32], b: &[f32], term: impl Fn(f64, f64) -> f64) -> f64 {
    if a.len().min(b.len()) < LONG {
        return reduce_lanes(a, b, term);
    }
    vectorised(
        #[inline(always)]
        || reduce_lanes(a, b, term),
    )
}

#[inline(always)]
fn reduce_lanes(a: &[f32], b: &[f32], term: impl Fn(f64, f64) -> f64) -> f64 {
    let n = a.len().min(b.len());
    let (a, b) = (&a[..n], &b[..n]);
    let mut lanes = [0.0_f64; LANES];
    let (chunks_a, chunks_b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let tail: f64 = chunks_a
        .remainder()
        .iter()
        .zip(chunks_b.remainder())
        .map(|(&x, &y)| term(f64::from(x), f64::from(y)))
        .sum();
    for (x, y) in chunks_a.zip(chunks_b) {
        for lane in 0..LANES {
            lanes[lane] += term(f64::from(x[lane]), f64::from(y[lane]));
        }
    }
    lanes.iter().sum::<f64>() + tail
}

/// `<a, b>` over the shorter of the two.
#[must_use]
pub fn dot(a: &[f32], b: &[f32]) -> f64 {
    reduce(a, b, |x, y| x * y)
}

/// `|a|^2`.
#[must_use]
pub fn squared_norm(a: &[f32]) -> f64 {
    dot(a, a)
}

/// `|a - b|^2` over the shorter of the two.
#[must_use]
pub fn squared_distance(a: &[f32], b: &[f32]) -> f64 {
    reduce(a, b, |x, y| (x - y) * (x - y))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_summed_whole() {
        for n in 0..200_u16 {
            let a: Vec<f32> = (0..n).map(f32::from).collect();
            let b: Vec<f32> = (0..n).map(|i| f32::from(i) - 2.0).collect();
            let wanted: f64 = (0..n).map(|i| f64::from(i) * (f64::from(i) - 2.0)).sum();
            assert_eq!(dot(&a, &b), wanted);
            assert_eq!(squared_distance(&a, &b), 4.0 * f64::from(n));
        }
    }

    #[test]
    fn wide_vectors_change_no_bit() {
        for n in 0..200_u16 {
            let a: Vec<f32> = (0..n).map(|i| (f32::from(i) * 0.7).sin() * 1e3).collect();
            let b: Vec<f32> = (0..n).map(|i| (f32::from(i) * 1.3).cos()).collect();
            let plain = std::hint::black_box(reduce_lanes as fn(&[f32], &[f32], Term) -> f64);
            assert_eq!(dot(&a, &b).to_bits(), plain(&a, &b, |x, y| x * y).to_bits(), "{n}");
        }
    }

    type Term = fn(f64, f64) -> f64;
}
