//! The antisymmetric part of a field's Jacobian along a run: error that is seen without any data.

use pathline::diagnostics::{Curl, Probing, curl};
use pathline::recording::Recording;
use pathline::{At, Samples, Times, VelocityField};

use crate::error::Error;

/// Samples that are probed, the first ones: one a block of the jackknife.
const SAMPLES: usize = 20;
/// Pairs of probes a state.
const PAIRS: usize = 2;
/// Where a saved state is looked for.
const TIMES: [f64; 5] = [0.1, 0.3, 0.5, 0.7, 0.9];

/// The Jacobian at one time.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Rotation {
    /// Time.
    pub t: f64,
    /// States that were probed.
    pub states: usize,
    /// What the probes found.
    pub curl: Curl,
}

/// Probes the field at saved states of its own run; nothing where one sample would have no interval.
pub(super) fn rotation(
    field: &dyn VelocityField,
    recording: &Recording,
) -> Result<Vec<Rotation>, Error> {
    let mut found: Vec<Rotation> = Vec::new();
    let kept: Vec<usize> = (0..recording.samples.len().min(SAMPLES)).collect();
    if kept.len() < 2 {
        return Ok(found);
    }
    for wanted in TIMES {
        let near = |t: f64| (t - wanted).abs();
        let saved = recording.times.iter().zip(&recording.states);
        let inside = saved.filter(|(t, _)| **t > 0.0 && **t < 1.0);
        let Some((&t, states)) = inside.min_by(|a, b| near(*a.0).total_cmp(&near(*b.0))) else {
            continue;
        };
        if found.iter().any(|earlier| earlier.t == t) {
            continue;
        }
        let states = states.select(&kept)?;
        let samples: Vec<u64> = kept.iter().map(|&i| recording.samples[i]).collect();
        let at = At::new(Samples::List(&samples), Times::Shared(t), states.rows())?;
        // Where the posterior over data turns from one point to the next, a field bends within sigma^2.
        let step = Probing::default().step.min((1.0 - t) * (1.0 - t) / 32.0);
        let probing = Probing { pairs: PAIRS, step, ..Probing::default() };
        found.push(Rotation { t, states: kept.len(), curl: curl(field, &at, &probing)? });
    }
    Ok(found)
}
