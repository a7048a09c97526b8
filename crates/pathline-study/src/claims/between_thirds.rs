//! Rank tests between thirds of the samples, as findings: the study that claims 1 and 2 come from shows thirds.

use pathline::statistics::StrataComparison;

use super::evidence::Setting;
use super::finding::{Finding, Role};
use crate::error::Error;
use crate::thirds::{compare, thirds};

/// A column between thirds by another, within classes where the setting has them: the probability that a value of the
/// highest third is above one of the lowest (Mann and Whitney's `U / (n m)`: one half for no difference), and the
/// share of the ranks' variance that lies between thirds (Kruskal and Wallis's epsilon squared). Nothing where that
/// cannot be compared.
pub(super) fn between_thirds(
    setting: &Setting,
    what: &str,
    (values, by): (&str, &str),
) -> Result<Vec<Finding>, Error> {
    let columns = (setting.column(values)?, setting.column(by)?);
    let classes = setting.classes();
    let within = if classes.is_some() { ", within class" } else { "" };
    let found = thirds(columns.0, columns.1, classes.as_deref())?;
    let mut findings = Vec::new();
    let Some(StrataComparison { highest_against_lowest: Some(two), across: Some(all), .. }) = found
    else {
        return Ok(findings);
    };
    let name = |test: &str| format!("{what}{within}: {test}");
    let superiority = setting.jackknife(|rows| {
        let part = part(columns, classes.as_deref(), rows)?;
        Some(part.highest_against_lowest?.superiority)
    })?;
    let what = name("Mann-Whitney, highest third above the lowest");
    let finding = Finding::new(&setting.name, what, Role::Secondary, superiority);
    findings.push(finding.tested(two.p_value));
    // A square: near zero it has no interval that a jackknife could give.
    let what = name("Kruskal-Wallis, thirds' share of the ranks' variance");
    let finding = Finding::plain(&setting.name, what, all.epsilon_squared);
    findings.push(finding.tested(all.p_value));
    Ok(findings)
}

/// The comparison of some rows.
fn part(
    (values, by): (&[f64], &[f64]),
    classes: Option<&[u32]>,
    rows: &[usize],
) -> Option<StrataComparison> {
    let numbers = |column: &[f64]| -> Option<Vec<f64>> {
        rows.iter().map(|&i| column.get(i).copied()).collect()
    };
    let classes = match classes {
        Some(all) => Some(rows.iter().map(|&i| all.get(i).copied()).collect::<Option<Vec<u32>>>()?),
        None => None,
    };
    compare(&numbers(values)?, &numbers(by)?, classes.as_deref()).ok()
}
