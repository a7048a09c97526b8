//! A constant excess inside a window of time, and none outside: a control for gains that claim that it
//! matters *when* the velocity is scaled.
//!
//! `gamma(t) = 1 + strength` for `from <= t < to`, else 1. The strength is set by the area of the excess
//! as a left Riemann sum on the grid that is used, so that windows and
//! [scale schedule correctors](super::Ssc) can be compared at equal area.
//!
//! # References
//! The control is our own. "Velocity Deficit in Flow Matching" (2026), arXiv 2605.14819, compares early-only
//! with late-only scaling; a window that slides asks where between them the sign changes.

use super::Gain;
use crate::error::Error;
use crate::time_grid::TimeGrid;

/// A window with a given area on a given grid.
///
/// # Examples
/// ```
/// use pathline::TimeGrid;
/// use pathline::gain::{Gain, Window, realised_mean};
/// let grid = TimeGrid::uniform(10)?;
/// let late = Window::on(&grid, 0.75, 1.0, 0.05)?;
/// assert_eq!(late.at(0.5), 1.0);
/// assert!((realised_mean(&late, &grid) - 1.05).abs() < 1e-12);
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    from: f64,
    to: f64,
    strength: f64,
}

impl Window {
    /// The window `[from, to)` whose excess over `grid` is exactly `area`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the window holds the start of no step, the area is not finite, or the
    /// factor would be negative.
    pub fn on(grid: &TimeGrid, from: f64, to: f64, area: f64) -> Result<Self, Error> {
        let inside = grid.steps().filter(|(t, _)| (from..to).contains(t));
        let length: f64 = inside.map(|(_, dt)| dt).sum();
        if !length.is_finite() || length.abs() <= 0.0 {
            let remedy = "no step of the grid starts there: use a wider window or more steps";
            return Err(Error::invalid("window of a gain", format!("{from} to {to}"), remedy));
        }
        let strength = area / length;
        if !(strength.is_finite() && strength >= -1.0) {
            let remedy = "give a finite area whose factor 1 + area / length is at least 0";
            return Err(Error::invalid("area of a window", area, remedy));
        }
        Ok(Self { from, to, strength })
    }
}

impl Gain for Window {
    fn at(&self, t: f64) -> f64 {
        if (self.from..self.to).contains(&t) { 1.0 + self.strength } else { 1.0 }
    }

    fn name(&self) -> &'static str {
        "window"
    }
}
