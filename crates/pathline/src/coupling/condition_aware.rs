//! The condition-aware coupling: minibatch OT within each label, so that labels stay independent of
//! the source.
//!
//! `argmin over permutations s with label(s(i)) = label(i) of sum_i |x_0^i - x_1^s(i)|^2`: source row
//! `i` is given label `i` of the batch *before* anything is seen of its values, and OT is solved
//! among the rows of each label. So `p(x_0 | label) = p(x_0)`, which is what a conditional model
//! starts from when it samples. OT over the whole batch gives each label the sources that are near
//! its targets: the model is then trained from a skewed source, and sampled from another.
//!
//! # References
//! Cheng and Schwing (2025), "The curse of conditions: analyzing and improving optimal transport for
//! conditional flow-based generation", arXiv 2503.10636 (C2OT; for discrete conditions this is its
//! limit of an infinite cost between conditions).
//!
//! # Not to be confused with
//! OT with a finite penalty on labels that differ, as for continuous conditions: it lets labels mix,
//! and leaves some of the skew. [`MinibatchOt`](super::MinibatchOt), which never sees labels.

use std::collections::BTreeMap;

use super::{Coupling, MinibatchOt};
use crate::batch::Batch;
use crate::error::Error;
use crate::seed::Seed;

/// Which target goes with which source, where targets may have labels. Every [`Coupling`] is one that does not look
/// at them.
pub trait LabelledCoupling: Send + Sync + std::fmt::Debug {
    /// For each row of `source`, the index of its row of `target`; `labels` are those of `target`.
    ///
    /// # Errors
    /// [`Error::Count`] or [`Error::Shape`] when batches or labels do not fit together, and
    /// [`Error::Invalid`] when a value is not finite or labels are needed and there are none.
    fn pair_labelled(
        &self,
        source: &Batch,
        target: &Batch,
        labels: Option<&[u32]>,
        seed: Seed,
        step: u64,
    ) -> Result<Vec<usize>, Error>;

    /// The coupling's name in specs.
    fn name(&self) -> &'static str;
}

impl<C: Coupling> LabelledCoupling for C {
    fn pair_labelled(
        &self,
        source: &Batch,
        target: &Batch,
        _: Option<&[u32]>,
        seed: Seed,
        step: u64,
    ) -> Result<Vec<usize>, Error> {
        self.pair(source, target, seed, step)
    }

    fn name(&self) -> &'static str {
        Coupling::name(self)
    }
}

/// A coupling, used within each label alone.
///
/// With labels, row `i` of the source goes with a target of label `labels[i]`. Source rows must be
/// drawn independently of the labels, as noise is.
///
/// # Examples
/// ```
/// use pathline::coupling::{ConditionAware, LabelledCoupling, MinibatchOt};
/// use pathline::{Batch, Seed, Shape};
/// let source = Batch::from_vec(vec![0.0, 1.0, 2.0, 3.0], Shape::vector(1))?;
/// let target = Batch::from_vec(vec![3.0, 0.0, 1.0, 2.0], Shape::vector(1))?;
/// let labels = [7, 4, 7, 4];
/// let coupling = ConditionAware(MinibatchOt);
/// let pairs = coupling.pair_labelled(&source, &target, Some(&labels), Seed(0), 0)?;
/// assert_eq!(pairs, [2, 1, 0, 3]);
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ConditionAware<C = MinibatchOt>(
    /// The coupling within a label: exact OT unless said otherwise.
    pub C,
);

impl<C: Coupling> LabelledCoupling for ConditionAware<C> {
    fn pair_labelled(
        &self,
        source: &Batch,
        target: &Batch,
        labels: Option<&[u32]>,
        seed: Seed,
        step: u64,
    ) -> Result<Vec<usize>, Error> {
        let labels = labels.ok_or_else(|| {
            let remedy = "give data with labels, or take a coupling that needs none";
            Error::invalid("labels of a condition-aware coupling", "none", remedy)
        })?;
        Error::check_shape("target samples to pair", source.shape(), target.shape())?;
        Error::check_count("targets to pair (one a source)", source.len(), target.len())?;
        Error::check_count("labels (one a target)", target.len(), labels.len())?;
        let mut rows_of: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (row, &label) in labels.iter().enumerate() {
            rows_of.entry(label).or_default().push(row);
        }
        let mut pairs = vec![0; labels.len()];
        for (label, rows) in rows_of {
            // Labels are told apart in the seed: couplings that draw must not repeat their draws.
            let seed = Seed(seed.0 ^ u64::from(label).wrapping_mul(0x9E37_79B9_7F4A_7C15));
            let found = self.0.pair(&source.select(&rows)?, &target.select(&rows)?, seed, step)?;
            Error::check_count("pairs from the inner coupling", rows.len(), found.len())?;
            for (&row, inner) in rows.iter().zip(found) {
                pairs[row] = *rows.get(inner).ok_or_else(|| {
                    Error::invalid("target of the inner coupling", inner, "give an index in range")
                })?;
            }
        }
        Ok(pairs)
    }

    fn name(&self) -> &'static str {
        "condition-aware"
    }
}
