//! What a network's output stands for, and the velocity that follows from it on the CondOT path.
//!
//! With `x_t = (1 - t) x_0 + t x_1`, a network that predicts
//!
//! ```text
//! velocity  x_1 - x_0          v = o
//! target    x_1                v = (o - x_t) / (1 - t)         t <= 1 - limit
//! source    x_0                v = (x_t - o) / t               limit <= t
//! score     -x_0 / (1 - t)     v = (x_t + (1 - t) o) / t       limit <= t <= 1 - limit
//! ```
//!
//! Near an end the state itself says what such a network predicts, and nothing is left from which to
//! tell the velocity: an error of the output is divided by the distance to the end. So times nearer
//! than `limit` to that end are moved to it, in training (where the state is drawn at the moved time)
//! and in use (where the field is held: `v_t(x) = v_limit(x)` for `t < limit`). Velocity has no limit.
//!
//! # References
//! Lipman et al. (2024), "Flow Matching Guide and Code", arXiv:2412.06264, section 4.8.1; Gao et al.
//! (2024), "Diffusion Meets Flow Matching". Li and He (2025), "Back to Basics", arXiv:2511.13720, keep
//! away from the end in the same way when they predict the target.
//!
//! # Not to be confused with
//! The weighting of the loss: a network that predicts the target may have the loss of one that
//! predicts the velocity ([`Weighting`](crate::Weighting)).

use pathline::Error;
use pathline::path::{Linear, Prediction};
use pathline::schedule::{CondOt, Schedule};

/// What a network's output stands for; see the [module](self).
///
/// # Examples
/// ```
/// use pathline::path::Prediction;
/// use pathline_nn::Output;
/// let output: Output = serde_json::from_str(r#"{"prediction": "target"}"#)?;
/// assert_eq!((output.prediction, output.limit), (Prediction::Target, 0.05));
/// assert_eq!((output.moved(0.5), output.moved(1.0)), (0.5, 0.95));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Output {
    /// What is predicted; velocity.
    pub prediction: Prediction,
    /// How near to an end that makes it singular a time may come, between 0 and 1/2, neither
    /// included; 0.05.
    pub limit: f64,
}

impl Default for Output {
    fn default() -> Self {
        Self { prediction: Prediction::Velocity, limit: 0.05 }
    }
}

impl Output {
    /// The time at which the network is evaluated for time `t`.
    #[must_use]
    pub fn moved(&self, t: f64) -> f64 {
        let (least, most) = (self.limit, 1.0 - self.limit);
        match self.prediction {
            Prediction::Velocity => t,
            Prediction::Target => t.min(most),
            Prediction::Source => t.max(least),
            Prediction::Score => t.max(least).min(most),
        }
    }

    /// The velocity at time `t` as a combination of the state and of the output at [`Output::moved`].
    ///
    /// # Errors
    /// [`Error::Singular`] only for a limit out of its range.
    pub fn velocity(&self, t: f64) -> Result<Linear, Error> {
        let t = self.moved(t);
        CondOt.at(t).convert(self.prediction, Prediction::Velocity, t)
    }

    /// Whether this is a velocity: what files that do not say mean.
    #[must_use]
    pub fn is_velocity(&self) -> bool {
        self.prediction == Prediction::Velocity
    }

    /// Fails unless the limit is in its range.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming it.
    pub fn check(&self) -> Result<(), Error> {
        if self.limit > 0.0 && self.limit < 0.5 {
            return Ok(());
        }
        let remedy = "must be between 0 and 0.5, neither included";
        Err(Error::invalid("limit of a prediction", self.limit, remedy))
    }

    /// The wanted output for the ends `x_0` and `x_1` of a row, at a time that was moved.
    pub(crate) fn wanted(&self, t: f64, (x0, x1): (f64, f64)) -> f64 {
        match self.prediction {
            Prediction::Velocity => x1 - x0,
            Prediction::Target => x1,
            Prediction::Source => x0,
            Prediction::Score => -x0 / (1.0 - t),
        }
    }
}
