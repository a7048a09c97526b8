//! The continuity equation: whether a velocity field carries the density that it is said to carry.
//!
//! Along `p_t`, at every point, `d/dt log p_t + div u_t + <u_t, grad log p_t> = 0`. The three terms are
//! computed on their own: the first by central differences of a known log-density in time, the second
//! by central differences of the field (coordinate by coordinate, or with random signs `b`, since
//! `E b.J b = div u`), the third from the known score. Each difference is taken at two steps, combined as
//! `(4 D(h) - D(2 h)) / 3`. Their sum is the residual: zero for an exact field, and for any other the rate at
//! which log-mass goes astray there.
//!
//! # References
//! The continuity equation (textbook); Hutchinson (1990) (random signs); Richardson (1911).
//!
//! # Not to be confused with
//! [`curl`](super::curl): a field can carry the density and yet not be a gradient, since a rotation along
//! the level lines of `p_t` changes nothing.

use crate::batch::{At, Batch, Times};
use crate::error::Error;
use crate::field::{MarginalDensity, VelocityField, directional_derivative};
use crate::kernels::dot;
use crate::seed::{Purpose, Seed};
use crate::statistics::{Estimate, Jackknife};

/// How the divergence is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Divergence {
    /// Coordinate by coordinate: `4 d` evaluations.
    Exact {},
    /// With random signs: 4 evaluations a probe. Right in the mean; the root mean square of the residual
    /// then holds the probes' own spread, `2 sum_{i != j} S_ij^2 / count` for the symmetric part `S`.
    Probes {
        /// Number of probes a state.
        count: usize,
        /// Probe `k` of a sample is from the stream `(seed, Probe, sample, k)`.
        seed: Seed,
    },
}

/// How the derivatives are taken.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Differences {
    /// The smaller step in each element of the state.
    pub step: f64,
    /// The smaller step in time; twice as much must fit on either side.
    pub time_step: f64,
    /// How the divergence is found.
    pub divergence: Divergence,
}

impl Default for Differences {
    /// Steps of 1/256 in the state and 1/1024 in time, and the exact divergence.
    fn default() -> Self {
        Self { step: 1.0 / 256.0, time_step: 1.0 / 1024.0, divergence: Divergence::Exact {} }
    }
}

/// The continuity equation over states.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Continuity {
    /// Mean residual, with a 95 % jackknife interval.
    pub mean: Estimate,
    /// Root mean square of the residual over that of the three terms together: 0 for an exact field.
    pub relative: f64,
    /// Root mean square of `d/dt log p_t`.
    pub time: f64,
    /// Root mean square of the divergence.
    pub divergence: f64,
    /// Root mean square of `<u_t, grad log p_t>`.
    pub transport: f64,
}

/// Checks that `field` carries `density` at the states `at`. They may be one field, or a trained one and
/// the exact one that it was trained to be.
///
/// # Errors
/// [`Error::Shape`] and [`Error::Count`] when parts do not fit; [`Error::Invalid`] for fewer than 20
/// states, no probe, or a step that is not positive or does not fit into time; whatever field and density
/// raise.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use pathline::diagnostics::{Differences, continuity};
/// use pathline::field::{LowRankGaussian, LowRankMixture};
/// use pathline::{At, Samples, Seed, Shape, Source, Times, schedule::CondOt};
/// let gaussian = LowRankGaussian::new([1.0, 0.0], [0.6, 0.8], [2.0], 0.5)?;
/// let exact = LowRankMixture::new(Shape::vector(2), &[1.0], vec![gaussian])?.along(Arc::new(CondOt));
/// let x = Source::new(Seed(0), 50).noise(&Shape::vector(2));
/// let at = At::new(Samples::first(50), Times::Shared(0.4), x.rows())?;
/// assert!(continuity(&exact, &exact, &at, &Differences::default())?.relative < 1e-4);
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn continuity(
    field: &dyn VelocityField,
    density: &dyn MarginalDensity,
    at: &At<'_>,
    how: &Differences,
) -> Result<Continuity, Error> {
    Error::check_shape("density to carry", field.shape(), density.shape())?;
    Error::check_count("elements of a state", field.shape().elements(), at.x.width())?;
    At::new(at.samples.clone(), at.t, at.x)?;
    let time = time_derivative(density, at, how.time_step)?;
    let divergence = divergence(field, at, how)?;
    let mut v = Batch::zeros(at.x.len(), field.shape().clone());
    let mut score = v.clone();
    field.velocity(at, v.rows_mut())?;
    density.score(at, score.rows_mut())?;
    let transport: Vec<f64> =
        v.rows().iter().zip(score.rows().iter()).map(|(v, s)| dot(v, s)).collect();
    let residual: Vec<f64> =
        (0..at.x.len()).map(|i| time[i] + divergence[i] + transport[i]).collect();
    let mean =
        |rows: &[usize]| Some(rows.iter().map(|&i| residual[i]).sum::<f64>() / rows.len() as f64);
    let mean = Jackknife::default().interval(residual.len(), mean)?.estimate;
    let square = |values: &[f64]| values.iter().map(|v| v * v).sum::<f64>() / values.len() as f64;
    let parts = [square(&time), square(&divergence), square(&transport)];
    let all: f64 = parts.iter().sum();
    let relative = if all > 0.0 { (square(&residual) / all).sqrt() } else { 0.0 };
    let [time, divergence, transport] = parts.map(f64::sqrt);
    Ok(Continuity { mean, relative, time, divergence, transport })
}

