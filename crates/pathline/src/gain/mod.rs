//! Gains: a factor on the velocity inside a step, so that observers see raw and scaled velocity.
//!
//! A gain is not a field. Published corrections define it at the level of the step: the authors of
//! kinetic trajectory shaping multiply Heun's *mean* velocity by the *mean* factor, which no wrapped
//! field can express.

mod constant;
mod curve;
mod kts;
mod ssc;
mod window;

pub use constant::Constant;
pub use curve::Curve;
pub use kts::{Kts, Landing, Launch};
pub use ssc::{Ssc, SscShape};
pub use window::Window;

use crate::error::Error;
use crate::time_grid::TimeGrid;

/// How a factor enters a step with several stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GainRule {
    /// As the method's authors wrote it: `Increment` for Heun, `Field` for every other method.
    #[default]
    Published,
    /// Every stage's velocity times the factor at that stage's time.
    Field,
    /// The step's mean velocity times the step's mean factor.
    Increment,
}

/// A factor on the velocity as a function of time.
pub trait Gain: Send + Sync {
    /// The factor at `t`.
    fn at(&self, t: f64) -> f64;

    /// How it enters a step.
    fn rule(&self) -> GainRule {
        GainRule::Published
    }

    /// The gain's name in specs.
    fn name(&self) -> &'static str;
}

/// The time average of a gain as a left Riemann sum over the grid it is used on: the number by
/// which gains of different shapes can be compared.
#[must_use]
pub fn realised_mean(gain: &dyn Gain, grid: &TimeGrid) -> f64 {
    let span = grid.end() - grid.start();
    grid.steps().map(|(t, dt)| gain.at(t) * dt).sum::<f64>() / span
}

/// Fails when the factor is negative or not finite anywhere on the grid.
///
/// # Errors
/// [`Error::Invalid`] with the first time at which it happens.
pub fn check_positive(gain: &dyn Gain, grid: &TimeGrid) -> Result<(), Error> {
    for &t in grid.times() {
        let factor = gain.at(t);
        if !(factor.is_finite() && factor >= 0.0) {
            let value = format!("{factor} at t = {t}");
            let remedy = "a negative factor runs samples backwards: lower its strength, or ask for it \
                          with allow_negative";
            return Err(Error::invalid("gain", value, remedy));
        }
    }
    Ok(())
}
