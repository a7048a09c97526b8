//! The independent coupling: source row `i` goes with target row `i`.
//!
//! `pi(x_0, x_1) = p_0(x_0) p_1(x_1)`, provided that both batches were drawn independently. Stored
//! pairs (as reflow makes them) go through the same identity, and are then not independent: the
//! coupling lies in the batches.
//!
//! # References
//! Lipman et al. (2023), "Flow matching for generative modeling", arXiv 2210.02747; Liu et al.
//! (2023), "Flow straight and fast", arXiv 2209.03003.

use super::Coupling;
use crate::batch::Batch;
use crate::error::Error;
use crate::seed::Seed;

/// Row `i` with row `i`.
///
/// # Examples
/// ```
/// use pathline::coupling::{Coupling, Independent};
/// use pathline::{Batch, Seed, Shape};
/// let batch = Batch::zeros(3, Shape::vector(2));
/// assert_eq!(Independent.pair(&batch, &batch, Seed(0), 0)?, [0, 1, 2]);
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Independent;

impl Coupling for Independent {
    fn pair(&self, source: &Batch, target: &Batch, _: Seed, _: u64) -> Result<Vec<usize>, Error> {
        Error::check_shape("target samples to pair", source.shape(), target.shape())?;
        Error::check_count("targets to pair (one a source)", source.len(), target.len())?;
        Ok((0..source.len()).collect())
    }

    fn name(&self) -> &'static str {
        "independent"
    }
}
