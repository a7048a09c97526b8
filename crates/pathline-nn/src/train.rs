//! Training a velocity network on point sets by flow matching.
//!
//! Minimises `E |u_theta(t, x_t) - (x_1 - x_0)|^2 / d` over the pairs and times of
//! [`FlowData`]. Every draw is named by (seed, step, row) and every sum has a
//! fixed order, so a run depends on its settings alone: not on threads, nor on being interrupted.
//!
//! # References
//! Lipman et al. (2023), "Flow matching for generative modeling", arXiv:2210.02747, equation 9 (the
//! conditional loss and why its minimiser is the marginal field).

use std::ops::ControlFlow;

use pathline::field::Conditions;
use pathline::{At, Error, Samples, Seed, Times};

use crate::clock::Clock;
use crate::draw::{Examples, FlowData};
use crate::network::TrainingBatch;
use crate::optimiser::AdamW;
use crate::scratch::Scratch;
use crate::state::TrainingState;

/// Most rows of a batch: beyond it, the number is taken for a mistake.
pub(crate) const MOST_ROWS: usize = 1 << 24;

/// The settings of a training run.
///
/// # Examples
/// ```
/// use pathline_nn::FlowTraining;
/// let training: FlowTraining = serde_json::from_str(r#"{"steps": 500, "seed": 3}"#)?;
/// assert_eq!(training.batch, 256);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FlowTraining {
    /// Updates in the whole run; 5000.
    pub steps: u64,
    /// Rows of a batch, at least 1; 256.
    pub batch: usize,
    /// Names every draw; 0.
    pub seed: Seed,
    /// How times are drawn; uniform.
    #[serde(skip_serializing_if = "Clock::is_uniform")]
    pub clock: Clock,
    /// How gradients become steps.
    pub optimiser: AdamW,
}

impl Default for FlowTraining {
    fn default() -> Self {
        Self {
            steps: 5000,
            batch: 256,
            seed: Seed(0),
            clock: Clock::default(),
            optimiser: AdamW::default(),
        }
    }
}

impl FlowTraining {
    /// Fails unless every setting is in its range.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the setting.
    pub fn check(&self) -> Result<(), Error> {
        if !(1..=MOST_ROWS).contains(&self.batch) {
            let remedy = format!("must be from 1 to {MOST_ROWS}");
            return Err(Error::invalid("rows of a training batch", self.batch, remedy));
        }
        self.clock.check()?;
        self.optimiser.check()
    }
}

/// What one step did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Steps done, this one counted.
    pub step: u64,
    /// Steps of the whole run.
    pub steps: u64,
    /// Mean squared error of this step's batch, before its update.
    pub loss: f64,
    /// Global norm of the gradient before clipping.
    pub gradient_norm: f64,
    /// The learning rate used.
    pub learning_rate: f64,
}

/// Trains until the last step of the settings, or until `progress` breaks; the state can then be
/// saved, or given to this function again.
///
/// # Errors
/// From [`FlowData::check`]; from the pairing; [`Error::Invalid`] when the loss or the gradient
/// stops being finite. The state is then as it was after the last good step.
///
/// # Examples
/// ```
/// use std::ops::ControlFlow;
/// use pathline::{Batch, Seed, Shape};
/// use pathline_nn::{Activation, FlowData, FlowTraining, Mlp, MlpConfig, TrainingState, train};
///
/// let (shape, hidden) = (Shape::vector(1), vec![16]);
/// let config = MlpConfig { shape: shape.clone(), hidden, activation: Activation::Silu };
/// let training = FlowTraining { steps: 20, batch: 32, ..FlowTraining::default() };
/// let mut state = TrainingState::new(Box::new(Mlp::new(&config, Seed(1))?), training)?;
/// let target = Batch::from_vec(vec![-1.0, 1.0], shape)?;
/// let mut losses = Vec::new();
/// train(&mut state, &FlowData::from_noise(&target), &mut |progress| {
///     losses.push(progress.loss);
///     ControlFlow::Continue(())
/// })?;
/// assert_eq!((state.step(), losses.len()), (20, 20));
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn train(
    state: &mut TrainingState,
    data: &FlowData<'_>,
    progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<(), Error> {
    data.check(state.network.shape())?;
    let mut examples = Examples::new(state.training.batch, state.network.shape());
    let mut gradient = vec![0.0; state.network.parameters().len()];
    let mut scratch = Scratch::new();
    let clock = state.training.clock.clone();
    while state.step < state.training.steps {
        examples.draw(data, state.training.seed, state.step, &|stream| clock.draw(stream))?;
        let report = step(state, &examples, &mut gradient, &mut scratch)?;
        if progress(&report).is_break() {
            break;
        }
    }
    Ok(())
}

fn step(
    state: &mut TrainingState,
    examples: &Examples,
    gradient: &mut [f32],
    scratch: &mut Scratch,
) -> Result<Progress, Error> {
    let at = At {
        samples: Samples::first(examples.times.len()),
        t: Times::Each(&examples.times),
        x: examples.x.rows(),
    };
    let batch =
        TrainingBatch { at, conditions: &Conditions::None, target: examples.velocity.rows() };
    let loss = state.network.gradient(&batch, gradient, scratch)?;
    let k = state.step + 1;
    if !loss.is_finite() {
        let remedy = format!("stopped before update {k}: lower the learning rate, or set clip");
        return Err(Error::invalid("training loss", loss, remedy));
    }
    let steps = state.training.steps;
    let parameters = state.network.parameter_values_mut();
    let optimiser = &state.training.optimiser;
    let applied = optimiser.update((k, steps), gradient, parameters, &mut state.memory)?;
    state.step = k;
    Ok(Progress {
        step: k,
        steps,
        loss,
        gradient_norm: applied.gradient_norm,
        learning_rate: applied.learning_rate,
    })
}
