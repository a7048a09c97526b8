//! A field asked at another time than that of the state: `u_t(x) = v_{t + delta}(x)`, the time held within
//! `[0, 1]`.
//!
//! A state that sampling has left with more noise than its time says, or less, fits another time better.
//! Telling the network that time is the remedy of *time-shift sampling*; interfaces call constant or
//! windowed forms of it "lying about sigma". It changes what is evaluated, not where the run steps.
//!
//! # References
//! Li et al. (2023), "Alleviating Exposure Bias in Diffusion Models through Sampling with Shifted Time Steps",
//! arXiv:2305.15583 (there the shift is chosen for each state by its variance; here it is a constant).
//!
//! # Not to be confused with
//! A shifted [`TimeGrid`](crate::TimeGrid), which moves the steps and tells the truth; `Rescheduled`, which
//! moves states and times together.

use std::sync::Arc;

use super::{FieldRecord, VelocityField, at_times, check, check_pullback};
use crate::batch::{At, Rows, RowsMut, Shape};
use crate::error::Error;

/// `u_t(x) = v_{t + delta}(x)`.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use pathline::field::{ClockShifted, GaussianMixture};
/// use pathline::schedule::CondOt;
/// let field = GaussianMixture::ring(8, 2.0, 0.1)?.along(Arc::new(CondOt));
/// let late = ClockShifted::new(Arc::new(field), 0.01)?;
/// # Ok::<(), pathline::Error>(())
/// ```
pub struct ClockShifted {
    inner: Arc<dyn VelocityField>,
    delta: f64,
}

impl ClockShifted {
    /// `inner`, told `t + delta`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when `delta` is not between -1 and 1.
    pub fn new(inner: Arc<dyn VelocityField>, delta: f64) -> Result<Self, Error> {
        if (-1.0..=1.0).contains(&delta) {
            Ok(Self { inner, delta })
        } else {
            Err(Error::invalid("shift of the clock", delta, "give a number from -1 to 1"))
        }
    }

    /// Asks at the times that the inner field is told.
    fn told<T>(&self, at: &At<'_>, ask: impl FnOnce(&At<'_>) -> T) -> T {
        at_times(at, |t| (t + self.delta).clamp(0.0, 1.0), ask)
    }
}

impl VelocityField for ClockShifted {
    fn shape(&self) -> &Shape {
        self.inner.shape()
    }

    fn velocity(&self, at: &At<'_>, out: RowsMut<'_>) -> Result<(), Error> {
        check(self.shape(), at, &out)?;
        self.told(at, |at| self.inner.velocity(at, out))
    }

    fn pullback(&self, at: &At<'_>, along: Rows<'_>, out: RowsMut<'_>) -> Result<bool, Error> {
        check_pullback(self.shape(), at, along, &out)?;
        self.told(at, |at| self.inner.pullback(at, along, out))
    }

    fn record(&self) -> FieldRecord {
        FieldRecord::new("clock-shifted").with("delta", self.delta).around(&*self.inner)
    }

    fn singular_at_target(&self) -> bool {
        self.inner.singular_at_target()
    }

    fn singular_at_source(&self) -> bool {
        self.inner.singular_at_source()
    }
}
