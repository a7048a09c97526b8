//! Sets of samples against real ones: kernel and Frechet distance, precision, recall, density, coverage, sliced
//! Wasserstein distance and MMD, each as a paired difference.

use pathline::quality::Moments;

use super::{LEVEL, SetDifference, Side};
use crate::error::Error;
use crate::measure::{Further, in_shape};
use crate::progress::Progress;
use crate::sets::{Beside, FEWEST, measures};

const NAMES: [&str; 8] = [
    "KID",
    "Frechet distance",
    "precision",
    "recall",
    "density",
    "coverage",
    "sliced Wasserstein",
    "MMD (Gaussian)",
];

/// The differences of every run from the first; none, and a note why, where there is nothing to compare on.
pub(super) fn compared(
    sides: &[Side],
    beside: &Beside,
    notes: &mut Vec<String>,
    progress: &mut dyn Progress,
) -> Result<Vec<SetDifference>, Error> {
    let Some(first) = sides.first().and_then(|side| side.recording.end()) else {
        return Ok(Vec::new());
    };
    let data = &beside.data;
    let points = in_shape(&data.batch, first.shape(), data)?;
    let smallest = first.len().min(points.len());
    if smallest < FEWEST {
        notes.push(format!(
            "sets are compared from {FEWEST} samples and real points on; here are {smallest}"
        ));
        return Ok(Vec::new());
    }
    let Some(features) = beside.features(first.shape())? else {
        let shape = first.shape();
        notes.push(format!("sets are not compared: states of shape {shape} have no features here"));
        return Ok(Vec::new());
    };
    let points = beside.thinned(&points)?;
    let (on, count) = (features.name(), points.len());
    notes.push(format!("sets are compared on {on}, with {count} points of {}", data.name));
    let real = features.see(&points)?;
    let moments = Moments::of(&real)?;
    let further = Further::to(&real)?;
    let (mut found, mut baseline) = (Vec::new(), None);
    for (run, side) in sides.iter().enumerate() {
        progress.at(run as f64 / sides.len() as f64, "measuring sets");
        let Some(end) = side.recording.end() else { continue };
        let generated = features.see(end)?;
        let mut measured = measures(&generated, &real, &moments)?.to_vec();
        measured.extend(further.of(&generated)?);
        let baseline = baseline.get_or_insert_with(|| measured.clone());
        if run == 0 {
            continue;
        }
        for ((quantity, a), b) in NAMES.iter().zip(&*baseline).zip(&measured) {
            found.push(SetDifference {
                run,
                quantity: (*quantity).to_owned(),
                baseline: a.value,
                value: b.value,
                difference: b.difference(a, LEVEL)?.estimate,
            });
        }
    }
    progress.at(1.0, "measuring sets");
    Ok(found)
}
