//! Statistics of measurements: ranks, correlations, intervals, principal components. One file an idea.
//!
//! What is undefined (the correlation with a constant) is `None`, never NaN; what is wrong (a NaN
//! among the values, lists of different length) is an error with its place.

mod bootstrap;
mod correlation;
mod distributions;
mod holm;
mod interval;
mod jackknife;
mod kruskal_wallis;
mod mann_whitney;
mod paired_effect;
mod principal_components;
mod quantile;
mod ranks;
mod strata;
mod symmetric_eigen;
mod wilcoxon;

pub use bootstrap::Bootstrap;
pub use correlation::{partial_spearman, pearson, spearman};
pub(crate) use distributions::incomplete_beta;
pub use distributions::{normal_quantile, student_quantile, student_tail};
pub use holm::holm;
pub use interval::{Estimate, wilson};
pub use jackknife::{Jackknife, JackknifeEstimate, paired_difference};
pub use kruskal_wallis::{KruskalWallis, kruskal_wallis};
pub use mann_whitney::{MannWhitney, mann_whitney};
pub use paired_effect::paired_effect;
pub use principal_components::PrincipalComponents;
pub use quantile::quantile;
pub use ranks::ranks;
pub use strata::{StrataComparison, compare_strata, strata};
pub use wilcoxon::{Wilcoxon, wilcoxon};

use crate::error::Error;

/// Fails on the first NaN.
fn check_numbers(what: &'static str, values: &[f64]) -> Result<(), Error> {
    check_all(what, values, |v| !v.is_nan(), "is not a number")
}

/// Fails on the first value that is infinite or not a number.
fn check_finite(what: &'static str, values: &[f64]) -> Result<(), Error> {
    check_all(what, values, f64::is_finite, "is not finite")
}

fn check_all(
    what: &'static str,
    values: &[f64],
    good: impl Fn(f64) -> bool,
    problem: &str,
) -> Result<(), Error> {
    match values.iter().position(|&v| !good(v)) {
        None => Ok(()),
        Some(at) => {
            let remedy = format!("value {at} {problem}; leave the sample out, and say so");
            Err(Error::invalid(what, values[at], remedy))
        }
    }
}

/// Fails unless `level` is a probability strictly between 0 and 1.
fn check_level(level: f64) -> Result<(), Error> {
    if level > 0.0 && level < 1.0 {
        Ok(())
    } else {
        Err(Error::invalid("level of an interval", level, "give a probability, such as 0.95"))
    }
}
