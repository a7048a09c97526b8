//! Schedules `(alpha_t, sigma_t)`: how much of each end is in `x_t = alpha_t x_1 + sigma_t x_0`.

mod cond_ot;
mod cosine;
mod linear_vp;
mod polynomial;
mod spec;
mod vp;

pub use cond_ot::CondOt;
pub use cosine::Cosine;
pub use linear_vp::LinearVp;
pub use polynomial::Polynomial;
pub use spec::ScheduleSpec;
pub use vp::Vp;

use crate::error::Error;

/// The coefficients of a schedule at one time, and their time derivatives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coefficients {
    /// Share of the target, `alpha_t`; 0 (or nearly) at `t = 0`, 1 at `t = 1`.
    pub alpha: f64,
    /// Share of the source, `sigma_t`; 1 (or nearly) at `t = 0`, 0 at `t = 1`.
    pub sigma: f64,
    /// `d alpha_t / dt`.
    pub d_alpha: f64,
    /// `d sigma_t / dt`.
    pub d_sigma: f64,
}

/// A schedule: an immutable value, monotone in time.
pub trait Schedule: Send + Sync + std::fmt::Debug {
    /// The coefficients at `t` in `[0, 1]`; a time outside counts as the nearer end.
    ///
    /// A derivative that does not exist there is infinite (`d_sigma` of the variance-preserving
    /// schedules at `t = 1`).
    fn at(&self, t: f64) -> Coefficients;

    /// The time at which `alpha_t / sigma_t` equals `ratio` (`0..=infinity`).
    ///
    /// # Errors
    /// [`Error::Invalid`] when no time of this schedule has that ratio.
    fn time_from_signal_to_noise(&self, ratio: f64) -> Result<f64, Error>;

    /// The schedule's name in specs.
    fn name(&self) -> &'static str;
}

/// Fails unless `ratio` can be a signal-to-noise ratio at all.
fn check_ratio(ratio: f64) -> Result<(), Error> {
    if ratio >= 0.0 {
        Ok(())
    } else {
        let remedy = "alpha / sigma is never negative: give a number from 0 to infinity";
        Err(Error::invalid("signal-to-noise ratio", ratio, remedy))
    }
}
