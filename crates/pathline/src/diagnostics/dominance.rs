//! Posterior dominance: how far each state of a run is committed to one data point.
//!
//! At the start of each step an empirical field is asked for the posterior weights
//! `w_i(x) = softmax_i( -|x - alpha x_i|^2 / (2 sigma^2) )` of every state, whatever field the run follows.
//! Per time: the largest weight and the entropy `-sum w_i ln w_i`, from `ln n` at `t = 0` (where the state
//! says nothing) to 0 (where one point is certain), with their spread over samples. Per sample: the
//! *commitment time*, the first step from which one and the same point keeps more than a threshold of
//! the weight for the rest of the run.
//!
//! Where dominance holds, the empirical field has memorised; controls that take it for the variance of
//! good data belong where the mean largest weight is below a tenth.
//!
//! # References
//! "A kinetic energy perspective of flow matching" (2026), arXiv 2602.07928, on posterior dominance;
//! Biroli et al. (2024), "Dynamical regimes of diffusion models" (collapse onto one data point).
//!
//! # Not to be confused with
//! The time at which the *class* of a sample is decided, which comes earlier.

use std::ops::ControlFlow;

use crate::batch::{At, Batch, Rows, Samples, Times};
use crate::error::Error;
use crate::field::{EmpiricalField, Posterior};
use crate::observer::{Advance, Begin, Observer};
use crate::statistics::quantile;

/// The spread of a quantity over samples.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Spread {
    /// Mean.
    pub mean: f64,
    /// Smallest.
    pub least: f64,
    /// Lower quartile.
    pub lower: f64,
    /// Median.
    pub median: f64,
    /// Upper quartile.
    pub upper: f64,
    /// Largest.
    pub most: f64,
}

/// The posteriors of all samples at one time.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct DominancePoint {
    /// Time.
    pub t: f64,
    /// Number of samples.
    pub samples: usize,
    /// The largest weight, in `(0, 1]`.
    pub max_weight: Spread,
    /// Entropy of the weights, in nats.
    pub entropy: Spread,
}

/// When a sample was committed, and to what.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Commitment {
    /// Start of the first step from which the point kept its weight.
    pub t: f64,
    /// The data point, as a row of the data that the field was made from.
    pub point: usize,
}

/// Watches the posterior along a run on one fixed grid, over all chunks (or over one chunk of an
/// adaptive run). Keeps 16 bytes a sample and step, for the quantiles.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use pathline::diagnostics::Dominance;
/// use pathline::field::EmpiricalField;
/// use pathline::{Batch, Run, Seed, Shape, Source, TimeGrid, sample, schedule::CondOt, solver::EULER};
/// let points = Batch::from_vec(vec![-1.0, 1.0], Shape::vector(1))?;
/// let field = EmpiricalField::new(&points, Arc::new(CondOt))?;
/// let mut dominance = Dominance::new(field.clone(), 0.9)?;
/// sample(&field, &Source::new(Seed(0), 9), &Run::on(TimeGrid::uniform(50)?, &EULER), &mut dominance)?;
/// let curve = dominance.points()?;
/// assert!((curve[0].entropy.mean - 2.0_f64.ln()).abs() < 1e-12);
/// assert!(curve[49].max_weight.least > 0.999);
/// assert!(dominance.commitments().iter().all(Option::is_some));
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Dominance {
    field: EmpiricalField,
    threshold: f64,
    steps: Vec<Seen>,
    commitments: Vec<Option<Commitment>>,
    /// Where the first row of the chunk at work stands in `commitments`.
    first: usize,
}

#[derive(Debug, Clone, Default)]
struct Seen {
    t: f64,
    max_weights: Vec<f64>,
    entropies: Vec<f64>,
}

