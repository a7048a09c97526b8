//! A training run as data.

use pathline::coupling::CouplingSpec;
use pathline::spec::SourceSpec;
use pathline_nn::FlowTraining;

use super::network::NetworkSpec;
use crate::error::Error;

/// A training run as data: a network from a source to a data set along the straight path.
///
/// # Examples
/// ```
/// use pathline::spec::from_json;
/// use pathline_study::TrainSpec;
/// let spec: TrainSpec = from_json("spec", r#"{"data": "moons", "training": {"steps": 10}}"#)?;
/// assert_eq!((spec.training.steps, spec.training.batch), (10, 256));
/// assert!(from_json::<TrainSpec>("spec", r#"{"data": "moons", "step": 10}"#).is_err());
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainSpec {
    /// The target: a built-in set or a file, as [`Files::data_set`](crate::Files::data_set) finds it.
    /// A network that takes classes is told its labels.
    pub data: String,
    /// Where samples start; normal.
    #[serde(default)]
    pub source: SourceSpec,
    /// The network; a perceptron.
    #[serde(default)]
    pub network: NetworkSpec,
    /// Which source goes with which target within a batch; independent.
    #[serde(default = "coupling")]
    pub coupling: CouplingSpec,
    /// Steps, batch, seed, clock and optimiser.
    #[serde(default)]
    pub training: FlowTraining,
    /// Share of the rows, chosen by the seed, that training never sees, in `[0, 1)`; 0.1. At 0 there is
    /// no held-out loss.
    #[serde(default = "held_out")]
    pub held_out: f64,
    /// Steps between two states on disk, at least 1; 500.
    #[serde(default = "checkpoint_every")]
    pub checkpoint_every: u64,
}

fn coupling() -> CouplingSpec {
    CouplingSpec::Independent {}
}

fn held_out() -> f64 {
    0.1
}

fn checkpoint_every() -> u64 {
    500
}

impl TrainSpec {
    /// The spec with its defaults for this data set.
    pub fn new(data: impl Into<String>) -> Self {
        Self {
            data: data.into(),
            source: SourceSpec::default(),
            network: NetworkSpec::default(),
            coupling: coupling(),
            training: FlowTraining::default(),
            held_out: held_out(),
            checkpoint_every: checkpoint_every(),
        }
    }

    /// Fails unless every number is in its range.
    ///
    /// # Errors
    /// [`Error::Usage`] or [`Error::Library`] naming the number.
    pub fn check(&self) -> Result<(), Error> {
        if self.training.steps == 0 {
            return Err(Error::usage("training steps", "there are none", "use at least 1"));
        }
        if self.checkpoint_every == 0 {
            let problem = "0 steps between two states";
            return Err(Error::usage("checkpoint_every", problem, "use at least 1"));
        }
        if !(0.0..1.0).contains(&self.held_out) {
            let problem = format!("{} is no share of the rows", self.held_out);
            return Err(Error::usage("held_out", problem, "use at least 0 and below 1"));
        }
        Ok(self.training.check()?)
    }

    /// Whether this run may be a run of `other` with another end: another last step, a learning rate that
    /// falls elsewhere. The state says whether it has come too far for that.
    pub(super) fn ends_otherwise(&self, other: &Self) -> bool {
        let mut same = other.clone();
        same.training.steps = self.training.steps;
        same.training.optimiser.learning_rate = self.training.optimiser.learning_rate;
        same == *self
    }
}
