//! The exponential in double precision without branches, so that loops over it can be vectorised, and with
//! the same bits on every machine.
//!
//! With `n` the whole number next to `x / ln 2` and `r = x - n ln 2`, `|r| <= ln(2) / 2`:
//! `exp(x) = 2^n exp(r)`, and `exp(r)` by its Taylor polynomial of degree 13, whose remainder is below
//! `5e-18`. `n ln 2` is taken off in two pieces, the first of which multiplies without rounding.
//!
//! # References
//! Muller (2016), "Elementary functions", section 11.1 (reduction in two pieces).

/// `1.5 2^52`: added to a number below `2^51`, it leaves the nearest whole number in the last bits.
const WHOLE: f64 = 6_755_399_441_055_744.0;
/// `ln 2` to 33 bits, and what is missing.
const LN_2_HIGH: f64 = 0.693_147_180_369_123_8;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// Below it the result is taken to be 0 (it is less than `3e-308`).
const LEAST: f64 = -708.0;

/// `exp(x)` for `x <= 0`, within two units of the last place, and 0 below -708. Inline into
/// [`vectorised`](super::vectorised) work.
#[inline(always)]
#[must_use]
pub fn exp_of_negative(x: f64) -> f64 {
    let held = if x > LEAST { x } else { LEAST };
    let shifted = held * std::f64::consts::LOG2_E + WHOLE;
    let n = shifted - WHOLE;
    let r = (held - n * LN_2_HIGH) - n * LN_2_LOW;
    let mut value = 1.0 / 6_227_020_800.0;
    for k in [
        479_001_600.0,
        39_916_800.0,
        3_628_800.0,
        362_880.0,
        40_320.0,
        5_040.0,
        720.0,
        120.0,
        24.0,
        6.0,
        2.0,
        1.0,
        1.0,
    ] {
        value = value * r + 1.0 / k;
    }
    // The last bits of `shifted` hold n: moved to where exponents are, they are those of 2^n.
    let power = f64::from_bits((shifted.to_bits() << 52).wrapping_add(1023 << 52));
    if x > LEAST { value * power } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_exponential_to_two_units_of_the_last_place() {
        assert_eq!(exp_of_negative(0.0), 1.0);
        let mut worst = 0.0_f64;
        for i in 0..2_000_000_u32 {
            let x = -f64::from(i) * f64::from(i) * 1.7e-10;
            let (found, wanted) = (exp_of_negative(x), libm::exp(x));
            if x > LEAST {
                worst = worst.max((found - wanted).abs() / (wanted * f64::EPSILON));
            }
        }
        assert!(worst <= 2.0, "{worst}");
        for x in [-708.0, -800.0, -1e300, f64::NEG_INFINITY] {
            assert_eq!(exp_of_negative(x), 0.0);
        }
        assert!((exp_of_negative(-707.9) / libm::exp(-707.9) - 1.0).abs() < 1e-15);
    }
}
