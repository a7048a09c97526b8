//! The polynomial schedule: `alpha_t = t^n`, `sigma_t = 1 - t^n`.
//!
//! # References
//! Lipman et al. (2024), "Flow Matching Guide and Code", and the library it describes (polynomial
//! convex).
//!
//! # Not to be confused with
//! A polynomial *time grid*: this changes the path's clock during training as well.

use super::{Coefficients, Schedule, check_ratio};
use crate::error::Error;

/// `alpha_t = t^n`, `sigma_t = 1 - t^n`, for an exponent `n >= 1`.
///
/// # Examples
/// ```
/// use pathline::schedule::{Polynomial, Schedule};
/// let quadratic = Polynomial::new(2.0)?;
/// assert_eq!(quadratic.at(0.5).d_alpha, 1.0);
/// assert!(Polynomial::new(0.5).is_err());
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Polynomial {
    exponent: f64,
}

impl Polynomial {
    /// The schedule with exponent `n`.
    ///
    /// # Errors
    /// [`Error::Invalid`] unless `n` is finite and at least 1 (below, the velocity at `t = 0` is
    /// infinite).
    pub fn new(exponent: f64) -> Result<Self, Error> {
        if exponent.is_finite() && exponent >= 1.0 {
            Ok(Self { exponent })
        } else {
            let remedy = "give a finite number of at least 1; 1 is the straight-line schedule";
            Err(Error::invalid("exponent of the polynomial schedule", exponent, remedy))
        }
    }

    /// The exponent `n`.
    #[must_use]
    pub fn exponent(&self) -> f64 {
        self.exponent
    }
}

impl Schedule for Polynomial {
    fn at(&self, t: f64) -> Coefficients {
        let (t, n) = (t.clamp(0.0, 1.0), self.exponent);
        let d_alpha = n * t.powf(n - 1.0);
        // 1 - t^n without cancellation near t = 1; taken from 0, since -0 at t = 1 would make the
        // signal-to-noise ratio there minus infinity.
        let sigma = 0.0 - (n * t.ln()).exp_m1();
        Coefficients { alpha: t.powf(n), sigma, d_alpha, d_sigma: -d_alpha }
    }

    fn time_from_signal_to_noise(&self, ratio: f64) -> Result<f64, Error> {
        check_ratio(ratio)?;
        Ok((1.0 / (1.0 + 1.0 / ratio)).powf(1.0 / self.exponent))
    }

    fn name(&self) -> &'static str {
        "polynomial"
    }
}
