//! The stepper that every explicit Runge-Kutta method shares.

use super::{Evaluation, Solver, Step, Stepper, Tableau};
use crate::batch::{At, Rows, RowsMut, Samples, Shape, Times};
use crate::error::Error;
use crate::field::VelocityField;
use crate::gain::GainRule;
use crate::kernels::add_scaled;

/// An explicit Runge-Kutta method as a plain value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExplicitRungeKutta {
    /// The method's name in specs.
    pub name: &'static str,
    /// Order of convergence.
    pub order: u32,
    /// Its coefficients.
    pub tableau: Tableau,
    /// What [`GainRule::Published`] means for this method.
    pub published_gain_rule: GainRule,
}

impl Solver for ExplicitRungeKutta {
    fn name(&self) -> &'static str {
        self.name
    }

    fn order(&self) -> u32 {
        self.order
    }

    fn stages(&self) -> u32 {
        self.tableau.stages() as u32
    }

    fn adaptive(&self) -> bool {
        self.tableau.b_embedded.is_some()
    }

    fn evaluates_at_end(&self) -> bool {
        self.tableau.c.contains(&1.0)
    }

    fn start(&self, shape: &Shape, rows: usize) -> Box<dyn Stepper> {
        let width = shape.elements();
        let stages = self.tableau.stages();
        let error = if self.adaptive() { rows * width } else { 0 };
        let inner = if stages > 1 { rows * width } else { 0 };
        Box::new(RungeKuttaStepper {
            method: *self,
            width,
            velocities: vec![vec![0.0; rows * width]; stages],
            gains: vec![1.0; stages],
            applied: vec![1.0; stages],
            weights: Vec::with_capacity(stages),
            inner: vec![0.0; inner],
            error: vec![0.0; error],
            times: vec![0.0; stages],
            step: (0, 0.0),
            samples: Vec::new(),
            first_ready: false,
            evaluated: 0,
        })
    }
}

struct RungeKuttaStepper {
    method: ExplicitRungeKutta,
    width: usize,
    /// Raw velocity of each stage.
    velocities: Vec<Vec<f32>>,
    /// The gain at each stage's time.
    gains: Vec<f64>,
    /// The factor each stage's velocity got in the step.
    applied: Vec<f64>,
    /// What each stage's velocity is multiplied with in a combination.
    weights: Vec<f64>,
    /// The state of the stage at work.
    inner: Vec<f32>,
    error: Vec<f32>,
    /// The time of each stage.
    times: Vec<f64>,
    /// Index and length of the last step.
    step: (u64, f64),
    samples: Vec<u64>,
    /// Whether stage 0 already holds the velocity at the start of the coming step.
    first_ready: bool,
    evaluated: u64,
}

/// Writes the factor on each stage's velocity in a combination with these weights.
fn write_factors(rule: GainRule, gains: &[f64], weights: &[f64], factors: &mut Vec<f64>) {
    factors.clear();
    if rule != GainRule::Increment {
        return factors.extend_from_slice(&gains[..weights.len()]);
    }
    let total: f64 = weights.iter().sum();
    let mean = weights.iter().zip(gains).map(|(w, g)| w * g).sum::<f64>() / total;
    factors.resize(weights.len(), if total == 0.0 { 1.0 } else { mean });
}

impl RungeKuttaStepper {
    fn rule(&self, step: &Step<'_>) -> GainRule {
        match step.gain.map(crate::gain::Gain::rule) {
            None => GainRule::Field,
            Some(GainRule::Published) => self.method.published_gain_rule,
            Some(rule) => rule,
        }
    }

    fn evaluate(
        &mut self,
        field: &dyn VelocityField,
        step: &Step<'_>,
        stage: usize,
        x: Rows<'_>,
    ) -> Result<(), Error> {
        let t = step.time(self.method.tableau.c[stage]);
        self.times[stage] = t;
        self.gains[stage] = step.gain.map_or(1.0, |g| g.at(t));
        if stage == 0 && self.first_ready {
            return Ok(());
        }
        let at = At { samples: step.samples.clone(), t: Times::Shared(t), x };
        field.velocity(&at, RowsMut::new(&mut self.velocities[stage], self.width))?;
        self.evaluated += 1;
        self.first_ready |= stage == 0;
        Ok(())
    }

    /// The weight of each stage's velocity, `dt weights_j applied_j`.
    fn weigh(&mut self, dt: f64, weights: impl Iterator<Item = f64>) {
        self.weights.clear();
        self.weights.extend(weights.zip(&self.applied).map(|(w, f)| dt * w * f));
    }
}

impl Stepper for RungeKuttaStepper {
    fn step(
        &mut self,
        field: &dyn VelocityField,
        step: &Step<'_>,
        x: Rows<'_>,
        mut next: RowsMut<'_>,
    ) -> Result<(), Error> {
        Error::check_count("rows of the batch", self.velocities[0].len(), x.as_slice().len())?;
        let dt = step.dt();
        self.step = (step.index, dt);
        self.samples.clear();
        self.samples.extend(step.samples.iter());
        let (rule, tableau) = (self.rule(step), self.method.tableau);
        self.evaluate(field, step, 0, x)?;
        for stage in 1..tableau.stages() {
            let weights = tableau.a[stage];
            write_factors(rule, &self.gains, weights, &mut self.applied);
            self.weigh(dt, weights.iter().copied());
            let mut inner = std::mem::take(&mut self.inner);
            add_scaled(x.as_slice(), &self.weights, &self.velocities, &mut inner);
            let outcome = self.evaluate(field, step, stage, Rows::new(&inner, self.width));
            self.inner = inner;
            outcome?;
        }
        write_factors(rule, &self.gains, tableau.b, &mut self.applied);
        self.weigh(dt, tableau.b.iter().copied());
        add_scaled(x.as_slice(), &self.weights, &self.velocities, next.as_mut_slice());
        if let Some(embedded) = tableau.b_embedded {
            self.weigh(dt, tableau.b.iter().zip(embedded).map(|(b, e)| b - e));
            let mut error = std::mem::take(&mut self.error);
            // The stages are done: their buffer serves as the zero that the estimate is added to.
            self.inner.fill(0.0);
            add_scaled(&self.inner, &self.weights, &self.velocities, &mut error);
            self.error = error;
        }
        Ok(())
    }

    fn evaluations(
        &self,
        seen: &mut dyn FnMut(&Evaluation<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let (index, dt) = self.step;
        let tableau = self.method.tableau;
        for stage in 0..tableau.stages() {
            seen(&Evaluation {
                step: index,
                stage,
                t: self.times[stage],
                dt,
                weight: dt * tableau.b[stage],
                gain: self.gains[stage],
                applied: self.applied[stage],
                samples: Samples::List(&self.samples),
                v: Rows::new(&self.velocities[stage], self.width),
            })?;
        }
        Ok(())
    }

    fn local_error(&self) -> Option<Rows<'_>> {
        self.method.tableau.b_embedded.map(|_| Rows::new(&self.error, self.width))
    }

    fn accept(&mut self) {
        self.first_ready = self.method.tableau.first_same_as_last();
        if self.first_ready {
            let last = self.velocities.len() - 1;
            self.velocities.swap(0, last);
        }
    }

    fn evaluated(&self) -> u64 {
        self.evaluated
    }
}
