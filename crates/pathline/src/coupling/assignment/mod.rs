//! The linear assignment problem: the permutation of least total cost, exactly.
//!
//! `min over permutations s of sum_i c[i][s(i)]`, by the method of Jonker and Volgenant: column
//! reduction, two augmenting row reductions, then a shortest augmenting path for each row left. All
//! of that runs on `f32` rows, where a step handles sixteen columns at a time; a second pass with
//! `f64` duals checks every pair against its row and mends what `f32` rounding got wrong, so the
//! answer is optimal for the given matrix up to `f64` rounding.
//!
//! # References
//! Jonker and Volgenant (1987), "A shortest augmenting path algorithm for dense and sparse linear
//! assignment problems", Computing 38.
//!
//! # Not to be confused with
//! An entropic (Sinkhorn) plan, which spreads each row over many columns.

mod lanes;
mod matching;
mod reduction;
mod search;

use crate::error::Error;
use lanes::two_least;
use matching::Matching;
use search::Search;

/// An optimal assignment, with the duals that prove it.
///
/// For all `i`, `j`: `row_duals[i] + column_duals[j] <= c[i][j]`, with equality where `j` is the
/// column of `i` (both up to `f64` rounding); so the sum of the duals, which no assignment can
/// undercut, equals `cost`.
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment {
    /// The column of each row; a permutation.
    pub column_of_row: Vec<usize>,
    /// The total cost, summed in `f64` in row order.
    pub cost: f64,
    /// The prices of the rows.
    pub row_duals: Vec<f64>,
    /// The prices of the columns.
    pub column_duals: Vec<f64>,
}

/// Magnitudes between which sums and differences of costs neither overflow nor lose all their bits
/// in `f32`; other matrices are solved in `f64` alone.
const FAST: std::ops::RangeInclusive<f32> = 1e-25..=1e25;

/// The assignment of least total cost for a row-major `n x n` matrix.
///
/// Time is at worst cubic in `n`; costs may be negative, tied, repeated or constant. Among equally
/// good permutations the same one is returned every time.
///
/// # Errors
/// [`Error::Count`] when `cost` does not hold `n * n` values; [`Error::Invalid`], with row and
/// column, when one of them is not finite.
///
/// # Examples
/// ```
/// let best = pathline::coupling::assignment(&[4.0, 1.0, 2.0, 3.0], 2)?;
/// assert_eq!(best.column_of_row, [1, 0]);
/// assert_eq!(best.cost, 3.0);
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn assignment(cost: &[f32], n: usize) -> Result<Assignment, Error> {
    let wanted = n.checked_mul(n).filter(|_| u32::try_from(n).is_ok()).unwrap_or(usize::MAX);
    Error::check_count("entries of a square cost matrix", wanted, cost.len())?;
    let largest = largest_magnitude(cost, n)?;
    let mut matching = Matching::empty(n);
    let fast =
        if FAST.contains(&largest) { approximate(cost, n, &mut matching) } else { vec![0.0; n] };
    let mut duals: Vec<f64> = fast.into_iter().map(f64::from).collect();
    mend(cost, &mut duals, &mut matching);
    Ok(finish(cost, duals, &matching))
}

fn largest_magnitude(cost: &[f32], n: usize) -> Result<f32, Error> {
    // Not `max`, which would lose a NaN.
    let largest = cost.iter().fold(0.0_f32, |a, c| if c.abs() <= a { a } else { c.abs() });
    // A NaN may have been passed over by a later, larger value; the sum of zeros cannot miss it.
    let bad = cost.iter().fold(0.0_f32, |sum, c| sum + c * 0.0);
    if bad == 0.0 {
        return Ok(largest);
    }
    let at = cost.iter().position(|c| !c.is_finite()).unwrap_or(0);
    Err(Error::invalid(
        "assignment cost",
        format!("{} in row {}, column {}", cost[at], at / n, at % n),
        "every cost must be finite; forbid a pair by a large finite cost instead",
    ))
}

/// The whole method in `f32`; returns the column duals.
fn approximate(cost: &[f32], n: usize, matching: &mut Matching) -> Vec<f32> {
    let mut duals = reduction::columns(cost, n, matching);
    if n > 1 {
        reduction::rows(cost, n, &mut duals, matching);
    }
    let mut search = Search::new(matching);
    for row in matching.free_rows() {
        search.augment(cost, row, &mut duals, matching);
    }
    duals
}

/// Frees every row whose column is not its best one by the `f64` duals, then matches it again. What
/// stays matched is tight, so shortest augmenting paths end in an optimal assignment.
fn mend(cost: &[f32], duals: &mut [f64], matching: &mut Matching) {
    let n = duals.len();
    for row in 0..n {
        let costs = &cost[row * n..(row + 1) * n];
        let (least, _) = two_least(costs, duals);
        let tight = |j: usize| f64::from(costs[j]) - duals[j] <= least;
        if !matching.column_of_row[row].is_some_and(tight) {
            matching.release(row);
        }
    }
    let mut search = Search::new(matching);
    for row in matching.free_rows() {
        search.augment(cost, row, duals, matching);
    }
    // Finite costs leave no row free; this keeps the answer a permutation without relying on it.
    for (row, column) in matching.free_rows().into_iter().zip(matching.free_columns()) {
        matching.assign(row, column);
    }
}

fn finish(cost: &[f32], column_duals: Vec<f64>, matching: &Matching) -> Assignment {
    let n = column_duals.len();
    let column_of_row: Vec<usize> = matching.column_of_row.iter().flatten().copied().collect();
    let paid = |(i, &j): (usize, &usize)| f64::from(cost[i * n + j]);
    let total = column_of_row.iter().enumerate().map(paid).sum();
    let row_duals =
        column_of_row.iter().enumerate().map(|(i, &j)| paid((i, &j)) - column_duals[j]).collect();
    Assignment { column_of_row, cost: total, row_duals, column_duals }
}
