//! `e^x` in single precision, written so that the compiler turns a loop over it into vector code.
//!
//! `e^x = 2^n e^r` with `n = round(x / ln 2)` and `|r| <= ln(2) / 2`; `e^r` is its Taylor sum to the
//! seventh power, whose remainder `r^8 / 8!` is below `6e-9`. The system's `expf` is as exact, but a
//! call for each element of a hidden layer costs more than the layer's matrix product.
//!
//! # References
//! Muller (2016), "Elementary Functions", chapter 11 (range reduction with `ln 2` in two parts).

/// Largest argument used; beyond it the result stays at `e^87`, a normal number, as does its inverse.
const LIMIT: f32 = 87.0;
/// `1.5 * 2^23`: adding it leaves the rounded integer in the low bits of the significand.
const ROUND: f32 = 12_582_912.0;
/// The upper part of `ln 2`, short enough that `n` times it is exact.
const LN_2_HIGH: f32 = 0.693_359_4;
/// `ln 2` less [`LN_2_HIGH`].
const LN_2_LOW: f32 = -2.121_944_4e-4;

/// `e^x` for `x` in `[-87, 87]`, clamped beyond; relative error below `3e-7`; NaN stays NaN.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    let x = x.clamp(-LIMIT, LIMIT);
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = (x - n * LN_2_HIGH) - n * LN_2_LOW;
    let mut sum = 1.0 / 5040.0;
    for coefficient in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        sum = sum * r + coefficient;
    }
    // The low nine bits of `rounded` hold n; shifted into the exponent they make 2^n.
    sum * f32::from_bits(rounded.to_bits().wrapping_add(127) << 23)
}

/// `1 / (1 + e^-x)`.
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_double_precision_over_the_whole_range() {
        let mut worst = 0.0_f64;
        for i in -870_000..=870_000 {
            let x = i as f32 * 1e-4;
            let exact = f64::from(x).exp();
            worst = worst.max((f64::from(exp(x)) - exact).abs() / exact);
        }
        assert!(worst < 3e-7, "relative error {worst:e}");
        assert_eq!(exp(0.0), 1.0);
    }

    #[test]
    fn the_ends_stay_finite_and_nan_stays_nan() {
        assert!(exp(f32::INFINITY).is_finite() && exp(1e30).is_finite());
        assert!(exp(f32::NEG_INFINITY) < 2e-38);
        assert!(exp(f32::NAN).is_nan() && sigmoid(f32::NAN).is_nan());
        assert!(sigmoid(-1e9) < 2e-38 && sigmoid(1e9) == 1.0);
    }
}
