//! Inner products and sums of `f64` vectors, in lanes so that they can be vectorised, in one order.
//!
//! They are inlined: inside [`vectorised`](super::vectorised) they take the widest registers of the machine.

use super::vectorised;

/// Enough to fill several registers, so that sums do not wait for each other.
const LANES: usize = 32;

/// `<a, b>` over the shorter of the two.
#[inline(always)]
#[must_use]
pub fn dot_doubles(a: &[f64], b: &[f64]) -> f64 {
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
pub fn add_doubles(sum: &mut [f64], weight: f64, v: &[f64]) {
    for (sum, v) in sum.iter_mut().zip(v) {
        *sum += weight * v;
    }
}

/// [`dot_doubles`] where nothing around it is [`vectorised`].
#[must_use]
pub fn dot_doubles_wide(a: &[f64], b: &[f64]) -> f64 {
    vectorised(
        #[inline(always)]
        || dot_doubles(a, b),
    )
}

/// [`add_doubles`] where nothing around it is [`vectorised`].
pub fn add_doubles_wide(sum: &mut [f64], weight: f64, v: &[f64]) {
    vectorised(
        #[inline(always)]
        || add_doubles(sum, weight, v),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_summed_whole() {
        for n in 0..100_u16 {
            let a: Vec<f64> = (0..n).map(f64::from).collect();
            let b: Vec<f64> = (0..n).map(|i| f64::from(i) - 2.0).collect();
            let wanted: f64 = (0..n).map(|i| f64::from(i) * (f64::from(i) - 2.0)).sum();
            assert_eq!(dot_doubles(&a, &b), wanted);
            let mut sum = a.clone();
            add_doubles(&mut sum, 2.0, &b);
            assert!(sum.iter().zip(&a).all(|(s, a)| *s == 3.0 * a - 4.0));
        }
    }
}
