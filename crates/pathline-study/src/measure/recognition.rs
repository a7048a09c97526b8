//! Whether samples show the class that was asked for, and whether those of more energy show it more strongly.
//!
//! Classes differ in energy (large, bright garments have more) and in how surely they are recognised: across classes
//! the two go together before a model has done anything. So all is ranked within class; a run has one guidance scale,
//! which would be the other such cause.

use pathline::quality::agreement;
use pathline::statistics::{Estimate, StrataComparison};

use super::density_relation::Costs;
use super::mean;
use super::rank_relation::{FEWEST, beyond, estimated, spearman};
use crate::error::Error;
use crate::ranks_within::ranks_within;
use crate::sets::{Seen, knows};
use crate::thirds::thirds;

/// What the energy without a model is called.
const NULL: &str = "null energy (same ends, unrelated noise)";

/// What a classifier says of samples that were asked to be of a class.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Recognition {
    /// Whose judgement it is.
    pub judge: String,
    /// Share of samples whose likeliest class is the one asked for.
    pub agreement: Estimate,
    /// The same of real points and their labels.
    pub real_agreement: f64,
    /// Mean logit of the class asked for less the largest other.
    pub margin: Estimate,
    /// Mean probability of the class asked for.
    pub confidence: Estimate,
    /// Spearman correlations of what each sample cost with its margin and its confidence, both ranked within class.
    pub correlations: Vec<(String, Estimate)>,
    /// Margin and confidence between thirds of energy and of null energy, within class, and the rank tests.
    pub thirds: Vec<(String, StrataComparison)>,
}

/// What the judge of `seen` says of the samples; `None` where they have no classes, are too few, or the judge does not
/// [know](knows) the classes of the data.
pub(super) fn recognition(costs: &Costs<'_>, seen: &Seen) -> Result<Option<Recognition>, Error> {
    let n = seen.generated.len();
    let (Some(judged), Some(labels)) = (&seen.judged, costs.labels) else { return Ok(None) };
    let known = judged.samples.logits.width();
    let Some(real_agreement) = knows(&judged.samples, judged.real_agreement) else {
        return Ok(None);
    };
    let strange = labels.iter().any(|&label| label as usize >= known);
    if n < FEWEST || strange || costs.energy.iter().any(|e| !e.is_finite()) {
        return Ok(None);
    }
    let (margins, confidences) =
        (judged.samples.margins(labels)?, judged.samples.confidences(labels)?);
    let kinds = [("energy", costs.energy), (NULL, costs.null), ("bending", costs.bending)];
    let usable = |kind: &(&str, &[f64])| kind.1.len() == n && kind.1.iter().all(|v| v.is_finite());
    let (mut correlations, mut between) = (Vec::new(), Vec::new());
    for (name, values) in [("margin", &margins), ("confidence", &confidences)] {
        let ranked = ranks_within(values, labels)?;
        let mut add = |what: String, of: &(dyn Fn(&[usize]) -> Option<f64> + Sync)| {
            correlations.extend(estimated(n, of).map(|found| (what, found)));
        };
        let mut of_kind = Vec::new();
        for (kind, cost) in kinds.into_iter().filter(usable) {
            let cost_ranks = ranks_within(cost, labels)?;
            add(format!("{kind} with {name}"), &|rows| spearman(&cost_ranks, &ranked, &[], rows));
            if kind != "bending" {
                let found = thirds(values, cost, Some(labels))?;
                between.extend(found.map(|found| (format!("{name}, by {kind}"), found)));
                of_kind.push(cost_ranks);
            }
        }
        if let [energy, null] = &of_kind[..] {
            add(format!("energy less null energy with {name} (difference)"), &|rows| {
                beyond(energy, null, &ranked, rows)
            });
        }
    }
    let (Some(margin), Some(confidence)) = (mean(&margins), mean(&confidences)) else {
        return Ok(None);
    };
    Ok(Some(Recognition {
        judge: judged.judge.clone(),
        agreement: agreement(&judged.samples.classes(), labels, 0.95)?,
        real_agreement,
        margin,
        confidence,
        correlations,
        thirds: between,
    }))
}
