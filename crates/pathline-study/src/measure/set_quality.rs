//! The samples as a set, against real ones: kernel and Frechet distance, precision and recall, density and coverage.

use pathline::quality::{FrechetSizes, Moments, expected_coverage, half_split_floor};
use pathline::statistics::Estimate;
use pathline::{Batch, Seed};

use super::distances::{Distances, distances};
use crate::error::Error;
use crate::sets::{COVERED, Seen, measures};

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
    /// The Frechet distance of infinitely many samples to these real points, by a line through subsets; where there
    /// are enough samples for each feature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frechet_extrapolated: Option<f64>,
    /// Share of samples within reach of a real point.
    pub precision: Estimate,
    /// Share of real points within reach of a sample: falls with fewer samples.
    pub recall: Estimate,
    /// Real neighbourhoods that hold a sample, on average, over the number of neighbours: 1 on average for samples
    /// of the same law.
    pub density: Estimate,
    /// Share of real neighbourhoods that hold any sample.
    pub coverage: Estimate,
    /// The coverage of as many samples of the same law.
    pub expected_coverage: f64,
    /// Other distances; none where half of the real points are one point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distances: Option<Distances>,
}

/// Compares samples with points of the data set `name`.
pub(super) fn set_quality(seen: &Seen, name: &str) -> Result<SetQuality, Error> {
    let Seen { on, generated, real, .. } = seen;
    let moments = Moments::of(real)?;
    let [kid, frechet, precision, recall, density, coverage] = measures(generated, real, &moments)?;
    let near = density.interval(0.95)?.estimate;
    let floor = half_split_floor(real, generated.len().min(real.len() / 2), SPLITS, Seed(0))?;
    Ok(SetQuality {
        data: name.to_owned(),
        real: real.len(),
        on: on.clone(),
        kid: kid.interval(0.95)?.estimate,
        frechet: frechet.interval(0.95)?.estimate,
        frechet_floor: floor.mean,
        frechet_extrapolated: extrapolated(generated, &moments)?,
        precision: within(precision.interval(0.95)?.estimate),
        recall: within(recall.interval(0.95)?.estimate),
        density: Estimate { low: near.low.max(0.0), ..near },
        coverage: within(coverage.interval(0.95)?.estimate),
        expected_coverage: expected_coverage(generated.len(), real.len(), COVERED)?,
        distances: distances(generated, real)?,
    })
}

/// The line through subsets from a tenth of the samples on, each of at least two samples for each feature; none where
/// the largest would not be three times the smallest.
fn extrapolated(generated: &Batch, moments: &Moments) -> Result<Option<f64>, Error> {
    let smallest = (2 * generated.width()).max(generated.len() / 10);
    if generated.len() < 3 * smallest.max(FrechetSizes::default().count) {
        return Ok(None);
    }
    let sizes = FrechetSizes { smallest, ..FrechetSizes::default() };
    Ok(Some(sizes.extrapolate(generated, moments)?.value))
}

/// An interval of a share, cut to where shares are.
fn within(share: Estimate) -> Estimate {
    Estimate { low: share.low.max(0.0), high: share.high.min(1.0), ..share }
}
