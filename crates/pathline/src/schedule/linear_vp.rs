//! The linear variance-preserving schedule: `alpha_t = t`, `sigma_t = sqrt(1 - t^2)`.
//!
//! `d sigma_t / dt = -t / sigma_t` is minus infinity at `t = 1`: nothing that needs it can be
//! evaluated there.
//!
//! # References
//! Lipman et al. (2024), "Flow Matching Guide and Code", and the library it describes (linear VP).
//!
//! # Not to be confused with
//! [`Vp`](super::Vp), whose noise *rate* is linear in time.

use super::{Coefficients, Schedule, check_ratio};
use crate::error::Error;

/// `alpha_t = t`, `sigma_t = sqrt(1 - t^2)`.
///
/// # Examples
/// ```
/// use pathline::schedule::{LinearVp, Schedule};
/// let c = LinearVp.at(0.6);
/// assert!((c.alpha * c.alpha + c.sigma * c.sigma - 1.0).abs() < 1e-15);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LinearVp;

impl Schedule for LinearVp {
    fn at(&self, t: f64) -> Coefficients {
        let t = t.clamp(0.0, 1.0);
        let sigma = ((1.0 - t) * (1.0 + t)).sqrt();
        Coefficients { alpha: t, sigma, d_alpha: 1.0, d_sigma: -t / sigma }
    }

    fn time_from_signal_to_noise(&self, ratio: f64) -> Result<f64, Error> {
        check_ratio(ratio)?;
        if ratio.is_infinite() { Ok(1.0) } else { Ok(ratio / ratio.hypot(1.0)) }
    }

    fn name(&self) -> &'static str {
        "linear-vp"
    }
}
