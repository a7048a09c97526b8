//! Whether samples arrive: the lag of a run behind the spread that its path has.

use pathline::Batch;
use pathline::diagnostics::{DataSpread, LagPoint, lag};
use pathline::recording::Recording;
use pathline::spec::FieldSpec;

use crate::error::Error;

/// Fewest samples with an interval.
const FEWEST: usize = 20;

/// The lag at every saved state of a run from noise to `points`, whose classes are `labels`; nothing for too few
/// samples, a schedule that is not known, or classes that the points do not have.
pub(super) fn arrival(
    recording: &Recording,
    points: &Batch,
    labels: Option<&[u32]>,
) -> Result<Vec<LagPoint>, Error> {
    let field = recording.run.spec.get("field").cloned();
    let field = field.and_then(|field| serde_json::from_value::<FieldSpec>(field).ok());
    let Some(schedule) = field.and_then(|field| field.schedule()) else { return Ok(Vec::new()) };
    if recording.samples.len() < FEWEST {
        return Ok(Vec::new());
    }
    let weights = match (&recording.labels, labels) {
        (None, _) => Some(vec![1.0; points.len()]),
        (Some(drawn), Some(labels)) => weights(drawn, labels),
        (Some(_), None) => None,
    };
    let Some(weights) = weights else { return Ok(Vec::new()) };
    let spread = DataSpread::weighted(points, &weights)?;
    let states: Vec<(f64, &Batch)> =
        recording.times.iter().copied().zip(&recording.states).collect();
    Ok(lag(&states, &spread, &*schedule.build()?)?)
}

/// How likely each point is where classes are as frequent as among the samples; none where a class has no point.
fn weights(drawn: &[u32], labels: &[u32]) -> Option<Vec<f64>> {
    let count = |all: &[u32], class: u32| all.iter().filter(|&&c| c == class).count() as f64;
    let classes: std::collections::BTreeSet<u32> = drawn.iter().copied().collect();
    let share = |&class: &u32| {
        let points = count(labels, class);
        (points > 0.0).then(|| (class, count(drawn, class) / points))
    };
    let shares: std::collections::BTreeMap<u32, f64> =
        classes.iter().map(share).collect::<Option<_>>()?;
    Some(labels.iter().map(|label| shares.get(label).copied().unwrap_or(0.0)).collect())
}
