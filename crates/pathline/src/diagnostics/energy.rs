//! Kinetic path energy of every sample, and its exact split into chord and bending.
//!
//! `E = 1/2 int_0^1 |v(t, x_t)|^2 dt`, over all coordinates, not divided by the dimension. Two
//! estimates are kept, because they answer different questions:
//! - *left Riemann*, `1/2 sum_i dt_i |v_i|^2` with the velocity at the start of each step: what the
//!   literature reports, whatever the solver;
//! - *quadrature*, `1/2 sum w_i |v_i|^2` with the solver's own stage weights: the energy at the
//!   solver's own order.
//!
//! Each comes for the raw velocity (as the field gave it) and the effective one (times the gain). Of
//! the effective quadrature, `chord = 1/2 |x_end - x_start|^2 / T` is what a straight line at constant
//! speed would have needed, and `bending = E - chord = 1/2 sum w_i |v_i - (x_end - x_start)/T|^2` the
//! rest; the identity is exact because the same weights that sum `|v|^2` sum `v` to the displacement.
//! `T` is the time covered, and where a run goes from target to source `v` is turned round, so that
//! energies are positive either way. Dopri5 has one negative weight, so that its bending can be below
//! zero by its own error; other solvers' cannot but for the rounding of 32-bit states, which thousands
//! of tiny steps add up (on a straight line of 4000 Euler steps, to 3e-5 of the energy).
//!
//! # References
//! "A kinetic energy perspective of flow matching" (2026), arXiv 2602.07928, section 3 (energy);
//! with a gain the authors report the effective one, and `early` and `late` split at `tau`.
//!
//! # Not to be confused with
//! The integral of `|v|^2` without the half, which closed-form tables often give, and Benamou and
//! Brenier's transport cost, which is the mean of that.

use std::ops::ControlFlow;

use crate::batch::Batch;
use crate::error::Error;
use crate::kernels::{squared_distance, squared_norm};
use crate::observer::{Advance, Begin, Observer};
use crate::solver::Evaluation;
use crate::trajectory::Trajectory;

/// The kinetic energies of one sample.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub struct Energy {
    /// Left Riemann sum, effective velocity: the published kinetic path energy.
    pub left: f64,
    /// Left Riemann sum, raw velocity.
    pub left_raw: f64,
    /// Part of `left` from steps that start before `tau`.
    pub early: f64,
    /// Part of `left` from steps that start at `tau` or later.
    pub late: f64,
    /// Part of `left_raw` from steps that start before `tau`.
    #[serde(default)]
    pub early_raw: f64,
    /// Part of `left_raw` from steps that start at `tau` or later.
    #[serde(default)]
    pub late_raw: f64,
    /// Quadrature at the solver's order, effective velocity: `chord + bending`.
    pub quadrature: f64,
    /// Quadrature at the solver's order, raw velocity.
    pub quadrature_raw: f64,
    /// `1/2 |x_end - x_start|^2 / T`.
    pub chord: f64,
    /// `quadrature - chord`.
    pub bending: f64,
    /// `sum_k |x_{k+1} - x_k|`.
    pub path_length: f64,
    /// `|x_end - x_start|`.
    pub chord_length: f64,
}

impl Energy {
    /// Path length over chord length: 1 for a straight trajectory. `None` when the sample ended where
    /// it started.
    #[must_use]
    pub fn straightness(&self) -> Option<f64> {
        (self.chord_length > 0.0).then(|| self.path_length / self.chord_length)
    }
}

/// Watches the kinetic energy of every sample of a run.
///
/// # Examples
/// ```
/// use pathline::diagnostics::KineticEnergy;
/// use pathline::field::FunctionField;
/// use pathline::{Run, Seed, Shape, Source, TimeGrid, sample, solver::EULER};
/// let field = FunctionField::new(Shape::vector(2), "wind", |_, _, out| out.copy_from_slice(&[3.0, 4.0]));
/// let mut energy = KineticEnergy::new();
/// let run = Run::on(TimeGrid::uniform(4)?, &EULER);
/// sample(&field, &Source::new(Seed(0), 1), &run, &mut energy)?;
/// assert_eq!(energy.samples()[0].left, 12.5);
/// assert!(energy.samples()[0].bending.abs() < 1e-5);
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct KineticEnergy {
    tau: f64,
    done: Vec<Energy>,
    /// Start of the chunk at work, and where its first row stands in `done`.
    chunk: Option<(Batch, usize)>,
    start: f64,
}

impl Default for KineticEnergy {
    fn default() -> Self {
        Self::new()
    }
}

impl KineticEnergy {
    /// Splits early from late at `tau = 0.6`, where kinetic trajectory shaping does.
    #[must_use]
    pub fn new() -> Self {
        Self::split_at(0.6)
    }

    /// Splits early from late at `tau`.
    #[must_use]
    pub fn split_at(tau: f64) -> Self {
        Self { tau, done: Vec::new(), chunk: None, start: 0.0 }
    }

    /// The energies, sample after sample, in the order in which the run met them.
    #[must_use]
    pub fn samples(&self) -> &[Energy] {
        &self.done
    }
}

impl Observer for KineticEnergy {
    fn begin(&mut self, begin: &Begin<'_>) -> Result<(), Error> {
        let width = begin.x.width();
        let start = Batch::from_vec(begin.x.as_slice().to_vec(), crate::Shape::vector(width))?;
        self.chunk = Some((start, self.done.len()));
        self.start = begin.t;
        self.done.resize(self.done.len() + begin.x.len(), Energy::default());
        Ok(())
    }

    fn evaluation(&mut self, e: &Evaluation<'_>) -> Result<(), Error> {
        let first = self.chunk.as_ref().map_or(0, |c| c.1);
        for (energy, v) in self.done[first..].iter_mut().zip(e.v.iter()) {
            let half = 0.5 * squared_norm(v);
            // Energy is positive also where a run goes from target to source.
            let weight = e.weight * e.dt.signum();
            energy.quadrature_raw += weight * half;
            energy.quadrature += weight * half * e.applied.powi(2);
            if e.stage == 0 {
                let raw = e.dt.abs() * half;
                let effective = raw * e.gain.powi(2);
                energy.left_raw += raw;
                energy.left += effective;
                let (part, part_raw) = if e.t < self.tau {
                    (&mut energy.early, &mut energy.early_raw)
                } else {
                    (&mut energy.late, &mut energy.late_raw)
                };
                *part += effective;
                *part_raw += raw;
            }
        }
        Ok(())
    }

    fn step(&mut self, advance: &Advance<'_>) -> Result<ControlFlow<()>, Error> {
        let first = self.chunk.as_ref().map_or(0, |c| c.1);
        let moved = advance.x.iter().zip(advance.next.iter());
        for (energy, (x, next)) in self.done[first..].iter_mut().zip(moved) {
            energy.path_length += squared_distance(x, next).sqrt();
        }
        Ok(ControlFlow::Continue(()))
    }

    fn finish(&mut self, trajectory: &Trajectory) -> Result<(), Error> {
        let Some((start, first)) = self.chunk.take() else { return Ok(()) };
        let span = (trajectory.t - self.start).abs();
        let ends = start.rows().iter().zip(trajectory.end.rows().iter());
        for (energy, (x0, x1)) in self.done[first..].iter_mut().zip(ends) {
            let squared = squared_distance(x0, x1);
            energy.chord_length = squared.sqrt();
            energy.chord = if span > 0.0 { 0.5 * squared / span } else { 0.0 };
            energy.bending = energy.quadrature - energy.chord;
        }
        Ok(())
    }
}
