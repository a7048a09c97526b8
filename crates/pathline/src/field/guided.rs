//! Classifier-free guidance: `u = (1 - w) u_unconditional + w u_conditional`.
//!
//! `w = 0` is the unconditional field, `w = 1` the conditional one, `w > 1` goes beyond it. Outside
//! the interval of time, where there is one, `w = 1`.
//!
//! # References
//! Ho and Salimans (2022), "Classifier-Free Diffusion Guidance", eq. 6 (their `w` is ours less 1);
//! Zheng et al. (2023), "Guided Flows"; Kynkäänniemi et al. (2024), "Applying Guidance in a
//! Limited Interval".
//!
//! # Not to be confused with
//! Classifier guidance, which adds the gradient of a classifier.

use std::sync::Arc;

use super::{FieldRecord, VelocityField, check, check_pullback};
use crate::batch::{At, Rows, RowsMut, Shape, Times};
use crate::error::Error;
use crate::kernels::Idle;

/// Classifier-free guidance over two fields.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use pathline::field::{Conditions, GaussianMixture, Guided};
/// use pathline::schedule::CondOt;
/// let all = GaussianMixture::ring(8, 2.0, 0.5)?.along(Arc::new(CondOt));
/// let one = all.conditioned(Conditions::Shared(3))?;
/// let guided = Guided::new(Arc::new(one), Arc::new(all), 2.0)?.within(0.1, 0.8)?;
/// # Ok::<(), pathline::Error>(())
/// ```
pub struct Guided {
    conditional: Arc<dyn VelocityField>,
    unconditional: Arc<dyn VelocityField>,
    scale: f64,
    interval: [f64; 2],
    /// Memory for unconditional velocities that no thread uses at the moment.
    idle: Idle<Vec<f32>>,
}

impl Guided {
    /// Guidance of strength `scale` at every time.
    ///
    /// # Errors
    /// [`Error::Shape`] when the fields' states differ; [`Error::Invalid`] when the scale is not
    /// finite.
    pub fn new(
        conditional: Arc<dyn VelocityField>,
        unconditional: Arc<dyn VelocityField>,
        scale: f64,
    ) -> Result<Self, Error> {
        Error::check_shape("unconditional field", conditional.shape(), unconditional.shape())?;
        if !scale.is_finite() {
            return Err(Error::invalid("guidance scale", scale, "give a finite number; 1 is none"));
        }
        Ok(Self { conditional, unconditional, scale, interval: [0.0, 1.0], idle: Idle::new() })
    }

    /// The same guidance at times from `start` to `end` only, both included.
    ///
    /// # Errors
    /// [`Error::Invalid`] unless `0 <= start <= end <= 1`.
    pub fn within(self, start: f64, end: f64) -> Result<Self, Error> {
        if 0.0 <= start && start <= end && end <= 1.0 {
            Ok(Self { interval: [start, end], ..self })
        } else {
            let value = format!("{start} to {end}");
            Err(Error::invalid("guidance interval", value, "give 0 <= start <= end <= 1"))
        }
    }

    /// Whether no row is guided.
    fn idle(&self, at: &At<'_>) -> bool {
        match at.t {
            Times::Shared(t) => self.scale_at(t) == 1.0,
            Times::Each(ts) => ts.iter().all(|&t| self.scale_at(t) == 1.0),
        }
    }

    /// Does the work with room for the rows of `at`, kept from call to call.
    fn with_room<T>(&self, at: &At<'_>, work: impl FnOnce(&mut [f32]) -> T) -> T {
        self.idle.with(Vec::new, |room| {
            room.resize(at.x.as_slice().len(), 0.0);
            work(room)
        })
    }

    /// `(1 - w) without + w out`, row by row.
    fn combine(&self, at: &At<'_>, without: Rows<'_>, mut out: RowsMut<'_>) {
        for (i, without) in without.iter().enumerate() {
            let w = self.scale_at(at.t.at(i));
            if w == 1.0 {
                continue;
            }
            for (out, &without) in out.row(i).iter_mut().zip(without) {
                *out = ((1.0 - w) * f64::from(without) + w * f64::from(*out)) as f32;
            }
        }
    }

    /// The strength at `t`.
    fn scale_at(&self, t: f64) -> f64 {
        if self.interval[0] <= t && t <= self.interval[1] { self.scale } else { 1.0 }
    }
}

impl VelocityField for Guided {
    fn shape(&self) -> &Shape {
        self.conditional.shape()
    }

    fn velocity(&self, at: &At<'_>, mut out: RowsMut<'_>) -> Result<(), Error> {
        check(self.shape(), at, &out)?;
        self.conditional.velocity(at, out.reborrow())?;
        if self.idle(at) {
            return Ok(());
        }
        self.with_room(at, |without| {
            let width = at.x.width();
            self.unconditional.velocity(at, RowsMut::new(without, width))?;
            self.combine(at, Rows::new(without, width), out);
            Ok(())
        })
    }

    fn pullback(&self, at: &At<'_>, along: Rows<'_>, mut out: RowsMut<'_>) -> Result<bool, Error> {
        check_pullback(self.shape(), at, along, &out)?;
        if self.idle(at) {
            return self.conditional.pullback(at, along, out);
        }
        self.with_room(at, |without| {
            let width = at.x.width();
            let both = self.unconditional.pullback(at, along, RowsMut::new(without, width))?
                && self.conditional.pullback(at, along, out.reborrow())?;
            if both {
                self.combine(at, Rows::new(without, width), out);
            }
            Ok(both)
        })
    }

    fn record(&self) -> FieldRecord {
        FieldRecord::new("guided")
            .with("scale", self.scale)
            .with("interval", self.interval.to_vec())
            .around(&*self.conditional)
            .around(&*self.unconditional)
    }

    fn singular_at_target(&self) -> bool {
        let guides = self.scale_at(1.0) != 1.0;
        self.conditional.singular_at_target() || guides && self.unconditional.singular_at_target()
    }

    fn singular_at_source(&self) -> bool {
        let guides = self.scale_at(0.0) != 1.0;
        self.conditional.singular_at_source() || guides && self.unconditional.singular_at_source()
    }
}
