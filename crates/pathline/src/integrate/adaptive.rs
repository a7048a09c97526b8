//! The loop with an adaptive step: one step size for all rows, that of the worst row.
//!
//! The error of a row is `sqrt(mean_i (e_i / (atol + rtol max(|x_i|, |x'_i|)))^2)`; a step is accepted
//! when the largest over the rows is at most 1, and the next one is `0.9 error^(-1/order)` times as
//! long, between 0.2 and 10 times.
//!
//! # References
//! Hairer, Norsett and Wanner (1993), *Solving Ordinary Differential Equations I*, section II.4: the
//! norm, the controller, and the first step.

use std::ops::Range;

use super::fixed::Keep;
use super::{DIVERGED, Run, check_finite};
use crate::batch::{At, Batch, Rows, Samples, Times};
use crate::error::Error;
use crate::field::VelocityField;
use crate::observer::{Advance, Observer};
use crate::solver::Step;
use crate::trajectory::{Outcome, Trajectory};

const SAFETY: f64 = 0.9;
const SHRINK: f64 = 0.2;
const GROW: f64 = 10.0;

/// How an adaptive run chooses its steps.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adaptive {
    /// Where it starts.
    pub start: f64,
    /// Where it ends.
    pub end: f64,
    /// Relative tolerance, at least 1e-6: states are `f32`, and no step can be more exact than they.
    pub rtol: f64,
    /// Absolute tolerance, above 0.
    pub atol: f64,
    /// Evaluations after which the run ends with the state it has.
    pub max_evaluations: u64,
    /// The smallest step, at least 1e-9; a step of this size is taken whatever its error, and counted.
    pub min_step: f64,
}

impl Adaptive {
    /// From 0 to 1 with these tolerances, at most 10 000 evaluations, and no step below 1e-5.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a relative tolerance below 1e-6 or an absolute one that is not
    /// positive.
    pub fn new(rtol: f64, atol: f64) -> Result<Self, Error> {
        let how =
            Self { start: 0.0, end: 1.0, rtol, atol, max_evaluations: 10_000, min_step: 1e-5 };
        how.checked()
    }

    /// This value, once its numbers are found to be in range.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the number and its range.
    pub fn checked(self) -> Result<Self, Error> {
        if !(self.rtol.is_finite() && self.rtol >= 1e-6) {
            let remedy =
                "use at least 1e-6: states are 32-bit, and rounding would drown the estimate";
            return Err(Error::invalid("relative tolerance", self.rtol, remedy));
        }
        if !(self.atol.is_finite() && self.atol > 0.0) {
            return Err(Error::invalid("absolute tolerance", self.atol, "use a positive number"));
        }
        if !(self.min_step.is_finite() && self.min_step >= 1e-9) {
            let remedy = "use at least 1e-9: a shorter step changes no 32-bit state";
            return Err(Error::invalid("smallest step", self.min_step, remedy));
        }
        let inside = |t: f64| (0.0..=1.0).contains(&t);
        if !inside(self.start) || !inside(self.end) || self.start == self.end {
            let value = format!("{}..{}", self.start, self.end);
            return Err(Error::invalid("time span", value, "use two different times in [0, 1]"));
        }
        Ok(self)
    }
}

