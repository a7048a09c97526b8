//! The minibatch OT coupling: within a batch, the permutation of least total squared distance.
//!
//! `argmin over permutations s of sum_i |x_0^i - x_1^s(i)|^2`, solved exactly for the `f32` cost
//! matrix. It approaches optimal transport only as the batch grows: between small batches of
//! high-dimensional data it is closer to independent than its name suggests.
//!
//! # References
//! Tong et al. (2023), arXiv 2302.00482, section 3.2; Pooladian et al. (2023), arXiv 2304.14772.
//!
//! # Not to be confused with
//! The CondOT *schedule* `(t, 1 - t)`, which is optimal for a single pair and says nothing about
//! who is paired. This coupling ignores labels: paired across classes it biases a conditional model.

use super::{Coupling, assignment, squared_distances};
use crate::batch::Batch;
use crate::error::Error;
use crate::seed::Seed;

/// The optimal permutation for squared Euclidean cost.
///
/// # Examples
/// ```
/// use pathline::coupling::{Coupling, MinibatchOt};
/// use pathline::{Batch, Seed, Shape};
/// let source = Batch::from_vec(vec![0.0, 10.0], Shape::vector(1))?;
/// let target = Batch::from_vec(vec![11.0, 1.0], Shape::vector(1))?;
/// assert_eq!(MinibatchOt.pair(&source, &target, Seed(0), 0)?, [1, 0]);
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MinibatchOt;

impl Coupling for MinibatchOt {
    fn pair(&self, source: &Batch, target: &Batch, _: Seed, _: u64) -> Result<Vec<usize>, Error> {
        Error::check_count("targets to pair (one a source)", source.len(), target.len())?;
        let cost = squared_distances(source, target)?;
        Ok(assignment(&cost, source.len())?.column_of_row)
    }

    fn name(&self) -> &'static str {
        "minibatch-ot"
    }
}
