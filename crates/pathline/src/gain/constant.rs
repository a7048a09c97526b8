//! A constant factor: `eta(t) = c`. The control for every shaped gain: the same mean, no shape.
//!
//! # References
//! None; a shaped gain that does no better than the constant of its own realised mean has shown
//! nothing about its shape.

use super::{Gain, realised_mean};
use crate::error::Error;
use crate::time_grid::TimeGrid;

/// The same factor at all times.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Constant {
    factor: f64,
}

impl Constant {
    /// A constant gain.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the factor is negative or not finite.
    pub fn new(factor: f64) -> Result<Self, Error> {
        if factor.is_finite() && factor >= 0.0 {
            Ok(Self { factor })
        } else {
            Err(Error::invalid("constant gain", factor, "use a finite factor of at least 0"))
        }
    }

    /// The constant with the realised mean of another gain on a grid.
    ///
    /// # Errors
    /// [`Error::Invalid`] when that mean is negative or not finite.
    pub fn matching(other: &dyn Gain, grid: &TimeGrid) -> Result<Self, Error> {
        Self::new(realised_mean(other, grid))
    }
}

impl Gain for Constant {
    fn at(&self, _: f64) -> f64 {
        self.factor
    }

    fn name(&self) -> &'static str {
        "constant"
    }
}
