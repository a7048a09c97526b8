//! Power over time: the mean over samples of `1/2 |v(t, x_t)|^2` at the start of each step, with its
//! standard deviation. Its left Riemann sum over time, `sum |dt| mean`, is the mean of the published
//! kinetic path energy ([`Energy::left`](super::Energy)).
//!
//! # References
//! "A kinetic energy perspective of flow matching" (2026), arXiv 2602.07928, the figures of
//! `|v(t)|^2` against `t` and of the cumulative energy. On the exact empirical field the mean power
//! never exceeds `1/2 E|x_1 - x_0|^2`: there is no terminal blow-up *on* its trajectories.
//!
//! # Not to be confused with
//! The energy of one sample, which is an integral over one trajectory.

use crate::error::Error;
use crate::kernels::squared_norm;
use crate::observer::Observer;
use crate::solver::Evaluation;

/// The power of the samples at one time.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct PowerPoint {
    /// Time.
    pub t: f64,
    /// Length of the step that starts there; negative when running from target to source.
    pub dt: f64,
    /// Mean of `1/2 |v|^2`, with the gain applied.
    pub mean: f64,
    /// Standard deviation over samples.
    pub deviation: f64,
    /// Mean of `1/2 |v|^2` of the raw velocity.
    pub mean_raw: f64,
}

/// Energy so far: the time at which each of some steps ends with `sum |dt| power` up to there, from the start of the
/// first on. Steps are `(t, dt, power)`, as a curve or a [sample](super::SamplePower) has them.
///
/// # Examples
/// ```
/// use pathline::diagnostics::cumulative;
/// assert_eq!(cumulative([(0.0, 0.5, 4.0), (0.5, 0.5, 2.0)]), [[0.0, 0.0], [0.5, 2.0], [1.0, 3.0]]);
/// assert!(cumulative([]).is_empty());
/// ```
#[must_use]
pub fn cumulative(steps: impl IntoIterator<Item = (f64, f64, f64)>) -> Vec<[f64; 2]> {
    let mut energy = 0.0;
    let mut so_far = Vec::new();
    for (t, dt, power) in steps {
        if so_far.is_empty() {
            so_far.push([t, 0.0]);
        }
        energy += dt.abs() * power;
        so_far.push([t + dt, energy]);
    }
    so_far
}

/// Watches the power at the start of each step, over all chunks of a run on one fixed grid (or over
/// one chunk of an adaptive run). Samples that a run stopped early count at the steps they reached.
///
/// # Examples
/// ```
/// use pathline::diagnostics::PowerCurve;
/// use pathline::field::FunctionField;
/// use pathline::{Run, Seed, Shape, Source, TimeGrid, sample, solver::EULER};
/// let field = FunctionField::new(Shape::vector(1), "wind", |t, _, out| out[0] = 2.0 * t as f32);
/// let mut power = PowerCurve::default();
/// sample(&field, &Source::new(Seed(0), 5), &Run::on(TimeGrid::uniform(2)?, &EULER), &mut power)?;
/// assert_eq!(power.points().iter().map(|p| p.mean).collect::<Vec<_>>(), [0.0, 0.5]);
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct PowerCurve {
    sums: Vec<Sums>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    t: f64,
    dt: f64,
    samples: usize,
    first: f64,
    second: f64,
    raw: f64,
}

impl PowerCurve {
    /// The curve so far, one point a step.
    #[must_use]
    pub fn points(&self) -> Vec<PowerPoint> {
        let point = |s: &Sums| {
            let n = s.samples.max(1) as f64;
            let mean = s.first / n;
            let deviation = (s.second / n - mean * mean).max(0.0).sqrt();
            PowerPoint { t: s.t, dt: s.dt, mean, deviation, mean_raw: s.raw / n }
        };
        self.sums.iter().map(point).collect()
    }
}

impl Observer for PowerCurve {
    fn evaluation(&mut self, e: &Evaluation<'_>) -> Result<(), Error> {
        if e.stage != 0 {
            return Ok(());
        }
        let step = e.step as usize;
        if step == self.sums.len() {
            self.sums.push(Sums { t: e.t, dt: e.dt, ..Sums::default() });
        }
        let Some(sums) = self.sums.get_mut(step).filter(|s| s.t == e.t) else {
            let remedy = "a power curve needs every chunk on the same fixed grid";
            return Err(Error::invalid("time of a step", e.t, remedy));
        };
        sums.samples += e.v.len();
        for v in e.v.iter() {
            let raw = 0.5 * squared_norm(v);
            let power = raw * e.gain.powi(2);
            sums.raw += raw;
            sums.first += power;
            sums.second += power * power;
        }
        Ok(())
    }
}
