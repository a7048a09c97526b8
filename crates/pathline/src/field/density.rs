//! Fields that know the density they carry: `log p_t(x)` and its gradient, the score.
//!
//! On the way from `N(0, I)` along a schedule the two say the same as the velocity,
//! `u_t = velocity_from_score(score)`, and obey the continuity equation
//! `d/dt log p_t + div u_t + <u_t, score> = 0`.
//!
//! # References
//! The kinetic energy paper (arXiv 2602.07928), Lemma 4.1.

use super::{EmpiricalField, VelocityField};
use crate::batch::{At, RowsMut};
use crate::error::Error;
use crate::path::Prediction;

/// A field whose marginal density is known in closed form.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use pathline::field::{EmpiricalField, MarginalDensity};
/// use pathline::{At, Batch, Samples, Shape, Times, schedule::CondOt};
/// let point = Batch::from_vec(vec![2.0], Shape::vector(1))?;
/// let field = EmpiricalField::new(&point, Arc::new(CondOt))?;
/// // Half-way the state is N(1, 1/4).
/// let at = At::new(Samples::first(1), Times::Shared(0.5), point.rows())?;
/// let mut score = Batch::zeros(1, Shape::vector(1));
/// field.score(&at, score.rows_mut())?;
/// assert_eq!(score.row(0), &[-4.0]);
/// # Ok::<(), pathline::Error>(())
/// ```
pub trait MarginalDensity: VelocityField {
    /// `log p_t(x)` of every row, natural logarithm; of the row's class where it has one.
    ///
    /// # Errors
    /// [`Error::Count`] when the parts disagree; [`Error::Singular`] where there is no density.
    fn log_density(&self, at: &At<'_>) -> Result<Vec<f64>, Error>;

    /// Writes the gradient of `log p_t(x)` in `x` for every row.
    ///
    /// # Errors
    /// As [`MarginalDensity::log_density`].
    fn score(&self, at: &At<'_>, out: RowsMut<'_>) -> Result<(), Error>;
}

impl MarginalDensity for EmpiricalField {
    fn log_density(&self, at: &At<'_>) -> Result<Vec<f64>, Error> {
        Ok(self.posterior(at)?.iter().map(|p| p.log_density).collect())
    }

    fn score(&self, at: &At<'_>, out: RowsMut<'_>) -> Result<(), Error> {
        self.predict(Prediction::Score, at, out)
    }
}
