//! A change of schedule after training: a field made for schedule A, run along schedule B.
//!
//! Both paths pass through the same points up to scale at equal signal-to-noise ratio. With
//! `r(t)` the time at which A has B's ratio at `t`, and `c = alpha_B / alpha_A(r) = sigma_B /
//! sigma_A(r)`, the states are `x^B_t = c_t x^A_r`, so
//!
//! ```text
//! u^B_t(x) = c' x_A + c r' u^A_r(x_A),   x_A = x / c,   r' = W_B(t) / (c^2 W_A(r)),
//! ```
//!
//! where `W = alpha' sigma - alpha sigma'`. Start and end points of every pathline stay where they
//! were when both schedules start at pure noise and end at pure data.
//!
//! # References
//! Lipman et al. (2024), "Flow Matching Guide and Code", on changing the schedule after
//! training; Karras et al. (2022), "Elucidating the Design Space", on the scale of the state.
//!
//! # Not to be confused with
//! A change of *time grid*, which moves the steps and leaves the paths.

use std::sync::Arc;

use super::{FieldRecord, VelocityField, check, check_pullback};
use crate::batch::{At, Rows, RowsMut, Shape, Times};
use crate::error::Error;
use crate::schedule::Schedule;

/// A field trained along one schedule, run along another.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use pathline::field::{GaussianMixture, Rescheduled};
/// use pathline::schedule::{CondOt, Cosine};
/// let trained = GaussianMixture::ring(8, 2.0, 0.1)?.along(Arc::new(CondOt));
/// let field = Rescheduled::new(Arc::new(trained), Arc::new(CondOt), Arc::new(Cosine));
/// # Ok::<(), pathline::Error>(())
/// ```
pub struct Rescheduled {
    inner: Arc<dyn VelocityField>,
    from: Arc<dyn Schedule>,
    to: Arc<dyn Schedule>,
}

/// The transform at one time: `x_A = x / scale`, `u_B = state * x_A + value * u_A` at `time`.
#[derive(Clone, Copy)]
struct Transform {
    time: f64,
    scale: f64,
    state: f64,
    value: f64,
}

impl Rescheduled {
    /// `inner`, which was made for schedule `from`, along schedule `to`.
    #[must_use]
    pub fn new(
        inner: Arc<dyn VelocityField>,
        from: Arc<dyn Schedule>,
        to: Arc<dyn Schedule>,
    ) -> Self {
        Self { inner, from, to }
    }

    fn transform(&self, t: f64) -> Result<Transform, Error> {
        let b = self.to.at(t);
        let time = self.from.time_from_signal_to_noise(b.alpha / b.sigma)?;
        let a = self.from.at(time);
        // Of the two equal forms, the one that divides by the larger number.
        let by_alpha = a.alpha > a.sigma;
        let scale = if by_alpha { b.alpha / a.alpha } else { b.sigma / a.sigma };
        let turn_b = b.d_alpha * b.sigma - b.alpha * b.d_sigma;
        let turn_a = a.d_alpha * a.sigma - a.alpha * a.d_sigma;
        let value = turn_b / (turn_a * scale);
        let state = if by_alpha {
            (b.d_alpha - value * a.d_alpha) / a.alpha
        } else {
            (b.d_sigma - value * a.d_sigma) / a.sigma
        };
        if scale.is_finite() && scale > 0.0 && value.is_finite() && state.is_finite() {
            Ok(Transform { time, scale, state, value })
        } else {
            let remedy = "one of the schedules stands still or changes infinitely fast there: start \
                          or end the run a little inside";
            Err(Error::Singular { what: "the change of schedule", t, remedy })
        }
    }
}

impl Rescheduled {
    /// Asks where and when the inner field is asked; what is asked also gets the transform of each row.
    fn moved<T>(
        &self,
        at: &At<'_>,
        ask: impl FnOnce(&At<'_>, &dyn Fn(usize) -> Transform) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let transforms: Vec<Transform> = match at.t {
            Times::Shared(t) => vec![self.transform(t)?],
            Times::Each(ts) => ts.iter().map(|&t| self.transform(t)).collect::<Result<_, _>>()?,
        };
        let times: Vec<f64> = transforms.iter().map(|m| m.time).collect();
        let t = match at.t {
            Times::Shared(_) => Times::Shared(times[0]),
            Times::Each(_) => Times::Each(&times),
        };
        let of = |i: usize| transforms[i.min(transforms.len() - 1)];
        let rows = at.x.iter().enumerate();
        let scaled: Vec<f32> = rows
            .flat_map(|(i, x)| x.iter().map(move |&x| (f64::from(x) / of(i).scale) as f32))
            .collect();
        let x = Rows::new(&scaled, at.x.width());
        ask(&At { samples: at.samples.clone(), t, x }, &of)
    }
}

impl VelocityField for Rescheduled {
    fn shape(&self) -> &Shape {
        self.inner.shape()
    }

    fn velocity(&self, at: &At<'_>, mut out: RowsMut<'_>) -> Result<(), Error> {
        check(self.shape(), at, &out)?;
        self.moved(at, |moved, transform| {
            self.inner.velocity(moved, out.reborrow())?;
            for (i, x) in at.x.iter().enumerate() {
                let m = transform(i);
                for (out, &x) in out.row(i).iter_mut().zip(x) {
                    *out = (m.state * (f64::from(x) / m.scale) + m.value * f64::from(*out)) as f32;
                }
            }
            Ok(())
        })
    }

    fn pullback(&self, at: &At<'_>, along: Rows<'_>, mut out: RowsMut<'_>) -> Result<bool, Error> {
        check_pullback(self.shape(), at, along, &out)?;
        self.moved(at, |moved, transform| {
            let found = self.inner.pullback(moved, along, out.reborrow())?;
            for (i, w) in along.iter().enumerate().filter(|_| found) {
                let m = transform(i);
                for (out, &w) in out.row(i).iter_mut().zip(w) {
                    let turned = m.state * f64::from(w) + m.value * f64::from(*out);
                    *out = (turned / m.scale) as f32;
                }
            }
            Ok(found)
        })
    }

    fn record(&self) -> FieldRecord {
        FieldRecord::new("rescheduled")
            .with("from", format!("{:?}", self.from))
            .with("to", format!("{:?}", self.to))
            .around(&*self.inner)
    }

    fn singular_at_target(&self) -> bool {
        self.inner.singular_at_target() || self.transform(1.0).is_err()
    }

    fn singular_at_source(&self) -> bool {
        self.inner.singular_at_source() || self.transform(0.0).is_err()
    }
}
