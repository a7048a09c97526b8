//! How far each state on the way is committed to one point of a data set.

use std::sync::Arc;

use pathline::Batch;
use pathline::diagnostics::{Dominance, DominancePoint};
use pathline::field::EmpiricalField;
use pathline::recording::Recording;
use pathline::schedule::CondOt;
use pathline::statistics::{Estimate, quantile, wilson};

use crate::error::Error;

/// Samples at most that are looked at, the first ones: each is weighed against all points at each time.
const SAMPLES: usize = 200;
/// Times at most.
const TIMES: usize = 12;
/// The weight above which a sample is committed.
const THRESHOLD: f64 = 0.9;

/// Posterior weights of the data along the run, on the straight-line schedule.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Committed {
    /// The data set.
    pub data: String,
    /// Its points.
    pub points: usize,
    /// Samples that were looked at.
    pub samples: usize,
    /// Largest weight and entropy over time.
    pub curve: Vec<DominancePoint>,
    /// Share of samples that gave one point more than 0.9 of the weight from some saved time to the last.
    pub share: Estimate,
    /// Median of that time over those samples.
    pub median_time: Option<f64>,
}

/// Weighs the saved states of a recording; `None` where only the end was saved, or it ran backwards.
pub(super) fn committed(
    recording: &Recording,
    points: &Batch,
    name: &str,
) -> Result<Option<Committed>, Error> {
    let forward = recording.times.windows(2).all(|pair| pair[0] < pair[1]);
    if recording.states.len() < 3 || !forward {
        return Ok(None);
    }
    let kept: Vec<usize> = (0..recording.samples.len().min(SAMPLES)).collect();
    let samples: Vec<u64> = kept.iter().map(|&i| recording.samples[i]).collect();
    let every = recording.states.len().div_ceil(TIMES);
    let saved = recording.times.iter().zip(&recording.states).step_by(every);
    let states = saved
        .map(|(&t, states)| Ok((t, states.select(&kept)?)))
        .collect::<Result<Vec<_>, Error>>()?;
    let states: Vec<(f64, &Batch)> = states.iter().map(|(t, states)| (*t, states)).collect();
    let field = EmpiricalField::new(points, Arc::new(CondOt))?;
    let found = Dominance::of_states(field, THRESHOLD, &samples, &states)?;
    let times: Vec<f64> = found.commitments().iter().flatten().map(|c| c.t).collect();
    Ok(Some(Committed {
        data: name.to_owned(),
        points: points.len(),
        samples: samples.len(),
        curve: found.points()?,
        share: wilson(times.len(), samples.len(), 0.95)?,
        median_time: if times.is_empty() { None } else { Some(quantile(&times, 0.5)?) },
    }))
}
