//! How good generated samples are, measured against real ones on features.
//!
//! Features are the rows of a [`Batch`]: what a network makes of each image, or the points
//! themselves in low dimension. Every number here depends on that choice, and a network that also
//! steered the generation is not a judge.
//!
//! | question | measure | trust it when |
//! |---|---|---|
//! | are the distributions different? | [`kid`]: unbiased | always, with its interval |
//! | by how much, in the usual currency? | [`frechet_distance`] | at equal `n`, beside [`half_split_floor`] |
//! | and at infinite `n`? | [`FrechetSizes::extrapolate`] | `n` is well above the number of features |
//! | is run A better than run B? | [`Replicates::difference`] | the runs share their seeds |
//! | realistic, or diverse? | [`precision_recall`], [`density_coverage`] | at equal `n` and `k` |
//! | how far apart are points, not features? | [`sliced_wasserstein`], [`wasserstein`], [`gaussian_mmd`] | beside halves of the real set |
//! | of the class that was asked for? | [`agreement`] | beside the share on real samples |

mod agreement;
mod difference;
mod frechet;
mod frechet_extrapolated;
mod kid;
mod linear;
mod mmd;
mod moments;
mod precision_recall;
mod wasserstein;

pub use agreement::agreement;
pub use difference::{Replicates, replicates};
pub use frechet::{HalfSplitFloor, frechet_distance, frechet_replicates, half_split_floor};
pub use frechet_extrapolated::{ExtrapolatedFrechet, FrechetSizes};
pub use kid::{KidSubsets, SubsetKid, kid, kid_replicates};
pub use mmd::gaussian_mmd;
pub use moments::Moments;
pub use precision_recall::{
    DensityCoverage, PrecisionRecall, density_coverage, density_coverage_replicates,
    expected_coverage, precision_recall, precision_recall_replicates,
};
pub use wasserstein::{sliced_wasserstein, wasserstein};

use crate::batch::Batch;
use crate::error::Error;

/// Fails unless there are at least `least` rows and all their values are finite.
fn check_features(what: &'static str, batch: &Batch, least: usize) -> Result<(), Error> {
    if batch.len() < least {
        let value = format!("{} rows", batch.len());
        return Err(Error::invalid(what, value, format!("give at least {least} rows")));
    }
    match batch.as_slice().iter().position(|v| !v.is_finite()) {
        None => Ok(()),
        Some(at) => {
            let (row, column) = (at / batch.width(), at % batch.width());
            let value = format!("{} in row {row}, column {column}", batch.as_slice()[at]);
            let remedy = "features must be finite; mend the network or leave the sample out of \
                          every run";
            Err(Error::invalid(what, value, remedy))
        }
    }
}

/// Fails unless both sets hold `least` rows of finite features of one width.
fn check_pair(generated: &Batch, real: &Batch, least: usize) -> Result<(), Error> {
    Error::check_count("features of a real sample", generated.width(), real.width())?;
    check_features("generated features", generated, least)?;
    check_features("real features", real, least)
}
