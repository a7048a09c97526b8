//! The loop over a fixed time grid.

use std::ops::Range;

use super::{DIVERGED, Run, check_finite};
use crate::batch::{Batch, Samples};
use crate::error::Error;
use crate::field::VelocityField;
use crate::observer::{Advance, Observer};
use crate::solver::Step;
use crate::time_grid::TimeGrid;
use crate::trajectory::{Outcome, Save, Trajectory};

pub(super) fn follow(
    field: &dyn VelocityField,
    start: Batch,
    samples: Range<u64>,
    run: &Run<'_>,
    (grid, observer): (&TimeGrid, &mut dyn Observer),
) -> Result<Trajectory, Error> {
    let mut stepper = run.solver.start(start.shape(), start.len());
    let mut keep = Keep::new(run.save, grid.start(), &start);
    let mut next = Batch::zeros(start.len(), start.shape().clone());
    let mut x = start;
    let (mut outcome, mut taken) = (Outcome::Completed {}, 0);
    let mut t = grid.start();
    for (index, pair) in grid.times().windows(2).enumerate() {
        let (from, end) = (pair[0], pair[1]);
        let rows = Samples::Range(samples.clone());
        let step = Step { index: index as u64, t: from, end, samples: rows, gain: run.gain };
        stepper.step(field, &step, x.rows(), next.rows_mut())?;
        check_finite(next.rows(), samples.start, end, DIVERGED)?;
        stepper.evaluations(&mut |evaluation| observer.evaluation(evaluation))?;
        let advance = Advance {
            step: step.index,
            t: from,
            end,
            samples: step.samples.clone(),
            x: x.rows(),
            next: next.rows(),
        };
        let flow = observer.step(&advance)?;
        stepper.accept();
        std::mem::swap(&mut x, &mut next);
        (t, taken) = (end, taken + 1);
        keep.step(end, &x);
        if flow.is_break() && t != grid.end() {
            outcome = Outcome::Stopped { t };
            break;
        }
    }
    Ok(keep.trajectory(samples, (grid.start(), t), x, outcome).costing(
        stepper.evaluated(),
        taken,
        0,
        0,
    ))
}

/// The saved states of a run under way.
pub(super) struct Keep {
    every: Option<u64>,
    taken: u64,
    times: Vec<f64>,
    states: Vec<Batch>,
}

impl Keep {
    pub(super) fn new(save: Save, t: f64, start: &Batch) -> Self {
        let every = match save {
            Save::End => None,
            Save::Every(n) => Some(n.max(1) as u64),
        };
        let (times, states) =
            if every.is_some() { (vec![t], vec![start.clone()]) } else { Default::default() };
        Self { every, taken: 0, times, states }
    }

    pub(super) fn step(&mut self, t: f64, x: &Batch) {
        self.taken += 1;
        if self.every.is_some_and(|n| self.taken.is_multiple_of(n)) {
            self.times.push(t);
            self.states.push(x.clone());
        }
    }

    pub(super) fn trajectory(
        mut self,
        samples: Range<u64>,
        (start, t): (f64, f64),
        end: Batch,
        outcome: Outcome,
    ) -> Trajectory {
        if self.every.is_some() && self.times.last() != Some(&t) {
            self.times.push(t);
            self.states.push(end.clone());
        }
        Trajectory {
            samples,
            start,
            t,
            times: self.times,
            states: self.states,
            end,
            outcome,
            evaluations: 0,
            steps: 0,
            rejected: 0,
            floored: 0,
        }
    }
}

impl Trajectory {
    pub(super) fn costing(self, evaluations: u64, steps: u64, rejected: u64, floored: u64) -> Self {
        Self { evaluations, steps, rejected, floored, ..self }
    }
}
