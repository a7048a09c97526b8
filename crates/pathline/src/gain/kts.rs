//! Kinetic trajectory shaping: a launch above 1 before `tau`, a soft landing below 1 after it.
//!
//! `eta(t) = 1 + a(t)` for `t < tau` and `1 - b(t)` from `tau` on, with
//! - launch: linear `a0 (1 - t/tau)`, constant `a0`, exponential
//!   `a0 (exp(k (1 - t/tau)) - 1) / (exp(k) - 1)`;
//! - landing, `r = (t - tau) / (1 - tau)`: exponential `b0 (exp(k r) - 1)`, linear `b0 r`, constant
//!   `b0`.
//!
//! The exponential landing ends at `eta(1) = 1 - b0 (e^k - 1)`: with `k = 3` it turns negative for
//! `b0 > 0.0524`. The authors' code does not guard against that; this one refuses it unless asked.
//! The path is not made up for: with `a0 = b0 = 0.01` the mean factor is .98, so samples stop short
//! on purpose, and what is left over is what the correction does.
//!
//! # References
//! "A kinetic energy perspective of flow matching" (2026), arXiv 2602.07928; shapes and defaults
//! (`tau = 0.6`, `k = 3`, linear launch, exponential landing) are those of the authors' released
//! code, which normalises `r` by `1 - tau`.
//!
//! # Not to be confused with
//! The scale schedule corrector, which only raises the velocity.

use super::{Gain, GainRule};
use crate::error::Error;

/// The shape of the factor before `tau`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Launch {
    /// `a0 (1 - t/tau)`.
    #[default]
    Linear,
    /// `a0`.
    Constant,
    /// `a0 (exp(k (1 - t/tau)) - 1) / (exp(k) - 1)`.
    Exponential,
}

/// The shape of the factor from `tau` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Landing {
    /// `b0 (exp(k r) - 1)`.
    #[default]
    Exponential,
    /// `b0 r`.
    Linear,
    /// `b0`.
    Constant,
}

/// Kinetic trajectory shaping as a plain value; build it with struct update from
/// [`Kts::published`] and check it with [`Kts::checked`].
///
/// # Examples
/// ```
/// use pathline::gain::{Gain, Kts};
/// let kts = Kts { launch_strength: 0.01, landing_strength: 0.01, ..Kts::published() }.checked()?;
/// assert_eq!(kts.at(0.0), 1.01);
/// assert!((kts.at(1.0) - (1.0 - 0.01 * (3.0_f64.exp() - 1.0))).abs() < 1e-12);
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kts {
    /// Strength of the launch, `a0`, usually 0 to 0.5.
    pub launch_strength: f64,
    /// Strength of the landing, `b0`, usually 0 to 0.05.
    pub landing_strength: f64,
    /// Where launch ends and landing begins, in `(0, 1)`.
    pub tau: f64,
    /// Rate of the exponential shapes, `k > 0`.
    pub rate: f64,
    /// Shape of the launch.
    pub launch: Launch,
    /// Shape of the landing.
    pub landing: Landing,
    /// How the factor enters a step.
    pub rule: GainRule,
    /// Whether a factor below 0 is allowed.
    pub allow_negative: bool,
}

impl Kts {
    /// The authors' defaults, with both strengths 0 (that is, off).
    #[must_use]
    pub fn published() -> Self {
        Self {
            launch_strength: 0.0,
            landing_strength: 0.0,
            tau: 0.6,
            rate: 3.0,
            launch: Launch::default(),
            landing: Landing::default(),
            rule: GainRule::Published,
            allow_negative: false,
        }
    }

    /// This value, once its numbers are found to be in range.
    ///
    /// # Errors
    /// [`Error::Invalid`] for `tau` outside `(0, 1)`, a rate that is not positive, a strength that is
    /// not finite, or (unless allowed) a factor that becomes negative.
    pub fn checked(self) -> Result<Self, Error> {
        if !(self.tau > 0.0 && self.tau < 1.0) {
            return Err(Error::invalid("tau", self.tau, "use a time strictly between 0 and 1"));
        }
        if !(self.rate.is_finite() && self.rate > 0.0) {
            return Err(Error::invalid("rate k", self.rate, "use a positive number, such as 3"));
        }
        // Every shape is monotone on either side of tau, so the ends bound it.
        for t in [0.0, self.tau.next_down(), self.tau, 1.0] {
            let factor = self.at(t);
            if !factor.is_finite() {
                return Err(Error::invalid("gain", factor, "use finite strengths"));
            }
            if factor < 0.0 && !self.allow_negative {
                let limit = if t < self.tau {
                    "launch strength of at least -1".to_owned()
                } else {
                    format!(
                        "landing strength of at most {:.4}",
                        1.0 / self.landing.at(1.0, self.rate)
                    )
                };
                let remedy = format!(
                    "it would run samples backwards near t = {t:.3}: use a {limit}, or allow_negative"
                );
                return Err(Error::invalid("gain", factor, remedy));
            }
        }
        Ok(self)
    }
}

