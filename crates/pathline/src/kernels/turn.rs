//! Rearranging numbers of 16 bits, sixteen or thirty-two at a time.

/// Numbers that lie side by side in one register: sixteen pairs.
pub(super) const PAIRS: usize = 16;
const HALVES: usize = 2 * PAIRS;

/// Writes sixteen numbers of one row and the sixteen below side by side, number by number: `into` gets
/// `even[0], odd[0], even[1], odd[1], ..`.
#[inline(always)]
pub(super) fn interleave_pairs(even: &[u16; PAIRS], odd: &[u16; PAIRS], into: &mut [u16; HALVES]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512f") {
        #[expect(unsafe_code, reason = "a function for newer machines is unsafe to call")]
        // SAFETY: the machine was just found to have what it is compiled for.
        return unsafe { wide::interleave_pairs(even, odd, into) };
    }
    for (pair, (even, odd)) in into.chunks_exact_mut(2).zip(even.iter().zip(odd)) {
        pair.copy_from_slice(&[*even, *odd]);
    }
}

/// The transpose of a square of 16 x 16 pairs: row `i` of it is `from[i * row..][..32]`, row `j` of what is
/// written `into[j * into_row..][..32]`.
///
/// # Panics
/// When a row lies outside of its slice.
#[inline(always)]
pub(super) fn turn_square(from: &[u16], row: usize, into: &mut [u16], into_row: usize) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512f") {
        #[expect(unsafe_code, reason = "a function for newer machines is unsafe to call")]
        // SAFETY: the machine was just found to have what it is compiled for.
        return unsafe { wide::turn_square(from, row, into, into_row) };
    }
    turn_plainly(from, row, into, into_row);
}

fn turn_plainly(from: &[u16], row: usize, into: &mut [u16], into_row: usize) {
    for i in 0..PAIRS {
        for j in 0..PAIRS {
            into[j * into_row + 2 * i..][..2].copy_from_slice(&from[i * row + 2 * j..][..2]);
        }
    }
}

/// The same with the registers of AVX-512.
#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::{
        __m256i, __m512i, _mm512_cvtepu16_epi32, _mm512_or_si512, _mm512_shuffle_i32x4,
        _mm512_slli_epi32, _mm512_unpackhi_epi32, _mm512_unpackhi_epi64, _mm512_unpacklo_epi32,
        _mm512_unpacklo_epi64,
    };
    use std::array::from_fn;
    use std::mem::transmute;

    use super::{HALVES, PAIRS};

    #[target_feature(enable = "avx512f")]
    fn widen(halves: &[u16; PAIRS]) -> __m512i {
        #[expect(unsafe_code, reason = "numbers as a register")]
        // SAFETY: both are 32 bytes, of which any are valid.
        _mm512_cvtepu16_epi32(unsafe { transmute::<[u16; PAIRS], __m256i>(*halves) })
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn load(halves: &[u16], at: usize) -> __m512i {
        let mut some = [0; HALVES];
        some.copy_from_slice(&halves[at..at + HALVES]);
        #[expect(unsafe_code, reason = "numbers as a register")]
        // SAFETY: both are 64 bytes, of which any are valid.
        unsafe {
            transmute::<[u16; HALVES], __m512i>(some)
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn halves(register: __m512i) -> [u16; HALVES] {
        #[expect(unsafe_code, reason = "a register as numbers")]
        // SAFETY: both are 64 bytes, of which any are valid.
        unsafe {
            transmute::<__m512i, [u16; HALVES]>(register)
        }
    }

    #[target_feature(enable = "avx512f")]
    pub(super) fn interleave_pairs(
        even: &[u16; PAIRS],
        odd: &[u16; PAIRS],
        into: &mut [u16; HALVES],
    ) {
        let odd = _mm512_slli_epi32::<16>(widen(odd));
        *into = halves(_mm512_or_si512(widen(even), odd));
    }

    /// Four steps: pairs of rows, of pairs, of quarters of registers, of halves.
    #[target_feature(enable = "avx512f")]
    pub(super) fn turn_square(from: &[u16], row: usize, into: &mut [u16], into_row: usize) {
        let rows: [__m512i; PAIRS] = from_fn(
            #[inline(always)]
            |i| load(from, i * row),
        );
        let mut pairs = rows;
        for i in 0..PAIRS / 2 {
            pairs[2 * i] = _mm512_unpacklo_epi32(rows[2 * i], rows[2 * i + 1]);
            pairs[2 * i + 1] = _mm512_unpackhi_epi32(rows[2 * i], rows[2 * i + 1]);
        }
        let mut fours = pairs;
        for i in (0..PAIRS).step_by(4) {
            fours[i] = _mm512_unpacklo_epi64(pairs[i], pairs[i + 2]);
            fours[i + 1] = _mm512_unpackhi_epi64(pairs[i], pairs[i + 2]);
            fours[i + 2] = _mm512_unpacklo_epi64(pairs[i + 1], pairs[i + 3]);
            fours[i + 3] = _mm512_unpackhi_epi64(pairs[i + 1], pairs[i + 3]);
        }
        const EVEN: i32 = 0b10_00_10_00;
        const ODD: i32 = 0b11_01_11_01;
        for c in 0..4 {
            let upper = (fours[c], fours[4 + c]);
            let lower = (fours[8 + c], fours[12 + c]);
            let even = _mm512_shuffle_i32x4::<EVEN>(upper.0, upper.1);
            let odd = _mm512_shuffle_i32x4::<ODD>(upper.0, upper.1);
            let even_below = _mm512_shuffle_i32x4::<EVEN>(lower.0, lower.1);
            let odd_below = _mm512_shuffle_i32x4::<ODD>(lower.0, lower.1);
            let turned = [
                _mm512_shuffle_i32x4::<EVEN>(even, even_below),
                _mm512_shuffle_i32x4::<EVEN>(odd, odd_below),
                _mm512_shuffle_i32x4::<ODD>(even, even_below),
                _mm512_shuffle_i32x4::<ODD>(odd, odd_below),
            ];
            for (quarter, turned) in turned.into_iter().enumerate() {
                let at = (4 * quarter + c) * into_row;
                into[at..at + HALVES].copy_from_slice(&halves(turned));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_square_is_turned_as_by_plain_loops() {
        let from: Vec<u16> = (0..16 * 40).collect();
        let (mut into, mut plain) = (vec![0; 16 * 35], vec![0; 16 * 35]);
        turn_square(&from, 40, &mut into, 35);
        turn_plainly(&from, 40, &mut plain, 35);
        assert_eq!(into, plain);
        assert_eq!([plain[2], plain[3], plain[35]], [40, 41, 2]);
    }

    #[test]
    fn pairs_lie_side_by_side() {
        let even = std::array::from_fn(|i| i as u16);
        let odd = std::array::from_fn(|i| 100 + i as u16);
        let mut into = [0; 32];
        interleave_pairs(&even, &odd, &mut into);
        for (i, pair) in into.chunks_exact(2).enumerate() {
            assert_eq!(pair, [i as u16, 100 + i as u16]);
        }
    }
}
