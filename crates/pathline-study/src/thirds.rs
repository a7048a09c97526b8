//! A quantity compared between thirds of the samples, by another: the tests of Mann and Whitney and of Kruskal and
//! Wallis, within classes where samples have them.

use pathline::statistics::{StrataComparison, compare_strata};

use crate::error::Error;
use crate::ranks_within::ranks_within;

/// Strata of equal size: the study of kinetic energy (arXiv:2602.07928) takes thirds.
const STRATA: usize = 3;

/// Fewest samples of a class. Ranks within classes of `n` vary more than the tests think, by `n / (n - 1)`: with 20
/// a class a nominal 5 % is 5.6 %.
const FEWEST: usize = 20;

/// `values` between thirds of `by`. With classes the thirds are cut within each, and values are ranked within
/// each, since what classes differ in would hide what every class shows. `None` where there is nothing to compare:
/// a class (or the whole) of fewer than 20 samples, a value that is not finite, or so many equal values of `by` at a
/// cut that it would follow the order of the samples.
pub(crate) fn thirds(
    values: &[f64],
    by: &[f64],
    classes: Option<&[u32]>,
) -> Result<Option<StrataComparison>, Error> {
    let usable = values.iter().all(|v| v.is_finite()) && by.iter().all(|v| !v.is_nan());
    if usable && enough(by, classes) { compare(values, by, classes).map(Some) } else { Ok(None) }
}

/// The comparison itself, of samples that are known to be comparable (or some of them).
pub(crate) fn compare(
    values: &[f64],
    by: &[f64],
    classes: Option<&[u32]>,
) -> Result<StrataComparison, Error> {
    let ranked = classes.map(|classes| ranks_within(values, classes)).transpose()?;
    Ok(compare_strata(ranked.as_deref().unwrap_or(values), by, STRATA, classes)?)
}

/// Whether every class has samples enough, and no cut goes through a tie of more than a tenth of them.
fn enough(by: &[f64], classes: Option<&[u32]>) -> bool {
    let class = |i: usize| classes.map_or(0, |classes| classes[i]);
    if classes.is_some_and(|classes| classes.len() != by.len()) || by.is_empty() {
        return false;
    }
    let mut order: Vec<usize> = (0..by.len()).collect();
    order.sort_by(|&a, &b| class(a).cmp(&class(b)).then(by[a].total_cmp(&by[b])));
    order.chunk_by(|&a, &b| class(a) == class(b)).all(|group| {
        let (size, more) = (group.len() / STRATA, group.len() % STRATA);
        let tied = |cut: usize| group.iter().filter(|&&i| by[i] == by[group[cut]]).count();
        let mut cuts = (1..STRATA).map(|k| k * size + k.min(more));
        group.len() >= FEWEST
            && cuts.all(|cut| by[group[cut - 1]] < by[group[cut]] || 10 * tied(cut) <= group.len())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 30 samples of two classes in turn, class 1 far above class 0; within each the value rises with `by`.
    fn two_classes() -> (Vec<u32>, Vec<f64>, Vec<f64>) {
        let of = |f: fn(u32) -> f64| (0..60).map(f).collect::<Vec<f64>>();
        let values = of(|i| f64::from(i / 2) + 1e3 * f64::from(i % 2));
        ((0..60).map(|i| i % 2).collect(), of(|i| f64::from(i / 2)), values)
    }

    #[test]
    fn classes_that_differ_do_not_hide_what_each_shows() {
        let (classes, by, values) = two_classes();
        let superiority = |values: &[f64], classes: Option<&[u32]>| {
            thirds(values, &by, classes)
                .unwrap()
                .unwrap()
                .highest_against_lowest
                .unwrap()
                .superiority
        };
        assert_eq!(superiority(&values, Some(&classes)), 1.0);
        // One class turned round: nothing is left, and no difference between the classes takes its place.
        let turned: Vec<f64> = values.iter().map(|&v| if v < 1e3 { -v } else { v }).collect();
        assert_eq!(superiority(&turned, Some(&classes)), 0.5);
    }

    #[test]
    fn what_cannot_be_compared_is_left_out() {
        let (classes, by, values) = two_classes();
        let none = |values: &[f64], by: &[f64], classes: Option<&[u32]>| {
            thirds(values, by, classes).unwrap().is_none()
        };
        assert!(!none(&values, &by, Some(&classes)) && !none(&values, &by, None));
        assert!(
            !none(&values[1..], &by[1..], None),
            "a pair of equal values at a cut does no harm"
        );
        let few: Vec<u32> = (0..60).map(|i| u32::from(i > 41)).collect();
        assert!(none(&values, &by, Some(&few)) && none(&values[..9], &by[..9], None));
        // In blocks by class, a constant would cut the samples by class.
        let blocks: Vec<f64> = (0..60).map(|i| f64::from(i / 20)).collect();
        assert!(none(&blocks, &[1.0; 60], None) && none(&blocks, &[f64::INFINITY; 60], None));
        let mut broken = values.clone();
        broken[3] = f64::INFINITY;
        assert!(none(&broken, &by, Some(&classes)));
        let mut broken = by.clone();
        broken[3] = f64::NAN;
        assert!(none(&values, &broken, Some(&classes)) && none(&values, &by, Some(&classes[1..])));
    }
}
