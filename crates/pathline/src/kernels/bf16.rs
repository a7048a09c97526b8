//! Matrix products whose factors are rounded to `bf16` (8 bits of mantissa), with sums in `f32`.
//!
//! On processors with a tile unit (AMX) these take a half to a third of the time of the same product in `f32`,
//! rounding included, and longer where a side is below 50. With AVX512-BF16 alone they take a half at best. Each factor loses up to one part in 256; over many
//! terms the errors mostly cancel. A sum runs over its terms in an order that depends on their number only: a
//! row has the same bytes whatever other rows there are.
//!
//! Both factors are rounded into memory of the calling thread, which is kept and reused.

use std::cell::RefCell;

use super::product::Strided;
use super::round::round_row;
pub use super::tiles::{Left, PIECE, SIDE, has_bf16_unit, tile_product};
use super::turn::{PAIRS, interleave_pairs, turn_square};
use super::vectorised;

/// Numbers of 16 bits in a cache line, at which factors begin.
const LINE: usize = 32;

thread_local! {
    static SPARE: RefCell<Spare> = RefCell::default();
}

/// What a product works with.
#[derive(Debug, Default)]
struct Spare {
    rounded: Halves,
    left: Halves,
    right: Halves,
    steps: Vec<usize>,
}

/// Numbers in `bf16`, from a whole cache line on; kept from use to use.
#[derive(Debug, Default)]
pub struct Halves(Vec<u16>);

impl Halves {
    /// The first `len` numbers, with whatever they held.
    pub fn take(&mut self, len: usize) -> &mut [u16] {
        if self.0.len() < len + LINE {
            self.0.resize(len + LINE, 0);
        }
        let from = self.first();
        &mut self.0[from..from + len]
    }

    /// What was written to the first `len` numbers last taken.
    ///
    /// # Panics
    /// When fewer were ever taken.
    #[must_use]
    pub fn get(&self, len: usize) -> &[u16] {
        &self.0[self.first()..][..len]
    }

    /// Where the first whole cache line begins.
    fn first(&self) -> usize {
        self.0.as_ptr().align_offset(LINE * size_of::<u16>()).min(LINE)
    }
}

/// Rounds `rows` rows of `width` values that begin `stride` apart into rows of `pitch`, zeros behind each and
/// up to a multiple of 32 rows.
pub fn round_rows(
    values: &[f32],
    stride: usize,
    [rows, width]: [usize; 2],
    pitch: usize,
    into: &mut [u16],
) {
    if pitch == 0 {
        return;
    }
    for (i, into) in into.chunks_exact_mut(pitch).enumerate() {
        let (head, tail) = into.split_at_mut(width);
        tail.fill(0);
        if i < rows {
            round_row(&values[i * stride..][..width], head);
        } else {
            head.fill(0);
        }
    }
}

/// [`multiply`](super::multiply) with both factors rounded to `bf16`; one stride of each must be 1.
pub fn multiply_bf16(
    [m, n, k]: [usize; 3],
    left: Strided<'_>,
    right: Strided<'_>,
    scale: [f32; 2],
    (out, row): (&mut [f32], usize),
) {
    let apart = |matrix: &Strided<'_>| matrix.row == 1 || matrix.column == 1;
    let fits = left.holds(m, k) && right.holds(k, n) && apart(&left) && apart(&right);
    debug_assert!(fits, "matrices do not lie in their slices, or both strides are above 1");
    if !fits || m == 0 || n == 0 {
        return;
    }
    let [rows, columns, depth] = [m, n, k].map(|e| e.next_multiple_of(SIDE));
    SPARE.with_borrow_mut(|Spare { rounded, left: a, right: b, steps }| {
        let b = b.take(columns * depth);
        if right.column == 1 {
            let plain = rounded.take(depth * columns);
            round_rows(right.values, right.row, [k, n], columns, plain);
            interleave(plain, columns, b);
        } else {
            let turned = rounded.take(columns * depth);
            round_rows(right.values, right.column, [n, k], depth, turned);
            turn_into_pieces(turned, depth, b);
        }
        let a = a.take(rows * depth);
        if left.column == 1 {
            round_rows(left.values, left.row, [m, k], depth, a);
        } else {
            let turned = rounded.take(depth * rows);
            round_rows(left.values, left.column, [k, m], rows, turned);
            transpose(turned, rows, a, depth);
        }
        steps.clear();
        steps.extend((0..depth).step_by(SIDE));
        tile_product(Left::new(a, depth, steps), b, [m, n], scale, (out, row));
    });
}

