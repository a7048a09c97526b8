//! Power over time: the mean over samples of `1/2 |v(t, x_t)|^2` at the start of each step, with its
//! standard deviation. Its integral over time is the mean kinetic path energy.
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
use crate::observer::{Begin, Observer};
use crate::solver::Evaluation;

/// The power of all samples at one time.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct PowerPoint {
    /// Time.
    pub t: f64,
    /// Length of the step that starts there.
    pub dt: f64,
    /// Mean of `1/2 |v|^2`, with the gain applied.
    pub mean: f64,
    /// Standard deviation over samples.
    pub deviation: f64,
    /// Mean of `1/2 |v|^2` of the raw velocity.
    pub mean_raw: f64,
}

/// Watches the power at the start of each step.
#[derive(Debug, Clone, Default)]
pub struct PowerCurve {
    sums: Vec<Sums>,
    samples: usize,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    t: f64,
    dt: f64,
    first: f64,
    second: f64,
    raw: f64,
}

impl PowerCurve {
    /// The curve so far, one point a step.
    #[must_use]
    pub fn points(&self) -> Vec<PowerPoint> {
        let n = self.samples.max(1) as f64;
        let point = |s: &Sums| PowerPoint {
            t: s.t,
            dt: s.dt,
            mean: s.first / n,
            deviation: (s.second / n - (s.first / n).powi(2)).max(0.0).sqrt(),
            mean_raw: s.raw / n,
        };
        self.sums.iter().map(point).collect()
    }
}

impl Observer for PowerCurve {
    fn begin(&mut self, begin: &Begin<'_>) -> Result<(), Error> {
        self.samples += begin.x.len();
        Ok(())
    }

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
