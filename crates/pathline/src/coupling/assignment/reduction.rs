//! The cheap start: column reduction, then two rounds of augmenting row reduction.

use super::lanes::{column_of, two_least};
use super::matching::Matching;

/// Row scans allowed for each row. Near-ties can lower a dual by one rounding unit at a time; what
/// is left free then goes to the search, which always ends.
const SCANS_A_ROW: usize = 8;

/// Each column bids its least cost for the first row that has it; returns the column duals.
pub(super) fn columns(cost: &[f32], n: usize, matching: &mut Matching) -> Vec<f32> {
    let mut least = vec![f32::INFINITY; n];
    let mut row_of_least = vec![0_u32; n];
    for (i, row) in (0_u32..).zip(cost.chunks_exact(n)) {
        for ((&c, least), at) in row.iter().zip(&mut least).zip(&mut row_of_least) {
            let lower = c < *least;
            *least = if lower { c } else { *least };
            *at = if lower { i } else { *at };
        }
    }
    for (j, &row) in row_of_least.iter().enumerate().rev() {
        if matching.column_of_row[row as usize].is_none() {
            matching.assign(row as usize, j);
        }
    }
    least
}

/// Each free row takes its best column, lowers that column's dual until the second best is as good,
/// and sends whoever had it on; twice.
pub(super) fn rows(cost: &[f32], n: usize, dual: &mut [f32], matching: &mut Matching) {
    let mut scans = SCANS_A_ROW * n;
    for _ in 0..2 {
        for free in matching.free_rows() {
            let mut next = Some(free);
            while let Some(row) = next {
                if scans == 0 {
                    return;
                }
                scans -= 1;
                next = take_best(&cost[row * n..(row + 1) * n], row, dual, matching);
            }
        }
    }
}

/// Returns the evicted row if it should look for another column at once.
fn take_best(cost: &[f32], row: usize, dual: &mut [f32], matching: &mut Matching) -> Option<usize> {
    let (first, second) = two_least(cost, dual);
    let best = column_of(cost, dual, first, 0)?;
    let lowered = dual[best] - (second - first);
    // In f32 a small difference may vanish: then the two columns count as tied.
    if lowered < dual[best] {
        dual[best] = lowered;
        return matching.assign(row, best);
    }
    let start = if first == second { best + 1 } else { 0 };
    let taken = matching.row_of_column[best].is_some();
    let other = if taken { column_of(cost, dual, second, start) } else { None };
    matching.assign(row, other.unwrap_or(best));
    None
}
