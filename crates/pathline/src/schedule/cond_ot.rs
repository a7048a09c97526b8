//! The straight-line schedule: `alpha_t = t`, `sigma_t = 1 - t`.
//!
//! With a Gaussian source it is the cone `N(t x_1, (1 - t)^2 I)` of the lecture notes: the same
//! path, described from the other end.
//!
//! # References
//! Lipman et al. (2023), "Flow Matching for Generative Modeling", example II with
//! `sigma_min = 0`; Liu et al. (2023), "Flow Straight and Fast".
//!
//! # Not to be confused with
//! The *minibatch OT coupling*, which chooses the pairs. This schedule only says how a pair is
//! joined; "OT" in its name is optimal transport between a Gaussian and one point.

use super::{Coefficients, Schedule, check_ratio};
use crate::error::Error;

/// `alpha_t = t`, `sigma_t = 1 - t` (linear, rectified flow).
///
/// # Examples
/// ```
/// use pathline::schedule::{CondOt, Schedule};
/// assert_eq!(CondOt.at(0.25).sigma, 0.75);
/// assert_eq!(CondOt.time_from_signal_to_noise(1.0)?, 0.5);
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CondOt;

impl Schedule for CondOt {
    fn at(&self, t: f64) -> Coefficients {
        let t = t.clamp(0.0, 1.0);
        Coefficients { alpha: t, sigma: 1.0 - t, d_alpha: 1.0, d_sigma: -1.0 }
    }

    fn time_from_signal_to_noise(&self, ratio: f64) -> Result<f64, Error> {
        check_ratio(ratio)?;
        Ok(1.0 / (1.0 + 1.0 / ratio))
    }

    fn name(&self) -> &'static str {
        "cond-ot"
    }
}
