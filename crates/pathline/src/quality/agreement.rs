//! The share of samples whose label is the one that was asked for.
//!
//! `a = 1/n sum [label_i = wanted_i]`, with Wilson's interval for `n` independent samples.
//!
//! Range: 0 to 1. Read it beside the share that the same classifier reaches on *real* samples: a run
//! above that share is collapsed onto easy examples, not better than real. Under strong guidance
//! nearly every run gets there, so it decides nothing without a measure of diversity.
//!
//! # References
//! Ravuri and Vinyals (2019), arXiv 1905.10887 (what classifiers say of conditional models); Wilson
//! (1927), "Probable inference, the law of succession, and statistical inference".

use crate::error::Error;
use crate::statistics::{Estimate, wilson};

/// The share of equal labels with its interval at probability `level`.
///
/// # Errors
/// [`Error::Count`] when the lengths differ; [`Error::Invalid`] when there is no label or the level is not
/// in `(0, 1)`.
///
/// # Examples
/// ```
/// use pathline::quality::agreement;
/// let share = agreement(&[3, 1, 4, 1], &[3, 1, 4, 5], 0.95)?;
/// assert_eq!(share.value, 0.75);
/// assert!(share.contains(0.5));
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn agreement<L: PartialEq>(found: &[L], wanted: &[L], level: f64) -> Result<Estimate, Error> {
    Error::check_count("labels found", wanted.len(), found.len())?;
    let equal = found.iter().zip(wanted).filter(|(a, b)| a == b).count();
    wilson(equal, wanted.len(), level)
}
