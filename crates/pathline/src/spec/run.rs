//! A whole run as data.

use super::{FieldSpec, GainSpec, SolverSpec, SteppingSpec};
use crate::error::Error;
use crate::gain::Gain;
use crate::integrate::{Run, Source, Stepping};
use crate::seed::Seed;
use crate::solver::Solver;
use crate::trajectory::Save;

/// How to run, as data.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunSpec {
    /// How to step.
    pub solver: SolverSpec,
    /// Where to step.
    pub stepping: SteppingSpec,
    /// The factor on the velocity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gain: Option<GainSpec>,
    /// Which states to keep.
    #[serde(default)]
    pub save: Save,
}

/// The parts of a run, built.
pub struct BuiltRun {
    /// How to step.
    pub solver: Box<dyn Solver>,
    /// Where to step.
    pub stepping: Stepping,
    /// The factor on the velocity.
    pub gain: Option<Box<dyn Gain>>,
    save: Save,
}

impl BuiltRun {
    /// The run, borrowing its parts.
    #[must_use]
    pub fn run(&self) -> Run<'_> {
        Run {
            solver: self.solver.as_ref(),
            stepping: self.stepping.clone(),
            gain: self.gain.as_deref(),
            save: self.save,
        }
    }
}

impl RunSpec {
    /// Equal Euler steps.
    #[must_use]
    pub fn euler(steps: usize) -> Self {
        Self {
            solver: SolverSpec::Euler {},
            stepping: SteppingSpec::Uniform { steps, span: None },
            gain: None,
            save: Save::End,
        }
    }

    /// Builds the parts.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the part and the number.
    pub fn build(&self) -> Result<BuiltRun, Error> {
        let stepping = self.stepping.build()?;
        let gain = self.gain.as_ref().map(|gain| gain.build(&stepping)).transpose()?;
        Ok(BuiltRun { solver: self.solver.build(), stepping, gain, save: self.save })
    }
}

/// Where samples start, as data.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum SourceSpec {
    /// Standard normal noise.
    Normal {},
    /// Points of a named set: some 2-D models start from eight Gaussians, not from one.
    Points {
        /// The set, by a name that the study crate knows.
        name: String,
    },
}

impl Default for SourceSpec {
    fn default() -> Self {
        Self::Normal {}
    }
}

/// What to sample, as data: everything that decides the bytes of a recording.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SampleSpec {
    /// The field to follow.
    pub field: FieldSpec,
    /// Where the samples start.
    #[serde(default)]
    pub source: SourceSpec,
    /// How to follow it.
    pub run: RunSpec,
    /// Root of all randomness.
    pub seed: Seed,
    /// Number of samples.
    pub samples: usize,
    /// Global index of the first sample: shards of one run differ in nothing else.
    #[serde(default)]
    pub first: u64,
}

impl SampleSpec {
    /// The source of the run, in chunks of `chunk` samples (0: all at once).
    #[must_use]
    pub fn source(&self, chunk: usize) -> Source {
        Source { seed: self.seed, first: self.first, count: self.samples, chunk }
    }
}