pub(super) fn follow(
    field: &dyn VelocityField,
    start: Batch,
    samples: Range<u64>,
    run: &Run<'_>,
    (how, observer): (&Adaptive, &mut dyn Observer),
) -> Result<Trajectory, Error> {
    let how = how.checked()?;
    if !run.solver.adaptive() {
        let remedy = "use dopri5, or a fixed time grid";
        return Err(Error::invalid("solver of an adaptive run", run.solver.name(), remedy));
    }
    let mut stepper = run.solver.start(start.shape(), start.len());
    let mut keep = Keep::new(run.save, how.start, &start);
    let (mut dt, first_cost) = first_step(field, &start, &samples, run, &how)?;
    let mut next = Batch::zeros(start.len(), start.shape().clone());
    let mut x = start;
    let (mut t, mut outcome) = (how.start, Outcome::Completed {});
    let (mut index, mut rejected, mut floored) = (0, 0, 0);
    let exponent = -1.0 / f64::from(run.solver.order());
    while t != how.end {
        if first_cost + stepper.evaluated() >= how.max_evaluations {
            outcome = Outcome::OutOfBudget { t };
            break;
        }
        let end = step_end(t, dt, how.end);
        let rows = Samples::Range(samples.clone());
        let step = Step { index, t, end, samples: rows, gain: run.gain };
        stepper.step(field, &step, x.rows(), next.rows_mut())?;
        let estimate = stepper.local_error().unwrap_or(Rows::new(&[], 1));
        let error = worst_error(estimate, x.rows(), next.rows(), &how);
        let factor = if error.is_finite() {
            (SAFETY * error.powf(exponent)).clamp(SHRINK, GROW)
        } else {
            SHRINK
        };
        // A step is `(t + dt) - t` long, which rounding can make longer than `dt`.
        let at_floor = (end - t).abs() <= how.min_step * (1.0 + 1e-9);
        if !(error <= 1.0 || at_floor) {
            rejected += 1;
            dt = ((end - t) * factor).abs().max(how.min_step) * (how.end - how.start).signum();
            continue;
        }
        check_finite(next.rows(), samples.start, end, DIVERGED)?;
        floored += u64::from(error > 1.0);
        stepper.evaluations(&mut |evaluation| observer.evaluation(evaluation))?;
        let samples = step.samples.clone();
        let advance = Advance { step: index, t, end, samples, x: x.rows(), next: next.rows() };
        let flow = observer.step(&advance)?;
        stepper.accept();
        std::mem::swap(&mut x, &mut next);
        dt = ((end - t) * factor).abs().max(how.min_step) * (how.end - how.start).signum();
        (t, index) = (end, index + 1);
        keep.step(end, &x);
        if flow.is_break() && t != how.end {
            outcome = Outcome::Stopped { t };
            break;
        }
    }
    let cost = first_cost + stepper.evaluated();
    Ok(keep.trajectory(samples, (how.start, t), x, outcome).costing(cost, index, rejected, floored))
}

/// Where a step of length `dt` ends: at the end of the run rather than just before it.
fn step_end(t: f64, dt: f64, end: f64) -> f64 {
    let left = end - t;
    if dt.abs() * 1.000_001 >= left.abs() { end } else { t + dt }
}

/// The largest scaled error over the rows; infinite when anything is not a number.
fn worst_error(error: Rows<'_>, x: Rows<'_>, next: Rows<'_>, how: &Adaptive) -> f64 {
    let row_error = |((error, x), next): ((&[f32], &[f32]), &[f32])| {
        let terms = error.iter().zip(x).zip(next).map(|((&e, &x), &next)| {
            let scale = how.atol + how.rtol * f64::from(x.abs().max(next.abs()));
            (f64::from(e) / scale).powi(2)
        });
        (terms.sum::<f64>() / error.len() as f64).sqrt()
    };
    let worst = error.iter().zip(x.iter()).zip(next.iter()).map(row_error);
    worst.fold(0.0, |a, b| if b.is_nan() { f64::INFINITY } else { f64::max(a, b) })
}

/// The first step, signed, and the evaluations it took (Hairer, Norsett and Wanner, II.4).
fn first_step(
    field: &dyn VelocityField,
    start: &Batch,
    samples: &Range<u64>,
    run: &Run<'_>,
    how: &Adaptive,
) -> Result<(f64, u64), Error> {
    let direction = (how.end - how.start).signum();
    let velocity = |x: &Batch, t: f64| -> Result<Batch, Error> {
        let mut v = Batch::zeros(x.len(), x.shape().clone());
        let samples = Samples::Range(samples.clone());
        field.velocity(&At { samples, t: Times::Shared(t), x: x.rows() }, v.rows_mut())?;
        let gain = run.gain.map_or(1.0, |g| g.at(t)) as f32;
        v.as_mut_slice().iter_mut().for_each(|v| *v *= gain);
        Ok(v)
    };
    let norm = |v: &Batch| worst_error(v.rows(), start.rows(), start.rows(), how);
    let v0 = velocity(start, how.start)?;
    let (d0, d1) = (norm(start), norm(&v0));
    let guess = if d0 < 1e-5 || d1 < 1e-5 { 1e-6 } else { 0.01 * d0 / d1 };
    let guess = guess.min((how.end - how.start).abs());
    let mut probe = start.clone();
    let scale = (direction * guess) as f32;
    for (x, v) in probe.as_mut_slice().iter_mut().zip(v0.as_slice()) {
        *x += scale * v;
    }
    let mut change = velocity(&probe, how.start + direction * guess)?;
    for (c, v) in change.as_mut_slice().iter_mut().zip(v0.as_slice()) {
        *c -= v;
    }
    let d2 = norm(&change) / guess;
    let largest = d1.max(d2);
    let order = f64::from(run.solver.order());
    let step = if largest <= 1e-15 {
        (guess * 1e-3).max(1e-6)
    } else {
        (0.01 / largest).powf(1.0 / order)
    };
    let step = step.min(100.0 * guess).max(how.min_step);
    Ok((direction * if step.is_finite() { step } else { how.min_step }, 2))
}