impl Dominance {
    /// Asks `field` for posteriors, and calls a sample committed above `threshold` (usually 0.9).
    ///
    /// # Errors
    /// [`Error::Invalid`] when the threshold is not in `[0.5, 1)`: below, two points could both have it.
    pub fn new(field: EmpiricalField, threshold: f64) -> Result<Self, Error> {
        if !(0.5..1.0).contains(&threshold) {
            let remedy = "give a weight from 0.5 to below 1, such as 0.9";
            return Err(Error::invalid("threshold of dominance", threshold, remedy));
        }
        Ok(Self { field, threshold, steps: Vec::new(), commitments: Vec::new(), first: 0 })
    }

    /// That of a run whose states were saved, one batch a time: `samples` are their global indices. Times at which
    /// `sigma_t = 0`, where every state is a data point, are left out.
    ///
    /// # Errors
    /// As [`Dominance::new`]; [`Error::Count`] for states of another width than the field's.
    pub fn of_states(
        field: EmpiricalField,
        threshold: f64,
        samples: &[u64],
        states: &[(f64, &Batch)],
    ) -> Result<Self, Error> {
        let mut found = Self::new(field, threshold)?;
        found.commitments.resize(samples.len(), None);
        for &(t, x) in states {
            if found.field.schedule().at(t).sigma > 0.0 {
                found.see(found.steps.len(), t, Samples::List(samples), x.rows())?;
            }
        }
        Ok(found)
    }

    /// The curve so far, one point a step.
    ///
    /// # Errors
    /// None in practice: those of quantiles of nothing.
    pub fn points(&self) -> Result<Vec<DominancePoint>, Error> {
        let point = |seen: &Seen| {
            Ok(DominancePoint {
                t: seen.t,
                samples: seen.entropies.len(),
                max_weight: spread(&seen.max_weights)?,
                entropy: spread(&seen.entropies)?,
            })
        };
        self.steps.iter().map(point).collect()
    }

    /// The commitment of each sample, in the order in which the run met them; `None` where none held
    /// at the start of the last step.
    #[must_use]
    pub fn commitments(&self) -> &[Option<Commitment>] {
        &self.commitments
    }

    /// Takes in the states of a chunk at the start of step number `step`.
    fn see(&mut self, step: usize, t: f64, samples: Samples<'_>, x: Rows<'_>) -> Result<(), Error> {
        let posteriors = self.field.posterior(&At::new(samples, Times::Shared(t), x)?)?;
        if step == self.steps.len() {
            self.steps.push(Seen { t, ..Seen::default() });
        }
        let Some(seen) = self.steps.get_mut(step).filter(|seen| seen.t == t) else {
            let remedy = "dominance needs every chunk on the same fixed grid";
            return Err(Error::invalid("time of a step", t, remedy));
        };
        seen.max_weights.extend(posteriors.iter().map(|p| p.max_weight));
        seen.entropies.extend(posteriors.iter().map(|p| p.entropy));
        self.commit(t, &posteriors);
        Ok(())
    }

    fn commit(&mut self, t: f64, posteriors: &[Posterior]) {
        for (commitment, posterior) in self.commitments[self.first..].iter_mut().zip(posteriors) {
            let point = posterior.heaviest;
            let holds = posterior.max_weight > self.threshold;
            match commitment {
                Some(before) if holds && before.point == point => {}
                _ => *commitment = holds.then_some(Commitment { t, point }),
            }
        }
    }
}

impl Observer for Dominance {
    fn begin(&mut self, begin: &Begin<'_>) -> Result<(), Error> {
        self.first = self.commitments.len();
        self.commitments.resize(self.first + begin.x.len(), None);
        Ok(())
    }

    fn step(&mut self, advance: &Advance<'_>) -> Result<ControlFlow<()>, Error> {
        self.see(advance.step as usize, advance.t, advance.samples.clone(), advance.x)?;
        Ok(ControlFlow::Continue(()))
    }
}

fn spread(values: &[f64]) -> Result<Spread, Error> {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let [least, lower, median, upper, most] = [0.0, 0.25, 0.5, 0.75, 1.0];
    let at = |p: f64| quantile(values, p);
    Ok(Spread {
        mean,
        least: at(least)?,
        lower: at(lower)?,
        median: at(median)?,
        upper: at(upper)?,
        most: at(most)?,
    })
}
