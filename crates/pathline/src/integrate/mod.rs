//! The loop: a field, a start and a run give a trajectory, while an observer watches.

mod adaptive;
mod fixed;
mod sample;

pub use adaptive::Adaptive;
pub use sample::{Source, sample};

use std::ops::Range;

use crate::batch::{Batch, Rows, Samples};
use crate::error::Error;
use crate::field::VelocityField;
use crate::gain::Gain;
use crate::observer::{Begin, Observer};
use crate::solver::Solver;
use crate::time_grid::TimeGrid;
use crate::trajectory::{Save, Trajectory};

/// Where a run steps.
#[derive(Debug, Clone, PartialEq)]
pub enum Stepping {
    /// On a fixed grid.
    Grid(TimeGrid),
    /// Where the solver's error estimate says.
    Adaptive(Adaptive),
}

impl Stepping {
    /// Where the run starts and ends.
    #[must_use]
    pub fn span(&self) -> (f64, f64) {
        match self {
            Self::Grid(grid) => (grid.start(), grid.end()),
            Self::Adaptive(adaptive) => (adaptive.start, adaptive.end),
        }
    }
}

/// Everything about a run but the field and where it starts.
#[derive(Clone)]
pub struct Run<'a> {
    /// How to step.
    pub solver: &'a dyn Solver,
    /// Where to step.
    pub stepping: Stepping,
    /// The factor on the velocity, if any.
    pub gain: Option<&'a dyn Gain>,
    /// Which states to keep.
    pub save: Save,
}

impl<'a> Run<'a> {
    /// A run on a fixed grid, without a gain, that keeps its end only.
    #[must_use]
    pub fn on(grid: TimeGrid, solver: &'a dyn Solver) -> Self {
        Self { solver, stepping: Stepping::Grid(grid), gain: None, save: Save::End }
    }
}

/// Follows `field` from `start`.
///
/// `samples` are the global indices of the rows of `start`. A fixed-grid run gives each row the same
/// bytes whatever other rows are present and however many threads work. An adaptive run takes one
/// step size for all rows, that of its worst row: it is as accurate for every sample as it would be
/// alone, but its bytes depend on the company.
///
/// # Errors
/// [`Error::NonFinite`] with the sample and the time when a state stops being finite;
/// [`Error::Singular`] when the solver would evaluate a field where it is not defined;
/// [`Error::Count`] and [`Error::Shape`] when the parts do not fit; whatever the field or the
/// observer raises.
///
/// # Examples
/// ```
/// use pathline::field::FunctionField;
/// use pathline::{Batch, Run, Shape, TimeGrid, integrate, solver::HEUN};
/// let field = FunctionField::new(Shape::vector(1), "decay", |_, x, out| out[0] = -x[0]);
/// let start = Batch::from_vec(vec![1.0], Shape::vector(1))?;
/// let run = Run::on(TimeGrid::uniform(100)?, &HEUN);
/// let trajectory = integrate(&field, start, 0..1, &run, &mut ())?;
/// assert!((trajectory.end.row(0)[0] - (-1.0_f32).exp()).abs() < 1e-5);
/// assert_eq!(trajectory.evaluations, 200);
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn integrate(
    field: &dyn VelocityField,
    start: Batch,
    samples: Range<u64>,
    run: &Run<'_>,
    observer: &mut dyn Observer,
) -> Result<Trajectory, Error> {
    Error::check_shape("start of the run", field.shape(), start.shape())?;
    Error::check_count("sample indices", start.len(), Samples::Range(samples.clone()).len())?;
    check_defined(field, run)?;
    let (t, _) = run.stepping.span();
    check_finite(start.rows(), samples.start, t, "the state it starts from is not finite")?;
    let steps = match &run.stepping {
        Stepping::Grid(grid) => Some(grid.len()),
        Stepping::Adaptive(_) => None,
    };
    let begin = Begin { samples: Samples::Range(samples.clone()), t, x: start.rows(), steps };
    observer.begin(&begin)?;
    let trajectory = match &run.stepping {
        Stepping::Grid(grid) => fixed::follow(field, start, samples, run, (grid, observer)),
        Stepping::Adaptive(how) => adaptive::follow(field, start, samples, run, (how, observer)),
    }?;
    observer.finish(&trajectory)?;
    Ok(trajectory)
}

/// Fails where a run would evaluate its field at an end of time at which the field is singular.
fn check_defined(field: &dyn VelocityField, run: &Run<'_>) -> Result<(), Error> {
    let (start, end) = run.stepping.span();
    for (t, singular) in [(0.0, field.singular_at_source()), (1.0, field.singular_at_target())] {
        let remedy = if start == t {
            "a run evaluates where it starts: start it a little inside"
        } else if end == t && run.solver.evaluates_at_end() {
            "use a solver that does not evaluate it there (euler, midpoint), let a step that ends at \
             1 be Euler's (last_euler), or end the run a little inside"
        } else {
            continue;
        };
        if singular {
            return Err(Error::Singular { what: "this field's velocity", t, remedy });
        }
    }
    Ok(())
}

const DIVERGED: &str = "the velocity grew without bound; use smaller steps, or end the run before \
                        the time at which the field blows up";

fn check_finite(x: Rows<'_>, first: u64, t: f64, cause: &'static str) -> Result<(), Error> {
    match x.iter().position(|row| row.iter().any(|v| !v.is_finite())) {
        None => Ok(()),
        Some(row) => Err(Error::NonFinite { sample: first + row as u64, t, cause }),
    }
}
