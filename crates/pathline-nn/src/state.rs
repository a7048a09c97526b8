//! Everything that training needs to go on, and the file it is kept in.

use pathline::Error;

use crate::network::{Network, NetworkConfig};
use crate::optimiser::{Memory, Slot};
use crate::parameters::{Parameters, Tensors};
use crate::rate::LearningRate;
use crate::tensors;
use crate::train::FlowTraining;

/// Prefixes of the arenas' tensors in a file.
const PARAMETERS: &str = "parameters.";

fn prefix(slot: Slot) -> String {
    match slot {
        Slot::First => "first_moment.".to_owned(),
        Slot::Second => "second_moment.".to_owned(),
        Slot::Average(i) => format!("average.{i}."),
    }
}

fn slots(averages: usize) -> impl Iterator<Item = Slot> {
    [Slot::First, Slot::Second].into_iter().chain((0..averages).map(Slot::Average))
}

/// A training run at one step: its settings, the network, both moments and the averages.
///
/// # Examples
/// ```
/// use pathline::{Seed, Shape};
/// use pathline_nn::{Activation, FlowTraining, Mlp, MlpConfig, TrainingState};
/// let (shape, hidden) = (Shape::vector(2), vec![8]);
/// let config = MlpConfig { shape, hidden, activation: Activation::Selu };
/// let mlp = Mlp::new(&config, Seed(1))?;
/// let state = TrainingState::new(Box::new(mlp), FlowTraining::default())?;
/// let same = TrainingState::from_bytes(&state.to_bytes()?)?;
/// assert_eq!(same.to_bytes()?, state.to_bytes()?);
/// # Ok::<(), pathline::Error>(())
/// ```
pub struct TrainingState {
    pub(crate) training: FlowTraining,
    pub(crate) network: Box<dyn Network>,
    pub(crate) memory: Memory,
    pub(crate) step: u64,
}

impl std::fmt::Debug for TrainingState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrainingState")
            .field("network", &self.network.config())
            .field("training", &self.training)
            .field("step", &self.step)
            .finish_non_exhaustive()
    }
}

/// The metadata of a state's file.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    network: NetworkConfig,
    training: FlowTraining,
    step: u64,
}

impl TrainingState {
    /// The state before the first step; averages begin at the network's parameters.
    ///
    /// # Errors
    /// [`Error::Invalid`] when a setting of the training is out of its range.
    pub fn new(network: Box<dyn Network>, training: FlowTraining) -> Result<Self, Error> {
        training.check()?;
        let averages = training.optimiser.ema.len();
        let memory = Memory::new(network.parameters().as_slice(), averages);
        Ok(Self { training, network, memory, step: 0 })
    }

    /// The network as it is now.
    #[must_use]
    pub fn network(&self) -> &dyn Network {
        self.network.as_ref()
    }

    /// The settings.
    #[must_use]
    pub fn training(&self) -> &FlowTraining {
        &self.training
    }

    /// Steps done.
    #[must_use]
    pub fn step(&self) -> u64 {
        self.step
    }

    /// The same run with another last step, which may not lie behind, and another learning rate, the same
    /// for every update so far: it goes on as if it had been begun so.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the run is further than that already, or an update so far would have had
    /// another learning rate.
    pub fn with_end(mut self, steps: u64, rate: LearningRate) -> Result<Self, Error> {
        if steps < self.step {
            let remedy = format!("the run has done {} already", self.step);
            return Err(Error::invalid("steps of a training run", steps, remedy));
        }
        let before = &self.training.optimiser.learning_rate;
        if let Some(k) = before.parts(self.training.steps, (&rate, steps), self.step) {
            let remedy = format!(
                "the learning rate of update {k} of the {} done would have been another, so this would \
                 be another run: begin a new one",
                self.step
            );
            return Err(Error::invalid("steps of a training run", steps, remedy));
        }
        self.training.steps = steps;
        self.training.optimiser.learning_rate = rate;
        Ok(self)
    }

    /// The network with moving average `i` (by place in [`AdamW::ema`](crate::AdamW::ema)) as its
    /// parameters: what to sample from.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is no such average.
    pub fn averaged(&self, i: usize) -> Result<Box<dyn Network>, Error> {
        let Some(average) = self.memory.get(Slot::Average(i)) else {
            let remedy = format!("this training keeps {} averages", self.memory.averages());
            return Err(Error::invalid("moving average", i, remedy));
        };
        let mut network = self.network.duplicate();
        network.parameter_values_mut().copy_from_slice(&average);
        Ok(network)
    }

    /// The state as the bytes of a safetensors file: tensors `parameters.*`, `first_moment.*`,
    /// `second_moment.*` and `average.{i}.*`, and one metadata key.
    ///
    /// # Errors
    /// [`Error::Spec`] when the file cannot be built.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let parameters = self.network.parameters();
        let mut all = parameters.tensors_of(parameters.as_slice(), PARAMETERS);
        for slot in slots(self.memory.averages()) {
            let arena = self.memory.get(slot).unwrap_or_default();
            all.extend(parameters.tensors_of(&arena, &prefix(slot)));
        }
        let header = Header {
            network: self.network.config(),
            training: self.training.clone(),
            step: self.step,
        };
        let header = serde_json::to_value(header).map_err(tensors::file_error)?;
        tensors::encode(&all, &header)
    }

    /// The state that [`TrainingState::to_bytes`] wrote. Training goes on from it as if it had
    /// never stopped.
    ///
    /// # Errors
    /// [`Error::Spec`] naming the tensor that is missing, of another shape, not finite, or not part
    /// of a state; [`Error::Invalid`] for settings out of range.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let (mut all, header) = tensors::decode(bytes)?;
        let header: Header = serde_json::from_value(header)
            .map_err(|e| tensors::file_error(format!("not a training state: {e}")))?;
        let named: Vec<String> =
            all.keys().filter(|name| name.starts_with(PARAMETERS)).cloned().collect();
        let mut parameters = Tensors::new();
        for name in named {
            if let Some(tensor) = all.remove(&name) {
                parameters.insert(name[PARAMETERS.len()..].to_owned(), tensor);
            }
        }
        let network = header.network.build(&Parameters::from_tensors(&parameters)?)?;
        let mut state = Self::new(network, header.training)?;
        state.step = header.step;
        for slot in slots(state.memory.averages()) {
            let arena = take_arena(&mut all, state.network.parameters(), &prefix(slot))?;
            state.memory.set(slot, &arena);
        }
        match all.keys().next() {
            None => Ok(state),
            Some(extra) => Err(tensors::error(extra, "not part of this training state")),
        }
    }
}

/// Takes the tensors of one arena out of a file's.
fn take_arena(all: &mut Tensors, layout: &Parameters, prefix: &str) -> Result<Vec<f32>, Error> {
    let mut arena = Vec::with_capacity(layout.len());
    for parameter in layout.iter() {
        let name = format!("{prefix}{}", parameter.name);
        let expected = parameter.shape;
        let Some((shape, values)) = all.remove(&name) else {
            return Err(tensors::error(&name, format!("missing, expected shape {expected:?}")));
        };
        if shape != expected {
            let problem = format!("expected shape {expected:?}, found {shape:?}");
            return Err(tensors::error(&name, problem));
        }
        if values.iter().any(|v| !v.is_finite()) {
            return Err(tensors::error(&name, "holds NaN or infinity; take an earlier state"));
        }
        arena.extend_from_slice(&values);
    }
    Ok(arena)
}
