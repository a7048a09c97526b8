//! Solvers: how to step. One file a method; all explicit Runge-Kutta methods share one stepper.

mod dopri5;
mod euler;
mod explicit_runge_kutta;
mod heun;
mod last_euler;
mod midpoint;
mod rk4;
mod tableau;

pub use dopri5::DOPRI5;
pub use euler::EULER;
pub use explicit_runge_kutta::ExplicitRungeKutta;
pub use heun::HEUN;
pub use last_euler::LastEuler;
pub use midpoint::MIDPOINT;
pub use rk4::RK4;
pub use tableau::Tableau;

use crate::batch::{Rows, RowsMut, Samples, Shape};
use crate::error::Error;
use crate::field::VelocityField;
use crate::gain::Gain;

/// A one-step method as a plain, immutable value.
pub trait Solver: Send + Sync {
    /// The method's name in specs.
    fn name(&self) -> &'static str;

    /// Order of convergence of the state.
    fn order(&self) -> u32;

    /// Evaluations of the field in one step taken on its own.
    fn stages(&self) -> u32;

    /// Whether the method estimates its own error, as adaptive stepping needs.
    fn adaptive(&self) -> bool {
        false
    }

    /// Whether a step that ends at `t = 1` evaluates the field there.
    fn evaluates_at_end(&self) -> bool;

    /// Working memory for a batch of `rows` states.
    fn start(&self, shape: &Shape, rows: usize) -> Box<dyn Stepper>;
}

/// One advance, as the run loop asks for it.
#[derive(Clone)]
pub struct Step<'a> {
    /// Number of the step, from 0; the same number again after a rejection.
    pub index: u64,
    /// Time at the start of the step.
    pub t: f64,
    /// Time at its end; before `t` when running from target to source.
    pub end: f64,
    /// Global indices of the rows.
    pub samples: Samples<'a>,
    /// The gain on the velocity, if any.
    pub gain: Option<&'a dyn Gain>,
}

impl Step<'_> {
    /// Length of the step; negative when running from target to source.
    #[must_use]
    pub fn dt(&self) -> f64 {
        self.end - self.t
    }

    /// The time a fraction `c` into the step, exact at both ends: a grid that ends at 1 is evaluated
    /// at 1, not at the nearest sum of a time and a difference.
    #[must_use]
    pub fn time(&self, c: f64) -> f64 {
        if c == 1.0 { self.end } else { self.t + c * self.dt() }
    }
}

/// A method at work on one batch.
pub trait Stepper: Send {
    /// Advances `x` by one step into `next`. Calling it again for the same `x` and another `end` (a
    /// rejected step) reuses the first evaluation.
    ///
    /// # Errors
    /// Whatever the field raises.
    fn step(
        &mut self,
        field: &dyn VelocityField,
        step: &Step<'_>,
        x: Rows<'_>,
        next: RowsMut<'_>,
    ) -> Result<(), Error>;

    /// The evaluations of the step just taken, in order. The loop asks only once a step is accepted.
    ///
    /// # Errors
    /// Whatever `seen` raises.
    fn evaluations(
        &self,
        seen: &mut dyn FnMut(&Evaluation<'_>) -> Result<(), Error>,
    ) -> Result<(), Error>;

    /// The local error estimate of the step just taken, one value an element of the state.
    fn local_error(&self) -> Option<Rows<'_>> {
        None
    }

    /// The step was accepted: what it evaluated at its end may serve as the next one's start.
    fn accept(&mut self) {}

    /// Field evaluations so far (each counts one, whatever the number of rows).
    fn evaluated(&self) -> u64;
}

/// One evaluation of the field inside an accepted step, before any gain.
#[derive(Debug, Clone)]
pub struct Evaluation<'a> {
    /// Number of the step.
    pub step: u64,
    /// Stage within the step, from 0; stage 0 is at the start of the step.
    pub stage: usize,
    /// Time of the evaluation.
    pub t: f64,
    /// Length of the step.
    pub dt: f64,
    /// Weight of this stage in the step: with it, `sum weight * f(v)` integrates `f` along the
    /// trajectory at the method's own order. Zero for stages that only estimate the error.
    pub weight: f64,
    /// The gain at this evaluation's own time (1 without a gain).
    pub gain: f64,
    /// The factor that `v` got in the step: the same as `gain` except under
    /// [`GainRule::Increment`](crate::gain::GainRule), where all stages share the mean.
    pub applied: f64,
    /// Global indices of the rows.
    pub samples: Samples<'a>,
    /// The velocity as the field gave it.
    pub v: Rows<'a>,
}
