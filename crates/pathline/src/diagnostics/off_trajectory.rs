//! Terminal blow-up: the power of a field on its trajectories and beside them.
//!
//! `1/2 mean |v(t, x)|^2` at states `x` that a run reached at time `t`, and at `x + delta |x| e`, with a
//! direction `e` drawn uniformly from the unit sphere for each sample. Close to `t = 1` the exact field of
//! a data set points to one data point `x_i`, `v = (x_i - x) / (1 - t)` on the straight-line schedule, and a
//! step of length `l` beside the trajectory adds `l^2 / (1 - t)^2` to `|v|^2`: there the field grows without
//! bound. *On* its trajectories it does not, since there `|x_i - x|` shrinks like `1 - t`.
//!
//! # References
//! "A kinetic energy perspective of flow matching" (2026), arXiv 2602.07928, section 5 (terminal
//! blow-up); that mean power on exact trajectories stays below `1/2 E|x_1 - x_0|^2` is Jensen's inequality.
//!
//! # Not to be confused with
//! [`PowerCurve`](super::PowerCurve), which watches a run and so sees trajectories only.

use crate::batch::{At, Batch};
use crate::error::Error;
use crate::field::VelocityField;
use crate::kernels::squared_norm;
use crate::seed::{Purpose, Seed};
use crate::statistics::{Estimate, Jackknife};

/// Power on and beside trajectories, with 95 % jackknife intervals over samples.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct PowerContrast {
    /// `1/2 mean |v|^2` at the given states.
    pub on: Estimate,
    /// `1/2 mean |v|^2` at the displaced states.
    pub off: Estimate,
    /// Mean over samples of the difference, off less on: its interval is that of pairs.
    pub added: Estimate,
    /// Mean square of the displacements' lengths.
    pub squared_length: f64,
}

/// The power of `field` at the states `at`, which lie on trajectories, and at states displaced by
/// `delta` of their own norm (of 1 where that is 0) in directions of the stream
/// `(seed, Probe, sample, 0)`.
///
/// # Errors
/// [`Error::Count`] when parts do not fit; [`Error::Invalid`] for fewer than 20 states, or a `delta` that
/// is not positive and finite; whatever the field raises.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use pathline::diagnostics::off_trajectory;
/// use pathline::field::EmpiricalField;
/// use pathline::{At, Batch, Samples, Seed, Shape, Times, schedule::CondOt};
/// // All states on the only data point: at rest on the trajectory, fast beside it.
/// let shape = Shape::vector(2);
/// let point = Batch::from_vec(vec![3.0, 4.0], shape)?;
/// let field = EmpiricalField::new(&point, Arc::new(CondOt))?;
/// let x = point.select(&[0; 20])?;
/// let at = At::new(Samples::first(20), Times::Shared(0.75), x.rows())?;
/// let power = off_trajectory(&field, &at, 0.1, Seed(0))?;
/// assert_eq!(power.on.value, 0.0);
/// // A length of 0.1 * 5, over 1 - t = 1/4.
/// assert!((power.off.value - 0.5 * 4.0).abs() < 1e-5);
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn off_trajectory(
    field: &dyn VelocityField,
    at: &At<'_>,
    delta: f64,
    seed: Seed,
) -> Result<PowerContrast, Error> {
    Error::check_count("elements of a state", field.shape().elements(), at.x.width())?;
    Error::check_count("sample indices", at.x.len(), at.samples.len())?;
    if !(delta > 0.0 && delta.is_finite()) {
        let remedy = "give the length of the displacement as a share of the state's, such as 0.05";
        return Err(Error::invalid("relative displacement", delta, remedy));
    }
    let mut beside = Batch::from_vec(at.x.as_slice().to_vec(), field.shape().clone())?;
    let width = beside.width();
    let mut squares = 0.0;
    for (i, row) in beside.as_mut_slice().chunks_exact_mut(width).enumerate() {
        squares += displace(row, delta, seed, at.samples.at(i));
    }
    let there = At { samples: at.samples.clone(), t: at.t, x: beside.rows() };
    let (on, off) = (powers(field, at)?, powers(field, &there)?);
    let estimate = |value: &(dyn Fn(usize) -> f64 + Sync)| {
        let mean =
            |rows: &[usize]| Some(rows.iter().map(|&i| value(i)).sum::<f64>() / rows.len() as f64);
        Ok::<_, Error>(Jackknife::default().interval(on.len(), mean)?.estimate)
    };
    Ok(PowerContrast {
        on: estimate(&|i| on[i])?,
        off: estimate(&|i| off[i])?,
        added: estimate(&|i| off[i] - on[i])?,
        squared_length: squares / on.len() as f64,
    })
}

/// Moves a state by `delta` of its norm in a random direction; gives the square of that length.
fn displace(row: &mut [f32], delta: f64, seed: Seed, sample: u64) -> f64 {
    let norm = squared_norm(row).sqrt();
    let length = delta * if norm > 0.0 { norm } else { 1.0 };
    let mut direction = vec![0.0_f32; row.len()];
    seed.normal(Purpose::Probe, sample, 0, &mut direction);
    let scale = length / squared_norm(&direction).sqrt();
    for (x, &e) in row.iter_mut().zip(&direction) {
        *x = (f64::from(*x) + scale * f64::from(e)) as f32;
    }
    length * length
}

/// `1/2 |v|^2` of every row.
fn powers(field: &dyn VelocityField, at: &At<'_>) -> Result<Vec<f64>, Error> {
    let mut v = Batch::zeros(at.x.len(), field.shape().clone());
    field.velocity(at, v.rows_mut())?;
    Ok(v.rows().iter().map(|v| 0.5 * squared_norm(v)).collect())
}
