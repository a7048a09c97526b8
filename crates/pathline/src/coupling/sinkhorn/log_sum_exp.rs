//! `log sum_j exp(b_j - c_j s)` over the rows of a matrix, in `f64`, on lanes.
//!
//! The sum is taken of `exp(. - largest)`, so it neither overflows nor vanishes. The exponential is
//! our own: a loop around the library's does not vectorise, and its last bit differs by platform.

use rayon::prelude::*;

use crate::kernels::vectorised;

/// Rows that are one piece of work.
const ROWS: usize = 16;

/// Partial sums of one row: fixed, so that a sum is the same on every machine.
const LANES: usize = 8;

/// For each row `i` of `cost`, `log sum_j exp(bias_j - cost_ij * scale)`.
pub(super) fn log_sum_exp(cost: &[f32], bias: &[f64], scale: f64, out: &mut [f64]) {
    let rows = out.par_iter_mut().zip(cost.par_chunks_exact(bias.len().max(1)));
    rows.with_min_len(ROWS).for_each(|(out, row)| {
        *out = vectorised(
            #[inline(always)]
            || of_row(row, bias, scale),
        );
    });
}

#[inline(always)]
fn of_row(row: &[f32], bias: &[f64], scale: f64) -> f64 {
    let mut largest = [f64::NEG_INFINITY; LANES];
    for (c, b) in row.chunks(LANES).zip(bias.chunks(LANES)) {
        for ((m, &c), &b) in largest.iter_mut().zip(c).zip(b) {
            let value = b - f64::from(c) * scale;
            *m = if value > *m { value } else { *m };
        }
    }
    let largest = largest.iter().fold(f64::NEG_INFINITY, |a, &m| a.max(m));
    let mut sum = [0.0; LANES];
    let (mut c, mut b) = (row.chunks_exact(LANES), bias.chunks_exact(LANES));
    for (c, b) in (&mut c).zip(&mut b) {
        for ((s, &c), &b) in sum.iter_mut().zip(c).zip(b) {
            *s += exp(b - f64::from(c) * scale - largest);
        }
    }
    for ((s, &c), &b) in sum.iter_mut().zip(c.remainder()).zip(b.remainder()) {
        *s += exp(b - f64::from(c) * scale - largest);
    }
    largest + libm::log(sum.iter().sum())
}

/// `exp(x)` for `x <= 0`, within a few units in the last place; 0 below -708.
///
/// `x = k ln 2 + r` with `|r| <= ln 2 / 2`: a Taylor polynomial in `r`, and `2^k` put together from
/// bits. Adding `1.5 * 2^52` rounds to an integer and leaves it in the low bits.
#[inline(always)]
pub(super) fn exp(x: f64) -> f64 {
    const ROUND: f64 = 6_755_399_441_055_744.0;
    const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    let clipped = if x > -708.0 { x } else { -708.0 };
    let rounded = clipped * std::f64::consts::LOG2_E + ROUND;
    let k = rounded - ROUND;
    let r = (clipped - k * LN2_HIGH) - k * LN2_LOW;
    let mut value = INVERSE_FACTORIALS[0];
    for c in &INVERSE_FACTORIALS[1..] {
        value = value * r + c;
    }
    let power = f64::from_bits((rounded.to_bits().wrapping_add(1023)) << 52);
    if x > -708.0 { value * power } else { 0.0 }
}

/// `1 / n!` from `n = 13` down to 0: the rest is below `2e-17` for `|r| <= ln 2 / 2`.
const INVERSE_FACTORIALS: [f64; 14] = {
    let mut out = [1.0; 14];
    let (mut n, mut factorial) = (1, 1.0);
    while n < 14 {
        factorial *= n as f64;
        out[13 - n] = 1.0 / factorial;
        n += 1;
    }
    out
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_agrees_with_the_library() {
        for i in 0..200_000 {
            let x = -f64::from(i) * 0.003_540_1;
            let (found, wanted) = (exp(x), if x > -708.0 { libm::exp(x) } else { 0.0 });
            assert!((found - wanted).abs() <= 1e-15 * wanted, "{x}: {found} {wanted}");
        }
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(f64::NEG_INFINITY), 0.0);
    }

    #[test]
    fn rows_of_any_length_agree_with_a_direct_sum() {
        for n in 1..40_u16 {
            let cost: Vec<f32> = (0..3 * n).map(|i| (f32::from(i) * 0.7).sin() + 1.0).collect();
            let bias: Vec<f64> = (0..n).map(|j| f64::from(j).cos()).collect();
            let mut out = [0.0; 3];
            log_sum_exp(&cost, &bias, 3.0, &mut out);
            for (row, found) in cost.chunks(n.into()).zip(out) {
                let terms = row.iter().zip(&bias).map(|(&c, b)| (b - 3.0 * f64::from(c)).exp());
                let wanted = terms.sum::<f64>().ln();
                assert!((found - wanted).abs() < 1e-13, "{n}: {found} {wanted}");
            }
        }
    }
}
