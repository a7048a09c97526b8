//! The exact field of data that is a mixture of isotropic Gaussians.
//!
//! With weights `w_k`, means `m_k`, deviations `s_k` and `v_k = alpha^2 s_k^2 + sigma^2`, the state
//! has density `p_t(x) = sum_k w_k N(x; alpha m_k, v_k I)`, the component `k` produced it with
//! probability `r_k(x) = w_k N(x; alpha m_k, v_k I) / p_t(x)`, and
//!
//! ```text
//! u_t(x) = sum_k r_k ( alpha' m_k + (alpha alpha' s_k^2 + sigma sigma') / v_k * (x - alpha m_k) )
//! ```
//!
//! # References
//! Bayes' rule over components (textbook); Albergo et al. (2023), "Stochastic Interpolants", on
//! Gaussian mixtures.
//!
//! # Not to be confused with
//! [`EmpiricalField`](super::EmpiricalField): a mixture with all deviations zero, which is singular
//! at the target.

use std::sync::Arc;

use super::gaussian::{no_rate, rate};
use super::rows::{Row, each_row, each_vector};
use super::{Conditions, FieldRecord, VelocityField};
use crate::batch::{At, Batch, Rows, RowsMut, Shape};
use crate::error::Error;
use crate::schedule::{Coefficients, Schedule};

/// Most modes of a ring: more could not be told apart in `f32`, and may fit in no memory.
const MOST_MODES: u32 = 1 << 16;

/// A mixture of isotropic Gaussians, each optionally of a class.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use pathline::{field::{Conditions, GaussianMixture}, schedule::CondOt};
/// // Eight modes on a circle; mode `k` is class `k`.
/// let field = GaussianMixture::ring(8, 2.0, 0.1)?.along(Arc::new(CondOt));
/// let third = field.conditioned(Conditions::Shared(3))?;
/// assert!(field.conditioned(Conditions::Shared(8)).is_err());
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct GaussianMixture {
    shape: Shape,
    components: Vec<Component>,
}

#[derive(Debug, Clone, PartialEq)]
struct Component {
    log_weight: f64,
    mean: Vec<f64>,
    std: f64,
    class: Option<u32>,
}

impl GaussianMixture {
    /// Components with these weights (any positive scale), means (one a row) and deviations.
    ///
    /// # Errors
    /// [`Error::Count`] when the three disagree; [`Error::Invalid`] when there is no component, a
    /// weight is not positive, a deviation is negative, or a number is not finite.
    pub fn new(weights: &[f64], means: &Batch, stds: &[f64]) -> Result<Self, Error> {
        Error::check_count("means of a mixture", weights.len(), means.len())?;
        Error::check_count("standard deviations of a mixture", weights.len(), stds.len())?;
        if weights.is_empty() {
            return Err(Error::invalid("number of components", 0, "give at least one component"));
        }
        let mut components = Vec::with_capacity(weights.len());
        for ((&weight, mean), &std) in weights.iter().zip(means.rows().iter()).zip(stds) {
            if !(weight > 0.0 && weight.is_finite()) {
                let remedy = "give finite weights above 0; leave out components without weight";
                return Err(Error::invalid("weight of a component", weight, remedy));
            }
            if !(std >= 0.0 && std.is_finite()) {
                let remedy = "give finite numbers of at least 0";
                return Err(Error::invalid("standard deviation of a component", std, remedy));
            }
            if let Some(m) = mean.iter().find(|m| !m.is_finite()) {
                return Err(Error::invalid("mean of a component", m, "give finite numbers"));
            }
            let mean = mean.iter().copied().map(f64::from).collect();
            components.push(Component { log_weight: weight.ln(), mean, std, class: None });
        }
        Ok(Self { shape: means.shape().clone(), components })
    }

    /// The same mixture with a class for each component.
    ///
    /// # Errors
    /// [`Error::Count`] when there are not as many classes as components.
    pub fn with_classes(mut self, classes: &[u32]) -> Result<Self, Error> {
        Error::check_count("classes of a mixture", self.components.len(), classes.len())?;
        for (component, &class) in self.components.iter_mut().zip(classes) {
            component.class = Some(class);
        }
        Ok(self)
    }

    /// Equal modes on a circle around the origin of the plane; mode `k`, at the angle
    /// `2 pi k / modes`, is class `k`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is no mode or more than 65536, or a number is negative or not
    /// finite.
    pub fn ring(modes: u32, radius: f64, std: f64) -> Result<Self, Error> {
        if modes > MOST_MODES {
            let remedy = format!("use at most {MOST_MODES}");
            return Err(Error::invalid("number of Gaussians on a ring", modes, remedy));
        }
        let angle = |k: u32| std::f64::consts::TAU * f64::from(k) / f64::from(modes);
        let point = |k: u32| [(radius * angle(k).cos()) as f32, (radius * angle(k).sin()) as f32];
        let means = Batch::from_vec((0..modes).flat_map(point).collect(), Shape::vector(2))?;
        let (weights, stds) = (vec![1.0; means.len()], vec![std; means.len()]);
        let classes: Vec<u32> = (0..modes).collect();
        Self::new(&weights, &means, &stds)?.with_classes(&classes)
    }

    /// The exact field from `N(0, I)` to this mixture along `schedule`, without conditions.
    #[must_use]
    pub fn along(self, schedule: Arc<dyn Schedule>) -> MixtureField {
        MixtureField { mixture: Arc::new(self), schedule, conditions: Conditions::None }
    }
}

