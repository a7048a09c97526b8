//! Kinetic energy and density of the exact empirical field: the theorem as two explicit bounds.
//!
//! Where data point `x_i` has almost all of the posterior weight at a state `x`, the velocity is
//! `alpha' x_i + sigma' (x - alpha x_i) / sigma`. With `A = |x - alpha x_i|^2 / sigma^2` and
//! `B = (alpha' / sigma')^2 |x_i|^2`, for any `eps` in `(0, 1)`,
//!
//! ```text
//! (1 - eps) A - (1/eps - 1) B  <=  |v|^2 / sigma'^2  <=  (1 + eps) A + (1 + 1/eps) B
//! A = -2 log p_t(x) - 2 log n - d log(2 pi sigma^2)
//! ```
//!
//! so over states at one time `|v|^2 / sigma'^2` rises with `-log p_t` at a slope of 2, as far as `B` varies
//! little. For the schedules `(gamma, 1 - gamma)` of the paper `sigma' = -gamma'` and `B = |x_i|^2`. Before
//! dominance the slope is smaller, and the bounds need not hold.
//!
//! Under dominance `-log p_t` has the ranks of `|x_0|^2`: a rank correlation of energy and density says
//! nothing there that the source noise did not say before.
//!
//! # References
//! "A kinetic energy perspective of flow matching" (2026), arXiv 2602.07928, Theorem 4.2 (its constants
//! are derived here: expand the square and use `2 <a, b> <= eps |a|^2 + |b|^2 / eps`).
//!
//! # Not to be confused with
//! The correlation of whole-path energy with a density estimated at the end point, a claim about models.

use crate::batch::{At, Batch, Samples, Times};
use crate::error::Error;
use crate::field::{EmpiricalField, VelocityField};
use crate::kernels::squared_norm;
use crate::schedule::Coefficients;
use crate::statistics::{Jackknife, JackknifeEstimate};

/// The theorem at one state.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct EnergyDensity {
    /// `|v|^2 / sigma'^2`.
    pub speed: f64,
    /// `log p_t(x)`.
    pub log_density: f64,
    /// `A = |x - alpha x_i|^2 / sigma^2` to the heaviest data point.
    pub distance: f64,
    /// The lower bound.
    pub lower: f64,
    /// The upper bound.
    pub upper: f64,
    /// The weight of the heaviest data point.
    pub max_weight: f64,
    /// That point, as a row of the data that the field was made from.
    pub point: usize,
}

/// The theorem over states at one time.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct EnergyDensityLaw {
    /// Time.
    pub t: f64,
    /// Least-squares slope of `|v|^2 / sigma'^2` on `-log p_t`, with a 95 % jackknife interval: 2 under
    /// dominance.
    pub slope: JackknifeEstimate,
    /// Mean of the largest posterior weight: near 1 where the theorem applies.
    pub max_weight: f64,
    /// Share of states within both bounds.
    pub within: f64,
    /// Each state.
    pub rows: Vec<EnergyDensity>,
}

/// Evaluates the theorem at the states `x` at time `t`, samples `0..n`, with `epsilon` in `(0, 1)`.
///
/// # Errors
/// [`Error::Shape`] when the states do not fit; [`Error::Invalid`] for fewer than 20 states, states that
/// all have one density, or `epsilon` out of range; [`Error::Singular`] where `sigma_t` or its derivative
/// is zero or infinite.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use pathline::diagnostics::energy_density;
/// use pathline::field::EmpiricalField;
/// use pathline::{Batch, Seed, Shape, Source, schedule::CondOt};
/// // One data point dominates everywhere: |v|^2 is A exactly if it lies at zero.
/// let field = EmpiricalField::new(&Batch::zeros(1, Shape::vector(5)), Arc::new(CondOt))?;
/// let x = Source::new(Seed(0), 100).noise(&Shape::vector(5));
/// let law = energy_density(&field, &x, 0.5, 0.5)?;
/// assert!((law.slope.estimate.value - 2.0).abs() < 1e-5 && law.within == 1.0);
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn energy_density(
    field: &EmpiricalField,
    x: &Batch,
    t: f64,
    epsilon: f64,
) -> Result<EnergyDensityLaw, Error> {
    Error::check_shape("states", field.shape(), x.shape())?;
    if !(epsilon > 0.0 && epsilon < 1.0) {
        return Err(Error::invalid("epsilon of the bounds", epsilon, "give a number in (0, 1)"));
    }
    let c = field.schedule().at(t);
    if !(c.d_sigma != 0.0 && c.d_sigma.is_finite() && c.d_alpha.is_finite()) {
        let remedy = "take a time at which the schedule changes at a finite speed";
        return Err(Error::Singular { what: "the ratio of energy and density", t, remedy });
    }
    let at = At::new(Samples::first(x.len()), Times::Shared(t), x.rows())?;
    let mut v = Batch::zeros(x.len(), x.shape().clone());
    field.velocity(&at, v.rows_mut())?;
    let posteriors = field.posterior(&at)?;
    let mut rows = Vec::with_capacity(x.len());
    for ((x, v), p) in x.rows().iter().zip(v.rows().iter()).zip(posteriors) {
        let atom = field.point(p.heaviest).unwrap_or_default();
        let [distance, lower, upper] = bounds(&c, x, atom, epsilon);
        rows.push(EnergyDensity {
            speed: squared_norm(v) / (c.d_sigma * c.d_sigma),
            log_density: p.log_density,
            distance,
            lower,
            upper,
            max_weight: p.max_weight,
            point: p.heaviest,
        });
    }
    let slope = Jackknife::default().interval(rows.len(), |chosen| slope(&rows, chosen))?;
    let n = rows.len() as f64;
    let max_weight = rows.iter().map(|r| r.max_weight).sum::<f64>() / n;
    // Both sides are rounded: the velocity in single precision.
    let slack = |r: &EnergyDensity| 1e-5 * (r.upper - r.lower).abs();
    let holds = |r: &&EnergyDensity| r.lower - slack(r) <= r.speed && r.speed <= r.upper + slack(r);
    let within = rows.iter().filter(holds).count() as f64 / n;
    Ok(EnergyDensityLaw { t, slope, max_weight, within, rows })
}

/// `A` and the two bounds.
fn bounds(c: &Coefficients, x: &[f32], atom: &[f32], epsilon: f64) -> [f64; 3] {
    let gap = |(&x, &a): (&f32, &f32)| (f64::from(x) - c.alpha * f64::from(a)).powi(2);
    let distance = x.iter().zip(atom).map(gap).sum::<f64>() / (c.sigma * c.sigma);
    let own = (c.d_alpha / c.d_sigma).powi(2) * squared_norm(atom);
    let lower = (1.0 - epsilon) * distance - (1.0 / epsilon - 1.0) * own;
    let upper = (1.0 + epsilon) * distance + (1.0 + 1.0 / epsilon) * own;
    [distance, lower, upper]
}

/// The least-squares slope of speed on minus log-density; `None` where the density does not vary.
fn slope(rows: &[EnergyDensity], chosen: &[usize]) -> Option<f64> {
    let n = chosen.len() as f64;
    let mean =
        |of: &dyn Fn(&EnergyDensity) -> f64| chosen.iter().map(|&i| of(&rows[i])).sum::<f64>() / n;
    let (centre, level) = (mean(&|r| -r.log_density), mean(&|r| r.speed));
    let spread = mean(&|r| (-r.log_density - centre).powi(2));
    let joint = mean(&|r| (-r.log_density - centre) * (r.speed - level));
    (spread > 1e-18 * centre * centre).then_some(joint / spread)
}
