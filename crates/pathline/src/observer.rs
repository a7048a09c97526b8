//! Observers: they watch a run, may stop it, and never write to it.
//!
//! The loop pushes to its observers rather than letting them pull: a diagnostic then needs no state
//! of the solver, and its memory does not grow with the number of steps.

use std::ops::ControlFlow;

use crate::batch::{Rows, Samples};
use crate::error::Error;
use crate::solver::Evaluation;
use crate::trajectory::Trajectory;

/// The beginning of a run, or of one chunk of it.
#[derive(Debug, Clone)]
pub struct Begin<'a> {
    /// Global indices of the rows.
    pub samples: Samples<'a>,
    /// Time at which the run starts.
    pub t: f64,
    /// The states it starts from.
    pub x: Rows<'a>,
    /// Number of steps, when it is known beforehand.
    pub steps: Option<usize>,
}

/// One accepted step.
#[derive(Debug, Clone)]
pub struct Advance<'a> {
    /// Number of the step, from 0.
    pub step: u64,
    /// Time at its start.
    pub t: f64,
    /// Time at its end.
    pub end: f64,
    /// Global indices of the rows.
    pub samples: Samples<'a>,
    /// States at its start.
    pub x: Rows<'a>,
    /// States at its end.
    pub next: Rows<'a>,
}

/// Watches a run. Every method has a default that does nothing.
///
/// Chunks of one run come one after another, each with its own `begin` and `finish`; inside a chunk
/// rows keep their places.
pub trait Observer {
    /// A run, or a chunk of one, begins.
    ///
    /// # Errors
    /// Any; it ends the run.
    fn begin(&mut self, _: &Begin<'_>) -> Result<(), Error> {
        Ok(())
    }

    /// The field was evaluated within a step that has been accepted.
    ///
    /// # Errors
    /// Any; it ends the run.
    fn evaluation(&mut self, _: &Evaluation<'_>) -> Result<(), Error> {
        Ok(())
    }

    /// A step was accepted; `Break` ends the run in good order.
    ///
    /// # Errors
    /// Any; it ends the run.
    fn step(&mut self, _: &Advance<'_>) -> Result<ControlFlow<()>, Error> {
        Ok(ControlFlow::Continue(()))
    }

    /// The run, or the chunk, is over.
    ///
    /// # Errors
    /// Any; it ends the run.
    fn finish(&mut self, _: &Trajectory) -> Result<(), Error> {
        Ok(())
    }
}

/// Nobody watches.
impl Observer for () {}

/// Several observers, told in order. Any one of them can stop the run.
impl Observer for [&mut dyn Observer] {
    fn begin(&mut self, begin: &Begin<'_>) -> Result<(), Error> {
        self.iter_mut().try_for_each(|o| o.begin(begin))
    }

    fn evaluation(&mut self, evaluation: &Evaluation<'_>) -> Result<(), Error> {
        self.iter_mut().try_for_each(|o| o.evaluation(evaluation))
    }

    fn step(&mut self, advance: &Advance<'_>) -> Result<ControlFlow<()>, Error> {
        let mut flow = ControlFlow::Continue(());
        for observer in self.iter_mut() {
            if observer.step(advance)?.is_break() {
                flow = ControlFlow::Break(());
            }
        }
        Ok(flow)
    }

    fn finish(&mut self, trajectory: &Trajectory) -> Result<(), Error> {
        self.iter_mut().try_for_each(|o| o.finish(trajectory))
    }
}

/// Several observers in an array: `let mut all: [&mut dyn Observer; 2] = [&mut a, &mut b];`.
impl<const N: usize> Observer for [&mut dyn Observer; N] {
    fn begin(&mut self, begin: &Begin<'_>) -> Result<(), Error> {
        self.as_mut_slice().begin(begin)
    }

    fn evaluation(&mut self, evaluation: &Evaluation<'_>) -> Result<(), Error> {
        self.as_mut_slice().evaluation(evaluation)
    }

    fn step(&mut self, advance: &Advance<'_>) -> Result<ControlFlow<()>, Error> {
        self.as_mut_slice().step(advance)
    }

    fn finish(&mut self, trajectory: &Trajectory) -> Result<(), Error> {
        self.as_mut_slice().finish(trajectory)
    }
}
