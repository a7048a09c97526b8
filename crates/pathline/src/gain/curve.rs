//! A gain given by its values at some times, straight lines between them: for factors that were measured,
//! such as the radial gain `g*(t)` of a field or the gain that a training loss implies.
//!
//! `gamma(t) = g_i + (g_{i+1} - g_i) (t - t_i) / (t_{i+1} - t_i)` between neighbouring points `(t_i, g_i)`.
//!
//! # References
//! Linear interpolation (textbook). The radial gain: see `diagnostics::deficit`.
//!
//! # Not to be confused with
//! The scale schedule corrector, whose shape is chosen and not measured.

use super::Gain;
use crate::error::Error;

/// A measured factor over time; before the first time and after the last it stays at their values.
///
/// # Examples
/// ```
/// use pathline::gain::{Curve, Gain};
/// let gain = Curve::new(vec![[0.0, 1.2], [1.0, 1.0]])?;
/// assert!((gain.at(0.25) - 1.15).abs() < 1e-12);
/// assert!(Curve::new(vec![[0.5, 1.0], [0.5, 1.1]]).is_err());
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    points: Vec<[f64; 2]>,
}

impl Curve {
    /// The curve through `[t, factor]` points in ascending order of time.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is no point, times do not ascend, a number is not finite or a factor is
    /// negative.
    pub fn new(points: Vec<[f64; 2]>) -> Result<Self, Error> {
        let remedy = "give [t, factor] points with ascending times and factors of at least 0";
        if points.is_empty() {
            return Err(Error::invalid("number of points of a gain", 0, remedy));
        }
        let bad = |p: &&[f64; 2]| !(p[0].is_finite() && p[1].is_finite() && p[1] >= 0.0);
        if let Some(point) = points.iter().find(bad) {
            return Err(Error::invalid("point of a gain", format!("{point:?}"), remedy));
        }
        if let Some(pair) = points.windows(2).find(|pair| pair[0][0] >= pair[1][0]) {
            return Err(Error::invalid("times of a gain", format!("{pair:?}"), remedy));
        }
        Ok(Self { points })
    }
}

impl Gain for Curve {
    fn at(&self, t: f64) -> f64 {
        let after = self.points.partition_point(|p| p[0] <= t);
        match (after.checked_sub(1).map(|i| self.points[i]), self.points.get(after)) {
            (Some(a), Some(b)) => a[1] + (b[1] - a[1]) * (t - a[0]) / (b[0] - a[0]),
            (Some(only), None) => only[1],
            (None, first) => first.map_or(1.0, |p| p[1]),
        }
    }

    fn name(&self) -> &'static str {
        "curve"
    }
}
