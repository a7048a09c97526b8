//! The constant matrices of `F(2x2, 3x3)` and their transposes, on one side of a square: see
//! [`winograd`](super::winograd).

use crate::ops::lane::Lane;

/// The four values of a patch's side from the four of an input's side: `B^T`.
#[inline(always)]
pub(super) fn patch([a, b, c, d]: [Lane; 4]) -> [Lane; 4] {
    [a - c, b + c, c - b, b - d]
}

/// `B`, the transpose of [`patch`].
#[inline(always)]
pub(super) fn patch_back([a, b, c, d]: [Lane; 4]) -> [Lane; 4] {
    [a, b - c + d, b + c - a, Lane::ZERO - d]
}

/// `A^T`.
#[inline(always)]
pub(super) fn tile([a, b, c, d]: [Lane; 4]) -> [Lane; 2] {
    [a + b + c, b - c - d]
}

/// `A`, the transpose of [`tile`].
#[inline(always)]
pub(super) fn tile_back([a, b]: [Lane; 2]) -> [Lane; 4] {
    [a, a + b, a - b, Lane::ZERO - b]
}

/// `G`.
#[inline(always)]
pub(super) fn kernel([a, b, c]: [Lane; 3]) -> [Lane; 4] {
    let (sum, b) = ((a + c) * 0.5, b * 0.5);
    [a, sum + b, sum - b, c]
}

/// `G^T`, the transpose of [`kernel`].
#[inline(always)]
pub(super) fn kernel_back([a, b, c, d]: [Lane; 4]) -> [Lane; 3] {
    let half = (b + c) * 0.5;
    [a + half, (b - c) * 0.5, half + d]
}
