//! Minima over rows, in fixed lanes that a compiler turns into vector instructions.
//!
//! Every difference is formed as `cost - dual` and then `- shift`, in this order, in all of these
//! functions: the search finds its way back by asking which row gave *exactly* a distance.

use std::ops::{Add, Sub};

const LANES: usize = 16;

/// The two float types that duals are kept in.
pub(super) trait Real:
    Copy + PartialOrd + From<f32> + Add<Output = Self> + Sub<Output = Self>
{
    const ZERO: Self;
    const INFINITY: Self;
    const MINUS_INFINITY: Self;
}

impl Real for f32 {
    const ZERO: Self = 0.0;
    const INFINITY: Self = Self::INFINITY;
    const MINUS_INFINITY: Self = Self::NEG_INFINITY;
}

impl Real for f64 {
    const ZERO: Self = 0.0;
    const INFINITY: Self = Self::INFINITY;
    const MINUS_INFINITY: Self = Self::NEG_INFINITY;
}

#[inline(always)]
fn min<T: Real>(a: T, b: T) -> T {
    if a < b { a } else { b }
}

#[inline(always)]
fn max<T: Real>(a: T, b: T) -> T {
    if a > b { a } else { b }
}

/// Lowers `keys[j]` to `cost[j] - dual[j] - shift` where that is less; returns the least key.
pub(super) fn relax<T: Real>(cost: &[f32], dual: &[T], shift: T, keys: &mut [T]) -> T {
    let (cost, cost_tail) = cost.as_chunks::<LANES>();
    let (dual, dual_tail) = dual.as_chunks::<LANES>();
    let (keys, keys_tail) = keys.as_chunks_mut::<LANES>();
    let mut best = [T::INFINITY; LANES];
    for ((cost, dual), keys) in cost.iter().zip(dual).zip(keys) {
        for l in 0..LANES {
            keys[l] = min(T::from(cost[l]) - dual[l] - shift, keys[l]);
            best[l] = min(keys[l], best[l]);
        }
    }
    let mut least = best.into_iter().fold(T::INFINITY, min);
    for ((&cost, &dual), key) in cost_tail.iter().zip(dual_tail).zip(keys_tail) {
        *key = min(T::from(cost) - dual - shift, *key);
        least = min(*key, least);
    }
    least
}

/// The smallest and the second smallest `cost[j] - dual[j]` (equal when two columns tie).
pub(super) fn two_least<T: Real>(cost: &[f32], dual: &[T]) -> (T, T) {
    let (cost, cost_tail) = cost.as_chunks::<LANES>();
    let (dual, dual_tail) = dual.as_chunks::<LANES>();
    let mut first = [T::INFINITY; LANES];
    let mut second = [T::INFINITY; LANES];
    for (cost, dual) in cost.iter().zip(dual) {
        for l in 0..LANES {
            let value = T::from(cost[l]) - dual[l];
            second[l] = min(max(value, first[l]), second[l]);
            first[l] = min(value, first[l]);
        }
    }
    let tail = cost_tail.iter().zip(dual_tail).map(|(&c, &d)| (T::from(c) - d, T::INFINITY));
    first
        .into_iter()
        .zip(second)
        .chain(tail)
        .fold((T::INFINITY, T::INFINITY), |(a, b), (x, y)| (min(x, a), min(min(max(x, a), b), y)))
}

/// The first `j` from `start` on at which `cost[j] - dual[j]` equals `value`.
pub(super) fn column_of<T: Real>(
    cost: &[f32],
    dual: &[T],
    value: T,
    start: usize,
) -> Option<usize> {
    let (cost, dual) = (cost.get(start..)?, dual.get(start..)?);
    let chunks = cost.chunks(LANES).zip(dual.chunks(LANES));
    for (chunk, (cost, dual)) in chunks.enumerate() {
        let hit = |(&c, &d): (&f32, &T)| T::from(c) - d == value;
        // Counted rather than searched, so that the chunk is compared at once.
        let hits = cost.iter().zip(dual).fold(0_u32, |n, pair| n + u32::from(hit(pair)));
        if hits > 0 {
            let inside = cost.iter().zip(dual).position(hit)?;
            return Some(start + chunk * LANES + inside);
        }
    }
    None
}

/// The first `j` at which `keys[j]` equals `value`.
pub(super) fn position_of<T: Real>(keys: &[T], value: T) -> Option<usize> {
    for (chunk, keys) in keys.chunks(LANES).enumerate() {
        if keys.iter().fold(0_u32, |n, &k| n + u32::from(k == value)) > 0 {
            return keys.iter().position(|&k| k == value).map(|inside| chunk * LANES + inside);
        }
    }
    None
}
