//! Couplings: which source sample goes with which target sample. One file a coupling.
//!
//! A coupling answers with *indices* into the target batch, so that labels, masks and anything else
//! that belongs to a target row follow it by the same indices.
//!
//! # References
//! Tong et al. (2023), "Improving and generalizing flow-based generative models with minibatch
//! optimal transport", arXiv 2302.00482; Pooladian et al. (2023), "Multisample flow matching",
//! arXiv 2304.14772.

mod assignment;
mod condition_aware;
mod cost;
mod independent;
mod minibatch_ot;
mod sinkhorn;

use std::sync::Arc;

use crate::batch::Batch;
use crate::error::Error;
use crate::seed::Seed;

pub use assignment::{Assignment, assignment};
pub use condition_aware::{ConditionAware, LabelledCoupling};
pub use cost::squared_distances;
pub use independent::Independent;
pub use minibatch_ot::MinibatchOt;
pub use sinkhorn::{Plan, Sinkhorn};

/// Which target goes with which source.
pub trait Coupling: Send + Sync + std::fmt::Debug {
    /// For each row of `source`, the index of its row of `target`.
    ///
    /// `seed` and `step` name the random stream of couplings that draw; the same arguments always
    /// give the same pairs.
    ///
    /// # Errors
    /// [`Error::Count`] or [`Error::Shape`] when the batches do not fit together, and
    /// [`Error::Invalid`] when a value is not finite.
    fn pair(
        &self,
        source: &Batch,
        target: &Batch,
        seed: Seed,
        step: u64,
    ) -> Result<Vec<usize>, Error>;

    /// The coupling's name in specs.
    fn name(&self) -> &'static str;
}

/// A coupling as data.
///
/// # Examples
/// ```
/// use pathline::coupling::CouplingSpec;
/// let spec: CouplingSpec = serde_json::from_str(r#"{"kind": "minibatch-ot"}"#)?;
/// assert_eq!(spec.build().name(), "minibatch-ot");
/// assert!(serde_json::from_str::<CouplingSpec>(r#"{"kind": "independent", "reg": 1}"#).is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum CouplingSpec {
    /// [`Independent`]: row `i` with row `i`.
    Independent {},
    /// [`MinibatchOt`]: the permutation of least total squared distance.
    MinibatchOt {},
    /// [`Sinkhorn`]: targets drawn from the entropic plan.
    Sinkhorn {
        /// See [`Sinkhorn::reg`].
        #[serde(default = "default_reg")]
        reg: f64,
        /// See [`Sinkhorn::relative`].
        #[serde(default = "default_relative")]
        relative: bool,
        /// See [`Sinkhorn::iterations`].
        #[serde(default = "default_iterations")]
        iterations: usize,
        /// See [`Sinkhorn::tolerance`].
        #[serde(default = "default_tolerance")]
        tolerance: f64,
    },
}

fn default_reg() -> f64 {
    Sinkhorn::default().reg
}

fn default_relative() -> bool {
    Sinkhorn::default().relative
}

fn default_iterations() -> usize {
    Sinkhorn::default().iterations
}

fn default_tolerance() -> f64 {
    Sinkhorn::default().tolerance
}

impl CouplingSpec {
    /// The coupling that this names.
    #[must_use]
    pub fn build(&self) -> Arc<dyn Coupling> {
        match *self {
            Self::Independent {} => Arc::new(Independent),
            Self::MinibatchOt {} => Arc::new(MinibatchOt),
            Self::Sinkhorn { reg, relative, iterations, tolerance } => {
                let allow_unconverged = false;
                Arc::new(Sinkhorn { reg, relative, iterations, tolerance, allow_unconverged })
            }
        }
    }
}