/// Packs a `k x n` matrix, rows of `pitch`, into pieces: for every 32 columns, for every 32 rows, two halves of
/// 16 columns, in which rows `2p` and `2p + 1` lie side by side, number by number. `k` and `pitch` are multiples
/// of 32.
pub fn interleave(plain: &[u16], pitch: usize, pieces: &mut [u16]) {
    let steps = plain.len() / pitch / SIDE;
    vectorised(
        #[inline(always)]
        || {
            let lines = pieces.as_chunks_mut::<SIDE>().0;
            for (at, half) in lines.chunks_exact_mut(PAIRS).enumerate() {
                let (step, column) = (at / 2 % steps, at / 2 / steps * SIDE + at % 2 * PAIRS);
                interleave_lines(&plain[step * SIDE * pitch + column..], pitch, half);
            }
        },
    );
}

/// Writes the first sixteen numbers of rows `2p` and `2p + 1`, rows of `pitch`, side by side into line `p`.
#[inline(always)]
fn interleave_lines(rows: &[u16], pitch: usize, lines: &mut [[u16; SIDE]]) {
    for (pair, line) in lines.iter_mut().enumerate() {
        let row = 2 * pair * pitch;
        let [even, odd] = [row, row + pitch].map(|at| rows[at..].first_chunk());
        if let (Some(even), Some(odd)) = (even, odd) {
            interleave_pairs(even, odd, line);
        }
    }
}

/// [`interleave`] of a matrix that lies transposed: `n` rows of `pitch`, both multiples of 32.
pub fn turn_into_pieces(turned: &[u16], pitch: usize, pieces: &mut [u16]) {
    let steps = pitch / SIDE;
    for (at, half) in pieces.chunks_exact_mut(PIECE / 2).enumerate() {
        let (step, row) = (at / 2 % steps, at / 2 / steps * SIDE + at % 2 * PAIRS);
        turn_square(&turned[row * pitch + step * SIDE..], pitch, half, SIDE);
    }
}

/// The transpose of a matrix with rows of `pitch` as one with rows of `turned_pitch`, both multiples of 32.
pub fn transpose(matrix: &[u16], pitch: usize, turned: &mut [u16], turned_pitch: usize) {
    let mut square = [0; PIECE / 2];
    for down in (0..matrix.len() / pitch).step_by(SIDE) {
        let rows = &matrix[down * pitch..];
        for across in (0..pitch).step_by(PAIRS) {
            interleave_lines(&rows[across..], pitch, square.as_chunks_mut().0);
            turn_square(&square, SIDE, &mut turned[across * turned_pitch + down..], turned_pitch);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::multiply;
    use crate::seed::{Purpose, Seed};

    fn noise(n: usize, tag: u64) -> Vec<f32> {
        let mut out = vec![0.0; n];
        Seed(1).normal(Purpose::Data, tag, 0, &mut out);
        out
    }

    fn rounded(values: &[f32]) -> Vec<f32> {
        let mut halves = vec![0; values.len()];
        round_row(values, &mut halves);
        halves.iter().map(|half| f32::from_bits(u32::from(*half) << 16)).collect()
    }

    #[test]
    fn a_product_is_that_of_the_rounded_factors_in_all_layouts() {
        for dims @ [m, n, k] in
            [[1, 1, 1], [5, 7, 3], [32, 32, 32], [49, 128, 96], [100, 33, 130], [3, 70, 0]]
        {
            let (a, b) = (noise(m * k, 1), noise(k * n, 2));
            let (near, far) = (rounded(&a), rounded(&b));
            for turned in [[false, false], [true, false], [false, true], [true, true]] {
                let side = |values, turned, rows, columns| match turned {
                    true => Strided { values, row: 1, column: rows },
                    false => Strided { values, row: columns, column: 1 },
                };
                for scale in [[1.0, 0.0], [1.0, 1.0], [0.5, 1.0], [2.0, 0.0]] {
                    let row = n + 3;
                    let before = noise(m * row, 3);
                    let (mut out, mut wanted) = (before.clone(), before);
                    let left = |v| side(v, turned[0], m, k);
                    let right = |v| side(v, turned[1], k, n);
                    multiply_bf16(dims, left(&a), right(&b), scale, (&mut out, row));
                    multiply(dims, left(&near), right(&far), scale, (&mut wanted, row));
                    for (a, b) in out.iter().zip(&wanted) {
                        assert!(
                            (a - b).abs() < 1e-5 * (k + 1) as f32,
                            "{a} {b} at {dims:?} {turned:?} {scale:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_row_has_the_same_bytes_whatever_other_rows_there_are() {
        let [m, n, k] = [77, 50, 96];
        let (a, b) = (noise(m * k, 1), noise(k * n, 2));
        let right = Strided { values: &b, row: n, column: 1 };
        let some = |rows: std::ops::Range<usize>| {
            let mut out = vec![0.0; rows.len() * n];
            let left = Strided { values: &a[rows.start * k..rows.end * k], row: k, column: 1 };
            multiply_bf16([rows.len(), n, k], left, right, [1.0, 0.0], (&mut out, n));
            out
        };
        let all = some(0..m);
        assert_eq!(some(13..40), all[13 * n..40 * n]);
        assert_eq!(some(76..77), all[76 * n..]);
    }
}
