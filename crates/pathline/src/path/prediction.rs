//! What a model's output stands for, and how one meaning turns into another.
//!
//! Every prediction is a combination of the two ends, `c_1 x_1 + c_0 x_0`, and so is the state
//! `x_t = alpha x_1 + sigma x_0`. Two such combinations determine every third one: for a prediction
//! `f` that is known and one `g` that is wanted, `g = a x_t + b f` where `(a, b)` solves
//!
//! ```text
//! | alpha  f_1 | | a |   | g_1 |
//! | sigma  f_0 | | b | = | g_0 |
//! ```
//!
//! The score is the source prediction on another scale, `s = -x_0 / sigma`.
//!
//! # References
//! Lipman et al. (2024), "Flow Matching Guide and Code", on velocity parametrisations; Gao et al.
//! (2024), "Diffusion Meets Flow Matching".
//!
//! # Not to be confused with
//! The "v-prediction" of Salimans and Ho (2022), `alpha x_0 - sigma x_1` on a variance-preserving
//! schedule: it is a velocity in the schedule's *angle*, not in time.

use crate::error::Error;
use crate::schedule::Coefficients;

/// What a model's output stands for, given `x_t`: each a conditional mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Prediction {
    /// `alpha' x_1 + sigma' x_0`.
    Velocity,
    /// `x_1`: the denoised sample.
    Target,
    /// `x_0`: the noise, usually called epsilon.
    Source,
    /// The gradient of `log p_t`, `-x_0 / sigma`.
    Score,
}

/// A conversion at one time: `wanted = state * x_t + value * known`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Linear {
    /// Factor on the state `x_t`.
    pub state: f64,
    /// Factor on the known prediction.
    pub value: f64,
}

impl Linear {
    /// Writes `state * x + value * known`, element by element.
    pub fn apply(&self, x: &[f32], known: &[f32], out: &mut [f32]) {
        for ((out, &x), &known) in out.iter_mut().zip(x).zip(known) {
            *out = (self.state * f64::from(x) + self.value * f64::from(known)) as f32;
        }
    }
}

impl Coefficients {
    /// How the prediction `to` follows from `x_t` and the prediction `from`, at time `t` (which only
    /// the error message uses).
    ///
    /// # Errors
    /// [`Error::Singular`] where the two do not determine it: typically a target at `t = 1` and a
    /// source at `t = 0` say nothing that `x_t` did not say already.
    ///
    /// # Examples
    /// ```
    /// use pathline::{path::Prediction, schedule::{CondOt, Schedule}};
    /// let c = CondOt.at(0.5);
    /// // v = (x_1 - x_t) / (1 - t)
    /// let linear = c.convert(Prediction::Target, Prediction::Velocity, 0.5)?;
    /// assert_eq!((linear.state, linear.value), (-2.0, 2.0));
    /// # Ok::<(), pathline::Error>(())
    /// ```
    pub fn convert(&self, from: Prediction, to: Prediction, t: f64) -> Result<Linear, Error> {
        let (known, wanted) = (self.ends(from), self.ends(to));
        // Source and score know each other at every time, also where the solve is singular.
        let (mut state, mut value) = (0.0, 1.0);
        if from == to {
            return Ok(Linear { state, value });
        } else if known != wanted {
            let determinant = self.alpha * known[1] - self.sigma * known[0];
            state = (wanted[0] * known[1] - wanted[1] * known[0]) / determinant;
            value = (self.alpha * wanted[1] - self.sigma * wanted[0]) / determinant;
        }
        if from == Prediction::Score {
            value *= -self.sigma;
        }
        if to == Prediction::Score {
            state /= -self.sigma;
            value /= -self.sigma;
        }
        // Adding zero turns -0 into 0.
        let linear = Linear { state: state + 0.0, value: value + 0.0 };
        if linear.state.is_finite() && linear.value.is_finite() {
            Ok(linear)
        } else {
            Err(Error::Singular { what: conversion(from, to), t, remedy: self.remedy() })
        }
    }

    /// A prediction's shares of the target and of the source; the score as the source it scales.
    fn ends(&self, prediction: Prediction) -> [f64; 2] {
        match prediction {
            Prediction::Velocity => [self.d_alpha, self.d_sigma],
            Prediction::Target => [1.0, 0.0],
            Prediction::Source | Prediction::Score => [0.0, 1.0],
        }
    }

    fn remedy(&self) -> &'static str {
        if self.sigma < self.alpha {
            "end the run before t = 1, or use a solver whose last step does not evaluate there (euler)"
        } else {
            "start the run after t = 0"
        }
    }
}

/// The name of a conversion, result first.
fn conversion(from: Prediction, to: Prediction) -> &'static str {
    use Prediction::{Score, Source, Target, Velocity};
    match (to, from) {
        (Velocity, Target) => "velocity from target",
        (Velocity, Source) => "velocity from source",
        (Velocity, Score) => "velocity from score",
        (Target, Velocity) => "target from velocity",
        (Target, Source) => "target from source",
        (Target, Score) => "target from score",
        (Source, Velocity) => "source from velocity",
        (Source, Target) => "source from target",
        (Source, Score) => "source from score",
        (Score, Velocity) => "score from velocity",
        (Score, Target) => "score from target",
        (Score, Source) => "score from source",
        (Velocity, Velocity) | (Target, Target) | (Source, Source) | (Score, Score) => "identity",
    }
}

/// Defines one thin function for each conversion that has a name of its own.
macro_rules! conversions {
    ($($(#[$doc:meta])* $name:ident: $from:ident => $to:ident;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        /// [`Error::Singular`] where it is not defined: see [`Coefficients::convert`].
        pub fn $name(c: &Coefficients, t: f64) -> Result<Linear, Error> {
            c.convert(Prediction::$from, Prediction::$to, t)
        }
    )*};
}

conversions! {
    /// The velocity from the denoised sample.
    velocity_from_target: Target => Velocity;
    /// The velocity from the noise.
    velocity_from_source: Source => Velocity;
    /// The velocity from the gradient of the log-density.
    velocity_from_score: Score => Velocity;
    /// The denoised sample from the velocity.
    target_from_velocity: Velocity => Target;
    /// The noise from the velocity.
    source_from_velocity: Velocity => Source;
    /// The gradient of the log-density from the denoised sample.
    score_from_target: Target => Score;
}