/// `d/dt log p_t(x)` at fixed `x`.
fn time_derivative(
    density: &dyn MarginalDensity,
    at: &At<'_>,
    step: f64,
) -> Result<Vec<f64>, Error> {
    let times: Vec<f64> = (0..at.x.len()).map(|i| at.t.at(i)).collect();
    let inside = |t: &f64| t - 2.0 * step >= 0.0 && t + 2.0 * step <= 1.0;
    if !(step > 0.0 && step.is_finite() && times.iter().all(inside)) {
        let remedy = "give a positive step that fits twice between each time and both ends";
        return Err(Error::invalid("step in time", step, remedy));
    }
    let moved = |by: f64| {
        let times: Vec<f64> = times.iter().map(|t| t + by).collect();
        let at = At { samples: at.samples.clone(), t: Times::Each(&times), x: at.x };
        density.log_density(&at)
    };
    let (far, near) = (2.0 * step, step);
    let (a, b, c, d) = (moved(-far)?, moved(-near)?, moved(near)?, moved(far)?);
    let fine = |i: usize| (c[i] - b[i]) / (2.0 * near);
    let coarse = |i: usize| (d[i] - a[i]) / (2.0 * far);
    Ok((0..times.len()).map(|i| combined(fine(i), coarse(i))).collect())
}

/// `div u(x)` of every row.
fn divergence(
    field: &dyn VelocityField,
    at: &At<'_>,
    how: &Differences,
) -> Result<Vec<f64>, Error> {
    let width = at.x.width();
    let count = match how.divergence {
        Divergence::Exact {} => width,
        Divergence::Probes { count, .. } => count,
    };
    if count == 0 {
        return Err(Error::invalid("probes of the divergence", 0, "give at least one"));
    }
    let mut sums = vec![0.0; at.x.len()];
    for k in 0..count {
        let along = direction(field, at, how.divergence, k);
        let [fine, coarse] = [how.step, 2.0 * how.step].map(|step| {
            let found = directional_derivative(field, at, along.rows(), step)?;
            let rows = found.moved.chunks_exact(width).zip(found.change.chunks_exact(width));
            let row = |(b, c): (&[f64], &[f64])| {
                let inner = b.iter().zip(c).map(|(b, c)| b * c).sum::<f64>();
                let squares = b.iter().map(|b| b * b).sum::<f64>();
                // Rounding of a state changes the length of its direction, not where that points.
                match how.divergence {
                    Divergence::Exact {} => inner / squares,
                    Divergence::Probes { .. } => inner / squares * width as f64,
                }
            };
            Ok::<Vec<f64>, Error>(rows.map(row).collect())
        });
        for ((sum, fine), coarse) in sums.iter_mut().zip(fine?).zip(coarse?) {
            *sum += combined(fine, coarse);
        }
    }
    if let Divergence::Probes { count, .. } = how.divergence {
        sums.iter_mut().for_each(|sum| *sum /= count as f64);
    }
    Ok(sums)
}

/// Coordinate `k`, or random signs, for every row.
fn direction(field: &dyn VelocityField, at: &At<'_>, how: Divergence, k: usize) -> Batch {
    let mut along = Batch::zeros(at.x.len(), field.shape().clone());
    let width = along.width();
    for (i, row) in along.as_mut_slice().chunks_exact_mut(width).enumerate() {
        match how {
            Divergence::Exact {} => row[k] = 1.0,
            Divergence::Probes { seed, .. } => {
                let mut stream = seed.stream(Purpose::Probe, at.samples.at(i), k as u64);
                row.fill_with(|| if stream.uniform() < 0.5 { -1.0 } else { 1.0 });
            }
        }
    }
    along
}

fn combined(fine: f64, coarse: f64) -> f64 {
    (4.0 * fine - coarse) / 3.0
}
