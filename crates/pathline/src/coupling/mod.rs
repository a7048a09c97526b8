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
mod spec;

use crate::batch::Batch;
use crate::error::Error;
use crate::seed::Seed;

pub use assignment::{Assignment, assignment};
pub use condition_aware::{ConditionAware, LabelledCoupling};
pub use cost::squared_distances;
pub use independent::Independent;
pub use minibatch_ot::MinibatchOt;
pub use sinkhorn::{Plan, Sinkhorn};
pub use spec::CouplingSpec;

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
