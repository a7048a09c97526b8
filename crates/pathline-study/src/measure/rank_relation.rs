//! Rank correlations of what samples have, with jackknife intervals.

use pathline::statistics::{Estimate, Jackknife, partial_spearman};

use crate::sets::BLOCKS;

/// Fewest samples, two a block.
pub(super) const FEWEST: usize = 40;

/// The Spearman correlation over some rows, given others; `None` where a column is constant or too short.
pub(crate) fn spearman(x: &[f64], y: &[f64], given: &[&[f64]], rows: &[usize]) -> Option<f64> {
    let take = |values: &[f64]| -> Option<Vec<f64>> {
        rows.iter().map(|&i| values.get(i).copied()).collect()
    };
    let given = given.iter().map(|values| take(values)).collect::<Option<Vec<_>>>()?;
    let given: Vec<&[f64]> = given.iter().map(Vec::as_slice).collect();
    partial_spearman(&take(x)?, &take(y)?, &given).ok().flatten()
}

/// By how much `x` is more correlated with `y` than `null` is.
pub(super) fn beyond(x: &[f64], null: &[f64], y: &[f64], rows: &[usize]) -> Option<f64> {
    Some(spearman(x, y, &[], rows)? - spearman(null, y, &[], rows)?)
}

/// A statistic of `n` samples; `None` where it is undefined on a part of them, as a constant column's.
pub(super) fn estimated(
    n: usize,
    statistic: impl Fn(&[usize]) -> Option<f64> + Sync,
) -> Option<Estimate> {
    let jackknife = Jackknife { blocks: n.min(BLOCKS), level: 0.95 };
    jackknife.interval(n, statistic).ok().map(|found| found.estimate)
}
