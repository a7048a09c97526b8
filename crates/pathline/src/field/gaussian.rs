//! The exact field between a standard normal source and Gaussian data.
//!
//! For data `N(m, diag(s^2))` and `v_j = alpha^2 s_j^2 + sigma^2`, the variance of `x_t`:
//!
//! ```text
//! u_t(x)_j = alpha' m_j + (alpha alpha' s_j^2 + sigma sigma') / v_j * (x_j - alpha m_j)
//! ```
//!
//! and the flow from `x_0` ends exactly at `m + s x_0`.
//!
//! # References
//! The conditional mean of jointly Gaussian variables (textbook).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::rows::{each_row, each_vector};
use super::{Conditions, FieldRecord, VelocityField};
use crate::batch::{At, Rows, RowsMut, Shape};
use crate::error::Error;
use crate::schedule::{Coefficients, Schedule};

/// A Gaussian with independent coordinates.
#[derive(Debug, Clone, PartialEq)]
pub struct Gaussian {
    mean: Vec<f64>,
    std: Vec<f64>,
}

impl Gaussian {
    /// Its numbers as bytes, for a fingerprint.
    fn bytes(&self) -> impl Iterator<Item = u8> + '_ {
        self.mean.iter().chain(&self.std).flat_map(|v| v.to_le_bytes())
    }

    /// `N(mean, std^2 I)`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when a number is not finite or `std` is negative.
    pub fn isotropic(mean: impl Into<Vec<f64>>, std: f64) -> Result<Self, Error> {
        let mean = mean.into();
        let std = vec![std; mean.len()];
        Self::diagonal(mean, std)
    }

    /// `N(mean, diag(std^2))`.
    ///
    /// # Errors
    /// [`Error::Count`] when there are not as many deviations as means; [`Error::Invalid`] when a
    /// number is not finite or a deviation is negative.
    pub fn diagonal(mean: impl Into<Vec<f64>>, std: impl Into<Vec<f64>>) -> Result<Self, Error> {
        let (mean, std) = (mean.into(), std.into());
        Error::check_count("standard deviations of a Gaussian", mean.len(), std.len())?;
        if let Some(m) = mean.iter().find(|m| !m.is_finite()) {
            return Err(Error::invalid("mean of a Gaussian", m, "give finite numbers"));
        }
        if let Some(s) = std.iter().find(|s| !(s.is_finite() && **s >= 0.0)) {
            let remedy = "give finite numbers of at least 0";
            return Err(Error::invalid("standard deviation of a Gaussian", s, remedy));
        }
        Ok(Self { mean, std })
    }

    /// Coordinate means.
    #[must_use]
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// Coordinate standard deviations.
    #[must_use]
    pub fn std(&self) -> &[f64] {
        &self.std
    }
}

/// `E[u_t | x_t]` contracts towards `alpha m` at this rate, for one coordinate of deviation `s`.
pub(super) fn rate(c: &Coefficients, s: f64) -> f64 {
    (c.alpha * c.d_alpha * s * s + c.sigma * c.d_sigma)
        / (c.alpha * c.alpha * s * s + c.sigma * c.sigma)
}

/// The error where [`rate`] has no value.
pub(super) fn no_rate(t: f64) -> Error {
    let remedy = "end the run before t = 1, or use a solver whose last step does not evaluate there \
                  (euler)";
    Error::Singular { what: "the velocity of a Gaussian", t, remedy }
}

/// The exact marginal field of Gaussian data, optionally with one Gaussian a class.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use pathline::{Shape, field::{Gaussian, GaussianField}, schedule::CondOt};
/// let data = Gaussian::isotropic([2.0, 0.0], 0.5)?;
/// let field = GaussianField::new(Shape::vector(2), data, Arc::new(CondOt))?;
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct GaussianField {
    shape: Shape,
    schedule: Arc<dyn Schedule>,
    data: Gaussian,
    classes: BTreeMap<u32, Gaussian>,
    conditions: Conditions,
}

impl GaussianField {
    /// The field from `N(0, I)` to `data` along `schedule`.
    ///
    /// # Errors
    /// [`Error::Count`] when `data` does not have as many coordinates as `shape`.
    pub fn new(shape: Shape, data: Gaussian, schedule: Arc<dyn Schedule>) -> Result<Self, Error> {
        Error::check_count("coordinates of a Gaussian", shape.elements(), data.mean.len())?;
        let (classes, conditions) = (BTreeMap::new(), Conditions::None);
        Ok(Self { shape, schedule, data, classes, conditions })
    }

    /// The same field, where samples with a condition go to their class's Gaussian instead.
    ///
    /// # Errors
    /// [`Error::Count`] when a Gaussian has other coordinates than the field; [`Error::Invalid`]
    /// when a condition names a class that has none.
    pub fn conditioned(
        self,
        classes: BTreeMap<u32, Gaussian>,
        conditions: Conditions,
    ) -> Result<Self, Error> {
        for gaussian in classes.values() {
            let width = self.shape.elements();
            Error::check_count("coordinates of a Gaussian", width, gaussian.mean.len())?;
        }
        if let Some(class) = conditions.classes().iter().find(|c| !classes.contains_key(c)) {
            let remedy = "there is no Gaussian for this class: add one, or drop the condition";
            return Err(Error::invalid("class", class, remedy));
        }
        Ok(Self { classes, conditions, ..self })
    }

    fn of(&self, sample: u64) -> &Gaussian {
        let class = self.conditions.of(sample);
        class.and_then(|c| self.classes.get(&c)).unwrap_or(&self.data)
    }
}

impl VelocityField for GaussianField {
    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn velocity(&self, at: &At<'_>, out: RowsMut<'_>) -> Result<(), Error> {
        each_row(&self.shape, at, out, |row, out| {
            let c = self.schedule.at(row.t);
            let data = self.of(row.sample);
            for (((out, &x), m), &s) in out.iter_mut().zip(row.x).zip(&data.mean).zip(&data.std) {
                let rate = rate(&c, s);
                if !rate.is_finite() {
                    return Err(no_rate(row.t));
                }
                *out = (c.d_alpha * m + rate * (f64::from(x) - c.alpha * m)) as f32;
            }
            Ok(())
        })
    }

    fn pullback(&self, at: &At<'_>, along: Rows<'_>, out: RowsMut<'_>) -> Result<bool, Error> {
        each_vector(&self.shape, at, along, out, |row, along, out| {
            let c = self.schedule.at(row.t);
            for ((out, &w), &s) in out.iter_mut().zip(along).zip(&self.of(row.sample).std) {
                let rate = rate(&c, s);
                if !rate.is_finite() {
                    return Err(no_rate(row.t));
                }
                *out = (rate * f64::from(w)) as f32;
            }
            Ok(())
        })
    }

    fn record(&self) -> FieldRecord {
        let classes = self.classes.iter();
        let classes =
            classes.flat_map(|(class, g)| class.to_le_bytes().into_iter().chain(g.bytes()));
        FieldRecord::new("gaussian")
            .with("schedule", format!("{:?}", self.schedule))
            .with("classes", self.classes.len())
            .with("conditions", self.conditions.describe())
            .with_fingerprint(self.data.bytes().chain(classes))
    }

    fn singular_at_target(&self) -> bool {
        let c = self.schedule.at(1.0);
        let classes = self.conditions.classes();
        let singular = |g: &Gaussian| g.std.iter().any(|&s| !rate(&c, s).is_finite());
        if classes.is_empty() {
            return singular(&self.data);
        }
        classes.iter().filter_map(|class| self.classes.get(class)).any(singular)
    }
}
