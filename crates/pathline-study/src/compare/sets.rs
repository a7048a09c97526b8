//! Sets of samples against real ones: kernel and Frechet distance, precision and recall, each as a paired
//! difference.

use pathline::quality::{
    Moments, Replicates, frechet_replicates, kid_replicates, precision_recall,
};
use pathline::{Batch, Shape};
use pathline_data::DataSet;
use pathline_nn::Classifier;

use super::{LEVEL, SetDifference, Side};
use crate::embedded::embedded_judge;
use crate::error::Error;
use crate::measure::in_shape;
use crate::progress::Progress;

/// Blocks of the jackknife: a prime, so that no block is of one class where classes come in turn.
const BLOCKS: usize = 19;
/// Fewest samples of a set, two a block and some.
const FEWEST: usize = 40;
/// Neighbours whose distance is a ball's radius.
const NEIGHBOURS: usize = 3;
/// Most real samples: the rest would cost more than it adds.
const MOST_REAL: usize = 5000;
/// Most numbers of a state that is its own feature.
const LOW: usize = 64;

const MEASURES: [&str; 4] = ["KID", "Frechet distance", "precision", "recall"];

/// The differences of every run from the first; none, and a note why, where there is nothing to compare on.
pub(super) fn compared(
    sides: &[Side],
    data: &DataSet,
    notes: &mut Vec<String>,
    progress: &mut dyn Progress,
) -> Result<Vec<SetDifference>, Error> {
    let Some(first) = sides.first().and_then(|side| side.recording.end()) else {
        return Ok(Vec::new());
    };
    let points = in_shape(&data.batch, first.shape(), data)?;
    let smallest = first.len().min(points.len());
    if smallest < FEWEST {
        notes.push(format!(
            "sets are compared from {FEWEST} samples and real points on; here are {smallest}"
        ));
        return Ok(Vec::new());
    }
    let judge = match first.shape().extents() {
        [1, 28, 28] => Some(embedded_judge()?),
        _ if first.width() <= LOW => None,
        _ => {
            notes.push(format!(
                "sets are not compared: states of shape {} have no features here",
                first.shape()
            ));
            return Ok(Vec::new());
        }
    };
    let on = if judge.is_some() { "the features of the embedded judge" } else { "the states" };
    let points = thinned(&points)?;
    notes.push(format!("sets are compared on {on}, with {} points of {}", points.len(), data.name));
    let real = features(&points, judge.as_ref())?;
    let moments = Moments::of(&real)?;
    let (mut found, mut baseline) = (Vec::new(), None);
    for (run, side) in sides.iter().enumerate() {
        progress.at(run as f64 / sides.len() as f64, "measuring sets");
        let Some(end) = side.recording.end() else { continue };
        let generated = features(end, judge.as_ref())?;
        let measured = measures(&generated, &real, &moments)?;
        let baseline = baseline.get_or_insert_with(|| measured.clone());
        if run == 0 {
            continue;
        }
        for ((quantity, a), b) in MEASURES.iter().zip(&*baseline).zip(&measured) {
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

/// Rows at even distances, at most [`MOST_REAL`]: of data in order of its classes, as many of each.
fn thinned(points: &Batch) -> Result<Batch, Error> {
    let kept = points.len().min(MOST_REAL);
    let rows: Vec<usize> = (0..kept).map(|i| i * points.len() / kept).collect();
    Ok(points.select(&rows)?)
}

fn features(states: &Batch, judge: Option<&Classifier>) -> Result<Batch, Error> {
    match judge {
        Some(judge) => Ok(judge.classify(states)?.features),
        None => Ok(states.clone().reshaped(Shape::vector(states.width()))?),
    }
}

/// The measures of one run, in the order of [`MEASURES`].
fn measures(generated: &Batch, real: &Batch, moments: &Moments) -> Result<Vec<Replicates>, Error> {
    let kid = kid_replicates(generated, real, BLOCKS)?;
    let frechet = frechet_replicates(generated, moments, BLOCKS)?;
    // Both shares in one pass, of all samples and without each block.
    let shares = (0..=BLOCKS)
        .map(|left_out| {
            let kept = (0..generated.len()).filter(|i| i % BLOCKS != left_out);
            let near =
                precision_recall(&generated.select(&kept.collect::<Vec<_>>())?, real, NEIGHBOURS)?;
            Ok([near.precision, near.recall])
        })
        .collect::<Result<Vec<[f64; 2]>, Error>>()?;
    let share = |which: usize| Replicates {
        value: shares[BLOCKS][which],
        without: shares[..BLOCKS].iter().map(|share| share[which]).collect(),
        samples: generated.len(),
    };
    Ok(vec![kid, frechet, share(0), share(1)])
}
