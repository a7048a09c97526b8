//! The cosine schedule: `alpha_t = sin(pi t / 2)`, `sigma_t = cos(pi t / 2)`.
//!
//! The trigonometric, cosine and GVP ("generalised variance preserving") schedules of the
//! literature are this one, so it is implemented once and specs know it as `cosine` and `gvp`.
//!
//! # References
//! Albergo and Vanden-Eijnden (2023), "Building Normalizing Flows with Stochastic Interpolants",
//! the trigonometric path; Ma et al. (2024), "SiT" (GVP).
//!
//! # Not to be confused with
//! The cosine *noise schedule* of Nichol and Dhariwal (2021), which shifts and clips the angle; and
//! cosine *time grids*, which choose where a run steps.

use std::f64::consts::{FRAC_2_PI, FRAC_PI_2};

use super::{Coefficients, Schedule, check_ratio};
use crate::error::Error;

/// `alpha_t = sin(pi t / 2)`, `sigma_t = cos(pi t / 2)` (cosine, GVP, trigonometric).
///
/// # Examples
/// ```
/// use pathline::schedule::{Cosine, Schedule};
/// let end = Cosine.at(1.0);
/// assert_eq!((end.alpha, end.sigma), (1.0, 0.0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cosine;

impl Schedule for Cosine {
    fn at(&self, t: f64) -> Coefficients {
        let t = t.clamp(0.0, 1.0);
        let alpha = (FRAC_PI_2 * t).sin();
        // As a sine of the time left, so that it is exactly 0 at t = 1.
        let sigma = (FRAC_PI_2 * (1.0 - t)).sin();
        Coefficients { alpha, sigma, d_alpha: FRAC_PI_2 * sigma, d_sigma: -FRAC_PI_2 * alpha }
    }

    fn time_from_signal_to_noise(&self, ratio: f64) -> Result<f64, Error> {
        check_ratio(ratio)?;
        Ok((FRAC_2_PI * ratio.atan()).min(1.0))
    }

    fn name(&self) -> &'static str {
        "cosine"
    }
}
