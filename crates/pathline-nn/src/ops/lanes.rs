//! Sums and maxima along one row on sixteen lanes, so that the compiler can vectorise them without
//! reordering a sum by itself. Inline them into [`vectorised`](pathline::kernels::vectorised) work.

const LANES: usize = 16;

#[inline(always)]
fn fold(n: usize, start: f32, value: impl Fn(usize) -> f32, join: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [start; LANES];
    let whole = n - n % LANES;
    for first in (0..whole).step_by(LANES) {
        for (lane, joined) in lanes.iter_mut().enumerate() {
            *joined = join(*joined, value(first + lane));
        }
    }
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] = join(lanes[lane], lanes[lane + width]);
        }
        width /= 2;
    }
    (whole..n).fold(lanes[0], |joined, i| join(joined, value(i)))
}

/// `sum_i a_i`.
#[inline(always)]
pub(crate) fn sum(a: &[f32]) -> f32 {
    fold(a.len(), 0.0, |i| a[i], |x, y| x + y)
}

/// `sum_i (a_i - centre)^2`.
#[inline(always)]
pub(crate) fn squares_around(a: &[f32], centre: f32) -> f32 {
    fold(a.len(), 0.0, |i| (a[i] - centre) * (a[i] - centre), |x, y| x + y)
}

/// `sum_i a_i b_i` over the shorter of the two.
#[inline(always)]
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let n = a.len().min(b.len());
    let (a, b) = (&a[..n], &b[..n]);
    fold(n, 0.0, |i| a[i] * b[i], |x, y| x + y)
}

/// The largest of `a`, and NaN left out; minus infinity for none.
#[inline(always)]
pub(crate) fn max(a: &[f32]) -> f32 {
    fold(a.len(), f32::NEG_INFINITY, |i| a[i], |x, y| if x > y { x } else { y })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_folded_whole() {
        for n in 0..70_u8 {
            let a: Vec<f32> = (0..n).map(|i| f32::from(i % 7) - f32::from(i / 7)).collect();
            let ones = vec![2.0; usize::from(n)];
            assert_eq!(sum(&a), a.iter().sum::<f32>());
            assert_eq!(dot(&a, &ones), 2.0 * a.iter().sum::<f32>());
            let squares = a.iter().map(|v| (v - 1.0) * (v - 1.0)).sum::<f32>();
            assert_eq!(squares_around(&a, 1.0), squares);
            assert_eq!(max(&a), a.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        }
    }
}