impl Launch {
    /// The shape at `q = 1 - t/tau`, 1 at the source.
    fn at(self, q: f64, rate: f64) -> f64 {
        match self {
            Self::Linear => q,
            Self::Constant => 1.0,
            Self::Exponential => libm::expm1(rate * q) / libm::expm1(rate),
        }
    }
}

impl Landing {
    /// The shape at `r = (t - tau) / (1 - tau)`.
    fn at(self, r: f64, rate: f64) -> f64 {
        match self {
            Self::Exponential => libm::expm1(rate * r),
            Self::Linear => r,
            Self::Constant => 1.0,
        }
    }
}

impl Gain for Kts {
    fn at(&self, t: f64) -> f64 {
        if t < self.tau {
            1.0 + self.launch_strength * self.launch.at(1.0 - t / self.tau, self.rate)
        } else {
            let r = (t - self.tau) / (1.0 - self.tau);
            1.0 - self.landing_strength * self.landing.at(r, self.rate)
        }
    }

    fn rule(&self) -> GainRule {
        self.rule
    }

    fn name(&self) -> &'static str {
        "kts"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gain::realised_mean;
    use crate::time_grid::TimeGrid;

    fn kts(a: f64, b: f64) -> Kts {
        Kts { launch_strength: a, landing_strength: b, ..Kts::published() }
    }

    #[test]
    fn the_mean_factor_is_what_was_derived() {
        let grid = TimeGrid::uniform(100).unwrap();
        let mean = realised_mean(&kts(0.01, 0.01).checked().unwrap(), &grid);
        assert!((mean - 0.9825).abs() < 5e-5, "{mean}");
    }

    #[test]
    fn the_residual_of_an_exact_field_is_what_was_derived() {
        // Per Euler step the distance to a dominant atom is multiplied by 1 - eta h / (1 - t).
        let residual = |steps: usize, b0: f64| {
            let grid = TimeGrid::uniform(steps).unwrap();
            let gain = kts(0.0, b0).checked().unwrap();
            grid.steps().map(|(t, dt)| 1.0 - gain.at(t) * dt / (1.0 - t)).product::<f64>()
        };
        for (b0, wanted) in [(0.01, 0.0027), (0.02, 0.0081), (0.05, 0.059)] {
            assert!((residual(100, b0) / wanted - 1.0).abs() < 0.03, "{b0} {}", residual(100, b0));
        }
        for (steps, wanted) in [(10, 0.0088), (20, 0.0073), (50, 0.0044), (100, 0.0027)] {
            assert!((residual(steps, 0.01) / wanted - 1.0).abs() < 0.03, "{steps}");
        }
    }

    #[test]
    fn shapes_meet_one_at_tau_except_the_constant_ones() {
        for launch in [Launch::Linear, Launch::Exponential] {
            for landing in [Landing::Linear, Landing::Exponential] {
                let gain = Kts { launch, landing, ..kts(0.3, 0.03) }.checked().unwrap();
                assert!((gain.at(gain.tau - 1e-9) - 1.0).abs() < 1e-6);
                assert!((gain.at(gain.tau) - 1.0).abs() < 1e-12);
                assert!((gain.at(0.0) - 1.3).abs() < 1e-12);
            }
        }
        let flat = Kts { launch: Launch::Constant, landing: Landing::Constant, ..kts(0.3, 0.1) };
        assert_eq!((flat.at(0.59), flat.at(0.6)), (1.3, 0.9));
    }

    #[test]
    fn a_negative_factor_is_refused_unless_asked_for() {
        assert!(kts(0.0, 0.0524).checked().is_err());
        assert!(kts(0.0, 0.0523).checked().is_ok());
        assert!(Kts { allow_negative: true, ..kts(0.0, 0.2) }.checked().is_ok());
        assert!(kts(f64::NAN, 0.0).checked().is_err());
        assert!(Kts { tau: 1.0, ..kts(0.0, 0.0) }.checked().is_err());
        assert!(Kts { rate: 0.0, ..kts(0.0, 0.0) }.checked().is_err());
        let message = kts(0.0, 0.1).checked().unwrap_err().to_string();
        assert!(message.contains("0.0524"), "{message}");
        let message = kts(-1.5, 0.0).checked().unwrap_err().to_string();
        assert!(message.contains("launch strength of at least -1"), "{message}");
    }
}
