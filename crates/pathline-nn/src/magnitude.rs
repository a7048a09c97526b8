//! The magnitude term of magnitude-aware flow matching: how far the velocity's length is off.
//!
//! ```text
//! L = 1/d E |v - u|^2 + c E lambda(t) (|v| - |u|)^2,    lambda(t) = scale (1 - t),    u = x_1 - x_0
//! ```
//!
//! with `c = 1/d` (`per-element`: both terms on one scale) or `c = 1` (`total`: norms as they are,
//! beside a mean over elements). Which of the two was meant where the term comes from is not said; the
//! second counts the term `d` times as much.
//!
//! The minimiser is no longer the mean velocity. Where `|v*| = |E[u|x]|` and `|u|` hardly vary, with
//! `rho = |v*|/|u|` and `L = lambda` (`d lambda` for `total`), it is the mean times
//! `(1 + L/rho) / (1 + L)`, which is above 1: a field so trained is too fast on purpose, and its radial
//! gain `g*` is below 1.
//!
//! # References
//! "Velocity Deficit in Flow Matching" (2026), arXiv:2605.14819 (the term, and `scale = 0.2`). The
//! minimiser is worked out here.
//!
//! # Not to be confused with
//! A gain at sampling (SSC), which changes the step and leaves the network alone.

use pathline::Error;

/// The magnitude term; see the [module](self).
///
/// # Examples
/// ```
/// use pathline_nn::{Magnitude, Norms};
/// let term = Magnitude::default();
/// assert_eq!((term.scale, term.norms), (0.2, Norms::PerElement));
/// assert_eq!(term.factor(0.5, 784), 0.1);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Magnitude {
    /// `lambda` at `t = 0`, at least 0 and finite; 0.2.
    pub scale: f64,
    /// How norms are scaled; per element.
    pub norms: Norms,
}

/// How the squared difference of norms is scaled beside a mean over elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Norms {
    /// Divided by the number of elements.
    PerElement,
    /// As they are.
    Total,
}

impl Default for Magnitude {
    fn default() -> Self {
        Self { scale: 0.2, norms: Norms::PerElement }
    }
}

impl Magnitude {
    /// The factor on `(|v| - |u|)^2 / d` of a row of `d` elements at time `t`.
    #[must_use]
    pub fn factor(&self, t: f64, d: usize) -> f64 {
        let lambda = self.scale * (1.0 - t);
        match self.norms {
            Norms::PerElement => lambda,
            Norms::Total => lambda * d as f64,
        }
    }

    /// Fails unless the scale is in its range.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming it.
    pub fn check(&self) -> Result<(), Error> {
        if self.scale >= 0.0 && self.scale.is_finite() {
            return Ok(());
        }
        let remedy = "must be at least 0 and finite";
        Err(Error::invalid("scale of the magnitude term", self.scale, remedy))
    }
}
