//! Rounding to `bf16`, sixteen numbers at a time where the processor has an instruction for it.

/// Numbers that one instruction rounds.
const LANES: usize = 16;

/// Rounds each value to the nearest with 8 bits of mantissa, ties to even. NaN stays NaN, and what is too small to
/// be a normal number (below `1.2e-38`) becomes zero, as the processor's instruction has it. `into` is as long.
pub(super) fn round_row(values: &[f32], into: &mut [u16]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512bf16") && is_x86_feature_detected!("avx512f") {
        #[expect(unsafe_code, reason = "a function for newer machines is unsafe to call")]
        // SAFETY: the machine was just found to have what it is compiled for.
        return unsafe { wide::round_row(values, into) };
    }
    round_plainly(values, into);
}

fn round_plainly(values: &[f32], into: &mut [u16]) {
    super::vectorised(
        #[inline(always)]
        || {
            for (into, x) in into.iter_mut().zip(values) {
                *into = round(*x);
            }
        },
    );
}

#[inline(always)]
fn round(x: f32) -> u16 {
    const QUIET: u32 = 0x40;
    let bits = x.to_bits();
    let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16;
    let small = x.abs() < f32::MIN_POSITIVE;
    let number = if small { bits >> 16 & 0x8000 } else { rounded };
    (if x.is_nan() { bits >> 16 | QUIET } else { number }) as u16
}

/// The same by the processor's instruction.
#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::{__m256bh, __m512, _mm512_cvtneps_pbh};
    use std::mem::transmute;

    use super::LANES;

    #[target_feature(enable = "avx512f,avx512bf16")]
    pub(super) fn round_row(values: &[f32], into: &mut [u16]) {
        let (blocks, rest) = into.as_chunks_mut::<LANES>();
        let (value_blocks, value_rest) = values.as_chunks::<LANES>();
        for (into, values) in blocks.iter_mut().zip(value_blocks) {
            *into = lanes(values);
        }
        let mut some = [0.0; LANES];
        for (some, value) in some.iter_mut().zip(value_rest) {
            *some = *value;
        }
        for (into, half) in rest.iter_mut().zip(lanes(&some)) {
            *into = half;
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bf16")]
    fn lanes(values: &[f32; LANES]) -> [u16; LANES] {
        #[expect(unsafe_code, reason = "numbers as registers")]
        // SAFETY: both pairs have the same size, and any bits are valid.
        unsafe {
            let values = transmute::<[f32; LANES], __m512>(*values);
            transmute::<__m256bh, [u16; LANES]>(_mm512_cvtneps_pbh(values))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_to_the_nearest_with_ties_to_even() {
        let cases =
            [(1.0, 0x3f80), (257.0 / 256.0, 0x3f80), (259.0 / 256.0, 0x3f82), (1.004, 0x3f81)];
        for (x, half) in cases {
            assert_eq!((round(x), round(-x)), (half, half | 0x8000), "{x}");
        }
        assert_eq!([f32::INFINITY, f32::NAN, 3.4e38, 0.0].map(round), [0x7f80, 0x7fc0, 0x7f80, 0]);
        assert_eq!(round(f32::from_bits(0x7fff_ffff)), 0x7fff);
        assert_eq!([1e-40, -1e-40, f32::MIN_POSITIVE].map(round), [0, 0x8000, 0x80]);
    }

    #[test]
    fn rows_of_any_length_are_rounded_as_by_plain_loops() {
        // Bits of all exponents, both signs, ties, infinities and NaN among them.
        let values: Vec<f32> = (0..70_000_u32)
            .map(|i| f32::from_bits(i.wrapping_mul(0x0001_2345) ^ i << 15))
            .collect();
        for n in [0, 1, 15, 16, 17, 33, 70_000] {
            let (mut rounded, mut plain) = (vec![7; n], vec![9; n]);
            round_row(&values[..n], &mut rounded);
            round_plainly(&values[..n], &mut plain);
            assert_eq!(rounded, plain);
        }
    }
}
