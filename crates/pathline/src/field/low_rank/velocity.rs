//! Velocity, score and density of a low-rank mixture along a schedule.

use std::sync::Arc;

use rayon::prelude::*;

use super::gaussian::{Projected, variance};
use super::{Component, LowRankMixture};
use crate::batch::{At, RowsMut, Shape};
use crate::error::Error;
use crate::field::gaussian::{no_rate, rate};
use crate::field::rows::{Row, each_row};
use crate::field::{Conditions, FieldRecord, MarginalDensity, VelocityField};
use crate::path::Prediction;
use crate::schedule::{Coefficients, Schedule};

/// A share this small adds nothing to a single-precision result.
const NEGLIGIBLE: f64 = 1e-20;

/// The exact marginal or class-conditional field of a [`LowRankMixture`], with its score and density.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use pathline::field::{LowRankGaussian, LowRankMixture, MarginalDensity};
/// use pathline::{At, Batch, Samples, Shape, Times, schedule::CondOt};
/// let gaussian = LowRankGaussian::new([0.0, 0.0], [1.0, 0.0], [3.0], 0.5)?;
/// let mixture = LowRankMixture::new(Shape::vector(2), &[1.0], vec![gaussian])?;
/// let field = mixture.along(Arc::new(CondOt));
/// let x = Batch::from_vec(vec![0.0, 0.0], Shape::vector(2))?;
/// let at = At::new(Samples::first(1), Times::Shared(1.0), x.rows())?;
/// let wanted = -(2.0 * std::f64::consts::PI * 3.0 * 0.5).ln();
/// assert!((field.log_density(&at)?[0] - wanted).abs() < 1e-12);
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct LowRankField {
    mixture: Arc<LowRankMixture>,
    schedule: Arc<dyn Schedule>,
    conditions: Conditions,
}

/// The components that may have led to a state, with their shares, and the density there.
struct Shares<'a> {
    parts: Vec<(&'a Component, Projected, f64)>,
    log_density: f64,
}

impl LowRankField {
    pub(super) fn new(mixture: Arc<LowRankMixture>, schedule: Arc<dyn Schedule>) -> Self {
        Self { mixture, schedule, conditions: Conditions::None }
    }

    /// The same field where samples with a condition see only the components of their class.
    ///
    /// # Errors
    /// [`Error::Invalid`] when a condition names a class that no component has.
    pub fn conditioned(&self, conditions: Conditions) -> Result<Self, Error> {
        self.mixture.check(&conditions)?;
        Ok(Self { conditions, ..self.clone() })
    }

    /// The mixture that the field leads to.
    #[must_use]
    pub fn mixture(&self) -> &LowRankMixture {
        &self.mixture
    }

    /// Writes the exact value of any prediction (velocity, target, source or score) for every row.
    ///
    /// # Errors
    /// [`Error::Count`] when rows or widths disagree; [`Error::NonFinite`] for a state that is not
    /// finite; [`Error::Singular`] where `x_t` has no variance in some direction, or the schedule's
    /// derivative is infinite.
    pub fn predict(
        &self,
        prediction: Prediction,
        at: &At<'_>,
        out: RowsMut<'_>,
    ) -> Result<(), Error> {
        each_row(&self.mixture.shape, at, out, |row, out| {
            let c = self.schedule.at(row.t);
            let slope = |s: f64| slope(prediction, &c, s);
            let shares = self.shares(row, &c)?;
            let deviations = shares.parts.iter().flat_map(|(k, ..)| k.gaussian.deviations());
            if deviations.map(slope).any(|v| !v.is_finite()) {
                return Err(no_rate(row.t));
            }
            let offset = match prediction {
                Prediction::Velocity => c.d_alpha,
                Prediction::Target => 1.0,
                Prediction::Source | Prediction::Score => 0.0,
            };
            let mut value = vec![0.0_f64; row.x.len()];
            for (k, projected, share) in shares.parts.iter().filter(|p| p.2 > NEGLIGIBLE) {
                k.gaussian.add(*share, (offset, &slope), projected, &mut value);
            }
            out.iter_mut().zip(&value).for_each(|(out, &v)| *out = v as f32);
            Ok(())
        })
    }

