//! How much the squared error of a row counts, by its time.
//!
//! Two predictions at one time differ by a factor, `p' - q' = b (p - q)`, so a loss on one is a loss
//! on the other with the weight `b^2`. On the CondOT path, for the loss on
//!
//! ```text
//!                 of the velocity   of the target   of the source
//! velocity is          1             1 / (1 - t)^2      1 / t^2       times that
//! target is        (1 - t)^2             1            ((1-t)/t)^2
//! source is           t^2             (t/(1-t))^2         1
//! ```
//!
//! - `uniform`: 1 on the error of the network's own output;
//! - `like` a prediction: the loss that a network of that prediction has under `uniform`;
//! - `min-snr`: `min(SNR, most)` on the error of the target, with `SNR = (t/(1-t))^2`;
//! - `power`: `t^alpha (1-t)^sigma` on the error of the network's own output.
//!
//! A negative power of a share grows without bound towards an end: nearer to it than the output's
//! `limit` the share counts as that.
//!
//! # References
//! Hang et al. (2023), "Efficient Diffusion Training via Min-SNR Weighting Strategy",
//! arXiv:2303.09556, section 3.4; Gao et al. (2024), "Diffusion Meets Flow Matching", on weightings.
//!
//! # Not to be confused with
//! A [`Clock`](crate::Clock), which changes how often a time is seen. In expectation drawing times by a
//! density `p` is weighting by `p`; the noise of the gradient differs.

use pathline::Error;
use pathline::path::Prediction;

use crate::output::Output;

/// A weight on each row's squared error; see the [module](self).
///
/// # Examples
/// ```
/// use pathline::path::Prediction;
/// use pathline_nn::{Output, Weighting};
/// let output = Output { prediction: Prediction::Target, ..Output::default() };
/// let like = Weighting::Like { prediction: Prediction::Velocity };
/// assert_eq!(like.at(0.75, output), 16.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Weighting {
    /// Every row alike.
    Uniform {},
    /// As if the network predicted this.
    Like {
        /// What the error is measured in.
        prediction: Prediction,
    },
    /// The ratio of signal to noise, up to a bound, on the error of the target.
    MinSnr {
        /// The bound, positive and finite; 5.
        #[serde(default = "most")]
        most: f64,
    },
    /// A power of each end's share.
    Power {
        /// Exponent of the target's share `t`, from -4 to 4.
        alpha: f64,
        /// Exponent of the source's share `1 - t`, from -4 to 4.
        sigma: f64,
    },
}

fn most() -> f64 {
    5.0
}

impl Default for Weighting {
    fn default() -> Self {
        Self::Uniform {}
    }
}

impl Weighting {
    /// The weight at time `t` on the squared error of `output`.
    #[must_use]
    pub fn at(&self, t: f64, output: Output) -> f64 {
        let product =
            |alpha, sigma| share(t, alpha, output.limit) * share(1.0 - t, sigma, output.limit);
        let like = |prediction| {
            let (from, to) = (size(output.prediction), size(prediction));
            product(2.0 * (to[0] - from[0]), 2.0 * (to[1] - from[1]))
        };
        match *self {
            Self::Uniform {} => 1.0,
            Self::Like { prediction } => like(prediction),
            Self::MinSnr { most } => {
                let ratio = t / (1.0 - t);
                (ratio * ratio).min(most) * like(Prediction::Target)
            }
            Self::Power { alpha, sigma } => product(alpha, sigma),
        }
    }

    /// Fails unless every number is in its range.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the number.
    pub fn check(&self) -> Result<(), Error> {
        match *self {
            Self::MinSnr { most } if !(most > 0.0 && most.is_finite()) => {
                Err(Error::invalid("bound of min-snr", most, "must be positive and finite"))
            }
            Self::Power { alpha, sigma } => [alpha, sigma].into_iter().try_for_each(|power| {
                if (-4.0..=4.0).contains(&power) {
                    return Ok(());
                }
                Err(Error::invalid("exponent of a weighting", power, "must be from -4 to 4"))
            }),
            _ => Ok(()),
        }
    }

    pub(crate) fn is_uniform(&self) -> bool {
        *self == Self::Uniform {}
    }
}

/// An error of a prediction for each unit of that of the velocity, as powers of `t` and `1 - t`.
fn size(prediction: Prediction) -> [f64; 2] {
    match prediction {
        Prediction::Velocity => [0.0, 0.0],
        Prediction::Target => [0.0, 1.0],
        Prediction::Source => [1.0, 0.0],
        Prediction::Score => [1.0, -1.0],
    }
}

/// A power of an end's share, which must stay finite.
fn share(share: f64, power: f64, limit: f64) -> f64 {
    if power < 0.0 { share.max(limit).powf(power) } else { share.powf(power) }
}
