//! A field run backwards in time: `u_t(x) = -v_{1 - t}(x)`.
//!
//! Its source is the inner field's target. Where the inner field is singular at its target, this
//! one is singular at its *source*: start the run a little after `t = 0`.
//!
//! # References
//! The reversed flow of an ordinary differential equation (textbook).

use std::sync::Arc;

use super::{FieldRecord, VelocityField, at_times, check, check_pullback};
use crate::batch::{At, Rows, RowsMut, Shape};
use crate::error::Error;

/// `u_t(x) = -v_{1 - t}(x)`: carries targets back to the source they came from.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use pathline::field::{GaussianMixture, Reversed};
/// use pathline::schedule::CondOt;
/// let field = GaussianMixture::ring(8, 2.0, 0.1)?.along(Arc::new(CondOt));
/// let encoder = Reversed::new(Arc::new(field));
/// # Ok::<(), pathline::Error>(())
/// ```
pub struct Reversed {
    inner: Arc<dyn VelocityField>,
}

impl Reversed {
    /// `inner`, backwards.
    #[must_use]
    pub fn new(inner: Arc<dyn VelocityField>) -> Self {
        Self { inner }
    }

    /// Asks at the times of the inner field.
    fn mirrored<T>(&self, at: &At<'_>, ask: impl FnOnce(&At<'_>) -> T) -> T {
        at_times(at, |t| 1.0 - t, ask)
    }
}

impl VelocityField for Reversed {
    fn shape(&self) -> &Shape {
        self.inner.shape()
    }

    fn velocity(&self, at: &At<'_>, mut out: RowsMut<'_>) -> Result<(), Error> {
        check(self.shape(), at, &out)?;
        self.mirrored(at, |at| self.inner.velocity(at, out.reborrow()))?;
        out.as_mut_slice().iter_mut().for_each(|v| *v = -*v);
        Ok(())
    }

    fn pullback(&self, at: &At<'_>, along: Rows<'_>, mut out: RowsMut<'_>) -> Result<bool, Error> {
        check_pullback(self.shape(), at, along, &out)?;
        let found = self.mirrored(at, |at| self.inner.pullback(at, along, out.reborrow()))?;
        if found {
            out.as_mut_slice().iter_mut().for_each(|v| *v = -*v);
        }
        Ok(found)
    }

    fn record(&self) -> FieldRecord {
        FieldRecord::new("reversed").around(&*self.inner)
    }

    fn singular_at_target(&self) -> bool {
        self.inner.singular_at_source()
    }

    fn singular_at_source(&self) -> bool {
        self.inner.singular_at_target()
    }
}
