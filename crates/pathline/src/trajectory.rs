//! What a run left behind.

use std::ops::Range;

use crate::batch::Batch;
use crate::error::Error;

/// Which states a run keeps besides its last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Save {
    /// None: memory does not grow with the number of steps.
    #[default]
    End,
    /// The start and every `n`-th step (and the end). 0 counts as 1.
    Every(usize),
}

/// How a run ended. All of these keep the trajectory.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Outcome {
    /// It reached the end of its grid.
    Completed {},
    /// An observer stopped it.
    Stopped {
        /// Time reached.
        t: f64,
    },
    /// An adaptive run used up its evaluations.
    OutOfBudget {
        /// Time reached.
        t: f64,
    },
}

/// The states a run kept, its end, and what it cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Trajectory {
    /// Global indices of the samples.
    pub samples: Range<u64>,
    /// Time at which the run started.
    pub start: f64,
    /// Time it reached.
    pub t: f64,
    /// Times of the saved states.
    pub times: Vec<f64>,
    /// The saved states, one batch a time.
    pub states: Vec<Batch>,
    /// The last state.
    pub end: Batch,
    /// How it ended.
    pub outcome: Outcome,
    /// Evaluations of the field (each on all rows).
    pub evaluations: u64,
    /// Accepted steps.
    pub steps: u64,
    /// Rejected steps (adaptive runs).
    pub rejected: u64,
    /// Steps taken at the smallest allowed size although their error was too large.
    pub floored: u64,
}

impl Trajectory {
    /// Puts the samples of the next chunk of the same run behind these. Chunks of a fixed-step run cost
    /// the same number of evaluations each.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the chunk does not continue this one: other samples, other saved times,
    /// or another end.
    pub fn append(&mut self, chunk: Self) -> Result<(), Error> {
        let follows = chunk.samples.start == self.samples.end;
        if !follows || chunk.times != self.times || chunk.t != self.t {
            let found = format!(
                "samples {:?} up to t = {} after {:?} up to t = {}",
                chunk.samples, chunk.t, self.samples, self.t
            );
            let remedy = "chunks must follow each other and keep the same times; an adaptive run shares \
                          its steps over all samples, and is not cut into chunks";
            return Err(Error::invalid("chunk of a run", found, remedy));
        }
        for (mine, theirs) in self.states.iter_mut().zip(&chunk.states) {
            mine.append(theirs)?;
        }
        self.end.append(&chunk.end)?;
        self.samples.end = chunk.samples.end;
        Ok(())
    }
}