/// The exact marginal or class-conditional field of a [`GaussianMixture`].
#[derive(Debug, Clone)]
pub struct MixtureField {
    mixture: Arc<GaussianMixture>,
    schedule: Arc<dyn Schedule>,
    conditions: Conditions,
}

impl MixtureField {
    /// The same field where samples with a condition see only the components of their class.
    ///
    /// # Errors
    /// [`Error::Invalid`] when a condition names a class that no component has.
    pub fn conditioned(&self, conditions: Conditions) -> Result<Self, Error> {
        let has = |class| self.mixture.components.iter().any(|c| c.class == Some(class));
        if let Some(class) = conditions.classes().into_iter().find(|&c| !has(c)) {
            let remedy = "no component has this class: name one that occurs";
            return Err(Error::invalid("class", class, remedy));
        }
        Ok(Self { conditions, ..self.clone() })
    }

    fn of(&self, sample: u64) -> impl Iterator<Item = &Component> {
        let class = self.conditions.of(sample);
        self.mixture.components.iter().filter(move |c| class.is_none() || c.class == class)
    }

    /// The probability of each component (of the sample's class) to have produced a state.
    fn shares(&self, row: &Row<'_>, c: &Coefficients) -> Vec<f64> {
        let dimension = row.x.len() as f64;
        let logits = self.of(row.sample).map(|k| {
            let variance = c.alpha * c.alpha * k.std * k.std + c.sigma * c.sigma;
            let gap = |(&x, m): (&f32, &f64)| (f64::from(x) - c.alpha * m).powi(2);
            let distance: f64 = row.x.iter().zip(&k.mean).map(gap).sum();
            k.log_weight - 0.5 * (distance / variance + dimension * variance.ln())
        });
        let mut shares: Vec<f64> = logits.collect();
        let top = shares.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        shares.iter_mut().for_each(|s| *s = (*s - top).exp());
        let total: f64 = shares.iter().sum();
        shares.iter_mut().for_each(|s| *s /= total);
        shares
    }

    /// Adds a factor times a component's own velocity.
    fn add(
        k: &Component,
        (c, t): (&Coefficients, f64),
        x: &[f32],
        (factor, sum): (f64, &mut [f64]),
    ) -> Result<(), Error> {
        let rate = rate(c, k.std);
        if !rate.is_finite() {
            return Err(no_rate(t));
        }
        for ((v, &x), m) in sum.iter_mut().zip(x).zip(&k.mean) {
            *v += factor * (c.d_alpha * m + rate * (f64::from(x) - c.alpha * m));
        }
        Ok(())
    }

    fn mean_velocity(&self, row: &Row<'_>, shares: &[f64]) -> Result<Vec<f64>, Error> {
        let c = self.schedule.at(row.t);
        let mut velocity = vec![0.0; row.x.len()];
        for (k, &share) in self.of(row.sample).zip(shares) {
            Self::add(k, (&c, row.t), row.x, (share, &mut velocity))?;
        }
        Ok(velocity)
    }

    /// `J^T w` for `J = sum_k r_k ( rate_k I + (u_k - u) g_k^T )`, with a component's own velocity `u_k` and the
    /// gradient `g_k = -(x - alpha m_k) / v_k` of its log density.
    fn pull_back(&self, row: &Row<'_>, along: &[f32], out: &mut [f32]) -> Result<(), Error> {
        let c = self.schedule.at(row.t);
        let shares = self.shares(row, &c);
        let velocity = self.mean_velocity(row, &shares)?;
        let mut sum = vec![0.0; row.x.len()];
        for (k, share) in self.of(row.sample).zip(&shares) {
            let mut apart: Vec<f64> = velocity.iter().map(|u| -u).collect();
            Self::add(k, (&c, row.t), row.x, (1.0, &mut apart))?;
            let along_it: f64 = apart.iter().zip(along).map(|(u, &w)| u * f64::from(w)).sum();
            let variance = c.alpha * c.alpha * k.std * k.std + c.sigma * c.sigma;
            let (rate, back) = (share * rate(&c, k.std), share * along_it / variance);
            for (((sum, &w), &x), m) in sum.iter_mut().zip(along).zip(row.x).zip(&k.mean) {
                *sum += rate * f64::from(w) - back * (f64::from(x) - c.alpha * m);
            }
        }
        out.iter_mut().zip(&sum).for_each(|(out, &v)| *out = v as f32);
        Ok(())
    }
}

impl VelocityField for MixtureField {
    fn shape(&self) -> &Shape {
        &self.mixture.shape
    }

    fn velocity(&self, at: &At<'_>, out: RowsMut<'_>) -> Result<(), Error> {
        each_row(&self.mixture.shape, at, out, |row, out| {
            let velocity = self.mean_velocity(row, &self.shares(row, &self.schedule.at(row.t)))?;
            out.iter_mut().zip(&velocity).for_each(|(out, &v)| *out = v as f32);
            Ok(())
        })
    }

    fn pullback(&self, at: &At<'_>, along: Rows<'_>, out: RowsMut<'_>) -> Result<bool, Error> {
        each_vector(&self.mixture.shape, at, along, out, |row, along, out| {
            self.pull_back(row, along, out)
        })
    }

    fn record(&self) -> FieldRecord {
        let numbers = self.mixture.components.iter().flat_map(|k| {
            let class = k.class.map_or(-1.0, f64::from);
            [k.log_weight, k.std, class].into_iter().chain(k.mean.iter().copied())
        });
        FieldRecord::new("gaussian-mixture")
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
        self.mixture.components.iter().filter(seen).any(|k| !rate(&c, k.std).is_finite())
    }
}
