//! The variance-preserving schedule of score-based diffusion, on this crate's clock.
//!
//! With the time left `s = 1 - t` and `T(s) = (beta_max - beta_min) s^2 / 2 + beta_min s`:
//! `alpha_t = exp(-T / 2)`, `sigma_t = sqrt(1 - exp(-T))`.
//!
//! At `t = 0` a little signal is left (`alpha_0 = 0.0066` with the usual rates), so signal-to-noise
//! ratios below that belong to no time; at `t = 1` `d sigma_t / dt` is minus infinity.
//!
//! # References
//! Song et al. (2021), "Score-Based Generative Modeling through Stochastic Differential Equations",
//! the VP process; Lipman et al. (2023), "Flow Matching for Generative Modeling", example I.
//!
//! # Not to be confused with
//! [`LinearVp`](super::LinearVp), whose *signal* is linear in time.

use super::{Coefficients, Schedule, check_ratio};
use crate::error::Error;

/// The variance-preserving schedule with a linear noise rate from `beta_min` to `beta_max`.
///
/// # Examples
/// ```
/// use pathline::schedule::{Schedule, Vp};
/// let c = Vp::default().at(0.5);
/// assert!((c.alpha - 0.281_182_880_8).abs() < 1e-10);
/// // No time of this schedule is pure noise.
/// assert!(Vp::default().time_from_signal_to_noise(0.0).is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Vp {
    beta_min: f64,
    beta_max: f64,
}

impl Default for Vp {
    /// `beta_min = 0.1`, `beta_max = 20`.
    fn default() -> Self {
        Self { beta_min: 0.1, beta_max: 20.0 }
    }
}

impl Vp {
    /// The schedule whose noise rate grows from `beta_min` (at the target) to `beta_max`.
    ///
    /// # Errors
    /// [`Error::Invalid`] unless `0 < beta_min <= beta_max`, both finite.
    pub fn new(beta_min: f64, beta_max: f64) -> Result<Self, Error> {
        if beta_min > 0.0 && beta_min <= beta_max && beta_max.is_finite() {
            Ok(Self { beta_min, beta_max })
        } else {
            let value = format!("{beta_min} to {beta_max}");
            let remedy = "give finite rates with 0 < beta_min <= beta_max; 0.1 and 20 are usual";
            Err(Error::invalid("noise rate of the vp schedule", value, remedy))
        }
    }

    /// `T` and its time derivative.
    fn exponent(&self, t: f64) -> (f64, f64) {
        let left = 1.0 - t;
        let slope = self.beta_max - self.beta_min;
        (left * (0.5 * slope * left + self.beta_min), -(slope * left + self.beta_min))
    }
}

impl Schedule for Vp {
    fn at(&self, t: f64) -> Coefficients {
        let (exponent, d_exponent) = self.exponent(t.clamp(0.0, 1.0));
        let alpha = (-0.5 * exponent).exp();
        let sigma = (-(-exponent).exp_m1()).sqrt();
        let d_alpha = -0.5 * d_exponent * alpha;
        let d_sigma = 0.5 * d_exponent * (-exponent).exp() / sigma;
        Coefficients { alpha, sigma, d_alpha, d_sigma }
    }

    fn time_from_signal_to_noise(&self, ratio: f64) -> Result<f64, Error> {
        check_ratio(ratio)?;
        // alpha^2 / sigma^2 = 1 / (exp(T) - 1), then the positive root of T(s), written so that it
        // neither cancels for small T nor divides by zero for beta_min = beta_max.
        let exponent = ratio.powi(-2).ln_1p();
        let slope = self.beta_max - self.beta_min;
        let root = (self.beta_min * self.beta_min + 2.0 * slope * exponent).sqrt();
        let left = 2.0 * exponent / (self.beta_min + root);
        // A few roundings of slack, so that the ratio at t = 0 is found again.
        if left <= 1.0 + 1e-12 {
            Ok((1.0 - left).max(0.0))
        } else {
            let start = self.at(0.0);
            let least = start.alpha / start.sigma;
            let remedy = format!("the vp schedule starts at ratio {least:.6}: start the run later");
            Err(Error::invalid("signal-to-noise ratio", ratio, remedy))
        }
    }

    fn name(&self) -> &'static str {
        "vp"
    }
}
