//! A field whose predicted source is made smaller: epsilon scaling.
//!
//! On the straight-line schedule a velocity `v` at `x_t` says that the state came from the source
//! `x_0 = x - t v`. Sampling meets states that training did not, and predicts sources that are too long; epsilon
//! scaling divides them by a number `lambda` a little above 1 and leaves the state alone. The velocity that points
//! away from the scaled source is
//!
//! ```text
//! u_t(x) = (x - (x - t v) / lambda) / t = v / lambda + (1 - 1/lambda) x / t
//! ```
//!
//! It is only taken from a time `from > 0` on: at `t = 0` a state *is* its source, which cannot be scaled.
//!
//! # References
//! Ning et al. (2024), "Elucidating the Exposure Bias in Diffusion Models", arXiv:2308.15321 (`lambda` of 1.003
//! to 1.017, for noise prediction; the form for velocities is worked out here).
//!
//! # Not to be confused with
//! A [gain](crate::gain), which scales the whole velocity; the scale schedule corrector, which makes it longer
//! early on.

use std::sync::Arc;

use super::{FieldRecord, VelocityField, check, check_pullback};
use crate::batch::{At, Rows, RowsMut, Shape};
use crate::error::Error;

/// A field with its predicted source divided by `lambda`; for the straight-line schedule.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use pathline::field::{GaussianMixture, SourceScaled};
/// use pathline::schedule::CondOt;
/// let field = GaussianMixture::ring(8, 2.0, 0.1)?.along(Arc::new(CondOt));
/// let scaled = SourceScaled::new(Arc::new(field), 1.005, 0.1)?;
/// # Ok::<(), pathline::Error>(())
/// ```
pub struct SourceScaled {
    inner: Arc<dyn VelocityField>,
    lambda: f64,
    from: f64,
}

impl SourceScaled {
    /// `inner` with its source divided by `lambda` at times `from` and later.
    ///
    /// # Errors
    /// [`Error::Invalid`] when `lambda` is not positive and finite, or `from` is not in `(0, 1]`.
    pub fn new(inner: Arc<dyn VelocityField>, lambda: f64, from: f64) -> Result<Self, Error> {
        if !(lambda > 0.0 && lambda.is_finite()) {
            let remedy = "give a positive number, such as 1.005";
            return Err(Error::invalid("divisor of the source", lambda, remedy));
        }
        if !(from > 0.0 && from <= 1.0) {
            let remedy = "give a time above 0 and at most 1, such as 0.1";
            return Err(Error::invalid("first time of epsilon scaling", from, remedy));
        }
        Ok(Self { inner, lambda, from })
    }

    /// `v / lambda + (1 - 1/lambda) x / t` for the rows of `x` and of `v`, where it is time.
    fn scale(&self, at: &At<'_>, x: Rows<'_>, mut v: RowsMut<'_>) {
        let share = 1.0 / self.lambda;
        for (i, x) in x.iter().enumerate() {
            let t = at.t.at(i);
            if t < self.from {
                continue;
            }
            for (v, &x) in v.row(i).iter_mut().zip(x) {
                *v = (share * f64::from(*v) + (1.0 - share) * f64::from(x) / t) as f32;
            }
        }
    }
}

impl VelocityField for SourceScaled {
    fn shape(&self) -> &Shape {
        self.inner.shape()
    }

    fn velocity(&self, at: &At<'_>, mut out: RowsMut<'_>) -> Result<(), Error> {
        check(self.shape(), at, &out)?;
        self.inner.velocity(at, out.reborrow())?;
        self.scale(at, at.x, out);
        Ok(())
    }

    /// What is added to the velocity is a multiple of the state, so that the product is scaled by the same formula.
    fn pullback(&self, at: &At<'_>, along: Rows<'_>, mut out: RowsMut<'_>) -> Result<bool, Error> {
        check_pullback(self.shape(), at, along, &out)?;
        let found = self.inner.pullback(at, along, out.reborrow())?;
        if found {
            self.scale(at, along, out);
        }
        Ok(found)
    }

    fn record(&self) -> FieldRecord {
        FieldRecord::new("source-scaled")
            .with("lambda", self.lambda)
            .with("from", self.from)
            .around(&*self.inner)
    }

    fn singular_at_target(&self) -> bool {
        self.inner.singular_at_target()
    }

    fn singular_at_source(&self) -> bool {
        self.inner.singular_at_source()
    }
}