    fn shares(&self, row: &Row<'_>, c: &Coefficients) -> Result<Shares<'_>, Error> {
        if !row.t.is_finite() || row.x.iter().any(|v| !v.is_finite()) {
            let cause = "the field of a mixture was asked for the velocity of such a state";
            return Err(Error::NonFinite { sample: row.sample, t: row.t, cause });
        }
        let class = self.conditions.of(row.sample);
        let mut parts = Vec::new();
        let (mut weights, mut top) = (0.0, f64::NEG_INFINITY);
        for (_, k) in self.mixture.seen(class) {
            let projected = k.gaussian.project(row.x, c.alpha);
            let log = k.weight.ln() + k.gaussian.log_density(c, &projected);
            if !log.is_finite() {
                let remedy = "some component has no width left there: end before t = 1, or give it \
                              one";
                return Err(Error::Singular { what: "the density of a mixture", t: row.t, remedy });
            }
            weights += k.weight;
            top = top.max(log);
            parts.push((k, projected, log));
        }
        parts.iter_mut().for_each(|(.., log)| *log = (*log - top).exp());
        let total: f64 = parts.iter().map(|(.., share)| share).sum();
        parts.iter_mut().for_each(|(.., share)| *share /= total);
        Ok(Shares { parts, log_density: top + total.ln() - weights.ln() })
    }
}

/// The factor of a prediction on `y = x - alpha m`, along a direction of deviation `s`.
fn slope(prediction: Prediction, c: &Coefficients, s: f64) -> f64 {
    match prediction {
        Prediction::Velocity => rate(c, s),
        Prediction::Target => c.alpha * s * s / variance(c, s),
        Prediction::Source => c.sigma / variance(c, s),
        Prediction::Score => -1.0 / variance(c, s),
    }
}

impl MarginalDensity for LowRankField {
    fn log_density(&self, at: &At<'_>) -> Result<Vec<f64>, Error> {
        Error::check_count("elements of a state", self.shape().elements(), at.x.width())?;
        At::new(at.samples.clone(), at.t, at.x)?;
        let density = |i: usize| {
            let row = Row { sample: at.samples.at(i), t: at.t.at(i), x: at.x.row(i) };
            Ok(self.shares(&row, &self.schedule.at(row.t))?.log_density)
        };
        // Gathered before the first error is looked for, so that it is the first row's.
        let rows: Vec<Result<f64, Error>> = (0..at.x.len()).into_par_iter().map(density).collect();
        rows.into_iter().collect()
    }

    fn score(&self, at: &At<'_>, out: RowsMut<'_>) -> Result<(), Error> {
        self.predict(Prediction::Score, at, out)
    }
}

impl VelocityField for LowRankField {
    fn shape(&self) -> &Shape {
        &self.mixture.shape
    }

    fn velocity(&self, at: &At<'_>, out: RowsMut<'_>) -> Result<(), Error> {
        self.predict(Prediction::Velocity, at, out)
    }

    fn record(&self) -> FieldRecord {
        let numbers = self.mixture.components.iter().flat_map(|k| {
            let class = k.class.map_or(-1.0, f64::from);
            [k.weight, class].into_iter().chain(k.gaussian.numbers())
        });
        FieldRecord::new("low-rank-mixture")
            .with("schedule", format!("{:?}", self.schedule))
            .with("components", self.mixture.components.len())
            .with("conditions", self.conditions.describe())
            .with_fingerprint(numbers.flat_map(f64::to_le_bytes))
    }

    fn singular_at_target(&self) -> bool {
        let c = self.schedule.at(1.0);
        let classes = self.conditions.classes();
        let seen =
            |k: &&Component| classes.is_empty() || k.class.is_some_and(|c| classes.contains(&c));
        let deviations = self.mixture.components.iter().filter(seen);
        deviations.flat_map(|k| k.gaussian.deviations()).any(|s| !rate(&c, s).is_finite())
    }
}
