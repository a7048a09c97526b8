//! The samples as a set, against real ones: kernel and Frechet distance, precision and recall.

use pathline::Seed;
use pathline::quality::{Moments, half_split_floor};
use pathline::statistics::Estimate;

use crate::error::Error;
use crate::sets::{Seen, measures};

/// Random halvings of the real points.
const SPLITS: usize = 5;

/// How far the samples are from a data set.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct SetQuality {
    /// The data set.
    pub data: String,
    /// Points of it that the samples are compared with.
    pub real: usize,
    /// What they are compared on.
    pub on: String,
    /// Kernel inception distance, unbiased: 0 for samples of the same law, less for copies of the very points.
    pub kid: Estimate,
    /// Frechet distance. Depends on the number of samples: never below zero, and above it for any finite set.
    pub frechet: Estimate,
    /// The mean Frechet distance between two disjoint sets of as many real points (or half of them).
    pub frechet_floor: f64,
    /// Share of samples within reach of a real point.
    pub precision: Estimate,
    /// Share of real points within reach of a sample: falls with fewer samples.
    pub recall: Estimate,
}

/// Compares samples with points of the data set `name`.
pub(super) fn set_quality(seen: &Seen, name: &str) -> Result<SetQuality, Error> {
    let Seen { on, generated, real, .. } = seen;
    let [kid, frechet, precision, recall] = measures(generated, real, &Moments::of(real)?)?;
    let floor = half_split_floor(real, generated.len().min(real.len() / 2), SPLITS, Seed(0))?;
    Ok(SetQuality {
        data: name.to_owned(),
        real: real.len(),
        on: on.clone(),
        kid: kid.interval(0.95)?.estimate,
        frechet: frechet.interval(0.95)?.estimate,
        frechet_floor: floor.mean,
        precision: within(precision.interval(0.95)?.estimate),
        recall: within(recall.interval(0.95)?.estimate),
    })
}

/// An interval of a share, cut to where shares are.
fn within(share: Estimate) -> Estimate {
    Estimate { low: share.low.max(0.0), high: share.high.min(1.0), ..share }
}
