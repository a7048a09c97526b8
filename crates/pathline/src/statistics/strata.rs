//! Strata: whether one variable changes from the low to the high values of another.
//!
//! Values are put in order of the stratifying variable and cut into `k` strata of equal size; of `n` values
//! the first `n mod k` strata hold one more. Equal values keep their order, so that a tie may be cut.
//! With groups (the class of a sample) each group is cut by itself, so that every stratum holds as much of
//! each: what differs between groups then cannot look like an effect of the stratifying variable.
//! The other variable is compared between the lowest and the highest stratum by the Mann-Whitney test, and
//! between all by that of Kruskal and Wallis.
//!
//! # What fools it
//! Within groups the strata are fair, but the tests still pool the groups: where these differ much in
//! the compared variable, their spread hides an effect that each group shows. Compare the variable's
//! [ranks](super::ranks()) within its group then. Such ranks vary more than the tests think, by `n / (n - 1)` in a
//! group of `n`: with few values a group p-values are too small.
//!
//! # References
//! Cochran (1968), "The effectiveness of adjustment by subclassification in removing bias"; for the tests see
//! [`mann_whitney`](super::mann_whitney()) and [`kruskal_wallis`](super::kruskal_wallis()).

use super::{
    KruskalWallis, MannWhitney, check_finite, check_numbers, kruskal_wallis, mann_whitney, quantile,
};
use crate::error::Error;

/// The stratum of each value, from 0 (lowest) to `k - 1`, cut within each group where groups are given.
///
/// # Errors
/// [`Error::Count`] when there are not as many groups as values; [`Error::Invalid`] when there are fewer than
/// two strata, a group (or the whole) has fewer values than strata, or a value is not a number.
///
/// # Examples
/// ```
/// use pathline::statistics::strata;
/// assert_eq!(strata(&[5.0, 1.0, 9.0, 2.0, 7.0], 2, None)?, [0, 0, 1, 0, 1]);
/// // Within groups: the low and the high half of each.
/// assert_eq!(strata(&[1.0, 2.0, 10.0, 20.0], 2, Some(&[0, 0, 1, 1]))?, [0, 1, 0, 1]);
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn strata(by: &[f64], k: usize, groups: Option<&[u32]>) -> Result<Vec<usize>, Error> {
    check_numbers("stratifying value", by)?;
    if k < 2 {
        return Err(Error::invalid("number of strata", k, "give at least two; three are usual"));
    }
    let whole = vec![0; by.len()];
    let groups = groups.unwrap_or(&whole);
    Error::check_count("groups of the values", by.len(), groups.len())?;
    let mut order: Vec<usize> = (0..by.len()).collect();
    // Compared as numbers, so that 0 and -0 tie.
    let compare =
        |a: usize, b: usize| by[a].partial_cmp(&by[b]).unwrap_or(std::cmp::Ordering::Equal);
    order.sort_by(|&a, &b| groups[a].cmp(&groups[b]).then(compare(a, b)));
    let mut found = vec![0; by.len()];
    let mut smallest = usize::MAX;
    for group in order.chunk_by(|&a, &b| groups[a] == groups[b]) {
        smallest = smallest.min(group.len());
        let (size, more) = (group.len() / k, group.len() % k);
        let mut rest = group;
        for stratum in 0..k {
            let (own, others) = rest.split_at(size + usize::from(stratum < more));
            own.iter().for_each(|&i| found[i] = stratum);
            rest = others;
        }
    }
    if order.is_empty() || smallest < k {
        let value = if order.is_empty() { 0 } else { smallest };
        let remedy = format!("each needs at least {k}, one for each stratum");
        return Err(Error::invalid("values of the smallest group", value, remedy));
    }
    Ok(found)
}

/// A variable compared between strata of another.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StrataComparison {
    /// Values in each stratum.
    pub sizes: Vec<usize>,
    /// Mean of the variable in each stratum.
    pub means: Vec<f64>,
    /// Its median in each stratum.
    pub medians: Vec<f64>,
    /// The highest stratum against the lowest; a superiority above 1/2 says that the highest has the
    /// larger values. `None` where all are equal.
    pub highest_against_lowest: Option<MannWhitney>,
    /// All strata. `None` where all values are equal.
    pub across: Option<KruskalWallis>,
}

/// Compares `values` between the `k` strata of `by`, cut within each group where groups are given.
///
/// # Errors
/// As [`strata`]; [`Error::Count`] when there are not as many values as stratifying ones, [`Error::Invalid`] for
/// a value that is not finite.
///
/// # Examples
/// ```
/// use pathline::statistics::compare_strata;
/// let energy = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
/// let density = [9.0, 8.0, 7.0, 3.0, 2.0, 1.0];
/// let found = compare_strata(&density, &energy, 3, None)?;
/// assert_eq!(found.means, [8.5, 5.0, 1.5]);
/// assert_eq!(found.highest_against_lowest.map(|test| test.superiority), Some(0.0));
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn compare_strata(
    values: &[f64],
    by: &[f64],
    k: usize,
    groups: Option<&[u32]>,
) -> Result<StrataComparison, Error> {
    Error::check_count("values to compare between strata", by.len(), values.len())?;
    check_finite("value to compare between strata", values)?;
    let of = strata(by, k, groups)?;
    let member = |stratum: usize| {
        values.iter().zip(&of).filter(move |(_, s)| **s == stratum).map(|(v, _)| *v)
    };
    let parts: Vec<Vec<f64>> = (0..k).map(|stratum| member(stratum).collect()).collect();
    let slices: Vec<&[f64]> = parts.iter().map(Vec::as_slice).collect();
    Ok(StrataComparison {
        sizes: parts.iter().map(Vec::len).collect(),
        means: parts.iter().map(|p| p.iter().sum::<f64>() / p.len() as f64).collect(),
        medians: parts.iter().map(|p| quantile(p, 0.5)).collect::<Result<_, _>>()?,
        highest_against_lowest: mann_whitney(slices[k - 1], slices[0])?,
        across: kruskal_wallis(&slices)?,
    })
}
