//! Training a velocity network on point sets by flow matching.
//!
//! Minimises `E |u_theta(t, x_t) - (x_1 - x_0)|^2 / d` over the pairs and times of [`FlowData`], or the
//! loss of another [output](crate::Output), [weighting](crate::Weighting) or with a
//! [magnitude term](crate::Magnitude). Every draw is named by (seed, step, row) and every sum has a
//! fixed order, so a run depends on its settings alone: not on threads, nor on being interrupted.
//!
//! # References
//! Lipman et al. (2023), "Flow matching for generative modeling", arXiv:2210.02747, equation 9 (the
//! conditional loss and why its minimiser is the marginal field).

use std::ops::ControlFlow;

use pathline::seed::Stream;
use pathline::{Clock, Error, Seed};

use crate::draw::FlowData;
use crate::examples::{Draw, Dropout, Examples};
use crate::magnitude::Magnitude;
use crate::network::Network;
use crate::objective::Objective;
use crate::optimiser::AdamW;
use crate::output::Output;
use crate::scratch::Scratch;
use crate::state::TrainingState;
use crate::weighting::Weighting;
use pathline::kernels::ProductPrecision;

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
    /// Rows of an update, at least 1; 256.
    pub batch: usize,
    /// Groups that those rows go through the network in, one after another, from 1 to `batch`; 1. More groups take
    /// less memory, down to that of one of the (up to 16) parts that a batch is cut into by its size; what is learnt
    /// has the same bytes for any number of them.
    pub accumulate: usize,
    /// Names every draw; 0.
    pub seed: Seed,
    /// How times are drawn; uniform.
    #[serde(skip_serializing_if = "Clock::is_uniform")]
    pub clock: Clock,
    /// Probability, in `[0, 1]`, that a row's label is replaced by the null class, so that the network
    /// also learns the field without condition; 0.1. Only where there are labels and the network
    /// takes them.
    pub label_dropout: f64,
    /// Whether each target is mirrored left to right with probability 1/2; no. For images, `[c, h, w]`.
    pub mirror: bool,
    /// What the network predicts; the velocity.
    #[serde(skip_serializing_if = "Output::is_velocity")]
    pub output: Output,
    /// How much an error counts, by its time; uniform.
    #[serde(skip_serializing_if = "Weighting::is_uniform")]
    pub weighting: Weighting,
    /// A term for the length of the velocity; none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub magnitude: Option<Magnitude>,
    /// In which numbers the network's products multiply; `f32`.
    #[serde(skip_serializing_if = "ProductPrecision::is_f32")]
    pub precision: ProductPrecision,
    /// How gradients become steps.
    pub optimiser: AdamW,
}

impl Default for FlowTraining {
    fn default() -> Self {
        Self {
            steps: 5000,
            batch: 256,
            accumulate: 1,
            seed: Seed(0),
            clock: Clock::default(),
            label_dropout: 0.1,
            mirror: false,
            output: Output::default(),
            weighting: Weighting::default(),
            magnitude: None,
            precision: ProductPrecision::default(),
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
        if !(1..=self.batch).contains(&self.accumulate) {
            let remedy = format!("must be from 1 to the {} rows of a batch", self.batch);
            return Err(Error::invalid("parts of a batch", self.accumulate, remedy));
        }
        if !(0.0..=1.0).contains(&self.label_dropout) {
            let remedy = "is a probability: use 0 to 1";
            return Err(Error::invalid("label dropout", self.label_dropout, remedy));
        }
        self.clock.check()?;
        self.objective().check()?;
        self.optimiser.check()
    }

    fn objective(&self) -> Objective {
        Objective { output: self.output, weighting: self.weighting, magnitude: self.magnitude }
    }
}

/// What one step did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Steps done, this one counted.
    pub step: u64,
    /// Steps of the whole run.
    pub steps: u64,
    /// Loss of this step's batch, before its update: the mean squared error, unless weighted.
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
    let labels = dropout(&*state.network, data, state.training.label_dropout)?;
    let mirror = state.training.mirror;
    if mirror && state.network.shape().extents().len() != 3 {
        let shape = state.network.shape().to_string();
        return Err(Error::invalid("shape to mirror", shape, "mirror images, of shape [c, h, w]"));
    }
    let mut examples = Examples::new(state.training.batch, state.network.shape());
    let mut gradient = Gradient::new(state.network.parameters().len(), &state.training);
    let clock = state.training.clock.clone();
    let objective = state.training.objective();
    while state.step < state.training.steps {
        let (seed, step) = (state.training.seed, state.step);
        let time = |stream: &mut Stream| clock.draw(stream);
        examples.draw(data, &Draw { seed, step, time: &time, mirror, labels, objective })?;
        let report = update(state, &examples, &mut gradient)?;
        if progress(&report).is_break() {
            break;
        }
    }
    Ok(())
}

/// What becomes of the labels: `None` where there are none or the network takes none.
pub(crate) fn dropout(
    network: &dyn Network,
    data: &FlowData<'_>,
    probability: f64,
) -> Result<Option<Dropout>, Error> {
    let (classes, Some(labels)) = (network.classes(), data.labels) else { return Ok(None) };
    if classes == 0 {
        return Ok(None);
    }
    if let Some(&bad) = labels.iter().find(|&&label| label as usize >= classes) {
        let remedy = format!("the network knows {classes} classes, counted from 0");
        return Err(Error::invalid("label of a target", bad, remedy));
    }
    Ok(Some(Dropout { probability, null: classes as u32 }))
}

/// The gradient of a batch, and the memory that finding it takes.
struct Gradient {
    values: Vec<f32>,
    scratch: Scratch,
}

impl Gradient {
    fn new(parameters: usize, training: &FlowTraining) -> Self {
        let scratch = Scratch::in_precision(training.precision).in_groups(training.accumulate);
        Self { values: vec![0.0; parameters], scratch }
    }
}

fn update(
    state: &mut TrainingState,
    examples: &Examples,
    gradient: &mut Gradient,
) -> Result<Progress, Error> {
    let batch = examples.part(0..examples.len());
    let loss = state.network.gradient(&batch, &mut gradient.values, &mut gradient.scratch)?;
    let k = state.step + 1;
    if !loss.is_finite() {
        let remedy = format!("stopped before update {k}: lower the learning rate, or set clip");
        return Err(Error::invalid("training loss", loss, remedy));
    }
    let steps = state.training.steps;
    let parameters = state.network.parameter_values_mut();
    let optimiser = &state.training.optimiser;
    let applied = optimiser.update((k, steps), &gradient.values, parameters, &mut state.memory)?;
    state.step = k;
    Ok(Progress {
        step: k,
        steps,
        loss,
        gradient_norm: applied.gradient_norm,
        learning_rate: applied.learning_rate,
    })
}
