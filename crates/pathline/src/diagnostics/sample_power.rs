//! Power of every sample at every step, where a mean would hide what single trajectories do.
//!
//! A step from `t` to `t + dt` of a sample has the raw power `1/2 |v|^2` at its start and the effective one
//! `1/2 |gain v|^2`. `sum |dt| effective` is the sample's published energy ([`Energy::left`](super::Energy)).
//!
//! # References
//! "A kinetic energy perspective of flow matching" (2026), arXiv 2602.07928.
//!
//! # Not to be confused with
//! [`PowerCurve`](super::PowerCurve): its mean over samples, whose memory does not grow with them.

use crate::error::Error;
use crate::kernels::squared_norm;
use crate::observer::{Begin, Observer};
use crate::solver::Evaluation;

/// What one step of one sample costs.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct StepPower {
    /// Time at its start.
    pub t: f64,
    /// Its length; negative when running from target to source.
    pub dt: f64,
    /// `1/2 |v|^2`, with the gain applied.
    pub effective: f64,
    /// `1/2 |v|^2` of the raw velocity.
    pub raw: f64,
}

/// Keeps the power of every sample at every step: four numbers each. For fixed grids and adaptive runs.
///
/// # Examples
/// ```
/// use pathline::diagnostics::{SamplePower, cumulative};
/// use pathline::field::FunctionField;
/// use pathline::{Run, Seed, Shape, Source, TimeGrid, sample, solver::EULER};
/// let field = FunctionField::new(Shape::vector(1), "wind", |t, _, out| out[0] = 2.0 * t as f32);
/// let mut power = SamplePower::default();
/// sample(&field, &Source::new(Seed(0), 2), &Run::on(TimeGrid::uniform(2)?, &EULER), &mut power)?;
/// let first = &power.samples()[0];
/// assert_eq!(first.iter().map(|step| step.effective).collect::<Vec<_>>(), [0.0, 0.5]);
/// let so_far = cumulative(first.iter().map(|step| (step.t, step.dt, step.effective)));
/// assert_eq!(so_far, [[0.0, 0.0], [0.5, 0.0], [1.0, 0.25]]);
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct SamplePower {
    samples: Vec<Vec<StepPower>>,
    /// Where the chunk at work begins.
    first: usize,
}

impl SamplePower {
    /// The steps of each sample, in the order in which the run met them.
    #[must_use]
    pub fn samples(&self) -> &[Vec<StepPower>] {
        &self.samples
    }
}

impl Observer for SamplePower {
    fn begin(&mut self, begin: &Begin<'_>) -> Result<(), Error> {
        self.first = self.samples.len();
        self.samples.resize(self.first + begin.x.len(), Vec::new());
        Ok(())
    }

    fn evaluation(&mut self, e: &Evaluation<'_>) -> Result<(), Error> {
        if e.stage == 0 {
            for (steps, v) in self.samples[self.first..].iter_mut().zip(e.v.iter()) {
                let raw = 0.5 * squared_norm(v);
                let effective = raw * e.gain.powi(2);
                steps.push(StepPower { t: e.t, dt: e.dt, effective, raw });
            }
        }
        Ok(())
    }
}
