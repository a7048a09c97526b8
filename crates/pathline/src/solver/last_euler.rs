//! A solver that takes Euler's step where a step ends at `t = 1`.
//!
//! Closed-form fields divide by `sigma_t`, which is 0 at `t = 1`. Methods that evaluate the end of a
//! step (Heun, RK4, Dopri5) cannot take their last step on such a field; Euler can, and lands on the
//! posterior mean. Heun with this wrapper is the "2 n - 1 evaluations" Heun of diffusers and EDM.
//!
//! # References
//! Karras et al. (2022), "Elucidating the Design Space of Diffusion-Based Generative Models",
//! algorithm 1, line 6: no correction when the next noise level is 0.

use super::{EULER, Evaluation, Solver, Step, Stepper};
use crate::batch::{Rows, RowsMut, Shape};
use crate::error::Error;
use crate::field::VelocityField;

/// `inner` everywhere but in a step that reaches `t = 1`.
///
/// # Examples
/// ```
/// use pathline::solver::{HEUN, LastEuler, Solver};
/// let solver = LastEuler { inner: &HEUN };
/// assert!(!solver.evaluates_at_end());
/// ```
#[derive(Clone, Copy)]
pub struct LastEuler {
    /// The method of all other steps.
    pub inner: &'static dyn Solver,
}

impl Solver for LastEuler {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn order(&self) -> u32 {
        self.inner.order()
    }

    fn stages(&self) -> u32 {
        self.inner.stages()
    }

    fn evaluates_at_end(&self) -> bool {
        false
    }

    fn start(&self, shape: &Shape, rows: usize) -> Box<dyn Stepper> {
        Box::new(LastEulerStepper {
            inner: self.inner.start(shape, rows),
            euler: EULER.start(shape, rows),
            at_end: false,
        })
    }
}

struct LastEulerStepper {
    inner: Box<dyn Stepper>,
    euler: Box<dyn Stepper>,
    at_end: bool,
}

impl LastEulerStepper {
    fn active(&self) -> &dyn Stepper {
        if self.at_end { self.euler.as_ref() } else { self.inner.as_ref() }
    }

    fn active_mut(&mut self) -> &mut dyn Stepper {
        if self.at_end { self.euler.as_mut() } else { self.inner.as_mut() }
    }
}

impl Stepper for LastEulerStepper {
    fn step(
        &mut self,
        field: &dyn VelocityField,
        step: &Step<'_>,
        x: Rows<'_>,
        next: RowsMut<'_>,
    ) -> Result<(), Error> {
        self.at_end = step.end >= 1.0;
        self.active_mut().step(field, step, x, next)
    }

    fn evaluations(
        &self,
        seen: &mut dyn FnMut(&Evaluation<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.active().evaluations(seen)
    }

    fn accept(&mut self) {
        self.active_mut().accept();
    }

    fn evaluated(&self) -> u64 {
        self.inner.evaluated() + self.euler.evaluated()
    }
}
