//! Sets of samples against real ones: what they are compared on (features of a network that knows such images, or
//! the states themselves), and by.

use pathline::quality::{
    Moments, Replicates, frechet_replicates, kid_replicates, precision_recall,
};
use pathline::{Batch, Shape};
use pathline_nn::Classifier;

use crate::embedded::embedded_judge;
use crate::error::Error;

/// Blocks of the jackknife: a prime, so that no block is of one class where classes come in turn.
const BLOCKS: usize = 19;
/// Fewest samples of a set, two a block and some.
pub(crate) const FEWEST: usize = 40;
/// Neighbours whose distance is a ball's radius, as published for precision and recall.
const NEIGHBOURS: usize = 3;
/// Most real samples: the rest would cost more than it adds.
const MOST_REAL: usize = 5000;
/// Most numbers of a state that is its own feature.
const LOW: usize = 64;

/// Features of states.
pub(crate) enum SetFeatures {
    /// The embedded classifier's.
    Judge(Box<Classifier>),
    /// The states as they are.
    States,
}

impl SetFeatures {
    /// What states of a shape are compared on, if there is something.
    pub(crate) fn of(shape: &Shape) -> Result<Option<Self>, Error> {
        Ok(match shape.extents() {
            [1, 28, 28] => Some(Self::Judge(Box::new(embedded_judge()?))),
            _ if shape.elements() <= LOW => Some(Self::States),
            _ => None,
        })
    }

    /// What they are called.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Judge(_) => "the features of the embedded judge".to_owned(),
            Self::States => "the states".to_owned(),
        }
    }

    /// The features of every state.
    pub(crate) fn see(&self, states: &Batch) -> Result<Batch, Error> {
        match self {
            Self::Judge(judge) => Ok(judge.classify(states)?.features),
            Self::States => Ok(states.clone().reshaped(Shape::vector(states.width()))?),
        }
    }
}

/// Rows at even distances, at most [`MOST_REAL`]: of data in order of its classes, as many of each.
pub(crate) fn thinned(points: &Batch) -> Result<Batch, Error> {
    let kept = points.len().min(MOST_REAL);
    let rows: Vec<usize> = (0..kept).map(|i| i * points.len() / kept).collect();
    Ok(points.select(&rows)?)
}

/// Kernel distance, Frechet distance, precision and recall of generated features against real ones, whose moments
/// are `moments`, each without one block of samples after the other.
pub(crate) fn measures(
    generated: &Batch,
    real: &Batch,
    moments: &Moments,
) -> Result<[Replicates; 4], Error> {
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
    Ok([kid, frechet, share(0), share(1)])
}
