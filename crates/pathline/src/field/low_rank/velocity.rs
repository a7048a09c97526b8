//! Velocity, score and density of a low-rank mixture along a schedule.

use std::sync::Arc;

use rayon::prelude::*;

use super::gaussian::variance;
use super::pullback::pull_back;
use super::{Component, LowRankMixture};
use crate::batch::{At, Rows, RowsMut, Shape};
use crate::error::Error;
use crate::field::gaussian::{no_rate, rate};
use crate::field::rows::{Row, each_vector};
use crate::field::{Conditions, FieldRecord, MarginalDensity, VelocityField, check};
use crate::path::Prediction;
use crate::schedule::{Coefficients, Schedule};

/// A share this small adds nothing to a single-precision result.
const NEGLIGIBLE: f64 = 1e-20;

/// Rows that go through the components together. Changes speed, and no byte.
const TILE: usize = 16;

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

/// The share of each component in the density at a state (none where the state's condition leaves it
/// out), and that density.
struct Shares {
    of: Vec<Option<f64>>,
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
        check(self.shape(), at, &out)?;
        let width = self.shape().elements();
        let tile = |(i, out): (usize, &mut [f32])| {
            self.predict_tile(prediction, &rows(at, i * TILE, out.len() / width), out).err()
        };
        let tiles = out.into_slice().par_chunks_mut(TILE * width).enumerate();
        tiles.find_map_first(tile).map_or(Ok(()), Err)
    }

    fn predict_tile(
        &self,
        prediction: Prediction,
        rows: &[Row<'_>],
        out: &mut [f32],
    ) -> Result<(), Error> {
        let shares = self.shares(rows)?;
        let width = self.shape().elements();
        let mut values = vec![0.0_f64; out.len()];
        for (k, component) in self.mixture.components.iter().enumerate() {
            let states = rows.iter().zip(&shares).zip(values.chunks_exact_mut(width));
            for ((row, shares), value) in states {
                let Some(share) = shares.of[k] else { continue };
                let c = self.schedule.at(row.t);
                let slope = |s: f64| slope(prediction, &c, s);
                if component.gaussian.deviations().map(slope).any(|v| !v.is_finite()) {
                    return Err(no_rate(row.t));
                }
                let offset = match prediction {
                    Prediction::Velocity => c.d_alpha,
                    Prediction::Target => 1.0,
                    Prediction::Source | Prediction::Score => 0.0,
                };
                if share > NEGLIGIBLE {
                    let gaussian = &component.gaussian;
                    let projected = gaussian.project(row.x, c.alpha);
                    gaussian.add(share, (offset, &slope), &projected, value);
                }
            }
        }
        out.iter_mut().zip(&values).for_each(|(out, &v)| *out = v as f32);
        Ok(())
    }

    fn shares(&self, rows: &[Row<'_>]) -> Result<Vec<Shares>, Error> {
        for row in rows {
            if !row.t.is_finite() || row.x.iter().any(|v| !v.is_finite()) {
                let cause = "the field of a mixture was asked for the velocity of such a state";
                return Err(Error::NonFinite { sample: row.sample, t: row.t, cause });
            }
        }
        // Component after component, so that its directions stay in the cache for all rows.
        let mut logs = vec![vec![None; self.mixture.components.len()]; rows.len()];
        for (k, component) in self.mixture.components.iter().enumerate() {
            for (row, logs) in rows.iter().zip(&mut logs) {
                let class = self.conditions.of(row.sample);
                if class.is_none() || class == component.class {
                    let c = self.schedule.at(row.t);
                    let projected = component.gaussian.project(row.x, c.alpha);
                    let density = component.gaussian.log_density(&c, &projected);
                    logs[k] = Some(component.weight.ln() + density);
                }
            }
        }
        rows.iter().zip(logs).map(|(row, logs)| self.shares_of(row.t, logs)).collect()
    }

    /// The shares from the logarithms of weights times densities.
    fn shares_of(&self, t: f64, mut logs: Vec<Option<f64>>) -> Result<Shares, Error> {
        if logs.iter().flatten().any(|log| !log.is_finite()) {
            let remedy = "some component has no width left there: end before t = 1, or give it one";
            return Err(Error::Singular { what: "the density of a mixture", t, remedy });
        }
        let top = logs.iter().flatten().copied().fold(f64::NEG_INFINITY, f64::max);
        logs.iter_mut().flatten().for_each(|log| *log = (*log - top).exp());
        let total: f64 = logs.iter().flatten().sum();
        logs.iter_mut().flatten().for_each(|share| *share /= total);
        let seen = self.mixture.components.iter().zip(&logs).filter(|(_, share)| share.is_some());
        let weights: f64 = seen.map(|(k, _)| k.weight).sum();
        Ok(Shares { of: logs, log_density: top + total.ln() - weights.ln() })
    }
}

/// Some consecutive rows of a request.
fn rows<'a>(at: &At<'a>, first: usize, count: usize) -> Vec<Row<'a>> {
    let row = |i: usize| Row { index: i, sample: at.samples.at(i), t: at.t.at(i), x: at.x.row(i) };
    (first..first + count).map(row).collect()
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
        let mut out = vec![0.0; at.x.len()];
        let tile = |(i, out): (usize, &mut [f64])| {
            let shares = match self.shares(&rows(at, i * TILE, out.len())) {
                Ok(shares) => shares,
                Err(error) => return Some(error),
            };
            out.iter_mut().zip(shares).for_each(|(out, shares)| *out = shares.log_density);
            None
        };
        let error = out.par_chunks_mut(TILE).enumerate().find_map_first(tile);
        error.map_or(Ok(out), Err)
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

    fn pullback(&self, at: &At<'_>, along: Rows<'_>, out: RowsMut<'_>) -> Result<bool, Error> {
        each_vector(self.shape(), at, along, out, |row, along, out| {
            let shares = self.shares(std::slice::from_ref(row))?;
            let of = shares.iter().flat_map(|shares| &shares.of);
            let components: Vec<(f64, &Component)> = of
                .zip(&self.mixture.components)
                .filter_map(|(share, k)| share.filter(|&r| r > NEGLIGIBLE).map(|r| (r, k)))
                .collect();
            let found = pull_back(&components, row, &self.schedule.at(row.t), along)?;
            out.iter_mut().zip(&found).for_each(|(out, &v)| *out = v as f32);
            Ok(())
        })
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
