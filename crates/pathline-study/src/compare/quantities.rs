//! What each sample of a run has: its diagnostics, ratios of them, how surely it is of its class, how near to the data
//! it ended.

use std::sync::Arc;

use pathline::neighbours::{Exclude, MEMORISED_RATIO, knn_log_density, memorisation};
use pathline::{Batch, Shape};
use pathline_data::DataSet;
use pathline_nn::Classifier;

use super::Side;
use crate::error::Error;
use crate::measure::{from_states, in_shape};
use crate::sets::Beside;

/// Values by name, one a sample, in the order in which they are shown.
pub(super) type Quantities = Vec<(String, Vec<f64>)>;

/// Neighbours whose distance gives the density.
const NEIGHBOURS: usize = 10;

/// What samples are measured beside: the data, and the judge that knows its classes, if there is one.
pub(super) struct Known<'a> {
    data: &'a DataSet,
    points: Batch,
    judge: Option<(String, Arc<Classifier>)>,
}

impl<'a> Known<'a> {
    /// The data in this shape, with a judge where samples have `classes`.
    pub(super) fn new(beside: &'a Beside, shape: &Shape, classes: bool) -> Result<Self, Error> {
        let data = &beside.data;
        let points = in_shape(&data.batch, shape, data)?;
        let judge = if classes { beside.judge(&points)? } else { None };
        Ok(Self { data, points, judge })
    }
}

/// The quantities of one run.
pub(super) fn of(
    side: &Side,
    known: Option<&Known<'_>>,
    notes: &mut Vec<String>,
) -> Result<Quantities, Error> {
    let recording = &side.recording;
    let mut each = recording.diagnostics.clone();
    if !each.contains_key("energy.left") && recording.states.len() > 1 {
        from_states(recording, &mut each);
        notes.push(format!("{}: its energies are taken from its saved states", side.name));
    }
    let ratio = |above: &str, below: &str| -> Option<Vec<f64>> {
        let (above, below) = (each.get(above)?, each.get(below)?);
        Some(above.iter().zip(below).map(|(a, b)| a / b).collect())
    };
    let derived = [
        ("straightness (path / chord)", ratio("length.path", "length.chord")),
        ("bending / energy", ratio("energy.bending", "energy.quadrature")),
    ];
    let derived = derived.map(|(name, values)| values.map(|values| (name.to_owned(), values)));
    let mut found: Quantities = each.into_iter().chain(derived.into_iter().flatten()).collect();
    if let (Some(Known { data, points, judge }), Some(end)) = (known, recording.end()) {
        if let (Some((judge, classifier)), Some(labels)) = (judge, &recording.labels) {
            let judged = classifier.classify(end)?;
            if labels.iter().all(|&label| (label as usize) < judged.logits.width()) {
                found.push((
                    format!("margin of the class asked for ({judge})"),
                    judged.margins(labels)?,
                ));
                let confidence = judged.confidences(labels)?;
                found.push((format!("confidence in that class ({judge})"), confidence));
            }
        }
        let near = memorisation(end, points, MEMORISED_RATIO)?;
        let copied = near.ratios.iter().map(|&r| f64::from(u8::from(r < MEMORISED_RATIO)));
        found.push((format!("memorised (d1/d2 < 1/3 in {})", data.name), copied.collect()));
        found.push((format!("d1/d2 in {}", data.name), near.ratios));
        let k = NEIGHBOURS.min(points.len());
        let density = knn_log_density(end, points, k, Exclude::Nothing)?;
        found.push((format!("log density in {} ({k}-NN)", data.name), density));
    }
    Ok(found)
}

/// The quantities that are the same numbers as an earlier one in both runs (raw energies of runs without a
/// gain, quadrature by Euler's rule), each with the earlier one: one test, not two.
pub(super) fn repeated(a: &Quantities, b: &Quantities) -> Vec<(String, String)> {
    let column = |run: &Quantities, name: &str| {
        run.iter().find(|(own, _)| own == name).map(|(_, values)| values.clone())
    };
    let same = |one: &str, other: &str| {
        [a, b].iter().all(|run| {
            let values = column(run, one);
            values.is_some() && values == column(run, other)
        })
    };
    let mut found = Vec::new();
    for (i, (name, _)) in a.iter().enumerate() {
        if let Some((earlier, _)) = a.iter().take(i).find(|(earlier, _)| same(earlier, name)) {
            found.push((name.clone(), earlier.clone()));
        }
    }
    found
}
