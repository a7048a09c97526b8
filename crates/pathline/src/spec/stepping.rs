//! Time grids and adaptive stepping as data.

use crate::clock::Clock;
use crate::error::Error;
use crate::integrate::{Adaptive, Stepping};
use crate::time_grid::TimeGrid;

/// Where a run steps, as data. `span` is `[start, end]`, by default `[0, 1]`.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum SteppingSpec {
    /// Equal steps.
    Uniform {
        /// Number of steps.
        steps: usize,
        /// Where the run starts and ends.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        span: Option<[f64; 2]>,
    },
    /// Equal steps bent by a shift, `t' = t / (a + (1 - a) t)`.
    Shifted {
        /// Number of steps.
        steps: usize,
        /// The shift `a`; above 1 more steps near the source.
        shift: f64,
        /// Where the run starts and ends.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        span: Option<[f64; 2]>,
    },
    /// `t_i = (i / n)^p`.
    Power {
        /// Number of steps.
        steps: usize,
        /// The exponent `p`.
        exponent: f64,
        /// Where the run starts and ends.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        span: Option<[f64; 2]>,
    },
    /// The quantiles of a clock, such as the one that training drew its times by.
    Clock {
        /// Number of steps.
        steps: usize,
        /// The clock.
        clock: Clock,
        /// Where the run starts and ends.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        span: Option<[f64; 2]>,
    },
    /// These times.
    Custom {
        /// At least two, strictly monotone, in `[0, 1]`.
        times: Vec<f64>,
    },
    /// Where the error estimate says.
    Adaptive {
        /// Relative tolerance, at least 1e-6.
        rtol: f64,
        /// Absolute tolerance.
        atol: f64,
        /// Evaluations after which the run ends early.
        #[serde(default = "default_budget")]
        max_evaluations: u64,
        /// Where the run starts and ends.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        span: Option<[f64; 2]>,
    },
}

fn default_budget() -> u64 {
    10_000
}

impl SteppingSpec {
    /// The stepping.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the number that is out of range.
    pub fn build(&self) -> Result<Stepping, Error> {
        let (grid, span) = match self {
            Self::Uniform { steps, span } => (TimeGrid::uniform(*steps)?, span),
            Self::Shifted { steps, shift, span } => (TimeGrid::shifted(*steps, *shift)?, span),
            Self::Power { steps, exponent, span } => (TimeGrid::power(*steps, *exponent)?, span),
            Self::Clock { steps, clock, span } => (clock.grid(*steps)?, span),
            Self::Custom { times } => (TimeGrid::custom(times.clone())?, &None),
            Self::Adaptive { rtol, atol, max_evaluations, span } => {
                let [start, end] = span.unwrap_or([0.0, 1.0]);
                let how = Adaptive::new(*rtol, *atol)?;
                let how = Adaptive { start, end, max_evaluations: *max_evaluations, ..how };
                return Ok(Stepping::Adaptive(how.checked()?));
            }
        };
        let grid = match span {
            None => grid,
            Some([start, end]) => grid.between(*start, *end)?,
        };
        Ok(Stepping::Grid(grid))
    }
}
