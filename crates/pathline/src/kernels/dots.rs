//! Products of `bf16` matrices by instructions that multiply pairs of such numbers (AVX512-BF16), for processors
//! that have those and no tile unit.
//!
//! # References
//! Intel (2024), "Intel 64 and IA-32 Architectures Software Developer's Manual", volume 2, `VDPBF16PS`.

use std::arch::x86_64::{__m512, __m512bh, _mm512_dpbf16_ps, _mm512_set1_epi32, _mm512_setzero_ps};
use std::mem::transmute;

use super::tiles::{Left, PIECE, SIDE};

/// Rows at a time: their sums fill half of the registers, enough for products not to wait for one another.
const ROWS: usize = 8;
/// Sums in a register, and pairs of numbers.
const LANES: usize = 16;

/// Whether the processor has them.
pub(super) fn available() -> bool {
    is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bf16")
}

/// `sums = keep * sums + left * right` for 32 rows from `first` on and 32 columns, where row `i` of the sums is
/// `sums[i * row..][..32]`. The caller has checked that all of it lies in its slice. Panics when the processor lacks
/// the instructions.
pub(super) fn block(
    left: Left<'_>,
    first: usize,
    right: &[u16],
    keep: bool,
    (sums, row): (&mut [f32], usize),
) {
    assert!(available());
    for down in (0..SIDE).step_by(ROWS) {
        let sums = &mut sums[down * row..];
        #[expect(unsafe_code, reason = "a function for newer machines is unsafe to call")]
        // SAFETY: the machine was just found to have what it is compiled for.
        unsafe {
            some_rows(left, first + down, right, keep, (sums, row));
        }
    }
}

/// [`block`] for the first rows.
#[target_feature(enable = "avx512f,avx512bf16")]
fn some_rows(
    left: Left<'_>,
    first: usize,
    right: &[u16],
    keep: bool,
    (sums, row): (&mut [f32], usize),
) {
    let mut held = [[_mm512_setzero_ps(); 2]; ROWS];
    if keep {
        for (held, sums) in held.iter_mut().zip(sums.chunks(row)) {
            for (held, sums) in held.iter_mut().zip(sums.as_chunks::<LANES>().0) {
                *held = of_sums(*sums);
            }
        }
    }
    for (step, piece) in right.as_chunks::<PIECE>().0.iter().enumerate().take(left.steps()) {
        let rows: [&[u16; SIDE]; ROWS] = std::array::from_fn(|i| left.numbers(step, first + i));
        let lines = piece.as_chunks::<SIDE>().0;
        for pair in 0..LANES {
            let [low, high] = [pair, pair + LANES].map(|line| of_halves(lines[line]));
            for (held, numbers) in held.iter_mut().zip(rows) {
                let pair = everywhere([numbers[2 * pair], numbers[2 * pair + 1]]);
                held[0] = _mm512_dpbf16_ps(held[0], pair, low);
                held[1] = _mm512_dpbf16_ps(held[1], pair, high);
            }
        }
    }
    for (held, sums) in held.iter().zip(sums.chunks_mut(row)) {
        for (held, sums) in held.iter().zip(sums.as_chunks_mut::<LANES>().0) {
            *sums = to_sums(*held);
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn everywhere([even, odd]: [u16; 2]) -> __m512bh {
    let both = u32::from(even) | u32::from(odd) << 16;
    #[expect(unsafe_code, reason = "numbers as a register")]
    // SAFETY: both are 512 bits, of which any are valid.
    unsafe {
        transmute(_mm512_set1_epi32(both.cast_signed()))
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn of_halves(numbers: [u16; SIDE]) -> __m512bh {
    #[expect(unsafe_code, reason = "numbers as a register")]
    // SAFETY: both are 512 bits, of which any are valid.
    unsafe {
        transmute(numbers)
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn of_sums(numbers: [f32; LANES]) -> __m512 {
    #[expect(unsafe_code, reason = "numbers as a register")]
    // SAFETY: both are 512 bits, of which any are valid.
    unsafe {
        transmute(numbers)
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn to_sums(register: __m512) -> [f32; LANES] {
    #[expect(unsafe_code, reason = "a register as numbers")]
    // SAFETY: both are 512 bits, of which any are valid.
    unsafe {
        transmute(register)
    }
}
