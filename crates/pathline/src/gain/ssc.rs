//! The scale schedule corrector: `gamma(t) = 1 + strength * shape(t)`, larger early than late.
//!
//! The shapes, each with unit area over `[0, 1]` before the strength:
//! - linear: `2 (1 - t)`; the published constants (1.1 at the start, 1.0 at the end) are area 0.05;
//! - cosine: `1 + cos(pi t)`;
//! - quad-in: `3/2 (1 - t^2)`, slow to decay, "sustained";
//! - quad-out: `3 (1 - t)^2`, quick to decay.
//!
//! Shapes are compared at equal area. On a coarse grid the left Riemann area differs from the
//! integral (at 10 steps and 0.05: quad-in .0536, linear .0550, quad-out .0577), which would compare
//! strengths, not shapes; so the area is normalised on the grid that is used.
//!
//! # References
//! "Velocity Deficit in Flow Matching" (2026), arXiv 2605.14819. The paper names the shapes; their
//! formulas are inferred from its equal-area figure (the other reading of "quad in", `(1 - t)^2`,
//! contradicts its "sustained"), so both carry explicit formulas here.
//!
//! # Not to be confused with
//! Kinetic trajectory shaping, which also lowers the velocity near the target.

use super::Gain;
use crate::error::Error;
use crate::time_grid::TimeGrid;

/// How the corrector's excess decays from source to target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SscShape {
    /// `2 (1 - t)`.
    Linear,
    /// `1 + cos(pi t)`.
    Cosine,
    /// `3/2 (1 - t^2)`.
    QuadIn,
    /// `3 (1 - t)^2`.
    QuadOut,
}

impl SscShape {
    /// Every shape.
    pub const ALL: [Self; 4] = [Self::Linear, Self::Cosine, Self::QuadIn, Self::QuadOut];

    /// The shape at `t`, with unit area over `[0, 1]`.
    #[must_use]
    pub fn at(self, t: f64) -> f64 {
        match self {
            Self::Linear => 2.0 * (1.0 - t),
            Self::Cosine => 1.0 + libm::cos(std::f64::consts::PI * t),
            Self::QuadIn => 1.5 * (1.0 - t * t),
            Self::QuadOut => 3.0 * (1.0 - t) * (1.0 - t),
        }
    }
}

/// A scale schedule corrector with a given area on a given grid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ssc {
    shape: SscShape,
    strength: f64,
}

impl Ssc {
    /// The corrector whose excess `gamma - 1`, as a left Riemann sum over `grid`, is exactly `area`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the area is not finite, the gain would be negative somewhere, or the
    /// shape has no area on this grid (one step back from 1).
    ///
    /// # Examples
    /// ```
    /// use pathline::gain::{Ssc, SscShape, realised_mean};
    /// use pathline::TimeGrid;
    /// let grid = TimeGrid::uniform(10)?;
    /// let ssc = Ssc::on(&grid, SscShape::QuadIn, 0.05)?;
    /// assert!((realised_mean(&ssc, &grid) - 1.05).abs() < 1e-12);
    /// # Ok::<(), pathline::Error>(())
    /// ```
    pub fn on(grid: &TimeGrid, shape: SscShape, area: f64) -> Result<Self, Error> {
        if !area.is_finite() {
            return Err(Error::invalid(
                "corrector area",
                area,
                "use a finite number, such as 0.05",
            ));
        }
        let on_grid: f64 = grid.steps().map(|(t, dt)| shape.at(t) * dt.abs()).sum();
        if on_grid <= 0.0 {
            let remedy = "no step of this grid starts where the shape is above 0: use more steps";
            return Err(Error::invalid("corrector's own area on the grid", on_grid, remedy));
        }
        let corrector = Self { shape, strength: area / on_grid };
        super::check_positive(&corrector, grid)?;
        Ok(corrector)
    }
}

impl Gain for Ssc {
    fn at(&self, t: f64) -> f64 {
        1.0 + self.strength * self.shape.at(t)
    }

    fn name(&self) -> &'static str {
        "ssc"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gain::realised_mean;

    #[test]
    fn every_shape_has_unit_area() {
        let n = 100_000;
        for shape in SscShape::ALL {
            let middle = |i: usize| (i as f64 + 0.5) / f64::from(n);
            let area: f64 =
                (0..n as usize).map(|i| shape.at(middle(i))).sum::<f64>() / f64::from(n);
            assert!((area - 1.0).abs() < 1e-9, "{shape:?} {area}");
        }
    }

    #[test]
    fn the_area_is_that_of_the_grid_used() {
        for grid in [TimeGrid::uniform(10).unwrap(), TimeGrid::shifted(7, 3.0).unwrap()] {
            for shape in SscShape::ALL {
                let ssc = Ssc::on(&grid, shape, 0.05).unwrap();
                assert!((realised_mean(&ssc, &grid) - 1.05).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn without_normalising_the_areas_differ_as_the_docs_say() {
        let grid = TimeGrid::uniform(10).unwrap();
        let area = |s: SscShape| 0.05 * grid.steps().map(|(t, dt)| s.at(t) * dt).sum::<f64>();
        assert!((area(SscShape::QuadIn) - 0.0536).abs() < 1e-4);
        assert!((area(SscShape::Linear) - 0.0550).abs() < 1e-4);
        assert!((area(SscShape::QuadOut) - 0.0577).abs() < 1e-4);
    }

    #[test]
    fn a_fine_grid_gives_the_published_constants() {
        let ssc = Ssc::on(&TimeGrid::uniform(100_000).unwrap(), SscShape::Linear, 0.05).unwrap();
        assert!((ssc.at(0.0) - 1.1).abs() < 1e-4);
        assert!((ssc.at(1.0) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn an_area_that_turns_the_velocity_round_is_refused() {
        let grid = TimeGrid::uniform(10).unwrap();
        assert!(Ssc::on(&grid, SscShape::QuadOut, -0.5).is_err());
        assert!(Ssc::on(&grid, SscShape::Linear, f64::NAN).is_err());
        let back = TimeGrid::custom(vec![1.0, 0.0]).unwrap();
        let message = Ssc::on(&back, SscShape::Linear, 0.05).unwrap_err().to_string();
        assert!(message.contains("more steps"), "{message}");
    }
}
